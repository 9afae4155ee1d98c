"""What the journal tells of runs: which there were, and what they changed. Only reads.

Days, names and codes are looked for in the database: a journal of years is not read whole for one day of it.
"""

from __future__ import annotations

import json
import platform
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from bposync import __version__
from bposync.journal import schema
from bposync.journal.chain import RUN
from bposync.people import current_user
from bposync.records import OutcomeKind
from bposync.values import normalise_code

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bposync.days import Days
    from bposync.journal import Journal
    from bposync.journal.chain import Seal

CODE_WIDTH: Final = 200
WRITE, EXPORT = 1, 2  # what a recorded change was about to do


def new_run_id(at: datetime) -> str:
    """Give the name of a run: its moment in UTC, then what keeps two in one second apart and in order."""
    return f"{at.astimezone(UTC):%Y%m%d-%H%M%S}-{at.microsecond * 0x10000 // 1_000_000:04x}{secrets.token_hex(1)}"


@dataclass(frozen=True, slots=True)
class Run:
    """One sync. `outcomes` and `exit_code` are missing while it runs, and for ever where it was cut off."""

    run: str
    at: datetime
    by: str
    machine: str
    login: str
    version: str
    sites: tuple[str, ...]
    summary: Mapping[str, int]
    outcomes: Mapping[str, int]
    exit_code: int | None = None
    customers: tuple[str, ...] = ()
    """The customers that it was for; empty where it was for all of its sites."""
    hash: str | None = None
    """Its link in the journal's chain, once it is complete."""
    previous: str | None = None
    """The link before, which it carries; empty in the first."""

    @classmethod
    def start(cls, *, sites: Sequence[str], summary: Mapping[str, int], login: str, customers: Sequence[str] = ()) -> Run:
        """Give a run that begins now, by whoever is at this machine."""
        now = datetime.now(UTC)
        return cls(
            new_run_id(now),
            now,
            current_user(),
            platform.node() or "unknown",
            login,
            __version__,
            tuple(sites),
            summary,
            {},
            customers=tuple(customers),
        )


@dataclass(frozen=True, slots=True)
class Recorded:
    """One change of a run as the journal has it: the document of `history --json`, and the account's own key."""

    run: str
    number: int
    document: Mapping[str, Any]


