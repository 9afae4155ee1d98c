"""`bposync history`: both values of every field and what became of it, days, accounts, and all of it in a file."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import sqlite3
import time
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import python_calamine

from bposync import config, demo
from bposync.cli import history_lines
from bposync.cli.app import main
from bposync.cli.output import Output
from bposync.days import Days, days_between
from bposync.errors import UsageError
from bposync.journal import open_journal
from bposync.journal.runs import Recorded, Run
from support.within import Terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from support.within import Call

HEADINGS = [
    "run", "when", "by", "sites", "customer", "name", "account", "action", "field", "accounting_had", "bpo_had", "became",
    "why",
]  # fmt: skip
# The runs of the demo company, the oldest first: what each is moved to, by the clock in Johannesburg.
MOMENTS = ("2021-11-26 00:30", "2021-11-28 23:45", "2021-11-28 23:55")


def field(old: object, new: object, verdict: str = "write") -> dict[str, object]:
    return {"from": old, "to": new, "last": None, "verdict": verdict}


def change(code: str, action: str, fields: dict[str, Any], *reasons: str, outcome: str | None = None) -> Recorded:
    document = {
        "code": code, "name": f"Name of {code}", "account": code, "action": action, "fields": fields,
        "reasons": list(reasons), "outcome": outcome,
    }  # fmt: skip
    return Recorded("20211128-063012-5f1c07", 0, document)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A company after three syncs, of which the first two wrote, with what people decided between the first and the second."""
    path = demo.build(tmp_path_factory.mktemp("made") / "company")
    every = ["--config", str(path), "--quiet"]
    assert main(["sync", "--yes", *every]) == 4
    assert main(["link", "VAA001", "VAL002", *every]) == 0
    assert main(["accept", "ZEB001", "credit_limit", *every]) == 0
    assert main(["ignore", "KGO001", *every]) == 0
    assert main(["sync", "--yes", *every]) == 4
    assert main(["sync", "--yes", *every]) == 4
    with closing(sqlite3.connect(path.parent / "bposync-state.sqlite")) as journal, journal:
        runs = [run for (run,) in journal.execute("SELECT run FROM bposync_runs ORDER BY run")]
        for old, at in zip(runs, MOMENTS, strict=True):
            moved = datetime.fromisoformat(f"{at}+02:00").astimezone(UTC)
            new = f"{moved:%Y%m%d-%H%M%S}{old[15:]}"
            for table in ("runs", "run_ends", "changes", "outcomes"):
                journal.execute(f"UPDATE bposync_{table} SET run = ? WHERE run = ?", (new, old))
            journal.execute("UPDATE bposync_runs SET started_at = ? WHERE run = ?", (moved.isoformat(), new))
        journal.execute("UPDATE bposync_decision_log SET decided_at = '2021-11-28T21:30:00Z'")
    return path


