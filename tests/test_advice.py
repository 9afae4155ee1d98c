"""What is named to be typed next: it works as it stands, from where the reader is, and says the words of the field."""

from __future__ import annotations

import re
import shlex
import shutil
import sqlite3
import sys
from contextlib import closing
from decimal import Decimal
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from bposync import advice, demo, keyrings, reasons
from bposync.accounting.pastel_sdk import AnswerError
from bposync.cli.app import main
from bposync.cli.commands import COMMANDS
from bposync.config import load
from bposync.errors import UsageError
from bposync.export.settling import ways
from bposync.journal import copies
from bposync.records import Action, Change, FieldChange, Verdict

if TYPE_CHECKING:
    from pathlib import Path

    from support.within import Call


_NAMED = re.compile(rf"\bbposync ({'|'.join(COMMANDS)})\b")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return demo.build(tmp_path_factory.mktemp("demo") / "template")


@pytest.fixture
def company(template: Path, tmp_path: Path) -> Path:
    return shutil.copytree(template.parent, tmp_path / "company with blanks") / template.name


@pytest.fixture(scope="module")
def partner_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return demo.build(tmp_path_factory.mktemp("partner") / "template", system="partner", write="file")


@pytest.fixture
def partner(partner_template: Path, tmp_path: Path) -> Path:
    return shutil.copytree(partner_template.parent, tmp_path / "partner with blanks") / partner_template.name


# The configuration.


# A reason of a plan's, which others may read later from elsewhere, in the journal too.
_IN_THE_JOURNAL = "give it another with bposync link CUSTOMER --new CODE"


@pytest.mark.parametrize(
    ("arguments", "code", "partners"),
    [
        (["status"], 0, 0),
        (["sync", "--dry-run"], 4, 4),
        (["sync", "--site", "Cape Town", "--dry-run"], 0, 4),
        (["sync", "--max-changes", "5", "--dry-run"], 8, 8),
        (["sync", "--yes"], 4, 4),
        (["doctor"], 0, 0),
        (["unlink", "ZEB001"], 2, 2),
        (["accept", "ZEB001"], 0, 0),
        (["link"], 2, 2),
        (["ignore"], 2, 2),
        (["link", "--import", "no copy.csv"], 2, 2),
        ([], 0, 0),
    ],
)
@pytest.mark.parametrize("system", ["evolution", "partner"])
def test_a_configuration_named_by_option_is_in_each_command_that_is_named(
    company: Path,
    partner: Path,
    capsys: pytest.CaptureFixture[str],
    system: str,
    arguments: list[str],
    code: int,
    partners: int,
) -> None:
    path, expected = (company, code) if system == "evolution" else (partner, partners)
    (path.parent / "no copy.csv").write_text(f"{','.join(copies.HEADINGS)}\nnothing,,,,,,,,,\n", "utf-8")
    words = [str(path.parent / word) if word.endswith(".csv") else word for word in arguments]
    assert main([*words, "--config", str(path)]) == expected
    said = "".join(capsys.readouterr()).replace(_IN_THE_JOURNAL, "")
    named = [line for line in said.splitlines() if _NAMED.search(line)]
    assert named
    for line in named:
        assert len(_NAMED.findall(line)) == line.count(f'--config "{path}"'), line


def test_the_demo_names_commands_that_work_as_they_stand(bposync: Call, tmp_path: Path) -> None:
    said = bposync("demo", tmp_path / "it's mine").stderr
    named = [line.strip() for line in said.splitlines() if line.strip().startswith("bposync ")]
    assert [shlex.split(line)[1] for line in named] == ["list", "sync", "status"]
    for line in named:
        bposync(*shlex.split(line)[1:], *["--yes"] * (" sync " in line))


def test_what_a_keyring_and_pastels_sdk_name_has_the_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    advice.repeat_config("cape.toml")
    assert AnswerError("17", "", "ImportCustomer").hint.endswith(": bposync link CUSTOMER --new CODE --config cape.toml")
    monkeypatch.setattr(keyrings, "why_not", lambda: "")
    monkeypatch.setitem(sys.modules, "keyring", SimpleNamespace(get_password=lambda *_: None))
    with pytest.raises(UsageError) as caught:
        keyrings.read("bposync", "reader")
    assert str(caught.value.hint).startswith("Put it there: bposync init --config cape.toml asks for it")


