"""HTML that is escaped by construction: text becomes markup only through `element`, and every text in it is escaped.

No other room can make Markup out of a text, so that no name that somebody typed ever becomes a tag, an attribute or a script.
"""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Final, final

from bposync.values import visible

if TYPE_CHECKING:
    from collections.abc import Iterable

_VOID: Final = frozenset({"meta", "br"})
_MOST_CHARACTERS: Final = 600
"""Of one text: what is longer is a mistake or an attack, and would be all that a page shows."""


@final
class Markup:
    """A piece of HTML. Made by `element` and `join` only."""

    __slots__ = ("_text",)

    def __init__(self, text: str, key: object) -> None:
        if key is not _KEY:
            raise TypeError("Markup is made by element()")
        self._text = text

    def __str__(self) -> str:
        return self._text


Child = Markup | str | int | None
"""What stands in an element: markup as it is, anything else as escaped text; None is nothing."""

_KEY: Final = object()


def element(tag: str, /, *children: Child | Iterable[Child], **attributes: str | int | None) -> Markup:
    """Make an element. `class_` loses its underscore, others become hyphens; an attribute that is None is left out."""
    said = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_attribute(value)}"' for key, value in attributes.items() if value is not None
    )
    if tag in _VOID:
        return Markup(f"<{tag}{said}>", _KEY)
    return Markup(f"<{tag}{said}>{join(*children)}</{tag}>", _KEY)


def join(*children: Child | Iterable[Child]) -> Markup:
    """Put pieces one behind the other."""
    pieces = []
    for child in children:
        if child is None or isinstance(child, (Markup, str, int)):
            pieces.append(_piece(child))
        else:
            pieces.extend(_piece(each) for each in child)
    return Markup("".join(pieces), _KEY)


def style(sheet: str) -> Markup:
    """Make a style element out of a style sheet of our own, which is never data."""
    if "</" in sheet:
        raise ValueError("a style sheet ends no element")
    return Markup(f"<style>{sheet}</style>", _KEY)


def document(*children: Child, lang: str = "en") -> Markup:
    """Make a whole page."""
    return Markup(f"<!DOCTYPE html>\n{element('html', *children, lang=lang)}\n", _KEY)


def _piece(child: Child) -> str:
    if child is None:
        return ""
    return str(child) if isinstance(child, Markup) else html.escape(readable(str(child)))


def _attribute(value: str | int) -> str:
    return html.escape(readable(str(value)))


def readable(text: str) -> str:
    """Give a text as a page shows it: what acts or hides as an escape, and of a very long one its beginning."""
    shown = visible(text)
    if len(shown) > _MOST_CHARACTERS:
        return f"{shown[:_MOST_CHARACTERS]}… ({len(text):,} characters)"
    return shown
