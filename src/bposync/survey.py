"""Both sides, read and paired: what every plan starts from. Reads only."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from bposync import bpo as bpo_room
from bposync import scan
from bposync.accounting import MarkedBooks
from bposync.advice import shows_customers
from bposync.errors import UsageError, did_you_mean
from bposync.match import match
from bposync.plan import Choice, Plan, make_plan
from bposync.records import Action, Link
from bposync.values import normalise_code, quoted, visible

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from bposync.accounting import Accounting, Books
    from bposync.config import Settings
    from bposync.journal import Journal
    from bposync.records import Account, Change, Customer, Decisions, Matching

    Progress = Callable[[str], Callable[[int], None]]


@dataclass(frozen=True)
class Survey:
    """All of BPO and all accounts, with who is who; whatever site is asked for.

    Whoever was read past, because the pair is in step as it was before, is in `in_step` and nowhere else.
    """

    settings: Settings
    books: Books
    customers: Sequence[Customer]
    accounts: Sequence[Account]
    links: Mapping[str, Link]
    decisions: Decisions
    matching: Matching
    in_step: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The sites of each customer who was read past, by code."""
    has_account_column: bool = False
    """Whether BPO says itself which account a customer has."""
    waiting: Callable[[Change], str] = field(default=lambda _: "")
    """Says where a write is that was done and is not in the books yet."""

    @property
    def sites(self) -> tuple[str, ...]:
        """BPO's sites, in order."""
        found = dict.fromkeys(site for customer in self.customers for site in customer.sites)
        found |= dict.fromkeys(site for sites in set(self.in_step.values()) for site in sites)
        return tuple(sorted(found, key=str.casefold))

    def choose(
        self, sites: Sequence[str] | None = None, customers: Sequence[str] | None = None, *, overwrite: bool = False
    ) -> Choice:
        """Give whom a command is for, from its options and the configuration. Raises UsageError for what is not there."""
        if sites:
            chosen = bpo_room.choose_sites(sites, self.sites)
        else:
            chosen = bpo_room.choose_sites(self.settings.bpo.sites, self.sites, "[bpo] sites")
        choice = Choice(chosen, frozenset(map(normalise_code, customers or ())), overwrite, self.settings.bpo.sync_statuses)
        known = self._known() if customers else {}
        for code in customers or ():
            key = normalise_code(code)
            if key not in known:
                codes = {key: known_code for key, (known_code, _) in known.items()}
                raise UsageError(f"--customer: there is no customer {quoted(code)}.", _nearest_code(code, codes))
            known_code, at = known[key]
            if not choice.includes(key, at):
                raise UsageError(
                    f"--customer: {visible(known_code)} is listed at {visible(', '.join(at))}, and not at {', '.join(chosen)}.",
                    f"Name a site of its own, such as --site {quoted(at[0])}, or all of them.",
                )
        return choice

    def _known(self) -> dict[str, tuple[str, Sequence[str]]]:
        """Give everybody's code and sites by the normalised code, those of links whose customer is gone last."""
        known: dict[str, tuple[str, Sequence[str]]]
        known = {customer.key: (customer.code, customer.sites) for customer in self.customers}
        known |= {normalise_code(code): (code, sites) for code, sites in self.in_step.items()}
        return known | {key: (link.customer, link.sites) for key, link in self.links.items() if key not in known}

    @property
    def listed(self) -> Counter[str]:
        """How many customers BPO lists at each site."""
        counts = Counter(site for customer in self.customers for site in customer.sites)
        for sites, count in Counter(self.in_step.values()).items():
            counts.update(dict.fromkeys(sites, count))
        return counts

    def other_codes(self, choice: Choice, journal: Journal) -> list[Link]:
        """Give the links of the chosen customers in BPO whose accounts have other codes than they."""
        links = [each.link for each in self.matching.pairings if each.customer is not None and each.link is not None]
        links += [
            Link(code, account, key, name, self.in_step[code])
            for code, account, key, name in (
                journal.links.columns("code", "account", "account_key", "name") if self.in_step else ()
            )
            if code in self.in_step
        ]
        return [
            link
            for link in links
            if normalise_code(link.account) != (key := normalise_code(link.customer)) and choice.includes(key, link.sites)
        ]

    def forgetting(self, key: str) -> Survey:
        """Give what would be found if nothing were decided about who a customer is; `key` is its normalised code."""
        links = {known: link for known, link in self.links.items() if known != key}
        new = {known: code for known, code in self.decisions.new.items() if known != key}
        settled = {known: said for known, said in self.decisions.settled.items() if known != key}
        decisions = replace(self.decisions, new=new, settled=settled)
        matching = match(self.customers, self.accounts, links, decisions)
        return replace(self, links=links, decisions=decisions, matching=matching)

    def change_of(self, key: str) -> Change | None:
        """Give what a sync would do with one customer, at whatever site; `key` is its normalised code."""
        plan = self.plan(Choice(customers=frozenset([key]), sync_statuses=self.settings.bpo.sync_statuses))
        return plan.changes[0] if plan.changes else None

    def plan(self, choice: Choice) -> Plan:
        """Give what a sync of the chosen customers would do."""
        if choice.customers:
            in_step = Counter(sites for code, sites in self.in_step.items() if choice.includes(normalise_code(code), sites))
        else:
            in_step = Counter(self.in_step.values())
            in_step = Counter({sites: count for sites, count in in_step.items() if choice.includes("", sites)})
        plan = make_plan(self.matching, self.books, self.decisions, choice, in_step)
        changes = tuple(self._done_already(change) if change.is_write else change for change in plan.changes)
        count = sum(one is not other for one, other in zip(changes, plan.changes, strict=True))
        if not count:
            return plan
        wait = "waits in the import file until it is" if count == 1 else "wait in the import file until they are"
        note = f"{count:,} of the customers counted as in step {wait} imported."
        return replace(plan, changes=changes, notes=(*plan.notes, note))

    def _done_already(self, change: Change) -> Change:
        """Give a write that was done and is not in the books yet as one that is in step: it is not done again."""
        if not (why := self.waiting(change)):
            return change
        link = None if change.action is Action.CREATE else change.link
        return replace(change, action=Action.SAME, fields=(), reasons=(why,), link=link)


