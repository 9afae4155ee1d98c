"""Which of BPO's tables holds the customers, and which of its columns each field: proposals that a person confirms."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

from bposync.fields import BPO_FIELDS, FIELDS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_ALIKE: Final = 88
"""From this likeness on, of a hundred, a column's name is taken for a field's."""
_REQUIRED_COUNTS: Final = 5
_GUESS_COUNTS: Final = 0.6


def _line(number: int, *addresses: str) -> tuple[str, ...]:
    return tuple(f"{of}{line} {number}" for of in addresses for line in (" address", " address line", " line", ""))


# What columns are called elsewhere, in words; the account's own is never guessed, for it decides who is who.
_ALIASES: Final[dict[str, tuple[str, ...]]] = {
    "code": ("customer code", "customer number", "customer id", "client code", "client number", "debtor code", "code"),
    "type": ("customer type", "client type", "customer category", "type"),
    "name": ("customer name", "client name", "company name", "debtor name", "name"),
    "department": ("department", "department code", "dept"),
    "department_name": ("department name", "dept name"),
    "site": ("site description", "site name", "site", "branch", "branch name", "branch description", "location"),
    "credit_limit": ("customer credit limit", "credit limit", "client credit limit"),
    "website": ("customer website", "website", "web page", "web address", "url", "homepage"),
    "phone": ("customer phone number", "phone number", "phone", "telephone", "telephone number", "work number", "landline"),
    "mobile": ("customer mobile number", "mobile number", "mobile", "mobile phone"),
    "email": ("customer email", "email", "email address", "mail"),
    "contact": ("accounts contact", "contact", "contact person", "contact name"),
    "status": ("customer status", "client status", "status"),
    "is_debtor": ("is debtor", "debtor", "debtor flag"),
    "vat_number": ("vat number", "vat registration number", "vat reg number", "vat", "tax number", "customer vat number"),
    "registration": ("registration number", "company registration number", "reg number", "company registration"),
    "terms": ("credit terms", "payment terms", "terms"),
    **{f"billing_{n}": _line(n, "billing", "postal", "post") for n in range(1, 6)},
    "billing_postcode": ("billing postcode", "billing address postcode", "postal postcode", "postal address postcode"),
    **{f"shipping_{n}": _line(n, "shipping", "delivery", "physical", "street") for n in range(1, 6)},
    "shipping_postcode": tuple(f"{of} {code}" for of in ("shipping", "delivery", "physical")
                               for code in ("postcode", "address postcode")),
}  # fmt: skip
_WORDS: Final = {
    "no": "number", "nr": "number", "num": "number", "nbr": "number", "numbers": "number", "cust": "customer",
    "cus": "customer", "customers": "customer", "tel": "phone", "telephone": "phone", "telno": "phone number",
    "cell": "mobile", "cellphone": "mobile", "cellular": "mobile", "mob": "mobile", "celno": "mobile number",
    "cellno": "mobile number", "addr": "address", "add": "address", "adr": "address", "desc": "description",
    "descr": "description", "deb": "debtor", "lim": "limit", "stat": "status", "dept": "department", "dep": "department",
    "ship": "shipping", "bill": "billing", "deliv": "delivery", "phys": "physical", "zip": "postcode", "tax": "vat",
    "acc": "account", "category": "type", "vatno": "vat number", "regno": "reg number", "registration": "reg",
    "pcode": "postcode", "zipcode": "postcode", "webpage": "website", "url": "website",
}  # fmt: skip
_TWO: Final = (("e", "mail", "email"), ("web", "site", "website"), ("web", "page", "website"), ("post", "code", "postcode"),
               ("postal", "code", "postcode"), ("p", "code", "postcode"), ("fax", "phone", "fax"))  # fmt: skip
_PIECES: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\d_A-Z]+|\d+")


@dataclass(frozen=True, slots=True)
class Guess:
    """The column that holds a field. `sure` where it has BPO's own name for it."""

    column: str
    sure: bool


@dataclass(frozen=True, slots=True)
class Candidate:
    """A table or view that may hold the customers, by the name that the configuration gives it, and its map of fields."""

    name: str
    columns: tuple[str, ...]
    map: Mapping[str, Guess]

    @property
    def missing(self) -> tuple[str, ...]:
        """The fields that BPO must have and that this table has no column for."""
        return tuple(name for name in BPO_FIELDS if FIELDS[name].required and name not in self.map)

    @property
    def score(self) -> float:
        """How well it fits; the highest is the best."""
        weights = (
            (_REQUIRED_COUNTS if FIELDS[name].required else 1) * (1 if guess.sure else _GUESS_COUNTS)
            for name, guess in self.map.items()
        )
        named = "customer" in self.name.casefold() or "listing" in self.name.casefold()
        return sum(weights) + 0.5 * named


