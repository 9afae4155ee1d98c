"""Sheets as files: read back however a spreadsheet saved them, and nothing in them acts, hides, or fills the memory."""

from __future__ import annotations

import csv
import io
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import xlsxwriter
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bposync import sheets
from bposync.errors import UsageError
from bposync.sheets import Heading, Sheet, reading
from bposync.values import text_of, visible

if TYPE_CHECKING:
    from collections.abc import Callable

DATA = Path(__file__).parent / "data"
NEEDED = ("customer", "decision")
HEADINGS = (Heading("customer"), Heading("name"), Heading("decision", filled_in=True), Heading("amount"))
ENDINGS = (".xlsx", ".csv")
CODES = ("=1+1", "'=1+1", "''=1", "'x", "'", "'-5", "-5", "+1", "@x", "00123", "1E5", "link", "a b", "a,b", "a;b", 'a"b', "a|b")
IN_XML = st.characters(exclude_characters="\ufffe\uffff")  # XML has no place for these two
HOSTILE = (
    "x\x1b[31m",
    "\x9b1m",
    "\u202eabc",
    "a\u200bb",
    "a\0b",
    "a\nb",
    "\ud800",
    "_x0041_",
    "<c>&amp;",
    "TRUE",
    "#N/A",
)


def read(path: Path) -> list[tuple[int, str, str]]:
    return [(line.number, line.cells["customer"], line.cells["decision"]) for line in sheets.read(path, NEEDED)]


