"""Carries a plan out: intent, write, read back, outcome and link, a batch at a time; and settles what an earlier run left.

The order is what keeps a customer from being lost or doubled wherever the process is killed: an intent is committed to the
journal before anything is written, and an intent without an outcome is looked up before anything else is planned.
"""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from bposync import database
from bposync.errors import LockedError, UnknownOutcomeError, UnreachableError
from bposync.people import current_user
from bposync.plan import after_writing, differences
from bposync.records import Action, Outcome, OutcomeKind
from bposync.values import normalise_code

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from bposync.accounting import Accounting, Books
    from bposync.journal import Journal
    from bposync.journal.runs import Intent, Run
    from bposync.plan import Plan
    from bposync.records import Account, Change, Link

BATCH: Final = 1000
"""How many customers share the steps of a write."""
PAUSE_SECONDS: Final = 1.0
"""How long a write that cannot be found gets to arrive."""
_MAY_BE_THERE: Final = (OutcomeKind.WRITTEN, OutcomeKind.UNKNOWN, OutcomeKind.EXPORTED)
_INTERRUPTED: Final = "interrupted; the next sync looks up what became of it"
_ATTENTION_OR_NEWS = frozenset(Action) - {Action.SAME, Action.SKIPPED}


@dataclass
class Result:
    """What became of a run: the outcome of each change that was to be written, by its place among the plan's changes."""

    run: Run
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    wrote: bool = False
    """Whether anything may be in the books by now."""

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
    or LockedError where nothing could be written at all, UnknownOutcomeError where the journal failed after accounting was
    written. Where either fails after an earlier batch was written and recorded, what follows is failed: not tried.
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
    done, stopped = 0, "the run stopped before it"
    size = max(len(writes), 1) if accounting.way.at_once else 1 if fail_fast else BATCH
    for batch in database.chunks(writes, size):
        try:
            outcomes = _carry_out_batch(batch, done, accounting, journal, result)
        except (UnreachableError, LockedError) as error:
            if not result.wrote:
                raise
            stopped = error.message
            break
        done += len(batch)
        if progress is not None:
            progress(done)
        if fail_fast and outcomes[-1].kind not in (OutcomeKind.WRITTEN, OutcomeKind.EXPORTED):
            break
    _leave([(place, change) for place, change in writes if place not in result.outcomes], stopped, journal, result)
    return result


def _leave(rest: Sequence[tuple[int, Change]], stopped: str, journal: Journal, result: Result) -> None:
    """Say of what was not tried any more that it was not, and why, so that the run's own story has it too."""
    if not rest:
        return
    first, outcome = len(result.outcomes), Outcome(OutcomeKind.FAILED, f"not tried: {stopped}")
    result.outcomes |= dict.fromkeys([place for place, _ in rest], outcome)
    with contextlib.suppress(UnreachableError):  # where the journal is why the run stopped
        journal.runs.intend(result.run.run, [change for _, change in rest], first)
        journal.runs.settle(result.run.run, dict.fromkeys(range(first, len(result.outcomes)), outcome), [], by=current_user())


def check_way(accounting: Accounting, journal: Journal) -> None:
    """Stop where the way in may not be gone now, such as over an import file that was not imported. Raises GuardError."""
    exported = [intent.change for intent in journal.runs.unsettled() if intent.exported]
    accounting.way.check(exported, {normalise_code(account) for (account,) in journal.links.columns("account")})


