"""Whether the journal can be read and written, is whole, of which version and company, and whether a sync is running.

Nothing is made, written or locked: what could be written is judged by rights, and a lock is only looked at.
"""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from bposync import database, guards
from bposync.accounting import locks
from bposync.accounting.partner_ways import place_or_none
from bposync.advice import as_word, command
from bposync.doctor import drivers, rights, servers
from bposync.doctor.check import Check, Checks, failed, ok, warning
from bposync.errors import BposyncError, UnreachableError, UsageError
from bposync.journal import copies, open_journal, place_of, schema
from bposync.values import visible
from bposync.words import many

if TYPE_CHECKING:
    import contextlib
    from collections.abc import Iterator

    from bposync.accounting import Books
    from bposync.config import Settings
    from bposync.database import Address
    from bposync.journal import Journal

_MOST_PROBLEMS: Final = 3
_MEGABYTE: Final = 1_000_000
_LEAST_SPACE: Final = 10 * _MEGABYTE
_KEEPING: Final = rights.Need(rights.Task.KEEP_JOURNAL)


def checks(settings: Settings, stack: contextlib.ExitStack) -> Checks[Journal | None]:
    """Look at the journal. Gives it open for reading, which `stack` closes; None where it cannot be read."""
    try:
        place = place_of(settings)
    except BposyncError as error:
        yield failed("journal.connection", error)
        return None
    if not (yield from drivers.checks(place)):
        return None
    if place.is_file:
        yield from _file(place)
    elif not (yield from servers.checks("journal", place, _KEEPING)):
        return None
    else:
        yield from _server(place)
    try:
        journal = stack.enter_context(open_journal(settings, writes=False))
        yield from _readers(journal)
        if journal.is_empty:
            yield ok("journal.version", "There is no journal yet: the first sync or decision makes it.")
            return journal
        yield _version(journal)
        yield from _chain(journal)
        open_intents = [intent for intent in journal.runs.unsettled() if not intent.exported]
    except BposyncError as error:
        yield failed("journal.connection", error)
        return None
    if open_intents:
        yield warning(
            "journal.unknown", f"{many(len(open_intents), 'write')} of an earlier sync had no answer.",
            "Sync again: the next sync looks them up before anything else.",
        )  # fmt: skip
    return journal


def _file(place: Address) -> Iterator[Check]:
    """Look whether a file of SQLite's can be written: itself where it is there, and its folder, in which others come and go."""
    path = Path(str(place.url.database))
    name = "journal.rights"
    hint = "Check the rights on it for whoever runs bposync, or change [state] url."
    if not path.parent.is_dir():
        why = f"{place}: there is no folder {visible(str(path.parent))}."
        yield failed(name, UnreachableError(why, "Make it, or change [state] url."))
    elif not os.access(path.parent, os.W_OK | os.X_OK):
        yield failed(name, UnreachableError(f"{place}: its folder cannot be written.", hint))
    elif path.exists() and not os.access(path, os.W_OK):
        yield failed(name, UnreachableError(f"{place} cannot be written.", hint))
    else:
        yield ok(name, f"{place} can be written.")

    if path.parent.is_dir():
        yield from _space(path.parent)


def _space(folder: Path) -> Iterator[Check]:
    try:
        free = shutil.disk_usage(folder).free
    except OSError:
        return
    if free < _LEAST_SPACE:
        yield warning(
            "journal.space", f"The disk of the journal has {free / _MEGABYTE:.1f} MB free, in {visible(str(folder))}: what a "
            "sync writes could soon not be recorded.",
            "Make room there before the next sync.",
        )  # fmt: skip


def _readers(journal: Journal) -> Iterator[Check]:
    """Warn of customers' data that everybody on this machine may read: an SQLite journal, and the copy of links beside it."""
    copy = copies.path_beside(journal)
    if copy is None or os.name == "nt":
        return
    open_ = [path for path in (Path(str(journal.place.url.database)), copy) if _everybody_reads(path)]
    if open_:
        names = [visible(str(path)) for path in open_]
        yield warning(
            "journal.readers", f"Everybody on this machine may read {' and '.join(names)}, with customers' data in "
            f"{'them' if len(open_) > 1 else 'it'}.",
            f"Take that right away: chmod o-rwx {' '.join(as_word(str(path)) for path in open_)}",
        )  # fmt: skip


def _everybody_reads(path: Path) -> bool:
    """Tell whether everybody may read a file: it lets them, and so does each folder on the way to it."""
    try:
        whole = path.resolve()
        return bool(whole.stat().st_mode & stat.S_IROTH) and all(each.stat().st_mode & stat.S_IXOTH for each in whole.parents)
    except OSError:
        return False


