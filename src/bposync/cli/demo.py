"""`bposync demo`: a company to try everything on."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from bposync import advice
from bposync.cli.common import Session

if TYPE_CHECKING:
    from collections.abc import Mapping

SCHEMA: Final = "bposync.demo/1"
FOLDER: Final = "bposync-demo"
_SITE: Final = "Durban"
_ONE_BY_ONE: Final = 3


def make(
    session: Session,
    *,
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where to make it.")] = Path(FOLDER),
    run: Annotated[bool, typer.Option("--run", help=f"Then list, synchronise and show the status of {_SITE}.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="With --run: synchronise without asking.")] = False,
    system: Annotated[str, typer.Option(metavar="NAME", help="Whose tables the accounting database has.")] = "evolution",
    write: Annotated[str, typer.Option(metavar="WAY", help="The way in.")] = "sql",
) -> int:
    """Make a company to try everything on: its configuration, its BPO and its accounting system."""
    from bposync import demo
    from bposync.cli import list as list_
    from bposync.cli import status, sync

    output = session.output
    made = demo.make(folder, system=system, write=write)
    path = made.configuration
    if made.gone:
        journal = ", and what was synchronised and decided in it is gone with its journal" if made.journal_is_gone else ""
        output.note(f"{path.parent} held a demo company: it is made afresh{journal}.")
        output.note(f"To keep one, name another folder for the next, or take the first line out of {path}.")
    output.note(f"Example Company is made in {path.parent}.")
    if output.as_json:
        output.collected = {}
    if not run:
        advice.repeat_config(str(path))
        output.note("Try, one after the other:")
        for form in (f"list --site {_SITE}", f"sync --site {_SITE}", "status"):
            output.note(f"  {advice.command(form)}")
        _document(session, path)
        return 0
    inner = Session(replace(session.options, config=str(path)))
    inner.output = output
    _say(session, f"bposync list --site {_SITE}")
    list_.show(inner, site=[_SITE])
    if made.codes:
        _give_codes(inner, path.parent / demo.SHEET, made.codes)
    _say(session, f"bposync sync --site {_SITE}{' --yes' if yes else ''}")
    code = sync.synchronise(inner, site=[_SITE], yes=yes)
    _say(session, f"bposync status --site {_SITE}")
    status.show(inner, site=[_SITE])
    _document(session, path)
    return code


def _give_codes(session: Session, sheet: Path, codes: Mapping[str, str]) -> None:
    """Give account codes to customers whose own do not fit: some one by one, the others in a sheet."""
    from bposync.cli import link, review, sync

    _say(session, f"bposync sync --site {_SITE} --dry-run")
    sync.synchronise(session, site=[_SITE], dry_run=True)
    one_by_one = dict(list(codes.items())[:_ONE_BY_ONE])
    session.output.note("")
    session.output.note(
        f"{len(codes)} codes do not fit. A person gives those customers account codes: {_ONE_BY_ONE} one by one, …"
    )
    for customer, code in one_by_one.items():
        _say(session, f"bposync link {customer} --new {code}")
        link.link(session, customer=customer, account=code, new=True)
    session.output.note("")
    session.output.note("… and the others in a sheet, whose column decision is filled in here as a person does.")
    _say(session, f"bposync review --site {_SITE} --output {sheet.name}")
    review.review(session, site=[_SITE], output=sheet)
    _fill_in(sheet, codes)
    _say(session, f"bposync review --apply {sheet.name} --yes")
    review.review(session, apply=sheet, yes=True)


def _fill_in(sheet: Path, codes: Mapping[str, str]) -> None:
    with sheet.open(encoding="utf-8-sig", newline="") as file:
        heading, *rows = csv.reader(file)
    customer, decision = heading.index("customer"), heading.index("decision")
    for row in rows:
        if row[customer] in codes:
            row[decision] = f"new {codes[row[customer]]}"
    with sheet.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows([heading, *rows])


def _document(session: Session, path: Path) -> None:
    """Print one document: where the company is, and what the commands that were run have said."""
    collected, session.output.collected = session.output.collected, None
    if collected is not None:
        session.output.document({"schema": SCHEMA, "config": str(path), **collected})


def _say(session: Session, command: str) -> None:
    session.output.note("")
    session.output.note(f"$ {command}")
