"""What stops a sync before anything is written, because it looks like a mistake and not like work. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bposync.advice import command
from bposync.bpo import COUNTS_AS
from bposync.config import Limit
from bposync.errors import GuardError, TooManyError
from bposync.fields import FIELDS
from bposync.records import Action, PairingKind
from bposync.words import many

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bposync.accounting import Company
    from bposync.plan import Plan
    from bposync.survey import Survey

_DEFAULT: Final = Limit(percent=50)
_FEW: Final = 20
"""Below so many linked accounts, a share says nothing."""
_FEW_MISSING: Final = 5
_ALL = 100


def check(survey: Survey, plan: Plan, limit: Limit | None, known_company: str = "") -> None:
    """Let a plan pass, or raise GuardError saying what looks wrong and what to do. No option lifts it.

    `known_company` is the accounting database that the journal is about; empty before the first sync.
    """
    check_company(survey.books.company, known_company)
    _check_bpo(survey)
    _check_accounts(survey)
    _check_changes(plan, limit)


def check_company(company: Company, known: str) -> None:
    """Stop where accounting is another company than the journal's, by the name that it gives itself."""
    if known and company.name.casefold() != known.casefold():
        raise GuardError(
            f"Accounting is {company.name} ({company.database} on {company.server}), and the journal is about {known}.",
            f"Check [accounting] url and [state] company; if it is the same company under a new name: {command('adopt')}",
        )


def check_columns(vanished: Iterable[str]) -> None:
    """Stop where BPO lost a column that says who is for accounting: without it everybody is."""
    for name, meaning in COUNTS_AS.items():
        if name in vanished:
            raise GuardError(
                f"BPO had a column {FIELDS[name].column} at the last sync, and has none now: {meaning}.",
                f'Bring it back, or name another under [bpo.columns]; if it shall be so: {name} = ""',
            )


def _check_bpo(survey: Survey) -> None:
    if not survey.customers and not survey.in_step:
        raise GuardError(
            "BPO lists no customers at all.", "Check [bpo] in the configuration: the table, and the login's rights."
        )
    linked = len(survey.links) + len(survey.in_step)
    present = {customer.key for customer in survey.customers}
    lacking = sum(key not in present for key in survey.links)
    if linked >= _FEW and lacking * 2 > linked:
        raise GuardError(
            f"BPO lacks {lacking:,} of {linked:,} customers that were synchronised before.",
            "Check that [bpo] reads the whole company; if so many did leave, unlink them first.",
        )


def _check_accounts(survey: Survey) -> None:
    linked = len(survey.links) + len(survey.in_step)
    missing = sum(
        pairing.link is not None and pairing.account is None and pairing.kind is PairingKind.MISSING
        for pairing in survey.matching.pairings
    )
    if missing >= _FEW_MISSING and missing * 10 > linked:
        raise GuardError(
            f"Accounting lacks {missing:,} of {linked:,} accounts that were synchronised before.",
            "Is it another company, or restored from an older backup? Nothing is written until the accounts are back.",
        )


def _check_changes(plan: Plan, given: Limit | None) -> None:
    limit = given or _DEFAULT
    if limit.number is not None:
        if len(plan.writes) > limit.number:
            said = f"{many(len(plan.writes), 'account')} would be written, and max_changes allows {limit.number:,}."
            raise _too_many(said, plan)
        return
    before = [change for change in plan.changes if change.was_in_step and change.seen is not None]
    updates = sum(change.is_write and change.action is not Action.CREATE for change in before)
    in_step = len(before) + sum(plan.in_step.values())
    if in_step < _FEW and given is None:
        return
    if limit.percent is not None and updates * _ALL > limit.percent * in_step:
        share = updates * _ALL // in_step
        raise _too_many(
            f"{updates:,} of {in_step:,} accounts that were in step would be changed ({share} %), and max_changes "
            f"allows {limit.percent} %.",
            plan,
        )


def if_it_is_right(command: str) -> str:
    """Say what to do where a plan is larger than expected. `command` allows it."""
    return f"Look at the plan; if it is right: {command}"


def _too_many(message: str, plan: Plan) -> TooManyError:
    writes = len(plan.writes)
    return TooManyError(message, if_it_is_right(command("sync --max-changes {}", str(writes))), writes)
