"""`bposync link`: this customer is that account, or has none yet and gets one."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path  # noqa: TC003 - Typer reads the annotations
from typing import TYPE_CHECKING, Annotated, Final

import typer

from bposync.advice import command, with_commands
from bposync.cli.deciding import copy_links, deciding, said
from bposync.errors import UsageError

if TYPE_CHECKING:
    from bposync.cautions import Cautions
    from bposync.cli.common import ForceOption, Session
    from bposync.journal.copies import Copied


_HOW: Final = "{link CUSTOMER ACCOUNT}, or {link CUSTOMER --new}, or {link CUSTOMER --new CODE}"


def link(
    session: Session,
    *,
    customer: Annotated[str | None, typer.Argument(metavar="CUSTOMER", help="The customer's code in BPO.")] = None,
    account: Annotated[
        str | None, typer.Argument(metavar="ACCOUNT", help="The account's code; with --new the code that it gets.")
    ] = None,
    new: Annotated[bool, typer.Option("--new", help="The customer has no account yet: the next sync makes one.")] = False,
    export: Annotated[
        Path | None, typer.Option("--export", metavar="FILE", help="Write all links and decisions to a CSV file.")
    ] = None,
    import_: Annotated[
        Path | None, typer.Option("--import", metavar="FILE", help="Take in what such a file has and the journal lacks.")
    ] = None,
    force: ForceOption = False,
) -> int:
    """Say which account a customer has, or that it gets a new one; or copy links and decisions to and from a file."""
    from bposync import decide
    from bposync.cautions import Cautions

    if (export is not None) + (import_ is not None) + (customer is not None) != 1:
        raise UsageError(
            "link: one customer, or --export FILE, or --import FILE.",
            with_commands(_HOW),
        )
    if force and export is None:
        raise UsageError("link: --force is for --export FILE.", "Leave it out.")
    if export is not None:
        return _export(session, export, force=force)
    if import_ is not None:
        return _import(session, import_)
    assert customer is not None  # noqa: S101 - one of the three is given
    if account is None and not new:
        raise UsageError("link: which account?", with_commands(_HOW))
    with deciding(session) as (survey, journal):
        cautions = Cautions(survey)
        if new:
            code = decide.link_new(survey, journal, customer, account or "")
            lines = [f"Customer {customer} gets a new account {code} with the next sync."]
            lines += _slips(customer, cautions.of_leaving(customer, code)) + _other_code(cautions, customer, code)
            return said(session, "new", lines, customer=customer, account=code)
        made = decide.link(survey, journal, customer, account or "")
        lines = [f"Customer {made.customer} ({made.name}) is account {made.account}."]
        lines += _slips(made.customer, cautions.of_link(made.customer, made.account))
        lines += _other_code(cautions, made.customer, made.account)
        return said(session, "link", lines, customer=made.customer, account=made.account)


def _slips(customer: str, cautions: list[str]) -> list[str]:
    return [*cautions, f"If that was a slip: {command('unlink {}', customer)}"] if cautions else []


def _other_code(cautions: Cautions, customer: str, account: str) -> list[str]:
    """Say what it means that an account has another code than its customer, where BPO cannot say so itself."""
    if not cautions.is_under_another_code(customer, account):
        return []
    return [f"BPO may know it as {customer} only: what BPO posts by itself may not find account {account}."]


def _export(session: Session, path: Path, *, force: bool) -> int:
    """Write links and decisions to a file. Reads the journal only."""
    from bposync.export import files
    from bposync.journal import copies, open_journal

    files.ending_of(path, (".csv",), "link --export")
    files.check(path, force=force)
    with open_journal(session.settings, writes=False) as journal:
        copied = copies.export(journal, path)
    return said(session, "export", [f"{path}: {_counted(copied)}."], file=str(path), **asdict(copied))


def _import(session: Session, path: Path) -> int:
    """Take in a file of links and decisions, while no sync can run."""
    from bposync.accounting import open_accounting
    from bposync.guards import check_company
    from bposync.journal import copies, open_journal

    with (
        open_accounting(session.settings, (), writes=False) as accounting,
        accounting.way.lock(),
        open_journal(session.settings, writes=True) as journal,
    ):
        company = accounting.books.company
        check_company(company, journal.known_company())
        copied = copies.take_in(journal, path, company.name)
        copy_links(session, journal)
    return said(session, "import", [f"Recorded from {path}: {_counted(copied)}."], file=str(path), **asdict(copied))


def _counted(copied: Copied) -> str:
    links, decisions = copied.links, copied.decisions
    return f"{links:,} link{'s'[: links != 1]}, {decisions:,} decision{'s'[: decisions != 1]}"
