"""The command line: what starts quickly, what is asked and said, what a script reads, and what a process leaves with."""

from __future__ import annotations

import ast
import contextlib
import inspect
import io
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

import bposync as package
from bposync import demo, errors
from bposync.cli.app import main
from bposync.cli.commands import COMMANDS
from support import cli

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pexpect

    from support.postgres import PostgresServer
    from support.within import Call

SOURCE = Path(package.__file__).parent
QUESTION = (
    "This action will write data to the accounting system. Are you sure that you want to synchronise the customers with the "
    "accounting system?"
)
COMPLETE = "The synchronisation is complete."
ACTIONS = {"skipped", "gone", "rejected", "missing", "lookalike", "create", "conflict", "update", "drift", "same"}
OUTCOMES = {"written", "failed", "stale", "unknown", "exported"}
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo company, for reading."""
    return demo.build(tmp_path_factory.mktemp("demo"))


@pytest.fixture
def company(template: Path, tmp_path: Path) -> Path:
    """A demo company of the test's own."""
    return Path(shutil.copytree(template.parent, tmp_path / "company")) / template.name


@pytest.fixture(scope="module")
def synced(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A demo company whose Durban was synchronised, for reading."""
    path = Path(shutil.copytree(template.parent, tmp_path_factory.mktemp("synced") / "company")) / template.name
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        assert main(["--config", str(path), "sync", "--site", "Durban", "--yes"]) == 0
    return path


def content(company: Path) -> dict[str, list[str]]:
    """Give everything that a company's folder holds; the journal is there only after the first write."""
    found = {}
    for path in company.parent.glob("*.sqlite"):
        with contextlib.closing(sqlite3.connect(path)) as connection:
            found[path.name] = list(connection.iterdump())
    return found


def accounts(company: Path) -> int:
    with contextlib.closing(sqlite3.connect(company.parent / "Example Company.sqlite")) as connection:
        return int(connection.execute("SELECT count(*) FROM Client").fetchone()[0])


def changed(company: Path, old: str, new: str) -> Path:
    text = company.read_text(encoding="utf-8")
    assert old in text
    company.write_text(text.replace(old, new), encoding="utf-8")
    return company


# Starting


def test_help_and_version_load_no_library_that_is_slow() -> None:
    script = """
import contextlib, io, json, sys
from bposync.cli.app import main
heavy = {"sqlalchemy", "rich", "pyodbc", "psycopg", "platformdirs"}
found = {}
for command in json.loads(sys.argv[1]):
    for option in ("--help", "-h", "--version"):
        if not command and option == "-h":
            continue
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            code = main([*filter(None, [command]), option])
        found[f"{command} {option}"] = [code, sorted(heavy & set(sys.modules)), said.getvalue()]
print(json.dumps(found))
"""
    arguments = [sys.executable, "-c", script, json.dumps(["", *COMMANDS])]
    done = subprocess.run(arguments, capture_output=True, check=True, text=True, timeout=60)
    found = json.loads(done.stdout)
    assert len(found) == 3 * len(COMMANDS) + 2
    for words, (code, heavy, said) in found.items():
        assert (words, code, heavy) == (words, 0, [])
        shown = f"bposync {package.__version__}\n" if "--version" in words else "Usage: bposync"
        assert said.startswith(shown)


def test_every_command_of_help_says_what_it_does_and_takes_the_shared_options(bposync: Call) -> None:
    said = bposync("--help").stdout
    for command in COMMANDS:
        assert re.search(rf"^  {command} +[A-Z]\w+", said, re.MULTILINE)
        own = bposync(command, "--help").stdout
        for option in ("--config FILE", "--verbose", "--quiet", "--json", "--plain", "--help", "--version"):
            assert option in own


def test_shared_options_stand_before_or_after_the_command(bposync: Call, template: Path) -> None:
    options = ["--config", str(template), "--json", "--quiet", "--verbose"]
    assert bposync(*options, "sites").stdout == bposync("sites", *options).stdout


# Exit codes

USAGE: dict[str, tuple[str, ...]] = {
    "no such command": ("lst",),
    "no such option": ("list", "--nonsense"),
    "no such option before the command": ("--nonsense", "list"),
    "an option whose value is no number": ("list", "--limit=many"),
    "a word too many": ("sites", "Durban"),
    "no such site": ("sync", "--site", "Durbin", "--yes"),
    "no such field": ("list", "--columns", "code,nam"),
    "no such customer": ("sync", "--customer", "ABC999", "--yes"),
    "no such run": ("history", "2001"),
    "max-changes is no number": ("sync", "--max-changes", "many", "--yes"),
    "no such system of the demo": ("demo", "--system", "xero", "made"),
}


@pytest.mark.parametrize("arguments", USAGE.values(), ids=USAGE)
def test_wrong_usage_leaves_with_2_and_says_one_clear_thing(
    bposync: Call, monkeypatch: pytest.MonkeyPatch, template: Path, arguments: tuple[str, ...]
) -> None:
    monkeypatch.setenv("BPOSYNC_CONFIG", str(template))
    result = bposync(*arguments, expect=2)
    error, *hint = result.stderr.splitlines()
    assert result.stdout == ""
    assert error.startswith("Error: ")
    assert all(line.startswith("       ") and line.strip() for line in hint)
    assert len(hint) <= 1
    for options in (("--json", *arguments), (*arguments, "--json")):
        as_json = bposync(*options, expect=2)
        assert as_json.stderr == result.stderr
        assert as_json.json["error"]["code"] == 2
        assert f"Error: {as_json.json['error']['message']}" == error
        assert as_json.json["error"]["hint"] == (hint[0].strip() if hint else None)


@pytest.mark.parametrize(("line", "meant"), [
    ("list --site Cape Town", '--site "Cape Town"'),
    ("list --site=Cape Town --json", '--site "Cape Town"'),
    ("status --check --site Durban --site New Cape Town --verbose", '--site "New Cape Town"'),
    ("list --status On Hold", '--status "On Hold"'),
    ("sync --output my plan.xlsx --dry-run", '--output "my plan.xlsx"'),
    ("history 2001 --customer Big Bargains", '--customer "Big Bargains"'),
    ("list --site B\u00e4d Homburg", '--site "\u2026"'),
])  # fmt: skip
def test_a_name_with_a_blank_and_without_quotation_marks_is_shown_with_them(bposync: Call, line: str, meant: str) -> None:
    error = bposync(*line.split(), "--json", expect=2).json["error"]
    command = line.split(maxsplit=1)[0]
    assert error["hint"] == f"A name with a blank needs quotation marks: {meant}. Else try: bposync {command} --help"
    assert error["message"].startswith("Got unexpected extra argument")


@pytest.mark.parametrize("line", [
    "sites Durban", "list --csv Durban", "list --limit 5 Durban", "link A B C", "link --config x A B C", "history 2001 2002",
    "status -q Durban", "list -- Durban", "list --site Durban -- Town",
    "init --bpo-url mssql://reader:zqsecret@server/BPO more", "init --accounting-odbc DRIVER=x;PWD=zqsecret more",
])  # fmt: skip
def test_another_word_too_many_is_not_taken_for_a_part_of_a_name(bposync: Call, line: str) -> None:
    result = bposync(*line.split(), expect=2)
    assert "quotation marks" not in result.stderr
    assert "zqsecret" not in result.stderr


@pytest.mark.parametrize("arguments", [("list", "--nonsense", "--json"), ("list", "--site", "Durbin", "--json")])
def test_the_process_leaves_with_2(template: Path, arguments: tuple[str, ...]) -> None:
    assert cli.run(*arguments, env={"BPOSYNC_CONFIG": str(template)}, expect=2).json["error"]["code"] == 2


def test_an_option_that_there_is_not_never_shows_its_value(bposync: Call) -> None:
    assert "zqsecret" not in bposync("sync", "--password=zqsecret", expect=2).stderr


CONFIGURATION: dict[str, tuple[str, str, int, str]] = {
    "no such table": ('customers = "CustomerListing"', 'customers = "CustomerListng"', 2, "'CustomerListing'"),
    "no such column": ("[accounting]", '[bpo.columns]\nphone = "Phon"\n\n[accounting]', 2, "[bpo.columns] phone"),
    "no such file of BPO's": ("bpo.sqlite", "nowhere.sqlite", 7, "nowhere.sqlite"),
    "no such file of accounting's": ("Example Company.sqlite", "nowhere.sqlite", 7, "nowhere.sqlite"),
    "not Evolution": ("Example Company.sqlite", "bpo.sqlite", 2, "Client"),
    "no database": ("sqlite:///bpo.sqlite", "sqlite:///bposync.toml", 7, "not a database"),
    "variable not set": ("sqlite:///bpo.sqlite", "sqlite:///${NO_SUCH}", 2, "NO_SUCH"),
    "unreachable": ("sqlite:///bpo.sqlite", "postgresql+psycopg://u:zqsecret@127.0.0.1:1/d", 7, "127.0.0.1:1"),
    "unreachable accounting": (
        "sqlite:///Example Company.sqlite",
        "postgresql+psycopg://u:zqsecret@127.0.0.1:1/d",
        7,
        "127.0.0.1",
    ),
    "no such code": ('area = "RSA"', 'area = "RAS"', 2, "'RSA'"),
    "no folder for the journal": ("sqlite:///bposync-state.sqlite", "sqlite:///no/where/j.sqlite", 7, "no/where"),
}


@pytest.mark.parametrize(("old", "new", "code", "says"), CONFIGURATION.values(), ids=CONFIGURATION)
def test_what_cannot_be_used_or_reached_leaves_with_its_code_and_writes_nothing(
    bposync: Call, company: Path, old: str, new: str, code: int, says: str
) -> None:
    before = content(company)
    result = bposync("sync", "--yes", "--config", changed(company, old, new), expect=code)
    error, hint = result.stderr.splitlines()[-2:]
    assert error.startswith("Error: ")
    assert says in error + hint
    assert "zqsecret" not in result.stderr
    assert content(company) == before


def test_the_process_leaves_with_7_where_nobody_answers(company: Path) -> None:
    path = changed(company, "sqlite:///bpo.sqlite", "postgresql+psycopg://u:zqsecret@127.0.0.1:1/d")
    assert cli.run("list", "--json", "--config", path, expect=7).json["error"]["code"] == 7


def test_a_wrong_password_leaves_with_7(bposync: Call, postgres: PostgresServer, company: Path) -> None:
    url = postgres.url("postgres", postgres.create_login("zqright"), "zqwrong")
    result = bposync("list", "--json", "--config", changed(company, "sqlite:///bpo.sqlite", url), expect=7)
    assert result.json["error"]["code"] == 7
    assert "password" in result.json["error"]["message"]
    assert "password" in result.json["error"]["hint"]
    assert "zqwrong" not in result.stdout + result.stderr


def test_a_right_that_is_missing_leaves_with_7(
    bposync: Call, postgres: PostgresServer, postgres_url: str, company: Path
) -> None:
    with sa.create_engine(postgres_url, poolclass=sa.NullPool).begin() as connection:
        connection.exec_driver_sql('CREATE TABLE "CustomerListing" ("CustomerCode" text, "CustomerName" text)')
    url = postgres.url(sa.make_url(postgres_url).database or "", postgres.create_login("zqright"), "zqright")
    result = bposync("list", "--config", changed(company, "sqlite:///bpo.sqlite", url), expect=7)
    assert "permission denied" in result.stderr
    assert "right" in result.stderr.splitlines()[1]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["sync", "--dry-run"], 4),
        (["sync", "--dry-run", "--site", "Durban"], 0),
        (["sync", "--dry-run", "--max-changes", "20"], 8),
        (["sync", "--yes", "--max-changes", "20"], 8),
        (["sync"], 10),
        (["sync", "--site", "Durban"], 10),
        (["sync", "--site", "Durban", "--max-changes", "20"], 8),
        (["status"], 0),
        (["status", "--check"], 3),
        (["status", "--check", "--site", "Durban"], 3),
    ],
)
@pytest.mark.parametrize("as_json", [False, True])
def test_what_writes_nothing_leaves_with_its_code_and_no_journal(
    bposync: Call, company: Path, arguments: list[str], code: int, *, as_json: bool
) -> None:
    before = content(company)
    result = bposync("--config", company, *arguments, *(["--json"] if as_json else []), expect=code)
    assert content(company) == before
    if as_json:
        assert ("error" in result.json) == (code in (8, 10))
        assert result.json["schema"] == f"bposync.{arguments[0]}/1"
        if code in (8, 10):
            assert result.json["error"]["code"] == code
            assert result.json["run"] is None


