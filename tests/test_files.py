"""--output: a file of each ending holds what the command tells, is written whole or not at all, and nothing in it runs."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import zipfile
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import python_calamine

from bposync import demo, sheets
from bposync.cli.app import main
from bposync.errors import UsageError
from bposync.export.files import ENDINGS, Told, save
from bposync.export.markup import element
from bposync.sheets import Heading, Sheet
from support import cli

if TYPE_CHECKING:
    from pathlib import Path

    from support.within import Call

COMMANDS = {"list": (["list"], 0), "plan": (["sync", "--dry-run"], 4), "status": (["status"], 0)}


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo company, of which Durban is in step; it is only read."""
    path = demo.build(tmp_path_factory.mktemp("company") / "company")
    assert main(["sync", "--site", "Durban", "--yes", "--quiet", "--config", str(path)]) == 0
    return path


@pytest.fixture
def bposync(company: Path, bposync: Call) -> Call:
    """Runs bposync within this process, on the demo company."""
    return partial(bposync, "--config", company)


def workbook(path: Path) -> dict[str, list[list[Any]]]:
    """Give every page of a workbook as a spreadsheet has it."""
    book = python_calamine.CalamineWorkbook.from_path(str(path))
    return {name: book.get_sheet_by_name(name).to_python() for name in book.sheet_names}


def table(path: Path, separator: str = ",") -> list[list[str]]:
    raw = path.read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")  # else Excel takes it for something else than UTF-8
    return list(csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline=""), delimiter=separator))


# What a file holds.


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("name", COMMANDS)
def test_a_file_of_each_ending_is_written_beside_what_is_said(bposync: Call, tmp_path: Path, name: str, ending: str) -> None:
    arguments, code = COMMANDS[name]
    path = tmp_path / f"it{ending.upper()}"
    said = bposync(*arguments, "--output", path, expect=code)
    what = "listing" if name == "list" else name
    assert f"The {what} is in {path}.\n" in said.stderr
    assert [each.name for each in tmp_path.iterdir()] == [path.name]
    kind = {".csv": b"\xef\xbb\xbf", ".xlsx": b"PK", ".json": b"{\n", ".html": b"<!DOCTYPE html>"}[ending]
    assert path.read_bytes().startswith(kind)


@pytest.mark.parametrize("name", COMMANDS)
def test_json_in_a_file_is_the_commands_own_document(bposync: Call, tmp_path: Path, name: str) -> None:
    arguments, code = COMMANDS[name]
    said = bposync(*arguments, "--json", "--output", tmp_path / "it.json", expect=code)
    assert json.loads((tmp_path / "it.json").read_text("ascii")) == said.json


def test_the_listing_in_a_file_is_not_shown_too(bposync: Call, tmp_path: Path) -> None:
    said = bposync("list", "--site", "Durban", "--output", tmp_path / "it.csv")
    assert said.stdout == ""
    assert "24 customers.\n" in said.stderr
    assert bposync("list", "--site", "Durban", "--quiet", "--output", tmp_path / "quiet.csv") == cli.Result(0, "", "")


def test_the_listing_in_a_file_is_that_of_csv_with_the_fields_that_were_asked_for(bposync: Call, tmp_path: Path) -> None:
    asked = ["list", "--site", "Cape Town", "--columns", "code,name,credit_limit", "--sort", "-credit_limit"]
    bposync(*asked, "--output", tmp_path / "it.csv", "--separator", ";")
    said = bposync(*asked, "--csv").stdout
    assert table(tmp_path / "it.csv", ";") == list(csv.reader(io.StringIO(said)))
    bposync(*asked, "--output", tmp_path / "it.xlsx")
    (page,) = workbook(tmp_path / "it.xlsx").values()
    assert page[:2] == [["Code", "Name", "Credit limit"], ["HO-DRA001", "Drakensberg Logistics", 450_000.0]]


def test_a_plan_as_a_sheet_has_a_row_for_each_customer_and_field(bposync: Call, tmp_path: Path) -> None:
    found = bposync("sync", "--dry-run", "--json", "--output", tmp_path / "it.csv", expect=4).json
    heading, *rows = table(tmp_path / "it.csv")
    assert heading == [
        "code", "name", "sites", "account", "action", "field", "accounting", "bpo", "last_agreed", "verdict", "reason",
    ]  # fmt: skip
    assert len(rows) == sum(max(len(change["fields"]), 1) for change in found["changes"])
    shown = {(row[0], row[5]): row for row in rows}
    assert shown["ZEB001", "Credit limit"][6:] == [
        "40000.00", "25000.00", "", "left: needs a person",
        "both sides have a value, and no agreed one is known; paired: same code and name",
    ]  # fmt: skip
    assert shown["ZEB001", "Mobile"][4:10] == ["in conflict", "Mobile", "", "083 555 0213", "", "is written"]
    assert shown["SUN001", ""][10] == "account SUN001 (Sunset Boulevard Trading) has the code"
    bposync("sync", "--dry-run", "--verbose", "--output", tmp_path / "all.csv", expect=4)
    assert {"in step", "skipped"} <= {row[4] for row in table(tmp_path / "all.csv")}


