"""Carries a plan out: intent, write, read back, outcome and link, a batch at a time; and settles what an earlier run left.

The order is what keeps a customer from being lost or doubled wherever the process is killed: an intent is committed to the
journal before anything is written, and an intent without an outcome is looked up before anything else is planned.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from bposync import database
from bposync.errors import UnknownOutcomeError, UnreachableError
from bposync.people import current_user
from bposync.plan import after_writing, differences
from bposync.records import Action, Outcome, OutcomeKind
from bposync.values import normalise_code

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bposync.accounting import Accounting, Books
    from bposync.journal import Journal
    from bposync.journal.runs import Intent, Run
    from bposync.plan import Plan
    from bposync.records import Account, Change, Link

BATCH: Final = 500
"""How many customers share the steps of a write."""
PAUSE_SECONDS: Final = 1.0
"""How long a write that cannot be found gets to arrive."""
_MAY_BE_THERE: Final = (OutcomeKind.WRITTEN, OutcomeKind.UNKNOWN, OutcomeKind.EXPORTED)
_ATTENTION_OR_NEWS = frozenset(Action) - {Action.SAME, Action.SKIPPED}


@dataclass
class Result:
    """What became of a run: the outcome of each change that was to be written, by its place among the plan's changes."""

    run: Run
    outcomes: dict[int, Outcome] = field(default_factory=dict)

    @property
    def counts(self) -> dict[str, int]:
        """How many writes had each outcome, every outcome named."""
        found = Counter(outcome.kind for outcome in self.outcomes.values())
        return {kind.value: found[kind] for kind in OutcomeKind}


def carry_out(
    plan: Plan,
    accounting: Accounting,
    journal: Journal,
    run: Run,
    *,
    fail_fast: bool = False,
    progress: Callable[[int], None] | None = None,
    result: Result | None = None,
) -> Result:
    """Write what the plan writes, and nothing else, and record the links of the pairs that agree.

    `result` is filled as the run goes, so that a caller who is interrupted can say how far it came. Raises UnreachableError
    where nothing could be written at all, UnknownOutcomeError where the journal failed after accounting was written.
    """
    result = result or Result(run)
    if any(change.is_write for change in plan.changes):
        check_way(accounting, journal)
    writes = [(place, change) for place, change in enumerate(plan.changes) if change.is_write]
    others = [change for change in plan.changes if not change.is_write]
    journal.runs.begin(run, [change for change in others if change.action in _ATTENTION_OR_NEWS], first=len(writes))
    with journal.transaction("cannot be written") as connection:
        journal.know_company_first(connection, accounting.books.company.name)
    _remember(journal, others)
    done = 0
    size = max(len(writes), 1) if accounting.way.at_once else 1 if fail_fast else BATCH
    for batch in database.chunks(writes, size):
        changes = [change for _, change in batch]
        journal.runs.intend(run.run, changes, done, exported=accounting.way.at_once)
        try:
            outcomes, links = _write(accounting, changes)
        except UnreachableError as error:
            outcomes, links = [Outcome(OutcomeKind.FAILED, f"not written: {error.message}")] * len(batch), []
            _settle(journal, run.run, dict(enumerate(outcomes, done)), [])
            if not any(outcome.kind in _MAY_BE_THERE for outcome in result.outcomes.values()):
                raise
            _add(result, batch, outcomes)
            break
        _settle(journal, run.run, dict(enumerate(outcomes, done)), links)
        _add(result, batch, outcomes)
        done += len(batch)
        if progress is not None:
            progress(done)
        if fail_fast and outcomes[-1].kind not in (OutcomeKind.WRITTEN, OutcomeKind.EXPORTED):
            break
    for place, _ in writes:
        result.outcomes.setdefault(place, Outcome(OutcomeKind.FAILED, "not tried: the run stopped before it"))
    return result


def check_way(accounting: Accounting, journal: Journal) -> None:
    """Stop where the way in may not be gone now, such as over an import file that was not imported. Raises GuardError."""
    exported = [intent.change for intent in journal.runs.unsettled() if intent.exported]
    accounting.way.check(exported, {normalise_code(link.account) for link in journal.links.read().values()})


def _add(result: Result, batch: Sequence[tuple[int, Change]], outcomes: Sequence[Outcome]) -> None:
    for (place, _), outcome in zip(batch, outcomes, strict=True):
        result.outcomes[place] = outcome


