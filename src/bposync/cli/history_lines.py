"""How the journal reads on a screen: the runs, what each changed, and what people decided."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bposync.advice import command
from bposync.cli.output import Column
from bposync.cli.report import TONES
from bposync.past import became, detail_of, fields_of, in_one_line, other_account
from bposync.reasons import labelled
from bposync.records import Action
from bposync.words import cell, counted, local, many, outcomes_in_words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bposync.cli.output import Output
    from bposync.days import Days
    from bposync.journal.links import Decided
    from bposync.journal.runs import Recorded, Run

_HINT: Final = "All of them: --json, or --output FILE."


def runs_table(output: Output, runs: Sequence[Run]) -> None:
    """Print the runs."""
    columns = [
        Column("Run", keep=9), Column("When", keep=8, whole=True), Column("By", keep=6), Column("Machine", keep=2),
        Column("Sites", keep=4), Column("Became", keep=7), Column("Exit", right=True, keep=5),
    ]  # fmt: skip
    rows = [
        [
            run.run, local(run.at), run.by, run.machine, ", ".join(run.sites), outcomes_in_words(run.outcomes, run.exit_code),
            "cut off" if run.exit_code is None else str(run.exit_code),
        ]
        for run in runs
    ]  # fmt: skip
    output.table(columns, rows, hint=_HINT)


def no_runs(output: Output, days: Days | None, before: tuple[str, Any] | None) -> None:
    """Say that there is no run, and which was the last one before these days."""
    if days is None:
        output.line("Nothing was synchronised yet.")
        return
    output.line(f"No sync ran {days}.")
    if before is not None:
        name, at = before
        output.line(f"The last one before: {local(at)}: {command('history {}', name)}")


def count_decisions(output: Output, decided: Sequence[Decided], days: Days | None) -> None:
    """Say how many decisions there are, and how to see them."""
    if not decided:
        return
    since, until = (days.since, days.until) if days is not None else (None, None)
    named = "".join(f" {option} {day}" for option, day in (("--since", since), ("--until", until)) if day is not None)
    output.line()
    output.line(
        f"Decided by people: {len(decided):,}, the last on {local(decided[-1].at)} by {decided[-1].by}. "
        f"All of them: {command(f'history --decisions{named}')}"
    )


def decisions_table(output: Output, decided: Sequence[Decided], codes: Mapping[str, str] | None) -> None:
    """Print decisions, with customers' codes by the normalised one; or None where all are about the same."""
    columns = [Column("When", keep=8, whole=True), Column("By", keep=7), Column("Decision", keep=9)]
    if codes is not None:
        columns.append(Column("Customer", keep=9))
    columns += [Column("Account", keep=8), Column("Fields and note", keep=9, wrap=True)]
    rows = []
    for each in decided:
        customer = [] if codes is None else [codes[each.customer]]
        rows.append([local(each.at), each.by, each.decision, *customer, each.account, detail_of(each)])
    output.table(columns, rows, hint=_HINT)


def run_head(output: Output, run: Run) -> None:
    """Say what one run was about."""
    output.line(f"Run {run.run}, {local(run.at)}, by {run.by} on {run.machine}, bposync {run.version}")
    if run.login:
        output.line(f"Accounting's own login: {run.login}")
    output.line(f"Sites: {', '.join(run.sites)}")
    if run.customers:
        output.line(f"Only customers: {', '.join(run.customers)}")
    output.line(f"Became: {outcomes_in_words(run.outcomes, run.exit_code)}. Customers: {counted(run.summary)}.")
    output.line()


def story(output: Output, runs: Mapping[str, Run], recorded: Sequence[Recorded]) -> None:
    """Print changes of several runs, run by run. What waits unchanged, night after night, is told once."""
    whom = {(each.document["code"], each.document["name"]) for each in recorded}
    if one := len(whom) == 1:
        output.line(" ".join(*whom))
        output.line()
    told: list[list[Recorded]] = []
    for each in recorded:
        if told and each.run == told[-1][-1].run:
            told[-1].append(each)
        else:
            told.append([each])
    place = 0
    while place < len(told):
        here = told[place]
        last = place
        while last + 1 < len(told) and _waits(here) and _documents(told[last + 1]) == _documents(here):
            last += 1
        run = runs[here[0].run]
        if place:
            output.line()
        output.heading(f"{local(run.at)}, by {run.by}, run {run.run}")
        changes(output, here, apart=False, named=not one)
        if again := last - place:
            until = runs[told[last][0].run]
            output.line(f"And the same in {many(again, 'run')} after it, the last on {local(until.at)}, run {until.run}.")
        place = last + 1


