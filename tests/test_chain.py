"""The journal's chain: whatever is changed, added or taken away shows; a journal of an older bposync is brought along."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from bposync.cli.app import main
from bposync.errors import UsageError
from bposync.journal import open_journal, schema
from bposync.journal.links import IGNORE
from support import cli
from support.company import POSTGRESQL, SQLITE, Company, connected, dump, sqlite_company, sqlite_url

if TYPE_CHECKING:
    from collections.abc import Callable

OLD = Path(__file__).parent / "data" / "journal-schema-1.sql"
COMPANIES = ("main", "second")


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Company:
    """Two companies in one journal, each with two runs and two decisions."""
    company = sqlite_company(tmp_path_factory.mktemp("recorded"))
    company.customer("ABC001", "Alpha")
    company.account("STAFF", "Staff")
    for name in COMPANIES:
        company.configure("state", company=name)
        company.sync()
        decide(company, "ABC001")
        company.change("ABC001", phone=name)
        company.sync()
        decide(company, "ABC002")
    return company


def decide(company: Company, code: str) -> None:
    with open_journal(company.settings(), writes=True) as journal, journal.deciding() as connection:
        journal.decisions.save(connection, IGNORE, code.lower(), "")
        journal.decisions.log(connection, "ignore", code, "")


@pytest.fixture
def company(recorded: Company, tmp_path: Path) -> Company:
    shutil.copy(str(sa.make_url(recorded.journal_url).database), tmp_path / "journal.sqlite")
    url = sqlite_url(tmp_path / "journal.sqlite")
    sections = {**recorded.sections, "state": {"url": url, "company": "main"}}
    return Company(tmp_path, recorded.bpo_url, recorded.accounting_url, url, sections)


def problems(company: Company, name: str = "main") -> tuple[str, ...]:
    company.configure("state", company=name)
    with open_journal(company.settings(), writes=False) as journal:
        return journal.verify().problems


def test_a_journal_that_nobody_touched_holds_for_each_of_its_companies(company: Company) -> None:
    assert [problems(company, name) for name in COMPANIES] == [(), ()]
    with open_journal(company.settings(), writes=False) as journal:
        found = journal.verify()
        runs = journal.runs.all()
    assert (found.runs, found.decisions) == (2, 2)
    assert [run.hash is not None for run in runs] == [True, True]
    assert [bool(run.previous) for run in runs] == [True, False]


NEWEST = "(SELECT max(number) FROM bposync_decision_log WHERE company = 'main')"
TAMPERED = {
    "a decision's person": "UPDATE bposync_decision_log SET decided_by = 'somebody' WHERE company = 'main'",
    "a decision's moment": "UPDATE bposync_decision_log SET decided_at = '2020-01-01T00:00:00Z' WHERE company = 'main'",
    "a decision's detail": "UPDATE bposync_decision_log SET detail = 'x' WHERE company = 'main'",
    "a decision taken away": "DELETE FROM bposync_decision_log WHERE company = 'main' AND customer = 'abc001'",
    "the newest decision taken away": f"DELETE FROM bposync_decision_log WHERE company = 'main' AND number = {NEWEST}",
    "a decision added": "INSERT INTO bposync_decision_log SELECT company, '2020', decided_at, decided_by, machine, decision, "
    "customer, account, detail FROM bposync_decision_log WHERE company = 'main' LIMIT 1",
    "two decisions in another order": "UPDATE bposync_decision_log SET customer = CASE customer WHEN 'abc001' THEN 'abc002' "
    "ELSE 'abc001' END WHERE company = 'main'",
    "a decision of another company": "UPDATE OR IGNORE bposync_decision_log SET company = 'second' WHERE company = 'main'",
    "a run's person": "UPDATE bposync_runs SET by = 'somebody' WHERE company = 'main'",
    "a run's summary": "UPDATE bposync_runs SET summary = '{}' WHERE company = 'main'",
    "a run's exit code": "UPDATE bposync_run_ends SET exit_code = 4 WHERE company = 'main'",
    "a run's end taken away": "DELETE FROM bposync_run_ends WHERE company = 'main'",
    "a change's value": "UPDATE bposync_changes SET fields = replace(fields, 'Alpha', 'Beta') WHERE company = 'main'",
    "a change's account": "UPDATE bposync_changes SET account = 'X' WHERE company = 'main'",
    "a change taken away": "DELETE FROM bposync_changes WHERE company = 'main'",
    "a change added": "INSERT INTO bposync_changes SELECT company, run, 99, customer, code, name, account, account_key, "
    "action, 0, fields, reasons, '' FROM bposync_changes WHERE company = 'main' LIMIT 1",
    "an outcome": "UPDATE bposync_outcomes SET outcome = 'failed' WHERE company = 'main'",
    "an outcome taken away": "DELETE FROM bposync_outcomes WHERE company = 'main'",
    "a run taken away": "DELETE FROM bposync_runs WHERE company = 'main'",
    "a whole run added": "INSERT INTO bposync_runs SELECT company, 'x', started_at, by, machine, login, version, sites, "
    "customers, summary FROM bposync_runs WHERE company = 'main' LIMIT 1; "
    "INSERT INTO bposync_run_ends VALUES ('main', 'x', '', '{}', 0)",
    "a link taken out": "DELETE FROM bposync_chain WHERE company = 'main' AND number = 2",
    "the first link taken out": "DELETE FROM bposync_chain WHERE company = 'main' AND number = 1",
    "two links swapped": "UPDATE bposync_chain SET number = 99 WHERE company = 'main' AND number = 1; UPDATE bposync_chain SET "
    "number = 1 WHERE company = 'main' AND number = 2; UPDATE bposync_chain "
    "SET number = 2 WHERE company = 'main' AND number = 99",
    "a link's hash": "UPDATE bposync_chain SET hash = 'x' WHERE company = 'main' AND number = 2",
    "a link's previous": "UPDATE bposync_chain SET previous = '' WHERE company = 'main' AND number = 3",
    "the newest link taken out": "DELETE FROM bposync_chain WHERE company = 'main' AND number = 4",
    "the whole chain taken out": "DELETE FROM bposync_chain WHERE company = 'main'",
}  # fmt: skip


@pytest.mark.parametrize("what", TAMPERED)
def test_whatever_is_changed_is_told_and_only_in_its_company(company: Company, what: str) -> None:
    with closing(sqlite3.connect(str(sa.make_url(company.journal_url).database))) as connection:
        before = connection.total_changes
        connection.executescript(TAMPERED[what])
        connection.commit()
        assert connection.total_changes > before
    assert problems(company)
    if "another company" not in what:
        assert problems(company, "second") == ()


def test_a_tail_that_is_cut_off_with_all_its_rows_is_not_seen_but_its_hash_is_another(company: Company) -> None:
    """What SECURITY.md names: against it the newest hash is kept elsewhere."""
    with open_journal(company.settings(), writes=False) as journal:
        before = journal.verify().hash
    with connected(company.journal_url) as connection:
        connection.exec_driver_sql(f"DELETE FROM bposync_decision_log WHERE company = 'main' AND number = {NEWEST}")
        connection.exec_driver_sql("DELETE FROM bposync_chain WHERE company = 'main' AND number = 4")
    with open_journal(company.settings(), writes=False) as journal:
        found = journal.verify()
    assert found.problems == ()
    assert found.hash != before


def test_history_verify_leaves_with_1_and_names_what_does_not_hold(
    company: Company, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--config", str(company.path), "history", "--verify"]
    assert main(arguments) == 0
    assert "2 runs and 2 decisions" in capsys.readouterr().out
    with connected(company.journal_url) as connection:
        connection.exec_driver_sql("UPDATE bposync_decision_log SET detail = '\x1b[31m' WHERE customer = 'abc001'")
    assert main([*arguments, "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["verified"]["ok"] is False
    assert "is not as it was recorded" in document["verified"]["problems"][0]


def test_a_break_is_told_for_ever_also_after_more_was_recorded(company: Company) -> None:
    with connected(company.journal_url) as connection:
        connection.exec_driver_sql("UPDATE bposync_runs SET by = 'somebody' WHERE company = 'main'")
    decide(company, "ABC003")
    assert len(problems(company)) == 2


# A journal that the first version made.

# What later versions added to a table, behind its other columns.
ADDED = {"bposync_links": ("bpo_mark", "account_mark"), "bposync_companies": ("bpo_fields",)}


@pytest.fixture(params=[SQLITE, POSTGRESQL])
def old_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a journal of schema 1 with runs, links and decisions."""
    path = tmp_path / "old-state.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(OLD.read_text("utf-8"))
    if request.param == SQLITE:
        return sqlite_url(path)
    url: str = request.getfixturevalue("postgres_url")
    first = [table for table in schema.metadata.sorted_tables if table not in (schema.chain, schema.overwrites)]
    with connected(sqlite_url(path)) as source, connected(url) as target:
        schema.metadata.create_all(target, tables=first)
        for name, columns in ADDED.items():
            for column in columns:
                target.exec_driver_sql(f"ALTER TABLE {name} DROP COLUMN {column}")
        for table in first:
            kept = [column for column in table.c if column.name not in ADDED.get(table.name, ())]
            if rows := [dict(row) for row in source.execute(sa.select(*kept)).mappings()]:
                target.execute(sa.insert(table), rows)
    return url


