"""What a value from a database means: blanks, text, amounts, flags, codes, names, VAT numbers, and what may be shown."""

from __future__ import annotations

from decimal import Decimal
from itertools import combinations
from typing import TYPE_CHECKING

import pytest

from bposync.fields import ACCOUNT_FIELDS, BPO_FIELDS, FIELDS, LISTING_FIELDS, Kind
from bposync.values import (
    amount_of,
    flag_of,
    is_plain,
    normalise_code,
    normalise_name,
    normalise_vat_number,
    text_of,
    visible,
)

if TYPE_CHECKING:
    from bposync.values import Value

INFINITE = [Decimal("Infinity"), Decimal("-Infinity"), Decimal("NaN"), float("inf"), float("-inf"), float("nan")]

# Text.


@pytest.mark.parametrize("raw", [None, "", " ", "      ", "\t", "\r\n", "\0\0\0", "\u00a0", b"", b"  "], ids=ascii)
def test_null_empty_and_blanks_are_one_value(raw: object) -> None:
    assert text_of(raw) == ""


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("Hopewell Industries CC", "Hopewell Industries CC"),
        ("HOP001    ", "HOP001"),
        ("  HOP001", "HOP001"),
        ("\u00a0HOP001\u00a0", "HOP001"),
        ("HOP001\0\0", "HOP001"),
        ("12  Smith   Street", "12  Smith   Street"),
        ("Line 1\r\nLine 2\r\n", "Line 1\r\nLine 2"),
        ("007", "007"),
        ("Müller & Söhne", "Müller & Söhne"),
        (b"HOP001  ", "HOP001"),
        (memoryview(b"HOP001"), "HOP001"),
        (4001, "4001"),
        (0, "0"),
        (4001.0, "4001"),
        (4001.5, "4001.5"),
        (Decimal("4001.00"), "4001"),
        (Decimal("4001.50"), "4001.50"),
        (True, "1"),
        (False, "0"),
    ],
    ids=lambda value: "memoryview" if isinstance(value, memoryview) else ascii(value),
)
def test_text_is_what_the_column_says_without_its_padding(raw: object, text: str) -> None:
    assert text_of(raw) == text


@pytest.mark.parametrize("raw", [*INFINITE, Decimal("1E+5000")], ids=ascii)
def test_any_number_can_be_shown_as_text(raw: object) -> None:
    assert text_of(raw) != ""


# Amounts.


@pytest.mark.parametrize("raw", [None, "", "   ", "\u00a0"], ids=ascii)
def test_a_blank_amount_is_none(raw: object) -> None:
    assert amount_of(raw) is None


@pytest.mark.parametrize(
    ("raw", "amount"),
    [
        (0, "0.00"),
        (25000, "25000.00"),
        (-5, "-5.00"),
        (25000.0, "25000.00"),
        (0.1 + 0.2, "0.30"),
        (1.1 * 3, "3.30"),
        (99999999.99, "99999999.99"),
        (1234567890.12, "1234567890.12"),
        (-0.0, "0.00"),
        (Decimal(25000), "25000.00"),
        (Decimal("25000.5"), "25000.50"),
        (Decimal("25000.5000"), "25000.50"),
        (Decimal("2.5E+4"), "25000.00"),
        (Decimal("-0.00"), "0.00"),
        ("25000", "25000.00"),
        ("25000.5", "25000.50"),
        ("25000.50", "25000.50"),
        ("25000.5000", "25000.50"),
        (" 25000.50  ", "25000.50"),
        ("0", "0.00"),
        ("-0.00", "0.00"),
        ("-12.30", "-12.30"),
        ("+12.30", "12.30"),
        (".50", "0.50"),
        ("90000000000000.01", "90000000000000.01"),
        ("12345678901234567890123456789012345.67", "12345678901234567890123456789012345.67"),
        (Decimal("12345678901234567890123456789012345.67"), "12345678901234567890123456789012345.67"),
    ],
    ids=ascii,
)
def test_an_amount_is_read_to_the_cent(raw: object, amount: str) -> None:
    found = amount_of(raw)
    assert isinstance(found, Decimal)
    assert str(found) == amount


