"""What only a person can settle, and the journal's own company: on the demo company."""

from __future__ import annotations

import shutil
import sqlite3
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bposync import decide, demo
from bposync.cli.showing import chosen
from bposync.errors import UsageError
from bposync.records import Action
from bposync.survey import make_survey
from bposync.words import WORDS
from support.company import sqlite_company

if TYPE_CHECKING:
    from support import cli
    from support.within import Call

BOOKS = "Example Company.sqlite"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return demo.build(tmp_path_factory.mktemp("demo"))


@pytest.fixture
def company(template: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(template.parent, tmp_path / "company")) / template.name


@pytest.fixture
def bposync(company: Path, bposync: Call) -> Call:
    """Runs bposync within this process, on the test's own company."""
    return partial(bposync, "--config", company)


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


def test_all_decisions_are_told_the_newest_first_with_whom_each_is_about(bposync: Call) -> None:
    assert bposync("history", "--decisions").stdout == "Nothing was decided yet.\n"
    assert bposync("history", "--decisions", "--json").json == {"schema": "bposync.history/1", "runs": [], "decisions": []}
    bposync("link", "VAA001", "VAL002")
    bposync("accept", "VAA001", "name", "email")
    bposync("ignore", "sun001")
    bposync("ignore", "--account", "STAFF")
    bposync("link", "biancad", "OLD001")
    heading, *lines = bposync("history", "--decisions").stdout.splitlines()
    assert heading.split() == ["When", "By", "Decision", "Customer", "Account", "Fields", "and", "note"]
    place = heading.index("Decision")
    assert [line[place:].split(maxsplit=3) for line in lines] == [
        ["link", "biancad", "OLD001"],
        ["ignore", "STAFF"],
        ["ignore", "SUN001"],
        ["accept", "VAA001", "VAL002", "Name, E-mail"],
        ["link", "VAA001", "VAL002"],
    ]
    document = bposync("history", "--decisions", "--json").json
    assert document["runs"] == []
    assert [(each["decision"], each["customer"], each["account"], each["detail"]) for each in document["decisions"]] == [
        ("link", "biancad", "OLD001", None),
        ("ignore", None, "STAFF", None),
        ("ignore", "sun001", None, None),
        ("accept", "vaa001", "VAL002", "name, email"),
        ("link", "vaa001", "VAL002", None),
    ]


def test_the_decisions_about_one_customer_are_told_without_its_runs(bposync: Call) -> None:
    bposync("link", "VAA001", "VAL002")
    bposync("ignore", "SUN001")
    bposync("sync", "--site", "Durban", "--yes")
    document = bposync("history", "--decisions", "--customer", "vaa001", "--json").json
    assert (document["runs"], [each["account"] for each in document["decisions"]]) == ([], ["VAL002"])
    assert bposync("history", "--decisions", "--customer", "CUS001").stdout == "Nothing was decided about this customer.\n"
    error = bposync("history", "--decisions", "--customer", "VAA0001", "--json", expect=2).json["error"]
    assert (error["message"], error["hint"]) == ("history: there is no customer 'VAA0001'.", "Did you mean 'VAA001'?")


@pytest.mark.parametrize("option", ["20261123", "--verify"])
def test_decisions_are_of_no_run_and_no_proof(bposync: Call, option: str) -> None:
    assert bposync("history", "--decisions", option, "--json", expect=2).json["error"]["hint"].startswith("bposync history --")


def test_the_runs_say_how_many_decisions_there_are_and_how_to_see_them(bposync: Call) -> None:
    bposync("link", "VAA001", "VAL002")
    last = bposync("history").stdout.splitlines()[-1]
    assert last.startswith("Decided by people: 1, the last on ")
    assert last.partition(" --config")[0].endswith(". All of them: bposync history --decisions")


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
    lines = [line.partition(" ")[2] for line in log.splitlines()]
    assert lines[0].endswith("sync --site Durban --yes --quiet")
    assert [line for line in lines if line.startswith("Exit code")] == ["Exit code 0.", "Exit code 2."]


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


