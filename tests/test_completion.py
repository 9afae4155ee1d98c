"""Tab: what is offered where, from a cache that is quick and silent, and that no name acts in a shell."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, cast

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from bposync import demo, names
from bposync.cli import completing, filling, shells
from bposync.cli.app import app, main
from support.cli import environment
from support.policy import needs

HOSTILE = [
    "$(touch PWNED)", "`touch PWNED`", "x'; touch PWNED; '", 'y"; touch PWNED; "', "Depot: North", "a*b", "back\\slash",
    "\\$(touch PWNED)", "wow!", "${HOME}", "[x]", " #hash", "~root", "Möhre & Söhne", "two  blanks", "a@b=c", "a;b|c>d",
    "{a,b}", "\\", "\u2018q\u2019; touch PWNED",
]  # fmt: skip
UNTYPABLE = ["tab\there", "new\nline", "bidi\u202e", "esc\x1b[31m"]
ROOT = cast("Any", typer.main.get_command(app))
KNOWN = {
    names.SITES: [("Durban", ""), ("Cape Town", "")],
    names.CUSTOMERS: [("CUS001", "Cash"), ("HOP001", "Hope")],
    names.ACCOUNTS: [("ACC001", "An account")],
    names.RUNS: [("20261123-063012-5f1c07", "2026-11-23")],
}
posix = pytest.mark.skipif(sys.platform == "win32", reason="bash and owners of files are not Windows'")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's cache folder, which does not exist yet; what would be read by a process of its own is read at once."""
    folder = tmp_path / "cache" / "bposync"
    monkeypatch.setattr("platformdirs.user_cache_path", lambda *_, **__: folder)
    return folder


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which kinds of names were read, each here and at once instead of by a process of its own."""
    kinds: list[str] = []

    def start(command: list[str], **_: object) -> None:
        kinds.append(command[-2])
        names.fill(Path(command[-1]), command[-2])

    monkeypatch.setattr(subprocess, "Popen", start)
    return kinds


@pytest.fixture
def company(tmp_path: Path) -> Path:
    return demo.build(tmp_path / "company")


def hostile_company(folder: Path) -> Path:
    """A company in which the Nth site is called sN and something hostile."""
    folder.mkdir(exist_ok=True)
    connection = sqlite3.connect(folder / "bpo.sqlite")
    connection.execute("CREATE TABLE CustomerListing (CustomerCode, CustomerName, SiteDescription)")
    rows = [(f"C{number:02}", name, f"s{number:02}{name}") for number, name in enumerate([*HOSTILE, *UNTYPABLE])]
    connection.executemany("INSERT INTO CustomerListing VALUES (?, ?, ?)", rows)
    connection.commit()
    connection.close()
    path = folder / "bposync.toml"
    path.write_text('[bpo]\nurl = "sqlite:///bpo.sqlite"\ncustomers = "CustomerListing"\n', "utf-8")
    return path


# What is offered.


def offered(line: str) -> list[str] | None:
    *words, word = line.split(" ")
    found = completing.offers(ROOT, words, word, lambda _, kind: KNOWN[kind])
    return None if found is None else [name for name, _ in found]


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("li", ["list", "link"]),
        ("sync --over", ["--overwrite"]),
        ("list --site ", ["Durban", "Cape Town"]),
        ("list --site du", ["Durban"]),
        ("list --site=cape", ["--site=Cape Town"]),
        ("status --site Durban --site C", ["Cape Town"]),
        ("sync --customer h", ["HOP001"]),
        ("link ", ["CUS001", "HOP001"]),
        ("link CUS001 ", ["ACC001"]),
        ("link CUS001 --new ", []),
        ("link --export ", None),
        ("unlink C", ["CUS001"]),
        ("ignore --account ", ["ACC001"]),
        ("history ", ["20261123-063012-5f1c07"]),
        ("history --customer C", ["CUS001"]),
        ("accept CUS001 cred", ["credit_limit"]),
        ("accept CUS001 name billing_p", ["billing_postcode"]),
        ("list --columns code,na", ["code,name"]),
        ("list --sort -cred", ["-credit_limit"]),
        ("list --status H", ["Hold"]),
        ("list --limit ", []),
        ("--config ", None),
        ("--config x lis", ["list"]),
        ("nonsense ", []),
        ("list --nonsense ", ["--site"]),
        ("unlink CUS001 ", ["--config"]),
        ("link -- ", ["CUS001", "HOP001"]),
        ("list -- -", []),
    ],
)
def test_what_may_stand_there_is_offered(line: str, wanted: list[str] | None) -> None:
    found = offered(line)
    assert found == wanted or (wanted and found and found[: len(wanted)] == wanted and wanted[0].startswith("--"))


def test_every_commands_options_are_offered_once() -> None:
    for name, command in ROOT.commands.items():
        found = offered(f"{name} --")
        assert found
        assert len(found) == len(set(found))
        assert {opt for each in command.params for opt in each.opts if opt.startswith("--")} <= set(found)


def test_an_option_that_was_given_is_not_offered_again_unless_it_may_be_repeated() -> None:
    found = offered("sync --yes --site x --")
    assert found is not None
    assert "--yes" not in found
    assert "--site" in found


@given(st.lists(st.text()), st.text())
def test_whatever_stands_in_the_line_nothing_is_raised(words: list[str], word: str) -> None:
    completing.offers(ROOT, words, word, lambda _, kind: KNOWN[kind])


# The cache.


def test_names_come_from_the_company_and_then_from_the_cache(company: Path, cache: Path, started: list[str]) -> None:
    sites = names.known(company, names.SITES, filling.start)
    assert sorted(sites) == [("Cape Town", ""), ("Durban", ""), ("Johannesburg", "")]
    assert ("HOP001", "Hope Works (Pty) Ltd") in names.known(company, names.CUSTOMERS, filling.start)
    assert ("STAFF", "Staff Purchases") in names.known(company, names.ACCOUNTS, filling.start)
    assert names.known(company, names.RUNS, filling.start) == []
    assert names.known(company, names.SITES, filling.start) == sites
    # One reading of BPO gives both its sites and its customers.
    assert started == [names.SITES, names.ACCOUNTS, names.RUNS]
    assert sorted(path.name for path in company.parent.iterdir() if path.suffix != ".sqlite") == ["bposync.toml"]
    assert {path.suffix for path in cache.iterdir()} == {".json", ".tried"}


def test_the_runs_are_the_newest_first(company: Path, cache: Path, started: list[str]) -> None:
    for customer in ("HOP001", "CUS001"):
        assert main(["sync", "--customer", customer, "--yes", "--quiet", "--config", str(company)]) == 0
    found = [run for run, _ in names.known(company, names.RUNS, filling.start)]
    assert len(found) == 2
    assert found == sorted(found, reverse=True)
    assert cache.is_dir()
    assert started == [names.RUNS]


@posix
def test_the_cache_is_its_owners_alone_and_holds_no_password(
    tmp_path: Path, cache: Path, started: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = hostile_company(tmp_path / "h")
    monkeypatch.setenv("FOLDER_PASSWORD", "bpo")
    path.write_text(path.read_text("utf-8").replace("bpo.sqlite", "${FOLDER_PASSWORD}.sqlite"), "utf-8")
    assert names.known(path, names.SITES, filling.start)
    assert started
    assert cache.stat().st_mode & 0o777 == 0o700
    for each in cache.iterdir():
        assert each.stat().st_mode & 0o777 == 0o600
        assert "PASSWORD" not in each.read_text("utf-8")


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "null",
        "[]",
        '{"version": 1}',
        '{"version": 99}',
        "\x00",
        '{"version":1,"at":"x","made_from":[],"names":[]}',
        "[" * 9999,
    ],
)
def test_a_damaged_cache_is_made_anew(company: Path, cache: Path, started: list[str], content: str) -> None:
    good = names.known(company, names.SITES, filling.start)
    names.file_of(company, names.SITES).write_text(content, "utf-8")
    for tried in cache.glob("*.tried"):
        tried.unlink()
    assert names.known(company, names.SITES, filling.start) == good
    assert started == [names.SITES] * 2


@pytest.mark.parametrize("names_", [[["a"]], [[1, 2]], "ab", [["a", None]], 5])
def test_a_cache_of_another_shape_gives_nothing_that_is_no_name(company: Path, cache: Path, names_: object) -> None:
    cache.mkdir(parents=True, mode=0o700)
    made_from = [str(company), company.stat().st_mtime_ns, company.stat().st_size]
    path = names.file_of(company, names.SITES)
    path.write_text(json.dumps({"version": 1, "at": time.time(), "made_from": made_from, "names": names_}), "utf-8")
    path.chmod(0o600)
    path.with_suffix(".tried").touch()
    assert names.known(company, names.SITES, filling.start, wait=0) == []


def test_the_cache_is_read_again_when_it_is_old_or_the_configuration_changed(
    company: Path, cache: Path, started: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    names.known(company, names.SITES, filling.start)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + names.FRESH_SECONDS[names.SITES] - 1)
    names.known(company, names.SITES, filling.start)
    assert len(started) == 1
    monkeypatch.setattr(time, "time", lambda: now + names.FRESH_SECONDS[names.SITES] + 1)
    names.known(company, names.SITES, filling.start)
    assert len(started) == 2
    company.write_text(company.read_text("utf-8") + "\n", "utf-8")
    monkeypatch.setattr(time, "time", lambda: now + 2 * names.FRESH_SECONDS[names.SITES])
    names.known(company, names.SITES, filling.start)
    assert len(started) == 3
    assert cache.is_dir()


def test_where_the_company_cannot_be_reached_yesterdays_names_are_better_than_none(
    company: Path, cache: Path, started: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    good = names.known(company, names.SITES, filling.start)
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: started.append("in vain"))
    now = time.time()
    for hours, wanted in ((1, good), (25, [])):
        monkeypatch.setattr(time, "time", lambda hours=hours: now + hours * 3600)
        assert names.known(company, names.SITES, filling.start, wait=0.05) == wanted
    assert cache.is_dir()


def test_what_was_tried_in_vain_is_not_tried_again_at_once(company: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[object] = []
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: tried.append(1))
    began = time.monotonic()
    for _ in range(5):
        assert names.known(company, names.SITES, filling.start, wait=0.2) == []
    assert time.monotonic() - began < 1
    assert len(tried) == 1
    assert cache.is_dir()


@posix
def test_a_configuration_that_others_may_write_is_not_followed(company: Path, cache: Path, started: list[str]) -> None:
    company.chmod(0o666)
    assert names.known(company, names.SITES, filling.start, wait=0.05) == []
    assert started == []
    assert not cache.exists()


def test_names_that_nobody_would_be_shown_any_more_are_taken_away(company: Path, cache: Path, started: list[str]) -> None:
    names.known(company, names.ACCOUNTS, filling.start)
    [old] = cache.glob("*-accounts.json")
    os.utime(old, (0, 0))
    names.known(company, names.SITES, filling.start)
    assert started == [names.ACCOUNTS, names.SITES]
    assert not old.exists()


def test_a_cache_folder_that_cannot_be_made_is_nobodys_trouble(company: Path, cache: Path, started: list[str]) -> None:
    cache.parent.write_text("a file", "utf-8")
    assert names.known(company, names.SITES, filling.start) == []
    assert started == []


# The shells.


@given(st.text(st.characters(exclude_characters="\n\0", exclude_categories=["Cs"]), min_size=1))
def test_whatever_a_name_is_bash_and_this_reader_take_it_back(name: str) -> None:
    quoted = shells.for_bash(name)
    assert quoted is not None
    if not set(name) & set("*?[]"):
        assert shlex.split(quoted) == [name]
        assert shells.unquoted(quoted) == (name, "")


@posix
def test_no_quoted_name_acts_in_bash(tmp_path: Path) -> None:
    words = [shells.for_bash(name) for name in [*HOSTILE, *UNTYPABLE[:1]]]
    script = "\n".join(f"printf '%s\\0' {word}" for word in words)
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, check=True)
    assert done.stdout.decode().split("\0")[:-1] == [*HOSTILE, *UNTYPABLE[:1]]
    assert list(tmp_path.iterdir()) == []


def test_powershells_five_marks_are_doubled() -> None:
    assert shells.for_powershell("a'b\u2018c\u2019d") == "'a''b\u2018\u2018c\u2019\u2019d'"
    assert shells.for_powershell("$(x)") == "'$(x)'"
    assert shells.for_powershell("plain-1") == "plain-1"
    assert shells.for_powershell("a:::b") is None


def answer(shell: str, company: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], **line: str) -> str:
    monkeypatch.chdir(company.parent)
    assert shells.complete(shell, line) == 0
    said = capsys.readouterr()
    assert said.err == ""
    return said.out


def test_each_shell_is_answered_in_its_own_manner(
    tmp_path: Path,
    cache: Path,
    started: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = hostile_company(tmp_path / "h")
    typed = "bposync list --site s00"
    bash = answer("bash", path, monkeypatch, capsys, COMP_WORDS=typed.replace(" ", "\n"), COMP_CWORD="3")
    assert bash == "s00\\$\\(touch\\ PWNED\\)\n"
    zsh = answer("zsh", path, monkeypatch, capsys, _TYPER_COMPLETE_ARGS=typed)
    assert zsh.startswith("compadd -M ")
    assert "$(" not in zsh
    fish = {"_TYPER_COMPLETE_ARGS": typed, "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    assert answer("fish", path, monkeypatch, capsys, **fish) == "s00$(touch PWNED)\t\n"
    powershell = {"_TYPER_COMPLETE_ARGS": typed, "_TYPER_COMPLETE_WORD_TO_COMPLETE": "s00"}
    assert answer("pwsh", path, monkeypatch, capsys, **powershell) == "'s00$(touch PWNED)'::: \n"
    all_of_them = answer("bash", path, monkeypatch, capsys, COMP_WORDS="bposync\nlist\n--site\n", COMP_CWORD="3")
    assert len(all_of_them.splitlines()) == len(HOSTILE)  # what nobody can type is left out
    assert started == [names.SITES]
    assert cache.is_dir()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
@pytest.mark.parametrize("line", [{}, {"COMP_WORDS": "", "COMP_CWORD": "x"}, {"COMP_WORDS": "'", "COMP_CWORD": "99"}])
def test_nonsense_and_a_company_that_is_not_there_say_nothing(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    shell: str,
    line: dict[str, str],
) -> None:
    monkeypatch.chdir(tmp_path)
    shells.complete(shell, line)
    nowhere = {"COMP_WORDS": "bposync\nlist\n--site\n", "COMP_CWORD": "3", "_TYPER_COMPLETE_ARGS": "bposync list --site "}
    assert shells.complete(shell, nowhere) == 0
    assert capsys.readouterr().err == ""


def test_a_cached_answer_is_quick_and_loads_no_slow_library(tmp_path: Path, cache: Path) -> None:
    path = hostile_company(tmp_path / "h")
    names.fill(path, names.SITES)
    script = (
        "import sys, runpy, platformdirs, pathlib\n"
        f"platformdirs.user_cache_path = lambda *_, **__: pathlib.Path({str(cache)!r})\n"
        "sys.argv = ['bposync']\n"
        "try:\n    runpy.run_module('bposync', run_name='__main__')\n"
        "finally:\n    print(sorted({'sqlalchemy', 'rich', 'pyodbc', 'httpx', 'rapidfuzz'} & set(sys.modules)))\n"
    )
    line = {"_BPOSYNC_COMPLETE": "complete_bash", "COMP_WORDS": "bposync\nlist\n--site\ns00", "COMP_CWORD": "3"}
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=path.parent, env=environment(line), capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("s00\\$\\(touch\\ PWNED\\)\n[]\n", "")
    assert time.monotonic() - began < 5


@posix
def test_in_a_real_bash_tab_completes_a_hostile_site_and_runs_nothing(tmp_path: Path) -> None:
    """The whole of it: Typer's script, a process that fills the cache, and the word as a program gets it."""
    import pexpect

    folder = tmp_path / "h"
    hostile_company(folder)
    variables = {**environment(None), "TERM": "dumb", "PS1": "READY> ", "INPUTRC": os.devnull, "PYTHONDONTWRITEBYTECODE": "1"}
    python = shlex.quote(sys.executable)
    (folder / "run").write_text(
        f'#!/bin/bash\nif [ -n "$_BPOSYNC_COMPLETE" ]; then exec {python} -m bposync; fi\n'
        f'exec {python} -Sc \'import json, sys; print("GOT", json.dumps(sys.argv[1:]), "END")\' "$@"\n',
        "utf-8",
    )
    (folder / "run").chmod(0o755)
    (folder / "run").rename(folder / "bposync")
    variables["PATH"] = f"{folder}{os.pathsep}{variables['PATH']}"
    source = {**variables, "_BPOSYNC_COMPLETE": "source_bash"}
    script = subprocess.run(
        [sys.executable, "-m", "bposync"], env=source, capture_output=True, text=True, check=True, cwd=folder
    ).stdout
    (tmp_path / "script").write_text(script, "utf-8")
    before = sorted(folder.iterdir())
    child = pexpect.spawn(
        "bash",
        ["--norc", "--noprofile", "-i"],
        cwd=str(folder),
        env=variables,
        encoding="utf-8",
        dimensions=(40, 200),
        timeout=30,
    )
    with child:
        child.sendline(f"bind 'set enable-bracketed-paste off'; source {shlex.quote(str(tmp_path / 'script'))}; echo LOADED")
        child.expect("\nLOADED")
        for number in (0, 2, 4, 5):
            child.send(f"bposync list --site s{number:02}\t")
            child.expect(f"--site (?:s|[$]'s){number:02}[^\r\n]+")
            child.send("\r")
            child.expect(r"GOT (\[.*?\]) END")
            assert json.loads(cast("Any", child.match)[1]) == ["list", "--site", f"s{number:02}{HOSTILE[number]}"]
        child.sendline("exit")
    assert sorted(folder.iterdir()) == before


def test_completion_is_installed_by_its_own_option(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    assert "--install-completion" in capsys.readouterr().out


def test_bash_is_there_for_these_tests() -> None:
    needs(sys.platform == "win32" or shutil.which("bash") is not None, "bash is not installed")