def test_codes_of_what_writes(bposync: Call, company: Path) -> None:
    """Some wait for a person: 4. All that was chosen is in step: 0, and 3 says so of the rest."""
    assert COMPLETE in cli.run("sync", "--yes", "--config", company, expect=4).stdout
    bposync("status", "--check", "--site", "Durban", "--config", company)
    cli.run("status", "--check", "--config", company, expect=3)
    bposync("sync", "--site", "Durban", "--config", company)


# Output that goes nowhere


def into_closed_pipe(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run bposync with a reader that is gone before the first word."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        return subprocess.run(
            [*cli.COMMAND, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=writer,
            stderr=subprocess.PIPE,
            check=False,
            text=True,
            timeout=cli.TIMEOUT,
        )
    finally:
        os.close(writer)


@pytest.mark.skipif(sys.platform == "win32", reason="pipes break otherwise there")
@pytest.mark.parametrize("arguments", [["list"], ["list", "--json"], ["--help"]])
def test_a_reader_that_had_enough_is_no_error(synced: Path, arguments: list[str]) -> None:
    done = into_closed_pipe("--config", str(synced), *arguments)
    assert "Traceback" not in done.stderr
    assert "Broken" not in done.stderr
    assert done.returncode == 0


@pytest.mark.skipif(sys.platform == "win32", reason="pipes break otherwise there")
def test_an_error_in_json_keeps_its_code_where_nobody_reads_it(template: Path) -> None:
    done = into_closed_pipe("--config", str(template), "sync", "--json")
    assert "Traceback" not in done.stderr
    assert done.returncode == 10


@pytest.mark.skipif(sys.platform == "win32", reason="pipes break otherwise there")
def test_a_sync_that_nobody_reads_is_done_or_says_that_it_is_not(company: Path) -> None:
    before = accounts(company)
    done = into_closed_pipe("--config", str(company), "sync", "--yes", "--site", "Durban")
    assert "Traceback" not in done.stderr
    assert (done.returncode == 0) == (accounts(company) == before + 19)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a full disk at hand")
@pytest.mark.parametrize("arguments", [["list"], ["list", "--json"]])
def test_a_full_disk_is_told_without_a_traceback(template: Path, arguments: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*cli.COMMAND, "--config", template, *arguments],
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
            text=True,
            timeout=cli.TIMEOUT,
        )
    assert done.stderr.startswith("Error: ")
    assert "Traceback" not in done.stderr
    assert done.returncode == 1