def written(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize("ending", ENDINGS)
@given(code=st.text(IN_XML, max_size=20) | st.sampled_from((*CODES, *HOSTILE)), decision=st.text(IN_XML, max_size=20))
@settings(max_examples=30, deadline=None)
@example(code="'=1", decision="")
def test_what_is_written_is_read_back_as_it_is_shown(
    tmp_path_factory: pytest.TempPathFactory, ending: str, code: str, decision: str
) -> None:
    path = tmp_path_factory.mktemp("sheet") / f"sheet{ending}"
    rows: list[list[sheets.Cell]] = [[text_of(code), "x", visible(text_of(decision)), Decimal("1.50")]]
    sheets.write(path, Sheet(HEADINGS, rows))
    (line,) = sheets.read(path, NEEDED)
    assert (line.cells["customer"], line.cells["decision"]) == (
        visible(text_of(code)).strip(),
        visible(text_of(decision)).strip(),
    )


@pytest.mark.parametrize(
    "content",
    [
        "\ufeffcustomer,name,decision\r\nA1,x,new\r\n",
        "\ufeffcustomer;name;decision\r\nA1;x;new\r\n",
        "sep=;\r\ncustomer;name;decision\r\nA1;x;new\r\n",
        "sep=|\r\ncustomer|name|decision\r\nA1|x|new\r\n",
        "customer\tname\tdecision\nA1\tx\tnew\n".encode("utf-16"),
        "\ufeffcustomer\tname\tdecision\nA1\tx\tnew\n".encode("utf-16-be"),
        "Customer;Z\xfcge;Decision \nA1;\xfc;new".encode("cp1252"),
        'decision,"name","customer"\nnew,"x, y",A1\n',
        "my own,decision,,customer,\n1,new,,A1,,,\n",
        "customer,name,decision\rA1,x,new\r",
        " Customer , decision \n\u00a0A1 ,\u00a0new \n",
    ],
    ids=["comma", "semicolon", "sep", "sep pipe", "utf-16", "utf-16-be", "cp1252", "reordered", "extra", "old Mac", "blanks"],
)  # fmt: skip
def test_a_csv_is_read_however_a_spreadsheet_saved_it(tmp_path: Path, content: str | bytes) -> None:
    assert read(written(tmp_path / "sheet.csv", content)) == [(2, "A1", "new")]


def test_blank_rows_are_left_out_and_the_others_keep_the_numbers_that_the_spreadsheet_shows(tmp_path: Path) -> None:
    path = written(tmp_path / "sheet.csv", '\n,,\ncustomer,name,decision\n\nA1,"two\nlines",new\n,,\nA2,x,\n')
    assert read(path) == [(5, "A1", "new"), (7, "A2", "")]


def test_a_row_may_end_with_its_last_cell_that_is_filled(tmp_path: Path) -> None:
    assert read(written(tmp_path / "sheet.csv", "decision,name,customer\nnew\nnew,x\n")) == [(2, "", "new"), (3, "", "new")]


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_libreoffice_saved_is_read(ending: str) -> None:
    """It has a page of notes before it, columns in another order, a formula, a date, merged cells, numbers, a flag."""
    lines = sheets.read(DATA / f"sheet-libreoffice{ending}", ("customer", "account", "decision", "check"))
    assert [(line.number, line.cells["customer"], line.cells["decision"], line.cells["check"]) for line in lines] == [
        (2, "=1+1", "link 00123", "r1"),
        (4, "'x", "new", "r2"),
        (5, "00123", "link 00123", "r3"),
        (6, "123", "ignore", "r4"),
        (7, "ABC 1", "accept\u00a0name", "r5"),
        (8, "M1", "ignore", "r6"),
        (9, "M2", "", "r7"),
    ]
    assert lines[0].cells["note"] == "café \u2013 ok"
    assert lines[2].cells["note"] == "two\nlines"


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("name", ["x" * 40_000, "\U0001f600" * 20_000, "\U000e0041" * 40_000])
def test_a_name_of_any_length_is_cut_to_what_a_cell_holds_and_the_sheet_is_read_back(
    tmp_path: Path, ending: str, name: str
) -> None:
    path = tmp_path / f"sheet{ending}"
    sheets.write(path, Sheet(HEADINGS, [["A1", name, "new", None]]))
    (line,) = sheets.read(path, NEEDED)
    assert line.cells["customer"] == "A1"
    assert 15_000 < len(line.cells["name"].encode("utf-16-le")) // 2 <= 32_767


def test_a_long_cell_of_a_csv_that_somebody_else_made_is_read(tmp_path: Path) -> None:
    assert read(written(tmp_path / "sheet.csv", f"customer,decision,why\nA1,new,{'x' * 400_000}\n")) == [(2, "A1", "new")]


def test_a_drop_down_offers_the_likeliest_and_nothing_that_would_break_the_file(tmp_path: Path) -> None:
    path = tmp_path / "sheet.xlsx"
    entries = [
        "link A,B",
        'link A"B',
        "link A\x1b",
        *(f"link {'C' * 20}{n}{how}" for n in range(3) for how in ("", " overwrite")),
    ]
    sheets.write(path, Sheet(HEADINGS, [["A1", "x", None, None]], {0: [*entries, "link D", "new", "ignore"]}))
    xml = zipfile.ZipFile(path).read("xl/worksheets/sheet1.xml").decode()
    source = xml.partition("<formula1>")[2].partition("</formula1>")[0]
    assert source.startswith(f'"link {"C" * 20}0,')
    assert source.endswith(',link D,new,ignore"')
    assert len(source) <= 257
    assert not {'A"B', "A,B", "\\x1b"} & set(source.split(","))


def test_nothing_that_is_written_is_a_formula(tmp_path: Path) -> None:
    rows = [[code, code, None, None] for code in (*CODES, *HOSTILE)]
    for ending in ENDINGS:
        sheets.write(tmp_path / f"sheet{ending}", Sheet(HEADINGS, rows))
    assert b"<f>" not in zipfile.ZipFile(tmp_path / "sheet.xlsx").read("xl/worksheets/sheet1.xml")
    with (tmp_path / "sheet.csv").open(encoding="utf-8-sig", newline="") as stream:
        cells = [cell for row in csv.reader(stream) for cell in row]
    assert [cell for cell in cells if cell[:1] in ("=", "@") or (cell[:1] in ("+", "-") and not cell[1:].isdigit())] == []


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("", "has no column 'customer'"),
        ("code,decision\nA1,new\n", "has no column 'customer'"),
        ("customer,decision,decision\nA1,new,new\n", "has several columns 'decision'"),
        (b"\xff\xfea", "is no text"),
        (b"\x81customer,decision\n", "is no text"),
    ],
)
def test_a_csv_that_is_no_such_sheet_is_refused_with_the_reason(tmp_path: Path, content: str | bytes, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        read(written(tmp_path / "sheet.csv", content))


def workbook(fill: Callable[[xlsxwriter.worksheet.Worksheet], object]) -> bytes:
    made = io.BytesIO()
    with xlsxwriter.Workbook(made) as book:
        page = book.add_worksheet()
        page.write_row(0, 0, ["customer", "decision"])
        fill(page)
    return made.getvalue()


def replaced(member: str, content: bytes, whole: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(whole)) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
        for info in old.infolist():
            new.writestr(info.filename, content if info.filename == member else old.read(info))
    return made.getvalue()


def plain_workbook() -> bytes:
    return workbook(lambda page: page.write_row(1, 0, ["A1", "new"]))


BOMB = b"""<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;">]>
<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><si><t>&c;</t></si></sst>"""
FILE = b"""<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>
<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><si><t>&a;</t></si></sst>"""
# What a file with a password begins with: it is none of zip.
WITH_PASSWORD = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no workbook",
        WITH_PASSWORD,
        plain_workbook()[:-200],
        replaced("xl/sharedStrings.xml", BOMB, plain_workbook()),
        replaced("xl/sharedStrings.xml", FILE, plain_workbook()),
        replaced("xl/worksheets/sheet1.xml", b"<worksheet", plain_workbook()),
        workbook(lambda page: page.write(1_048_575, 16_383, "x")),
        workbook(lambda page: page.write(1_048_575, 20, "x")),
    ],
    ids=["empty", "text", "password", "cut", "entities", "file entity", "broken", "far cell", "far row"],
)
def test_a_workbook_that_cannot_be_read_or_would_fill_the_memory_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(UsageError) as refused:
        read(written(tmp_path / "sheet.xlsx", content))
    assert refused.value.hint
    assert "root:" not in refused.value.message


