"""The Customer Listing as a page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bposync.advice import command
from bposync.export.markup import Markup, element
from bposync.export.page import left_out, page, section, table
from bposync.fields import FIELDS, Kind
from bposync.words import cell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bposync.export.told import Facts
    from bposync.records import Row

MOST_ROWS: Final = 20_000


def listing_page(rows: Sequence[Row], names: Sequence[str], facts: Facts) -> Markup:
    """Make the page: a row for each customer and site, with the fields that were asked for."""
    headings = [(FIELDS[name].label, _class(name)) for name in names]
    body = [element("tr", [_cell(row, name, first=not place) for place, name in enumerate(names)]) for row in rows[:MOST_ROWS]]
    made = table(headings, [element("tbody", body)], class_="listing", caption="One row for each customer and site")
    region = element("div", made, class_="wide", role="region", aria_label="Customers", tabindex="0")
    more = left_out(
        len(rows) - MOST_ROWS if len(rows) > MOST_ROWS else 0, f"All of them: {command('list --output customers.xlsx')}"
    )
    return page("Customer Listing", facts, [section("Customers", region, more, count=len(rows))], landscape=True)


def _class(name: str) -> str | None:
    return "number" if FIELDS[name].kind is Kind.AMOUNT else None


def _cell(row: Row, name: str, *, first: bool) -> Markup:
    shown = cell(row.value(name))
    return element("th", shown, scope="row") if first else element("td", shown, class_=_class(name))
