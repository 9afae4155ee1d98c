"""The demo company in Pastel Partner: it runs to its end on a fresh machine, and shows how codes that do not fit are given."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from bposync import demo
from bposync.demo import company, partner
from bposync.errors import UsageError
from support import cli

if TYPE_CHECKING:
    from pathlib import Path


def rows(folder: Path, statement: str) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(folder / partner.FILE)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(statement)]


def test_it_has_the_accounts_of_before_the_first_sync_with_both_rows_padded(tmp_path: Path) -> None:
    demo.build(tmp_path, system="partner")
    master, delivery = (rows(tmp_path, f"SELECT * FROM {table}") for table in ("CustomerMaster", "DeliveryAddresses"))
    codes = sorted(account.code for account in company.accounts())
    assert sorted(row["CustomerCode"].strip() for row in master) == codes
    assert sorted(row["CustomerCode"].strip() for row in delivery) == codes
    assert {(len(row["CustomerCode"]), len(row["CustomerDesc"]), len(row["UpdatedOn"])) for row in master} == {(6, 40, 19)}
    assert {(len(row["CustDelivCode"]), len(row["Email"])) for row in delivery} == {(3, 200)}


def test_every_code_of_durbans_that_does_not_fit_is_given() -> None:
    durban = [customer for customer in company.customers() if any(each.site == "Durban" for each in customer.listings)]
    assert sorted(partner.CODES) == sorted(customer.code for customer in durban if len(customer.code) > 6)
    assert len(partner.CODES) == 10
    taken = {account.code for account in company.accounts()} | {customer.code.upper() for customer in company.customers()}
    assert all(len(code) <= 6 and code not in taken for code in partner.CODES.values())


@pytest.mark.parametrize("write", ["sql", "file"])
def test_it_runs_to_its_end(tmp_path: Path, write: str) -> None:
    result = cli.run("demo", tmp_path / "company", "--system", "partner", "--write", write, "--run", "--yes", "--json")
    document = result.json
    outcome = "written" if write == "sql" else "exported"
    assert document["sync"]["outcomes"][outcome] == 21
    assert document["sync"]["summary"]["rejected"] == 0
    assert document["status"]["in_sync"] is True
    given = {change["code"]: change["account"] for change in document["sync"]["changes"] if change["code"] in partner.CODES}
    assert given == partner.CODES
    assert f"bposync link BET0001 --new {partner.CODES['BET0001']}" in result.stderr
    assert "bposync review --apply codes.csv --yes" in result.stderr
    if write == "sql":
        found = {row["CustomerCode"].strip() for row in rows(tmp_path / "company", "SELECT * FROM CustomerMaster")}
        assert found >= set(partner.CODES.values())
    else:
        assert (tmp_path / "company" / partner.IMPORT_FILE).read_text("cp1252").count("\n") == 22


def test_it_is_made_afresh_where_one_is_of_whatever_system(tmp_path: Path) -> None:
    cli.run("demo", tmp_path, "--system", "partner", "--write", "file", "--run", "--yes")
    demo.build(tmp_path, system="evolution")
    assert {path.name for path in tmp_path.iterdir() if path.suffix != ".lock"} == {
        "bposync.toml", "bpo.sqlite", "Example Company.sqlite",
    }  # fmt: skip


def test_the_sdk_is_refused_with_what_goes_instead(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="SDK") as refused:
        demo.build(tmp_path / "new", system="partner", write="sdk")
    assert "sql, file" in (refused.value.hint or "")
    assert not (tmp_path / "new").exists()


def test_what_a_char_column_refuses_the_demos_tables_refuse(tmp_path: Path) -> None:
    demo.build(tmp_path, system="partner")
    with closing(sqlite3.connect(tmp_path / partner.FILE)) as connection, pytest.raises(sqlite3.IntegrityError, match="wider"):
        connection.execute("INSERT INTO CustomerMaster (CustomerCode) VALUES ('TOOLONG')")
