"""What holds for any customers, accounts, links and decisions: who is who, and what a plan may write.

Codes, names and VAT numbers are drawn from a handful, so that they collide all the time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, TypeVar

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bposync.bpo import customers as put_together
from bposync.fields import BPO_FIELDS, FIELDS
from bposync.match import is_inactive, match
from bposync.plan import Choice, make_plan
from bposync.records import Account, Action, Customer, Decisions, Link, Matching, PairingKind, Row, Verdict
from bposync.values import normalise_code
from support.books import MemoryBooks, account, by_customer, link, row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hypothesis.vendor.pretty import RepresentationPrinter

    from bposync.plan import Plan
    from bposync.values import Value

T = TypeVar("T")
FIELDS_COMPARED = ("name", "credit_limit", "phone", "vat_number", "terms", "hold")
WIDTHS = {"code": 4, "name": 8, "vat_number": 12, "phone": 3}

# Strategies.

NATURAL = {"A": "Ann", "B": "Bob", "C": "Cid", "D": "Dee"}
"""The customers, and the name that most of them have on both sides."""
CODES = [*NATURAL]
NAMES = [*NATURAL.values(), "ANN."]
VAT_NUMBERS = ["4020000001", "402 000 0001", "4020000002", "123", ""]
SITES = ["Durban", "Paarl"]
HELD_OR_REJECTED = [("phone", "1234"), ("terms", "14 Days"), ("name", "Far too long"), ("name", ""), ("credit_limit", "0.005")]
HELD_OR_REJECTED += [("vat_number", "4020000000001"), ("is_debtor", "0"), ("is_debtor", "ja")]
STATUSES = ["Hold", "Hold", "Inactive", "Inactive", "Released"]
# What a row says, and the same as an account has it; and what either says now and then instead.
SAID = [
    {"credit_limit": "", "phone": "", "terms": "", "vat_number": ""},
    {"credit_limit": "1", "phone": "1", "terms": "30 Days", "vat_number": ""},
    {"credit_limit": "1.000", "phone": "2", "terms": "", "vat_number": "4020000001"},
    {"credit_limit": "2.00", "phone": "", "terms": "60 Days", "vat_number": ""},
]
HAS: list[dict[str, Value]] = [
    {"credit_limit": Decimal("0.00"), "phone": "", "terms": "", "vat_number": ""},
    {"credit_limit": Decimal("1.00"), "phone": "1", "terms": "30D", "vat_number": ""},
    {"credit_limit": Decimal("1.00"), "phone": "2", "terms": "", "vat_number": "4020000001"},
    {"credit_limit": Decimal("2.00"), "phone": "", "terms": "60D", "vat_number": ""},
]
ODD_SAID = [
    *((field, value) for each in SAID for field, value in each.items()),
    *(("name", name) for name in NAMES),
    *(("vat_number", number) for number in VAT_NUMBERS),
    *(("status", status) for status in STATUSES),
    *(("account", code) for code in (*CODES, "F", "NEW")),
    *HELD_OR_REJECTED,
]
ODD_HAS: list[tuple[str, Value]] = [
    *((field, value) for each in HAS for field, value in each.items()),
    *(("vat_number", number) for number in VAT_NUMBERS),
    *(("hold", on_hold) for on_hold in (True, True, True)),
]


@dataclass(frozen=True)
class World:
    """All that a plan is made of."""

    rows: tuple[Row, ...]
    accounts: tuple[Account, ...]
    links: tuple[Link, ...]
    decisions: Decisions
    choice: Choice
    keyed: bool
    defaults: bool

    def _repr_pretty_(self, printer: RepresentationPrinter, cycle: bool) -> None:  # noqa: FBT001
        """Tell Hypothesis a world in a few lines."""
        assert not cycle
        for each in self.rows:
            said = {name: value for name, value in zip(BPO_FIELDS, each.values, strict=True) if value}
            printer.text(f"\n  row {said}")
        for each_account in self.accounts:
            values = dict(zip(FIELDS_COMPARED, each_account.values, strict=True))
            printer.text(f"\n  account {each_account.code} key={each_account.key!r} {values}")
        for known in self.links:
            printer.text(f"\n  link {known.customer} {known.account} key={known.account_key!r} {known.sites} {known.agreed}")
        printer.text(f"\n  {self.decisions}\n  {self.choice}\n  keyed={self.keyed} defaults={self.defaults}")

    @property
    def customers(self) -> list[Customer]:
        return put_together(self.rows, BPO_FIELDS)

    def books(self) -> MemoryBooks:
        return MemoryBooks(
            list(self.accounts),
            fields=FIELDS_COMPARED,
            new_fields=("group",),
            defaults={"terms": "60D", "group": "RETAIL"} if self.defaults else {},
            widths=WIDTHS,
            keyed=self.keyed,
        )

    def matching(self) -> Matching:
        return match(self.customers, self.accounts, by_customer(self.links), self.decisions)

    def plan(self) -> Plan:
        return make_plan(self.matching(), self.books(), self.decisions, self.choice)

    def carried_out(self) -> World:
        """Give the world after a sync: its accounts, and its links as the journal has them then."""
        books = self.books()
        links = books.carry_out(self.plan(), by_customer(self.links))
        return replace(self, accounts=tuple(books.accounts), links=tuple(links.values()))


# Made once: a strategy of its own for every draw takes most of the time.
PLACES = [st.just(0), *(st.integers(0, count - 1) for count in range(1, 60))]


def one_of(draw: st.DrawFn, values: Sequence[T]) -> T:
    return values[draw(PLACES[len(values)])]


def seldom(draw: st.DrawFn, one_in: int) -> bool:
    return draw(PLACES[one_in]) == one_in - 1


@st.composite
def rows_of_customers(draw: st.DrawFn) -> tuple[Row, ...]:
    """Give the rows of some customers; one at two sites mostly says the same at both."""
    rows: list[Row] = []
    codes = [code.lower() if seldom(draw, 9) else code for code in CODES if not seldom(draw, 4)]
    more: list[list[str]] = [[], [], [], [], [], ["a"], ["TOOLONG"], ["", ""]]
    for code in [*codes, *one_of(draw, more)]:
        if code and code in [each.value("code") for each in rows]:
            continue
        said = {"name": NATURAL.get(code.upper(), "Eve"), **one_of(draw, SAID)}
        said |= [one_of(draw, ODD_SAID)] if seldom(draw, 2) else []
        rows.append(row(code, site=one_of(draw, SITES), **said))
        if seldom(draw, 4):
            said |= [one_of(draw, ODD_SAID)] if seldom(draw, 3) else []
            rows.append(row(code, site="Pretoria", **said))
    return tuple(rows)


@st.composite
def some_accounts(draw: st.DrawFn, *, keyed: bool) -> tuple[Account, ...]:
    accounts: list[Account] = []
    for code in (*CODES, "F"):
        for _ in range(one_of(draw, [1, 1, 1, 1, 0, 0, 2])):
            values = dict(one_of(draw, HAS))
            values |= [one_of(draw, ODD_HAS)] if seldom(draw, 2) else []
            name = one_of(draw, NAMES) if seldom(draw, 4) else NATURAL.get(code, "Ann")
            written = code.lower() if seldom(draw, 6) else code
            key = str(len(accounts)) if keyed else ""
            accounts.append(account(written, name, key=key, fields=FIELDS_COMPARED, new_fields=("group",), **values))
    return tuple(accounts)


@st.composite
def some_links(draw: st.DrawFn, accounts: Sequence[Account], *, keyed: bool) -> tuple[Link, ...]:
    """Give links of customers in BPO and gone, to accounts that are there, renamed, made again or missing."""
    links = []
    for code in (*CODES, "G"):
        if seldom(draw, 2):
            continue
        own = [account for account in accounts if normalise_code(account.code) == normalise_code(code)]
        known = one_of(draw, own or [None]) if not seldom(draw, 4) else one_of(draw, [*accounts, None])
        account_code = known.code if known and (not keyed or not seldom(draw, 5)) else one_of(draw, CODES)
        key = "" if not keyed else known.key if known else "gone"
        sites = tuple(one_of(draw, [SITES, SITES[:1], []]))
        links.append(replace(link(code, account_code, key=key, sites=sites), agreed=_agreed(draw, known)))
    return tuple(links)


def _agreed(draw: st.DrawFn, known: Account | None) -> dict[str, tuple[Value, Value]]:
    """Give agreed values: mostly what the account has now, but for some others, never agreed or two after an accept."""
    now = dict(zip(FIELDS_COMPARED, known.values, strict=True)) if known else {}
    agreed = {name: (value, value) for name, value in now.items() if name != "hold" or value}
    for name in one_of(draw, [[], ["phone"], ["name"], ["terms", "credit_limit"], ["name", "vat_number"], ["hold"], [*now]]):
        how = one_of(draw, ["never", "other", "accepted"])
        values: list[Value] = [*NAMES] if name == "name" else [each.get(name, True) for each in HAS]
        values += [value for field, value in HELD_OR_REJECTED if field == name and how == "accepted"]
        if how == "never":
            agreed.pop(name, None)
        elif name == "hold":  # Only a hold that was put on is remembered.
            agreed[name] = (True, True)
        else:
            other = one_of(draw, values)
            agreed[name] = (other, now[name] if known and how == "accepted" else other)
    return agreed


KEYS = [code.lower() for code in CODES]


@st.composite
def worlds(draw: st.DrawFn, *, overwrite: bool | None = None) -> World:
    keyed = one_of(draw, [True, False])
    accounts = draw(some_accounts(keyed=keyed))
    decisions = Decisions(
        ignored_customers=frozenset(one_of(draw, [[], [], [], *([key] for key in KEYS)])),
        ignored_accounts=frozenset(one_of(draw, [[], [], ["a"], ["f"]])),
        new={one_of(draw, KEYS): one_of(draw, ["", "", "NEW", *CODES]) for _ in range(one_of(draw, [0, 0, 1, 2]))},
    )
    choice = Choice(
        sites=one_of(draw, [(), (), (), ("Durban",)]),
        customers=frozenset(one_of(draw, [(), (), (), ("a", "b")])),
        overwrite=one_of(draw, [False, False, True]) if overwrite is None else overwrite,
    )
    links = draw(some_links(accounts, keyed=keyed))
    return World(draw(rows_of_customers()), accounts, links, decisions, choice, keyed, one_of(draw, [True, False]))


check = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


# After a plan was carried out there is nothing left to write.


@check
@given(worlds())
def test_a_plan_that_was_carried_out_leaves_nothing_to_write(world: World) -> None:
    after = world.carried_out()
    assert [(change.code, change.action, change.fields) for change in after.plan().writes] == []


@check
@given(worlds())
def test_what_was_written_is_in_step_afterwards_but_for_what_waits_for_a_person(world: World) -> None:
    left = {Verdict.CONFLICT: Action.CONFLICT, Verdict.DRIFT: Action.DRIFT}
    now = {normalise_code(change.code): change for change in world.carried_out().plan().changes}
    for change in world.plan().writes:
        again = now[normalise_code(change.code)]
        waits, waits_now = (
            {each.field: each.verdict for each in one.fields if each.verdict in left} for one in (change, again)
        )
        assert (again.account, waits_now) == (change.account, waits)
        assert again.action is next((action for kind, action in left.items() if kind in waits.values()), Action.SAME)


@check
@given(worlds())
def test_a_plan_that_was_carried_out_changes_no_other_customer_s_action(world: World) -> None:
    before = {change.code: change for change in world.plan().changes if not change.is_write and change.code}
    after = {change.code: change for change in world.carried_out().plan().changes}
    for code, change in before.items():
        if change.action in {Action.SAME, Action.DRIFT, Action.CONFLICT, Action.GONE, Action.SKIPPED, Action.MISSING}:
            assert after[code].action is change.action
        else:
            assert not after[code].is_write


# The order of what was read changes nothing.


ORDERS = st.tuples(st.integers(0, 3), st.booleans())


def in_another_order(world: World, order: tuple[int, bool]) -> World:
    start, backwards = order

    def turned(values: tuple[T, ...]) -> tuple[T, ...]:
        values = values[start:] + values[:start]
        return values[::-1] if backwards else values

    return replace(world, rows=turned(world.rows), accounts=turned(world.accounts), links=turned(world.links))


def decided(world: World) -> list[tuple[str, str, Action, dict[str, Verdict]]]:
    found = [
        (change.code, change.account, change.action, {each.field: each.verdict for each in change.fields})
        for change in world.plan().changes
    ]
    return sorted(found, key=repr)


@check
@given(worlds(), ORDERS)
def test_the_order_of_rows_accounts_and_links_changes_no_decision(world: World, order: tuple[int, bool]) -> None:
    other = in_another_order(world, order)
    assert decided(other) == decided(world)
    only, other_only = (sorted(each.key or each.code for each in one.plan().accounting_only) for one in (world, other))
    assert other_only == only


@check
@given(worlds(), ORDERS)
def test_the_order_of_rows_accounts_and_links_changes_nothing_that_is_told_or_remembered(
    world: World, order: tuple[int, bool]
) -> None:
    world = replace(world, rows=tuple(each for each in world.rows if each.value("code")))
    assert in_another_order(world, order).plan().changes == world.plan().changes


# No two customers on one account.


def holders(world: World) -> list[int]:
    """Give the account, by its place, of every customer that is paired and not gone."""
    places = {id(account): place for place, account in enumerate(world.accounts)}
    return [
        places[id(pairing.account)]
        for pairing in world.matching().pairings
        if pairing.kind is PairingKind.PAIRED
        and pairing.account is not None
        and pairing.customer is not None
        and not (pairing.link is not None and is_inactive(pairing.customer))
    ]


@check
@given(worlds())
def test_no_two_customers_have_one_account(world: World) -> None:
    for moment in (world, world.carried_out()):
        found = holders(moment)
        assert sorted(found) == sorted(set(found))


@check
@given(worlds())
def test_no_two_changes_are_for_one_account_and_no_new_account_gets_a_code_that_is_there(world: World) -> None:
    plan = world.plan()
    seen = [id(change.seen) for change in plan.changes if change.seen is not None and change.link is not None]
    assert len(seen) == len(set(seen))
    codes = [normalise_code(change.account) for change in plan.changes if change.action is Action.CREATE]
    assert len(codes) == len(set(codes))
    assert not set(codes) & {normalise_code(account.code) for account in world.accounts}


# What a plan may write.


def may_be_written(before: Value, name: str, agreed: tuple[Value, Value] | None) -> bool:
    return FIELDS[name].is_blank(before) if agreed is None else before == agreed[1]


@check
@given(worlds(overwrite=False))
def test_nothing_of_accounting_s_is_overwritten_that_was_neither_agreed_nor_blank(world: World) -> None:
    links = by_customer(world.links)
    for change in world.plan().writes:
        if change.seen is None:
            continue
        known = links.get(normalise_code(change.code))
        before = dict(zip(FIELDS_COMPARED, change.seen.values, strict=True))
        for each in change.writes:
            agreed = known.agreed.get(each.field) if known else None
            assert each.old == before[each.field]
            assert may_be_written(each.old, each.field, agreed)


@check
@given(worlds())
def test_nothing_but_the_plan_s_write_fields_changes(world: World) -> None:
    meant = {id(change.seen): {each.field: each.new for each in change.writes} for change in world.plan().writes if change.seen}
    after = world.carried_out()
    for before, now in zip(world.accounts, after.accounts, strict=False):
        values = dict(zip(FIELDS_COMPARED, before.values, strict=True))
        assert dict(zip(FIELDS_COMPARED, now.values, strict=True)) == {**values, **meant.get(id(before), {})}
        assert (now.code, now.key, now.new_values) == (before.code, before.key, before.new_values)
    created = [change.account for change in world.plan().writes if change.seen is None]
    assert [account.code for account in after.accounts[len(world.accounts) :]] == created


@check
@given(worlds())
def test_what_is_written_is_what_bpo_says_and_accounting_can_hold(world: World) -> None:
    books = world.books()
    said = {customer.code: books.shape(customer) for customer in world.customers}
    for change in world.plan().writes:
        shape = said[change.code]
        values = dict(zip((*books.fields, *books.new_fields), (*shape.values, *shape.new_values), strict=True))
        for each in change.writes:
            is_default = change.action is Action.CREATE and each.new == books.defaults.get(each.field)
            assert is_default or (each.new == values[each.field] and each.field not in {*shape.held, *shape.rejected})


@check
@given(worlds())
def test_links_follow_pairs_only(world: World) -> None:
    """A link is new or changed only where the customer is paired or gets an account; no other link is lost or moved."""
    before, after = by_customer(world.links), by_customer(world.carried_out().links)
    changed = {key for key, link in after.items() if before.get(key) != link}
    paired = {normalise_code(change.code) for change in world.plan().changes if change.link is not None}
    assert before.keys() <= after.keys()
    assert changed <= paired


# Whom a plan names.


@check
@given(worlds())
def test_the_summary_counts_every_chosen_customer_once(world: World) -> None:
    customers, links, choice = world.customers, by_customer(world.links), world.choice

    def is_chosen(key: str, sites: Sequence[str]) -> bool:
        at_site = not choice.sites or not sites or bool(set(sites) & set(choice.sites))
        return at_site and (not choice.customers or key in choice.customers)

    chosen = [customer.code for customer in customers if is_chosen(customer.key, customer.sites)]
    listed = {customer.key for customer in customers}
    chosen += [link.customer for key, link in links.items() if key not in listed and is_chosen(key, link.sites)]
    plan = world.plan()
    assert sorted(change.code for change in plan.changes) == sorted(chosen)
    assert sum(plan.summary.values()) == len(chosen)
    assert {name for name, count in plan.summary.items() if count} == {change.action.value for change in plan.changes}


@check
@given(worlds())
def test_the_choice_changes_no_decision_on_anybody(world: World) -> None:
    everybody = replace(world, choice=Choice(overwrite=world.choice.overwrite)).plan().changes
    assert [change for change in world.plan().changes if change not in everybody] == []


@check
@given(worlds())
def test_accounting_s_only_are_neither_paired_nor_a_customer_s_code_nor_set_aside(world: World) -> None:
    matching = world.matching()
    only = {id(account) for account in matching.accounting_only}
    paired = {id(pairing.account) for pairing in matching.pairings if pairing.account is not None}
    codes = {customer.key for customer in world.customers}
    assert not only & paired
    assert not {normalise_code(account.code) for account in matching.accounting_only} & codes
    assert not {normalise_code(account.code) for account in matching.accounting_only} & world.decisions.ignored_accounts
