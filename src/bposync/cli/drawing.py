"""Tables and lines made to fit a screen, counted in the cells that they take there. Pure; it prints nothing.

A table that is too wide keeps what identifies a row and what it is about, and of its other columns those that matter most,
as long as there is room: beside texts that are cut where they are long, and texts that go on in the next line made narrow, for
what matters as far as their longest word, for the rest a little. So no column goes while there is room for it. Where not even
what identifies a row fits, each row becomes a few lines of its own. No word is broken that is not longer than a line.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

IDENTITY: Final = 9
"""Columns that are kept this much or more never go: what a row is about, as the customer's code and the field."""
OTHER: Final = "Other"
"""The heading above the sum of the counts for which there is no room, so that each row adds up all the same."""
_EXPENDABLE: Final = 6  # the columns for which a text that goes on in the next line stays easy to read
_BETWEEN: Final = 3  # cells between two columns
_LONG: Final = 40  # cells from which on a text is cut where the terminal is narrow
_READABLE: Final = 30  # cells that such a text keeps beside a column of the kind
_SHORT: Final = 10  # cells below which no text is cut or broken into lines
_INSIDE: Final = 2  # blanks before a text below its heading
_BELOW: Final = 4  # blanks before a text below its row
_FEWEST: Final = 2  # columns; what is left of a table
_WIDE: Final = "WF"
_NO_WIDTH: Final = ("Mn", "Me")
_HANGUL_INSIDE: Final = range(0x1160, 0x1200)  # vowels and finals, which stand in the syllable's own cells
_PICTURE: Final = "\ufe0f"  # shows the sign before it as a picture, which takes two cells

BOLD: Final = "1"
_STYLES: Final = {"": "", "1": "bold", "31": "red", "1;31": "bold red", "32": "green", "33": "yellow", "36": "cyan"}
"""What rich calls a terminal's numbers."""


Below: TypeAlias = "Mapping[int, Sequence[str]]"
"""Texts that stand below rows, over the whole width, by the place of the row."""
_NOTHING: Final[Below] = {}


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table. The higher `keep`, the longer it stays where the terminal is narrow."""

    heading: str
    right: bool = False
    keep: int = 5
    wrap: bool = False
    """Whether a long text goes on in the next line instead of being cut."""
    whole: bool = False
    """Whether half of it would say something else, as of a moment: it is not cut."""
    part: bool = False
    """Whether it counts some of what the row counts with all such columns together: those that go are summed as OTHER."""
    tones: Mapping[str, str] = field(default_factory=dict)
    """The colour of a cell by its text, as a terminal's number for it."""


def cells(text: str) -> int:
    """Give how many cells a text takes on a screen."""
    if text.isascii():
        return len(text)
    return sum(width for _, width in clusters(text))


def clusters(text: str) -> Iterator[tuple[str, int]]:
    """Give the pieces of a text that stay together, a sign with all that is set upon it, and the cells of each."""
    piece, width = "", 0
    for character in text:
        own = _cells_of(character)
        if piece and not own:
            piece += character
            if character == _PICTURE:
                width = 2
            continue
        if piece:
            yield piece, width
        piece, width = character, own
    if piece:
        yield piece, width


@lru_cache(maxsize=4096)
def _cells_of(character: str) -> int:
    if unicodedata.category(character) in _NO_WIDTH or ord(character) in _HANGUL_INSIDE:
        return 0
    return 2 if unicodedata.east_asian_width(character) in _WIDE else 1


def cut(text: str, width: int, mark: str = "…") -> str:
    """Give a text that takes at most `width` cells, with a mark at the end where something is missing."""
    if cells(text) <= width:
        return text
    mark = mark if cells(mark) <= width else ""
    room = width - cells(mark)
    kept = ""
    for piece, own in clusters(text):
        if own > room:
            break
        kept += piece
        room -= own
    return kept.rstrip(" ") + mark


def wrap(text: str, width: int, *, indent: int = 0) -> list[str]:
    """Give a text in lines of at most `width` cells, broken at blanks; those after the first are indented.

    A word that is longer than a line is the only one that is broken.
    """
    lines: list[str] = []
    line, used = "", 0
    for blanks, word in re.findall(r"( *)([^ ]+)", text):
        room = width - (indent if lines else 0)
        if line and used + len(blanks) + cells(word) > room:
            lines.append(line)
            line, used, room = "", 0, width - indent
        elif line or not lines:
            line, used = line + blanks, used + len(blanks)
        for piece in _folded(word, width - indent, room - used):
            if used and used + cells(piece) > room:
                lines.append(line)
                line, used, room = "", 0, width - indent
            line, used = line + piece, used + cells(piece)
    if line.strip() or not lines:
        lines.append(line.rstrip())
    return [lines[0], *(" " * indent + each for each in lines[1:])]


def _folded(word: str, width: int, first: int) -> Iterator[str]:
    """Give a word in pieces that fit, of which the first may have less room; one that fits as it is stays whole."""
    room = max(first, 1)
    if cells(word) <= room:
        yield word
        return
    piece, used = "", 0
    for cluster, own in clusters(word):
        if piece and used + own > room:
            yield piece
            piece, used, room = "", 0, max(width, 1)
        piece, used = piece + cluster, used + own
    yield piece