def _nearest_code(code: str, known: Mapping[str, str]) -> str:
    return did_you_mean(code, known.values(), otherwise=shows_customers())


def make_survey(
    settings: Settings,
    bpo: bpo_room.Bpo,
    accounting: Accounting,
    journal: Journal,
    read_customers: Callable[[int], None] | None = None,
    read_accounts: Callable[[int], None] | None = None,
    *,
    whole: bool = True,
) -> Survey:
    """Read both sides and the journal, and pair them. Unless `whole`, past the pairs that are in step as they were."""
    books = accounting.books
    if isinstance(books, MarkedBooks):
        books.marker = scan.marker_of(settings, bpo, books)
    decisions = journal.decisions.read()
    found = None if whole else scan.read_past(bpo, books, journal, decisions, read_customers, read_accounts)
    if found is None:
        found = scan.read_whole(bpo, books, journal, read_customers, read_accounts)
    return _paired(settings, bpo.fields, accounting, journal, found, decisions)


def pair(
    settings: Settings,
    bpo_fields: Sequence[str],
    accounting: Accounting,
    journal: Journal,
    customers: Sequence[Customer],
    accounts: Sequence[Account],
) -> Survey:
    """Pair all of BPO's customers and all accounts, which were read before; `bpo_fields` are those that BPO has."""
    found = scan.Scan(customers, accounts, journal.links.read())
    return _paired(settings, bpo_fields, accounting, journal, found, journal.decisions.read())


def _paired(
    settings: Settings,
    bpo_fields: Sequence[str],
    accounting: Accounting,
    journal: Journal,
    found: scan.Scan,
    decisions: Decisions,
) -> Survey:
    matching = match(found.customers, found.accounts, found.links, decisions)
    exported = {normalise_code(intent.change.account) for intent in journal.runs.unsettled() if intent.exported}
    survey = Survey(
        settings, accounting.books, found.customers, found.accounts, found.links, decisions, matching, found.in_step,
        has_account_column="account" in bpo_fields,
        waiting=lambda change: accounting.way.waiting(change) if normalise_code(change.account) in exported else "",
    )  # fmt: skip
    return _without(survey, found.stand_ins) if found.stand_ins else survey


def _without(survey: Survey, stand_ins: Collection[str]) -> Survey:
    """Leave out those who stood among the others for the others' sake."""
    pairings = survey.matching.pairings
    return replace(
        survey,
        customers=[customer for customer in survey.customers if customer.code not in stand_ins],
        links={key: link for key, link in survey.links.items() if link.customer not in stand_ins},
        matching=replace(
            survey.matching,
            pairings=tuple(each for each in pairings if each.customer is None or each.customer.code not in stand_ins),
        ),
    )