def test_what_lets_a_large_plan_through_is_the_whole_command_with_all_that_was_typed(bposync: Call, company: Path) -> None:
    typed = ("--site", "Cape Town", "--customer", "TAB001", "--customer", "SEA001", "--overwrite", "--fail-fast")
    wrong = ("sync", *typed, "--max-changes", "0", "--yes", "--config", company)
    hint = bposync(*wrong, expect=8).stderr.splitlines()[-1]
    named = hint.partition("if it is right: ")[2]
    assert shlex.split(named) == ["bposync", "sync", *typed[:6], "--max-changes", "2", *typed[6:], "--config", str(company)]
    bposync(*shlex.split(named)[1:], "--yes")


def test_one_that_is_found_without_the_option_is_not(bposync: Call, company: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bposync("status", "--config", company)
    monkeypatch.chdir(company.parent)
    assert "--config" not in bposync("status").stdout
    monkeypatch.chdir("/")
    monkeypatch.setenv("BPOSYNC_CONFIG", str(company))
    assert "--config" not in bposync("status").stdout


def test_a_command_is_read_by_the_shell_as_it_was_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["A B", "it's", "$HOME", "a\\b", "Ünï", "", "plain", "a;b"]
    monkeypatch.setattr("sys.platform", "linux")
    assert shlex.split(advice.command(" ".join(["link", *["{}"] * len(words)]), *words)) == ["bposync", "link", *words]


def test_a_call_leaves_nothing_of_its_configuration_for_the_next(bposync: Call, company: Path) -> None:
    bposync("status", "--config", company)
    assert advice.command("status") == "bposync status"


@pytest.mark.parametrize("code", ["-X1", "--help", "--new"])
def test_a_code_that_begins_with_a_hyphen_is_named_so_that_it_is_read_as_one(bposync: Call, company: Path, code: str) -> None:
    for statement in ("UPDATE Customer SET CustomerCode = ? WHERE CustomerCode = 'ZEB001'",):
        with closing(sqlite3.connect(company.parent / "bpo.sqlite")) as connection, connection:
            connection.execute("PRAGMA foreign_keys = OFF")
            connection.execute(statement, [code])
    said = bposync("link", "--config", company, "--", code, "ZUL001").stdout
    (undo,) = [line.partition(": ")[2] for line in said.splitlines() if line.startswith("If that was a slip")]
    assert f"Customer {code} is no longer linked" in bposync(*shlex.split(undo)[1:]).stdout
    assert (
        "is a copy of another one's"
        not in bposync("sync", "--config", company, f"--customer={code}", "--dry-run", expect=4).stderr
    )


@pytest.mark.parametrize(
    ("form", "word", "shown"),
    [
        ("unlink {}", "-X1", "unlink -- -X1"),
        ("link {} --new CODE", "-X1", "link --new -- -X1 CODE"),
        ("sync --customer {} --overwrite", "-X1", "sync --customer=-X1 --overwrite"),
    ],
)
def test_a_hyphen_at_the_beginning_makes_no_option(form: str, word: str, shown: str) -> None:
    assert advice.command(form, word) == f"bposync {shown}"


@pytest.mark.parametrize(
    ("form", "word", "shown"),
    [
        ("sync --site {}", "100% Durban", "sync --site SITE"),
        ("sync --site {}", "Müller's [2] & Co", """sync --site "Müller's [2] & Co\""""),
        ("review --apply {}", "C:\\R&D\\review.xlsx", 'review --apply "C:\\R&D\\review.xlsx"'),
        ("unlink {}", "a\\", "unlink CODE"),
    ],
)
def test_on_windows_what_stands_for_a_word_says_of_what_kind_it_is(
    monkeypatch: pytest.MonkeyPatch, form: str, word: str, shown: str
) -> None:
    monkeypatch.setattr("sys.platform", "win32")
    assert advice.command(form, word) == f"bposync {shown}"


@pytest.mark.parametrize("code", ['a" & calc & "', "%PATH%", "$(calc)", "`calc`", "!x", 'x"', "a^b%"])
def test_on_windows_a_code_that_a_shell_might_run_is_left_to_a_person(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    monkeypatch.setattr("sys.platform", "win32")
    assert advice.command("unlink {}", code) == "bposync unlink CODE"


def test_on_windows_a_path_is_typed_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "win32")
    advice.repeat_config(r"C:\Program Files (x86)\bposync\Über uns.toml")
    assert advice.command("status") == r'bposync status --config "C:\Program Files (x86)\bposync\Über uns.toml"'


# What settles a customer.


def waiting(bposync: Call, company: Path) -> list[Change]:
    """Give everybody in the demo company who waits for a person."""
    from bposync.accounting import open_accounting
    from bposync.bpo import Bpo
    from bposync.journal import open_journal
    from bposync.plan import ATTENTION
    from bposync.survey import make_survey

    bposync("sync", "--yes", "--config", company, expect=4)
    settings = load(company)
    with (
        Bpo(settings) as bpo,
        open_accounting(settings, bpo.fields, writes=False) as accounting,
        open_journal(settings, writes=False) as journal,
    ):
        survey = make_survey(settings, bpo, accounting, journal)
        return [change for change in survey.plan(survey.choose()).changes if change.action in ATTENTION]


def test_every_command_that_settles_somebody_works_as_it_stands(bposync: Call, company: Path, tmp_path: Path) -> None:
    people = waiting(bposync, company)
    assert {change.action for change in people} == {Action.CONFLICT, Action.LOOKALIKE, Action.REJECTED}
    tried = set()
    for change in people:
        for place, way in enumerate(ways(change)):
            fresh = shutil.copytree(company.parent, tmp_path / f"{change.code}-{place}") / company.name
            words = shlex.split(way.command)[1:]
            words = [f"FREE{place}" if word == advice.PLACEHOLDER else word for word in words]
            asks = ["--yes"] if words[0] == "sync" else []
            mended_first = change.action is Action.REJECTED and words[0] == "sync"
            bposync(*words, *asks, "--config", fresh, expect=4 if mended_first else 0)
            tried.add((change.action, words[0], "--new" in words))
    assert tried == {
        (Action.CONFLICT, "accept", False), (Action.CONFLICT, "sync", False),
        (Action.LOOKALIKE, "link", False), (Action.LOOKALIKE, "link", True),
        (Action.REJECTED, "link", True), (Action.REJECTED, "sync", False),
    }  # fmt: skip


def test_a_lookalike_is_told_to_choose_a_code_only_where_its_own_is_taken(bposync: Call, company: Path) -> None:
    people = waiting(bposync, company)
    advice.repeat_config(None)
    last = {change.code: ways(change)[-1].command for change in people}
    assert last["SUN001"] == "bposync link SUN001 --new CODE"  # Sunset Boulevard Trading has it
    assert last["VAA001"] == "bposync link VAA001 --new"


# Why somebody waits.


def in_conflict(*fields: str, agreed: bool = False) -> Change:
    made = tuple(
        FieldChange(name, f"{name} there", f"{name} here", "before", Verdict.CONFLICT, agreed=agreed) for name in fields
    )
    why = tuple(f"{name}: both sides changed it" for name in fields)
    return Change("A1", "One", "A1", Action.CONFLICT, fields=made, reasons=("paired: same code and name", *why))


def test_a_conflict_in_one_line_has_the_two_values_and_the_fields_labels() -> None:
    limit = FieldChange("credit_limit", Decimal(40000), Decimal(25000), None, Verdict.CONFLICT)
    change = Change("A1", "One", "A1", Action.CONFLICT, fields=(limit,), reasons=("credit_limit: both sides changed it",))
    assert reasons.in_short(change) == "Credit limit: accounting has 40,000.00, BPO 25,000.00"
    assert reasons.in_short(in_conflict("phone", agreed=True)) == (
        "Phone: accounting has 'phone there', BPO 'phone here', last agreed 'before'"
    )


def test_a_conflict_in_many_fields_names_them_and_stays_one_short_line() -> None:
    assert reasons.in_short(in_conflict("name", "phone", "email")) == "both sides have another Name, Phone, E-mail"


def test_no_reason_names_a_field_but_by_its_label(bposync: Call, company: Path) -> None:
    for change in waiting(bposync, company):
        assert "_" not in reasons.in_short(change)
        assert not any(each.startswith(("code:", "name:", "credit_limit:")) for each in reasons.in_words(change))


def test_what_status_and_a_quiet_sync_say_of_a_conflict_is_short_and_in_words(bposync: Call, company: Path) -> None:
    line = "In conflict: ZEB001 Zebra Print Shop: Credit limit: accounting has 40,000.00, BPO 25,000.00"
    assert line in bposync("status", "--config", company).stdout.splitlines()
    assert (
        line
        in bposync("sync", "--dry-run", "--quiet", "--config", company, expect=4).stderr.splitlines()
        + bposync("sync", "--dry-run", "--quiet", "--config", company, expect=4).stdout.splitlines()
    )
