"""How a company stands, as a sheet: a row for each site; then who needs a person, and the accounts without a customer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bposync.export.plan_sheet import about_rows, about_sheet
from bposync.plan import ATTENTION
from bposync.reasons import in_words
from bposync.sheets import Heading, Sheet
from bposync.words import WORDS

if TYPE_CHECKING:
    from bposync.export.told import StatusTold
    from bposync.sheets import Cell

_FOR_THE_ARROW: Final = 4  # characters that the filter takes from a heading
_SITE: Final = (Heading("site", 24, label="Site"), Heading("customers", 12, label="Customers"))
_LAST: Final = (
    Heading("last_sync", 18, label="Last sync"), Heading("by", 18, label="By"), Heading("run", 26, label="Run"),
)  # fmt: skip
_PEOPLE: Final = (
    Heading("code", 14, label="Customer"), Heading("name", 32, label="Name"), Heading("sites", 18, label="Sites"),
    Heading("account", 14, label="Account"), Heading("action", 20, label="Stands"),
    Heading("reason", 80, label="Why", wrap=True),
)  # fmt: skip
_ACCOUNTS: Final = (Heading("account", 16, label="Account"), Heading("name", 44, label="Name"))


def status_sheet(told: StatusTold) -> Sheet:
    """Make the sheet; .csv has the sites only."""
    counts = [Heading(action.value, len(words) + _FOR_THE_ARROW, label=words.capitalize()) for action, words in WORDS.items()]
    rows: list[list[Cell]] = []
    for site in told.sites:
        last = site.last_sync
        when: list[Cell] = [last.at, last.by, last.run] if last else [None, "", ""]
        rows.append([site.site, site.customers, *(site.summary[action] for action in WORDS), *when])
    people: list[list[Cell]] = [
        [change.code, change.name, ", ".join(change.sites), change.account, WORDS[change.action], "; ".join(in_words(change))]
        for change in told.plan.changes
        if change.action in ATTENTION
    ]
    accounts: list[list[Cell]] = [[account.code, account.name] for account in told.plan.accounting_only]
    more = (
        Sheet(_PEOPLE, people, title="Needs a person", frozen=2),
        Sheet(_ACCOUNTS, accounts, title="Accounts without a customer", frozen=1),
        about_sheet(about_rows(told.facts)),
    )
    return Sheet((*_SITE, *counts, *_LAST), rows, title="Sites", frozen=1, more=more)
