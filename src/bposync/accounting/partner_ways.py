"""Opens a company of Pastel Partner's: by which database it is read, and by which way it is written."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

from bposync import database
from bposync.accounting import Accounting, locks
from bposync.accounting.partner import NAME
from bposync.errors import UsageError
from bposync.journal import place_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from bposync.config import Settings

PURPOSE: Final = "the accounting system"
JOURNAL_LOCK: Final = (
    "Only the journal ([state] url) keeps two syncs apart: whoever else synchronises this company needs the same journal."
)
SQL_CAUTION: Final = f"Writes by SQL, which Sage does not support: {NAME}'s own validation is skipped."


@contextlib.contextmanager
def open_partner(settings: Settings, bpo_fields: Collection[str], *, writes: bool) -> Iterator[Accounting]:
    """Open a company of Pastel Partner's by the configured way. Raises UsageError or UnreachableError."""
    table = settings.need_accounting()
    if table.write == "sdk":
        from bposync.accounting.by_sdk import open_sdk

        with open_sdk(settings, bpo_fields, place_or_none(settings), writes=writes) as accounting:
            yield accounting
        return
    from bposync.accounting.by_sql import SqlWay
    from bposync.accounting.partner_tables import PartnerTables

    place = place_or_none(settings)
    if place is None:
        raise UsageError(
            f'{settings.path}: [accounting] url or odbc is missing; write = "{table.write}" reads the accounts by it.',
            'odbc = "DSN=…", or odbc = "DRIVER={…};ServerName=…;DBQ=…"; docs/partner.md shows both.',
        )
    if table.write == "file":
        from bposync.accounting.by_file import open_file

        with open_file(settings, bpo_fields, place) as accounting:
            yield accounting
        return
    books = PartnerTables(database.engine(place, writes=False), place, settings, bpo_fields)
    way = SqlWay(books, place, writes=writes, caution=SQL_CAUTION)
    if place.url.get_backend_name() not in locks.KNOWN:
        caution = f"{SQL_CAUTION} {JOURNAL_LOCK}"
        way = SqlWay(books, place, writes=writes, caution=caution, lock=lambda: journal_lock(settings))
    try:
        yield Accounting(books, way)
    finally:
        way.close()


def journal_lock(settings: Settings) -> contextlib.AbstractContextManager[None]:
    """Hold the company's lock in the journal's database. Raises LockedError."""
    return locks.held_in_journal(place_of(settings), settings.state.company.strip())


def place_or_none(settings: Settings) -> database.Address | None:
    """Give the database that the accounts are read from; None where the configuration names none."""
    table = settings.need_accounting()
    if table.odbc is not None:
        return database.odbc_address(PURPOSE, table.odbc, environment=settings.environment)
    if table.url is None:
        return None
    return database.address(PURPOSE, "[accounting] url", table.url, folder=settings.folder, environment=settings.environment)
