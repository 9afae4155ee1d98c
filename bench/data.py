"""Customers as companies have them, made up, the same for the same seed; and the account that each has when all is in step.

Twenty fields are compared. Blank values are NULL on both sides, and limits whole hundreds, so that the bare references may
compare what the drivers hand over as it stands.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any, Final

from bposync.accounting.evolution import COLUMNS, REAL_ROW
from bposync.demo import evolution
from bposync.fields import FIELDS

if TYPE_CHECKING:
    from collections.abc import Iterator

_ADDRESS: Final = ("1", "2", "3", "4", "postcode")

COMPARED: Final = (
    "name", "credit_limit", "website", "phone", "mobile", "email", "contact", "vat_number", "registration",
    *(f"billing_{line}" for line in _ADDRESS), *(f"shipping_{line}" for line in _ADDRESS), "terms",
)  # fmt: skip
"""The fields that are compared; terms last, for the two sides hold them otherwise."""

BPO_COLUMNS: Final = tuple(
    str(FIELDS[name].column)
    for name in ("code", "type", "department", "department_name", "site", "status", "is_debtor", *COMPARED)
)
"""BPO's columns, in the order of the rows that `customers` gives."""

COMPARED_IN_BPO: Final = ("CustomerCode", *(str(FIELDS[name].column) for name in COMPARED))
COMPARED_IN_BOOKS: Final = ("Account", *(COLUMNS[name][0] for name in COMPARED))

TERM_KEYS: Final = {"30 Days": 1, "60 Days": 2, "90 Days": 3, "Cash on Delivery": 4}
"""The keys under which the demo's books hold BPO's terms."""
_CLASS_KEYS: Final = {"RE": 1, "CO": 2, "GV": 3, "IT": 4, "HILLCRESTP": 5}


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_PLACES: Final = (
    ("Durban", "031", "4001"), ("Pinetown", "031", "3610"), ("Johannesburg", "011", "2001"), ("Sandton", "011", "2196"),
    ("Pretoria", "012", "0002"), ("Cape Town", "021", "8001"), ("Stellenbosch", "021", "7600"), ("Bloemfontein", "051", "9301"),
    ("Gqeberha", "041", "6001"), ("Polokwane", "015", "0699"),
)  # fmt: skip
_FIRST: Final = _words(
    "Acacia Baobab Cedar Dolphin Eland Falcon Gemsbok Heron Impala Jacaranda Kudu Lagoon Marula Nyala Orchid Protea Quiver "
    "Rooibos Springbok Thunder Umhlanga Vaal Willow Yellowwood Zebra Highveld Karoo Drakensberg Harbour Müller"
)
_SECOND: Final = _words(
    "Engineering Plumbing Electrical Motors Foods Logistics Mining Textiles Printing Computers Pharmacy Bakery Butchery "
    "Catering Chemicals Construction Couriers Designs Fencing Furniture Hardware Packaging Pumps Security Steel Timber Tyres"
)
_FORMS: Final = ("(Pty) Ltd", "CC", "Inc", "Trading", "& Sons")
_GIVEN: Final = _words("Thandi Sipho Nomsa Pieter Anjali Yusuf Zoë Kabelo Brenda Lindiwe Hendrik Fatima Johan Precious Rajesh")
_FAMILY: Final = _words("Naidoo Botha Dlamini Khumalo Pillay Jacobs Mokoena Singh Fourie Zulu Adams Nkosi Venter Govender")
_STREETS: Final = _words("Long Church Main Smith West Florida Umgeni Marine Voortrekker Jan-Smuts Commissioner Oak Station")
_BUILDINGS: Final = ("Unit", "Shop", "Suite", "Warehouse")
_SITES: Final = ("Durban", "Johannesburg", "Cape Town")
_DEPARTMENTS: Final = (("100", "Sales"), ("200", "Service"), (None, None))


def customers(count: int, *, seed: int = 2026, first: int = 1) -> Iterator[tuple[Any, ...]]:
    """Give so many of BPO's rows, in the order of `BPO_COLUMNS`; `first` is the number of the first."""
    chance = random.Random(seed)  # noqa: S311 - made-up data, the same each time
    pick, number = chance.choice, chance.randrange
    for place in range(first, first + count):
        word = pick(_FIRST)
        name = f"{word} {pick(_SECOND)} {place} {pick(_FORMS)}"
        code = f"{word[:3].upper().replace('Ü', 'U')}{place:07}"
        given, family = pick(_GIVEN), pick(_FAMILY)
        town, dialled, postcode = pick(_PLACES)
        domain = f"{word.lower().replace('ü', 'ue')}{place}.example"
        yield (
            code, pick(tuple(_CLASS_KEYS)), *pick(_DEPARTMENTS), pick(_SITES), "Active", True,
            name,
            number(1, 5000) * 100,
            f"www.{domain}" if number(3) else None,
            f"{dialled} {number(200, 999)} {number(10000):04}",
            f"08{number(2, 5)} {number(100, 999)} {number(10000):04}" if number(4) else None,
            f"accounts@{domain}" if number(10) else None,
            f"{given} {family}",
            f"4{place:09}" if number(3) else None,
            f"{number(1970, 2026)}/{number(1000000):06}/07" if number(2) else None,
            f"PO Box {number(1, 99999)}", town, None, None, postcode,
            f"{pick(_BUILDINGS)} {number(1, 80)}", f"{number(1, 900)} {pick(_STREETS)} Street", town, "South Africa", postcode,
            pick(tuple(TERM_KEYS)),
        )  # fmt: skip


ACCOUNT_COLUMNS: Final = tuple(
    dict.fromkeys(("Account", *(COLUMNS[name][0] for name in COMPARED), *REAL_ROW, "iClassID", "iAreasID"))
)
"""The columns of Client that a new account gets, in the order of the rows that `account` gives."""

_FLAGS: Final = frozenset(column.name for column in evolution.CLIENT.columns if column.type.python_type is bool)
_REAL: Final = {name: bool(value) if name in _FLAGS else value for name, value in REAL_ROW.items()}
_CODE, _TYPE = 0, 1
_FIRST_COMPARED = len(BPO_COLUMNS) - len(COMPARED)


def account(customer: tuple[Any, ...]) -> tuple[Any, ...]:
    """Give the row of the account that a customer has when both are in step."""
    *texts, terms = customer[_FIRST_COMPARED:]
    written = dict(zip((COLUMNS[name][0] for name in COMPARED), (*texts, TERM_KEYS[terms]), strict=True))
    row = _REAL | written | {"Account": customer[_CODE], "iClassID": _CLASS_KEYS[customer[_TYPE]], "iAreasID": 1}
    return tuple(row[name] for name in ACCOUNT_COLUMNS)
