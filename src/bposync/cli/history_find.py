"""What `bposync history` was asked for, and what the journal and, of who is who, BPO know of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from bposync.advice import command, shows_customers
from bposync.days import FORM, Days, day_of, day_of_digits, looks_like_a_day
from bposync.errors import BposyncError, UsageError, did_you_mean
from bposync.values import normalise_code, quoted

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from datetime import datetime

    from bposync.cli.common import Session
    from bposync.journal import Journal
    from bposync.journal.links import Decided
    from bposync.journal.runs import Recorded, Run

_MOST_RUNS: Final = 5  # that an error names


@dataclass(slots=True)
class Asked:
    """What somebody wants to know: of one run, of days, of a customer or an account by their normalised codes."""

    run: str | None
    days: Days | None
    customer: str | None
    account: str | None
    is_day: bool = False
    """Whether a day stands in the place of a run."""

    @property
    def is_story(self) -> bool:
        """Whether it is about one customer or account."""
        return self.customer is not None or self.account is not None


@dataclass(slots=True)
class Found:
    """What the journal says."""

    runs: list[Run] = field(default_factory=list)
    recorded: list[Recorded] = field(default_factory=list)
    decided: list[Decided] = field(default_factory=list)
    codes: Mapping[str, str] = field(default_factory=dict)
    """The codes of those about whom was decided, as BPO writes them, by the normalised one."""
    one_run: bool = False
    with_changes: bool = False
    before: tuple[str, datetime] | None = None
    """The last run before the days that were asked for, where they had none."""
    company: str = ""


def asked_for(run: str | None, customer: str | None, account: str | None, days: Days | None) -> Asked:
    """Take in what somebody typed. Raises UsageError."""
    is_day = run is not None and looks_like_a_day(run)
    if run is not None and days is not None:
        raise UsageError("history: --since and --until name days, and RUN is one run or one day.", "Leave one of them out.")
    if run is not None and is_day:
        day = day_of(run, "history")
        run, days = None, Days(day, day)
    who, where = (normalise_code(code) if code is not None else None for code in (customer, account))
    return Asked(run, days, who, where, is_day=is_day)


def find_runs(journal: Journal, asked: Asked, *, whole: bool) -> Found:
    """Find runs, and their changes where those are shown or, with `whole`, wanted in a file."""
    found = Found(journal.runs.all(asked.days))
    if asked.run is not None:
        _choose(found, asked)
    if asked.is_day and not asked.is_story:
        found.one_run = len(found.runs) == 1
    found.with_changes = found.one_run or asked.is_story or whole
    if found.with_changes:
        # A name was given: a few runs at most. Else the database finds those of the days.
        names = [each.run for each in reversed(found.runs)] if asked.run is not None or found.one_run else [None]
        for name in names:
            days = asked.days if name is None else None
            found.recorded += journal.runs.changes_of(run=name, customer=asked.customer, account=asked.account, days=days)
    if asked.run is None and not found.one_run:
        found.decided = journal.decisions.story(asked.customer, account=asked.account, days=asked.days)
    if not found.runs and asked.days is not None:
        found.before = journal.runs.last_before(asked.days)
    if asked.is_story and not found.one_run:
        told = {change.run for change in found.recorded}
        found.runs = [each for each in found.runs if each.run in told]
    found.codes = _codes(journal, found.decided) if whole or asked.account is not None else {}
    return found


def _choose(found: Found, asked: Asked) -> None:
    """Leave the run that was named; or, where eight digits name no single one, the runs of that day. Raises UsageError."""
    name = (asked.run or "").strip()
    named = [run for run in found.runs if run.run.startswith(name)]
    exact = [run for run in named if run.run == name]
    if len(exact or named) == 1:
        found.runs, found.one_run = exact or named, True
        return
    day = day_of_digits(name)
    if day is not None and named:
        found.runs = named
        return
    if day is not None:
        asked.run, asked.days, asked.is_day = None, Days(day, day), True
        found.runs = [run for run in found.runs if asked.days.has(run.at)]
        return
    what = f"several runs begin with {quoted(name)}" if named else f"there is no run {quoted(name)}"
    names = [run.run for run in (named or found.runs)][:_MOST_RUNS]
    latest = f"The latest are: {', '.join(names)}. {FORM}" if names else "Nothing was synchronised yet."
    raise UsageError(f"history: {what}.", did_you_mean(name, names, otherwise=latest))


def find_decisions(journal: Journal, asked: Asked) -> Found:
    """Find what was decided, the newest first."""
    decided = journal.decisions.story(asked.customer, account=asked.account, days=asked.days)[::-1]
    return Found(decided=decided, codes=_codes(journal, decided))


def _codes(journal: Journal, decided: Iterable[Decided]) -> Mapping[str, str]:
    """Give customers' codes by those of the log, which are in the form in which codes are compared.

    A link has its own as BPO writes it; else capitals read best.
    """
    codes = {each.customer: each.customer.upper() for each in decided}
    return codes | {each: link.customer for each, link in journal.links.read(codes).items()}


def check_known(session: Session, journal: Journal, asked: Asked, code: str) -> None:
    """Raise UsageError naming the nearest where nobody knows the customer or the account that was asked for."""
    accounts = _accounts(journal)
    if asked.account is not None:
        if not _has(accounts, asked.account):
            hint = did_you_mean(code, accounts, otherwise=f"{command('history')} shows the runs.")
            raise UsageError(f"history: no account {quoted(code)} is in the record.", hint)
        return
    key = asked.customer or ""
    linked = {code for (code,) in journal.links.columns("code")}
    if _has(linked, key) or journal.runs.has_customer(key) or journal.decisions.story(key):
        return
    _check_customer(session, code, linked, accounts)


def _check_customer(session: Session, code: str, linked: set[str], accounts: Collection[str]) -> None:
    """Raise UsageError where BPO does not know a customer either. Without BPO nobody can say so."""
    from bposync.bpo import Bpo

    key = normalise_code(code)
    try:
        with Bpo(session.settings) as bpo:
            codes = linked | {str(row.value("code")) for row in bpo.rows()}
    except BposyncError:
        return
    if _has(codes, key):
        return
    if _has(accounts, key):
        hint = f"It is an account: {command('history --account {}', code)}"
    else:
        hint = did_you_mean(code, codes, otherwise=shows_customers())
    raise UsageError(f"history: there is no customer {quoted(code)}.", hint)


def _accounts(journal: Journal) -> set[str]:
    """Give the codes of all accounts that the journal knows: written into, linked, or decided about."""
    decided = {each.account for each in journal.decisions.story() if each.account}
    return {*journal.runs.accounts(), *decided, *(code for (code,) in journal.links.columns("account"))}


def _has(codes: Iterable[str], key: str) -> bool:
    return any(normalise_code(code) == key for code in codes)
