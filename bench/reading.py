"""Rows of the table: plans, which only read."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from bench import measure, peers
from bench.company import EVERY, POSTGRESQL, SQLITE
from bench.measure import Sample, best, in_turn
from bench.table import NONE, Row, said

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.company import Company
    from bench.context import Context

_MOST_MEGABYTES = 600
_MOST_GROWTH = 10.5
_TENFOLD = 10


def planned(company: Company, *, differing: int = 0) -> Sample:
    """Measure a plan, and see to it that it is right."""
    sample = measure.child("plan", company.configuration)
    wanted = {"same": company.count - differing, **({"update": differing} if differing else {})}
    if sample.found != wanted:
        raise RuntimeError(f"the plan says {sample.found}, and {wanted} is right")
    return sample


def dry_run(company: Company) -> Sample:
    """Measure the whole process of a dry run."""
    return measure.process(*company.command("--quiet", "sync", "--dry-run"))


def plan(context: Context) -> Iterator[Row]:
    """Measure plans of companies in step beside reading and comparing with the bare drivers."""
    for kind in context.kinds:
        company = context.in_step(kind, context.size)
        measures = {
            "ours": partial(planned, company),
            "bare": partial(_compared, company),
            "process": partial(dry_run, company),
        }
        found = in_turn(context.rounds, measures)
        ours, bare = best(found["ours"]), best(found["bare"])
        yield Row(
            f"plan of {context.size:,} customers, all in step, {kind}",
            said(ours, memory=True),
            f"both tables read and compared with the bare driver: {said(bare, memory=True)}",
            ours.seconds / bare.seconds,
            2.0,
        )
        process_ = best(found["process"])
        yield Row(f"the same as `bposync sync --dry-run`, start to exit, {kind}", said(process_, memory=True), NONE)


def _compared(company: Company) -> Sample:
    sample = measure.child("compare", company.bpo_url, company.books_url)
    if sample.found:
        raise RuntimeError(f"{sample.found} customers differ, and none is right")
    return sample


def reladiff(context: Context) -> Iterator[Row]:
    """Measure plans beside reladiff, with some differences and with none."""
    company = context.in_step(POSTGRESQL, context.size)
    peers.make_second_table(company.books_url)
    for differing, mark in ((context.size // EVERY, 1.0), (0, 2.0)):
        if differing:
            company.change(1)
        measures = {
            "ours": partial(planned, company, differing=differing),
            "one connection each": partial(_differing, company, 1, differing),
            "four connections each": partial(_differing, company, 4, differing),
        }
        found = in_turn(context.rounds, measures)
        if differing:
            company.change(0)
        ours = best(found.pop("ours"))
        name, theirs = min(((name, best(samples)) for name, samples in found.items()), key=lambda pair: pair[1].seconds)
        yield Row(
            f"plan of {context.size:,}, {f'{differing:,} scattered differences' if differing else 'all in step'}",
            said(ours),
            f"reladiff on the same two PostgreSQL tables ({name}): {said(theirs)}",
            ours.seconds / theirs.seconds,
            mark,
        )


def _differing(company: Company, threads: int, wanted: int) -> Sample:
    sample = measure.child("reladiff", company.bpo_url, company.books_url, threads)
    if sample.found != wanted:
        raise RuntimeError(f"reladiff finds {sample.found} differing rows, and {wanted} is right")
    return sample


def scale(context: Context) -> Iterator[Row]:
    """Measure how time and memory grow with ten times as many customers."""
    sizes = [context.size // _TENFOLD, context.size, *([context.size * _TENFOLD] if context.full else [])]
    companies = [context.in_step(SQLITE, size) for size in sizes]
    measures = {str(company.count): partial(planned, company) for company in companies}
    found = in_turn(context.rounds, measures)
    samples = [best(found[str(size)]) for size in sizes]
    pairs = list(zip(sizes[1:], samples[1:], sizes[:-1], samples[:-1], strict=True))
    for size, large, less, small in pairs:
        yield Row(
            f"time of a plan, {size:,} customers, SQLite",
            said(large),
            f"ten times that of {less:,}: {said(Sample(small.seconds * _TENFOLD))}",
            large.seconds / small.seconds / _TENFOLD,
            1.15,
        )
    for size, large, less, small in pairs:
        yield Row(
            f"peak memory of a plan, {size:,} customers, SQLite",
            f"{large.megabytes:,.0f} MB",
            f"that of {less:,}: {small.megabytes:,.0f} MB",
            large.megabytes / small.megabytes,
            _MOST_GROWTH,
        )
    if context.full:
        yield Row("the same, in megabytes", "", NONE, samples[-1].megabytes, _MOST_MEGABYTES, is_ratio=False)
