"""Writing into the books by SQL: look up, compare with what the plan saw, write, in one transaction a batch.

Not supported by Sage: it skips the application's own validation and its branch, agent and checksum columns. Which columns a
change is, the books know; here stand the order of a write, the locks of rows and what a failure means.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

import sqlalchemy as sa
from sqlalchemy import exc

from bposync import database
from bposync.accounting import Accounting, Way, locks
from bposync.accounting.evolution_tables import PURPOSE, EvolutionTables
from bposync.errors import LockedError, UnreachableError, UsageError
from bposync.fields import FIELDS
from bposync.records import Outcome, OutcomeKind

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from bposync.accounting import Company
    from bposync.config import Settings
    from bposync.records import Account, Change

CAUTION: Final = (
    "Writes by SQL, which Sage does not support: Evolution's own validation and its branch, agent and checksum columns are "
    "skipped."
)
# How databases say that a login may not write: in PostgreSQL's states, SQL Server's numbers, SQLite's code, and in words.
_REFUSED_STATES: Final = ("42501", "25006")
_REFUSED_WORDS: Final = ("(229)", "(230)", "(262)", "permission denied", "permission was denied", "readonly database")
_SQLITE_READONLY: Final = 8
WAIT_MILLISECONDS: Final = 10_000
"""How long a write waits for what others hold: an account, a table, the lock of another sync's write."""
_MOST_WAITS: Final = 3
"""How many accounts of a batch that is taken one by one may wait in vain."""


@contextlib.contextmanager
def open_evolution(settings: Settings, bpo_fields: Collection[str], *, writes: bool) -> Iterator[Accounting]:
    """Open an Evolution company that is read and written by SQL. Raises UsageError or UnreachableError."""
    table = settings.need_accounting()
    if table.url is None:
        raise UsageError(
            f'{settings.path}: [accounting] url is missing; write = "sql" needs it.',
            "config.example.toml shows its form.",
        )
    place = database.address(PURPOSE, "[accounting] url", table.url, folder=settings.folder, environment=settings.environment)
    books = EvolutionTables(database.engine(place, writes=False), place, settings, bpo_fields)
    way = SqlWay(books, place, writes=writes)
    try:
        yield Accounting(books, way)
    finally:
        way.close()


@dataclass(frozen=True, slots=True)
class _Failure:
    """Why nothing of a batch was written."""

    why: str
    waited: bool = False
    """Whether something that another program holds was waited for in vain."""


class SqlBooks(Protocol):
    """What the way asks of books whose tables it writes into."""

    company: Company
    fields: tuple[str, ...]

    def find(self, connection: sa.Connection, batch: Sequence[Change], *, lock: bool) -> list[Account | None]:
        """Read a batch's accounts, in order; with `lock` they stay as they are until the transaction ends."""
        ...

    def insert(self, connection: sa.Connection, batch: Sequence[Change]) -> None:
        """Insert new accounts."""
        ...

    def update(self, connection: sa.Connection, batch: Sequence[Change]) -> None:
        """Write the columns that differ, in accounts that were just found."""
        ...


