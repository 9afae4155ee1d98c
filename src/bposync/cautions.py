"""What a person should hear who settles something: what is left behind, what two do not share, what stays blank."""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from typing import TYPE_CHECKING

from bposync.advice import PLACEHOLDER, command
from bposync.evidence import compare
from bposync.fields import FIELDS
from bposync.values import normalise_code, normalise_name
from bposync.words import cell

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from bposync.decide import Accepted
    from bposync.records import Account, Change, Pairing
    from bposync.survey import Survey


def stays_blank(accepted: Accepted) -> str:
    """Say so where accounting's value, which is to stand, is blank; nothing where it is not."""
    field = FIELDS[accepted.field]
    if not field.is_blank(accepted.accounting):
        return ""
    theirs = cell(accepted.bpo) or "blank"
    return f"{field.label}: stays blank, though a sync would have filled in BPO's {theirs}."


def doubts(change: Change) -> list[str]:
    """Say so where name and VAT number both speak against a customer's account, whose values or which shall stand."""
    if not change.is_doubtful:
        return []
    leave, new = command("unlink {}", change.code), command(f"link {{}} --new {PLACEHOLDER}", change.code)
    said = f"Account {change.account} has another name and another VAT number than customer {change.code} ({change.name})"
    return [f"{said}, whose next change in BPO goes into it. If it is another company's: {leave}, then {new}"]


class Cautions:
    """Cautions about links, by what both sides were before anything was decided. Nothing is refused."""

    def __init__(self, survey: Survey) -> None:
        self._survey = survey

    def of_link(self, customer: str, account: str) -> list[str]:
        """Say what speaks against a customer's being an account that is there; nothing where nothing does."""
        return [*self.of_leaving(customer, account), *self.of_strangers(customer, account)]

    def of_leaving(self, customer: str, account: str, taken: Collection[str] = ()) -> list[str]:
        """Say so where code and name spoke for another account, which nobody has from now on, unless it is `taken`."""
        pairing = self._pairings.get(normalise_code(customer))
        if pairing is None or pairing.account is None or pairing.link is not None:
            return []
        left = pairing.account
        if normalise_code(left.code) in {normalise_code(account), *taken}:
            return []
        return [f"Account {left.code} ({left.name}) has its code and name, and is nobody's now."]

    def of_accepting(self, customer: str) -> list[str]:
        """Say so where name and VAT number both speak against the account whose values are to stand."""
        change = self._survey.change_of(normalise_code(customer))
        return doubts(change) if change is not None else []

    def is_under_another_code(self, customer: str, account: str) -> bool:
        """Tell whether BPO may not know a customer's account, for it has another code and BPO cannot say which."""
        return not self._survey.has_account_column and normalise_code(customer) != normalise_code(account)

    def of_strangers(self, customer: str, account: str) -> list[str]:
        """Say so where the two share nothing that tells who somebody is, or have two VAT numbers."""
        pairing, found = self._pairings.get(normalise_code(customer)), self._accounts.get(normalise_code(account))
        if pairing is None or pairing.customer is None or found is None:
            return []
        one = pairing.customer
        shared = compare(one, found)
        is_known = shared.code or shared.vat_number or (shared.name and self._name_counts[normalise_name(one.name)] == 1)
        if is_known and not shared.other_vat_number:
            return []
        whose = "" if shared.name else f", not {one.name}"
        said = f"Account {found.code} is {found.name}{whose}"
        if shared.other_vat_number:
            said += f": it has another VAT number than {one.code} ({found.vat_number}, BPO has {one.text('vat_number')})"
        else:
            said += f": it shares neither code nor VAT number with {one.code}"
        return [f"{said}. What is blank in it the next sync fills in from BPO."]

    @cached_property
    def _name_counts(self) -> Counter[str]:
        return Counter(normalise_name(each.name) for each in self._survey.customers if each.name)

    @cached_property
    def _pairings(self) -> Mapping[str, Pairing]:
        return {each.customer.key: each for each in self._survey.matching.pairings if each.customer is not None}

    @cached_property
    def _accounts(self) -> Mapping[str, Account]:
        return {normalise_code(account.code): account for account in self._survey.accounts}