def _settle(journal: Journal, run: str, outcomes: dict[int, Outcome], links: Sequence[Link]) -> None:
    try:
        journal.runs.settle(run, outcomes, links, by=current_user())
    except UnreachableError as error:
        raise UnknownOutcomeError(
            f"Accounting was written, but the journal could not record it: {error.message}",
            "Mend the journal and sync again: bposync looks up what was written before it writes anything.",
        ) from None


def _remember(journal: Journal, changes: Sequence[Change]) -> None:
    """Record the links of pairs that are new or changed; a pair that stands as it did costs nothing."""
    fresh = [change.link for change in changes if change.link is not None and change.link.at is None]
    for some in database.chunks(fresh, BATCH):
        journal.links.remember(some, by=current_user())


def _write(accounting: Accounting, changes: Sequence[Change]) -> tuple[list[Outcome], list[Link]]:
    """Write one batch and read it back. WRITTEN is only what was found equal afterwards."""
    outcomes = accounting.way.write(changes)
    sent = [place for place, outcome in enumerate(outcomes) if outcome.kind is OutcomeKind.WRITTEN]
    links: list[Link] = []
    if not sent:
        return outcomes, links
    try:
        accounts = accounting.way.read_back([changes[place] for place in sent])
    except UnreachableError as error:
        for place in sent:
            outcomes[place] = Outcome(OutcomeKind.UNKNOWN, f"written, but not read back: {error.message}")
        return outcomes, links
    for place, account in zip(sent, accounts, strict=True):
        outcomes[place], link = judge(accounting.books, changes[place], account)
        if link is not None:
            links.append(link)
    return outcomes, links


def judge(books: Books, change: Change, account: Account | None) -> tuple[Outcome, Link | None]:
    """Say whether an account is as a change meant it to be, and give the link to remember where it is."""
    if account is None:
        return Outcome(OutcomeKind.FAILED, f"read back: account {change.account} is not there"), None
    if wrong := differences(books, change, account):
        return Outcome(OutcomeKind.FAILED, f"read back: {'; '.join(wrong)}", account.key), None
    return Outcome(OutcomeKind.WRITTEN, account_key=account.key), after_writing(books, change, account)


def settle_earlier(journal: Journal, accounting: Accounting) -> list[tuple[Intent, Outcome]]:
    """Look up every intent that has no outcome, and record what became of it; give what was found, oldest first.

    What is not there is looked up once more after a pause: a write whose answer never came may still be on its way.
    """
    found: list[tuple[Intent, Outcome]] = []
    for some in database.chunks(journal.runs.unsettled(), BATCH):
        judged = _look_up(accounting, some)
        if again := [place for place, (outcome, _) in enumerate(judged) if outcome.kind is OutcomeKind.FAILED]:
            time.sleep(PAUSE_SECONDS)
            for place, later in zip(again, _look_up(accounting, [some[place] for place in again]), strict=True):
                judged[place] = later
        by_run: dict[str, tuple[dict[int, Outcome], list[Link]]] = {}
        for intent, (outcome, link) in zip(some, judged, strict=True):
            outcomes, links = by_run.setdefault(intent.run, ({}, []))
            outcomes[intent.number] = outcome
            if link is not None:
                links.append(link)
            found.append((intent, outcome))
        for run, (outcomes, links) in by_run.items():
            journal.runs.settle(run, outcomes, links, by=current_user())
    if found:
        journal.runs.seal()
    return found


def _look_up(accounting: Accounting, intents: Sequence[Intent]) -> list[tuple[Outcome, Link | None]]:
    accounts = accounting.way.read_back([intent.change for intent in intents])
    judged = []
    for intent, account in zip(intents, accounts, strict=True):
        outcome, link = judge(accounting.books, intent.change, account)
        if outcome.kind is OutcomeKind.FAILED:
            differs = outcome.reason.removeprefix("read back: ")
            reason = "cut off before it was written" if account is None else f"not as it was to be written: {differs}"
            outcome = replace(outcome, reason=reason)
            if waiting := accounting.way.waiting(intent.change):
                outcome, link = Outcome(OutcomeKind.EXPORTED, waiting), None
        judged.append((outcome, link))
    return judged
