"""The documentation as a site: what can be checked of it without the generator, which is not among what the tests need."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import sqlglot

from bposync.errors import ExitCode
from bposync.records import Action, OutcomeKind, Verdict
from bposync.words import VERDICTS, WORDS

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.glob("*.md"))
BLOCKS = re.compile(r"(?:<!-- (?P<mark>[^\n]+?) -->\n)?```console\n(?P<body>.*?)```", re.DOTALL)


@pytest.fixture(scope="module")
def conf() -> Any:
    spec = importlib.util.spec_from_file_location("docs_conf", DOCS / "conf.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def without_code(path: Path) -> str:
    return re.sub(r"^```.*?^```$", "", path.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)


def test_every_page_has_its_place_in_the_contents_once(conf: Any) -> None:
    trees = re.findall(
        r"```{toctree}\n:hidden:\n:caption: ([^\n]+)\n(.*?)\n```", conf.contents((DOCS / "index.md").read_text()), re.DOTALL
    )
    assert [caption for caption, _ in trees] == ["For the clerk", "For the administrator", "Reference", "How it works"]
    placed = [name for _, names in trees for name in names.splitlines()]
    assert sorted([*placed, "index"]) == [path.stem for path in PAGES]


def test_pages_that_stand_elsewhere_are_put_in_with_links_that_hold(conf: Any) -> None:
    for name, there in conf.ELSEWHERE.items():
        source = [""]
        conf.read(None, name, source)
        assert source[0].startswith("# ")
        assert f"](../{there})" in (DOCS / f"{name}.md").read_text("utf-8")
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)[^)]*\)", source[0]):
            assert (DOCS / target).is_file(), target


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_a_page_leads_out_of_docs_only_to_what_the_site_has_too(path: Path, conf: Any) -> None:
    allowed = {*conf.ELSEWHERE.values(), "config.example.toml"}
    assert set(re.findall(r"\]\(\.\./([^)#]+)", without_code(path))) <= allowed


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_a_page_has_one_title_no_gap_between_its_headings_and_words_for_its_pictures(path: Path) -> None:
    text = without_code(path)
    levels = [len(mark) for mark in re.findall(r"^(#+) ", text, re.MULTILINE)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    for words, target in re.findall(r"!\[([^\]]*)\]\(([^)]+)\)", text):
        assert len(words) > 10, target
        assert (DOCS / target).is_file(), target


@pytest.mark.parametrize("path", [ROOT / "README.md", *PAGES], ids=lambda path: path.name)
def test_whatever_a_page_shows_of_a_command_is_run_or_says_why_not(path: Path) -> None:
    for block in BLOCKS.finditer(path.read_text("utf-8")):
        mark, lines = block["mark"] or "", block["body"].splitlines()
        if mark.startswith("bposync"):
            assert [line for line in lines if line.startswith("$ ")] == [f"$ {command}" for command in mark.split(" && ")]
        elif mark:
            assert re.fullmatch(r"not run: .{10,}", mark), mark
        elif any(line.startswith("$ bposync") for line in lines):
            assert all(re.match(r"\$ (bposync|cd) ?", line) for line in lines), lines
        else:
            assert not any("bposync" in line and line.startswith("$ ") and "pip" not in line for line in lines), lines


def test_contributors_are_told_of_every_script_and_of_no_other() -> None:
    told = set(re.findall(r"^\| `scripts/([\w-]+)`", (DOCS / "contributing.md").read_text("utf-8"), re.MULTILINE))
    assert told == {path.name for path in (ROOT / "scripts").iterdir() if not path.name.startswith("_")}
    for path in [ROOT / "README.md", *PAGES]:
        assert set(re.findall(r"(?<![\w/])scripts/([\w-]+)(?![\w.])", path.read_text("utf-8"))) <= told, path.name


def test_the_generator_is_no_part_of_what_users_and_tests_get() -> None:
    for name in ("run", "dev", "bench"):
        assert "\nsphinx==" not in (ROOT / "requirements" / f"{name}.txt").read_text("utf-8")
    locked = (ROOT / "requirements" / "docs.txt").read_text("utf-8")
    assert {"\nfuro==", "\nmyst-parser==", "\nsphinx=="} <= {
        found[: len(found)] for found in re.findall(r"\n[\w.-]+==", locked)
    }
    assert locked.count("==") <= locked.count("--hash=sha256:")


def test_every_word_of_a_plan_and_of_a_run_is_told_to_the_clerk() -> None:
    told = {
        word
        for cell in re.findall(r"^\| (\*\*[^|]+) \|", (DOCS / "needs-you.md").read_text(), re.MULTILINE)
        for word in re.findall(r"\*\*([^*]+)\*\*|, or (\w+)$", cell)
        for word in word
        if word
    }
    needless = {Action.SAME, Action.CREATE, Action.UPDATE}
    assert {WORDS[action] for action in Action if action not in needless} <= told
    assert {kind.value for kind in OutcomeKind if kind is not OutcomeKind.WRITTEN} <= told
    assert VERDICTS[Verdict.HELD] in told


def test_what_stops_a_sync_is_quoted_as_the_program_says_it() -> None:
    told = (DOCS / "needs-you.md").read_text("utf-8").partition("\n## It stopped\n")[2]
    source = "\n".join(path.read_text("utf-8") for path in (ROOT / "src/bposync").rglob("*.py"))
    quotes = [quote for cell in re.findall(r"^\| ([^|]+) \|", told, re.MULTILINE) for quote in re.findall(r"\*([^*]+)\*", cell)]
    assert len(quotes) > 5
    for quote in quotes:
        for piece in quote.split("…"):
            assert piece.strip(" ,.") in source, quote


@pytest.mark.parametrize("name", ["sql-server.md", "upkeep.md"])
def test_every_statement_for_sql_server_is_one(name: str) -> None:
    for block in re.findall(r"```t?sql\n(.*?)```", (DOCS / name).read_text("utf-8"), re.DOTALL):
        for statement in block.split(";"):
            if statement.strip().startswith(("SELECT", "CREATE VIEW")):
                sqlglot.parse_one(statement, dialect="tsql", error_level=sqlglot.ErrorLevel.RAISE)


@pytest.mark.parametrize(
    ("code", "mails"),
    [
        (ExitCode.DONE, ["clerk: said", "admin: beside"]),
        (ExitCode.NOT_WRITTEN, ["clerk: said", "admin: beside"]),
        (ExitCode.GUARD, ["clerk: said beside", "admin: said beside"]),
        (ExitCode.LOCKED, []),
        (ExitCode.USAGE, ["admin: said beside"]),
        (ExitCode.UNREACHABLE, ["admin: said beside"]),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
@pytest.mark.parametrize("streams", ["said beside", "said", "beside", ""])
@pytest.mark.skipif(os.name != "posix", reason="a script of the shell")
def test_the_nights_script_mails_whom_it_concerns(code: ExitCode, mails: list[str], streams: str, tmp_path: Path) -> None:
    [script] = re.findall(
        r"```sh\n(#!/bin/sh\n# Synchronises once and .*?)```", (DOCS / "nightly.md").read_text("utf-8"), re.DOTALL
    )
    says = "".join(f"echo {word}{' >&2' * (word == 'beside')}\n" for word in streams.split())
    tools = {
        "night": script,
        "bposync": f'#!/bin/sh\necho "$@" >>calls\n{says}exit {code.value}\n',
        "mail": '#!/bin/sh\necho "$2 to $3:" $(cat) >>mails\n',
        "sleep": "#!/bin/sh\n",
    }
    for name, text in tools.items():
        (tmp_path / name).write_text(text, "utf-8")
        (tmp_path / name).chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    done = subprocess.run(
        [tmp_path / "night", "/etc/durban.toml", "clerk", "admin"], cwd=tmp_path, env={"PATH": path}, check=False
    )
    assert done.returncode == (0 if code is ExitCode.LOCKED else code.value)  # another one does it
    sent = (tmp_path / "mails").read_text().splitlines() if (tmp_path / "mails").exists() else []
    assert all(mail.startswith("bposync, durban: ") for mail in sent)
    # What was not said is in no mail, and nobody gets an empty one.
    meant = [[mail.split()[0], *(word for word in mail.split()[1:] if word in streams.split())] for mail in mails]
    assert [mail.rpartition(" to ")[2].split() for mail in sent] == [mail for mail in meant if len(mail) > 1]
    calls = (tmp_path / "calls").read_text().splitlines()
    assert set(calls) == {"--config /etc/durban.toml sync --yes --quiet"}
    assert len(calls) == (3 if code is ExitCode.UNREACHABLE else 1)
