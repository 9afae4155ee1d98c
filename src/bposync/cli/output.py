"""The one place that prints: tables, lines, JSON and CSV on standard output, everything else on standard error.

Customers' data is hostile until shown: every text passes through `visible`, goes into rich as Text and never as markup, and
into CSV guarded against formulas.
"""

from __future__ import annotations

import contextlib
import csv
import json
import shutil
import sys
import textwrap
import time
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TextIO

from bposync.errors import DeclinedError
from bposync.sheets import guarded
from bposync.values import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from bposync.errors import BposyncError

MOST_ROWS: Final = 1000
"""How many rows a terminal is shown unasked; drawing more takes seconds that nobody reads."""
_SECONDS_BEFORE_PROGRESS = 1.0
_BETWEEN = 3  # cells between two drawn columns
_EXPENDABLE, _EVERY = 6, 99  # what goes before anything is broken into lines, and what goes at all
_NARROW = 10  # cells below which no text is broken
_LONG = 40  # cells from which on a text is cut where the terminal is narrow


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table. The higher `keep`, the longer it stays where the terminal is narrow."""

    heading: str
    right: bool = False
    keep: int = 5
    wrap: bool = False
    """Whether a long text goes on in the next line instead of being cut."""


class Output:
    """Standard output and standard error, as the options and the terminal want them."""

    def __init__(
        self,
        *,
        as_json: bool = False,
        quiet: bool = False,
        verbose: bool = False,
        stdout: TextIO | None = None,
        stderr: TextIO | None = None,
    ) -> None:
        self.as_json = as_json
        self.collected: dict[str, Mapping[str, Any]] | None = None
        """Documents by name, where a command that runs others makes one of theirs."""
        self.log: Callable[[str], None] = lambda _: None
        """Where everything that is said goes too, for people who read it in the morning."""
        self.quiet = quiet
        self.verbose = verbose
        self.stdout = stdout or sys.stdout
        self.stderr = stderr or sys.stderr
        for stream in (self.stdout, self.stderr):
            # A redirected stream on Windows may be cp1252: what it cannot hold is escaped, never an error.
            if (reconfigure := getattr(stream, "reconfigure", None)) is not None:
                reconfigure(errors="backslashreplace")

    @property
    def is_terminal(self) -> bool:
        """Whether people look at standard output."""
        return self.stdout.isatty()

    def line(self, text: str = "") -> None:
        """Print a line of a report; nothing with --quiet or --json."""
        if not self.quiet and not self.as_json:
            self.important(text)

    def important(self, text: str) -> None:
        """Print a line that --quiet keeps."""
        self._log(text)
        if not self.as_json:
            for line in _wrapped(visible(text), self.stdout):
                print(line, file=self.stdout)

    def note(self, text: str) -> None:
        """Say something beside the data, on standard error; nothing with --quiet."""
        self._log(text)
        if not self.quiet:
            self.stdout.flush()  # so that both streams keep their order where they meet
            for line in _wrapped(visible(text), self.stderr):
                print(line, file=self.stderr, flush=True)

    def error(self, error: BposyncError, document: Mapping[str, Any] | None = None) -> None:
        """Say what went wrong and what to do: on standard error, and with --json as (part of) the document too."""
        if self.as_json:
            shown = {"code": int(error.code), "message": error.message, "hint": error.hint}
            self.document({**(document or {}), "error": shown})
        self.stdout.flush()
        lead = "" if isinstance(error, DeclinedError) else "Error: "
        self._log(f"{lead}{error.message} {error.hint or ''}".rstrip())
        print(f"{lead}{visible(error.message)}", file=self.stderr)
        if error.hint:
            print(f"{' ' * len(lead)}{visible(error.hint)}", file=self.stderr)
        self.stderr.flush()

    def _log(self, text: str) -> None:
        if text.strip():
            self.log(visible(text))

    def document(self, document: Mapping[str, Any]) -> None:
        """Print one JSON document, ASCII with escapes, so that nothing in it acts or is lost."""
        if self.collected is not None:
            self.collected[str(document.get("schema", "error")).removeprefix("bposync.").partition("/")[0]] = document
            return
        json.dump(document, self.stdout, indent=2, ensure_ascii=True)
        self.stdout.write("\n")

    def csv(self, headings: Sequence[str], rows: Iterator[Sequence[str]], separator: str = ",") -> None:
        """Print CSV that a spreadsheet opens without running anything."""
        if (reconfigure := getattr(self.stdout, "reconfigure", None)) is not None:
            reconfigure(newline="")
        writer = csv.writer(self.stdout, delimiter=separator, lineterminator="\r\n" if sys.platform == "win32" else "\n")
        writer.writerow(headings)
        for row in rows:
            writer.writerow([guarded(cell) for cell in row])

    def table(self, columns: Sequence[Column], rows: Sequence[Sequence[str]], *, hint: str = "", whole: bool = False) -> None:
        """Print a table: drawn on a terminal, plain columns elsewhere. `hint` says how to get what was left out."""
        if self.as_json:
            return
        shown = [[visible(cell) for cell in row] for row in rows]
        if not self.is_terminal:
            self._plain_table(columns, shown)
            return
        left_out = 0 if whole else max(0, len(shown) - MOST_ROWS)
        self._drawn_table(columns, shown[:MOST_ROWS] if left_out else shown)
        if left_out:
            self.note(f"{left_out:,} more rows are not shown. {hint}".rstrip())

    def _plain_table(self, columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
        table = [[column.heading for column in columns], *rows]
        widths = [max((_cells(row[place]) for row in table), default=0) for place in range(len(columns))]
        for row in table:
            padded = (
                " " * (width - _cells(cell)) + cell if column.right else cell + " " * (width - _cells(cell))
                for column, cell, width in zip(columns, row, widths, strict=True)
            )
            print("  ".join(padded).rstrip(), file=self.stdout)

    def _drawn_table(self, columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
        from rich import box
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        console = Console(file=self.stdout, highlight=False, emoji=False, markup=False)
        kept, widths = _fitting(columns, rows, console.width)
        simple = box.SIMPLE_HEAD if (self.stdout.encoding or "").lower().startswith("utf") else box.ASCII
        table = Table(box=simple, pad_edge=False, show_edge=False)
        for place in kept:
            column = columns[place]
            table.add_column(
                Text(column.heading),
                justify="right" if column.right else "left",
                no_wrap=not column.wrap,
                overflow="fold" if column.wrap else "ellipsis",
                max_width=widths[place],
            )
        for row in rows:
            table.add_row(*(Text(row[place]) for place in kept))
        console.print(table)
        if len(kept) < len(columns):
            missing = [column.heading for place, column in enumerate(columns) if place not in kept and column.heading]
            self.note(f"Not shown, for the terminal is narrow: {', '.join(missing)}.")

    @contextlib.contextmanager
    def progress(self, what: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
        """Give a callback that shows on standard error how far something came, once it takes longer than a second."""
        if self.quiet or not self.stderr.isatty():
            yield lambda _: None
            return
        started = time.monotonic()
        last = 0.0
        shown = False

        def advance(done: int) -> None:
            nonlocal last, shown
            now = time.monotonic()
            if now - started > _SECONDS_BEFORE_PROGRESS and now - last > 0.1:  # noqa: PLR2004
                last, shown = now, True
                of = f" of {total:,}" if total else ""
                self.stderr.write(f"\r{what}: {done:,}{of}\x1b[K")
                self.stderr.flush()

        try:
            yield advance
        finally:
            if shown:
                self.stderr.write("\r\x1b[K")
                self.stderr.flush()

    @property
    def conversation(self) -> TextIO:
        """Where people are asked: at the terminal, beside the data where there are any."""
        return self.stdout if self.is_terminal and not self.as_json else self.stderr

    def tell(self, text: str = "") -> None:
        """Say something in a conversation."""
        for line in _wrapped(visible(text), self.conversation):
            print(line, file=self.conversation, flush=True)

    def ask(self, block: Sequence[str], question: str) -> bool:
        """Ask a yes-or-no question below a block of lines; Enter, an end of input and anything but yes is no."""
        stream = self.conversation
        for text in block:
            self.tell(text)
        stream.write(f"{question} [y/N] ")
        stream.flush()
        if (reconfigure := getattr(sys.stdin, "reconfigure", None)) is not None:
            reconfigure(errors="replace")
        answer = sys.stdin.readline()
        if not answer.endswith("\n"):
            print(file=stream)
        return answer.strip().lower() in ("y", "yes")

    @staticmethod
    def can_ask() -> bool:
        """Whether there is somebody to ask."""
        return sys.stdin is not None and sys.stdin.isatty()


def _wrapped(text: str, stream: TextIO) -> list[str]:
    """Give a text in lines as wide as the terminal; elsewhere in one."""
    if not stream.isatty():
        return [text]
    width = max(shutil.get_terminal_size().columns, 40)
    return textwrap.wrap(text, width, subsequent_indent="           " if text[:1].isupper() and ":  " in text[:12] else "") or [
        ""
    ]


def _cells(text: str) -> int:
    """Give how many cells a text takes on a screen."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(character) else 2 if unicodedata.east_asian_width(character) in "WF" else 1
        for character in text
    )


