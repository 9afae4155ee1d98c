"""Looks at everything that a sync needs, and writes nothing anywhere: no lock, no journal, no file.

Checks come as they are made, in the order of the topics. What depends on something that failed is not looked at; what does
not depend on it is.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Final

from bposync.doctor.check import Check, Result, T

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping

    from bposync.doctor.check import Progress

__all__ = ["TOPICS", "Check", "Result", "examine"]

TOPICS: Final = {
    "configuration": "Configuration", "drivers": "Drivers", "bpo": "BPO", "accounting": "Accounting system",
    "journal": "Journal", "customers": "Customers",
}  # fmt: skip
"""What each check's name begins with, as people read it."""


@contextlib.contextmanager
def _silent(_what: str) -> Iterator[Callable[[int], None]]:
    yield lambda _count: None


def _kept(topic: str, checks: Generator[Check, None, T]) -> Generator[Check, None, T | None]:
    """Yield a topic's checks; a path or a value that this machine cannot take ends the topic and not the others."""
    try:
        return (yield from checks)
    except (OSError, ValueError) as error:
        from bposync.doctor.check import failed
        from bposync.errors import UsageError

        why = f"{TOPICS[topic]}: this machine cannot take what the configuration says: {error}"
        yield failed(f"{topic}.unusable", UsageError(why, "Check the paths and names under this section."))
        return None


def examine(
    given: str | None = None, *, environment: Mapping[str, str] | None = None, progress: Progress = _silent
) -> Iterator[Check]:
    """Look at everything; `given` is the configuration as --config names it. What cannot be had is a check that failed."""
    from bposync.doctor import accounting, bpo, configuration, data, groups, journal
    from bposync.fields import BPO_FIELDS, FIELDS

    read = yield from configuration.checks(given, os.environ if environment is None else environment)
    if read is None:
        return
    settings = read.settings
    with contextlib.ExitStack() as stack:
        listing = opened = book = None
        groups_said = False
        if read.has_bpo:
            listing = yield from _kept("bpo", bpo.checks(settings, progress))
        if read.has_accounting:
            # Where BPO cannot say which columns it has, it is taken to have those that it has by default.
            fields = listing.fields if listing else tuple(name for name in BPO_FIELDS if FIELDS[name].column)
            opened = yield from _kept("accounting", accounting.checks(settings, fields, stack, progress))
            # Codes that the company does not have are left out of the settings: what depends on them is not looked at.
            if listing is not None and opened is not None and opened.settings == settings:
                groups_said = yield from groups.checks(opened, listing)
        if read.has_state:
            book = yield from _kept("journal", journal.checks(settings, stack))
            if book is not None and opened is not None:
                yield from journal.company(book, opened.accounting.books)
            if read.has_accounting:
                yield from _kept("journal", journal.lock(settings))
        if listing is not None:
            yield from data.duplicates(settings, listing)
            if opened is not None and book is not None:
                yield from _kept("customers", data.plan(listing, opened, book, groups_said=groups_said))
