"""Both sides read past the pairs that are in step: whoever is as a plan last found him is counted, and nothing is built.

A pair is in step where its link has marks and both sides' rows still have them (`marks.py`). Everybody else is read whole,
and paired and compared as ever. Those in step take part in that only as far as they matter to somebody else: by their codes,
which are taken, and by their names, which may be several customers'. Such a one stands among the others as a `stand-in`, and
is left out of the plan again.

Accounts are read before customers, so an account that did not change is gone by the time its customer turns out to have
changed; it is read again by what it is known by. Where the two cannot be told apart row by row, as where two customers'
codes fall together, the scan gives up (None), and everybody is read whole.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bposync import __version__
from bposync import bpo as bpo_room
from bposync.accounting import MarkedBooks
from bposync.fields import BPO_FIELDS
from bposync.marks import Marker
from bposync.records import Account, Customer, Link
from bposync.values import normalise_code, normalise_name

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from bposync.accounting import Books
    from bposync.config import Settings
    from bposync.journal import Journal
    from bposync.records import Decisions

    Progress = Callable[[int], None] | None

_MANY_AGAIN = 10_000
"""From how many accounts on it is quicker to read all again than to ask for each."""


@dataclass(frozen=True)
class Scan:
    """What was read: everybody whole who is not in step, with the stand-ins; and the others by code and sites."""

    customers: Sequence[Customer]
    accounts: Sequence[Account]
    links: Mapping[str, Link]
    stand_ins: Collection[str] = ()
    """The codes of those among `customers` who are in step, and there only for the others' sake."""
    in_step: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The sites of each customer in step, by code."""
    other_codes: Sequence[Link] = ()
    """The links of those in step whose account has another code; without what was agreed."""


def marker_of(settings: Settings, bpo: bpo_room.Bpo, books: MarkedBooks) -> Marker:
    """Give what makes the marks of both sides."""
    configured = (settings.bpo.sync_statuses, settings.owners, settings.sync.carry_hold)
    return Marker(repr((__version__, bpo.columns, configured, books.basis)))


def read_whole(
    bpo: bpo_room.Bpo, books: Books, journal: Journal, read_customers: Progress = None, read_accounts: Progress = None
) -> Scan:
    """Read everybody whole."""
    marker = books.marker if isinstance(books, MarkedBooks) else None
    accounts = books.read(read_accounts)
    customers = bpo_room.customers(bpo.rows(read_customers, marker), bpo.fields, marker)
    return Scan(customers, accounts, journal.links.read())


def read_past(
    bpo: bpo_room.Bpo,
    books: Books,
    journal: Journal,
    decisions: Decisions,
    read_customers: Progress = None,
    read_accounts: Progress = None,
) -> Scan | None:
    """Read past the pairs in step; None where that cannot be, or would save nothing."""
    if not isinstance(books, MarkedBooks) or (marker := books.marker) is None:
        return None
    marked_accounts = _MarkedAccounts(journal)
    if not marked_accounts.waiting:
        return None
    accounts = books.read_past(marked_accounts.unchanged, read_accounts)
    if marked_accounts.is_ambiguous(accounts):
        return None
    marked = _MarkedCustomers(journal, decisions, marked_accounts)
    rows = bpo.rows(read_customers, marker, marked.unchanged)
    customers = [each for each in bpo_room.customers(rows, bpo.fields, marker) if not marked.is_in_step(each)]
    in_step = marked.in_step(bpo.sites)
    links = journal.links.read(marked.others())
    if _fall_together(customers, links, in_step):
        return None
    accounts += _read_again(books, accounts, links.values(), marked_accounts)
    other_codes = [link for link in marked.other_codes if link.customer in in_step]
    scan = Scan(customers, accounts, links, in_step=in_step, other_codes=other_codes)
    return _with_stand_ins(scan, journal, decisions)


class _MarkedAccounts:
    """The marks of linked accounts by what they are known by. Whoever is met unchanged waits no longer."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.waiting: dict[str, str] = {}
        self._unmarked: set[str] = set()
        twice = []
        for some in journal.links.columns("account_key", "account", "account_mark"):
            for key, account, mark in some:
                identity = key or normalise_code(account)
                if identity in self.waiting or identity in self._unmarked:
                    twice.append(identity)
                elif mark:
                    self.waiting[identity] = mark
                else:
                    self._unmarked.add(identity)
        for identity in twice:  # whose it is has to be asked
            self.waiting.pop(identity, None)
            self._unmarked.add(identity)

    def unchanged(self, identity: str, mark: str) -> bool:
        """Tell whether an account is as it was."""
        if self.waiting.get(identity) != mark:
            return False
        del self.waiting[identity]
        return True

    def was_passed(self, identity: str) -> bool:
        """Tell, of a linked account, whether it was met unchanged."""
        return identity not in self.waiting and identity not in self._unmarked

    def is_ambiguous(self, accounts: Iterable[Account]) -> bool:
        """Tell whether an account that was passed by is known by nothing but a code that another one has too."""
        keyless = {account.identity for account in accounts if not account.key and self.was_passed(account.identity)}
        return bool(keyless) and any(
            not key and normalise_code(account) in keyless
            for some in self._journal.links.columns("account_key", "account")
            for key, account in some
        )