@pytest.mark.parametrize("raw", [9999999999999.99, 12345678901234.56, -70000000000000.01], ids=ascii)
def test_a_large_float_keeps_its_cents(raw: float) -> None:
    assert amount_of(raw) == Decimal(repr(raw))


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        ("25,000.00", "25,000.00"),
        ("25 000.00", "25 000.00"),
        ("25000,00", "25000,00"),
        ("1.000.00", "1.000.00"),
        ("R25000", "R25000"),
        ("25000.00-", "25000.00-"),
        ("1e5", "1e5"),
        ("none", "none"),
        ("nan", "nan"),
        ("Infinity", "Infinity"),
        ("٢٥", "٢٥"),
        ("1_000", "1_000"),
        (".", "."),
        ("-", "-"),
        ("10.005", "10.005 has more than two decimals"),
        (10.005, "10.005 has more than two decimals"),
        (Decimal("10.005"), "10.005 has more than two decimals"),
        (Decimal("0.001"), "0.001 has more than two decimals"),
        (True, "True"),
        (Decimal("1E+5000"), "too large"),
        *((number, "not an amount") for number in INFINITE),
    ],
    ids=ascii,
)
def test_what_is_no_amount_is_told_instead_of_guessed(raw: object, why: str) -> None:
    with pytest.raises(ValueError, match=why.replace("+", "\\+").replace(".", "\\.")):
        amount_of(raw)


# Flags.


@pytest.mark.parametrize(
    "raw",
    [
        1,
        -1,
        True,
        1.0,
        -1.0,
        Decimal(1),
        Decimal("-1.00"),
        b"\x01",
        "1",
        "-1",
        "true",
        "TRUE",
        "yes",
        "Y",
        "t",
        "T",
        "on",
        " On ",
    ],
    ids=ascii,
)
def test_yes_in_any_of_its_words_is_true(raw: object) -> None:
    assert flag_of(raw) is True


@pytest.mark.parametrize(
    "raw",
    [0, False, 0.0, Decimal(0), b"\x00", "0", "false", "FALSE", "no", "N", "f", "F", "off", " Off "],
    ids=ascii,
)
def test_no_in_any_of_its_words_is_false(raw: object) -> None:
    assert flag_of(raw) is False


@pytest.mark.parametrize("raw", [None, "", "  ", "\u00a0"], ids=ascii)
def test_a_blank_flag_is_false(raw: object) -> None:
    assert flag_of(raw) is False


@pytest.mark.parametrize("raw", [2, -2, 0.5, "2", "ja", "nein", "x", "truee", "1 0", "debtor", b"\x02"], ids=ascii)
def test_anything_else_is_no_flag(raw: object) -> None:
    with pytest.raises(ValueError, match="neither yes nor no"):
        flag_of(raw)


# Codes, names, VAT numbers.

SAME_CODES = [
    ("HOP001", "hop001"),
    ("HOP001", "  HOP001 "),
    ("hop001\u00a0", "Hop001"),
    ("MÜL001", "mül001"),
    ("M\u00fcL001", "Mu\u0308L001"),
    ("\u01311", "I1"),
    ("\u03901", "\u0399\u0308\u03011"),
    ("Σ1", "ς1"),
]
OTHER_CODES = ["HOP001", "HOP 001", "HOP-001", "HOP01", "HOP0001", "H0P001", "HOP001.", "HÖP001"]


@pytest.mark.parametrize(("one", "other"), SAME_CODES, ids=ascii)
def test_codes_compare_without_regard_to_case_and_outer_blanks(one: str, other: str) -> None:
    assert normalise_code(one) == normalise_code(other) != ""


@pytest.mark.parametrize(("one", "other"), list(combinations(OTHER_CODES, 2)), ids=ascii)
def test_spacing_and_punctuation_inside_a_code_count(one: str, other: str) -> None:
    assert normalise_code(one) != normalise_code(other)


@pytest.mark.parametrize("code", ["", "   ", "\u00a0"], ids=ascii)
def test_a_blank_code_is_no_code(code: str) -> None:
    assert normalise_code(code) == ""