@pytest.fixture(autouse=True)
def _johannesburg(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    if not hasattr(time, "tzset"):
        pytest.skip("this system's clock cannot be set to another place")
    monkeypatch.setenv("TZ", "Africa/Johannesburg")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def bposync(template: Path, bposync: Call) -> Call:
    """Runs bposync within this process, on the company, which is only read."""
    return partial(bposync, "--config", template)


@pytest.fixture
def on_terminal(template: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Runs bposync as on a terminal of a width."""

    def run(width: int, *arguments: str) -> str:
        screen = Terminal()
        with monkeypatch.context() as here:
            here.setattr("sys.stdout", screen)
            here.setenv("COLUMNS", str(width))
            here.setenv("NO_COLOR", "1")
            assert main(["--config", str(template), *arguments]) == 0
        return screen.said

    return run


def names(bposync: Call) -> list[str]:
    return [run["run"] for run in bposync("history", "--json").json["runs"]]


def listed(bposync: Call, *arguments: str) -> list[str]:
    return [run["run"][:11] for run in bposync("history", *arguments, "--json").json["runs"]]


def rows_of(path: Path, separator: str = ",") -> list[dict[str, str]]:
    text = path.read_bytes().decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline=""), delimiter=separator))


# What is shown of a change.


@pytest.mark.parametrize("width", [60, 80, 100, 120, 200])
def test_both_values_and_what_became_of_each_field_are_there_at_any_width(
    bposync: Call, on_terminal: Callable[..., str], width: int
) -> None:
    said = " ".join(on_terminal(width, "history", names(bposync)[1]).split())
    for word in ("VAA001", "VAL002", "Field", "Credit limit", "100,000.00", "120,000.00", "needs", "person", "written"):
        assert word in said
    for heading in ("Accounting had", "BPO had", "Became"):
        assert heading in said


def test_the_name_is_the_first_to_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")
    screen, notes = Terminal(), io.StringIO()
    fields = {"phone": field("031 555 0101", "031 555 0202", "conflict")}
    history_lines.changes(Output(stdout=screen, stderr=notes), [change("ZEB001", "conflict", fields)])
    assert notes.getvalue() == "Not shown, for the terminal is narrow: Name.\n"
    assert re.split(r"\s{2,}", screen.said.splitlines()[1]) == ["Customer", "Field", "Accounting had", "BPO had", "Became"]


@pytest.mark.parametrize(
    ("verdict", "outcome", "became"),
    [
        ("write", "written", "written"), ("write", "failed", "failed"), ("write", None, "not written"),
        ("conflict", "written", "left: needs a person"), ("drift", None, "left: changed in accounting"),
        ("held", "written", "held back"),
    ],
)  # fmt: skip
def test_a_field_has_both_values_whatever_became_of_it(verdict: str, outcome: str | None, became: str) -> None:
    out = io.StringIO()
    fields = {"credit_limit": field("0.00", "1250.00", verdict), "phone": field("031", None, verdict)}
    history_lines.changes(Output(stdout=out), [change("TIA001", "update", fields, outcome=outcome)])
    _, heading, limit, phone = out.getvalue().splitlines()
    assert re.split(r"\s{2,}", heading) == ["Customer", "Name", "Field", "Accounting had", "BPO had", "Became"]
    assert re.split(r"\s{2,}", limit)[2:] == ["Credit limit", "0.00", "1,250.00", became]
    assert re.split(r"\s{2,}", phone.strip()) == ["Phone", "031", "(blank)", became]


def test_a_reason_names_the_field_by_its_label(bposync: Call) -> None:
    said = bposync("history", names(bposync)[-1]).stdout
    assert "    Credit limit: both sides have a value, and no agreed one is known\n" in said
    assert "credit_limit" not in said


def test_the_account_is_shown_where_it_has_another_code(bposync: Call) -> None:
    last, _, first = names(bposync)
    assert "Customer  Account  Name" in bposync("history", last).stdout
    assert "  Account  " not in bposync("history", first).stdout


def test_a_new_account_is_shown_in_few_lines_with_every_value(bposync: Call, on_terminal: Callable[..., str]) -> None:
    first = names(bposync)[-1]
    said = on_terminal(80, "history", first)
    assert said.count("\n") < 300
    together = "".join(said.split())
    (run,) = bposync("history", first, "--json").json["runs"]
    for made in (each for each in run["changes"] if each["action"] == "create"):
        for name, value in made["fields"].items():
            shown = f"{Decimal(value['to']):,.2f}" if name == "credit_limit" else str(value["to"] or "")
            assert "".join(shown.split()) in together


def test_what_a_new_account_did_not_get_is_told_with_its_value() -> None:
    out = io.StringIO()
    fields = {"phone": field(None, "031"), "terms": field(None, "14 Days", "held")}
    history_lines.changes(
        Output(stdout=out), [change("NEW001", "create", fields, "terms: there is no such code", outcome="failed")]
    )
    assert out.getvalue().splitlines()[2:] == [
        "NEW001    Name of NEW001  failed", "    Phone: 031", "    Terms: BPO had 14 Days, held back",
        "    Terms: there is no such code",
    ]  # fmt: skip


def test_a_story_tells_once_what_waits_unchanged(bposync: Call) -> None:
    said = bposync("history", "--customer", "SUN001").stdout
    assert said.count("account SUN001 (Sunset Boulevard Trading) has the code") == 1
    assert "And the same in 2 runs after it, the last on 2021-11-28 23:55:" in said
    assert len(bposync("history", "--customer", "SUN001", "--json").json["runs"]) == 3


def test_a_story_has_the_moment_and_the_person_of_each_run(bposync: Call) -> None:
    said = bposync("history", "--customer", "VAA001").stdout
    assert re.findall(r"^(.{16}):\d\d SAST, by \w+, run ", said, re.MULTILINE) == list(MOMENTS)
    assert said.count("Decided\n") == 1


# Days.


@pytest.mark.parametrize(
    ("arguments", "days"),
    [
        (["--since", "2021-11-26"], [28, 28, 25]),
        (["--since", "2021-11-27"], [28, 28]),
        (["--until", "2021-11-27"], [25]),
        (["--since", "2021-11-26", "--until", "2021-11-26"], [25]),
        (["--until", "2021-11-25"], []),
        (["2021-11-26"], [25]),
        (["2021-11-28"], [28, 28]),
        (["20211128"], [28, 28]),
        (["20211126"], [25]),
        (["--since", "today"], []),
    ],
)
def test_days_are_those_of_the_clock_on_the_wall_and_inclusive(bposync: Call, arguments: list[str], days: list[int]) -> None:
    """The first run was half an hour after midnight, when it was still the day before in UTC, after which runs are named."""
    wanted = [f"202111{day}-2" for day in days]
    assert [run[:10] for run in listed(bposync, *arguments)] == wanted


def test_the_only_run_of_a_day_is_shown_change_by_change(bposync: Call) -> None:
    first = names(bposync)[-1]
    assert bposync("history", "2021-11-26").stdout == bposync("history", first).stdout
    assert len(bposync("history", "2021-11-26", "--json").json["runs"][0]["changes"]) > 30
    assert "changes" not in bposync("history", "2021-11-28", "--json").json["runs"][0]


def test_days_without_a_run_say_so_with_the_last_one_before(bposync: Call) -> None:
    said = bposync("history", "2021-11-27").stdout
    assert said.startswith("No sync ran on 2021-11-27.\nThe last one before: 2021-11-26 00:30:")
    assert f"bposync history {names(bposync)[-1]}" in said
    assert bposync("history", "--until", "2021-11-01").stdout == "No sync ran until 2021-11-01.\n"
    said = bposync("history", "--since", "2021-11-27", "--until", "2021-11-27", "--customer", "ZEB001").stdout
    assert said.startswith("No sync ran on 2021-11-27.\nThe last one before: ")


def test_a_customer_whom_no_run_of_these_days_had_is_no_unknown_one(bposync: Call) -> None:
    said = bposync("history", "--customer", "TIA001", "--since", "2021-11-28").stdout
    assert said == "No run since 2021-11-28 has changed this customer.\n"


def test_decisions_of_days_are_told(bposync: Call) -> None:
    def decided(*arguments: str) -> list[str]:
        found = bposync("history", "--decisions", *arguments, "--json").json["decisions"]
        return [each["decision"] for each in found]

    assert decided("--since", "2021-11-28", "--until", "2021-11-28") == ["ignore", "accept", "link"]
    assert decided("--until", "2021-11-27") == []
    assert bposync("history", "--decisions", "--until", "2021-11-27").stdout == "Nothing was decided until 2021-11-27.\n"
    assert decided("--account", "val002") == ["link"]


@pytest.mark.parametrize("day", ["28/11/2026", "2021-11-31", "2026-1-1", "20211128", "tomorrow", "", "2026-W48-1"])
def test_what_is_no_day_is_refused_with_the_form(bposync: Call, day: str) -> None:
    error = bposync("history", "--since", day, "--json", expect=2).json["error"]
    assert error["message"] == f"history: --since: there is no day {day!r}."
    assert error["hint"] == "A day is written as 2026-11-28; today and yesterday are days too."


@pytest.mark.parametrize(
    "arguments",
    [
        ["--since", "2021-11-28", "--until", "2021-11-27"], ["2021-11-28", "--since", "2021-11-28"],
        ["2021-11-28", "--decisions"], ["--verify", "--since", "2021-11-28"], ["--verify", "--output", "it.csv"],
        ["--customer", "A", "--account", "A"], ["2021-11-31"],
    ],
)  # fmt: skip
def test_what_contradicts_itself_is_refused(bposync: Call, arguments: list[str]) -> None:
    assert bposync("history", *arguments, "--json", expect=2).json["error"]["hint"]


def test_today_and_yesterday_are_days() -> None:
    today = datetime.now().astimezone().date()
    found = days_between("Yesterday", "today", "history")
    assert found == Days(today - timedelta(days=1), today)


@pytest.mark.parametrize("day", [date.min, date.max])
def test_no_day_is_too_far_away(day: date) -> None:
    days = Days(day, day)
    assert days.begin is not None
    assert days.end is not None
    assert not days.has(datetime.now(UTC))


def test_a_day_is_as_long_as_the_clock_makes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    days = Days(date(2026, 10, 25), date(2026, 10, 25))
    assert days.begin is not None
    assert days.end is not None
    assert (days.end - days.begin) == timedelta(hours=25)


def test_days_that_end_before_they_begin_are_named() -> None:
    with pytest.raises(UsageError, match="--since 2021-11-28 is after --until 2021-11-27"):
        days_between("2021-11-28", "2021-11-27", "history")


# Accounts.


def test_the_story_of_an_account_is_what_was_written_into_it_and_what_was_decided(bposync: Call) -> None:
    document = bposync("history", "--account", "val002", "--json").json
    assert [run["run"] for run in document["runs"]] == [names(bposync)[1]]
    (written,) = document["runs"][0]["changes"]
    assert (written["code"], written["account"], written["outcome"]) == ("VAA001", "VAL002", "written")
    assert [each["decision"] for each in document["decisions"]] == ["link"]
    said = bposync("history", "--account", "VAL002").stdout
    assert "Decision  Customer" in said


def test_an_account_into_which_nothing_was_written_is_told_as_that(bposync: Call) -> None:
    said = bposync("history", "--account", "VAL002", "--until", "2021-11-27").stdout
    assert said == "No run until 2021-11-27 has written into this account.\n"


def test_an_account_that_the_record_lacks_names_the_nearest(bposync: Call) -> None:
    error = bposync("history", "--account", "VAL0002", "--json", expect=2).json["error"]
    assert (error["message"], error["hint"]) == ("history: no account 'VAL0002' is in the record.", "Did you mean 'VAL002'?")


def test_an_accounts_code_in_the_place_of_a_customers_leads_to_the_account(bposync: Call) -> None:
    error = bposync("history", "--customer", "VAL002", "--json", expect=2).json["error"]
    assert error["message"] == "history: there is no customer 'VAL002'."
    assert error["hint"].startswith("It is an account: bposync history --account VAL002")


# In a file.


def test_what_was_written_on_a_day_is_a_row_a_run_customer_and_field(bposync: Call, tmp_path: Path) -> None:
    said = bposync("history", "2021-11-28", "--output", tmp_path / "day.csv", "--separator", ";")
    assert (said.stdout, said.stderr) == ("", f"The history is in {tmp_path / 'day.csv'}.\n")
    rows = rows_of(tmp_path / "day.csv", ";")
    assert list(rows[0]) == HEADINGS
    last, second, _ = names(bposync)
    assert {row["run"] for row in rows} == {second, last}
    (mobile,) = [row for row in rows if (row["run"], row["field"]) == (second, "Mobile")]
    assert [mobile[name] for name in HEADINGS[4:12]] == [
        "VAA001", "Vaal Valves and Fittings", "VAL002", "in conflict", "Mobile", "", "082 555 0212", "written",
    ]  # fmt: skip
    assert mobile["when"].startswith("2021-11-28 23:45:")
    (limit,) = [row for row in rows if (row["run"], row["field"]) == (second, "Credit limit")]
    assert (limit["accounting_had"], limit["bpo_had"], limit["became"]) == ("100000.00", "120000.00", "left: needs a person")
    assert limit["why"].startswith("both sides have a value, and no agreed one is known; linked to VAL002")
    (nobody,) = [row for row in rows if (row["run"], row["customer"]) == (second, "SUN001")]
    assert (nobody["field"], nobody["became"], nobody["why"][:14]) == ("", "lookalike", "account SUN001")


def test_a_workbook_has_amounts_as_numbers_and_the_runs_and_decisions_beside(bposync: Call, tmp_path: Path) -> None:
    bposync("history", "--output", tmp_path / "all.xlsx")
    book = python_calamine.CalamineWorkbook.from_path(str(tmp_path / "all.xlsx"))
    pages: dict[str, list[list[Any]]] = {name: book.get_sheet_by_name(name).to_python() for name in book.sheet_names}
    assert list(pages) == ["Changes", "Runs", "Decisions", "About"]
    heading, *rows = pages["Changes"]
    assert heading == [
        "Run", "When", "By", "Sites", "Customer", "Name", "Account", "Stood", "Field", "Accounting had", "BPO had", "Became",
        "Why",
    ]  # fmt: skip
    first = names(bposync)[-1]
    assert [row[9:12] for row in rows if (row[0], row[4], row[8]) == (first, "ZEB001", "Credit limit")] == [
        [40_000.0, 25_000.0, "left: needs a person"]
    ]
    assert isinstance(rows[0][1], datetime)
    assert [row[0] for row in pages["Runs"][1:]] == names(bposync)
    assert [row[3] for row in pages["Decisions"][1:]] == ["link", "accept", "ignore"]
    assert pages["About"][1] == ["Company", "Example Company"]


def test_a_file_of_one_run_of_a_customer_and_of_an_account_has_no_others(bposync: Call, tmp_path: Path) -> None:
    last, second, first = names(bposync)
    asked = {
        "run": ([second], {second}, None),
        "customer": (["--customer", "ZEB001"], {first}, {"ZEB001"}),
        "account": (["--account", "VAL002"], {second}, {"VAA001"}),
        "days": (["--since", "2021-11-28", "--customer", "VAA001"], {second, last}, {"VAA001"}),
        "digits": (["20211128"], {second, last}, None),
    }
    for name, (arguments, runs, customers) in asked.items():
        bposync("history", *arguments, "--output", tmp_path / f"{name}.csv")
        rows = rows_of(tmp_path / f"{name}.csv")
        assert {row["run"] for row in rows} == runs, name
        assert customers is None or {row["customer"] for row in rows} == customers, name


def test_days_without_a_run_make_a_file_without_rows(bposync: Call, tmp_path: Path) -> None:
    said = bposync("history", "2021-11-27", "--output", tmp_path / "it.csv")
    assert said.stdout.startswith("No sync ran on 2021-11-27.\n")
    assert rows_of(tmp_path / "it.csv") == []


def test_json_in_a_file_has_the_changes_of_each_run(bposync: Call, tmp_path: Path) -> None:
    bposync("history", "2021-11-28", "--output", tmp_path / "it.json")
    document = json.loads((tmp_path / "it.json").read_text("ascii"))
    assert [len(run["changes"]) > 0 for run in document["runs"]] == [True, True]
    assert document["schema"] == "bposync.history/1"


def test_decisions_in_a_file_are_a_row_each(bposync: Call, tmp_path: Path) -> None:
    bposync("history", "--decisions", "--output", tmp_path / "it.csv")
    rows = rows_of(tmp_path / "it.csv")
    assert [(row["decision"], row["customer"], row["account"], row["detail"]) for row in rows] == [
        ("ignore", "KGO001", "", ""), ("accept", "ZEB001", "ZEB001", "Credit limit"), ("link", "VAA001", "VAL002", ""),
    ]  # fmt: skip


def test_a_page_is_refused_naming_what_there_is(bposync: Call, tmp_path: Path) -> None:
    error = bposync("history", "--output", tmp_path / "it.html", "--json", expect=2).json["error"]
    assert error["message"] == "--output: 'it.html' ends in none of .csv, .xlsx or .json."
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_there_is_written_over_with_force_only(bposync: Call, tmp_path: Path) -> None:
    path = tmp_path / "it.csv"
    path.write_text("mine", "utf-8")
    assert "--force" in bposync("history", "--output", path, expect=2).stderr
    assert path.read_text("utf-8") == "mine"
    bposync("history", "--output", path, "--force")
    assert rows_of(path)


# Decisions.


@pytest.mark.parametrize("width", [60, 80, 100])
def test_the_note_of_a_decision_stays_on_a_narrow_terminal(on_terminal: Callable[..., str], width: int) -> None:
    said = " ".join(on_terminal(width, "history", "--decisions").split())
    assert "Credit" in said
    assert "note" in said


# The journal is asked for what is wanted, and no more.


def test_the_list_of_runs_reads_no_changes(template: Path, tmp_path: Path) -> None:
    path = Path(shutil.copytree(template.parent, tmp_path / "company")) / template.name
    with closing(sqlite3.connect(path.parent / "bposync-state.sqlite")) as journal, journal:
        journal.execute("UPDATE bposync_changes SET fields = 'no JSON'")
    assert main(["history", "--config", str(path), "--since", "2021-11-26", "--quiet"]) == 0


def test_only_the_changes_of_the_days_are_read(template: Path, tmp_path: Path) -> None:
    path = Path(shutil.copytree(template.parent, tmp_path / "company")) / template.name
    with closing(sqlite3.connect(path.parent / "bposync-state.sqlite")) as journal, journal:
        journal.execute("UPDATE bposync_changes SET fields = 'no JSON' WHERE run < '20211128'")
    with open_journal(config.load(path), writes=False) as opened:
        found = opened.runs.changes_of(days=Days(date(2021, 11, 28), date(2021, 11, 28)))
        assert {each.run[:8] for each in found} == {"20211128"}
        assert isinstance(opened.runs.all()[0], Run)
