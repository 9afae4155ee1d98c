"""Databases that are full, locked, read-only or broken, and rows that others hold: what is told, and that nothing is lost."""

from __future__ import annotations

import os
import pwd
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url

from bposync.database import address, plain_errors
from bposync.errors import ExitCode, UnreachableError
from support.company import POSTGRESQL, SQLITE, Companies, Company, connected, dump, sqlite_company, sqlite_url
from support.forks import Forked, Forks, Step
from support.waiting import NOBODY_IS_CONNECTED, ONE_WAITS, until_server_says

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support import cli

UNREACHABLE, NOT_WRITTEN, UNKNOWN = ExitCode.UNREACHABLE, ExitCode.NOT_WRITTEN, ExitCode.UNKNOWN_OUTCOME
NOBODY = 65534
THE_NAME = "The server answered. Check the database's name in the URL, and that its user may open that database."
MANY = 200
"""So many customers need more room than a file has left."""
DEADLOCKED = "SELECT deadlocks > 0 FROM pg_stat_database WHERE datname = current_database()"
CONSTANTS: dict[str, object] = {
    "bposync.apply.PAUSE_SECONDS": 0,
    "bposync.database.LOGIN_SECONDS": 0.1,
    "bposync.accounting.by_sql.WAIT_MILLISECONDS": 100,
}


def start(company: Company, forked: Forks, *arguments: str, **options: Any) -> Forked:
    constants = {**CONSTANTS, **options.pop("constants", {})}
    return forked.start("--config", company.path, "sync", "--yes", *arguments, constants=constants, **options)


def sync(company: Company, forked: Forks, expect: int | None = 0, **options: Any) -> cli.Result:
    return start(company, forked, "--json", **options).end(expect=expect)


def file_of(url: str) -> Path:
    return Path(str(make_url(url).database))


def outcomes(result: cli.Result) -> dict[str, str]:
    return {change["code"]: change["outcome"] for change in result.json["changes"]}


def changed(company: Company) -> Company:
    """One customer is in step but for its telephone number, another is new."""
    company.customer("ALP000001", "Alpha", phone="0")
    company.sync()
    company.change("ALP000001", phone="1")
    company.customer("NEW000001", "New", phone="2")
    return company


def many(company: Company) -> Company:
    """One customer is in step, and many are new."""
    company.customer("ALP000001", "Alpha", phone="0")
    company.sync()
    company.customers({"code": f"NEW{number:06}", "name": f"New {number}", "phone": f"{number}"} for number in range(MANY))
    return company


# A disk that is full.


def test_a_journal_whose_disk_fills_up_stops_before_the_write_or_leaves_it_to_the_next_sync(
    companies: Companies, forked: Forks
) -> None:
    company = many(companies.make(POSTGRESQL))
    size = file_of(company.journal_url).stat().st_size
    codes: list[int] = []
    while not codes or codes[-1] == UNREACHABLE:
        running = start(company, forked, "--quiet", largest_file=size + len(codes) * 64 * 1024)
        codes.append(running.end(expect=None).code)
        assert len(company.clients()) == (1 if codes[-1] == UNREACHABLE else MANY + 1)
        wait_for_the_server(company)
    assert len(codes) > 2
    assert codes[-1] == UNKNOWN
    check_recovered(company, forked, same=MANY + 1)


def test_accounting_whose_disk_fills_up_fails_what_has_no_room(companies: Companies, forked: Forks) -> None:
    company = many(companies.make(SQLITE, journal=POSTGRESQL))
    size = file_of(company.accounting_url).stat().st_size
    said = start(company, forked, largest_file=size).end(expect=NOT_WRITTEN).stdout
    written = len(company.clients()) - 1
    assert f"The synchronisation is not complete: {written} written, {MANY - written} failed." in said
    assert 0 < written < MANY
    check_recovered(company, forked, written=MANY - written)


# A journal that cannot be used: it stops the sync before anything is written.


@pytest.fixture
def company(companies: Companies) -> Company:
    return changed(companies.make(POSTGRESQL))


