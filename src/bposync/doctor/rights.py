"""What the login may do: enough for its task, and no more. BPO is only read; accounts are made and changed, none deleted."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from bposync.doctor.check import Check, ok, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bposync.database import Address

LEAST: Final = "docs/configuration.md lists the least rights under Least rights."


class Task(Enum):
    """What a login is for."""

    READ = "read"
    WRITE_ACCOUNTS = "write accounts"
    KEEP_JOURNAL = "keep the journal"


@dataclass(frozen=True, slots=True)
class Need:
    """What a login is for, and the tables that it makes and changes accounts in, with the columns that are changed."""

    task: Task
    tables: tuple[tuple[str, tuple[str, ...]], ...] = ()


READING: Final = Need(Task.READ)
# Who may do anything there, by the words in which it is said.
EVERYTHING: Final = {
    "postgresql": "SELECT CASE WHEN rolsuper THEN 'a superuser' END FROM pg_roles WHERE rolname = current_user",
    "mssql": (
        "SELECT CASE WHEN IS_SRVROLEMEMBER('sysadmin') = 1 THEN 'sysadmin' "
        "WHEN HAS_PERMS_BY_NAME(DB_NAME(), 'DATABASE', 'CONTROL') = 1 THEN 'db_owner' END"
    ),
}
# The tables and views that the login may write into: how many, and the first of them.
WRITABLE: Final = {
    "postgresql": (
        "SELECT count(*), min(c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE c.relkind IN ('r', 'p', 'v', 'f') AND left(n.nspname, 3) <> 'pg_' AND n.nspname <> 'information_schema' "
        "AND has_schema_privilege(n.oid, 'USAGE') "
        "AND (has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE') "
        "OR has_any_column_privilege(c.oid, 'INSERT, UPDATE'))"
    ),
    "mssql": (
        "SELECT COUNT(*), MIN(o.name) FROM sys.objects AS o "
        "WHERE o.type IN ('U', 'V') AND o.is_ms_shipped = 0 AND ("
        "HAS_PERMS_BY_NAME(QUOTENAME(SCHEMA_NAME(o.schema_id)) + '.' + QUOTENAME(o.name), 'OBJECT', 'INSERT') = 1 OR "
        "HAS_PERMS_BY_NAME(QUOTENAME(SCHEMA_NAME(o.schema_id)) + '.' + QUOTENAME(o.name), 'OBJECT', 'UPDATE') = 1 OR "
        "HAS_PERMS_BY_NAME(QUOTENAME(SCHEMA_NAME(o.schema_id)) + '.' + QUOTENAME(o.name), 'OBJECT', 'DELETE') = 1)"
    ),
}
_ON_TABLE: Final = {
    "postgresql": "SELECT has_table_privilege(:object, :right)",
    "mssql": "SELECT HAS_PERMS_BY_NAME(:object, 'OBJECT', :right)",
}
_ON_COLUMN: Final = {
    "postgresql": "SELECT has_column_privilege(:object, :column, :right)",
    "mssql": "SELECT HAS_PERMS_BY_NAME(:object, 'OBJECT', :right, :column, 'COLUMN')",
}


def checks(topic: str, place: Address, connection: sa.Connection, need: Need) -> Iterator[Check]:
    """Say whether a login may do what it is for, and whether it may do more. Says nothing where the database tells nothing."""
    name, dialect = f"{topic}.rights", connection.dialect.name
    if place.is_file:
        if need.task is Task.READ:
            yield ok(name, "SQLite knows no logins; bposync opens the file so that it cannot be written.")
        return
    if dialect not in EVERYTHING or need.task is Task.KEEP_JOURNAL:
        return
    everything = connection.exec_driver_sql(EVERYTHING[dialect]).scalar()
    if everything:
        login = place.url.username or "of bposync"
        yield warning(
            name, f"The login {login} may do anything there (it is {everything}).",
            f"Give bposync a login of its own with no more than it needs; {LEAST}",
        )  # fmt: skip
        return
    if need.task is Task.READ:
        yield from _reading(name, connection)
    else:
        yield from _writing(name, connection, need)


def _reading(name: str, connection: sa.Connection) -> Iterator[Check]:
    row = connection.exec_driver_sql(WRITABLE[connection.dialect.name]).first()
    count, first = (int(row[0]), str(row[1])) if row is not None else (0, "")
    if not count:
        yield ok(name, "The login may read, and write nothing.")
        return
    where = f"into {first}" if count == 1 else f"into {count:,} tables and views, such as {first}"
    yield warning(name, f"The login may write {where}; bposync only reads there.", f"Give it SELECT and nothing else; {LEAST}")


def _writing(name: str, connection: sa.Connection, need: Need) -> Iterator[Check]:
    lacking, wider = [], []
    for table, columns in need.tables:
        if not may(connection, table, "INSERT"):
            lacking.append(f"INSERT on {table}")
        if not may(connection, table, "UPDATE"):
            missing = [column for column in columns if not may(connection, table, "UPDATE", column)]
            if missing:
                what = f" ({', '.join(missing)})" if len(missing) < len(columns) else ""
                lacking.append(f"UPDATE on {table}{what}")
        if may(connection, table, "DELETE"):
            wider.append(f"DELETE on {table}")
    if lacking:
        yield warning(
            name, f"The login lacks {', '.join(lacking)}: it may look, and a sync will be refused what it writes.",
            f"Where it is to synchronise, give it that right; {LEAST}",
        )  # fmt: skip
    if wider:
        yield warning(name, f"The login has {', '.join(wider)}, which bposync never needs.", f"Take that right away; {LEAST}")
    if not lacking and not wider:
        yield ok(name, "The login may make accounts and change those fields that are written, and delete nothing.")


def may(connection: sa.Connection, table: str, right: str, column: str = "") -> bool:
    """Ask whether the login has a right on a table, or on one column of it."""
    values: dict[str, Any] = {"object": quoted_name(connection, table), "right": right}
    if column:
        values["column"] = column
    statement = (_ON_COLUMN if column else _ON_TABLE)[connection.dialect.name]
    return bool(connection.execute(sa.text(statement), values).scalar())


def quoted_name(connection: sa.Connection, table: str) -> str:
    """Give a table's name as the database's own functions take it."""
    return ".".join(connection.dialect.identifier_preparer.quote_identifier(part) for part in table.split("."))
