"""Texts as TOML: what `init` writes into bposync.toml, and lines that somebody is told to write there."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")


def text(value: str | int | bool) -> str:  # noqa: FBT001 - a value, not a switch
    """Give a value as TOML, in one line of characters that can be seen."""
    if not isinstance(value, str):
        return str(value).lower()
    return f'"{"".join(_escaped(character) for character in value)}"'


def literal(value: str) -> str:
    """Give a text as TOML that the configuration takes as it stands, its dollars too."""
    return text(value.replace("$", "$$"))


def key(name: str) -> str:
    """Give a key as TOML, without quotation marks where it needs none."""
    return name if _BARE_KEY.fullmatch(name) else text(name)


def line(name: str, value: str = "…") -> str:
    """Give a line for somebody to write, both sides in quotation marks: `"GV" = "GOVERNMENT"`."""
    return f"{text(name)} = {literal(value)}"


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    if unicodedata.category(character)[0] != "C" and unicodedata.category(character) not in ("Zl", "Zp"):
        return character
    number = ord(character)
    return f"\\u{number:04X}" if number <= 0xFFFF else f"\\U{number:08X}"  # noqa: PLR2004
