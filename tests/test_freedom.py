"""Synchronising through the Freedom Service: what is asked and sent, and what becomes of it wherever an answer goes astray."""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import subprocess
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
import stamina
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bposync import apply
from bposync.accounting import by_freedom, freedom_books, freedom_client
from bposync.accounting.by_freedom import FreedomWay
from bposync.accounting.freedom_address import service_of
from bposync.accounting.freedom_answers import AnswerError
from bposync.accounting.freedom_client import FreedomClient
from bposync.demo.freedom import Behaviour, Call, FreedomServer, Reply
from bposync.demo.freedom_company import FaultError
from bposync.errors import ExitCode, UnreachableError, UsageError
from bposync.journal import open_journal
from support import cli, freedom
from support.company import Company, sqlite_company

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

JSON = "application/json"
FINE = b'{"HasError": false}'


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(apply, "PAUSE_SECONDS", 0)
    monkeypatch.setattr(by_freedom, "PAUSE_SECONDS", 0)
    stamina.set_testing(True, attempts=freedom_client.READ_TRIES)  # without its pauses
    yield
    stamina.set_testing(False)


@pytest.fixture
def company(tmp_path: Path) -> Company:
    return sqlite_company(tmp_path)


@pytest.fixture
def server(company: Company) -> Iterator[FreedomServer]:
    with freedom.served(company) as server:
        yield server


@pytest.fixture
def client(company: Company, server: FreedomServer) -> Iterator[FreedomClient]:
    assert server.url
    client = FreedomClient(service_of(company.settings()), writes=True)
    client.open()
    yield client
    client.close()


@pytest.fixture
def busy(company: Company, server: FreedomServer) -> Company:
    """One account that is to be updated, and two that are to be made."""
    company.customer("ALP001", "Alpha", phone="031 1", credit_limit=1000)
    assert set(company.sync().outcomes.values()) == {"written"}
    company.change("ALP001", phone="031 2")
    company.customer("NEW001", "New", phone="1", terms="60 Days")
    company.customer("NEW002", "Newer", phone="2", type="GV")
    server.calls.clear()
    return company


PHONES = {"ALP001": "031 2", "NEW001": "1", "NEW002": "2"}


def phones(company: Company) -> dict[str, str]:
    """Give each account's phone; a code that is there twice fails."""
    rows = company.clients()
    assert len({row["Account"] for row in rows}) == len(rows)
    return {row["Account"]: row["Telephone"] for row in rows}


def operations(server: FreedomServer) -> Counter[str]:
    return Counter(call.operation for call in server.calls)


@dataclass
class Astray:
    """Lets the answers to one operation go astray: the first of them, or each."""

    operation: str
    behaviour: Behaviour
    always: bool = False
    seen: list[Call] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, call: Call) -> Behaviour | None:
        with self._lock:
            if call.operation != self.operation or (self.seen and not self.always):
                return None
            self.seen.append(call)
            return self.behaviour


# What is asked and sent.


def sent(call: Call) -> Any:
    return json.loads(call.body)


