"""One check: what was looked at, what was found, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from bposync import secrets
from bposync.errors import BposyncError, UnreachableError

T = TypeVar("T")
Progress = Callable[[str], AbstractContextManager[Callable[[int], None]]]
"""Shows how far the reading of what it is told came."""


class Result(StrEnum):
    """What a check found."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Check:
    """One finding. `check` is its name for scripts, the topic first, such as `bpo.rights`."""

    check: str
    result: Result
    message: str
    hint: str | None = None
    unreachable: bool = False
    """Whether it failed because something cannot be reached, or refuses."""

    @property
    def topic(self) -> str:
        """What it is about, such as `bpo`."""
        return self.check.partition(".")[0]


Checks = Generator[Check, None, T]
"""Yields checks as they are made, and gives what the later ones need."""


def ok(check: str, message: str) -> Check:
    """Give a check that found all as it should be."""
    return Check(check, Result.OK, _said(message))


def warning(check: str, message: str, hint: str | None = None) -> Check:
    """Give a check that found what works, and should be looked at."""
    return Check(check, Result.WARNING, _said(message), _said(hint) if hint else None)


def failed(check: str, error: BposyncError) -> Check:
    """Give a check that failed as a command would."""
    hint = _said(error.hint) if error.hint else None
    return Check(check, Result.FAILED, _said(error.message), hint, isinstance(error, UnreachableError))


def _said(text: str) -> str:
    """Give a text as a sentence without secrets."""
    return secrets.redact(f"T{text[1:]}" if text.startswith("the ") else text)