@pytest.mark.skipif(sys.platform == "win32", reason="a POSIX shell")
@pytest.mark.parametrize(
    ("closed", "arguments", "code"),
    [(">&-", ["list"], 0), ("2>&-", ["list", "--site", "Durbin"], 2), ("<&-", ["sync"], 10)],
)
def test_a_stream_that_is_closed_changes_no_exit_code(template: Path, closed: str, arguments: list[str], code: int) -> None:
    shell = ["sh", "-c", f'exec "$@" {closed}', "sh", *cli.COMMAND, "--config", str(template), *arguments]
    done = subprocess.run(shell, capture_output=True, check=False, text=True, timeout=cli.TIMEOUT, stdin=subprocess.DEVNULL)
    assert "Traceback" not in done.stderr
    assert done.returncode == code


# The question


@pytest.fixture
def asked(company: Path) -> Iterator[Callable[..., pexpect.spawn[str]]]:
    """Starts a sync at a terminal and waits for the question."""
    started = []

    def start(*options: str) -> pexpect.spawn[str]:
        child = cli.run_in_terminal("sync", "--site", "Durban", *options, "--config", company, size=(60, 400))
        started.append(child)
        child.expect_exact("[y/N]")
        return child

    yield start
    for child in started:
        child.close(force=True)