def test_a_new_account_is_asked_for_looked_up_and_sent_once(company: Company, server: FreedomServer) -> None:
    company.customer("hil 001/é", "Hillcrest (Pty) Ltd", phone="031 555", terms="60 Days", type="GV", credit_limit=1500.5,
                     billing_1="1 Long St", billing_postcode="4001")  # fmt: skip
    server.calls.clear()
    assert company.sync().outcomes == {"hil 001/é": "written"}
    base = "/freedom.core/Example%20%26%20S%C3%B6hne%20%28Pty%29%20Ltd/SDK/Rest/"
    start = next(place for place, call in enumerate(server.calls) if call.operation == "customerexists")
    code = "HIL%20001%2F%C3%89"
    assert [(call.method, call.path) for call in server.calls[start:]] == [
        ("GET", f"{base}CustomerExists?code={code}"),
        ("POST", f"{base}CustomerInsert"),
        ("GET", f"{base}CustomerExists?code={code}"),
        ("GET", f"{base}CustomerFind?code={code}"),
    ]
    (insert,) = [call for call in server.calls if call.method == "POST"]
    agent = base64.b64encode(f"bposync:{freedom.PASSWORD}".encode()).decode()
    host = f"127.0.0.1:{server.server_port}"
    assert dict(insert.headers) == {
        "Host": host, "Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "bposync",
        "Connection": "close", "Content-Type": "application/json; charset=utf-8",
        "Content-Length": str(len(insert.body)), "Authorization": f"Basic {agent}",
    }  # fmt: skip
    assert insert.body.isascii()
    assert b"001\\/\\u00c9" in insert.body
    assert sent(insert) == {
        "client": {
            "Code": "HIL 001/É",
            "Description": "Hillcrest (Pty) Ltd",
            "Active": True,
            "ChargeTax": True,
            "CreditLimit": 1500.5,
            "Telephone": "031 555",
            "AgingTerm": {"ID": 2, "Code": "60D", "Description": "60 days from statement"},
            "CustomerGroup": {"ID": 3, "Code": "GOVERNMENT", "Description": "Government and municipalities"},
            "AreasID": 1,
            "PostalAddress": {"Line1": "1 Long St", "PostalCode": "4001"},
        }
    }


def test_an_update_sends_the_whole_object_as_it_was_read_with_what_is_written(busy: Company, server: FreedomServer) -> None:
    busy.edit("ALP001", Addressee="", Delivered_To="Stores", cAccDescription="Old friend", Fax1="031 9", AccountTerms=7,
              Interest_Rate=1.25, bStatEmail=True, iCurrencyID=1, BankAccNum="62/000")  # fmt: skip
    before = busy.client("ALP001")
    read: list[Any] = []

    def keep(call: Call) -> None:
        if call.operation == "customerfind" and not read:
            read.append(server.company.find("ALP001"))

    server.behave = keep
    assert busy.sync(customers=("ALP001",)).outcomes == {"ALP001": "written"}
    (update,) = [call for call in server.calls if call.method == "POST"]
    assert sent(update) == {"client": {**read[0], "Telephone": "031 2"}}
    assert b'"\\/Date(' in update.body
    after = busy.client("ALP001")
    stamps = {"dTimeStamp", "Client_dModifiedDate", "Client_iModifiedAgentID"}
    assert {name for name in after if after[name] != before[name]} <= {"Telephone", *stamps}


def test_a_line_of_an_address_is_changed_and_the_others_stay(busy: Company) -> None:
    busy.edit("ALP001", Post1="1 Long St", Post4="Stanger", PostPC="4450")
    busy.sync()
    busy.change("ALP001", billing_2="Suburb")
    assert busy.sync().outcomes == {"ALP001": "written"}
    row = busy.client("ALP001")
    lines = [row[name] or "" for name in ("Post1", "Post2", "Post3", "Post4", "Post5", "PostPC")]
    assert lines == ["1 Long St", "Suburb", "", "Stanger", "", "4450"]


def test_terms_that_change_are_sent_whole_and_blanked_ones_are_taken_away(busy: Company, server: FreedomServer) -> None:
    busy.sync()
    busy.change("NEW001", terms="90 Days")
    assert busy.sync().outcomes == {"NEW001": "written"}
    assert sent(server.calls[-3])["client"]["AgingTerm"] == {"ID": 3, "Code": "90D", "Description": "90 days from statement"}
    assert busy.client("NEW001")["iAgeingTermID"] == 3
    busy.change("NEW001", terms="")
    assert busy.sync().outcomes == {"NEW001": "written"}
    assert busy.client("NEW001")["iAgeingTermID"] is None


def test_groups_terms_and_areas_are_each_found_once(company: Company, server: FreedomServer) -> None:
    for number in range(20):
        company.customer(f"NEW{number:03}", f"New {number}", terms="60 Days", type="GV")
    company.sync()
    assert Counter(call.parameters["code"].upper() for call in server.calls if call.operation == "agingtermfind") == Counter(
        ("30D", "60D", "90D", "COD")
    )
    assert operations(server)["areafind"] == 1
    assert operations(server)["customergroupfind"] == 5


