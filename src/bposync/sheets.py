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
import zipfile
import zlib
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from bposync.errors import UsageError
from bposync.values import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

Cell = str | Decimal | None

_FORMULA = re.compile(r"[=+\-@\t\r]")
_GUARDED = re.compile(r"'+[=+\-@\t\r]")
_HARMLESS = re.compile(r"[+-]?[\d\s().,/-]+", re.ASCII)
_SEPARATORS: Final = (",", ";", "\t")
_MOST_CHARACTERS: Final = 32_000  # in a cell of Excel's, a little below its limit; it counts those beyond the first plane twice
_MOST_IN_CSV: Final = 10_000_000  # characters of a cell; a long name in which all is escaped takes some 400,000
_MOST_BYTES: Final = 300_000_000  # of a workbook, unpacked
_MOST_CELLS: Final = 20_000_000  # of a page, from its first cell to its last
_FILLED_CELL = re.compile(rb"<(?:\w+:)?c\s[^>]*?\br=[\"']([A-Z]{1,3})(\d{1,7})[\"'][^>]*(?<!/)>")
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


def as_cell(text: str) -> str:
    """Give a guarded CSV cell that is read back as the text: one that begins so by itself gets an apostrophe more."""
    cell = guarded(text)
    return cell if _unguarded(cell) == visible(text) else f"'{cell}"


def _unguarded(cell: str) -> str:
    return cell[1:] if _GUARDED.match(cell) else cell


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
            writer.writerow(f"{cell:.2f}" if isinstance(cell, Decimal) else _cut(as_cell(cell or "")) for cell in row)


def _cut(text: str) -> str:
    """Give text as long as a spreadsheet's cell holds it; codes and values never come near that."""
    if len(text) * 2 <= _MOST_CHARACTERS or len(text.encode("utf-16-le", "surrogatepass")) <= 2 * _MOST_CHARACTERS:
        return text
    return text.encode("utf-16-le", "surrogatepass")[: 2 * _MOST_CHARACTERS].decode("utf-16-le", "ignore") + "…"


def _write_xlsx(file: Path, sheet: Sheet) -> None:
    import xlsxwriter

    made = io.BytesIO()
    with xlsxwriter.Workbook(made, {"in_memory": True}) as book:
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
                    page.write_string(number, place, _cut(visible(cell)), style)
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
    with file.open("xb") as stream:
        stream.write(made.getbuffer())


def _drop_downs(page: Any, sheet: Sheet) -> None:  # noqa: ANN401 - the library is not typed
    """Offer each row its own entries; a cell takes any text all the same."""
    place = next((place for place, heading in enumerate(sheet.headings) if heading.filled_in), None)
    for row, entries in sheet.choices.items():
        # Entries are told apart by commas, stand between quotation marks, and are short in all: the longest go first.
        fitting = [entry for entry in entries if not {",", '"'} & set(entry) and entry == visible(entry)]
        while sum(len(entry) + 1 for entry in fitting) > _MOST_CHOICES:
            del fitting[max(range(len(fitting)), key=lambda place: (len(fitting[place]), place))]
        if place is not None and fitting:
            page.data_validation(row + 1, place, row + 1, place, {"validate": "list", "source": fitting, "show_error": False})


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
    headings = [heading.casefold() for heading in rows[0][1]] if rows else []
    for name in needed:
        if headings.count(name) != 1:
            what = "has no column" if name not in headings else "has several columns"
            raise UsageError(f"{visible(str(path))} {what} {name!r}.", "Take the sheet that bposync wrote, with its headings.")
    empty = dict.fromkeys(headings, "")  # a row may end with its last cell that is filled
    return [Line(number, {**empty, **dict(zip(headings, cells, strict=False))}) for number, cells in rows[1:]]


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
            (number, [cell.strip() if plain else _unguarded(cell.strip()) for cell in row])
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
                if filled and {*needed} <= {cell.casefold() for cell in filled[0][1]}:
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
