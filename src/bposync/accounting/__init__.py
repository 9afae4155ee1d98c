"""The accounting system, seen from the rest of the house: which books, and which way in.

`Books` read the accounts, shape a customer as an account would hold it and say what cannot be held. A `WayIn` carries
writes out and says what became of each. What a system can hold is a value that its books publish, never a constant
elsewhere. A new system is one new file for its books and one line in `open_accounting`.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from bposync.config import Settings
    from bposync.marks import Marker
    from bposync.records import Account, Change, Customer, Outcome, Particulars, Shape
    from bposync.values import Value


@dataclass(frozen=True, slots=True)
class Company:
    """The set of books, by the name that it gives itself, and where it lies."""

    name: str
    database: str
    server: str
    login: str = ""


class Books(Protocol):
    """One company's accounts, open for reading."""

    system: str
    """What users call it, such as `Evolution`."""
    company: Company
    fields: tuple[str, ...]
    """The fields that are compared: BPO has them, the account has a place for them, and BPO's changes are written."""
    new_fields: tuple[str, ...]
    """The fields that go into new accounts only."""
    defaults: Mapping[str, Value]
    """What a new account gets in a field that BPO leaves blank, or where its value cannot be held."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What every sync says once: how things stand that no single customer is the cause of."""
        ...

    def read(self, progress: Callable[[int], None] | None = None) -> list[Account]:
        """Read all accounts, with values in the order of `fields`."""
        ...

    def particulars(self, accounts: Sequence[Account]) -> list[Particulars]:
        """Say, in order, what else the system knows of some accounts, for a person to judge who is who."""
        ...

    def code_for(self, code: str) -> str:
        """Give the code of a new account as this company writes it. Raises ValueError where it cannot be held."""
        ...

    def shape(self, customer: Customer) -> Shape:
        """Give a customer as an account would hold it, with what cannot be held."""
        ...


@runtime_checkable
class MarkedBooks(Books, Protocol):
    """Books in which an account is a row, or two, that has a mark (`marks.py`)."""

    basis: str
    """All that decides, besides the rows of both sides, how a customer and an account compare."""
    marker: Marker | None
    """Makes the marks of the accounts that are read, once somebody has set it."""

    def read_past(self, known: dict[str, str], progress: Callable[[int], None] | None = None) -> list[Account]:
        """Read all accounts but those whose mark stands in `known`, under what they are known by (`Account.identity`).

        They are taken out of it.
        """
        ...

    def read_some(self, identities: Sequence[str]) -> list[Account]:
        """Read some accounts, by what they are known by."""
        ...


class WayIn(Protocol):
    """One way of writing into the books."""

    caution: str
    """What this way skips, in one line that each sync says; empty where nothing is to be said."""
    at_once: bool
    """Whether all that a run writes has to go in one batch."""

    def lock(self) -> contextlib.AbstractContextManager[None]:
        """Hold the company's lock: one sync at a time. Never waits. Raises LockedError saying who holds it."""
        ...

    def write(self, batch: Sequence[Change]) -> list[Outcome]:
        """Carry out a batch, and give what became of each, in order; WRITTEN means sent and acknowledged, not read back.

        Each update is done only while the account is as the plan saw it (`Change.seen`), each create only while no
        account has the code. One that fails costs itself only.
        """
        ...

    def read_back(self, batch: Sequence[Change]) -> list[Account | None]:
        """Read the accounts of a batch, in order: known ones by their key, new ones by their code."""
        ...

    def check(self, exported: Sequence[Change], linked: Collection[str]) -> None:
        """Stop, before a plan is written, where this way may not be gone now. Raises GuardError saying what to do.

        `exported` is what was exported and not read back since, `linked` the normalised codes of the accounts with a link.
        """
        ...

    def waiting(self, change: Change) -> str:
        """Say where a write is that was done and is not in the books yet, such as in an import file; empty where it is not."""
        ...

    def steps(self) -> tuple[str, ...]:
        """Say what a person does next with what was exported, step by step; nothing for a way that writes by itself."""
        ...


class Way:
    """What most ways into the books have in common: they write at once, and there is nothing to wait for."""

    caution = ""
    at_once = False

    def check(self, exported: Sequence[Change], linked: Collection[str]) -> None:
        """Stop nothing."""

    def waiting(self, change: Change) -> str:  # noqa: ARG002
        """Wait for nothing."""
        return ""

    def steps(self) -> tuple[str, ...]:
        """Leave nothing to a person."""
        return ()


@dataclass(frozen=True, slots=True)
class Accounting:
    """Open books with the way into them."""

    books: Books
    way: WayIn


@contextlib.contextmanager
def open_accounting(settings: Settings, bpo_fields: Collection[str], *, writes: bool) -> Iterator[Accounting]:
    """Open the configured company. `bpo_fields` are the fields that BPO has; with `writes` false nothing can be written.

    Raises UsageError where the configuration does not fit the company, UnreachableError where it cannot be reached.
    """
    table = settings.need_accounting()
    if table.system == "evolution" and table.write == "sql":
        from bposync.accounting.by_sql import open_evolution

        with open_evolution(settings, bpo_fields, writes=writes) as accounting:
            yield accounting
        return
    if table.system == "evolution":
        from bposync.accounting.by_freedom import open_freedom

        with open_freedom(settings, bpo_fields, writes=writes) as accounting:
            yield accounting
        return
    from bposync.accounting.partner_ways import open_partner

    with open_partner(settings, bpo_fields, writes=writes) as accounting:
        yield accounting
