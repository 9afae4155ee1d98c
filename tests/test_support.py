"""The tests' own ground: servers, drivers and processes are real, and say so when something is wrong."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from support import cli
from support.postgres import postgres_server

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.postgres import PostgresServer


def ask(url: str, statement: str) -> object:
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        return connection.execute(text(statement)).scalar()


def test_the_server_is_a_real_postgresql(postgres_url: str) -> None:
    assert str(ask(postgres_url, "SELECT version()")).startswith("PostgreSQL ")


@pytest.mark.parametrize("_turn", [1, 2])
def test_each_test_has_an_empty_database(postgres_url: str, _turn: int) -> None:
    count = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
    assert ask(postgres_url, count) == 0
    with create_engine(postgres_url, poolclass=NullPool).begin() as connection:
        connection.execute(text("CREATE TABLE left_behind (n integer)"))
    assert ask(postgres_url, count) == 1


def test_databases_made_in_one_test_are_different(postgres_database: Callable[[], str]) -> None:
    first, second = postgres_database(), postgres_database()
    assert ask(first, "SELECT current_database()") == make_url(first).database
    assert ask(second, "SELECT current_database()") == make_url(second).database
    assert first != second


def test_a_login_needs_its_own_password(postgres: PostgresServer, postgres_url: str) -> None:
    login = postgres.create_login("p@ss/w#rd")
    database = make_url(postgres_url).database or ""
    assert ask(postgres.url(database, login, "p@ss/w#rd"), "SELECT current_user") == login
    with pytest.raises(OperationalError, match="password authentication failed"):
        ask(postgres.url(database, login, "wrong"), "SELECT 1")
    with pytest.raises(OperationalError, match="password authentication failed"):
        ask(postgres.url(password="wrong"), "SELECT 1")


def test_a_server_leaves_nothing_behind() -> None:
    with postgres_server() as server:
        folder = Path(str(ask(server.url(), "SHOW data_directory"))).parent
        assert folder.is_dir()
    assert not folder.exists()
    assert not server.answers()


def test_a_server_ends_with_tests_that_were_killed(postgres: PostgresServer) -> None:
    assert postgres.answers()
    killed = """
import os, signal, psycopg
from support.postgres import postgres_server
with postgres_server() as server:
    with psycopg.connect(server.url().replace("+psycopg", "")) as connection:
        print(connection.execute("SHOW data_directory").fetchone()[0], flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    done = subprocess.run(
        [sys.executable, "-c", killed], env=environment, capture_output=True, check=False, text=True, timeout=60
    )
    folder = Path(done.stdout.strip()).parent
    assert folder.name.startswith("bposync-pg-")
    # The folder goes last, after the server.
    until = time.monotonic() + 30
    while folder.exists() and time.monotonic() < until:
        time.sleep(0.05)
    assert not folder.exists()


def test_the_sql_server_driver_is_microsofts_and_gives_up_in_time(mssql_driver: Path) -> None:
    import pyodbc

    assert mssql_driver.is_file()
    began = time.monotonic()
    with pytest.raises(pyodbc.OperationalError, match="ODBC Driver 18 for SQL Server"):
        pyodbc.connect(f"DRIVER={mssql_driver};SERVER=127.0.0.1,1;UID=reader;PWD=secret", timeout=1)
    assert time.monotonic() - began < 10


def test_a_process_is_judged_by_exit_code_and_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "COMMAND", (sys.executable, "-c"))
    monkeypatch.setenv("BPOSYNC_CONFIG", "elsewhere.toml")
    monkeypatch.setenv("COLUMNS", "40")
    see = "import os, sys; print([n for n in ('BPOSYNC_CONFIG', 'COLUMNS', 'LC_ALL', 'OWN') if n in os.environ], os.listdir())"
    assert cli.run(see, env={"OWN": "1"}).stdout == "['LC_ALL', 'OWN'] []\n"
    assert cli.run("print(input())", input="Zoë\n").stdout == "Zoë\n"
    assert cli.run("raise SystemExit(3)", expect=3).code == 3
    with pytest.raises(pytest.fail.Exception, match="exit code 3, expected 0"):
        cli.run("raise SystemExit(3)")
    with pytest.raises(pytest.fail.Exception, match=r"a traceback\n[\s\S]*ZeroDivisionError"):
        cli.run("1 / 0", expect=1)


def test_a_terminal_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "COMMAND", (sys.executable, "-c"))
    ask_size = "import os; print(os.isatty(0), os.isatty(1), *os.get_terminal_size()); print(input('Sure? [y/N] ') == 'y')"
    with cli.run_in_terminal(ask_size, size=(24, 80)) as child:
        child.expect("True True 80 24")
        child.expect_exact("[y/N] ")
        child.sendline("y")
        assert "True" in cli.finish(child)


def test_nothing_is_skipped_where_that_is_said(tmp_path: Path) -> None:
    cases = {
        "by_mark": "@pytest.mark.skip('lacking')\ndef test_it(): pass",
        "by_call": "def test_it(): pytest.skip('lacking')",
        "by_need": "from support.policy import needs\ndef test_it(): needs(False, 'lacking')",
        "by_module": "pytest.importorskip('lacking')",
    }
    for name, case in cases.items():
        (tmp_path / f"test_{name}.py").write_text(f"import pytest\n{case}\n")
    support = Path(__file__).parent
    (tmp_path / "conftest.py").write_text((support / "conftest.py").read_text())

    def closing_line(skip_nothing: str, *args: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *args],
            cwd=tmp_path,
            env={**os.environ, "BPOSYNC_TESTS_SKIP_NOTHING": skip_nothing, "PYTHONPATH": str(support)},
            capture_output=True,
            check=False,
            text=True,
            timeout=60,
        )
        return done.stdout.splitlines()[-1]

    assert "4 skipped" in closing_line("")
    # A mark is looked at while a test is set up, and what goes wrong before a test is an error.
    assert "2 failed, 2 errors" in closing_line("1", "--continue-on-collection-errors")
