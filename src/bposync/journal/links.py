"""Links and decisions: who is who, as it was found or settled by a person."""

from __future__ import annotations

import json
import platform
import secrets
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from bposync import database
from bposync.documents import moment, parse_moment
from bposync.fields import FIELDS
from bposync.journal import schema
from bposync.journal.recorded import within
from bposync.people import current_user
from bposync.records import Decisions, Link
from bposync.values import normalise_code

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from bposync.days import Days
    from bposync.journal import Journal
    from bposync.values import Value

IGNORE: Final = "ignore"
IGNORE_ACCOUNT: Final = "ignore_account"
NEW: Final = "new"
OVERWRITE: Final = "overwrite"
_AT_ONCE: Final = 5000
_MANY: Final = 20_000
"""From how many customers on it is quicker to read all links than to ask for theirs."""
_MARKS: Final = frozenset({"bpo_mark", "account_mark"})


_encode = json.JSONEncoder(separators=(",", ":")).encode


def encode_agreed(agreed: Mapping[str, tuple[Value, Value]]) -> str:
    """Give agreed values as JSON: one value a field, or two where an accept left the sides apart."""
    document: dict[str, Any] = {}
    for name in sorted(agreed):
        bpo, accounting = agreed[name]
        show = FIELDS[name].show
        shown = show(bpo)
        document[name] = shown if accounting is bpo or (other := show(accounting)) == shown else [shown, other]
    return _encode(document)


@lru_cache(maxsize=1024)
def encode_texts(texts: tuple[str, ...]) -> str:
    """Give a list of texts as JSON; those of sites and reasons are few, and many have the same."""
    return json.dumps(list(texts))


def decode_agreed(text: str) -> dict[str, tuple[Value, Value]]:
    """Take back what `encode_agreed` gave; a field that this version does not know is left out."""
    agreed: dict[str, tuple[Value, Value]] = {}
    for name, shown in json.loads(text).items():
        if (field := FIELDS.get(name)) is not None:
            bpo, accounting = shown if isinstance(shown, list) else (shown, shown)
            agreed[name] = (field.parse(bpo), field.parse(accounting))
    return agreed


class LinkBook:
    """The links of one company."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def read(self, customers: Collection[str] | None = None) -> dict[str, Link]:
        """Give all links by the customer's normalised code, or those of some customers."""
        if self._journal.is_empty:
            return {}
        statement = self._select(*(column for column in schema.links.c if column.name not in _MARKS or self._journal.has(3)))
        with self._journal.transaction("cannot be read") as connection:
            if customers is None or len(customers) > _MANY:
                rows = connection.execute(statement.execution_options(yield_per=_AT_ONCE))
                return {row.customer: _link(row) for row in rows if customers is None or row.customer in customers}
            return {
                row.customer: _link(row)
                for some in database.chunks(list(customers), database.MAX_PARAMETERS - 1)
                for row in connection.execute(statement.where(schema.links.c.customer.in_(some)))
            }

    def columns(self, *names: str) -> Iterator[tuple[str, ...]]:
        """Give some columns of all links; nothing where an older journal does not have them."""
        if self._journal.is_empty or not (self._journal.has(3) or _MARKS.isdisjoint(names)):
            return
        statement = self._select(*(schema.links.c[name] for name in names))
        with self._journal.transaction("cannot be read") as connection:
            for some in database.batches(connection, statement):
                yield from some

    def _select(self, *columns: sa.Column[Any]) -> sa.Select[Any]:
        return sa.select(*columns).where(schema.links.c.company == self._journal.company)

    def remember(self, links: Sequence[Link], *, by: str) -> None:
        """Write links in a transaction of their own."""
        with self._journal.transaction("cannot be written") as connection:
            self.save(connection, links, by=by, at=datetime.now(UTC), marked=True)

    def save(self, connection: sa.Connection, links: Sequence[Link], *, by: str, at: datetime, marked: bool = False) -> None:
        """Write links in the caller's transaction; one that is there is replaced, and what was to be overwritten is done.

        Only with `marked` their marks too, where a plan made them: a decision changes what a plan finds.
        """
        table = schema.links
        keys = [normalise_code(link.customer) for link in links]
        self._journal.has_news = self._journal.has_news or bool(links)
        self._journal.decisions.forget_overwrites(connection, keys)
        for some in database.chunks(keys, database.MAX_PARAMETERS - 1):
            of_company = table.c.company == self._journal.company
            connection.execute(sa.delete(table).where(of_company, table.c.customer.in_(some)))
        rows = [
            {
                "company": self._journal.company, "customer": key, "code": link.customer, "account": link.account,
                "account_key": link.account_key, "name": link.name, "sites": encode_texts(link.sites),
                "agreed": encode_agreed(link.agreed), "changed_at": moment(at), "changed_by": by,
                "bpo_mark": link.marks[0] if marked else "", "account_mark": link.marks[1] if marked else "",
            }
            for key, link in zip(keys, links, strict=True)
        ]  # fmt: skip
        if rows:
            connection.execute(sa.insert(table), rows)

    def forget(self, connection: sa.Connection, key: str) -> None:
        """Delete a customer's link in the caller's transaction."""
        self._journal.decisions.forget_overwrites(connection, [key])
        table = schema.links
        connection.execute(sa.delete(table).where(table.c.company == self._journal.company, table.c.customer == key))


