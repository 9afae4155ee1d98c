"""Who is who: every rule by which a customer and an account are paired, or are not."""

from __future__ import annotations

from itertools import permutations

import pytest

from bposync.bpo import customers as put_together
from bposync.fields import BPO_FIELDS
from bposync.match import is_inactive, match
from bposync.records import Account, Customer, Decisions, Link, Matching, Pairing, PairingKind
from support.books import account, by_customer, customer, link, row

PAIRED, MISSING, LOOKALIKE, NEW, REJECTED = PairingKind
VAT, OTHER_VAT = "4020082328", "4020099999"


def look(
    customers: list[Customer],
    accounts: list[Account],
    links: list[Link] | None = None,
    decisions: Decisions | None = None,
) -> Matching:
    return match(customers, accounts, by_customer(links or []), decisions)


def pairing_of(
    code: str,
    customers: list[Customer],
    accounts: list[Account],
    links: list[Link] | None = None,
    decisions: Decisions | None = None,
) -> Pairing:
    (found,) = [
        pairing
        for pairing in look(customers, accounts, links, decisions).pairings
        if pairing.customer is not None and pairing.customer.code == code
    ]
    return found


def who(matching: Matching) -> dict[str, tuple[PairingKind, str]]:
    """Give every customer's pairing: its kind and the account's key."""
    return {
        (pairing.customer.code if pairing.customer else f"gone {pairing.link.customer if pairing.link else ''}"): (
            pairing.kind,
            pairing.account.key if pairing.account else "",
        )
        for pairing in matching.pairings
    }


def nobody_s(matching: Matching) -> list[str]:
    return [account.code for account in matching.accounting_only]


# First by the link.


def test_a_link_pairs_whatever_code_and_name_say() -> None:
    pairing = pairing_of("HOP001", [customer("HOP001", "Hopewell")], [account("Z9", "Zebra")], [link("HOP001", "Z9")])
    assert (pairing.kind, pairing.account) == (PAIRED, account("Z9", "Zebra"))


def test_a_link_comes_before_equal_code_and_name() -> None:
    accounts = [account("HOP001", "Hopewell"), account("Z9", "Hopewell")]
    found = look([customer("HOP001", "Hopewell")], accounts, [link("HOP001", "Z9")])
    assert who(found) == {"HOP001": (PAIRED, "kZ9")}


def test_a_link_comes_before_bpo_s_account_column() -> None:
    accounts = [account("A1", "Hopewell"), account("Z9", "Zebra")]
    found = look([customer("HOP001", "Hopewell", account="A1")], accounts, [link("HOP001", "Z9")])
    assert who(found) == {"HOP001": (PAIRED, "kZ9")}


def test_a_link_is_its_customer_s_without_regard_to_case() -> None:
    found = look([customer("hop001", "Hopewell")], [account("Z9")], [link("HOP001", "Z9")])
    assert who(found) == {"hop001": (PAIRED, "kZ9")}


def test_an_account_renamed_in_accounting_stays_linked() -> None:
    found = look(
        [customer("HOP001", "Hopewell")], [account("NEW9", "Another name", key="7")], [link("HOP001", "HOP001", key="7")]
    )
    assert who(found) == {"HOP001": (PAIRED, "7")}


@pytest.mark.parametrize(
    ("code", "name", "vat_number", "kind"),
    [
        ("NEW9", "Somebody else", "", MISSING), ("NEW9", "Somebody else", "4999999999", MISSING),
        ("NEW9", "HOPEWELL", "", PAIRED), ("NEW9", "Hopewell Trading", "", PAIRED), ("hop001", "Somebody else", "", PAIRED),
        ("NEW9", "Somebody else", "4 123 456 789", PAIRED),
    ],
)  # fmt: skip
def test_a_key_that_somebody_else_s_account_has_now_is_no_longer_the_customer_s(
    code: str, name: str, vat_number: str, kind: PairingKind
) -> None:
    """The customer is called Hopewell Trading now; the account was Hopewell when they last agreed."""
    accounts = [account(code, name, key="7", vat_number=vat_number)]
    known = link("HOP001", "HOP001", key="7", name="Hopewell", vat_number="4123456789")
    assert pairing_of("HOP001", [customer("HOP001", "Hopewell Trading")], accounts, [known]).kind is kind


