"""What a person should hear who links a customer: what is left behind, what the two do not share, what BPO cannot know."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from bposync.values import normalise_code, normalise_name, normalise_vat_number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bposync.records import Account, Pairing
    from bposync.survey import Survey


class Cautions:
    """Cautions about links, by what both sides were before anything was decided. Nothing is refused."""

    def __init__(self, survey: Survey) -> None:
        self._survey = survey

    def of_link(self, customer: str, account: str) -> list[str]:
        """Say what speaks against a customer's being an account that is there; nothing where nothing does."""
        return [*self.of_leaving(customer, account), *self._strangers(customer, account)]

    def of_leaving(self, customer: str, account: str) -> list[str]:
        """Say so where code and name spoke for another account, which nobody has from now on."""
        pairing = self._pairings.get(normalise_code(customer))
        if pairing is None or pairing.account is None or pairing.link is not None:
            return []
        left = pairing.account
        if normalise_code(left.code) == normalise_code(account):
            return []
        return [f"Account {left.code} ({left.name}) has its code and name, and is nobody's now."]

    def is_under_another_code(self, customer: str, account: str) -> bool:
        """Tell whether BPO may not know a customer's account, for it has another code and BPO cannot say which."""
        return not self._survey.has_account_column and normalise_code(customer) != normalise_code(account)

    def _strangers(self, customer: str, account: str) -> list[str]:
        """Say so where the two have nothing in common that tells who somebody is."""
        pairing, found = self._pairings.get(normalise_code(customer)), self._accounts.get(normalise_code(account))
        if pairing is None or pairing.customer is None or found is None:
            return []
        one = pairing.customer
        number, other = (normalise_vat_number(text) for text in (one.text("vat_number"), found.vat_number))
        if (
            one.key == normalise_code(found.code)
            or normalise_name(one.name) == normalise_name(found.name)
            or (number and number == other)
        ):
            return []
        said = f"Account {found.code} is {found.name}: it shares neither code nor name with {one.code} ({one.name})"
        if number and other:
            said += f", and has another VAT number ({found.vat_number}, BPO has {one.text('vat_number')})"
        return [f"{said}. What is blank in it the next sync fills in from BPO."]

    @cached_property
    def _pairings(self) -> Mapping[str, Pairing]:
        return {each.customer.key: each for each in self._survey.matching.pairings if each.customer is not None}

    @cached_property
    def _accounts(self) -> Mapping[str, Account]:
        return {normalise_code(account.code): account for account in self._survey.accounts}
