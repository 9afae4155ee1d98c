"""What is asked of databases and services, and how long each took, told to whoever wants it. Never with a value.

A statement is told as SQLAlchemy sends it, with `?` or `%s` where the values go; a text that stands in one all the same, as in
a SELECT of the configuration, is left out. Of an HTTP call the path is told, without what stands behind it.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

from bposync.secrets import redact

if TYPE_CHECKING:
    from collections.abc import Callable

    import sqlalchemy as sa

_LONGEST = 600
_TEXT = re.compile(r"'(?:[^']|'')*'")
_PLACES = re.compile(r"(?P<one>\?|%s|%\(\w+\)s(?:::\w+)?|:\w+)(?:, ?(?:\?|%s|%\(\w+\)s(?:::\w+)?|:\w+)){3,}")
# Parts of a transaction that tell nobody anything.
_WITHIN = ("SAVEPOINT ", "RELEASE SAVEPOINT ")
_listener: Callable[[str], None] | None = None


def to(listener: Callable[[str], None] | None) -> None:
    """Tell `listener` from now on, one line each; nobody with None. Engines made before are not told of."""
    global _listener  # noqa: PLW0603 - one process is one call
    _listener = listener


def is_on() -> bool:
    """Tell whether anybody wants to know."""
    return _listener is not None


def tell(purpose: str, started: float, what: str) -> None:
    """Tell what was asked and answered; `started` is `time.monotonic()` of before."""
    if _listener is not None and not what.startswith(_WITHIN):
        _listener(redact(f"{purpose}, {(time.monotonic() - started) * 1000:,.0f} ms: {what}"))


def without_values(statement: str) -> str:
    """Give a statement in one line, without texts, and with a long row of places for values cut short."""
    line = _TEXT.sub("'…'", " ".join(statement.split()))
    line = _PLACES.sub(lambda found: f"{found['one']}, … {len(found[0].split(','))} values", line)
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]} …"


def listen(engine: sa.Engine, purpose: str) -> None:
    """Tell of every statement of an engine."""
    from sqlalchemy import event

    started = "bposync_started"

    def before(connection: sa.Connection, *_: Any) -> None:  # noqa: ANN401 - SQLAlchemy's own
        connection.info.setdefault(started, []).append(time.monotonic())

    def after(connection: sa.Connection, *told: Any) -> None:  # noqa: ANN401
        _cursor, statement, parameters, _context, many = told
        times = f" ({len(parameters):,} times)" if many else ""
        tell(purpose, connection.info[started].pop(), f"{without_values(statement)}{times}")

    def failed(context: sa.ExceptionContext) -> None:
        if context.connection is not None and context.statement and context.connection.info.get(started):
            tell(purpose, context.connection.info[started].pop(), f"refused: {without_values(context.statement)}")

    event.listen(engine, "before_cursor_execute", before)
    event.listen(engine, "after_cursor_execute", after)
    event.listen(engine, "handle_error", failed)
