"""Connections to databases: URLs with their secrets put in safely, time-outs, names without regard to case, plain errors.

BPO, the books and the journal all come through here, so that each trap of a driver is met once.
"""

from __future__ import annotations

import contextlib
import logging
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import sqlalchemy as sa
from sqlalchemy import event, exc
from sqlalchemy.engine import URL, make_url
from sqlalchemy.pool import NullPool

from bposync import file_rights, odbc, patience, secrets, tracing
from bposync.errors import BposyncError, UnreachableError, UsageError, did_you_mean
from bposync.values import quoted, visible
from bposync.variables import PLACEHOLDER

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_T = TypeVar("_T")

LOGIN_SECONDS: Final = 10
"""How long a connection may take to come about."""
QUERY_SECONDS: Final = 300
"""How long one statement may take."""
MAX_PARAMETERS: Final = 2000
"""Bound values in one statement; SQL Server takes 2,100, every other database more."""

_SQL_ATTR_LOGIN_TIMEOUT = 103  # of ODBC
# What was waited for in vain; SQL Server's number for it is 1222.
_POSTGRESQL_LOCKED = "55P03"
_SQLITE_LOCKED = (5, 6)
# What PostgreSQL, SQL Server and MySQL say where they answer, and let the login into no database of that name.
_NO_SUCH_DATABASE: Final = r'database ".*" does not exist|\(4060\)|cannot open database|unknown database'

_TOKEN = "BPOSYNC{}PLACE"  # noqa: S105
_PORT = re.compile(r":(BPOSYNC\d+PLACE)(?=[/?]|$)")
_FORM = 'A URL looks like "mssql+pyodbc://reader:${BPO_PASSWORD}@server/BPO?driver=ODBC+Driver+18+for+SQL+Server".'


@dataclass(frozen=True, slots=True)
class Address:
    """Where a database is. `purpose` is what users call it: BPO, the accounting system, the journal."""

    purpose: str
    url: URL

    @property
    def database(self) -> str:
        """The database's name; a file's name for SQLite."""
        name = self.url.database or self.url.query.get("odbc_connect") or ""
        if self.is_file:
            return Path(str(name)).stem
        found = re.search(r"\b(?:database|dbq|dsn)\s*=\s*\{?([^;}]*)", str(name), re.IGNORECASE)
        return secrets.redact(found[1]) if found else "" if "odbc_connect" in self.url.query else str(name)

    @property
    def server(self) -> str:
        """The server's name, or the file's path."""
        if self.is_file:
            return str(self.url.database)
        if self.url.host:
            return f"{self.url.host}:{self.url.port}" if self.url.port else self.url.host
        odbc = str(self.url.query.get("odbc_connect", ""))
        found = re.search(r"\b(?:server|servername)\s*=\s*\{?([^;}]*)", odbc, re.IGNORECASE)
        return secrets.redact(found[1]) if found else "this machine"

    @property
    def is_file(self) -> bool:
        """Whether the database is a file of SQLite's."""
        return self.url.get_backend_name() == "sqlite"

    def __str__(self) -> str:
        if self.is_file:
            return visible(f"{self.purpose} ({self.url.database})")
        return visible(f"{self.purpose} (database {self.database or '?'} on {self.server})")


def address(purpose: str, place: str, template: str, *, folder: Path, environment: Mapping[str, str]) -> Address:
    """Read a URL of the configuration, found at `place`; the values of ${NAME} are put in after it was taken apart.

    So nobody encodes a password. A relative SQLite path is relative to `folder`. Raises UsageError.
    """
    text, values = _tokens(template, environment)
    text = _PORT.sub(lambda found: ":" + values[found[1]], text)
    try:
        url = make_url(text)
        url.get_backend_name()
    except (exc.ArgumentError, ValueError):
        raise UsageError(f"{place}: this is no database URL.", _FORM) from None

    def fill(part: str | None) -> str | None:
        return None if part is None else _fill(part, values)

    query = {
        key: tuple(_fill(value, values, odbc=key == "odbc_connect") for value in ([found] if isinstance(found, str) else found))
        for key, found in url.query.items()
    }
    password = fill(str(url.password)) if url.password is not None else None
    secrets.register(password or "")
    for key, found in query.items():
        for value in found:
            if key == "odbc_connect":
                _register_odbc(value)
            elif "pass" in key.lower() or key.lower() == "pwd":
                secrets.register(value)
    database = fill(url.database)
    _check_parts(place, url, database)
    if url.get_backend_name() == "sqlite" and database and not database.startswith(("file:", ":memory:")):
        database = str(folder / Path(database).expanduser())
    url = URL.create(
        url.drivername, fill(url.username), password, fill(url.host), url.port, database,
        {key: found[0] if len(found) == 1 else found for key, found in query.items()},
    )  # fmt: skip
    return Address(purpose, url)


