"""Sage Pastel Partner's books: what a customer's account looks like there, what it cannot hold, what a new one needs.

An account is a row of CustomerMaster and the main row of DeliveryAddresses, the one whose delivery code is blank. How the two
are reached is another file's. Widths and columns are those of a live book (docs/partner.md says what is certain).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Final, NamedTuple

from bposync.config import by_code
from bposync.errors import UnknownCodeError, did_you_mean
from bposync.fields import ALWAYS_NEW, FIELDS, Kind, Owner
from bposync.records import Account, Customer, Particulars, Shape
from bposync.values import excerpt, is_plain, normalise_code, text_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from bposync.accounting import Company
    from bposync.config import AccountingTable, Settings
    from bposync.records import Change
    from bposync.values import Value

NAME: Final = "Pastel Partner"
MASTER: Final = "CustomerMaster"
DELIVERY: Final = "DeliveryAddresses"
CODE: Final = "CustomerCode"
DELIVERY_CODE: Final = "CustDelivCode"
UPDATED_ON: Final = "UpdatedOn"
CODE_WIDTH: Final = 6
CODE_PAGE: Final = "cp1252"
LARGEST_AMOUNT: Final = Decimal(999_999_999)


class Column(NamedTuple):
    """Where a field stands: the table, its column, and the width in bytes of cp1252; 0 where it is no text."""

    table: str
    name: str
    width: int


COLUMNS: Final[dict[str, Column]] = {
    "name": Column(MASTER, "CustomerDesc", 40),
    "credit_limit": Column(MASTER, "CreditLimit", 0),
    "phone": Column(DELIVERY, "Telephone", 16),
    "mobile": Column(DELIVERY, "Cell", 16),
    "email": Column(DELIVERY, "Email", 200),
    "contact": Column(DELIVERY, "Contact", 16),
    "vat_number": Column(MASTER, "ExemptRef", 16),
    "terms": Column(MASTER, "PaymentTerms", 0),
    **{f"billing_{line}": Column(MASTER, f"PostAddress{line:02}", 30) for line in range(1, 6)},
    **{f"shipping_{line}": Column(DELIVERY, f"DelAddress{line:02}", 30) for line in range(1, 6)},
    "hold": Column(MASTER, "Blocked", 0),
    "category": Column(MASTER, "Category", 0),
    "price_list": Column(MASTER, "PriceRegime", 0),
}
TERMS: Final = ("0", "30", "60", "90", "120")
"""The days that PaymentTerms knows."""
NUMBERS: Final = ("credit_limit", "terms", "category", "price_list")
"""The fields that are whole numbers in their columns."""
_ADDRESSES: Final = ("billing", "shipping")
_LINES: Final = 5

# What a new account has where the company does not say otherwise. Balances are Pastel's alone, and not among them.
NEW_ACCOUNT: Final[dict[str, object]] = {
    "Category": 0, "TaxCode": 0, "SettlementTerms": 0, "PaymentTerms": 0, "Discount": 0, "Blocked": 0, "OpenItem": 1,
    "OverRideTax": 0, "MonthOrDay": 0, "IncExc": "", "CurrencyCode": 0, "CreditLimit": 0, "InterestAfter": -1,
    "PriceRegime": 0, "UseAgedMessages": 0, "StatPrintorEmail": 1, "DocPrintorEmail": 1, "InterestPer": "N" * 13,
    "CashAccount": 0, "AcceptMail": 0,
}  # fmt: skip
# Where CustSuppParameters has the company's own default for a column.
COMPANY_DEFAULTS: Final = {
    "Category": "DefaultCategory01", "PriceRegime": "DefaultPriceRegime", "CreditLimit": "DefaultCreditLimit",
    "PaymentTerms": "DefaultPayTerms01", "OpenItem": "DefaultOpenItem01", "StatPrintorEmail": "DfltStatPrntE01",
}  # fmt: skip
AS_MOST_HAVE: Final = ("TaxCode", "IncExc", "MonthOrDay")
"""Columns whose meaning nobody publishes: a new account gets what most of the company's accounts have."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What one company says of itself. `widths` are its own columns' by folded table and column; empty where it tells none."""

    columns: Mapping[tuple[str, str], int | None] | None = None
    """Every column by folded table and name, with its width where it is a text; None where all of them are there (the SDK)."""
    categories: Mapping[str, str] | None = None
    """Codes of CustomerCategories by normalised code and by normalised description; None where they cannot be read."""
    defaults: Mapping[str, object] = field(default_factory=dict)
    """What a new account gets, by column, where the company says so."""


@dataclass(frozen=True, slots=True)
class Rows:
    """What is written of one account: values by column, in each of the two tables."""

    master: Mapping[str, object]
    delivery: Mapping[str, object]


class Partner:
    """The books of one company: what a customer's account looks like, however the accounts are read.

    `bpo_fields` are the fields that BPO has. Raises UsageError where the configuration names a code that the company lacks.
    """

    system = NAME

    def __init__(self, settings: Settings, bpo_fields: Collection[str], company: Company, facts: Facts) -> None:
        self.company = company
        self._configuration: AccountingTable = settings.need_accounting()
        self._where = str(settings.path)
        self._facts = facts
        self._upper = self._configuration.upper_case_codes is not False
        # The SDK parts fields by it, and knows no escape.
        self.forbidden = "|" if self._configuration.write == "sdk" else ""
        self._groups = by_code(self._configuration.groups)
        self._terms = by_code(self._configuration.terms)
        self._check_codes()
        self._choose_fields(settings, bpo_fields)
        self.without_delivery: tuple[str, ...] = ()
        """The accounts that had no main delivery row when they were last read."""
        self.widths: Mapping[str, int] = {"code": CODE_WIDTH, **{name: self._width(name) for name in COLUMNS}}
        """What each text field holds, in bytes of cp1252; 0 for what is no text."""
        table = self._configuration
        # What decides, besides a customer, what `shape` gives.
        self.shape_basis = repr((
            NAME, self.fields, self.new_fields, table.groups, table.terms, table.defaults, self._upper, self.forbidden,
            self.widths, facts.categories,
        ))  # fmt: skip

    def _width(self, name: str) -> int:
        column = COLUMNS[name]
        told = self._facts.columns.get((column.table.casefold(), column.name.casefold())) if self._facts.columns else None
        return min(column.width, told) if told and column.width else column.width

    def _has(self, column: Column) -> bool:
        return self._facts.columns is None or (column.table.casefold(), column.name.casefold()) in self._facts.columns

    @property
    def notes(self) -> tuple[str, ...]:
        """What every sync says once."""
        if not self.without_delivery:
            return ()
        count, some = len(self.without_delivery), ", ".join(self.without_delivery[:5])
        more = ", …" if count > 5 else ""  # noqa: PLR2004 - as many as are named
        who = f"{count:,} account{'s have' if count > 1 else ' has'} no main row in {DELIVERY} ({some}{more})"
        return (f"{who}: Pastel's own lists leave them out. One that is written gets it.",)

    def _check_codes(self) -> None:
        """Refuse a configuration that names a code which the company does not have."""
        defaults = self._configuration.defaults
        for name, counterpart in (("group", "Its counterpart there is category."), ("area", "Leave the line out.")):
            if getattr(defaults, name) is not None:
                where = f"[accounting.defaults] {name}"
                raise UnknownCodeError(f"{self._where}: {where}: {NAME} has none.", counterpart, where)
        for where, code in (
            ("[accounting.defaults] category", defaults.category),
            *((f"[accounting.groups] {key}", code) for key, code in self._configuration.groups.items()),
        ):
            if code is not None:
                self._category(code, where)
        for where, code in (
            ("[accounting.defaults] terms", defaults.terms),
            *((f"[accounting.terms] {key}", code) for key, code in self._configuration.terms.items()),
        ):
            if code is not None and code.strip() not in TERMS:
                hint = f"{NAME} knows terms of {', '.join(TERMS)} days."
                raise UnknownCodeError(f"{self._where}: {where}: the company has no terms {code!r}.", hint, where)
        if defaults.price_list is not None and not defaults.price_list.strip().isdecimal():
            raise UnknownCodeError(
                f"{self._where}: [accounting.defaults] price_list: {defaults.price_list!r} is no number.",
                f"{NAME} numbers its price lists.",
                "[accounting.defaults] price_list",
            )

    def codes(self) -> dict[str, dict[str, str]]:
        """Give the codes that new accounts may get: categories with their descriptions, and Pastel's own terms."""
        known = self._facts.categories or {}
        named = {code: name for name, code in known.items() if name != normalise_code(code)}
        return {
            "category": {code: named.get(code, "") for code in known.values()},
            "terms": {terms: f"{terms} days" for terms in TERMS},
        }

    def _category(self, code: str, where: str) -> str:
        """Give a category's code from its code or its description."""
        known = self._facts.categories
        if known is None and code.strip().isdecimal():
            return str(int(code))
        if known is None:
            raise UnknownCodeError(
                f"{self._where}: {where}: {code!r} is no number.",
                "Categories cannot be looked up by the SDK: give the number, or [accounting] odbc to read by.",
                where,
            )
        found = known.get(normalise_code(code)) or (known.get(str(int(code))) if code.strip().isdecimal() else None)
        if found is None:
            hint = did_you_mean(code, known) or "Its table CustomerCategories is missing or empty."
            raise UnknownCodeError(f"{self._where}: {where}: the company has no category {code!r}.", hint, where)
        return found

    def _choose_fields(self, settings: Settings, bpo_fields: Collection[str]) -> None:
        from_bpo = [name for name, column in COLUMNS.items() if name in bpo_fields and self._has(column)]
        for kind in _ADDRESSES:
            # The post code has no column: it stands on the line after the last one used, so that every line may hold it.
            if f"{kind}_postcode" in bpo_fields:
                lines = [f"{kind}_{line}" for line in range(1, _LINES + 1)]
                from_bpo += [name for name in lines if name not in from_bpo and self._has(COLUMNS[name])]
                from_bpo.append(f"{kind}_postcode")
        if settings.sync.carry_hold and "status" in bpo_fields and self._has(COLUMNS["hold"]):
            from_bpo.append("hold")
        from_bpo.sort(key=list(FIELDS).index)
        self.fields = tuple(name for name in from_bpo if settings.owners[name] is Owner.BPO)
        configured = self._configuration.defaults
        found: dict[str, Value] = {}
        if self._has(COLUMNS["terms"]):
            own = text_of(self._facts.defaults.get("PaymentTerms"))
            found["terms"] = (configured.terms or "").strip() or (own if own in TERMS else TERMS[0])
        if self._has(COLUMNS["category"]) and (code := configured.category):
            found["category"] = self._category(code, "[accounting.defaults] category")
        if self._has(COLUMNS["price_list"]) and configured.price_list:
            found["price_list"] = str(int(configured.price_list))
        self.defaults: Mapping[str, Value] = found
        new = [name for name in from_bpo if settings.owners[name] is Owner.ACCOUNTING]
        if self._has(COLUMNS["category"]) and ("category" in found or self._groups):
            new.append("category")
        if "price_list" in found:
            new.append("price_list")
        if "terms" not in from_bpo and configured.terms:
            new.append("terms")
        self.new_fields = tuple(new)

    @property
    def own_category(self) -> str:
        """The category that the company itself gives new accounts; blank where it gives none."""
        own = text_of(self._facts.defaults.get("Category"))
        return "" if own == "0" else own

    @property
    def categories(self) -> int | None:
        """How many categories the company has; None where they cannot be looked up."""
        known = self._facts.categories
        return None if known is None else len(set(known.values()))

    # What a customer looks like here.

    def code_for(self, code: str) -> str:
        """Give the code of a new account as this company writes it. Raises ValueError where it cannot be held."""
        written = code.strip().upper() if self._upper else code.strip()
        if not written:
            raise ValueError("is blank")
        if why := self._cannot_hold(written, "code"):
            raise ValueError(f"{why}: give it another with bposync link CUSTOMER --new CODE")
        return written

    def shape(self, customer: Customer) -> Shape:
        """Give a customer as an account would hold it: the post code on a line of its address, terms and category by number."""
        held: dict[str, str] = {}
        rejected: dict[str, str] = {}
        lines = self._address_lines(customer, held)
        values = tuple(self._shaped(customer, name, lines, held, rejected) for name in self.fields)
        new_values = tuple(self._shaped(customer, name, lines, held, rejected) for name in self.new_fields)
        return Shape(values, new_values, held, rejected)

    def _address_lines(self, customer: Customer, held: dict[str, str]) -> dict[str, str]:
        found: dict[str, str] = {}
        for kind in _ADDRESSES:
            lines = [customer.text(f"{kind}_{line}") for line in range(1, _LINES + 1)]
            postcode = customer.text(f"{kind}_postcode")
            used = max((number for number, line in enumerate(lines, 1) if line), default=0)
            if postcode and used < _LINES:
                lines[used], postcode = postcode, ""
            elif postcode:
                held[f"{kind}_postcode"] = f"{excerpt(postcode)} finds no line: the address fills all {_LINES} that {NAME} has"
            found |= {f"{kind}_{number}": line for number, line in enumerate(lines, 1)}
            found[f"{kind}_postcode"] = postcode
        return found

    def _shaped(
        self, customer: Customer, name: str, lines: Mapping[str, str], held: dict[str, str], rejected: dict[str, str]
    ) -> Value:
        if name == "hold":
            on_hold = {normalise_code(status) == "hold" for status in customer.statuses}
            if len(on_hold) > 1:
                held[name] = "BPO has it on hold at one site and not at another"
            return True in on_hold
        if name == "terms":
            return self._shaped_terms(customer.text("terms"), held)
        if name == "category":
            code = self._groups.get(normalise_code(customer.text("type")))
            return self._category(code, "[accounting.groups]") if code else self.defaults.get(name, "")
        if name in ALWAYS_NEW:
            return self.defaults.get(name, "")
        if FIELDS[name].kind is Kind.AMOUNT:
            return self._shaped_amount(name, customer.value(name), rejected)
        text = lines[name] if name in lines else customer.text(name)
        if name not in COLUMNS:
            return text
        if why := self._cannot_hold(text, name):
            hopeless = name == "name" or (name == "vat_number" and is_plain(text))
            (rejected if hopeless else held)[name] = f"{why}: mend it in BPO" if hopeless else why
        elif name == "name" and not text:
            rejected[name] = "is blank"
        return text

    def _shaped_terms(self, terms: str, held: dict[str, str]) -> str:
        code = self._terms.get(normalise_code(terms), terms).strip()
        if not terms:
            # 0 days are terms too: an account cannot have none, so one that has some keeps them.
            held["terms"] = f"BPO has none, and {NAME} has no account without terms"
        elif code not in TERMS:
            held["terms"] = f"{excerpt(terms)} matches none of the company's terms ({', '.join(TERMS)} days)"
            return terms
        return code if terms else ""

    @staticmethod
    def _shaped_amount(name: str, amount: Value, rejected: dict[str, str]) -> Value:
        if not isinstance(amount, Decimal):
            return Decimal("0.00") if amount is None else amount
        if amount != amount.to_integral_value():
            rejected[name] = f"{amount:.2f} has cents, {NAME} holds whole amounts: round it in BPO"
        elif abs(amount) > LARGEST_AMOUNT:
            rejected[name] = f"{amount:.2f} is more than {NAME} holds, {LARGEST_AMOUNT}: lower it in BPO"
        return amount

    def _cannot_hold(self, text: str, name: str) -> str:
        """Say why a text cannot stand in a field; empty where it can."""
        if not text:
            return ""
        if not is_plain(text):
            return f"{excerpt(text)} has a control character or a line break inside"
        for character in self.forbidden:
            if character in text:
                return f"{excerpt(text)} has a {character}, by which Pastel's SDK parts fields"
        try:
            size = len(text.encode(CODE_PAGE))
        except UnicodeEncodeError as error:
            return f"{excerpt(text)} has {excerpt(text[error.start])}, which the code page {CODE_PAGE} lacks"
        limit = self.widths[name]
        return f"{excerpt(text)} is {size} long, {NAME} holds {limit}" if size > limit else ""

    def account(self, code: str, values: Mapping[str, object]) -> Account:
        """Give the account that stands in the two tables, from its values by column; what has no column there is blank."""

        def value(name: str) -> Value:
            return value_of(name, values.get(COLUMNS[name].name)) if name in COLUMNS else ""

        return Account(
            code=code,
            key="",
            name=str(value("name")),
            vat_number=str(value("vat_number")),
            values=tuple(value(name) for name in self.fields),
            new_values=tuple(value(name) for name in self.new_fields),
        )

    def particulars(self, accounts: Sequence[Account]) -> list[Particulars]:
        """Say what else is known of some accounts: nothing, where no table is at hand."""
        return [Particulars()] * len(accounts)

    # What a change is in the two tables.

    def new_rows(self, change: Change) -> Rows:
        """Give both rows of a new account: what the change says, else what the company gives new accounts."""
        rows = self.written(change)
        master = {
            **NEW_ACCOUNT, **{name: value for name, value in self._facts.defaults.items() if text_of(value)},
            **rows.master, CODE: change.account,
        }  # fmt: skip
        return Rows(master, {**rows.delivery, CODE: change.account, DELIVERY_CODE: ""})

    @staticmethod
    def written(change: Change) -> Rows:
        """Give what a change writes, and nothing else."""
        rows: dict[str, dict[str, object]] = {MASTER: {}, DELIVERY: {}}
        for written in change.writes:
            if (column := COLUMNS.get(written.field)) is not None:
                rows[column.table][column.name] = stored(written.field, written.new)
        return Rows(rows[MASTER], rows[DELIVERY])


def stored(name: str, value: Value) -> object:
    """Give what stands in the column of a field: a whole number, a flag as 0 or 1, else the text."""
    if name in NUMBERS:
        return int(value or 0)
    return int(value) if isinstance(value, bool) else value or ""


def value_of(name: str, raw: object) -> Value:
    """Read what stands in the column of a field; what is no number is given as the text it is, so that it equals nothing."""
    if name == "hold":
        return text_of(raw).lower() not in ("", "0", "false", "n", "no")
    if name == "credit_limit":
        text = text_of(raw) or "0"
        try:
            return Decimal(text).quantize(Decimal("0.01")) or Decimal("0.00")
        except ArithmeticError:
            return text
    text = text_of(raw)
    if name in NUMBERS:
        text = text.removesuffix(".0").removesuffix(".00")
        text = str(int(text)) if text.isdecimal() else text
        return "" if name == "category" and text == "0" else text
    return text
