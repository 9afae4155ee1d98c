"""What the commands that record a decision share: both sides read, the company locked, the journal open to be written."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Final

from bposync.advice import command
from bposync.errors import BposyncError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bposync.cli.common import Session
    from bposync.journal import Journal
    from bposync.survey import Survey

SCHEMA: Final = "bposync.decision/1"


@contextlib.contextmanager
def looking(session: Session) -> Iterator[Survey]:
    """Give a survey of the company; nothing is locked and nothing can be written."""
    from bposync.accounting import open_accounting
    from bposync.bpo import Bpo
    from bposync.journal import open_journal
    from bposync.survey import make_survey

    settings = session.settings
    settings.need_accounting()
    progress = session.output.progress
    with (
        Bpo(settings) as bpo,
        open_accounting(settings, bpo.fields, writes=False) as accounting,
        open_journal(settings, writes=False) as journal,
        progress("Reading BPO") as one,
        progress("Reading accounts") as two,
    ):
        yield make_survey(settings, bpo, accounting, journal, one, two)


@contextlib.contextmanager
def deciding(session: Session) -> Iterator[tuple[Survey, Journal]]:
    """Give a survey of the company and its journal, while no sync can run. Accounting is only read.

    Raises GuardError where it is another company than the journal's.
    """
    from bposync.accounting import open_accounting
    from bposync.bpo import Bpo
    from bposync.guards import check_company
    from bposync.journal import open_journal
    from bposync.survey import make_survey

    settings = session.settings
    settings.need_accounting()
    progress = session.output.progress
    with (
        Bpo(settings) as bpo,
        open_accounting(settings, bpo.fields, writes=False) as accounting,
        accounting.way.lock(),
        open_journal(settings, writes=True) as journal,
        progress("Reading BPO") as one,
        progress("Reading accounts") as two,
    ):
        check_company(accounting.books.company, journal.known_company())
        yield make_survey(settings, bpo, accounting, journal, one, two), journal
        copy_links(session, journal)


def copy_links(session: Session, journal: Journal) -> None:
    """Write the copy of links and decisions beside an SQLite journal; where that fails, say so: what was done is done."""
    from bposync.journal import copies

    try:
        if (kept := copies.write_beside(journal)) is not None:
            session.output.note(
                f"This journal is new, and there was a copy of links and decisions of another one: it is kept as {kept}. "
                f"What it has and this journal lacks is taken in by: {command('link --import {}', str(kept))}"
            )
    except BposyncError as error:
        session.output.note(f"The copy of links and decisions beside the journal was not written: {error.message}")


def said(session: Session, decision: str, lines: list[str], **details: Any) -> int:  # noqa: ANN401 - whatever JSON holds
    """Say what was recorded."""
    if session.output.as_json:
        document: Mapping[str, Any] = {"schema": SCHEMA, "decision": decision, **details, "said": lines}
        session.output.document(document)
    for line in lines:
        session.output.line(line)
    return 0
