"""Days by the clock on the wall, as people name them: a date, today, yesterday, or several from one to another."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

from bposync.errors import UsageError
from bposync.values import quoted

_WRITTEN: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_DIGITS: Final = re.compile(r"(\d{4})(\d{2})(\d{2})", re.ASCII)
_BACK: Final = {"today": 0, "yesterday": 1}
# Nothing was recorded before or will be after; beyond, some systems cannot say what their clock shows.
_FIRST, _LAST = date(1971, 1, 1), date(2999, 12, 30)
FORM: Final = "A day is written as 2026-11-28; today and yesterday are days too."


@dataclass(frozen=True, slots=True)
class Days:
    """From one day to another, both inclusive; open where None stands."""

    since: date | None = None
    until: date | None = None

    @property
    def begin(self) -> datetime | None:
        """The first moment of them, in UTC."""
        return None if self.since is None else _midnight(self.since)

    @property
    def end(self) -> datetime | None:
        """The first moment after them, in UTC."""
        return None if self.until is None else _midnight(min(self.until, _LAST) + timedelta(days=1))

    def has(self, at: datetime) -> bool:
        """Tell whether a moment is in them."""
        return (self.begin is None or self.begin <= at) and (self.end is None or at < self.end)

    def __str__(self) -> str:
        """Say them behind what happened: `on 2026-11-28`, `from … to …`, `since …`, `until …`."""
        if self.since is not None and self.since == self.until:
            return f"on {self.since}"
        if self.since is not None and self.until is not None:
            return f"from {self.since} to {self.until}"
        return f"since {self.since}" if self.since is not None else f"until {self.until}"


def _midnight(day: date) -> datetime:
    """Give the moment at which a day begins here, whether or not the clock is put forward or back that day."""
    day = min(max(day, _FIRST), _LAST + timedelta(days=1))
    return datetime(day.year, day.month, day.day).astimezone(UTC)


def looks_like_a_day(text: str) -> bool:
    """Tell whether a text is written as a day is, be there such a day or not."""
    return text.strip().lower() in _BACK or _WRITTEN.fullmatch(text.strip()) is not None


def day_of(text: str, what: str) -> date:
    """Give the day that somebody named. `what` is what it was named for. Raises UsageError, saying the form."""
    word = text.strip().lower()
    if word in _BACK:
        return datetime.now().astimezone().date() - timedelta(days=_BACK[word])
    if _WRITTEN.fullmatch(word):
        try:
            return date.fromisoformat(word)
        except ValueError:
            pass
    raise UsageError(f"{what}: there is no day {quoted(text)}.", FORM)


def day_of_digits(text: str) -> date | None:
    """Give the day that eight digits are, as the names of runs begin with; None where they are none."""
    found = _DIGITS.fullmatch(text.strip())
    try:
        return date(*map(int, found.groups())) if found else None
    except ValueError:
        return None


def days_between(since: str | None, until: str | None, what: str) -> Days | None:
    """Give the days that --since and --until name; None where neither does. Raises UsageError."""
    if since is None and until is None:
        return None
    first = None if since is None else day_of(since, f"{what}: --since")
    last = None if until is None else day_of(until, f"{what}: --until")
    if first is not None and last is not None and first > last:
        raise UsageError(f"{what}: --since {first} is after --until {last}.", "The earlier day goes with --since.")
    return Days(first, last)
