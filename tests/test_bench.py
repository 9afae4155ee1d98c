"""The bench works, in small, without a server and without the tools that it measures beside."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bench import data, measure, table
from bench.__main__ import ROWS, main
from bench.child import TASKS
from bposync.fields import FIELDS

if TYPE_CHECKING:
    from support.forks import Forks

X = "\N{MULTIPLICATION SIGN}"
ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "performance.md").read_text("utf-8")


def test_it_measures_a_small_company_and_prints_a_table(
    forked: Forks, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """All rows that need no server. Processes come from a warm one, and tasks are done here, for speed is not the point."""
    process = measure.process

    def quick(*command: str | Path) -> measure.Sample:
        if Path(command[0]).name != "bposync":
            return process(*command)
        forked.start(*command[1:]).end()
        return measure.Sample(1.0, 50.0)

    def here(task: str, *arguments: object) -> measure.Sample:
        return measure.Sample(0.5, 40.0, TASKS[task](*map(str, arguments))())

    monkeypatch.setattr(measure, "process", quick)
    monkeypatch.setattr(measure, "child", here)
    assert main(["--size", "100", "--rounds", "1", "--sqlite"]) == 0
    printed = capsys.readouterr().out
    rows = [line.strip("| ").split(" | ") for line in printed.splitlines() if line.startswith("| ")]
    assert rows[0][:5] == ["what", "bposync", "reference", "ratio", "to reach"]
    assert len(rows) == 2 + 12
    assert [row for row in rows[2:] if not re.search(r"\d (ms|s|MB)\b", row[1])] == []
    assert re.search(r"^bposync \S+, Python \S+, SQLAlchemy \S+, SQLite \S+, psycopg \S+", printed, re.MULTILINE)


def test_a_process_is_measured_and_its_failure_told() -> None:
    sample = measure.process(sys.executable, "-c", "import time; time.sleep(0.05); bytearray(80_000_000)")
    assert 0.05 < sample.seconds < 60
    assert 80 < sample.megabytes < 2000
    with pytest.raises(RuntimeError, match=r"exited with 3:\nno good"):
        measure.process(sys.executable, "-c", "import sys; print('no good', file=sys.stderr); sys.exit(3)")


def test_it_compares_twenty_fields_and_gives_the_same_customers_each_time() -> None:
    assert len(set(data.COMPARED)) == 20
    assert all(FIELDS[name].in_account for name in data.COMPARED)
    rows = list(data.customers(100))
    assert rows == list(data.customers(100))
    assert len({row[0] for row in rows}) == 100
    assert {len(row) for row in rows} == {len(data.BPO_COLUMNS)}
    assert {len(data.account(row)) for row in rows} == {len(data.ACCOUNT_COLUMNS)}


@pytest.mark.parametrize(
    ("ratio", "mark", "said"),
    [
        (1.5, 2.0, [f"1.50 {X}", f"≤ 2.00 {X}", "reached"]),
        (2.5, 2.0, [f"2.50 {X}", f"≤ 2.00 {X}", "missed by 25%"]),
        (0.1, 0.125, [f"10.0 {X} as fast", f"≥ 8.0 {X} as fast", "reached"]),
        (0.25, 0.125, [f"4.0 {X} as fast", f"≥ 8.0 {X} as fast", "missed by 100%"]),
        (0.5, 1.0, [f"2.0 {X} as fast", "faster", "reached"]),
        (None, None, [table.NONE, table.NONE, table.NONE]),
    ],
)
def test_a_row_says_whether_its_mark_is_reached(ratio: float | None, mark: float | None, said: list[str]) -> None:
    assert table.Row("what", "1 s", "2 s", ratio, mark).cells()[3:] == said


def test_the_table_goes_between_the_marks_of_a_page(tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    page.write_text(f"before\n{table.BEGIN}\nold\n{table.END}\nafter\n", "utf-8")
    table.write(page, "| new |\n")
    table.write(page, "| newer |\n")
    assert page.read_text("utf-8") == f"before\n{table.BEGIN}\n\n| newer |\n\n{table.END}\nafter\n"
    page.write_text("no marks", "utf-8")
    with pytest.raises(SystemExit, match="has no lines"):
        table.write(page, "| new |\n")
    assert page.read_text("utf-8") == "no marks"


def test_the_page_has_the_marks_and_tells_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    assert PAGE.index(table.BEGIN) < PAGE.index(table.END)
    with pytest.raises(SystemExit):
        main(["--help"])
    options = set(re.findall(r"--[a-z]+", capsys.readouterr().out)) - {"--help"}
    assert options <= set(re.findall(r"--[a-z]+", PAGE))
    assert main(["--list"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == list(ROWS)
