"""`bposync review`: all that needs a person as a sheet, and back."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - Typer reads the annotations
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from bposync.advice import REVIEW, command
from bposync.cli.deciding import deciding, looking
from bposync.cli.output import Column
from bposync.errors import BposyncError, DeclinedError, GuardError, NotConfirmedError, StoppedError, UsageError
from bposync.records import Action
from bposync.words import WORDS, many

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bposync.cli.common import Session, SiteOption
    from bposync.plan import Choice
    from bposync.review.settle import Reading
    from bposync.sheets import Line
    from bposync.survey import Survey

SCHEMA: Final = "bposync.review/1"
QUESTION: Final = "Record these decisions?"


def review(
    session: Session,
    *,
    site: SiteOption = None,
    output: Annotated[
        Path | None, typer.Option("--output", metavar="FILE", help="Write the sheet: .xlsx or .csv. Nothing else is written.")
    ] = None,
    apply: Annotated[
        Path | None, typer.Option("--apply", metavar="FILE", help="Read a sheet that was filled in, and record its decisions.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="With --apply: record without asking.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="With --output: also over a sheet in which something was decided.")
    ] = False,
) -> int:
    """Settle all that needs a person in a spreadsheet: lookalikes, conflicts, what is missing, and more."""
    if (output is None) == (apply is None):
        raise UsageError(
            "review: either a sheet to write, or one to read.",
            f"{command(REVIEW)}; fill in the column decision; {command('review --apply review.xlsx')}",
        )
    if output is not None:
        return _write(session, output, site, force=force)
    assert apply is not None  # noqa: S101 - one of the two is given
    if site:
        raise UsageError("review: --site is for --output; a sheet is applied whole.", "Leave it out.")
    return _apply(session, apply, yes=yes)


def _write(session: Session, path: Path, site: list[str] | None, *, force: bool) -> int:
    """Make the sheet. Reads both sides and the journal, and takes no lock."""
    from bposync import sheets
    from bposync.review.make import make_sheet

    sheets.check_ending(path)
    lines = [] if force else _filled_in(path)
    with looking(session) as survey:
        if lines:
            _keep_decided(session, path, survey, lines)
        sheet = make_sheet(survey, survey.plan(survey.choose(site)))
    sheets.write(path, sheet)
    places = {heading.name: place for place, heading in enumerate(sheet.headings)}
    counts: dict[str, int] = {}
    for row in sheet.rows:
        counts[str(row[places["action"]])] = counts.get(str(row[places["action"]]), 0) + 1
    if session.output.as_json:
        session.output.document({"schema": SCHEMA, "file": str(path), "rows": len(sheet.rows), "counts": counts})
    said = ", ".join(_in_words(action, count) for action, count in counts.items())
    session.output.line(
        f"{path}: {len(sheet.rows):,} row{'s'[: len(sheet.rows) != 1]} for a person{f' ({said})' if said else ''}."
    )
    if sheet.rows:
        session.output.line(f"Fill in the column decision, then: {command('review --apply {}', str(path))}")
    return 0


def _in_words(action: str, count: int) -> str:
    """Say how many rows a sheet has of an action, as the screen calls it everywhere."""
    from bposync.review.make import ACCOUNTING_ONLY

    if action == ACCOUNTING_ONLY:
        return f"{many(count, 'account')} without a customer"
    return f"{count:,} {WORDS[Action(action)]}"


def _filled_in(path: Path) -> list[Line]:
    """Give the rows of a sheet that is there already in which somebody wrote. Raises UsageError where it is no sheet."""
    from bposync import sheets

    if not path.exists():
        return []
    try:
        lines = sheets.read(path, ["decision", "check"])
    except UsageError as error:
        raise UsageError(f"{path} is there already. {error.message}", "Name another file, or add --force.") from None
    return [line for line in lines if any(line.cells.get(name, "").strip() for name in ("decision", "note"))]


def _keep_decided(session: Session, path: Path, survey: Survey, lines: Sequence[Line]) -> None:
    """Refuse to write over somebody's work: decisions that do not hold yet. Raises UsageError."""
    from bposync.review.settle import NEEDED, read_decisions

    is_whole = {*NEEDED} <= {*lines[0].cells}
    recorded = read_decisions(survey, survey.plan(_everybody(session)), lines).already if is_whole else 0
    if recorded < len(lines):
        of_them = f", of which {recorded:,} are recorded" if recorded else ""
        raise UsageError(
            f"{path} is there already, with {many(len(lines), 'row')} filled in{of_them}.",
            f"Record them with {command('review --apply {}', str(path))}, name another file, or add --force.",
        )


def _everybody(session: Session) -> Choice:
    from bposync.plan import Choice

    return Choice(sync_statuses=session.settings.bpo.sync_statuses)


