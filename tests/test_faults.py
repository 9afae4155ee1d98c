"""Lines that are cut and servers that stop answering: what was written, what is told, and what the next sync makes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from bposync.errors import ExitCode
from support.company import POSTGRESQL, SQLITE, Companies, Company
from support.proxy import Proxy
from support.waiting import NO_SYNC_IS_RUNNING, NOBODY_IS_CONNECTED, ONE_WAITS, until_server_says

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.forks import Forked, Forks
    from support.postgres import PostgresServer

INSERT, COMMIT = 'INSERT INTO "Client"', "COMMIT"
RUN, INTENT, OUTCOME, END = (f"INSERT INTO bposync_{name} " for name in ("runs", "changes", "outcomes", "run_ends"))
UNREACHABLE, NOT_WRITTEN, UNKNOWN = ExitCode.UNREACHABLE, ExitCode.NOT_WRITTEN, ExitCode.UNKNOWN_OUTCOME
CONSTANTS: dict[str, object] = {"bposync.apply.PAUSE_SECONDS": 0}
ONE_BY_ONE = {"bposync.apply.BATCH": 1}
IMPATIENT = {
    "bposync.database.QUERY_SECONDS": 1,
    "bposync.database.LOGIN_SECONDS": 2,
    "bposync.patience._CANCEL_SECONDS": 0.2,
}


@pytest.fixture
def proxy(postgres: PostgresServer) -> Iterator[Proxy]:
    made = Proxy(postgres.host, postgres.port)
    yield made
    made.close()


class Place:
    """A company one of whose databases is behind a network that fails; ALP is to be updated, two others are new."""

    def __init__(self, company: Company, section: str, proxy: Proxy, forked: Forks) -> None:
        self.company, self.section, self.proxy, self.forked = company, section, proxy, forked
        self.url = {"bpo": company.bpo_url, "accounting": company.accounting_url, "state": company.journal_url}[section]
        company.customer("ALP000001", "Alpha", phone="0")
        self.end(self.sync())
        company.change("ALP000001", phone="1")
        company.customer("NEW000001", "New", phone="2")
        company.customer("NEW000002", "Newer", phone="3")
        self.before = company.clients()

    def sync(self, **options: Any) -> Forked:
        """Start a sync over the straight line."""
        return self._start(self.url, options)

    def sync_by_proxy(self, **options: Any) -> Forked:
        """Start a sync over the line that fails."""
        return self._start(self.proxy.url(self.url), options)

    def _start(self, url: str, options: dict[str, Any]) -> Forked:
        self.company.configure(self.section, url=url)
        constants = {**CONSTANTS, **options.pop("constants", {})}
        started = self.forked.start("--config", self.company.path, "sync", "--yes", "--json", constants=constants, **options)
        self.company.configure(self.section, url=self.url)
        return started

    @staticmethod
    def end(running: Forked, code: int = 0) -> dict[str, Any]:
        document: dict[str, Any] = running.end(expect=code).json
        return document

    def fail(self, code: int, **options: Any) -> dict[str, Any]:
        """Sync over the line that fails."""
        return self.end(self.sync_by_proxy(**options), code)

    def check_nothing_written(self) -> None:
        assert self.company.clients() == self.before

    def check_next_sync(self, *, creates: int, updates: int) -> dict[str, Any]:
        """The next sync writes so much, and then all is in step."""
        self.wait_for_the_server()
        document = self.end(self.sync())
        assert (document["summary"]["create"], document["summary"]["update"]) == (creates, updates)
        assert document["outcomes"]["written"] == creates + updates
        self.company.check_in_step()
        return document

    def change(self, what: str) -> None:
        """Let BPO have a change and a new customer."""
        self.company.change("ALP000001", phone=what)
        self.company.customer(f"MORE{what}", f"More {what}", phone=what)
        self.before = self.company.clients()

    def wait_for_the_server(self) -> None:
        """Wait until the server has seen that its clients are gone."""
        self.proxy.heal()
        if sa.make_url(self.url).get_backend_name() == "postgresql":
            until_server_says(self.url, NOBODY_IS_CONNECTED)


def outcomes(document: dict[str, Any]) -> dict[str, str]:
    return {change["code"]: change["outcome"] for change in document["changes"]}


def reasons(document: dict[str, Any]) -> str:
    return " ".join(reason for change in document["changes"] for reason in change["reasons"])


ALL = ("ALP000001", "NEW000001", "NEW000002")


# Accounting.


@pytest.fixture
def books(companies: Companies, proxy: Proxy, forked: Forks) -> Place:
    """The accounting database is behind a network that fails."""
    return Place(companies.make(POSTGRESQL), "accounting", proxy, forked)


def test_a_line_that_is_cut_before_the_commit_is_one_over_which_nothing_was_written(books: Place) -> None:
    books.proxy.cut(INSERT)
    document = books.fail(UNREACHABLE)
    assert outcomes(document) == dict.fromkeys(ALL, "failed")
    assert "the connection was cut before anything was written" in reasons(document)
    books.check_nothing_written()
    books.check_next_sync(creates=2, updates=1)


def test_a_line_that_is_cut_on_the_way_to_the_commit_leaves_it_unknown(books: Place) -> None:
    books.proxy.cut(INSERT, COMMIT)
    assert outcomes(books.fail(UNKNOWN)) == dict.fromkeys(ALL, "unknown")
    books.wait_for_the_server()
    books.check_nothing_written()
    books.check_next_sync(creates=2, updates=1)


def test_a_line_that_is_cut_on_the_way_back_from_the_commit_leaves_it_unknown_and_nothing_is_doubled(books: Place) -> None:
    books.proxy.cut(INSERT, COMMIT, after=True)
    assert outcomes(books.fail(UNKNOWN)) == dict.fromkeys(ALL, "unknown")
    assert len(books.company.clients()) == 3
    books.check_next_sync(creates=0, updates=0)


def test_a_line_that_is_cut_while_reading_back_leaves_it_unknown_and_the_next_sync_settles_it(books: Place) -> None:
    books.proxy.cut(INSERT, COMMIT, 'FROM "Client"')
    document = books.fail(UNKNOWN)
    assert outcomes(document) == dict.fromkeys(ALL, "unknown")
    assert "written, but not read back" in reasons(document)
    books.check_next_sync(creates=0, updates=0)


@pytest.mark.parametrize("statement", ["pg_try_advisory_lock", 'FROM "Client"'])
def test_a_line_that_is_cut_before_the_plan_stops_the_sync(books: Place, statement: str) -> None:
    books.proxy.cut(statement)
    assert books.fail(UNREACHABLE)["error"]["message"].startswith("the accounting system")
    books.check_nothing_written()
    books.check_next_sync(creates=2, updates=1)


def test_a_server_that_goes_away_in_the_first_batch_is_one_that_nothing_was_written_to(books: Place) -> None:
    books.proxy.cut('UPDATE "Client"', everywhere=True)
    document = books.fail(UNREACHABLE, constants=ONE_BY_ONE)
    assert set(outcomes(document).values()) <= {"failed", None}
    books.check_nothing_written()
    books.check_next_sync(creates=2, updates=1)


def test_a_server_that_goes_away_in_a_later_batch_fails_the_rest(books: Place) -> None:
    books.proxy.cut(INSERT, everywhere=True)
    document = books.fail(NOT_WRITTEN, constants=ONE_BY_ONE)
    assert outcomes(document) == {"ALP000001": "written", "NEW000001": "failed", "NEW000002": "failed"}
    books.check_next_sync(creates=2, updates=0)


def check_wherever_the_line_is_cut(place: Place, last: int) -> None:
    """Cut the line at the last so many statements of a sync, and at some of those before; in turn before and after them."""
    place.end(place.sync_by_proxy())
    sent = place.proxy.statements
    for number in (*range(0, sent - last, 12), *range(sent - last, sent)):
        place.change(f"{number:04}")
        fault = place.proxy.cut_statement(number, after=number % 2 == 0)
        result = place.sync_by_proxy().end(expect=None)
        assert result.code in (0, UNREACHABLE, NOT_WRITTEN, UNKNOWN), result
        assert fault.happened.is_set() or result.code == 0
        place.wait_for_the_server()
        if result.code == UNREACHABLE:
            place.check_nothing_written()
        place.end(place.sync())
        place.company.check_in_step()


def test_wherever_the_line_to_accounting_is_cut_the_next_sync_loses_and_doubles_nothing(books: Place) -> None:
    check_wherever_the_line_is_cut(books, 25)


def test_a_server_that_stops_answering_before_the_commit_is_one_that_nothing_was_written_to(books: Place) -> None:
    books.proxy.stop(INSERT)
    document = books.fail(UNREACHABLE, constants=IMPATIENT)
    assert outcomes(document) == dict.fromkeys(ALL, "failed")
    assert "no answer within 1 seconds" in reasons(document)
    books.wait_for_the_server()
    books.check_nothing_written()
    books.check_next_sync(creates=2, updates=1)


@pytest.mark.parametrize("everywhere", [False, True], ids=["one line", "all lines"])
def test_a_server_that_stops_answering_at_the_commit_leaves_it_unknown(books: Place, *, everywhere: bool) -> None:
    books.proxy.stop(INSERT, COMMIT, after=True, everywhere=everywhere)
    document = books.fail(UNKNOWN, constants=IMPATIENT)
    assert outcomes(document) == dict.fromkeys(ALL, "unknown")
    assert "no answer within 1 seconds" in reasons(document)
    books.check_next_sync(creates=0, updates=0)


def test_a_server_that_stops_answering_while_it_is_read_back_leaves_it_unknown(books: Place) -> None:
    books.proxy.stop(INSERT, COMMIT, 'FROM "Client"')
    assert outcomes(books.fail(UNKNOWN, constants=IMPATIENT)) == dict.fromkeys(ALL, "unknown")
    books.check_next_sync(creates=0, updates=0)


@pytest.mark.parametrize("statement", ["BEGIN", 'FROM "Client"'])
def test_a_server_that_stops_answering_before_the_plan_stops_the_sync_with_one_clear_line(books: Place, statement: str) -> None:
    books.proxy.stop(statement, everywhere=True)
    result = books.sync_by_proxy(constants=IMPATIENT).end(expect=UNREACHABLE)
    said, hint, nothing = result.stderr.split("\n")
    assert said.startswith("Error: the accounting system (database ")
    assert said.endswith("no answer within 1 seconds")
    assert (hint.strip(), nothing) == ("Check that the server is running and that this machine reaches it.", "")


def test_a_server_that_takes_a_connection_and_never_answers_is_given_up(books: Place) -> None:
    books.proxy.stop("BEGIN", everywhere=True)
    books.fail(UNREACHABLE, constants=IMPATIENT)
    assert "connection timeout expired" in books.fail(UNREACHABLE, constants=IMPATIENT)["error"]["message"]


def test_a_slow_server_is_waited_for(books: Place) -> None:
    held = books.proxy.hold(INSERT, COMMIT)
    running = books.sync_by_proxy(constants={"bposync.database.QUERY_SECONDS": 30})
    held.wait()
    books.check_nothing_written()
    held.release()
    assert outcomes(books.end(running)) == dict.fromkeys(ALL, "written")
    books.company.check_in_step()


def test_what_a_killed_sync_sent_is_waited_for_before_it_is_looked_up(books: Place) -> None:
    """Its commit is still on the way to the server when the next sync starts."""
    held = books.proxy.hold(INSERT, COMMIT)
    killed = books.sync_by_proxy()
    held.wait()
    killed.kill()
    until_server_says(books.url, NO_SYNC_IS_RUNNING)
    document = books.fail(ExitCode.LOCKED, constants={"bposync.accounting.by_sql.WAIT_MILLISECONDS": 100})
    assert "what an earlier one sent is still at work" in document["error"]["message"]
    following = books.sync()
    until_server_says(books.url, ONE_WAITS)
    held.release()
    document = books.end(following)
    assert document["summary"]["same"] == 3
    books.company.check_in_step()


# The journal.


@pytest.fixture
def journal(companies: Companies, proxy: Proxy, forked: Forks) -> Place:
    """The journal is behind a network that fails."""
    return Place(companies.make(SQLITE, journal=POSTGRESQL), "state", proxy, forked)


@pytest.mark.parametrize("when", [(RUN,), (RUN, COMMIT), (INTENT,), (INTENT, COMMIT)], ids=" then ".join)
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_journal_that_goes_away_before_the_write_stops_the_sync(
    journal: Place, when: tuple[str, ...], *, after: bool
) -> None:
    journal.proxy.cut(*when, after=after)
    assert journal.fail(UNREACHABLE)["error"]["message"].startswith("the journal")
    journal.check_nothing_written()
    journal.check_next_sync(creates=2, updates=1)


@pytest.mark.parametrize("when", [(OUTCOME,), (OUTCOME, COMMIT)], ids=" then ".join)
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_journal_that_goes_away_after_the_write_leaves_it_to_the_next_sync(
    journal: Place, when: tuple[str, ...], *, after: bool
) -> None:
    journal.proxy.cut(*when, after=after, everywhere=True)
    document = journal.fail(UNKNOWN)
    assert document["error"]["message"].startswith("Accounting was written, but the journal could not record it: the journal")
    assert outcomes(document) == dict.fromkeys(ALL, "unknown")
    journal.check_next_sync(creates=0, updates=0)


def test_a_journal_that_goes_away_between_two_batches_fails_the_rest(journal: Place) -> None:
    journal.proxy.cut(OUTCOME, INTENT, everywhere=True)
    document = journal.fail(NOT_WRITTEN, constants=ONE_BY_ONE)
    assert outcomes(document) == {"ALP000001": "written", "NEW000001": "failed", "NEW000002": "failed"}
    assert reasons(document).count("not tried: the journal") == 2
    journal.check_next_sync(creates=2, updates=0)


def test_a_journal_that_goes_away_at_the_very_end_is_named_and_nothing_else_changes(journal: Place) -> None:
    journal.proxy.cut(END)
    document = journal.fail(0)
    assert outcomes(document) == dict.fromkeys(ALL, "written")
    assert "The end of the run could not be recorded: the journal" in document["notes"][-1]
    journal.check_next_sync(creates=0, updates=0)


def test_a_journal_that_stops_answering_before_the_write_stops_the_sync(journal: Place) -> None:
    journal.proxy.stop(INTENT)
    assert "no answer within 1 seconds" in journal.fail(UNREACHABLE, constants=IMPATIENT)["error"]["message"]
    journal.check_nothing_written()
    journal.check_next_sync(creates=2, updates=1)


def test_a_journal_that_stops_answering_after_the_write_leaves_it_to_the_next_sync(journal: Place) -> None:
    journal.proxy.stop(OUTCOME, COMMIT, after=True, everywhere=True)
    assert outcomes(journal.fail(UNKNOWN, constants=IMPATIENT)) == dict.fromkeys(ALL, "unknown")
    journal.check_next_sync(creates=0, updates=0)


def test_wherever_the_line_to_the_journal_is_cut_the_next_sync_loses_and_doubles_nothing(journal: Place) -> None:
    check_wherever_the_line_is_cut(journal, 25)


# BPO.


@pytest.fixture
def bpo(companies: Companies, proxy: Proxy, forked: Forks) -> Place:
    """BPO is behind a network that fails."""
    return Place(companies.make(SQLITE), "bpo", proxy, forked)


@pytest.mark.parametrize("statement", ["BEGIN", "CustomerListing", "FETCH FORWARD"])
def test_a_line_to_bpo_that_is_cut_stops_the_sync(bpo: Place, statement: str) -> None:
    bpo.proxy.cut(statement)
    assert bpo.fail(UNREACHABLE)["error"]["message"].startswith("BPO (database ")
    bpo.check_nothing_written()
    bpo.check_next_sync(creates=2, updates=1)


@pytest.mark.parametrize("statement", ["BEGIN", "FETCH FORWARD"])
def test_a_bpo_that_stops_answering_stops_the_sync(bpo: Place, statement: str) -> None:
    bpo.proxy.stop(statement)
    assert "no answer within 1 seconds" in bpo.fail(UNREACHABLE, constants=IMPATIENT)["error"]["message"]
    bpo.check_nothing_written()
    bpo.check_next_sync(creates=2, updates=1)
