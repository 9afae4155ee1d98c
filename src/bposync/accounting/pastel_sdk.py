"""Pastel's own SDK: a COM object of 32-bit Windows. One session: its licence, its company, its answers, its end.

Every call's answer begins with a result code, up to the first `|`; 0 is done. Sage's order: create, SetLicense, SetDataPath,
work, StopBtrieve, whatever happened in between.
"""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bposync import secrets
from bposync.advice import with_commands
from bposync.errors import BposyncError, UnreachableError, UsageError
from bposync.odbc import BITS
from bposync.values import visible

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGID: Final = "PasSDK.PastelPartnerSDK"
MASTER_FILE: Final = "ACCMASD"
DELIVERY_FILE: Final = "ACCDELIV"
SEPARATOR: Final = "|"
DONE, NOT_FOUND, WRONG_COUNT, END_OF_FILE = "0", "5", "2", "9"
_FIRST_KEY: Final = "\0" * 6
_NOT_REGISTERED: Final = (-2147221005, -2147221164)  # 0x800401F3 invalid class string, 0x80040154 class not registered

RESULTS: Final = {
    "1": ("file not found", "Check [accounting] data_path: it must be the company's own folder, with its ACC….DAT files."),
    "2": ("wrong number of fields", "Newer SDKs take 55 fields, V11 and V12 take 42: [accounting] sdk_fields."),
    "3": ("update failed", "Somebody may have the account open in Pastel; close it there and sync again."),
    "4": ("insert failed", "Somebody may have the customers open in Pastel; close them there and sync again."),
    "5": ("record not found", "The account was deleted meanwhile; sync again."),
    "6": ("data path missing", "Check [accounting] data_path: this machine must reach that folder."),
    "7": ("access denied", "Check the licence (sdk_serial, sdk_code) and this Windows user's rights on the company's folder."),
    "9": ("end of file", "Sync again."),
    "10": ("bad field number", "This SDK knows fewer fields; [accounting] sdk_fields = 42 is for V11 and V12."),
    "17": ("bad customer code", "Give the customer another account code: {link CUSTOMER --new CODE}"),
    "20": ("bad salesman", "The account's salesman is none of Pastel's any more; mend that in Pastel."),
    "22": ("tax type not 0-30", "Mend the account's tax type in Pastel."),
    "26": ("bad description", "Mend the customer's name in BPO."),
    "33": ("bad currency", "Mend the account's currency in Pastel."),
    "99": ("general error", "Look at what Pastel says; a licence that is refused says so here."),
}
"""What each result code means, and what to do; commands stand in braces."""
COMPANY_WIDE: Final = frozenset({"1", "2", "6", "7", "10"})
"""The results that no other customer would change."""


class AnswerError(Exception):
    """The SDK did not do it, and said why."""

    def __init__(self, code: str, said: str, doing: str) -> None:
        meaning, hint = RESULTS.get(code, ("unknown answer", "Look it up in Sage's SDK documentation."))
        self.hint = with_commands(hint)
        more = f": {visible(secrets.redact(said))}" if said else ""
        super().__init__(f"Pastel's SDK answers {doing} with {visible(code)[:60]} ({meaning}){more}")
        self.code = code


class NoAnswerError(Exception):
    """The SDK's answer never came: it may have done it, or not."""


