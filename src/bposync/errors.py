"""Every error that bposync raises on purpose: what is wrong, what to do next, and the exit code that scripts rely on."""

from __future__ import annotations

from difflib import get_close_matches
from enum import IntEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class ExitCode(IntEnum):
    """What the process leaves with; docs/scripts.md tells scripts what each means."""

    DONE = 0
    UNEXPECTED = 1
    USAGE = 2
    DIFFERENCES = 3
    NOT_WRITTEN = 4
    UNKNOWN_OUTCOME = 5
    LOCKED = 6
    UNREACHABLE = 7
    GUARD = 8
    NOT_CONFIRMED = 10
    INTERRUPTED = 130


class BposyncError(Exception):
    """An error that a user can do something about.

    `message` says what is wrong and where, `hint` what to do next. Neither ever holds a password.
    """

    code = ExitCode.UNEXPECTED

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint or None
        self.document: Mapping[str, Any] | None = None
        """The command's own JSON document, where it came so far; the error stands in it."""


class UsageError(BposyncError):
    """The command line or the configuration is wrong: nothing was read or written."""

    code = ExitCode.USAGE


class NoConfigurationError(UsageError):
    """No configuration is named, and none lies where one is looked for."""


class UnknownCodeError(UsageError):
    """The configuration names a code that the company does not have. `where` is its place: `[accounting.groups] RETAIL`."""

    def __init__(self, message: str, hint: str | None, where: str) -> None:
        super().__init__(message, hint)
        section, _, self.key = where.removeprefix("[accounting.").partition("] ")
        self.section = section
        """Such as `groups`; `key` is the key in it."""


class UnreachableError(BposyncError):
    """A database or service cannot be reached, or refuses, and nothing was written."""

    code = ExitCode.UNREACHABLE


class UnknownOutcomeError(BposyncError):
    """Something may have been written that could not be recorded; the next sync looks it up first."""

    code = ExitCode.UNKNOWN_OUTCOME


class LockedError(BposyncError):
    """Another sync of this company is running."""

    code = ExitCode.LOCKED


class GuardError(BposyncError):
    """A guard stopped the sync before anything was written."""

    code = ExitCode.GUARD


class TooManyError(GuardError):
    """More would be written than max_changes allows. `writes` is what max_changes would have to be."""

    def __init__(self, message: str, hint: str, writes: int) -> None:
        super().__init__(message, hint)
        self.writes = writes


class NotConfirmedError(BposyncError):
    """Nobody said yes, so nothing was written."""

    code = ExitCode.NOT_CONFIRMED


class DeclinedError(NotConfirmedError):
    """Somebody was asked, and did not say yes. That is no mistake, and not told as one."""


class StoppedError(BposyncError):
    """Somebody pressed Ctrl-C; what was finished before is recorded."""

    code = ExitCode.INTERRUPTED


def nearest(wrong: str, known: Iterable[str]) -> str | None:
    """Give the one of `known` that `wrong` was most likely meant to be, without regard to case; None where none is near."""
    by_folded = {name.casefold(): name for name in known}
    found = get_close_matches(wrong.casefold(), by_folded, n=1, cutoff=0.6)
    return by_folded[found[0]] if found else None


def did_you_mean(wrong: str, known: Iterable[str], otherwise: str | None = None) -> str:
    """Give `Did you mean 'x'?`; where nothing is near, `otherwise`, or else what there is. Empty where there is nothing."""
    names = list(map(str, known))
    if near := nearest(wrong, names):
        return f"Did you mean {near!r}?"
    if otherwise is not None:
        return otherwise
    return f"There is: {', '.join(names)}." if names else ""
