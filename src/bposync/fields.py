"""The one table of the fields: their names, labels, kinds, default columns and owners. All other rooms read it.

A field is a column of BPO's listing, a field of the account, or both. Names are the same in the configuration, in JSON,
in tables and in the journal.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Final

from bposync.values import amount_of, flag_of, text_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bposync.values import Value


class Kind(Enum):
    """How a field's values are read, compared and shown."""

    TEXT = "text"
    AMOUNT = "amount"
    FLAG = "flag"


class Owner(Enum):
    """Whose value stands in an account after it was made."""

    BPO = "bpo"
    """BPO's: its changes are written."""
    ACCOUNTING = "new"
    """Accounting's: BPO's value goes into new accounts only."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field. `column` is BPO's default column, `listed` whether the Customer Listing shows it."""

    name: str
    label: str
    kind: Kind = Kind.TEXT
    column: str | None = None
    listed: bool = False
    required: bool = False
    in_account: bool = False
    owner: Owner = Owner.BPO

    def read(self, raw: object) -> Value:
        """Give a raw database value as this field's kind. Raises ValueError in a user's words."""
        if self.kind is Kind.AMOUNT:
            return amount_of(raw)
        return flag_of(raw) if self.kind is Kind.FLAG else text_of(raw)

    def is_blank(self, value: Value) -> bool:
        """Tell whether a value says nothing: no text, no amount or 0.00 (a new account's credit limit), no flag."""
        return not value

    def show(self, value: Value) -> str | bool | None:
        """Give a value as JSON and the journal hold it: amounts as text with two decimals, blank text as null."""
        if isinstance(value, str):
            return value or None
        if isinstance(value, Decimal):
            return f"{value:.2f}"
        return value

    def parse(self, shown: str | bool | None) -> Value:  # noqa: FBT001 - a value, not a switch
        """Take back what `show` gave."""
        if self.kind is Kind.FLAG:
            return bool(shown)
        if self.kind is Kind.AMOUNT:
            # What a person accepted may have been no amount: it is kept as it stood.
            try:
                return amount_of(shown)
            except ValueError:
                return str(shown)
        return "" if shown is None else str(shown)


def _address(prefix: str, label: str, column: str) -> list[Field]:
    lines = [Field(f"{prefix}_{n}", f"{label} {n}", column=f"{column}Address{n}", in_account=True) for n in range(1, 6)]
    postcode = Field(f"{prefix}_postcode", f"{label} post code", column=f"{column}PostalCode", in_account=True)
    return [*lines, postcode]


_ALL: Final = (
    Field("code", "Code", column="CustomerCode", listed=True, required=True),
    Field("type", "Type", column="CustomerType", listed=True),
    Field("name", "Name", column="CustomerName", listed=True, required=True, in_account=True),
    Field("department", "Department", column="Department", listed=True),
    Field("department_name", "Department name", column="DeptName", listed=True),
    Field("site", "Site", column="SiteDescription", listed=True, required=True),
    Field("credit_limit", "Credit limit", Kind.AMOUNT, "CustomerCreditLimit", listed=True, in_account=True),
    Field("website", "Web site", column="CustomerWebSite", listed=True, in_account=True),
    Field("phone", "Phone", column="CustomerPhoneNumber", listed=True, in_account=True),
    Field("mobile", "Mobile", column="CustomerMobileNumber", in_account=True),
    Field("email", "E-mail", column="CustomerEmail", in_account=True),
    Field("contact", "Contact", column="AccountsContact", in_account=True),
    Field("status", "Status", column="CustomerStatus"),
    Field("is_debtor", "Debtor", Kind.FLAG, "IsDebtor"),
    Field("vat_number", "VAT number", column="VATNumber", in_account=True),
    Field("registration", "Registration", column="RegistrationNumber", in_account=True),
    Field("terms", "Terms", column="CreditTerms", in_account=True),
    *_address("billing", "Billing address", "Billing"),
    *_address("shipping", "Shipping address", "Shipping"),
    # BPO may know the account's code under a column of its own; there is no default for it.
    Field("account", "Account", column=""),
    # Not columns of BPO: derived from status, type and the configuration.
    Field("hold", "On hold", Kind.FLAG, in_account=True),
    Field("group", "Group", in_account=True, owner=Owner.ACCOUNTING),
    Field("category", "Category", in_account=True, owner=Owner.ACCOUNTING),
    Field("area", "Area", in_account=True, owner=Owner.ACCOUNTING),
    Field("price_list", "Price list", in_account=True, owner=Owner.ACCOUNTING),
)

FIELDS: Final = {field.name: field for field in _ALL}
"""Every field by its name, in the order in which values travel."""

BPO_FIELDS: Final = tuple(field.name for field in _ALL if field.column is not None)
"""The fields that may be columns of BPO; a customer's values stand in this order."""

LISTING_FIELDS: Final = tuple(field.name for field in _ALL if field.listed)
"""The Customer Listing's own columns in its own order (BPO's manual)."""

ACCOUNT_FIELDS: Final = tuple(field.name for field in _ALL if field.in_account)
"""The fields that an account may have a place for; an account's values stand in this order."""

ALWAYS_NEW: Final = tuple(field.name for field in _ALL if field.owner is Owner.ACCOUNTING)
"""The fields that go into new accounts only, whatever the configuration says."""


def named(text: str, among: Iterable[str] = FIELDS) -> str | None:
    """Give the field that a person means by its name or its label, in any case, such as `Credit limit`; None where none is."""
    wanted = text.strip().casefold()
    spelled = wanted.replace("-", "_").replace(" ", "_")
    return next((name for name in among if name == spelled or FIELDS[name].label.casefold() == wanted), None)