def test_a_workbook_that_unpacks_to_too_much_is_refused_before_it_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "_MOST_BYTES", 1_000_000)
    bomb = replaced("docProps/app.xml", bytes(2_000_000), plain_workbook())
    assert len(bomb) < 20_000
    with pytest.raises(UsageError, match="it is too large"):
        read(written(tmp_path / "sheet.xlsx", bomb))


def test_a_cell_far_out_that_is_only_coloured_does_no_harm(tmp_path: Path) -> None:
    def fill(page: xlsxwriter.worksheet.Worksheet) -> None:
        page.write_row(1, 0, ["A1", "new"])
        page.set_row(5, 30)

    xml = zipfile.ZipFile(io.BytesIO(workbook(fill))).read("xl/worksheets/sheet1.xml")
    far = xml.replace(b"</sheetData>", b'<row r="1048576"><c r="XFD1048576" s="0"/></row></sheetData>')
    content = replaced("xl/worksheets/sheet1.xml", far, workbook(fill))
    assert read(written(tmp_path / "sheet.xlsx", content)) == [(2, "A1", "new")]


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_sheet_that_cannot_be_written_is_an_error_in_plain_words_and_leaves_nothing(tmp_path: Path, ending: str) -> None:
    with pytest.raises(UsageError, match="cannot be written"):
        sheets.write(tmp_path / "nowhere" / f"sheet{ending}", Sheet(HEADINGS, []))
    (tmp_path / f"taken{ending}").mkdir()
    with pytest.raises(UsageError, match="cannot be written"):
        sheets.write(tmp_path / f"taken{ending}", Sheet(HEADINGS, []))
    assert [each.name for each in tmp_path.iterdir()] == [f"taken{ending}"]


@pytest.mark.parametrize(("ending", "holds"), [(".csv", True), (".xlsx", False)])
def test_rows_that_excel_has_no_room_for_are_refused_and_not_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str, *, holds: bool
) -> None:
    monkeypatch.setattr("bposync.sheets.writing._MOST_ROWS", 2)
    path = tmp_path / f"it{ending}"
    sheet = sheets.Sheet([sheets.Heading("code")], [["A"], ["B"], ["C"]])
    if holds:
        sheets.write(path, sheet)
    else:
        with pytest.raises(UsageError, match="holds 2 rows, and there are 3"):
            sheets.write(path, sheet)
    assert path.exists() is holds