def test_the_system_s_own_key_comes_before_the_code() -> None:
    accounts = [account("HOP001", "Hopewell", key="8"), account("OLD001", "Hopewell", key="7")]
    found = look([customer("HOP001", "Hopewell")], accounts, [link("HOP001", "HOP001", key="7")])
    assert who(found) == {"HOP001": (PAIRED, "7")}


def test_a_code_that_came_back_under_another_key_is_another_account() -> None:
    accounts = [account("HOP001", "Hopewell", key="8")]
    pairing = pairing_of("HOP001", [customer("HOP001", "Hopewell")], accounts, [link("HOP001", "HOP001", key="7")])
    assert (pairing.kind, pairing.account) == (MISSING, None)
    assert pairing.reasons == ("account HOP001 is another one now: it came back under another key",)


@pytest.mark.parametrize("code", ["HOP001", "hop001", " HOP001 "])
def test_without_a_key_of_the_system_s_a_link_goes_by_the_code(code: str) -> None:
    found = look([customer("C1", "Hopewell")], [account(code, "Zebra", key="")], [link("C1", "HOP001", key="")])
    assert found.pairings[0].kind is PAIRED
    assert found.pairings[0].account == account(code, "Zebra", key="")


def test_a_link_by_code_pairs_with_neither_of_two_accounts_that_share_it() -> None:
    accounts = [account("HOP001", "Hopewell", key=""), account("hop001", "Hopewell", key="")]
    pairing = pairing_of("C1", [customer("C1", "Hopewell")], accounts, [link("C1", "HOP001", key="")])
    assert (pairing.kind, pairing.account, pairing.reasons) == (MISSING, None, ("2 accounts have the code HOP001",))


# Then by BPO's own account column.


def test_the_account_column_pairs_whatever_code_and_name_say() -> None:
    found = look([customer("HOP001", "Hopewell", account="A1")], [account("A1", "Zebra")])
    assert who(found) == {"HOP001": (PAIRED, "kA1")}


def test_the_account_column_comes_before_equal_code_and_name() -> None:
    found = look([customer("HOP001", "Hopewell", account="A1")], [account("HOP001", "Hopewell"), account("A1", "Zebra")])
    assert who(found) == {"HOP001": (PAIRED, "kA1")}


@pytest.mark.parametrize("written", ["a1", " A1 ", "A1\u00a0"], ids=ascii)
def test_the_account_column_is_read_without_regard_to_case_and_outer_blanks(written: str) -> None:
    assert who(look([customer("HOP001", "Hopewell", account=written)], [account("A1", "Zebra")])) == {"HOP001": (PAIRED, "kA1")}


def test_a_blank_account_column_leaves_it_to_code_and_name() -> None:
    found = look([customer("HOP001", "Hopewell", account=" ")], [account("HOP001", "Hopewell"), account("", "Nameless")])
    assert who(found) == {"HOP001": (PAIRED, "kHOP001")}


def test_an_account_column_that_names_no_account_leaves_it_to_code_and_name() -> None:
    found = look([customer("HOP001", "Hopewell", account="A1")], [account("HOP001", "Hopewell")])
    assert who(found) == {"HOP001": (PAIRED, "kHOP001")}


def test_an_account_that_does_not_exist_yet_is_made_under_the_code_of_the_account_column() -> None:
    pairing = pairing_of("HOP001", [customer("HOP001", "Hopewell", account="A1")], [])
    assert (pairing.kind, pairing.new_code) == (NEW, "A1")


