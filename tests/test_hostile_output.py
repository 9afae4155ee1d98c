"""Whatever stands in a name: nothing acts on a terminal or in a spreadsheet, nothing hides, and in JSON nothing is lost."""

from __future__ import annotations

import contextlib
import csv
import html
import io
import re
import sys
import unicodedata
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bposync.cli.app import main
from bposync.cli.drawing import cells
from bposync.cli.output import Output
from bposync.demo import evolution
from bposync.sheets import guarded
from bposync.values import visible
from support.within import Call, Terminal

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# Names that an account may have: they are written, and only must not act.
HARMLESS = {
    "markup": "[bold red]X[/] [/] [link=http://x.example]y[/link] [",
    "emoji code": ":smile: :warning:",
    "backslash": "ends in \\",
    "looks escaped": "\\x1b[31m",
    "quotes": "\"; DROP TABLE Client; -- '",
    "places": "%s %n {0} {code} ${HOME} $1",
    "astral": "\U0001d518\U0001d52b\U0001d526 \U0001f389",
    "combining": "Z\u0338\u0322a\u0335lgo e\u0301",
    "wide": "\u65e5\u672c\u8a9e",
    "formula": "=cmd|'/C calc'!A0",
    "at": "@SUM(1+1)*cmd",
    "plus": "+SUM(1)",
    "minus": "-2+3+cmd",
    "semicolon": "a;b,c\td".replace("\t", " "),
    "NaN": "NaN",
    "HTML": "<script>alert(1)</script>&amp;",
}
# Names with characters that act or hide. Those with control characters or line breaks no account may have.
HIDDEN = {
    "escape": "\x1b[31mred\x1b]0;title\x07\x1b[2J",
    "C1": "c\x9b31m\x90x\x9c\x85",
    "bidi": "\u202eevil\u2066x\u2069\u200f\u061c.",
    "zero width": "a\u200bb\ufeffc\u2060d\u00ade",
    "tag": "a\U000e0041b",
    "NUL": "a\0b",
    "lines": "a\rb\nc\td\x0be\x0cf\x1cg\u2028h\u2029i\x85j",
    "backspace": "abc\b\b\bxyz\x7f.",
    "formula behind": "x\n=cmd|'/C calc'!A0",
}
MERELY_HIDE = ("bidi", "zero width", "tag")
REFUSED = (*(key for key in HIDDEN if key not in MERELY_HIDE), "long")
LONG = "L" + "o" * 9_998 + "g"
NAMES = {**HARMLESS, **HIDDEN, "long": LONG}
CODES = {key: f"H{place:03}" for place, key in enumerate(NAMES)}
# Bold, the four colours of a plan, and their end: all that the tables use. Anything else would be data's.
OWN_COLOURS = re.compile(r"\x1b\[(?:0|1|32|33|36|1;31)m")
ACTS = {"Cc", "Cf", "Cs", "Zl", "Zp"}


@pytest.fixture
def on_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Runs bposync within this process at a wide terminal; gives what it shows there, without the colours of its own."""

    def call(*arguments: object, expect: int = 0) -> str:
        terminal, errors = Terminal(), Terminal()
        with monkeypatch.context() as patch:
            patch.setenv("COLUMNS", "300")
            patch.setenv("TERM", "xterm-256color")
            patch.setattr(sys, "stdout", terminal)
            patch.setattr(sys, "stderr", errors)
            code = main([str(argument) for argument in arguments])
        capsys.readouterr()
        assert code == expect, terminal.said + errors.said
        return OWN_COLOURS.sub("", terminal.said) + errors.said

    return call


def acting(text: str) -> set[str]:
    """Give the characters that could act on a terminal or hide; the end of a line is the tool's own."""
    return {character for character in text if unicodedata.category(character) in ACTS and character != "\n"}


