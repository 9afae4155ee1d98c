"""`bposync` alone: where one is and what to type next; it writes nothing, waits for nobody, and never fails."""

from __future__ import annotations

import contextlib
import io
import shutil
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bposync import bpo, demo
from bposync.cli import where

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.within import Call


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return demo.build(tmp_path_factory.mktemp("demo"))


@pytest.fixture
def company(template: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(template.parent, tmp_path / "company")) / template.name


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder without a configuration, and none anywhere else."""
    monkeypatch.delenv("BPOSYNC_CONFIG", raising=False)
    for name in ("HOME", "USERPROFILE", "XDG_CONFIG_HOME", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_without_a_configuration_it_says_how_to_begin(bposync: Call, nowhere: Path) -> None:
    result = bposync()
    assert "There is no bposync.toml" in result.stdout
    assert "bposync demo" in result.stdout
    assert "bposync --help" in result.stdout
    assert result.stderr == ""
    document = bposync("--json").json
    assert (document["config"], document["next"][-1]) == (None, "bposync --help")
    assert not list(nowhere.iterdir())


def test_a_wrong_configuration_is_told_and_no_failure(bposync: Call, company: Path) -> None:
    company.write_text("[bpo]\nurll = 'x'\n", "utf-8")
    assert "urll" in bposync("--config", company).stdout


def test_before_the_first_sync_it_names_the_company_its_sites_and_the_dry_run(bposync: Call, company: Path) -> None:
    before = {path.name: path.read_bytes() for path in company.parent.iterdir()}
    said = bposync("--config", company).stdout
    assert "Company:   Example Company (Evolution, by SQL)" in said
    assert "Cape Town (13), Durban (24), Johannesburg (15)" in said
    assert "Synced:    never" in said
    assert "Next:      bposync sync --dry-run" in said
    assert {path.name: path.read_bytes() for path in company.parent.iterdir()} == before


def test_after_a_sync_it_says_when_by_whom_and_who_waits(bposync: Call, company: Path) -> None:
    bposync("--config", company, "sync", "--yes", "--quiet", expect=4)
    said = bposync("--config", company).stdout
    assert "written" in next(line for line in said.splitlines() if line.startswith("Synced:"))
    assert "Waiting:   4 customers needed a person then" in said
    assert "bposync review --output review.xlsx" in said
    document = bposync("--config", company, "--json").json
    assert (document["company"], document["waiting"], document["unknown"]) == ("Example Company", 4, 0)
    assert document["last_sync"]["exit_code"] == 4


def test_quiet_says_nothing(bposync: Call, company: Path) -> None:
    result = bposync("--config", company, "--quiet")
    assert (result.stdout, result.stderr) == ("", "")


def test_a_bpo_that_cannot_be_reached_is_one_line(bposync: Call, company: Path) -> None:
    (company.parent / "bpo.sqlite").unlink()
    lines = [line for line in bposync("--config", company).stdout.splitlines() if line.startswith("Problem:")]
    assert len(lines) == 1
    assert "BPO" in lines[0]


def test_whatever_a_driver_does_is_one_line(bposync: Call, company: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: Any) -> dict[str, int]:
        raise RuntimeError("odd\x1b[2J")

    monkeypatch.setattr(bpo.Bpo, "count_sites", broken)
    said = bposync("--config", company).stdout
    assert "Problem:   BPO cannot be read: RuntimeError: odd\\x1b[2J" in said
    assert bposync("--config", company, "--json").json["sites"] is None


@pytest.fixture
def held() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()
    for thread in threading.enumerate():
        if thread.name == "BPO":
            thread.join()


def test_who_does_not_answer_is_not_waited_for(
    bposync: Call, company: Path, monkeypatch: pytest.MonkeyPatch, held: threading.Event
) -> None:
    def silent(_: Any) -> dict[str, int]:
        held.wait()
        return {}

    monkeypatch.setattr(bpo.Bpo, "count_sites", silent)
    monkeypatch.setattr(where, "PATIENCE", 0.5)
    started = time.monotonic()
    assert "Problem:   BPO has not answered within 0.5 seconds." in bposync("--config", company).stdout
    assert time.monotonic() - started < 5


def test_sites_are_counted_through_a_query_too_and_without_regard_to_case(bposync: Call, company: Path) -> None:
    text = company.read_text("utf-8")
    place = "CASE CustomerCode WHEN 'HOP0001' THEN ' DURBAN ' ELSE SiteDescription END AS Place"
    query = f'query = "SELECT *, {place} FROM CustomerListing"'
    changed = text.replace('customers = "CustomerListing"', f"{query}\n")
    assert changed != text
    company.write_text(f"{changed}\n[bpo.columns]\nsite = 'Place'\n", "utf-8")
    with contextlib.redirect_stderr(io.StringIO()):
        sites = bposync("--config", company, "--json").json["sites"]
    assert {each["site"].casefold(): each["customers"] for each in sites} == {
        "cape town": 13, "durban": 24, "johannesburg": 15,
    }  # fmt: skip


def test_without_accounting_it_leads_to_the_listing(bposync: Call, company: Path) -> None:
    text = company.read_text("utf-8")
    company.write_text(text[: text.index("[accounting]")], "utf-8")
    said = bposync("--config", company).stdout
    assert "Next:      bposync list" in said
