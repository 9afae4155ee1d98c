"""The wrong database, an old one, half of one: what a sync makes of it at the command line, and that it writes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import make_url

from bposync.errors import ExitCode, UsageError
from bposync.journal import open_journal
from support.company import KINDS, POSTGRESQL, SQLITE, Companies, Company, dump, sqlite_company
from support.forks import Forks, Step

GUARD, NOT_WRITTEN = ExitCode.GUARD, ExitCode.NOT_WRITTEN
MANY, FEW = 30, 5
CONSTANTS = {"bposync.apply.PAUSE_SECONDS": 0}


@pytest.fixture(params=[SQLITE])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def company(companies: Companies, kind: str) -> Company:
    return companies.make(kind)


def list_customers(company: Company, *numbers: int) -> None:
    """Each has values of its own, and in each column one by which it could be taken for somebody."""
    company.customers(
        {
            "code": f"CUS{number:06}",
            "name": f"Customer {number}",
            "phone": f"031 {number}",
            "vat_number": f"4{number:09}",
            "department": "Sales",
        }
        for number in numbers
    )


def backup(company: Company) -> bytes:
    """Give a copy of the accounting database."""
    return Path(str(make_url(company.accounting_url).database)).read_bytes()


def put_back(company: Company, copy: bytes) -> None:
    Path(str(make_url(company.accounting_url).database)).write_bytes(copy)


class Checked:
    """A sync and a dry run of it, which may write neither into accounting nor into the links."""

    def __init__(self, company: Company, forked: Forks, code: int, *arguments: str) -> None:
        before = dump(company.accounting_url), company.links()
        start = ("--config", company.path, "sync", *arguments, "--json")
        dry = forked.start(*start, "--dry-run").end(expect=code).json
        self.document = forked.start(*start, "--yes", constants=CONSTANTS).end(expect=code).json
        assert (dump(company.accounting_url), company.links()) == before
        self.message = self.document.get("error", {}).get("message", "")
        assert self.message == dry.get("error", {}).get("message", "")
        self.actions = {action: count for action, count in self.document["summary"].items() if count}


def sync(company: Company, forked: Forks, expect: int = 0) -> dict[str, Any]:
    start = ("--config", company.path, "sync", "--yes", "--json")
    document: dict[str, Any] = forked.start(*start, constants=CONSTANTS).end(expect=expect).json
    return document


# Accounting is an older one, an empty one, another one.


def test_accounting_restored_from_an_older_backup_stops_the_sync(company: Company, forked: Forks) -> None:
    list_customers(company, *range(MANY - 10))
    sync(company, forked)
    copy = backup(company)
    list_customers(company, *range(MANY - 10, MANY))
    sync(company, forked)
    newest = backup(company)
    put_back(company, copy)
    found = Checked(company, forked, GUARD)
    assert found.message == "Accounting lacks 10 of 30 accounts that were synchronised before."
    assert found.actions == {"same": 20, "missing": 10}
    put_back(company, newest)
    assert sync(company, forked)["summary"]["same"] == MANY
    company.check_in_step()


def test_an_account_that_a_backup_does_not_have_is_not_made_again(company: Company, forked: Forks) -> None:
    list_customers(company, *range(MANY))
    sync(company, forked)
    copy = backup(company)
    list_customers(company, MANY)
    sync(company, forked)
    put_back(company, copy)
    assert Checked(company, forked, NOT_WRITTEN).actions == {"same": MANY, "missing": 1}


def test_values_that_a_backup_does_not_have_are_drift_until_somebody_overwrites_them(company: Company, forked: Forks) -> None:
    list_customers(company, *range(MANY))
    sync(company, forked)
    copy = backup(company)
    company.change("CUS000003", phone="new")
    sync(company, forked)
    put_back(company, copy)
    assert Checked(company, forked, 0).actions == {"same": MANY - 1, "drift": 1}
    forked.start("--config", company.path, "sync", "--yes", "--overwrite", "--customer", "CUS000003").end()
    company.check_in_step()


def test_an_account_that_got_the_key_of_one_that_a_backup_does_not_have_is_somebody_elses(
    company: Company, forked: Forks
) -> None:
    list_customers(company, *range(MANY))
    sync(company, forked)
    copy = backup(company)
    list_customers(company, MANY)
    sync(company, forked)
    key = company.client(f"CUS{MANY:06}")["DCLink"]
    put_back(company, copy)
    assert company.account("BOOKKEEPER", "Opened by the bookkeeper") == str(key)
    company.change(f"CUS{MANY:06}", phone="new", email="new@customer.example")
    found = Checked(company, forked, NOT_WRITTEN)
    assert found.actions == {"same": MANY, "missing": 1}
    (missing,) = [change for change in found.document["changes"] if change["action"] == "missing"]
    assert "its key is that of account BOOKKEEPER" in missing["reasons"][0]


@pytest.mark.parametrize("kind", KINDS)
def test_emptied_accounting_stops_the_sync(company: Company, forked: Forks) -> None:
    list_customers(company, *range(FEW))
    sync(company, forked)
    company.books('DELETE FROM "Client"')
    assert Checked(company, forked, GUARD).message == "Accounting lacks 5 of 5 accounts that were synchronised before."


def test_another_companys_accounts_under_the_same_name_stop_the_sync(company: Company, forked: Forks) -> None:
    list_customers(company, *range(MANY))
    sync(company, forked)
    before = company.clients()
    company.books('DELETE FROM "Client"')
    for row in before:
        company.account(f"X{row['Account']}", f"Another {row['Name']}", phone="0")
    found = Checked(company, forked, GUARD)
    assert found.message == "Accounting lacks 30 of 30 accounts that were synchronised before."


@pytest.mark.parametrize("kind", KINDS)
def test_another_company_stops_the_sync(companies: Companies, company: Company, kind: str, forked: Forks) -> None:
    list_customers(company, *range(FEW))
    sync(company, forked)
    known = company.accounting_url
    other = (
        sqlite_company(company.folder, bpo="other-bpo", books="other", journal="none")
        if kind == SQLITE
        else companies.make(POSTGRESQL, keep=True)
    )
    company.configure("accounting", url=other.accounting_url)
    company.accounting_url = other.accounting_url
    found = Checked(company, forked, GUARD)
    name = Path(str(make_url(known).database)).stem
    assert found.message.endswith(f"and the journal is about {name}.")


def test_what_was_left_open_in_one_company_is_not_looked_up_in_another(company: Company, forked: Forks) -> None:
    list_customers(company, *range(FEW))
    sync(company, forked)
    list_customers(company, FEW)
    killed = forked.start("--config", company.path, "sync", "--yes", kill=Step("INSERT INTO bposync_outcomes"))
    assert killed.end(expect=None).code < 0
    known = company.accounting_url
    other = sqlite_company(company.folder, bpo="other-bpo", books="other", journal="none")
    company.configure("accounting", url=other.accounting_url)
    assert "the journal is about books" in sync(company, forked, GUARD)["error"]["message"]
    with open_journal(company.settings(), writes=False) as journal:
        assert [intent.change.code for intent in journal.runs.unsettled()] == [f"CUS{FEW:06}"]
    assert other.clients() == []
    company.configure("accounting", url=known)
    assert sync(company, forked)["summary"]["same"] == FEW + 1
    company.check_in_step()


# The journal is lost.


@pytest.mark.parametrize("kind", KINDS)
def test_a_lost_journal_pairs_again_and_writes_nothing(company: Company, forked: Forks) -> None:
    list_customers(company, *range(MANY))
    sync(company, forked)
    links, before = company.links(), dump(company.accounting_url)
    company.lose_journal()
    assert sync(company, forked)["summary"]["same"] == MANY
    assert company.links() == links
    assert dump(company.accounting_url) == before


def test_what_differs_when_the_journal_is_lost_waits_for_a_person(company: Company, forked: Forks) -> None:
    list_customers(company, *range(MANY))
    sync(company, forked)
    company.change("CUS000001", phone="BPO's")
    company.edit("CUS000002", phone="bookkeeper's")
    company.lose_journal()
    before = dump(company.accounting_url)
    document = sync(company, forked, NOT_WRITTEN)
    assert {action: count for action, count in document["summary"].items() if count} == {"same": MANY - 2, "conflict": 2}
    assert dump(company.accounting_url) == before


# BPO is half, empty, another one, or its columns are taken for others.


@pytest.mark.parametrize(("lacking", "code"), [(MANY // 2 + 1, GUARD), (MANY // 2, 0)])
def test_a_bpo_of_which_more_than_half_is_gone_stops_the_sync(company: Company, forked: Forks, lacking: int, code: int) -> None:
    list_customers(company, *range(MANY))
    sync(company, forked)
    for number in range(lacking):
        company.remove(f"CUS{number:06}")
    found = Checked(company, forked, code)
    assert found.actions == {"same": MANY - lacking, "gone": lacking}
    assert (found.message == "BPO lacks 16 of 30 customers that were synchronised before.") is (code == GUARD)


def test_an_empty_bpo_stops_the_sync(company: Company, forked: Forks) -> None:
    list_customers(company, *range(FEW))
    sync(company, forked)
    for number in range(FEW):
        company.remove(f"CUS{number:06}")
    assert Checked(company, forked, GUARD).message == "BPO lists no customers at all."


def test_another_companys_bpo_stops_the_sync(company: Company, forked: Forks) -> None:
    list_customers(company, *range(MANY))
    sync(company, forked)
    for number in range(MANY):
        company.remove(f"CUS{number:06}")
    company.customers({"code": f"OTHER{number:04}", "name": f"Other {number}"} for number in range(MANY))
    found = Checked(company, forked, GUARD)
    assert found.message == "BPO lacks 30 of 30 customers that were synchronised before."


COLUMNS = ("CustomerName", "CustomerPhoneNumber", "VATNumber", "Department", "CustomerWebSite", "SiteDescription")


@pytest.mark.parametrize("column", COLUMNS)
def test_another_column_that_is_taken_for_the_code_stops_the_sync(company: Company, forked: Forks, column: str) -> None:
    list_customers(company, *range(MANY))
    sync(company, forked)
    company.configure("bpo.columns", code=column)
    assert Checked(company, forked, GUARD).message == "BPO lacks 30 of 30 customers that were synchronised before."


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("journal", ["known", "lost"])
def test_of_few_customers_too_none_is_doubled_where_another_column_is_taken_for_the_code(
    company: Company, forked: Forks, column: str, journal: str
) -> None:
    """Too few for that guard: but each looks like the account that it has."""
    list_customers(company, *range(FEW))
    sync(company, forked)
    if journal == "lost":
        company.lose_journal()
    company.configure("bpo.columns", code=column)
    found = Checked(company, forked, NOT_WRITTEN)
    assert {*found.actions} <= {"lookalike", "rejected", "gone"}


# A customer who is elsewhere.


def test_a_customer_who_is_at_none_of_the_chosen_sites_is_an_error_and_not_nothing_to_write(company: Company) -> None:
    company.customer("ABC001", "Alpha")
    company.customer("XYZ001", "Zulu", site="Paarl")
    for _ in range(2):  # new, and in step
        with pytest.raises(UsageError, match="XYZ001 is listed at Paarl, and not at Durban") as caught:
            company.plan("durban", customers=("xyz001",))
        assert caught.value.hint == "Name a site of its own, such as --site 'Paarl', or all of them."
        company.sync()