def _waits(changes: Sequence[Recorded]) -> bool:
    return all(each.document["outcome"] is None for each in changes)


def _documents(changes: Sequence[Recorded]) -> list[Mapping[str, Any]]:
    return [each.document for each in changes]


def changes(output: Output, recorded: Sequence[Recorded], *, apart: bool = True, named: bool = True) -> None:
    """Print the changes of one run: new accounts, then others field by field, then who has no field that differs.

    With `apart` each of the three has a heading; `named` is whether customers' names are shown.
    """
    documents = [each.document for each in recorded]
    new = [each for each in documents if each["action"] == Action.CREATE.value]
    others = [each for each in documents if each["action"] != Action.CREATE.value]
    parts = (
        ("New accounts", new, _new_accounts),
        ("Field by field", [each for each in others if each["fields"]], _field_by_field),
        ("Without a field that differs", [each for each in others if not each["fields"]], _without_fields),
    )
    shown = [part for part in parts if part[1]]
    for place, (title, some, table) in enumerate(shown):
        if apart:
            output.heading(f"{title} ({len(some):,})")
        table(output, some, named=named)
        if place < len(shown) - 1:
            output.line()


def _new_accounts(output: Output, documents: Sequence[Mapping[str, Any]], *, named: bool) -> None:
    """Print who got an account, and below each all that BPO had for it: accounting had nothing."""
    below = {}
    for place, document in enumerate(documents):
        fields = fields_of(document)
        written = in_one_line(
            each for each in fields if each.is_written and (each.name, each.bpo) != ("name", document["name"])
        )
        left = [f"{each.label}: BPO had {cell(each.bpo) or '(blank)'}, {each.became}" for each in fields if not each.is_written]
        below[place] = [*([written] if written else []), *left, *_why(document)]
    _customers(output, documents, below, named=named)


def _without_fields(output: Output, documents: Sequence[Mapping[str, Any]], *, named: bool) -> None:
    _customers(output, documents, {place: _why(document) for place, document in enumerate(documents)}, named=named)


def _customers(
    output: Output, documents: Sequence[Mapping[str, Any]], below: Mapping[int, Sequence[str]], *, named: bool
) -> None:
    who = _who_columns(documents, Column("Name", keep=9, wrap=True) if named else None)
    columns = [*who, Column("Became", keep=9, tones=TONES)]
    rows = [[*_who(each, who), became(each)] for each in documents]
    output.table(columns, rows, hint=_HINT, below=below)


def _field_by_field(output: Output, documents: Sequence[Mapping[str, Any]], *, named: bool) -> None:
    who = _who_columns(documents, Column("Name", keep=2) if named else None)
    columns = [
        *who, Column("Field", keep=9, wrap=True), Column("Accounting had", keep=9, wrap=True),
        Column("BPO had", keep=9, wrap=True), Column("Became", keep=9, wrap=True, tones=TONES),
    ]  # fmt: skip
    rows: list[list[str]] = []
    below: dict[int, Sequence[str]] = {}
    for document in documents:
        for number, each in enumerate(fields_of(document)):
            head = [""] * len(who) if number else _who(document, who)
            values = [cell(value) or "(blank)" for value in (each.accounting, each.bpo)]
            rows.append([*head, each.label, *values, each.became])
        below[len(rows) - 1] = _why(document)
    output.table(columns, rows, hint=_HINT, below=below)


def _who_columns(documents: Sequence[Mapping[str, Any]], name: Column | None) -> list[Column]:
    """Give the columns that say whom a row is about; the account's where any has another code than the customer."""
    account = [Column("Account", keep=9)] if any(map(other_account, documents)) else []
    return [Column("Customer", keep=9), *account, *([name] if name else [])]


def _who(document: Mapping[str, Any], columns: Sequence[Column]) -> list[str]:
    known = {"Customer": document["code"], "Account": document["account"] or "", "Name": document["name"]}
    return [known[column.heading] for column in columns]


def _why(document: Mapping[str, Any]) -> list[str]:
    return [labelled(reason) for reason in document["reasons"]]