def plain(text: str | None) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text or "").replace("\r", "")


@pytest.mark.parametrize("options", [["--quiet"], ["--json", "--verbose"]])
def test_the_question_stands_word_for_word_below_company_database_server_and_counts(
    asked: Callable[..., pexpect.spawn[str]], company: Path, options: list[str]
) -> None:
    child = asked(*options)
    *above, question = plain(child.before).splitlines()
    assert question == f"{QUESTION} "
    block = "\n".join(above[-8:])
    assert "Example Company" in block
    assert str(company.parent / "Example Company.sqlite") in block
    assert "24 customers: 3 in step, 19 to create, 2 to update" in block
    assert "19 new accounts, 2 updates" in block
    child.sendline("n")
    cli.finish(child, 10)


@pytest.mark.parametrize("answer", ["\n", "n\n", "\x04"])
def test_enter_no_and_an_end_of_input_are_no_at_a_terminal(
    asked: Callable[..., pexpect.spawn[str]], company: Path, answer: str
) -> None:
    before = content(company)
    child = asked()
    child.send(answer)
    said = cli.finish(child, 10)
    assert "Nothing was written" in said
    assert COMPLETE not in said
    assert content(company) == before


@pytest.mark.parametrize("answer", ["yes", "Y"])
def test_yes_is_yes_at_a_terminal(asked: Callable[..., pexpect.spawn[str]], company: Path, answer: str) -> None:
    before = accounts(company)
    child = asked()
    child.sendline(answer)
    assert COMPLETE in plain(cli.finish(child)).splitlines()
    assert accounts(company) == before + 19


