"""What only a person can settle, and the journal's own company: on the demo company."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bposync import decide, demo
from bposync.cli.app import main
from bposync.errors import UsageError
from bposync.survey import make_survey
from support import cli
from support.company import sqlite_company

if TYPE_CHECKING:
    from collections.abc import Callable

    Call = Callable[..., cli.Result]

BOOKS = "Example Company.sqlite"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return demo.build(tmp_path_factory.mktemp("demo"))


@pytest.fixture
def company(template: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(template.parent, tmp_path / "company")) / template.name


@pytest.fixture
def bposync(company: Path, capsys: pytest.CaptureFixture[str]) -> Call:
    def call(*arguments: object, expect: int = 0) -> cli.Result:
        code = main(["--config", str(company), *(str(argument) for argument in arguments)])
        out, err = capsys.readouterr()
        assert code == expect, f"exit code {code}\n{out}\n{err}"
        assert "Traceback" not in out + err
        return cli.Result(code, out, err)

    return call


def planned(bposync: Call, customer: str) -> dict[str, Any]:
    """Give what a sync would do with a customer; a change that is not listed is in step or skipped."""
    code = main_code(bposync, "sync", "--dry-run", "--verbose", "--json", "--customer", customer)
    document: dict[str, Any] = code.json["changes"][0]
    return document


def main_code(bposync: Call, *arguments: str) -> cli.Result:
    """Run where 0 and 4 are both right: somebody may wait for a person."""
    try:
        return bposync(*arguments)
    except AssertionError:
        return bposync(*arguments, expect=4)


def accounts(company: Path) -> dict[str, tuple[str, float]]:
    with sqlite3.connect(company.parent / BOOKS) as connection:
        rows = connection.execute("SELECT Account, Name, Credit_Limit FROM Client").fetchall()
    connection.close()
    return {code: (name, limit) for code, name, limit in rows}


def test_a_lookalike_that_is_linked_keeps_its_account_and_gets_no_second_one(bposync: Call, company: Path) -> None:
    before = accounts(company)
    bposync("link", "vaa001", "val002")
    bposync("sync", "--customer", "VAA001", "--yes", expect=4)
    assert set(accounts(company)) == set(before)
    assert accounts(company)["VAL002"][0] == "Vaal Valve Agencies"
    assert planned(bposync, "VAA001")["action"] == "conflict"


def test_a_link_to_an_account_that_is_not_there_names_the_nearest(bposync: Call) -> None:
    assert "Did you mean 'VAL002'?" in bposync("link", "VAA001", "VAL02", expect=2).stderr


def test_an_account_that_is_another_customers_is_not_linked(bposync: Call) -> None:
    assert "is that of HOP001" in bposync("link", "VAA001", "HOP001", expect=2).stderr


@pytest.mark.parametrize(
    ("customer", "code", "why"),
    [
        ("SUN001", "", "There is an account SUN001"),
        ("SUN001", "ZUL001", "There is an account ZUL001"),
        ("SUN001", "TAB001", "is the code of customer TAB001"),
        ("HIGHVELD-ROADS-DEPOT-07", "", "is 23 long, Evolution holds 20"),
    ],
)
def test_a_new_account_gets_no_code_that_is_taken_or_does_not_fit(bposync: Call, customer: str, code: str, why: str) -> None:
    assert why in bposync("link", customer, "--new", *([code] if code else []), expect=2).stderr


def test_a_customer_whose_code_does_not_fit_gets_an_account_under_the_code_that_a_person_gave(
    bposync: Call, company: Path
) -> None:
    customer = "HIGHVELD-ROADS-DEPOT-07"
    assert planned(bposync, customer)["action"] == "rejected"
    bposync("link", customer, "--new", "high07")
    assert planned(bposync, customer)["account"] == "HIGH07"
    bposync("sync", "--customer", customer, "--yes")
    assert accounts(company)["HIGH07"][0] == "Highveld Roads Depot"
    assert planned(bposync, customer)["action"] == "same"
    assert bposync("status", "--json").json["other_codes"] == [{"code": customer, "account": "HIGH07"}]


def test_what_was_linked_or_decided_is_taken_back_by_unlink(bposync: Call) -> None:
    bposync("link", "VAA001", "VAL002")
    bposync("link", "SUN001", "--new", "SUN002")
    bposync("unlink", "VAA001")
    bposync("unlink", "SUN001")
    assert [planned(bposync, code)["action"] for code in ("VAA001", "SUN001")] == ["lookalike", "lookalike"]
    assert "is not linked" in bposync("unlink", "VAA001", expect=2).stderr


def test_accepted_values_stand_until_bpo_changes_again(bposync: Call, company: Path) -> None:
    bposync("accept", "ZEB001", "credit_limit")
    bposync("sync", "--customer", "ZEB001", "--yes")
    assert accounts(company)["ZEB001"][1] == 40000.0
    assert planned(bposync, "ZEB001")["action"] == "same"
    with sqlite3.connect(company.parent / "bpo.sqlite") as connection:
        connection.execute("UPDATE Customer SET CreditLimit = 26000 WHERE CustomerCode = 'ZEB001'")
    connection.close()
    bposync("sync", "--customer", "ZEB001", "--yes")
    assert accounts(company)["ZEB001"][1] == 26000.0


def test_an_ignored_customer_is_skipped_and_its_reason_says_who_ignored_it(bposync: Call) -> None:
    bposync("ignore", "SUN001")
    found = planned(bposync, "SUN001")
    assert (found["action"], found["reasons"][0].startswith("ignored by ")) == ("skipped", True)
    bposync("ignore", "SUN001", "--undo")
    assert planned(bposync, "SUN001")["action"] == "lookalike"


def test_an_ignored_account_is_no_longer_listed(bposync: Call) -> None:
    def listed() -> list[str]:
        return [each["account"] for each in bposync("status", "--json").json["accounting_only"]]

    assert "STAFF" in listed()
    bposync("ignore", "--account", "staff")
    assert "STAFF" not in listed()
    bposync("ignore", "--account", "STAFF", "--undo")
    assert "STAFF" in listed()


def test_the_story_of_a_customer_tells_what_was_decided_by_whom(bposync: Call) -> None:
    bposync("link", "VAA001", "VAL002")
    bposync("accept", "VAA001")
    told = bposync("history", "--customer", "vaa001", "--json").json["decisions"]
    assert [(each["decision"], each["account"]) for each in told] == [("link", "VAL002"), ("accept", "VAL002")]


def test_another_company_than_the_journals_stops_a_sync_until_it_is_adopted(bposync: Call, company: Path) -> None:
    bposync("sync", "--site", "Durban", "--yes")
    (company.parent / BOOKS).rename(company.parent / "Renamed.sqlite")
    company.write_text(
        company.read_text("utf-8").replace("Example%20Company", "Renamed").replace(BOOKS, "Renamed.sqlite"), "utf-8"
    )
    assert bposync("sync", "--yes", "--json", expect=8).json["error"]["code"] == 8
    assert "there is no terminal" in bposync("adopt", expect=10).stderr
    bposync("adopt", "--yes")
    bposync("sync", "--site", "Durban", "--yes")


def test_a_log_file_holds_what_was_said_and_the_errors(bposync: Call, company: Path) -> None:
    company.write_text(company.read_text("utf-8") + '\n[log]\nfile = "night.log"\n', "utf-8")
    bposync("sync", "--site", "Durban", "--yes", "--quiet")
    bposync("list", "--site", "Nowhere", expect=2)
    log = (company.parent / "night.log").read_text("utf-8")
    assert "The synchronisation is complete." in log
    assert "there is no site 'Nowhere'" in log


def test_an_account_of_customers_whose_codes_fall_together_is_not_linked_to_a_third(tmp_path: Path) -> None:
    company = sqlite_company(tmp_path)
    company.customer("ALP000001", "Alpha")
    company.sync()
    company.customer("alp000001", "Alpha again")
    company.customer("BET000001", "Beta")
    with company.opened() as opened:
        survey = make_survey(opened.settings, opened.bpo, opened.accounting, opened.journal)
        with pytest.raises(UsageError, match=r"is that of ALP000001 \(Alpha\)"):
            decide.link(survey, opened.journal, "BET000001", "ALP000001")
