"""Database URLs from what people know of a server: its name, the database, a login; and the drivers that this machine has."""

from __future__ import annotations

import importlib.util
import re
from typing import Final
from urllib.parse import unquote

from bposync import secrets
from bposync.config import has_literal_password, literal_passwords
from bposync.errors import UsageError
from bposync.values import visible
from bposync.variables import PLACEHOLDER

MSSQL_PYTHON: Final = "mssql-python"
"""Microsoft's own Python driver, which needs no ODBC driver."""
_TOKEN: Final = "BPOSYNC-PASSWORD"  # noqa: S105 - stands in the place of one
_VERSION: Final = re.compile(r"\d+")
_BEFORE_AN_AT: Final = re.compile(r":(?!//)(.+)@")


def drivers() -> list[str]:
    """Give the drivers for SQL Server that this machine has, the best first."""
    try:
        import pyodbc

        installed = [name for name in pyodbc.drivers() if "sql server" in name.lower() or name.lower() == "freetds"]
    except ImportError:  # unixODBC is missing
        installed = []
    installed.sort(key=lambda name: ("ODBC Driver" in name, [int(number) for number in _VERSION.findall(name)]), reverse=True)
    return installed + ([MSSQL_PYTHON] if importlib.util.find_spec("mssql_python") else [])


def sql_server(server: str, name: str, login: str, variable: str, *, driver: str, trust: bool = False) -> str:
    r"""Give the URL of a database on SQL Server, its password as ${VARIABLE}; without a login it is Windows that says who.

    The server may be `server`, `server\INSTANCE`, `server,1433` or `server:1433`. Raises UsageError for what no URL holds.
    """
    from sqlalchemy.engine import URL, make_url
    from sqlalchemy.exc import ArgumentError

    host, port = server.strip(), None
    if found := re.fullmatch(r"(?:tcp:)?(.+?)\s*[,:]\s*(\d{1,5})", host):
        host, port = found[1], int(found[2])
    bare = driver == MSSQL_PYTHON
    query = {} if bare else {"driver": driver}
    if not login:
        query["Trusted_Connection"] = "yes"
    if trust:
        query["TrustServerCertificate"] = "yes"
    url = URL.create(
        f"mssql+{'mssqlpython' if bare else 'pyodbc'}", login or None, _TOKEN if login else None, host, port, name, query
    )
    written = url.render_as_string(hide_password=False)
    try:
        is_same = make_url(written) == url
    except (ArgumentError, ValueError):  # a port that is no number, a bracket that is not closed
        is_same = False
    if not is_same:
        raise UsageError(
            f"{visible(server)}, {visible(name)}: such a name cannot be written as a URL.", "Give a whole SQLAlchemy URL."
        )
    return written.replace("$", "$$").replace(_TOKEN, f"${{{variable}}}")


def check_secrets(option: str, text: str) -> None:
    """Refuse a text with a password in it. Raises UsageError."""
    if has_literal_password(text):
        raise UsageError(
            f"{option}: a password stands in it, for everybody to read.",
            "Write ${NAME} in its place; NAME is the variable that holds it, or init asks for it, hidden.",
        )


def passwords_in(text: str) -> list[str]:
    """Give what may be a password in something that was typed, also where it is no URL for a slip of the hand.

    So that none is shown again: rather one too many.
    """
    bare = PLACEHOLDER.sub("", text).replace(":@", "@")
    return list(dict.fromkeys((*literal_passwords(text), *_BEFORE_AN_AT.findall(bare))))


def hide(text: str) -> None:
    """Let no message show what may be a password in something that was typed."""
    for password in passwords_in(text):
        secrets.register(password)
        secrets.register(unquote(password))


def no_driver() -> UsageError:
    """Say what to install where there is no driver for SQL Server."""
    return UsageError(
        "This machine has no driver for SQL Server.",
        'Install Microsoft\'s ODBC Driver 18, or: pip install "bposync[mssql]". Another database: give its whole URL.',
    )
