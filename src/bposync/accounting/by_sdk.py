"""Writing through Pastel's own SDK, the way that Sage supports: read the account, merge, send the whole of it, look again.

The SDK rewrites every field of an account. So what BPO does not own is read first and sent back as it stands, and compared
afterwards: nobody publishes how a few of Pastel's own settings stand in its tables, and one that came back changed is sent
once more the other way round.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

from bposync import secrets
from bposync.accounting import Accounting, Company, Way
from bposync.accounting.by_sql import stale
from bposync.accounting.partner import CODE_WIDTH, UPDATED_ON, Facts, Partner
from bposync.accounting.partner_record import DELIVERY_COLUMNS, FIELDS, MASTER_COLUMNS, OLDER_FIELDS, compose
from bposync.accounting.pastel_sdk import (
    COMPANY_WIDE,
    DELIVERY_FILE,
    MASTER_FILE,
    SEPARATOR,
    WRONG_COUNT,
    AnswerError,
    NoAnswerError,
    Session,
)
from bposync.errors import UnreachableError, UsageError
from bposync.records import Outcome, OutcomeKind
from bposync.values import normalise_code, text_of, visible

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from bposync import database
    from bposync.accounting.partner_tables import PartnerTables
    from bposync.config import Settings
    from bposync.records import Account, Change

_MAIN: Final = " " * 3
# What changes by itself, or belongs to nobody's import.
_NOT_COMPARED: Final = ("Balance", "Sales", "CurrBalance", "Ageing", "LastCr", UPDATED_ON, "GUID", "CreateDate")
# Settings of which nobody publishes how they stand in the tables: the field of the string, by the columns that show it.
_SWITCHES: Final = {
    "TaxCode": "Tax Exempt", "OverRideTax": "Tax Exempt", "IncExc": "Exclusive", "MonthOrDay": "Monthly or Daily",
}  # fmt: skip
_OTHER: Final = {"Y": "N", "N": "Y", "M": "D", "D": "M"}


def session_of(settings: Settings) -> Session:
    """Read from the configuration how the SDK is opened; nothing is opened yet. Raises UsageError."""
    table = settings.need_accounting()
    for key in ("data_path", "sdk_serial", "sdk_code"):
        if not getattr(table, key):
            raise UsageError(
                f'{settings.path}: [accounting] {key} is missing; write = "sdk" needs it.', "docs/partner.md tells what it is."
            )
    secrets.register(table.sdk_code or "")
    return Session(str(settings.folder / (table.data_path or "")), table.sdk_serial or "", table.sdk_code or "")


@contextlib.contextmanager
def open_sdk(
    settings: Settings, bpo_fields: Collection[str], place: database.Address | None, *, writes: bool
) -> Iterator[Accounting]:
    """Open a company that is written through the SDK, and read through it too where no database is named."""
    session = session_of(settings)
    books: SdkBooks | PartnerTables
    if place is None:
        books = SdkBooks(settings, bpo_fields, session)
    else:
        from bposync import database
        from bposync.accounting import partner_tables

        books = partner_tables.PartnerTables(database.engine(place, writes=False), place, settings, bpo_fields)
    way = SdkWay(settings, books, session, writes=writes)
    try:
        yield Accounting(books, way)
    finally:
        session.close()


class SdkBooks(Partner):
    """The books of one company, read record by record through the SDK. Categories are known by number only."""

    def __init__(self, settings: Settings, bpo_fields: Collection[str], session: Session) -> None:
        path = str(settings.need_accounting().data_path).replace("\\", "/").rstrip("/")
        name = path.rpartition("/")[2]
        super().__init__(settings, bpo_fields, Company(name, name, "Pastel's SDK"), Facts())
        self._session = session

    def read(self, progress: Callable[[int], None] | None = None) -> list[Account]:
        """Read all accounts."""
        accounts: list[Account] = []
        lacking: list[str] = []
        with self._session.plain_errors("cannot be read"):
            main: dict[str, dict[str, str]] = {}
            for record in self._session.records(DELIVERY_FILE):
                row = dict(zip(DELIVERY_COLUMNS, record, strict=False))
                if not text_of(row.get("CustDelivCode")):
                    main.setdefault(normalise_code(row["CustomerCode"]), row)
            for record in self._session.records(MASTER_FILE):
                row = dict(zip(MASTER_COLUMNS, record, strict=False))
                code = text_of(row["CustomerCode"])
                delivery = main.get(normalise_code(code))
                accounts.append(self.account(code, {**row, **(delivery or {})}))
                if delivery is None:
                    lacking.append(code)
                if progress is not None and len(accounts) % 500 == 0:
                    progress(len(accounts))
        self.without_delivery = tuple(lacking)
        return accounts


class SdkWay(Way):
    """Writes accounts one by one through the SDK."""

    def __init__(self, settings: Settings, books: SdkBooks | PartnerTables, session: Session, *, writes: bool) -> None:
        from bposync.accounting.partner_ways import JOURNAL_LOCK, journal_lock

        self._books = books
        self._session = session
        self._fields = settings.need_accounting().sdk_fields
        self._writes = writes
        self._take_lock: Callable[[], contextlib.AbstractContextManager[None]] = lambda: journal_lock(settings)
        self.caution = JOURNAL_LOCK

    def lock(self) -> contextlib.AbstractContextManager[None]:
        """Hold the company's lock, in the journal's database. Raises LockedError."""
        return self._take_lock()

    def check(self, exported: Sequence[Change], linked: Collection[str]) -> None:  # noqa: ARG002
        """Open the SDK before anything is noted as about to be written. Raises UsageError or UnreachableError."""
        if self._writes:
            self._session.open()

    def write(self, batch: Sequence[Change]) -> list[Outcome]:
        """Carry out a batch, account by account.

        Raises UnreachableError where the SDK refuses all of it, and nothing was written.
        """
        outcomes: list[Outcome] = []
        for change in batch:
            try:
                outcomes.append(self._write(change))
            except NoAnswerError as error:
                self._session.close()
                outcomes.append(Outcome(OutcomeKind.UNKNOWN, f"the SDK's answer never came: {error}"))
                left = Outcome(OutcomeKind.FAILED, "not written: the SDK's answer to the one before never came")
                return [*outcomes, *[left] * (len(batch) - len(outcomes))]
            except UnreachableError as error:
                if not any(outcome.kind is OutcomeKind.WRITTEN for outcome in outcomes):
                    raise
                left = Outcome(OutcomeKind.FAILED, f"not written: {error.message}")
                return [*outcomes, *[left] * (len(batch) - len(outcomes))]
        return outcomes

    def _write(self, change: Change) -> Outcome:
        code = change.account if change.seen is None else change.seen.code
        with self._session.plain_errors("cannot be read"):
            before = self._records(code)
        account = None if before is None else self._books.account(text_of(before["CustomerCode"]), before)
        if (outcome := stale(self._books.fields, change, account)) is not None:
            return outcome
        rows = self._books.new_rows(change) if change.seen is None else self._books.written(change)
        values = {**(before or {}), **rows.master, **rows.delivery}
        record = dict(zip((field.heading for field in FIELDS), compose(values, values), strict=True))
        try:
            self._send(record)
            if before is not None:
                return self._compared(code, before, {*rows.master, *rows.delivery}, record)
        except AnswerError as error:
            if error.code in COMPANY_WIDE:
                raise UnreachableError(f"{self._session} refuses: {error}.", self._hint(error)) from None
            return Outcome(OutcomeKind.FAILED, f"{error}. {error.hint}")
        return Outcome(OutcomeKind.WRITTEN)

    def _hint(self, error: AnswerError) -> str:
        if error.code != WRONG_COUNT:
            return error.hint
        other = OLDER_FIELDS if self._fields != OLDER_FIELDS else len(FIELDS)
        return f"This SDK takes another number of fields than {self._fields}: set [accounting] sdk_fields = {other}"

    def _send(self, record: Mapping[str, str]) -> None:
        values = [*record.values()][: self._fields]
        values[0] = values[0].ljust(CODE_WIDTH)
        self._session.import_customer(SEPARATOR.join(values))

    def _records(self, code: str) -> dict[str, object] | None:
        """Read an account's two records, by column; None where there is no account."""
        key = code.ljust(CODE_WIDTH)
        master = self._session.record(MASTER_FILE, key)
        if master is None:
            return None
        if len(master) > len(MASTER_COLUMNS) + 1:
            raise UnreachableError(
                f"{self._session}: account {visible(code)} has a {SEPARATOR} in one of its values, and cannot be read whole.",
                "Take it out in Pastel.",
            )
        delivery = self._session.record(DELIVERY_FILE, key + _MAIN) or []
        return {**dict(zip(DELIVERY_COLUMNS, delivery, strict=False)), **dict(zip(MASTER_COLUMNS, master, strict=False))}

    def _compared(self, code: str, before: Mapping[str, object], written: Collection[str], record: dict[str, str]) -> Outcome:
        """Look whether all that BPO does not own is as it was; a setting that is not is sent once more, turned round."""
        changed = self._changed(code, before, written)
        switches = {_SWITCHES[name] for name in changed if name in _SWITCHES}
        if switches:
            self._send({**record, **{name: _OTHER[record[name]] for name in switches}})
            changed = self._changed(code, before, written)
        if changed:
            which = ", ".join(f"{name} {was!r} → {now!r}" for name, (was, now) in changed.items())
            return Outcome(OutcomeKind.FAILED, f"Pastel's SDK changed what it was not told to: {which}. Mend it in Pastel.")
        return Outcome(OutcomeKind.WRITTEN)

    def _changed(self, code: str, before: Mapping[str, object], written: Collection[str]) -> dict[str, tuple[str, str]]:
        after = self._records(code) or {}
        return {
            name: (text_of(was), text_of(after.get(name)))
            for name, was in before.items()
            if name not in written and not name.startswith(_NOT_COMPARED) and text_of(was) != text_of(after.get(name))
        }

    def read_back(self, batch: Sequence[Change]) -> list[Account | None]:
        """Read the accounts of a batch through the SDK. Raises UnreachableError."""
        found: list[Account | None] = []
        with self._session.plain_errors("cannot be read back"):
            for change in batch:
                records = self._records(change.account if change.seen is None else change.seen.code)
                found.append(None if records is None else self._books.account(text_of(records["CustomerCode"]), records))
        return found
