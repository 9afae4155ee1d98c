"""`bposync history`: the runs, one run change by change, the story of one customer, or what people decided."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from bposync.advice import command, shows_customers
from bposync.cli import report
from bposync.cli.output import Column
from bposync.errors import BposyncError, UsageError, did_you_mean
from bposync.values import normalise_code, quoted
from bposync.words import counted, local, outcomes_in_words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bposync.cli.common import Session
    from bposync.journal.links import Decided
    from bposync.journal.runs import Recorded, Run

SCHEMA: Final = "bposync.history/1"
_MOST_PROBLEMS: Final = 5


def show(
    session: Session,
    *,
    run: Annotated[str | None, typer.Argument(metavar="RUN", help="One run, by its name or the beginning of it.")] = None,
    customer: Annotated[str | None, typer.Option("--customer", metavar="CODE", help="The story of one customer.")] = None,
    decisions: Annotated[
        bool, typer.Option("--decisions", help="What people decided, the newest first, in place of the runs.")
    ] = False,
    verify: Annotated[bool, typer.Option("--verify", help="Prove that no run and no decision was changed since.")] = False,
) -> int:
    """Show the runs, the newest first, or one run change by change."""
    from bposync.journal import open_journal

    _check_options(run, customer, decisions=decisions, verify=verify)
    if verify:
        return _verify(session)
    if decisions:
        return _decisions(session, customer)
    with open_journal(session.settings, writes=False) as journal:
        runs = journal.runs.all()
        chosen = _find(runs, run) if run is not None else None
        key = normalise_code(customer) if customer is not None else None
        decided = journal.decisions.story(key) if chosen is None else []
        recorded: list[Recorded] = []
        if chosen is not None or key is not None:
            recorded = journal.runs.changes_of(run=chosen.run if chosen else None, customer=key)
        if customer is not None and chosen is None and not recorded and not decided:
            _check_known(session, customer, {code for (code,) in journal.links.columns("code")})
    if chosen is not None:
        runs = [chosen]
    elif key is not None:
        told = {change.run for change in recorded}
        runs = [one for one in runs if one.run in told]
    if session.output.as_json:
        _document(session, runs, recorded, decided, with_changes=chosen is not None or key is not None)
        return 0
    if chosen is None and key is None:
        _print_runs(session, runs)
        _count_decisions(session, decided)
    else:
        _print_changes(session, runs, recorded, one_run=chosen is not None, more=bool(decided))
        _print_decisions(session, decided)
    return 0


def _check_options(run: str | None, customer: str | None, *, decisions: bool, verify: bool) -> None:
    if verify and (run is not None or customer is not None or decisions):
        raise UsageError("history: --verify is about the whole journal.", command("history --verify"))
    if decisions and run is not None:
        raise UsageError("history: --decisions is not about one run.", command("history --decisions [--customer CODE]"))


def _decisions(session: Session, customer: str | None) -> int:
    """Show all decisions, or those about one customer, the newest first."""
    from bposync.journal import open_journal

    key = normalise_code(customer) if customer is not None else None
    with open_journal(session.settings, writes=False) as journal:
        decided = journal.decisions.story(key)[::-1]
        if customer is not None and not decided and not journal.runs.changes_of(run=None, customer=key):
            _check_known(session, customer, {code for (code,) in journal.links.columns("code")})
        # The log has codes in the form in which they are compared. A link has its own as BPO writes it; capitals read best.
        codes = {each.customer: each.customer.upper() for each in decided}
        codes |= {each: link.customer for each, link in journal.links.read(codes).items()}
    if session.output.as_json:
        session.output.document({"schema": SCHEMA, "runs": [], "decisions": _decisions_document(decided)})
    elif decided:
        _print_decisions(session, decided, codes)
    else:
        session.output.line("Nothing was decided yet." if key is None else "Nothing was decided about this customer.")
    return 0


def _check_known(session: Session, code: str, linked: set[str]) -> None:
    """Raise UsageError naming the nearest where neither the journal nor BPO knows a customer. Without BPO nobody can say so."""
    from bposync.bpo import Bpo

    key = normalise_code(code)
    if any(normalise_code(known) == key for known in linked):
        return
    try:
        with Bpo(session.settings) as bpo:
            codes = linked | {str(row.value("code")) for row in bpo.rows()}
    except BposyncError:
        return
    if any(normalise_code(known) == key for known in codes):
        return
    hint = did_you_mean(code, codes, otherwise=shows_customers())
    raise UsageError(f"history: there is no customer {quoted(code)}.", hint)


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


def _find(runs: Sequence[Run], name: str) -> Run:
    found = [run for run in runs if run.run.startswith(name.strip())]
    exact = [run for run in found if run.run == name.strip()]
    if len(exact or found) != 1:
        what = f"several runs begin with {name!r}" if found else f"there is no run {name!r}"
        names = [run.run for run in (found or runs)][:5]
        latest = f"The latest are: {', '.join(names)}." if names else "Nothing was synchronised yet."
        raise UsageError(f"history: {what}.", did_you_mean(name, names, otherwise=latest))
    return (exact or found)[0]


def _document(
    session: Session, runs: Sequence[Run], recorded: Sequence[Recorded], decided: Sequence[Decided], *, with_changes: bool
) -> None:
    from bposync.documents import moment

    documents: list[dict[str, Any]] = []
    for run in runs:
        document: dict[str, Any] = {
            "run": run.run, "at": moment(run.at), "by": run.by, "machine": run.machine, "version": run.version,
            "login": run.login, "sites": list(run.sites), "summary": dict(run.summary), "outcomes": dict(run.outcomes),
            "exit_code": run.exit_code, "customers": list(run.customers), "hash": run.hash, "previous": run.previous or None,
        }  # fmt: skip
        if with_changes:
            document["changes"] = [dict(change.document) for change in recorded if change.run == run.run]
        documents.append(document)
    decisions = {"decisions": _decisions_document(decided)} if decided else {}
    session.output.document({"schema": SCHEMA, "runs": documents, **decisions})


def _decisions_document(decided: Sequence[Decided]) -> list[dict[str, Any]]:
    from bposync.documents import moment

    return [
        {
            "at": moment(each.at), "by": each.by, "machine": each.machine, "decision": each.decision,
            "customer": each.customer or None, "account": each.account or None, "detail": each.detail or None,
        }
        for each in decided
    ]  # fmt: skip


def _print_runs(session: Session, runs: Sequence[Run]) -> None:
    if not runs:
        session.output.line("Nothing was synchronised yet.")
        return
    columns = [
        Column("Run", keep=9), Column("When", keep=8, whole=True), Column("By", keep=6), Column("Machine", keep=2),
        Column("Sites", keep=4), Column("Became", keep=7), Column("Exit", right=True, keep=5),
    ]  # fmt: skip
    rows = [
        [
            run.run, local(run.at), run.by, run.machine, ", ".join(run.sites), _became(run),
            "cut off" if run.exit_code is None else str(run.exit_code),
        ]
        for run in runs
    ]  # fmt: skip
    session.output.table(columns, rows, hint="All of them: --json.")


def _became(run: Run) -> str:
    return outcomes_in_words(run.outcomes)


def _count_decisions(session: Session, decided: Sequence[Decided]) -> None:
    if decided:
        session.output.line()
        session.output.line(
            f"Decided by people: {len(decided):,}, the last on {local(decided[-1].at)} by {decided[-1].by}. "
            f"All of them: {command('history --decisions')}"
        )


def _print_decisions(session: Session, decided: Sequence[Decided], codes: Mapping[str, str] | None = None) -> None:
    """Print decisions as a part of a customer's story; or, with customers' codes by the normalised one, of all."""
    if not decided:
        return
    columns = [Column("When", keep=8, whole=True), Column("By", keep=7), Column("Decision", keep=9)]
    if codes is None:
        session.output.line("Decided")
    else:
        columns.append(Column("Customer", keep=9))
    columns += [Column("Account", keep=8), Column("Fields")]
    rows = []
    for each in decided:
        customer = [] if codes is None else [codes[each.customer]]
        rows.append([local(each.at), each.by, each.decision, *customer, each.account, each.detail])
    session.output.table(columns, rows, hint="All of them: --json.")


def _print_changes(
    session: Session, runs: Sequence[Run], recorded: Sequence[Recorded], *, one_run: bool, more: bool = False
) -> None:
    output = session.output
    if one_run:
        run = runs[0]
        output.line(f"Run {run.run}, {local(run.at)}, by {run.by} on {run.machine}, bposync {run.version}")
        if run.login:
            output.line(f"Accounting's own login: {run.login}")
        output.line(f"Sites: {', '.join(run.sites)}")
        if run.customers:
            output.line(f"Only customers: {', '.join(run.customers)}")
        output.line(f"Became: {_became(run)}. Customers: {counted(run.summary)}.")
        output.line()
    if not recorded and more:
        return
    if not recorded:
        output.line("No customer was created, changed or waiting." if one_run else "No run has changed this customer.")
        return
    documents = [change.document for change in recorded]
    report.recorded_tables(output, documents, None if one_run else [change.run for change in recorded])
