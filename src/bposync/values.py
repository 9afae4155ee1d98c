"""What a value from a database means: blanks, amounts, flags, codes and names, each read in one place.

Everything that comes from BPO or the books goes through here, so that two sides that say the same in other words are
equal, and what cannot be read is told instead of guessed.
"""

from __future__ import annotations

import re
import unicodedata
from decimal import Context, Decimal, InvalidOperation

Value = str | Decimal | bool | None
"""A value as bposync holds it: text (blank is empty), an amount to the cent, a flag, or None for a blank amount or flag."""

_AMOUNT = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)", re.ASCII)
_CENT = Decimal("0.01")
_WIDE = Context(prec=38, traps=[InvalidOperation])
_TRUE = frozenset({"1", "-1", "true", "yes", "y", "t", "on"})
_FALSE = frozenset({"0", "false", "no", "n", "f", "off", ""})
_NOT_DIGITS = re.compile(r"[^0-9]")
# The categories of Unicode that are never shown as they are: control, format (bidi, zero width), surrogates, and the
# separators of lines and paragraphs; and those that have no place inside a field of an account.
_BREAKING_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})
_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
# Letters and marks that take no room or look like a blank, though their categories are those of text.
_INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0")
_NO_LETTERS = dict.fromkeys(number for number in range(128) if unicodedata.category(chr(number))[0] in "ZPC")
_MIN_VAT_DIGITS = 10
_MOST_DIGITS = 40
_MOST_SHOWN = 60


def text_of(raw: object) -> str:
    """Give what a database column holds as text: outer blanks and padding gone, NULL and blanks as the empty text."""
    if raw is None:
        return ""
    if isinstance(raw, str):
        return raw.strip(" \t\r\n\v\f\0\u00a0")
    if type(raw) is int:
        return str(raw)
    if isinstance(raw, bool):
        return "1" if raw else "0"
    if isinstance(raw, float) and raw.is_integer():
        return str(int(raw))
    if isinstance(raw, (bytes, bytearray, memoryview)):
        return text_of(bytes(raw).decode("utf-8", "backslashreplace"))
    if isinstance(raw, Decimal) and raw.is_finite() and raw.adjusted() < _MOST_DIGITS and raw == raw.to_integral_value():
        return str(int(raw))
    return text_of(str(raw))


def amount_of(raw: object) -> Decimal | None:
    """Give an amount in the company's currency, to the cent; None where it is blank.

    Numbers, or text with a point and no thousands sign. Raises ValueError, in a user's words, for anything else and for
    more than two decimals that are not zero.
    """
    if raw is None:
        return None
    if isinstance(raw, bool):
        raise ValueError(f"{raw!r} is not an amount")  # noqa: TRY004 - bad data, not a bad call
    if isinstance(raw, float):
        number = _number_of(raw)
    elif isinstance(raw, (int, Decimal)):
        number = Decimal(raw)
    else:
        text = text_of(raw)
        if not text:
            return None
        if not _AMOUNT.fullmatch(text):
            raise ValueError(f"{text!r} is not an amount (digits with a point, without a thousands sign)")
        number = Decimal(text)
    if not number.is_finite():
        raise ValueError(f"{number} is not an amount")
    try:
        cents = number.quantize(_CENT, context=_WIDE)
    except InvalidOperation:
        raise ValueError(f"{number} is too large for an amount") from None
    if cents != number:
        raise ValueError(f"{number.normalize():f} has more than two decimals")
    return cents or Decimal("0.00")


def _number_of(raw: float) -> Decimal:
    """Give the decimal that a float was meant to be: 15 digits are sure, what stands behind them nobody ever typed."""
    number = Decimal(repr(raw))
    if number.is_finite() and number.adjusted() < _MOST_DIGITS - 4 and number != number.quantize(_CENT, context=_WIDE):
        return Decimal(f"{raw:.15g}")
    return number


def flag_of(raw: object) -> bool:
    """Give a flag; blank is false. Raises ValueError, in a user's words, for anything that is neither yes nor no."""
    if isinstance(raw, (bytes, bytearray)) and len(raw) == 1 and raw[0] in (0, 1):
        return bool(raw[0])  # how some drivers hand over a bit
    text = text_of(raw).lower()
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise ValueError(f"{text!r} is neither yes nor no")


def normalise_code(code: str) -> str:
    """Give the form in which two codes are compared: without regard to case and outer blanks.

    Two codes that are one in capitals are one: accounting may write both so.
    """
    text = text_of(code)
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).upper().casefold())


def normalise_name(name: str) -> str:
    """Give the form in which two names are compared: without regard to case, spacing and punctuation.

    A name of nothing but punctuation is compared as it is written.
    """
    if name.isascii():
        letters = name.lower().translate(_NO_LETTERS)
        return letters or name.lower().strip()
    folded = unicodedata.normalize("NFKC", name).casefold()
    letters = "".join(character for character in folded if unicodedata.category(character)[0] not in "ZPC")
    return letters or folded.strip()


def normalise_vat_number(vat_number: str) -> str:
    """Give the digits of a VAT number, or the empty text where there are too few (below ten) to tell anybody apart."""
    digits = _NOT_DIGITS.sub("", vat_number)
    return digits if len(digits) >= _MIN_VAT_DIGITS else ""


def is_plain(text: str) -> bool:
    """Tell whether text may stand in a field of an account: no control character, no line break, no half a character.

    What only hides or joins (a soft hyphen, the joiner inside an emoji) may; it is shown as what it is.
    """
    return text.isprintable() or not any(unicodedata.category(character) in _BREAKING_CATEGORIES for character in text)


def visible(text: str) -> str:
    r"""Give text in which nothing can act on a terminal or hide: control, bidi and zero-width characters as \x1b, \u202e."""
    if text.isprintable() and (text.isascii() or _INVISIBLE.isdisjoint(text)):
        return text
    return "".join(_escaped(character) for character in text)


def quoted(text: str) -> str:
    """Give text in quotation marks, as messages name what somebody typed or a database holds."""
    return f"'{visible(text)}'"


def excerpt(text: str) -> str:
    """Give text in quotation marks, and of a long one its beginning: as reasons name a value."""
    shown = visible(text)
    return repr(shown if len(shown) <= _MOST_SHOWN else shown[: _MOST_SHOWN - 1] + "…").replace("\\\\", "\\")


def _escaped(character: str) -> str:
    if character not in _INVISIBLE and unicodedata.category(character) not in _HIDDEN_CATEGORIES:
        return character
    number = ord(character)
    if number <= 0xFF:  # noqa: PLR2004
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number <= 0xFFFF else f"\\U{number:08x}"  # noqa: PLR2004
