"""What a person is told who settles somebody: who may not be who, what stays as it is, and what the next sync makes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bposync import evidence
from support.company import sqlite_company

if TYPE_CHECKING:
    from pathlib import Path

    from support.company import Company
    from support.within import Call

ONE, OTHER = "4123456789", "4987654321"
ASKED = "has another name and another VAT number: is it this customer's?"


@pytest.fixture
def company(tmp_path: Path) -> Company:
    return sqlite_company(tmp_path)


# (customer: code, name, VAT number; account: likewise; whether `link` warns; whether a plan asks)
PAIRS = [
    pytest.param("A1", "Alpha", ONE, "B1", "Beta", OTHER, True, True, id="nothing in common, two VAT numbers"),
    pytest.param("A1", "Alpha", ONE, "B1", "Beta", "", True, False, id="nothing in common, one VAT number"),
    pytest.param("A1", "Alpha", "", "A1", "Beta", "", False, False, id="the code"),
    pytest.param("A1", "Alpha", ONE, "A1", "Beta", OTHER, True, True, id="the code, two VAT numbers"),
    pytest.param("A1", "Alpha", "", "B1", "AL-PHA", "", False, False, id="the name but for punctuation"),
    pytest.param("A1", "Alpha", ONE, "B1", "Alpha", OTHER, True, False, id="the name, two VAT numbers"),
    pytest.param("A1", "Alpha", ONE, "B1", "Beta", "41 2345 6789", False, False, id="the VAT number, spaced otherwise"),
    pytest.param("A1", "Alpha", "n/a", "B1", "Beta", "none", True, False, id="what is no VAT number does not count"),
    pytest.param("A1", "Twins", "", "B1", "Twins", "", True, False, id="a name that several customers have"),
]


@pytest.mark.parametrize(("code", "name", "vat", "account", "its_name", "its_vat", "warned", "asked"), PAIRS)
def test_a_link_is_warned_of_by_what_the_two_share(
    bposync: Call, company: Company, code: str, name: str, vat: str, account: str, its_name: str, its_vat: str,
    *, warned: bool, asked: bool,
) -> None:  # fmt: skip
    company.customer(code, name, vat_number=vat)
    company.customer("C9", "Twins")
    company.account(account, its_name, vat_number=its_vat)
    said = bposync("link", code, account, "--config", company.path).stdout
    assert (f"Account {account} is {its_name}" in said) is warned
    assert any(ASKED in reason for reason in company.plan().change(code).reasons) is asked


def test_a_new_account_is_no_stranger(bposync: Call, company: Company) -> None:
    company.customer("A1", "Alpha")
    assert "Account" not in bposync("link", "A1", "--new", "B7", "--config", company.path).stdout.replace("account", "")


def test_evidence_is_the_same_whoever_asks_for_it(company: Company) -> None:
    company.customer("A1", "Alpha", vat_number=ONE)
    company.account("A1", "alpha.", vat_number=OTHER)
    with company.opened(writes=False) as opened:
        survey = opened.survey()
    found = evidence.compare(survey.customers[0], survey.accounts[0])
    assert found == evidence.Evidence(code=True, name=True, vat_number=False, other_vat_number=True)


# Somebody else under the code.


@pytest.fixture
def another(company: Company) -> Company:
    """BPO gave the code of a customer in step to another company."""
    company.customer("A1", "Alpha", vat_number=ONE, phone="031 1")
    company.account("A1", "Alpha", vat_number=ONE, phone="031 1")
    company.run("sync", "--yes")
    company.change("A1", name="Omega", vat_number=OTHER, phone="031 2")
    return company


def test_who_may_be_another_company_is_told_how_it_leaves_the_account(bposync: Call, another: Company) -> None:
    said = bposync("status", "--config", another.path).stdout
    assert "is it the same company? An account that is another's is left with bposync unlink CUSTOMER" in said
    assert another.plan().change("A1").is_doubtful


def test_accepting_such_an_account_is_warned_of(bposync: Call, another: Company) -> None:
    said = bposync("accept", "A1", "--config", another.path).stdout
    assert "Name and VAT number of account A1 are both others than A1's (Omega)" in said
    assert "bposync unlink A1" in said
    assert "bposync link A1 --new CODE" in said


def test_an_ordinary_conflict_is_not(bposync: Call, company: Company) -> None:
    company.customer("A1", "Alpha", phone="031 1")
    company.account("A1", "Alpha", phone="031 2")
    assert "another company" not in bposync("accept", "A1", "--config", company.path).stdout


# What unlink leaves, and what follows.


def test_unlink_names_what_syncs_wrote_into_the_account(bposync: Call, company: Company) -> None:
    company.customer("A1", "Alpha", phone="031 1", email="a@alpha.example")
    company.account("B1", "Beta")
    bposync("link", "A1", "B1", "--config", company.path)
    company.run("sync", "--yes", expect=4)
    said = bposync("unlink", "A1", "--config", company.path).stdout
    assert "What syncs wrote into B1 stays there: Phone, E-mail." in said
    assert "bposync history --customer A1" in said


def test_unlink_says_that_an_account_was_made_by_a_sync(bposync: Call, company: Company) -> None:
    company.customer("A1", "Alpha")
    company.run("sync", "--yes")
    assert "A sync made account A1; it stays as it is." in bposync("unlink", "A1", "--config", company.path).stdout


def test_unlink_of_a_missing_account_says_that_a_new_one_is_made(bposync: Call, company: Company) -> None:
    company.customer("A1", "Alpha")
    company.run("sync", "--yes")
    company.delete("A1")
    said = bposync("unlink", "A1", "--config", company.path).stdout
    assert "The next sync makes a new account for it, A1." in said
    assert "If it is another account: bposync link A1 ACCOUNT" in said
    assert company.plan().actions["A1"] == "create"


def test_unlink_says_that_the_two_are_paired_again(bposync: Call, company: Company) -> None:
    company.customer("A1", "Alpha")
    company.account("A1", "Alpha")
    company.run("sync", "--yes")
    said = bposync("unlink", "A1", "--config", company.path).stdout
    assert "The next sync pairs it again with account A1: same code and name." in said


def test_unlink_says_that_a_lookalike_waits(bposync: Call, company: Company) -> None:
    company.customer("A1", "Alpha")
    company.account("B1", "Alpha")
    bposync("link", "A1", "B1", "--config", company.path)
    assert (
        "It waits for a person then: account B1 (Alpha) has the name."
        in bposync("unlink", "A1", "--config", company.path).stdout
    )


def test_a_customer_whose_account_is_missing_is_linked_to_another_at_once(bposync: Call, company: Company) -> None:
    company.customer("A1", "Alpha", vat_number=ONE)
    company.run("sync", "--yes")
    company.account("B1", "Alpha Group", vat_number=ONE)
    company.delete("A1")
    bposync("link", "A1", "B1", "--config", company.path)
    assert company.links()["a1"].account == "B1"


# Slips.


@pytest.mark.parametrize("typed", ["CODE", "[CODE]", "SUN 2", "(X)"])
def test_what_stands_for_a_code_becomes_none(bposync: Call, company: Company, typed: str) -> None:
    company.customer("A1", "Alpha")
    error = bposync("link", "A1", "--new", typed, "--json", "--config", company.path, expect=2).json["error"]
    assert "CODE" in error["message"] or "no code of this company has" in error["message"]


@pytest.mark.parametrize("field", ["credit_limit", "Credit limit", "CREDIT-LIMIT"])
def test_a_field_is_known_by_its_name_and_by_its_label(bposync: Call, company: Company, field: str) -> None:
    company.customer("A1", "Alpha", credit_limit=5, phone="1")
    company.account("A1", "Alpha", credit_limit=7, phone="2")
    assert [each["field"] for each in bposync("accept", "A1", field, "--json", "--config", company.path).json["fields"]] == [
        "credit_limit"
    ]


# What is held back.


def test_who_is_in_step_but_for_what_is_held_back_is_said_to_be_so(bposync: Call, company: Company, tmp_path: Path) -> None:
    company.customer("A1", "Alpha", contact="c" * 40)
    company.run("sync", "--yes")
    said = bposync("status", "--config", company.path).stdout.splitlines()
    assert "Held back, for accounting cannot hold it: 1 value: A1 Contact." in said
    assert said[-1] == "All customers are in step, but for what is held back."
    sheet = tmp_path / "plan.csv"
    bposync("sync", "--dry-run", "--output", sheet, "--config", company.path)
    assert "contact" in sheet.read_text("utf-8-sig").lower()
