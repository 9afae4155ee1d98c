"""Writing into a file that Pastel's own import takes, which a person imports: one CSV with a heading row, whole or not at all.

What stands in the file is exported: it is not exported again, and becomes written when the books have it. While a file lies
there whose accounts the books do not have, no other is written over it; deleting it exports again what was in it.
"""

from __future__ import annotations

import contextlib
import csv
import io
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bposync import database
from bposync.accounting import Accounting, Way
from bposync.accounting.by_sql import SqlWay, stale
from bposync.accounting.partner import CODE, CODE_PAGE, DELIVERY, MASTER, NAME, Rows
from bposync.accounting.partner_record import CERTAIN, columns_of, compose
from bposync.accounting.partner_tables import PartnerTables
from bposync.advice import command
from bposync.errors import GuardError, UnreachableError, UsageError
from bposync.records import Outcome, OutcomeKind
from bposync.values import normalise_code, text_of, visible

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    import sqlalchemy as sa

    from bposync.accounting.partner_tables import Record
    from bposync.config import Settings
    from bposync.records import Account, Change

HEADINGS: Final = tuple(field.heading for field in CERTAIN)


@contextlib.contextmanager
def open_file(settings: Settings, bpo_fields: Collection[str], place: database.Address) -> Iterator[Accounting]:
    """Open a company that is read from its tables and written through Pastel's own import. Raises UsageError."""
    table = settings.need_accounting()
    if not table.file:
        raise UsageError(
            f'{settings.path}: [accounting] file is missing; write = "file" writes into it.', 'Add: file = "customers.csv"'
        )
    books = PartnerTables(database.engine(place, writes=False), place, settings, bpo_fields)
    way = FileWay(settings, books, place, settings.folder / Path(table.file).expanduser())
    try:
        yield Accounting(books, way)
    finally:
        way.close()