def check_stopped(company: Company, forked: Forks, why: str, **options: Any) -> None:
    """It stops with one clear line and what to do, and nothing is written."""
    before = dump(company.accounting_url)
    result = start(company, forked, "--quiet", **options).end(expect=UNREACHABLE)
    said, hint, nothing = result.stderr.split("\n")
    assert said.startswith("Error: the journal (")
    assert said.endswith(why)
    assert hint.startswith("       ")
    assert (nothing, result.stdout) == ("", "")
    assert dump(company.accounting_url) == before


def check_recovered(company: Company, forked: Forks, **said: int) -> None:
    """The next sync does what was left, and then all is in step."""
    wait_for_the_server(company)
    document = sync(company, forked).json
    found = {**document["summary"], **document["outcomes"]}
    assert {name: found[name] for name in said} == said
    company.check_in_step()


def wait_for_the_server(company: Company) -> None:
    """Wait until PostgreSQL has seen that its clients are gone."""
    for url in (company.accounting_url, company.journal_url):
        if make_url(url).get_backend_name() == "postgresql":
            until_server_says(url, NOBODY_IS_CONNECTED)


@pytest.mark.parametrize("how", ["IMMEDIATE", "EXCLUSIVE"])
def test_a_journal_that_another_program_has_locked(company: Company, forked: Forks, how: str) -> None:
    with closing(sqlite3.connect(file_of(company.journal_url), isolation_level=None)) as other:
        other.execute(f"BEGIN {how}")
        check_stopped(company, forked, "database is locked")
    check_recovered(company, forked)


