"""`bposync ignore`: sets a customer or an account aside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bposync.advice import command
from bposync.cli.deciding import deciding, said
from bposync.errors import UsageError

if TYPE_CHECKING:
    from bposync.cli.common import Session


def ignore(
    session: Session,
    *,
    customer: Annotated[str | None, typer.Argument(metavar="CUSTOMER", help="The customer's code in BPO.")] = None,
    account: Annotated[
        str | None, typer.Option("--account", metavar="ACCOUNT", help="An account without a customer, no longer listed.")
    ] = None,
    undo: Annotated[bool, typer.Option("--undo", help="Take it back.")] = False,
) -> int:
    """Set a customer aside, so that a sync skips it; or an account, so that status no longer lists it."""
    from bposync import decide

    if (customer is None) == (account is None):
        raise UsageError(
            "ignore: one customer, or one account.", f"{command('ignore CUSTOMER')}, or {command('ignore --account ACCOUNT')}"
        )
    with deciding(session) as (survey, journal):
        if customer is not None:
            code = decide.ignore_customer(survey, journal, customer, undo=undo)
            line = f"Customer {code} is {'no longer ' if undo else ''}ignored."
        else:
            code = decide.ignore_account(survey, journal, account or "", undo=undo)
            line = (
                f"Account {code} is listed again." if undo else f"Account {code} is no longer listed as one without a customer."
            )
    return said(session, "ignore", [line], customer=customer, account=account, undone=undo)
