"""The journal as a sheet: a row for each run, customer and field, with both values as they were; or what people decided."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bposync.export.plan_sheet import about_sheet, value_cell
from bposync.past import became, detail_of, fields_of
from bposync.reasons import labelled
from bposync.records import Action
from bposync.sheets import Heading, Sheet
from bposync.words import WORDS, local, outcomes_in_words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bposync.export.told import Facts
    from bposync.journal.links import Decided
    from bposync.journal.runs import Recorded, Run
    from bposync.sheets import Cell

HEADINGS: Final = (
    Heading("run", 25, label="Run"), Heading("when", 17, label="When"), Heading("by", 14, label="By"),
    Heading("sites", 18, label="Sites"), Heading("customer", 14, label="Customer"), Heading("name", 32, label="Name"),
    Heading("account", 14, label="Account"), Heading("action", 20, label="Stood"), Heading("field", 24, label="Field"),
    Heading("accounting_had", 28, label="Accounting had", wrap=True), Heading("bpo_had", 28, label="BPO had", wrap=True),
    Heading("became", 26, label="Became"), Heading("why", 60, label="Why", wrap=True),
)  # fmt: skip
_RUNS: Final = (
    Heading("run", 25, label="Run"), Heading("when", 17, label="When"), Heading("by", 14, label="By"),
    Heading("machine", 16, label="Machine"), Heading("sites", 30, label="Sites"), Heading("became", 26, label="Became"),
    Heading("exit_code", 10, label="Exit"),
)  # fmt: skip
_DECISIONS: Final = (
    Heading("when", 17, label="When"), Heading("by", 14, label="By"), Heading("machine", 16, label="Machine"),
    Heading("decision", 16, label="Decision"), Heading("customer", 14, label="Customer"),
    Heading("account", 14, label="Account"), Heading("detail", 60, label="Fields and note", wrap=True),
)  # fmt: skip


def history_sheet(
    runs: Sequence[Run],
    recorded: Sequence[Recorded],
    decided: Sequence[Decided],
    codes: Mapping[str, str],
    told: list[tuple[Cell, Cell]],
) -> Sheet:
    """Make the sheet; further pages have the runs, those without a change too, and what was decided meanwhile."""
    by_name = {run.run: run for run in runs}
    rows = [row for each in recorded if each.run in by_name for row in _rows(by_name[each.run], each)]
    of_runs: list[list[Cell]] = [
        [run.run, run.at, run.by, run.machine, ", ".join(run.sites), outcomes_in_words(run.outcomes, run.exit_code), _exit(run)]
        for run in runs
    ]
    more = [Sheet(_RUNS, of_runs, title="Runs", frozen=1)]
    if decided:
        more.append(decisions_sheet(decided, codes))
    return Sheet(HEADINGS, rows, title="Changes", frozen=0, more=(*more, about_sheet(told)))


def decisions_sheet(decided: Sequence[Decided], codes: Mapping[str, str], told: list[tuple[Cell, Cell]] | None = None) -> Sheet:
    """Make the page of what was decided; `codes` has customers' codes by the normalised one."""
    rows: list[list[Cell]] = [
        [each.at, each.by, each.machine, each.decision, codes.get(each.customer, each.customer), each.account, detail_of(each)]
        for each in decided
    ]
    return Sheet(_DECISIONS, rows, title="Decisions", frozen=0, more=(about_sheet(told),) if told else ())


def about(facts: Facts, company: str, days: str, subject: tuple[str, str] | None) -> list[tuple[Cell, Cell]]:
    """Give what a sheet is about: whose runs, of which days, and who made it. The journal knows the company by its name."""
    return [
        *([("Company", company)] if company else []), *([("Days", days)] if days else []), *([subject] if subject else []),
        ("Made", local(facts.at)), ("By", f"{facts.by} on {facts.machine}"), ("bposync", facts.version),
    ]  # fmt: skip


def _exit(run: Run) -> Cell:
    return "cut off" if run.exit_code is None else run.exit_code


def _rows(run: Run, change: Recorded) -> list[list[Cell]]:
    document = change.document
    who: list[Cell] = [
        run.run, run.at, run.by, ", ".join(run.sites), document["code"], document["name"], document["account"],
        WORDS[Action(document["action"])],
    ]  # fmt: skip
    fields = fields_of(document)
    reasons: list[str] = document["reasons"]
    if not fields:
        return [[*who, "", "", "", became(document), "; ".join(map(labelled, reasons))]]
    leads = tuple(f"{each.name}: " for each in fields)
    of_all = [labelled(reason) for reason in reasons if not reason.startswith(leads)]
    rows: list[list[Cell]] = []
    for each in fields:
        lead = f"{each.name}: "
        own = [reason.removeprefix(lead) for reason in reasons if reason.startswith(lead)]
        values = [value_cell(each.accounting), value_cell(each.bpo)]
        rows.append([*who, each.label, *values, each.became, "; ".join(own + of_all)])
    return rows
