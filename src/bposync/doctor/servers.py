"""What a database server tells of itself and of the line to it: reached, encrypted, the decimal sign, the clock."""

from __future__ import annotations

import contextlib
import platform
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from bposync import database, secrets
from bposync.doctor import rights
from bposync.doctor.check import Check, Checks, failed, ok, warning
from bposync.errors import BposyncError, UsageError
from bposync.values import amount_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bposync.database import Address
    from bposync.doctor.rights import Need

_NAMES: Final = {"mssql": "SQL Server", "postgresql": "PostgreSQL", "mysql": "MySQL", "oracle": "Oracle"}
_AMOUNT: Final = Decimal("1234.50")
_MOST_SKEW: Final = timedelta(minutes=1)
_NO: Final = ("no", "optional", "false", "0")
_YES: Final = ("yes", "true", "1")
_LOCAL: Final = ("", "localhost", ".", "(local)", "::1")
NOW: Final = {
    "postgresql": "SELECT clock_timestamp() AT TIME ZONE 'UTC'",
    "mssql": "SELECT SYSUTCDATETIME()",
}


def checks(topic: str, place: Address, need: Need | None) -> Checks[bool]:
    """Connect to a database as a sync does, and ask it about itself. Gives whether it is reached.

    Without `need` it is known later what the login is for.
    """
    yield from encryption(topic, place)
    with contextlib.ExitStack() as stack:
        try:
            with database.plain_errors(place):
                connection = stack.enter_context(database.engine(place, writes=False).connect())
                if place.is_file:
                    connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar()
        except BposyncError as error:
            yield failed(f"{topic}.connection", error)
            return False
        yield ok(f"{topic}.connection", f"{place} is reached{_login(place)}{_version(connection)}.")
        yield from _asked(topic, place, connection, lambda: decimals(topic, connection))
        yield from _asked(topic, place, connection, lambda: _clock(topic, connection))
        if need is not None:
            yield from _asked(topic, place, connection, lambda: rights.checks(topic, place, connection, need))
    return True


def rights_for(topic: str, place: Address, need: Need) -> Iterator[Check]:
    """Look what the login may do, once it is known what it is for."""
    with database.plain_errors(place), database.engine(place, writes=False).connect() as connection:
        yield from _asked(topic, place, connection, lambda: rights.checks(topic, place, connection, need))


def _asked(topic: str, place: Address, connection: sa.Connection, ask: Callable[[], Iterator[Check]]) -> Iterator[Check]:
    """Ask one question; where the server refuses to answer it, nothing is known and nothing is said."""
    try:
        with database.plain_errors(place, "does not answer"), database.refusals_ignored():
            yield from list(ask())
    except BposyncError as error:
        yield failed(f"{topic}.connection", error)
    with contextlib.suppress(Exception):
        connection.rollback()


def _login(place: Address) -> str:
    return f" as {place.url.username}" if place.url.username else ""


def _version(connection: sa.Connection) -> str:
    name = _NAMES.get(connection.dialect.name)
    number = ".".join(str(part) for part in getattr(connection.dialect, "server_version_info", None) or ())
    return f": {name} {number}".rstrip() if name else ""


def decimals(topic: str, connection: sa.Connection) -> Iterator[Check]:
    """Send 1234.50 there and back: a driver that reads it by the machine's own decimal sign gives something else."""
    statement = sa.text("SELECT CAST(:amount AS DECIMAL(18, 2))")
    # As amounts are bound in a write, too.
    came = connection.execute(statement, {"amount": float(_AMOUNT)}).scalar()
    with contextlib.suppress(ValueError):
        if amount_of(came) == _AMOUNT:
            yield ok(f"{topic}.decimals", f"An amount comes back as it was sent: {_AMOUNT}.")
            return
    error = UsageError(
        f"{_AMOUNT} comes back from the database as {came!r}: no amount can be trusted.",
        "Is the driver told to use the machine's own decimal sign? Take Regional out of the URL, or use another driver.",
    )
    yield failed(f"{topic}.decimals", error)


def _clock(topic: str, connection: sa.Connection) -> Iterator[Check]:
    statement = NOW.get(connection.dialect.name)
    if statement is None:
        return
    before = datetime.now(UTC)
    there = connection.exec_driver_sql(statement).scalar()
    here = before + (datetime.now(UTC) - before) / 2
    if not isinstance(there, datetime):
        return
    skew = there.replace(tzinfo=UTC) - here
    if abs(skew) <= _MOST_SKEW:
        yield ok(f"{topic}.clock", "This machine's clock and the server's agree.")
        return
    seconds = int(abs(skew).total_seconds())
    way = "ahead of" if skew > timedelta() else "behind"
    yield warning(
        f"{topic}.clock",
        f"The server's clock is {seconds // 60:,} min {seconds % 60} s {way} this machine's, so that what happened when cannot "
        "be told.",
        "Let both take their time from the same time server.",
    )


def is_this_machine(host: str) -> bool:
    """Tell whether a server's name is this machine's own."""
    bare = re.sub(r"^(?:tcp|np|lpc|admin):", "", host.strip().lower()).partition("\\")[0].partition(",")[0].strip("[]")
    return (
        bare in _LOCAL
        or bare.startswith("127.")
        or bare in (platform.node().lower(), platform.node().lower().partition(".")[0])
    )


def encryption(topic: str, place: Address) -> Iterator[Check]:
    """Warn of a line to another machine that is not encrypted, or whose other end is not checked."""
    query = {key.lower(): str(value).strip().lower() for key, value in place.url.query.items()}
    if "odbc_connect" in query:
        for found in re.finditer(r"(?:^|;)\s*([\w ]+?)\s*=\s*\{?([^;}]*)", query["odbc_connect"]):
            query[found[1]] = found[2].strip()
    host = str(place.url.host or query.get("server") or query.get("servername") or "")
    if place.is_file or is_this_machine(host):
        return
    where = f"The line to {secrets.redact(place.server)}"
    if query.get("encrypt") in _NO or query.get("sslmode") == "disable":
        key = "Encrypt=no" if "encrypt" in query else "sslmode=disable"
        yield warning(
            f"{topic}.encryption", f"{where} is not encrypted ({key}): whoever is on it reads the company's customers.",
            "Take it out of the URL; where the server has no certificate, give it one.",
        )  # fmt: skip
    if query.get("trustservercertificate", query.get("trust server certificate")) in _YES:
        yield warning(
            f"{topic}.encryption",
            f"{where} trusts any certificate (TrustServerCertificate=yes): another machine could stand in for the server and "
            "be handed the password.",
            "Install the certificate's authority on this machine, and take TrustServerCertificate out of the URL.",
        )