# What a slip of the hand would have done.


@pytest.mark.parametrize("typed", ["SUN002,", "SUN002;", "'SUN002'", "SUN002?"])
def test_a_code_with_a_sign_that_no_other_has_is_refused(bposync: Call, typed: str) -> None:
    said = bposync("link", "SUN001", "--new", typed, expect=2).stderr
    assert "typing error" in said
    assert "--new SUN002" in said


def test_a_sign_that_other_codes_have_is_none(bposync: Call, company: Path) -> None:
    change(company, "UPDATE Client SET Account = 'OLD,1' WHERE Account = 'OLD001'")
    assert "SUN,2" in bposync("link", "SUN001", "--new", "SUN,2").stdout


def change(company: Path, statement: str) -> None:
    connection = sqlite3.connect(company.parent / BOOKS)
    with connection:
        connection.execute(statement)
    connection.close()


def test_who_is_paired_by_code_and_name_and_linked_elsewhere_is_told_what_is_left_behind(bposync: Call) -> None:
    assert "Account ZEB001 (Zebra Print Shop) has its code and name" in bposync("link", "ZEB001", "OLD001").stdout


# (a customer, what is said of it, what may be typed)
NOT_LINKED = [
    ("ZEB001", "the next sync pairs it", "bposync link ZEB001"),
    ("SUN001", "is not linked to an account", "bposync status"),
    ("ZEB002", "not in BPO", "'ZEB001'"),
]


@pytest.mark.parametrize(("customer", "says", "hint"), NOT_LINKED)
def test_who_is_not_linked_is_told_how_it_stands(bposync: Call, customer: str, says: str, hint: str) -> None:
    message, then = bposync("unlink", customer, expect=2).stderr.splitlines()[-2:]
    assert says in message
    assert hint in then


def test_an_account_of_somebody_who_is_not_linked_is_not_to_be_unlinked(bposync: Call) -> None:
    said = bposync("link", "SUN001", "ZEB001", expect=2).stderr
    assert "bposync link ZEB001 ACCOUNT" in said
    assert "unlink" not in said


def test_who_is_inactive_is_not_said_to_be_paired_again(bposync: Call, company: Path) -> None:
    bposync("sync", "--customer", "TIA001", "--yes")
    connection = sqlite3.connect(company.parent / "bpo.sqlite")
    with connection:
        connection.execute("UPDATE Customer SET CustomerStatus = 'Inactive' WHERE CustomerCode = 'TIA001'")
    connection.close()
    said = bposync("unlink", "TIA001").stdout
    assert "pairs it again" not in said
    assert "The next sync makes no account for it: status Inactive is not synchronised." in said


def test_what_accept_leaves_blank_is_said_with_how_to_fill_it(bposync: Call) -> None:
    said = bposync("accept", "ZEB001").stdout
    assert "Mobile: stays blank, though a sync would have filled in BPO's 083 555 0213." in said
    assert "bposync accept ZEB001 mobile --undo" in said
    bposync("accept", "ZEB001", "mobile", "--undo")
    assert planned(bposync, "ZEB001")["action"] == "update"


def test_who_is_ignored_is_counted_and_named_when_asked_for(bposync: Call) -> None:
    assert "Ignored" not in bposync("status").stdout
    bposync("ignore", "--account", "STAFF")
    bposync("ignore", "KGO001")
    said = bposync("status").stdout
    assert "Ignored by a decision: 1 customer and 1 account." in said
    assert "Staff Purchases" not in said
    said = bposync("status", "--all").stdout
    assert "Staff Purchases" in said
    assert "Kgosi Tyre and Exhaust" in said
    assert bposync("status", "--json").json["ignored"] == {
        "customers": [{"code": "KGO001", "name": "Kgosi Tyre and Exhaust"}],
        "accounts": [{"account": "STAFF", "name": "Staff Purchases"}],
    }
    assert said.splitlines()[-1].startswith("See what a sync would do")


