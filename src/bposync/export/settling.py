"""What somebody may type to settle a customer that waits for a person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bposync.advice import PLACEHOLDER, REVIEW, command, typed
from bposync.records import Action

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bposync.records import Change

_MOST_CANDIDATES: Final = 3


@dataclass(frozen=True, slots=True)
class Way:
    """One way to settle it: what it means, and the command, which works as it stands but where it has CODE in it."""

    means: str
    command: str


def ways(change: Change) -> tuple[Way, ...]:
    """Give the ways in which a person settles a customer, the likeliest first; none where nothing is to be settled."""
    known = tuple(_ways(change))
    if known and not typed(change.code):
        return (Way("Its code cannot be typed as it is: settle it in a sheet", command(REVIEW)),)
    return known


def _ways(change: Change) -> Iterator[Way]:
    code = change.code
    if change.action is Action.CONFLICT:
        if change.is_doubtful:
            yield Way("It is another company: first", command("unlink {}", code))
            yield Way("then", command(f"link {{}} --new {PLACEHOLDER}", code))
        stand = "It is the same company: accounting's values stand" if change.is_doubtful else "Accounting's values stand"
        yield Way(stand, command("accept {}", code))
        yield Way("BPO's values win", command("sync --customer {} --overwrite", code))
    elif change.action is Action.LOOKALIKE:
        for candidate in change.candidates[:_MOST_CANDIDATES]:
            if typed(candidate):
                yield Way(f"It is account {candidate}", command("link {} {}", code, candidate))
        yield _new(change, "It gets an account of its own")
    elif change.action is Action.REJECTED:
        if change.needs_code:
            yield _new(change, "Its account gets another code")
        yield Way("Mend it in BPO, then", command("sync --customer {}", code))
    elif change.action is Action.MISSING:
        yield Way(f"It was merged into account {PLACEHOLDER}", command(f"link {{}} {PLACEHOLDER}", code))
        yield Way("It shall have a new one, which the next sync makes", command("unlink {}", code))


def _new(change: Change, means: str) -> Way:
    if change.needs_code:
        return Way(f"{means}; {PLACEHOLDER} is yours to choose", command(f"link {{}} --new {PLACEHOLDER}", change.code))
    return Way(means, command("link {} --new", change.code))
