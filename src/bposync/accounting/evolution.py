"""Sage (Pastel) Evolution's books: what a customer's account looks like there, and what it cannot hold.

How the accounts are reached is another file's: evolution_tables.py reads and writes the company's own tables.
The field map and widths are those of Sage's own schema (docs/evolution.md says what is certain and what is not).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from bposync.config import by_code
from bposync.errors import UnknownCodeError, did_you_mean
from bposync.fields import ALWAYS_NEW, FIELDS, Kind, Owner
from bposync.records import Customer, Shape
from bposync.values import excerpt, is_plain, normalise_code, text_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from bposync.accounting import Company
    from bposync.config import AccountingTable, Settings
    from bposync.values import Value

NAME: Final = "Evolution"


# The column of each field, and its width where the database does not tell one (Sage's schema).
COLUMNS: Final[dict[str, tuple[str, int]]] = {
    "name": ("Name", 150),
    "contact": ("Contact_Person", 30),
    "phone": ("Telephone", 25),
    "mobile": ("Telephone2", 25),
    "email": ("EMail", 200),
    "website": ("cWebPage", 50),
    "vat_number": ("Tax_Number", 50),
    "registration": ("Registration", 20),
    "credit_limit": ("Credit_Limit", 0),
    **{f"billing_{n}": (f"Post{n}", 40) for n in range(1, 6)},
    "billing_postcode": ("PostPC", 15),
    **{f"shipping_{n}": (f"Physical{n}", 40) for n in range(1, 6)},
    "shipping_postcode": ("PhysicalPC", 15),
    "terms": ("iAgeingTermID", 0),
    "hold": ("On_Hold", 0),
    "group": ("iClassID", 0),
    "area": ("iAreasID", 0),
    "price_list": ("iARPriceListNameID", 0),
}
ACCOUNT_WIDTH: Final = 20
# Table, key and code of each look-up.
LOOKUPS: Final = {
    "terms": ("_etblTerms", "iTermID", "cCode"),
    "group": ("CliClass", "IdCliClass", "Code"),
    "area": ("Areas", "idAreas", "Code"),
    "price_list": ("_etblPriceListName", "IDPriceListName", "cName"),
}
# What real rows show in a new account (Sage's schema and rows seen in the field); only columns that are there are filled.
REAL_ROW: Final[dict[str, int]] = {
    "iCurrencyID": 0, "iARPriceListNameID": 1, "iAgeingTermID": 1, "CT": 1, "bTaxPrompt": 1, "bSourceDocPrint": 1,
    **dict.fromkeys(
        ("On_Hold", "CashDebtor", "CheckTerms", "UseEmail", "bStatPrint", "bStatEmail", "bForCurAcc", "bSourceDocEmail",
         "bCODAccount", "bElecDocAcceptance", "bCustomerZoneEnabled", "iSettlementTermsID", "iEUCountryID",
         "iDefTaxTypeID", "iTaxState", "bOnlineToolsEnabled", "bTaxVerified", "bBadDebtRelief", "bObjectToProcess",
         "bStatEmailPeople", "bSourceDocEmailPeople", "iTaxCountryID", "bInsuranceCustomer"), 0),
}  # fmt: skip
# A float holds cents exactly up to here.
LARGEST_AMOUNT: Final = Decimal("70000000000000.00")
_TRUE: Final = frozenset({"1", "y", "t", "yes", "true", "-1"})
NO_GROUP: Final = (
    "New accounts get no group, which decides their control account: say which under [accounting.groups] or "
    "[accounting.defaults]."
)


@dataclass(frozen=True, slots=True)
class Lookup:
    """One look-up table: codes by key, and keys by normalised code."""

    table: str
    codes: Mapping[str, str]
    keys: Mapping[str, object]

    def code(self, key: object) -> str:
        """Give the code of a key; one that is not in the table shows as itself, 0 and NULL are blank."""
        text = text_of(key)
        return self.codes.get(text) or ("" if text in ("", "0") else f"#{text}")


@dataclass(frozen=True, slots=True)
class Place:
    """One column of Client as the database has it.

    `width` is None where the database tells none. `wide` says that it holds any text, counted in UTF-16 units, whatever the
    company's code page.
    """

    name: str
    width: int | None = None
    wide: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """What one company's own tables say: columns by folded name, look-ups by field, and its settings for customers."""

    columns: Mapping[str, Place]
    lookups: Mapping[str, Lookup]
    code_page: str | None = None
    """Python's name of the code page that a varchar is in; None where any text can be held."""
    default_terms: object = None
    upper_codes: object = None


