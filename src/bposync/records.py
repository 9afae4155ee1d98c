"""What flows through the house: customers, accounts, links, pairings, changes, plans and outcomes. All frozen."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from bposync.fields import BPO_FIELDS
from bposync.values import normalise_code

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from decimal import Decimal

    from bposync.values import Value

_POSITION = {name: position for position, name in enumerate(BPO_FIELDS)}


class Action(StrEnum):
    """What a sync would do with a customer. The first that applies, in this order."""

    SKIPPED = "skipped"
    GONE = "gone"
    REJECTED = "rejected"
    MISSING = "missing"
    LOOKALIKE = "lookalike"
    CREATE = "create"
    CONFLICT = "conflict"
    UPDATE = "update"
    DRIFT = "drift"
    SAME = "same"


class Verdict(StrEnum):
    """What becomes of one field that differs."""

    WRITE = "write"
    DRIFT = "drift"
    CONFLICT = "conflict"
    HELD = "held"


class OutcomeKind(StrEnum):
    """What became of a write."""

    WRITTEN = "written"
    FAILED = "failed"
    STALE = "stale"
    UNKNOWN = "unknown"
    EXPORTED = "exported"


@dataclass(frozen=True, slots=True)
class Row:
    """One row of BPO's listing: a customer at a site.

    `values` stand in the order of `fields.BPO_FIELDS`. A value that could not be read stands there as BPO's own text, and
    `problems` names the field and why.
    """

    values: tuple[Value, ...]
    problems: tuple[tuple[str, str], ...] = ()
    mark: str = field(default="", compare=False)
    """Of the row as the database gave it (`marks.py`); empty where nobody asked for it."""

    def value(self, name: str) -> Value:
        """Give one field's value."""
        return self.values[_POSITION[name]]


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A field in which a customer's rows disagree, with what each site says."""

    field: str
    said: tuple[tuple[str, str], ...]
    """(site, value) as BPO has them."""


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer in BPO, put together from its rows at all sites.

    `key` is the normalised code. `values` are the first row's, in the order of `fields.BPO_FIELDS`.
    """

    code: str
    key: str
    name: str
    sites: tuple[str, ...]
    statuses: tuple[str, ...]
    """As BPO writes them; empty where BPO has no such column."""
    is_debtor: bool
    values: tuple[Value, ...]
    problems: tuple[tuple[str, str], ...] = ()
    contradictions: tuple[Contradiction, ...] = ()
    mark: str = field(default="", compare=False)
    """Of all its rows; empty where nobody asked for it."""

    def value(self, name: str) -> Value:
        """Give one field's value."""
        return self.values[_POSITION[name]]

    def text(self, name: str) -> str:
        """Give one text field's value."""
        return str(self.values[_POSITION[name]] or "")


@dataclass(frozen=True, slots=True)
class Account:
    """A customer's account in the accounting system.

    `key` is the system's own key where it has one besides the code (Evolution's DCLink), else empty. `values` stand in the
    order of the `fields` that its books publish, `new_values` in that of their `new_fields`.
    """

    code: str
    key: str
    name: str
    vat_number: str
    values: tuple[Value, ...]
    new_values: tuple[Value, ...] = ()
    mark: str = field(default="", compare=False)
    """Of its row; empty where nobody asked for it, or the books cannot tell."""

    @property
    def identity(self) -> str:
        """What an account is known by: the system's own key, or its code where there is none."""
        return self.key or normalise_code(self.code)


