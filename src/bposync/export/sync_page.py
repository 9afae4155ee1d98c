"""The report of a sync: whether it is complete, how many customers stand how, what changed, and what needs a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bposync.advice import command
from bposync.export import changes as parts
from bposync.export.page import bullets, left_out, page, verdict
from bposync.export.totals import Stage, by_site, standing, totals
from bposync.plan import ATTENTION
from bposync.records import Action, Change, OutcomeKind
from bposync.words import DONE, counted, done_in_words, many, writes_in_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bposync.export.markup import Child, Markup
    from bposync.export.told import SyncTold
    from bposync.plan import Plan

MOST_CUSTOMERS: Final = 3_000
"""How many customers stand on a page, what needs a person first; more is nothing that anybody reads, and slow to open."""
_NOT_WAITING: Final = tuple(action for action in Action if action not in ATTENTION)


def sync_page(told: SyncTold) -> Markup:
    """Make the report of a sync, or of a dry run, as far as it came."""
    kind = "What a sync would do" if told.dry_run else "Synchronisation"
    return page(kind, told.facts, [_verdict(told), *_found(told)])


def _verdict(told: SyncTold) -> Markup:
    plan, trouble = told.plan, told.trouble
    lines: list[Child] = []
    kind = "good"
    if plan is None:
        return verdict("bad", "Nothing could be planned" if told.dry_run else "Nothing was synchronised", _trouble(told))
    waiting = counted(plan.summary, without=_NOT_WAITING)
    done = sum(outcome.kind in DONE for outcome in told.outcomes.values())
    if trouble is not None and not told.outcomes:
        said = "A sync would be stopped" if told.dry_run else "Nothing was synchronised"
        return verdict("person" if trouble.interrupted else "bad", said, [*_trouble(told), *_planned(plan)])
    if told.dry_run:
        said = f"A sync would write {writes_in_words(plan)}" if plan.writes else "A sync would write nothing"
        lines.append("This was a dry run: nothing was written.")
    elif not plan.writes:
        said = f"Nothing to write: {many(plan.summary[Action.SAME], 'customer')} in step"
    else:
        exported = _stage(told) is Stage.EXPORTED
        complete = done == len(plan.writes)
        said = f"The {'import file' if exported else 'synchronisation'} is {'complete' if complete else 'not complete'}"
        kind = "good" if complete else "bad"
        what = done_in_words(plan.changes, told.outcomes)
        lines.append(f"{'Exported' if exported else 'Written'}: {what}.")
        if not complete:
            lines.append(f"Not written: {len(plan.writes) - done:,} of {many(len(plan.writes), 'account')}.")
    if trouble is not None:
        kind = "bad"
        lines += _trouble(told)
    if waiting:
        kind = "person" if kind == "good" else kind
        lines.append(f"Waiting for a person: {waiting}.")
    return verdict(kind, said, lines)


def _planned(plan: Plan) -> list[Child]:
    return [f"Planned: {writes_in_words(plan)}." if plan.writes else "There was nothing to write."]


def _trouble(told: SyncTold) -> list[Child]:
    if told.trouble is None:
        return []
    return [told.trouble.message, told.trouble.hint or None]


def _found(told: SyncTold) -> list[Markup | None]:
    plan = told.plan
    if plan is None:
        return [bullets("Notes", told.notes)]
    stage = _stage(told)
    planned = stage is Stage.PLANNED
    found = standing(plan, told.outcomes, stage)
    waiting = [change for change in plan.changes if change.action in ATTENTION]
    failed = [] if planned else _failed(told, plan)
    done = [
        change for place, change in enumerate(plan.changes)
        if change.is_write and (planned or (place in told.outcomes and told.outcomes[place].kind in DONE))
    ]  # fmt: skip
    updated = [change for change in done if change.action is not Action.CREATE]
    created = [change for change in done if change.action is Action.CREATE]
    untouched = parts.untouched(plan.changes)
    gone = [change for change in plan.changes if change.action is Action.GONE]
    groups: list[Sequence[object]] = [waiting, failed, updated, created, untouched, gone]
    shown = parts.shares(MOST_CUSTOMERS, *groups)
    more = [left_out(len(group) - count, _where(told)) for group, count in zip(groups, shown, strict=True)]
    return [
        totals(found, stage, partly=sum(change.action in ATTENTION for change in updated)),
        by_site(found, told.facts.sites),
        bullets("What to do next", told.steps),
        parts.people(waiting[: shown[0]], len(waiting), more[0]),
        parts.troubles(failed[: shown[1]], len(failed), more[1]),
        parts.before_after(f"Changes {stage.value[0]}", updated[: shown[2]], len(updated), more[2]),
        parts.new_accounts(f"New accounts {stage.value[0]}", created[: shown[3]], len(created), more[3]),
        parts.left(untouched[: shown[4]], len(untouched), more[4]),
        parts.reasons("Gone from BPO", gone[: shown[5]], len(gone), more[5]),
        bullets("Notes", told.notes),
    ]


def _stage(told: SyncTold) -> Stage:
    if told.dry_run or not told.outcomes:
        return Stage.PLANNED
    exported = any(outcome.kind is OutcomeKind.EXPORTED for outcome in told.outcomes.values())
    return Stage.EXPORTED if exported else Stage.WRITTEN


def _failed(told: SyncTold, plan: Plan) -> list[tuple[Change, str, str]]:
    """Give each write that did not become what it was to be, with what became of it and why."""
    found = []
    for place, change in enumerate(plan.changes):
        outcome = told.outcomes.get(place)
        if change.is_write and (outcome is None or outcome.kind not in DONE):
            found.append((change, outcome.kind.value if outcome else "not tried", outcome.reason if outcome else ""))
    return found


def _where(told: SyncTold) -> str:
    if told.dry_run or not told.facts.run:
        return f"All of them: {command('sync --dry-run --output plan.xlsx')}"
    return f"All of them: {command('history {}', told.facts.run)}"
