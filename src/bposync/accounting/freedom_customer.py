"""A customer as the Freedom Service knows it: which property holds which field, and what is sent for a change.

An update sends the whole object, as it was read a moment before, with the properties that are written replaced: what Freedom
knows and bposync does not own goes back as it came. What is a code in an account is a whole object there, found first.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from bposync.accounting.evolution_tables import cents
from bposync.fields import FIELDS, Kind
from bposync.records import Account
from bposync.values import flag_of, text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bposync.records import Change
    from bposync.values import Value

    Finder = Callable[[str, str], Mapping[str, Any]]
    """Finds the whole object of a code, by field and code."""
    Codes = Callable[[str, object], str]
    """Gives the code of a key where a customer shows the key alone, by field and key."""

_LINES: Final = {"billing": "PostalAddress", "shipping": "PhysicalAddress"}
PROPERTIES: Final[Mapping[str, tuple[str, ...]]] = {
    "name": ("Description",),
    "contact": ("ContactPerson",),
    "phone": ("Telephone",),
    "mobile": ("Telephone2",),
    "email": ("EmailAddress",),
    "website": ("Webpage",),
    "vat_number": ("TaxNumber",),
    "registration": ("Registration",),
    "credit_limit": ("CreditLimit",),
    **{f"{kind}_{n}": (address, f"Line{n}") for kind, address in _LINES.items() for n in range(1, 6)},
    **{f"{kind}_postcode": (address, "PostalCode") for kind, address in _LINES.items()},
    "hold": ("IsOnHold",),
}
"""The property of each field, and the one inside it. Sage's guide to the service names them."""


@dataclass(frozen=True, slots=True)
class Linked:
    """A field that is a code in the account: its operation, and the properties that it may stand in, the first that is there.

    The key of an object stands in `keys` beside it, where the service shows it there too.
    """

    operation: str
    objects: tuple[str, ...]
    keys: tuple[str, ...]


LINKED: Final[Mapping[str, Linked]] = {
    "terms": Linked("AgingTermFind", ("AgingTerm", "AgeingTerm"), ("AgingTermID", "AgeingTermID")),
    "group": Linked("CustomerGroupFind", ("CustomerGroup", "Group"), ("CustomerGroupID", "GroupID")),
    "area": Linked("AreaFind", ("Area",), ("AreasID", "AreaID")),
}
"""Price lists have no operation to be found by: a new account gets the service's own default."""
DOCUMENTED: Final = frozenset({*(path[0] for path in PROPERTIES.values()), "CustomerGroup", "AgingTerm", "AreasID"})
"""What a customer is taken to have where the company has none yet to look at."""
NEW: Final[Mapping[str, Any]] = {"Active": True, "ChargeTax": True}
"""What a new account has whatever BPO says: a property that is not sent is false to the service."""


@dataclass(frozen=True, slots=True)
class Places:
    """Which fields this service has a place for, by the properties of a customer that it showed."""

    shown: frozenset[str]

    def has(self, field: str) -> bool:
        """Tell whether a field has a place."""
        if field in PROPERTIES:
            return PROPERTIES[field][0] in self.shown
        return field in LINKED and bool(self.shown.intersection((*LINKED[field].objects, *LINKED[field].keys)))

    def account(self, customer: Mapping[str, Any], fields: Sequence[str], new_fields: Sequence[str], codes: Codes) -> Account:
        """Give an account from a customer. Raises ValueError for one without a key."""
        key = customer.get("ID")
        if isinstance(key, bool) or not isinstance(key, int) or key <= 0:
            raise ValueError(f"account {text_of(customer.get('Code'))} has no ID")
        return Account(
            code=_text(customer["Code"]),
            key=str(key),
            name=_text(customer.get("Description")),
            vat_number=_text(customer.get("TaxNumber")),
            values=tuple(_value(customer, field, codes) for field in fields),
            new_values=tuple(_value(customer, field, codes) for field in new_fields),
        )

    def new(self, change: Change, find: Finder) -> dict[str, Any]:
        """Give the object that makes an account."""
        customer: dict[str, Any] = {"Code": change.account, **NEW}
        self._put(customer, change, find)
        return customer

    def updated(self, customer: Mapping[str, Any], change: Change, find: Finder) -> dict[str, Any]:
        """Give the whole object of an account that was just read, with what is written in it."""
        whole = deepcopy(dict(customer))
        self._put(whole, change, find)
        return whole

    def _put(self, customer: dict[str, Any], change: Change, find: Finder) -> None:
        for written in change.writes:
            if written.field in LINKED:
                self._put_linked(customer, written.field, str(written.new or ""), find)
                continue
            first, *inner = PROPERTIES[written.field]
            sent = _sent(written.field, written.new)
            if not inner:
                customer[first] = sent
                continue
            address = customer.get(first)
            # A whole address even where there was none: its other lines are blank then, as they were.
            customer[first] = {**(address if isinstance(address, dict) else {}), inner[0]: sent}

    def _put_linked(self, customer: dict[str, Any], field: str, code: str, find: Finder) -> None:
        linked = LINKED[field]
        found = find(field, code) if code else None
        for name in linked.objects:
            if name in self.shown:
                customer[name] = found
        for name in linked.keys:
            if name in self.shown:
                customer[name] = found["ID"] if found else 0


def linked_object(customer: Mapping[str, Any], field: str) -> Mapping[str, Any] | None:
    """Give the object of a field that is a code; None where there is none, or the service shows no object."""
    for name in LINKED[field].objects:
        found = customer.get(name)
        if isinstance(found, dict) and text_of(found.get("Code")):
            return found
    return None


def _value(customer: Mapping[str, Any], field: str, codes: Codes) -> Value:
    if field in LINKED:
        found = linked_object(customer, field)
        if found is not None:
            return _text(found["Code"])
        key = next((customer[name] for name in LINKED[field].keys if customer.get(name)), None)
        return codes(field, key) if key is not None else ""
    first, *inner = PROPERTIES[field]
    raw = customer.get(first)
    if inner:
        raw = raw.get(inner[0]) if isinstance(raw, dict) else None
    kind = FIELDS[field].kind
    if kind is Kind.AMOUNT:
        return cents(raw)
    return flag_of(raw) if kind is Kind.FLAG else _text(raw)


def _sent(field: str, value: Value) -> object:
    kind = FIELDS[field].kind
    if kind is Kind.AMOUNT:
        return float(value) if isinstance(value, Decimal) else 0.0
    return bool(value) if kind is Kind.FLAG else str(value or "")


def _text(raw: object) -> str:
    """Give a text without the halves of characters that JSON can write and no database can hold."""
    text = text_of(raw)
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
