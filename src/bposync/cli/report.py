"""How a plan and what became of it read on a screen: what needs a person, new accounts, changes field by field, counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from bposync import reasons
from bposync.advice import REVIEW, command, with_commands
from bposync.cli.output import Column
from bposync.fields import FIELDS
from bposync.plan import ATTENTION
from bposync.records import Action, OutcomeKind, Verdict
from bposync.values import normalise_code
from bposync.words import WORDS, cell, many, some

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bposync.cli.output import Output
    from bposync.plan import Plan
    from bposync.records import Change, Outcome

_T = TypeVar("_T")

_SETTLE: Final = {
    Action.LOOKALIKE: "A lookalike may be an account that is there: it is that account with {link CUSTOMER ACCOUNT}, "
    "it gets one of its own with {link CUSTOMER --new}, or, where its code is taken, {link CUSTOMER --new CODE}.",
    Action.REJECTED: "Rejected is what accounting cannot hold: mend it in BPO; a code that does not fit gets another account "
    "code with {link CUSTOMER --new CODE}.",
    Action.MISSING: "Missing is an account that is no longer there. It was merged into another: {link CUSTOMER ACCOUNT}. "
    "The next sync shall make a new one: {unlink CUSTOMER}.",
    Action.CONFLICT: "A conflict is two values of which nobody knows the right one: accounting's stand with {accept CUSTOMER}, "
    "BPO's with {sync --customer CUSTOMER --overwrite}.",
}
"""What can be done about whom, in the order in which a plan shows them; commands stand in braces."""
_DOUBT: Final = (
    "Where name and VAT number both differ, look first: is it the same company? An account that is another's is left with "
    "{unlink CUSTOMER}, then {link CUSTOMER --new CODE}."
)
_GOOD, _CAREFUL, _BAD, _CHANGE = "32", "33", "1;31", "36"
TONES: Final = {
    "in step": _GOOD, "to create": _GOOD, "written": _GOOD, "is written": _GOOD, "exported": _GOOD, "to update": _CHANGE,
    "changed in accounting": _CAREFUL, "left: changed in accounting": _CAREFUL, "held back": _CAREFUL, "lookalike": _CAREFUL,
    "in conflict": _CAREFUL, "left: needs a person": _CAREFUL, "missing": _BAD, "rejected": _BAD, "failed": _BAD,
    "stale": _CAREFUL, "unknown": _BAD,
}  # fmt: skip
"""The colours of these words where they are a cell of their own; they say the same without."""
_MOST_ALIKE: Final = 10  # lines that say the same of one after the other
MOST_IN_PLAN: Final = 30
"""How many customers of a kind a terminal is shown; a plan of thousands is read elsewhere."""
# What a new account is shown with, first what stays longest: the group decides the control account. --all and --json show
# every field.
_NEW_COLUMNS: Final = ("credit_limit", "group", "terms", "phone", "contact", "email")
_ALL_HINT: Final = "All of them: --json."


def plan_tables(output: Output, plan: Plan, *, whole: bool = False, everybody: bool = False) -> None:
    """Print a plan: first what needs a person, then new accounts, then changes field by field, then what is left as it is.

    On a terminal a kind with many customers is cut short, unless it is wanted `whole`; then it also has who needs nothing.
    With `everybody` new accounts are shown field by field, too.
    """
    unasked = whole or everybody
    whole = unasked or not output.is_terminal
    _attention(output, plan.changes, whole=whole)
    creates = [change for change in plan.changes if change.action is Action.CREATE]
    if creates:
        output.heading(f"New accounts ({len(creates):,})")
        _new_accounts(output, _beginning(creates, whole=whole), whole=whole)
        _more(output, creates, whole=whole)
    if everybody:
        _writes(output, "New accounts, field by field", creates, whole=True)
    _writes(output, "Updates", [change for change in plan.changes if change.action is not Action.CREATE], whole=whole)
    _left(output, plan.changes, whole=whole)
    _held(output, plan, whole=whole)
    _reasons_of(output, "Gone from BPO", plan.changes, Action.GONE, whole=whole)
    if unasked:
        _reasons_of(output, "In step", plan.changes, Action.SAME, whole=True)
        _reasons_of(output, "Skipped", plan.changes, Action.SKIPPED, whole=True)


def _beginning(changes: Sequence[_T], *, whole: bool) -> Sequence[_T]:
    return changes if whole or len(changes) <= MOST_IN_PLAN + 1 else changes[:MOST_IN_PLAN]


def _more(output: Output, changes: Sequence[object], *, whole: bool) -> None:
    """Say how to see what was cut short, and end the section."""
    if left_out := len(changes) - len(_beginning(changes, whole=whole)):
        output.line(f"And {left_out:,} more. All of them: --dry-run with --all, or with --only and the states to see.")
    output.line()


def _held(output: Output, plan: Plan, *, whole: bool) -> None:
    """Name the values that the system cannot hold: whoever is not told takes them for written."""
    held = [
        (change, difference) for change in plan.changes for difference in change.fields if difference.verdict is Verdict.HELD
    ]
    if not held:
        return
    output.heading(f"Held back, for the account cannot hold it ({len(held):,})")
    columns = [Column("Customer", keep=9), Column("Name", keep=4), Column("Field", keep=9), Column("Why", keep=11, wrap=True)]
    rows = []
    for change, difference in _beginning(held, whole=whole):
        lead = f"{difference.field}: "
        why = next((reason.removeprefix(lead) for reason in change.reasons if reason.startswith(lead)), "")
        rows.append([change.code, change.name, FIELDS[difference.field].label, why])
    output.table(columns, rows, hint=_ALL_HINT, whole=whole)
    _more(output, held, whole=whole)


def _attention(output: Output, changes: Sequence[Change], *, whole: bool) -> None:
    waiting = [change for action in _SETTLE for change in changes if change.action is action]
    if not waiting:
        return
    output.heading(f"Needs a person ({len(waiting):,})")
    _reasons(output, _beginning(waiting, whole=whole), whole=whole)
    _more(output, waiting, whole=whole)
    settling_lines(output, waiting)


def settling_lines(output: Output, changes: Iterable[Change]) -> None:
    """Say what to type next for what needs a person."""
    changes = list(changes)
    present = {change.action for change in changes}
    for action, line in _SETTLE.items():
        if action in present:
            output.line(with_commands(line))
    if any(change.is_doubtful for change in changes):
        output.line(with_commands(_DOUBT))
    if present & set(_SETTLE):
        output.line(f"Many of them are settled faster in a spreadsheet: {command(REVIEW)}")
        output.line()


def attention_lines(output: Output, changes: Sequence[Change], *, whole: bool = False) -> None:
    """Print what needs a person, one line each, also with --quiet."""
    waiting = [change for change in changes if change.action in ATTENTION]
    whole = whole or output.quiet or not output.is_terminal
    for change in _beginning(waiting, whole=whole):
        output.important(f"{WORDS[change.action].capitalize()}: {change.code} {change.name}: {reasons.in_short(change)}")
    if left_out := len(waiting) - len(_beginning(waiting, whole=whole)):
        output.line(f"And {left_out:,} more. All of them: --all, or in a spreadsheet: {command(REVIEW)}")


def _reasons_of(output: Output, title: str, changes: Sequence[Change], action: Action, *, whole: bool) -> None:
    found = [change for change in changes if change.action is action]
    if found:
        output.heading(f"{title} ({len(found):,})")
        _reasons(output, _beginning(found, whole=whole), whole=whole)
        _more(output, found, whole=whole)


def _reasons(output: Output, changes: Sequence[Change], *, whole: bool) -> None:
    columns = [
        Column("Customer", keep=9), Column("Name", keep=6), Column("Account", keep=5), Column("Stands", keep=10, tones=TONES),
        Column("Why", keep=11, wrap=True),
    ]  # fmt: skip
    rows = []
    for change in changes:
        for place, reason in enumerate(reasons.in_words(change) or ("",)):
            who = [change.code, change.name, change.account, WORDS[change.action]] if place == 0 else [""] * 4
            rows.append([*who, reason])
    output.table(columns, rows, hint=_ALL_HINT, whole=whole)


def _new_accounts(output: Output, creates: Sequence[Change], *, whole: bool) -> None:
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
    output.table(columns, rows, hint=_ALL_HINT, whole=whole)


def _writes(output: Output, title: str, changes: Sequence[Change], *, whole: bool) -> None:
    """Print what is written, field by field: what accounting has, and what it will have."""
    changes = [change for change in changes if change.is_write and change.writes]
    if not changes:
        return
    output.heading(f"{title} ({len(changes):,} account{'s'[: len(changes) != 1]})")
    columns = [
        *_who_columns(changes), Column("Field", keep=9), Column(output.became("Before", "after"), keep=10, wrap=True),
    ]  # fmt: skip
    if output.plain:
        columns[-1] = Column("Changes", keep=10, wrap=True)
    rows = []
    for change in _beginning(changes, whole=whole):
        for place, each in enumerate(change.writes):
            rows.append([
                *_who(change, columns, first=place == 0), FIELDS[each.field].label,
                output.became(cell(each.old), cell(each.new)),
            ])  # fmt: skip
    output.table(columns, rows, hint=_ALL_HINT, whole=whole)
    _more(output, changes, whole=whole)


def _left(output: Output, changes: Sequence[Change], *, whole: bool) -> None:
    """Print what accounting changed and BPO did not: it is left, and a person who reads it may want to know."""
    drifting = [change for change in changes if any(each.verdict is Verdict.DRIFT for each in change.fields)]
    if not drifting:
        return
    output.heading(f"Changed in accounting, and left as it is there: drift ({len(drifting):,})")
    columns = [
        *_who_columns(drifting), Column("Field", keep=9), Column("Accounting has", keep=10, wrap=True),
        Column("BPO has", keep=10, wrap=True), Column("Last agreed", keep=5),
    ]  # fmt: skip
    rows = []
    for change in _beginning(drifting, whole=whole):
        drifts = [each for each in change.fields if each.verdict is Verdict.DRIFT]
        for place, each in enumerate(drifts):
            values = [cell(value) or "(blank)" for value in (each.old, each.new, each.last)]
            rows.append([*_who(change, columns, first=place == 0), FIELDS[each.field].label, *values])
    output.table(columns, rows, hint=_ALL_HINT, whole=whole)
    _more(output, drifting, whole=whole)


def _who_columns(changes: Sequence[Change]) -> list[Column]:
    """Give the columns that say whom a row is about; the account's where it has another code."""
    renamed = any(normalise_code(change.account) != normalise_code(change.code) for change in changes)
    return [Column("Customer", keep=9), *([Column("Account", keep=5)] if renamed else []), Column("Name", keep=4)]


def _who(change: Change, columns: Sequence[Column], *, first: bool) -> list[str]:
    known = {"Customer": change.code, "Account": change.account, "Name": change.name}
    return [known[column.heading] if first else "" for column in columns if column.heading in known]


def outcome_lines(output: Output, changes: Sequence[Change], outcomes: Mapping[int, Outcome]) -> None:
    """Print every write that did not become what it was to be, also with --quiet; many for one reason in one line."""
    alike: dict[tuple[OutcomeKind, str], list[Change]] = {}
    for place, outcome in outcomes.items():
        if outcome.kind not in (OutcomeKind.WRITTEN, OutcomeKind.EXPORTED):
            alike.setdefault((outcome.kind, outcome.reason), []).append(changes[place])
    for (kind, reason), group in alike.items():
        said = kind.value.capitalize()
        if len(group) > _MOST_ALIKE:
            output.important(f"{said}: {many(len(group), 'account')} ({some([each.code for each in group])}): {reason}")
        else:
            for change in group:
                output.important(f"{said}: {change.code} {change.name}: {reason}")
