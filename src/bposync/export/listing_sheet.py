"""The Customer Listing as a sheet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bposync.export.plan_sheet import value_cell
from bposync.fields import FIELDS
from bposync.sheets import Heading, Sheet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bposync.records import Row

_NARROWEST: Final = 10
_WIDEST: Final = 44
_WIDTHS: Final = {"credit_limit": 16}


def listing_sheet(rows: Sequence[Row], names: Sequence[str]) -> Sheet:
    """Make the sheet: a row for each customer and site, with the fields that were asked for."""
    headings = [Heading(name, _width(name, rows), label=FIELDS[name].label) for name in names]
    cells = [[value_cell(row.value(name)) for name in names] for row in rows]
    return Sheet(headings, cells, title="Customers", frozen=1 if names[:1] == ["code"] else 0)


def _width(name: str, rows: Sequence[Row]) -> int:
    longest = max((len(str(row.value(name) or "")) for row in rows), default=0)
    return max(_NARROWEST, min(_WIDEST, max(longest, len(FIELDS[name].label)) + 3), _WIDTHS.get(name, 0))
