"""The journal: bposync's own database, with links, decisions and runs of one company.

What is read without writing (list, status, history, a dry run) never makes the journal: one that is not there is empty.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from bposync import database
from bposync.documents import moment
from bposync.errors import UnreachableError, UsageError
from bposync.fields import FIELDS
from bposync.journal import schema
from bposync.journal.chain import Chain, Verified
from bposync.journal.links import DecisionBook, LinkBook
from bposync.journal.runs import RunBook
from bposync.journal.upgrades import upgrade

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from bposync.config import Settings

PURPOSE: Final = "the journal"
_LONGEST_COMPANY = 100
_MADE_ALREADY: Final = ("already", "duplicate", "exists")  # how databases tell that somebody else made a table meanwhile


PRIVATE: Final = 0o660
"""What a new file of the journal's lets do, less what the umask takes: it holds customers' data, which is not for everybody."""


def make_private(path: Path) -> None:
    """Make an empty file that only its owner and group may read; nothing where one is there, or where none can be made."""
    with contextlib.suppress(OSError):  # what is wrong the database says
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE))


class Journal:
    """An open journal of one company. Raises UnreachableError where it cannot be read, or written when it has to be."""

    def __init__(self, place: database.Address, company: str, *, writes: bool) -> None:
        self.place = place
        self.company = company
        self._writes = writes
        self._engine: sa.Engine | None = None
        self._connection: sa.Connection | None = None
        self._version = schema.VERSION
        self.has_news = False
        """Whether links or decisions changed since the copy beside the journal was written."""
        self.is_new = False
        """Whether it is open to be written and held nothing of its company before."""
        if writes or not place.is_file or database.file_is_there(place):
            self._engine = database.engine(place, writes=writes)
        self._prepare()

    def _prepare(self) -> None:
        """Make or check the tables. An unwritable journal is found here, before anything is written to accounting."""
        if self._engine is None:
            return
        if self._writes:
            self._need_folder()
            file = str(self.place.url.database)
            if self.place.is_file and not file.startswith(("file:", ":memory:")):
                make_private(Path(file))
            version = self._make_tables()
        else:
            with self.transaction("cannot be read") as connection:
                found = _version_of(connection)
            if found is None:
                self._engine = None
                return
            version = found
        self._version = version
        if version > schema.VERSION:
            raise UsageError(
                f"{self.place} was made by a newer bposync (schema {version}, this one knows {schema.VERSION}).",
                "Use the newer version.",
            )
        if self._writes:
            self.is_new = self._holds_nothing()

    def _holds_nothing(self) -> bool:
        with self.transaction("cannot be read") as connection:
            return not any(
                connection.execute(sa.select(table.c.company).where(table.c.company == self.company).limit(1)).first()
                for table in (schema.links, schema.decision_log, schema.runs)
            )

    def _make_tables(self, tries: int = 5) -> int:
        """Make the tables that are missing, and give the schema's version; several may be doing so at once."""
        try:
            with self.transaction("cannot be written") as connection:
                version = _version_of(connection)
                if version is not None and version > schema.VERSION:
                    return version
                schema.metadata.create_all(connection)
                if version is None:
                    connection.execute(sa.insert(schema.schema_version).values(version=schema.VERSION))
                return upgrade(connection, version or schema.VERSION)
        except UnreachableError as error:
            if tries == 0 or not any(word in error.message.lower() for word in _MADE_ALREADY):
                raise
        # Somebody else made one of them in the same moment.
        time.sleep(0.2)
        return self._make_tables(tries - 1)

    def _need_folder(self) -> None:
        folder = Path(str(self.place.url.database)).parent
        if self.place.is_file and not database.file_is_there(self.place) and not folder.is_dir():
            raise UnreachableError(f"{self.place}: there is no folder {folder}.", "Make it, or change [state] url.")

    @property
    def version(self) -> int:
        """The version of the schema; one that is only read may be older than this program's."""
        return self._version

    def has(self, version: int) -> bool:
        """Tell whether the journal has what a version of the schema added; one that is only read may be older."""
        return self._engine is not None and self._version >= version

    @property
    def is_empty(self) -> bool:
        """Whether there is no journal yet."""
        return self._engine is None

    @contextlib.contextmanager
    def transaction(self, doing: str = "does not answer") -> Iterator[sa.Connection]:
        """Give the connection in a transaction: committed at the end, rolled back where an error leaves it."""
        assert self._engine is not None  # noqa: S101 - the books look before they read
        with database.plain_errors(self.place, doing):
            if self._connection is None or self._connection.closed or self._connection.invalidated:
                self._connection = self._engine.connect()
            with self._connection.begin():
                yield self._connection

    def newest_hash(self) -> str:
        """Give the newest link of the chain, which proves all before it; empty where there is none."""
        with self.transaction("cannot be read") as connection:
            last = self.chain.last(connection)
        return last.hash if last else ""

    def position(self) -> tuple[int, ...]:
        """Tell how much is recorded: two positions that are equal have nothing between them, no run and no decision."""
        if self.is_empty:
            return ()
        with self.transaction("cannot be read") as connection:
            return tuple(
                int(connection.execute(
                    sa.select(sa.func.count()).select_from(table).where(table.c.company == self.company)
                ).scalar_one())
                for table in (schema.runs, schema.run_ends, schema.decision_log)
            )  # fmt: skip

    @contextlib.contextmanager
    def deciding(self) -> Iterator[sa.Connection]:
        """Give the connection in a transaction that records what people decided, and chains it."""
        with self.transaction("cannot be written") as connection:
            yield connection
            self.chain.seal(connection)

    def verify(self) -> Verified:
        """Prove that no run and no decision was changed since it was recorded."""
        if not self.has(2):
            return Verified(0, 0, "", ())
        with self.transaction("cannot be read") as connection:
            return self.chain.verify(connection)

    def known_company(self) -> str:
        """Give the name of the accounting database that the links belong to; empty before the first sync."""
        if self.is_empty:
            return ""
        with self.transaction("cannot be read") as connection:
            return self.known_company_in(connection)

    def known_company_in(self, connection: sa.Connection) -> str:
        """Give the same in the caller's transaction."""
        table = schema.companies
        return str(connection.execute(sa.select(table.c.name).where(table.c.company == self.company)).scalar() or "")

    def know_company_first(self, connection: sa.Connection, name: str) -> None:
        """Remember the accounting database with the first thing that is kept of it, in the caller's transaction."""
        if not self.known_company_in(connection):
            self.know_company(connection, name)

    def know_company(self, connection: sa.Connection, name: str) -> None:
        """Remember which accounting database the links belong to, in the caller's transaction."""
        table = schema.companies
        connection.execute(sa.delete(table).where(table.c.company == self.company))
        connection.execute(sa.insert(table).values(company=self.company, name=name, known_since=moment(self.now())))

    def known_fields(self) -> frozenset[str]:
        """Give the fields for which BPO had columns at the last sync; none where nobody knows."""
        if not self.has(4):
            return frozenset()
        table = schema.companies
        with self.transaction("cannot be read") as connection:
            found = connection.execute(sa.select(table.c.bpo_fields).where(table.c.company == self.company)).scalar()
        return frozenset(json.loads(found or "[]")) & FIELDS.keys()

    def know_fields(self, fields: Iterable[str]) -> None:
        """Remember the fields for which BPO has columns."""
        table, said = schema.companies, json.dumps(sorted(fields))
        with self.transaction("cannot be written") as connection:
            connection.execute(sa.update(table).where(table.c.company == self.company).values(bpo_fields=said))

    @staticmethod
    def now() -> datetime:
        """Give this moment, aware and in UTC."""
        return datetime.now(UTC)

    @property
    def links(self) -> LinkBook:
        """The links."""
        return LinkBook(self)

    @property
    def decisions(self) -> DecisionBook:
        """What people decided."""
        return DecisionBook(self)

    @property
    def chain(self) -> Chain:
        """The chain of runs and decisions."""
        return Chain(self.company)

    @property
    def runs(self) -> RunBook:
        """The runs, with intents and outcomes."""
        return RunBook(self)

    def close(self) -> None:
        """Give the connection back."""
        if self._connection is not None:
            with contextlib.suppress(Exception):
                self._connection.close()
            self._connection = None


def _version_of(connection: sa.Connection) -> int | None:
    if not sa.inspect(connection).has_table(schema.schema_version.name):
        return None
    found = connection.execute(sa.select(schema.schema_version.c.version)).scalar()
    return None if found is None else int(found)


def place_of(settings: Settings) -> database.Address:
    """Give where the journal is."""
    return database.address(
        PURPOSE, "[state] url", settings.state.url, folder=settings.folder, environment=settings.environment
    )


@contextlib.contextmanager
def open_journal(settings: Settings, *, writes: bool) -> Iterator[Journal]:
    """Open the configured journal. With `writes` it is made where there is none, else it is only read."""
    company = settings.state.company.strip()
    if not company or len(company) > _LONGEST_COMPANY:
        raise UsageError(
            f"{settings.path}: [state] company must be 1 to {_LONGEST_COMPANY} characters long.", "A short name such as main."
        )
    journal = Journal(place_of(settings), company, writes=writes)
    try:
        yield journal
    finally:
        journal.close()
