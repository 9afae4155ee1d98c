"""Plain ODBC: a database that is known by its connection string alone, such as Pastel's, whose dialect is nobody's to ship.

SQLAlchemy writes the statements in its plainest form, standard SQL with `?` parameters. What reaches the driver is one line
each; no savepoint, no time-out that Pastel's driver refuses, and nothing is asked when a connection begins. Tables and
columns are those of ODBC's own catalogue.
"""

from __future__ import annotations

import codecs
import contextlib
import struct
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa
from sqlalchemy import exc
from sqlalchemy.connectors.pyodbc import PyODBCConnector
from sqlalchemy.dialects import registry
from sqlalchemy.engine import URL
from sqlalchemy.engine.default import DefaultDialect

if TYPE_CHECKING:
    from collections.abc import Iterator

BACKEND: Final = "bposync_odbc"
BITS: Final = struct.calcsize("P") * 8
"""Of this Python: 32 or 64; it sees the ODBC drivers and COM servers of its own kind only."""
# How Pastel's database calls itself. It keeps text in the code page of South African Windows.
_PASTEL: Final = ("pervasive", "btrieve", "zen", "psql")
CODE_PAGE: Final = "bposync_cp1252"
"""cp1252, in which a byte that it does not know is a control character: one that strayed in stops no reading."""
_LOST: Final = ("08", "HYT01")
# Of ODBC's SQLSTATE and of Windows: the driver is of the other kind, 32-bit or 64-bit.
_OTHER_BITS: Final = ("IM014", "error code 193", "%1 is not a valid Win32")


def url_of(connection_string: str) -> URL:
    """Give SQLAlchemy's URL for a connection string, which stands in it as it is."""
    return URL.create(f"{BACKEND}+pyodbc", query={"odbc_connect": connection_string})


def other_bits(said: str) -> str:
    """Say what to do where a driver is of the other kind than this Python; empty where that is not the trouble."""
    if not any(mark in said for mark in _OTHER_BITS):
        return ""
    other = 32 if BITS == 64 else 64  # noqa: PLR2004
    return (
        f"This Python is {BITS}-bit, and the driver or the data source is for {other}-bit programs. Run bposync with a "
        f"{other}-bit Python, or name a {BITS}-bit driver (docs/partner.md)."
    )