@dataclass(frozen=True, slots=True)
class Particulars:
    """What accounting knows of an account besides its fields. For people to judge by; never compared, never written."""

    balance: Decimal | None = None
    """In the company's currency, what the customer owes; None where the system does not say."""
    changed: str = ""
    """When the account was last changed, in the system's own words."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A customer in the shape in which an account would hold it.

    `values` stand in the order of the books' `fields`, `new_values` in that of their `new_fields` (what goes into new
    accounts only). `held` are the fields that the system cannot hold, with the reason; `rejected` the reasons why it can
    hold no account of this customer, by field.
    """

    values: tuple[Value, ...]
    new_values: tuple[Value, ...]
    held: Mapping[str, str] = field(default_factory=dict)
    rejected: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Link:
    """A customer's pairing with its account, kept in the journal.

    `agreed` has, for each field that both sides ever agreed in, BPO's value and accounting's at that time (the same one, or
    two after an accept). `sites` are those where the customer was last listed.
    """

    customer: str
    account: str
    account_key: str
    name: str = ""
    sites: tuple[str, ...] = ()
    agreed: Mapping[str, tuple[Value, Value]] = field(default_factory=dict)
    by: str = ""
    at: datetime | None = None
    marks: tuple[str, str] = field(default=("", ""), compare=False)
    """BPO's mark and the account's, as they were when a plan last found the pair in step; empty where none did."""

    @property
    def identity(self) -> str:
        """What its account is known by, as `Account.identity`."""
        return self.account_key or normalise_code(self.account)


@dataclass(frozen=True, slots=True)
class Decisions:
    """What people settled, besides the links: by normalised codes."""

    ignored_customers: frozenset[str] = frozenset()
    ignored_accounts: frozenset[str] = frozenset()
    new: Mapping[str, str] = field(default_factory=dict)
    """Customers that have no account yet: the code that theirs gets, empty for their own."""
    overwrite: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)
    """Customers whose values in accounting BPO's replace with the next sync: accounting's value by field, as it was seen."""
    settled: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What was decided about a customer, by whom and when, in a user's words."""


class PairingKind(StrEnum):
    """Who is who."""

    PAIRED = "paired"
    MISSING = "missing"
    LOOKALIKE = "lookalike"
    NEW = "new"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Pairing:
    """A customer and its account, with the evidence. `customer` is None where a linked one is no longer in BPO.

    `new_code` is the code that an account of a new customer gets, before the books shape it.
    """

    kind: PairingKind
    customer: Customer | None
    account: Account | None = None
    link: Link | None = None
    reasons: tuple[str, ...] = ()
    new_code: str = ""
    candidates: tuple[str, ...] = ()
    """The codes of the accounts that a lookalike looks like, of the one with its own code first."""
    is_own_code_taken: bool = False
    """Whether an account has the code already that a lookalike's own account would get."""


@dataclass(frozen=True, slots=True)
class Matching:
    """Every customer's pairing, and the accounts of the whole company that nobody in BPO has."""

    pairings: tuple[Pairing, ...]
    accounting_only: tuple[Account, ...]


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field that differs: accounting's value now, BPO's, and the last agreed one."""

    field: str
    old: Value
    new: Value
    last: Value
    verdict: Verdict
    agreed: bool = False
    """Whether there was an agreed value; `last` says nothing otherwise."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a sync would do with one customer, field by field, with reasons.

    `account` is the account's code (the one that it gets, for a create). `seen` is the account as the plan saw it: a write
    is carried out only while it still is so. `link` is what the journal is to remember once the sync is done.
    """

    code: str
    name: str
    account: str
    action: Action
    sites: tuple[str, ...] = ()
    fields: tuple[FieldChange, ...] = ()
    reasons: tuple[str, ...] = ()
    seen: Account | None = None
    link: Link | None = None
    was_in_step: bool = False
    """Whether both sides agreed before: the pair is in the journal, with a value that they had in common."""
    candidates: tuple[str, ...] = ()
    """The codes of the accounts that a lookalike looks like."""
    is_doubtful: bool = False
    """Whether name and VAT number both speak against its account's being its own."""
    needs_code: bool = False
    """Whether it can get an account of its own only under another code than its own."""
    mark: str = field(default="", compare=False)
    """BPO's mark where the pair is in step once all that the change writes is written; else empty."""

    @property
    def writes(self) -> tuple[FieldChange, ...]:
        """The fields that are written."""
        return tuple(change for change in self.fields if change.verdict is Verdict.WRITE)

    @property
    def is_write(self) -> bool:
        """Whether the sync writes anything for this customer."""
        return self.action is Action.CREATE or (self.action in (Action.UPDATE, Action.CONFLICT) and bool(self.writes))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one write, with the reason where it was not written, and the account's own key where it was."""

    kind: OutcomeKind
    reason: str = ""
    account_key: str = ""
