"""BPO's rows become customers: the rows of several sites put together, and the sites that a command is for."""

from __future__ import annotations

from decimal import Decimal
from itertools import permutations
from typing import TYPE_CHECKING

import pytest

from bposync.bpo import choose_sites, customers
from bposync.errors import ExitCode, UsageError
from bposync.fields import BPO_FIELDS
from support.books import row

if TYPE_CHECKING:
    from bposync.records import Customer, Row

WITHOUT_STATUS = tuple(name for name in BPO_FIELDS if name != "status")
WITHOUT_DEBTOR = tuple(name for name in BPO_FIELDS if name != "is_debtor")


def one(*rows: Row) -> Customer:
    (customer,) = customers(rows, BPO_FIELDS)
    return customer


def contradicted(customer: Customer) -> list[str]:
    return [contradiction.field for contradiction in customer.contradictions]


# Rows put together.


def test_a_customer_is_one_however_many_sites_list_it() -> None:
    found = customers(
        [
            row("HOP001", "Hopewell", "Durban"),
            row("SAM001", "Samson", "Durban"),
            row("HOP001", "Hopewell", "Cape Town"),
            row("HOP001", "Hopewell", "Pretoria"),
        ],
        BPO_FIELDS,
    )
    assert [(customer.code, customer.name) for customer in found] == [("HOP001", "Hopewell"), ("SAM001", "Samson")]
    assert set(found[0].sites) == {"Durban", "Cape Town", "Pretoria"}
    assert found[1].sites == ("Durban",)


def test_rows_that_agree_contradict_nothing() -> None:
    found = one(row("HOP001", "Hopewell", "Durban", phone="031"), row("HOP001", "Hopewell", "Cape Town", phone=" 031 "))
    assert found.contradictions == ()
    assert found.text("phone") == "031"


@pytest.mark.parametrize("field", ["department", "department_name", "status", "site"])
def test_department_status_and_site_may_differ_from_site_to_site(field: str) -> None:
    values = {"site": "Durban", field: "One"}, {"site": "Durban", field: "Other"}
    assert one(row("HOP001", "Hopewell", **values[0]), row("HOP001", "Hopewell", **values[1])).contradictions == ()


@pytest.mark.parametrize(
    "field", [name for name in BPO_FIELDS if name not in {"code", "site", "department", "department_name", "status"}]
)
def test_rows_that_disagree_in_another_field_contradict_each_other(field: str) -> None:
    values = {"credit_limit": ("100", "200"), "is_debtor": ("1", "0")}.get(field, ("One", "Other"))
    found = one(
        row("HOP001", **{"name": "H", "site": "Durban", field: values[0]}),
        row("HOP001", **{"name": "H", "site": "Paarl", field: values[1]}),
    )
    assert contradicted(found) == [field]


def test_a_contradiction_names_what_each_site_says() -> None:
    found = one(
        row("HOP001", "Hopewell", "Durban", phone="031", credit_limit="100"),
        row("HOP001", "Hopewell", "Cape Town", phone="021", credit_limit="100.00"),
        row("HOP001", "Hopewell", "Pretoria", phone="", credit_limit=None),
    )
    said = {contradiction.field: set(contradiction.said) for contradiction in found.contradictions}
    assert said == {
        "phone": {("Durban", "031"), ("Cape Town", "021"), ("Pretoria", "")},
        "credit_limit": {("Durban", "100.00"), ("Cape Town", "100.00"), ("Pretoria", "")},
    }


@pytest.mark.parametrize(
    ("field", "one_says", "other_says"),
    [
        ("credit_limit", "100", Decimal("100.00")),
        ("credit_limit", "", None),
        ("is_debtor", "yes", 1),
        ("phone", "031  ", "031"),
        ("phone", None, ""),
    ],
)
def test_the_same_value_in_other_words_contradicts_nothing(field: str, one_says: object, other_says: object) -> None:
    rows = [row("HOP001", "H", "Durban", **{field: one_says}), row("HOP001", "H", "Paarl", **{field: other_says})]
    assert one(*rows).contradictions == ()


def test_a_field_without_a_column_contradicts_nothing() -> None:
    rows = [row("HOP001", "H", "Durban", phone="1"), row("HOP001", "H", "Paarl", phone="2")]
    (found,) = customers(rows, [name for name in BPO_FIELDS if name != "phone"])
    assert found.contradictions == ()


def test_a_value_that_cannot_be_read_is_named_once_with_its_field() -> None:
    rows = [row("HOP001", "H", site, credit_limit="1,5", is_debtor="ja") for site in ("Durban", "Paarl")]
    assert [field for field, _ in one(*rows).problems] == ["credit_limit", "is_debtor"]
    assert [("1,5" in why, "ja" in why) for _, why in one(*rows).problems] == [(True, False), (False, True)]


def test_a_value_that_one_site_cannot_say_is_a_problem_wherever_the_row_stands() -> None:
    rows = [row("HOP001", "H", "Durban", credit_limit="100"), row("HOP001", "H", "Paarl", credit_limit="100.005")]
    for order in permutations(rows):
        assert [field for field, _ in one(*order).problems] == ["credit_limit"]


@pytest.mark.parametrize(
    ("first", "second"), [("HOP001", "hop001"), ("Hop001", "HOP001"), ("M\u00fc1", "Mu\u03081")], ids=ascii
)
def test_codes_that_fall_together_are_two_customers_with_one_key(first: str, second: str) -> None:
    found = customers([row(first, "One"), row(second, "Other")], BPO_FIELDS)
    assert [customer.code for customer in found] == [first, second]
    assert found[0].key == found[1].key


