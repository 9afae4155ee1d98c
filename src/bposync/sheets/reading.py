"""Reads a sheet back, however Excel or LibreOffice saved it; nothing in it runs, and none fills the memory."""

from __future__ import annotations

import contextlib
import csv
import io
import re
import zipfile
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bposync.errors import UsageError
from bposync.sheets.cells import check_ending, unguarded
from bposync.values import visible

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_SEPARATORS: Final = (",", ";", "\t")
_MOST_IN_CSV: Final = 10_000_000  # characters of a cell; a long name in which all is escaped takes some 400,000
_MOST_BYTES: Final = 300_000_000  # of a workbook, unpacked
_MOST_CELLS: Final = 20_000_000  # of a page, from its first cell to its last
_FILLED_CELL = re.compile(rb"<(?:\w+:)?c\s[^>]*?\br=[\"']([A-Z]{1,3})(\d{1,7})[\"'][^>]*(?<!/)>")


@dataclass(frozen=True, slots=True)
class Line:
    """A row that was read: its number as the spreadsheet shows it, and its cells by the names of their columns."""

    number: int
    cells: Mapping[str, str]


def read(path: Path, needed: Sequence[str], *, plain: bool = False) -> list[Line]:
    """Read a sheet's rows, in whatever order its columns stand. `needed` are the headings that it must have.

    With `plain` the guard against formulas is left in CSV's cells, for a reader who knows it better. Raises UsageError where
    it cannot be read, or is no such sheet.
    """
    check_ending(path)
    try:
        rows = _xlsx_rows(path, needed) if path.suffix.lower() == ".xlsx" else _csv_rows(path, needed, plain=plain)
    except OSError as error:
        raise UsageError(f"{visible(str(path))} cannot be read: {error.strerror or error}.", "Check the name.") from None
    headings = [_name(heading) for heading in rows[0][1]] if rows else []
    for name in needed:
        if headings.count(name) != 1:
            what = "has no column" if name not in headings else "has several columns"
            raise UsageError(f"{visible(str(path))} {what} {name!r}.", "Take the sheet that bposync wrote, with its headings.")
    empty = dict.fromkeys(headings, "")  # a row may end with its last cell that is filled
    return [Line(number, {**empty, **dict(zip(headings, cells, strict=False))}) for number, cells in rows[1:]]


def _name(heading: str) -> str:
    """Give a column's name by its heading, which people read with blanks: `candidate name 1`."""
    return heading.casefold().replace(" ", "_")


def _csv_rows(path: Path, needed: Sequence[str], *, plain: bool) -> list[tuple[int, list[str]]]:
    """Give the rows that are not blank, each with its number."""
    text = _decoded(path)
    separator = ""
    if text[:4].lower() == "sep=":  # a line of Excel's own before the headings, which it does not show or count
        line, _, text = text.partition("\n")
        separator = line[4:5].strip("\r")
    first = next((line for line in text.splitlines() if line.strip()), "").lower()

    def found(separator: str) -> tuple[int, int]:
        names = [name.strip(' "\r') for name in first.split(separator)]
        return sum(name in names for name in needed), len(names)

    csv.field_size_limit(_MOST_IN_CSV)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator or max(_SEPARATORS, key=found))
    try:
        return [
            (number, [cell.strip() if plain else unguarded(cell.strip()) for cell in row])
            for number, row in enumerate(rows, 1)
            if any(cell.strip() for cell in row)
        ]
    except csv.Error as error:
        raise UsageError(f"{visible(str(path))}, line {rows.line_num}: {error}.", "Save it as CSV again.") from None


def _decoded(path: Path) -> str:
    raw = path.read_bytes()
    wide = raw.startswith((b"\xff\xfe", b"\xfe\xff"))
    # What Excel calls Unicode text; CSV UTF-8 and CSV.
    for encoding in ("utf-16",) if wide else ("utf-8-sig", "cp1252"):
        with contextlib.suppress(UnicodeDecodeError):
            return raw.decode(encoding)
    raise UsageError(f"{visible(str(path))} is no text that could be read.", "Save it as CSV UTF-8, or as .xlsx.")


def _xlsx_rows(path: Path, needed: Sequence[str]) -> list[tuple[int, list[str]]]:
    """Give the rows that are not blank of the first page that has the headings, else of the first page at all."""
    import python_calamine

    pages = []
    try:
        _check_size(path)
        with path.open("rb") as stream, python_calamine.CalamineWorkbook.from_filelike(stream) as book:
            for name in book.sheet_names:
                rows = enumerate(book.get_sheet_by_name(name).to_python(skip_empty_area=False), 1)
                filled = [(number, cells) for number, row in rows if any(cells := [_text(cell) for cell in row])]
                pages.append(filled)
                if filled and {*needed} <= {_name(cell) for cell in filled[0][1]}:
                    return filled
    except python_calamine.PasswordError:
        raise UsageError(f"{visible(str(path))} has a password.", "Take it off in the spreadsheet, and save it.") from None
    except (python_calamine.CalamineError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError) as error:
        raise UsageError(f"{visible(str(path))} is no .xlsx that could be read: {error}.", "Save it as .xlsx again.") from None
    return next(iter(pages), [])


def _check_size(path: Path) -> None:
    """Refuse a workbook that would fill the memory: by its size, or by one cell far out. Raises ValueError."""
    if not zipfile.is_zipfile(path):
        return  # one with a password is no zip file; whatever else, the reader says what is wrong
    with zipfile.ZipFile(path) as packed:
        members = packed.infolist()
        if sum(member.file_size for member in members) > _MOST_BYTES:
            raise ValueError("it is too large")
        if not any(_is_page(member) for member in members):
            raise ValueError("it has no worksheet")
        for member in members:
            unpacked = packed.read(member)  # as long as it says, else it is an error
            if not _is_page(member):
                continue
            last_row = last_column = 0
            for match in _FILLED_CELL.finditer(unpacked):
                last_row = max(last_row, int(match[2]))
                last_column = max(last_column, _column_number(match[1]))
            if last_row * last_column > _MOST_CELLS:
                raise ValueError(f"a cell is filled in as far out as row {last_row:,}, column {last_column:,}: delete it")


def _is_page(member: zipfile.ZipInfo) -> bool:
    return member.filename.startswith("xl/worksheets/") and member.filename.endswith(".xml")


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - ord("A") + 1
    return number


def _text(cell: object) -> str:
    """Give a cell as the text that a person sees; a number without the point that a spreadsheet adds."""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return "" if cell is None else str(cell).strip()
