"""`bposync link`: this customer is that account, or has none yet and gets one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bposync.cli.deciding import deciding, said
from bposync.errors import UsageError
from bposync.values import normalise_code

if TYPE_CHECKING:
    from bposync.cli.common import Session


def link(
    session: Session,
    *,
    customer: Annotated[str, typer.Argument(metavar="CUSTOMER", help="The customer's code in BPO.")],
    account: Annotated[
        str | None, typer.Argument(metavar="ACCOUNT", help="The account's code; with --new the code that it gets.")
    ] = None,
    new: Annotated[bool, typer.Option("--new", help="The customer has no account yet: the next sync makes one.")] = False,
) -> int:
    """Say which account a customer has, or that it gets a new one."""
    from bposync import decide

    if account is None and not new:
        raise UsageError("link: which account?", "bposync link CUSTOMER ACCOUNT, or bposync link CUSTOMER --new [CODE]")
    with deciding(session) as (survey, journal):
        if new:
            code = decide.link_new(survey, journal, customer, account or "")
            return said(
                session,
                "new",
                [f"Customer {customer} gets a new account {code} with the next sync."],
                customer=customer,
                account=code,
            )
        made = decide.link(survey, journal, customer, account or "")
        lines = [f"Customer {made.customer} ({made.name}) is account {made.account}."]
        if normalise_code(made.customer) != normalise_code(made.account) and not survey.has_account_column:
            lines.append(
                f"BPO may know it as {made.customer} only: what BPO posts by itself may not find account {made.account}."
            )
        return said(session, "link", lines, customer=made.customer, account=made.account)