@pytest.mark.parametrize("order", list(permutations(range(2))), ids=str)
def test_an_account_that_bpo_gives_to_two_customers_is_neither_s(order: tuple[int, ...]) -> None:
    two = [customer("ONE", "One", account="A1"), customer("TWO", "Two", account="a1")]
    found = look([two[place] for place in order], [account("A1", "One")])
    assert who(found) == {"ONE": (REJECTED, ""), "TWO": (REJECTED, "")}
    reasons = {pairing.customer.code: pairing.reasons for pairing in found.pairings if pairing.customer}
    assert reasons == {
        "ONE": ("account: BPO gives A1 to customer TWO too",),
        "TWO": ("account: BPO gives a1 to customer ONE too",),
    }


def test_an_account_that_bpo_gives_to_one_customer_and_the_journal_to_another_stays_the_linked_one_s() -> None:
    two = [customer("ONE", "One", account="A1"), customer("TWO", "Two")]
    found = look(two, [account("A1", "One")], [link("TWO", "A1")])
    assert who(found) == {"ONE": (REJECTED, ""), "TWO": (PAIRED, "kA1")}


def test_the_account_column_pairs_with_neither_of_two_accounts_that_share_a_code() -> None:
    accounts = [account("A1", "Zebra", key="1"), account("a1", "Zebra", key="2")]
    assert pairing_of("HOP001", [customer("HOP001", "Hopewell", account="A1")], accounts).account is None


# Then by equal code and equal name.


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("HOP001", "Hopewell Industries (Pty) Ltd"),
        ("hop001", "HOPEWELL INDUSTRIES (PTY) LTD"),
        (" HOP001 ", "Hopewell Industries Pty Ltd."),
        ("HOP001", "Hopewell-Industries  (PTY) LTD"),
    ],
)
def test_equal_code_and_equal_name_pair(code: str, name: str) -> None:
    pairing = pairing_of("HOP001", [customer("HOP001", "Hopewell Industries (Pty) Ltd")], [account(code, name)])
    assert (pairing.kind, pairing.account, pairing.link) == (PAIRED, account(code, name), None)


@pytest.mark.parametrize(
    ("code", "name"),
    [("HOP001", "Hope"), ("HOP002", "Hopewell"), ("HOP-001", "Hopewell"), ("HOP001", ""), ("", "Hopewell")],
)
def test_code_alone_and_name_alone_do_not_pair(code: str, name: str) -> None:
    pairing = pairing_of("HOP001", [customer("HOP001", "Hopewell")], [account(code, name)])
    assert (pairing.kind, pairing.account) == (LOOKALIKE, None)


def test_of_two_accounts_with_its_code_a_customer_has_the_one_with_its_name() -> None:
    accounts = [account("HOP001", "Zebra", key="1"), account("HOP001", "Hopewell", key="2")]
    assert who(look([customer("HOP001", "Hopewell")], accounts)) == {"HOP001": (PAIRED, "2")}


def test_where_the_code_is_all_that_tells_accounts_apart_one_that_shares_its_code_waits_for_a_person() -> None:
    accounts = [account("HOP001", "Hopewell", key=""), account("HOP001", "Zebra", key="")]
    assert who(look([customer("HOP001", "Hopewell")], accounts)) == {"HOP001": (LOOKALIKE, "")}


def test_two_accounts_with_its_code_and_name_wait_for_a_person() -> None:
    accounts = [account("HOP001", "Hopewell", key="1"), account("hop001", "HOPEWELL", key="2")]
    assert who(look([customer("HOP001", "Hopewell")], accounts)) == {"HOP001": (LOOKALIKE, "")}


def test_an_account_that_is_linked_to_another_customer_is_not_paired_by_code_and_name() -> None:
    two = [customer("HOP001", "Hopewell"), customer("SAM001", "Samson")]
    found = look(two, [account("HOP001", "Hopewell")], [link("SAM001", "HOP001")])
    assert who(found) == {"HOP001": (REJECTED, ""), "SAM001": (PAIRED, "kHOP001")}
    assert "SAM001" in found.pairings[0].reasons[0]


def test_everybody_else_is_new_under_the_own_code() -> None:
    pairing = pairing_of(
        "HOP001", [customer("HOP001", "Hopewell", vat_number=VAT)], [account("Z9", "Zebra", vat_number=OTHER_VAT)]
    )
    assert (pairing.kind, pairing.new_code, pairing.account) == (NEW, "HOP001", None)


