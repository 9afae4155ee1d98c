"""Waits for what another process or a server does."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.pool import NullPool

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE = 30
"""In seconds; what takes longer never comes."""


def until(condition: Callable[[], bool]) -> None:
    """Wait until something holds, and fail the test where it never does."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.005)


def until_server_says(url: str, statement: str) -> None:
    """Wait until a query gives one true value."""
    engine = sa.create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")  # one transaction sees no change
    with engine.connect() as connection:
        until(lambda: bool(connection.execute(sa.text(statement)).scalar()))


_OTHERS = (
    "FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
)
NOBODY_IS_CONNECTED = f"SELECT count(*) = 0 {_OTHERS}"
"""PostgreSQL has seen that all its clients are gone."""
ONE_WAITS = f"SELECT count(*) > 0 {_OTHERS} AND wait_event_type = 'Lock'"
"""Somebody waits for what another holds."""
ADVISORY = (
    "FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)
"""The locks of bposync's: 1 is that of a sync, 2 that of a write."""
NO_SYNC_IS_RUNNING = f"SELECT count(*) = 0 {ADVISORY} AND objid = 1"
"""Nobody holds the lock of a sync."""
