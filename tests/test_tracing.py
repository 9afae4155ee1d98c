"""--verbose tells what is asked of databases and of the Freedom Service, and how long it took; never a value."""

from __future__ import annotations

import contextlib
import io
import re
from typing import TYPE_CHECKING

import pytest

from bposync import demo, tracing
from bposync.cli.app import main

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LINE = re.compile(r"(BPO|the accounting system|the journal|the Freedom Service), [\d,]+ ms: \S.*")
# Values of the demo company, of both sides.
VALUES = ("Titan", "TIA001", "100000", "Durban", "titangroup", "Sharon", "083 555")


@pytest.fixture(autouse=True)
def nobody_listens_afterwards() -> Iterator[None]:
    yield
    tracing.to(None)


def told(*arguments: str) -> str:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        main(arguments)
    return err.getvalue()


def test_each_statement_of_a_sync_is_told_with_its_time_and_without_values(tmp_path: Path) -> None:
    path = str(demo.build(tmp_path))
    said = told("--config", path, "sync", "--site", "Durban", "--yes", "--verbose")
    lines = [line for line in said.splitlines() if " ms: " in line]
    assert all(LINE.fullmatch(line) for line in lines)
    for purpose in ("BPO", "the accounting system", "the journal"):
        assert any(line.startswith(f"{purpose}, ") for line in lines)
    assert any("INSERT INTO" in line for line in lines)
    assert any("UPDATE" in line for line in lines)
    assert not [value for value in VALUES if any(value in line for line in lines)]


def test_nothing_is_told_unasked_or_with_quiet(tmp_path: Path) -> None:
    path = str(demo.build(tmp_path))
    assert " ms: " not in told("--config", path, "list")
    assert told("--config", path, "list", "--verbose", "--quiet") == ""


def test_a_statement_that_is_refused_is_told(tmp_path: Path) -> None:
    path = demo.build(tmp_path)
    text = re.sub(r"(?m)^post_accounts = .*$", "post_accounts = \"SELECT 'secret word' FROM Nowhere\"", path.read_text("utf-8"))
    path.write_text(text, "utf-8")
    said = told("--config", str(path), "status", "--verbose")
    assert "ms: refused: SELECT '…' FROM Nowhere" in said
    assert "secret word" not in said


def test_calls_of_the_freedom_service_are_told_by_path_and_status(tmp_path: Path) -> None:
    path = str(demo.make(tmp_path / "demo", write="freedom").configuration)
    lines = [line for line in told("--config", path, "status", "--verbose").splitlines() if "Freedom Service, " in line]
    assert any(line.endswith("/SDK/Rest/CustomerList: 200") for line in lines)
    assert not [line for line in lines if "?" in line or "orderby" in line]


# (a statement, as it is told)
STATEMENTS = [
    ("SELECT a\n  FROM b", "SELECT a FROM b"),
    ("SELECT 'it''s me', \"Name\" FROM b WHERE c = 'x'", "SELECT '…', \"Name\" FROM b WHERE c = '…'"),
    ("a IN (?, ?)", "a IN (?, ?)"),
    ("a IN (?, ?, ?, ?, ?)", "a IN (?, … 5 values)"),
    ("a IN (%s, %s, %s, %s)", "a IN (%s, … 4 values)"),
    ("a IN (%(x_1)s, %(x_2)s, %(x_3)s, %(x_4)s::VARCHAR)", "a IN (%(x_1)s, … 4 values)"),
]


@pytest.mark.parametrize(("statement", "shown"), STATEMENTS)
def test_a_statement_is_one_line_without_texts(statement: str, shown: str) -> None:
    assert tracing.without_values(statement) == shown


def test_a_long_statement_is_cut() -> None:
    assert len(tracing.without_values("SELECT " + ", ".join(f"column_{n}" for n in range(2000)))) < 700