# Lookalikes.


@pytest.mark.parametrize(
    ("other", "evidence"),
    [
        (account("HOP001", "Zebra"), "the code"),
        (account("hop001", "Zebra"), "the code"),
        (account("Z9", "Hopewell"), "the name"),
        (account("Z9", "HOPE-WELL."), "the name"),
        (account("Z9", "Zebra", vat_number=VAT), "the VAT number"),
        (account("Z9", "Zebra", vat_number="402 008 2328"), "the VAT number"),
        (account("Z9", "Zebra", vat_number="ZA4020082328"), "the VAT number"),
        (account("Z9", "Hopewell", vat_number=VAT), "the name and the VAT number"),
        (account("HOP001", "Zebra", vat_number=VAT), "the code and the VAT number"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.code,
)
def test_an_account_with_its_code_name_or_vat_number_looks_like_the_customer(other: Account, evidence: str) -> None:
    pairing = pairing_of("HOP001", [customer("HOP001", "Hopewell", vat_number=VAT)], [other])
    assert (pairing.kind, pairing.account) == (LOOKALIKE, None)
    assert pairing.reasons == (f"account {other.code} ({other.name}) has {evidence}",)


@pytest.mark.parametrize("number", ["402008232", "402-008-232", "exempt", "0", ""])
def test_a_vat_number_below_ten_digits_looks_like_nobody(number: str) -> None:
    pairing = pairing_of(
        "HOP001", [customer("HOP001", "Hopewell", vat_number=number)], [account("Z9", "Zebra", vat_number=number)]
    )
    assert pairing.kind is NEW


def test_blank_names_look_like_nobody() -> None:
    assert pairing_of("HOP001", [customer("HOP001", "")], [account("Z9", "")]).kind is NEW


@pytest.mark.parametrize("other_s_name", ["Spar", "SPAR.", "S p a r"])
def test_a_name_that_several_customers_have_looks_like_nobody(other_s_name: str) -> None:
    two = [customer("SPA001", "Spar"), customer("SPA002", other_s_name)]
    assert who(look(two, [account("Z9", "Spar")])) == {"SPA001": (NEW, ""), "SPA002": (NEW, "")}


def test_a_shared_name_does_not_keep_code_or_vat_number_from_counting() -> None:
    two = [customer("SPA001", "Spar"), customer("SPA002", "Spar", vat_number=VAT)]
    found = look(two, [account("SPA001", "Zebra"), account("Z9", "Spar", vat_number=VAT)])
    assert who(found) == {"SPA001": (LOOKALIKE, ""), "SPA002": (LOOKALIKE, "")}


def test_several_sites_of_one_customer_are_not_several_customers_of_one_name() -> None:
    two_sites = put_together([row("SPA001", "Spar", "Durban"), row("SPA001", "Spar", "Paarl")], BPO_FIELDS)
    assert pairing_of("SPA001", two_sites, [account("Z9", "Spar")]).kind is LOOKALIKE


@pytest.mark.parametrize(
    ("holder", "links"),
    [
        (customer("HOL001", "Holder"), [link("HOL001", "Z9")]),
        (customer("HOL001", "Holder", account="Z9"), []),
        (customer("Z9", "Zebra"), []),
    ],
    ids=["by its link", "by the account column", "by code and name"],
)
def test_an_account_that_somebody_has_looks_like_nobody(holder: Customer, links: list[Link]) -> None:
    me = customer("HOP001", "Hopewell", vat_number=VAT)
    assert pairing_of("HOP001", [me, holder], [account("Z9", "Zebra", vat_number=VAT)], links).kind is NEW


@pytest.mark.parametrize(
    "other",
    [account("HOP001", "Zebra"), account("Z9", "Hopewell"), account("Z9", "Zebra", vat_number=VAT)],
    ids=["code", "name", "VAT number"],
)
@pytest.mark.parametrize("gone", ["no longer in BPO", "Inactive"])
def test_an_account_whose_customer_is_gone_still_looks_like_somebody(other: Account, gone: str) -> None:
    customers = [customer("HOP001", "Hopewell", vat_number=VAT)]
    if gone == "Inactive":
        customers.append(customer("OLD001", "Old", status="Inactive"))
    pairing = pairing_of("HOP001", customers, [other], [link("OLD001", other.code)])
    assert (pairing.kind, pairing.account) == (LOOKALIKE, None)


def test_an_account_is_not_taken_from_a_gone_customer_unasked() -> None:
    found = look([customer("HOP001", "Hopewell")], [account("HOP001", "Hopewell")], [link("OLD001", "HOP001")])
    assert who(found) == {"HOP001": (LOOKALIKE, ""), "gone OLD001": (PAIRED, "kHOP001")}


@pytest.mark.parametrize("order", list(permutations(range(2))), ids=str)
@pytest.mark.parametrize("gone", ["no longer in BPO", "Inactive"])
def test_an_account_of_a_gone_customer_s_that_a_person_linked_to_another_is_that_one_s(
    gone: str, order: tuple[int, ...]
) -> None:
    two = [customer("NEW001", "New"), customer("OLD001", "Old", status="Inactive")]
    customers = [two[place] for place in order if gone == "Inactive" or place == 0]
    pairing = pairing_of("NEW001", customers, [account("A1", "Old")], [link("OLD001", "A1"), link("NEW001", "A1")])
    assert (pairing.kind, pairing.account) == (PAIRED, account("A1", "Old"))


@pytest.mark.parametrize("gone", ["no longer in BPO", "Inactive"])
@pytest.mark.parametrize("code", ["AAA001", "ZZZ001"])
def test_an_account_that_came_from_a_gone_customer_to_another_looks_like_nobody_any_more(code: str, gone: str) -> None:
    customers = [customer("NEW001", "New"), customer("SAM001", "Samson", vat_number=VAT)]
    if gone == "Inactive":
        customers.append(customer(code, "Old", status="Inactive"))
    accounts = [account("A1", "Old", vat_number=VAT)]
    assert pairing_of("SAM001", customers, accounts, [link(code, "A1"), link("NEW001", "A1")]).kind is NEW


def test_an_account_may_look_like_several_customers() -> None:
    two = [customer("HOP001", "Hopewell"), customer("ZEB001", "Zebra")]
    assert who(look(two, [account("HOP001", "Zebra")])) == {"HOP001": (LOOKALIKE, ""), "ZEB001": (LOOKALIKE, "")}


def test_every_account_that_looks_like_the_customer_is_named() -> None:
    accounts = [
        account("HOP001", "Zebra"),
        account("Y8", "Hopewell"),
        account("Z9", "Other", vat_number=VAT),
        account("X7", "X"),
    ]
    pairing = pairing_of("HOP001", [customer("HOP001", "Hopewell", vat_number=VAT)], accounts)
    assert sorted(reason.split()[1] for reason in pairing.reasons) == ["HOP001", "Y8", "Z9"]


# What a person decided.


@pytest.mark.parametrize(
    "other", [account("Z9", "Hopewell"), account("Z9", "Zebra", vat_number=VAT)], ids=["name", "VAT number"]
)
def test_a_customer_that_a_person_called_new_is_no_lookalike(other: Account) -> None:
    me = customer("HOP001", "Hopewell", vat_number=VAT)
    pairing = pairing_of("HOP001", [me], [other], decisions=Decisions(new={"hop001": ""}))
    assert (pairing.kind, pairing.new_code) == (NEW, "HOP001")


def test_a_new_customer_gets_the_code_that_a_person_gave_it() -> None:
    decisions = Decisions(new={"hop001": "HOPE"})
    pairing = pairing_of("HOP001", [customer("HOP001", "Hopewell")], [account("HOP001", "Zebra")], decisions=decisions)
    assert (pairing.kind, pairing.new_code) == (NEW, "HOPE")


def test_a_code_that_a_person_gave_comes_before_bpo_s_account_column() -> None:
    me = customer("HOP001", "Hopewell", account="A1")
    assert pairing_of("HOP001", [me], [], decisions=Decisions(new={"hop001": "HOPE"})).new_code == "HOPE"


@pytest.mark.parametrize(("given", "taken"), [("", "HOP001"), ("HOPE", "HOPE"), ("HOPE", "hope"), ("hope", "HOPE ")])
def test_a_new_customer_never_gets_a_code_that_an_account_has(given: str, taken: str) -> None:
    decisions = Decisions(new={"hop001": given})
    pairing = pairing_of("HOP001", [customer("HOP001", "Hopewell")], [account(taken, "Zebra")], decisions=decisions)
    assert (pairing.kind, pairing.account) == (REJECTED, None)
    assert pairing.reasons[0].startswith(f"code: {given or 'HOP001'} ")
    assert "Zebra" in pairing.reasons[0]


def test_a_new_account_that_is_there_under_the_code_that_a_person_gave_is_the_customer_s() -> None:
    decisions = Decisions(new={"hop001": "HOPE"})
    assert who(look([customer("HOP001", "Hopewell")], [account("HOPE", "Hopewell")], decisions=decisions)) == {
        "HOP001": (PAIRED, "kHOPE")
    }


def test_a_decision_that_one_is_new_ends_with_its_link() -> None:
    found = look(
        [customer("HOP001", "Hopewell")],
        [account("HOPE", "Hopewell")],
        [link("HOP001", "HOPE")],
        Decisions(new={"hop001": "HOPE"}),
    )
    assert who(found) == {"HOP001": (PAIRED, "kHOPE")}


# Missing and gone.


@pytest.mark.parametrize(
    "accounts",
    [[], [account("Z9", "Zebra")], [account("A1", "Hopewell", key="8")], [account("HOP001", "Hopewell")]],
    ids=[
        "no account at all",
        "another account",
        "another account with the code",
        "an account with the customer's code and name",
    ],
)
def test_a_linked_customer_whose_account_is_no_longer_there_is_missing_and_never_new(accounts: list[Account]) -> None:
    pairing = pairing_of("HOP001", [customer("HOP001", "Hopewell")], accounts, [link("HOP001", "A1", key="7")])
    assert (pairing.kind, pairing.account) == (MISSING, None)
    assert "A1" in pairing.reasons[0]
    assert ("another one" in pairing.reasons[0]) is any(each.code == "A1" for each in accounts)


def test_a_link_whose_customer_is_no_longer_in_bpo_is_kept() -> None:
    (pairing,) = look([], [account("A1", "Old")], [link("OLD001", "A1")]).pairings
    assert (pairing.customer, pairing.account, pairing.link) == (None, account("A1", "Old"), link("OLD001", "A1"))


def test_a_link_whose_customer_and_account_are_both_gone_is_kept() -> None:
    (pairing,) = look([], [], [link("OLD001", "A1")]).pairings
    assert (pairing.kind, pairing.customer, pairing.account, pairing.link) == (MISSING, None, None, link("OLD001", "A1"))


@pytest.mark.parametrize(
    ("statuses", "inactive"),
    [
        (["Inactive"], True),
        (["INACTIVE", "inactive "], True),
        (["Inactive", "Active"], False),
        (["Inactive", "Hold"], False),
        (["Active"], False),
        ([""], False),
    ],
)
def test_a_customer_is_inactive_where_every_site_says_so(statuses: list[str], inactive: bool) -> None:  # noqa: FBT001
    rows = [row("HOP001", "H", f"Site {place}", status=status) for place, status in enumerate(statuses)]
    (found,) = put_together(rows, BPO_FIELDS)
    assert is_inactive(found) is inactive


def test_without_a_status_column_nobody_is_inactive() -> None:
    (found,) = put_together([row("HOP001", "H", status="Inactive")], [name for name in BPO_FIELDS if name != "status"])
    assert not is_inactive(found)


# Codes.


@pytest.mark.parametrize("second", ["hop001", "Hop001", "HoP001"])
def test_customers_whose_codes_fall_together_are_rejected_and_each_names_the_other(second: str) -> None:
    found = look([customer("HOP001", "One"), customer(second, "Two")], [account("HOP001", "One")])
    assert who(found) == {"HOP001": (REJECTED, ""), second: (REJECTED, "")}
    assert [pairing.reasons for pairing in found.pairings] == [
        (f"code: falls together with that of customer {second}",),
        ("code: falls together with that of customer HOP001",),
    ]


def test_customers_whose_codes_fall_together_are_rejected_though_the_code_is_linked() -> None:
    found = look([customer("HOP001", "One"), customer("hop001", "Two")], [account("A1", "One")], [link("HOP001", "A1")])
    assert {kind for kind, _ in who(found).values()} == {REJECTED}
    assert nobody_s(found) == []


def test_customers_whose_codes_fall_together_keep_the_account_that_the_code_is_linked_to() -> None:
    customers, accounts, links = [customer("A1", "Ann"), customer("a1", "Bob")], [account("A1", "Ann")], [link("A1", "A1")]
    assert who(look(customers, accounts, links)) == {"A1": (REJECTED, "kA1"), "a1": (REJECTED, "kA1")}


def test_a_customer_without_a_code_is_rejected() -> None:
    pairing = pairing_of("", [customer("", "Hopewell")], [account("", "Hopewell")])
    assert (pairing.kind, pairing.account, pairing.reasons) == (REJECTED, None, ("code: is blank",))


@pytest.mark.parametrize("order", list(permutations(range(2))), ids=str)
def test_two_customers_do_not_get_one_new_code(order: tuple[int, ...]) -> None:
    two = [customer("HOP001", "One"), customer("SAM001", "Two")]
    found = look([two[place] for place in order], [], decisions=Decisions(new={"sam001": "hop001"}))
    assert who(found) == {"HOP001": (REJECTED, ""), "SAM001": (REJECTED, "")}
    reasons = {pairing.customer.code: pairing.reasons[0] for pairing in found.pairings if pairing.customer}
    assert reasons["HOP001"].startswith("code: customer SAM001 would get")
    assert reasons["SAM001"].startswith("code: customer HOP001 would get")


# Accounts that nobody has.


def test_an_account_that_is_neither_paired_nor_looked_like_is_accounting_s_only() -> None:
    found = look([customer("HOP001", "Hopewell")], [account("HOP001", "Hopewell"), account("CASH", "Cash sales")])
    assert nobody_s(found) == ["CASH"]


@pytest.mark.parametrize("code", ["HOP001", "hop001"])
@pytest.mark.parametrize("links", [[], [link("HOP001", "A1")]], ids=["lookalike", "linked elsewhere"])
def test_an_account_whose_code_a_customer_has_is_not_accounting_s_only(code: str, links: list[Link]) -> None:
    found = look([customer("HOP001", "Hopewell")], [account(code, "Zebra"), account("A1", "One", key="kA1")], links)
    assert code not in nobody_s(found)


@pytest.mark.parametrize(
    "other", [account("Z9", "Hopewell"), account("Z9", "Zebra", vat_number=VAT)], ids=["name", "VAT number"]
)
def test_an_account_that_looks_like_somebody_is_not_accounting_s_only(other: Account) -> None:
    assert nobody_s(look([customer("HOP001", "Hopewell", vat_number=VAT)], [other])) == []


def test_an_account_stops_to_look_like_a_customer_that_a_person_called_new() -> None:
    decisions = Decisions(new={"hop001": ""})
    assert nobody_s(look([customer("HOP001", "Hopewell")], [account("Z9", "Hopewell")], decisions=decisions)) == ["Z9"]


@pytest.mark.parametrize("code", ["CASH", "cash", " Cash "])
def test_an_account_that_a_person_set_aside_is_not_listed(code: str) -> None:
    assert nobody_s(look([], [account(code, "Cash sales")], decisions=Decisions(ignored_accounts=frozenset({"cash"})))) == []


def test_an_account_of_a_gone_customer_s_is_paired() -> None:
    assert nobody_s(look([], [account("A1", "Old")], [link("OLD001", "A1")])) == []


# No two customers on one account.


def test_two_customers_linked_to_one_account_do_not_both_have_it() -> None:
    two = [customer("ONE", "One"), customer("TWO", "Two")]
    found = look(two, [account("A1", "One")], [link("ONE", "A1"), link("TWO", "A1")])
    assert [kind for kind, _ in who(found).values()].count(PAIRED) <= 1
    rejected = [pairing for pairing in found.pairings if pairing.kind is REJECTED]
    assert rejected
    assert all("A1" in pairing.reasons[0] for pairing in rejected)


def test_the_order_of_customers_does_not_say_which_of_two_has_the_account_that_both_are_linked_to() -> None:
    two = [customer("ONE", "One"), customer("TWO", "Two")]
    links = [link("ONE", "A1"), link("TWO", "A1")]
    assert who(look(two, [account("A1", "One")], links)) == who(look(two[::-1], [account("A1", "One")], links[::-1]))


@pytest.mark.parametrize("order", list(permutations(range(2))), ids=str)
def test_a_customer_has_the_account_of_its_own_code_before_one_that_would_get_that_code(order: tuple[int, ...]) -> None:
    two = [customer("HOP001", "Spar"), customer("SAM001", "Spar")]
    found = look([two[place] for place in order], [account("HOP001", "Spar")], decisions=Decisions(new={"sam001": "HOP001"}))
    assert who(found) == {"HOP001": (PAIRED, "kHOP001"), "SAM001": (REJECTED, "")}


def test_the_code_of_a_missing_account_is_free_where_links_know_accounts_by_a_key() -> None:
    two = [customer("ONE", "One"), customer("TWO", "Two")]
    assert who(look(two, [], [link("ONE", "TWO", key="7")])) == {"ONE": (MISSING, ""), "TWO": (NEW, "")}


def test_no_new_account_gets_the_code_of_a_missing_one_where_links_know_accounts_by_code_alone() -> None:
    two = [customer("ONE", "One"), customer("TWO", "Two")]
    found = look(two, [], [link("ONE", "TWO", key="")])
    assert {code: kind is NEW for code, (kind, _) in who(found).items()} == {"ONE": False, "TWO": False}


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
def test_the_order_of_customers_changes_no_reason(order: tuple[int, ...]) -> None:
    three = [customer(code, code, account="A1") for code in ("ONE", "TWO", "SIX")]
    found = look([three[place] for place in order], [])
    reasons = {pairing.customer.code: pairing.reasons for pairing in found.pairings if pairing.customer}
    first = look(three, [])
    assert reasons == {pairing.customer.code: pairing.reasons for pairing in first.pairings if pairing.customer}


def test_the_order_of_links_changes_no_reason() -> None:
    links = [link("ONE", "SIX", key=""), link("TWO", "SIX", key="")]
    three = [customer(code, code) for code in ("ONE", "TWO", "SIX")]
    one_way, the_other = (pairing_of("SIX", three, [], each) for each in (links, links[::-1]))
    assert one_way.reasons == the_other.reasons


@pytest.mark.parametrize(
    "two",
    [
        [account("Y8", "Hopewell"), account("Z9", "Hopewell")],
        [account("Z9", "Hopewell", key="1"), account("z9", "Hopewell", key="2")],
        [account("Z9", "Hopewell", key=""), account("z9", "Hopewell", key="")],
        [account("Z9", "Hopewell", key=""), account("Z9", "HOPEWELL", key="")],
        [account("Z9", "Hopewell", key=""), account("Z9", "Hopewell", key="", vat_number=VAT)],
    ],
    ids=["two codes", "two keys", "one code in two spellings", "one code and two names", "one code, one name, two VAT numbers"],
)
def test_the_order_of_accounts_changes_no_reason(two: list[Account]) -> None:
    me = customer("HOP001", "Hopewell", vat_number=VAT)
    one_way, the_other = (pairing_of("HOP001", [me], each) for each in (two, two[::-1]))
    assert one_way.reasons == the_other.reasons
    assert len(one_way.reasons) == 2
