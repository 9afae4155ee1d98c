"""A column that BPO had at the last sync and lost since: what it says of who is for accounting stops a sync."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from bposync.journal import open_journal
from support.company import BPO_COLUMNS, VIEW, connected, sqlite_company

if TYPE_CHECKING:
    from pathlib import Path

    from support.company import Company
    from support.within import Call


@pytest.fixture
def company(tmp_path: Path) -> Company:
    """A company that was synchronised, with a customer who is no debtor and one who is Inactive."""
    company = sqlite_company(tmp_path)
    company.customer("A1", "Alpha")
    company.customer("CASH1", "Cash", is_debtor=False)
    company.customer("OLD1", "Old", status="Inactive")
    company.run("sync", "--yes")
    return company


def lose(company: Company, *names: str) -> None:
    """Make BPO's listing anew, without the columns of these fields."""
    kept = ", ".join(column for name, column in BPO_COLUMNS.items() if name not in names)
    with connected(company.bpo_url) as connection:
        connection.execute(sa.text(f"DROP VIEW {VIEW}"))
        connection.execute(sa.text(f"CREATE VIEW {VIEW} AS SELECT {kept} FROM BpoCustomer"))


@pytest.mark.parametrize(("name", "meaning"), [("is_debtor", "counts as a debtor"), ("status", "counts as Active")])
@pytest.mark.parametrize("options", [["--yes"], ["--dry-run"], ["--yes", "--quiet"]])
def test_a_lost_column_that_says_who_is_for_accounting_stops_a_sync(
    bposync: Call, company: Company, name: str, meaning: str, options: list[str]
) -> None:
    lose(company, name)
    said = bposync("sync", *options, "--config", company.path, expect=8).stderr
    assert f"BPO had a column {BPO_COLUMNS[name]} at the last sync, and has none now: every customer {meaning}." in said
    assert f'{name} = ""' in said
    assert len(company.clients()) == 1


def test_it_goes_on_once_the_configuration_says_that_it_shall_be_so(bposync: Call, company: Company) -> None:
    lose(company, "is_debtor")
    company.configure("bpo.columns", is_debtor="")
    bposync("sync", "--yes", "--config", company.path)
    assert len(company.clients()) == 2


def test_another_lost_column_is_told_with_each_sync(bposync: Call, company: Company) -> None:
    lose(company, "email")
    assert f"BPO has no column {BPO_COLUMNS['email']}" in bposync("sync", "--dry-run", "--config", company.path).stderr


def test_a_first_sync_without_these_columns_is_told_and_not_stopped(bposync: Call, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    company = sqlite_company(tmp_path / "new")
    company.customer("A1", "Alpha")
    lose(company, "is_debtor")
    assert "every customer counts as a debtor" in bposync("sync", "--yes", "--config", company.path).stderr
    bposync("sync", "--yes", "--config", company.path)


def test_a_dry_run_remembers_nothing(bposync: Call, company: Company) -> None:
    lose(company, "email")
    bposync("sync", "--dry-run", "--config", company.path)
    with open_journal(company.settings(), writes=False) as journal:
        assert "email" in journal.known_fields()
    bposync("sync", "--yes", "--config", company.path)
    with open_journal(company.settings(), writes=False) as journal:
        assert "email" not in journal.known_fields()
