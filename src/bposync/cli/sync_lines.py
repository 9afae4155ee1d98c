"""What a sync says, to people in lines and tables, to programs as one document: its plan, and what became of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from bposync.advice import REVIEW, command
from bposync.cli.showing import LONGEST_PLACE, named
from bposync.records import Action, OutcomeKind, Verdict
from bposync.words import counted, done_in_words, many, waiting_in_words, writes_in_words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bposync.accounting import Accounting
    from bposync.apply import Result
    from bposync.cli.output import Output
    from bposync.cli.showing import Shown
    from bposync.plan import Plan

SCHEMA: Final = "bposync.sync/1"
COMPLETE: Final = "The synchronisation is complete."
EXPORTED: Final = "The import file is complete; the accounting system has it when it was imported."


def plan_lines(output: Output, plan: Plan, shown: Shown) -> None:
    """Print a plan; with --quiet only who needs a person."""
    from bposync.cli import report

    if output.as_json:
        return
    if output.quiet:
        report.attention_lines(output, plan.changes, whole=True)
        return
    seen = replace(plan, changes=tuple(change for change in plan.changes if shown.has(change.action)))
    report.plan_tables(output, seen, whole=bool(shown.only), everybody=shown.everybody)
    for note in plan.notes:
        output.note(note)


def dry_run_lines(output: Output, plan: Plan, shown: Shown, again: str) -> None:
    """Say, below the plan, what a sync would write, who waits, and what to type next."""
    if shown.only:
        output.line(f"Shown were only: {', '.join(action for action in Action if action in shown.only)}.")
    output.line(f"{_counts(plan)}.")
    if plan.writes:
        output.line(f"A sync would write {writes_in_words(plan)}. This was a dry run: nothing was written.")
    else:
        output.line("A sync would write nothing.")
    _waiting_line(output, plan)
    if plan.writes:
        output.line(f"Next: {again}")


def question_block(plan: Plan, accounting: Accounting) -> list[str]:
    """Give what stands above the question: the company, its database and server, and the counts."""
    company, caution = accounting.books.company, accounting.way.caution
    block = [
        "",
        f"Company:   {named(company.name)}",
        f"Database:  {named(company.database)} on {named(company.server, LONGEST_PLACE)}",
        f"Plan:      {_counts(plan)}",
        f"To write:  {writes_in_words(plan)}",
    ]
    if plan.needs_person:
        block.append(f"Waiting:   {waiting_in_words(plan)}: not written before a person settles it. {command(REVIEW)}")
    if caution:
        block.append(f"Note:      {caution}")
    return [*block, ""]


def outcome_lines(output: Output, plan: Plan, result: Result, steps: Sequence[str], left_out: Sequence[str]) -> None:
    """Say what became of a plan. `steps` lead on from an import file; `left_out` could not be done besides."""
    from bposync.cli import report

    if output.as_json:
        return
    report.outcome_lines(output, plan.changes, result.outcomes)
    counts = result.counts
    done = counts[OutcomeKind.WRITTEN] + counts[OutcomeKind.EXPORTED]
    if not plan.writes:
        output.line(f"Nothing to write: {plan.summary[Action.SAME]:,} customers are in step.")
    elif done == len(plan.writes):
        output.important(EXPORTED if counts[OutcomeKind.EXPORTED] else COMPLETE)
    else:
        others = ", ".join(f"{counts[kind]:,} {kind.value}" for kind in OutcomeKind if counts[kind])
        output.important(f"The synchronisation is not complete: {others}.")
    if plan.writes:
        output.important(_done_in_words(plan, result))
        for step in steps if counts[OutcomeKind.EXPORTED] else ():
            output.important(step)
    for line in left_out:
        output.important(line)
    _waiting_line(output, plan)
    drifts = sum(difference.verdict is Verdict.DRIFT for change in plan.changes for difference in change.fields)
    if drifts:
        output.line(f"Left as accounting changed {'it' if drifts == 1 else 'them'}: {many(drifts, 'value')}.")


def interrupted_lines(output: Output, plan: Plan, result: Result) -> None:
    """Say how far an interrupted run came."""
    counts = result.counts
    output.note("")
    done, unknown = counts[OutcomeKind.WRITTEN] + counts[OutcomeKind.EXPORTED], counts[OutcomeKind.UNKNOWN]
    looked_up = f" What became of {unknown:,} more, the next sync looks up." if unknown else ""
    were = "was" if len(plan.writes) == 1 else "were"
    output.important(f"Interrupted: {done:,} of {many(len(plan.writes), 'account')} {were} written.{looked_up}")
    if done:
        output.important(_done_in_words(plan, result))


def document(
    plan: Plan,
    shown: Shown,
    *,
    dry_run: bool,
    company: str,
    sites: Sequence[str],
    result: Result | None = None,
    left_out: Sequence[str] = (),
) -> dict[str, Any]:
    """Give the JSON document of a sync."""
    from bposync.documents import change_document

    outcomes = result.outcomes if result else {}
    counts: Mapping[str, int] = result.counts if result else {kind.value: 0 for kind in OutcomeKind}
    return {
        "schema": SCHEMA,
        "run": result.run.run if result else None,
        "dry_run": dry_run,
        "company": company,
        "sites": list(sites),
        "summary": plan.summary,
        "outcomes": counts,
        "changes": [
            change_document(change, outcomes.get(place))
            for place, change in enumerate(plan.changes)
            if shown.lists(change.action)
        ],
        "notes": [*plan.notes, *left_out],
    }


def _counts(plan: Plan) -> str:
    return f"{many(sum(plan.summary.values()), 'customer')}: {counted(plan.summary) or 'none'}"


def _waiting_line(output: Output, plan: Plan) -> None:
    if plan.needs_person:
        output.line(f"Waiting for a person: {waiting_in_words(plan)}. Settle them with: {command(REVIEW)}")


def _done_in_words(plan: Plan, result: Result) -> str:
    """Say `Written: 19 new accounts, 2 updates. Run ….`; where an import file is made, that it is exported."""
    exported = result.counts[OutcomeKind.EXPORTED]
    kind = OutcomeKind.EXPORTED if exported else OutcomeKind.WRITTEN
    return f"{kind.value.capitalize()}: {done_in_words(plan.changes, result.outcomes)}. Run {result.run.run}."