class Keyboard(io.TextIOWrapper):
    """A standard input that says it is a terminal."""

    def __init__(self, typed: bytes) -> None:
        super().__init__(io.BytesIO(typed), encoding="utf-8", errors="strict")

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    "typed",
    [b"N", b"no", b"j", b"yess", b"y y", b"1", b"yes, please", "\u00e9".encode(), b"\xff", b"\0", b"\x1b[A", b"y" * 5000],
)
def test_whatever_is_not_yes_is_no(bposync: Call, monkeypatch: pytest.MonkeyPatch, company: Path, typed: bytes) -> None:
    before = content(company)
    monkeypatch.setattr(sys, "stdin", Keyboard(typed + b"\n"))
    bposync("sync", "--site", "Durban", "--config", company, expect=10)
    assert content(company) == before


@pytest.mark.parametrize("typed", [b"y", b"YES", b" Yes "])
def test_yes_is_yes_in_any_case(bposync: Call, monkeypatch: pytest.MonkeyPatch, company: Path, typed: bytes) -> None:
    before = accounts(company)
    monkeypatch.setattr(sys, "stdin", Keyboard(typed + b"\n"))
    bposync("sync", "--site", "Durban", "--config", company)
    assert accounts(company) == before + 19


def test_an_interrupt_at_the_question_leaves_with_130(asked: Callable[..., pexpect.spawn[str]], company: Path) -> None:
    before = content(company)
    child = asked()
    child.sendintr()
    cli.finish(child, 130)
    assert content(company) == before


def test_nothing_is_asked_where_nothing_is_to_be_written(synced: Path) -> None:
    with cli.run_in_terminal("sync", "--site", "Durban", "--config", synced, size=(60, 200)) as child:
        said = plain(cli.finish(child))
    assert "Nothing to write: 24 customers are in step." in said.splitlines()
    assert "[y/N]" not in said


@pytest.mark.skipif(sys.platform == "win32", reason="a POSIX shell at a pseudo-terminal")
def test_where_only_the_output_is_a_pipe_the_question_stands_on_the_terminal(company: Path) -> None:
    """The data go into the file, the question to whoever sits there."""
    import pexpect

    out = company.parent / "out.json"
    command = [
        "sh",
        "-c",
        f'exec "$@" >{out}',
        "sh",
        *cli.COMMAND,
        "sync",
        "--site",
        "Durban",
        "--json",
        "--config",
        str(company),
    ]
    with pexpect.spawn(command[0], command[1:], encoding="utf-8", timeout=cli.TIMEOUT, dimensions=(60, 400)) as child:
        child.expect_exact(f"{QUESTION} [y/N]")
        child.sendline("y")
        cli.finish(child)
    assert json.loads(out.read_text())["outcomes"]["written"] == 21


# What is said


def test_a_sync_says_complete_and_counts_who_waits(bposync: Call, company: Path) -> None:
    lines = bposync("sync", "--yes", "--config", company, expect=4).stdout.splitlines()
    place = lines.index(COMPLETE)
    told = " ".join(lines[place + 1 :])
    for words in ("1 in conflict", "2 lookalike", "1 rejected"):
        assert words in told


def test_a_sync_without_work_says_how_many_are_in_step(bposync: Call, synced: Path) -> None:
    result = bposync("sync", "--site", "Durban", "--config", synced)
    assert result.stdout.splitlines() == ["Nothing to write: 24 customers are in step."]


def test_quiet_says_nothing_where_nothing_was_written_and_nobody_is_needed(bposync: Call, synced: Path) -> None:
    for arguments in (["sync"], ["sync", "--yes"], ["sync", "--dry-run"], ["status"], ["status", "--check"]):
        result = bposync("--quiet", *arguments, "--site", "Durban", "--config", synced)
        assert (result.stdout, result.stderr) == ("", "")


def test_quiet_says_what_was_written(bposync: Call, company: Path) -> None:
    result = bposync("--quiet", "sync", "--yes", "--site", "Durban", "--config", company)
    assert COMPLETE in result.stdout.splitlines()
    assert "19 new accounts, 2 updates" in result.stdout
    assert result.stderr == ""


