"""A plan as a sheet: a row for each customer and field that differs, so that an accountant can filter; and what it is about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bposync.fields import FIELDS
from bposync.reasons import labelled
from bposync.records import Action, Verdict
from bposync.sheets import Heading, Sheet
from bposync.words import VERDICTS, WORDS, local

if TYPE_CHECKING:
    from collections.abc import Callable

    from bposync.export.told import Facts
    from bposync.plan import Plan
    from bposync.records import Change, FieldChange
    from bposync.sheets import Cell
    from bposync.values import Value

HEADINGS: Final = (
    Heading("code", 14, label="Customer"), Heading("name", 32, label="Name"), Heading("sites", 18, label="Sites"),
    Heading("account", 14, label="Account"), Heading("action", 20, label="Stands"), Heading("field", 26, label="Field"),
    Heading("accounting", 28, label="Accounting has", wrap=True), Heading("bpo", 28, label="BPO has", wrap=True),
    Heading("last_agreed", 28, label="Last agreed", wrap=True), Heading("verdict", 26, label="What happens"),
    Heading("reason", 60, label="Why", wrap=True),
)  # fmt: skip
_ABOUT: Final = (Heading("what", 22, label="What"), Heading("value", 70, label="Value", wrap=True))


def plan_sheet(plan: Plan, facts: Facts, lists: Callable[[Action], bool]) -> Sheet:
    """Make the sheet, with those who stand in a way that it `lists`."""
    # Who is in step but for a value that is held back has a row for that value: nobody else tells of it.
    shown = [change for change in plan.changes if lists(change.action) or (lists(Action.UPDATE) and _is_held(change))]
    rows = [row for change in shown for row in _rows(change)]
    about = [*about_rows(facts), *((WORDS[action], plan.summary[action]) for action in WORDS)]
    return Sheet(HEADINGS, rows, title="Plan", frozen=2, more=(about_sheet(about),))


def _is_held(change: Change) -> bool:
    return any(each.verdict is Verdict.HELD for each in change.fields)


def about_rows(facts: Facts) -> list[tuple[Cell, Cell]]:
    """Give what a sheet is about: the company, and who looked at it, when and with what."""
    rows: list[tuple[Cell, Cell]] = []
    if facts.company is not None:
        rows += [("Company", facts.company.name), ("Database", facts.company.database), ("Server", facts.company.server)]
    rows += [
        ("Accounting system", facts.system), ("Sites", ", ".join(facts.sites) or "all"),
        *([("Only customers", ", ".join(facts.customers))] if facts.customers else []),
        ("Made", local(facts.at)), ("By", f"{facts.by} on {facts.machine}"), ("bposync", facts.version),
    ]  # fmt: skip
    return rows


def about_sheet(rows: list[tuple[Cell, Cell]]) -> Sheet:
    """Make the page that says what a workbook is about."""
    return Sheet(_ABOUT, rows, title="About", frozen=0)


def _rows(change: Change) -> list[list[Cell]]:
    who: list[Cell] = [change.code, change.name, ", ".join(change.sites), change.account, WORDS[change.action]]
    if not change.fields:
        return [[*who, "", "", "", "", "", "; ".join(map(labelled, change.reasons))]]
    leads = tuple(f"{difference.field}: " for difference in change.fields)
    of_all = [reason for reason in change.reasons if not reason.startswith(leads)]
    return [[*who, *_field(difference), _why(difference, change, of_all)] for difference in change.fields]


def _field(difference: FieldChange) -> list[Cell]:
    last = value_cell(difference.last) if difference.agreed else ""
    return [
        FIELDS[difference.field].label,
        value_cell(difference.old), value_cell(difference.new), last,
        VERDICTS[difference.verdict],
    ]  # fmt: skip


def _why(difference: FieldChange, change: Change, of_all: list[str]) -> str:
    lead = f"{difference.field}: "
    own = [reason.removeprefix(lead) for reason in change.reasons if reason.startswith(lead)]
    return "; ".join(own + list(map(labelled, of_all)))


def value_cell(value: Value) -> Cell:
    """Give a value as a cell: amounts as numbers, flags as yes and no, nothing for a blank."""
    return ("yes" if value else "no") if isinstance(value, bool) else value
