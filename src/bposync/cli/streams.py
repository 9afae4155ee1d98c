"""Standard output and standard error as a command needs them: a reader that went away or a full disk ends no run halfway."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from typing import TYPE_CHECKING, Any, TextIO, cast

from bposync.errors import BposyncError

if TYPE_CHECKING:
    from collections.abc import Iterator

_GONE = (errno.EPIPE, errno.EINVAL)  # EINVAL is how Windows tells of a closed pipe


class OutputError(BposyncError):
    """A stream cannot be written, for another reason than that its reader has gone."""


class Stream:
    """A stream whose reader may go away, as in `| head`: what is written then goes nowhere, and the run goes on."""

    def __init__(self, stream: TextIO, name: str) -> None:
        self._stream = stream
        self._name = name

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - everything else is the stream's own
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write as the stream does. Raises OutputError."""
        with self._guarded():
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush as the stream does. Raises OutputError."""
        with self._guarded():
            self._stream.flush()

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            with contextlib.suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())
            if error.errno not in _GONE:
                raise OutputError(f"{self._name} cannot be written: {error.strerror}.") from None


@contextlib.contextmanager
def guarded_streams() -> Iterator[None]:
    """Put guarded streams in the place of the process's own; one that was closed goes nowhere."""
    before = sys.stdout, sys.stderr
    with contextlib.ExitStack() as opened:
        stdout = sys.stdout or opened.enter_context(open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123
        stderr = sys.stderr or opened.enter_context(open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123
        sys.stdout = cast("TextIO", Stream(stdout, "Standard output"))
        sys.stderr = cast("TextIO", Stream(stderr, "Standard error"))
        try:
            yield
        finally:
            sys.stdout, sys.stderr = before
