"""Rows of the table: syncs, from the start of their process to its exit."""

from __future__ import annotations

import tempfile
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
    found: dict[str, list[Sample]] = {"ours": [], "bare": [], "dlt": [], "again": [], "dlt again": []}
    with_dlt = "dlt" in peers.versions()
    for _ in range(max(context.rounds - 1, 1)):
        company.empty_books()
        found["bare"].append(measure.child("insert", company.books_url, context.size))
        company.empty_books()
        found["ours"].append(synced(company))
        company.tidy()
        with tempfile.TemporaryDirectory(dir=context.folder) as folder:
            load = peers.dlt_command(company.bpo_url, company.books_url, Path(folder))
            if with_dlt:
                peers.forget_dlt(company.books_url)
                found["dlt"].append(measure.process(*load))
                company.tidy()
            for _ in range(_AGAIN):
                found["again"].append(synced(company))
                if with_dlt:
                    found["dlt again"].append(measure.process(*load))
    what = f"first sync of {context.size:,} new accounts, PostgreSQL, start to exit"
    ours, bare, again = best(found["ours"]), best(found["bare"]), best(found["again"])
    yield Row(
        what,
        said(ours, memory=True),
        f"the same rows in INSERTs of 500, each committed, bare psycopg: {said(bare)}",
        ours.seconds / bare.seconds,
        4.0,
    )
    if not with_dlt:
        return
    theirs = best(found["dlt"])
    yield Row("the same", said(ours), f"dlt's first merge load: {said(theirs)}", ours.seconds / theirs.seconds, 1.0)
    theirs = best(found["dlt again"])
    yield Row(
        f"sync of {context.size:,} when nothing changed, PostgreSQL, start to exit",
        said(again, memory=True),
        f"dlt's merge load of the same table: {said(theirs, memory=True)}",
        again.seconds / theirs.seconds,
        1 / 8,
    )


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
