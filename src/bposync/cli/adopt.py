"""`bposync adopt`: this is the company that the journal is about from now on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bposync.advice import command
from bposync.cli.deciding import said
from bposync.errors import DeclinedError, GuardError, NotConfirmedError
from bposync.words import many

if TYPE_CHECKING:
    from bposync.cli.common import Session


def adopt(
    session: Session,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Answer the question with yes.")] = False,
) -> int:
    """Take another accounting database for the one that the journal is about. Shows both, and asks."""
    from bposync.accounting import open_accounting
    from bposync.journal import open_journal

    output, settings = session.output, session.settings
    with open_accounting(settings, (), writes=False) as accounting:
        company = accounting.books.company
        # Nothing is locked while the question waits.
        with open_journal(settings, writes=False) as journal:
            known, linked = journal.known_company(), len(journal.links.read())
        if known == company.name:
            return said(session, "adopt", [f"The journal is about {known} already."], company=company.name)
        block = [
            f"The journal is about:  {known or 'no company yet'}, with {many(linked, 'linked customer')}",
            f"Accounting says it is: {company.name}",
            f"Database:              {company.database} on {company.server}",
        ]
        if not yes:
            if not output.can_ask():
                raise NotConfirmedError("Nothing was changed: there is no terminal to ask at.", "Look at both, then: --yes")
            if not output.ask(block, "Do the journal's links belong to this company?", still="nothing was changed"):
                raise DeclinedError(
                    "Nothing was changed, for the answer was not yes.",
                    f"Until then a sync stops: {command('adopt')} asks again.",
                )
        with accounting.way.lock(), open_journal(settings, writes=True) as journal, journal.deciding() as connection:
            if journal.known_company_in(connection) != known:
                raise GuardError(
                    "Somebody else adopted a company while the question waited; nothing was changed.",
                    f"Look again: {command('adopt')}",
                )
            journal.know_company(connection, company.name)
            journal.decisions.log(connection, "adopt", "", "", f"{known} -> {company.name}")
    return said(session, "adopt", [f"The journal is about {company.name} now."], company=company.name, before=known or None)
