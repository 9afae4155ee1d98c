"""A task in a process of its own, which says as JSON how long it took, how much memory it had, and what it found.

What it needs is imported before the clock starts: how long a whole process takes is measured elsewhere, from outside.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def _import(*modules: str) -> None:
    for module in modules:
        importlib.import_module(module)


def _plan(configuration: str) -> Callable[[], Any]:
    from bench import plans

    _import("psycopg", "sqlalchemy.dialects.postgresql.psycopg", "sqlalchemy.dialects.sqlite")
    return lambda: plans.plan(configuration)


def _sheet(configuration: str, path: str) -> Callable[[], Any]:
    from bench import plans

    _import("bposync.review.make", "rapidfuzz", "sqlalchemy.dialects.sqlite", "xlsxwriter")
    return lambda: plans.sheet(configuration, path)


def _compare(bpo_url: str, books_url: str) -> Callable[[], Any]:
    from bench import reference

    return lambda: reference.compare(bpo_url, books_url)


def _insert(books_url: str, count: str) -> Callable[[], Any]:
    from bench import reference

    rows = reference.rows_of_accounts(int(count))
    return lambda: reference.insert(books_url, rows)


def _reladiff(one: str, other: str, threads: str) -> Callable[[], Any]:
    from bench import peers

    return peers.reladiff(one, other, int(threads))


TASKS: dict[str, Callable[..., Callable[[], Any]]] = {
    "plan": _plan,
    "sheet": _sheet,
    "compare": _compare,
    "insert": _insert,
    "reladiff": _reladiff,
}


def _peak() -> float:
    """Give the megabytes that this process had at its peak; what its parent had is not among them."""
    for line in Path("/proc/self/status").read_text("ascii").splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return 0.0


def main() -> None:
    """Do the task of the command line."""
    task = TASKS[sys.argv[1]](*sys.argv[2:])
    started = time.perf_counter()
    found = task()
    seconds = time.perf_counter() - started
    print(json.dumps({"seconds": seconds, "megabytes": _peak(), "found": found}))


if __name__ == "__main__":
    main()
