"""A go-live: 3,000 customers meet 2,500 older accounts, and one sheet that a person filled in brings them into step."""

from __future__ import annotations

import csv
from collections import Counter
from typing import TYPE_CHECKING

from bposync import sheets
from bposync.values import normalise_code
from support import golive

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class Clerk:
    """Fills in a sheet who knows who is who, and nothing about the program but what the sheet says."""

    def __init__(self, truth: golive.Truth) -> None:
        self._truth = truth
        self._customers = {account: customer for customer, account in truth.accounts.items()}
        self.shown_first: Counter[bool] = Counter()

    def decide(self, row: Mapping[str, str]) -> str:
        """Give what to write into the column decision of a row."""
        customer, account = row["customer"], row["account"]
        if row["action"] == "accounting_only":
            if account in self._truth.nobodys:
                return "ignore"
            self._look(row, self._customers[account])
            return f"link {self._customers[account]} accept"
        if row["action"] == "conflict":
            return "accept"
        if customer in self._truth.new:
            return f"new {row['free_code']}".rstrip()
        self._look(row, self._truth.accounts[customer])
        return f"link {self._truth.accounts[customer]} accept"

    def _look(self, row: Mapping[str, str], right: str) -> None:
        shown = [row[f"candidate_{number}"] for number in (1, 2, 3)]
        assert right in shown, row
        self.shown_first[shown[0] == right] += 1


def test_a_go_live_comes_into_step_with_one_sheet(tmp_path: Path) -> None:
    company, truth = golive.make(tmp_path)
    assert (len(truth.accounts) + len(truth.new), len(company.clients())) == (3000, 2500)

    # The first look: it writes nothing, and most customers need nobody.
    planned = company.run("sync", "--dry-run", "--json", expect=4).json["summary"]
    assert planned["same"] + planned["update"] + planned["create"] > 2300
    assert planned["conflict"] + planned["lookalike"] + planned["rejected"] < 700

    # One sheet, filled in by who knows the customers, saved by a spreadsheet as CSV with semicolons.
    written = tmp_path / "review.xlsx"
    company.run("review", "--output", str(written))
    lines = sheets.read(written, ["customer", "account", "decision", "check"])
    clerk = Clerk(truth)
    filled = tmp_path / "filled in.csv"
    with filled.open("w", encoding="utf-8-sig", newline="") as stream:
        writer = csv.DictWriter(stream, list(lines[0].cells), delimiter=";")
        writer.writeheader()
        writer.writerows({**line.cells, "decision": clerk.decide(line.cells)} for line in lines)
    assert clerk.shown_first[True] > 0.9 * clerk.shown_first.total()
    applied = company.run("review", "--apply", str(filled), "--yes", "--json").json
    assert (len(applied["decisions"]), applied["problems"]) == (len(lines), [])

    # One sync, and all are in step.
    synced = company.run("sync", "--yes", "--json").json
    assert {outcome for outcome, count in synced["outcomes"].items() if count} == {"written"}
    status = company.run("status", "--check", "--json").json
    assert status["in_sync"]
    # Closed accounts of customers who have another one looked like them, and are nobody's now that these are known.
    assert {each["account"] for each in status["accounting_only"]} == {code for code in truth.nobodys if code.startswith("OLD")}
    again = company.run("review", "--output", str(tmp_path / "again.csv"), "--json").json
    assert again["counts"] == {"accounting_only": len(status["accounting_only"])}

    # Everybody has the right account, nobody has two, and no account of the bookkeeper's was touched unasked.
    links = {link.customer: link.account for link in company.links().values()}
    assert {customer: links[customer] for customer in truth.accounts} == truth.accounts
    rows = {row["Account"]: row for row in company.clients()}
    assert len(rows) == len(company.clients()) == 2500 + len(truth.new)
    assert set(links) == {*truth.accounts, *truth.new}
    assert len({normalise_code(account) for account in links.values()}) == len(links)
    assert all(rows[account]["Telephone"] == "" for account in truth.nobodys)

    # Each decision is in the history, and proved.
    verified = company.run("history", "--verify", "--json").json["verified"]
    assert (verified["ok"], verified["decisions"] >= len(lines)) == (True, True)
