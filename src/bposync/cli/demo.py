"""`bposync demo`: a company to try everything on."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Final

import typer

from bposync.cli.common import Options, Session

SCHEMA: Final = "bposync.demo/1"
FOLDER: Final = "bposync-demo"
_SITE: Final = "Durban"


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
    path = demo.build(folder, system=system, write=write)
    output.note(f"Example Company is made in {path.parent}.")
    if output.as_json:
        output.collected = {}
    if not run:
        command = f"bposync --config {shlex.quote(str(path))}"
        output.note(f"Try: {command} list --site {_SITE}; then sync --site {_SITE}; then status.")
        _document(session, path)
        return 0
    options = Options(str(path), session.options.verbose, session.options.quiet, session.options.as_json)
    inner = Session(options)
    inner.output = output
    _say(session, f"bposync list --site {_SITE}")
    list_.show(inner, site=[_SITE])
    _say(session, f"bposync sync --site {_SITE}{' --yes' if yes else ''}")
    code = sync.synchronise(inner, site=[_SITE], yes=yes)
    _say(session, f"bposync status --site {_SITE}")
    status.show(inner, site=[_SITE])
    _document(session, path)
    return code


def _document(session: Session, path: Path) -> None:
    """Print one document: where the company is, and what the commands that were run have said."""
    collected, session.output.collected = session.output.collected, None
    if collected is not None:
        session.output.document({"schema": SCHEMA, "config": str(path), **collected})


def _say(session: Session, command: str) -> None:
    session.output.note("")
    session.output.note(f"$ {command}")
