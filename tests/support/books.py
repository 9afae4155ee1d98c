"""Books in memory: a company's accounts behind the protocol of the real books, as strict as a database.

What cannot be held is refused, a write is done only while the account is as the plan saw it, and it touches the fields that
it was told to. Beside them stand the makers of rows, customers, accounts and links that the tests of the core share.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from bposync.accounting import Company
from bposync.bpo import customers as put_together
from bposync.fields import BPO_FIELDS, FIELDS, Kind
from bposync.match import match
from bposync.plan import Choice, after_writing, differences, make_plan
from bposync.records import Account, Action, Change, Customer, Decisions, Link, Particulars, Row, Shape, Verdict
from bposync.values import is_plain, normalise_code, text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from bposync.plan import Plan
    from bposync.values import Value

COMPARED: Final = ("name", "credit_limit", "phone", "email", "vat_number", "terms")
"""The fields of these books where a test says nothing else."""
COLUMNS: Final = tuple(name for name in BPO_FIELDS if name != "account")
"""The fields that BPO has where a test says nothing else."""
WIDTHS: Final = {"code": 8, "name": 20, "vat_number": 15, "phone": 10, "email": 30, "contact": 10}


# Makers.


def row(code: str, name: str = "", site: str = "Durban", **raw: object) -> Row:
    """Give a row of the listing, read as a database's: what cannot be read stands as text, with the problem."""
    given: dict[str, object] = {"code": code, "name": name, "site": site, "status": "Active", "is_debtor": "1", **raw}
    assert given.keys() <= set(BPO_FIELDS)
    values: list[Value] = []
    problems = []
    for column in BPO_FIELDS:
        try:
            values.append(FIELDS[column].read(given.get(column)))
        except ValueError as error:
            values.append(text_of(given[column]))
            problems.append((column, str(error)))
    return Row(tuple(values), tuple(problems))


def customer(code: str, name: str = "", site: str = "Durban", **raw: object) -> Customer:
    """Give a customer that is listed at one site."""
    return put_together([row(code, name, site, **raw)], BPO_FIELDS)[0]


def blank(name: str) -> Value:
    """Give what a new account has in a field that nobody filled."""
    blanks: dict[Kind, Value] = {Kind.TEXT: "", Kind.AMOUNT: Decimal("0.00"), Kind.FLAG: False}
    return blanks[FIELDS[name].kind]


def account(
    code: str,
    name: str = "",
    *,
    key: str | None = None,
    fields: Sequence[str] = COMPARED,
    new_fields: Sequence[str] = (),
    **values: Value,
) -> Account:
    """Give an account with the system's own key, `k` and the code where nothing else is said."""
    assert values.keys() <= {*fields, *new_fields, "vat_number"}
    every = {"name": name, **values}
    return Account(
        code=code,
        key=f"k{code}" if key is None else key,
        name=name,
        vat_number=str(values.get("vat_number", "")),
        values=tuple(every.get(each, blank(each)) for each in fields),
        new_values=tuple(every.get(each, blank(each)) for each in new_fields),
    )


def link(code: str, account: str, *, key: str | None = None, sites: tuple[str, ...] = ("Durban",), **agreed: Any) -> Link:
    """Give a link; an agreed value is both sides', or (BPO's, accounting's) after an accept."""
    pairs = {name: value if isinstance(value, tuple) else (value, value) for name, value in agreed.items()}
    name = str(pairs["name"][0]) if "name" in pairs else ""
    return Link(code, account, f"k{account}" if key is None else key, name, sites, pairs)


def by_customer(links: Iterable[Link]) -> dict[str, Link]:
    """Give links as the journal does."""
    return {normalise_code(link.customer): link for link in links}


# The books.


