"""Marks: what tells, without reading a customer's agreed values, that neither side changed since the pair was in step.

A mark is a digest of a row as the driver hands it over, and of all that decides what the row means: the program's version,
the columns that are read, the configuration, the company's look-ups. The journal keeps two with each link that a plan found
in step: BPO's and accounting's. While both are what they were, the plan would find the same again, so nothing is built for
that pair. Whatever else there is to find makes another mark, and then the pair is looked at field by field: a mark that is
wrong costs time, never a change.
"""

from __future__ import annotations

import marshal
from hashlib import blake2b
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_BYTES = 12  # two different rows have one mark once in 2 to the power of 96
_FORM = 2  # of marshal: later ones write the same value now so and now so, by who else holds it


class Marker:
    """Makes the marks of rows that mean what `basis` says."""

    def __init__(self, basis: str) -> None:
        self._basis = blake2b(basis.encode("utf-8", "backslashreplace"), digest_size=_BYTES).digest()

    def mark(self, row: tuple[object, ...]) -> str:
        """Give the mark of one row, as the driver gave it."""
        try:
            content = marshal.dumps(row, _FORM)  # type: ignore[arg-type] # what it cannot take, it says
        except ValueError:  # a Decimal, a moment: told apart by what they look like, at twice the time
            content = repr(_plain(row)).encode("utf-8", "backslashreplace")
        return blake2b(self._basis + content, digest_size=_BYTES).hexdigest()

    def joined(self, marks: Sequence[str]) -> str:
        """Give the mark of several rows in whatever order they came; of one row its own."""
        return marks[0] if len(marks) == 1 else self.mark(tuple(sorted(marks)))


def _plain(value: object) -> object:
    """Give a value as one that looks like its content: a view of bytes looks like the place where it lies."""
    if isinstance(value, tuple):
        return tuple(map(_plain, value))
    return bytes(value) if isinstance(value, memoryview) else value