def _server(place: Address) -> Iterator[Check]:
    try:
        with database.plain_errors(place), database.engine(place, writes=False).connect() as connection:
            lacking = None
            with database.refusals_ignored():
                lacking = _lacking(connection)
    except BposyncError as error:
        yield failed("journal.rights", error)
        return
    if lacking is None:
        return
    if lacking:
        refusal = UnreachableError(
            f"{place} cannot be written: the login lacks {', '.join(lacking)}.", f"Give it that right; {rights.LEAST}"
        )
        yield failed("journal.rights", refusal)
    else:
        yield ok("journal.rights", f"{place} can be written.")


READ_ONLY: Final = {
    "postgresql": "SELECT pg_is_in_recovery()",
    "mssql": "SELECT CASE WHEN DATABASEPROPERTYEX(DB_NAME(), 'Updateability') = 'READ_ONLY' THEN 1 ELSE 0 END",
}
MAY_CREATE: Final = {
    "postgresql": "SELECT has_schema_privilege(current_schema(), 'CREATE')",
    "mssql": "SELECT HAS_PERMS_BY_NAME(DB_NAME(), 'DATABASE', 'CREATE TABLE')",
}


def _lacking(connection: sa.Connection) -> list[str] | None:
    """Give the rights that the journal's login lacks; None where the database does not tell."""
    dialect = connection.dialect.name
    if dialect not in READ_ONLY:
        return None
    if connection.exec_driver_sql(READ_ONLY[dialect]).scalar():
        return ["any right to write: this server only reads"]
    present = {name.casefold() for name in sa.inspect(connection).get_table_names()}
    tables = [table.name for table in schema.metadata.sorted_tables]
    lacking = []
    if not all(name.casefold() in present for name in tables) and not connection.exec_driver_sql(MAY_CREATE[dialect]).scalar():
        lacking.append("CREATE TABLE")
    for name in tables:
        if name.casefold() in present:
            lacking += [f"{right} on {name}" for right in ("INSERT", "SELECT") if not rights.may(connection, name, right)]
    return lacking


def _version(journal: Journal) -> Check:
    if journal.version < schema.VERSION:
        return ok(
            "journal.version",
            f"The journal is of version {journal.version}; the next sync brings it to version {schema.VERSION}. Until then an "
            "older bposync can read it.",
        )
    return ok("journal.version", f"The journal is of this version ({schema.VERSION}).")


def _chain(journal: Journal) -> Iterator[Check]:
    if not journal.has(2):
        return
    found = journal.verify()
    if not found.problems:
        what = f"{many(found.runs, 'run')} and {many(found.decisions, 'decision')}"
        yield ok("journal.chain", f"Nothing in the journal was changed since it was recorded: {what}.")
    for problem in found.problems[:_MOST_PROBLEMS]:
        error = UsageError(
            f"The journal is not as it was recorded. {problem}",
            f"{command('history --verify')} shows all of it. Who may write there? A backup tells what stood there before.",
        )
        yield failed("journal.chain", error)


def company(journal: Journal, books: Books) -> Iterator[Check]:
    """Look whether the journal is about this company."""
    try:
        known = journal.known_company()
        guards.check_company(books.company, known)
    except BposyncError as error:
        yield failed("journal.company", error)
        return
    if known:
        yield ok("journal.company", visible(f"The journal is about {known}, which accounting is."))


def lock(settings: Settings) -> Checks[None]:
    """Look whether a sync is running, without taking its lock; and say where two machines need one journal."""
    name = "journal.lock"
    try:
        place, company_, in_journal = _lock_of(settings)
        seen = locks.look(place, company_)
    except BposyncError as error:
        yield failed(name, error)
        return
    by = f", by {visible(seen.holder)}" if seen.holder else ""
    if seen.held:
        yield warning(name, f"A sync is running{by}.", "Another one has to wait until it is done.")
    elif seen.held is False:
        yield ok(name, "No sync is running: the lock is free.")
    elif seen.holder:
        yield warning(
            name, f"A sync is running{by}; or it was killed, for from here its lock cannot be seen.",
            "Where it was killed, nothing has to be done: the next sync takes the lock.",
        )  # fmt: skip
    if in_journal:
        only = ", a file that this machine has" if place.is_file else ""
        yield ok(
            "journal.shared",
            f"The lock of a sync is in the journal{only}: whoever synchronises this company from another machine needs the "
            "same journal ([state] url).",
        )


def _lock_of(settings: Settings) -> tuple[Address, str, bool]:
    """Give where the lock of a sync is, for which company, and whether that is in the journal's database."""
    table = settings.accounting
    place = None if table is None else place_or_none(settings)
    locks_itself = table is not None and table.write in ("sql", "freedom")
    if locks_itself and place is not None and place.url.get_backend_name() in locks.KNOWN:
        return place, "", False
    return place_of(settings), settings.state.company.strip(), True