def _fitting(columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int) -> tuple[list[int], list[int]]:
    """Give the places of the columns that fit, and the width of each.

    First long texts are cut, so that one of them costs no other column; then the columns that matter least go; then those
    that may go on in a next line are made narrow; only then others go.
    """
    needs = [
        max((_cells(cell) for cell in (column.heading, *(row[place] for row in rows))), default=0)
        for place, column in enumerate(columns)
    ]
    kept = list(range(len(columns)))
    empty = {place for place in kept if rows and not any(row[place].strip() for row in rows)}

    def too_wide() -> int:
        return sum(needs[place] + _BETWEEN for place in kept) - _BETWEEN - width

    def narrow(places: Sequence[int], least: int) -> None:
        for place in sorted(places, key=lambda place: -needs[place]):
            if (excess := too_wide()) > 0 and needs[place] > least:
                needs[place] = max(least, needs[place] - excess)

    def drop(most: int) -> None:
        for place in sorted(kept, key=lambda place: (place not in empty, columns[place].keep, -place)):
            if too_wide() > 0 and len(kept) > 2 and (place in empty or columns[place].keep <= most):  # noqa: PLR2004
                kept.remove(place)

    narrow(kept, _LONG)
    drop(_EXPENDABLE)
    narrow([place for place in kept if columns[place].wrap], _NARROW)
    drop(_EVERY)
    return kept, needs
