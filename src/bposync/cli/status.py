"""`bposync status`: by site what is in step and what is not; accounts without a customer; the last sync; Post Accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from bposync.advice import command, with_commands
from bposync.cli import files
from bposync.cli.output import Column
from bposync.documents import parse_moment
from bposync.errors import ExitCode
from bposync.fields import FIELDS
from bposync.records import Action, Verdict
from bposync.values import normalise_code
from bposync.words import local, many, outcomes_in_words, some

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bposync.cli.common import AllOption, ForceOption, OutputOption, SeparatorOption, Session, SiteOption
    from bposync.cli.output import Output
    from bposync.export.files import Told
    from bposync.export.told import Facts
    from bposync.journal.runs import Intent, Run
    from bposync.plan import Plan
    from bposync.records import Link
    from bposync.survey import Survey

SCHEMA: Final = "bposync.status/1"
_COLUMNS: Final = (
    (Action.SAME, "In step", 8), (Action.CREATE, "To create", 8), (Action.UPDATE, "To update", 8), (Action.DRIFT, "Drift", 6),
    (Action.CONFLICT, "Conflict", 7), (Action.LOOKALIKE, "Lookalike", 7), (Action.REJECTED, "Rejected", 7),
    (Action.MISSING, "Missing", 7), (Action.GONE, "Gone", 3), (Action.SKIPPED, "Skipped", 3),
)  # fmt: skip
_MOST_SITES: Final = 5  # that a line names
_MOST_HELD: Final = 5
_ALWAYS_SHOWN: Final = ("same", "create", "update")


def show(
    session: Session,
    *,
    site: SiteOption = None,
    check: Annotated[bool, typer.Option("--check", help="Leave with 3 where anything is not in step.")] = False,
    everybody: AllOption = False,
    output: OutputOption = None,
    separator: SeparatorOption = None,
    force: ForceOption = False,
) -> int:
    """Show by site what is in step and what is not. Reads only."""
    file = files.target(session, output, "status", force=force, separator=separator)
    from bposync.accounting import open_accounting
    from bposync.bpo import Bpo
    from bposync.journal import open_journal
    from bposync.survey import make_survey

    everybody = everybody or session.options.verbose
    settings = session.settings
    settings.need_accounting()
    progress = session.output.progress
    with (
        Bpo(settings) as bpo,
        open_accounting(settings, bpo.fields, writes=False) as accounting,
        open_journal(settings, writes=False) as journal,
        progress("Reading BPO") as one,
        progress("Reading accounts") as two,
    ):
        post_accounts = bpo.post_accounts()
        survey = make_survey(settings, bpo, accounting, journal, one, two, whole=everybody)
        runs = journal.runs.all()
        open_intents = [intent for intent in journal.runs.unsettled() if not intent.exported]
        choice = survey.choose(site)
        # While the books are open: some look up a code only when it is asked for.
        plan = survey.plan(choice)
        # Where BPO cannot say which account a customer has, it may know a customer under its own code only.
        other_codes = [] if survey.has_account_column else survey.other_codes(choice, journal)
        facts = files.facts(session, accounting, choice.sites or survey.sites)
    listed = survey.listed
    sites = [_site(name, listed[name], plan, runs) for name in choice.sites or survey.sites]
    in_sync = not open_intents and not any(plan.summary[action] for action in _out_of_step())
    ignored = _ignored(survey)
    document = {
        "schema": SCHEMA,
        "post_accounts": post_accounts,
        "in_sync": in_sync,
        "unknown": len(open_intents),
        "other_codes": [{"code": link.customer, "account": link.account} for link in other_codes],
        "company": survey.books.company.name,
        "ignored": ignored,
        "sites": sites,
        "accounting_only": [{"account": account.code, "name": account.name} for account in plan.accounting_only],
    }
    if file is not None:
        file.save(_told(facts, plan, document, other_codes))
    if session.output.as_json:
        session.output.document(document)
    else:
        _print(session, survey.books.company.name, sites, plan, post_accounts, open_intents, everybody=everybody)
        _print_other_codes(session, other_codes)
        _print_ignored(session, ignored, everybody=everybody)
        _conclude(session, plan, in_sync=in_sync)
    return int(ExitCode.DIFFERENCES if check and not in_sync else ExitCode.DONE)


def _told(facts: Facts, plan: Plan, document: Mapping[str, Any], other_codes: Sequence[Link]) -> Told:
    """Give the status in each form that a file may have."""
    from bposync.export.files import Told
    from bposync.export.status_page import status_page
    from bposync.export.status_sheet import status_sheet
    from bposync.export.told import LastSync, SiteStatus, StatusTold

    sites = []
    for entry in document["sites"]:
        last = entry["last_sync"]
        when = LastSync(parse_moment(last["at"]), last["by"], last["run"]) if last else None
        sites.append(SiteStatus(entry["site"], entry["customers"], entry["summary"], when))
    told = StatusTold(
        facts, plan, sites, document["in_sync"], document["unknown"], document["post_accounts"], other_codes, plan.notes
    )
    return Told(sheet=lambda: status_sheet(told), document=lambda: document, page=lambda: status_page(told))


def _out_of_step() -> tuple[Action, ...]:
    from bposync.plan import OUT_OF_STEP

    return OUT_OF_STEP


def _site(name: str, customers: int, plan: Plan, runs: Sequence[Run]) -> dict[str, Any]:
    from bposync.documents import moment

    last = next((run for run in runs if name in run.sites and not run.customers and run.exit_code is not None), None)
    return {
        "site": name,
        "customers": customers,
        "summary": plan.summary_at(name),
        "last_sync": None
        if last is None
        else {"run": last.run, "at": moment(last.at), "by": last.by, "outcomes": dict(last.outcomes)},
    }


def _print(
    session: Session,
    company: str,
    sites: Sequence[dict[str, Any]],
    plan: Plan,
    post_accounts: bool | None,  # noqa: FBT001
    open_intents: Sequence[Intent],
    *,
    everybody: bool,
) -> None:
    from bposync.cli import report

    output = session.output
    if output.quiet:
        report.attention_lines(output, plan.changes)
        _print_unknown(session, open_intents)
        return
    output.line(f"Company: {company}")
    if post_accounts is not None:
        says = (
            "on: what is saved in BPO is posted at once" if post_accounts else "off: customers reach accounting by a sync only"
        )
        output.line(f"Post Accounts is {says}.")
    output.line()
    present: set[str] = {*_ALWAYS_SHOWN, *(name for name, count in plan.summary.items() if count)}
    shown = [entry for entry in _COLUMNS if entry[0].value in present]
    columns = [Column("Site", keep=9), Column("Customers", right=True, keep=7)]
    # Where everybody has none of it, a count is the first to go.
    columns += [
        Column(heading, right=True, keep=keep if plan.summary[action] else 2, part=True) for action, heading, keep in shown
    ]
    rows = []
    for entry in sites:
        counts = [f"{entry['summary'][action]:,}" for action, _, _ in shown]
        rows.append([entry["site"], f"{entry['customers']:,}", *counts])
    output.table(columns, rows)
    _print_no_longer_listed(output, sites)
    _print_last_syncs(output, sites)
    output.line()
    report.attention_lines(output, plan.changes, whole=everybody)
    report.settling_lines(output, plan.changes)
    _print_unknown(session, open_intents)
    if plan.accounting_only:
        output.heading(f"Accounts without a customer ({len(plan.accounting_only):,})")
        columns = [Column("Account", keep=9), Column("Name", keep=8)]
        output.table(columns, [[account.code, account.name] for account in plan.accounting_only], hint="All of them: --json.")
        output.line()


def _print_no_longer_listed(output: Output, sites: Sequence[dict[str, Any]]) -> None:
    """Say at which sites the counts are more than the customers, and why."""
    more = {entry["site"]: sum(entry["summary"].values()) - entry["customers"] for entry in sites}
    if said := [f"{site} {count:,}" for site, count in more.items() if count > 0]:
        output.line(f"Gone from BPO, and so not among the customers: {some(said, _MOST_SITES)}.")


def _print_last_syncs(output: Output, sites: Sequence[dict[str, Any]]) -> None:
    """Say when each site was synchronised, the latest first; those of one run together."""
    by_run: dict[str, list[dict[str, Any]]] = {}
    for entry in sites:
        by_run.setdefault(entry["last_sync"]["run"] if entry["last_sync"] else "", []).append(entry)
    never = [entry["site"] for entry in by_run.pop("", [])]
    for run in sorted(by_run, reverse=True):
        last = by_run[run][0]["last_sync"]
        names = some([entry["site"] for entry in by_run[run]], _MOST_SITES)
        when = local(parse_moment(last["at"]))
        output.line(f"Last sync of {names}: {when}, by {last['by']}: {outcomes_in_words(last['outcomes'])}.")
    if never:
        output.line(f"Not synchronised yet: {some(never, _MOST_SITES)}.")


def _conclude(session: Session, plan: Plan, *, in_sync: bool) -> None:
    """Say last whether all is in step, or what to type next."""
    output = session.output
    if not output.quiet:
        for note in plan.notes:
            output.note(note)
    held = [(change, each) for change in plan.changes for each in change.fields if each.verdict is Verdict.HELD]
    if held:
        said = some([f"{change.code} {FIELDS[each.field].label}" for change, each in held], _MOST_HELD)
        output.line(f"Held back, for accounting cannot hold it: {many(len(held), 'value')}: {said}.")
    in_step = "All customers are in step, but for what is held back." if held else "All customers are in step."
    output.line(in_step if in_sync else f"See what a sync would do: {command('sync --dry-run')}")


def _ignored(survey: Survey) -> dict[str, list[dict[str, Any]]]:
    """Give who is set aside: customers and accounts, with their names where they are still there."""
    decisions = survey.decisions
    customers = {customer.key: (customer.code, customer.name) for customer in survey.customers}
    customers |= {key: (link.customer, link.name) for key, link in survey.links.items() if key not in customers}
    accounts = {normalise_code(account.code): (account.code, account.name) for account in survey.accounts}
    return {
        "customers": [
            {"code": code, "name": name}
            for code, name in sorted(customers.get(key, (key, "")) for key in decisions.ignored_customers)
        ],
        "accounts": [
            {"account": code, "name": name}
            for code, name in sorted(accounts.get(key, (key, "")) for key in decisions.ignored_accounts)
        ],
    }


def _print_ignored(session: Session, ignored: dict[str, list[dict[str, Any]]], *, everybody: bool) -> None:
    """Count who is set aside; with --all name them."""
    customers, accounts = ignored["customers"], ignored["accounts"]
    output = session.output
    if (not customers and not accounts) or output.quiet:
        return
    said = [f"{len(customers):,} customer{'s'[: len(customers) != 1]}"] if customers else []
    said += [f"{len(accounts):,} account{'s'[: len(accounts) != 1]}"] if accounts else []
    back = with_commands("Taken back with: {ignore CUSTOMER --undo}, or {ignore --account ACCOUNT --undo}")
    how = back if everybody else f"Who: {command('status --all')}"
    output.line(f"Ignored by a decision: {' and '.join(said)}. {how}")
    if everybody:
        rows = [["customer", each["code"], each["name"]] for each in customers]
        rows += [["account", each["account"], each["name"]] for each in accounts]
        output.table([Column("What"), Column("Code", keep=9), Column("Name", keep=8)], rows)
    output.line()


def _print_unknown(session: Session, open_intents: Sequence[Intent]) -> None:
    if open_intents:
        count = len(open_intents)
        them = "it" if count == 1 else "them"
        session.output.important(f"Of unknown outcome: {many(count, 'write')}; the next sync looks {them} up first.")


def _print_other_codes(session: Session, links: Sequence[Link]) -> None:
    if links and not session.output.quiet:
        session.output.heading(f"Linked to an account of another code, under which BPO may not know it ({len(links):,})")
        rows = [[link.customer, link.name, link.account] for link in links]
        session.output.table([Column("Customer", keep=9), Column("Name", keep=6), Column("Account", keep=9)], rows)
        session.output.line()
