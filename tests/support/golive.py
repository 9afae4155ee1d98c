"""A go-live as it really is: a company whose two lists of customers lived apart for years, and who knows the truth.

3,000 customers in BPO meet 2,500 accounts: most of them the same on both sides, others with typing errors, other codes, codes
that somebody else has by now, closed accounts, branches that share a VAT number. `Truth` says who is who.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from bposync.demo import evolution
from support.company import COLUMNS, Company, connected, sqlite_company

if TYPE_CHECKING:
    from pathlib import Path


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


FIRST: Final = _words(
    "Acacia Baobab Cedar Dolphin Eland Falcon Gemsbok Heron Impala Jacaranda Kudu Lagoon "
    "Marula Nyala Orchid Protea Quiver Rooibos Springbok Thunder Umhlanga Vaal Willow Yellowwood "
    "Zebra Highveld Lowveld Karoo Drakensberg Harbour Mountain River Sunrise Coastal Northern Southern "
    "Eastern Western Golden Silver Copper Iron Granite Crystal Amber Ivory "
)  # fmt: skip
SECOND: Final = _words(
    "Engineering Plumbing Electrical Motors Foods Logistics Mining Textiles Printing Computers Pharmacy Bakery "
    "Butchery Carpets Catering Chemicals Construction Couriers Dairies Designs Fabricators Farms Fencing Fisheries "
    "Furniture Glass Hardware Interiors Joinery Laundry Lighting Marine Nurseries Optics Packaging Paints "
    "Plastics Pumps Roofing Security Signs Steel Stores Tiles Timber Tools Tours Towing "
    "Transport Tyres Upholstery Valves Welding Wholesalers "
)  # fmt: skip
THIRD: Final = _words("Durban Pinetown Westville Umlazi Phoenix Chatsworth Hillcrest Kloof Ballito Margate ")
FORMS: Final = ("(Pty) Ltd", "CC", "Inc", "", "")
SITES: Final = ("Durban", "Johannesburg", "Cape Town")


@dataclass
class Truth:
    """Who is who: the account's code of each customer who has one, and what becomes of the others."""

    accounts: dict[str, str] = field(default_factory=dict)
    new: set[str] = field(default_factory=set)
    nobodys: set[str] = field(default_factory=set)
    """Accounts that no customer has."""


class _Maker:
    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311 - made-up data, the same each time
        self.truth = Truth()
        self.customers: list[dict[str, Any]] = []
        self.accounts: list[dict[str, Any]] = []
        self.names = [
            f"{first} {second} {third}" for first in FIRST for second in SECOND for third in THIRD
        ]  # fmt: skip
        self.random.shuffle(self.names)
        self.codes: set[str] = set()
        self.count = 0

    def name(self) -> str:
        form = self.random.choice(FORMS)
        return f"{self.names.pop()} {form}".strip()

    def code(self, name: str) -> str:
        letters = name[:3].upper()
        number = 1
        while (code := f"{letters}{number:04}") in self.codes:
            number += 1
        self.codes.add(code)
        return code

    def vat(self) -> str:
        self.count += 1
        return f"4{self.count:09}"

    def typo(self, name: str) -> str:
        """Give a name with one letter lost, doubled or swapped, not at its beginning."""
        place = self.random.randrange(2, len(name) - 2)
        kind = self.random.randrange(3)
        if kind == 0:
            wrong = name[:place] + name[place + 1 :]
        elif kind == 1:
            wrong = name[:place] + name[place] + name[place:]
        else:
            wrong = name[:place] + name[place + 1] + name[place] + name[place + 2 :]
        return wrong if wrong != name else self.typo(name)

    def customer(self, code: str, name: str, vat: str = "", **values: Any) -> None:
        self.customers.append({
            "code": code, "name": name, "vat_number": vat, "site": self.random.choice(SITES), "credit_limit": 5000.0,
            "phone": f"031 {self.random.randrange(200, 999)} {self.random.randrange(1000, 9999)}",
            "email": f"accounts@{code.lower()}.example", **values,
        })  # fmt: skip

    def account(self, code: str, name: str, vat: str = "", *, closed: bool = False, **values: Any) -> None:
        self.accounts.append({
            "Account": code, "Name": name, "Tax_Number": vat, "Credit_Limit": 5000.0, "DCBalance": 0.0 if closed else 1234.5,
            "On_Hold": closed, "iCurrencyID": 0, "iARPriceListNameID": 1,
            "Telephone": "", "EMail": "", **{COLUMNS[key]: value for key, value in values.items()},
        })  # fmt: skip

    def pair(self, customer: tuple[str, str, str], account: tuple[str, str, str], **differing: Any) -> None:
        """Make a customer and the account that is its own; `differing` is what the account has otherwise."""
        self.customer(*customer)
        self.account(*account, **differing)
        self.truth.accounts[customer[0]] = account[0]

    def new(self, code: str, name: str, vat: str = "") -> None:
        """Make a customer who has no account."""
        self.customer(code, name, vat)
        self.truth.new.add(code)

    def nobodys(self, code: str, name: str) -> None:
        """Make an account that was closed, and that no customer has."""
        self.account(code, name, closed=True)
        self.truth.nobodys.add(code)

    def both(self) -> tuple[str, str, str]:
        name = self.name()
        return self.code(name), name, self.vat()


