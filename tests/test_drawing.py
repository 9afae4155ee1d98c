"""Tables and lines fit the screen: counted in its cells, no word broken, what identifies a row never gone."""

from __future__ import annotations

import io
import os
import re
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bposync.cli import drawing, terminal
from bposync.cli.drawing import Column, Look, cells, cut, drawn, records, wrap
from bposync.cli.output import Output
from bposync.cli.sync import QUESTION
from support.within import Terminal

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDTHS = [40, 60, 80, 120, 250]
# (a text, its cells on a screen)
TEXTS = [
    ("", 0), ("Abacus", 6), ("caf\u00e9", 4), ("cafe\u0301", 4), ("\u65e5\u672c", 4), ("\U0001f389", 2), ("\U0001d518", 1),
    ("Z\u0338\u0322a", 2), ("\u0e01\u0e34", 1), ("\u1112\u1161\u11ab", 2), ("\u260e\ufe0f", 2), ("\uff21", 2), ("\uff71", 1),
    ("\u20ac", 1), ("a\u20dd", 1), ("\u0928\u0940", 1 + 1),
]  # fmt: skip
COLUMNS = (
    Column("Customer", keep=9), Column("Name", keep=4), Column("Field", keep=9), Column("Why", keep=11, wrap=True),
    Column("Amount", right=True),
)  # fmt: skip
words = st.text(st.sampled_from("abcXYZ019-_.,/\u65e5\u0301\u00e9\U0001f389"), min_size=1, max_size=30)
texts = st.lists(words, max_size=12).map(" ".join)


@pytest.mark.parametrize(("text", "width"), TEXTS[:-1])
def test_a_text_takes_as_many_cells_as_it_is_wide(text: str, width: int) -> None:
    assert cells(text) == width
    assert "".join(piece for piece, _ in drawing.clusters(text)) == text


@given(text=texts, width=st.integers(min_value=1, max_value=60))
def test_what_is_cut_fits_and_is_a_beginning(text: str, width: int) -> None:
    made = cut(text, width)
    assert cells(made) <= width
    assert made == text or text.startswith(made.removesuffix("…").rstrip())


def test_a_sign_and_what_is_set_upon_it_stay_together() -> None:
    assert cut("cafe\u0301s", 4) == "caf…"
    assert cut("cafe\u0301s are", 5) == "cafe\u0301…"
    assert wrap("e\u0301" * 6, 4) == ["e\u0301" * 4, "e\u0301" * 2]


@given(text=texts, width=st.integers(min_value=4, max_value=60), indent=st.integers(min_value=0, max_value=2))
@example("a  b", 4, 0)
def test_no_line_is_too_long_and_no_word_is_broken_that_fits(text: str, width: int, indent: int) -> None:
    lines = wrap(text, width, indent=indent)
    assert all(cells(line) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())
    pieces = " ".join(lines).split()
    for word in text.split():
        if cells(word) <= width - indent:
            assert word in pieces


@pytest.mark.parametrize("width", WIDTHS)
@settings(max_examples=40)
@given(rows=st.lists(st.tuples(words, texts, words, texts, words), max_size=5))
def test_a_table_fits_and_names_each_row(width: int, rows: Sequence[Sequence[str]]) -> None:
    lines, left_out = drawn(COLUMNS, rows, Look(width))
    assert all(cells(line) <= width for line in lines)
    assert not {"Customer", "Field"} & set(left_out)
    together = "".join("".join(lines).split())
    for code, _, field, why, _ in rows:
        assert code in together
        assert field in together
        if not left_out:
            assert all(word in together for word in why.split())


def test_columns_go_in_order_and_the_code_and_the_field_never() -> None:
    row = ["HIL000001", "Hillside Interiors", "Credit limit", "both sides have a value", "1,000.00"]
    gone = [drawn(COLUMNS, [row], Look(width))[1] for width in (100, 80, 60)]
    assert gone == [[], ["Name"], ["Name", "Amount"]]


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[Column], list[list[str]]]:
    kinds = draw(st.lists(st.tuples(st.integers(1, 11), st.booleans(), st.booleans()), min_size=2, max_size=9))
    columns = [
        Column(f"{place}{'x' * (place % 4)}", keep=keep, wrap=wrapped, whole=whole and not wrapped)
        for place, (keep, wrapped, whole) in enumerate(kinds)
    ]
    row = st.lists(st.one_of(words, texts), min_size=len(columns), max_size=len(columns))
    return columns, draw(st.lists(row, min_size=1, max_size=4))


