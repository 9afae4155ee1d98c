"""How a plan and what became of it read on a screen: what needs a person, new accounts, changes field by field, counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bposync.cli.output import Column
from bposync.fields import FIELDS
from bposync.plan import ATTENTION
from bposync.records import Action, OutcomeKind, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bposync.cli.output import Output
    from bposync.plan import Plan
    from bposync.records import Change, FieldChange, Outcome
    from bposync.values import Value

WORDS: Final = {
    Action.SAME: "in step", Action.CREATE: "to create", Action.UPDATE: "to update", Action.DRIFT: "changed in accounting",
    Action.CONFLICT: "in conflict", Action.LOOKALIKE: "lookalike", Action.REJECTED: "rejected", Action.MISSING: "missing",
    Action.GONE: "gone", Action.SKIPPED: "skipped",
}  # fmt: skip
"""What people are told of an action; `1 in step, 2 to create`."""
_VERDICTS: Final = {
    Verdict.WRITE: "is written", Verdict.DRIFT: "left: changed in accounting",
    Verdict.CONFLICT: "left: both differ", Verdict.HELD: "held back",
}  # fmt: skip
# What a new account is shown with; --verbose and --json show every field.
_NEW_COLUMNS: Final = ("credit_limit", "phone", "contact", "email", "terms", "group")
_ALL_HINT: Final = "All of them: --json."


def cell(value: Value | str) -> str:
    """Give a value as people read it: amounts with thousands separators, flags as yes and no, nothing for a blank."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or isinstance(value, str):
        return value or ""
    return f"{value:,.2f}"


def counted(counts: Mapping[str, int], *, without: Iterable[str] = ()) -> str:
    """Say `3 in step, 19 to create`, leaving out what there is none of."""
    left_out = set(without)
    words = [f"{counts[action]:,} {WORDS[action]}" for action in WORDS if counts[action] and action not in left_out]
    return ", ".join(words)


def plan_tables(output: Output, plan: Plan) -> None:
    """Print a plan: first what needs a person, then new accounts, then changes field by field."""
    _attention(output, plan.changes)
    creates = [change for change in plan.changes if change.action is Action.CREATE]
    if creates:
        output.line(f"New accounts ({len(creates):,})")
        _new_accounts(output, creates)
        output.line()
    if output.verbose:
        _fields(output, "New accounts, field by field", creates)
    differing = [change for change in plan.changes if change.fields and change.action is not Action.CREATE]
    shown = differing if output.verbose else [change for change in differing if change.action is not Action.SAME]
    _fields(output, "Differences", shown)
    gone = [change for change in plan.changes if change.action is Action.GONE]
    if gone:
        output.line(f"Gone from BPO ({len(gone):,})")
        _reasons(output, gone)
    held = sum(difference.verdict is Verdict.HELD for change in plan.changes for difference in change.fields)
    if held and not output.verbose:
        words = (
            "1 value cannot be held there and is left" if held == 1 else f"{held:,} values cannot be held there and are left"
        )
        output.line(f"{words}: --verbose shows which.")
    if output.verbose:
        _reasons_of(output, "In step", plan.changes, Action.SAME)
        _reasons_of(output, "Skipped", plan.changes, Action.SKIPPED)


def _attention(output: Output, changes: Sequence[Change]) -> None:
    waiting = [change for change in changes if change.action in ATTENTION]
    if not waiting:
        return
    output.line(f"Needs a person ({len(waiting):,})")
    _reasons(output, waiting)


def attention_lines(output: Output, changes: Sequence[Change]) -> None:
    """Print what needs a person, one line each, also with --quiet."""
    for change in changes:
        if change.action in ATTENTION:
            reasons = "; ".join(change.reasons) or ", ".join(difference.field for difference in change.fields)
            output.important(f"{WORDS[change.action].capitalize()}: {change.code} {change.name}: {reasons}")


def _reasons_of(output: Output, title: str, changes: Sequence[Change], action: Action) -> None:
    found = [change for change in changes if change.action is action]
    if found:
        output.line(f"{title} ({len(found):,})")
        _reasons(output, found)


def _reasons(output: Output, changes: Sequence[Change]) -> None:
    columns = [
        Column("Customer", keep=9),
        Column("Name", keep=6),
        Column("Account", keep=5),
        Column("", keep=7),
        Column("Why", keep=8),
    ]
    rows = []
    for change in changes:
        reasons = change.reasons or tuple(
            f"{FIELDS[difference.field].label}: {_VERDICTS[difference.verdict]}" for difference in change.fields
        )
        for place, reason in enumerate(reasons or ("",)):
            first = place == 0
            rows.append(
                [change.code, change.name, change.account, WORDS[change.action], reason] if first else ["", "", "", "", reason]
            )
    output.table(columns, rows, hint=_ALL_HINT)
    output.line()


