"""Rows of the table: many companies with one shared journal, run by `xargs`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from bench import company as companies
from bench import measure
from bench.company import POSTGRESQL, SQLITE
from bench.measure import Sample, best, in_turn
from bench.table import NONE, Row, said

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bench.company import Company
    from bench.context import Context

_COMPANIES, _CUSTOMERS = 50, 2000
_FEW = 2


def several(context: Context) -> Iterator[Row]:
    """Measure many companies two at a time, beside the same companies one after the other."""
    count, customers = (_COMPANIES, _CUSTOMERS) if context.size >= _CUSTOMERS else (_FEW, context.size)
    server = context.server() if POSTGRESQL in context.kinds else None
    where = POSTGRESQL if server else SQLITE
    journal = server.url(server.create_database()) if server else f"sqlite:///{context.folder / 'shared.sqlite'}"
    context.say(f"  making {count} companies of {customers:,} in {SQLITE}")
    listed = context.folder / "companies"
    listed.write_text("".join(f"{_make(context, customers, journal, n).configuration}\n" for n in range(count)), "utf-8")
    first = _all(listed, 2)
    found = in_turn(max(context.rounds - 2, 1), {"two": lambda: _all(listed, 2), "one": lambda: _all(listed, 1)})
    two, one = best(found["two"]), best(found["one"])
    what = f"{count} companies of {customers:,}, one shared {where} journal, `xargs -P 2` on {os.cpu_count()} cores"
    yield Row(
        f"{what}, nothing changed", _each(two, count), f"one after the other: {_each(one, count)}", two.seconds / one.seconds
    )
    yield Row("the same, first sync: every customer paired and recorded", _each(first, count), NONE)


def _make(context: Context, customers: int, journal: str, number: int) -> Company:
    folder = context.place()
    made = companies.make(folder, SQLITE, customers)
    return companies.join(folder, SQLITE, customers, made.bpo_url, made.books_url, journal, f"company {number}")


def _all(listed: Path, at_once: int) -> Sample:
    """Measure a sync of every company."""
    arguments = companies.command("{}", "--quiet", "sync", "--yes")
    return measure.process("xargs", "-a", listed, "-P", str(at_once), "-I{}", *arguments)


def _each(sample: Sample, count: int) -> str:
    return f"{said(sample)}, {count / sample.seconds:.1f} companies a second"