def test_a_journal_that_gets_locked_in_the_middle_leaves_it_to_the_next_sync(company: Company, forked: Forks) -> None:
    running = start(company, forked, "--json", stop=Step('INSERT INTO "Client"'))
    assert running.stops()
    with closing(sqlite3.connect(file_of(company.journal_url), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        running.go_on()
        result = running.end(expect=UNKNOWN)
    assert outcomes(result) == {"ALP000001": "unknown", "NEW000001": "unknown"}
    check_recovered(company, forked, same=2)


def test_a_journal_that_may_only_be_read(company: Company, forked: Forks) -> None:
    """SQLite writes no file whose header asks for a newer way of writing, whoever asks; root too."""
    file = file_of(company.journal_url)
    whole = file.read_bytes()
    file.write_bytes(whole[:18] + bytes([3]) + whole[19:])
    check_stopped(company, forked, "attempt to write a readonly database")
    file.write_bytes(whole)
    check_recovered(company, forked)


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda _: b"not a database " * 1000, "file is not a database"),
        (lambda whole: whole[:100] + b"\xa5" * (len(whole) - 100), "database disk image is malformed"),
        (lambda whole: whole[: len(whole) // 2], "database disk image is malformed"),
    ],
    ids=["another file", "overwritten", "cut off"],
)
def test_a_journal_that_is_broken(company: Company, forked: Forks, spoil: Any, why: str) -> None:
    file = file_of(company.journal_url)
    whole = file.read_bytes()
    file.write_bytes(spoil(whole))
    check_stopped(company, forked, why)
    file.write_bytes(whole)
    check_recovered(company, forked)


def test_whichever_page_of_the_journal_is_broken_it_stops_before_the_write_or_does_not_matter(
    company: Company, forked: Forks
) -> None:
    file = file_of(company.journal_url)
    whole, before = file.read_bytes(), company.clients()
    size = int.from_bytes(whole[16:18], "big")
    codes = []
    for page in range(len(whole) // size):
        file.write_bytes(whole[: page * size] + b"\xa5" * size + whole[(page + 1) * size :])
        result = start(company, forked, "--quiet").end(expect=None)
        codes.append(result.code)
        wait_for_the_server(company)
        if result.code == UNREACHABLE:
            assert "malformed" in result.stderr or "not a database" in result.stderr
            assert company.clients() == before
        else:
            company.delete("NEW000001")
            company.edit("ALP000001", phone="0")
            before = company.clients()
    assert set(codes) == {0, UNREACHABLE}


@pytest.mark.parametrize(("table", "code", "second"), [("changes", NOT_WRITTEN, "failed"), ("outcomes", UNKNOWN, "unknown")])
def test_a_journal_that_fails_after_a_first_batch_tells_of_it_and_stops(
    company: Company, forked: Forks, table: str, code: int, second: str
) -> None:
    company.customer("NEW000002", "Newer", phone="3")
    with connected(company.journal_url) as connection:
        done = connection.execute(sa.text("SELECT count(*) FROM bposync_outcomes")).scalar_one()
        fails = f"BEFORE INSERT ON bposync_{table} WHEN (SELECT count(*) FROM bposync_outcomes) > {done}"
        connection.execute(sa.text(f"CREATE TRIGGER full {fails} BEGIN SELECT RAISE(ABORT, 'disk full'); END"))
    result = start(company, forked, constants={"bposync.apply.BATCH": 1}).end(expect=code)
    assert f"{second.capitalize()}: NEW000001 New: " in result.stdout
    assert "Written: 1 update. Run " in result.stdout
    assert ("Error: Accounting was written, but the journal could not record it" in result.stderr) is (code == UNKNOWN)
    assert ("not tried: the journal" in result.stdout) is (code == NOT_WRITTEN)
    there = {row["Account"] for row in company.clients() if row["Telephone"] in ("1", "2", "3")}
    assert there == {"ALP000001"} | ({"NEW000001"} if code == UNKNOWN else set())
    with connected(company.journal_url) as connection:
        connection.execute(sa.text("DROP TRIGGER full"))
    check_recovered(company, forked, create=1 if code == UNKNOWN else 2, written=1 if code == UNKNOWN else 2)


def test_a_shared_journal_that_may_only_be_read(companies: Companies, forked: Forks) -> None:
    company = changed(companies.make(SQLITE, journal=POSTGRESQL))
    with_the_journal(company, "ALTER DATABASE {} SET default_transaction_read_only = on")
    check_stopped(company, forked, "cannot execute INSERT in a read-only transaction")
    with_the_journal(company, "ALTER DATABASE {} SET default_transaction_read_only = off", "SET transaction_read_only = off")
    check_recovered(company, forked)


def with_the_journal(company: Company, statement: str, *first: str) -> None:
    with connected(company.journal_url) as connection:
        for each in (*first, statement):
            connection.execute(sa.text(each.format(f'"{make_url(company.journal_url).database}"')))


def test_a_shared_journal_of_which_a_table_is_locked(companies: Companies, forked: Forks) -> None:
    company = changed(companies.make(SQLITE, journal=POSTGRESQL))
    with connected(company.journal_url) as other:
        other.execute(sa.text("LOCK TABLE bposync_changes IN EXCLUSIVE MODE"))
        impatient = {"bposync.database.QUERY_SECONDS": 1}
        check_stopped(company, forked, "no answer within 1 seconds", constants=impatient)
        # The server was told that nobody waits any more.
        until_server_says(company.journal_url, f"SELECT NOT ({ONE_WAITS})")
    check_recovered(company, forked)


@pytest.fixture
def shared_folder() -> Iterator[Path]:
    """A folder that every user of the machine may enter, which pytest's own is not."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        yield Path(folder)
        for path in Path(folder).rglob("*"):
            path.chmod(0o777)


# (the mode of the journal's folder, of the journal, what is missing: of the folder or of the file)
LACKING = {
    "a folder that may not be entered": (0o600, 0o666, "folder", "enter it"),
    "a folder that may not be written": (0o555, 0o666, "folder", "write in it, as SQLite has to"),
    "a file that may not be read": (0o777, 0o200, "file", "read it"),
    "a file that may not be written": (0o777, 0o444, "file", "write it"),
}


@pytest.mark.parametrize(("folder_mode", "mode", "what", "right"), LACKING.values(), ids=LACKING)
def test_a_journal_that_belongs_to_somebody_else_is_told_with_whose_it_is_and_what_is_missing(
    shared_folder: Path, forked: Forks, folder_mode: int, mode: int, what: str, right: str
) -> None:
    company = changed(sqlite_company(shared_folder))
    state = shared_folder / "state"
    state.mkdir()
    journal = file_of(company.journal_url).rename(state / "cape.sqlite")
    company.configure("state", url=sqlite_url(journal))
    for path in shared_folder.iterdir():
        path.chmod(0o777)
    journal.chmod(mode)
    state.chmod(folder_mode)
    before = company.clients()
    arguments = ("--config", company.path, "sync", "--yes", "--quiet")
    said = forked.start(*arguments, user=NOBODY if os.geteuid() == 0 else None).end(expect=UNREACHABLE).stderr.splitlines()
    assert company.clients() == before
    place, owner = (state if what == "folder" else journal), pwd.getpwuid(os.geteuid()).pw_name
    me = pwd.getpwuid(NOBODY).pw_name if os.geteuid() == 0 else owner
    assert said[0].startswith(f"Error: the journal ({journal}) cannot be ")
    assert said[1].strip().startswith(f"The {what} {place} belongs to {owner}, and {me} may not {right}. Give {me} that right")
    assert len(said) == 2


def test_a_journal_whose_folder_is_not_there_is_told_with_the_folder(company: Company, forked: Forks) -> None:
    company.configure("state", url="sqlite:////var/lib/no such folder/cape.sqlite")
    said = start(company, forked, "--quiet").end(expect=UNREACHABLE).stderr
    assert "there is no folder /var/lib/no such folder." in said


# Accounting that cannot be used, or of which others hold something.


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda whole: whole[:18] + bytes([3]) + whole[19:], "attempt to write a readonly database"),
        (lambda whole: whole[:100] + b"\xa5" * (len(whole) - 100), "database disk image is malformed"),
        (lambda _: b"not a database " * 1000, "file is not a database"),
    ],
    ids=["read-only", "overwritten", "another file"],
)
def test_books_that_cannot_be_used_stop_the_sync(companies: Companies, forked: Forks, spoil: Any, why: str) -> None:
    company = changed(companies.make(SQLITE))
    file = file_of(company.accounting_url)
    whole = file.read_bytes()
    file.write_bytes(spoil(whole))
    spoilt = file.read_bytes()
    assert why in sync(company, forked, expect=UNREACHABLE).json["error"]["message"]
    assert file.read_bytes() == spoilt
    file.write_bytes(whole)
    check_recovered(company, forked)


def test_an_account_that_somebody_holds_costs_itself_only(company: Company, forked: Forks) -> None:
    company.customer("NEW000002", "Newer", phone="3")
    with connected(company.accounting_url) as bookkeeper:
        bookkeeper.execute(sa.text('SELECT * FROM "Client" WHERE "Account" = \'ALP000001\' FOR UPDATE'))
        result = sync(company, forked, expect=NOT_WRITTEN)
    assert outcomes(result) == {"ALP000001": "failed", "NEW000001": "written", "NEW000002": "written"}
    assert "lock timeout" in result.json["changes"][0]["reasons"][-1]
    check_recovered(company, forked, written=1)


def test_a_table_that_somebody_holds_is_not_waited_for_by_each_account(company: Company, forked: Forks) -> None:
    company.customers({"code": f"MORE{number:05}", "name": f"More {number}", "phone": f"{number}"} for number in range(20))
    before = company.clients()
    with connected(company.accounting_url) as bookkeeper:
        bookkeeper.execute(sa.text('LOCK TABLE "Client" IN EXCLUSIVE MODE'))
        result = sync(company, forked, expect=NOT_WRITTEN)
    assert company.clients() == before
    said = [change["reasons"][-1] for change in result.json["changes"]]
    assert sum("lock timeout" in reason and "not tried" not in reason for reason in said) == 3
    assert sum("not tried, for others before it waited in vain" in reason for reason in said) == 22 - 3
    check_recovered(company, forked)


def test_books_that_get_locked_in_the_middle_fail_what_was_to_be_written(companies: Companies, forked: Forks) -> None:
    company = changed(companies.make(SQLITE))
    running = start(company, forked, "--json", stop=Step("INSERT INTO bposync_changes"))
    assert running.stops()
    with closing(sqlite3.connect(file_of(company.accounting_url), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        running.go_on()
        result = running.end(expect=NOT_WRITTEN)
    assert outcomes(result) == {"ALP000001": "failed", "NEW000001": "failed"}
    assert "database is locked" in result.json["changes"][0]["reasons"][-1]
    check_recovered(company, forked, written=2)


def test_a_deadlock_costs_nobody_anything(companies: Companies, forked: Forks) -> None:
    """The bookkeeper holds the second account and then wants the first; PostgreSQL ends the sync's transaction."""
    company = companies.make(POSTGRESQL)
    for code in ("ALP000001", "BET000001"):
        company.customer(code, f"Name of {code}", phone="0")
    company.sync()
    for code in ("ALP000001", "BET000001"):
        company.change(code, phone="1")
    hold = sa.text('SELECT * FROM "Client" WHERE "Account" = :code FOR UPDATE')
    with connected(company.accounting_url) as bookkeeper:
        bookkeeper.execute(sa.text("SET LOCAL deadlock_timeout = '1h'"))
        bookkeeper.execute(hold, {"code": "BET000001"})
        running = start(company, forked, "--json", constants={"bposync.accounting.by_sql.WAIT_MILLISECONDS": 20_000})
        until_server_says(company.accounting_url, ONE_WAITS)
        bookkeeper.execute(hold, {"code": "ALP000001"})
    assert set(outcomes(running.end()).values()) == {"written"}
    until_server_says(company.accounting_url, DEADLOCKED)
    company.check_in_step()


# Databases that are not there.


def test_a_database_that_the_server_does_not_have_is_no_server_that_is_away(companies: Companies, forked: Forks) -> None:
    company = companies.make(POSTGRESQL)
    company.configure(
        "accounting", url=make_url(company.accounting_url).set(database="nothing").render_as_string(hide_password=False)
    )
    error, hint = start(company, forked, "--quiet").end(expect=UNREACHABLE).stderr.splitlines()
    assert error.endswith('database "nothing" does not exist')
    assert hint.strip() == THE_NAME


# What drivers say, as pyodbc and mssql-python hand it over, and others do.
MICROSOFT = "[42000] [Microsoft][ODBC Driver 18 for SQL Server][SQL Server]"
NO_SUCH_DATABASE = {
    "pyodbc": f'{MICROSOFT}Cannot open database "nothing" requested by the login. The login failed. (4060) (SQLDriverConnect)',
    "pyodbc in German": f'{MICROSOFT}Die "nothing"-Datenbank kann nicht geöffnet werden. (4060) (SQLDriverConnect)',
    "mssql-python": 'Driver Error: Syntax; DDBC Error: [Microsoft][SQL Server]Cannot open database "nothing" requested by '
    "the login. The login failed.",
    "psqlODBC": '[08001] FATAL:  database "nothing" does not exist (101) (SQLDriverConnect)',
    "MySQL": "Unknown database 'nothing'",
}


@pytest.mark.parametrize("said", NO_SUCH_DATABASE.values(), ids=NO_SUCH_DATABASE)
def test_whichever_driver_says_that_there_is_no_such_database_the_hint_is_about_its_name(said: str) -> None:
    place = address("BPO", "[bpo] url", "postgresql://u:p@h/nothing", folder=Path(), environment={})
    with pytest.raises(UnreachableError) as caught, plain_errors(place):
        raise sa.exc.OperationalError("", {}, Exception("42000", said))
    assert caught.value.hint == THE_NAME


def test_a_wrong_password_is_not_taken_for_a_wrong_name(companies: Companies, forked: Forks) -> None:
    company = companies.make(POSTGRESQL)
    company.configure(
        "accounting", url=make_url(company.accounting_url).set(password="no").render_as_string(hide_password=False)
    )
    hint = start(company, forked, "--quiet").end(expect=UNREACHABLE).stderr.splitlines()[1]
    assert hint.strip() == "Check the user and the password (the variable that the URL names)."
