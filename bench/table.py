"""What was measured, as a Markdown table, with what it was measured on."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bench import peers

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bench.measure import Sample

BEGIN: Final = "<!-- scripts/bench --write: from here -->"
NONE: Final = "\N{EN DASH}"
_TIMES: Final = "\N{MULTIPLICATION SIGN}"
END: Final = "<!-- scripts/bench --write: to here -->"


@dataclass(frozen=True)
class Row:
    """One line of the table. `ratio` and `mark` are this project's figure over the reference's; None where there is none."""

    what: str
    ours: str
    reference: str
    ratio: float | None = None
    mark: float | None = None
    is_ratio: bool = True
    """Else the figure is megabytes."""

    def cells(self) -> list[str]:
        """Give the cells, as people read them."""
        return [self.what, self.ours, self.reference, self._shown(self.ratio), self._shown(self.mark, "≤ "), self._reached()]

    def _shown(self, figure: float | None, before: str = "") -> str:
        if figure is None:
            return NONE
        if not self.is_ratio:
            return f"{before}{figure:,.0f} MB"
        if self.mark is not None and self.mark <= 1:
            if before and figure == 1:
                return "faster"
            return f"{'≥ ' if before else ''}{1 / figure:.1f} {_TIMES} as fast"
        return f"{before}{figure:.2f} {_TIMES}"

    def _reached(self) -> str:
        if self.ratio is None or self.mark is None:
            return NONE
        if self.ratio <= self.mark:
            return "reached"
        return f"missed by {self.ratio / self.mark - 1:.0%}"


def said(sample: Sample, *, memory: bool = False) -> str:
    """Give a measurement as people read it."""
    seconds = f"{sample.seconds:.2f} s" if sample.seconds >= 1 else f"{sample.seconds * 1000:.0f} ms"
    return f"{seconds}, {sample.megabytes:,.0f} MB" if memory else seconds


def markdown(rows: Iterable[Row], about: Sequence[str]) -> str:
    """Give the whole of it."""
    heading = ["what", "bposync", "reference", "ratio", "to reach", ""]
    lines = [heading, ["---"] * len(heading), *(row.cells() for row in rows)]
    return "\n".join(["\n\n".join(about), "", *(f"| {' | '.join(cells)} |" for cells in lines), ""])


def machine(server: str, load: tuple[float, float, float], options: str) -> list[str]:
    """Say what was measured on, and how."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    import sqlite3

    others = [f"{name} {found}" for name, found in peers.versions().items()]
    versions = [
        f"bposync {version('bposync')}", f"Python {platform.python_version()}", f"SQLAlchemy {version('SQLAlchemy')}",
        f"SQLite {sqlite3.sqlite_version}", f"psycopg {version('psycopg')}", *([server] if server else []), *others,
    ]  # fmt: skip
    before = " ".join(f"{average:.2f}" for average in load)
    return [
        f"{_processor()}, {os.cpu_count()} cores, {memory:.0f} GB, {platform.system()}; load before: {before}.",
        f"{', '.join(versions)}.",
        f"{options} Times are the fastest of all rounds.",
    ]


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def write(page: Path, text: str) -> None:
    """Put the table between the two marks of a page. Raises SystemExit where they are not there."""
    before = page.read_text("utf-8") if page.exists() else ""
    start, found, rest = before.partition(BEGIN)
    _, ended, after = rest.partition(END)
    if not found or not ended:
        raise SystemExit(f"{page} has no lines {BEGIN} and {END}.")
    page.write_text(f"{start}{BEGIN}\n\n{text}\n{END}{after}", "utf-8")