@dataclass
class MemoryBooks:
    """One company. `widths` are in characters; `terms` and `groups` are BPO's words and this company's codes.

    With `keyed` false the system has no key besides the code.
    """

    accounts: list[Account] = field(default_factory=list)
    fields: tuple[str, ...] = COMPARED
    new_fields: tuple[str, ...] = ()
    defaults: Mapping[str, Value] = field(default_factory=dict)
    widths: Mapping[str, int] = field(default_factory=lambda: dict(WIDTHS))
    largest: Decimal = Decimal("1000000.00")
    terms: Mapping[str, str] = field(default_factory=lambda: {"30 Days": "30D", "60 Days": "60D"})
    groups: Mapping[str, str] = field(default_factory=dict)
    keyed: bool = True
    notes: tuple[str, ...] = ()
    system: str = "Memory"
    company: Company = field(default_factory=lambda: Company("Books", "books", "memory"))

    def __post_init__(self) -> None:
        assert all(len(account.values) == len(self.fields) for account in self.accounts)
        assert all(len(account.new_values) == len(self.new_fields) for account in self.accounts)
        assert all(bool(account.key) == self.keyed for account in self.accounts)

    def add(self, code: str, name: str = "", *, key: str | None = None, **values: Value) -> Account:
        """Add an account that was there before."""
        key = key if self.keyed else ""
        made = account(code, name, key=key, fields=self.fields, new_fields=self.new_fields, **values)
        self.accounts.append(made)
        return made

    def value(self, code: str, name: str) -> Value:
        """Give what the one account with a code has in a field."""
        (found,) = [account for account in self.accounts if account.code == code]
        every = zip((*self.fields, *self.new_fields), (*found.values, *found.new_values), strict=True)
        return dict(every)[name]

    # What the plan asks.

    def read(self, progress: Callable[[int], None] | None = None) -> list[Account]:
        if progress is not None:
            progress(len(self.accounts))
        return list(self.accounts)

    def particulars(self, accounts: Sequence[Account]) -> list[Particulars]:
        return [Particulars() for _ in accounts]

    def code_for(self, code: str) -> str:
        written = code.strip().upper()
        if why := self._cannot_hold("code", written) or ("is blank" if not written else ""):
            raise ValueError(why)
        return written

    def shape(self, customer: Customer) -> Shape:
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
        if name in ("group", "category"):
            return self.groups.get(customer.text("type")) or self.defaults.get(name, "")
        if name in ("area", "price_list"):
            return self.defaults.get(name, "")
        if name == "terms":
            said = customer.text("terms")
            if said and said not in self.terms:
                held[name] = f"{said!r} matches none of the company's terms"
            return self.terms.get(said, said)
        value = customer.value(name)
        if FIELDS[name].kind is Kind.AMOUNT:
            value = Decimal("0.00") if value is None else value
        if why := self._cannot_hold(name, value):
            hopeless = name in ("name", "credit_limit") or (name == "vat_number" and is_plain(str(value)))
            (rejected if hopeless else held)[name] = why
        elif name == "name" and not value:
            rejected[name] = "is blank"
        return value

    def _cannot_hold(self, name: str, value: Value) -> str:
        if isinstance(value, Decimal):
            return f"{value} is more than {self.largest}" if abs(value) > self.largest else ""
        text = str(value or "")
        if not is_plain(text):
            return f"{text!r} has a control character or a line break inside"
        width = self.widths.get(name, 1000)
        return f"{text!r} is {len(text)} long, Memory holds {width}" if len(text) > width else ""

    # Writing.

    def carry_out(self, plan: Plan, links: Mapping[str, Link]) -> dict[str, Link]:
        """Write what a plan writes, read it back, and give the links as the journal has them then."""
        after = dict(links)
        for change in plan.changes:
            if change.is_write:
                written = self._write(change)
                assert differences(self, change, written) == []
                after[normalise_code(change.code)] = after_writing(self, change, written)
            elif change.link is not None:
                after[normalise_code(change.code)] = change.link
        return after

    def _write(self, change: Change) -> Account:
        fields = self.fields if change.seen is not None else (*self.fields, *self.new_fields)
        for each in change.writes:
            assert each.field in fields, f"{each.field} is no field that is written"
            self._must_hold(each.field, each.new)
        new = {each.field: each.new for each in change.writes}
        return self._create(change, new) if change.seen is None else self._update(change, change.seen, new)

    def _create(self, change: Change, new: Mapping[str, Value]) -> Account:
        assert change.action is Action.CREATE
        assert self.code_for(change.account) == change.account
        same = [account for account in self.accounts if normalise_code(account.code) == normalise_code(change.account)]
        assert same == [], f"an account {change.account} is there already"
        made = account(
            change.account,
            key=f"new{len(self.accounts)}" if self.keyed else "",
            fields=self.fields,
            new_fields=self.new_fields,
        )
        made = self._with(made, new)
        self.accounts.append(made)
        return made

    def _update(self, change: Change, seen: Account, new: Mapping[str, Value]) -> Account:
        assert change.action in (Action.UPDATE, Action.CONFLICT)
        (place,) = [place for place, account in enumerate(self.accounts) if account is seen]
        present = dict(zip(self.fields, seen.values, strict=True))
        assert all(present[each.field] == each.old != each.new for each in change.fields)
        self.accounts[place] = self._with(seen, new)
        return self.accounts[place]

    def _with(self, account: Account, new: Mapping[str, Value]) -> Account:
        values = tuple(new.get(name, value) for name, value in zip(self.fields, account.values, strict=True))
        new_values = tuple(new.get(name, value) for name, value in zip(self.new_fields, account.new_values, strict=True))
        name, vat_number = new.get("name", account.name), new.get("vat_number", account.vat_number)
        return replace(account, name=str(name), vat_number=str(vat_number), values=values, new_values=new_values)

    def _must_hold(self, name: str, value: Value) -> None:
        kind = {Kind.TEXT: str, Kind.AMOUNT: Decimal, Kind.FLAG: bool}[FIELDS[name].kind]
        assert isinstance(value, kind), f"{name} takes no {value!r}"
        why = self._cannot_hold(name, value)
        assert not why, f"{name}: {why}"
        assert name != "terms" or value in {"", *self.terms.values(), self.defaults.get("terms")}, f"no terms {value!r}"


def plan_for(
    books: MemoryBooks,
    customers: Sequence[Customer],
    links: Iterable[Link] = (),
    decisions: Decisions | None = None,
    choice: Choice | None = None,
) -> Plan:
    """Give the plan of a sync, from what BPO lists, the books and the journal."""
    settled = decisions or Decisions()
    matching = match(customers, books.read(), by_customer(links), settled)
    return make_plan(matching, books, settled, choice or Choice())


def verdicts(change: Change) -> dict[str, Verdict]:
    """Give what becomes of each field of a change."""
    return {each.field: each.verdict for each in change.fields}
