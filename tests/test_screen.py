"""What a person sees at terminals of some 80, 100 and 120 columns: as much as there is room for, in words."""

from __future__ import annotations

import csv
import io
import re
import shutil
import sqlite3
import sys
from contextlib import closing
from typing import TYPE_CHECKING, Protocol

import pytest

from bposync import demo
from bposync.cli.app import main
from bposync.errors import ExitCode
from support import cli
from support.within import Terminal

if TYPE_CHECKING:
    from pathlib import Path


class Screen(Protocol):
    """Runs bposync at a terminal of some width, and gives the lines that it shows."""

    def __call__(self, width: int, *arguments: object, expect: int = 0) -> list[str]: ...


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Screen:
    def call(width: int, *arguments: object, expect: int = 0) -> list[str]:
        terminal = Terminal()
        with monkeypatch.context() as patch:
            for name, value in {"COLUMNS": str(width), "TERM": "xterm-256color", "NO_COLOR": "1"}.items():
                patch.setenv(name, value)
            for stream in ("stdout", "stderr"):
                patch.setattr(sys, stream, terminal)
            code = main([str(argument) for argument in arguments])
        assert code == expect, terminal.said
        return terminal.said.splitlines()

    return call


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return demo.build(tmp_path_factory.mktemp("demo"))


