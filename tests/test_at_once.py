"""Several syncs of one company at once: one works, the others leave and say who holds them up; it ends with its process."""

from __future__ import annotations

import platform
import re
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from bposync.accounting import locks
from bposync.cli.sync import QUESTION
from bposync.documents import parse_moment
from bposync.errors import ExitCode
from bposync.people import current_user
from support import cli
from support.company import KINDS, POSTGRESQL, SQLITE, Companies, Company, connected, dump
from support.forks import Forked, Forks, Step
from support.waiting import ADVISORY, NO_SYNC_IS_RUNNING, until_server_says

WRITING = Step('INSERT INTO "Client"')
SAID = re.compile(r"Another sync of .+ is running, by (?P<user>.+) on (?P<machine>.+) since (?P<since>\S+)\.$")


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def company(companies: Companies, kind: str) -> Company:
    made = companies.make(kind)
    made.customer("ALP000001", "Alpha", phone="1")
    made.customer("BET000001", "Beta", phone="2")
    return made


def start(company: Company, forked: Forks, *, wait: float = 10, **options: Any) -> Forked:
    constants = {
        "bposync.apply.PAUSE_SECONDS": 0,
        "bposync.accounting.by_sql.WAIT_MILLISECONDS": int(wait * 1000),
        "bposync.database.LOGIN_SECONDS": wait,
    }
    return forked.start("--config", company.path, "sync", "--yes", "--json", constants=constants, **options)


def wait_for_the_lock(company: Company, kind: str) -> None:
    """Wait until a server has seen that whoever held the lock was killed; a file's lock goes with its process."""
    if kind == POSTGRESQL:
        until_server_says(company.accounting_url, NO_SYNC_IS_RUNNING)


def test_of_three_syncs_at_once_one_works_and_two_leave_with_6_and_say_who_holds_them_up(
    company: Company, forked: Forks
) -> None:
    began = datetime.now(UTC) - timedelta(seconds=1)
    three = [start(company, forked, stop=WRITING) for _ in range(3)]
    works = [each for each in three if each.stops()]
    assert len(works) == 1
    for each in three:
        if each not in works:
            message = each.end(expect=ExitCode.LOCKED).json["error"]["message"]
            found = SAID.fullmatch(message)
            assert found, message
            assert (found["user"], found["machine"]) == (current_user(), platform.node())
            assert began < parse_moment(found["since"]) < datetime.now(UTC)
    # It stands in the middle of its transaction; whoever only reads is not held up.
    assert company.run("sync", "--dry-run", "--json").json["summary"]["create"] == 2
    works[0].go_on()
    assert works[0].end().json["outcomes"]["written"] == 2
    company.check_in_step()


def test_when_the_one_that_works_is_killed_the_next_starts_at_once(company: Company, kind: str, forked: Forks) -> None:
    killed = start(company, forked, stop=WRITING)
    assert killed.stops()
    start(company, forked).end(expect=ExitCode.LOCKED)
    killed.kill()
    wait_for_the_lock(company, kind)
    assert start(company, forked).end().json["outcomes"]["written"] == 2
    company.check_in_step()


def test_a_question_left_open_blocks_nobody_and_its_yes_writes_nothing_of_another_time(
    company: Company, kind: str, forked: Forks
) -> None:
    with cli.run_in_terminal("--config", company.path, "sync", size=(60, 200)) as child:
        child.expect_exact(QUESTION)
        start(company, forked).end()
        wait_for_the_lock(company, kind)
        before = dump(company.accounting_url), dump(company.journal_url)
        child.sendline("y")
        assert "while the question waited" in cli.finish(child, expect=ExitCode.GUARD)
    assert (dump(company.accounting_url), dump(company.journal_url)) == before
    company.check_in_step()


def test_a_yes_while_another_sync_works_leaves_with_6(company: Company, forked: Forks) -> None:
    with cli.run_in_terminal("--config", company.path, "sync", size=(60, 200)) as child:
        child.expect_exact(QUESTION)
        works = start(company, forked, stop=WRITING)
        assert works.stops()
        child.sendline("y")
        assert "Another sync of " in cli.finish(child, expect=ExitCode.LOCKED)
    works.go_on()
    works.end()
    company.check_in_step()


@pytest.mark.parametrize(
    ("user", "machine"),
    [("a" * 80, "b" * 80), ("bo", "b" * 80), ("a" * 80, "m"), ("Zoë", "公司")],
    ids=["both long", "a long machine", "a long user", "not ASCII"],
)
@pytest.mark.parametrize("kind", [POSTGRESQL])
def test_since_when_is_said_however_long_the_names_are(
    company: Company, forked: Forks, user: str, machine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL has room for 63 bytes of it."""
    with company.opened() as opened:
        monkeypatch.setattr(locks, "current_user", lambda: user)
        monkeypatch.setattr(platform, "node", lambda: machine)
        with opened.accounting.way.lock():
            found = SAID.fullmatch(start(company, forked).end(expect=ExitCode.LOCKED).json["error"]["message"])
    assert found
    assert abs(parse_moment(found["since"]) - datetime.now(UTC)) < timedelta(minutes=1)
    assert len(found["user"]) >= min(len(user), 2)
    assert len(found["machine"]) >= min(len(machine), 1)


@pytest.mark.parametrize("kind", [SQLITE])
def test_a_lock_is_no_lock_on_the_books_themselves(company: Company, forked: Forks) -> None:
    """Whoever works in the books goes on while a sync plans."""
    planning = start(company, forked, stop=Step("INSERT INTO bposync_runs"))
    assert planning.stops()
    with closing(sqlite3.connect(str(company.accounting_url).removeprefix("sqlite:///"), timeout=0)) as books:
        books.execute('INSERT INTO "Client" ("Account", "Name", "Telephone") VALUES (\'GAM000001\', \'Gamma\', \'3\')')
        books.commit()
    planning.go_on()
    planning.end()
    assert {row["Account"] for row in company.clients()} == {"ALP000001", "BET000001", "GAM000001"}


@pytest.mark.parametrize("kind", [POSTGRESQL])
def test_wherever_a_sync_loses_its_lock_to_another_one_nothing_is_doubled(company: Company, forked: Forks) -> None:
    """The server ends the connection that holds the lock; the sync itself goes on."""
    end = f"SELECT pg_terminate_backend(pid) {ADVISORY} AND objid = 1"
    codes = []
    for number, step in enumerate(range(0, 40, 2)):
        company.change("ALP000001", phone=f"1{number}")
        company.customer(f"NEW{number:06}", f"New {number}", phone=f"2{number}")
        wait_for_the_lock(company, POSTGRESQL)
        first = start(company, forked, stop=Step("INSERT INTO bposync_runs", step))
        if not first.stops():
            first.end()
            break
        with connected(company.accounting_url) as connection:
            connection.execute(sa.text(end))
        wait_for_the_lock(company, POSTGRESQL)
        second = start(company, forked, wait=0.1).end(expect=None)
        first.go_on()
        codes.append((first.end(expect=None).code, second.code))
        wait_for_the_lock(company, POSTGRESQL)
        start(company, forked).end()
        company.check_in_step()
    assert {first for first, _ in codes} <= {0, ExitCode.NOT_WRITTEN, ExitCode.UNKNOWN_OUTCOME, ExitCode.UNREACHABLE}, codes
    # It leaves where the first one stands in a transaction: of the books, or of the journal.
    assert {second for _, second in codes} == {0, ExitCode.LOCKED, ExitCode.UNREACHABLE}, codes
