"""Example Company as it is, whatever the system: its customers, their sites, and the accounts that there are already.

The data stand in CSV files beside this one, to be read and changed by people:

- `durban.csv` and `elsewhere.csv`: the Customer Listing, one row a customer and site;
- `details.csv`: what the listing does not show, one row a customer;
- `accounts.csv`: what accounting has. An account with a `customer` has that customer's values, but for the fields named
  in `blank`, and for what stands in a column of its own.

An address is one cell, its lines and at the end its post code parted by semicolons. Values have the names of the fields
(`bposync.fields`), and BPO's words for types and terms; each system's file says what those are there.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from decimal import Decimal
from importlib import resources
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

NAME: Final = "Example Company"

CUSTOMER_TYPES: Final = {
    "RE": "Retail",
    "CO": "Corporate",
    "IT": "Information technology",
    "GV": "Government",
    "HILLCRESTP": "Hillcrest Park",
}
"""BPO's customer types, with what they are called."""

_LISTING: Final = {"type": "CustomerType", "website": "CustomerWebSite", "phone": "CustomerPhoneNumber"}
_DETAILS: Final = ("mobile", "email", "vat_number", "registration", "terms")
_ADDRESSES: Final = ("billing", "shipping")
_ACCOUNT: Final = ("type", "contact", "phone", "email", "vat_number", "terms")


@dataclass(frozen=True, slots=True)
class Listing:
    """One row of the Customer Listing: that a customer belongs to a site, and to which department there."""

    site: str
    department: str
    department_name: str


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer of the company. `values` are the fields that hold text, by name; the credit limit is in rand."""

    code: str
    name: str
    listings: tuple[Listing, ...]
    status: str
    hold_reason: str
    is_debtor: bool
    gl_account: str
    accounts_contact: str
    primary_contact: str
    credit_limit: Decimal
    values: Mapping[str, str]
    other_shipping: Mapping[str, str]
    """A second delivery address, which the listing does not show; its keys are the fields `shipping_…`."""

    @property
    def contact(self) -> str:
        """The Accounts contact, or the Primary one where there is none, as BPO hands it to accounting."""
        return self.accounts_contact or self.primary_contact


@dataclass(frozen=True, slots=True)
class Account:
    """An account that the books have before the first sync. Balance and credit limit are in rand.

    `values` are the fields that hold text, by name. `route` is for the column that the company added for itself.
    """

    code: str
    name: str
    credit_limit: Decimal
    values: Mapping[str, str]
    on_hold: bool
    balance: Decimal
    route: str


def customers() -> tuple[Customer, ...]:
    """Give all customers, those of Durban first, in the order of the listing."""
    listed: dict[str, list[dict[str, str]]] = {}
    for row in [*_rows("durban.csv"), *_rows("elsewhere.csv")]:
        listed.setdefault(row["CustomerCode"], []).append(row)
    details = {row["code"]: row for row in _rows("details.csv")}
    return tuple(_customer(rows, details[code]) for code, rows in listed.items())


def accounts() -> tuple[Account, ...]:
    """Give the accounts that there are before the first sync."""
    by_code = {customer.code: customer for customer in customers()}
    return tuple(_account(row, by_code.get(row["customer"])) for row in _rows("accounts.csv"))


def _rows(file: str) -> list[dict[str, str]]:
    text = resources.files(__package__ or __name__).joinpath(file).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def _customer(rows: list[dict[str, str]], details: dict[str, str]) -> Customer:
    first = rows[0]
    values = {name: first[column] for name, column in _LISTING.items()}
    values |= {name: details[name] for name in _DETAILS}
    for kind in _ADDRESSES:
        values |= _address(kind, details[kind])
    return Customer(
        code=first["CustomerCode"],
        name=first["CustomerName"],
        listings=tuple(Listing(row["SiteDescription"], row["Department"], row["DeptName"]) for row in rows),
        status=details["status"],
        hold_reason=details["hold_reason"],
        is_debtor=details["debtor"] == "yes",
        gl_account=details["gl_account"],
        accounts_contact=details["accounts_contact"],
        primary_contact=details["primary_contact"],
        credit_limit=Decimal(first["CustomerCreditLimit"]),
        values=values,
        other_shipping=_address("shipping", details["other_shipping"]),
    )


def _account(row: dict[str, str], customer: Customer | None) -> Account:
    values: dict[str, str] = {}
    name, credit_limit = row["name"], Decimal("0.00")
    if customer:
        values = {**customer.values, "contact": customer.contact}
        name, credit_limit = name or customer.name, customer.credit_limit
    blank = row["blank"].split()
    values |= dict.fromkeys(blank, "")
    values |= {name: row[name] for name in _ACCOUNT if row[name]}
    if row["billing"]:
        values |= _address("billing", row["billing"])
    if "credit_limit" in blank:
        credit_limit = Decimal("0.00")
    return Account(
        code=row["account"],
        name=name,
        credit_limit=Decimal(row["credit_limit"]) if row["credit_limit"] else credit_limit,
        values=values,
        on_hold=row["on_hold"] == "yes",
        balance=Decimal(row["balance"]),
        route=row["route"],
    )


def _address(kind: str, cell: str) -> dict[str, str]:
    """Give an address by the names of its fields, such as billing_1 and billing_postcode; none for an empty cell."""
    if not cell:
        return {}
    *lines, postcode = (part.strip() for part in cell.split(";"))
    return {f"{kind}_{number}": line for number, line in enumerate(lines, 1)} | {f"{kind}_postcode": postcode}
