"""Microsoft's real ODBC driver for SQL Server, out of a Python package."""

from __future__ import annotations

import platform
import sys
from importlib.util import find_spec
from pathlib import Path


def sql_server_driver() -> Path | None:
    """Give the library of the driver that fits this Linux, for `DRIVER=` in a connection string; None where there is none."""
    package = find_spec("mssql_python_odbc")
    if sys.platform != "linux" or package is None or package.origin is None:
        return None
    families = Path(package.origin).parent / "libs" / "linux"
    return next(families.glob(f"{_family()}/*/lib/libmsodbcsql-*"), None)


def _family() -> str:
    """Give the package's name for this family of Linux; each has a build of its own."""
    try:
        system = platform.freedesktop_os_release()
    except OSError:
        system = {}
    names = {system.get("ID", ""), *system.get("ID_LIKE", "").split()}
    if names & {"rhel", "fedora", "centos"}:
        return "rhel"
    if names & {"suse", "opensuse", "sles"}:
        return "suse"
    return "alpine" if "alpine" in names else "debian_ubuntu"


def installed(name: str) -> bool:
    """Whether the driver manager knows a driver of this name."""
    if not pyodbc_loads():
        return False
    import pyodbc

    return name in pyodbc.drivers()


def pyodbc_loads() -> bool:
    """Whether pyodbc finds the driver manager that the operating system has to bring (unixODBC on Linux)."""
    try:
        import pyodbc  # noqa: F401 - only whether it loads
    except ImportError:
        return False
    return True
