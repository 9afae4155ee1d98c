"""Rows of the table: syncs, from the start of their process to its exit."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bench import measure, peers
from bench.company import EVERY, POSTGRESQL
from bench.measure import Sample, best
from bench.reading import dry_run
from bench.table import Row, said

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.company import Company
    from bench.context import Context

_AGAIN = 2


def synced(company: Company) -> Sample:
    """Measure a sync."""
    return measure.process(*company.command("--quiet", "sync", "--yes"))


def first(context: Context) -> Iterator[Row]:
    """Measure the first sync of a company without accounts, beside bare inserts and dlt's first and second load."""
    company = context.new(POSTGRESQL, context.size, accounts=False)
    found: dict[str, list[Sample]] = defaultdict(list)
    ways = (peers.FASTEST, peers.DEFAULT) if "dlt" in peers.versions() else ()
    for _ in range(max(context.rounds - 1, 1)):
        company.empty_books()
        found["bare"].append(measure.child("insert", company.books_url, context.size))
        company.empty_books()
        found["ours"].append(synced(company))
        company.tidy()
        for _ in range(_AGAIN):
            found["again"].append(synced(company))
        for way in ways:
            for name, sample in zip((f"first, {way}", f"again, {way}"), _loads(context, company, way), strict=True):
                found[name].append(sample)
    what = f"first sync of {context.size:,} new accounts, PostgreSQL, start to exit"
    ours, bare, again = best(found["ours"]), best(found["bare"]), best(found["again"])
    yield Row(
        what,
        said(ours, memory=True),
        f"the same rows in INSERTs of 500, each committed, bare psycopg: {said(bare)}",
        ours.seconds / bare.seconds,
        4.0,
    )
    for way in ways:
        theirs = best(found[f"first, {way}"])
        yield Row("the same", said(ours), f"dlt's first merge load, {way}: {said(theirs)}", ours.seconds / theirs.seconds, 1.0)
    for way in ways:
        theirs = best(found[f"again, {way}"])
        yield Row(
            f"sync of {context.size:,} when nothing changed, PostgreSQL, start to exit",
            said(again, memory=True),
            f"dlt's merge load of the same table, {way}: {said(theirs, memory=True)}",
            again.seconds / theirs.seconds,
            1 / 8,
        )


def _loads(context: Context, company: Company, way: str) -> tuple[Sample, Sample]:
    """Measure dlt's first load and its second."""
    peers.forget_dlt(company.books_url)
    company.tidy()
    with tempfile.TemporaryDirectory(dir=context.folder) as folder:
        load = partial(peers.dlt_load, company.bpo_url, company.books_url, Path(folder), way, company.count)
        return load(), load()


def changed(context: Context) -> Iterator[Row]:
    """Measure syncs of some changes beside the plan alone."""
    for kind in context.kinds:
        company = context.in_step(kind, context.size)
        found: dict[str, list[Sample]] = {"plan": [], "sync": []}
        for turn in range(1, context.rounds + 1):
            company.change(turn)
            found["plan"].append(dry_run(company))
            found["sync"].append(synced(company))
        company.change(0)
        company.sync()
        company.tidy()
        plan, sync = best(found["plan"]), best(found["sync"])
        yield Row(
            f"sync of {context.size // EVERY:,} changed among {context.size:,}, {kind}, start to exit",
            said(sync),
            f"the plan alone, `--dry-run`: {said(plan)}",
            sync.seconds / plan.seconds,
            1.3,
        )
