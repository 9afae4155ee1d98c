"""What differs: field by field, by the last agreed value, BPO's and accounting's now; and the action that follows."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from bposync.bpo import customers as put_together
from bposync.fields import BPO_FIELDS, FIELDS
from bposync.plan import ATTENTION, OUT_OF_STEP, Choice, after_writing, differences, summarise, verdict
from bposync.records import Action, Change, Customer, Decisions, FieldChange, Link, Verdict
from support.books import COMPARED, WIDTHS, MemoryBooks, account, by_customer, customer, link, plan_for, row, verdicts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bposync.values import Value

WRITE, DRIFT, CONFLICT, HELD = Verdict
VAT, OTHER_VAT = "4020082328", "4020099999"
LONG_NAME = "Hopewell Industries (Pty) Ltd"
OVERWRITE = Choice(overwrite=True)


def money(amount: str) -> Decimal:
    return Decimal(amount)


def only(
    books: MemoryBooks,
    me: Customer,
    *links: Link,
    choice: Choice | None = None,
    decisions: Decisions | None = None,
    others: Sequence[Customer] = (),
) -> Change:
    """Plan for one customer beside others, and give what a sync would do with that one."""
    plan = plan_for(books, [me, *others], links, decisions, choice)
    (found,) = [change for change in plan.changes if change.code == me.code]
    return found


def linked(
    bpo: dict[str, Any],
    accounting: dict[str, Any],
    agreed: dict[str, Any] | None = None,
    *,
    choice: Choice | None = None,
    fields: tuple[str, ...] = COMPARED,
    status: str = "Active",
) -> Change:
    """Give what becomes of one linked customer; where nothing is said both sides have the name Hopewell and agreed in it."""
    books = MemoryBooks(fields=fields)
    books.add("HOP001", **{"name": "Hopewell", **accounting})
    me = customer("HOP001", **{"name": "Hopewell", "status": status, **bpo})
    return only(books, me, link("HOP001", "HOP001", **{"name": "Hopewell", **(agreed or {})}), choice=choice)


def first_met(bpo: dict[str, Any], accounting: dict[str, Any], *, choice: Choice | None = None) -> Change:
    """Give what becomes of one customer that is paired by code and name for the first time."""
    books = MemoryBooks()
    books.add("HOP001", "Hopewell", **accounting)
    return only(books, customer("HOP001", "Hopewell", **bpo), choice=choice)


# The verdict on one field.

PHONE, LIMIT, HOLD = FIELDS["phone"], FIELDS["credit_limit"], FIELDS["hold"]


@pytest.mark.parametrize(
    ("bpo", "accounting", "agreed", "expected"),
    [
        ("1", "1", None, None),
        ("1", "", None, WRITE),
        ("", "1", None, None),
        ("", "", None, None),
        ("1", "2", None, CONFLICT),
        ("1", "1", ("1", "1"), None),
        ("2", "1", ("1", "1"), WRITE),
        ("", "1", ("1", "1"), WRITE),
        ("1", "", ("", ""), WRITE),
        ("1", "2", ("1", "1"), DRIFT),
        ("1", "", ("1", "1"), DRIFT),
        ("", "1", ("", ""), DRIFT),
        ("2", "3", ("1", "1"), CONFLICT),
        ("", "3", ("1", "1"), CONFLICT),
        ("2", "", ("1", "1"), CONFLICT),
        ("2", "2", ("1", "1"), None),
        ("1", "2", ("1", "2"), None),
        ("3", "2", ("1", "2"), WRITE),
        ("", "2", ("1", "2"), WRITE),
        ("1", "3", ("1", "2"), DRIFT),
        ("3", "4", ("1", "2"), CONFLICT),
        ("2", "2", ("1", "2"), None),
        ("2", "1", ("1", "2"), CONFLICT),
    ],
)
def test_the_verdict_on_a_text(bpo: str, accounting: str, agreed: tuple[str, str] | None, expected: Verdict | None) -> None:
    assert verdict(PHONE, bpo, accounting, agreed, held=False) is expected


@pytest.mark.parametrize(
    ("bpo", "accounting", "agreed", "expected"),
    [
        ("500.00", "0.00", None, WRITE),
        ("0.00", "500.00", None, None),
        ("500.00", "400.00", None, CONFLICT),
        ("-500.00", "0.00", None, WRITE),
        ("0.00", "500.00", "500.00", WRITE),
        ("500.00", "0.00", "500.00", DRIFT),
        ("500.00", "0.00", "0.00", WRITE),
        ("0.00", "500.00", "0.00", DRIFT),
        ("0.00", "400.00", "500.00", CONFLICT),
        ("0.01", "0.00", None, WRITE),
        ("500.00", "500.00", None, None),
    ],
)
def test_a_credit_limit_of_zero_is_blank_until_both_sides_agreed(
    bpo: str, accounting: str, agreed: str | None, expected: Verdict | None
) -> None:
    both = None if agreed is None else (money(agreed), money(agreed))
    assert verdict(LIMIT, money(bpo), money(accounting), both, held=False) is expected


@pytest.mark.parametrize(
    ("bpo", "accounting", "agreed", "expected"),
    [
        ("too long", "", None, HELD),
        ("too long", "1", None, HELD),
        ("too long", "1", ("1", "1"), HELD),
        ("too long", "2", ("1", "1"), HELD),
        ("too long", "1", ("too long", "1"), None),
        ("too long", "2", ("too long", "1"), DRIFT),
        ("too long", "too long", None, None),
    ],
)
def test_what_the_system_cannot_hold_is_held(
    bpo: str, accounting: str, agreed: tuple[str, str] | None, expected: Verdict | None
) -> None:
    assert verdict(PHONE, bpo, accounting, agreed, held=True) is expected


# A first pairing.


def test_a_first_pairing_fills_what_is_empty() -> None:
    change = first_met({"phone": "031", "credit_limit": "500", "vat_number": VAT, "terms": "30 Days"}, {})
    assert change.action is Action.UPDATE
    assert {each.field: (each.old, each.new, each.verdict) for each in change.fields} == {
        "credit_limit": (money("0.00"), money("500.00"), WRITE),
        "phone": ("", "031", WRITE),
        "vat_number": ("", VAT, WRITE),
        "terms": ("", "30D", WRITE),
    }
    assert not any(each.agreed for each in change.fields)


def test_a_first_pairing_corrects_nothing_unasked() -> None:
    accounting = {"phone": "021", "credit_limit": money("400.00"), "terms": "60D"}
    change = first_met({"phone": "031", "credit_limit": "500", "terms": "30 Days"}, accounting)
    assert change.action is Action.CONFLICT
    assert verdicts(change) == {"credit_limit": CONFLICT, "phone": CONFLICT, "terms": CONFLICT}
    assert not change.is_write


def test_a_first_pairing_fills_beside_a_conflict() -> None:
    change = first_met({"phone": "031", "email": "a@b.c"}, {"phone": "021"})
    assert (change.action, change.is_write) == (Action.CONFLICT, True)
    assert [each.field for each in change.writes] == ["email"]


@pytest.mark.parametrize("blank", [None, "", "  "], ids=ascii)
def test_a_first_pairing_blanks_nothing(blank: str | None) -> None:
    accounting = {"phone": "021", "credit_limit": money("400.00"), "terms": "60D"}
    change = first_met({"phone": blank, "credit_limit": blank, "terms": blank}, accounting)
    assert (change.action, change.fields) == (Action.SAME, ())


def test_a_first_pairing_does_not_correct_how_a_name_is_written() -> None:
    books = MemoryBooks()
    books.add("HOP001", "HOPEWELL.")
    change = only(books, customer("HOP001", "Hopewell"))
    assert (change.action, verdicts(change), change.is_write) == (Action.CONFLICT, {"name": CONFLICT}, False)


def test_a_first_pairing_is_linked_with_the_values_that_agree() -> None:
    change = first_met({"phone": "031", "email": "a@b.c", "credit_limit": "500"}, {"phone": "031", "email": "x@y.z"})
    assert change.link is not None
    assert not change.was_in_step
    assert (change.link.customer, change.link.account, change.link.account_key) == ("HOP001", "HOP001", "kHOP001")
    assert change.link.agreed == {"name": ("Hopewell",) * 2, "phone": ("031",) * 2, "vat_number": ("", ""), "terms": ("", "")}


def test_a_lost_journal_pairs_again_without_a_write_where_both_sides_agree() -> None:
    change = first_met({"phone": "031", "credit_limit": "500"}, {"phone": "031", "credit_limit": money("500.00")})
    assert (change.action, change.fields, change.is_write) == (Action.SAME, (), False)
    assert change.link is not None


# A linked customer.


@pytest.mark.parametrize(
    ("bpo", "accounting", "agreed", "action", "verdict"),
    [
        ("1", "1", "1", Action.SAME, None),
        ("2", "1", "1", Action.UPDATE, WRITE),
        ("", "1", "1", Action.UPDATE, WRITE),
        ("1", "2", "1", Action.DRIFT, DRIFT),
        ("1", "", "1", Action.DRIFT, DRIFT),
        ("2", "3", "1", Action.CONFLICT, CONFLICT),
        ("2", "2", "1", Action.SAME, None),
        ("12345678901", "1", "1", Action.SAME, HELD),
        ("1", "2", ("1", "2"), Action.SAME, None),
        ("3", "2", ("1", "2"), Action.UPDATE, WRITE),
        ("1", "3", ("1", "2"), Action.DRIFT, DRIFT),
        ("12345678901", "2", ("12345678901", "1"), Action.DRIFT, DRIFT),
        ("12345678901", "1", ("12345678901", "1"), Action.SAME, None),
    ],
)
def test_the_action_follows_the_verdict(
    bpo: str, accounting: str, agreed: object, action: Action, verdict: Verdict | None
) -> None:
    change = linked({"phone": bpo}, {"phone": accounting}, {"phone": agreed})
    assert (change.action, verdicts(change).get("phone")) == (action, verdict)
    assert change.is_write is (verdict is WRITE)


@pytest.mark.parametrize("blank", [None, "", "   ", "0", "0.00"], ids=ascii)
def test_a_credit_limit_that_bpo_blanks_is_blanked_after_both_sides_agreed(blank: str | None) -> None:
    limit = money("500.00")
    change = linked({"credit_limit": blank}, {"credit_limit": limit}, {"credit_limit": limit})
    assert change.writes == (FieldChange("credit_limit", limit, money("0.00"), limit, WRITE, agreed=True),)


def test_values_are_compared_in_the_account_s_own_shape() -> None:
    agreed = {"credit_limit": money("500.00"), "terms": "30D"}
    change = linked({"credit_limit": " 500.000 ", "terms": "30 Days", "phone": "031  "}, {**agreed, "phone": "031"}, agreed)
    assert (change.action, change.fields) == (Action.SAME, ())


def test_a_difference_tells_both_values_and_the_agreed_one() -> None:
    change = linked({"phone": "2"}, {"phone": "3"}, {"phone": "1"})
    assert change.fields == (FieldChange("phone", "3", "2", "1", CONFLICT, agreed=True),)
    assert any(reason.startswith("phone: ") for reason in change.reasons)


def test_one_customer_s_fields_are_decided_one_by_one() -> None:
    change = linked(
        {"phone": "2", "email": "a@b.c", "credit_limit": "500", "terms": "14 Days"},
        {"phone": "3", "email": "", "credit_limit": money("600.00"), "terms": "30D"},
        {"phone": "1", "email": "", "credit_limit": money("500.00"), "terms": "30D"},
    )
    assert verdicts(change) == {"phone": CONFLICT, "email": WRITE, "credit_limit": DRIFT, "terms": HELD}
    assert change.action is Action.CONFLICT
    assert [each.field for each in change.writes] == ["email"]


@pytest.mark.parametrize(
    ("verdicts_of", "action"),
    [
        ({CONFLICT, WRITE, DRIFT, HELD}, Action.CONFLICT),
        ({WRITE, DRIFT, HELD}, Action.UPDATE),
        ({DRIFT, HELD}, Action.DRIFT),
        ({HELD}, Action.SAME),
        (set(), Action.SAME),
    ],
    ids=range(5),
)
def test_conflict_comes_before_update_before_drift_before_same(verdicts_of: set[Verdict], action: Action) -> None:
    fields = {WRITE: ("email", "b", "a", "a"), DRIFT: ("vat_number", "1", "2", "1"), CONFLICT: ("terms", "60 Days", "", "30D")}
    fields[HELD] = ("phone", "12345678901", "1", "1")
    chosen = [fields[each] for each in verdicts_of]
    change = linked(
        {field: bpo for field, bpo, _, _ in chosen},
        {field: accounting for field, _, accounting, _ in chosen},
        {field: agreed for field, _, _, agreed in chosen},
    )
    assert set(verdicts(change).values()) == verdicts_of
    assert change.action is action


def test_an_accepted_difference_stands_until_bpo_changes_it() -> None:
    agreed = {"phone": ("031", "021")}
    assert linked({"phone": "031"}, {"phone": "021"}, agreed).action is Action.SAME
    change = linked({"phone": "051"}, {"phone": "021"}, agreed)
    assert (change.action, [(each.old, each.new) for each in change.writes]) == (Action.UPDATE, [("021", "051")])


def test_a_name_too_long_that_a_person_accepted_is_rejected_no_more() -> None:
    change = linked(
        {"name": LONG_NAME, "phone": "2"}, {"name": "Hopewell", "phone": "1"}, {"name": (LONG_NAME, "Hopewell"), "phone": "1"}
    )
    assert (change.action, verdicts(change)) == (Action.UPDATE, {"phone": WRITE})


def test_a_link_that_stands_as_it_did_is_not_remembered_again() -> None:
    agreed: dict[str, Value] = dict.fromkeys(("phone", "email", "vat_number", "terms"), "")
    agreed |= {"name": "Hopewell", "credit_limit": money("0.00")}
    old = Link("HOP001", "HOP001", "kHOP001", "Hopewell", ("Durban",), {name: (value, value) for name, value in agreed.items()})
    books = MemoryBooks()
    books.add("HOP001", "Hopewell")
    assert only(books, customer("HOP001", "Hopewell"), old).link is old


def test_the_agreed_value_follows_where_both_sides_came_to_agree() -> None:
    change = linked({"phone": "2"}, {"phone": "2"}, {"phone": "1"})
    assert change.link is not None
    assert change.link.agreed["phone"] == ("2", "2")


def test_the_agreed_value_stays_where_the_sides_differ() -> None:
    change = linked({"phone": "2", "email": "a"}, {"phone": "3", "email": "b"}, {"phone": "1", "email": "a"})
    assert change.link is not None
    assert (change.link.agreed["phone"], change.link.agreed["email"]) == (("1", "1"), ("a", "a"))


def test_a_link_follows_an_account_renamed_in_accounting() -> None:
    books = MemoryBooks()
    books.add("NEW9", "Hopewell", key="7")
    change = only(books, customer("HOP001", "Hopewell"), link("HOP001", "HOP001", key="7", name="Hopewell"))
    assert (change.account, change.action) == ("NEW9", Action.SAME)
    assert change.link is not None
    assert (change.link.account, change.link.account_key) == ("NEW9", "7")


# What is never compared or touched.


def test_a_field_for_which_accounting_has_no_place_is_never_compared() -> None:
    change = linked({"phone": "2", "email": "a"}, {"email": "b"}, {"email": "a"}, fields=("name", "email"))
    assert verdicts(change) == {"email": DRIFT}


@pytest.mark.parametrize("field", ["group", "category", "area", "price_list"])
def test_group_category_area_and_price_list_are_for_new_accounts_only(field: str) -> None:
    books = MemoryBooks(new_fields=(field,), defaults={field: "RETAIL"})
    books.add("HOP001", "Hopewell", **{field: "OTHER"})
    two = [customer("HOP001", "Hopewell"), customer("SAM001", "Samson")]
    paired, new = plan_for(books, two).changes
    assert (paired.action, paired.fields) == (Action.SAME, ())
    assert (new.action, {each.field: each.new for each in new.writes}[field]) == (Action.CREATE, "RETAIL")


def test_the_group_of_a_new_account_is_its_type_s_else_the_default() -> None:
    books = MemoryBooks(new_fields=("group",), defaults={"group": "RETAIL"}, groups={"GV": "GOVERNMENT"})
    plan = plan_for(books, [customer("GOV001", "Gov", type="GV"), customer("SAM001", "Samson", type="XX")])
    assert [{each.field: each.new for each in change.writes}["group"] for change in plan.changes] == ["GOVERNMENT", "RETAIL"]


def test_a_new_only_field_is_written_into_a_new_account_and_is_accounting_s_from_then_on() -> None:
    books = MemoryBooks(fields=("name",), new_fields=("credit_limit",))
    plan = plan_for(books, [customer("HOP001", "Hopewell", credit_limit="500")])
    links = books.carry_out(plan, {})
    assert books.value("HOP001", "credit_limit") == money("500.00")
    assert "credit_limit" not in links["hop001"].agreed
    again = plan_for(books, [customer("HOP001", "Hopewell", credit_limit="900")], links.values(), choice=OVERWRITE)
    assert (again.changes[0].action, again.changes[0].fields) == (Action.SAME, ())


# New accounts.


def test_a_new_account_gets_what_bpo_has() -> None:
    me = customer("hop001", "Hopewell", phone="031", credit_limit="500", terms="30 Days")
    change = only(MemoryBooks(fields=(*COMPARED, "hold")), me)
    assert (change.action, change.account, change.seen, change.is_write) == (Action.CREATE, "HOP001", None, True)
    assert {each.field: each.new for each in change.writes} == {
        "name": "Hopewell", "credit_limit": money("500.00"), "phone": "031", "terms": "30D",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("said", "written"),
    [("", "CASH"), ("30 Days", "30D"), ("14 Days", "CASH")],
    ids=["blank", "known", "unknown"],
)
def test_a_new_account_gets_the_default_where_bpo_says_nothing_that_can_be_held(said: str, written: str) -> None:
    books = MemoryBooks(defaults={"terms": "CASH"})
    change = only(books, customer("HOP001", "Hopewell", terms=said))
    assert (change.action, {each.field: each.new for each in change.writes}["terms"]) == (Action.CREATE, written)


@pytest.mark.parametrize("said", ["", "14 Days"])
def test_a_default_is_no_difference_afterwards(said: str) -> None:
    books = MemoryBooks(defaults={"terms": "CASH"})
    me = customer("HOP001", "Hopewell", terms=said)
    links = books.carry_out(plan_for(books, [me]), {})
    change = only(books, me, *links.values())
    assert (change.action, change.is_write) == (Action.SAME, False)


def test_a_value_that_a_new_account_cannot_hold_is_held_and_the_others_go_on() -> None:
    change = only(MemoryBooks(), customer("HOP001", "Hopewell", phone="12345678901", email="a@b.c"))
    assert (change.action, change.is_write) == (Action.CREATE, True)
    assert verdicts(change)["phone"] is HELD
    assert "phone" not in [each.field for each in change.writes]
    assert {each.field: each.new for each in change.writes}["email"] == "a@b.c"
    assert any("phone" in reason and "12345678901" in reason and "10" in reason for reason in change.reasons)


def test_a_person_s_code_is_the_new_account_s() -> None:
    change = only(MemoryBooks(), customer("HIL00000001", "Hill"), decisions=Decisions(new={"hil00000001": "hil1"}))
    assert (change.action, change.account) == (Action.CREATE, "HIL1")


@pytest.mark.parametrize("code", ["HOP001", "hop001"])
def test_two_customers_never_get_one_new_account(code: str) -> None:
    two = [customer("HOP001", "One"), customer("SAM001", "Two")]
    plan = plan_for(MemoryBooks(), two, decisions=Decisions(new={"sam001": code}))
    assert [change.action for change in plan.changes] == [Action.REJECTED, Action.REJECTED]
    assert plan.writes == ()


def test_codes_that_accounting_would_write_alike_are_not_both_given() -> None:
    plan = plan_for(MemoryBooks(), [customer("I1", "One"), customer("\u01311", "Two")])
    assert [change.action for change in plan.changes] == [Action.REJECTED, Action.REJECTED]


def test_a_code_that_accounting_would_write_like_an_account_s_is_not_given() -> None:
    books = MemoryBooks()
    books.add("I1", "Zebra")
    assert not only(books, customer("\u01311", "Two")).is_write


# What was written is agreed.


def test_what_was_written_is_agreed_and_the_rest_stays_as_it_was() -> None:
    change = linked({"phone": "2", "email": "a"}, {"phone": "1", "email": "b"}, {"phone": "1", "email": "a"})
    assert change.seen is not None
    after = after_writing(MemoryBooks(), change, account("HOP001", "Hopewell", phone="2", email="b"))
    assert (after.agreed["phone"], after.agreed["email"]) == (("2", "2"), ("a", "a"))


def test_a_new_account_is_linked_by_the_code_and_key_that_it_got() -> None:
    change = only(MemoryBooks(), customer("HOP001", "Hopewell", phone="031"))
    after = after_writing(MemoryBooks(), change, account("HOP001", "Hopewell", key="4711", phone="031"))
    assert (after.customer, after.account, after.account_key) == ("HOP001", "HOP001", "4711")
    assert after.agreed["phone"] == ("031", "031")


def test_what_accounting_itself_put_into_a_new_account_was_never_agreed() -> None:
    books = MemoryBooks()
    me = customer("HOP001", "Hopewell", terms="")
    after = after_writing(books, only(books, me), books.add("HOP001", "Hopewell", terms="60D"))
    assert after.agreed.get("terms") in (None, ("", "60D"))
    assert only(books, me, after).action is Action.SAME


@pytest.mark.parametrize(
    ("read_back", "wrong"),
    [
        ({"phone": "031", "credit_limit": money("500.00")}, []),
        ({"phone": "031", "credit_limit": money("500.00"), "email": "somebody's"}, []),
        ({"phone": "03", "credit_limit": money("500.00")}, ["phone"]),
        ({"phone": "031"}, ["credit_limit"]),
        ({}, ["credit_limit", "phone"]),
    ],
    ids=["as it was meant", "another field", "cut", "zero", "nothing"],
)
def test_an_account_that_is_not_as_it_was_written_is_told_field_by_field(read_back: dict[str, Any], wrong: list[str]) -> None:
    books = MemoryBooks()
    change = only(books, customer("HOP001", "Hopewell", phone="031", credit_limit="500"))
    found = differences(books, change, account("HOP001", "Hopewell", **read_back))
    assert [text.split()[0] for text in found] == wrong


# Overwrite.


@pytest.mark.parametrize(
    ("bpo", "accounting", "agreed", "verdict"),
    [
        ("1", "2", "1", WRITE),
        ("1", "", "1", WRITE),
        ("", "2", "", WRITE),
        ("2", "3", "1", WRITE),
        ("1", "1", "1", None),
        ("1", "2", ("1", "2"), None),
        ("12345678901", "1", ("12345678901", "1"), None),
        ("12345678901", "2", "1", HELD),
        ("12345678901", "2", ("12345678901", "1"), HELD),
    ],
)
def test_with_overwrite_bpo_wins_every_drift_and_conflict_and_only_those(
    bpo: str, accounting: str, agreed: object, verdict: Verdict | None
) -> None:
    change = linked({"phone": bpo}, {"phone": accounting}, {"phone": agreed}, choice=OVERWRITE)
    assert verdicts(change).get("phone") is verdict
    assert change.action is (Action.UPDATE if verdict is WRITE else Action.SAME)


def test_with_overwrite_a_first_pairing_corrects_and_still_blanks_nothing() -> None:
    accounting = {"phone": "021", "email": "x@y.z", "credit_limit": money("400.00")}
    change = first_met({"phone": "031", "email": "", "credit_limit": "0"}, accounting, choice=OVERWRITE)
    assert (change.action, verdicts(change)) == (Action.UPDATE, {"phone": WRITE})


@pytest.mark.parametrize(
    ("field", "said", "stands", "now"),
    [
        ("name", LONG_NAME, "Hopewell", "Hopewell CC"),
        ("vat_number", "4" * 16, VAT, OTHER_VAT),
        ("credit_limit", "1000000.01", money("1.00"), money("2.00")),
        ("credit_limit", "12.345", money("1.00"), money("2.00")),
        ("phone", "12345678901", "1", "2"),
    ],
    ids=["name", "VAT number", "credit limit", "no amount", "phone"],
)
def test_overwrite_never_writes_what_the_system_cannot_hold(field: str, said: str, stands: Value, now: Value) -> None:
    me = customer("HOP001", **{"name": "Hopewell", field: said})
    change = linked({field: said}, {field: now}, {field: (me.value(field), stands)}, choice=OVERWRITE)
    assert change.writes == ()


def test_overwrite_leaves_missing_lookalike_gone_and_rejected_as_they_are() -> None:
    books = MemoryBooks()
    books.add("Z9", "Samson")
    customers = [
        customer("HOP001", "Hopewell"),
        customer("LON001", LONG_NAME),
        customer("OLD001", "Old", status="Inactive"),
        customer("SAM001", "Samson"),
    ]
    links = [link("HOP001", "HOP001"), link("OLD001", "OLD001")]
    plan = plan_for(books, customers, links, choice=OVERWRITE)
    assert [change.action for change in plan.changes] == [Action.MISSING, Action.REJECTED, Action.GONE, Action.LOOKALIKE]
    assert plan.writes == ()


# Holds.


@pytest.mark.parametrize(
    ("status", "on_hold", "put_on", "verdict", "remembered"),
    [
        ("Active", False, False, None, False),
        ("Hold", False, False, WRITE, False),
        ("hold", False, False, WRITE, False),
        ("Hold", True, False, None, False),
        ("Active", True, False, None, False),
        ("Active", True, True, WRITE, True),
        ("Hold", True, True, None, True),
        ("Hold", False, True, DRIFT, True),
        ("Active", False, True, None, False),
    ],
)
def test_a_hold_is_put_on_with_bpo_s_and_only_such_a_one_is_taken_off(
    status: str,
    on_hold: bool,  # noqa: FBT001
    put_on: bool,  # noqa: FBT001
    verdict: Verdict | None,
    remembered: bool,  # noqa: FBT001
) -> None:
    agreed = {"hold": True} if put_on else {}
    change = linked({}, {"hold": on_hold}, agreed, fields=("name", "hold"), status=status)
    assert verdicts(change).get("hold") is verdict
    assert change.link is not None
    assert ("hold" in change.link.agreed) is remembered


def test_overwrite_takes_no_hold_off_that_accounting_put_on() -> None:
    change = linked({}, {"hold": True}, fields=("name", "hold"), choice=OVERWRITE)
    assert (change.action, change.fields) == (Action.SAME, ())


def test_a_hold_that_accounting_took_off_is_drift_and_put_on_again_only_with_overwrite() -> None:
    agreed = {"hold": True}
    assert linked({}, {"hold": False}, agreed, fields=("name", "hold"), status="Hold").action is Action.DRIFT
    change = linked({}, {"hold": False}, agreed, fields=("name", "hold"), status="Hold", choice=OVERWRITE)
    assert [(each.field, each.new) for each in change.writes] == [("hold", True)]


def test_a_hold_goes_on_and_off_with_bpo_s_and_accounting_s_own_stays() -> None:
    books = MemoryBooks(fields=("name", "hold"))
    links: dict[str, Link] = {}
    seen = []
    for status in ("Active", "Hold", "Hold", "Active", "Active", "Hold", "Active"):
        links = books.carry_out(plan_for(books, [customer("HOP001", "Hopewell", status=status)], links.values()), links)
        seen.append(books.value("HOP001", "hold"))
    assert seen == [False, True, True, False, False, True, False]
    books.accounts = [replace(each, values=("Hopewell", True)) for each in books.accounts]
    for status in ("Active", "Hold", "Active"):
        links = books.carry_out(plan_for(books, [customer("HOP001", "Hopewell", status=status)], links.values()), links)
        assert books.value("HOP001", "hold") is True


def test_a_new_account_that_accounting_puts_on_hold_stays_so() -> None:
    books = MemoryBooks(fields=("name", "hold"))
    links = books.carry_out(plan_for(books, [customer("HOP001", "Hopewell")]), {})
    assert "hold" not in links["hop001"].agreed
    books.accounts = [replace(each, values=("Hopewell", True)) for each in books.accounts]
    change = only(books, customer("HOP001", "Hopewell"), *links.values(), choice=OVERWRITE)
    assert (change.action, change.fields) == (Action.SAME, ())


def test_a_new_account_is_put_on_hold_and_taken_off_again() -> None:
    books = MemoryBooks(fields=("name", "hold"))
    links = books.carry_out(plan_for(books, [customer("HOP001", "Hopewell", status="Hold")]), {})
    assert books.value("HOP001", "hold") is True
    links = books.carry_out(plan_for(books, [customer("HOP001", "Hopewell")], links.values()), links)
    assert books.value("HOP001", "hold") is False
    assert "hold" not in links["hop001"].agreed


def test_without_carry_hold_a_hold_is_not_touched() -> None:
    change = linked({}, {}, status="Hold")
    assert (change.action, change.fields) == (Action.SAME, ())


# Name and VAT number at once.

BOTH = {"name": "Zebra", "vat_number": OTHER_VAT}
WERE = {"name": "Hopewell", "vat_number": VAT}


def test_name_and_vat_number_changed_at_once_are_a_conflict_and_nothing_is_written() -> None:
    change = linked({**BOTH, "phone": "2"}, {**WERE, "phone": "1"}, {**WERE, "phone": "1"})
    assert (change.action, change.is_write) == (Action.CONFLICT, False)
    assert verdicts(change) == {"name": CONFLICT, "vat_number": CONFLICT, "phone": CONFLICT}
    assert any("name" in reason and "VAT number" in reason for reason in change.reasons)


@pytest.mark.parametrize(
    "bpo",
    [
        {"name": "Zebra", "vat_number": VAT},
        {"name": "Hopewell", "vat_number": OTHER_VAT},
        {"name": "HOPEWELL.", "vat_number": OTHER_VAT},
    ],
    ids=["the name alone", "the VAT number alone", "the name's spelling and the VAT number"],
)
def test_one_of_them_changed_is_an_update(bpo: dict[str, str]) -> None:
    change = linked(bpo, WERE, WERE)
    assert change.action is Action.UPDATE
    assert {each.field: each.new for each in change.writes} == {field: new for field, new in bpo.items() if new != WERE[field]}


def test_a_vat_number_that_came_with_another_name_is_a_conflict() -> None:
    assert linked(BOTH, {"name": "Hopewell"}, {"name": "Hopewell", "vat_number": ""}).action is Action.CONFLICT


def test_with_overwrite_both_are_written() -> None:
    change = linked(BOTH, WERE, WERE, choice=OVERWRITE)
    assert (change.action, [each.field for each in change.writes]) == (Action.UPDATE, ["name", "vat_number"])


def test_both_changed_alike_on_both_sides_are_the_same() -> None:
    assert linked(BOTH, BOTH, WERE).action is Action.SAME
    change = linked({**BOTH, "phone": "2"}, {**BOTH, "phone": "1"}, {**WERE, "phone": "1"})
    assert (change.action, verdicts(change)) == (Action.UPDATE, {"phone": WRITE})


@pytest.mark.parametrize(
    ("bpo", "accounting", "agreed", "expected"),
    [
        (
            {"name": "Zebra", "vat_number": VAT},
            {"name": "Hopewell", "vat_number": OTHER_VAT},
            WERE,
            {"name": WRITE, "vat_number": DRIFT},
        ),
        (
            {"name": "Hopewell", "vat_number": OTHER_VAT},
            {"name": "Zebra", "vat_number": VAT},
            WERE,
            {"name": DRIFT, "vat_number": WRITE},
        ),
        (
            {"name": "Zebra", "vat_number": OTHER_VAT},
            {"name": "Hopewell CC", "vat_number": VAT},
            {"name": ("Zebra", "Hopewell"), "vat_number": VAT},
            {"name": DRIFT, "vat_number": WRITE},
        ),
        (
            {"name": "Zebra", "vat_number": OTHER_VAT},
            {"name": "Hopewell", "vat_number": VAT + "1"},
            {"name": "Hopewell", "vat_number": (OTHER_VAT, VAT)},
            {"name": WRITE, "vat_number": DRIFT},
        ),
    ],
    ids=["the VAT number in accounting", "the name in accounting", "an accepted name", "an accepted VAT number"],
)
def test_what_bpo_did_not_change_makes_nobody_another(
    bpo: dict[str, Any], accounting: dict[str, Any], agreed: dict[str, Any], expected: dict[str, Verdict]
) -> None:
    change = linked(bpo, accounting, agreed)
    assert (change.action, verdicts(change)) == (Action.UPDATE, expected)


@pytest.mark.parametrize("agreed", [{}, {"name": "Hopewell"}, {"vat_number": VAT}], ids=["none", "name", "VAT number"])
def test_what_was_never_agreed_makes_nobody_another(agreed: dict[str, Any]) -> None:
    books = MemoryBooks()
    books.add("HOP001", "Hopewell", vat_number=VAT)
    change = only(books, customer("HOP001", "Zebra", vat_number=OTHER_VAT), link("HOP001", "HOP001", **agreed))
    assert verdicts(change) == {name: WRITE if name in agreed else CONFLICT for name in ("name", "vat_number")}


def test_a_conflict_tells_whether_both_sides_ever_agreed() -> None:
    never = first_met({"phone": "031"}, {"phone": "021"})
    since = linked({"phone": "2"}, {"phone": "3"}, {"phone": "1"})
    assert ("no agreed one" in never.reasons[-1], "no agreed one" in since.reasons[-1]) == (True, False)
    assert ("both sides changed it" in never.reasons[-1], "both sides changed it" in since.reasons[-1]) == (False, True)


# Rejected.


@pytest.mark.parametrize(
    ("me", "field", "named"),
    [
        (customer("HIL000001", "Hill"), "code", ["HIL000001", "8"]),
        (customer("HOP\n01", "Hopewell"), "code", ["HOP", "line break"]),
        (customer("HOP001", LONG_NAME), "name", [LONG_NAME, "20"]),
        (customer("HOP001", "Hope\x07well"), "name", ["Hope", "control character"]),
        (customer("HOP001", ""), "name", ["blank"]),
        (customer("HOP001", "Hopewell", vat_number="4" * 16), "vat_number", ["4" * 16, "15"]),
        (customer("HOP001", "Hopewell", credit_limit="1000000.01"), "credit_limit", ["1000000.01", "1000000.00"]),
        (customer("HOP001", "Hopewell", credit_limit="12,50"), "credit_limit", ["12,50", "point"]),
        (customer("HOP001", "Hopewell", credit_limit="12.345"), "credit_limit", ["12.345", "two decimals"]),
        (customer("HOP001", "Hopewell", is_debtor="ja"), "is_debtor", ["ja"]),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_a_rejected_customer_s_reason_names_field_value_and_limit(me: Customer, field: str, named: list[str]) -> None:
    change = only(MemoryBooks(), me)
    assert (change.action, change.fields, change.is_write) == (Action.REJECTED, (), False)
    (reason,) = change.reasons
    assert reason.startswith(f"{field}: ")
    assert all(text in reason for text in named)


def test_a_rejected_customer_has_all_its_reasons() -> None:
    rows = [
        row("HIL000001", LONG_NAME, "Durban", vat_number="4" * 16, credit_limit="12.345", phone="1", is_debtor="ja"),
        row("HIL000001", LONG_NAME, "Paarl", vat_number="4" * 16, credit_limit="12.345", phone="2", is_debtor="ja"),
    ]
    (me,) = put_together(rows, BPO_FIELDS)
    assert sorted(reason.split(":")[0] for reason in only(MemoryBooks(), me).reasons) == [
        "code", "credit_limit", "is_debtor", "name", "phone", "vat_number",
    ]  # fmt: skip


def test_customers_whose_codes_fall_together_have_all_their_reasons() -> None:
    plan = plan_for(MemoryBooks(), [customer("hil000001", LONG_NAME), customer("HIL000001", "Hill")])
    assert [change.action for change in plan.changes] == [Action.REJECTED, Action.REJECTED]
    reasons = {change.code: " ".join(change.reasons) for change in plan.changes}
    assert all("falls together" in reason and "holds 8" in reason for reason in reasons.values())
    assert "holds 20" in reasons["hil000001"]


@pytest.mark.parametrize(
    ("me", "decisions"),
    [
        (customer("HIL000001", "Hill"), Decisions(new={"hil000001": "HIL1"})),
        (customer("HIL000001", "Hill", account="HIL2"), Decisions()),
    ],
    ids=["a code that a person gave", "BPO's account column"],
)
def test_a_code_that_no_account_is_to_get_is_no_reason(me: Customer, decisions: Decisions) -> None:
    books = MemoryBooks()
    books.add("HIL1", "Zebra")
    change = only(books, me, decisions=decisions, others=[customer("SAM001", "Samson", account="HIL2")])
    assert (change.action, len(change.reasons)) == (Action.REJECTED, 1)
    assert "holds 8" not in change.reasons[0]


@pytest.mark.parametrize(
    "bpo",
    [{"name": LONG_NAME}, {"vat_number": "4" * 16}, {"credit_limit": "12.345"}, {"credit_limit": "1000000.01"}],
    ids=str,
)
def test_a_linked_customer_is_rejected_where_the_system_cannot_hold_it(bpo: dict[str, str]) -> None:
    change = linked({**bpo, "phone": "2"}, {"phone": "1"}, {"phone": "1"})
    assert (change.action, change.fields, change.is_write) == (Action.REJECTED, (), False)


def test_a_code_too_long_rejects_no_customer_that_has_an_account() -> None:
    books = MemoryBooks()
    books.add("HIL1", "Hill")
    assert only(books, customer("HIL000001", "Hill"), link("HIL000001", "HIL1", name="Hill")).action is Action.SAME
    assert only(books, customer("HIL000001", "Hill", account="HIL1")).action is Action.SAME


def test_a_value_that_no_account_has_a_place_for_rejects_nobody() -> None:
    me = customer("HOP001", "Hopewell", credit_limit="12.345", vat_number="4" * 16)
    assert only(MemoryBooks(fields=("name", "phone")), me).action is Action.CREATE


def test_a_new_only_field_rejects_new_customers_only() -> None:
    books = MemoryBooks(fields=("name",), new_fields=("credit_limit",))
    books.add("HOP001", "Hopewell")
    two = [customer("HOP001", "Hopewell", credit_limit="12.345"), customer("SAM001", "Samson", credit_limit="12.345")]
    assert [change.action for change in plan_for(books, two).changes] == [Action.SAME, Action.REJECTED]


@pytest.mark.parametrize(
    ("field", "said", "why"),
    [
        ("phone", "12345678901", "10"),
        ("email", "a@b.c\r\nBcc: x", "line break"),
        ("phone", "031\x1b[2J", "control character"),
        ("vat_number", "40200\n82328", "line break"),
        ("terms", "14 Days", "terms"),
    ],
)
def test_what_cannot_be_held_elsewhere_is_held_with_the_reason_and_the_other_fields_go_on(
    field: str, said: str, why: str
) -> None:
    other = "email" if field == "phone" else "phone"
    change = linked({field: said, other: "2"}, {other: "1"}, {other: "1"})
    assert (change.action, verdicts(change)) == (Action.UPDATE, {field: HELD, other: WRITE})
    (reason,) = [reason for reason in change.reasons if reason.startswith(f"{field}: ")]
    assert why in reason


# Contradictions.


def two_sites(**values: tuple[str, str]) -> Customer:
    """Give a customer whose rows at Durban and Paarl say the one and the other."""
    said: list[dict[str, Any]] = [
        {"name": "Hopewell", **{name: pair[place] for name, pair in values.items()}} for place in (0, 1)
    ]
    (found,) = put_together([row("HOP001", site="Durban", **said[0]), row("HOP001", site="Paarl", **said[1])], BPO_FIELDS)
    return found


@pytest.mark.parametrize("is_linked", [True, False], ids=["linked", "new"])
@pytest.mark.parametrize(
    ("field", "durban", "paarl"),
    [
        ("phone", "031", "021"),
        ("name", "Hopewell", "Hopewel"),
        ("credit_limit", "1.00", "2.00"),
        ("vat_number", VAT, OTHER_VAT),
    ],
)
def test_rows_that_disagree_in_a_field_that_is_written_reject_with_what_each_says(
    field: str,
    durban: str,
    paarl: str,
    is_linked: bool,  # noqa: FBT001
) -> None:
    books = MemoryBooks()
    links = []
    if is_linked:
        books.add("HOP001", "Hopewell")
        links = [link("HOP001", "HOP001", name="Hopewell")]
    change = only(books, two_sites(**{field: (durban, paarl)}), *links)
    assert (change.action, change.is_write) == (Action.REJECTED, False)
    (reason,) = change.reasons
    assert reason.startswith(f"{field}: ")
    assert all(text in reason for text in ("Durban", durban, "Paarl", paarl))


@pytest.mark.parametrize("field", ["department", "department_name", "website", "registration", "type"])
def test_rows_that_disagree_in_a_field_that_is_not_written_reject_nobody(field: str) -> None:
    assert only(MemoryBooks(), two_sites(**{field: ("One", "Other")})).action is Action.CREATE


def test_rows_that_disagree_in_a_new_only_field_reject_new_customers_only() -> None:
    books = MemoryBooks(fields=("name",), new_fields=("phone",))
    me = two_sites(phone=("031", "021"))
    assert only(books, me).action is Action.REJECTED
    books.add("HOP001", "Hopewell")
    assert only(books, me).action is Action.SAME


@pytest.mark.parametrize("field", ["group", "category"])
def test_rows_that_disagree_in_the_type_reject_where_it_decides_the_group_of_a_new_account(field: str) -> None:
    books = MemoryBooks(new_fields=(field,), groups={"GV": "GOVERNMENT", "RT": "RETAIL"})
    assert only(books, two_sites(type=("GV", "RT"))).action is Action.REJECTED
    books.add("HOP001", "Hopewell")
    assert only(books, two_sites(type=("GV", "RT"))).action is Action.SAME


def test_a_customer_on_hold_at_one_site_only_has_its_hold_held() -> None:
    books = MemoryBooks(fields=("name", "hold"))
    books.add("HOP001", "Hopewell")
    change = only(books, two_sites(status=("Active", "Hold")))
    assert (change.action, verdicts(change)) == (Action.SAME, {"hold": HELD})


# Terms.


def test_terms_that_match_nothing_are_held_on_an_existing_account() -> None:
    change = linked({"terms": "14 Days"}, {"terms": "30D"}, {"terms": "30D"})
    assert (change.action, verdicts(change)) == (Action.SAME, {"terms": HELD})


def test_terms_that_match_nothing_are_named_once() -> None:
    books = MemoryBooks(defaults={"terms": "CASH"}, notes=("a note of the books",))
    books.add("HOP001", "Hopewell", terms="30D")
    customers = [customer("HOP001", "Hopewell", terms="14 Days")]
    customers += [customer(f"NEW{number}", f"New {number}", terms="14 Days") for number in range(5)]
    customers += [customer("SAM001", "Samson", terms="7 Days"), customer("ZEB001", "Zebra", terms="30 Days")]
    notes = plan_for(books, customers).notes
    assert notes[0] == "a note of the books"
    assert ["14 Days" in note for note in notes[1:]] == [True, False]
    assert "6 customers" in notes[1]
    assert "7 Days" in notes[2]
    assert "1 customer)" in notes[2]
    assert not any("30 Days" in note for note in notes)


def test_what_is_held_otherwise_is_no_matter_of_terms() -> None:
    assert plan_for(MemoryBooks(), [customer("HOP001", "Hopewell", phone="12345678901")]).notes == ()


def test_terms_that_match_nothing_and_no_default_leave_a_new_account_without() -> None:
    change = only(MemoryBooks(), customer("HOP001", "Hopewell", terms="14 Days"))
    assert (change.action, change.is_write, verdicts(change)["terms"]) == (Action.CREATE, True, HELD)


# Skipped.


@pytest.mark.parametrize(
    ("statuses", "sync_statuses", "action"),
    [
        (["Active"], None, Action.SAME),
        (["Hold"], None, Action.SAME),
        (["ACTIVE "], None, Action.SAME),
        (["Released"], None, Action.SKIPPED),
        (["New-CRM"], None, Action.SKIPPED),
        (["Inactive"], None, Action.SKIPPED),
        ([""], None, Action.SKIPPED),
        (["Released", "Active"], None, Action.SAME),
        (["Inactive", "Hold"], None, Action.SAME),
        (["Inactive", "Released"], None, Action.SKIPPED),
        (["Active"], ("Released",), Action.SKIPPED),
        (["released"], ("Released",), Action.SAME),
        (["Inactive"], ("Active", "Inactive"), Action.SAME),
    ],
    ids=str,
)
def test_a_customer_is_synchronised_if_any_of_its_rows_has_a_synchronised_status(
    statuses: list[str], sync_statuses: tuple[str, ...] | None, action: Action
) -> None:
    books = MemoryBooks()
    books.add("HOP001", "Hopewell")
    rows = [row("HOP001", "Hopewell", f"Site {place}", status=status) for place, status in enumerate(statuses)]
    (me,) = put_together(rows, BPO_FIELDS)
    change = only(books, me, choice=Choice() if sync_statuses is None else Choice(sync_statuses=sync_statuses))
    assert change.action is action
    assert any("status" in reason for reason in change.reasons) is (action is Action.SKIPPED)


def test_without_a_status_column_everyone_is_synchronised() -> None:
    (me,) = put_together([row("HOP001", "Hopewell", status="Released")], [name for name in BPO_FIELDS if name != "status"])
    assert only(MemoryBooks(), me).action is Action.CREATE


@pytest.mark.parametrize(
    ("me", "decisions"),
    [
        (customer("HOP001", "Hopewell", is_debtor="0"), Decisions()),
        (customer("HOP001", "Hopewell"), Decisions(ignored_customers=frozenset({"hop001"}))),
        (customer("HOP001", "Hopewell", status="Released"), Decisions()),
    ],
    ids=["no debtor", "ignored", "status"],
)
@pytest.mark.parametrize("links", [[], [link("HOP001", "HOP001", name="Hopewell", phone="1")]], ids=["unlinked", "linked"])
def test_who_is_skipped_is_neither_written_nor_linked(me: Customer, decisions: Decisions, links: list[Link]) -> None:
    books = MemoryBooks()
    books.add("HOP001", "Hopewell", phone="1")
    change = only(books, me, *links, decisions=decisions)
    assert (change.action, change.fields, change.link, change.is_write) == (Action.SKIPPED, (), None, False)


@pytest.mark.parametrize(
    ("me", "reason"),
    [
        (customer("HOP001", "Hopewell", is_debtor="0"), "no debtor"),
        (customer("HOP001", "Hopewell", status="Released"), "status Released is not synchronised"),
        (customer("HOP001", "Hopewell", status=" "), "status blank is not synchronised"),
    ],
    ids=["no debtor", "a status", "a blank status"],
)
def test_a_skipped_customer_tells_why(me: Customer, reason: str) -> None:
    assert only(MemoryBooks(), me).reasons == (reason,)


# The order of the actions.

IGNORED = Decisions(ignored_customers=frozenset({"hop001"}))
HERS = link("HOP001", "A1", name="Hopewell")


@pytest.mark.parametrize(
    ("me", "accounts", "links", "decisions", "action"),
    [
        (customer("HOP001", "Hopewell", status="Inactive"), ["A1"], [HERS], IGNORED, Action.SKIPPED),
        (customer("HOP001", "Hopewell", status="Inactive", is_debtor="0"), ["A1"], [HERS], None, Action.SKIPPED),
        (customer("HOP001", LONG_NAME), [], [], IGNORED, Action.SKIPPED),
        (customer("HOP001", "Hopewell"), [], [HERS], IGNORED, Action.SKIPPED),
        (customer("", "Hopewell", is_debtor="0"), [], [], None, Action.SKIPPED),
        (customer("HOP001", LONG_NAME, status="Released"), ["A1"], [HERS], None, Action.SKIPPED),
        (customer("HOP001", LONG_NAME, status="Inactive"), ["A1"], [HERS], None, Action.GONE),
        (customer("HOP001", "Hopewell", status="Inactive"), [], [HERS], None, Action.GONE),
        (customer("HOP001", LONG_NAME), [], [HERS], None, Action.REJECTED),
        (customer("HOP001", LONG_NAME), ["HOP001"], [], None, Action.REJECTED),
        (customer("HOP001", LONG_NAME), [], [], None, Action.REJECTED),
        (customer("HOP001", LONG_NAME, phone="2"), ["A1"], [HERS], None, Action.REJECTED),
        (customer("HOP001", "Hopewell"), ["HOP001"], [HERS], None, Action.MISSING),
        (customer("HOP001", "Hopewell"), ["HOP001"], [], None, Action.LOOKALIKE),
        (customer("HOP001", "Hopewell"), [], [], None, Action.CREATE),
    ],
    ids=[
        "skipped (ignored) before gone", "skipped (no debtor) before gone", "skipped (ignored) before rejected",
        "skipped (ignored) before missing", "skipped (no debtor) before rejected", "skipped (status) before rejected",
        "gone before rejected", "gone before missing", "rejected before missing", "rejected before lookalike",
        "rejected before create", "rejected before update", "missing before lookalike", "lookalike before create", "create",
    ],
)  # fmt: skip
def test_the_action_is_the_first_that_applies(
    me: Customer, accounts: list[str], links: list[Link], decisions: Decisions | None, action: Action
) -> None:
    books = MemoryBooks()
    for code in accounts:
        books.add(code, "Somebody")
    assert only(books, me, *links, decisions=decisions).action is action


def test_a_customer_that_a_person_ignored_is_skipped_also_when_it_is_no_longer_in_bpo() -> None:
    books = MemoryBooks()
    books.add("A1", "Hopewell")
    (change,) = plan_for(books, [], [HERS], IGNORED).changes
    assert change.action is Action.SKIPPED


def test_a_linked_customer_that_is_no_longer_in_bpo_is_gone_and_its_account_left() -> None:
    books = MemoryBooks()
    books.add("A1", "Hopewell")
    (change,) = plan_for(books, [], [HERS]).changes
    assert (change.code, change.name, change.account, change.action) == ("HOP001", "Hopewell", "A1", Action.GONE)
    assert (change.fields, change.is_write) == ((), False)
    assert "A1" in change.reasons[0]


def test_missing_and_lookalike_tell_why() -> None:
    books = MemoryBooks()
    books.add("Z9", "Samson")
    missing, lookalike = plan_for(books, [customer("HOP001", "Hopewell"), customer("SAM001", "Samson")], [HERS]).changes
    assert (missing.action, missing.account, lookalike.action) == (Action.MISSING, "A1", Action.LOOKALIKE)
    assert "A1" in missing.reasons[0]
    assert "Z9" in lookalike.reasons[0]
    assert (missing.is_write, lookalike.is_write) == (False, False)


# Whom a plan is for.

EVERYWHERE = [
    customer("DUR001", "Durban one", "Durban"),
    customer("PAA001", "Paarl one", "Paarl"),
    *put_together([row("TWO001", "At two", site) for site in ("Durban", "Paarl")], BPO_FIELDS),
]


@pytest.mark.parametrize(
    ("choice", "codes"),
    [
        (Choice(), ["DUR001", "PAA001", "TWO001"]),
        (Choice(sites=("Durban",)), ["DUR001", "TWO001"]),
        (Choice(sites=("Paarl",)), ["PAA001", "TWO001"]),
        (Choice(sites=("Durban", "Paarl")), ["DUR001", "PAA001", "TWO001"]),
        (Choice(customers=frozenset({"paa001"})), ["PAA001"]),
        (Choice(customers=frozenset({"paa001", "two001"})), ["PAA001", "TWO001"]),
        (Choice(sites=("Durban",), customers=frozenset({"paa001", "two001"})), ["TWO001"]),
        (Choice(sites=("Pretoria",)), []),
    ],
    ids=range(8),
)
def test_a_plan_is_for_the_chosen_customers(choice: Choice, codes: list[str]) -> None:
    plan = plan_for(MemoryBooks(), EVERYWHERE, choice=choice)
    assert [change.code for change in plan.changes] == codes
    assert plan.summary["create"] == len(codes)


@pytest.mark.parametrize(
    ("sites", "codes"),
    [(("Durban",), ["DUR9", "LOST9"]), (("Paarl",), ["LOST9", "PAA9"]), ((), ["DUR9", "LOST9", "PAA9"])],
)
def test_a_gone_customer_is_at_the_sites_where_it_was_last_listed(sites: tuple[str, ...], codes: list[str]) -> None:
    links = [link("DUR9", "D"), link("PAA9", "P", sites=("Paarl",)), link("LOST9", "L", sites=())]
    plan = plan_for(MemoryBooks(), [], links, choice=Choice(sites=sites))
    assert [(change.code, change.action) for change in plan.changes] == [(code, Action.GONE) for code in codes]


def test_who_is_known_at_another_site_is_not_taken_for_new() -> None:
    two = [customer("HOP001", "Hopewell", "Durban"), customer("hop001", "Hopewell", "Paarl")]
    (change,) = plan_for(MemoryBooks(), two, choice=Choice(sites=("Durban",))).changes
    assert change.action is Action.REJECTED


def test_an_account_of_a_customer_of_another_site_is_nobody_s_lookalike() -> None:
    books = MemoryBooks()
    books.add("PAA001", "Paarl one", vat_number=VAT)
    two = [customer("DUR001", "Durban one", "Durban", vat_number=VAT), customer("PAA001", "Paarl one", "Paarl", vat_number=VAT)]
    (change,) = plan_for(books, two, choice=Choice(sites=("Durban",))).changes
    assert change.action is Action.CREATE


def test_overwrite_is_for_the_chosen_customers_only() -> None:
    books = MemoryBooks()
    for code, name in (("DUR001", "Durban one"), ("PAA001", "Paarl one")):
        books.add(code, name, phone="2")
    customers = [customer("DUR001", "Durban one", "Durban", phone="1"), customer("PAA001", "Paarl one", "Paarl", phone="1")]
    plan = plan_for(books, customers, choice=Choice(customers=frozenset({"dur001"}), overwrite=True))
    assert [change.code for change in plan.writes] == ["DUR001"]


def test_accounting_s_only_are_of_the_whole_company() -> None:
    books = MemoryBooks()
    books.add("CASH", "Cash sales")
    plan = plan_for(books, EVERYWHERE, choice=Choice(sites=("Durban",)))
    assert [account.code for account in plan.accounting_only] == ["CASH"]


# The plan as a whole.


def test_a_plan_stands_in_the_order_of_the_codes() -> None:
    customers = [customer(code, f"Name {code}") for code in ("b2", "A3", "C1", "a1", "B1")]
    plan = plan_for(MemoryBooks(), customers, [link("a2", "Z")])
    assert [change.code for change in plan.changes] == ["a1", "a2", "A3", "B1", "b2", "C1"]


def test_a_summary_counts_every_action_by_name() -> None:
    books = MemoryBooks()
    books.add("SAM001", "Samson")
    customers = [customer("HOP001", "Hopewell"), customer("SAM001", "Samson"), customer("LON001", LONG_NAME)]
    plan = plan_for(books, customers, [link("OLD001", "OLD001")])
    assert plan.summary == {
        "skipped": 0, "gone": 1, "rejected": 1, "missing": 0, "lookalike": 0,
        "create": 1, "conflict": 0, "update": 0, "drift": 0, "same": 1,
    }  # fmt: skip
    assert list(summarise([])) == [action.value for action in Action]


@pytest.mark.parametrize("action", Action)
def test_conflict_lookalike_rejected_and_missing_need_a_person(action: Action) -> None:
    assert (action in ATTENTION) is (action.value in {"conflict", "lookalike", "rejected", "missing"})
    out_of_step = {"create", "update", "drift", "conflict", "lookalike", "rejected", "missing"}
    assert (action in OUT_OF_STEP) is (action.value in out_of_step)


@pytest.mark.parametrize(
    ("action", "verdicts_of", "writes"),
    [
        (Action.CREATE, [], True),
        (Action.CREATE, [HELD], True),
        (Action.UPDATE, [WRITE, DRIFT], True),
        (Action.CONFLICT, [CONFLICT], False),
        (Action.CONFLICT, [CONFLICT, WRITE], True),
        (Action.DRIFT, [DRIFT], False),
        (Action.SAME, [HELD], False),
    ],
    ids=str,
)
def test_a_change_writes_its_write_fields_and_only_those(action: Action, verdicts_of: list[Verdict], writes: bool) -> None:  # noqa: FBT001
    fields = tuple(FieldChange("phone", "1", "2", None, each) for each in verdicts_of)
    change = Change("HOP001", "Hopewell", "HOP001", action, fields=fields)
    assert change.is_write is writes
    assert {each.verdict for each in change.writes} <= {WRITE}


def test_making_a_plan_changes_nothing() -> None:
    books = MemoryBooks()
    books.add("HOP001", "Hopewell", phone="1")
    links = by_customer([link("HOP001", "HOP001", name="Hopewell")])
    before = list(books.accounts), dict(links)
    plan_for(books, [customer("HOP001", "Hopewell", phone="2"), customer("SAM001", "Samson")], links.values())
    assert (books.accounts, links) == before


def test_widths_are_the_books_own() -> None:
    me = customer("HIL000001", LONG_NAME, phone="12345678901")
    wide = MemoryBooks(widths={**WIDTHS, "code": 20, "name": 60, "phone": 11})
    assert (only(wide, me).action, only(MemoryBooks(), me).action) == (Action.CREATE, Action.REJECTED)