class Evolution:
    """The books of one company: what a customer's account looks like, however the accounts are read.

    `bpo_fields` are the fields that BPO has. Raises UsageError where the configuration names a code that the company lacks.
    """

    system = NAME
    holder = "this version of Evolution"
    """Who it is that may have no place for a field, as a note says it."""

    def __init__(self, settings: Settings, bpo_fields: Collection[str], company: Company, facts: Facts) -> None:
        self.company = company
        self._configuration: AccountingTable = settings.need_accounting()
        self._where = str(settings.path)
        self._facts = facts
        self.lookups = facts.lookups
        upper = self._configuration.upper_case_codes
        self._upper = text_of(facts.upper_codes).lower() in _TRUE if upper is None else upper
        self._groups = by_code(self._configuration.groups)
        self._terms = by_code(self._configuration.terms)
        self._check_codes()
        self._choose_fields(settings, bpo_fields)
        table = self._configuration
        # What decides, besides a customer, what `shape` gives.
        self.shape_basis = repr(
            (NAME, self.fields, self.new_fields, table.groups, table.terms, table.defaults, self._upper, facts)
        )
        self.notes: tuple[str, ...] = tuple(
            f"[accounting.defaults] {name}: {self.holder} has no place for it in an account."
            for name in LOOKUPS
            if getattr(self._configuration.defaults, name) and self.column(COLUMNS[name][0]) is None
        )
        if "group" in self.new_fields and not self._configuration.groups and not self._configuration.defaults.group:
            self.notes += (NO_GROUP,)

    def _check_codes(self) -> None:
        """Refuse a configuration that names a code which the company does not have."""
        defaults = self._configuration.defaults
        if defaults.category is not None:
            raise UnknownCodeError(
                f"{self._where}: [accounting.defaults] category: Evolution has none.",
                "Its counterpart there is group.",
                "[accounting.defaults] category",
            )
        named = [
            *((f"[accounting.defaults] {name}", name, getattr(defaults, name)) for name in LOOKUPS),
            *((f"[accounting.groups] {key}", "group", code) for key, code in self._configuration.groups.items()),
            *((f"[accounting.terms] {key}", "terms", code) for key, code in self._configuration.terms.items()),
        ]
        for where, name, code in named:
            lookup = self.lookups[name]
            if code is not None and normalise_code(code) not in lookup.keys:
                message = f"{self._where}: {where}: the company has no {FIELDS[name].label.lower()} {code!r}."
                raise UnknownCodeError(message, self.hint_for(code, lookup), where)

    def hint_for(self, code: str, lookup: Lookup) -> str:
        """Say what to do about a configured code that the company does not have."""
        known = dict.fromkeys(lookup.code(key) for key in lookup.keys.values())
        return did_you_mean(code, known) or f"Its table {lookup.table} is missing or empty."

    def codes(self) -> dict[str, dict[str, str]]:
        """Give the company's own codes of each look-up that is listed, each with no description."""
        return {
            name: {lookup.code(key): "" for key in lookup.keys.values()}
            for name, lookup in self.lookups.items()
            if lookup.codes and self.column(COLUMNS[name][0]) is not None
        }

    def _choose_fields(self, settings: Settings, bpo_fields: Collection[str]) -> None:
        placed = [
            name for name, (column, _) in COLUMNS.items()
            if self.column(column) is not None and (name not in LOOKUPS or self.lookups[name].keys)
        ]  # fmt: skip
        placed.sort(key=list(FIELDS).index)
        from_bpo = [name for name in placed if name in bpo_fields]
        if settings.sync.carry_hold and "status" in bpo_fields and "hold" in placed:
            from_bpo.append("hold")
        self.fields = tuple(name for name in from_bpo if settings.owners[name] is Owner.BPO)
        defaults = self._configuration.defaults
        found: dict[str, Value] = {}
        self.defaults: Mapping[str, Value] = found
        if "terms" in placed:
            terms = self.lookups["terms"]
            code = defaults.terms or terms.code(self._facts.default_terms) or terms.codes.get(str(REAL_ROW["iAgeingTermID"]))
            if code and normalise_code(code) in terms.keys:
                found["terms"] = self._canonical("terms", code)
        for name in ("area", "price_list", "group"):
            if name in placed and (code := getattr(defaults, name)):
                found[name] = self._canonical(name, code)
        new = [name for name in from_bpo if settings.owners[name] is Owner.ACCOUNTING]
        new += [name for name in ALWAYS_NEW if name in placed and (name in self.defaults or name == "group")]
        if "terms" not in from_bpo and "terms" in self.defaults:
            new.append("terms")
        self.new_fields = tuple(new)

    def _canonical(self, name: str, code: str) -> str:
        lookup = self.lookups[name]
        return lookup.code(lookup.keys[normalise_code(code)])

    def column(self, name: str) -> str | None:
        """Give a column as the database writes it, or None where this version has none."""
        found = self._facts.columns.get(name.casefold())
        return found.name if found else None

    # What a customer looks like here.

    def code_for(self, code: str) -> str:
        """Give the code of a new account as this company writes it. Raises ValueError where it cannot be held."""
        written = code.strip().upper() if self._upper else code.strip()
        if not written:
            raise ValueError("is blank")
        if why := self._cannot_hold(written, "Account", ACCOUNT_WIDTH):
            raise ValueError(why)
        return written

    def shape(self, customer: Customer) -> Shape:
        """Give a customer as an account would hold it: texts as they are, money in cents, terms and group as codes."""
        held: dict[str, str] = {}
        rejected: dict[str, str] = {}
        values = tuple(self._shaped(customer, name, held, rejected) for name in self.fields)
        new_values = tuple(self._shaped(customer, name, held, rejected) for name in self.new_fields)
        return Shape(values, new_values, held, rejected)

    def _shaped(self, customer: Customer, name: str, held: dict[str, str], rejected: dict[str, str]) -> Value:
        if name == "hold":
            on_hold = {normalise_code(status) == "hold" for status in customer.statuses}
            if len(on_hold) > 1:
                held[name] = "BPO has it on hold at one site and not at another"
            return True in on_hold
        if name == "terms":
            return self._shaped_terms(customer.text("terms"), held)
        if name == "group":
            code = self._groups.get(normalise_code(customer.text("type")))
            return self._canonical("group", code) if code else self.defaults.get("group", "")
        if name in ALWAYS_NEW:
            return self.defaults.get(name, "")
        if FIELDS[name].kind is Kind.AMOUNT:
            return self._shaped_amount(name, customer.value(name), rejected)
        text = customer.text(name)
        column, width = COLUMNS[name]
        if why := self._cannot_hold(text, column, width):
            hopeless = name == "name" or (name == "vat_number" and is_plain(text))
            (rejected if hopeless else held)[name] = why
        elif name == "name" and not text:
            rejected[name] = "is blank"
        return text

    def _shaped_terms(self, terms: str, held: dict[str, str]) -> str:
        code = self._terms.get(normalise_code(terms), terms)
        if not terms or normalise_code(code) in self.lookups["terms"].keys:
            return self._canonical("terms", code) if terms else ""
        held["terms"] = f"{excerpt(terms)} matches none of the company's terms"
        return terms

    @staticmethod
    def _shaped_amount(name: str, amount: Value, rejected: dict[str, str]) -> Value:
        if isinstance(amount, Decimal) and abs(amount) > LARGEST_AMOUNT:
            rejected[name] = f"{amount:.2f} is more than {NAME} holds to the cent, {LARGEST_AMOUNT}"
        # The column is never empty in the field; a blank limit and 0.00 are one.
        return Decimal("0.00") if amount is None else amount

    def _cannot_hold(self, text: str, column: str, width: int) -> str:
        """Say why a text cannot stand in a column; empty where it can."""
        if not text:
            return ""
        if not is_plain(text):
            return f"{excerpt(text)} has a control character or a line break inside"
        place, code_page = self._facts.columns[column.casefold()], self._facts.code_page
        limit = place.width or width
        size, unit = len(text), ""
        if code_page is not None and not place.wide:
            try:
                size = len(text.encode(code_page))
            except UnicodeEncodeError as error:
                return f"{excerpt(text)} has {excerpt(text[error.start])}, which the code page {code_page} lacks"
        elif code_page is not None:
            size, unit = len(text.encode("utf-16-le")) // 2, " UTF-16 units"
        return f"{excerpt(text)} is {size}{unit} long, {NAME} holds {limit}" if size > limit else ""
