"""The report of how a company stands: by site, who needs a person, and accounts without a customer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bposync.advice import command
from bposync.export import changes as parts
from bposync.export.markup import Markup, element
from bposync.export.page import bullets, code, left_out, page, section, table, verdict
from bposync.export.sync_page import MOST_CUSTOMERS
from bposync.export.totals import Stage, by_site, standing, totals
from bposync.plan import ATTENTION
from bposync.records import Action
from bposync.words import counted, local, many

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bposync.export.markup import Child
    from bposync.export.told import StatusTold


def status_page(told: StatusTold) -> Markup:
    """Make the report of a company's status."""
    plan = told.plan
    found = standing(plan, {}, Stage.PLANNED)
    last = {site.site: site.last_sync for site in told.sites}

    def last_sync(site: str) -> str:
        run = last[site]
        return f"{local(run.at)}, {run.by}" if run else "never"

    waiting = [change for change in plan.changes if change.action in ATTENTION]
    changed = [change for change in plan.changes if change.is_write and change.action is not Action.CREATE]
    created = [change for change in plan.changes if change.action is Action.CREATE]
    untouched = parts.untouched(plan.changes)
    gone = [change for change in plan.changes if change.action is Action.GONE]
    groups: list[Sequence[object]] = [waiting, changed, created, untouched, gone, plan.accounting_only]
    shown = parts.shares(MOST_CUSTOMERS, *groups)
    where = f"All of them: {command('sync --dry-run --output plan.xlsx')}"
    more = [left_out(len(group) - count, where) for group, count in zip(groups[:-1], shown[:-1], strict=True)]
    more.append(left_out(len(groups[-1]) - shown[-1], f"All of them: {command('status --output status.xlsx')}"))
    return page(
        "Status",
        told.facts,
        [
            _verdict(told),
            totals(found, Stage.PLANNED, partly=sum(change.action in ATTENTION for change in changed)),
            by_site(found, [site.site for site in told.sites], ("Last sync", last_sync)),
            parts.people(waiting[: shown[0]], len(waiting), more[0]),
            parts.before_after("Changes to write", changed[: shown[1]], len(changed), more[1]),
            parts.new_accounts("New accounts to write", created[: shown[2]], len(created), more[2]),
            parts.left(untouched[: shown[3]], len(untouched), more[3]),
            parts.reasons("Gone from BPO", gone[: shown[4]], len(gone), more[4]),
            _accounts(told, shown[5], more[5]),
            _other_codes(told),
            bullets("Notes", told.notes),
        ],
    )


def _verdict(told: StatusTold) -> Markup:
    lines: list[Child] = []
    if told.unknown:
        them = "it" if told.unknown == 1 else "them"
        lines.append(f"Of unknown outcome: {many(told.unknown, 'write')}; the next sync looks {them} up first.")
    waiting = counted(told.plan.summary, without=[action for action in Action if action not in ATTENTION])
    if waiting:
        lines.append(f"Waiting for a person: {waiting}.")
    if told.post_accounts is not None:
        what = (
            "on: what is saved in BPO is posted at once"
            if told.post_accounts
            else "off: customers reach accounting by a sync only"
        )
        lines.append(f"Post Accounts is {what}.")
    if told.in_sync:
        return verdict("good", "All customers are in step", lines)
    lines.append(
        None
        if told.plan.needs_person and not told.plan.writes
        else element("span", "What a sync would do: ", element("code", command("sync --dry-run")))
    )
    kind = "bad" if told.unknown else "person"
    return verdict(kind, "Not all customers are in step", lines)


def _accounts(told: StatusTold, shown: int, more: Child) -> Markup | None:
    accounts = told.plan.accounting_only
    if not accounts:
        return None
    rows = [
        element("tr", element("th", code(account.code), scope="row"), element("td", account.name))
        for account in accounts[:shown]
    ]
    made = table(
        [("Account", None), ("Name", None)], [element("tbody", rows)], caption="Of the whole company, whatever the site"
    )
    return section("Accounts without a customer", made, more, count=len(accounts))


def _other_codes(told: StatusTold) -> Markup | None:
    if not told.other_codes:
        return None
    rows = [
        element(
            "tr", element("th", code(link.customer), scope="row"), element("td", link.name), element("td", code(link.account))
        )
        for link in told.other_codes[:MOST_CUSTOMERS]
    ]
    headings = [("Customer", None), ("Name", None), ("Account", None)]
    made = table(
        headings, [element("tbody", rows)], caption="BPO may not know these accounts: it has the customer's own code only"
    )
    return section("Linked to an account of another code", made, count=len(told.other_codes))
