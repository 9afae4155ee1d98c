"""`bposync unlink`: takes a pairing back, also of a customer that is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bposync.advice import command
from bposync.cli.deciding import deciding, said
from bposync.fields import FIELDS
from bposync.records import Action, OutcomeKind, Verdict
from bposync.values import normalise_code

if TYPE_CHECKING:
    from bposync.cli.common import Session
    from bposync.journal import Journal
    from bposync.records import Change, Link
    from bposync.survey import Survey


def unlink(
    session: Session,
    *,
    customer: Annotated[str, typer.Argument(metavar="CUSTOMER", help="The customer's code in BPO.")],
) -> int:
    """Take a pairing back. The account stays as it is."""
    from bposync import decide

    with deciding(session) as (survey, journal):
        link = survey.links.get(normalise_code(customer))
        lines = decide.unlink(journal, customer, survey)
        lines += _stays(journal, link) if link is not None else []
        lines += _next(survey, normalise_code(customer))
    return said(session, "unlink", lines, customer=customer)


def _stays(journal: Journal, link: Link) -> list[str]:
    """Say what syncs wrote for the customer into an account that was there before: taking the link back changes none of it."""
    written: dict[str, None] = {}
    for recorded in journal.runs.changes_of(customer=normalise_code(link.customer)):
        change = recorded.document
        if change["outcome"] != OutcomeKind.WRITTEN.value or normalise_code(change["account"] or "") != normalise_code(
            link.account
        ):
            continue
        if change["action"] == Action.CREATE.value:
            return [f"A sync made account {link.account}; it stays as it is."]
        written |= dict.fromkeys(name for name, said in change["fields"].items() if said["verdict"] == Verdict.WRITE.value)
    if not written:
        return []
    names = ", ".join(FIELDS[name].label if name in FIELDS else name for name in written)
    before = command("history --customer {}", link.customer)
    return [f"What syncs wrote into {link.account} stays there: {names}. What stood there before: {before}"]


def _next(survey: Survey, key: str) -> list[str]:
    """Say what the next sync does with the customer, now that nobody has said who it is."""
    change = survey.forgetting(key).change_of(key)
    if change is None:
        return []
    another = f"If it is another account: {command('link {} ACCOUNT', change.code)}"
    new = command("link {} --new CODE", change.code)
    if change.action is Action.CREATE:
        return [f"The next sync makes a new account for it, {change.account}.", another]
    if change.action is Action.LOOKALIKE:
        return [f"It waits for a person then: {'; '.join(change.reasons)}."]
    if change.action in (Action.REJECTED, Action.SKIPPED):
        return [f"The next sync makes no account for it: {'; '.join(change.reasons)}."]
    return _paired_again(change, another, new)


def _paired_again(change: Change, another: str, new: str) -> list[str]:
    how = next((each.removeprefix("paired: ") for each in change.reasons if each.startswith("paired: ")), "")
    return [f"The next sync pairs it again with account {change.account}: {how or 'as before'}.", f"{another}, or {new}"]