def _carry_out_batch(
    batch: Sequence[tuple[int, Change]], done: int, accounting: Accounting, journal: Journal, result: Result
) -> list[Outcome]:
    """Announce a batch, write it, read it back and record what became of it.

    Raises UnreachableError or LockedError where nothing of it was written, UnknownOutcomeError where some of it may be and
    the journal could not record that.
    """
    changes = [change for _, change in batch]
    run = result.run.run

    def became(outcomes: Sequence[Outcome]) -> None:
        result.outcomes |= {place: outcome for (place, _), outcome in zip(batch, outcomes, strict=True)}

    journal.runs.intend(run, changes, done, exported=accounting.way.at_once)
    try:
        outcomes = accounting.way.write(changes)
    except (UnreachableError, LockedError) as error:
        outcomes = [Outcome(OutcomeKind.FAILED, f"not written: {error.message}")] * len(batch)
        became(outcomes)
        with contextlib.suppress(UnreachableError):  # then the next run finds that nothing came of it
            journal.runs.settle(run, dict(enumerate(outcomes, done)), [], by=current_user())
        raise
    except KeyboardInterrupt:
        became([Outcome(OutcomeKind.UNKNOWN, _INTERRUPTED)] * len(batch))
        result.wrote = True
        raise
    sent = [place for place, outcome in enumerate(outcomes) if outcome.kind in _MAY_BE_THERE]
    result.wrote = result.wrote or bool(sent)
    became([Outcome(OutcomeKind.UNKNOWN, _INTERRUPTED) if place in sent else each for place, each in enumerate(outcomes)])
    outcomes, links = _read_back(accounting, changes, outcomes)
    became(outcomes)
    try:
        journal.runs.settle(run, dict(enumerate(outcomes, done)), links, by=current_user())
    except UnreachableError as error:
        if not sent:
            raise
        lost = Outcome(OutcomeKind.UNKNOWN, "written, but the journal could not record it")
        became([lost if place in sent else outcome for place, outcome in enumerate(outcomes)])
        raise UnknownOutcomeError(
            f"Accounting was written, but the journal could not record it: {error.message}",
            "Mend the journal and sync again: bposync looks up what was written before it writes anything.",
        ) from None
    return outcomes


def _remember(journal: Journal, changes: Sequence[Change]) -> None:
    """Record the links of pairs that are new or changed; a pair that stands as it did costs nothing."""
    fresh = [change.link for change in changes if change.link is not None and change.link.at is None]
    for some in database.chunks(fresh, BATCH):
        journal.links.remember(some, by=current_user())


def _read_back(
    accounting: Accounting, changes: Sequence[Change], outcomes: Sequence[Outcome]
) -> tuple[list[Outcome], list[Link]]:
    """Read back what was sent and acknowledged. WRITTEN is from then on only what was found equal."""
    outcomes = list(outcomes)
    sent = [place for place, outcome in enumerate(outcomes) if outcome.kind is OutcomeKind.WRITTEN]
    links: list[Link] = []
    if not sent:
        return outcomes, links
    try:
        accounts = accounting.way.read_back([changes[place] for place in sent])
    except (UnreachableError, LockedError) as error:
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
    if not (unsettled := journal.runs.unsettled()):
        return found
    now = journal.links.read()
    taken = {_account_of(link) for link in now.values()}
    for some in database.chunks(unsettled, BATCH):
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
                links += _beside_decisions(link, intent.change, now.get(normalise_code(link.customer)), taken)
            found.append((intent, outcome))
        for run, (outcomes, links) in by_run.items():
            journal.runs.settle(run, outcomes, links, by=current_user())
    if found:
        journal.runs.seal()
    return found


def _beside_decisions(link: Link, change: Change, now: Link | None, taken: Collection[tuple[str, str]]) -> list[Link]:
    """Give the link to remember of a write that was cut off, if any, beside all that a person settled since then.

    `now` is the customer's link, and `taken` are the accounts that anybody is linked to. Who was unlinked or linked to another
    account meanwhile stays so; whom the run that was cut off was the first to pair, the next plan pairs again.
    """
    if change.seen is None:
        return [link] if now is None and _account_of(link) not in taken else []
    if now is None or _account_of(link) != _account_of(now):
        return []
    written = {each.field for each in change.writes}
    agreed = {name: pair for name, pair in now.agreed.items() if name not in written}
    return [replace(link, agreed=agreed | {name: pair for name, pair in link.agreed.items() if name in written})]


def _account_of(link: Link) -> tuple[str, str]:
    return link.account_key, "" if link.account_key else normalise_code(link.account)


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
