"""`bposync unlink`: takes a pairing back, also of a customer that is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bposync.cli.deciding import deciding, said

if TYPE_CHECKING:
    from bposync.cli.common import Session


def unlink(
    session: Session,
    *,
    customer: Annotated[str, typer.Argument(metavar="CUSTOMER", help="The customer's code in BPO.")],
) -> int:
    """Take a pairing back. The account stays as it is."""
    from bposync import decide

    with deciding(session) as (_, journal):
        return said(session, "unlink", decide.unlink(journal, customer), customer=customer)
