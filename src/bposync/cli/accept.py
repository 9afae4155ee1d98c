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
    undo: Annotated[bool, typer.Option("--undo", help="Take it back: the values differ again.")] = False,
) -> int:
    """Let accounting's present values stand; BPO's next change is written again."""
    from bposync import decide

    with deciding(session) as (survey, journal):
        accepted = decide.accept(survey, journal, customer, fields or [], undo=undo)
    lines = [_line_undone(each) if undo else _line(each) for each in accepted]
    documents = [
        {
            "field": each.field,
            "accounting": FIELDS[each.field].show(each.accounting),
            "bpo": FIELDS[each.field].show(each.bpo),
        }
        for each in accepted
    ]
    none = f"Customer {customer} has nothing {'that was accepted' if undo else 'to accept'}."
    return said(session, "accept", lines or [none], customer=customer, fields=documents, undone=undo)


def _line(accepted: Accepted) -> str:
    ours, theirs = (cell(value) or "blank" for value in (accepted.accounting, accepted.bpo))
    return f"{FIELDS[accepted.field].label}: accounting's {ours} stands, not BPO's {theirs}."


def _line_undone(taken: Accepted) -> str:
    return f"{FIELDS[taken.field].label}: that accounting's value stands is taken back."
