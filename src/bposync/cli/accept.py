"""`bposync accept`: accounting's present values stand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bposync.cli.deciding import deciding, said
from bposync.cli.report import cell
from bposync.fields import FIELDS

if TYPE_CHECKING:
    from bposync.cli.common import Session
    from bposync.decide import Accepted


def accept(
    session: Session,
    *,
    customer: Annotated[str, typer.Argument(metavar="CUSTOMER", help="The customer's code in BPO.")],
    fields: Annotated[list[str] | None, typer.Argument(metavar="FIELD", help="Only these fields; else all.")] = None,
) -> int:
    """Let accounting's present values stand; BPO's next change is written again."""
    from bposync import decide

    with deciding(session) as (survey, journal):
        accepted = decide.accept(survey, journal, customer, fields or [])
    lines = [_line(each) for each in accepted]
    documents = [
        {
            "field": each.field,
            "accounting": FIELDS[each.field].show(each.accounting),
            "bpo": FIELDS[each.field].show(each.bpo),
        }
        for each in accepted
    ]
    return said(
        session, "accept", lines or [f"Customer {customer} has nothing to accept."], customer=customer, fields=documents
    )


def _line(accepted: Accepted) -> str:
    ours, theirs = (cell(value) or "blank" for value in (accepted.accounting, accepted.bpo))
    return f"{FIELDS[accepted.field].label}: accounting's {ours} stands, not BPO's {theirs}."
