"""What the login may do: enough for its task, and no more. BPO is only read; accounts are made and changed, none deleted."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from bposync.doctor.check import Check, ok, warning
from bposync.journal import schema
from bposync.values import visible
from bposync.words import some

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
    """What a login is for, and the tables that it makes and changes accounts in."""

    task: Task
    tables: tuple[Written, ...] = ()


@dataclass(frozen=True, slots=True)
class Written:
    """A table that accounts are made and changed in, with the columns that are changed.

    `optional` are those that are changed where the configuration says so: a right on them is not missed, nor too much.
    """

    table: str
    columns: tuple[str, ...]
    optional: tuple[str, ...] = ()


READING: Final = Need(Task.READ)
# Who may do anything there, by the words in which it is said.
EVERYTHING: Final = {
    # A role that is not inherited can be taken on.
    "postgresql": (
        "SELECT CASE WHEN bool_or(rolsuper AND rolname = current_user) THEN 'a superuser' "
        "WHEN bool_or(rolsuper) THEN 'a member of a superuser''s role' END FROM pg_roles WHERE pg_has_role(oid, 'MEMBER')"
    ),
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
# Every right to write that the login has on a table or view, by itself or by a role of its: whether the table is the one that
# is found by its bare name, its schema, its name, the right, and the column; blank for the whole table.
HELD: Final = {
    "postgresql": (
        "WITH me AS (SELECT oid FROM pg_roles WHERE pg_has_role(oid, 'MEMBER')), "
        "t AS (SELECT c.oid, c.relowner, pg_table_is_visible(c.oid) AS bare, n.nspname, c.relname "
        "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE c.relkind IN ('r', 'p', 'v', 'f') AND left(n.nspname, 3) <> 'pg_' AND n.nspname <> 'information_schema' "
        "AND EXISTS (SELECT 1 FROM me WHERE has_schema_privilege(me.oid, n.oid, 'USAGE'))), "
        "held AS (SELECT t.*, w.held_right FROM t CROSS JOIN (VALUES ('INSERT'), ('UPDATE'), ('DELETE'), ('TRUNCATE'), "
        "('REFERENCES'), ('TRIGGER')) AS w (held_right) "
        "WHERE EXISTS (SELECT 1 FROM me WHERE has_table_privilege(me.oid, t.oid, w.held_right))) "
        "SELECT bare, nspname, relname, held_right, '' FROM held "
        "UNION ALL SELECT bare, nspname, relname, 'ownership', '' FROM t WHERE relowner IN (SELECT oid FROM me) "
        "UNION ALL SELECT t.bare, t.nspname, t.relname, w.held_right, a.attname FROM t "
        "CROSS JOIN (VALUES ('INSERT'), ('UPDATE'), ('REFERENCES')) AS w (held_right) "
        "JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped "
        "WHERE NOT EXISTS (SELECT 1 FROM held WHERE held.oid = t.oid AND held.held_right = w.held_right) "
        "AND EXISTS (SELECT 1 FROM me WHERE has_column_privilege(me.oid, t.oid, a.attnum, w.held_right))"
    ),
    # TRUNCATE is a part of ALTER there.
    "mssql": (
        "SELECT CASE WHEN o.schema_id = SCHEMA_ID() OR SCHEMA_NAME(o.schema_id) = 'dbo' THEN 1 ELSE 0 END, "
        "SCHEMA_NAME(o.schema_id), o.name, p.permission_name, p.subentity_name FROM sys.objects AS o "
        "CROSS APPLY sys.fn_my_permissions(QUOTENAME(SCHEMA_NAME(o.schema_id)) + '.' + QUOTENAME(o.name), 'OBJECT') AS p "
        "WHERE o.type IN ('U', 'V') AND o.is_ms_shipped = 0 "
        "AND p.permission_name IN ('INSERT', 'UPDATE', 'DELETE', 'ALTER', 'CONTROL', 'TAKE OWNERSHIP', 'REFERENCES')"
    ),
}
_MOST_SAID: Final = 6
_MOST_COLUMNS: Final = 4
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
    lacking = []
    for table, columns in ((each.table, each.columns) for each in need.tables):
        if not may(connection, table, "INSERT"):
            lacking.append(f"INSERT on {table}")
        if not may(connection, table, "UPDATE"):
            missing = [column for column in columns if not may(connection, table, "UPDATE", column)]
            if missing:
                what = f" ({', '.join(missing)})" if len(missing) < len(columns) else ""
                lacking.append(f"UPDATE on {table}{what}")
    wider = _unneeded(connection, need)
    if lacking:
        yield warning(
            name, f"The login lacks {', '.join(lacking)}: it may look, and a sync will be refused what it writes.",
            f"Where it is to synchronise, give it that right; {LEAST}",
        )  # fmt: skip
    if wider:
        what = some(wider, _MOST_SAID)
        yield warning(name, f"The login has {what}, which bposync never needs.", f"Take such a right away; {LEAST}")
    if not lacking and not wider:
        yield ok(
            name, "The login may make accounts and change those fields that bposync writes; it may write nothing else there, "
            "and delete nothing.",
        )  # fmt: skip


def _unneeded(connection: sa.Connection, need: Need) -> list[str]:
    """Name the rights to write that go beyond the need, as in `UPDATE on Client (DCBalance)`; those on accounts come first."""
    written = {each.table.rpartition(".")[2].casefold(): each for each in need.tables}
    journal = {table.name for table in schema.metadata.sorted_tables}
    held: dict[tuple[bool, str], dict[str, list[str]]] = {}
    """By table, accounts' tables first: each right with the columns that it is on; a blank one is the whole table."""
    for is_bare, schema_name, table, right, column in connection.exec_driver_sql(HELD[connection.dialect.name]).all():
        ours = written.get(table.casefold()) if is_bare else None
        if ours is not None:
            changed = {each.casefold() for each in (*ours.columns, *ours.optional)}
            if right == "INSERT" or (right == "UPDATE" and column and column.casefold() in changed):
                continue
        elif table.casefold() in journal:
            continue
        name = visible(table if is_bare else f"{schema_name}.{table}")
        held.setdefault((ours is None, name), {}).setdefault(right, []).append(column or "")
    found = []
    for (is_other, table), rights in sorted(held.items()):
        whole = [right for right in _ORDER if "" in rights.get(right, ()) and (is_other or right != "UPDATE")]
        if whole:
            found.append(f"{', '.join(whole)} on {table}")
        for right, columns in sorted(rights.items()):
            if "" not in columns:
                found.append(f"{right} on {table} ({some([visible(each) for each in sorted(columns)], _MOST_COLUMNS)})")
            elif right not in whole:
                found.append(f"{right} on every column of {table}")
    return found


_ORDER: Final = (
    "ownership", "TAKE OWNERSHIP", "CONTROL", "ALTER", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER",
)  # fmt: skip


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