def shown(name: str) -> str:
    """Give a name as it is shown, by the contract's own words."""
    return "".join(
        (f"\\x{ord(each):02x}" if each <= "\xff" else f"\\u{ord(each):04x}" if each <= "\uffff" else f"\\U{ord(each):08x}")
        if unicodedata.category(each) in ACTS
        else each
        for each in name
    )


COLUMNS = {
    "code": "CustomerCode", "name": "CustomerName", "site": "SiteDescription", "contact": "AccountsContact",
    "email": "CustomerEmail", "phone": "CustomerPhoneNumber",
}  # fmt: skip
SITES = {"escape": HIDDEN["escape"], "markup": HARMLESS["markup"], "bidi": HIDDEN["bidi"], "formula": HARMLESS["formula"]}


def make_company(folder: Path, customers: list[dict[str, str]], accounts: list[dict[str, str]]) -> Path:
    """Make a company with its BPO, its books and its configuration."""
    with sa.create_engine(f"sqlite:///{folder / 'bpo.sqlite'}", poolclass=sa.NullPool).begin() as connection:
        connection.exec_driver_sql(f"CREATE TABLE Listing ({', '.join(COLUMNS.values())})")
        places = ", ".join("?" for _ in COLUMNS)
        rows = [tuple(customer.get(name, "") for name in COLUMNS) for customer in customers]
        connection.exec_driver_sql(f"INSERT INTO Listing VALUES ({places})", rows)
    with sa.create_engine(f"sqlite:///{folder / 'books.sqlite'}", poolclass=sa.NullPool).begin() as connection:
        evolution.create(connection)
        for account in accounts:
            connection.execute(evolution.CLIENT.insert().values(account))
    path = folder / "bposync.toml"
    path.write_text(
        "[bpo]\nurl = 'sqlite:///bpo.sqlite'\ncustomers = 'Listing'\n"
        "[accounting]\nsystem = 'evolution'\nwrite = 'sql'\nurl = 'sqlite:///books.sqlite'\n",
        encoding="utf-8",
    )
    return path