def _link(row: Any) -> Link:  # noqa: ANN401
    return Link(
        customer=row.code,
        account=row.account,
        account_key=row.account_key,
        name=row.name,
        sites=tuple(json.loads(row.sites)),
        agreed=decode_agreed(row.agreed),
        by=row.changed_by,
        at=parse_moment(row.changed_at),
        marks=(row.bpo_mark or "", row.account_mark or "") if "bpo_mark" in row._fields else ("", ""),
    )


@dataclass(frozen=True, slots=True)
class Decided:
    """One decision as the log has it: who settled what, and when. `customer` is the normalised code."""

    at: datetime
    by: str
    machine: str
    decision: str
    customer: str
    account: str
    detail: str


_NOTE: Final = "; note: "


def remark(fields: str, note: str) -> str:
    """Give what the log says of a decision besides who and whom: the fields that it is about, and a person's note."""
    return f"{fields}{_NOTE if fields else _NOTE.lstrip('; ')}{note}" if note else fields


def settled_in_words(story: Sequence[Decided]) -> dict[str, tuple[str, ...]]:
    """Give, by customer, what holds of all that was decided: a plan's reasons say it. What was taken back is left out."""
    standing: dict[str, list[Decided]] = {}
    for each in story:
        if not each.customer:
            continue
        mine = standing.get(each.customer, [])
        mine = [left for earlier in mine if (left := _left_of(earlier, each)) is not None]
        standing[each.customer] = [*mine, each] if each.decision in _WORDS else mine
    return {customer: tuple(_in_words(each) for each in mine) for customer, mine in standing.items() if mine}


def _left_of(earlier: Decided, later: Decided) -> Decided | None:
    """Give what a later decision leaves of an earlier one: of fields, those that it is not about."""
    if earlier.decision not in _ENDS.get(later.decision, ()):
        return earlier
    if later.decision not in _OF_FIELDS:
        return None
    fields, note = apart(earlier.detail)
    ended = apart(later.detail)[0].split(", ")
    left = ", ".join(field for field in fields.split(", ") if field not in ended)
    return replace(earlier, detail=remark(left, note)) if left else None


def apart(detail: str) -> tuple[str, str]:
    """Take back what `remark` put together: the fields, and the note."""
    fields, _, note = detail.partition(_NOTE.lstrip("; "))
    return fields.removesuffix("; "), note


def _in_words(each: Decided) -> str:
    fields, note = apart(each.detail)
    labels = ", ".join(FIELDS[name].label if name in FIELDS else name for name in fields.split(", "))
    what = _WORDS[each.decision].format(account=each.account, fields=labels)
    return f"{what} by {each.by} on {each.at:%Y-%m-%d}{f' ({note})' if note else ''}"


_WORDS: Final = {
    "link": "linked to {account}",
    "link --new": "an account of its own, {account}, decided",
    "accept": "accounting's {fields} accepted",
    "overwrite": "BPO's {fields} over accounting's, decided",
    "ignore": "ignored",
}
_OF_FIELDS: Final = ("accept", "accept --undo", "overwrite")
_WHO_IS_WHO: Final = ("link", "link --new", "accept", "overwrite")
_ENDS: Final = {
    "link": _WHO_IS_WHO,
    "link --new": _WHO_IS_WHO,
    "unlink": _WHO_IS_WHO,
    "accept": ("accept", "overwrite"),
    "accept --undo": ("accept",),
    "overwrite": ("accept", "overwrite"),
    "ignore": ("ignore",),
    "ignore --undo": ("ignore",),
}
"""Which decisions another one ends."""