class Record:
    """The runs of one company, to read."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def all(self, days: Days | None = None) -> list[Run]:
        """Give all runs, or those that began on these days, the newest first."""
        if self._journal.is_empty:
            return []
        runs, ends = schema.runs, schema.run_ends
        statement = (
            sa.select(runs, ends.c.outcomes, ends.c.exit_code)
            .select_from(runs.outerjoin(ends, sa.and_(ends.c.company == runs.c.company, ends.c.run == runs.c.run)))
            .where(runs.c.company == self._journal.company, *within(runs.c.started_at, days))
            .order_by(runs.c.started_at.desc(), runs.c.run.desc())
        )
        with self._journal.transaction("cannot be read") as connection:
            rows = connection.execute(statement).all()
            cut_off = {row.run: self._outcomes_of(connection, row.run) for row in rows if row.outcomes is None}
            seals = self._journal.chain.seals(connection) if self._journal.has(2) else []
        sealed = {seal.subject: seal for seal in seals if seal.kind == RUN}
        return [_run(row, cut_off.get(row.run, {}), sealed.get(row.run)) for row in rows]

    def _outcomes_of(self, connection: sa.Connection, run: str) -> dict[str, int]:
        """Count what became of the writes of a run that never ended."""
        changes, outcomes = schema.changes, schema.outcomes
        same = sa.and_(
            outcomes.c.company == changes.c.company, outcomes.c.run == changes.c.run, outcomes.c.number == changes.c.number
        )
        statement = (
            sa.select(outcomes.c.outcome, sa.func.count())
            .select_from(changes.outerjoin(outcomes, same))
            .where(changes.c.company == self._journal.company, changes.c.run == run, changes.c.intent != 0)
            .group_by(outcomes.c.outcome)
        )
        counts = {kind.value: 0 for kind in OutcomeKind}
        for outcome, count in connection.execute(statement):
            counts[outcome or OutcomeKind.UNKNOWN.value] += count
        return counts

    def last_before(self, days: Days) -> tuple[str, datetime] | None:
        """Give the name and the moment of the last run that began before these days."""
        begin = days.begin
        if self._journal.is_empty or begin is None:
            return None
        runs = schema.runs
        statement = (
            sa.select(runs.c.run, runs.c.started_at)
            .where(runs.c.company == self._journal.company, runs.c.started_at < _as_text(begin))
            .order_by(runs.c.started_at.desc(), runs.c.run.desc())
            .limit(1)
        )
        with self._journal.transaction("cannot be read") as connection:
            row = connection.execute(statement).first()
        return None if row is None else (row.run, datetime.fromisoformat(row.started_at))

    def accounts(self) -> list[str]:
        """Give the accounts that any run wrote into, or was about to, by the codes that they had; each once."""
        if self._journal.is_empty:
            return []
        changes = schema.changes
        statement = (
            sa.select(changes.c.account)
            .where(changes.c.company == self._journal.company, changes.c.intent != 0, changes.c.account != "")
            .distinct()
        )
        with self._journal.transaction("cannot be read") as connection:
            return [str(code) for code in connection.execute(statement).scalars()]

    def has_customer(self, customer: str) -> bool:
        """Tell whether any run has a customer, by its normalised code."""
        if self._journal.is_empty:
            return False
        changes = schema.changes
        mine = sa.and_(changes.c.company == self._journal.company, changes.c.customer == storable(customer)[:CODE_WIDTH])
        with self._journal.transaction("cannot be read") as connection:
            return connection.execute(sa.select(changes.c.run).where(mine).limit(1)).first() is not None

    def changes_of(
        self,
        *,
        run: str | None = None,
        customer: str | None = None,
        account: str | None = None,
        days: Days | None = None,
    ) -> list[Recorded]:
        """Give the changes of one run, or the story of one customer by its normalised code, oldest first.

        That of an account, by its normalised code too, is what was written into it, or may have been.
        """
        if self._journal.is_empty:
            return []
        changes, outcomes, runs = schema.changes, schema.outcomes, schema.runs
        same = sa.and_(
            outcomes.c.company == changes.c.company,
            outcomes.c.run == changes.c.run,
            outcomes.c.number == changes.c.number,
        )
        statement = (
            sa.select(changes, outcomes.c.outcome, outcomes.c.reason)
            .select_from(changes.outerjoin(outcomes, same))
            .where(changes.c.company == self._journal.company)
            .order_by(changes.c.run, changes.c.number)
        )
        if run is not None:
            statement = statement.where(changes.c.run == run)
        if customer is not None:
            statement = statement.where(changes.c.customer == storable(customer)[:CODE_WIDTH])
        if account is not None:
            # No database compares codes quite as bposync does; the spellings that there are, are few.
            spellings = [code for code in self.accounts() if normalise_code(code) == account]
            done = sa.or_(outcomes.c.outcome.is_(None), outcomes.c.outcome == OutcomeKind.WRITTEN.value)
            statement = statement.where(changes.c.account.in_(spellings), changes.c.intent != 0, done)
        if days is not None:
            began = sa.select(runs.c.run).where(runs.c.company == self._journal.company, *within(runs.c.started_at, days))
            statement = statement.where(changes.c.run.in_(began))
        with self._journal.transaction("cannot be read") as connection:
            return [Recorded(row.run, row.number, _document(row)) for row in connection.execute(statement)]


def within(moment: sa.Column[str], days: Days | None) -> Iterator[sa.ColumnElement[bool]]:
    """Give what holds of the moments of these days. All are text in UTC and begin alike, so that they compare as text."""
    if days is not None and (begin := days.begin) is not None:
        yield moment >= _as_text(begin)
    if days is not None and (end := days.end) is not None:
        yield moment < _as_text(end)


def _as_text(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}"


def _run(row: Any, found: Mapping[str, int], seal: Seal | None) -> Run:  # noqa: ANN401
    return Run(
        row.run, datetime.fromisoformat(row.started_at), row.by, row.machine, row.login, row.version,
        tuple(json.loads(row.sites)), json.loads(row.summary), json.loads(row.outcomes) if row.outcomes else found,
        row.exit_code, tuple(json.loads(row.customers)), seal.hash if seal else None, seal.previous if seal else None,
    )  # fmt: skip


def _document(row: Any) -> dict[str, Any]:  # noqa: ANN401
    outcome = row.outcome or {WRITE: OutcomeKind.UNKNOWN.value, EXPORT: OutcomeKind.EXPORTED.value}.get(row.intent)
    reasons = json.loads(row.reasons) + ([row.reason] if row.reason else [])
    if row.intent == WRITE and row.outcome is None:
        reasons.append("the answer never came; the next sync looks up what became of it")
    return {
        "code": stored(row.code), "name": stored(row.name), "account": row.account or None, "action": row.action,
        "fields": json.loads(row.fields), "reasons": reasons, "outcome": outcome,
    }  # fmt: skip


_ENCODED = "json:"


def storable(text: str) -> str:
    """Give text that every database takes, and that `stored` takes back: none stores a NUL or half a character."""
    if "\0" in text or text.startswith(_ENCODED) or not _is_whole(text):
        return _ENCODED + json.dumps(text)
    return text


def _is_whole(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def stored(text: str) -> str:
    """Take back what `storable` gave."""
    return str(json.loads(text.removeprefix(_ENCODED))) if text.startswith(_ENCODED) else text