@pytest.mark.parametrize("arguments", [["sync", "--dry-run"], ["status"]])
def test_quiet_says_who_needs_a_person_and_no_more(bposync: Call, template: Path, arguments: list[str]) -> None:
    result = bposync("--quiet", *arguments, "--config", template, expect=4 if "sync" in arguments else 0)
    said = result.stdout.splitlines()
    assert len(said) == 4
    for code in ("HIGHVELD-ROADS-DEPOT-07", "SUN001", "VAA001", "ZEB001"):
        assert sum(code in line for line in said) == 1
    assert result.stderr == ""


def test_a_dry_run_says_that_it_was_one(bposync: Call, template: Path) -> None:
    said = bposync("sync", "--dry-run", "--site", "Durban", "--config", template).stdout
    assert "19 new accounts, 2 updates (5 fields)" in said
    assert "nothing was written" in said
    assert COMPLETE not in said


# JSON


def check_change(change: dict[str, Any]) -> None:
    assert set(change) >= {"code", "name", "account", "action", "fields", "reasons", "outcome"}
    assert change["action"] in ACTIONS
    assert change["outcome"] is None or change["outcome"] in OUTCOMES
    assert all(isinstance(reason, str) and reason for reason in change["reasons"])
    for field in change["fields"].values():
        assert set(field) >= {"from", "to", "last", "verdict"}
        assert field["verdict"] in {"write", "drift", "conflict", "held"}
        assert field["from"] != field["to"]


def test_sync_as_json(bposync: Call, company: Path) -> None:
    result = bposync("sync", "--dry-run", "--json", "--config", company, expect=4)
    document = result.json
    assert result.stdout.isascii()
    assert set(document) >= {"schema", "run", "dry_run", "company", "sites", "summary", "outcomes", "changes"}
    assert (document["schema"], document["run"], document["dry_run"]) == ("bposync.sync/1", None, True)
    assert document["company"] == "Example Company"
    assert document["sites"] == ["Cape Town", "Durban", "Johannesburg"]
    assert set(document["summary"]) == ACTIONS
    assert document["outcomes"] == dict.fromkeys(OUTCOMES, 0)
    assert sum(document["summary"].values()) == 50
    assert {change["action"] for change in document["changes"]} == {"create", "update", "conflict", "lookalike", "rejected"}
    for change in document["changes"]:
        check_change(change)
        assert change["outcome"] is None
    by_code = {change["code"]: change for change in document["changes"]}
    assert by_code["TIA001"]["fields"]["credit_limit"] == {"from": "0.00", "to": "100000.00", "last": None, "verdict": "write"}
    assert by_code["TIA001"]["account"] == "TIA001"
    assert by_code["SUN001"]["account"] is None
    done = bposync("sync", "--yes", "--json", "--site", "durban", "--config", company).json
    assert done["sites"] == ["Durban"]
    assert done["dry_run"] is False
    assert done["outcomes"] == dict.fromkeys(OUTCOMES, 0) | {"written": 21}
    assert {change["outcome"] for change in done["changes"]} == {"written"}
    assert done["run"] == bposync("history", "--json", "--config", company).json["runs"][0]["run"]


def test_what_is_in_step_and_skipped_is_counted_and_listed_when_asked_for(bposync: Call, template: Path) -> None:
    def listed(*options: str) -> dict[str, int]:
        changes = bposync("sync", "--dry-run", "--json", "--config", template, *options, expect=4).json["changes"]
        return {action: sum(change["action"] == action for change in changes) for action in ("same", "skipped")}

    assert listed() == {"same": 0, "skipped": 0}
    assert listed("--all") == listed("--verbose") == {"same": 6, "skipped": 7}


def test_status_as_json(bposync: Call, synced: Path, template: Path) -> None:
    document = bposync("status", "--json", "--config", synced).json
    assert set(document) >= {"schema", "post_accounts", "in_sync", "sites", "accounting_only"}
    assert document["schema"] == "bposync.status/1"
    assert document["post_accounts"] is False
    assert document["in_sync"] is False
    assert [site["site"] for site in document["sites"]] == ["Cape Town", "Durban", "Johannesburg"]
    for site in document["sites"]:
        assert set(site) >= {"site", "customers", "summary", "last_sync"}
        assert set(site["summary"]) == ACTIONS
        assert sum(site["summary"].values()) == site["customers"]
    cape_town, durban, _ = document["sites"]
    assert cape_town["last_sync"] is None
    assert durban["summary"]["same"] == 24
    assert set(durban["last_sync"]) >= {"run", "at", "by", "outcomes"}
    assert MOMENT.fullmatch(durban["last_sync"]["at"])
    assert {entry["account"] for entry in document["accounting_only"]} == {"ANC001", "OLD001", "STAFF", "ZUL001"}
    assert set(document["accounting_only"][0]) >= {"account", "name"}
    assert bposync("status", "--json", "--check", "--site", "Durban", "--config", synced).json["in_sync"] is True
    assert bposync("status", "--json", "--config", template).json["sites"][1]["last_sync"] is None


