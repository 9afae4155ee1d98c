"""The chain of the journal: every run and every decision carries the hash of the one before, so that a change shows.

What is recorded is only ever appended. The chain proves it: each link is the SHA-256 of a run's rows, or of a decision's,
and of the link before. Whoever changes, adds or takes away a row breaks it from there on. Only who recomputes all that
follows stays unseen; against that, keep the newest hash elsewhere (the log file has it after each sync).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from bposync import database
from bposync.journal import schema

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

RUN: Final = "run"
DECISION: Final = "decision"

# What is hashed, and in which order. Columns that a later version adds are never added here, else older links would break.
_OF_RUN: Final = (
    (schema.runs, ("run", "started_at", "by", "machine", "login", "version", "sites", "customers", "summary")),
    (
        schema.changes,
        ("number", "customer", "code", "name", "account", "account_key", "action", "intent", "fields", "reasons", "link"),
    ),
    (schema.outcomes, ("number", "outcome", "reason", "account_key", "settled_at")),
    (schema.run_ends, ("ended_at", "outcomes", "exit_code")),
)
_OF_DECISION: Final = ("number", "decided_at", "decided_by", "machine", "decision", "customer", "account", "detail")


@dataclass(frozen=True, slots=True)
class Seal:
    """One link of the chain: the hash of a run or a decision, and that of the link before."""

    number: int
    kind: str
    subject: str
    previous: str
    hash: str


@dataclass(frozen=True, slots=True)
class Verified:
    """What a verification found: how much it looked at, the newest hash, and every problem in a user's words."""

    runs: int
    decisions: int
    hash: str
    problems: tuple[str, ...]


class Chain:
    """The chain of one company. Everything happens in the caller's transaction."""

    def __init__(self, company: str) -> None:
        self._company = company

    def seal(self, connection: sa.Connection) -> None:
        """Append whatever is complete and not in the chain yet: decisions, and runs that have no open intent."""
        todo: list[tuple[str, str, Iterable[Sequence[object]]]]
        todo = [(str(row[0]), DECISION, [row]) for row in self._decisions(connection)]
        todo += [(run, RUN, self._rows_of_run(connection, run)) for run in self._runs(connection)]
        if not todo:
            return
        last = self.last(connection)
        number, previous = (last.number, last.hash) if last else (0, "")
        rows = []
        for subject, kind, found in sorted(todo, key=lambda one: one[0]):
            number += 1
            hash_ = _hash(previous, found)
            rows.append({
                "company": self._company, "number": number, "kind": kind, "subject": subject,
                "previous": previous, "hash": hash_,
            })  # fmt: skip
            previous = hash_
        for some in database.chunks(rows, 500):
            connection.execute(sa.insert(schema.chain), some)

    def seals(self, connection: sa.Connection) -> list[Seal]:
        """Give the whole chain, the oldest link first."""
        table = schema.chain
        statement = sa.select(table).where(table.c.company == self._company).order_by(table.c.number)
        return [Seal(row.number, row.kind, row.subject, row.previous, row.hash) for row in connection.execute(statement)]

    def verify(self, connection: sa.Connection) -> Verified:
        """Compute the whole chain anew, and say where it does not hold."""
        problems = []
        previous = ""
        seals = self.seals(connection)
        decisions = {str(row[0]): [row] for row in self._decisions(connection, sealed=True)}
        for place, seal in enumerate(seals, 1):
            what = f"{seal.kind} {seal.subject}"
            if seal.number != place:
                problems.append(f"The chain has a gap before {what}: link {place} is missing.")
                break
            if seal.previous != previous:
                problems.append(f"The chain is broken before {what}: the link before is another than it carries.")
            is_run = seal.kind == RUN
            rows = self._rows_of_run(connection, seal.subject) if is_run else decisions.get(seal.subject, [])
            if _hash(seal.previous, rows) != seal.hash:
                problems.append(f"{what.capitalize()} is not as it was recorded: rows were changed, added or taken away.")
            previous = seal.hash
        problems += [f"Run {run} is not in the chain: not bposync recorded it." for run in self._runs(connection, ended=True)]
        problems += [f"Decision {row[0]} is not in the chain: not bposync recorded it." for row in self._decisions(connection)]
        runs = sum(seal.kind == RUN for seal in seals)
        return Verified(runs, len(seals) - runs, previous, tuple(problems))

    def last(self, connection: sa.Connection) -> Seal | None:
        """Give the newest link."""
        table = schema.chain
        newest = sa.select(table).where(table.c.company == self._company).order_by(table.c.number.desc()).limit(1)
        row = connection.execute(newest).first()
        return None if row is None else Seal(row.number, row.kind, row.subject, row.previous, row.hash)

    def _runs(self, connection: sa.Connection, *, ended: bool = False) -> Sequence[str]:
        """Give the runs that are not in the chain and have no open intent; with `ended` only those that came to their end."""
        runs, changes, outcomes, ends = schema.runs, schema.changes, schema.outcomes, schema.run_ends
        settled = sa.exists().where(
            outcomes.c.company == changes.c.company, outcomes.c.run == changes.c.run, outcomes.c.number == changes.c.number
        )
        is_open = sa.exists().where(
            changes.c.company == runs.c.company, changes.c.run == runs.c.run, changes.c.intent != 0, ~settled
        )
        statement = sa.select(runs.c.run).where(runs.c.company == self._company, ~self._sealed(RUN, runs.c.run), ~is_open)
        if ended:
            statement = statement.where(sa.exists().where(ends.c.company == runs.c.company, ends.c.run == runs.c.run))
        return connection.execute(statement.order_by(runs.c.run)).scalars().all()

    def _decisions(self, connection: sa.Connection, *, sealed: bool = False) -> Sequence[sa.Row[Any]]:
        """Give what is hashed of the decisions that are in the chain, or are not."""
        log = schema.decision_log
        found = self._sealed(DECISION, log.c.number)
        statement = sa.select(*(log.c[name] for name in _OF_DECISION)).where(log.c.company == self._company)
        return connection.execute(statement.where(found if sealed else ~found)).all()

    def _sealed(self, kind: str, subject: sa.Column[str]) -> sa.Exists:
        chain = schema.chain
        return sa.exists().where(chain.c.company == self._company, chain.c.kind == kind, chain.c.subject == subject)

    def _rows_of_run(self, connection: sa.Connection, run: str) -> Iterator[Sequence[object]]:
        for table, names in _OF_RUN:
            mine = sa.and_(table.c.company == self._company, table.c.run == run)
            statement = sa.select(*(table.c[name] for name in names)).where(mine)
            if "number" in names:
                statement = statement.order_by(table.c.number)
            yield (table.name,)
            yield from connection.execute(statement)


def _hash(previous: str, rows: Iterable[Sequence[object]]) -> str:
    digest = hashlib.sha256(previous.encode())
    for row in rows:
        digest.update(json.dumps(list(row), separators=(",", ":")).encode())
        digest.update(b"\n")
    return digest.hexdigest()
