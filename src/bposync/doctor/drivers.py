"""What each database wants installed on this machine, and whether it is there."""

from __future__ import annotations

import importlib
import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bposync import database, odbc
from bposync.doctor.check import Checks, failed, ok
from bposync.errors import BposyncError, UsageError
from bposync.values import quoted

if TYPE_CHECKING:
    from bposync.database import Address

# The module of each of SQLAlchemy's drivers, where its name is another, and the package that brings it.
_MODULES: Final = {"mssqlpython": "mssql_python"}
_PACKAGES: Final = {"mssql_python": "mssql-python"}
_DRIVER: Final = re.compile(r"\bdriver\s*=\s*(\{(?:[^}]|\}\})*\}|[^;]*)", re.IGNORECASE)
_SOURCE: Final = re.compile(r"\bdsn\s*=\s*\{?([^;}]*)", re.IGNORECASE)


def checks(place: Address) -> Checks[bool]:
    """Look for the driver of one database. Gives whether it is there."""
    try:
        engine = database.engine(place, writes=True)  # nothing connects, and no file has to be there
        name = _MODULES.get(engine.dialect.driver, engine.dialect.driver)
        if name == "pysqlite":
            return True
        with database.plain_errors(place):
            module = importlib.import_module(name)
        wanted = _odbc_driver(place) if name == "pyodbc" else ""
    except BposyncError as error:
        yield failed("drivers.wanted", error)
        return False
    try:
        number = version(_PACKAGES.get(name, name))
    except PackageNotFoundError:
        number = str(getattr(module, "__version__", ""))
    what = f"{name} {number}".strip()
    yield ok("drivers.wanted", f"For {place.purpose}: {what}{f' with {wanted}' if wanted else ''} is installed.")
    return True


def _odbc_driver(place: Address) -> str:
    """Give the ODBC driver, or the data source, that a URL names. Raises UsageError where it is not installed."""
    import pyodbc

    query = {key.lower(): value for key, value in place.url.query.items()}
    string = str(query.get("odbc_connect", ""))
    found = _DRIVER.search(string)
    driver = str(query.get("driver", "")) or (found[1].strip() if found else "")
    driver = driver.strip("{}")
    if driver:
        if driver.casefold() in {known.casefold() for known in pyodbc.drivers()} or Path(driver).is_file():
            return f"the ODBC driver {driver}"
        raise UsageError(f"{place}: the ODBC driver {quoted(driver)} is not installed.", database.installed_drivers())
    source = _SOURCE.search(string)
    name = source[1].strip() if source else "" if string else str(place.url.host or "")
    if not name:
        return ""
    if name.casefold() in {known.casefold() for known in pyodbc.dataSources()}:
        return f"the ODBC data source {name}"
    raise UsageError(
        f"{place}: there is no ODBC data source {quoted(name)} for {odbc.BITS}-bit programs such as this one.",
        "Make it in the ODBC Data Source Administrator (Windows) or in odbc.ini, or name DRIVER={…} in its place.",
    )