@pytest.fixture(scope="module")
def in_all_states(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A company some of whose customers stand in each of the ten states, and one is gone from BPO altogether."""
    path = demo.build(tmp_path_factory.mktemp("states"))
    cli.run("sync", "--config", path, "--site", "Durban", "--yes")
    for database, statement in (
        ("Example Company.sqlite", "UPDATE Client SET Telephone = '1' WHERE Account = 'BIG0001'"),
        ("Example Company.sqlite", "DELETE FROM Client WHERE Account = 'DAN002'"),
        ("bpo.sqlite", "UPDATE Customer SET CustomerStatus = 'Inactive' WHERE CustomerCode = 'PIN0001'"),
    ):
        with closing(sqlite3.connect(path.parent / database)) as connection, connection:
            assert connection.execute(statement).rowcount == 1
    return path


def below(lines: list[str], heading: str) -> list[str]:
    """Give the lines below a heading, up to the next blank one."""
    begin = next(place for place, line in enumerate(lines) if line.startswith(heading)) + 1
    return lines[begin : lines.index("", begin)]


# A plan


@pytest.mark.parametrize(("width", "columns"), [
    (80, ["Account", "Name", "Credit limit", "Group"]),
    (100, ["Account", "Name", "Credit limit", "Group", "Terms", "Phone"]),
    (120, ["Account", "Name", "Credit limit", "Group", "Terms", "Phone", "Contact"]),
])  # fmt: skip
def test_a_new_account_is_shown_with_its_limit_then_its_group_then_its_terms(
    screen: Screen, company: Path, width: int, columns: list[str]
) -> None:
    table = below(screen(width, "sync", "--dry-run", "--config", company, expect=4), "New accounts")
    assert table[0].replace("Credit limit", "Credit-limit").split() == [name.replace(" ", "-") for name in columns]


def test_who_needs_a_person_is_named_at_100_columns(screen: Screen, company: Path) -> None:
    table = below(screen(100, "sync", "--dry-run", "--config", company, expect=4), "Needs a person")
    assert table[0].split() == ["Customer", "Name", "Stands", "Why"]
    assert max(map(len, table)) == 100


# The status


@pytest.mark.parametrize("width", [60, 80, 100, 120, 160])
def test_the_counts_of_a_site_add_up_to_its_customers_at_every_width(screen: Screen, in_all_states: Path, width: int) -> None:
    listed = {"Cape Town": 13, "Durban": 24, "Johannesburg": 15}
    shown = screen(width, "status", "--config", in_all_states)
    headings, _, *lines = shown[shown.index("") + 1 :][:5]
    for site, line in zip(listed, lines, strict=True):
        first, *numbers = re.split(r"  +", line.strip())
        counts = [int(number) for number in numbers]
        if "Customers" in headings:
            assert counts.pop(0) == listed[site]
        assert (first, sum(counts)) == (site, listed[site])
    assert headings.split()[0] == "Site"
    assert "In step" in headings


def test_what_other_sums_is_named(screen: Screen, in_all_states: Path) -> None:
    lines = screen(80, "status", "--config", in_all_states)
    assert re.split("   +", lines[3]) == ["Site", "Customers", "In step", "To create", "To update", "Conflict", "Other"]
    told = " ".join(lines[8:10])
    assert told == "Summed as Other, for the terminal is narrow: Drift, Lookalike, Rejected, Missing, Gone, Skipped."


def test_counts_that_are_more_than_the_customers_are_explained(screen: Screen, in_all_states: Path, tmp_path: Path) -> None:
    shutil.copytree(in_all_states.parent, tmp_path / "copy")
    with closing(sqlite3.connect(tmp_path / "copy" / "bpo.sqlite")) as connection, connection:
        connection.execute(
            "DELETE FROM CustomerSite WHERE CustomerID = (SELECT CustomerID FROM Customer WHERE CustomerCode = 'PIN0001')"
        )
    lines = screen(160, "status", "--config", tmp_path / "copy" / in_all_states.name)
    assert re.split("   +", lines[6])[:3] == ["Durban", "23", "21"]
    assert lines[8] == "Gone from BPO, and so not among the customers: Durban 1."


# A review


@pytest.fixture(scope="module")
def decided(in_all_states: Path) -> Path:
    """A sheet in which all that may be ignored is."""
    sheet = in_all_states.parent / "review.csv"
    cli.run("review", "--config", in_all_states, "--output", sheet)
    with sheet.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    with sheet.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows({**row, "decision": "ignore"} for row in rows)
    return sheet


def test_a_sheets_rows_are_counted_in_the_words_of_the_screen(screen: Screen, in_all_states: Path, tmp_path: Path) -> None:
    said = " ".join(screen(80, "review", "--config", in_all_states, "--output", tmp_path / "new.csv"))
    assert (
        "11 rows for a person (2 lookalike, 1 rejected, 1 missing, 1 in conflict, 1 changed in accounting, 1 gone, "
        "4 accounts without a customer)." in said
    )


@pytest.mark.parametrize("width", [80, 100, 120])
def test_before_it_is_recorded_each_row_says_whom_it_is_about_by_code_and_name(
    screen: Screen, in_all_states: Path, decided: Path, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    shown = screen(width, "review", "--config", in_all_states, "--apply", decided, expect=ExitCode.NOT_CONFIRMED)
    assert shown[0] == "What the sheet records; a row has the number that it has there"
    rule = next(place for place, line in enumerate(shown) if line.startswith("──"))
    end = next(place for place, line in enumerate(shown) if place > rule and (not line or line.startswith("Not shown")))
    headings = shown[rule - 1]
    begins = [headings.index(heading) for heading in ("Row", "Customer", "Account", "Name")]
    ends = [*begins[1:], headings.index("  ", begins[-1])]
    ends[-1] = len(headings) - len(headings[ends[-1] :].lstrip())
    with decided.open(encoding="utf-8", newline="") as stream:
        rows = {str(number): row for number, row in enumerate(csv.DictReader(stream), 2)}
    told: dict[str, list[str]] = {}
    number = ""
    for line in shown[rule + 1 : end]:
        cells = [line[begin:end].strip() for begin, end in zip(begins, ends, strict=True)]
        number = cells[0] or number
        told[number] = [f"{before} {cell}".strip() for before, cell in zip(told.get(number, [""] * 4), cells, strict=True)]
    assert {number: cells[1:4] for number, cells in told.items()} == {
        number: [row["customer"], row["account"], row["name"]] for number, row in rows.items()
    }


def test_the_decision_is_the_first_to_go_for_what_is_recorded_says_it(
    screen: Screen, in_all_states: Path, decided: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    shown = screen(80, "review", "--config", in_all_states, "--apply", decided, expect=ExitCode.NOT_CONFIRMED)
    assert "Not shown, for the terminal is narrow: Decision." in shown
