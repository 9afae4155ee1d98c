"""Both sides, read and paired: what every plan starts from. Reads only."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from bposync import bpo as bpo_room
from bposync.errors import UsageError, did_you_mean
from bposync.match import match
from bposync.plan import Choice, Plan, make_plan
from bposync.records import Action
from bposync.values import normalise_code, quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bposync.accounting import Accounting, Books
    from bposync.config import Settings
    from bposync.journal import Journal
    from bposync.records import Account, Change, Customer, Decisions, Link, Matching

    Progress = Callable[[str], Callable[[int], None]]


@dataclass(frozen=True)
class Survey:
    """All of BPO and all accounts, with who is who; whatever site is asked for."""

    settings: Settings
    books: Books
    customers: Sequence[Customer]
    accounts: Sequence[Account]
    links: Mapping[str, Link]
    decisions: Decisions
    matching: Matching
    has_account_column: bool = False
    """Whether BPO says itself which account a customer has."""
    waiting: Callable[[Change], str] = field(default=lambda _: "")
    """Says where a write is that was done and is not in the books yet."""

    @property
    def sites(self) -> tuple[str, ...]:
        """BPO's sites, in order."""
        found = dict.fromkeys(site for customer in self.customers for site in customer.sites)
        return tuple(sorted(found, key=str.casefold))

    def choose(
        self, sites: Sequence[str] | None = None, customers: Sequence[str] | None = None, *, overwrite: bool = False
    ) -> Choice:
        """Give whom a command is for, from its options and the configuration. Raises UsageError for what is not there."""
        if sites:
            chosen = bpo_room.choose_sites(sites, self.sites)
        else:
            chosen = bpo_room.choose_sites(self.settings.bpo.sites, self.sites, "[bpo] sites")
        known = {customer.key: customer.code for customer in self.customers}
        known |= {key: link.customer for key, link in self.links.items() if key not in known}
        keys = []
        for code in customers or ():
            key = normalise_code(code)
            if key not in known:
                raise UsageError(f"--customer: there is no customer {quoted(code)}.", _nearest_code(code, known))
            keys.append(key)
        return Choice(chosen, frozenset(keys), overwrite, self.settings.bpo.sync_statuses)

    def plan(self, choice: Choice) -> Plan:
        """Give what a sync of the chosen customers would do."""
        plan = make_plan(self.matching, self.books, self.decisions, choice)
        changes = tuple(self._done_already(change) if change.is_write else change for change in plan.changes)
        count = sum(one is not other for one, other in zip(changes, plan.changes, strict=True))
        if not count:
            return plan
        note = f"{count:,} of the customers counted as in step wait in the import file until they are imported."
        return replace(plan, changes=changes, notes=(*plan.notes, note))

    def _done_already(self, change: Change) -> Change:
        """Give a write that was done and is not in the books yet as one that is in step: it is not done again."""
        if not (why := self.waiting(change)):
            return change
        link = None if change.action is Action.CREATE else change.link
        return replace(change, action=Action.SAME, fields=(), reasons=(why,), link=link)


def _nearest_code(code: str, known: Mapping[str, str]) -> str:
    hint = did_you_mean(code, known.values())
    return hint if hint.startswith("Did") else "bposync list --status all shows the customers."


def make_survey(
    settings: Settings,
    bpo: bpo_room.Bpo,
    accounting: Accounting,
    journal: Journal,
    read_customers: Callable[[int], None] | None = None,
    read_accounts: Callable[[int], None] | None = None,
) -> Survey:
    """Read both sides and the journal, and pair them."""
    customers = bpo_room.customers(bpo.rows(read_customers), bpo.fields)
    accounts = accounting.books.read(read_accounts)
    return pair(settings, bpo.fields, accounting, journal, customers, accounts)


def pair(
    settings: Settings,
    bpo_fields: Sequence[str],
    accounting: Accounting,
    journal: Journal,
    customers: Sequence[Customer],
    accounts: Sequence[Account],
) -> Survey:
    """Read the journal, and pair what was read of both sides."""
    links = journal.links.read()
    decisions = journal.decisions.read()
    matching = match(customers, accounts, links, decisions)
    exported = {normalise_code(intent.change.account) for intent in journal.runs.unsettled() if intent.exported}
    return Survey(
        settings, accounting.books, customers, accounts, links, decisions, matching,
        has_account_column="account" in bpo_fields,
        waiting=lambda change: accounting.way.waiting(change) if normalise_code(change.account) in exported else "",
    )  # fmt: skip