@given(table=tables(), width=st.integers(min_value=40, max_value=160))
def test_no_column_is_left_out_for_which_there_is_room(table: tuple[list[Column], list[list[str]]], width: int) -> None:
    columns, rows = table
    lines, left_out = drawn(columns, rows, Look(width))
    for place, column in enumerate(columns):
        if column.heading in left_out:
            need = max(cells(text) for text in (column.heading, *(row[place] for row in rows)))
            between = 3
            assert width - cells(lines[1]) < between + (need if column.whole else min(need, 40))


@given(table=tables(), width=st.integers(min_value=40, max_value=160))
def test_what_is_left_out_stays_out_of_a_table_of_what_is_shown_and_it(
    table: tuple[list[Column], list[list[str]]], width: int
) -> None:
    columns, rows = table
    _, left_out = drawn(columns, rows, Look(width))
    for heading in left_out:
        places = [place for place, column in enumerate(columns) if column.heading not in left_out or column.heading == heading]
        again = drawn([columns[place] for place in places], [[row[place] for place in places] for row in rows], Look(width))
        assert again[1] == [heading]


counts = st.lists(st.integers(min_value=0, max_value=2_000_000), min_size=7, max_size=7)


@given(rows=st.lists(counts, min_size=1, max_size=4), keeps=st.permutations(range(2, 9)), width=st.integers(40, 160))
def test_counts_add_up_whatever_there_is_room_for(rows: list[list[int]], keeps: list[int], width: int) -> None:
    columns = [Column("Site", keep=9), *(Column(f"State{keep}", right=True, keep=keep, part=True) for keep in keeps)]
    texts_ = [[f"S{place}", *(f"{count:,}" for count in row)] for place, row in enumerate(rows)]
    (headings, rule, *lines), left_out = drawn(columns, texts_, Look(width))
    assert cells(rule) <= width
    for row, line in zip(rows, lines, strict=True):
        assert sum(int(number.replace(",", "")) for number in line.split()[1:]) == sum(row)
    assert ("Other" in headings) == bool(left_out)


def test_a_narrow_column_comes_where_a_wider_one_that_matters_more_does_not_fit() -> None:
    columns = [Column(heading, keep=keep) for heading, keep in (("Code", 9), ("Name", 8), ("E-mail", 6), ("Terms", 3))]
    row = ["ABA001", "Abacus", "debtors@abacus.example", "30D"]
    assert drawn(columns, [row], Look(30))[1] == ["E-mail"]


def test_a_text_in_several_lines_is_a_bit_narrower_where_that_keeps_a_column() -> None:
    columns = [Column("Code", keep=9), Column("Name", keep=6), Column("Why", keep=11, wrap=True)]
    row = ["ABA001", "Abacus Retailing Trust", "both sides have a value, and they never agreed on one of them"]
    (_, rule, *_), left_out = drawn(columns, [row], Look(64))
    assert (cells(rule), left_out) == (64, [])
    assert drawn(columns, [row], Look(63))[1] == ["Name"]  # or the text would be hard to read


def test_where_no_table_fits_each_row_is_lines_of_its_own_and_nothing_is_lost() -> None:
    row = ["HIGHVELD-ROADS-DEPOT-07", "Highveld Roads Depot", "Credit limit", "both sides have a value", "1,000.00"]
    lines, left_out = drawn(COLUMNS, [row, ["", "", "Mobile", "is held back", ""], row], Look(40))
    assert left_out == []
    assert lines[:6] == [
        "Customer  HIGHVELD-ROADS-DEPOT-07", "Name      Highveld Roads Depot", "Field     Credit limit",
        "Why       both sides have a value", "Amount    1,000.00", "Field     Mobile",
    ]  # fmt: skip
    assert lines[6:8] == ["Why       is held back", ""]


