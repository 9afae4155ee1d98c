"""How a plan and what became of it read on a screen: what needs a person, new accounts, changes field by field, counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bposync.cli.output import Column
from bposync.fields import FIELDS
from bposync.plan import ATTENTION
from bposync.records import Action, OutcomeKind, Verdict
from bposync.values import normalise_code
from bposync.words import VERDICTS as _VERDICTS
from bposync.words import WORDS, cell, counted, local, writes_in_words

__all__ = ["WORDS", "cell", "counted", "local", "writes_in_words"]

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bposync.cli.output import Output
    from bposync.plan import Plan
    from bposync.records import Change, Outcome

_SETTLE: Final = {
    Action.CONFLICT: "A conflict: accounting's values stand with bposync accept CUSTOMER, BPO's with "
    "bposync sync --customer CUSTOMER --overwrite.",
    Action.LOOKALIKE: "A lookalike: it is that account with bposync link CUSTOMER ACCOUNT, it gets one of its own with "
    "bposync link CUSTOMER --new [CODE].",
    Action.REJECTED: "Rejected: mend it in BPO; a code that does not fit gets another account code with "
    "bposync link CUSTOMER --new CODE.",
    Action.MISSING: "Missing: bposync unlink CUSTOMER forgets the account that is gone.",
}
# What a new account is shown with; --verbose and --json show every field.
_NEW_COLUMNS: Final = ("credit_limit", "phone", "contact", "email", "terms", "group")
_ALL_HINT: Final = "All of them: --json."


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
    _held(output, plan)
    if output.verbose:
        _reasons_of(output, "In step", plan.changes, Action.SAME)
        _reasons_of(output, "Skipped", plan.changes, Action.SKIPPED)


def _held(output: Output, plan: Plan) -> None:
    """Name the values that the system cannot hold: whoever is not told takes them for written."""
    held = [
        (change, difference) for change in plan.changes for difference in change.fields if difference.verdict is Verdict.HELD
    ]
    if not held:
        return
    output.line(f"Held back ({len(held):,})")
    columns = [Column("Customer", keep=9), Column("Field", keep=8), Column("Why", keep=11, wrap=True)]
    rows = []
    for change, difference in held:
        lead = f"{difference.field}: "
        why = next((reason.removeprefix(lead) for reason in change.reasons if reason.startswith(lead)), "")
        rows.append([change.code, FIELDS[difference.field].label, why])
    output.table(columns, rows, hint=_ALL_HINT)
    output.line()


def _attention(output: Output, changes: Sequence[Change]) -> None:
    waiting = [change for change in changes if change.action in ATTENTION]
    if not waiting:
        return
    output.line(f"Needs a person ({len(waiting):,})")
    _reasons(output, waiting)
    settling_lines(output, waiting)


def settling_lines(output: Output, changes: Iterable[Change]) -> None:
    """Say what to type next for what needs a person."""
    present = {change.action for change in changes}
    for action, line in _SETTLE.items():
        if action in present:
            output.line(line)
    if present & set(_SETTLE):
        output.line("Many of them are settled faster in a spreadsheet: bposync review --output review.xlsx")
        output.line()


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
        Column("Stands", keep=10),
        Column("Why", keep=11, wrap=True),
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
    renamed = any(normalise_code(change.account) != normalise_code(change.code) for change in creates)
    columns = [Column("Customer", keep=6)] if renamed else []
    columns += [Column("Account", keep=9), Column("Name", keep=8)]
    written = {found.field for change in creates for found in change.writes}
    # What one system calls group is category in another; neither has both.
    shown = ["category" if name == "group" and "category" in written else name for name in _NEW_COLUMNS]
    columns += [Column(FIELDS[name].label, right=name == "credit_limit", keep=7 - place) for place, name in enumerate(shown)]
    rows = []
    for change in creates:
        values = {written.field: written.new for written in change.writes}
        lead = [change.code] if renamed else []
        rows.append([*lead, change.account, change.name, *(cell(values.get(name, "")) for name in shown)])
    output.table(columns, rows, hint=_ALL_HINT)


def _fields(output: Output, title: str, changes: Sequence[Change]) -> None:
    if not changes:
        return
    output.line(f"{title} ({len(changes):,} account{'s'[: len(changes) != 1]})")
    agreed = any(difference.agreed for change in changes for difference in change.fields)
    columns = [
        Column("Customer", keep=9), Column("Name", keep=4), Column("Field", keep=9),
        Column("Accounting has", keep=10, wrap=True), Column("BPO has", keep=10, wrap=True),
        *([Column("Last agreed", keep=5)] if agreed else []),
        Column("What happens", keep=10, wrap=True),
    ]  # fmt: skip
    rows = []
    for change in changes:
        for place, difference in enumerate(change.fields):
            who = [change.code, change.name] if place == 0 else ["", ""]
            last = [cell(difference.last)] if agreed else []
            values = [cell(difference.old), cell(difference.new), *last]
            rows.append([*who, FIELDS[difference.field].label, *values, _VERDICTS[difference.verdict]])
    output.table(columns, rows, hint=_ALL_HINT)
    output.line()


def outcome_lines(output: Output, changes: Sequence[Change], outcomes: Mapping[int, Outcome]) -> None:
    """Print every write that did not become what it was to be, also with --quiet."""
    for place, outcome in outcomes.items():
        if outcome.kind not in (OutcomeKind.WRITTEN, OutcomeKind.EXPORTED):
            change = changes[place]
            output.important(f"{outcome.kind.value.capitalize()}: {change.code} {change.name}: {outcome.reason}")


def recorded_tables(output: Output, documents: Sequence[Mapping[str, Any]], first: Sequence[str] | None = None) -> None:
    """Print changes as the journal has them, field by field; `first` stands before each, as the run it belongs to."""
    columns = [Column("Run", keep=9)] if first is not None else []
    columns += [
        Column("Customer", keep=9), Column("Name", keep=2), Column("Account", keep=3), Column("Stands", keep=4),
        Column("Field", keep=10), Column("Before", keep=10, wrap=True), Column("After", keep=10, wrap=True),
        Column("Became", keep=10, wrap=True),
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
            if verdict != Verdict.WRITE.value:
                values[1] = ""  # what was not written stands nowhere afterwards
            row = [*lead, *head] if number == 0 else [""] * (len(lead) + len(head))
            rows.append([*row, field.label if field else "", *values, last])
        rows += [[""] * (len(lead) + len(head)) + ["", "", "", f"  {reason}"] for reason in document["reasons"]]
    output.table(columns, rows, hint=_ALL_HINT)
