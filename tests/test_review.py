"""The sheet of all that needs a person: made, filled in as people do, checked against what changed since, and recorded."""

from __future__ import annotations

import csv
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import xlsxwriter
from python_calamine import CalamineWorkbook

from bposync import sheets
from bposync.cli.app import main
from bposync.cli.review import QUESTION
from bposync.journal import open_journal
from bposync.review.make import make_sheet
from bposync.survey import make_survey
from support import cli
from support.company import Company, configuration, connected, dump, sqlite_company, sqlite_url
from support.within import caller

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

VAT = "4123456789"
LONG_CODE = "A-CODE-THAT-IS-23-LONG."


@dataclass
class Desk:
    """A company, and a person with a spreadsheet."""

    company: Company
    call: Callable[..., cli.Result]

    @property
    def path(self) -> Path:
        return self.company.folder / "sheet.csv"

    def take(self, *arguments: str) -> list[dict[str, str]]:
        """Take a new sheet, and give its rows."""
        self.call("review", "--output", str(self.path), "--force", *arguments)
        with self.path.open(encoding="utf-8-sig", newline="") as stream:
            return list(csv.DictReader(stream))

    def save(self, rows: Sequence[Mapping[str, str]], name: str = "sheet.csv") -> Path:
        path = self.company.folder / name
        headings = list(rows[0])
        if path.suffix == ".xlsx":
            with xlsxwriter.Workbook(path) as book:
                page = book.add_worksheet()
                for number, cells in enumerate([headings, *(list(row.values()) for row in rows)]):
                    for place, cell in enumerate(cells):
                        page.write_string(number, place, cell)
            return path
        with path.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, headings, delimiter=";")
            writer.writeheader()
            writer.writerows(rows)
        return path

    def fill(self, decisions: Mapping[str, str]) -> Path:
        """Take a new sheet and fill it in, by customer or account."""
        rows = self.take()
        known = {row["customer"] or row["account"] for row in rows}
        assert set(decisions) <= known, f"only {known} are in the sheet"
        return self.save([{**row, "decision": decisions.get(row["customer"] or row["account"], "")} for row in rows])

    def apply(self, path: Path | None = None, *arguments: str, expect: int = 0) -> cli.Result:
        return self.call("review", "--apply", str(path or self.path), "--yes", *arguments, expect=expect)

    def decide(self, decisions: Mapping[str, str], expect: int = 0) -> cli.Result:
        return self.apply(self.fill(decisions), expect=expect)

    def refused(self, path: Path | None = None) -> dict[int, str]:
        """Apply a sheet that is refused; give what is wrong by row. Nothing may be recorded."""
        before = self.recorded()
        document = self.apply(path, "--json", expect=2).json
        assert self.recorded() == before
        assert document["recorded"] is False
        return {each["row"]: each["message"] for each in document["problems"]}

    def recorded(self) -> dict[str, list[tuple[Any, ...]]]:
        return {name: rows for name, rows in dump(self.company.journal_url).items() if rows and name != "bposync_schema"}

    def actions(self) -> dict[str, str]:
        return self.company.plan().actions

    def reasons(self, code: str) -> tuple[str, ...]:
        return self.company.plan().change(code).reasons

    def story(self, code: str) -> list[tuple[str, str | None, str | None]]:
        told = self.call("history", "--customer", code, "--json").json.get("decisions", [])
        assert all(each["by"] and each["machine"] and each["at"].endswith("Z") for each in told)
        return [(each["decision"], each["account"], each["detail"]) for each in told]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Company:
    """One of each that a person can settle."""
    company = sqlite_company(tmp_path_factory.mktemp("template"))
    company.customer("VAA001", "Vaal Valves", vat_number=VAT, phone="011 555 0101")
    company.account("VAL002", "Vaal Valve Agencies", vat_number=VAT, phone="011 555 0999")
    company.customer("ZEB001", "Zebra Print", phone="031 1", website="zebra.example")
    company.account("ZEB001", "Zebra Print", phone="031 2", website="zebra.co.example")
    company.customer(LONG_CODE, "Long Roads", site="Cape Town")
    company.account("STAFF", "Staff Purchases")
    company.account("OLD001", "Old Mill")
    return company


def sat_down(company: Company, capsys: pytest.CaptureFixture[str]) -> Desk:
    run = caller(capsys)

    def call(*arguments: object, expect: int = 0) -> cli.Result:
        return run("--config", company.path, *arguments, expect=expect)  # the path of now: a test may move the company

    return Desk(company, call)