class SqlWay(Way):
    """Writes batches over one connection, which is opened with the first of them.

    `lock` takes the place of the database's own where that has none to give.
    """

    def __init__(
        self,
        books: SqlBooks,
        place: database.Address,
        *,
        writes: bool,
        caution: str = CAUTION,
        lock: Callable[[], contextlib.AbstractContextManager[None]] | None = None,
    ) -> None:
        self._books = books
        self._place = place
        self._writes = writes
        self.caution = caution
        self._take_lock = lock or (lambda: locks.held(place))
        self._connection: sa.Connection | None = None

    def close(self) -> None:
        """Give the connection back."""
        if self._connection is not None:
            with contextlib.suppress(Exception):
                self._connection.close()
            self._connection = None

    def lock(self) -> contextlib.AbstractContextManager[None]:
        """Hold the company's lock, in the database itself where it has one. Raises LockedError."""
        return self._take_lock()

    def _connect(self) -> sa.Connection:
        if self._connection is None or self._connection.closed or self._connection.invalidated:
            self.close()
            with database.plain_errors(self._place):
                self._connection = database.engine(self._place, writes=self._writes).connect()
        return self._connection

    def write(self, batch: Sequence[Change]) -> list[Outcome]:
        """Carry out a batch in one transaction; one that fails is taken again one by one, so that a bad row costs itself only.

        Raises UnreachableError where the database cannot be reached or refuses, and LockedError where what an earlier run
        sent is still at work there; then nothing of the batch was written.
        """
        failure = self._failure(batch)
        if not isinstance(failure, _Failure):
            return failure
        if len(batch) == 1:
            return [Outcome(OutcomeKind.FAILED, failure.why)] * len(batch)
        outcomes: list[Outcome] = []
        waits = int(failure.waited)
        for change in batch:
            if waits > _MOST_WAITS:
                # Each of the others would wait as long; and another program that holds the whole table holds it for all.
                why = f"not tried, for others before it waited in vain: {failure.why}"
                return outcomes + [Outcome(OutcomeKind.FAILED, why)] * (len(batch) - len(outcomes))
            try:
                found = self._failure([change])
            except (UnreachableError, LockedError) as error:
                if not outcomes:
                    raise
                # Nor will the others be: each of them would wait for the time-out again.
                return outcomes + [Outcome(OutcomeKind.FAILED, f"not written: {error.message}")] * (len(batch) - len(outcomes))
            if isinstance(found, _Failure):
                failure = found
                waits += failure.waited
                found = [Outcome(OutcomeKind.FAILED, failure.why)]
            outcomes += found
        return outcomes

    def _failure(self, batch: Sequence[Change]) -> list[Outcome] | _Failure:
        """Carry out a batch in one transaction, or say why nothing of it was written."""
        try:
            return self._write(batch)
        except exc.SQLAlchemyError as error:
            why = database.reason(error)
            if database.is_cut(error):
                self.close()
                raise UnreachableError(
                    f"{self._place}: the connection was cut before anything was written: {why}",
                    "Check that the server is running and that the line holds, then sync again.",
                ) from None
            if _is_refused(error, why):
                hint = (
                    "Ask the administrator for the right that is missing; docs/configuration.md lists those that bposync needs."
                )
                raise UnreachableError(f"{self._place} refuses to be written: {why}", hint) from None
            return _Failure(why, waited=database.is_held(error))

    def _write(self, batch: Sequence[Change]) -> list[Outcome]:
        connection = self._connect()
        transaction = connection.begin()
        try:
            self._lock_write(connection)
            present = self._books.find(connection, batch, lock=True)
            outcomes = [stale(self._books.fields, change, account) for change, account in zip(batch, present, strict=True)]
            todo = [change for change, outcome in zip(batch, outcomes, strict=True) if outcome is None]
            creates = [change for change in todo if change.seen is None]
            updates = [change for change in todo if change.seen is not None]
            if creates:
                self._books.insert(connection, creates)
            if updates:
                self._books.update(connection, updates)
        except BaseException:
            with contextlib.suppress(Exception):
                transaction.rollback()
            raise
        done = self._commit(transaction)
        return [outcome or done for outcome in outcomes]

    def _lock_write(self, connection: sa.Connection) -> None:
        """Hold a second lock for the length of the transaction, on servers that go on when their client has gone.

        The connection of the first may have been cut, and what a run sent that was killed may still be at work.
        """
        if not locks.held_for_write(connection, self._books.company.database, WAIT_MILLISECONDS):
            raise LockedError(
                f"Another sync is writing into {self._place.database}, or what an earlier one sent is still at work there.",
                "Wait until it is done, then sync again.",
            )

    def _commit(self, transaction: sa.Transaction) -> Outcome:
        try:
            transaction.commit()
        except exc.SQLAlchemyError as error:
            if not database.is_cut(error):
                with contextlib.suppress(Exception):
                    transaction.rollback()
                raise
            self.close()
            return Outcome(OutcomeKind.UNKNOWN, f"the connection was cut before the answer came: {database.reason(error)}")
        return Outcome(OutcomeKind.WRITTEN)

    def read_back(self, batch: Sequence[Change]) -> list[Account | None]:
        """Read the accounts of a batch in a transaction of its own, once nothing that was sent is at work any more.

        Raises UnreachableError or LockedError.
        """
        with database.plain_errors(self._place, "cannot be read back"):
            connection = self._connect()
            with connection.begin():
                self._lock_write(connection)
                return self._books.find(connection, batch, lock=False)


def _is_refused(error: exc.SQLAlchemyError, why: str) -> bool:
    """Tell whether the login may not write, which no other row would change."""
    cause = getattr(error, "orig", None)
    if getattr(cause, "sqlstate", None) in _REFUSED_STATES:
        return True
    if (getattr(cause, "sqlite_errorcode", 0) or 0) & 0xFF == _SQLITE_READONLY:
        return True
    said = f"{why} {cause}".lower()
    return any(words in said for words in _REFUSED_WORDS)


def stale(fields: Sequence[str], change: Change, account: Account | None) -> Outcome | None:
    """Say how accounting changed since the plan was made; None where it did not."""
    if change.seen is None:
        if account is None:
            return None
        return Outcome(OutcomeKind.STALE, f"an account {account.code} ({account.name}) was made since the plan")
    if account is None:
        return Outcome(OutcomeKind.STALE, f"account {change.seen.code} was deleted since the plan")
    if (account.code, account.name, account.values) == (change.seen.code, change.seen.name, change.seen.values):
        return None
    pairs = zip(fields, change.seen.values, account.values, strict=True)
    changed = [FIELDS[name].label.lower() for name, before, now in pairs if before != now] or ["its code or name"]
    return Outcome(OutcomeKind.STALE, f"account {change.seen.code} was changed since the plan: {', '.join(changed)}")
