"""Runs: what each sync was to do, what became of it, by whom and when. Only ever appended.

A change that writes is recorded before anything is written (its intent); its outcome follows. An intent without an outcome
was cut off, and is looked up by the next run before anything else.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from bposync.documents import fields_document, moment
from bposync.fields import FIELDS
from bposync.journal import schema
from bposync.journal.links import decode_agreed, encode_agreed, encode_texts
from bposync.journal.recorded import CODE_WIDTH, EXPORT, WRITE, Record, Recorded, Run, new_run_id, storable, stored
from bposync.records import Account, Action, Change, FieldChange, Link, Outcome, OutcomeKind, Verdict
from bposync.values import normalise_code, text_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Intent", "Recorded", "Run", "RunBook", "new_run_id"]


@dataclass(frozen=True, slots=True)
class Intent:
    """A write that was announced and whose outcome is missing."""

    run: str
    number: int
    change: Change
    exported: bool = False
    """Whether it went into an import file, which a person imports."""


class RunBook(Record):
    """The runs of one company."""

    def begin(self, run: Run, changes: Sequence[Change], first: int = 0) -> None:
        """Record that a run begins, with the changes that it will not write."""
        with self._journal.transaction("cannot be written") as connection:
            self._journal.chain.seal(connection)  # an earlier run that was cut off has no end that could have done it
            connection.execute(
                sa.insert(schema.runs).values(
                    company=self._journal.company, run=run.run, by=run.by[:CODE_WIDTH],
                    started_at=run.at.astimezone(UTC).isoformat(), machine=run.machine[:CODE_WIDTH],
                    login=run.login[:CODE_WIDTH], version=run.version,
                    sites=json.dumps(list(run.sites)), customers=json.dumps(list(run.customers)),
                    summary=json.dumps(dict(run.summary)),
                )
            )  # fmt: skip
            self._insert_changes(connection, run.run, changes, first, intent=0)

    def intend(self, run: str, batch: Sequence[Change], first: int, *, exported: bool = False) -> None:
        """Record what is about to be written, or exported, before it is."""
        with self._journal.transaction("cannot be written") as connection:
            self._insert_changes(connection, run, batch, first, intent=EXPORT if exported else WRITE)

    def _insert_changes(
        self, connection: sa.Connection, run: str, changes: Sequence[Change], first: int, *, intent: int
    ) -> None:
        rows = [
            {
                "company": self._journal.company, "run": run, "number": first + place,
                "customer": storable(normalise_code(change.code))[:CODE_WIDTH],
                "code": storable(change.code), "name": storable(change.name),
                "account": storable(change.account)[:CODE_WIDTH], "account_key": change.seen.key if change.seen else "",
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
            return [Intent(row.run, row.number, _intended(row), row.intent == EXPORT) for row in connection.execute(statement)]


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
        code=stored(row.code),
        name=stored(row.name),
        account=row.account,
        action=Action(row.action),
        sites=tuple(link["sites"]),
        fields=tuple(fields),
        seen=Account(row.account, key, row.name, "", ()) if row.action != Action.CREATE else None,
        link=Link(link["customer"], row.account, key, row.name, tuple(link["sites"]), decode_agreed(link["agreed"])),
    )