def test_post_accounts_is_null_where_nobody_said_how_to_ask(bposync: Call, company: Path) -> None:
    path = changed(company, "post_accounts = ", "# post_accounts = ")
    assert bposync("status", "--json", "--config", path).json["post_accounts"] is None


@pytest.mark.parametrize(("value", "shown"), [("1", True), ("'yes'", True), ("0", False), ("NULL", False)])
def test_post_accounts_is_asked_as_configured(bposync: Call, company: Path, value: str, shown: object) -> None:
    path = changed(company, """'SELECT "PostAccounts" FROM "CompanyOptions"'""", f'"SELECT {value}"')
    assert bposync("status", "--json", "--config", path).json["post_accounts"] is shown


def test_history_as_json(bposync: Call, synced: Path) -> None:
    document = bposync("history", "--json", "--config", synced).json
    assert document["schema"] == "bposync.history/1"
    for run in document["runs"]:
        assert set(run) >= {"run", "at", "by", "machine", "version", "sites", "summary", "outcomes", "exit_code"}
        assert MOMENT.fullmatch(run["at"])
        assert run["version"] == package.__version__
        assert run["sites"] == ["Durban"]
        assert set(run["summary"]) == ACTIONS
        assert set(run["outcomes"]) == OUTCOMES
        assert run["exit_code"] == 0
        assert "changes" not in run
    first = document["runs"][-1]
    one = bposync("history", first["run"], "--json", "--config", synced).json["runs"]
    assert [run["run"] for run in one] == [first["run"]]
    assert len(one[0]["changes"]) == 21
    for change in one[0]["changes"]:
        check_change(change)
        assert change["outcome"] == "written"


def test_the_story_of_one_customer(bposync: Call, synced: Path) -> None:
    runs = bposync("history", "--customer", "tia001", "--json", "--config", synced).json["runs"]
    assert [change["code"] for run in runs for change in run["changes"]] == ["TIA001"]


def test_an_empty_history_is_empty(bposync: Call, template: Path) -> None:
    assert bposync("history", "--json", "--config", template).json == {"schema": "bposync.history/1", "runs": []}
    assert not (template.parent / "bposync-state.sqlite").exists()


@pytest.mark.parametrize("command", ["list", "sites", "sync", "status", "history"])
def test_an_error_is_the_same_document_for_every_command(bposync: Call, command: str) -> None:
    result = bposync(command, "--config", "nowhere.toml", "--json", expect=2)
    assert set(result.json) == {"error"}
    error = result.json["error"]
    assert set(error) == {"code", "message", "hint"}
    assert result.stderr == f"Error: {error['message']}\n       {error['hint']}\n"


# The demo


def test_the_demo_is_made_and_made_again(bposync: Call, tmp_path: Path) -> None:
    folder = tmp_path / "a new folder" / "demo"
    for _ in range(2):
        said = bposync("demo", folder).stderr
        assert str(folder / "bposync.toml") in said
    assert len(bposync("list", "--config", folder, "--site", "Durban", "--json").json["customers"]) == 24


