"""What Pastel Partner's own ways need: the SDK on this machine, or a folder for the import file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from bposync import odbc
from bposync.accounting.by_sdk import session_of
from bposync.accounting.partner import NAME
from bposync.doctor.check import Check, Checks, failed, ok
from bposync.errors import BposyncError, UnreachableError, UsageError
from bposync.values import visible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bposync.config import Settings


def sdk_checks(settings: Settings) -> Checks[bool]:
    """Create Pastel's SDK, with its licence and its company, and stop it again. Gives whether it works."""
    try:
        session = session_of(settings)
        try:
            session.open()
        finally:
            session.close()
    except BposyncError as error:
        yield failed("accounting.sdk", error)
        return False
    yield ok("accounting.sdk", f"Pastel's SDK opens the company in its folder, from this {odbc.BITS}-bit Python.")
    return True


def file_checks(settings: Settings) -> Iterator[Check]:
    """Look whether the import file could be written where it belongs."""
    name = "accounting.file"
    given = settings.need_accounting().file
    if not given:
        error = UsageError(
            f'{settings.path}: [accounting] file is missing; write = "file" writes into it.', 'Add: file = "customers.csv"'
        )
        yield failed(name, error)
        return
    path = settings.folder / Path(given).expanduser()
    if not path.parent.is_dir():
        yield failed(
            name,
            UsageError(
                f"The import file {visible(str(path))} has no folder to lie in.",
                "Make the folder, or change [accounting] file.",
            ),
        )
    elif not os.access(path.parent, os.W_OK) or path.is_dir():
        yield failed(
            name,
            UnreachableError(f"The import file {visible(str(path))} cannot be written.", "Check the rights on its folder."),
        )
    elif path.exists():
        yield ok(name, f"The import file {visible(str(path))} is there.")
    else:
        yield ok(name, f"The import file {visible(str(path))} can be written; a person imports it in {NAME}.")
