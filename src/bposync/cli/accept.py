"""`bposync accept`: accounting's present values stand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bposync.advice import command
from bposync.cautions import Cautions, stays_blank
from bposync.cli.deciding import deciding, said
from bposync.fields import FIELDS
from bposync.words import cell

if TYPE_CHECKING:
    from collections.abc import Sequence

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
        doubts = [] if undo else Cautions(survey).of_accepting(customer)
        accepted = decide.accept(survey, journal, customer, fields or [], undo=undo)
    lines = [_line_undone(each) if undo else _line(each) for each in accepted]
    lines += [] if undo or fields else _how_to_fill(customer, accepted)
    lines += doubts if accepted else []
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
    if stays := stays_blank(accepted):
        return stays
    ours, theirs = (cell(value) or "blank" for value in (accepted.accounting, accepted.bpo))
    field = FIELDS[accepted.field]
    return f"{field.label}: accounting's {ours} stands, not BPO's {theirs}."


def _how_to_fill(customer: str, accepted: Sequence[Accepted]) -> list[str]:
    """Say how what only BPO has is filled in all the same: who accepted without naming fields may have meant the others."""
    blank = [each.field for each in accepted if FIELDS[each.field].is_blank(each.accounting)]
    if not blank:
        return []
    form = f"accept {{}} {' '.join(blank)} --undo"
    return [f"To fill {'it' if len(blank) == 1 else 'them'} in all the same: {command(form, customer)}"]


def _line_undone(taken: Accepted) -> str:
    return f"{FIELDS[taken.field].label}: that accounting's value stands is taken back."
