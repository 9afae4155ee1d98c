"""The one place that prints: tables, lines, JSON and CSV on standard output, everything else on standard error.

Customers' data is hostile until shown: every text passes through `visible`, and into CSV guarded against formulas. Into rich
it goes as Text, so that no part of a name is taken for markup.
"""

from __future__ import annotations

import contextlib
import csv
import json
import sys
import time
from typing import TYPE_CHECKING, Any, Final, TextIO

from bposync.cli import drawing, terminal
from bposync.cli.drawing import Column
from bposync.cli.streams import OutputError
from bposync.errors import DeclinedError, StoppedError
from bposync.secrets import redact
from bposync.values import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from bposync.cli.drawing import Below
    from bposync.errors import BposyncError

__all__ = ["MOST_ROWS", "Column", "Output"]

_SECONDS_BETWEEN_LOOKS: Final = 0.2
MOST_ROWS: Final = 1000
"""How many rows a terminal is shown unasked; drawing more takes seconds that nobody reads."""
_SECONDS_BEFORE_PROGRESS = 1.0
_LEAD = 11  # cells before what stands behind a word such as `Company:`
_MOST_INDENT = 40  # blanks before the question


class Output:
    """Standard output and standard error, as the options and the terminal want them."""

    def __init__(
        self,
        *,
        as_json: bool = False,
        quiet: bool = False,
        verbose: bool = False,
        plain: bool = False,
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
        self.plain = plain
        """Whether a screen reader reads it: a record a line, no box, no colour, nothing that moves."""
        self._moving = False
        self.stdout = stdout or sys.stdout
        self.stderr = stderr or sys.stderr
        for stream in (self.stdout, self.stderr):
            # A redirected stream on Windows may be cp1252: what it cannot hold is escaped, never an error.
            if (reconfigure := getattr(stream, "reconfigure", None)) is not None:
                reconfigure(errors="backslashreplace")

    @property
    def is_terminal(self) -> bool:
        """Whether people look at standard output."""
        return terminal.is_terminal(self.stdout)

    def line(self, text: str = "", *, indent: int = 0) -> None:
        """Print a line of a report; nothing with --quiet or --json, but the log has it.

        Where it is longer than the terminal is wide, it goes on below its beginning, after `indent` blanks.
        """
        if not self.quiet and not self.as_json:
            self.important(text, indent=indent)
        else:
            self._log(text)

    def heading(self, text: str) -> None:
        """Print what stands above a table."""
        self._log(text)
        if not self.quiet and not self.as_json:
            self._print(text, self.stdout, tone=drawing.BOLD)

    def important(self, text: str, *, indent: int = 0) -> None:
        """Print a line that --quiet keeps."""
        self._log(text)
        if not self.as_json:
            self._print(text, self.stdout, indent=indent)

    def note(self, text: str) -> None:
        """Say something beside the data, on standard error; nothing with --quiet."""
        self._log(text)
        if not self.quiet:
            self._say_beside(text)

    def trouble(self, text: str) -> None:
        """Say what concerns whoever looks after the machine: on standard error, with --quiet too, and not in the log.

        Where nobody can be told, the run goes on: what is said here has nothing to do with what it does.
        """
        with contextlib.suppress(OutputError):
            self._say_beside(text)

    def _say_beside(self, text: str) -> None:
        self.stdout.flush()  # so that both streams keep their order where they meet
        self._stop_moving()
        self._print(text, self.stderr)
        self.stderr.flush()

    def _print(self, text: str, stream: TextIO, *, tone: str = "", indent: int = 0) -> None:
        """Print a text in lines as wide as the terminal; elsewhere, and with --plain, in one."""
        shown = terminal.as_held(stream, visible(text))
        lines = [shown]
        if terminal.is_terminal(stream) and not self.plain:
            lead = _LEAD if text[:1].isupper() and ":  " in text[:_LEAD] else indent
            lines = drawing.wrap(shown, terminal.width_of(stream), indent=lead)
        look = self._look(stream)
        # In one piece, for several threads may tell of what they ask.
        stream.write("".join(f"{look.toned(line, tone)}\n" for line in lines))

    def _look(self, stream: TextIO) -> drawing.Look:
        rule, mark = ("─", "…") if terminal.holds(stream, "─…") else ("-", "...")
        return drawing.Look(terminal.width_of(stream), not self.plain and terminal.is_coloured(stream), rule, mark)

    def became(self, old: str, new: str) -> str:
        """Say what a value was and will be; blanks are named, and a screen reader is told in words."""
        if self.plain:
            return f"from {old or 'blank'} to {new or 'blank'}"
        old, new = old or "(blank)", new or "(blank)"
        return f"{old} {'→' if terminal.holds(self.stdout, '→') else '->'} {new}"

    def error(self, error: BposyncError, document: Mapping[str, Any] | None = None) -> None:
        """Say what went wrong and what to do: on standard error, and with --json as (part of) the document too."""
        if self.as_json:
            shown = {"code": int(error.code), "message": error.message, "hint": error.hint}
            self.document({**(document or {}), "error": shown})
        self.stdout.flush()
        lead = "" if isinstance(error, (DeclinedError, StoppedError)) else "Error: "
        self._log(f"{lead}{error.message} {error.hint or ''}".rstrip())
        self._stop_moving()
        self._print(f"{lead}{error.message}", self.stderr, indent=len(lead))
        if error.hint:
            self._print(f"{' ' * len(lead)}{error.hint}", self.stderr, indent=len(lead))
        self.stderr.flush()

    def _log(self, text: str) -> None:
        if text.strip():
            self.log(redact(visible(text)))

    def document(self, document: Mapping[str, Any]) -> None:
        """Print one JSON document, ASCII with escapes, so that nothing in it acts or is lost."""
        if self.collected is not None:
            self.collected[str(document.get("schema", "error")).removeprefix("bposync.").partition("/")[0]] = document
            return
        json.dump(document, self.stdout, indent=2, ensure_ascii=True)
        self.stdout.write("\n")

    def csv(self, headings: Sequence[str], rows: Iterator[Sequence[str]], separator: str = ",") -> None:
        """Print CSV that a spreadsheet opens without running anything."""
        from bposync.sheets import guarded

        if (reconfigure := getattr(self.stdout, "reconfigure", None)) is not None:
            reconfigure(newline="")
        writer = csv.writer(self.stdout, delimiter=separator, lineterminator="\r\n" if sys.platform == "win32" else "\n")
        writer.writerow(headings)
        for row in rows:
            writer.writerow([guarded(cell) for cell in row])

    def table(
        self, columns: Sequence[Column], rows: Sequence[Sequence[str]], *, hint: str = "", whole: bool = False,
        below: Below | None = None,
    ) -> None:  # fmt: skip
        """Print a table: drawn on a terminal, plain columns elsewhere. `hint` says how to get what was left out.

        `below` has what stands below a row over the whole width, by the row's place.
        """
        if self.as_json:
            return
        shown = [self._shown(row) for row in rows]
        under = {place: self._shown(texts) for place, texts in (below or {}).items()}
        if self.plain:
            self._lines(drawing.records(columns, shown, under))
            return
        if not self.is_terminal:
            self._lines(drawing.aligned(columns, shown, under))
            return
        left_out = 0 if whole else max(0, len(shown) - MOST_ROWS)
        lines, missing = drawing.drawn(columns, shown[:MOST_ROWS] if left_out else shown, self._look(self.stdout), under)
        self._lines(lines)
        parts = {column.heading for column in columns if column.part}
        if not_shown := [heading for heading in missing if heading not in parts]:
            self.note(f"Not shown, for the terminal is narrow: {', '.join(not_shown)}.")
        if summed := [heading for heading in missing if heading in parts]:
            self.note(f"Summed as {drawing.OTHER}, for the terminal is narrow: {', '.join(summed)}.")
        if left_out:
            self.note(f"{left_out:,} more {'row is' if left_out == 1 else 'rows are'} not shown. {hint}".rstrip())

    def _shown(self, texts: Sequence[str]) -> list[str]:
        return [terminal.as_held(self.stdout, visible(text)) for text in texts]

    def _lines(self, lines: Iterable[str]) -> None:
        for line in lines:
            print(line, file=self.stdout)

    @contextlib.contextmanager
    def progress(self, what: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
        """Give a callback that shows on standard error how far something came, once it takes longer than a second."""
        if self.quiet or self.plain or not terminal.acts(self.stderr):
            yield lambda _: None
            return
        started = time.monotonic()
        last = 0.0

        def advance(done: int) -> None:
            nonlocal last
            now = time.monotonic()
            if now - started > _SECONDS_BEFORE_PROGRESS and now - last > 0.1:  # noqa: PLR2004
                last, self._moving = now, True
                of = f" of {total:,}" if total else ""
                self.stderr.write(f"\r{what}: {done:,}{of}\x1b[K")
                self.stderr.flush()

        try:
            yield advance
        finally:
            self._stop_moving()

    def _stop_moving(self) -> None:
        """Take the progress line away, where there is one."""
        if self._moving:
            self._moving = False
            self.stderr.write("\r\x1b[K")
            self.stderr.flush()

    @property
    def conversation(self) -> TextIO:
        """Where people are asked: at the terminal, beside the data where there are any."""
        return self.stdout if self.is_terminal and not self.as_json else self.stderr

    def tell(self, text: str = "") -> None:
        """Say something in a conversation."""
        self._print(text, self.conversation)
        self.conversation.flush()

    def ask(self, block: Sequence[str], question: str, *, still: str) -> bool:
        """Ask a yes-or-no question below a block of lines; Enter, an end of input and anything but yes is no.

        `still` says what a Ctrl-C leaves as it was: `nothing was written`. Raises StoppedError that says so.
        """
        stream = self.conversation
        for text in block:
            self.tell(text)
        indent = 0 if self.plain else _indent_of(f"{question} [y/N]", stream)
        stream.write(f"{' ' * indent}{question} [y/N] ")
        stream.flush()
        if (reconfigure := getattr(sys.stdin, "reconfigure", None)) is not None:
            reconfigure(errors="replace")
        try:
            _wait_for_a_line()
            answer = sys.stdin.readline()
        except KeyboardInterrupt:
            print(file=stream, flush=True)
            raise StoppedError(f"Interrupted: {still}.") from None
        if not answer.endswith("\n"):
            print(file=stream)
        return answer.strip().lower() in ("y", "yes")

    @staticmethod
    def can_ask() -> bool:
        """Whether there is somebody to ask."""
        return sys.stdin is not None and sys.stdin.isatty()


def _wait_for_a_line() -> None:
    """Wait until somebody typed a line, and look up now and then.

    A Ctrl-C that comes just before the system is asked for a line would else be seen only once one was typed.
    """
    if sys.platform == "win32":
        return
    import select

    with contextlib.suppress(OSError, ValueError):  # what is no file of the system's is read as it is
        while not select.select([sys.stdin], [], [], _SECONDS_BETWEEN_LOOKS)[0]:
            pass


def _indent_of(question: str, stream: TextIO) -> int:
    """Give how many blanks before a question let the terminal break it between two words: it is one line, word for word."""
    width = terminal.width_of(stream)
    if not terminal.is_terminal(stream) or len(question) < width:
        return 0

    def broken(indent: int) -> int:
        text = " " * indent + question
        return sum(" " not in text[place - 1 : place + 1] for place in range(width, len(text), width))

    return min(range(min(width // 2, _MOST_INDENT)), key=broken)
