"""Writes a sheet as .xlsx or .csv, and any file whole or not at all."""

from __future__ import annotations

import contextlib
import csv
import io
import os
import secrets
import shutil
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from bposync.errors import UsageError
from bposync.sheets.cells import as_cell, check_ending, cut, on_the_wall
from bposync.values import visible

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bposync.sheets.cells import Cell, Sheet

_MOST_CHOICES: Final = 255  # characters of a drop-down's entries, in Excel
_MOST_ROWS: Final = 1_048_575  # below the headings, in Excel
_A4: Final = 9  # as Excel numbers papers
_MOST_EXACT: Final = Decimal(10) ** 13  # a spreadsheet's numbers have fifteen digits; a larger amount loses its cents
# The only characters that `visible` leaves and XML has no place for.
_NOT_IN_XML: Final = {0xFFFE: r"\ufffe", 0xFFFF: r"\uffff"}


def write(path: Path, sheet: Sheet, *, separator: str = ",") -> None:
    """Write a sheet in the format that the file's ending names. Raises UsageError where it cannot be.

    `separator` stands between the cells of a .csv.
    """
    check_ending(path)
    if path.suffix.lower() == ".xlsx" and any(len(page.rows) > _MOST_ROWS for page in (sheet, *sheet.more)):
        raise UsageError(
            f"{visible(path.name)}: Excel holds {_MOST_ROWS:,} rows, and there are {len(sheet.rows):,}.",
            "Ask for less, or name a file that ends in .csv.",
        )

    def fill(file: Path) -> None:
        if path.suffix.lower() == ".xlsx":
            _write_xlsx(file, sheet)
        else:
            _write_csv(file, sheet, separator)

    replace(path, fill)


def replace(path: Path, fill: Callable[[Path], None]) -> None:
    """Put a file in the place of another, whole or not at all: `fill` writes it under another name. Raises UsageError."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.new")
    try:
        fill(beside)
        with contextlib.suppress(OSError):  # who might read the old one may read the new one
            shutil.copymode(path, beside)
        os.replace(beside, path)  # noqa: PTH105 - one step, also on Windows
    except OSError as error:
        raise UsageError(
            f"{visible(str(path))} cannot be written: {error.strerror or error}.",
            "Check the folder and its rights; close the file where a spreadsheet has it open.",
        ) from None
    finally:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)


def _write_csv(file: Path, sheet: Sheet, separator: str) -> None:
    # The mark at the beginning tells Excel that this is UTF-8.
    with file.open("x", encoding="utf-8-sig", newline="") as stream:
        writer = csv.writer(stream, delimiter=separator)
        writer.writerow(heading.name for heading in sheet.headings)
        for row in sheet.rows:
            writer.writerow(_in_csv(cell) for cell in row)


def _in_csv(cell: Cell) -> str:
    if isinstance(cell, Decimal):
        return f"{cell:.2f}"
    if isinstance(cell, datetime):
        return f"{on_the_wall(cell):%Y-%m-%d %H:%M:%S}"
    if isinstance(cell, int):
        return str(cell)
    return cut(as_cell(cell or ""))


def _write_xlsx(file: Path, sheet: Sheet) -> None:
    import xlsxwriter

    made = io.BytesIO()
    with xlsxwriter.Workbook(made, {"in_memory": True}) as book:
        styles = _styles(book)
        for each in (sheet, *sheet.more):
            _write_page(book, each, styles)
        if sheet.explanation:
            told = book.add_worksheet("How to fill it in")
            told.set_column(0, 0, 110, book.add_format({"text_wrap": True, "valign": "top"}))
            for number, line in enumerate(sheet.explanation):
                told.write_string(number, 0, line)
    with file.open("xb") as stream:
        stream.write(made.getbuffer())


def _styles(book: Any) -> dict[str, Any]:  # noqa: ANN401 - the library is not typed
    return {
        "text": book.add_format({"num_format": "@", "valign": "top"}),
        "wrapped": book.add_format({"num_format": "@", "valign": "top", "text_wrap": True}),
        "amount": book.add_format({"num_format": "#,##0.00_);-#,##0.00_)", "valign": "top"}),
        "count": book.add_format({"num_format": "#,##0_);-#,##0_)", "valign": "top"}),
        "moment": book.add_format({"num_format": "yyyy-mm-dd hh:mm", "valign": "top", "align": "left"}),
        "to fill": book.add_format(
            {"num_format": "@", "valign": "top", "bg_color": "#FFF8DC", "border": 1, "border_color": "#D9D9D9"}
        ),
        "heading": book.add_format({"bold": True, "bg_color": "#E8EEF4", "bottom": 1}),
    }


def _write_page(book: Any, sheet: Sheet, styles: dict[str, Any]) -> None:  # noqa: ANN401
    page = book.add_worksheet(sheet.title)
    for place, heading in enumerate(sheet.headings):
        page.write_string(0, place, heading.label or heading.name, styles["heading"])
        page.set_column(place, place, heading.width, styles["text"], {"hidden": heading.hidden})
    for number, row in enumerate(sheet.rows, 1):
        for place, (heading, cell) in enumerate(zip(sheet.headings, row, strict=True)):
            text = styles["to fill" if heading.filled_in else "wrapped" if heading.wrap else "text"]
            if isinstance(cell, Decimal) and abs(cell) < _MOST_EXACT:
                page.write_number(number, place, float(cell), styles["amount"])
            elif isinstance(cell, datetime):
                page.write_datetime(number, place, on_the_wall(cell), styles["moment"])
            elif isinstance(cell, int):
                page.write_number(number, place, cell, styles["count"])
            elif cell is not None and cell != "":
                shown = f"{cell:,.2f}" if isinstance(cell, Decimal) else visible(cell).translate(_NOT_IN_XML)
                page.write_string(number, place, cut(shown), text)
            elif heading.filled_in:
                page.write_blank(number, place, None, text)
    _drop_downs(page, sheet)
    page.ignore_errors({"number_stored_as_text": "A1:XFD1048576"})  # codes and telephone numbers are texts on purpose
    page.freeze_panes(1, sheet.frozen)
    page.autofilter(0, 0, len(sheet.rows), len(sheet.headings) - 1)
    page.set_landscape()
    page.set_paper(_A4)
    page.fit_to_pages(1, 0)
    page.repeat_rows(0)
    page.set_footer("&L&A&RPage &P of &N")


def _drop_downs(page: Any, sheet: Sheet) -> None:  # noqa: ANN401
    """Offer each row its own entries; a cell takes any text all the same."""
    place = next((place for place, heading in enumerate(sheet.headings) if heading.filled_in), None)
    for row, entries in sheet.choices.items():
        # Entries are told apart by commas, stand between quotation marks, and are short in all: the longest go first.
        fitting = [entry for entry in entries if not {",", '"'} & set(entry) and entry == visible(entry)]
        while sum(len(entry) + 1 for entry in fitting) > _MOST_CHOICES:
            del fitting[max(range(len(fitting)), key=lambda place: (len(fitting[place]), place))]
        if place is not None and fitting:
            page.data_validation(row + 1, place, row + 1, place, {"validate": "list", "source": fitting, "show_error": False})
