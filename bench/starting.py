"""Rows of the table: how long a short command takes."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bench import measure
from bench.company import command
from bench.measure import best, in_turn
from bench.table import Row, said
from bposync import demo

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.context import Context

_ROUNDS_EACH = 8
_TRYING_OUT = 1000
"""Fewer customers than this are no measurement: then once is enough."""
_LISTED = Path(__file__).with_name("listed.py")


def _rounds(context: Context) -> int:
    return context.rounds * (_ROUNDS_EACH if context.size >= _TRYING_OUT else 1)


def start(context: Context) -> Iterator[Row]:
    """Measure what every call pays, beside importing the library that reads its options."""
    bposync = command("")[0]
    measures = {
        "--version": lambda: measure.process(bposync, "--version"),
        "--help": lambda: measure.process(bposync, "--help"),
        "typer": lambda: measure.process(sys.executable, "-c", "import typer"),
    }
    found = {name: best(samples) for name, samples in in_turn(_rounds(context), measures).items()}
    typer = found.pop("typer")
    for name, ours in found.items():
        ratio = ours.seconds / typer.seconds
        yield Row(f"`bposync {name}`", said(ours), f'`python -c "import typer"`: {said(typer)}', ratio, 1.5)


def listing(context: Context) -> Iterator[Row]:
    """Measure the listing of one site of the demo, beside a script that reads and prints the same rows."""
    made = demo.make(context.place(), system="evolution", write="sql").configuration
    url = f"sqlite:///{made.parent / 'bpo.sqlite'}"
    measures = {
        "ours": lambda: measure.process(*command(made, "list", "--site", "Durban")),
        "script": lambda: measure.process(sys.executable, _LISTED, url),
    }
    found = {name: best(samples) for name, samples in in_turn(_rounds(context), measures).items()}
    ours, script = found["ours"], found["script"]
    yield Row(
        "`bposync list --site Durban`, demo company",
        said(ours),
        f"a script with SQLAlchemy that prints the rows: {said(script)}",
        ours.seconds / script.seconds,
        1.5,
    )
