"""What a customer and an account share that tells who somebody is: code, name and VAT number. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bposync.values import normalise_code, normalise_name, normalise_vat_number

if TYPE_CHECKING:
    from bposync.records import Account, Customer


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for one's being the other, and what against it. VAT numbers count from ten digits on."""

    code: bool
    name: bool
    """Equal but for spacing and punctuation; it says little where several customers have the name."""
    vat_number: bool
    other_vat_number: bool
    """Whether both have one, and another."""


def compare(customer: Customer, account: Account) -> Evidence:
    """Compare a customer with an account."""
    one, other = (normalise_vat_number(text) for text in (customer.text("vat_number"), account.vat_number))
    return Evidence(
        code=customer.key == normalise_code(account.code),
        name=bool(name := normalise_name(customer.name)) and name == normalise_name(account.name),
        vat_number=bool(one) and one == other,
        other_vat_number=bool(one and other) and one != other,
    )
