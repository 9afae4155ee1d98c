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


def marker_of(settings: Settings, bpo: bpo_room.Bpo, books: MarkedBooks) -> Marker:
    """Give what makes the marks of both sides."""
    configured = (settings.bpo.sync_statuses, settings.owners, settings.sync.carry_hold)
    return Marker(repr((__version__, bpo.columns, bpo.read_columns, configured, books.basis)))


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
    position = journal.position()
    marked = _Marked(journal, decisions)
    if not marked.accounts:
        return None
    accounts = books.read_past(marked.accounts, read_accounts)
    if marked.is_ambiguous(accounts):
        return None
    marked.look_at_customers()
    rows = bpo.rows(read_customers, marker, marked.customers)
    customers = [each for each in bpo_room.customers(rows, bpo.fields, marker) if not marked.is_in_step(each)]
    in_step = marked.in_step(bpo.sites)
    if in_step is None:
        return None
    links = journal.links.read(marked.others())
    if _fall_together(customers, links, in_step):
        return None
    accounts += _read_again(books, accounts, links.values(), marked)
    scan = _with_stand_ins(Scan(customers, accounts, links, in_step=in_step), journal, decisions)
    # Where somebody synchronised or decided something meanwhile, the links that were read in several steps are of two times.
    return scan if journal.position() == position else None


class _Marked:
    """The marks of linked accounts, by what they are known by, and of their customers, by code.

    Whoever is met unchanged is taken out of `accounts` and of `customers`; who is left there was changed, or is gone.
    """

    def __init__(self, journal: Journal, decisions: Decisions) -> None:
        self._links = journal.links
        self._decided = {*decisions.settled, *decisions.ignored_customers, *decisions.new, *decisions.overwrite}
        self._ignored = decisions.ignored_accounts
        self.accounts: dict[str, str] = {}
        self.customers: dict[str, str] = {}
        self._unmarked: set[str] = set()
        self._sites: dict[str, tuple[str, ...]] = {}
        self._others: set[str] = set()
        twice = []
        for key, account, mark in self._links.columns("account_key", "account", "account_mark"):
            identity = key or normalise_code(account)
            if identity in self.accounts or identity in self._unmarked:
                twice.append(identity)
            elif mark:
                self.accounts[identity] = mark
            else:
                self._unmarked.add(identity)
        for identity in twice:  # whose it is has to be asked
            self.accounts.pop(identity, None)
            self._unmarked.add(identity)

    def was_passed(self, identity: str) -> bool:
        """Tell, of a linked account, whether it was met unchanged."""
        return identity not in self.accounts and identity not in self._unmarked

    def is_ambiguous(self, accounts: Iterable[Account]) -> bool:
        """Tell whether an account that was passed by is known by nothing but a code that another one has too."""
        keyless = {account.identity for account in accounts if not account.key and self.was_passed(account.identity)}
        linked = self._links.columns("account_key", "account") if keyless else ()
        return any(not key and normalise_code(account) in keyless for key, account in linked)

    def look_at_customers(self) -> None:
        """Take in the marks of the customers whose accounts were met unchanged, and about whom nobody decided anything."""
        known: dict[str, tuple[str, ...]] = {}
        columns = self._links.columns("customer", "code", "account_key", "account", "sites", "bpo_mark")
        changed, unmarked, decided, ignored = self.accounts, self._unmarked, self._decided, self._ignored
        for customer, code, key, account, sites_text, mark in columns:
            identity = key or normalise_code(account)
            if not mark or identity in changed or identity in unmarked or customer in decided:
                self._others.add(customer)
                continue
            if ignored and normalise_code(account) in ignored:  # who says what is ignored names it
                self._others.add(customer)
                continue
            if (sites := known.get(sites_text)) is None:
                sites = known[sites_text] = tuple(json.loads(sites_text))
            self.customers[code] = mark
            self._sites[code] = sites

    def is_in_step(self, customer: Customer) -> bool:
        """Tell whether a customer of several rows is as it was."""
        if self.customers.get(customer.code) != customer.mark:
            return False
        del self.customers[customer.code]
        return True

    def in_step(self, spelt: Mapping[str, str]) -> dict[str, tuple[str, ...]] | None:
        """Give the sites of everybody who was met unchanged, by code; None where BPO spells one otherwise by now.

        Then the links have to say so, for their sites are all that is known of a customer who is gone.
        """
        for code in self.customers:
            del self._sites[code]
        known = {site for sites in set(self._sites.values()) for site in sites}
        return self._sites if all(spelt.get(normalise_code(site)) == site for site in known) else None

    def others(self) -> set[str]:
        """Give the normalised codes of the customers whose links have to be read."""
        return self._others | {normalise_code(code) for code in self.customers}


def _fall_together(customers: Iterable[Customer], links: Mapping[str, Link], in_step: Mapping[str, object]) -> bool:
    """Tell whether somebody's code is that of one who was passed by, or falls together with it."""
    unlinked = {customer.key for customer in customers if customer.key not in links}
    return bool(unlinked) and any(normalise_code(code) in unlinked for code in in_step)


def _read_again(books: MarkedBooks, accounts: Iterable[Account], links: Iterable[Link], marked: _Marked) -> Sequence[Account]:
    """Read the accounts that were passed by and whose customers turned out to have changed."""
    read = {account.identity for account in accounts}
    again = {link.identity for link in links if link.identity not in read and marked.was_passed(link.identity)}
    if len(again) > _MANY_AGAIN:
        return [account for account in books.read() if account.identity in again]
    return books.read_some(sorted(again)) if again else ()


def _with_stand_ins(scan: Scan, journal: Journal, decisions: Decisions) -> Scan:
    """Put those in step among the others who have a code, or a name, that decides who somebody else is."""
    read = {account.identity for account in scan.accounts}
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
    codes |= {normalise_code(account.code) for account in scan.accounts}  # of linked ones too: it may be another's by now
    names = {normalise_name(customer.name) for customer in asking}
    names &= {normalise_name(account.name) for account in scan.accounts} if names else names
    if not codes and not names:
        return scan
    found = [
        Link(code, account, key, name, scan.in_step[code])
        for customer, code, account, key, name in journal.links.columns("customer", "code", "account", "account_key", "name")
        if code in scan.in_step
        and (customer in codes or normalise_code(account) in codes or (names and normalise_name(name) in names))
    ]
    return Scan(
        [*scan.customers, *(_customer(link) for link in found)],
        [*scan.accounts, *(Account(link.account, link.account_key, link.name, "", ()) for link in found)],
        {**scan.links, **{normalise_code(link.customer): link for link in found}},
        frozenset(link.customer for link in found),
        scan.in_step,
    )


def _customer(link: Link) -> Customer:
    known = {"code": link.customer, "name": link.name}
    values = tuple(known.get(name) for name in BPO_FIELDS)
    return Customer(link.customer, normalise_code(link.customer), link.name, link.sites, (), True, values)  # noqa: FBT003
