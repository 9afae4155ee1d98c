"""What a database has: its tables and views with their columns, for proposals; only the catalogue is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import sqlalchemy as sa
from sqlalchemy.sql.elements import quoted_name

from bposync import bpo, database
from bposync.values import text_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bposync.config import Settings

_SYSTEM: Final = ("information_schema", "sys", "pg_catalog", "pg_toast")
_WITH_INFORMATION_SCHEMA: Final = ("mssql", "postgresql", "mysql", "mariadb")
# In capitals and without quotation marks, which every one of them takes.
_COLUMNS: Final[list[sa.ColumnClause[object]]] = [
    sa.column(quoted_name(name, quote=False)) for name in ("TABLE_SCHEMA", "TABLE_NAME", "COLUMN_NAME", "ORDINAL_POSITION")
]
EVERYTHING: Final = (
    sa.select(*_COLUMNS[:3])
    .select_from(sa.table(quoted_name("COLUMNS", quote=False), schema=quoted_name("INFORMATION_SCHEMA", quote=False)))
    .order_by(_COLUMNS[0], _COLUMNS[1], _COLUMNS[3])
)
"""Every column that the login may read, with its table and schema."""


def tables(place: database.Address) -> dict[str, tuple[str, ...]]:
    """Give the columns of every table and view, by the name that a configuration gives it.

    Raises UnreachableError or UsageError.
    """
    engine = database.engine(place, writes=False)
    try:
        with database.plain_errors(place):
            connection = engine.connect()
        with connection, database.plain_errors(place, "does not say which tables it has"):
            own = sa.inspect(connection).default_schema_name if place.url.get_backend_name() == "postgresql" else None
            found: dict[str, list[str]] = {}
            listed = _by_question if place.url.get_backend_name() in _WITH_INFORMATION_SCHEMA else _by_inspection
            for schema, table, column in listed(connection):
                found.setdefault(database.name_of(*([schema] if schema and schema != own else []), table), []).append(column)
            return {name: tuple(columns) for name, columns in found.items()}
    finally:
        engine.dispose()


def columns(settings: Settings) -> tuple[str, ...]:
    """Give the columns of the configured table or SELECT. Raises UnreachableError or UsageError."""
    place = database.address(
        bpo.PURPOSE, "[bpo] url", settings.bpo.url, folder=settings.folder, environment=settings.environment
    )
    engine = database.engine(place, writes=False)
    try:
        with database.plain_errors(place):
            connection = engine.connect()
        with connection, database.plain_errors(place, "cannot be read"):
            return tuple(bpo.columns_of(connection, bpo.source_of(connection, settings.bpo)))
    finally:
        engine.dispose()


def _by_question(connection: sa.Connection) -> Iterable[tuple[str, str, str]]:
    """Ask once for all: a server has thousands of columns, and each question takes a moment."""
    for row in connection.execute(EVERYTHING):
        schema, table, column = (text_of(cell) for cell in row)
        if schema.casefold() not in _SYSTEM:
            yield schema, table, column


def _by_inspection(connection: sa.Connection) -> Iterable[tuple[str, str, str]]:
    inspector = sa.inspect(connection)
    for table in (*inspector.get_table_names(), *inspector.get_view_names()):
        try:
            with connection.begin_nested():
                columns = database.column_names(connection, sa.table(table))
        except sa.exc.SQLAlchemyError as error:  # a view of something that is gone
            if database.is_cut(error):
                raise
            continue
        for column in columns:
            yield "", table, column
