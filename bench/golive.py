"""Rows of the table: the sheet of a go-live, with everybody's candidates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench import measure
from bench.measure import best, in_turn
from bench.table import Row, said

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.context import Context


def golive(context: Context) -> Iterator[Row]:
    """Measure the sheet of 3,000 customers who meet 2,500 accounts, beside the plan alone."""
    from support import golive as made

    folder = context.place()
    folder.mkdir()
    company, _ = made.make(folder)
    configuration = company.path
    measures = {
        "sheet": lambda: measure.child("sheet", configuration, folder / "review.xlsx"),
        "plan": lambda: measure.child("plan", configuration),
    }
    found = {name: best(samples) for name, samples in in_turn(context.rounds, measures).items()}
    sheet, plan = found["sheet"], found["plan"]
    yield Row(
        f"go-live sheet, 3,000 customers and 2,500 accounts, {sheet.found:,} rows for a person, SQLite",
        said(sheet),
        f"the plan alone: {said(plan)}",
        sheet.seconds / plan.seconds,
        3.0,
    )