def aligned(columns: Sequence[Column], rows: Sequence[Sequence[str]], below: Below = _NOTHING) -> Iterator[str]:
    """Give a table in plain columns, two blanks apart, as wide as its longest texts; the headings first."""
    table = [[column.heading for column in columns], *rows]
    widths = [max((cells(row[place]) for row in table), default=0) for place in range(len(columns))]
    for number, row in enumerate(table, -1):
        padded = (_padded(cell, width, column) for column, cell, width in zip(columns, row, widths, strict=True))
        yield "  ".join(padded).rstrip()
        yield from (" " * _BELOW + text for text in below.get(number, ()))


def records(columns: Sequence[Column], rows: Sequence[Sequence[str]], below: Below = _NOTHING) -> Iterator[str]:
    """Give one line a row, `heading: value; heading: value`, without what is blank, as a screen reader reads it well.

    A row that belongs to the one above says again what both are about; so does a text below it.
    """
    above = [""] * len(columns)
    for number, row in enumerate(rows):
        if not row[0]:
            row = [cell or (above[place] if column.keep >= IDENTITY or not place else "")  # noqa: PLW2901
                   for place, (cell, column) in enumerate(zip(row, columns, strict=True))]  # fmt: skip
        above = list(row)
        said = (f"{column.heading}: {cell.strip()}" for column, cell in zip(columns, row, strict=True) if cell.strip())
        yield "; ".join(said)
        yield from (f"{columns[0].heading}: {row[0]}; {text}" for text in below.get(number, ()))


@dataclass(frozen=True, slots=True)
class Look:
    """How a terminal wants its tables."""

    width: int
    coloured: bool = False
    rule: str = "─"
    mark: str = "…"
    """What stands where a text was cut."""

    def toned(self, text: str, tone: str | None) -> str:
        """Give a text in bold or in a colour, where there is any."""
        return f"\x1b[{tone}m{text}\x1b[0m" if tone and self.coloured and text else text


def drawn(
    columns: Sequence[Column], rows: Sequence[Sequence[str]], look: Look, below: Below = _NOTHING
) -> tuple[list[str], list[str]]:
    """Give a table's lines as they fit a terminal, and the headings of the columns that did not."""
    fitted = _fitted(columns, rows, look.width)
    if fitted is not None and _gone_parts(columns, fitted[0]):
        # The sum of all is the widest that OTHER may be.
        with_other = _with_other(columns, rows, _parts(columns))
        if (fitted := _fitted(*with_other, look.width)) is not None:
            columns, rows = _with_other(columns, rows, _gone_parts(with_other[0], fitted[0]))
    if fitted is None:
        return list(_stacked(columns, rows, look, below)), []
    kept, widths = fitted
    shown = [(columns[place], widths[place]) for place in kept]
    table = [
        [_lines(row[place], column, width, look) for place, (column, width) in zip(kept, shown, strict=True)] for row in rows
    ]
    lines = _painted(shown, [[row[place] for place in kept] for row in rows], table, look)
    if below:
        heights = [max(len(part) for part in parts) for parts in table]
        lines = list(_spliced(lines, heights, look, below))
    left_out = [column.heading for place, column in enumerate(columns) if place not in kept and column.heading]
    return lines, left_out


def _spliced(lines: Sequence[str], heights: Sequence[int], look: Look, below: Below) -> Iterator[str]:
    """Put below each row what stands there. A row has as many lines as its highest cell; the last lines are the rows'."""
    place = len(lines) - sum(heights)
    yield from lines[:place]
    for number, height in enumerate(heights):
        yield from lines[place : place + height]
        yield from _below(number, look, below)
        place += height


def _below(number: int, look: Look, below: Below) -> Iterator[str]:
    for text in below.get(number, ()):
        yield from (" " * _BELOW + line for line in wrap(text, look.width - _BELOW))


def _parts(columns: Sequence[Column]) -> list[int]:
    return [place for place, column in enumerate(columns) if column.part]


def _gone_parts(columns: Sequence[Column], kept: Sequence[int]) -> list[int]:
    return [place for place in _parts(columns) if place not in kept]


def _with_other(
    columns: Sequence[Column], rows: Sequence[Sequence[str]], places: Sequence[int]
) -> tuple[list[Column], list[list[str]]]:
    """Give a table with one more column behind its counts: the sum of those at `places`."""
    end = _parts(columns)[-1] + 1

    def total(row: Sequence[str]) -> str:
        return f"{sum(int(row[place].replace(',', '') or 0) for place in places):,}"

    other = Column(OTHER, right=True, keep=IDENTITY)
    return [*columns[:end], other, *columns[end:]], [[*row[:end], total(row), *row[end:]] for row in rows]


def _lines(cell: str, column: Column, width: int, look: Look) -> list[str]:
    return wrap(cell, width) if column.wrap else [cut(cell, width, look.mark)]


