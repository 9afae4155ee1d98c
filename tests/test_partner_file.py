"""Writing into a file that Pastel's own import takes: what stands in it, when it is written, and what becomes of it."""

from __future__ import annotations

import csv
import io
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import bposync
from bposync import apply
from bposync.errors import GuardError, UnreachableError
from bposync.journal import open_journal
from support.company import Company, Synced
from support.partner import FILE, PartnerCompanies, PartnerCompany
from support.pastel import DELIVERY_TEXTS, MASTER_TEXTS, WIDTHS

if TYPE_CHECKING:
    from support.postgres import PostgresServer

GOLDEN = Path(__file__).parent / "data" / "partner-import.csv"
FULL: dict[str, Any] = {
    "credit_limit": 75000, "phone": "+27 31 555 0101", "mobile": "082 555 0102", "email": "accounts@hillcrest.example",
    "contact": "Zoë van der M.", "vat_number": "4123456789", "terms": "60 Days", "type": "GV",
    **{f"billing_{line}": f"Postal {line}" for line in range(1, 4)}, "billing_postcode": "3650",
    **{f"shipping_{line}": f"Street {line}" for line in range(1, 5)}, "shipping_postcode": "3610",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apply, "PAUSE_SECONDS", 0)


@pytest.fixture(scope="module")
def companies(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> PartnerCompanies:
    return PartnerCompanies(postgres, tmp_path_factory.mktemp("companies"))


@pytest.fixture
def company(companies: PartnerCompanies) -> PartnerCompany:
    return companies.make(FILE)


@pytest.fixture
def exported(company: PartnerCompany) -> PartnerCompany:
    """One account is to be changed, one is new; both are exported, and nobody imported them yet."""
    company.account("OLD001", "Old", phone="0", Fax="031 9", UserDefined01="route", Discount=550)
    company.customer("OLD001", "Old", phone="0", email="a@b.example")
    company.customer("NEW001", "New", phone="1")
    assert export(company).outcomes == {"NEW001": "exported", "OLD001": "exported"}
    return company


def export(company: PartnerCompany, **options: Any) -> Synced:
    """Synchronise without importing the file."""
    return Company.sync(company, **options)


def rows(company: PartnerCompany) -> dict[str, dict[str, str]]:
    """Give the file's rows by code, under its headings."""
    text = company.file.read_bytes().decode("cp1252")
    return {row["Customer Code"]: row for row in csv.DictReader(io.StringIO(text, newline=""), strict=True)}


# What stands in it.


def test_the_file_is_the_golden_one(company: PartnerCompany) -> None:
    company.account("OLD001", 'Old & "Sons", €5', Discount=1250, Fax="031 9", SalesmanCode="LINDA", Category=3, BankType=2,
                    UserDefined05="route", CustName="Zoë", SettlementTerms=7, CashAccount=True)  # fmt: skip
    company.customer("OLD001", 'Old & "Sons", €5', email="a@b.example")
    company.customer("HIL001", "Hillcrest (Pty) Ltd", **FULL)
    company.customer("BLA001", "=Nothing but a name")
    assert set(export(company).outcomes.values()) == {"exported"}
    sent = company.file.read_bytes()
    if os.environ.get("BPOSYNC_TESTS_WRITE_GOLDEN"):
        GOLDEN.write_bytes(sent)
    assert sent == GOLDEN.read_bytes()
    assert b"\x80" in sent
    assert sent.endswith(b'"\r\n')
    assert all(line.startswith(b'"') and line.endswith(b'"') for line in sent.split(b"\r\n")[:-1])


def test_each_row_is_whole_with_the_accounts_own_values_where_bpo_changes_none(exported: PartnerCompany) -> None:
    row = rows(exported)["OLD001"]
    assert {name: row[name] for name in ("Telephone", "Fax", "Email", "User Defined 1", "Discount Percentage")} == {
        "Telephone": "0", "Fax": "031 9", "Email": "a@b.example", "User Defined 1": "route", "Discount Percentage": "5.5",
    }  # fmt: skip
    assert {name: rows(exported)["NEW001"][name] for name in ("Customer Category", "Payment Terms", "Open Item")} == {
        "Customer Category": "01", "Payment Terms": "30", "Open Item": "Y",
    }  # fmt: skip


def test_settings_that_nobody_publishes_are_left_out(exported: PartnerCompany) -> None:
    heading = set(rows(exported)["OLD001"])
    assert heading.isdisjoint({"Tax Exempt", "Exclusive", "Statements", "Monthly or Daily"})
    assert len(heading) == 51


def test_every_text_of_the_file_is_one_of_the_sdks_with_its_width() -> None:
    from bposync.accounting.partner_record import FIELDS

    texts = {number: field for number, field in enumerate(FIELDS, 1) if field.form == "text" and field.column}
    assert {number: field.column for number, field in texts.items() if number > 1} == {**MASTER_TEXTS, **DELIVERY_TEXTS}
    assert {number: field.width for number, field in texts.items() if number in WIDTHS} == {
        number: width for number, width in WIDTHS.items() if number in texts
    }


# What becomes of it.


def test_what_was_exported_is_planned_as_same_with_that_reason_and_not_exported_again(exported: PartnerCompany) -> None:
    before = exported.file.read_bytes()
    for synced in (exported.plan(), export(exported)):
        assert set(synced.actions.values()) == {"same"}
        assert synced.plan.writes == ()
        assert all("customers.csv" in change.reasons[0] for change in synced.plan.changes)
        assert [note for note in synced.plan.notes if "import file" in note]
    assert exported.file.read_bytes() == before
    assert set(exported.links()) == {"old001"}
    assert "email" not in exported.links()["old001"].agreed
    document = exported.run("status", "--json").json
    assert document["in_sync"] is True


def test_it_becomes_written_when_a_later_sync_reads_it_back(exported: PartnerCompany) -> None:
    exported.import_file()
    result = exported.run("sync", "--yes")
    assert "OLD001 is imported." in result.stdout
    assert "NEW001 is imported." in result.stdout
    assert {key: link.agreed["phone"] for key, link in exported.links().items()} == {"new001": ("1", "1"), "old001": ("0", "0")}
    first = exported.run("history", "--json").json["runs"][-1]["run"]
    told = {change["code"]: change["outcome"] for change in exported.run("history", first, "--json").json["runs"][0]["changes"]}
    assert told == {"NEW001": "written", "OLD001": "written"}
    exported.run("history", "--verify")


def test_history_tells_what_was_exported_until_then(exported: PartnerCompany) -> None:
    first = exported.run("history", "--json").json["runs"][-1]
    assert first["outcomes"]["exported"] == 2
    told = {change["code"]: change for change in exported.run("history", first["run"], "--json").json["runs"][0]["changes"]}
    assert {code: change["outcome"] for code, change in told.items()} == {"NEW001": "exported", "OLD001": "exported"}
    assert not any("never came" in reason for change in told.values() for reason in change["reasons"])


def test_deleting_the_file_exports_again(exported: PartnerCompany) -> None:
    before = exported.file.read_bytes()
    exported.file.unlink()
    assert export(exported).outcomes == {"NEW001": "exported", "OLD001": "exported"}
    assert exported.file.read_bytes() == before


def test_while_a_file_lies_there_that_was_not_imported_nothing_else_is_exported(exported: PartnerCompany) -> None:
    before = exported.file.read_bytes()
    exported.customer("OTH001", "Other")
    for arguments in (("--yes",), ("--dry-run",)):
        error = exported.run("sync", *arguments, "--json", expect=8).json["error"]
        assert (error["code"], "not imported" in error["message"], "2 of the 2" in error["message"]) == (8, True, True)
        assert "delete it" in error["hint"]
    assert exported.file.read_bytes() == before
    with open_journal(exported.settings(), writes=False) as journal:
        assert len(journal.runs.all()) == 1
    exported.import_file()
    assert export(exported).outcomes == {"OTH001": "exported"}
    assert list(rows(exported)) == ["OTH001"]


def test_what_bpo_changed_meanwhile_waits_for_the_import(exported: PartnerCompany) -> None:
    exported.change("NEW001", phone="2")
    with pytest.raises(GuardError, match="not imported"):
        export(exported)
    exported.import_file()
    with exported.opened() as opened:
        apply.settle_earlier(opened.journal, opened.accounting)
    assert export(exported).outcomes == {"NEW001": "exported"}
    assert rows(exported)["NEW001"]["Telephone"] == "2"


def test_a_file_of_which_only_a_part_was_imported_is_not_written_over(exported: PartnerCompany) -> None:
    exported.account("NEW001", "New", phone="1", Category=1)
    exported.customer("OTH001", "Other")
    with pytest.raises(GuardError, match=r"1 of the 2 accounts .*OLD001"):
        export(exported)


def test_a_lost_journal_does_not_write_over_a_file_whose_accounts_nobody_has(exported: PartnerCompany) -> None:
    exported.lose_journal()
    with pytest.raises(GuardError, match="NEW001"):
        export(exported)


def test_what_was_imported_and_changed_or_deleted_afterwards_was_imported(exported: PartnerCompany) -> None:
    exported.import_file()
    assert export(exported).plan.writes == ()
    exported.edit("OLD001", phone="bookkeeper")
    exported.delete("NEW001")
    exported.customer("OTH001", "Other")
    assert export(exported).outcomes == {"OTH001": "exported"}


@pytest.mark.parametrize("content", [b"", b"Customer Code,Name\r\nA,B\r\n", b"\x81\x8d\xff", b'"Customer Code"\r\n"A'])
def test_a_file_of_somebody_elses_is_never_written_over(company: PartnerCompany, content: bytes) -> None:
    company.file.write_bytes(content)
    company.customer("NEW001", "New")
    with pytest.raises(GuardError, match="none of bposync's") as refused:
        export(company)
    assert "Move it away" in (refused.value.hint or "")
    assert company.file.read_bytes() == content


def test_the_file_is_written_whole_or_not_at_all(company: PartnerCompany, monkeypatch: pytest.MonkeyPatch) -> None:
    company.customer("NEW001", "New")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", full)
        with pytest.raises(UnreachableError, match="No space left"):
            export(company)
    assert [path.name for path in company.folder.iterdir() if "customers" in path.name] == []
    assert export(company).outcomes == {"NEW001": "exported"}


def test_a_sync_says_how_the_file_is_imported_step_by_step(company: PartnerCompany) -> None:
    company.customer("NEW001", "New")
    said = company.run("sync", "--yes").stdout
    assert "Exported: 1 new account. Run " in said
    assert "The synchronisation is complete." not in said
    steps = [line for line in said.splitlines() if line[:2] in ("1.", "2.", "3.", "4.", "5.")]
    assert len(steps) == 5
    assert "Map Fields" in said
    assert str(company.file) in steps[0]
    quiet = company.run("sync", "--yes", "--quiet").stdout
    assert quiet == ""


def test_all_of_a_run_goes_into_one_file(company: PartnerCompany, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apply, "BATCH", 10)
    company.customers({"code": f"C{number:05}", "name": f"Customer {number}"} for number in range(25))
    assert len(export(company).outcomes) == 25
    assert len(rows(company)) == 25
    company.import_file()
    assert export(company).plan.writes == ()
    assert len(company.links()) == 25


def test_the_file_needs_a_name(company: PartnerCompany) -> None:
    company.configure("accounting", file=None)
    assert "file is missing" in company.run("sync", "--dry-run", expect=2).stderr


# Killed.

KILLED = """
import os, signal, sys
from pathlib import Path
import sqlalchemy as sa
from bposync import apply
from bposync.cli.app import main

apply.PAUSE_SECONDS = 0
left, steps = None, int(sys.argv[2])

def step(connection=None, *rest):
    global left
    if left is None and rest and "INSERT INTO bposync_runs" in rest[1]:
        left = steps
    if left is not None:
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1

replace = Path.replace

def replacing(path, target):
    step()
    replace(path, target)
    step()

Path.replace = replacing
sa.event.listen(sa.Engine, "before_cursor_execute", step)
sa.event.listen(sa.Engine, "commit", step)
sys.exit(main(["--config", sys.argv[1], "sync", "--yes"]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL on Windows")
def test_wherever_a_sync_is_killed_the_next_one_loses_and_doubles_nothing(company: PartnerCompany) -> None:
    company.customer("ALP001", "Alpha", phone="0")
    company.sync()
    wanted = {"ALP001": "0"}
    environment = {**os.environ, "PYTHONPATH": str(Path(bposync.__file__).parents[1])}
    for step in range(0, 80, 3):
        wanted["ALP001"] = f"changed {step}"
        company.change("ALP001", phone=wanted["ALP001"])
        new = f"N{step:05}"
        wanted[new] = f"phone {step}"
        company.customer(new, f"Name of {new}", phone=wanted[new])
        command: list[str | Path] = [sys.executable, "-c", KILLED, company.path, str(step)]
        code = subprocess.run(command, env=environment, capture_output=True, check=False).returncode
        assert code in (0, -signal.SIGKILL)
        # Whatever it left: one more export and one import bring everything in, once.
        export(company)
        company.import_file()
        synced = export(company)
        assert synced.plan.writes == ()
        assert {account: row["phone"] for account, row in company.held().items()} == wanted
        if code == 0:
            break
    else:
        pytest.fail("a sync of two customers takes more than 80 steps")
    assert step > 10
    with company.opened() as opened:
        assert opened.journal.runs.unsettled() == []