def test_a_history_of_nobody_names_the_nearest(bposync: Call, company: Path) -> None:
    assert "'TIA001'" in bposync("history", "--customer", "TIA00", expect=2).stderr
    assert "No run has changed this customer." in bposync("history", "--customer", "tia001").stdout
    (company.parent / "bpo.sqlite").unlink()
    assert "No run has changed this customer." in bposync("history", "--customer", "TIA00").stdout


def test_terms_that_match_nothing_name_their_customers(bposync: Call) -> None:
    assert "(1 customer): ROO001." in bposync("status").stderr


# How a sync reads where somebody waits.


def test_updates_of_customers_in_conflict_are_counted_as_such_in_each_line(bposync: Call, company: Path) -> None:
    lines = bposync("sync", "--customer", "ZEB001", "--dry-run", expect=4).stdout.splitlines()
    assert "1 update (1 field; 1 of a customer in conflict)" in lines[-3]
    assert lines[-2].startswith("Waiting for a person: 1 in conflict (1 of them partly written).")
    assert lines[-1] == f"Next: bposync sync --customer ZEB001 --config {company}"
    lines = bposync("sync", "--customer", "ZEB001", "--yes", expect=4).stdout.splitlines()
    assert "1 update (1 of a customer in conflict)" in lines[-2]


def test_a_plan_without_writes_ends_with_who_waits_and_how_it_is_settled(bposync: Call, company: Path) -> None:
    lines = bposync("sync", "--customer", "SUN001", expect=4).stdout.splitlines()
    assert lines[-2:] == [
        "Nothing to write: 0 customers are in step.",
        f"Waiting for a person: 1 lookalike. Settle them with: bposync review --output review.xlsx --config {company}",
    ]


def test_only_shows_less_and_changes_no_count(bposync: Call) -> None:
    whole = bposync("sync", "--dry-run", "--json", expect=4).json
    some = bposync("sync", "--dry-run", "--json", "--only", "Conflict, lookalike", expect=4).json
    assert some["summary"] == whole["summary"]
    assert {change["action"] for change in some["changes"]} == {"conflict", "lookalike"}
    said = bposync("sync", "--dry-run", "--only", "same", expect=4).stdout
    assert "New accounts" not in said
    assert "Shown were only: same." in said
    assert "In step (" in said


@pytest.mark.parametrize("action", Action)
def test_only_takes_the_words_of_the_screen_beside_the_names_of_the_states(action: Action) -> None:
    for word in (action.value, action.value.upper(), WORDS[action], f" {WORDS[action].title().replace(' ', '  ')} "):
        assert chosen(f"{word},same", dry_run=True) == {action, Action.SAME}


def test_only_in_conflict_shows_who_is_in_conflict(bposync: Call) -> None:
    document = bposync("sync", "--dry-run", "--json", "--only", "In conflict", expect=4).json
    assert {change["action"] for change in document["changes"]} == {"conflict"}
    assert "Did you mean 'in conflict'?" in bposync("sync", "--dry-run", "--only", "in conflit", expect=2).stderr


def test_only_same_lists_all_who_are_in_step_after_a_sync_too(bposync: Call) -> None:
    bposync("sync", "--site", "Durban", "--yes")
    bposync("sync", "--site", "Durban", "--yes")
    document = bposync("sync", "--site", "Durban", "--dry-run", "--only", "same", "--json").json
    assert [change["action"] for change in document["changes"]] == ["same"] * document["summary"]["same"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--only", "create"], "a sync writes its whole plan"),
        (["--only", "create", "--yes"], "a sync writes its whole plan"),
        (["--only", "creat", "--dry-run"], "'create'"),
        (["--only", ",", "--dry-run"], "which?"),
    ],
)
def test_only_never_makes_anybody_believe_that_less_is_written(bposync: Call, arguments: list[str], says: str) -> None:
    assert says in bposync("sync", *arguments, expect=2).stderr
    assert bposync("history", "--json").json["runs"] == []