def test_the_demo_lies_in_a_folder_of_its_own_where_none_is_named(
    bposync: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    bposync("demo")
    assert [path.name for path in tmp_path.iterdir()] == ["bposync-demo"]


def test_a_folder_that_holds_something_else_is_refused(bposync: Call, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("Dear customer")
    result = bposync("demo", tmp_path, expect=2)
    assert "letter.txt" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_a_demo_in_the_place_of_an_earlier_one_says_so_before_all_else(bposync: Call, tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    assert "afresh" not in bposync("demo", folder).stderr
    untouched = bposync("demo", folder).stderr.splitlines()
    assert untouched[:3] == [
        f"{folder} held a demo company: it is made afresh.",
        f"To keep one, name another folder for the next, or take the first line out of {folder / 'bposync.toml'}.",
        f"Example Company is made in {folder}.",
    ]
    bposync("ignore", "SUN001", "--config", folder / "bposync.toml")
    said = bposync("demo", folder).stderr.splitlines()[0]
    gone = "and what was synchronised and decided in it is gone with its journal"
    assert said == f"{folder} held a demo company: it is made afresh, {gone}."
    assert "afresh" in bposync("demo", folder, "--run", "--yes").stderr.splitlines()[0]


def test_a_demo_without_its_first_line_is_kept(bposync: Call, tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    bposync("demo", folder)
    path = folder / "bposync.toml"
    path.write_text(path.read_text(encoding="utf-8").partition("\n")[2], encoding="utf-8")
    bposync("ignore", "SUN001", "--config", path)
    assert "Nothing was touched." in bposync("demo", folder, expect=2).stderr
    assert len(bposync("history", "--decisions", "--json", "--config", path).json["decisions"]) == 1


def test_the_demo_lists_synchronises_and_shows_the_status(bposync: Call, tmp_path: Path) -> None:
    result = cli.run("demo", tmp_path / "demo", "--run", "--yes")
    assert "TIA001" in result.stdout
    assert COMPLETE in result.stdout.splitlines()
    assert re.search(r"^Durban +24 +24 ", result.stdout, re.MULTILINE)
    again = bposync("demo", tmp_path / "demo", "--run", "--yes").stdout
    assert again.splitlines()[:30] == result.stdout.splitlines()[:30]
    assert again.count(COMPLETE) == 1


def test_the_demo_asks_before_it_writes(bposync: Call, tmp_path: Path) -> None:
    bposync("demo", tmp_path / "demo", "--run", expect=10)
    with cli.run_in_terminal("demo", tmp_path / "demo", "--run", size=(60, 400)) as child:
        child.expect_exact(f"{QUESTION} [y/N]")
        child.sendline("yes")
        assert COMPLETE in cli.finish(child)


def test_the_demo_as_json_is_one_document(bposync: Call, tmp_path: Path) -> None:
    assert isinstance(bposync("demo", tmp_path / "demo", "--run", "--yes", "--json").json, dict)


# The house

MODULES = sorted(SOURCE.rglob("*.py"))
BELOW = [path for path in MODULES if path.relative_to(SOURCE).parts[0] not in ("cli", "__main__.py")]


def imported(tree: ast.AST) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            found.add(node.module or "")
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


def test_there_is_a_house_to_look_at() -> None:
    assert len(BELOW) > 15
    assert len(MODULES) > len(BELOW) + 8


@pytest.mark.parametrize("path", BELOW, ids=lambda path: str(path.relative_to(SOURCE)))
def test_below_the_command_line_nothing_prints_asks_exits_or_knows_of_it(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    attributes = {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert not names & {"print", "input", "breakpoint", "exit", "quit", "SystemExit"}
    assert not attributes & {"sys.stdout", "sys.stderr", "sys.stdin", "sys.exit", "sys.argv", "os._exit"}
    for module in imported(tree):
        assert module.split(".")[0] not in {"typer", "click", "rich", "argparse"}
        assert not f"{module}.".startswith("bposync.cli.")


def test_only_output_prints_to_a_stream() -> None:
    """The version, the help and the names for Tab are all that the other files of the command line show by themselves."""
    found: set[str] = set()
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("print", "sys.stdout.write", "sys.stderr.write"):
                found.add(path.relative_to(SOURCE).as_posix())
    assert found <= {"cli/output.py", "cli/app.py", "cli/common.py", "cli/shells.py"}


def test_every_error_says_what_to_do_next() -> None:
    """But for Ctrl-C: whoever presses it knows what to do."""
    without = [
        f"{path.relative_to(SOURCE)}: {ast.unparse(node)}"
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and re.fullmatch(r"(?!Stopped|Output)\w*[a-z]Error", node.func.id)
        and issubclass(vars(errors).get(node.func.id, str), errors.BposyncError)
        and len(node.args) + len(node.keywords) < 2
    ]
    assert without == []


# The commands, each imported when it is called.


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_says_of_a_command_what_the_command_says_of_itself(name: str) -> None:
    module, _, function = COMMANDS[name][0].partition(":")
    said = inspect.getdoc(getattr(import_module(f"bposync.cli.{module}"), function)) or ""
    assert COMMANDS[name][1] == " ".join(said.split("\n\n")[0].split())


def test_a_listing_loads_nothing_that_it_does_not_need(tmp_path: Path) -> None:
    cli.run("demo", tmp_path / "demo")
    command = (
        "import sys; from bposync.cli.app import main; main(sys.argv[1:]);"
        "print([name for name in ('pydantic', 'rich', 'psycopg', 'httpx', 'bposync.match') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", command, "--config", tmp_path / "demo" / "bposync.toml", "list", "--json"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == "[]"
