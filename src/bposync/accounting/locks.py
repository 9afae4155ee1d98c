"""One sync of a company at a time: a lock where the accounts are, that never waits and that ends with its process.

PostgreSQL: an advisory lock on a connection of its own. SQL Server: sp_getapplock, likewise. SQLite: a file beside the
database, never a lock on the database itself. Who holds it can be read by who does not get it, where there is room for that.
Where the way in has none to give (an SDK, an import file, an ODBC driver of any kind), the lock is in the journal's database,
one for each company that the journal is about.
"""

from __future__ import annotations

import contextlib
import json
import platform
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa
from sqlalchemy import exc

from bposync import database
from bposync.documents import moment
from bposync.errors import LockedError, UnreachableError
from bposync.people import current_user
from bposync.values import visible

if TYPE_CHECKING:
    from collections.abc import Iterator

_CLASS: Final = 0x62706F73  # "bpos", so that other programs' advisory locks stay apart
_OBJECT: Final = 1
_WRITE_OBJECT: Final = 2  # held by each write for the length of its transaction
_PROGRAM: Final = "bposync "
_LONGEST_NAME: Final = 63  # of an application in PostgreSQL


KNOWN: Final = ("sqlite", "postgresql", "mssql")
"""The databases that have a lock which ends with its process."""


def held_in_journal(journal: database.Address, company: str) -> contextlib.AbstractContextManager[None]:
    """Hold the lock of a company where its journal is; two machines then need one and the same journal."""
    return held(journal, company)


@contextlib.contextmanager
def held(place: database.Address, company: str = "") -> Iterator[None]:
    """Hold the lock of a database's company, or of one of several that a journal is about.

    Raises LockedError, saying who has it, or UnreachableError.
    """
    if place.is_file:
        with _file_lock(place, company):
            yield
        return
    with database.plain_errors(place):
        connection = database.engine(place, writes=True).connect()
    try:
        with database.plain_errors(place, "cannot be locked"):
            {"postgresql": _lock_postgresql, "mssql": _lock_mssql}.get(connection.dialect.name, _no_lock)(
                connection, place, company
            )
        yield
    finally:
        # The lock belongs to the connection, and goes with it.
        with contextlib.suppress(Exception):
            connection.close()


def _holder(most: int | None = None) -> str:
    """Say who holds a lock from now on, in at most so many characters of ASCII: of user and machine as much as fits."""
    user, machine, since = current_user(), platform.node() or "unknown", moment(datetime.now(UTC))
    if most is not None:
        user, machine = (text.encode("ascii", "replace").decode() for text in (user, machine))
        room = most - len(f" on  since {since}")
        user = user[: max(room // 2, room - len(machine))]
        machine = machine[: room - len(user)]
    return f"{user} on {machine} since {since}"


def _taken(place: database.Address, holder: str, company: str) -> LockedError:
    by = f", by {visible(holder)}" if holder else ""
    what = f"{visible(company)} (the lock is in {place})" if company else place.database
    return LockedError(f"Another sync of {what} is running{by}.", "Wait until it is done, then sync again.")


def _suffix(company: str) -> str:
    """Give what tells a company's lock from another's, in letters that any file system takes."""
    if not company:
        return ""
    plain = "".join(character if character.isascii() and character.isalnum() else "-" for character in company.lower())[:40]
    return f"{plain}-{zlib.crc32(company.encode()):08x}"


def _file_lock(place: database.Address, company: str) -> contextlib.AbstractContextManager[Any]:
    from filelock import FileLock, Timeout

    path = ".".join(filter(None, (str(place.url.database), _suffix(company))))
    lock = FileLock(f"{path}.lock", timeout=0)
    said = Path(f"{path}.held-by.lock")

    @contextlib.contextmanager
    def locked() -> Iterator[None]:
        try:
            lock.acquire()
        except Timeout:
            holder = ""
            with contextlib.suppress(OSError, ValueError, KeyError):
                holder = str(json.loads(said.read_text("utf-8"))["holder"])
            raise _taken(place, holder, company) from None
        except OSError as error:
            raise UnreachableError(f"{place} cannot be locked: {error.strerror}.", "Check the rights on its folder.") from None
        try:
            with contextlib.suppress(OSError):
                said.write_text(json.dumps({"holder": _holder()}), "utf-8")
            yield
        finally:
            with contextlib.suppress(OSError):
                said.unlink()
            lock.release()

    return locked()


_WHO: Final = sa.text(
    "SELECT a.application_name FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid WHERE l.locktype = 'advisory' "
    "AND l.granted AND l.classid = :class AND l.objid = :object AND l.database = "
    "(SELECT oid FROM pg_database WHERE datname = current_database())"
)


def _number(company: str) -> int:
    return zlib.crc32(company.encode()) & 0x7FFFFFFF if company else _OBJECT


def _lock_postgresql(connection: sa.Connection, place: database.Address, company: str) -> None:
    name = _PROGRAM + _holder(_LONGEST_NAME - len(_PROGRAM))
    connection.execute(sa.select(sa.func.set_config("application_name", name, False)))  # noqa: FBT003
    number = _number(company)
    got = connection.execute(sa.select(sa.func.pg_try_advisory_lock(_CLASS, number))).scalar()
    connection.commit()
    if got:
        return
    holder = ""
    with contextlib.suppress(exc.SQLAlchemyError):
        holder = str(connection.execute(_WHO, {"class": _CLASS, "object": number}).scalar() or "")
    raise _taken(place, holder.removeprefix(_PROGRAM), company)


def held_for_write(connection: sa.Connection, database_name: str, milliseconds: int) -> bool:
    """Hold the lock of a write until the transaction ends, and tell whether it could be had in so long.

    From then on the transaction waits no longer than that for anything that others hold.
    """
    if connection.dialect.name == "mssql":
        connection.exec_driver_sql(f"SET LOCK_TIMEOUT {milliseconds}")
        return get_applock(connection, f"{lock_name(database_name)}:write", "Transaction", milliseconds) >= 0
    if connection.dialect.name == "postgresql":
        wait = sa.func.set_config("lock_timeout", str(milliseconds), True)  # noqa: FBT003
        try:
            connection.execute(sa.select(wait))
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_CLASS, _WRITE_OBJECT)))
        except exc.DBAPIError as error:
            if not database.is_held(error):
                raise
            return False
    # SQLite's own lock is the process's, and goes with it.
    return True