def _new_accounts(output: Output, creates: Sequence[Change]) -> None:
    renamed = any(change.account != change.code for change in creates)
    columns = [Column("Customer", keep=6)] if renamed else []
    columns += [Column("Account", keep=9), Column("Name", keep=8)]
    columns += [
        Column(FIELDS[name].label, right=name == "credit_limit", keep=7 - place) for place, name in enumerate(_NEW_COLUMNS)
    ]
    rows = []
    for change in creates:
        values = {written.field: written.new for written in change.writes}
        lead = [change.code] if renamed else []
        rows.append([*lead, change.account, change.name, *(cell(values.get(name, "")) for name in _NEW_COLUMNS)])
    output.table(columns, rows, hint=_ALL_HINT)


def _fields(output: Output, title: str, changes: Sequence[Change]) -> None:
    if not changes:
        return
    output.line(f"{title} ({len(changes):,} account{'s'[: len(changes) != 1]})")
    columns = [
        Column("Customer", keep=9), Column("Name", keep=4), Column("Field", keep=9),
        Column("Accounting has", keep=8), Column("BPO has", keep=8), Column("", keep=7),
    ]  # fmt: skip
    rows = []
    for change in changes:
        for place, difference in enumerate(change.fields):
            who = [change.code, change.name] if place == 0 else ["", ""]
            rows.append([*who, *_difference(difference)])
    output.table(columns, rows, hint=_ALL_HINT)
    output.line()


def _difference(difference: FieldChange) -> list[str]:
    return [
        FIELDS[difference.field].label, cell(difference.old), cell(difference.new), _VERDICTS[difference.verdict],
    ]  # fmt: skip


def writes_in_words(plan: Plan) -> str:
    """Say `19 new accounts, 2 updates (5 fields)`."""
    creates = sum(change.action is Action.CREATE for change in plan.writes)
    updates = [change for change in plan.writes if change.action is not Action.CREATE]
    fields = sum(len(change.writes) for change in updates)
    parts = [f"{creates:,} new account{'s'[: creates != 1]}"] if creates else []
    if updates:
        parts.append(f"{len(updates):,} update{'s'[: len(updates) != 1]} ({fields:,} field{'s'[: fields != 1]})")
    return ", ".join(parts)


def outcome_lines(output: Output, changes: Sequence[Change], outcomes: Mapping[int, Outcome]) -> None:
    """Print every write that did not become what it was to be, also with --quiet."""
    for place, outcome in outcomes.items():
        if outcome.kind is not OutcomeKind.WRITTEN:
            change = changes[place]
            output.important(f"{outcome.kind.value.capitalize()}: {change.code} {change.name}: {outcome.reason}")


def recorded_tables(output: Output, documents: Sequence[Mapping[str, Any]], first: Sequence[str] | None = None) -> None:
    """Print changes as the journal has them, field by field; `first` stands before each, as the run it belongs to."""
    columns = [Column("Run", keep=9)] if first is not None else []
    columns += [
        Column("Customer", keep=9), Column("Name", keep=4), Column("Account", keep=6), Column("", keep=7),
        Column("Field", keep=8), Column("Before", keep=8), Column("After", keep=8), Column("Became", keep=8),
    ]  # fmt: skip
    rows = []
    for place, document in enumerate(documents):
        action = WORDS[Action(document["action"])]
        head = [document["code"], document["name"], document["account"] or "", action]
        lead = [first[place]] if first is not None else []
        became = document["outcome"] or "not written"
        fields = list(document["fields"].items())
        for number, (name, said) in enumerate(fields or [("", {"from": None, "to": None})]):
            field = FIELDS.get(name)
            values = [cell(field.parse(said[key])) if field else "" for key in ("from", "to")]
            verdict = said.get("verdict", Verdict.WRITE.value)
            last = became if verdict == Verdict.WRITE.value else _VERDICTS[Verdict(verdict)]
            row = [*lead, *head] if number == 0 else [""] * (len(lead) + len(head))
            rows.append([*row, field.label if field else "", *values, last])
        rows += [[""] * (len(lead) + len(head)) + ["", "", "", f"  {reason}"] for reason in document["reasons"]]
    output.table(columns, rows, hint=_ALL_HINT)
