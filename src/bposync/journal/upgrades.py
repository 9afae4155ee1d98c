"""Brings a journal that an older bposync made to this version's schema, one version at a time, in one transaction.

Nothing is ever taken away: an older journal keeps its links, decisions and runs. A journal is upgraded when it is first
opened to be written; one that is only read is read as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from bposync.journal import schema
from bposync.journal.chain import Chain

if TYPE_CHECKING:
    from collections.abc import Callable


def upgrade(connection: sa.Connection, version: int) -> int:
    """Bring the tables from `version` to this one's, in the caller's transaction; give the version reached.

    The tables that a newer version added are there already: the caller makes every table that is missing.
    """
    for step in range(version, schema.VERSION):
        _STEPS[step](connection)
    if version < schema.VERSION:
        connection.execute(sa.update(schema.schema_version).values(version=schema.VERSION))
    return max(version, schema.VERSION)


def _to_2(connection: sa.Connection) -> None:
    """Chain the runs and decisions of every company that were recorded before there was a chain."""
    companies = connection.execute(sa.union(sa.select(schema.runs.c.company), sa.select(schema.decision_log.c.company)))
    for company in sorted(companies.scalars()):
        Chain(company).seal(connection)


def _to_3(connection: sa.Connection) -> None:
    """Give every link room for its marks; the next sync fills them."""
    _add(connection, schema.links, schema.links.c.bpo_mark, schema.links.c.account_mark)


def _to_4(connection: sa.Connection) -> None:
    """Give every company room for the fields that BPO had; the next sync fills it."""
    _add(connection, schema.companies, schema.companies.c.bpo_fields)


def _add(connection: sa.Connection, table: sa.Table, *columns: sa.Column[Any]) -> None:
    there = {column["name"] for column in sa.inspect(connection).get_columns(table.name)}
    for column in columns:
        if column.name not in there:
            name = connection.dialect.identifier_preparer.format_table(table)
            definition = sa.schema.CreateColumn(column).compile(dialect=connection.dialect)
            connection.exec_driver_sql(f"ALTER TABLE {name} ADD {definition}")


_STEPS: Final[dict[int, Callable[[sa.Connection], None]]] = {1: _to_2, 2: _to_3, 3: _to_4}
"""How to leave each version for the next."""
