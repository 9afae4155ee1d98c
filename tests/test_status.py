"""`bposync status` on the screen: what a person looks for is there at every width."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bposync import demo
from support import cli
from support.company import sqlite_company

if TYPE_CHECKING:
    from pathlib import Path

    from support.within import Call


@pytest.fixture(scope="module")
def synchronised(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A company of which one site was synchronised by itself, and two in one run."""
    path = demo.build(tmp_path_factory.mktemp("demo"))
    cli.run("sync", "--config", path, "--site", "Durban", "--yes")
    cli.run("sync", "--config", path, "--site", "Cape Town", "--site", "Johannesburg", "--yes", expect=4)
    return path


def test_it_says_of_each_site_when_it_was_synchronised_those_of_one_run_together(bposync: Call, synchronised: Path) -> None:
    lines = bposync("status", "--config", synchronised).stdout.splitlines()
    told = [line for line in lines if line.startswith("Last sync of ")]
    assert [line.partition(":")[0] for line in told] == ["Last sync of Cape Town, Johannesburg", "Last sync of Durban"]
    assert told[1].endswith(": 21 written.")
    assert not any("Not synchronised yet" in line for line in lines)


def test_sites_that_were_never_synchronised_are_named(bposync: Call, tmp_path: Path) -> None:
    path = demo.build(tmp_path / "new")
    assert "Not synchronised yet: Cape Town, Durban, Johannesburg." in bposync("status", "--config", path).stdout.splitlines()


@pytest.mark.parametrize("width", [40, 80, 100])
def test_the_last_sync_is_told_however_narrow_the_terminal_is(synchronised: Path, width: int) -> None:
    with cli.run_in_terminal("status", "--config", synchronised, size=(100, width)) as child:
        said = " ".join(cli.finish(child, 0).split())
    assert "Last sync of Durban: 20" in said


@pytest.mark.parametrize(("options", "lines"), [([], 31), (["--all"], 40), (["--quiet"], 40)])
def test_who_needs_a_person_is_cut_short_at_a_terminal_unless_all_are_asked_for(
    tmp_path: Path, options: list[str], lines: int
) -> None:
    company = sqlite_company(tmp_path)
    for place in range(40):
        company.customer(f"A{place:02}", f"Alpha {place}")
        company.account(f"A{place:02}", f"Beta {place}")
    with cli.run_in_terminal("status", "--config", company.path, *options, size=(200, 200)) as child:
        said = cli.finish(child, 0)
    shown = [line for line in said.splitlines() if line.startswith(("Lookalike: ", "And "))]
    assert len(shown) == lines