class FileWay(Way):
    """Writes one CSV a run. What it holds is looked at anew whenever that is asked, for a person may take it away."""

    at_once = True

    def __init__(self, settings: Settings, books: PartnerTables, place: database.Address, path: Path) -> None:
        from bposync.accounting.partner_ways import JOURNAL_LOCK, journal_lock

        self._books = books
        self._place = place
        self._path = path
        self._tables = SqlWay(books, place, writes=False, lock=lambda: journal_lock(settings))
        self._seen: tuple[tuple[int, int], dict[str, tuple[str, ...]]] | None = None
        self.caution = f"Writes {visible(str(path))}, which a person imports into {NAME}. {JOURNAL_LOCK}"

    def close(self) -> None:
        """Give the connection back."""
        self._tables.close()

    def lock(self) -> contextlib.AbstractContextManager[None]:
        """Hold the company's lock, in the journal's database. Raises LockedError."""
        return self._tables.lock()

    # What lies there.

    def _rows(self) -> dict[str, tuple[str, ...]] | None:
        """Give the rows of the file by normalised account code; None where there is none. Raises GuardError."""
        try:
            state = self._path.stat()
        except FileNotFoundError:
            return None
        stamp = (state.st_mtime_ns, state.st_size)
        if self._seen is None or self._seen[0] != stamp:
            self._seen = stamp, self._parsed()
        return self._seen[1]

    def _parsed(self) -> dict[str, tuple[str, ...]]:
        try:
            text = self._path.read_bytes().decode(CODE_PAGE)
            heading, *rows = csv.reader(io.StringIO(text, newline=""), strict=True)
        except OSError as error:
            raise UnreachableError(f"{self._named} cannot be read: {error.strerror}.", "Close what has it open.") from None
        except (csv.Error, UnicodeDecodeError, ValueError):
            heading, rows = [], []
        if tuple(heading) != HEADINGS or any(len(row) != len(HEADINGS) for row in rows):
            raise GuardError(
                f"{self._named} is none of bposync's files: its heading row is another.",
                "Move it away, or name another file under [accounting] file.",
            )
        return {normalise_code(row[0]): tuple(row) for row in rows}

    @property
    def _named(self) -> str:
        return f"The import file {visible(str(self._path))}"

    def waiting(self, change: Change) -> str:
        """Say that a write is in the file, and is all of what the file says of it."""
        try:
            row = (self._rows() or {}).get(normalise_code(_code(change)))
        except GuardError:
            return ""
        if row is None:
            return ""
        rows = self._books.written(change)
        meant = tuple(compose(rows.master, rows.delivery, CERTAIN))
        named = {*rows.master, *rows.delivery}
        same = all(row[place] == meant[place] for place, field in enumerate(CERTAIN) if field.column in named)
        return f"in the import file {visible(self._path.name)}, which {NAME} has not imported yet" if same else ""

    def check(self, exported: Sequence[Change], linked: Collection[str]) -> None:
        """Stop while a file lies there that was not imported. Raises GuardError.

        It was not where something in it was exported and not read back since; or, for a journal may be lost, where the books
        have no such account and nobody is linked to it. What was imported once, and changed or deleted afterwards, was.
        """
        rows = self._rows()
        if not rows:
            return
        left = dict.fromkeys(_code(change) for change in exported if self.waiting(change))
        unknown = [row[0] for code, row in rows.items() if code not in linked and row[0] not in left]
        if unknown:
            with database.plain_errors(self._place, "cannot be read"), self._books.connect() as connection:
                present = {text_of(record.stored_code) for record in self._books.records(connection, unknown, (), ())}
            left |= dict.fromkeys(code for code in unknown if code not in present)
        if left:
            some = ", ".join([*left][:5]) + (", …" if len(left) > 5 else "")  # noqa: PLR2004 - as many as are named
            raise GuardError(
                f"{self._named} was not imported yet: the books lack {len(left):,} of the {len(rows):,} accounts as they stand "
                f"in it ({some}).",
                f"Import it into {NAME} (docs/partner.md tells how, step by step), or delete it: then they are exported again.",
            )

    def steps(self) -> tuple[str, ...]:
        """Say how the file is imported."""
        return (
            f"1. Copy {visible(str(self._path))} to the machine where {NAME} is, and make a backup of the company there.",
            f"2. In {NAME}: File > Export/Import > Customer Accounts, choose Import, and this file.",
            "3. Choose Map Fields: each field is found by the file's heading row; map those that are not.",
            "4. Import, and look through the list of what was refused.",
            f"5. Run {command('sync')} again: it reads the accounts back and notes them as written.",
        )

    # Writing.

    def write(self, batch: Sequence[Change]) -> list[Outcome]:
        """Write the file with the whole batch, each account whole. Raises UnreachableError where it cannot be written."""
        with database.plain_errors(self._place, "cannot be read"), self._books.connect() as connection:
            accounts = self._books.find(connection, batch, lock=False)
            records = self._whole(connection, [change.seen.code for change in batch if change.seen is not None])
        outcomes: list[Outcome] = []
        rows: list[tuple[str, ...]] = []
        for change, account in zip(batch, accounts, strict=True):
            outcome = stale(self._books.fields, change, account)
            outcomes.append(outcome or Outcome(OutcomeKind.EXPORTED))
            if outcome is None:
                rows.append(self._row(change, records))
        if rows:
            self._replace(rows)
        return outcomes

    def _row(self, change: Change, records: Mapping[str, Rows]) -> tuple[str, ...]:
        if change.seen is None:
            rows = self._books.new_rows(change)
            return tuple(compose(rows.master, rows.delivery, CERTAIN))
        present, rows = records[normalise_code(change.seen.code)], self._books.written(change)
        return tuple(compose({**present.master, **rows.master}, {**present.delivery, **rows.delivery}, CERTAIN))

    def _replace(self, rows: Sequence[Sequence[str]]) -> None:
        """Write the file beside its place and move it there, so that it is whole or not there."""
        text = io.StringIO(newline="")
        writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
        writer.writerows([HEADINGS, *rows])
        beside = self._path.with_name(f".{self._path.name}.new")
        try:
            with beside.open("wb") as file:
                # What the account has itself may be none of the code page's; it goes as a question mark, as Pastel shows it.
                file.write(text.getvalue().encode(CODE_PAGE, "replace"))
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self._path)
        except OSError as error:
            with contextlib.suppress(OSError):
                beside.unlink()
            raise UnreachableError(
                f"{self._named} cannot be written: {error.strerror}.",
                "Close what has it open, and check the rights on its folder.",
            ) from None

    # What the books have.

    def _whole(self, connection: sa.Connection, codes: Sequence[str]) -> dict[str, Rows]:
        """Read everything that an import fills of some accounts, by normalised code."""
        master = [name for name in columns_of(MASTER) if self._books.master.column(name)]
        delivery = [name for name in columns_of(DELIVERY) if self._books.delivery.column(name)]
        return {
            normalise_code(text_of(record.stored_code)): _named_values(record, master, delivery)
            for record in self._books.records(connection, codes, master, delivery)
        }

    def read_back(self, batch: Sequence[Change]) -> list[Account | None]:
        """Read the accounts of a batch in the books. Raises UnreachableError."""
        return self._tables.read_back(batch)


def _code(change: Change) -> str:
    return change.account if change.seen is None else change.seen.code


def _named_values(record: Record, master: Sequence[str], delivery: Sequence[str]) -> Rows:
    return Rows(
        {**dict(zip(master, record.master, strict=True)), CODE: text_of(record.stored_code)},
        dict(zip(delivery, record.delivery or (), strict=False)),
    )