class Session:
    """The SDK, opened with the first call and stopped by `close`. Raises UsageError or UnreachableError where it cannot be."""

    def __init__(self, data_path: str, serial: str, code: str) -> None:
        self._data_path = data_path
        self._serial = serial
        self._code = code
        self._sdk: Any = None

    def __str__(self) -> str:
        return f"the accounting system (Pastel's SDK, {visible(self._data_path)})"

    def open(self) -> None:
        """Create the SDK, with its licence and its company; does nothing where it is open."""
        if self._sdk is not None:
            return
        if not Path(self._data_path).is_dir():
            raise UsageError(
                f"[accounting] data_path: there is no folder {visible(self._data_path)}.",
                r"Name the company's own folder, as this Windows user reaches it: data_path = 'C:\Pastel\EXAMPLE'",
            )
        self._sdk = create_object()
        try:
            self._call("SetLicense", self._serial, self._code)
            self._ask("SetDataPath", self._data_path)
        except (AnswerError, NoAnswerError) as error:
            self.close()
            hint = getattr(error, "hint", "Is Pastel's SDK whole, and of Pastel's own version?")
            raise UnreachableError(f"{self} refuses: {error}.", hint) from None

    def close(self) -> None:
        """Stop the SDK's database engine, whatever happened before; else it keeps the company's files open."""
        sdk, self._sdk = self._sdk, None
        if sdk is not None:
            with contextlib.suppress(Exception):
                sdk.StopBtrieve()

    def _call(self, name: str, *arguments: object) -> str:
        try:
            answer = getattr(self._sdk, name)(*arguments)
        except Exception as error:
            raise NoAnswerError(f"{name}: {visible(secrets.redact(str(error)))}") from error
        # Where the type library says that an argument is handed back, the answer is the first of several.
        return str(answer[0] if isinstance(answer, tuple) else "" if answer is None else answer)

    def _ask(self, name: str, *arguments: object) -> str:
        """Call, and give what follows the result code. Raises AnswerError unless that is 0."""
        code, _, rest = self._call(name, *arguments).partition(SEPARATOR)
        if code.strip() != DONE:
            raise AnswerError(code.strip(), rest, name)
        return rest

    def record(self, file: str, key: str) -> list[str] | None:
        """Read one record by its first key, field by field; None where there is none."""
        self.open()
        try:
            return self._ask("GetRecord", file, 0, key).split(SEPARATOR)
        except AnswerError as error:
            if error.code == NOT_FOUND:
                return None
            raise

    def records(self, file: str) -> Iterator[list[str]]:
        """Read every record of a file, in the order of its first key."""
        self.open()
        call: tuple[object, ...] = ("GetNearest", file, 0, _FIRST_KEY)
        while True:
            try:
                yield self._ask(str(call[0]), *call[1:]).split(SEPARATOR)
            except AnswerError as error:
                if error.code == END_OF_FILE:
                    return
                raise
            call = ("GetNext", file, 0)

    def import_customer(self, record: str) -> None:
        """Make or change an account. Raises AnswerError where it was not done, NoAnswerError where nobody knows."""
        self.open()
        self._ask("ImportCustomer", record)

    @contextlib.contextmanager
    def plain_errors(self, doing: str) -> Iterator[None]:
        """Turn what the SDK says into one clear line. Raises UnreachableError."""
        try:
            yield
        except BposyncError:
            raise
        except AnswerError as error:
            raise UnreachableError(f"{self} {doing}: {error}.", error.hint) from None
        except NoAnswerError as error:
            raise UnreachableError(f"{self} {doing}: {error}.", "Close Pastel's windows that wait for an answer.") from None


def create_object() -> Any:  # noqa: ANN401 - a COM object
    """Create the SDK's COM object. Raises UsageError saying what is missing on this machine."""
    if sys.platform != "win32":
        raise UsageError(
            '[accounting] write = "sdk" works on Windows only, where Pastel\'s SDK is installed.',
            'From another machine: write = "file", or write = "sql" by ODBC.',
        )
    try:
        import pythoncom
        import win32com.client.dynamic
    except ImportError:
        raise UsageError('[accounting] write = "sdk" needs the Python package pywin32.', INSTALL) from None
    pythoncom.CoInitialize()
    try:
        return win32com.client.dynamic.Dispatch(PROGID)
    except pythoncom.com_error as error:
        raise not_created(error.hresult, str(error.strerror)) from None


INSTALL: Final = 'Install it: pip install "bposync[sdk]"'


def not_created(number: int, said: str, bits: int = BITS) -> UsageError:
    """Give the error for a COM object that Windows does not create, by Windows' own number."""
    if number in _NOT_REGISTERED and bits != 32:  # noqa: PLR2004
        return UsageError(
            f"Pastel's SDK is a 32-bit component, and this Python is {bits}-bit: Windows does not find {PROGID} for it.",
            "Install a 32-bit Python beside this one, and bposync in it; docs/partner.md tells how.",
        )
    if number in _NOT_REGISTERED:
        return UsageError(
            f"Pastel's SDK is not registered on this machine: Windows knows no {PROGID}.",
            "Install Sage's SDK for Pastel Partner here, as an administrator; docs/partner.md tells how.",
        )
    return UsageError(f"Windows does not create {PROGID}: {visible(said)}.", "Install Sage's SDK anew; a reboot may help.")
