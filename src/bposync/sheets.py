"""Tables as files that people open in a spreadsheet: written whole or not at all, read back however it was saved.

Nothing in a cell runs: texts are texts in .xlsx, and guarded against formulas in .csv. What could act on a screen or hide is
shown as an escape, as everywhere.
"""

from __future__ import annotations

import contextlib
import csv
import io
import os
import re
import secrets
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from bposync.errors import UsageError
from bposync.values import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

Cell = str | Decimal | None

_FORMULA = re.compile(r"[=+\-@\t\r]")
_HARMLESS = re.compile(r"[+-]?[\d\s().,/-]+", re.ASCII)
_SEPARATORS: Final = (",", ";", "\t")
_MOST_CHARACTERS: Final = 32_000  # in a cell of Excel's, a little below its limit
_MOST_CHOICES: Final = 255  # characters of a drop-down's entries, in Excel
_A4: Final = 9  # as Excel numbers papers
_ENDINGS: Final = (".xlsx", ".csv")


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


@dataclass(frozen=True, slots=True)
class Line:
    """A row that was read: its number as the spreadsheet shows it, and its cells by lower-case heading."""

    number: int
    cells: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Sheet:
    """What is written: headings, rows, and for rows with a drop-down its entries, by the row's place."""

    headings: Sequence[Heading]
    rows: Sequence[Sequence[Cell]]
    choices: Mapping[int, Sequence[str]] = field(default_factory=dict)
    explanation: Sequence[str] = ()
    """What a person has to know, on a page of its own in .xlsx."""


def guarded(cell: str) -> str:
    """Give a CSV cell that no spreadsheet takes for a formula; telephone numbers and amounts stay as they are."""
    shown = visible(cell)
    return f"'{shown}" if _FORMULA.match(cell) and not _HARMLESS.fullmatch(cell) else shown


def _unguarded(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell[1:]) else cell


def check_ending(path: Path) -> None:
    """Refuse a file whose ending says neither .xlsx nor .csv. Raises UsageError."""
    if path.suffix.lower() not in _ENDINGS:
        raise UsageError(f"{visible(path.name)}: a sheet ends in .xlsx or .csv.", "Name it so.")


def write(path: Path, sheet: Sheet) -> None:
    """Write a sheet in the format that the file's ending names. Raises UsageError where it cannot be."""
    check_ending(path)
    replace(path, (lambda file: _write_xlsx(file, sheet)) if path.suffix.lower() == ".xlsx" else lambda file: _csv(file, sheet))