def test_a_plan_in_excel_has_amounts_as_numbers_and_says_what_it_is_about(bposync: Call, tmp_path: Path) -> None:
    bposync("sync", "--dry-run", "--output", tmp_path / "it.xlsx", expect=4)
    pages = workbook(tmp_path / "it.xlsx")
    assert list(pages) == ["Plan", "About"]
    (row,) = [row for row in pages["Plan"] if row[0] == "ZEB001" and row[5] == "Credit limit"]
    assert row[6:8] == [40_000.0, 25_000.0]
    about = {row[0]: row[1] for row in pages["About"]}
    assert about["Company"] == "Example Company"
    assert about["in conflict"] == 1


def test_a_status_in_excel_has_counts_as_numbers_and_moments_as_dates(bposync: Call, tmp_path: Path) -> None:
    bposync("status", "--output", tmp_path / "it.xlsx")
    pages = workbook(tmp_path / "it.xlsx")
    assert list(pages) == ["Sites", "Needs a person", "Accounts without a customer", "About"]
    heading, town, durban, _ = pages["Sites"]
    place = heading.index("Last sync")
    assert town[:3] == ["Cape Town", 13, 1]
    assert isinstance(durban[place], datetime)
    assert durban[2] == 24
    assert [row[0] for row in pages["Needs a person"][1:]] == ["HIGHVELD-ROADS-DEPOT-07", "SUN001", "VAA001", "ZEB001"]
    bposync("status", "--output", tmp_path / "it.csv")
    assert table(tmp_path / "it.csv")[2][:3] == ["Durban", "24", "24"]


def test_a_workbook_has_a_filter_and_its_first_row_stays(bposync: Call, tmp_path: Path) -> None:
    bposync("sync", "--dry-run", "--output", tmp_path / "it.xlsx", expect=4)
    xml = zipfile.ZipFile(tmp_path / "it.xlsx").read("xl/worksheets/sheet1.xml").decode()
    assert re.search(r'<pane xSplit="2" ySplit="1" topLeftCell="C2"', xml)
    assert re.search(r'<autoFilter ref="A1:K\d+"', xml)
    assert 'numberStoredAsText="1"' in xml
    assert 'paperSize="9" fitToHeight="0" orientation="landscape"' in xml


HOSTILE = (
    "=1+1",
    "http://x.example",
    "mailto:a@x.example",
    "00123",
    "1E5",
    "TRUE",
    "2026-11-24",
    "{=1}",
    "x\ufffe\uffff",
    "<a>&",
)


def test_in_excel_a_text_is_never_a_formula_a_link_or_a_number(tmp_path: Path) -> None:
    sheet = Sheet([Heading("it", label="It")], [[text] for text in HOSTILE], title="It", frozen=0)
    sheets.write(tmp_path / "it.xlsx", sheet)
    shown = [text.replace("\ufffe\uffff", r"\ufffe\uffff") for text in HOSTILE]
    assert workbook(tmp_path / "it.xlsx") == {"It": [["It"], *([text] for text in shown)]}
    xml = zipfile.ZipFile(tmp_path / "it.xlsx").read("xl/worksheets/sheet1.xml")
    assert b"<f>" not in xml
    assert b"hyperlink" not in xml


def test_an_amount_that_a_number_of_excels_cannot_hold_to_the_cent_is_a_text(tmp_path: Path) -> None:
    sheets.write(tmp_path / "it.xlsx", Sheet([Heading("it")], [[Decimal("12345678901234567.89")], [Decimal("-0.05")]]))
    assert workbook(tmp_path / "it.xlsx")["Review"] == [["it"], ["12,345,678,901,234,567.89"], [-0.05]]


# Separators.