def at(url: str, folder: Path) -> Callable[..., Any]:
    company = sqlite_company(folder)
    company.configure("state", url=url)
    return lambda *, writes: open_journal(company.settings(), writes=writes)


def content(url: str) -> dict[str, list[tuple[Any, ...]]]:
    return {name: rows for name, rows in dump(url).items() if name.startswith("bposync_") and name != "bposync_schema"}


def test_an_older_journal_is_only_read_until_something_is_to_be_written(old_url: str, tmp_path: Path) -> None:
    before = dump(old_url)
    with at(old_url, tmp_path)(writes=False) as journal:
        assert (len(journal.links.read()), len(journal.runs.all()) > 0) == (len(before["bposync_links"]), True)
        assert journal.verify().problems == ()
        assert journal.decisions.read().overwrite == {}
        assert journal.decisions.story()
    assert dump(old_url) == before


def test_an_older_journal_keeps_everything_and_is_chained_when_it_is_first_written(old_url: str, tmp_path: Path) -> None:
    before = content(old_url)
    opened = at(old_url, tmp_path)
    for _ in range(2):
        with opened(writes=True) as journal:
            found = journal.verify()
        after = content(old_url)
        for name, columns in ADDED.items():
            assert {row[-len(columns) :] for row in after[name]} == {(None,) * len(columns)}
            after[name] = [row[: -len(columns)] for row in after[name]]
        assert {name: after[name] for name in before} == before
        assert found.problems == ()
        assert (found.runs, found.decisions) == (len(before["bposync_runs"]), len(before["bposync_decision_log"]))
        assert dump(old_url)["bposync_schema"] == [(schema.VERSION,)]