def make_hostile_company(folder: Path) -> Path:
    """Make a company whose customers and accounts have nothing but hostile names."""
    customers = [
        {"code": code, "name": NAMES[key], "site": SITES.get(key, "Durban"), "phone": f"+27 31 {code[1:]}"}
        for key, code in CODES.items()
    ]
    customers.append({"code": "H900", "name": "Same", "site": "S", "contact": HIDDEN["escape"], "email": HARMLESS["markup"]})
    accounts = [
        {"Account": f"A{place:03}", "Name": f"only {name}"} for place, name in enumerate([*HARMLESS.values(), *HIDDEN.values()])
    ]
    accounts.append({"Account": "H900", "Name": "Same", "Contact_Person": "[/] other", "EMail": HIDDEN["bidi"]})
    return make_company(folder, customers, accounts)


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A company of hostile names; it is only read."""
    return make_hostile_company(tmp_path_factory.mktemp("hostile"))


# What every command shows

READERS: dict[str, tuple[tuple[str, ...], int]] = {
    "list": (("list",), 0),
    "list of all fields": (("list", "--columns", "code,name,site,contact,email"), 0),
    "sites": (("sites",), 0),
    "plan": (("sync", "--dry-run"), 4),
    "plan with verbose": (("sync", "--dry-run", "--verbose"), 4),
    "plan with quiet": (("sync", "--dry-run", "--quiet"), 4),
    "part of a plan": (("sync", "--dry-run", "--only", "rejected,create"), 4),
    "no command": ((), 0),
    "no yes": (("sync",), 10),
    "status": (("status",), 0),
    "status with quiet": (("status", "--quiet"), 0),
    "doctor": (("doctor",), 0),
}


@pytest.mark.parametrize(("arguments", "code"), READERS.values(), ids=READERS)
def test_nothing_acts_in_a_pipe(bposync: Call, config: Path, arguments: tuple[str, ...], code: int) -> None:
    result = bposync(*arguments, "--config", config, expect=code)
    assert acting(result.stdout) == set()
    assert acting(result.stderr) == set()


@pytest.mark.parametrize(("arguments", "code"), READERS.values(), ids=READERS)
def test_nothing_acts_on_a_terminal(
    on_terminal: Callable[..., str], config: Path, arguments: tuple[str, ...], code: int
) -> None:
    assert acting(on_terminal(*arguments, "--config", config, expect=code)) == set()


@pytest.mark.parametrize("width", [40, 60, 80, 120, 250])
@pytest.mark.parametrize(("arguments", "code"), READERS.values(), ids=READERS)
def test_nothing_acts_or_leaves_the_screen_at_any_width(
    monkeypatch: pytest.MonkeyPatch, config: Path, arguments: tuple[str, ...], code: int, width: int
) -> None:
    terminal = Terminal()
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setattr(sys, "stderr", terminal)
    assert main([*arguments, "--config", str(config)]) == code
    said = OWN_COLOURS.sub("", terminal.said)
    assert acting(said) == set()
    assert [line for line in said.split("\n") if cells(line) > width] == []


@pytest.mark.parametrize(("arguments", "code"), READERS.values(), ids=READERS)
def test_a_screen_reader_gets_a_record_a_line_and_nothing_that_acts(
    monkeypatch: pytest.MonkeyPatch, config: Path, arguments: tuple[str, ...], code: int
) -> None:
    said = []
    for stream in (Terminal(), io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="\n")):
        monkeypatch.setattr(sys, "stdout", stream)
        assert main([*arguments, "--plain", "--config", str(config)]) == code
        stream.flush()
        assert isinstance(stream.buffer, io.BytesIO)
        said.append(stream.buffer.getvalue().decode())
    assert said[0] == said[1]
    assert acting(said[0]) == set()
    assert not set("─→") & set(said[0])


@pytest.mark.parametrize("arguments", [("list",), ("sync", "--dry-run"), ("sync", "--dry-run", "--quiet")])
@pytest.mark.parametrize("key", HIDDEN)
def test_what_is_hidden_is_shown_in_a_pipe(bposync: Call, config: Path, arguments: tuple[str, ...], key: str) -> None:
    code = 4 if "sync" in arguments else 0
    if "--quiet" in arguments and key in MERELY_HIDE:
        return  # its customer needs nobody, so that nothing is said of it
    assert shown(NAMES[key]) in bposync(*arguments, "--config", config, expect=code).stdout


@pytest.mark.parametrize("key", [*HARMLESS, "long"])
def test_a_harmless_name_stands_in_a_pipe_as_it_is(bposync: Call, config: Path, key: str) -> None:
    lines = bposync("list", "--config", config).stdout.splitlines()
    (line,) = [line for line in lines if line.startswith(CODES[key])]
    assert NAMES[key] in line


def test_each_name_takes_one_line(bposync: Call, config: Path) -> None:
    lines = bposync("list", "--config", config).stdout.split("\n")
    assert [line.split()[0] for line in lines[1:-1]] == [*CODES.values(), "H900"]


@pytest.mark.parametrize("key", [*HARMLESS, *HIDDEN])
def test_a_terminal_shows_a_name_letter_by_letter(on_terminal: Callable[..., str], config: Path, key: str) -> None:
    said = on_terminal("list", "--config", config, "--search", CODES[key], "--columns", "code,name")
    assert f"{CODES[key]}   {shown(NAMES[key])}" in said


def test_a_joiner_inside_an_emoji_does_no_harm(bposync: Call, tmp_path: Path) -> None:
    path = make_company(tmp_path, [{"code": "H001", "site": "S", "name": "\U0001f469\u200d\U0001f467 Family"}], [])
    said = bposync("list", "--config", path).stdout
    assert "\U0001f469\u200d\U0001f467 Family" in said or "\U0001f469\\u200d\U0001f467 Family" in said


def test_a_joiner_between_letters_is_shown(bposync: Call, tmp_path: Path) -> None:
    path = make_company(tmp_path, [{"code": "H001", "site": "S", "name": "Pay\u200dPal \u034fInc"}], [])
    assert "Pay\\u200dPal" in bposync("list", "--config", path).stdout


def test_a_grapheme_joiner_is_shown_for_it_has_no_width(bposync: Call, tmp_path: Path) -> None:
    path = make_company(tmp_path, [{"code": "H001", "site": "S", "name": "Pay\u034fPal"}], [])
    assert "Pay\\u034fPal" in bposync("list", "--config", path).stdout


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "cp437"])
@pytest.mark.parametrize("terminal", [False, True])
def test_what_an_old_stream_cannot_hold_is_escaped_and_no_error(
    monkeypatch: pytest.MonkeyPatch, config: Path, encoding: str, *, terminal: bool
) -> None:
    stream = Terminal(encoding)
    monkeypatch.setattr(stream, "isatty", lambda: terminal)
    monkeypatch.setenv("COLUMNS", "300")
    monkeypatch.setattr(sys, "stdout", stream)
    assert main(["list", "--config", str(config), "--search", CODES["wide"], "--columns", "code,name"]) == 0
    assert "\\u65e5\\u672c\\u8a9e" in stream.said


# JSON


def test_json_is_ascii_and_loses_nothing(bposync: Call, config: Path) -> None:
    result = bposync("list", "--json", "--config", config)
    assert result.stdout.isascii()
    assert acting(result.stdout) == set()
    found = {customer["code"]: customer for customer in result.json["customers"]}
    for key, name in NAMES.items():
        assert found[CODES[key]]["name"] == name
        assert found[CODES[key]]["site"] == SITES.get(key, "Durban")
    assert found["H900"]["contact"] == HIDDEN["escape"]


def test_the_plan_as_json_loses_nothing(bposync: Call, config: Path) -> None:
    result = bposync("sync", "--dry-run", "--json", "--config", config, expect=4)
    assert result.stdout.isascii()
    changes = {change["code"]: change for change in result.json["changes"]}
    for key, name in NAMES.items():
        assert changes[CODES[key]]["name"] == name
        assert changes[CODES[key]]["action"] == ("rejected" if key in REFUSED else "create")
        if key not in REFUSED:
            assert changes[CODES[key]]["fields"]["name"]["to"] == name
    assert changes["H900"]["fields"]["email"]["from"] == HIDDEN["bidi"]
    assert changes["H900"]["fields"]["contact"]["to"] == HIDDEN["escape"]


def test_the_status_as_json_loses_nothing(bposync: Call, config: Path) -> None:
    result = bposync("status", "--json", "--config", config)
    assert result.stdout.isascii()
    assert {entry["name"] for entry in result.json["accounting_only"]} == {
        f"only {name}" for name in (*HARMLESS.values(), *HIDDEN.values())
    }
    assert set(SITES.values()) <= {site["site"] for site in result.json["sites"]}


# CSV


def test_csv_is_guarded_against_formulas(bposync: Call, config: Path) -> None:
    result = bposync("list", "--csv", "--columns", "code,name,phone", "--config", config)
    assert acting(result.stdout) == set()
    found = {code: (name, phone) for code, name, phone in csv.reader(io.StringIO(result.stdout))}
    for key, name in NAMES.items():
        apostrophe = "'" if key in ("formula", "at", "plus", "minus") else ""
        assert found[CODES[key]] == (f"{apostrophe}{shown(name)}", f"+27 31 {CODES[key][1:]}")


# Files


@pytest.mark.parametrize("ending", [".csv", ".json", ".html"])
@pytest.mark.parametrize("reader", ["list", "plan with verbose", "status"])
def test_nothing_acts_in_a_file(bposync: Call, config: Path, tmp_path: Path, reader: str, ending: str) -> None:
    arguments, code = READERS[reader]
    path = tmp_path / f"it{ending}"
    bposync(*arguments, "--output", path, "--config", config, expect=code)
    text = path.read_text("utf-8-sig").replace("\r\n", "\n")
    assert acting(text) == set()
    if ending == ".html":
        assert not re.search(r"<(?:script|a|img|link|iframe)\b|javascript:| on\w+=", text)


def test_the_report_of_a_hostile_company_names_everybody_letter_by_letter(bposync: Call, config: Path, tmp_path: Path) -> None:
    bposync("sync", "--dry-run", "--report", tmp_path / "it.html", "--config", config, expect=4)
    text = html.unescape(re.sub(r"<[^>]*>", "", (tmp_path / "it.html").read_text("utf-8")))
    for key, name in NAMES.items():
        assert (shown(name) if key != "long" else f"{LONG[:600]}… (10,000 characters)") in text


# (a cell, whether it gets an apostrophe)
CELLS = [
    ("=1+1", True), ("=cmd|'/C calc'!A0", True), ("=", True), ("@SUM(1)", True), ("@", True), ("+SUM(1)", True),
    ("-SUM(1)", True), ("+cmd|'x'!A", True), ("-2+3+cmd|' /C calc'!A0", True), ("\t=1", True), ("\r=1", True), ("+", True),
    ("+27 31 555 0101", False), ("+27315550101", False), ("+27 (0)31 555-0101", False), ("(031) 555 0101", False),
    ("-5", False), ("-5.00", False), ("+5", False), ("-1250.50", False), ("0.00", False), ("75000000.00", False), ("5", False),
    ("", False), ("Abacus", False), ("a=b", False), ("x@y.example", False), ("'=1", False), (" =1", False), ("A-1", False),
]  # fmt: skip


@pytest.mark.parametrize(("cell", "apostrophe"), CELLS)
def test_a_cell_that_could_be_a_formula_gets_an_apostrophe(cell: str, *, apostrophe: bool) -> None:
    assert guarded(cell) == ("'" if apostrophe else "") + shown(cell)


hostile_text = st.text(
    st.one_of(st.sampled_from("=+-@\t\r\n'\",;\\[]:\x1b\x9b\0\u202e\u200b\ufeff 0159AZ"), st.characters()), max_size=30
)


@given(hostile_text)
@example("\ud800")
@example("\U000e0001")
def test_whatever_is_shown_neither_acts_nor_hides(text: str) -> None:
    made = visible(text)
    assert acting(made) == set()
    assert "\n" not in made
    assert visible(made) == made
    assert made == shown(text)


@given(hostile_text)
def test_a_text_without_such_characters_is_shown_as_it_is(text: str) -> None:
    plain = "".join(each for each in text if unicodedata.category(each) not in ACTS)
    assert visible(plain) == plain


@given(hostile_text)
@example("=1")
@example("+27 31 A")
@example("-1\n=2")
def test_no_cell_is_a_formula(text: str) -> None:
    made = guarded(text)
    assert acting(made) == set()
    if made[:1] in ("=", "@", "\t", "\r"):
        pytest.fail("a formula")
    if made[:1] in ("+", "-"):
        assert re.fullmatch(r"[+-][0-9 ().,/+-]*", made)
    assert made.removeprefix("'") == visible(text).removeprefix("'")


@settings(max_examples=40)
@given(st.from_regex(r"[+-]?[0-9]{1,12}(\.[0-9]{1,2})?|\+27( [0-9]{2,4}){3}|\(0[0-9]{2}\) [0-9]{3}-[0-9]{4}", fullmatch=True))
def test_numbers_and_telephone_numbers_stay_as_they_are(text: str) -> None:
    assert guarded(text) == text


@given(st.lists(st.lists(hostile_text, min_size=2, max_size=2), max_size=5))
def test_csv_reads_back_row_by_row(rows: list[list[str]]) -> None:
    stream = io.StringIO()
    Output(stdout=stream, stderr=io.StringIO()).csv(["one", "two"], iter(rows))
    assert list(csv.reader(io.StringIO(stream.getvalue()))) == [
        ["one", "two"],
        *([guarded(cell) for cell in row] for row in rows),
    ]


@given(rows=st.lists(st.lists(hostile_text, min_size=2, max_size=2), max_size=4), terminal=st.booleans())
def test_a_table_neither_acts_nor_breaks_its_lines(rows: list[list[str]], *, terminal: bool) -> None:
    from bposync.cli.output import Column

    stream = Terminal() if terminal else io.StringIO()
    Output(stdout=stream, stderr=io.StringIO()).table([Column("One"), Column("Two", right=True)], rows)
    said = stream.said if isinstance(stream, Terminal) else stream.getvalue()
    said = OWN_COLOURS.sub("", said) if terminal else said
    assert acting(said) == set()
    assert len(said.splitlines()) == len(rows) + (2 if terminal else 1)


@given(hostile_text)
def test_lines_notes_and_errors_neither_act_nor_break(text: str) -> None:
    from bposync.errors import UsageError

    out, err = io.StringIO(), io.StringIO()
    output = Output(stdout=out, stderr=err)
    output.important(text)
    output.note(text)
    output.error(UsageError(text, text or None))
    assert acting(out.getvalue() + err.getvalue()) == set()
    assert out.getvalue().count("\n") == 1
    assert err.getvalue().count("\n") == (3 if text else 2)


@given(text=hostile_text.map(lambda text: f"{text} {text}"), width=st.integers(min_value=20, max_value=250))
def test_at_a_terminal_every_line_fits_whatever_is_said(text: str, width: int) -> None:
    from bposync.errors import UsageError

    screen = Terminal()
    output = Output(stdout=screen, stderr=screen)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", str(width))
        patch.setattr(sys, "stdin", io.StringIO(""))
        output.heading(text)
        output.important(text)
        output.note(text)
        output.error(UsageError(text, text))
        assert not output.ask([f"Company:   {text}"], "Sure?", still="nothing was written")
    said = OWN_COLOURS.sub("", screen.said)
    assert acting(said) == set()
    assert [line for line in said.split("\n") if cells(line) > width] == []
    assert sum(line.startswith("Company:") for line in said.split("\n")) == 1


# What errors quote

QUOTED: dict[str, tuple[str, ...]] = {
    "site": ("list", "--site", "{}"),
    "site of a sync": ("sync", "--site", "{}"),
    "customer": ("sync", "--customer", "{}"),
    "columns": ("list", "--columns", "{}"),
    "sort": ("list", "--sort", "{}"),
    "limit": ("list", "--limit", "{}"),
    "max-changes": ("sync", "--max-changes", "{}"),
    "configuration": ("list", "--config", "{}"),
    "run": ("history", "{}"),
    "command": ("{}",),
    "option": ("list", "--{}"),
    "word": ("sites", "{}"),
}


@pytest.mark.parametrize("arguments", QUOTED.values(), ids=QUOTED)
@pytest.mark.parametrize("as_json", [False, True])
def test_an_error_quotes_without_harm(bposync: Call, config: Path, arguments: tuple[str, ...], *, as_json: bool) -> None:
    name = "no " + "".join(HIDDEN.values()).replace("\0", "") + "\udcff"
    options = ["--config", config, *(["--json"] if as_json else [])]
    result = bposync(*options, *(word.replace("{}", name) for word in arguments), expect=2)
    assert acting(result.stdout + result.stderr) == set()
    assert len(result.stderr.splitlines()) <= 2
    if as_json:
        assert result.stdout.isascii()
        assert result.json["error"]["code"] == 2
    else:
        assert result.stdout == ""


def test_an_unknown_site_lists_hostile_sites_without_harm(bposync: Call, config: Path) -> None:
    result = bposync("list", "--config", config, "--site", "Durbin", expect=2)
    for site in SITES.values():
        assert shown(site) in result.stderr


def test_a_site_is_quoted_as_it_is_shown(bposync: Call, config: Path) -> None:
    """Once escaped, not twice."""
    assert "'a\\x1bb'" in bposync("list", "--config", config, "--site", "a\x1bb", expect=2).stderr


@pytest.mark.parametrize("key", SITES)
def test_a_hostile_site_can_be_chosen(bposync: Call, config: Path, key: str) -> None:
    result = bposync("list", "--json", "--config", config, "--site", SITES[key])
    assert [customer["code"] for customer in result.json["customers"]] == [CODES[key]]


@pytest.mark.parametrize("where", ["table", "column", "URL", "key", "section"])
def test_a_hostile_configuration_is_told_without_harm(bposync: Call, config: Path, where: str) -> None:
    bad = '"' + "".join(f"\\U{ord(each):08X}" for each in "x\x1b[31m\u202e\x9b\u200b") + '"'
    text = config.read_text(encoding="utf-8")
    changed = {
        "table": text.replace("'Listing'", bad),
        "column": f"{text}[bpo.columns]\nphone = {bad}\n",
        "URL": text.replace("'sqlite:///bpo.sqlite'", bad),
        "key": text.replace("[bpo]", f"[bpo]\n{bad} = 5"),
        "section": f"{text}[{bad}]\n",
    }[where]
    assert changed != text
    path = config.with_name(f"{where}.toml")
    path.write_text(changed, encoding="utf-8")
    assert acting(bposync("list", "--config", path, expect=2).stderr) == set()


# What is remembered


@pytest.fixture(scope="module")
def synced(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A company of hostile names after its first sync; it is only read."""
    path = make_hostile_company(tmp_path_factory.mktemp("synced"))
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        assert main(["sync", "--yes", "--config", str(path)]) == 4
    assert acting(out.getvalue() + err.getvalue()) == set()
    return path