class PlainOdbc(PyODBCConnector, DefaultDialect):
    """Any database behind an ODBC driver, asked for no more than standard SQL."""

    name = BACKEND
    driver = "pyodbc"
    supports_statement_cache = True
    supports_sane_rowcount = True
    postfetch_lastrowid = False
    default_paramstyle = "qmark"
    max_identifier_length = 128

    def initialize(self, connection: sa.Connection) -> None:
        """Ask the database nothing about itself."""

    def connect(self, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - pyodbc's own connection
        """Connect, with a time-out for the login where the driver takes one."""
        import pyodbc

        try:
            made = pyodbc.connect(*arguments, **options)
        except pyodbc.Error as error:
            if "LOGIN_TIMEOUT" not in str(error):
                raise
            options.pop("timeout", None)
            made = pyodbc.connect(*arguments, **options)
        if any(word in str(made.getinfo(pyodbc.SQL_DBMS_NAME)).lower() for word in _PASTEL):
            # Its drivers hand over bytes of the code page, and take them.
            made.setencoding(encoding=CODE_PAGE, ctype=pyodbc.SQL_CHAR)
            made.setdecoding(pyodbc.SQL_CHAR, encoding=CODE_PAGE)
        return made

    def is_disconnect(self, e: Exception, connection: Any, cursor: Any) -> bool:  # noqa: ANN401
        """Tell whether an error means that the connection is gone."""
        state = str(e.args[0]) if e.args else ""
        return state.startswith(_LOST) or super().is_disconnect(e, connection, cursor)

    # One line each.

    def do_execute(self, cursor: Any, statement: str, parameters: Any, context: Any = None) -> None:  # noqa: ANN401, ARG002
        """Send one statement."""
        cursor.execute(" ".join(statement.split()), parameters)

    def do_execute_no_params(self, cursor: Any, statement: str, context: Any = None) -> None:  # noqa: ANN401, ARG002
        """Send one statement without parameters."""
        cursor.execute(" ".join(statement.split()))

    def do_executemany(self, cursor: Any, statement: str, parameters: Any, context: Any = None) -> None:  # noqa: ANN401, ARG002
        """Send one statement for each set of parameters."""
        cursor.executemany(" ".join(statement.split()), parameters)

    # Savepoints are none of Pastel's: what is inside one is part of the transaction around it.

    def do_savepoint(self, connection: sa.Connection, name: str) -> None: ...  # noqa: D102

    def do_rollback_to_savepoint(self, connection: sa.Connection, name: str) -> None: ...  # noqa: D102

    def do_release_savepoint(self, connection: sa.Connection, name: str) -> None: ...  # noqa: D102

    # The catalogue.

    def get_table_names(self, connection: sa.Connection, schema: str | None = None, **_: object) -> list[str]:
        """Give the names of the tables."""
        return [row.table_name for row in _catalogue(connection, "tables", tableType="TABLE", schema=schema)]

    def get_view_names(self, connection: sa.Connection, schema: str | None = None, **_: object) -> list[str]:
        """Give the names of the views."""
        return [row.table_name for row in _catalogue(connection, "tables", tableType="VIEW", schema=schema)]

    def has_table(self, connection: sa.Connection, table_name: str, schema: str | None = None, **_: object) -> bool:
        """Tell whether there is a table of that name."""
        return any(True for _ in _catalogue(connection, "tables", table=table_name, schema=schema))

    def get_columns(self, connection: sa.Connection, table_name: str, schema: str | None = None, **_: object) -> Any:  # noqa: ANN401
        """Give a table's columns with their types."""
        return [
            {"name": row.column_name, "type": _type_of(row.data_type, row.column_size), "nullable": True, "default": None}
            for row in _catalogue(connection, "columns", table=table_name, schema=schema)
            if row.table_name == table_name  # a name is a pattern to ODBC, in which _ is any character
        ]


def _catalogue(connection: sa.Connection, what: str, **names: str | None) -> Iterator[Any]:
    raw: Any = connection.connection.dbapi_connection
    cursor = raw.cursor()
    try:
        yield from getattr(cursor, what)(**{name: value for name, value in names.items() if value is not None}).fetchall()
    except Exception as error:
        raise exc.NoSuchTableError(str(error)) from error
    finally:
        cursor.close()


def _type_of(number: int, size: int | None) -> sa.types.TypeEngine[Any]:
    """Give the type that ODBC's number of one means."""
    import pyodbc

    if number == pyodbc.SQL_BIT:
        return sa.Boolean()
    if number in (pyodbc.SQL_INTEGER, pyodbc.SQL_SMALLINT, pyodbc.SQL_TINYINT, pyodbc.SQL_BIGINT):
        return sa.Integer()
    if number in (pyodbc.SQL_DOUBLE, pyodbc.SQL_FLOAT, pyodbc.SQL_REAL):
        return sa.Float()
    if number in (pyodbc.SQL_DECIMAL, pyodbc.SQL_NUMERIC):
        return sa.Numeric()
    texts = (
        pyodbc.SQL_CHAR, pyodbc.SQL_VARCHAR, pyodbc.SQL_LONGVARCHAR, pyodbc.SQL_WCHAR, pyodbc.SQL_WVARCHAR,
        pyodbc.SQL_WLONGVARCHAR,
    )  # fmt: skip
    return sa.String(size or None) if number in texts else sa.types.NULLTYPE


def database_name(connection: sa.Connection) -> str:
    """Give the name that the database behind a driver gives itself; empty where it gives none."""
    import pyodbc

    raw: Any = connection.connection.dbapi_connection
    with contextlib.suppress(Exception):  # not every driver tells
        return str(raw.getinfo(pyodbc.SQL_DATABASE_NAME) or "").strip(" \0")
    return ""


def _stray(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)  # noqa: S101 - it is asked about decoding only
    return error.object[error.start : error.end].decode("latin-1"), error.end


def _codec(name: str) -> codecs.CodecInfo | None:
    if name != CODE_PAGE:
        return None
    encode = codecs.lookup("cp1252").encode
    return codecs.CodecInfo(
        encode, lambda raw, _="strict": (bytes(raw).decode("cp1252", f"{CODE_PAGE}.stray"), len(raw)), name=name
    )


codecs.register_error(f"{CODE_PAGE}.stray", _stray)
codecs.register(_codec)
registry.register(f"{BACKEND}.pyodbc", __name__, PlainOdbc.__name__)
