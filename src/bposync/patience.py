"""A time-out for PostgreSQL, whose driver waits without end for a server that stops answering while its connection stays up.

Each statement, fetch and commit has so long, as ODBC's have; a connection that had no answer is closed, for nobody knows
what its server still does.
"""

from __future__ import annotations

import contextlib
import time
from functools import cache
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Generator

    import psycopg

_CANCEL_SECONDS: Final = 2.0
"""How long a server that did not answer gets to hear that nobody waits any more."""


class _NoAnswerError(Exception):
    pass


def connect(seconds: float, arguments: Any, options: Any) -> psycopg.Connection[Any]:  # noqa: ANN401 - the driver's own
    """Connect as psycopg does; every wait for the server then ends after so many seconds, with an OperationalError."""
    connection = _patient().connect(*arguments, **options)
    connection.seconds = seconds  # type: ignore[attr-defined]
    return connection


@cache
def _patient() -> type[psycopg.Connection[Any]]:
    import psycopg

    class Patient(psycopg.Connection[Any]):
        """A connection whose patience has an end."""

        seconds: float = 0

        def wait(self, gen: Any, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - as psycopg has it
            try:
                return super().wait(_within(gen, self.seconds) if self.seconds else gen, *arguments, **options)
            except _NoAnswerError:
                if psycopg.capabilities.has_cancel_safe():
                    with contextlib.suppress(Exception):
                        self.cancel_safe(timeout=_CANCEL_SECONDS)
                self.close()
                raise psycopg.OperationalError(f"no answer within {self.seconds:g} seconds") from None

    return Patient


def _within(waiting: Generator[Any, Any, Any], seconds: float) -> Generator[Any, Any, Any]:
    """Pass on what psycopg waits for, until nothing comes any more and the time is over.

    psycopg wakes a wait up every tenth of a second, so that this costs no thread and no system call.
    """
    until = time.monotonic() + seconds
    try:
        wanted = next(waiting)
        while True:
            ready = yield wanted
            if not ready and time.monotonic() > until:
                raise _NoAnswerError
            wanted = waiting.send(ready)
    except StopIteration as end:
        return end.value