def test_a_write_goes_over_a_connection_of_its_own_and_reads_share_theirs(company: Company, server: FreedomServer) -> None:
    company.configure("accounting", freedom_connections=1)
    for number in range(5):
        company.customer(f"NEW{number:03}", f"New {number}")
    company.sync()
    over = Counter(call.connection for call in server.calls)
    writes = [call.connection for call in server.calls if call.method == "POST"]
    assert [over[connection] for connection in writes] == [1] * 5
    assert len({call.connection for call in server.calls if call.method == "GET"}) == 1


def test_a_service_that_closed_a_kept_connection_is_asked_again(company: Company, server: FreedomServer) -> None:
    company.customer("NEW001", "New")
    server.behave = Astray("customerexists", Behaviour(cut=True))
    assert company.sync().outcomes == {"NEW001": "written"}
    assert operations(server)["customerinsert"] == 1


@pytest.mark.parametrize("connections", [1, 3])
def test_no_more_calls_are_under_way_than_the_configuration_allows(
    company: Company, server: FreedomServer, connections: int
) -> None:
    company.configure("accounting", freedom_connections=connections)
    for number in range(12):
        company.customer(f"NEW{number:03}", f"New {number}")
    under_way, most, lock = [0], [0], threading.Lock()
    reply = server.company.exists

    def exists(code: str) -> bool:
        with lock:
            under_way[0] += 1
            most[0] = max(most[0], under_way[0])
        time.sleep(0.02)
        with lock:
            under_way[0] -= 1
        return reply(code)

    server.company.exists = exists  # type: ignore[method-assign]
    company.sync()
    assert most == [connections]


def test_outcomes_and_journal_are_in_order_whatever_comes_first(company: Company, server: FreedomServer) -> None:
    codes = [f"NEW{number:03}" for number in range(12)]
    for code in codes:
        company.customer(code, f"New {code}")

    def later_ones_first(call: Call) -> Behaviour | None:
        if call.operation != "customerinsert":
            return None
        number = int(sent(call)["client"]["Code"][-3:])
        if number % 5 == 3:
            return Behaviour(done=False, reply=Reply(200, JSON, f'{{"HasError": true, "E": "no {number}"}}'.encode()))
        return Behaviour(delay=0.02 * (12 - number) / 4)

    server.behave = later_ones_first
    synced = company.sync()
    assert list(synced.all_outcomes) == codes
    assert {code: outcome.reason for code, outcome in synced.all_outcomes.items() if outcome.kind.value == "failed"} == {
        "NEW003": "not written: Evolution refused: no 3", "NEW008": "not written: Evolution refused: no 8",
    }  # fmt: skip
    with open_journal(company.settings(), writes=False) as journal:
        run = journal.runs.all()[-1]
        recorded = [each.document["code"] for each in journal.runs.changes_of(run=run.run)]
    assert recorded == codes


# Reading.