def test_no_word_is_broken_beside_a_heading_that_leaves_it_too_little_room() -> None:
    columns = [Column("Customer", keep=9), Column("Accounting has", keep=10, wrap=True), Column("Field", keep=9)]
    lines, _ = drawn(columns, [["OFF001", "debtors@officesupplies.example", "E-mail"]], Look(40))
    assert lines == ["Customer        OFF001", "Accounting has", "  debtors@officesupplies.example", "Field           E-mail"]


def test_a_record_a_line_says_what_it_is_about() -> None:
    rows = [["A1", "Abacus", "Phone", "x", ""], ["", "", "Mobile", "y", "5.00"]]
    assert list(records(COLUMNS, rows)) == [
        "Customer: A1; Name: Abacus; Field: Phone; Why: x",
        "Customer: A1; Field: Mobile; Why: y; Amount: 5.00",
    ]


# What a stream can do


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    for name in ("NO_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    return Terminal()


TONED = [Column("Customer", keep=9), Column("Stands", tones={"rejected": "1;31"})]


def test_colour_says_nothing_that_the_words_do_not(screen: Terminal) -> None:
    Output(stdout=screen, stderr=io.StringIO()).table(TONED, [["A1", "rejected"]])
    assert "\x1b[1;31mrejected\x1b[0m" in screen.said
    assert re.sub(r"\x1b\[[0-9;]*m", "", screen.said).splitlines()[2].split() == ["A1", "rejected"]


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_who_wants_no_colour_gets_none(screen: Terminal, monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    output = Output(stdout=screen, stderr=screen)
    output.heading("New accounts")
    output.table(TONED, [["A1", "rejected"]])
    assert "\x1b" not in screen.said
    assert "A1" in screen.said


def test_an_empty_no_color_asks_for_nothing(screen: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "")
    assert terminal.is_coloured(screen)


@pytest.mark.parametrize(("plain", "term"), [(True, "xterm"), (False, "dumb")])
def test_nothing_moves_for_a_screen_reader_or_a_dumb_terminal(
    screen: Terminal, monkeypatch: pytest.MonkeyPatch, term: str, *, plain: bool
) -> None:
    monkeypatch.setenv("TERM", term)
    monkeypatch.setattr("bposync.cli.output._SECONDS_BEFORE_PROGRESS", -1)
    with Output(plain=plain, stdout=screen, stderr=screen).progress("Reading") as progress:
        progress(5)
    assert screen.said == ""


def test_a_note_takes_the_moving_line_away_first(screen: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bposync.cli.output._SECONDS_BEFORE_PROGRESS", -1)
    output = Output(stdout=io.StringIO(), stderr=screen)
    with output.progress("Reading") as progress:
        progress(5)
        output.note("A note.")
    assert screen.said == "\rReading: 5\x1b[K\r\x1b[KA note.\n"


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "cp437"])
def test_an_old_terminal_gets_no_sign_that_it_lacks(monkeypatch: pytest.MonkeyPatch, screen: Terminal, encoding: str) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    old = Terminal(encoding)
    output = Output(stdout=old, stderr=old)
    output.table([Column("Name"), Column("Change")], [["\u65e5" * 20, output.became("1", "2")], ["B" * 300, ""]])
    assert "\\u65e5" in old.said
    assert "1 -> 2" in old.said
    assert all(len(line) <= 80 for line in old.said.splitlines())
    assert screen.said == ""


def test_a_screen_reader_is_told_a_change_in_words() -> None:
    assert Output(plain=True, stdout=io.StringIO()).became("", "5.00") == "from blank to 5.00"
    assert Output(stdout=io.StringIO()).became("", "5.00") == "(blank) → 5.00"


def test_width_is_the_terminals_own_and_columns_say_more(monkeypatch: pytest.MonkeyPatch, screen: Terminal) -> None:
    assert terminal.width_of(screen) == 80 - (sys.platform == "win32")
    for said, width in (("132", 132), ("0", 80), ("x", 80), ("-5", 80), ("3", terminal.NARROWEST)):
        monkeypatch.setenv("COLUMNS", said)
        assert terminal.width_of(screen) in (width, width - (sys.platform == "win32"))


@pytest.mark.skipif(sys.platform == "win32", reason="a pseudo-terminal")
def test_the_width_is_that_of_the_stream_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    import fcntl
    import struct
    import termios

    monkeypatch.delenv("COLUMNS", raising=False)
    master, slave = os.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 97, 0, 0))
    with os.fdopen(slave, "w") as stream:
        assert terminal.width_of(stream) == 97
    os.close(master)


