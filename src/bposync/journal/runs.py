"""Runs: what each sync was to do, what became of it, by whom and when. Only ever appended.

A change that writes is recorded before anything is written (its intent); its outcome follows. An intent without an outcome
was cut off, and is looked up by the next run before anything else.
"""

from __future__ import annotations

import json
import platform
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from bposync import __version__
from bposync.documents import fields_document, moment
from bposync.fields import FIELDS
from bposync.journal import schema
from bposync.journal.chain import RUN
from bposync.journal.links import decode_agreed, encode_agreed, encode_texts
from bposync.people import current_user
from bposync.records import Account, Action, Change, FieldChange, Link, Outcome, OutcomeKind, Verdict
from bposync.values import normalise_code, text_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bposync.journal import Journal
    from bposync.journal.chain import Seal

_CODE_WIDTH = 200
_WRITE, _EXPORT = 1, 2  # what a recorded change was about to do


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


@dataclass(frozen=True, slots=True)
class Intent:
    """A write that was announced and whose outcome is missing."""

    run: str
    number: int
    change: Change
    exported: bool = False
    """Whether it went into an import file, which a person imports."""


class RunBook:
    """The runs of one company."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def begin(self, run: Run, changes: Sequence[Change], first: int = 0) -> None:
        """Record that a run begins, with the changes that it will not write."""
        with self._journal.transaction("cannot be written") as connection:
            self._journal.chain.seal(connection)  # an earlier run that was cut off has no end that could have done it
            connection.execute(
                sa.insert(schema.runs).values(
                    company=self._journal.company, run=run.run, by=run.by[:_CODE_WIDTH],
                    started_at=run.at.astimezone(UTC).isoformat(), machine=run.machine[:_CODE_WIDTH],
                    login=run.login[:_CODE_WIDTH], version=run.version,
                    sites=json.dumps(list(run.sites)), customers=json.dumps(list(run.customers)),
                    summary=json.dumps(dict(run.summary)),
                )
            )  # fmt: skip
            self._insert_changes(connection, run.run, changes, first, intent=0)

    def intend(self, run: str, batch: Sequence[Change], first: int, *, exported: bool = False) -> None:
        """Record what is about to be written, or exported, before it is."""
        with self._journal.transaction("cannot be written") as connection:
            self._insert_changes(connection, run, batch, first, intent=_EXPORT if exported else _WRITE)

    def _insert_changes(
        self, connection: sa.Connection, run: str, changes: Sequence[Change], first: int, *, intent: int
    ) -> None:
        rows = [
            {
                "company": self._journal.company, "run": run, "number": first + place,
                "customer": _storable(normalise_code(change.code))[:_CODE_WIDTH],
                "code": _storable(change.code), "name": _storable(change.name),
                "account": _storable(change.account)[:_CODE_WIDTH], "account_key": change.seen.key if change.seen else "",
                "action": change.action.value, "intent": intent, "fields": json.dumps(fields_document(change)),
                "reasons": encode_texts(change.reasons), "link": _encode_link(change.link) if intent else "",
            }
            for place, change in enumerate(changes)
        ]  # fmt: skip
        if rows:
            connection.execute(sa.insert(schema.changes), rows)

    def settle(
        self,
        run: str,
        outcomes: Mapping[int, Outcome],
        links: Sequence[Link],
        *,
        by: str,
    ) -> None:
        """Record what became of intents, by their numbers, and the links of those that were written, in one transaction.

        Unknown and exported are none yet: the intent stays open, and the next run looks it up.
        """
        now = datetime.now(UTC)
        with self._journal.transaction("cannot be written") as connection:
            rows = [
                {
                    "company": self._journal.company, "run": run, "number": number, "outcome": outcome.kind.value,
                    "reason": outcome.reason, "account_key": outcome.account_key, "settled_at": moment(now),
                }
                for number, outcome in outcomes.items()
                if outcome.kind not in (OutcomeKind.UNKNOWN, OutcomeKind.EXPORTED)
            ]  # fmt: skip
            if rows:
                connection.execute(sa.insert(schema.outcomes), rows)
            self._journal.links.save(connection, links, by=by, at=now, marked=True)

    def seal(self) -> None:
        """Chain the runs whose last open intent was settled."""
        with self._journal.transaction("cannot be written") as connection:
            self._journal.chain.seal(connection)

    def end(self, run: str, outcomes: Mapping[str, int], exit_code: int) -> None:
        """Record that a run is over, and chain it to the one before unless the outcome of a write is unknown."""
        with self._journal.transaction("cannot be written") as connection:
            connection.execute(
                sa.insert(schema.run_ends).values(
                    company=self._journal.company, run=run, ended_at=moment(datetime.now(UTC)),
                    outcomes=json.dumps(dict(outcomes)), exit_code=exit_code,
                )
            )  # fmt: skip
            self._journal.chain.seal(connection)

    def unsettled(self) -> list[Intent]:
        """Give every intent that has no outcome, oldest first."""
        if self._journal.is_empty:
            return []
        changes, outcomes = schema.changes, schema.outcomes
        same = sa.and_(
            outcomes.c.company == changes.c.company,
            outcomes.c.run == changes.c.run,
            outcomes.c.number == changes.c.number,
        )
        statement = (
            sa.select(changes)
            .select_from(changes.outerjoin(outcomes, same))
            .where(changes.c.company == self._journal.company, changes.c.intent != 0, outcomes.c.outcome.is_(None))
            .order_by(changes.c.run, changes.c.number)
        )
        with self._journal.transaction("cannot be read") as connection:
            return [Intent(row.run, row.number, _intended(row), row.intent == _EXPORT) for row in connection.execute(statement)]

    def all(self) -> list[Run]:
        """Give all runs, the newest first."""
        if self._journal.is_empty:
            return []
        runs, ends = schema.runs, schema.run_ends
        statement = (
            sa.select(runs, ends.c.outcomes, ends.c.exit_code)
            .select_from(runs.outerjoin(ends, sa.and_(ends.c.company == runs.c.company, ends.c.run == runs.c.run)))
            .where(runs.c.company == self._journal.company)
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

    def changes_of(self, *, run: str | None = None, customer: str | None = None) -> list[Recorded]:
        """Give the changes of one run, or the story of one customer by its normalised code, oldest first."""
        if self._journal.is_empty:
            return []
        changes, outcomes = schema.changes, schema.outcomes
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
            statement = statement.where(changes.c.customer == _storable(customer)[:_CODE_WIDTH])
        with self._journal.transaction("cannot be read") as connection:
            return [Recorded(row.run, row.number, _document(row)) for row in connection.execute(statement)]


def _run(row: Any, found: Mapping[str, int], seal: Seal | None) -> Run:  # noqa: ANN401
    return Run(
        row.run, datetime.fromisoformat(row.started_at), row.by, row.machine, row.login, row.version,
        tuple(json.loads(row.sites)), json.loads(row.summary), json.loads(row.outcomes) if row.outcomes else found,
        row.exit_code, tuple(json.loads(row.customers)), seal.hash if seal else None, seal.previous if seal else None,
    )  # fmt: skip


def _document(row: Any) -> dict[str, Any]:  # noqa: ANN401
    outcome = row.outcome or {_WRITE: OutcomeKind.UNKNOWN.value, _EXPORT: OutcomeKind.EXPORTED.value}.get(row.intent)
    reasons = json.loads(row.reasons) + ([row.reason] if row.reason else [])
    if row.intent == _WRITE and row.outcome is None:
        reasons.append("the answer never came; the next sync looks up what became of it")
    return {
        "code": _stored(row.code), "name": _stored(row.name), "account": row.account or None, "action": row.action,
        "fields": json.loads(row.fields), "reasons": reasons, "outcome": outcome,
    }  # fmt: skip


_ENCODED = "json:"


def _storable(text: str) -> str:
    """Give text that every database takes, and that `_stored` takes back: none stores a NUL or half a character."""
    if "\0" in text or text.startswith(_ENCODED) or not _is_whole(text):
        return _ENCODED + json.dumps(text)
    return text


def _is_whole(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _stored(text: str) -> str:
    return str(json.loads(text.removeprefix(_ENCODED))) if text.startswith(_ENCODED) else text


def _encode_link(link: Link | None) -> str:
    if link is None:
        return ""
    return json.dumps({"customer": link.customer, "sites": link.sites, "agreed": encode_agreed(link.agreed)})


def _intended(row: Any) -> Change:  # noqa: ANN401
    """Give a recorded intent as the change it was."""
    fields = []
    for name, said in json.loads(row.fields).items():
        if name in FIELDS:
            old, new, last = (FIELDS[name].parse(said[key]) for key in ("from", "to", "last"))
            fields.append(FieldChange(name, old, new, last, Verdict(said["verdict"])))
    link = json.loads(row.link)
    key = text_of(row.account_key)
    return Change(
        code=_stored(row.code),
        name=_stored(row.name),
        account=row.account,
        action=Action(row.action),
        sites=tuple(link["sites"]),
        fields=tuple(fields),
        seen=Account(row.account, key, row.name, "", ()) if row.action != Action.CREATE else None,
        link=Link(link["customer"], row.account, key, row.name, tuple(link["sites"]), decode_agreed(link["agreed"])),
    )