def test_pages_that_shift_while_somebody_inserts_give_each_account_once(
    company: Company, server: FreedomServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(freedom_books, "PAGE", 3)
    for number in range(10):
        company.account(f"ACC{number:03}", f"Account {number}")

    def inserts_before_page_2(call: Call) -> None:
        if call.parameters.get("pagenumber") == "2":
            company.account("AAA", "Somebody new")

    server.behave = inserts_before_page_2
    with company.opened(writes=False) as opened:
        found = [account.code for account in opened.accounting.books.read()]
    assert sorted(found) == [f"ACC{number:03}" for number in range(10)]


def test_a_page_that_is_shorter_than_asked_for_is_not_the_last(company: Company, server: FreedomServer) -> None:
    for number in range(10):
        company.account(f"ACC{number:03}", f"Account {number}")
    page = server.company.page
    server.company.page = lambda order, number, size: page(order, number, min(size, 3))  # type: ignore[method-assign]
    with company.opened(writes=False) as opened:
        assert len(opened.accounting.books.read()) == 10


def test_a_service_that_gives_the_first_page_again_is_not_believed_to_be_read(
    company: Company, server: FreedomServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(freedom_books, "PAGE", 3)
    for number in range(10):
        company.account(f"ACC{number:03}", f"Account {number}")
    page = server.company.page
    server.company.page = lambda order, number, size: page(order, min(number, 1), size)  # type: ignore[method-assign]
    with company.opened(writes=False) as opened, pytest.raises(UnreachableError, match="first page again"):
        opened.accounting.books.read()


def test_a_field_that_this_version_of_the_service_does_not_show_has_no_place(company: Company) -> None:
    company.account("ALP001", "Alpha")
    with freedom.served(company, without={"AgingTerm", "Webpage"}):
        company.customer("ALP001", "Alpha", website="www.alpha.example", terms="60 Days", phone="1")
        company.customer("NEW001", "New", website="www.new.example", terms="60 Days")
        synced = company.sync()
        assert synced.outcomes == {"ALP001": "written", "NEW001": "written"}
        assert list(synced.fields("ALP001")) == ["phone"]
    assert company.client("NEW001")["cWebPage"] is None


def test_the_company_of_another_database_is_refused(company: Company, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = sqlite_company(tmp_path / "other")
    other.account("ALP001", "Alpha")
    company.account("ALP001", "Somebody else")
    with freedom.served(other) as server:
        freedom.lead(company, server, freedom.WITH_SQL)
        with pytest.raises(UsageError, match="different companies"), company.opened(writes=False):
            pass
        company.delete("ALP001")
        with pytest.raises(UsageError, match="different companies"), company.opened(writes=False):
            pass
        other.delete("ALP001")
        with company.opened(writes=False):
            pass


def test_a_code_that_the_company_does_not_have_is_an_error_that_names_it(company: Company, server: FreedomServer) -> None:
    company.configure("accounting.groups", XX="NOGROUP")
    with pytest.raises(UsageError, match=r"the company has no .*group 'NOGROUP'") as caught, company.opened(writes=False):
        pass
    assert caught.value.hint == "CustomerGroupFind does not find it; Evolution shows the company's codes."
    assert server.calls


# Answers that go astray.

READS = ("customerlist", "customerexists", "customerfind", "customergroupfind", "agingtermfind", "areafind")
LOST = {
    "cut before it was done": Behaviour(done=False, cut=True),
    "cut after it was done": Behaviour(cut=True),
    "half an answer": Behaviour(half=True),
    "late": Behaviour(late=0.6),
    "503": Behaviour(done=False, reply=Reply(503, "text/html", b"<h1>busy</h1>")),
}


@pytest.mark.parametrize("behaviour", LOST.values(), ids=LOST)
@pytest.mark.parametrize("operation", READS)
def test_a_read_without_an_answer_is_asked_again(
    busy: Company, server: FreedomServer, operation: str, behaviour: Behaviour, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(freedom_client, "ANSWER_SECONDS", 0.4)
    astray = server.behave = Astray(operation, behaviour)
    assert busy.sync().outcomes == {"ALP001": "written", "NEW001": "written", "NEW002": "written"}
    assert len(astray.seen) == 1
    assert phones(busy) == PHONES
    assert (operations(server)["customerinsert"], operations(server)["customerupdate"]) == (2, 1)


@pytest.mark.parametrize("kind", freedom.KINDS)
@pytest.mark.parametrize("operation", ["customerinsert", "customerupdate"])
@pytest.mark.parametrize("behaviour", LOST.values(), ids=LOST)
def test_a_write_without_an_answer_is_never_sent_again_but_looked_up(
    busy: Company, server: FreedomServer, operation: str, behaviour: Behaviour, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    freedom.lead(busy, server, kind)
    monkeypatch.setattr(freedom_client, "ANSWER_SECONDS", 0.4)
    astray = server.behave = Astray(operation, behaviour)
    synced = busy.sync()
    assert (operations(server)["customerinsert"], operations(server)["customerupdate"]) == (2, 1)
    (call,) = astray.seen
    code = sent(call)["client"]["Code"]
    if behaviour.done:
        # It was looked up in this very run, and is there.
        assert set(synced.outcomes.values()) == {"written"}
    else:
        assert synced.outcomes == {**dict.fromkeys(PHONES, "written"), code: "unknown"}
        assert "nobody knows whether it was written" in synced.all_outcomes[code].reason
        # The next one looks it up first, and then writes it.
        assert busy.sync().outcomes == {code: "written"}
    assert phones(busy) == PHONES
    assert busy.sync().plan.writes == ()


def test_a_write_that_arrives_after_everybody_gave_up_is_found_by_the_next_sync(
    busy: Company, server: FreedomServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(freedom_client, "ANSWER_SECONDS", 0.3)
    server.behave = Astray("customerinsert", Behaviour(delay=1.0), always=True)
    assert busy.sync().outcomes == {"ALP001": "written", "NEW001": "unknown", "NEW002": "unknown"}
    time.sleep(1.2)
    server.behave = lambda _call: None
    synced = busy.sync()
    assert (synced.plan.writes, phones(busy)) == ((), PHONES)
    assert operations(server)["customerinsert"] == 2


def test_a_write_that_arrives_while_it_is_made_again_doubles_nothing(
    busy: Company, server: FreedomServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(freedom_client, "ANSWER_SECONDS", 0.3)
    server.behave = Astray("customerinsert", Behaviour(delay=0.6), always=True)
    busy.sync()
    server.behave = lambda _call: None
    time.sleep(0.2)
    busy.sync()
    time.sleep(0.6)
    assert phones(busy) == PHONES
    assert busy.sync().plan.writes == ()


GARBAGE = {
    "a page": Reply(200, "text/html", b"<html><title>Sign in</title></html>"),
    "nothing": Reply(200, JSON, b""),
    "half a result": Reply(200, JSON, b'{"HasError": fal'),
    "a result as text": Reply(200, "text/plain", FINE),
    "another object": Reply(200, JSON, b'{"Code": "NEW001", "ID": 5}'),
    "true": Reply(200, JSON, b"true"),
    "a list": Reply(200, JSON, b'[{"HasError": false}]'),
    "500": Reply(500, "text/html", b"<h1>Server Error</h1>"),
    "500 with a result": Reply(500, JSON, FINE),
    "a redirect": Reply(302, "text/html", b"", {"Location": "http://127.0.0.1:9/elsewhere"}),
    "404": Reply(404, JSON, b"{}"),
    "a fault": Reply(500, "application/xml", b"<Fault><Reason><Text>No</Text></Reason></Fault>"),
    "no text": Reply(200, JSON, b"\xff\xfe\x00\x81"),
}


@pytest.mark.parametrize("reply", GARBAGE.values(), ids=GARBAGE)
def test_garbage_in_answer_to_a_write_never_makes_it_written(busy: Company, server: FreedomServer, reply: Reply) -> None:
    before = busy.snapshot()
    server.behave = lambda call: Behaviour(done=False, reply=reply) if call.method == "POST" else None
    outcomes = busy.sync().all_outcomes
    assert {outcome.kind.value for outcome in outcomes.values()} <= {"failed", "unknown"}
    assert all(outcome.reason and "\n" not in outcome.reason for outcome in outcomes.values())
    assert busy.snapshot() == before
    server.behave = lambda _call: None
    assert set(busy.sync().outcomes.values()) == {"written"}
    assert phones(busy) == PHONES


@pytest.mark.parametrize(
    ("operation", "reply"),
    [
        pytest.param(operation, reply, id=f"{operation}, {name}")
        for operation in ("customerexists", "customerfind")
        for name, reply in GARBAGE.items()
        if (operation, name) != ("customerexists", "true")  # which is an answer to that
    ],
)
def test_garbage_in_answer_to_a_read_writes_nothing(busy: Company, server: FreedomServer, reply: Reply, operation: str) -> None:
    before = busy.snapshot()

    def garbage() -> None:
        server.behave = lambda call: Behaviour(done=False, reply=reply) if call.operation == operation else None

    try:
        found = busy.sync(between=garbage).outcomes
    except UnreachableError:
        found = {}
    assert operations(server)["customerupdate"] == 0
    if operation == "customerexists":
        assert "written" not in found.values()
        assert busy.snapshot() == before
    else:
        assert found.get("ALP001", "failed") == "failed"
        assert "written" not in found.values()  # a new account that cannot be read back is not said to be written


@given(
    body=st.one_of(
        st.binary(max_size=60), st.text(max_size=60).map(str.encode), st.sampled_from([FINE[:n] for n in range(19)])
    ),
    status=st.sampled_from([200, 201, 302, 400, 403, 404, 408, 500, 503]),
    content_type=st.sampled_from([JSON, "text/html", "text/xml", ""]),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)
def test_no_garbage_over_the_wire_makes_a_write_a_success(
    client: FreedomClient, server: FreedomServer, body: bytes, status: int, content_type: str
) -> None:
    server.behave = lambda _call: Behaviour(done=False, reply=Reply(status, content_type, body))
    with pytest.raises((AnswerError, UnreachableError)):
        client.insert({"Code": "NEW001", "Description": "New"})


@pytest.mark.parametrize("size", [40, 33])
def test_an_answer_without_end_is_not_read_to_its_end(busy: Company, server: FreedomServer, size: int) -> None:
    huge = b'{"HasError": false, "x": "' + b"x" * (size * 1024 * 1024) + b'"}'
    server.behave = Astray("customerupdate", Behaviour(reply=Reply(200, JSON, huge)))
    # It was done, and is found when it is looked up.
    assert set(busy.sync().outcomes.values()) == {"written"}
    server.behave = Astray("customerlist", Behaviour(reply=Reply(200, JSON, huge)), always=True)
    with pytest.raises(UnreachableError, match="32 MB"):
        busy.sync()


def test_one_account_that_the_service_chokes_on_costs_itself_only(busy: Company, server: FreedomServer) -> None:
    server.behave = lambda call: Behaviour(cut=True) if call.parameters.get("code") == "NEW001" else None
    synced = busy.sync()
    assert synced.outcomes == {"ALP001": "written", "NEW001": "failed", "NEW002": "written"}
    assert "the answer was cut off" in synced.all_outcomes["NEW001"].reason


def test_a_service_that_stops_answering_is_not_waited_for_by_every_account(company: Company, server: FreedomServer) -> None:
    for number in range(60):
        company.customer(f"NEW{number:03}", f"New {number}")
    with pytest.raises(UnreachableError, match="does not answer any more"):
        company.sync(between=lambda: setattr(server, "behave", lambda _call: Behaviour(done=False, cut=True)))
    assert operations(server)["customerexists"] <= freedom_client.READ_TRIES * (5 + 4)
    with open_journal(company.settings(), writes=False) as journal:
        assert journal.runs.unsettled() == []


def test_an_agent_that_is_let_in_no_more_leaves_the_rest_unwritten(company: Company, server: FreedomServer) -> None:
    company.configure("accounting", freedom_connections=1)
    for number in range(6):
        company.customer(f"NEW{number:03}", f"New {number}")

    def refuse_after_three(call: Call) -> Behaviour | None:
        refused = operations(server)["customerinsert"] >= 3 and call.operation == "customerexists"
        refused = refused and call.parameters["code"] > "NEW002"
        return Behaviour(done=False, reply=Reply(401, "text/html", b"")) if refused else None

    server.behave = refuse_after_three
    synced = company.sync()
    assert Counter(synced.outcomes.values()) == {"written": 3, "failed": 3}
    assert all("does not let the agent bposync in" in each.reason for each in list(synced.all_outcomes.values())[3:])


# Wherever the process is killed.


@pytest.mark.parametrize("after", [False, True], ids=["before the service does it", "after the service did it"])
def test_wherever_a_sync_is_killed_the_next_one_loses_and_doubles_nothing(
    company: Company,
    server: FreedomServer,
    after: bool,  # noqa: FBT001
) -> None:
    company.configure("accounting", freedom_connections=1)
    company.account("ALP001", "Alpha")
    company.customer("ALP001", "Alpha", phone="031 2")
    company.customer("NEW001", "New", phone="1")
    writing = re.compile("customer(exists|find|insert|update)")
    killed = 0
    for number in range(20):
        if "NEW001" in phones(company):
            company.delete("NEW001")
        company.edit("ALP001", Telephone="")
        company.lose_journal()
        code = killed_at(company, server, writing, number, after=after)
        company.sync()
        assert phones(company) == {"ALP001": "031 2", "NEW001": "1"}, number
        assert company.sync().plan.writes == ()
        with open_journal(company.settings(), writes=False) as journal:
            assert journal.runs.unsettled() == []
        if code != -signal.SIGKILL:
            break
        killed += 1
    # The first look, then update: exists, find, update; create: exists, insert; read back: exists and find, twice.
    assert killed == 10


def killed_at(company: Company, server: FreedomServer, which: re.Pattern[str], number: int, *, after: bool) -> int:
    """Run a sync as a process that is killed before or after the service does one of its calls; give its exit code."""
    counted = [0]
    done = threading.Event()
    process: list[subprocess.Popen[bytes]] = []

    def kill(call: Call) -> Behaviour | None:
        if not which.fullmatch(call.operation):
            return None
        counted[0] += 1
        if counted[0] != number + 1:
            return None
        if not after:
            os.kill(process[0].pid, signal.SIGKILL)
            return Behaviour(done=False, cut=True)
        done.set()
        return Behaviour(late=0.5, cut=True)

    server.behave = kill
    command = [*cli.COMMAND, "--config", str(company.path), "sync", "--yes"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as child:
        process.append(child)
        while child.poll() is None:
            if done.wait(0.005):
                time.sleep(0.1)  # it is done by now, and its answer is held back
                child.kill()
        code = child.wait()
    server.behave = lambda _call: None
    return code


def test_ctrl_c_waits_for_what_was_sent_and_begins_nothing_else(company: Company, server: FreedomServer) -> None:
    company.configure("accounting", freedom_connections=2)
    for number in range(40):
        company.customer(f"NEW{number:03}", f"New {number}")
    server.latency = 0.03
    command = [*cli.COMMAND, "--config", str(company.path), "sync", "--yes"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as child:
        while operations(server)["customerinsert"] < 4 and child.poll() is None:
            time.sleep(0.005)
        child.send_signal(signal.SIGINT)
        assert child.stderr is not None
        child.stderr.read()
        assert child.wait() == ExitCode.INTERRUPTED
    sent_ = operations(server)["customerinsert"]
    assert 4 <= sent_ < 12
    assert len(company.clients()) == sent_
    server.latency = 0
    company.sync()
    assert len(phones(company)) == 40


# The command line.


def test_a_sync_through_the_service_as_people_run_it(busy: Company, server: FreedomServer) -> None:
    result = busy.run("sync", "--yes", "--json")
    assert result.json["outcomes"]["written"] == 3
    assert result.json["company"] == "Example & Söhne (Pty) Ltd"
    assert "Only the journal" in result.stderr
    everything = result.stdout + result.stderr
    assert freedom.PASSWORD not in everything
    server.behave = lambda _call: Behaviour(done=False, reply=Reply(401, "text/html", b""))
    refused = busy.run("sync", "--yes", expect=ExitCode.UNREACHABLE)
    assert "does not let the agent bposync in" in refused.stderr
    assert "freedom_user" in refused.stderr


def test_an_unknown_outcome_is_exit_code_5(busy: Company, server: FreedomServer) -> None:
    server.behave = Astray("customerinsert", Behaviour(done=False, cut=True))
    assert "1 unknown" in busy.run("sync", "--yes", expect=ExitCode.UNKNOWN_OUTCOME).stdout
    settled = busy.run("sync", "--yes")
    assert "was cut off: NEW00" in settled.stdout
    assert phones(busy) == PHONES


def test_status_and_dry_run_send_no_write(busy: Company, server: FreedomServer) -> None:
    busy.run("status")
    busy.run("sync", "--dry-run")
    assert {call.method for call in server.calls} == {"GET"}


def test_the_way_writes_nothing_where_it_was_opened_for_reading(busy: Company, server: FreedomServer) -> None:
    with busy.opened(writes=False) as opened:
        plan = opened.plan()
        assert isinstance(opened.accounting.way, FreedomWay)
        with pytest.raises(AssertionError):
            opened.accounting.way.write(plan.writes)
    assert {call.method for call in server.calls} == {"GET"}


# What versions of the service may do otherwise.


def test_a_service_that_leaves_out_what_is_blank_has_a_place_for_it_all_the_same(
    company: Company, server: FreedomServer
) -> None:
    company.account("ALP001", "Alpha")
    find, page = server.company.find, server.company.page

    def filled(customer: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in customer.items() if value is not None}

    server.company.find = lambda code: filled(find(code))  # type: ignore[method-assign]
    server.company.page = lambda order, number, size: [filled(each) for each in page(order, number, size)]  # type: ignore[method-assign]
    company.customer("ALP001", "Alpha", website="www.alpha.example", terms="60 Days", billing_1="1 Long St")
    assert company.sync().outcomes == {"ALP001": "written"}
    row = company.client("ALP001")
    assert (row["cWebPage"], row["iAgeingTermID"], row["Post1"]) == ("www.alpha.example", 2, "1 Long St")
    assert company.sync().plan.writes == ()


def test_a_service_that_shows_the_keys_of_terms_only_is_given_keys(company: Company, server: FreedomServer) -> None:
    company.account("ALP001", "Alpha", iAgeingTermID=1)
    find, page, update = server.company.find, server.company.page, server.company.update

    def keyed(customer: dict[str, Any]) -> dict[str, Any]:
        terms = customer.pop("AgingTerm")
        return {**customer, "AgingTermID": terms["ID"] if terms else 0}

    def updated(customer: Any) -> list[str]:
        plain = {name: value for name, value in customer.items() if name != "AgingTermID"}
        code = {1: "30D", 2: "60D"}[customer["AgingTermID"]]
        return update({**plain, "AgingTerm": server.company.look_up("agingtermfind", code, "0")})

    server.company.find = lambda code: keyed(find(code))  # type: ignore[method-assign]
    server.company.page = lambda order, number, size: [keyed(each) for each in page(order, number, size)]  # type: ignore[method-assign]
    server.company.update = updated  # type: ignore[method-assign]
    company.customer("ALP001", "Alpha", terms="60 Days")
    synced = company.sync(overwrite=True)
    assert (synced.fields("ALP001"), synced.outcomes) == ({"terms": ("30D", "60D", "write")}, {"ALP001": "written"})
    assert company.client("ALP001")["iAgeingTermID"] == 2


def test_a_configured_code_is_asked_for_as_it_is_written(company: Company, server: FreedomServer) -> None:
    company.books("""UPDATE "CliClass" SET "Code" = 'Other' WHERE "Code" = 'IT'""")
    company.configure("accounting.groups", IT="Other")
    look_up = server.company.look_up

    def exactly(operation: str, code: str, module: str | None) -> dict[str, Any]:
        found = look_up(operation, code, module)
        if found["Code"] != code:
            raise FaultError(f"There is no {code}")
        return found

    server.company.look_up = exactly  # type: ignore[method-assign]
    company.customer("NEW001", "New", type="IT")
    assert company.sync().outcomes == {"NEW001": "written"}
    assert company.client("NEW001")["iClassID"] == 4


def test_an_account_without_a_key_is_not_taken_for_one(company: Company, server: FreedomServer) -> None:
    company.account("ALP001", "Alpha")
    page = server.company.page
    server.company.page = lambda order, number, size: [  # type: ignore[method-assign]
        {**each, "ID": None} for each in page(order, number, size)
    ]
    with company.opened(writes=False) as opened, pytest.raises(UnreachableError, match="account ALP001 has no ID"):
        opened.accounting.books.read()


def test_another_account_that_got_the_code_since_the_plan_is_not_written(busy: Company) -> None:
    def swap() -> None:
        busy.delete("ALP001")
        busy.account("OTHER", "Somebody")
        busy.account("ALP001", "Alpha", phone="031 1", credit_limit=1000.0, iAgeingTermID=1)

    synced = busy.sync(between=swap)
    assert synced.outcomes["ALP001"] == "stale"
    assert "deleted since the plan" in synced.all_outcomes["ALP001"].reason
    assert busy.client("ALP001")["Telephone"] == "031 1"