def odbc_address(purpose: str, template: str, *, environment: Mapping[str, str]) -> Address:
    """Read an ODBC connection string of the configuration; the values of ${NAME} are put in, in braces where they need them."""
    text, values = _tokens(template, environment)
    text = _fill(text, values, odbc=True)
    _register_odbc(text)
    return Address(purpose, odbc.url_of(text))


def _tokens(template: str, environment: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """Put a token in the place of each ${NAME}, and give the tokens' values: they are put in once all is taken apart.

    A template that is nothing but one ${NAME} is that variable's whole value.
    """
    values: dict[str, str] = {}

    def token(found: re.Match[str]) -> str:
        name = _TOKEN.format(len(values))
        values[name] = "$" if found["dollar"] else environment[found["name"]]
        return name

    whole = PLACEHOLDER.fullmatch(template)
    text = environment[whole["name"]] if whole and whole["name"] else PLACEHOLDER.sub(token, template)
    return text, values


def _check_parts(place: str, url: URL, database: str | None) -> None:
    """Refuse a URL that a password took apart, or that names no file. Nothing of it is shown: it may be the password."""
    if any("@" in str(part or "") for part in (url.host, url.database)) and url.get_backend_name() != "sqlite":
        raise UsageError(
            f"{place}: a character of the password takes this URL apart.",
            "Put the password into a variable and write ${NAME} in its place: then nothing in it has to be encoded.",
        )
    if url.get_backend_name() == "sqlite" and not database:
        raise UsageError(f"{place}: this URL names no file.", "An SQLite URL looks like sqlite:///bpo.sqlite")


def _fill(part: str, values: Mapping[str, str], *, odbc: bool = False) -> str:
    for token, value in values.items():
        if odbc and value != "$":
            braced = "{" + value.replace("}", "}}") + "}"
            part = part.replace("{" + token + "}", braced)
            # Braces go round a whole value; a part of one, as in SERVER=${HOST},1433, stands as it is.
            whole = re.compile(rf"(?<==){token}(?=\s*(?:;|$))")
            part = whole.sub(braced.replace("\\", "\\\\"), part)
            part = part.replace(token, value)
        else:
            part = part.replace(token, value)
    return part


def _register_odbc(connection_string: str) -> None:
    for found in re.finditer(r"\b(?:pwd|password)\s*=\s*(?:\{((?:[^}]|\}\})*)\}|([^;]*))", connection_string, re.IGNORECASE):
        secrets.register((found[1] or "").replace("}}", "}"))  # as it is meant, and below as it is written
        secrets.register((found[2] or "").strip())


def engine(place: Address, *, writes: bool) -> sa.Engine:
    """Make an engine with time-outs and without pool. It connects only when used.

    With `writes` false nothing can be written where the database can be told so. Raises UsageError where a driver is
    missing, and UnreachableError where an SQLite file is.
    """
    if place.is_file and not writes:
        _need_file(place)
    options: dict[str, Any] = {"poolclass": NullPool, "hide_parameters": True}
    try:
        if place.url.drivername.endswith("+pyodbc") or place.url.drivername == "mssql":
            _need_odbc_driver(place)
        made = sa.create_engine(place.url, connect_args=_connect_arguments(place), **options)
    except exc.NoSuchModuleError:
        hint = "Write postgresql:// instead." if place.url.drivername == "postgres" else _FORM
        raise UsageError(f"{place.purpose}: no driver for {place.url.drivername!r} URLs is installed.", hint) from None
    except ImportError as error:
        raise _missing_driver(place, error) from None
    except (exc.ArgumentError, TypeError, ValueError) as error:
        raise UsageError(f"{place.purpose}: {secrets.redact(str(error))}", _FORM) from None
    made = _prepared(made, place, writes=writes)
    if tracing.is_on():
        tracing.listen(made, place.purpose)
    return made


def _prepared(made: sa.Engine, place: Address, *, writes: bool) -> sa.Engine:
    """Meet what is special about a driver or a database."""
    backend, driver = place.url.get_backend_name(), made.dialect.driver
    if driver == "pyodbc":
        _prepare_pyodbc()
    # Both tell their logs of what could not be tidied up after an error; the error itself reaches us.
    for library in ("sqlalchemy", "psycopg"):
        logging.getLogger(library).addHandler(logging.NullHandler())
    if driver == "psycopg":
        event.listen(made, "do_connect", _connect_patiently)
    if backend == "sqlite":
        _prepare_sqlite(made, writes=writes)
    elif backend == "postgresql" and not writes:
        made = made.execution_options(postgresql_readonly=True)
    elif backend == "mssql" and writes:
        event.listen(made, "connect", _set_xact_abort)
    if driver in ("pyodbc", "mssqlpython") and backend != odbc.BACKEND:
        event.listen(made, "connect", _set_query_timeout)
    return made


def file_is_there(place: Address) -> bool:
    """Tell whether an SQLite database's file is there. Raises UnreachableError where nobody lets this user look."""
    path = Path(str(place.url.database))
    try:
        return path.exists()
    except PermissionError as error:
        raise UnreachableError(f"{place} cannot be reached: {error.strerror}", file_rights.lacking(path)) from None


def _need_file(place: Address) -> None:
    path = Path(str(place.url.database))
    if not str(path).startswith("file:") and not (file_is_there(place) and path.is_file()):
        raise UnreachableError(
            f"{place.purpose}: there is no file {visible(str(path))}.", "Check the URL in the configuration."
        )


def _connect_arguments(place: Address) -> dict[str, Any]:
    driver = place.url.drivername
    if driver.endswith("+pyodbc"):
        given = str(place.url.query.get("timeout", ""))
        return {"timeout": int(given) if given.isdecimal() else LOGIN_SECONDS}
    if "timeout" in place.url.query or "connect_timeout" in place.url.query:
        return {}
    if driver in ("postgresql", "postgresql+psycopg"):
        return {
            "connect_timeout": LOGIN_SECONDS, "application_name": "bposync",
            "keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3, "tcp_user_timeout": 60_000,
        }  # fmt: skip
    if driver.endswith("+mssqlpython"):
        return {"attrs_before": {_SQL_ATTR_LOGIN_TIMEOUT: LOGIN_SECONDS}}
    if place.is_file:
        return {"timeout": LOGIN_SECONDS}
    return {}


def _missing_driver(place: Address, error: ImportError) -> UsageError:
    if "libodbc" in str(error):
        return UsageError(
            f"{place.purpose}: ODBC is not installed on this machine ({error}).",
            "Install unixODBC: apt install unixodbc (Debian, Ubuntu) or dnf install unixODBC (Red Hat, Fedora).",
        )
    extra = {"psycopg": "postgresql", "mssql_python": "mssql"}.get(error.name or "")
    install = f'pip install "bposync[{extra}]"' if extra else f"pip install {error.name}"
    return UsageError(f"{place.purpose}: the Python package {error.name} is not installed.", f"Install it: {install}")


def _need_odbc_driver(place: Address) -> None:
    # A host without a database is a data source (DSN), which knows its driver itself.
    if place.url.host and place.url.database and "driver" not in {key.lower() for key in place.url.query}:
        raise UsageError(
            f"{place}: the URL does not say which ODBC driver to use.",
            f"Add ?driver=ODBC+Driver+18+for+SQL+Server. {installed_drivers()}",
        )


def _prepare_pyodbc() -> None:
    import pyodbc

    pyodbc.pooling = False
    # Else decimals are read with the locale's sign, which is a comma on South African Windows.
    pyodbc.setDecimalSeparator(".")


def _prepare_sqlite(made: sa.Engine, *, writes: bool) -> None:
    def connected(connection: Any, _record: object) -> None:  # noqa: ANN401
        connection.isolation_level = None  # transactions begin when we say so, not at the first write
        connection.execute(f"PRAGMA query_only = {'OFF' if writes else 'ON'}")
        connection.execute("PRAGMA synchronous = FULL")

    def begun(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    event.listen(made, "connect", connected)
    event.listen(made, "begin", begun)


def _connect_patiently(_dialect: object, _record: object, arguments: Any, options: Any) -> Any:  # noqa: ANN401
    return patience.connect(QUERY_SECONDS, arguments, options)


def _set_xact_abort(connection: Any, _record: object) -> None:  # noqa: ANN401
    cursor = connection.cursor()
    cursor.execute("SET XACT_ABORT ON")
    cursor.execute("SET NOCOUNT ON")
    cursor.close()


def _set_query_timeout(connection: Any, _record: object) -> None:  # noqa: ANN401
    with contextlib.suppress(Exception):  # not every ODBC driver takes it
        connection.timeout = QUERY_SECONDS


@contextlib.contextmanager
def plain_errors(place: Address, doing: str = "cannot be reached") -> Iterator[None]:
    """Turn what SQLAlchemy and drivers raise into one clear line. Raises UnreachableError or UsageError."""
    try:
        yield
    except BposyncError:
        raise
    except ImportError as error:
        raise _missing_driver(place, error) from None
    except Exception as error:
        if not isinstance(error, (exc.SQLAlchemyError, *_driver_errors(), OSError, UnicodeError)):
            raise
        why = reason(error)
        if hint := odbc.other_bits(str(error)):
            raise UsageError(f"{place}: {why}", f"{hint} {installed_drivers()}") from None
        if "IM002" in str(error) or "Can't open lib" in str(error):
            what = "the ODBC driver, or the data source that it names, is not installed"
            raise UsageError(f"{place}: {what}: {why}", installed_drivers()) from None
        raise UnreachableError(f"{place} {doing}: {why}", _hint(place, why)) from None


def _driver_errors() -> tuple[type[BaseException], ...]:
    # What escapes SQLAlchemy's own wrapping while rows are fetched.
    import sqlite3
    import sys

    drivers = (sys.modules[name] for name in ("pyodbc", "psycopg", "mssql_python") if name in sys.modules)
    return (sqlite3.Error, *(driver.Error for driver in drivers))


def reason(error: BaseException) -> str:
    """Give what a driver said in one line, without SQL, secrets or control characters."""
    cause = getattr(error, "orig", None) or error
    text = str(cause.args[-1] if len(getattr(cause, "args", ())) > 1 else cause).strip() or type(cause).__name__
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    text = lines[0] if lines else type(cause).__name__
    text = re.sub(r"\[(?:Microsoft|unixODBC|SQL Server|ODBC[^\]]*|Driver Manager)\]", "", text)
    return visible(secrets.redact(text))[:500]


def is_cut(error: exc.SQLAlchemyError) -> bool:
    """Tell whether the connection is gone, so that nothing can be said of what it was asked."""
    return isinstance(error, exc.DBAPIError) and error.connection_invalidated


@contextlib.contextmanager
def refusals_ignored() -> Iterator[None]:
    """Go on where a database does not answer a question; but not where it is gone: then there is no answer to go by."""
    try:
        yield
    except NotImplementedError:
        pass
    except exc.SQLAlchemyError as error:
        if is_cut(error):
            raise


def is_held(error: exc.SQLAlchemyError) -> bool:
    """Tell whether something that another program holds was waited for in vain."""
    cause = getattr(error, "orig", None)
    if getattr(cause, "sqlstate", None) == _POSTGRESQL_LOCKED:
        return True
    return (getattr(cause, "sqlite_errorcode", 0) or 0) & 0xFF in _SQLITE_LOCKED or "(1222)" in str(cause)


# What the reason has in it, and what to do; the first that is found counts. SQL Server calls a database that is not there a
# failed login too.
_HINTS: Final = (
    (_NO_SUCH_DATABASE, "The server answered. Check the database's name in the URL, and that its user may open that database."),
    (r"password|login failed|authentication", "Check the user and the password (the variable that the URL names)."),
    (
        r"permission|denied|readonly",
        "Ask the administrator for the right that is missing; docs/configuration.md lists those that bposync needs.",
    ),
    (r"not a database", "The file is no SQLite database; check the URL in the configuration."),
    (r"malformed", "The file is damaged; put its latest backup in its place."),
    (r"is full|disk i/o error|no space", "Is its disk full? Make room there, then try again."),
    (r"locked", "Another program has the database locked; try again when it is done."),
)


def _hint(place: Address, why: str) -> str:
    low = why.lower()
    if place.is_file and re.search(r"readonly|unable to open|permission|denied", low):
        lacks = file_rights.lacking(Path(str(place.url.database)))
        if lacks:
            return lacks
    for words, hint in _HINTS:
        if re.search(words, low):
            return hint
    return "Check that the server is running and that this machine reaches it." if not place.is_file else "Check the file."


def installed_drivers() -> str:
    """Say which ODBC drivers this program sees."""
    import pyodbc

    names = pyodbc.drivers()
    return (
        f"Installed are, for {odbc.BITS}-bit programs such as this one: {', '.join(names)}."
        if names
        else f"No ODBC driver is installed for {odbc.BITS}-bit programs such as this one. For SQL Server install Microsoft's."
    )


def table(connection: sa.Connection, name: str, purpose: str, *, optional: bool = False) -> sa.TableClause | None:
    """Find a table or view by its name without regard to case; `schema.table`, quoted or not.

    Raises UsageError naming the nearest where there is none, unless it is optional.
    """
    *schema, bare = names_in(name) or [""]
    if not bare:
        raise UsageError(f"{purpose}: {quoted(name)} is no name of a table or view.", "Write it as table, or as schema.table.")
    inspector = sa.inspect(connection)
    found_schema = ".".join(schema) or None
    if found_schema:
        with refusals_ignored():
            schemas = {known.casefold(): known for known in inspector.get_schema_names()}
            found_schema = schemas.get(found_schema.casefold(), found_schema)
    names: list[str] = []
    # A schema that is not there is an error to some databases; then there is nothing to be found in it.
    with refusals_ignored(), connection.begin_nested():
        names += inspector.get_table_names(found_schema)
        names += inspector.get_view_names(found_schema)
    if bare in names:
        return sa.table(bare, schema=found_schema)
    for known in names:
        if known.casefold() == bare.casefold():
            return sa.table(known, schema=found_schema)
    # A synonym, or a table on the search path: neither is listed, but both can be read.
    candidate = sa.table(bare, schema=found_schema)
    try:
        with connection.begin_nested():
            column_names(connection, candidate)
    except exc.SQLAlchemyError as error:
        if is_cut(error):
            raise
        if optional:
            return None
        raise UsageError(f"{purpose} has no table or view {quoted(name)}.", did_you_mean(bare, names)) from None
    return candidate


_PART: Final = re.compile(r"""\[((?:[^\]]|\]\])*)\]|"((?:[^"]|"")*)"|`((?:[^`]|``)*)`|([^.]+)""")


def names_in(name: str) -> list[str]:
    """Take `schema.table` apart; a part in brackets or quotes may hold anything, its own closing mark doubled."""
    return [
        bracketed.replace("]]", "]") or double.replace('""', '"') or back.replace("``", "`") or bare.strip('[]"`')
        for bracketed, double, back, bare in _PART.findall(name)
    ]


def name_of(*parts: str) -> str:
    """Write a table's name, with its schema's before it, so that `names_in` takes it apart again."""
    return ".".join(
        part if part.strip() == part and not re.search(r"[.\[\]\"`]", part) else f"[{part.replace(']', ']]')}]"
        for part in parts
    )


def column(name: str) -> sa.ColumnClause[Any]:
    """Give a column by the name that the database writes, without a type: drivers hand over what they have."""
    return sa.column(name)


def column_names(connection: sa.Connection, source: sa.FromClause) -> list[str]:
    """Give the names of a table's, view's or query's columns as the database writes them; reads no row."""
    everything: sa.ColumnClause[Any] = sa.literal_column("*")
    statement = sa.select(everything).select_from(source).where(sa.false())
    return list(connection.execute(statement).keys())


def column_types(connection: sa.Connection, source: sa.TableClause) -> dict[str, sa.types.TypeEngine[Any]]:
    """Give a table's columns with their types, by the names that the database writes.

    Where the catalogue cannot be read (a synonym, a login without the right), the types are unknown.
    """
    with refusals_ignored(), connection.begin_nested():
        columns = sa.inspect(connection).get_columns(source.name, schema=source.schema)
        if columns:
            return {column["name"]: column["type"] for column in columns}
    return dict.fromkeys(column_names(connection, source), sa.types.NULLTYPE)


def batches(connection: sa.Connection, statement: sa.Executable, size: int = 2000) -> Iterator[Sequence[tuple[Any, ...]]]:
    """Stream a statement's rows, `size` at once, as the driver hands them over.

    They come from where SQLAlchemy takes them for its own rows, which cost a sixth of a plan's time. Not from the driver's
    cursor: what SQLAlchemy has fetched to look at before would be missing.
    """
    with connection.execute(statement, execution_options={"stream_results": True, "max_row_buffer": size}) as result:
        while some := result.cursor_strategy.fetchmany(result, result.cursor, size):
            yield some if type(some[0]) is tuple else [tuple(row) for row in some]


def chunks(items: Sequence[_T], size: int) -> Iterator[Sequence[_T]]:
    """Give a sequence in pieces of at most `size`."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
