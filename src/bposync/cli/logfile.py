"""The log file of `[log] file`: each line with its moment. A log that cannot be written is told once, and ends no run."""

from __future__ import annotations

import contextlib
import logging
import sys
import time
from logging.handlers import RotatingFileHandler
from typing import TYPE_CHECKING, Final

from bposync.errors import UsageError
from bposync.values import visible

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_LONGEST: Final = 1_000_000
_KEPT: Final = 5


class _LogFile(RotatingFileHandler):
    """Starts anew at a megabyte and keeps five old files. It never raises, and says each thing that is wrong with it once."""

    def __init__(self, path: Path, tell: Callable[[str], None]) -> None:
        super().__init__(path, maxBytes=_LONGEST, backupCount=_KEPT, encoding="utf-8")
        self._tell = tell
        self._told: set[str] = set()

    def doRollover(self) -> None:  # noqa: N802 - logging's own name
        """Start anew; where that fails the lines go on in the file that is there."""
        try:
            super().doRollover()
        except OSError as error:
            self._let_go()
            self._say("cannot be started anew", error)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802 - as logging calls it
        """Say that a line could not be written, where logging itself prints a traceback. The next line tries again."""
        self._let_go()
        self._say("cannot be written", sys.exc_info()[1])

    def _let_go(self) -> None:
        """Close the file with the lines that it did not take: they would be tried again, and fail, when Python ends."""
        stream, self.stream = self.stream, None  # logging opens it again
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()

    def _say(self, what: str, error: BaseException | None) -> None:
        why = getattr(error, "strerror", None) or type(error).__name__
        line = f"The log {visible(self.baseFilename)} {what}: {why}."
        if line not in self._told:
            self._told.add(line)  # before it is said, for what is said comes here too
            self._tell(line)


def log_to(path: Path, tell: Callable[[str], None]) -> Callable[[str], None]:
    """Give what writes a line into a log file; what is wrong with it later is told by `tell`.

    Raises UsageError where it cannot be opened.
    """
    try:
        handler = _LogFile(path, tell)
    except OSError as error:
        raise UsageError(
            f"[log] file: {path} cannot be written: {error.strerror}.", "Check the folder and its rights."
        ) from None
    formatter = logging.Formatter("%(asctime)s %(message)s", "%Y-%m-%dT%H:%M:%SZ")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    logger = logging.getLogger("bposync.said")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    for old in logger.handlers:
        old.close()
    logger.handlers[:] = [handler]
    return lambda text: logger.info("%s", text)
