"""`bposync unlink`: takes a pairing back, also of a customer that is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bposync.advice import command
from bposync.cli.deciding import deciding, said
from bposync.match import is_inactive
from bposync.values import normalise_code, normalise_name

if TYPE_CHECKING:
    from bposync.cli.common import Session
    from bposync.survey import Survey


def unlink(
    session: Session,
    *,
    customer: Annotated[str, typer.Argument(metavar="CUSTOMER", help="The customer's code in BPO.")],
) -> int:
    """Take a pairing back. The account stays as it is."""
    from bposync import decide

    with deciding(session) as (survey, journal):
        lines = decide.unlink(journal, customer, survey)
        lines += _paired_again(survey, customer)
    return said(session, "unlink", lines, customer=customer)


def _paired_again(survey: Survey, code: str) -> list[str]:
    """Say so where code and name are equal: the next sync pairs these two again, unless somebody says who it is."""
    key = normalise_code(code)
    for customer in survey.customers:
        if customer.key == key and (is_inactive(customer) or not customer.is_debtor):
            why = "Inactive in BPO" if is_inactive(customer) else "no debtor"
            return [f"It is {why}, so a sync makes no account for it."]
        for account in survey.accounts if customer.key == key else ():
            if normalise_code(account.code) == key and normalise_name(account.name) == normalise_name(customer.name):
                again = f"Code and name are those of account {account.code}, so the next sync pairs them again."
                other, new = command("link {} ACCOUNT", customer.code), command("link {} --new CODE", customer.code)
                return [again, f"If it is another: {other}, or {new}"]
    return []