def candidates(tables: Mapping[str, Sequence[str]]) -> list[Candidate]:
    """Give the tables that have a column for any field, those that fit best first; each by its name, with its columns.

    A server has thousands of tables: names much alike are looked for only where some are the same.
    """
    found = []
    for name, columns in tables.items():
        known = _known(columns)
        if any(FIELDS[field].required for field in known):
            known = columns_for(columns)
        if known:
            found.append(Candidate(name, tuple(columns), known))
    return sorted(found, key=lambda each: (len(each.missing) > 0, -each.score, each.name.casefold()))


def columns_for(columns: Sequence[str]) -> dict[str, Guess]:
    """Give the column of each field: by BPO's own name for it, else by a name that says the same, else by one much like it."""
    found = _known(columns)
    free = [column for column in columns if column not in {guess.column for guess in found.values()}]
    for name in BPO_FIELDS:
        if name not in found and free and (column := _similar(name, free)) is not None:
            found[name] = Guess(column, sure=False)
            free.remove(column)
    return {name: found[name] for name in BPO_FIELDS if name in found}


def _known(columns: Sequence[str]) -> dict[str, Guess]:
    """Give the columns that are called as BPO calls a field, or by one of its other names; the first of those counts most."""
    by_folded = {column.casefold(): column for column in reversed(columns)}
    found = {
        name: Guess(by_folded[default.casefold()], sure=True)
        for name in BPO_FIELDS
        if (default := FIELDS[name].column) and default.casefold() in by_folded
    }
    taken = {guess.column for guess in found.values()}
    keys = {_key(column): column for column in reversed(columns) if column not in taken}
    for name in BPO_FIELDS:
        if name not in found and (key := next((key for key in _keys_of(name) if key in keys), None)) is not None:
            found[name] = Guess(keys.pop(key), sure=False)
    return {name: found[name] for name in BPO_FIELDS if name in found}


def counterpart(word: str, codes: Mapping[str, str], *, by_number: bool) -> str:
    """Give the company's code that BPO's word most likely means; else blank.

    As `30 Days` is 30D, `Cash on Delivery` COD and `CO` CORPORATE, where there is but one of the kind.
    `codes` have what is said of them. A word that is a code by itself needs no counterpart. `by_number` says that a number
    in both means the same: it does in terms, and groups are numbered by chance.
    """
    by_digits = [code for code in codes if by_number and _digits(word) and _digits(code) == _digits(word)]
    initials = "".join(each[0] for each in _PIECES.findall(word)).casefold()
    by_initials = [code for code in codes if len(initials) > 1 and code.casefold() == initials]
    by_name = [code for code, said in codes.items() if word.casefold() in (code.casefold(), said.casefold())]
    folded = word.casefold()
    by_beginning = [
        code for code in codes if min(len(code), len(word)) > 1 and not min(code, word, key=len).isdecimal()
        and (code.casefold().startswith(folded) or folded.startswith(code.casefold()))
    ]  # fmt: skip
    return next((found[0] for found in (by_name, by_digits, by_initials, by_beginning) if len(found) == 1), "")


def _similar(name: str, columns: Sequence[str]) -> str | None:
    from rapidfuzz import fuzz

    def likeness(column: str) -> float:
        key = _key(column)
        # Lines of an address differ in nothing but their number.
        return max((fuzz.ratio(key, each) for each in _keys_of(name) if _digits(key) == _digits(each)), default=0)

    best = max(((likeness(column), column) for column in columns), key=lambda each: each[0])
    return best[1] if best[0] >= _ALIKE else None


@cache
def _digits(text: str) -> str:
    return re.sub(r"\D", "", text)


@cache
def _keys_of(name: str) -> tuple[str, ...]:
    default = FIELDS[name].column
    return tuple(dict.fromkeys(_key(alias) for alias in (*([default] if default else ()), *_ALIASES.get(name, ()))))


@cache
def _key(name: str) -> str:
    """Give the words of a name in one form: `Cust_Tel_No`, `CustomerPhoneNumber` and `customer phone number` are one."""
    words = [each for word in _PIECES.findall(name) for each in _WORDS.get(word.casefold(), word.casefold()).split()]
    for first, second, one in _TWO:
        for place in range(len(words) - 1, 0, -1):
            if (words[place - 1], words[place]) == (first, second):
                words[place - 1 : place + 1] = [one]
    return " ".join(words)
