"""`bposync link`: this customer is that account, or has none yet and gets one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bposync.cli.deciding import deciding, said
from bposync.errors import UsageError
from bposync.values import normalise_code

if TYPE_CHECKING:
    from bposync.cli.common import Session
    from bposync.survey import Survey


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
            lines = [f"Customer {customer} gets a new account {code} with the next sync."]
            return said(session, "new", lines + _caution(survey, customer, code), customer=customer, account=code)
        made = decide.link(survey, journal, customer, account or "")
        lines = [f"Customer {made.customer} ({made.name}) is account {made.account}."]
        lines += _caution(survey, made.customer, made.account)
        return said(session, "link", lines, customer=made.customer, account=made.account)


def _caution(survey: Survey, customer: str, account: str) -> list[str]:
    """Say what it means that an account has another code than its customer, where BPO cannot say so itself."""
    if survey.has_account_column or normalise_code(customer) == normalise_code(account):
        return []
    return [f"BPO may know it as {customer} only: what BPO posts by itself may not find account {account}."]
