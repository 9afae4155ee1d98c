"""The journal: what bposync remembers comes back as it was, whatever database it lies in, company by company."""

from __future__ import annotations

import socket
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from bposync import config
from bposync.errors import UnreachableError, UsageError
from bposync.journal import Journal, open_journal, schema
from bposync.journal.links import decode_agreed, encode_agreed
from bposync.journal.runs import Run, new_run_id
from bposync.records import Account, Action, Change, FieldChange, Link, Outcome, OutcomeKind, Verdict
from support.company import KINDS, POSTGRESQL, connected, dump, sqlite_company, sqlite_url

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bposync.values import Value

HOSTILE = "Zoë \u202e公司 😀 \"'; DROP TABLE bposync_links; -- %s {x} \\ \x1b[31m"


@pytest.fixture(params=KINDS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty place for a journal."""
    if request.param == POSTGRESQL:
        return str(request.getfixturevalue("postgres_url"))
    return sqlite_url(tmp_path / "journal.sqlite")


def settings(url: str, folder: Path, company: str = "main") -> config.Settings:
    path = folder / "bposync.toml"
    path.write_text(
        f'[bpo]\nurl = "sqlite:///bpo.sqlite"\ncustomers = "x"\n[state]\nurl = "{url}"\ncompany = "{company}"\n',
        encoding="utf-8",
    )
    return config.load(path, environment={})


@pytest.fixture
def journal(url: str, tmp_path: Path) -> Iterator[Journal]:
    with open_journal(settings(url, tmp_path), writes=True) as opened:
        yield opened


def link(customer: str, **values: Any) -> Link:
    return replace(Link(customer, customer.upper(), "1", f"Name of {customer}", ("Durban",)), **values)


def kept(journal: Journal) -> dict[str, Link]:
    return {key: replace(found, by="", at=None) for key, found in journal.links.read().items()}


def change(code: str, action: Action = Action.CREATE, **values: Any) -> Change:
    made = Change(
        code=code,
        name=f"Name of {code}",
        account=code.upper(),
        action=action,
        sites=("Durban", "Cape Town"),
        fields=(
            FieldChange("phone", "", "031", None, Verdict.WRITE),
            FieldChange("credit_limit", Decimal("0.00"), Decimal("75000000.10"), Decimal("1.00"), Verdict.WRITE, agreed=True),
            FieldChange("terms", "30D", "14 Days", None, Verdict.HELD),
        ),
        reasons=(f"because: {HOSTILE}",),
        seen=None if action is Action.CREATE else Account(code.upper(), "17", "Name", "", ()),
        link=link(code, account_key="" if action is Action.CREATE else "17", sites=("Durban", "Cape Town")),
    )
    return replace(made, **values)


def run(name: str | None = None, at: datetime | None = None) -> Run:
    made = Run.start(sites=("Durban", HOSTILE), summary={"create": 2, "same": 0}, login="DOMAIN\\reader")
    at = at or made.at
    return replace(made, at=at, run=name or new_run_id(at))


WRITTEN = Outcome(OutcomeKind.WRITTEN, account_key="17")


# Links.


def test_links_come_back_as_they_were(journal: Journal) -> None:
    agreed: dict[str, tuple[Value, Value]] = {
        "name": (HOSTILE, HOSTILE),
        "phone": ("", ""),
        "email": ("bpo@b.example", "accepted@b.example"),
        "contact": ("", "accepted where BPO has none"),
        "credit_limit": (Decimal("75000000.10"), Decimal("0.00")),
        "hold": (True, False),
        "terms": ("30D", "30D"),
    }
    links = [
        link("HIL000001", name=HOSTILE, agreed=agreed, sites=("Durban", HOSTILE, "(none)")),
        link("biancad", account="BIANCA", account_key="", agreed={}, sites=()),
        link("ÅÉ ß-1", account="x" * 20),
    ]
    journal.links.remember(links, by="clerk")
    assert kept(journal) == {"hil000001": links[0], "biancad": links[1], "åé ss-1": links[2]}
    values = journal.links.read()["hil000001"].agreed["credit_limit"]
    assert [str(value) for value in values] == ["75000000.10", "0.00"]


@pytest.mark.parametrize(
    ("name", "values", "text"),
    [
        ("phone", ("031", "031"), '{"phone":"031"}'),
        ("phone", ("031", "032"), '{"phone":["031","032"]}'),
        ("phone", ("", ""), '{"phone":null}'),
        ("phone", ("", "032"), '{"phone":[null,"032"]}'),
        ("credit_limit", (Decimal("5.10"), Decimal("5.10")), '{"credit_limit":"5.10"}'),
        ("credit_limit", (Decimal("5.10"), None), '{"credit_limit":["5.10",null]}'),
        ("hold", (True, True), '{"hold":true}'),
        ("hold", (True, False), '{"hold":[true,false]}'),
        ("name", ("Zoë", "Zoë"), '{"name":"Zo\\u00eb"}'),
    ],
)
def test_agreed_values_are_kept_as_one_or_as_two(name: str, values: tuple[Value, Value], text: str) -> None:
    assert encode_agreed({name: values}) == text
    assert decode_agreed(text) == {name: values}


def test_an_agreed_value_of_a_field_that_nobody_knows_any_more_is_left_out() -> None:
    assert decode_agreed('{"fax":"1","phone":"2"}') == {"phone": ("2", "2")}


def test_a_link_is_replaced_by_a_newer_one_of_the_same_customer(journal: Journal) -> None:
    journal.links.remember([link("HIL000001"), link("other")], by="clerk")
    newer = link("hil000001", account="HIL1", agreed={"phone": ("1", "1")})
    journal.links.remember([newer], by="bookkeeper")
    assert kept(journal) == {"hil000001": newer, "other": link("other")}
    found = journal.links.read()["hil000001"]
    assert found.by == "bookkeeper"
    assert found.at is not None
    assert found.at.utcoffset() == timedelta(0)
    assert abs(datetime.now(UTC) - found.at) < timedelta(minutes=1)


def test_many_links_are_kept_at_once(journal: Journal) -> None:
    links = [link(f"c{number:05}", agreed={"phone": (str(number), str(number))}) for number in range(4500)]
    with journal.transaction() as connection:
        journal.links.save(connection, links, by="clerk", at=datetime.now(UTC))
    assert kept(journal) == {found.customer: found for found in links}


# Companies that share a database.


def test_companies_that_share_a_journal_do_not_see_each_other(url: str, tmp_path: Path) -> None:
    for company in ("one", "Öther / two"):
        with open_journal(settings(url, tmp_path, company), writes=True) as journal:
            journal.links.remember([link("HIL000001", name=company)], by="clerk")
            started = run("20260101-000000-aaaa")
            journal.runs.begin(started, [change("gone", Action.GONE)], first=1)
            journal.runs.intend(started.run, [change("new", name=company)], 0)
            if company == "one":
                journal.runs.settle(started.run, {0: WRITTEN}, [], by="clerk")
                journal.runs.end(started.run, {"written": 1}, 0)
    for company, code in (("one", 0), ("Öther / two", None)):
        with open_journal(settings(url, tmp_path, company), writes=False) as journal:
            assert [found.name for found in journal.links.read().values()] == [company]
            assert [found.exit_code for found in journal.runs.all()] == [code]
            assert [found.document["name"] for found in journal.runs.changes_of()] == [company, "Name of gone"]
            assert [found.change.name for found in journal.runs.unsettled()] == ([] if code == 0 else [company])
            assert journal.decisions.read().new == {}


@pytest.mark.parametrize("company", ["", "  ", "c" * 101])
def test_a_companys_name_is_1_to_100_characters_long(tmp_path: Path, company: str) -> None:
    with (
        pytest.raises(UsageError, match=r"\[state\] company"),
        open_journal(settings(sqlite_url(tmp_path / "j"), tmp_path, company), writes=True),
    ):
        pass
    assert not (tmp_path / "j").exists()


# Its making.


@pytest.mark.parametrize("writes", [True, False])
def test_a_journal_of_a_newer_bposync_is_refused(url: str, tmp_path: Path, *, writes: bool) -> None:
    with open_journal(settings(url, tmp_path), writes=True) as journal:
        journal.links.remember([link("HIL000001")], by="clerk")
    with connected(url) as connection:
        connection.execute(sa.update(schema.schema_version).values(version=schema.VERSION + 1))
    before = dump(url)
    with (
        pytest.raises(UsageError, match=f"schema {schema.VERSION + 1}, this one knows {schema.VERSION}") as refused,
        open_journal(settings(url, tmp_path), writes=writes),
    ):
        pass
    assert refused.value.hint
    assert dump(url) == before


def test_reading_makes_no_journal(url: str, tmp_path: Path) -> None:
    with open_journal(settings(url, tmp_path), writes=False) as journal:
        assert journal.is_empty
        assert journal.links.read() == {}
        assert journal.decisions.read().ignored_customers == frozenset()
        assert (journal.runs.all(), journal.runs.unsettled(), journal.runs.changes_of(run="x")) == ([], [], [])
    assert not (tmp_path / "journal.sqlite").exists()
    if url.startswith("postgresql"):
        assert dump(url) == {}


def test_reading_a_journal_changes_nothing_in_it(url: str, tmp_path: Path) -> None:
    with open_journal(settings(url, tmp_path), writes=True) as journal:
        journal.links.remember([link("HIL000001")], by="clerk")
    file = tmp_path / "journal.sqlite"
    before = (dump(url), file.read_bytes() if file.exists() else b"")
    with open_journal(settings(url, tmp_path), writes=False) as journal:
        assert list(journal.links.read()) == ["hil000001"]
        journal.runs.all()
        with pytest.raises(UnreachableError):
            journal.links.remember([link("other")], by="clerk")
    assert (dump(url), file.read_bytes() if file.exists() else b"") == before


def test_an_empty_file_is_an_empty_journal(tmp_path: Path) -> None:
    (tmp_path / "journal.sqlite").touch()
    with open_journal(settings(sqlite_url(tmp_path / "journal.sqlite"), tmp_path), writes=False) as journal:
        assert journal.links.read() == {}
    assert (tmp_path / "journal.sqlite").stat().st_size == 0


@pytest.mark.parametrize("writes", [True, False])
def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path, *, writes: bool) -> None:
    file = tmp_path / "journal.sqlite"
    file.write_bytes(b"letters to the bank\n" * 100)
    with pytest.raises(UnreachableError, match="journal"), open_journal(settings(sqlite_url(file), tmp_path), writes=writes):
        pass
    assert file.read_bytes() == b"letters to the bank\n" * 100


def test_a_journal_in_a_folder_that_is_not_there_says_so(tmp_path: Path) -> None:
    place = sqlite_url(tmp_path / "nowhere" / "journal.sqlite")
    with pytest.raises(UnreachableError, match="there is no folder"), open_journal(settings(place, tmp_path), writes=True):
        pass
    assert not (tmp_path / "nowhere").exists()


def test_a_journal_is_made_once_however_many_begin_at_once(url: str, tmp_path: Path) -> None:
    """Two people whose first syncs begin together, each of a company of their own."""
    several = [settings(url, tmp_path, f"company {number}") for number in range(4)]
    together = threading.Barrier(len(several))
    wrong: list[BaseException] = []

    def begin(mine: config.Settings) -> None:
        together.wait()
        try:
            with open_journal(mine, writes=True) as journal:
                journal.links.remember([link("HIL000001")], by="clerk")
        except BaseException as error:  # noqa: BLE001 - told below, in the test's own thread
            wrong.append(error)

    threads = [threading.Thread(target=begin, args=(mine,)) for mine in several]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert wrong == []
    assert len(dump(url)[schema.schema_version.name]) == 1
    assert len(dump(url)[schema.links.name]) == len(several)


def test_a_server_that_does_not_answer_is_asked_once(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql+psycopg://clerk:secret@127.0.0.1:{silent.getsockname()[1]}/journal?connect_timeout=2"
        began = time.monotonic()
        with pytest.raises(UnreachableError), open_journal(settings(url, tmp_path), writes=True):
            pass
    assert time.monotonic() - began < 5


# Runs.


def test_a_run_comes_back_with_its_end(journal: Journal) -> None:
    first = run(at=datetime(2026, 3, 1, 8, 0, tzinfo=UTC))
    second = run(at=datetime(2026, 3, 2, 8, 0, tzinfo=UTC))
    for started in (first, second):
        journal.runs.begin(started, [])
    journal.runs.end(first.run, {"written": 2, "failed": 1}, 4)
    running, ended = journal.runs.all()
    assert (running.run, running.exit_code, sum(running.outcomes.values())) == (second.run, None, 0)
    assert {outcome: count for outcome, count in ended.outcomes.items() if count} == {"written": 2, "failed": 1}
    assert replace(ended, outcomes={}, hash=None, previous=None) == replace(first, exit_code=4)


def test_runs_of_one_second_stand_in_their_order(journal: Journal) -> None:
    moments = [datetime(2026, 3, 1, 8, 0, 0, microseconds, tzinfo=UTC) for microseconds in range(0, 1_000_000, 125_000)]
    started = [run(at=at) for at in moments]
    for one in started:
        journal.runs.begin(one, [change("HIL000001", Action.CONFLICT)])
    assert [found.run for found in journal.runs.all()] == [one.run for one in reversed(started)]
    assert [found.run for found in journal.runs.changes_of(customer="hil000001")] == [one.run for one in started]


def test_a_change_is_told_as_it_was_planned_and_what_became_of_it(journal: Journal) -> None:
    started = run()
    journal.runs.begin(started, [change("gone", Action.GONE, fields=())], first=4)
    journal.runs.intend(started.run, [change(code) for code in ("one", "two", "three", HOSTILE)], 0)
    outcomes = {
        0: WRITTEN,
        1: Outcome(OutcomeKind.FAILED, f"refused: {HOSTILE}"),
        2: Outcome(OutcomeKind.UNKNOWN, "the connection was cut"),
        3: Outcome(OutcomeKind.STALE, "changed"),
    }
    journal.runs.settle(started.run, outcomes, [link("one")], by="clerk")
    documents = [found.document for found in journal.runs.changes_of(run=started.run)]
    assert [document["outcome"] for document in documents] == ["written", "failed", "unknown", "stale", None]
    assert documents[0] == {
        "code": "one",
        "name": "Name of one",
        "account": "ONE",
        "action": "create",
        "fields": {
            "phone": {"from": None, "to": "031", "last": None, "verdict": "write"},
            "credit_limit": {"from": "0.00", "to": "75000000.10", "last": "1.00", "verdict": "write"},
            "terms": {"from": "30D", "to": "14 Days", "last": None, "verdict": "held"},
        },
        "reasons": [f"because: {HOSTILE}"],
        "outcome": "written",
    }
    assert documents[1]["reasons"] == [f"because: {HOSTILE}", f"refused: {HOSTILE}"]
    assert documents[3]["code"] == HOSTILE
    assert list(kept(journal)) == ["one"]


def test_a_text_that_no_database_would_take_keeps_nobody_from_synchronising(journal: Journal) -> None:
    """NUL inside a name: SQL Server and SQLite hold it, PostgreSQL does not. Such a customer is rejected, and recorded."""
    started = run()
    journal.runs.begin(started, [change("A\x00B", Action.REJECTED, name="Hill\x00crest", fields=())])
    (found,) = journal.runs.changes_of(run=started.run)
    assert found.document["action"] == "rejected"
    assert str(found.document["name"]).startswith("Hill")


def test_the_story_of_one_customer_is_told_by_its_code_in_any_case(journal: Journal) -> None:
    for day in (1, 2, 3):
        started = run(at=datetime(2026, 3, day, tzinfo=UTC))
        journal.runs.begin(started, [change("HIL000001 " if day == 2 else "other", Action.CONFLICT)], first=1)
        journal.runs.intend(started.run, [change("hil000001", reasons=(f"day {day}",))], 0)
    story = journal.runs.changes_of(customer="hil000001")
    assert [(found.run[:8], found.number, found.document["reasons"][0][:5]) for found in story] == [
        ("20260301", 0, "day 1"), ("20260302", 0, "day 2"), ("20260302", 1, "becau"), ("20260303", 0, "day 3"),
    ]  # fmt: skip


@pytest.mark.parametrize("action", [Action.CREATE, Action.UPDATE])
def test_an_intent_without_an_outcome_comes_back_as_it_was(journal: Journal, action: Action) -> None:
    started = run()
    meant = change("HIL000001", action)
    journal.runs.begin(started, [])
    journal.runs.intend(started.run, [change("done"), meant, change("unknown")], 0)
    unknown = Outcome(OutcomeKind.UNKNOWN, "cut")
    journal.runs.settle(started.run, {0: WRITTEN, 2: unknown}, [], by="clerk")
    first, second = journal.runs.unsettled()
    assert (first.run, first.number, second.number, second.change.code) == (started.run, 1, 2, "unknown")
    found = first.change
    assert (found.code, found.name, found.account, found.action) == (meant.code, meant.name, meant.account, action)
    assert [(one.field, one.old, one.new, one.verdict) for one in found.fields] == [
        (one.field, one.old, one.new, one.verdict) for one in meant.fields
    ]
    assert (found.seen.key if found.seen else None) == (meant.seen.key if meant.seen else None)
    assert found.link is not None
    assert meant.link is not None
    assert (found.link.customer, found.link.account_key, found.link.sites) == (
        "HIL000001",
        meant.link.account_key,
        meant.link.sites,
    )


def test_intents_are_given_oldest_first_until_they_are_settled(journal: Journal) -> None:
    days = [run(at=datetime(2026, 3, day, tzinfo=UTC)) for day in (1, 2)]
    for started in reversed(days):
        journal.runs.begin(started, [])
        journal.runs.intend(started.run, [change(f"a{started.run[7]}"), change(f"b{started.run[7]}")], 0)
    assert [found.change.code for found in journal.runs.unsettled()] == ["a1", "b1", "a2", "b2"]
    journal.runs.settle(days[0].run, {0: WRITTEN, 1: Outcome(OutcomeKind.FAILED, "cut off")}, [], by="clerk")
    assert [found.change.code for found in journal.runs.unsettled()] == ["a2", "b2"]


def test_an_outcome_and_its_link_are_recorded_together_or_not_at_all(journal: Journal) -> None:
    started = run()
    journal.runs.begin(started, [])
    journal.runs.intend(started.run, [change("one")], 0)
    journal.runs.settle(started.run, {0: WRITTEN}, [link("one")], by="clerk")
    with pytest.raises(UnreachableError):
        journal.runs.settle(started.run, {0: WRITTEN}, [link("two")], by="clerk")
    assert list(kept(journal)) == ["one"]


def test_runs_are_only_ever_appended(url: str, tmp_path: Path) -> None:
    """Whatever a sync does, no row of a run is changed or taken away afterwards."""
    appended = [schema.runs, schema.run_ends, schema.changes, schema.outcomes]
    company = sqlite_company(tmp_path)
    company.configure("state", url=url)
    company.customer("ALP000001", "Alpha", phone="1")
    company.customer("BET000001", "Beta", phone="2")
    seen: list[str] = []

    def see(_connection: sa.Connection, _cursor: object, statement: str, *_: object) -> None:
        seen.append(statement)

    sa.event.listen(sa.Engine, "before_cursor_execute", see)
    try:
        before: dict[str, list[tuple[Any, ...]]] = {}
        for phone in ("1", "3", "4"):
            company.change("ALP000001", phone=phone)
            if phone == "4":
                company.delete("BET000001")
            company.sync()
            after = dump(url)
            for table in appended:
                assert set(before.get(table.name, [])) <= set(after[table.name])
            before = after
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", see)
    changing = [statement for statement in seen if statement.startswith(("UPDATE bposync_", "DELETE FROM bposync_"))]
    changed = {statement.removeprefix("UPDATE ").removeprefix("DELETE FROM ").split()[0] for statement in changing}
    assert "bposync_links" in changed
    assert changed.isdisjoint(table.name for table in appended)


def test_two_connections_do_not_wait_for_each_other(url: str, tmp_path: Path) -> None:
    """A status reads while a sync has the journal open."""
    with open_journal(settings(url, tmp_path), writes=True) as writing:
        writing.links.remember([link("one")], by="clerk")
        with open_journal(settings(url, tmp_path), writes=False) as reading:
            assert list(reading.links.read()) == ["one"]
            writing.links.remember([link("two")], by="clerk")
            assert sorted(reading.links.read()) == ["one", "two"]


def test_a_company_is_a_name_and_not_a_pattern(tmp_path: Path) -> None:
    place = sqlite_url(tmp_path / "journal.sqlite")
    with open_journal(settings(place, tmp_path, "main"), writes=True) as journal:
        journal.links.remember([link("one")], by="clerk")
    with open_journal(settings(place, tmp_path, "ma%"), writes=False) as journal:
        assert journal.links.read() == {}
