"""What people are told of actions, verdicts, values and moments: the same words on the screen, in a sheet and on a page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bposync.errors import ExitCode
from bposync.records import Action, OutcomeKind, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from bposync.plan import Plan
    from bposync.records import Change, Outcome
    from bposync.values import Value

WORDS: Final = {
    Action.SAME: "in step", Action.CREATE: "to create", Action.UPDATE: "to update", Action.DRIFT: "changed in accounting",
    Action.CONFLICT: "in conflict", Action.LOOKALIKE: "lookalike", Action.REJECTED: "rejected", Action.MISSING: "missing",
    Action.GONE: "gone", Action.SKIPPED: "skipped",
}  # fmt: skip
"""What people are told of an action; `1 in step, 2 to create`."""
VERDICTS: Final = {
    Verdict.WRITE: "is written", Verdict.DRIFT: "left: changed in accounting",
    Verdict.CONFLICT: "left: needs a person", Verdict.HELD: "held back",
}  # fmt: skip
DONE: Final = (OutcomeKind.WRITTEN, OutcomeKind.EXPORTED)
"""What became of a write that is as it was to be."""


def cell(value: Value | str) -> str:
    """Give a value as people read it: amounts with thousands separators, flags as yes and no, nothing for a blank."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or isinstance(value, str):
        return value or ""
    return f"{value:,.2f}"


def local(at: datetime) -> str:
    """Give a moment as the clock on the wall shows it; JSON and the journal have it in UTC."""
    return f"{at.astimezone():%Y-%m-%d %H:%M:%S %Z}"


def many(count: int, noun: str) -> str:
    """Say `1 customer`, `2,000 customers`, `2 categories`."""
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{count:,} {noun if count == 1 else plural}"


def counted(counts: Mapping[str, int], *, without: Iterable[str] = ()) -> str:
    """Say `3 in step, 19 to create`, leaving out what there is none of."""
    left_out = set(without)
    words = [f"{counts[action]:,} {WORDS[action]}" for action in WORDS if counts[action] and action not in left_out]
    return ", ".join(words)


def writes_in_words(plan: Plan) -> str:
    """Say `19 new accounts, 2 updates (5 fields)`; and how many of the updates are of customers in conflict."""
    creates = sum(change.action is Action.CREATE for change in plan.writes)
    updates = [change for change in plan.writes if change.action is not Action.CREATE]
    fields = sum(len(change.writes) for change in updates)
    parts = [many(creates, "new account")] if creates else []
    if updates:
        inside = [many(fields, "field"), *_in_conflict_too(updates)]
        parts.append(f"{many(len(updates), 'update')} ({'; '.join(inside)})")
    return ", ".join(parts)


def _in_conflict_too(updates: Sequence[Change]) -> list[str]:
    """Say how many updates are of customers that are in conflict in other fields: the counts by state name those apart."""
    count = sum(change.action is Action.CONFLICT for change in updates)
    return [f"{count:,} of {'a customer' if count == 1 else 'customers'} in conflict"] if count else []


def waiting_in_words(plan: Plan) -> str:
    """Say who waits for a person: `1 in conflict, 2 lookalike`, and that a conflict's other fields are written."""
    from bposync.plan import ATTENTION

    said = counted({action: plan.summary[action] if action in ATTENTION else 0 for action in Action})
    partly = sum(change.action is Action.CONFLICT for change in plan.writes)
    return f"{said} ({partly:,} of them partly written)" if partly else said


def outcomes_in_words(outcomes: Mapping[str, int], exit_code: int | None = 0) -> str:
    """Say what became of a run's writes: `21 written, 1 failed`; where there are none, whether there was nothing to write."""
    none = "nothing to write" if exit_code in (ExitCode.DONE, ExitCode.NOT_WRITTEN) else "nothing written"
    return ", ".join(f"{count:,} {outcome}" for outcome, count in outcomes.items() if count) or none


def some(items: Sequence[str], most: int = 3, *, sep: str = ", ") -> str:
    """Give the first of several, and how many more there are."""
    more = f"{sep}and {len(items) - most:,} more" if len(items) > most else ""
    return f"{sep.join(items[:most])}{more}"


def done_in_words(changes: Sequence[Change], outcomes: Mapping[int, Outcome]) -> str:
    """Say what was written, or exported: `19 new accounts, 2 updates`."""
    done = [changes[place] for place, outcome in outcomes.items() if outcome.kind in DONE]
    updates = [change for change in done if change.action is not Action.CREATE]
    parts = [many(len(done) - len(updates), "new account")] if len(done) > len(updates) else []
    if updates:
        parts.append(" ".join([many(len(updates), "update"), *(f"({inside})" for inside in _in_conflict_too(updates))]))
    return ", ".join(parts) or "nothing"