def test_outer_blanks_make_no_other_customer() -> None:
    (found,) = customers([row("HOP001", "H", "Durban"), row(" HOP001  ", "H", "Paarl")], BPO_FIELDS)
    assert found.code == "HOP001"


@pytest.mark.parametrize("code", ["", "   ", "\u00a0"], ids=ascii)
def test_every_row_without_a_code_is_a_customer_of_its_own(code: str) -> None:
    rows = [row(code, "One", "Durban"), row(code, "One", "Paarl"), row("HOP001", "Hopewell")]
    found = customers(rows, BPO_FIELDS)
    assert sorted((customer.key, customer.name, customer.sites) for customer in found) == [
        ("", "One", ("Durban",)),
        ("", "One", ("Paarl",)),
        ("hop001", "Hopewell", ("Durban",)),
    ]


def test_nobody_is_listed_where_there_are_no_rows() -> None:
    assert customers([], BPO_FIELDS) == []


def test_every_row_s_status_is_kept() -> None:
    found = one(row("HOP001", "H", "Durban", status="Active"), row("HOP001", "H", "Paarl", status="Inactive"))
    assert sorted(found.statuses) == ["Active", "Inactive"]


def test_without_a_status_column_nobody_has_one() -> None:
    (found,) = customers([row("HOP001", "H", status="Inactive")], WITHOUT_STATUS)
    assert found.statuses == ()


@pytest.mark.parametrize(
    ("flags", "is_debtor"),
    [
        (["1"], True),
        (["0"], False),
        ([None], False),
        (["1", "1"], True),
        (["0", "0"], False),
        (["ja"], False),
    ],
    ids=ascii,
)
def test_a_debtor_is_who_bpo_calls_one(flags: list[object], is_debtor: bool) -> None:  # noqa: FBT001
    rows = [row("HOP001", "H", f"Site {place}", is_debtor=flag) for place, flag in enumerate(flags)]
    assert one(*rows).is_debtor is is_debtor


def test_without_a_debtor_column_everyone_is_one() -> None:
    (found,) = customers([row("HOP001", "H", is_debtor="0")], WITHOUT_DEBTOR)
    assert found.is_debtor


@pytest.mark.parametrize("what", ["name", "phone", "account", "type"])
def test_the_order_of_a_customer_s_rows_changes_nothing(what: str) -> None:
    rows = [
        row("HOP001", **{"name": "H", "site": "Durban", what: "One"}),
        row("HOP001", **{"name": "H", "site": "Cape Town", what: "Other"}),
        row("HOP001", **{"name": "H", "site": "Pretoria", what: "One"}),
    ]
    first, *others = [one(*order) for order in permutations(rows)]
    assert all(other == first for other in others)


def test_the_order_of_the_sites_changes_nothing() -> None:
    rows = [row("HOP001", "H", site) for site in ("Durban", "Cape Town", "Pretoria")]
    assert len({one(*order).sites for order in permutations(rows)}) == 1


# The sites of a command.

SITES = ["Cape Town", "Durban", "Johannesburg Depot", "(none)"]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ([], ()),
        (["Durban"], ("Durban",)),
        (["durban"], ("Durban",)),
        (["DURBAN"], ("Durban",)),
        ([" Durban "], ("Durban",)),
        (["cape town", "Durban"], ("Cape Town", "Durban")),
        (["Durban", "Cape Town"], ("Durban", "Cape Town")),
        (["Durban", "durban", "DURBAN"], ("Durban",)),
        (["(none)"], ("(none)",)),
    ],
)
def test_a_site_is_found_without_regard_to_case_as_bpo_writes_it(wanted: list[str], found: tuple[str, ...]) -> None:
    assert choose_sites(wanted, SITES) == found


@pytest.mark.parametrize(
    ("wanted", "near"),
    [("Durbn", "Durban"), ("durbn", "Durban"), ("CapeTown", "Cape Town"), ("Johannesburg", "Johannesburg Depot")],
)
def test_an_unknown_site_is_an_error_that_names_the_nearest_and_lists_the_sites(wanted: str, near: str) -> None:
    with pytest.raises(UsageError) as raised:
        choose_sites(["Durban", wanted], SITES)
    assert raised.value.code == ExitCode.USAGE
    assert f"'{wanted}'" in raised.value.message
    assert raised.value.hint is not None
    assert raised.value.hint.startswith(f"Did you mean '{near}'?")
    assert all(site in raised.value.hint for site in SITES)


@pytest.mark.parametrize("wanted", ["Xyzzy", "", "   "])
def test_a_site_that_is_like_none_is_an_error_that_lists_them_once(wanted: str) -> None:
    with pytest.raises(UsageError) as raised:
        choose_sites([wanted], SITES)
    assert raised.value.hint is not None
    assert [raised.value.hint.count(site) for site in SITES] == [1, 1, 1, 1]


def test_an_unknown_site_is_told_with_the_place_that_names_it() -> None:
    with pytest.raises(UsageError, match=r"^\[bpo\] sites: there is no site 'Paarl'"):
        choose_sites(["Paarl"], SITES, "[bpo] sites")


def test_a_bpo_without_sites_is_told_so() -> None:
    with pytest.raises(UsageError) as raised:
        choose_sites(["Durban"], [])
    assert raised.value.hint == "BPO lists no sites."


def test_a_wanted_site_is_shown_without_what_acts_on_a_terminal() -> None:
    with pytest.raises(UsageError) as raised:
        choose_sites(["Dur\x1b[2Jban"], SITES)
    assert "\x1b" not in raised.value.message + str(raised.value.hint)