@pytest.mark.parametrize(
    "other",
    [
        "Hopewell Industries (Pty) Ltd",
        "HOPEWELL INDUSTRIES (PTY) LTD",
        "  Hopewell   Industries (Pty) Ltd  ",
        "Hopewell Industries Pty Ltd.",
        "Hopewell-Industries, (PTY) LTD",
        "HopewellIndustries(Pty)Ltd",
        "Hopewell\u00a0Industries (Pty) Ltd",
        "Hopewell\tIndustries (Pty) Ltd",
        "\uff28opewell Industries (Pty) Ltd",
        "\u200bHopewell Industries (Pty) Ltd",
    ],
    ids=ascii,
)
def test_names_compare_without_regard_to_case_spacing_and_punctuation(other: str) -> None:
    assert normalise_name(other) == normalise_name("Hopewell Industries (Pty) Ltd")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Hopewell Industries", "Hopewell Industrial"),
        ("Hopewell Industries", "Hopewell Industries CC"),
        ("Shop 1", "Shop 2"),
        ("Müller", "Muller"),
        ("***", "---"),
        ("", "-"),
    ],
)
def test_other_letters_and_digits_are_another_name(one: str, other: str) -> None:
    assert normalise_name(one) != normalise_name(other)


@pytest.mark.parametrize(
    ("number", "digits"),
    [
        ("4020082328", "4020082328"),
        ("402 008 2328", "4020082328"),
        ("4020-082-328", "4020082328"),
        ("ZA4020082328", "4020082328"),
        ("VAT no. 4020082328", "4020082328"),
        ("40200823281", "40200823281"),
        ("402008232", ""),
        ("402-008-232", ""),
        ("exempt", ""),
        ("0", ""),
        ("", ""),
    ],
)
def test_a_vat_number_counts_by_its_digits_from_ten_on(number: str, digits: str) -> None:
    assert normalise_vat_number(number) == digits


# What may be shown, and what may stand in an account.

HIDDEN = {
    "\x00": r"\x00",
    "\x07": r"\x07",
    "\t": r"\x09",
    "\n": r"\x0a",
    "\r": r"\x0d",
    "\x1b": r"\x1b",
    "\x7f": r"\x7f",
    "\x85": r"\x85",
    "\x9b": r"\x9b",
    "\u034f": r"\u034f",
    "\u061c": r"\u061c",
    "\u115f": r"\u115f",
    "\u3164": r"\u3164",
    "\u200b": r"\u200b",
    "\u200c": r"\u200c",
    "\u200e": r"\u200e",
    "\u200f": r"\u200f",
    "\u2028": r"\u2028",
    "\u2029": r"\u2029",
    "\u202a": r"\u202a",
    "\u202e": r"\u202e",
    "\u2060": r"\u2060",
    "\u2066": r"\u2066",
    "\u2069": r"\u2069",
    "\ufeff": r"\ufeff",
    "\U000e0041": r"\U000e0041",
}


@pytest.mark.parametrize(("character", "shown"), HIDDEN.items(), ids=HIDDEN.values())
def test_control_c1_bidi_and_zero_width_characters_are_shown(character: str, shown: str) -> None:
    assert visible(f"a{character}b") == f"a{shown}b"


@pytest.mark.parametrize("code", range(0xA0), ids=hex)
def test_no_control_character_reaches_a_terminal(code: int) -> None:
    shown = visible(chr(code))
    assert shown.isprintable()
    assert shown == chr(code) or shown == f"\\x{code:02x}"
    assert (shown == chr(code)) == (0x20 <= code < 0x7F)


@pytest.mark.parametrize(
    "text",
    ["", "Hopewell", "Müller & Söhne Bäckerei", "[/] :computer:", r"C:\x1b", "日本", "Zo\u0301ë", "\u00a0", "😀", "العربية"],
    ids=ascii,
)
def test_what_is_no_danger_is_shown_as_it_is(text: str) -> None:
    assert visible(text) == text


def test_a_joiner_hides_nothing_outside_an_emoji() -> None:
    assert visible("a\u200db") == r"a\u200db"
    assert visible("👩\u200d💻") in {"👩\u200d💻", r"👩\u200d💻"}


