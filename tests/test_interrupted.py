"""Ctrl-C: at the question nothing is written; later what was finished is told, and the next sync does the rest."""

from __future__ import annotations

import os
import random
import secrets
import signal
import time
from typing import Any

import pytest
import sqlalchemy as sa

from bposync.errors import ExitCode
from support import cli
from support.company import KINDS, POSTGRESQL, SQLITE, Companies, Company, connected, dump
from support.forks import Forks, Step
from support.waiting import ONE_WAITS, until_server_says

CONSTANTS = {"bposync.apply.PAUSE_SECONDS": 0, "bposync.apply.BATCH": 1}
BEGUN = "INSERT INTO bposync_runs"
INTERRUPTED = ExitCode.INTERRUPTED
MOMENTS = 20
"""At which a sync is interrupted, in each kind of database."""
CODES = ("ALP000001", "BET000001", "GAM000001")


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def company(companies: Companies, kind: str) -> Company:
    """Three customers that have accounts, each of them changed in BPO since."""
    made = companies.make(kind)
    for code in CODES:
        made.customer(code, f"Name of {code}", phone="0")
    made.sync()
    for code in CODES:
        made.change(code, phone="1")
    return made


def sync(company: Company, forked: Forks, *, expect: int | None = 0, **options: Any) -> cli.Result:
    while True:
        running = forked.start("--config", company.path, "sync", "--yes", "--json", constants=CONSTANTS, **options)
        result = running.end(expect=None)
        if result.code != ExitCode.LOCKED:  # a server needs a moment to see that its client has gone
            return running.end(expect=expect)


def test_at_the_question_it_writes_nothing(company: Company) -> None:
    before = dump(company.accounting_url), dump(company.journal_url)
    with cli.run_in_terminal("--config", company.path, "sync") as child:
        child.expect_exact("[y/N] ")
        child.sendintr()
        said = cli.finish(child, expect=INTERRUPTED)
    assert "Interrupted: nothing was written." in said
    assert "Error" not in said
    assert (dump(company.accounting_url), dump(company.journal_url)) == before
    company.run("sync", "--yes")
    company.check_in_step()


@pytest.mark.parametrize("kind", [SQLITE])
def test_at_the_question_about_a_sheet_it_records_nothing(company: Company) -> None:
    company.account("NOBODY", "Somebody Else")
    sheet = company.folder / "sheet.csv"
    company.run("review", "--output", str(sheet))
    headings, row = sheet.read_text("utf-8-sig").splitlines()
    place = headings.split(",").index("decision")
    cells = row.split(",")
    sheet.write_text("\n".join([headings, ",".join([*cells[:place], "ignore", *cells[place + 1 :]])]), "utf-8")
    before = dump(company.journal_url)
    with cli.run_in_terminal("--config", company.path, "review", "--apply", sheet) as child:
        child.expect_exact("Record these decisions? [y/N] ")
        child.sendintr()
        assert "Interrupted: nothing was recorded." in cli.finish(child, expect=INTERRUPTED)
    assert dump(company.journal_url) == before


@pytest.mark.parametrize("kind", [POSTGRESQL])
def test_in_the_middle_of_a_run_what_was_finished_is_told(company: Company) -> None:
    """The second account is held by somebody else, so that the sync waits for it."""
    held = 'SELECT * FROM "Client" WHERE "Account" = \'BET000001\' FOR UPDATE'
    with connected(company.accounting_url) as bookkeeper:
        bookkeeper.execute(sa.text(held))
        with cli.run_in_terminal("--config", company.path, "sync", "--yes", "--fail-fast", size=(60, 200)) as child:
            until_server_says(company.accounting_url, ONE_WAITS)
            child.sendintr()
            said = cli.finish(child, expect=INTERRUPTED)
    assert "Interrupted: 1 of 3 accounts were written. What became of 1 more, the next sync looks up." in said
    assert "Written: 1 update. Run " in said
    history = company.run("history", "--json").json["runs"][0]
    assert (history["exit_code"], history["outcomes"]["written"], history["outcomes"]["unknown"]) == (INTERRUPTED, 1, 1)
    following = company.run("sync", "--yes")
    assert "was cut off: BET000001 was not written" in following.stdout
    assert "Written: 2 updates." in following.stdout
    company.check_in_step()


def test_wherever_it_is_pressed_what_was_finished_is_told_and_the_next_sync_does_the_rest(
    company: Company, kind: str, forked: Forks
) -> None:
    # The steps are nearly the same in both databases: each is interrupted at some of them.
    for number, step in enumerate(range(0, 90, 2) if kind == SQLITE else range(1, 90, 3), 1):
        wanted = f"{number}"
        for code in CODES:
            company.change(code, phone=wanted)
        result = sync(company, forked, expect=None, interrupt=Step(BEGUN, step))
        document = result.json
        told = {change["code"]: change["outcome"] for change in document.get("changes", ())}
        there = {row["Account"] for row in company.clients() if row["Telephone"] == wanted}
        assert {code for code, outcome in told.items() if outcome == "written"} <= there
        assert there <= {code for code, outcome in told.items() if outcome in ("written", "unknown")}
        if result.code == 0:
            break
        assert (result.code, document["error"]["code"]) == (INTERRUPTED, INTERRUPTED)
        sync(company, forked)
        company.check_in_step()
    assert (result.code, number > 10) == (0, True)


def test_at_any_moment_the_next_sync_does_the_rest(company: Company, forked: Forks) -> None:
    seed = os.environ.get("BPOSYNC_TESTS_SEED") or secrets.token_hex(4)
    print(f"BPOSYNC_TESTS_SEED={seed}")  # pytest shows it where this fails
    chance = random.Random(seed)  # noqa: S311 - nobody is to be kept from guessing it
    longest = 0.1
    for number in range(MOMENTS):
        running = forked.start("--config", company.path, "sync", "--yes", "--json", constants=CONSTANTS)
        time.sleep(chance.uniform(0, longest))  # the moment is what is tested
        os.kill(running.pid, signal.SIGINT)
        assert running.end(expect=None).code in (0, INTERRUPTED), running.result()
        started = time.monotonic()
        sync(company, forked)
        longest = time.monotonic() - started
        company.check_in_step()
        for code in CODES:
            company.change(code, phone=f"{number + 2}")
