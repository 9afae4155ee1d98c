"""`bposync history`: the runs, one run change by change, the story of one customer or account, or what people decided."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from bposync.advice import command
from bposync.cli import files
from bposync.cli.history_find import Asked, Found, asked_for, check_known, find_decisions, find_runs
from bposync.days import days_between
from bposync.errors import BposyncError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bposync.cli.common import DataFileOption, ForceOption, SeparatorOption, Session
    from bposync.cli.output import Output
    from bposync.export.files import Told
    from bposync.journal.links import Decided
    from bposync.journal.runs import Recorded
    from bposync.sheets import Sheet

SCHEMA: Final = "bposync.history/1"
_MOST_PROBLEMS: Final = 5


def show(  # noqa: PLR0913 - one parameter an option
    session: Session,
    *,
    run: Annotated[
        str | None,
        typer.Argument(metavar="RUN", help="One run, by its name or the beginning of it; or the runs of a day: YYYY-MM-DD."),
    ] = None,
    customer: Annotated[str | None, typer.Option("--customer", metavar="CODE", help="The story of one customer.")] = None,
    account: Annotated[
        str | None, typer.Option("--account", metavar="CODE", help="The story of one account: what was written into it.")
    ] = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="DATE", help="Only from this day on: YYYY-MM-DD, today or yesterday.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="DATE", help="Only until this day, which is one of them.")
    ] = None,
    decisions: Annotated[
        bool, typer.Option("--decisions", help="What people decided, the newest first, in place of the runs.")
    ] = False,
    verify: Annotated[bool, typer.Option("--verify", help="Prove that no run and no decision was changed since.")] = False,
    output: DataFileOption = None,
    separator: SeparatorOption = None,
    force: ForceOption = False,
) -> int:
    """Show the runs, the newest first, or one run change by change."""
    from bposync.export.files import DATA
    from bposync.journal import open_journal

    if customer is not None and account is not None:
        raise UsageError("history: --customer and --account exclude each other.", "Leave one of them out.")
    others = (run, customer, account, since, until, output, decisions or None)
    if verify and any(each is not None for each in others):
        raise UsageError("history: --verify is about the whole journal.", command("history --verify"))
    asked = asked_for(run, customer, account, days_between(since, until, "history"))
    if decisions and (asked.run is not None or asked.is_day):
        hint = command("history --decisions [--customer CODE] [--since DATE] [--until DATE]")
        raise UsageError("history: --decisions is not about one run.", hint)
    file = files.target(session, output, "history", force=force, separator=separator, endings=DATA)
    if verify:
        return _verify(session)
    with open_journal(session.settings, writes=False) as journal:
        found = find_decisions(journal, asked) if decisions else find_runs(journal, asked, whole=file is not None)
        if asked.is_story and not found.recorded and not found.decided:
            check_known(session, journal, asked, customer or account or "")
        found.company = journal.known_company()
    with_changes = found.one_run or asked.is_story
    if file is not None:
        file.save(_told(session, asked, found, decisions=decisions))
    if session.output.as_json:
        session.output.document(_document(found, decisions=decisions, with_changes=with_changes))
    elif decisions:
        _show_decisions(session, asked, found, file)
    else:
        _show_runs(session, asked, found, file)
    return 0


def _show_runs(session: Session, asked: Asked, found: Found, file: files.Target | None) -> None:
    from bposync.cli import history_lines as lines

    output = session.output
    if found.one_run:
        lines.run_head(output, found.runs[0])
    if not (found.recorded if found.one_run else found.runs):
        _say_nothing(output, asked, found)
    elif file is not None:
        pass  # the file has it
    elif found.one_run:
        lines.changes(output, found.recorded)
    elif asked.is_story:
        lines.story(output, {run.run: run for run in found.runs}, found.recorded)
    else:
        lines.runs_table(output, found.runs)
    if file is None and found.decided and asked.is_story:
        if found.runs:
            output.line()
        output.heading("Decided")
        lines.decisions_table(output, found.decided, found.codes if asked.account is not None else None)
    elif file is None:
        lines.count_decisions(output, found.decided, asked.days)


def _say_nothing(output: Output, asked: Asked, found: Found) -> None:
    """Say that no run did what was asked for."""
    from bposync.cli import history_lines as lines

    what = "written into this account" if asked.account is not None else "changed this customer"
    when = f" {asked.days}" if asked.days is not None else ""
    if found.one_run:
        output.line(f"This run has not {what}." if asked.is_story else "No customer was created, changed or waiting.")
    elif not asked.is_story or found.before:
        lines.no_runs(output, asked.days, found.before)
    elif not found.decided:
        output.line(f"No run{when} has {what}.")


def _show_decisions(session: Session, asked: Asked, found: Found, file: files.Target | None) -> None:
    from bposync.cli import history_lines as lines

    if not found.decided:
        about = "customer" if asked.customer is not None else "account"
        whom = f" about this {about}" if asked.is_story else ""
        when = f" {asked.days}" if asked.days is not None else "" if asked.is_story else " yet"
        session.output.line(f"Nothing was decided{whom}{when}.")
    elif file is None:
        lines.decisions_table(session.output, found.decided, found.codes)


def _told(session: Session, asked: Asked, found: Found, *, decisions: bool) -> Told:
    """Give the history in each form that a file may have."""
    from bposync.export.files import Told
    from bposync.export.history_sheet import about, decisions_sheet, history_sheet

    whom = asked.customer or asked.account
    subject = ("Customer" if asked.customer else "Account", whom.upper()) if whom else None
    rows = about(files.facts(session), found.company, str(asked.days or ""), subject)

    def sheet() -> Sheet:
        if decisions:
            return decisions_sheet(found.decided, found.codes, rows)
        return history_sheet(found.runs, found.recorded, found.decided, found.codes, rows)

    return Told(sheet=sheet, document=lambda: _document(found, decisions=decisions, with_changes=True))


def _document(found: Found, *, decisions: bool, with_changes: bool) -> dict[str, Any]:
    from bposync.documents import moment

    documents: list[dict[str, Any]] = []
    changes: dict[str, list[Recorded]] = {run.run: [] for run in found.runs}
    for change in found.recorded:
        changes.get(change.run, []).append(change)
    for run in found.runs:
        document: dict[str, Any] = {
            "run": run.run, "at": moment(run.at), "by": run.by, "machine": run.machine, "version": run.version,
            "login": run.login, "sites": list(run.sites), "summary": dict(run.summary), "outcomes": dict(run.outcomes),
            "exit_code": run.exit_code, "customers": list(run.customers), "hash": run.hash, "previous": run.previous or None,
        }  # fmt: skip
        if with_changes:
            document["changes"] = [dict(change.document) for change in changes[run.run]]
        documents.append(document)
    decided = {"decisions": _decisions_document(found.decided)} if found.decided or decisions else {}
    return {"schema": SCHEMA, "runs": documents, **decided}


def _decisions_document(decided: Sequence[Decided]) -> list[dict[str, Any]]:
    from bposync.documents import moment

    return [
        {
            "at": moment(each.at), "by": each.by, "machine": each.machine, "decision": each.decision,
            "customer": each.customer or None, "account": each.account or None, "detail": each.detail or None,
        }
        for each in decided
    ]  # fmt: skip


def _verify(session: Session) -> int:
    """Compute the chain of runs and decisions anew; leave with 1 where it does not hold."""
    from bposync.journal import open_journal

    with open_journal(session.settings, writes=False) as journal:
        found = journal.verify()
        if not journal.is_empty and not journal.has(2):
            session.output.note("This journal is of an older bposync, which kept no hashes: the next sync makes them.")
    document = {
        "schema": SCHEMA,
        "runs": [],
        "verified": {
            "ok": not found.problems, "runs": found.runs, "decisions": found.decisions, "hash": found.hash or None,
            "problems": list(found.problems),
        },
    }  # fmt: skip
    if found.problems:
        error = BposyncError(
            f"The journal is not as bposync recorded it. {' '.join(found.problems[:_MOST_PROBLEMS])}",
            "Somebody changed the journal by hand, or it was damaged. Compare it with a backup.",
        )
        error.document = document
        raise error
    if session.output.as_json:
        session.output.document(document)
    session.output.line(
        f"The journal is as bposync recorded it: {found.runs:,} run{'s'[: found.runs != 1]} and {found.decisions:,} "
        f"decision{'s'[: found.decisions != 1]}, each with the hash of the one before."
    )
    if found.hash:
        session.output.line(f"Newest hash: {found.hash}")
    return 0
