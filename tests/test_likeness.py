"""Who might be who: names alike and what two sides have in common, for people to judge by. Whatever stands in a name."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bposync.review.likeness import MOST, Candidate, Likeness, Profile, folded_names

ALIKE = [
    ("Acacia Engineering (Pty) Ltd", "ACACIA ENGINEERING"),
    ("Acacia Engineering (Edms) Bpk", "Acacia Engineering Proprietary Limited"),
    ("Smith & Sons CC", "Smith and Sons"),
    ("Smith en Seuns BK", "SMITH & SEUNS"),
    ("Müller Bäckerei", "Muller Backerei"),
    ("Botha, J.P.", "J P Botha"),
    ("Vaal Valves", "Vaal Valvse"),
    ("Dube Trading t/a Sunrise Bakery", "Sunrise Bakery"),
    ("Dube Trading T / A Sunrise Bakery", "Dube Trading (Pty) Ltd"),
    ("Dube trading as Sunrise", "Sunrise CC"),
    ("Bäckerei Ｍüller", "Backerei Muller"),  # noqa: RUF001 - a wide letter
]
UNLIKE = [
    ("Acacia Engineering", "Zebra Print"),
    ("The Limited", "Proprietary CC"),
    ("North West Branch", "Quest Legal Inc"),
    ("", ""),
    ("...", "!!!"),
]


def found(mine: Profile, *theirs: Profile) -> list[Candidate]:
    return Likeness(theirs).best(mine)


def named(name: str, place: int = 0, **values: Any) -> Profile:
    return Profile(place, f"C{place}", name, **values)


@pytest.mark.parametrize(("mine", "theirs"), ALIKE)
def test_names_that_people_take_for_one_are_alike_both_ways(mine: str, theirs: str) -> None:
    for one, other in ((mine, theirs), (theirs, mine)):
        (candidate,) = found(named(one, -1), named(other))
        assert candidate.evidence[0].startswith(("same name", "name alike"))


@pytest.mark.parametrize(("mine", "theirs"), UNLIKE)
def test_names_that_have_nothing_in_common_are_not_alike(mine: str, theirs: str) -> None:
    assert [each.evidence for each in found(named(mine, -1), named(theirs))] in ([], [("same name",)])


@pytest.mark.parametrize(
    ("mine", "theirs", "evidence"),
    [
        ({"phones": ("031 123 4567",)}, {"phones": ("+27 (31) 123-4567",)}, "same telephone"),
        ({"phones": ("0311234567",)}, {"phones": ("", "27311234567")}, "same telephone"),
        ({"email": " A@B.example "}, {"email": "a@b.EXAMPLE"}, "same e-mail"),
        ({"vat_number": "4-123 456 789"}, {"vat_number": "4123456789"}, "same VAT number"),
        ({"vat_number": "123456789"}, {"vat_number": "123456789"}, None),
        ({"phones": ("000 000 0000",)}, {"phones": ("0000000000",)}, None),
        ({"phones": ("12345678",)}, {"phones": ("12345678",)}, None),
    ],
)
def test_what_both_have_is_evidence_where_it_tells_anybody_apart(
    mine: dict[str, Any], theirs: dict[str, Any], evidence: str | None
) -> None:
    candidates = found(named("Aaaa", -1, **mine), named("Zzzz", **theirs))
    assert [each.evidence for each in candidates] == ([(evidence,)] if evidence else [])


def test_an_address_that_many_share_is_no_evidence() -> None:
    shared = [named(f"{letter * 9}", place, email="books@keeper.example") for place, letter in enumerate("bcde")]
    assert found(named("aaaaa", -1, email="books@keeper.example"), *shared) == []
    assert len(found(named("aaaaa", -1, email="books@keeper.example"), *shared[:3])) == 3


def test_the_likeliest_comes_first_and_no_more_than_three_are_shown() -> None:
    candidates = found(
        named("Vaal Valves", -1, vat_number="4123456789", phones=("0311234567",)),
        named("Vaal Valvez", 1),
        named("Else", 2, vat_number="4123456789", phones=("0311234567",)),
        named("Vaal Valves", 3),
        named("Other", 4, phones=("0311234567",)),
    )
    assert [each.place for each in candidates] == [2, 3, 1]
    assert candidates[0].evidence == ("same VAT number", "same telephone")


def test_the_order_in_which_accounts_are_read_changes_nothing() -> None:
    profiles = [named("Vaal Valves", place) for place in range(6)]
    forth, back = (found(named("Vaal Valves", -1), *order) for order in (profiles, profiles[::-1]))
    assert [each.place for each in forth] == [each.place for each in back] == [0, 1, 2]


@given(st.lists(st.text(max_size=40), min_size=1, max_size=12), st.text(max_size=40))
@settings(max_examples=60, deadline=None)
def test_nothing_in_a_name_stops_it(names: list[str], mine: str) -> None:
    candidates = found(named(mine, -1), *(named(name, place) for place, name in enumerate(names)))
    assert len(candidates) <= MOST
    assert all(each.evidence and 0 <= each.place < len(names) for each in candidates)


@given(st.text(max_size=60))
@settings(max_examples=100, deadline=None)
def test_a_folded_name_folds_to_itself_and_is_found_by_its_own(name: str) -> None:
    for folded in folded_names(name):
        assert folded_names(folded) in ((folded,), ()) or " " in folded
        assert folded_names(name.swapcase())
    if folded_names(name):
        assert found(named(name, -1), named(name))


@pytest.mark.parametrize("name", ["\ud800 Trading", "a\0b Trading", "x" * 40_000, "\u202e\u200b Trading", "t/a", "&", " and "])
def test_hostile_names_are_compared_like_others(name: str) -> None:
    assert len(found(named(name, -1), named(name), named("Zebra", 1))) <= 2