def _apply(session: Session, path: Path, *, yes: bool) -> int:
    """Read a sheet, show what it records, ask, and record all of it or nothing.

    While the question waits nothing is locked; after the yes both sides are looked at again.
    """
    from bposync import sheets
    from bposync.review.settle import NEEDED

    lines = sheets.read(path, NEEDED)
    asked: Reading | None = None
    if not yes:
        with looking(session) as survey:
            asked = _read(session, path, survey, lines)
        if not asked.decided:
            return _done(session, path, asked)
        _show(session, asked)
        _ask(session, path, asked)
    with deciding(session) as (survey, journal):
        reading = _read(session, path, survey, lines)
        if asked is None:
            if reading.decided:
                _show(session, reading)
        elif reading.decided != asked.decided:
            raise GuardError(
                "Somebody synchronised or decided something while the question waited; nothing was recorded.",
                "Apply the sheet again, and look at what it records then.",
            )
        reading.settling.record(journal)
    return _done(session, path, reading)


def _read(session: Session, path: Path, survey: Survey, lines: Sequence[Line]) -> Reading:
    """Understand the sheet. Raises UsageError, with the rows that cannot be recorded printed, where there are any."""
    from bposync.review.settle import read_decisions

    plan = survey.plan(_everybody(session))
    reading = read_decisions(survey, plan, lines)
    if reading.problems:
        raise _refused(session, path, reading)
    return reading


def _done(session: Session, path: Path, reading: Reading) -> int:
    output, count = session.output, len(reading.decided)
    if output.as_json:
        output.document(_document(path, reading, recorded=bool(count)))
    if reading.already:
        output.line(f"Recorded before: {reading.already:,}.")
    if count:
        output.important(f"Recorded: {count:,} decision{'s'[: count != 1]}. Carry them out with: {command('sync')}")
    else:
        output.line("Nothing is new." if reading.already else "There is nothing to record: the column decision is empty.")
    return 0


def _document(path: Path, reading: Reading, *, recorded: bool = False) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "file": str(path),
        "recorded": recorded,
        "already": reading.already,
        "decisions": [
            {
                "row": each.row, "customer": each.customer or None, "account": each.account or None,
                "name": each.name or None, "decision": each.decision, "said": each.said, "cautions": list(each.cautions),
            }
            for each in reading.decided
        ],
        "problems": [{"row": each.row, "who": each.who, "message": each.why} for each in reading.problems],
    }  # fmt: skip


def _refused(session: Session, path: Path, reading: Reading) -> UsageError:
    count = len(reading.problems)
    columns = [Column("Row", right=True, keep=9), Column("Who", keep=8), Column("What is wrong", keep=10, wrap=True)]
    session.output.heading("What cannot be recorded; a row has the number that it has in the sheet")
    rows = [[str(each.row), each.who, each.why] for each in reading.problems]
    session.output.table(columns, rows, hint="All of them: --json.")
    error = UsageError(
        f"{path}: {count:,} row{'s'[: count != 1]} cannot be recorded, so nothing was.",
        "Mend them in the sheet, or empty their decision; then apply it again.",
    )
    error.document = _document(path, reading)
    return error


def _show(session: Session, reading: Reading) -> None:
    if not reading.decided:
        return
    session.output.heading("What the sheet records; a row has the number that it has there")
    # Who a row is about stays at every width; what is recorded says what was decided, too.
    columns = [
        Column("Row", right=True, keep=9), Column("Customer", keep=9), Column("Account", keep=9),
        Column("Name", keep=9, wrap=True), Column("Decision", keep=3), Column("What is recorded", keep=10, wrap=True),
    ]  # fmt: skip
    rows = [[str(each.row), each.customer, each.account, each.name, each.decision, each.said] for each in reading.decided]
    session.output.table(columns, rows, hint="All of them: --json.")
    session.output.line()
    for each in reading.decided:
        for caution in each.cautions:
            session.output.important(f"Row {each.row}: {caution}")
    if count := sum(each.under_another_code for each in reading.decided):
        them = "it" if count == 1 else "them"
        session.output.line(
            f"Under another code than the customer's: {many(count, 'account')}. What BPO posts by itself may not find {them}."
        )


def _ask(session: Session, path: Path, reading: Reading) -> None:
    output, count = session.output, len(reading.decided)
    block = [f"{count:,} decision{'s'[: count != 1]}. Nothing is written to accounting before the next sync."]
    error: BposyncError
    if not output.can_ask():
        error = NotConfirmedError("Nothing was recorded: there is no terminal to ask at.", "Look at the sheet, then: --yes")
    else:
        try:
            if output.ask(block, QUESTION, still="nothing was recorded"):
                return
            error = DeclinedError(
                "Nothing was recorded, for the answer was not yes.", f"To record it: {command('review --apply {}', str(path))}"
            )
        except StoppedError as stopped:
            error = stopped
    error.document = _document(path, reading)
    raise error