class _MarkedCustomers:
    """The marks of the customers whose accounts are unchanged, by code. Whoever is met unchanged waits no longer."""

    def __init__(self, journal: Journal, decisions: Decisions, accounts: _MarkedAccounts) -> None:
        self._waiting: dict[str, str] = {}
        self._sites: dict[str, tuple[str, ...]] = {}
        self._others: set[str] = set()
        self.other_codes: list[Link] = []
        decided = {*decisions.settled, *decisions.ignored_customers, *decisions.new, *decisions.overwrite}
        known: dict[str, tuple[str, ...]] = {}
        columns = journal.links.columns("customer", "code", "account_key", "account", "name", "sites", "bpo_mark")
        for some in columns:
            for customer, code, key, account, name, sites_text, mark in some:
                account_code = normalise_code(account)
                if not mark or customer in decided or not accounts.was_passed(key or account_code):
                    self._others.add(customer)
                    continue
                if (sites := known.get(sites_text)) is None:
                    sites = known[sites_text] = tuple(json.loads(sites_text))
                self._waiting[code] = mark
                self._sites[code] = sites
                if account_code != customer:
                    self.other_codes.append(Link(code, account, key, name, sites))

    def unchanged(self, code: str, mark: str) -> bool:
        """Tell whether a customer that has this one row is as it was."""
        if self._waiting.get(code) != mark:
            return False
        del self._waiting[code]
        return True

    def is_in_step(self, customer: Customer) -> bool:
        """Tell the same of a customer of several rows."""
        return self.unchanged(customer.code, customer.mark)

    def in_step(self, spelt: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
        """Give the sites of everybody who was met unchanged, by code, as BPO spells them now."""
        for code in self._waiting:
            del self._sites[code]
        now = {sites: tuple(spelt.get(normalise_code(site), site) for site in sites) for sites in set(self._sites.values())}
        if any(sites != known for known, sites in now.items()):
            return {code: now[sites] for code, sites in self._sites.items()}
        return self._sites

    def others(self) -> set[str]:
        """Give the normalised codes of the customers whose links have to be read."""
        return self._others | {normalise_code(code) for code in self._waiting}


def _fall_together(customers: Iterable[Customer], links: Mapping[str, Link], in_step: Mapping[str, object]) -> bool:
    """Tell whether somebody's code is that of one who was passed by, or falls together with it."""
    unlinked = {customer.key for customer in customers if customer.key not in links}
    return bool(unlinked) and any(normalise_code(code) in unlinked for code in in_step)


def _read_again(
    books: MarkedBooks, accounts: Iterable[Account], links: Iterable[Link], marked: _MarkedAccounts
) -> Sequence[Account]:
    """Read the accounts that were passed by and whose customers turned out to have changed."""
    read = {account.identity for account in accounts}
    again = {link.identity for link in links if link.identity not in read and marked.was_passed(link.identity)}
    if len(again) > _MANY_AGAIN:
        return books.read_past(lambda identity, _mark: identity not in again)
    return books.read_some(sorted(again)) if again else ()


def _with_stand_ins(scan: Scan, journal: Journal, decisions: Decisions) -> Scan:
    """Put those in step among the others who have a code, or a name, that decides who somebody else is."""
    read = {account.identity for account in scan.accounts}
    linked = {link.identity for link in scan.links.values()}
    asking = [
        customer
        for customer in scan.customers
        if customer.key not in scan.links or scan.links[customer.key].identity not in read
    ]
    codes = {
        normalise_code(code)
        for customer in asking
        for code in (customer.code, customer.text("account"), decisions.new.get(customer.key, ""))
    }
    codes |= {normalise_code(link.account) for link in scan.links.values() if link.identity not in read}
    codes |= {normalise_code(account.code) for account in scan.accounts if account.identity not in linked}
    names = {normalise_name(customer.name) for customer in asking}
    names &= {normalise_name(account.name) for account in scan.accounts} if names else names
    if not codes and not names:
        return scan
    found = [
        Link(code, account, key, name, scan.in_step[code])
        for some in journal.links.columns("customer", "code", "account", "account_key", "name")
        for customer, code, account, key, name in some
        if code in scan.in_step
        and (customer in codes or normalise_code(account) in codes or (names and normalise_name(name) in names))
    ]
    return Scan(
        [*scan.customers, *(_customer(link) for link in found)],
        [*scan.accounts, *(Account(link.account, link.account_key, link.name, "", ()) for link in found)],
        {**scan.links, **{normalise_code(link.customer): link for link in found}},
        frozenset(link.customer for link in found),
        scan.in_step,
        scan.other_codes,
    )


def _customer(link: Link) -> Customer:
    known = {"code": link.customer, "name": link.name}
    values = tuple(known.get(name) for name in BPO_FIELDS)
    return Customer(link.customer, normalise_code(link.customer), link.name, link.sites, (), True, values)  # noqa: FBT003