def _painted(
    columns: Sequence[tuple[Column, int]], texts: Sequence[Sequence[str]], table: Sequence[Sequence[Sequence[str]]], look: Look
) -> list[str]:
    """Give the lines of a table, by rich. The cells are as wide as their columns already; no text is markup."""
    from io import StringIO

    from rich.box import Box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    blank = "    \n"
    box = Box(f"{blank}{blank} {look.rule * 2} \n{blank * 5}", ascii=look.rule.isascii())
    painted = Table(box=box, pad_edge=False, show_edge=False, safe_box=False)
    for column, width in columns:
        heading = Text("\n".join(_lines(column.heading, column, width, look)), "bold" if look.coloured else "")
        painted.add_column(heading, justify="right" if column.right else "left", no_wrap=True, overflow="crop", width=width)
    for row, parts in zip(texts, table, strict=True):
        styles = (column.tones.get(text, "") if look.coloured else "" for text, (column, _) in zip(row, columns, strict=True))
        painted.add_row(*(Text("\n".join(part), _STYLES[style]) for part, style in zip(parts, styles, strict=True)))
    console = Console(
        file=StringIO(), width=look.width, color_system="standard" if look.coloured else None, force_terminal=look.coloured,
        legacy_windows=False, highlight=False, emoji=False, markup=False,
    )  # fmt: skip
    with console.capture() as captured:
        console.print(painted)
    return [line.rstrip() for line in captured.get().splitlines()]


def _stacked(columns: Sequence[Column], rows: Sequence[Sequence[str]], look: Look, below: Below) -> Iterator[str]:
    """Give each row as lines of heading and value, where no table fits."""
    least = max(cells(column.heading) for column in columns) + 2
    for number, row in enumerate(rows):
        if number and row[0]:
            yield ""
        for column, cell in zip(columns, row, strict=True):
            if not cell.strip():
                continue
            tone = column.tones.get(cell) or (BOLD if column is columns[0] else None)
            text, room = cell.strip(), look.width - least
            if room < max(cells(word) for word in text.split(" ")) <= look.width - _INSIDE:
                # Below its heading, where its longest word has room.
                yield column.heading
                yield from (" " * _INSIDE + look.toned(line, tone) for line in wrap(text, look.width - _INSIDE))
                continue
            first, *others = wrap(text, max(room, _SHORT))
            yield column.heading + " " * (least - cells(column.heading)) + look.toned(first, tone)
            yield from (" " * least + other for other in others)
        yield from _below(number, look, below)


def _padded(text: str, width: int, column: Column) -> str:
    blanks = " " * (width - cells(text))
    return blanks + text if column.right else text + blanks


def _fitted(columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int) -> tuple[list[int], list[int]] | None:
    """Give the places of the columns that fit, and the width of each; None where what must stand there does not."""
    table = [[column.heading for column in columns], *rows]
    needs = [max(cells(row[place]) for row in table) for place in range(len(columns))]
    least = [_least(column, [row[place] for row in table], needs[place], width) for place, column in enumerate(columns)]
    needs = [max(floor, min(need, width)) for floor, need in zip(least, needs, strict=True)]
    empty = {place for place in range(len(columns)) if rows and not any(row[place].strip() for row in rows)}

    def bottom(place: int, wrapped: int) -> int:
        floor = wrapped if columns[place].wrap else _LONG
        return min(needs[place], max(floor, least[place]))

    def has_room(places: Sequence[int], wrapped: int) -> bool:
        return sum(bottom(place, wrapped) + _BETWEEN for place in places) - _BETWEEN <= width

    kept: list[int] = []
    for place in sorted(range(len(columns)), key=lambda place: (place in empty, -columns[place].keep, place)):
        keep = 0 if place in empty else columns[place].keep
        wrapped = _SHORT if keep > _EXPENDABLE else _READABLE
        if len(kept) < _FEWEST or keep >= IDENTITY or has_room([*kept, place], wrapped):
            kept.append(place)
    kept.sort()

    def narrow(places: Sequence[int], floor: int) -> None:
        # The widest first, down to the next one, so that of two texts none is much harder to read.
        loose = [place for place in places if needs[place] > max(floor, least[place])]
        while loose and too_wide() > 0:
            widest = max(loose, key=lambda place: needs[place])
            needs[widest] -= 1
            if needs[widest] <= max(floor, least[widest]):
                loose.remove(widest)

    def too_wide() -> int:
        return sum(needs[place] + _BETWEEN for place in kept) - _BETWEEN - width

    narrow(kept, _LONG)
    narrow([place for place in kept if columns[place].wrap], _READABLE)
    narrow([place for place in kept if columns[place].wrap], _SHORT)
    narrow(kept, _SHORT)
    return (kept, needs) if too_wide() <= 0 else None


def _least(column: Column, texts: Sequence[str], need: int, width: int) -> int:
    """Give the cells that a column cannot do without: a text that goes on in the next line is broken at blanks only.

    A word that is longer than a line is broken in any case, so it claims no room.
    """
    if column.wrap:
        words = (cells(word) for text in texts for word in text.split(" "))
        return max((word for word in words if word <= width), default=0)
    if column.whole:
        return need
    return min(need, _LONG if column.keep >= IDENTITY else _SHORT)