@pytest.fixture
def desk(template: Company, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    """A company of the test's own."""
    return sat_down(_copied(template, tmp_path / "company"), capsys)


@pytest.fixture(scope="module")
def unchanged(template: Company, tmp_path_factory: pytest.TempPathFactory) -> Company:
    return _copied(template, tmp_path_factory.mktemp("unchanged") / "company")


@pytest.fixture
def still(unchanged: Company, capsys: pytest.CaptureFixture[str]) -> Desk:
    """The company of all tests that change and record nothing."""
    return sat_down(unchanged, capsys)


def _copied(company: Company, folder: Path) -> Company:
    shutil.copytree(company.folder, folder)
    bpo, books, journal = (sqlite_url(folder / f"{name}.sqlite") for name in ("bpo", "books", "journal"))
    return Company(folder, bpo, books, journal, configuration(bpo, books, journal))


# What a sheet says.


def test_a_sheet_has_a_row_for_each_that_needs_a_person_and_writes_nothing(desk: Desk) -> None:
    before = dump(desk.company.accounting_url)
    rows = desk.take()
    assert [(row["action"], row["customer"] or row["account"]) for row in rows] == [
        ("lookalike", "VAA001"), ("rejected", LONG_CODE), ("conflict", "ZEB001"), ("accounting_only", "OLD001"),
        ("accounting_only", "STAFF"),
    ]  # fmt: skip
    assert {row["decision"] for row in rows} == {""}
    assert (rows[0]["candidate_1"], rows[0]["evidence_1"].partition(",")[0]) == ("VAL002", "same VAT number")
    assert "Phone: accounting '031 2', BPO '031 1' (left: needs a person)" in rows[2]["differences"]
    assert rows[1]["free_code"] == "ACODETHATIS23LONG"
    assert dump(desk.company.accounting_url) == before
    assert not (desk.company.folder / "journal.sqlite").exists()


def test_a_workbooks_headings_are_words_with_blanks_and_are_read_back_as_the_names(still: Desk, tmp_path: Path) -> None:
    path = tmp_path / "sheet.xlsx"
    still.call("review", "--output", path)
    headings = CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python()[0]
    assert {"decision", "customer", "account", "candidate name 1", "free code"} <= set(headings)
    assert not any("_" in str(heading) for heading in headings)
    (row, *_) = sheets.read(path, ["decision", "candidate_name_1", "free_code"])
    assert row.cells["candidate_name_1"] == "Vaal Valve Agencies"


def test_a_sheet_of_one_site_lists_the_customers_of_that_site(still: Desk) -> None:
    assert [row["customer"] for row in still.take("--site", "cape town") if row["customer"]] == [LONG_CODE]


def test_a_sheet_of_one_site_is_applied_while_all_sites_are_looked_at(desk: Desk) -> None:
    rows = desk.take("--site", "Cape Town")
    desk.apply(desk.save([{**row, "decision": "new ROADS" if row["customer"] else ""} for row in rows]))
    assert desk.actions()[LONG_CODE] == "create"


def test_the_check_of_a_row_is_never_taken_for_a_number(still: Desk) -> None:
    assert all(row["check"].startswith("r") for row in still.take())


@pytest.mark.parametrize(
    ("content", "force", "expect"),
    [("decided", False, 2), ("decided", True, 0), ("empty", False, 0), ("another file", False, 2), ("short", False, 0)],
)
def test_a_filled_in_sheet_is_not_written_over_unasked(desk: Desk, content: str, *, force: bool, expect: int) -> None:
    desk.fill({"STAFF": "ignore"} if content == "decided" else {})
    if content == "another file":
        desk.path.write_text("my,own\n1,2\n")
    if content == "short":
        desk.path.write_text("check,decision\nr1\n")
    before = desk.path.read_bytes()
    desk.call("review", "--output", str(desk.path), *(["--force"] if force else []), expect=expect)
    assert (desk.path.read_bytes() == before) is (expect == 2)


# What people write into it.

SPELLINGS = [
    ("VAA001", "link VAL002", "link", "VAL002"),
    ("VAA001", "  LINK   val002 ", "link", "VAL002"),
    ("VAA001", "link\u00a0VAL002", "link", "VAL002"),
    ("VAA001", "Link VAL002 Accept", "accept", "VAL002"),
    ("VAA001", "link OLD001 overwrite", "overwrite", "OLD001"),
    ("VAA001", "new", "link --new", "VAA001"),
    ("VAA001", "New vaa9", "link --new", "VAA9"),
    (LONG_CODE, "new ROADS", "link --new", "ROADS"),
    ("ZEB001", "accept", "accept", "ZEB001"),
    ("ZEB001", "Accept Phone, website", "accept", "ZEB001"),
    ("ZEB001", "overwrite phone", "overwrite", "ZEB001"),
    ("ZEB001", "link OLD001", "link", "OLD001"),
    ("ZEB001", "IGNORE", "ignore", None),
    ("OLD001", "link VAA001", "link", "OLD001"),
]


@pytest.mark.parametrize(("who", "decision", "logged", "account"), SPELLINGS)
def test_a_decision_is_recorded_however_it_is_spelt(
    desk: Desk, who: str, decision: str, logged: str, account: str | None
) -> None:
    desk.decide({who: decision})
    customer = "VAA001" if who == "OLD001" else who
    assert desk.story(customer)[-1][:2] == (logged, account)


@pytest.mark.parametrize(
    ("who", "decision", "why"),
    [
        ("VAA001", "lnk VAL002", "Did you mean 'link'?"),
        ("VAA001", "0", "is no decision"),
        ("VAA001", "=cmd|'/C calc'!A0", "is no decision"),
        ("VAA001", "link\x1b[31m VAL002", "is no decision"),
        ("VAA001", "link", "to which account?"),
        ("VAA001", "link VAL02", "Did you mean 'VAL002'?"),
        ("VAA001", "link ZEB001", "is that of ZEB001"),
        ("VAA001", "accept", "accept does not fit: lookalike"),
        ("VAA001", "ignore it", "ignore takes nothing"),
        ("VAA001", "new ZEB001", "There is an account ZEB001"),
        (LONG_CODE, "new", "is 23 long, Evolution holds 20"),
        ("ZEB001", "accept fone", "Did you mean 'phone'?"),
        ("ZEB001", "accept name", "Name: there is nothing to decide"),
        ("ZEB001", "overwrite phone email", "E-mail: there is nothing to decide"),
        ("STAFF", "new", "new does not fit: this is an account without a customer"),
        ("STAFF", "link NOBODY", "There is no customer 'NOBODY'"),
    ],
)
def test_a_decision_that_cannot_be_is_named_by_its_row_and_nothing_is_recorded(
    still: Desk, who: str, decision: str, why: str
) -> None:
    path = still.fill({who: decision, "OLD001": "ignore"})
    row = next(
        line.number
        for line in sheets.read(path, ["customer", "account"])
        if who in (line.cells["customer"], line.cells["account"])
    )
    problems = still.refused(path)
    assert list(problems) == [row]
    assert why in problems[row]
    assert "\x1b" not in still.apply(path, expect=2).stdout


@pytest.mark.parametrize("name", ["sheet.csv", "sheet.xlsx"])
def test_a_sheet_in_another_order_with_columns_of_ones_own_is_read(desk: Desk, name: str) -> None:
    rows = [dict(reversed(row.items())) | {"mine": "x", "": ""} for row in reversed(desk.take())]
    for row in rows:
        row["customer"] = row["customer"].lower() + " \u00a0"
        row["decision"] = "ignore"
    desk.apply(desk.save(rows, name))
    assert {desk.actions()[code] for code in ("VAA001", "ZEB001", LONG_CODE)} == {"skipped"}
    assert desk.company.plan().plan.accounting_only == ()


@pytest.mark.parametrize("column", ["check", "decision", "customer", "account"])
def test_a_sheet_without_a_column_that_it_needs_is_refused(still: Desk, column: str) -> None:
    rows = [{name: cell for name, cell in row.items() if name != column} for row in still.take()]
    assert f"has no column '{column}'" in still.apply(still.save(rows), expect=2).stderr


@pytest.mark.parametrize(
    ("column", "cell", "why"),
    [
        ("customer", "VAA01", "Did you mean 'VAA001'?"),
        ("customer", "", "neither a customer nor an account"),
        ("customer", "1E5", "A spreadsheet may have taken zeros away"),
        ("check", "", "no longer as the sheet shows it"),
        ("candidate_1", "2", "a spreadsheet changed its code"),
        ("candidate_1", "", "no longer as the sheet shows it"),
    ],
)
def test_a_cell_that_a_spreadsheet_changed_is_named_by_its_row(still: Desk, column: str, cell: str, why: str) -> None:
    (row,) = [row for row in still.take() if row["customer"] == "VAA001"]
    problems = still.refused(still.save([row, {**row, "customer": "VAA001", "decision": "ignore", column: cell}]))
    assert why in problems[3]


def test_codes_of_nothing_but_digits_that_lost_their_zeros_are_refused(desk: Desk) -> None:
    desk.company.customer("00123", "Zeros Trading", vat_number="4999999999")
    desk.company.account("00456", "Zeros", vat_number="4999999999")
    (row,) = [row for row in desk.take() if row["customer"] == "00123"]
    assert (row["candidate_1"], row["action"]) == ("00456", "lookalike")
    problems = desk.refused(
        desk.save([{**row, "customer": "123", "decision": "ignore"}, {**row, "candidate_1": "456", "decision": "link 00456"}])
    )
    assert "Did you mean '00123'?" in problems[2]
    assert "'456' is not there" in problems[3]


CODES = [
    "=1+1", "'=1+1", "'x", "00124", "1E5", "LINK", "NEW", "A B", "A,B", 'A"B', "A|B", "A;B", "@SUM", "-5", "+5", "A\u200bB",
    "A\u202eC", "_x0041_", "TRUE", "\U0001f600", "Ä1", "ACCEPT", "A ACCEPT",
]  # fmt: skip


@pytest.mark.parametrize("name", ["sheet.csv", "sheet.xlsx"])
def test_hostile_codes_are_read_back_as_they_were(desk: Desk, name: str) -> None:
    for number, code in enumerate(CODES):
        vat_number = f"41111111{number:02}"
        desk.company.customer(code, f"Customer {number}", vat_number=vat_number, billing_1="=1+1")
        desk.company.account(f"H{number}", f"Account {number}", vat_number=vat_number)
    path = desk.company.folder / name
    desk.call("review", "--output", str(path))
    rows = [dict(line.cells) for line in sheets.read(path, ["customer"])]
    mine = [row for row in rows if row["candidate_1"].startswith("H")]
    assert len(mine) == len(CODES)
    desk.apply(desk.save([{**row, "decision": f"link {row['candidate_1']}"} for row in mine], "filled.xlsx"))
    links = {link.customer: link.account for link in desk.company.links().values()}
    assert links == {code: f"H{number}" for number, code in enumerate(CODES)}


@pytest.mark.parametrize("account", ["=1+1", "00123", "A B", "A,B", "A ACCEPT", "A\u200bB", "'=1"])
def test_an_account_is_linked_by_its_code_as_the_sheet_shows_it(desk: Desk, account: str) -> None:
    desk.company.customer("HOST1", "Hostile One", vat_number="4222222222")
    desk.company.account(account, "Hostile Account", vat_number="4222222222")
    (row,) = [row for row in desk.take() if row["customer"] == "HOST1"]
    desk.apply(desk.save([{**row, "decision": f"link {row['candidate_1']} accept"}]))
    assert [link.account for link in desk.company.links().values()] == [account]


def test_a_csv_that_was_opened_and_saved_as_xlsx_keeps_its_apostrophes_and_is_read(desk: Desk) -> None:
    desk.company.customer("=1+1", "Formula", vat_number="4333333333")
    desk.company.account("=2+2", "Formula Two", vat_number="4333333333")
    (row,) = [row for row in desk.take() if row["customer"] == "'=1+1"]
    assert row["candidate_1"] == "'=2+2"
    desk.apply(desk.save([{**row, "decision": "link =2+2"}], "sheet.xlsx"))
    assert desk.story("=1+1") == [("link", "=2+2", None)]


def test_a_note_is_kept_with_who_and_when_and_cannot_act(desk: Desk) -> None:
    rows = [row for row in desk.take() if row["customer"] == "VAA001"]
    desk.apply(desk.save([{**rows[0], "decision": "ignore", "note": "asked\nThandi \x1b[31m; note: x\0"}]))
    assert desk.story("VAA001") == [("ignore", None, "note: asked Thandi \x1b[31m; note: x")]
    told = desk.call("history", "--customer", "VAA001").stdout
    assert "\\x1b[31m" in told
    assert "\x1b" not in told
    assert desk.reasons("VAA001")[0].startswith("ignored by ")


# What changed since.


def _linked_meanwhile(company: Company) -> None:
    company.customer("TAKER", "Taker")
    main(["--config", str(company.path), "link", "TAKER", "VAL002"])


CHANGES: dict[str, tuple[str, str, Callable[[Company], object]]] = {
    "BPO's value": ("VAA001", "ignore", lambda company: company.change("VAA001", phone="1")),
    "BPO's site": ("VAA001", "ignore", lambda company: company.change("VAA001", site="Elsewhere")),
    "candidate's value": ("VAA001", "link VAL002", lambda company: company.edit("VAL002", phone="1")),
    "candidate's name": ("VAA001", "link VAL002", lambda company: company.edit("VAL002", name="Other")),
    "candidate renamed": ("VAA001", "link VAL002", lambda company: company.edit("VAL002", Account="VAL003")),
    "candidate deleted": ("VAA001", "ignore", lambda company: company.delete("VAL002")),
    "candidate linked": ("VAA001", "link VAL002", _linked_meanwhile),
    "account's value": ("ZEB001", "accept", lambda company: company.edit("ZEB001", phone="1")),
    "account's other value": ("ZEB001", "overwrite", lambda company: company.edit("ZEB001", email="a@b.example")),
    "account renamed": ("ZEB001", "accept", lambda company: company.edit("ZEB001", Account="ZEB009")),
    "account deleted": ("ZEB001", "accept", lambda company: company.delete("ZEB001")),
    "customer gone": ("ZEB001", "accept", lambda company: company.remove("ZEB001")),
    "account without customer renamed": ("STAFF", "ignore", lambda company: company.edit("STAFF", name="Other")),
    "account without customer deleted": ("STAFF", "ignore", lambda company: company.delete("STAFF")),
    "its customer came": ("STAFF", "ignore", lambda company: company.customer("STAFF", "Staff Purchases")),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_row_whose_data_changed_since_is_refused_and_with_it_the_sheet(
    desk: Desk, what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    who, decision, change = CHANGES[what]
    path = desk.fill({who: decision, "OLD001": "ignore"})
    change(desk.company)
    capsys.readouterr()
    assert len(desk.refused(path)) == 1


def test_a_candidate_of_an_account_that_changed_since_is_found_too(desk: Desk) -> None:
    desk.company.customer("MILL", "Old Mil")
    (row,) = [row for row in desk.take() if row["account"] == "OLD001"]
    assert row["candidate_1"] == "MILL"
    path = desk.save([{**row, "decision": "link MILL"}])
    desk.company.change("MILL", name="Old Mill of Paarl")
    assert "no longer as the sheet shows it" in desk.refused(path)[2]


def test_what_changes_with_every_invoice_refuses_nothing(desk: Desk) -> None:
    path = desk.fill({"ZEB001": "accept", "VAA001": "link VAL002"})
    desk.company.edit("ZEB001", DCBalance=99.5)
    desk.apply(path)


# Rows that contradict each other.


@pytest.mark.parametrize(
    "decisions",
    [
        {"VAA001": "link VAL002", "OLD001": "link VAA001"},
        {"VAA001": "new", "OLD001": "link VAA001"},
        {"VAA001": "ignore", "OLD001": "link vaa001 accept"},
        {"OLD001": "link VAA001", "STAFF": "link VAA001"},
        {"VAA001": "link OLD001", "ZEB001": "link OLD001"},
        {"VAA001": "new TAKEN", LONG_CODE: "new taken"},
        {"VAA001": "link ZEB001"},
    ],
    ids=str,
)
def test_decisions_that_contradict_each_other_are_refused(still: Desk, decisions: dict[str, str]) -> None:
    assert len(still.refused(still.fill(decisions))) == 1


@pytest.mark.parametrize("second", ["new", "ignore"])
def test_a_row_that_is_there_twice_is_refused_also_where_it_says_the_same(still: Desk, second: str) -> None:
    (row,) = [row for row in still.take() if row["customer"] == "VAA001"]
    problems = still.refused(still.save([{**row, "decision": "new"}, {**row, "customer": "vaa001", "decision": second}]))
    assert list(problems) == [3]
    assert "Row 2" in problems[3]


def test_a_customer_that_keeps_its_account_does_not_lose_it_to_another_row(desk: Desk) -> None:
    desk.company.sync()
    path = desk.fill({"ZEB001": "link ZEB001 accept", "VAA001": "link ZEB001"})
    assert ["is that of" in why for why in desk.refused(path).values()] == [True]
    desk.save(list(reversed([dict(line.cells) for line in sheets.read(path, [])])))
    assert ["is that of" in why for why in desk.refused(path).values()] == [True]


def test_two_rows_that_want_one_account_name_each_other(still: Desk) -> None:
    problems = still.refused(still.fill({"VAA001": "link OLD001", "ZEB001": "link OLD001"}))
    first = next(line.number for line in sheets.read(still.path, []) if line.cells["customer"] == "VAA001")
    assert [why for why in problems.values() if f"by row {first}" in why and "VAA001" in why] == list(problems.values())


def test_a_word_behind_a_link_that_says_nothing_is_told(still: Desk) -> None:
    (why,) = still.refused(still.fill({"VAA001": "link VAL002 acept"})).values()
    assert why == "Behind link VAL002 may stand accept or overwrite, and not 'acept'. Did you mean 'accept'?"


def test_the_drop_down_offers_a_conflict_field_by_field(still: Desk) -> None:
    with still.company.opened(writes=False) as opened:
        survey = make_survey(opened.settings, opened.bpo, opened.accounting, opened.journal)
        sheet = make_sheet(survey, survey.plan(survey.choose()))
    place = [row[1] for row in sheet.rows].index("ZEB001")
    assert {"accept", "accept phone", "accept website", "overwrite phone"} <= set(sheet.choices[place])


def test_an_account_that_a_row_sets_free_may_be_taken_by_another_row(desk: Desk) -> None:
    desk.company.sync()
    desk.decide({"ZEB001": "link OLD001", "VAA001": "link ZEB001"})
    assert {link.customer: link.account for link in desk.company.links().values()} == {"ZEB001": "OLD001", "VAA001": "ZEB001"}


# Asking, and recording all of it or nothing.

ALL = {"VAA001": "link VAL002 accept", "ZEB001": "overwrite", LONG_CODE: "new ROADS", "STAFF": "ignore"}


def test_without_a_terminal_and_without_yes_nothing_is_recorded(desk: Desk) -> None:
    path = desk.fill(ALL)
    document = desk.call("review", "--apply", str(path), "--json", expect=10).json
    assert (document["recorded"], len(document["decisions"]), document["error"]["code"]) == (False, 4, 10)
    names = [each["name"] for each in document["decisions"]]
    assert names == ["Vaal Valves", "Long Roads", "Zebra Print", "Staff Purchases"]
    assert "bposync_decision_log" not in desk.recorded()


def test_with_yes_all_is_recorded_and_carried_out_by_the_next_sync(desk: Desk) -> None:
    document = desk.apply(desk.fill(ALL), "--json").json
    assert (document["recorded"], document["problems"]) == (True, [])
    desk.call("sync", "--yes")
    accounts = {row["Account"]: (row["Name"], row["Telephone"]) for row in desk.company.clients()}
    assert accounts == {
        "VAL002": ("Vaal Valve Agencies", "011 555 0999"),
        "ZEB001": ("Zebra Print", "031 1"),
        "ROADS": ("Long Roads", None),
        "STAFF": ("Staff Purchases", None),
        "OLD001": ("Old Mill", None),
    }
    assert set(desk.actions().values()) == {"same"}


@pytest.mark.parametrize("synced", [False, True])
def test_a_sheet_that_is_applied_again_records_nothing_new(desk: Desk, *, synced: bool) -> None:
    path = desk.fill({**ALL, "ZEB001": "accept", "OLD001": ""} if synced else {**ALL, "OLD001": ""})
    desk.apply(path)
    if synced:
        desk.call("sync", "--yes")
    else:
        rows = [dict(line.cells) for line in sheets.read(path, [])]
        path = desk.save([{**row, "decision": ""} if row["customer"] == "ZEB001" else row for row in rows])
    before = desk.recorded()
    assert "Nothing is new" in desk.apply(path).stdout
    assert desk.recorded() == before


def test_an_accounts_row_that_linked_a_customer_is_recorded_once(desk: Desk) -> None:
    path = desk.fill({"OLD001": "link VAA001"})
    desk.apply(path)
    assert "Nothing is new" in desk.apply(path).stdout


def test_a_journal_that_fails_in_the_middle_records_nothing(desk: Desk) -> None:
    desk.call("ignore", "--account", "OLD001")
    path = desk.fill(ALL)
    with connected(desk.company.journal_url) as connection:
        connection.exec_driver_sql(
            "CREATE TRIGGER full BEFORE INSERT ON bposync_decision_log WHEN new.account = 'STAFF' "
            "BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"
        )
    before = desk.recorded()
    assert "disk is full" in desk.apply(path, expect=7).stderr
    assert desk.recorded() == before


KILLED_AT_THE_THIRD = """
import os, signal, sys
from bposync.cli.app import main
from bposync.journal.links import DecisionBook

log, count = DecisionBook.log, 0

def killed(*arguments, **named):
    global count
    log(*arguments, **named)
    count += 1
    if count == 3:
        os.kill(os.getpid(), signal.SIGKILL)

DecisionBook.log = killed
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_a_kill_in_the_middle_of_recording_records_nothing_and_the_sheet_is_applied_again(desk: Desk) -> None:
    desk.call("ignore", "--account", "OLD001")
    path = desk.fill(ALL)
    before = desk.recorded()
    arguments = ["--config", str(desk.company.path), "review", "--apply", str(path), "--yes"]
    killed = subprocess.run([sys.executable, "-c", KILLED_AT_THE_THIRD, *arguments], check=False, timeout=cli.TIMEOUT)
    assert killed.returncode == -signal.SIGKILL
    assert desk.recorded() == before
    desk.apply(path)
    assert "is as bposync recorded it" in desk.call("history", "--verify").stdout


def test_a_link_from_a_sheet_is_warned_of_as_one_that_is_typed(desk: Desk) -> None:
    document = desk.apply(desk.fill({"VAA001": "link STAFF", "OLD001": f"link {LONG_CODE}"}), "--json").json
    stranger, other = (each["cautions"] for each in document["decisions"])
    said = "Account STAFF is Staff Purchases, not Vaal Valves: it shares neither code nor VAT number with VAA001."
    assert stranger == [f"{said} What is blank in it the next sync fills in from BPO."]
    assert other[0].startswith("Account OLD001 is Old Mill, not Long Roads: ")
    typed = desk.call("link", "ZEB001", "VAL002").stdout.splitlines()
    assert typed[1] == "Account ZEB001 (Zebra Print) has its code and name, and is nobody's now."
    assert typed[2].startswith("Account VAL002 is Vaal Valve Agencies, not Zebra Print: it shares")
    assert typed[3].startswith("If that was a slip: bposync unlink ZEB001")


def test_a_link_that_shares_the_vat_number_or_the_name_is_not_warned_of(desk: Desk) -> None:
    said = desk.apply(desk.fill({"VAA001": "link VAL002"})).stdout
    assert "shares neither" not in said
    assert "Under another code than the customer's: 1 account. What BPO posts by itself may not find it." in said


def test_a_linked_account_of_another_name_and_vat_number_is_asked_about_until_it_is_settled(desk: Desk) -> None:
    desk.company.account("THEM01", "Themba Tyres", vat_number="4999999999")
    said = desk.call("link", "VAA001", "THEM01").stdout
    assert f"it has another VAT number than VAA001 (4999999999, BPO has {VAT})" in said
    asked = "account THEM01 has another name and another VAT number: is it this customer's?"
    assert asked in desk.reasons("VAA001")
    desk.call("accept", "VAA001")
    assert asked not in desk.reasons("VAA001")


@pytest.mark.parametrize(("answer", "expect"), [("y", 0), ("", 10)])
def test_at_a_terminal_it_shows_what_it_records_and_asks(desk: Desk, answer: str, expect: int) -> None:
    path = desk.fill(ALL)
    with cli.run_in_terminal("--config", desk.company.path, "review", "--apply", path, size=(40, 200)) as child:
        child.expect_exact(QUESTION)
        assert "gets a new account ROADS" in (child.before or "")
        child.sendline(answer)
        cli.finish(child, expect)
    assert ("bposync_decision_log" in desk.recorded()) is (expect == 0)


def test_a_question_left_open_blocks_nobody_and_its_yes_records_nothing_of_another_time(desk: Desk) -> None:
    path = desk.fill(ALL)
    with cli.run_in_terminal("--config", desk.company.path, "review", "--apply", path, size=(40, 200)) as child:
        child.expect_exact(QUESTION)
        desk.call("link", LONG_CODE, "--new", "OTHER")
        child.sendline("y")
        assert "no longer needs a person" in cli.finish(child, 2)
    assert desk.story("VAA001") == []
    assert desk.company.plan().change(LONG_CODE).account == "OTHER"


def test_while_a_sync_runs_nothing_is_recorded(desk: Desk) -> None:
    path = desk.fill(ALL)
    holder = (
        "import sys, pathlib; from bposync import config; from bposync.accounting import open_accounting\n"
        "settings = config.load(pathlib.Path(sys.argv[1]))\n"
        "with open_accounting(settings, (), writes=True) as accounting, accounting.way.lock():\n"
        "    print('held', flush=True); sys.stdin.readline()\n"
    )
    command = [sys.executable, "-c", holder, str(desk.company.path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as held:
        assert held.stdout is not None
        assert held.stdout.readline() == "held\n"
        desk.apply(path, expect=6)
        held.communicate("\n", timeout=cli.TIMEOUT)
    assert "bposync_decision_log" not in desk.recorded()


def test_another_company_than_the_journals_records_nothing(desk: Desk) -> None:
    desk.company.sync()
    path = desk.fill({"STAFF": "ignore"})
    (desk.company.folder / "books.sqlite").rename(desk.company.folder / "others.sqlite")
    desk.company.configure("accounting", url=desk.company.accounting_url.replace("books", "others"))
    before = desk.recorded()
    desk.apply(path, expect=8)
    assert desk.recorded() == before


# What a decision means until it is taken back.


def test_overwrite_writes_once_and_only_over_the_value_that_was_seen(desk: Desk) -> None:
    desk.decide({"ZEB001": "overwrite"})
    desk.company.edit("ZEB001", phone="031 3")
    desk.call("sync", "--yes", expect=4)
    account = desk.company.client("ZEB001")
    assert (account["Telephone"], account["cWebPage"]) == ("031 3", "zebra.example")
    desk.company.edit("ZEB001", website="changed.example")
    assert desk.company.plan().fields("ZEB001")["website"][2] == "drift"


def test_accept_stands_until_bpo_changes_and_is_taken_back_by_undo(desk: Desk) -> None:
    desk.decide({"ZEB001": "accept"})
    assert desk.actions()["ZEB001"] == "same"
    assert desk.reasons("ZEB001")[-1].startswith("accounting's Web site, Phone accepted by ")
    desk.call("accept", "ZEB001", "phone", "--undo")
    assert set(desk.company.plan().fields("ZEB001")) == {"phone"}
    assert desk.reasons("ZEB001")[-1].startswith("accounting's Web site accepted by ")
    desk.company.change("ZEB001", website="third.example")
    assert desk.company.plan().fields("ZEB001")["website"][2] == "write"
    desk.call("accept", "ZEB001", "--undo")
    assert [each for each in desk.reasons("ZEB001") if "accepted" in each] == []


def test_deciding_about_one_field_leaves_what_was_decided_about_another(desk: Desk) -> None:
    desk.decide({"ZEB001": "overwrite phone"})
    desk.decide({"ZEB001": "accept website"})
    assert [each.partition(" by ")[0] for each in desk.reasons("ZEB001") if " by " in each] == [
        "BPO's Phone over accounting's, decided",
        "accounting's Web site accepted",
    ]
    desk.call("sync", "--yes", "--customer", "ZEB001")
    account = desk.company.client("ZEB001")
    assert (account["Telephone"], account["cWebPage"]) == ("031 1", "zebra.co.example")


def test_overwrite_leaves_what_was_accepted_before(desk: Desk) -> None:
    desk.decide({"ZEB001": "accept website"})
    desk.decide({"ZEB001": "overwrite"})
    desk.call("sync", "--yes", "--customer", "ZEB001")
    assert desk.company.client("ZEB001")["cWebPage"] == "zebra.co.example"


def test_overwrite_of_what_accounting_cannot_hold_is_refused(desk: Desk) -> None:
    desk.company.change("ZEB001", phone="0" * 200)
    assert "there is nothing to decide" in desk.refused(desk.fill({"ZEB001": "overwrite phone"}))[4]


@pytest.mark.parametrize(
    ("who", "decision", "opposite", "before"),
    [
        ("VAA001", "link VAL002", ("unlink", "VAA001"), "lookalike"),
        ("VAA001", "new", ("unlink", "VAA001"), "lookalike"),
        ("VAA001", "ignore", ("ignore", "VAA001", "--undo"), "lookalike"),
        ("ZEB001", "accept", ("accept", "ZEB001", "--undo"), "conflict"),
        ("ZEB001", "overwrite", ("unlink", "ZEB001"), "conflict"),
        ("ZEB001", "link OLD001 overwrite", ("unlink", "ZEB001"), "conflict"),
    ],
)
def test_what_a_sheet_decided_is_taken_back_by_its_opposite(
    desk: Desk, who: str, decision: str, opposite: tuple[str, ...], before: str
) -> None:
    desk.decide({who: decision})
    assert desk.actions()[who] != before
    assert any(" by " in reason for reason in desk.reasons(who))
    desk.call(*opposite)
    assert desk.actions()[who] == before
    assert not any(" by " in reason for reason in desk.reasons(who) if not reason.startswith("paired"))
    assert desk.story(who)[-1][0] in (opposite[0], f"{opposite[0]} --undo")


def test_an_account_that_came_back_under_another_key_is_linked_again(desk: Desk) -> None:
    desk.decide({"VAA001": "link VAL002"})
    desk.company.account("SPARE", "Takes the next key")
    desk.company.delete("VAL002")
    desk.company.account("GAP", "Takes the next key too")
    desk.company.delete("SPARE")
    desk.company.account("VAL002", "Vaal Valve Agencies")
    assert desk.actions()["VAA001"] == "missing"
    assert "Recorded: 1" in desk.decide({"VAA001": "link VAL002"}).stdout
    assert desk.actions()["VAA001"] != "missing"


def test_a_customer_whose_new_account_was_deleted_gets_another_one(desk: Desk) -> None:
    desk.decide({LONG_CODE: "new ROADS"})
    desk.call("sync", "--yes", "--customer", LONG_CODE)
    desk.company.delete("ROADS")
    assert desk.actions()[LONG_CODE] == "missing"
    assert "Recorded: 1" in desk.decide({LONG_CODE: "new ROADS"}).stdout
    assert desk.actions()[LONG_CODE] == "create"


def test_the_decisions_of_one_company_are_not_those_of_another_in_the_same_journal(desk: Desk) -> None:
    desk.decide({"STAFF": "ignore", "VAA001": "link VAL002"})
    desk.company.configure("state", company="second")
    assert {row["customer"] or row["account"] for row in desk.take()} >= {"STAFF", "VAA001"}
    with open_journal(desk.company.settings(), writes=False) as journal:
        assert journal.links.read() == {}


def test_a_sheet_is_recorded_in_a_shared_journal_on_postgresql_too(desk: Desk, postgres_url: str) -> None:
    desk.company.configure("state", url=postgres_url)
    desk.company.journal_url = postgres_url
    rows = [{**row, "decision": ALL.get(row["customer"] or row["account"], ""), "note": "Zoë\0 \u202e"} for row in desk.take()]
    desk.apply(desk.save(rows))
    assert desk.story("VAA001") == [
        ("link", "VAL002", "note: Zoë \u202e"),
        ("accept", "VAL002", "name, phone; note: Zoë \u202e"),
    ]
    assert "is as bposync recorded it" in desk.call("history", "--verify").stdout
    desk.call("sync", "--yes")
    assert set(desk.actions().values()) == {"same"}


# What accept takes with it, and a sheet that was recorded.


def test_accept_in_a_sheet_tells_what_stays_blank_and_may_name_fields_by_their_labels(desk: Desk) -> None:
    desk.company.change("ZEB001", mobile="083 1")
    document = desk.apply(desk.fill({"ZEB001": "accept"}), "--json").json
    assert document["decisions"][0]["cautions"] == ["Mobile: stays blank, though a sync would have filled in BPO's 083 1."]
    desk.call("accept", "ZEB001", "--undo")
    desk.decide({"ZEB001": "accept Web site, phone"})
    assert {name for name, values in desk.company.plan().fields("ZEB001").items()} == {"mobile"}


def test_a_sheet_whose_decisions_are_all_recorded_is_written_over(desk: Desk) -> None:
    desk.apply(desk.fill({"VAA001": "link VAL002", "STAFF": "ignore"}))
    desk.call("review", "--output", str(desk.path))
    desk.call("ignore", "--account", "STAFF", "--undo")
    desk.apply(desk.fill({"STAFF": "ignore"}))
    desk.call("ignore", "--account", "STAFF", "--undo")
    assert "1 row filled in." in desk.call("review", "--output", str(desk.path), expect=2).stderr