def lock_name(database_name: str) -> str:
    """Give the name of a company's lock on SQL Server, where names are compared as they are written."""
    return f"bposync:{database_name}".lower()[:200]


def get_applock(connection: sa.Connection, name: str, owner: str, milliseconds: int) -> int:
    """Ask SQL Server for a lock, and give its return code: 0 and 1 mean that it was given."""
    statement = sa.text(
        "SET NOCOUNT ON; DECLARE @code int; EXEC @code = sp_getapplock @Resource = :name, @LockMode = 'Exclusive', "
        "@LockOwner = :owner, @LockTimeout = :wait; SELECT @code"
    )
    return int(connection.execute(statement, {"name": name, "owner": owner, "wait": milliseconds}).scalar_one())


def _resource(connection: sa.Connection, company: str) -> str:
    name = ":".join(filter(None, (str(connection.exec_driver_sql("SELECT DB_NAME()").scalar()), _suffix(company))))
    return lock_name(name)


def _lock_mssql(connection: sa.Connection, place: database.Address, company: str) -> None:
    code = get_applock(connection, _resource(connection, company), "Session", 0)
    connection.commit()
    if code < 0:
        raise _taken(place, "", company)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a look at a lock showed, without taking it. `held` is None where that cannot be told."""

    held: bool | None
    holder: str = ""
    """Who has it, since when; empty where nobody does, or where that is not told."""


def look(place: database.Address, company: str = "") -> Seen:
    """Look whether a lock is held, and by whom, without taking it: no sync that begins in this moment is held up.

    Raises UnreachableError.
    """
    if place.is_file:
        return _look_at_file(".".join(filter(None, (str(place.url.database), _suffix(company)))))
    with database.plain_errors(place), database.engine(place, writes=False).connect() as connection:
        if connection.dialect.name == "postgresql":
            row = connection.execute(_WHO, {"class": _CLASS, "object": _number(company)}).first()
            return Seen(held=row is not None, holder=str(row[0] or "").removeprefix(_PROGRAM) if row else "")
        if connection.dialect.name == "mssql":
            statement = sa.text("SELECT APPLOCK_TEST('public', :name, 'Exclusive', 'Session')")
            return Seen(held=connection.execute(statement, {"name": _resource(connection, company)}).scalar() == 0)
    return Seen(held=None)


def _look_at_file(path: str) -> Seen:
    """Look for the name that a holder leaves; where the system lists its locks, a killed one is told from one at work."""
    try:
        holder = str(json.loads(Path(f"{path}.held-by.lock").read_text("utf-8"))["holder"])
        inode = Path(f"{path}.lock").stat().st_ino
    except (OSError, ValueError, KeyError, TypeError):
        return Seen(held=False)
    try:
        listed = any(f":{inode} " in line for line in Path("/proc/locks").read_text("ascii").splitlines())
    except (OSError, ValueError):
        return Seen(None, holder)
    # Another machine's locks are not listed here.
    here = f" on {platform.node() or 'unknown'} since " in holder
    return Seen(held=True, holder=holder) if listed else Seen(False if here else None, holder)


def _no_lock(_connection: sa.Connection, place: database.Address, _company: str) -> None:
    raise UnreachableError(
        f"{place} offers no lock that bposync knows ({place.url.get_backend_name()}).",
        "A sync's lock is known in SQL Server, PostgreSQL and SQLite.",
    )
