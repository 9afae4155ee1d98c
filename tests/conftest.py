"""What every test may ask for: a PostgreSQL server, empty databases on it, Microsoft's ODBC driver."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from support import odbc
from support.company import Companies
from support.forks import Forks, forks
from support.policy import NOTHING_MAY_BE_SKIPPED, SkipsAreFailures, needs
from support.postgres import PostgresServer, postgres_server
from support.within import Call, caller

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


def pytest_configure(config: pytest.Config) -> None:
    # What a developer's own shell says about databases and configuration is not for the tests.
    for name in list(os.environ):
        if name.startswith("PG") or name == "BPOSYNC_CONFIG":
            del os.environ[name]
    if NOTHING_MAY_BE_SKIPPED:
        config.pluginmanager.register(SkipsAreFailures())


@pytest.fixture
def bposync(capsys: pytest.CaptureFixture[str]) -> Call:
    """Runs bposync within this process."""
    return caller(capsys)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A real PostgreSQL server; each pytest-xdist worker that needs one has its own."""
    with postgres_server() as server:
        yield server


@pytest.fixture
def postgres_database(postgres: PostgresServer) -> Iterator[Callable[[], str]]:
    """Makes an empty database at each call, gives its URL, and drops them all after the test."""
    made: list[str] = []

    def make() -> str:
        made.append(postgres.create_database())
        return postgres.url(made[-1])

    yield make
    for name in made:
        postgres.drop_database(name)


@pytest.fixture
def postgres_url(postgres_database: Callable[[], str]) -> str:
    """The URL of an empty database that only this test has."""
    return postgres_database()


@pytest.fixture(scope="session")
def forked() -> Iterator[Forks]:
    """Runs bposync as processes forked from a warm one."""
    with forks() as made:
        yield made


@pytest.fixture(scope="module")
def companies(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Companies:
    """Makes companies of a test's own."""
    return Companies(postgres, tmp_path_factory.mktemp("companies"))


@pytest.fixture(scope="session")
def mssql_driver() -> Path:
    """The library of Microsoft's ODBC driver, for `DRIVER=` in a connection string."""
    needs(odbc.pyodbc_loads(), "pyodbc does not load: install unixODBC (Debian, Ubuntu: apt-get install unixodbc)")
    driver = odbc.sql_server_driver()
    needs(driver, "the package mssql-python-odbc has no driver for this system")
    assert driver
    return driver