@pytest.mark.parametrize(("said", "sign"), [(";", ";"), (",", ","), ("tab", "\t"), ("\t", "\t"), ("\\t", "\t")])
def test_a_csv_has_the_separator_that_was_asked_for(bposync: Call, tmp_path: Path, said: str, sign: str) -> None:
    bposync("list", "--limit", "1", "--columns", "code,name", "--output", tmp_path / "it.csv", "--separator", said)
    assert table(tmp_path / "it.csv", sign) == [["code", "name"], ["ACA001", "Acacia Engineering (Pty) Ltd"]]
    on_stdout = bposync("list", "--limit", "1", "--columns", "code,name", "--csv", "--separator", said).stdout
    assert on_stdout.splitlines()[0] == f"code{sign}name"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--separator", "|", "--output", "it.csv"), "there is no separator '|'"),
        (("--separator", ";", "--output", "it.xlsx"), "--separator is for CSV"),
        (("--separator", ";"), "--separator is for CSV"),
        (("--output", "it.pdf"), "ends in none of .csv, .xlsx, .json or .html"),
        (("--output", "it"), "ends in none of .csv, .xlsx, .json or .html"),
        (("--output", ".csv"), "ends in none of .csv, .xlsx, .json or .html"),
        (("--output", "nowhere/it.csv"), "there is no folder nowhere"),
    ],
)
@pytest.mark.parametrize("command", ["list", "status", "sync --dry-run"])
def test_what_cannot_be_meant_is_refused_before_anything_is_read(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
    arguments: tuple[str, ...],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([*command.split(), *arguments, "--config", "there is none"]) == 2
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", [".csv", ".json"])
def test_a_plan_of_some_kinds_only_is_a_file_of_those_only(bposync: Call, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"plan{ending}"
    bposync("sync", "--dry-run", "--only", "conflict,lookalike", "--output", path, expect=4)
    text = path.read_text("utf-8-sig")
    if ending == ".json":
        found = {change["code"] for change in json.loads(text)["changes"]}
    else:
        found = {row["code"] for row in csv.DictReader(text.splitlines())}
    assert found == {"SUN001", "VAA001", "ZEB001"}


# Whole or not at all.


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_file_that_is_there_is_written_over_with_force_only(bposync: Call, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"it{ending}"
    path.write_text("somebody's work", "utf-8")
    path.chmod(0o600)
    refused = bposync("list", "--output", path, expect=2)
    assert refused.stderr == f"Error: {path} is there already.\n       Name another file, or write over it with --force.\n"
    assert path.read_text("utf-8") == "somebody's work"
    bposync("list", "--output", path, "--force")
    assert b"somebody's work" not in path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600  # who might not read the old one may not read the new one


def test_a_folder_in_the_files_place_is_an_error(bposync: Call, tmp_path: Path) -> None:
    (tmp_path / "it.csv").mkdir()
    assert "is a folder" in bposync("list", "--output", tmp_path / "it.csv", "--force", expect=2).stderr


def test_that_a_folder_takes_no_file_is_found_before_anything_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.open", refuse)  # root, as in a container, may write anywhere
    assert main(["list", "--output", str(tmp_path / "it.csv"), "--config", "there is none"]) == 2
    assert "it.csv cannot be written: Permission denied." in capsys.readouterr().err


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_file_that_cannot_be_finished_leaves_the_old_one_and_nothing_beside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    path = tmp_path / f"it{ending}"
    path.write_text("the old one", "utf-8")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    told = Told(sheet=lambda: Sheet([Heading("x")], [["y"]]), document=dict, page=lambda: element("p", "x"))
    with pytest.raises(UsageError, match="No space left on device"):
        save(path, told, force=True)
    assert path.read_text("utf-8") == "the old one"
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_a_file_that_came_while_others_were_read_stays(tmp_path: Path) -> None:
    told = Told(sheet=lambda: Sheet([Heading("x")], []), document=dict, page=lambda: element("p", "x"))
    (tmp_path / "it.csv").write_text("theirs", "utf-8")
    with pytest.raises(UsageError, match="is there already"):
        save(tmp_path / "it.csv", told, force=False)
    assert (tmp_path / "it.csv").read_text("utf-8") == "theirs"


def test_a_sync_that_writes_has_no_plan_to_put_into_a_file(bposync: Call, tmp_path: Path) -> None:
    refused = bposync("sync", "--yes", "--output", tmp_path / "it.csv", expect=2)
    assert "--report FILE.html" in refused.stderr
    assert list(tmp_path.iterdir()) == []


def test_moments_stand_in_a_sheet_as_the_clock_on_the_wall_has_them(tmp_path: Path) -> None:
    at = datetime(2026, 11, 24, 22, 30, 15, 999, tzinfo=UTC)
    sheets.write(tmp_path / "it.csv", Sheet([Heading("at")], [[at]]))
    sheets.write(tmp_path / "it.xlsx", Sheet([Heading("at")], [[at]]))
    here = at.astimezone().replace(tzinfo=None, microsecond=0)
    assert table(tmp_path / "it.csv") == [["at"], [f"{here:%Y-%m-%d %H:%M:%S}"]]
    assert workbook(tmp_path / "it.xlsx")["Review"] == [["at"], [here]]