def test_harmless_names_are_written_as_they_are(synced: Path) -> None:
    with sa.create_engine(f"sqlite:///{synced.parent / 'books.sqlite'}", poolclass=sa.NullPool).connect() as connection:
        rows = connection.execute(sa.select(evolution.CLIENT.c.Account, evolution.CLIENT.c.Name)).all()
    found = {row.Account: row.Name for row in rows}
    assert {code: found.get(code) for key, code in CODES.items() if key in HARMLESS} == {
        CODES[key]: name for key, name in HARMLESS.items()
    }
    assert not {CODES[key] for key in REFUSED} & set(found)


def test_the_history_neither_acts_nor_loses_anything(bposync: Call, on_terminal: Callable[..., str], synced: Path) -> None:
    (run,) = bposync("history", "--json", "--config", synced).json["runs"]
    for arguments in (["history"], ["history", run["run"]], ["history", "--customer", CODES["escape"]]):
        for options in ([], ["--verbose"]):
            result = bposync(*arguments, *options, "--config", synced)
            assert acting(result.stdout + result.stderr) == set()
        assert acting(on_terminal(*arguments, "--config", synced)) == set()
    result = bposync("history", run["run"], "--json", "--config", synced)
    assert result.stdout.isascii()
    changes: list[dict[str, Any]] = result.json["runs"][0]["changes"]
    names = {change["code"]: change["name"] for change in changes}
    assert {code: names.get(code) for code in CODES.values()} == {CODES[key]: name for key, name in NAMES.items()}
    assert set(SITES.values()) <= set(run["sites"])


def test_the_status_after_a_sync_neither_acts_nor_loses_anything(
    bposync: Call, on_terminal: Callable[..., str], synced: Path
) -> None:
    assert acting(on_terminal("status", "--config", synced)) == set()
    result = bposync("status", "--json", "--config", synced)
    assert result.stdout.isascii()
    assert all(site["last_sync"] for site in result.json["sites"])