def make(folder: Path, *, seed: int = 2026) -> tuple[Company, Truth]:
    """Make the company: 3,000 customers and 2,500 accounts."""
    maker = _Maker(seed)
    _same_on_both_sides(maker)
    _typing_errors_and_other_codes(maker)
    _branches(maker)
    _no_account_of_their_own(maker)
    company = sqlite_company(folder)
    maker.random.shuffle(maker.customers)
    maker.random.shuffle(maker.accounts)
    company.customers(maker.customers)
    with connected(company.accounting_url) as connection:
        connection.execute(evolution.CLIENT.insert(), maker.accounts)
    return company, maker.truth


def _same_on_both_sides(maker: _Maker) -> None:
    """Most: the same code and name, some in capitals or with another limit, on which nobody ever agreed."""
    for number in range(1750):
        code, name, vat = maker.both()
        written = name.upper() if number % 15 == 0 else name
        maker.pair((code, name, vat), (code, written, vat), **({"credit_limit": 7500.0} if number % 30 == 1 else {}))


def _typing_errors_and_other_codes(maker: _Maker) -> None:
    for _ in range(120):  # a typing error in the name
        code, name, vat = maker.both()
        maker.pair((code, name, vat), (code, maker.typo(name), ""))
    for _ in range(120):  # another code
        code, name, vat = maker.both()
        maker.pair((code, name, vat), (f"X{code}", name, ""))
    for _ in range(80):  # another code and a typing error, but the same VAT number
        code, name, vat = maker.both()
        maker.pair((code, name, vat), (f"Y{code}", maker.typo(name), vat))
    for _ in range(50):  # another code and a typing error, and nothing else in common
        code, name, _ = maker.both()
        maker.pair((code, name, ""), (f"Z{code}", maker.typo(name), ""))
    for _ in range(40):  # the account of another code is there twice: once closed, once in use
        code, name, vat = maker.both()
        maker.pair((code, name, vat), (f"V{code}", name, vat))
        maker.nobodys(f"OLD{code}", name)


def _branches(maker: _Maker) -> None:
    """Head offices whose branches share a VAT number; the last branch of each is new in BPO."""
    for _ in range(30):
        head, name, vat = maker.both()
        for branch in range(4):
            own, title = f"{head[:3]}B{head[3:]}{branch}", f"{name} Branch {branch}"
            if branch == 3:
                maker.new(own, title, vat)
            else:
                maker.pair((own, title, vat), (own, title, vat))


def _no_account_of_their_own(maker: _Maker) -> None:
    for _ in range(40):  # the code is somebody else's
        code, name, vat = maker.both()
        maker.new(code, name, vat)
        maker.nobodys(code, maker.name())
    for number in range(15):  # a code that no account can have
        maker.new(f"HEAD-OFFICE-CUSTOMER-{number:04}", maker.name())
    while len(maker.accounts) < 2500:  # closed long ago
        maker.nobodys(f"C{len(maker.accounts):05}", maker.name())
    while len(maker.customers) < 3000:
        maker.new(*maker.both())