def replace(path: Path, fill: Callable[[Path], None]) -> None:
    """Put a file in the place of another, whole or not at all: `fill` writes it under another name. Raises UsageError."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.new")
    try:
        fill(beside)
        os.replace(beside, path)  # noqa: PTH105 - one step, also on Windows
    except OSError as error:
        raise UsageError(
            f"{visible(str(path))} cannot be written: {error.strerror or error}.",
            "Check the folder and its rights; close the file where a spreadsheet has it open.",
        ) from None
    finally:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)


def _csv(file: Path, sheet: Sheet) -> None:
    # The mark at the beginning tells Excel that this is UTF-8.
    with file.open("x", encoding="utf-8-sig", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(heading.name for heading in sheet.headings)
        for row in sheet.rows:
            writer.writerow(f"{cell:.2f}" if isinstance(cell, Decimal) else guarded(cell or "") for cell in row)


def _write_xlsx(file: Path, sheet: Sheet) -> None:
    import xlsxwriter

    with xlsxwriter.Workbook(str(file), {"in_memory": True}) as book:
        text = book.add_format({"num_format": "@", "valign": "top"})
        wrapped = book.add_format({"num_format": "@", "valign": "top", "text_wrap": True})
        amount = book.add_format({"num_format": "#,##0.00", "valign": "top"})
        to_fill = book.add_format(
            {"num_format": "@", "valign": "top", "bg_color": "#FFF8DC", "border": 1, "border_color": "#D9D9D9"}
        )
        bold = book.add_format({"bold": True, "bg_color": "#E8EEF4", "bottom": 1})
        page = book.add_worksheet("Review")
        for place, heading in enumerate(sheet.headings):
            page.write_string(0, place, heading.name, bold)
            page.set_column(place, place, heading.width, text, {"hidden": heading.hidden})
        for number, row in enumerate(sheet.rows, 1):
            for place, (heading, cell) in enumerate(zip(sheet.headings, row, strict=True)):
                style = to_fill if heading.filled_in else wrapped if heading.wrap else text
                if isinstance(cell, Decimal):
                    page.write_number(number, place, float(cell), amount)
                elif cell:
                    page.write_string(number, place, _fitting(visible(cell)), style)
                elif heading.filled_in:
                    page.write_blank(number, place, None, style)
        _drop_downs(page, sheet)
        page.freeze_panes(1, 3)
        page.autofilter(0, 0, len(sheet.rows), len(sheet.headings) - 1)
        page.set_landscape()
        page.set_paper(_A4)
        page.fit_to_pages(1, 0)
        page.repeat_rows(0)
        if sheet.explanation:
            told = book.add_worksheet("How to fill it in")
            told.set_column(0, 0, 110, book.add_format({"text_wrap": True, "valign": "top"}))
            for number, line in enumerate(sheet.explanation):
                told.write_string(number, 0, line)


def _fitting(text: str) -> str:
    return text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS]}…"


def _drop_downs(page: Any, sheet: Sheet) -> None:  # noqa: ANN401 - the library is not typed
    """Offer each row its own entries; a cell takes any text all the same."""
    place = next((place for place, heading in enumerate(sheet.headings) if heading.filled_in), None)
    for row, entries in sheet.choices.items():
        # Entries are told apart by commas, and are short in all.
        fitting = [entry for entry in entries if "," not in entry and entry == visible(entry)]
        while sum(len(entry) + 1 for entry in fitting) > _MOST_CHOICES:
            fitting.pop(0)
        if place is not None and fitting:
            page.data_validation(row + 1, place, row + 1, place, {"validate": "list", "source": fitting, "show_error": False})


def read(path: Path, needed: Sequence[str], *, plain: bool = False) -> list[Line]:
    """Read a sheet's rows, in whatever order its columns stand. `needed` are the headings that it must have.

    With `plain` the guard against formulas is left in CSV's cells, for a reader who knows it better. Raises UsageError where
    it cannot be read, or is no such sheet.
    """
    check_ending(path)
    try:
        rows = list(_read_xlsx(path) if path.suffix.lower() == ".xlsx" else _read_csv(path, needed, plain=plain))
    except OSError as error:
        raise UsageError(f"{visible(str(path))} cannot be read: {error.strerror or error}.", "Check the name.") from None
    headings = [heading.strip().casefold() for heading in rows[0][1]] if rows else []
    for name in needed:
        if headings.count(name) != 1:
            what = "has no column" if name not in headings else "has several columns"
            raise UsageError(f"{visible(str(path))} {what} {name!r}.", "Take the sheet that bposync wrote, with its headings.")
    return [Line(number, dict(zip(headings, cells, strict=False))) for number, cells in rows[1:] if any(cells)]


def _read_csv(path: Path, needed: Sequence[str], *, plain: bool) -> Iterator[tuple[int, list[str]]]:
    text = _decoded(path)
    says_separator = text[:4].lower() == "sep="  # a line of Excel's own, before the headings
    if says_separator:
        text = text.partition("\n")[2]
    first = text.partition("\n")[0].lower()

    def found(separator: str) -> tuple[int, int]:
        names = [name.strip(' "\r') for name in first.split(separator)]
        return sum(name in names for name in needed), len(names)

    separator = max(_SEPARATORS, key=found)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        for number, row in enumerate(rows, 1 + says_separator):
            yield number, [cell.strip() if plain else _unguarded(cell.strip()) for cell in row]
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


def _read_xlsx(path: Path) -> Iterator[tuple[int, list[str]]]:
    import python_calamine

    try:
        with path.open("rb") as stream, python_calamine.CalamineWorkbook.from_filelike(stream) as book:
            rows = book.get_sheet_by_index(0).to_python(skip_empty_area=False)
    except (python_calamine.CalamineError, IndexError) as error:
        raise UsageError(f"{visible(str(path))} is no .xlsx that could be read: {error}.", "Save it as .xlsx again.") from None
    for number, row in enumerate(rows, 1):
        yield number, [_text(cell) for cell in row]


def _text(cell: object) -> str:
    """Give a cell as the text that a person sees; a number without the point that a spreadsheet adds."""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return "" if cell is None else str(cell).strip()
