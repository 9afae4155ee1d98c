"""What a sheet is made of, and what keeps a text in a cell a text."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from bposync.errors import UsageError
from bposync.values import visible

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

Cell = str | Decimal | int | datetime | None
"""A text, an amount to the cent, a count, a moment (shown as the clock on the wall has it), or nothing."""

ENDINGS: Final = (".xlsx", ".csv")
_FORMULA = re.compile(r"[=+\-@\t\r]")
_GUARDED = re.compile(r"'+[=+\-@\t\r]")
_HARMLESS = re.compile(r"[+-]?[\d\s().,/-]+", re.ASCII)
_MOST_CHARACTERS: Final = 32_000  # in a cell of Excel's, a little below its limit; it counts those beyond the first plane twice


@dataclass(frozen=True, slots=True)
class Heading:
    """A column of a sheet: its name in the first row, and how wide a spreadsheet shows it, in characters."""

    name: str
    width: int = 16
    hidden: bool = False
    filled_in: bool = False
    """Whether a person writes into it."""
    wrap: bool = False
    """Whether a long text goes on in the next line of its cell."""
    label: str = ""
    """What people read in .xlsx in place of the name, which scripts and .csv have."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """What is written: headings, rows, and for rows with a drop-down its entries, by the row's place.

    In .xlsx it is a page called `title` on which the first `frozen` columns stay in sight, followed by the pages of `more`;
    .csv has room for the first page only.
    """

    headings: Sequence[Heading]
    rows: Sequence[Sequence[Cell]]
    choices: Mapping[int, Sequence[str]] = field(default_factory=dict)
    explanation: Sequence[str] = ()
    """What a person has to know, on a page of its own in .xlsx."""
    title: str = "Review"
    frozen: int = 3
    more: Sequence[Sheet] = ()


def guarded(cell: str) -> str:
    """Give a CSV cell that no spreadsheet takes for a formula; telephone numbers and amounts stay as they are."""
    shown = visible(cell)
    return f"'{shown}" if _FORMULA.match(cell) and not _HARMLESS.fullmatch(cell) else shown


def as_cell(text: str) -> str:
    """Give a guarded CSV cell that is read back as the text: one that begins so by itself gets an apostrophe more."""
    cell = guarded(text)
    return cell if unguarded(cell) == visible(text) else f"'{cell}"


def unguarded(cell: str) -> str:
    """Take the guard off again."""
    return cell[1:] if _GUARDED.match(cell) else cell


def cut(text: str) -> str:
    """Give text as long as a spreadsheet's cell holds it; codes and values never come near that."""
    if len(text) * 2 <= _MOST_CHARACTERS or len(text.encode("utf-16-le", "surrogatepass")) <= 2 * _MOST_CHARACTERS:
        return text
    return text.encode("utf-16-le", "surrogatepass")[: 2 * _MOST_CHARACTERS].decode("utf-16-le", "ignore") + "…"


def on_the_wall(at: datetime) -> datetime:
    """Give a moment as the clock on the wall has it, to the second; a spreadsheet's dates know no time zones."""
    return at.astimezone().replace(tzinfo=None, microsecond=0)


def check_ending(path: Path) -> None:
    """Refuse a file whose ending says neither .xlsx nor .csv. Raises UsageError."""
    if path.suffix.lower() not in ENDINGS:
        raise UsageError(f"{visible(path.name)}: a sheet ends in .xlsx or .csv.", "Name it so.")