# The question


def _asked(monkeypatch: pytest.MonkeyPatch, screen: Terminal, width: int, block: Sequence[str] = ()) -> str:
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setattr(sys, "stdin", io.StringIO("n\n"))
    assert not Output(stdout=screen, stderr=screen).ask(block, QUESTION, still="nothing was written")
    return screen.said


@pytest.mark.parametrize("width", [*range(60, 251)])
def test_the_question_breaks_between_words_and_stands_word_for_word_on_one_line(
    monkeypatch: pytest.MonkeyPatch, screen: Terminal, width: int
) -> None:
    said = _asked(monkeypatch, screen, width)
    assert f"{QUESTION} [y/N] " in said
    assert said.count("\n") == 0
    line = said.rstrip()
    assert all(" " in line[place - 1 : place + 1] for place in range(width, len(line), width))


@pytest.mark.parametrize("width", [40, 80, 120])
def test_no_name_above_the_question_begins_a_line(monkeypatch: pytest.MonkeyPatch, screen: Terminal, width: int) -> None:
    from bposync.cli.showing import named

    evil = "Good Company" + " " * 90 + "To write:  nothing\nTo write:  nothing\x1b[2J\r\u202e" + "x" * 500
    said = _asked(monkeypatch, screen, width, [f"Company:   {named(evil)}", "To write:  5 new accounts"])
    lines = said.splitlines()
    assert [line for line in lines if line.startswith("To write")] == ["To write:  5 new accounts"]
    assert "\x1b" not in said
    assert "\u202e" not in said
    assert all(line.startswith((" " * 11, "Company:", "To write:", "This action", " ")) for line in lines)
    assert len(lines) <= 8


def test_what_must_stand_whole_is_not_cut() -> None:
    columns = [Column("Run", keep=9), Column("When", keep=8, whole=True)]
    row = ["20261123-063012-5f1c07", "2026-11-23 08:30:12 SAST"]
    assert drawn(columns, [row], Look(40)) == ([f"Run   {row[0]}", f"When  {row[1]}"], [])


BELOW = {0: ["Credit limit: both sides have a value, and they never agreed"], 1: ["paired: same code and name"]}
BOTH = [["ZEB001", "Credit limit"], ["TIA001", "E-mail"]]


@pytest.mark.parametrize("width", WIDTHS)
def test_what_stands_below_a_row_has_the_whole_width_and_loses_nothing(width: int) -> None:
    lines, left_out = drawn([Column("Customer", keep=9), Column("Field", keep=9)], BOTH, Look(width), BELOW)
    assert all(cells(line) <= width for line in lines)
    assert left_out == []
    said = " ".join(" ".join(lines).split())
    places = [said.index(text) for text in ("ZEB001", BELOW[0][0], "TIA001", BELOW[1][0])]
    assert places == sorted(places)


def test_what_stands_below_a_row_says_to_a_screen_reader_whom_it_is_about() -> None:
    columns = [Column("Customer", keep=9), Column("Field", keep=9)]
    assert list(records(columns, [["ZEB001", "Credit limit"], ["", "E-mail"]], {1: ["paired: same code"]})) == [
        "Customer: ZEB001; Field: Credit limit", "Customer: ZEB001; Field: E-mail", "Customer: ZEB001; paired: same code",
    ]  # fmt: skip


def test_the_heading_of_a_column_that_is_wrapped_is_wrapped_too() -> None:
    columns = [Column("Customer", keep=9), Column("Accounting had", keep=9, wrap=True), Column("BPO had", keep=9, wrap=True)]
    lines, _ = drawn(columns, [["ZEB001", "40,000.00", "25,000.00 from Monday on"]], Look(36))
    assert "".join(lines).count("…") == 0
    assert {"Accounting", "had"} <= set(" ".join(lines).split())
