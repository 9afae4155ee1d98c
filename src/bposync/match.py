"""Who is who: customers, accounts, links and decisions become one pairing a customer, with its evidence. Pure.

It looks at all of BPO and all accounts, whatever site is asked for, so that no one is taken for new who is known elsewhere.
The order is the contract's: by link; by BPO's own account column; by equal code and equal name. Whoever is left and looks
like an account that nobody has waits for a person.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from bposync.records import Account, Customer, Decisions, Link, Matching, Pairing, PairingKind
from bposync.values import normalise_code, normalise_name, normalise_vat_number

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

_INACTIVE = "inactive"


def is_inactive(customer: Customer) -> bool:
    """Tell whether BPO has deleted a customer: Inactive at every site (BPO's manual)."""
    return bool(customer.statuses) and all(status.strip().casefold() == _INACTIVE for status in customer.statuses)


def match(
    customers: Sequence[Customer],
    accounts: Sequence[Account],
    links: Mapping[str, Link],
    decisions: Decisions | None = None,
) -> Matching:
    """Pair every customer of BPO, and every link whose customer is gone. `links` are by normalised customer code."""
    return _Matcher(customers, accounts, links, decisions or Decisions()).match()


class _Matcher:
    """The state of one matching: who has which account so far."""

    def __init__(
        self,
        customers: Sequence[Customer],
        accounts: Sequence[Account],
        links: Mapping[str, Link],
        decisions: Decisions,
    ) -> None:
        # In order, so that the one in which the databases hand them over changes nothing.
        self.customers = sorted(customers, key=lambda customer: (customer.key, customer.code, customer.name))
        self.accounts = sorted(accounts, key=_in_order)
        self.links = links
        self.decisions = decisions
        self.by_key = {account.key: account for account in accounts if account.key}
        self.by_code: dict[str, list[Account]] = defaultdict(list)
        for account in self.accounts:
            self.by_code[normalise_code(account.code)].append(account)
        self.keyless: dict[str, list[Link]] = defaultdict(list)
        for link in sorted(links.values(), key=lambda link: (normalise_code(link.customer), link.customer)):
            if not link.account_key:
                self.keyless[normalise_code(link.account)].append(link)
        self.codes: dict[str, list[str]] = defaultdict(list)
        for customer in customers:
            if customer.key:
                self.codes[customer.key].append(customer.code)
        self.name_counts = Counter(normalise_name(customer.name) for customer in customers if customer.name)
        self.holders: dict[int, str] = {}
        """Who has an account: the customer's code by the account's identity."""
        self.free_again: set[int] = set()
        """Accounts whose customer is gone: they still may look like somebody."""

    def match(self) -> Matching:
        pairings: list[Pairing | None] = [None] * len(self.customers)
        gone = self._pair_linked(pairings)
        self._pair_by_account_column(pairings)
        self._pair_by_code_and_name(pairings)
        looked_like: set[int] = set()
        self._find_lookalikes(pairings, looked_like)
        self._make_new(pairings)
        done = [pairing for pairing in pairings if pairing is not None]
        only = tuple(
            account
            for account in self.accounts
            if id(account) not in self.holders
            and id(account) not in looked_like
            and normalise_code(account.code) not in self.codes
            and normalise_code(account.code) not in self.decisions.ignored_accounts
        )
        return Matching((*done, *gone), only)

    def _take(self, account: Account, customer_code: str) -> None:
        self.holders[id(account)] = customer_code

    def _pair_linked(self, pairings: list[Pairing | None]) -> list[Pairing]:
        """Pair by link; give the pairings of links whose customer is no longer in BPO.

        An account whose customer is gone may be linked to another one meanwhile: then it is that one's.
        """
        found: dict[int, tuple[Link, Account | None, str]] = {}
        claims: dict[int, list[str]] = defaultdict(list)
        for place, customer in enumerate(self.customers):
            if not customer.key or len(self.codes[customer.key]) > 1:
                self._reject_code(pairings, place, customer)
            if (link := self.links.get(customer.key)) is not None:
                account, why = self._linked_account(link, customer)
                found[place] = link, account, why
                if account is not None and not is_inactive(customer) and customer.code not in claims[id(account)]:
                    claims[id(account)].append(customer.code)
        for place, (link, account, why) in found.items():
            customer = self.customers[place]
            pairing = self._pair_link(customer, link, account, why, claims)
            rejected = pairings[place]
            pairings[place] = pairing if rejected is None else replace(rejected, account=account)
        gone = []
        for key, link in sorted(self.links.items()):
            if key not in self.codes:
                account, why = self._linked_account(link)
                gone.append(self._pair_gone(None, link, account, why))
        return gone

    def _pair_link(
        self, customer: Customer, link: Link, account: Account | None, why: str, claims: Mapping[int, list[str]]
    ) -> Pairing:
        if account is None:
            return Pairing(PairingKind.MISSING, customer, None, link, (why,))
        claimed_by = claims.get(id(account), [])
        if is_inactive(customer):
            if claimed_by:
                return Pairing(PairingKind.MISSING, customer, None, link, (f"account {account.code} is {claimed_by[0]}'s now",))
            return self._pair_gone(customer, link, account, why)
        self.holders.setdefault(id(account), customer.code)
        others = [code for code in claimed_by if normalise_code(code) != customer.key]
        if others:
            reason = f"account {account.code} is linked to customer {', '.join(others)} too"
            return Pairing(PairingKind.REJECTED, customer, account, link, (reason,))
        return Pairing(PairingKind.PAIRED, customer, account, link)

    def _pair_gone(self, customer: Customer | None, link: Link, account: Account | None, why: str) -> Pairing:
        if account is None:
            return Pairing(PairingKind.MISSING, customer, None, link, (why,))
        if id(account) not in self.holders:
            self.holders[id(account)] = link.customer
            self.free_again.add(id(account))
        return Pairing(PairingKind.PAIRED, customer, account, link)

    def _reject_code(self, pairings: list[Pairing | None], place: int, customer: Customer) -> None:
        if customer.key:
            others = sorted(set(self.codes[customer.key]) - {customer.code})
            reason = f"code: falls together with that of customer {', '.join(others)}"
        else:
            reason = "code: is blank"
        link = self.links.get(customer.key)
        new_code = self._new_code(customer) if customer.key and link is None else ""
        pairings[place] = Pairing(PairingKind.REJECTED, customer, None, link, (reason,), new_code)

    def _linked_account(self, link: Link, customer: Customer | None = None) -> tuple[Account | None, str]:
        """Give a link's account: by the system's own key where the link has one, else by its code."""
        if link.account_key:
            account = self.by_key.get(link.account_key)
            if account is not None and _is_anothers(account, link, customer):
                what = f"its key is that of account {account.code} ({account.name}) now"
                return None, f"account {link.account} is no longer there: {what}"
            if account is not None:
                return account, ""
            if normalise_code(link.account) in self.by_code:
                return None, f"account {link.account} is another one now: it came back under another key"
        else:
            found = self.by_code.get(normalise_code(link.account), [])
            if len(found) == 1:
                return found[0], ""
            if found:
                return None, f"{len(found)} accounts have the code {link.account}"
        return None, f"account {link.account} is no longer there"

    def _pair_by_account_column(self, pairings: list[Pairing | None]) -> None:
        claims: dict[str, list[int]] = defaultdict(list)
        for place, customer in enumerate(self.customers):
            if pairings[place] is None and (code := normalise_code(customer.text("account"))):
                claims[code].append(place)
        for code, places in claims.items():
            accounts = self.by_code.get(code, [])
            for place in places:
                pairings[place] = self._claim(place, places, accounts)
            if len(places) > 1:
                for account in accounts:
                    self.holders.setdefault(id(account), self.customers[places[0]].code)

    def _claim(self, place: int, places: Sequence[int], accounts: Sequence[Account]) -> Pairing | None:
        """Give what comes of a customer to whom BPO gives one of `accounts`; None where there is no such account."""
        customer = self.customers[place]
        written = customer.text("account")
        if len(places) > 1:
            others = ", ".join(self.customers[other].code for other in places if other != place)
            return _rejected(customer, f"account: BPO gives {written} to customer {others} too")
        if len(accounts) > 1:
            return _rejected(customer, f"account: {len(accounts)} accounts have the code {written}")
        if accounts and id(accounts[0]) in self.holders:
            return _rejected(customer, f"account: {written} is linked to customer {self.holders[id(accounts[0])]}")
        if not accounts:
            return None
        self._take(accounts[0], customer.code)
        return Pairing(PairingKind.PAIRED, customer, accounts[0], reasons=("paired: by BPO's account column",))

    def _pair_by_code_and_name(self, pairings: list[Pairing | None]) -> None:
        # Who has an account of its own code comes before who was to get a new one under that code.
        order = sorted(range(len(self.customers)), key=lambda place: self.customers[place].key in self.decisions.new)
        for place in order:
            customer = self.customers[place]
            if pairings[place] is not None:
                continue
            code = normalise_code(self.decisions.new.get(customer.key) or customer.code)
            name = normalise_name(customer.name)
            found = [
                account
                for account in self.by_code.get(code, [])
                if id(account) not in self.holders and normalise_name(account.name) == name
            ]
            # Where the code is all that tells accounts apart, one that shares it cannot be found again.
            if len(found) == 1 and (found[0].key or len(self.by_code[code]) == 1):
                self._take(found[0], customer.code)
                pairings[place] = Pairing(PairingKind.PAIRED, customer, found[0], reasons=("paired: same code and name",))

    def _find_lookalikes(self, pairings: list[Pairing | None], looked_like: set[int]) -> None:
        by_name: dict[str, list[Account]] = defaultdict(list)
        by_vat: dict[str, list[Account]] = defaultdict(list)
        for account in self.accounts:
            if self._is_free(account):
                by_name[normalise_name(account.name)].append(account)
                if vat := normalise_vat_number(account.vat_number):
                    by_vat[vat].append(account)
        for place, customer in enumerate(self.customers):
            if pairings[place] is not None:
                continue
            name = normalise_name(customer.name)
            evidence: dict[int, tuple[Account, list[str]]] = {}
            same_code = [account for account in self.by_code.get(customer.key, []) if self._is_free(account)]
            for found, what in (
                (same_code, "the code"),
                (by_name.get(name, []) if name and self.name_counts[name] == 1 else [], "the name"),
                (by_vat.get(normalise_vat_number(customer.text("vat_number")), []), "the VAT number"),
            ):
                for account in found:
                    evidence.setdefault(id(account), (account, []))[1].append(what)
            if not evidence:
                continue
            if customer.key not in self.decisions.new:
                looked_like.update(evidence)
                reasons = tuple(_looks_like(account, found) for account, found in evidence.values())
                pairings[place] = Pairing(
                    PairingKind.LOOKALIKE, customer, reasons=reasons,
                    new_code=self._new_code(customer), candidates=tuple(account.code for account, _ in evidence.values()),
                    is_own_code_taken=normalise_code(self._new_code(customer)) in self.by_code,
                )  # fmt: skip

    def _is_free(self, account: Account) -> bool:
        return id(account) not in self.holders or id(account) in self.free_again

    def _make_new(self, pairings: list[Pairing | None]) -> None:
        """Give everybody else the code of a new account, if that code is free."""
        codes: dict[str, list[int]] = defaultdict(list)
        for place, customer in enumerate(self.customers):
            if pairings[place] is None:
                codes[normalise_code(self._new_code(customer))].append(place)
        for code, places in codes.items():
            taken = self.by_code.get(code)
            for place in places:
                customer = self.customers[place]
                new_code = self._new_code(customer)
                missing = self._missing_under(code, customer)
                if missing is not None:
                    reason = f"code: {new_code} is the account of customer {missing.customer}, which is missing"
                    pairings[place] = _rejected(customer, reason, new_code)
                elif taken:
                    holder = self.holders.get(id(taken[0]))
                    whose = f"customer {holder}'s account" if holder else f"the account of {taken[0].name}"
                    pairings[place] = _rejected(customer, f"code: {new_code} is {whose} already", new_code)
                elif len(places) > 1:
                    others = ", ".join(self.customers[other].code for other in places if other != place)
                    reason = f"code: customer {others} would get the account code {new_code} too"
                    pairings[place] = _rejected(customer, reason, new_code)
                else:
                    pairings[place] = Pairing(PairingKind.NEW, customer, new_code=new_code)

    def _missing_under(self, code: str, customer: Customer) -> Link | None:
        """Give the link that would take a new account for its own, where accounts are known by their codes alone."""
        if code in self.by_code:
            return None
        links = self.keyless.get(code, [])
        return next((link for link in links if normalise_code(link.customer) != customer.key), None)

    def _new_code(self, customer: Customer) -> str:
        return self.decisions.new.get(customer.key) or customer.text("account") or customer.code


def _is_anothers(account: Account, link: Link, customer: Customer | None) -> bool:
    """Tell whether somebody else's account has a link's key, as where accounting was restored from a backup.

    The system then gives keys again that it gave before. An account that was renamed keeps its code, its name or its VAT
    number; or its new name is the customer's.
    """
    if "name" not in link.agreed or normalise_code(account.code) == normalise_code(link.account):
        return False
    names = [link.agreed["name"][1], customer.name if customer is not None else ""]
    if normalise_name(account.name) in {normalise_name(str(name or "")) for name in names}:
        return False
    vat_number = normalise_vat_number(str(link.agreed.get("vat_number", ("", ""))[1] or ""))
    return not vat_number or normalise_vat_number(account.vat_number) != vat_number


def _in_order(account: Account) -> tuple[str, int, str, str, str, str]:
    return (normalise_code(account.code), len(account.key), account.key, account.code, account.name, account.vat_number)


def _rejected(customer: Customer, reason: str, new_code: str = "") -> Pairing:
    return Pairing(PairingKind.REJECTED, customer, reasons=(reason,), new_code=new_code)


def _looks_like(account: Account, evidence: Collection[str]) -> str:
    what = " and ".join(evidence)
    return f"account {account.code} ({account.name}) has {what}"