UPGRADE = """
import pathlib, sys
from bposync import config
from bposync.journal import open_journal
with open_journal(config.load(pathlib.Path(sys.argv[1])), writes=True) as journal:
    sys.exit(len(journal.verify().problems))
"""


def test_several_who_upgrade_it_at_once_all_succeed(old_url: str, tmp_path: Path) -> None:
    company = sqlite_company(tmp_path)
    company.configure("state", url=old_url)
    command = [sys.executable, "-c", UPGRADE, str(company.path)]
    started = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    said = [each.communicate(timeout=cli.TIMEOUT)[1] for each in started]
    assert [each.returncode for each in started] == [0, 0, 0], said
    assert dump(old_url)["bposync_schema"] == [(schema.VERSION,)]


def test_an_upgrade_that_fails_leaves_the_journal_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "old-state.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(OLD.read_text("utf-8"))
    before = dump(sqlite_url(path))
    opened = at(sqlite_url(path), tmp_path)

    def fails(*_: object) -> None:
        raise RuntimeError("killed")

    monkeypatch.setattr("bposync.journal.upgrades.Chain.seal", fails)
    with pytest.raises(RuntimeError), opened(writes=True):
        pass
    assert dump(sqlite_url(path)) == before


def test_a_newer_journal_than_this_version_knows_is_left_alone(old_url: str, tmp_path: Path) -> None:
    with connected(old_url) as connection:
        connection.exec_driver_sql("UPDATE bposync_schema SET version = 99")
    before = dump(old_url)
    opened = at(old_url, tmp_path)
    for writes in (True, False):
        with pytest.raises(UsageError, match="made by a newer bposync"), opened(writes=writes):
            pass
    assert dump(old_url) == before


def test_the_chain_holds_on_postgresql_too(postgres_url: str, tmp_path: Path) -> None:
    company = sqlite_company(tmp_path)
    company.customer("ABC001", "Alpha \U0001f600 \u202e")
    company.configure("state", url=postgres_url)
    company.journal_url = postgres_url
    company.sync()
    decide(company, "ABC001")
    assert problems(company) == ()
    with connected(postgres_url) as connection:
        connection.exec_driver_sql("UPDATE bposync_changes SET name = 'Beta'")
    assert len(problems(company)) == 1
