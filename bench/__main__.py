"""Measures, and prints the table. `scripts/bench` runs it in an environment that has all it needs."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

_ROOT: Final = Path(__file__).parent.parent
sys.path.append(str(_ROOT / "tests"))  # its companies and its server are the tests' own
os.environ.pop("BPOSYNC_CONFIG", None)

from bench import freedom, golive, peers, reading, several, starting, table, writing  # noqa: E402 - after its path is set
from bench.context import Context  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_PAGE: Final = _ROOT / "docs" / "performance.md"
ROWS: Final[dict[str, Callable[[Context], Iterator[table.Row]]]] = {
    "plan": reading.plan,
    "reladiff": reading.reladiff,
    "first": writing.first,
    "changed": writing.changed,
    "scale": reading.scale,
    "golive": golive.golive,
    "start": starting.start,
    "list": starting.listing,
    "several": several.several,
    "freedom": freedom.row,
}
"""What is measured, by the name that --only takes, in the order of the table."""
NEEDS_PEERS: Final = frozenset({"reladiff"})


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what the command line says."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description="Measure bposync beside references and other tools.")
    parser.add_argument("--only", metavar="NAME", action="append", choices=ROWS, help="only this; repeatable")
    parser.add_argument("--list", action="store_true", help="name what can be measured")
    parser.add_argument("--full", action="store_true", help="up to a million customers, and more rounds")
    parser.add_argument("--size", type=int, default=100_000, metavar="N", help="how many customers; the marks are for 100,000")
    parser.add_argument("--rounds", type=int, metavar="N", help="how often each is measured: 3, with --full 5")
    parser.add_argument("--sqlite", action="store_true", help="without the server, and what needs it")
    parser.add_argument("--write", action="store_true", help=f"put the table into {_PAGE.relative_to(_ROOT)}")
    options = parser.parse_args(arguments)
    if options.list:
        for name, measure in ROWS.items():
            print(f"{name:10} {(measure.__doc__ or '').splitlines()[0]}")
        return 0
    kinds = ("SQLite",) if options.sqlite else ("SQLite", "PostgreSQL")
    without = {"reladiff", "first"} if options.sqlite else (set() if "reladiff" in peers.versions() else NEEDS_PEERS)
    chosen = [name for name in ROWS if name in (options.only or ROWS) and name not in without]
    rounds = options.rounds or (5 if options.full else 3)
    load = os.getloadavg()
    rows: list[table.Row] = []
    with Context(options.size, rounds, options.full, kinds) as context:
        for name in chosen:
            context.say(f"{name} …")
            for row in ROWS[name](context):
                rows.append(row)
                context.say(f"  {row.what}: {' · '.join(row.cells()[1:])}")
        how = f"Measured by `scripts/bench{' --full' if options.full else ''}`, {rounds} rounds."
        text = table.markdown(rows, table.machine(context.server_version(), load, how))
    print(text)
    if options.write:
        table.write(_PAGE, text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