class DecisionBook:
    """The decisions of one company, besides the links."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def read(self) -> Decisions:
        """Give all decisions."""
        if self._journal.is_empty:
            return Decisions()
        table, overwrites = schema.decisions, schema.overwrites
        with self._journal.transaction("cannot be read") as connection:
            rows = connection.execute(sa.select(table).where(table.c.company == self._journal.company)).all()
            to_write = []
            if self._journal.has(2):
                mine = overwrites.c.company == self._journal.company
                to_write = list(connection.execute(sa.select(overwrites.c.customer, overwrites.c.fields).where(mine)))
        return Decisions(
            ignored_customers=frozenset(row.subject for row in rows if row.kind == IGNORE),
            ignored_accounts=frozenset(row.subject for row in rows if row.kind == IGNORE_ACCOUNT),
            new={row.subject: row.code for row in rows if row.kind == NEW},
            overwrite={row.customer: self.decode_fields(row.fields) for row in to_write},
            settled=settled_in_words(self.story()),
        )

    def overwrite(self, connection: sa.Connection, customer: str, fields: Mapping[str, Value]) -> None:
        """Record, in the caller's transaction, the values of accounting's that BPO's are to replace."""
        self.forget_overwrites(connection, [customer])
        shown = json.dumps({name: FIELDS[name].show(value) for name, value in fields.items()})
        connection.execute(
            sa.insert(schema.overwrites).values(
                company=self._journal.company, customer=customer, fields=shown,
                decided_at=moment(datetime.now(UTC)), decided_by=current_user(),
            )
        )  # fmt: skip

    @staticmethod
    def decode_fields(text: str) -> dict[str, Value]:
        """Take back the values that `overwrite` recorded; a field that this version does not know is left out."""
        return {name: FIELDS[name].parse(shown) for name, shown in json.loads(text).items() if name in FIELDS}

    def forget_overwrites(self, connection: sa.Connection, customers: Sequence[str]) -> None:
        """Delete what was to be overwritten of these customers, in the caller's transaction."""
        table = schema.overwrites
        for some in database.chunks(customers, database.MAX_PARAMETERS - 1):
            mine = sa.and_(table.c.company == self._journal.company, table.c.customer.in_(some))
            connection.execute(sa.delete(table).where(mine))

    def save(self, connection: sa.Connection, kind: str, subject: str, code: str) -> None:
        """Record a decision in the caller's transaction; one of its kind about the same subject is replaced."""
        self.forget(connection, kind, subject)
        connection.execute(
            sa.insert(schema.decisions).values(
                company=self._journal.company,
                kind=kind,
                subject=subject,
                code=code,
                decided_at=moment(datetime.now(UTC)),
                decided_by=current_user(),
            )
        )

    def forget(self, connection: sa.Connection, kind: str, subject: str) -> None:
        """Delete a decision in the caller's transaction."""
        table = schema.decisions
        mine = sa.and_(table.c.company == self._journal.company, table.c.kind == kind, table.c.subject == subject)
        connection.execute(sa.delete(table).where(mine))

    def log(self, connection: sa.Connection, decision: str, customer: str, account: str, detail: str = "") -> None:
        """Append to the story of a customer who decided what, in the caller's transaction."""
        self._journal.has_news = True
        now = datetime.now(UTC)
        connection.execute(
            sa.insert(schema.decision_log).values(
                company=self._journal.company,
                number=f"{now:%Y%m%d-%H%M%S-%f}-{secrets.token_hex(2)}",
                decided_at=moment(now),
                decided_by=current_user(),
                machine=platform.node() or "unknown",
                decision=decision,
                customer=normalise_code(customer),
                account=account,
                detail=detail,
            )
        )

    def story(self, customer: str | None = None, *, account: str | None = None, days: Days | None = None) -> list[Decided]:
        """Give what was decided, oldest first: all of it, or about a customer or an account, by their normalised codes."""
        if self._journal.is_empty:
            return []
        table = schema.decision_log
        mine = table.c.company == self._journal.company
        statement = sa.select(table).where(mine, *within(table.c.decided_at, days)).order_by(table.c.number)
        if customer is not None:
            statement = statement.where(table.c.customer == customer)
        if account is not None:
            statement = statement.where(table.c.account != "")
        with self._journal.transaction("cannot be read") as connection:
            decided = [
                Decided(
                    parse_moment(row.decided_at),
                    row.decided_by,
                    row.machine,
                    row.decision,
                    row.customer,
                    row.account,
                    row.detail,
                )
                for row in connection.execute(statement)
            ]
        return [each for each in decided if account is None or normalise_code(each.account) == account]