@pytest.mark.parametrize("character", ["\0", "\t", "\n", "\r", "\x0b", "\x1b", "\x7f", "\x85", "\x9b", "\u2028"], ids=ascii)
def test_a_control_character_or_line_break_does_not_stand_in_an_account(character: str) -> None:
    assert not is_plain(f"12 Smith{character}Street")


@pytest.mark.parametrize("text", ["", "12 Smith Street", "Müller & Söhne", "日本 CC", "a\u00a0b", "[/] =1+1 @x"], ids=ascii)
def test_any_other_text_may_stand_in_an_account(text: str) -> None:
    assert is_plain(text)


# The fields.


def test_the_listing_has_the_nine_columns_of_bpo_s_own_in_its_order() -> None:
    assert LISTING_FIELDS == (
        "code", "type", "name", "department", "department_name", "site", "credit_limit", "website", "phone",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("field", "column"),
    [
        ("code", "CustomerCode"), ("type", "CustomerType"), ("name", "CustomerName"), ("department", "Department"),
        ("department_name", "DeptName"), ("site", "SiteDescription"), ("credit_limit", "CustomerCreditLimit"),
        ("website", "CustomerWebSite"), ("phone", "CustomerPhoneNumber"), ("mobile", "CustomerMobileNumber"),
        ("email", "CustomerEmail"), ("contact", "AccountsContact"), ("status", "CustomerStatus"), ("is_debtor", "IsDebtor"),
        ("vat_number", "VATNumber"), ("registration", "RegistrationNumber"), ("terms", "CreditTerms"),
        *((f"billing_{n}", f"BillingAddress{n}") for n in range(1, 6)), ("billing_postcode", "BillingPostalCode"),
        *((f"shipping_{n}", f"ShippingAddress{n}") for n in range(1, 6)), ("shipping_postcode", "ShippingPostalCode"),
        ("account", ""),
    ],
)  # fmt: skip
def test_every_field_has_its_default_column(field: str, column: str) -> None:
    assert field in BPO_FIELDS
    assert FIELDS[field].column == column


def test_code_name_and_site_are_required_of_bpo() -> None:
    assert [name for name in BPO_FIELDS if FIELDS[name].required] == ["code", "name", "site"]


def test_group_category_area_and_price_list_are_always_for_new_accounts_only() -> None:
    assert [name for name in ACCOUNT_FIELDS if FIELDS[name].owner.value == "new"] == ["group", "category", "area", "price_list"]


@pytest.mark.parametrize(
    ("name", "value", "is_blank"),
    [
        ("credit_limit", None, True),
        ("credit_limit", Decimal("0.00"), True),
        ("credit_limit", Decimal("0.01"), False),
        ("credit_limit", Decimal("-0.01"), False),
        ("phone", "", True),
        ("phone", "0", False),
        ("hold", False, True),
        ("hold", True, False),
    ],
)
def test_no_text_no_amount_zero_and_no_flag_are_blank(name: str, value: Value, is_blank: bool) -> None:  # noqa: FBT001
    assert FIELDS[name].is_blank(value) is is_blank


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("credit_limit", Decimal("25000.00"), "25000.00"),
        ("credit_limit", Decimal(5), "5.00"),
        ("credit_limit", Decimal("0.00"), "0.00"),
        ("credit_limit", None, None),
        ("phone", "031 555 0100", "031 555 0100"),
        ("phone", "", None),
        ("hold", True, True),
        ("hold", False, False),
    ],
)
def test_amounts_are_shown_with_two_decimals_and_blanks_as_null(name: str, value: Value, shown: Value) -> None:
    assert FIELDS[name].show(value) == shown
    assert FIELDS[name].parse(FIELDS[name].show(value)) == value


def test_every_field_is_read_by_its_kind() -> None:
    kinds = {name: field.kind for name, field in FIELDS.items() if field.kind is not Kind.TEXT}
    assert kinds == {"credit_limit": Kind.AMOUNT, "is_debtor": Kind.FLAG, "hold": Kind.FLAG}
