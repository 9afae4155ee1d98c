"""What a page or a sheet tells of: who looked at which company and when, and what was found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from bposync.accounting import Company
    from bposync.plan import Plan
    from bposync.records import Link, Outcome


@dataclass(frozen=True, slots=True)
class Facts:
    """Who looked, when, with what, and at which company; never with a password."""

    at: datetime
    by: str
    machine: str
    version: str
    configuration: str = ""
    company: Company | None = None
    system: str = ""
    sites: Sequence[str] = ()
    customers: Sequence[str] = ()
    """The only customers that were looked at; empty where it was all of the sites."""
    run: str = ""


@dataclass(frozen=True, slots=True)
class Trouble:
    """What stopped a sync, and what to do."""

    message: str
    hint: str = ""
    interrupted: bool = False


@dataclass(frozen=True, slots=True)
class SyncTold:
    """A sync, as far as it came: the plan, and what became of it, by the place of each change in it."""

    facts: Facts
    dry_run: bool
    plan: Plan | None = None
    outcomes: Mapping[int, Outcome] = field(default_factory=dict)
    trouble: Trouble | None = None
    steps: Sequence[str] = ()
    """What a person does next with what was exported."""
    notes: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class LastSync:
    """The last sync of a site: when, by whom, and in which run."""

    at: datetime
    by: str
    run: str


@dataclass(frozen=True, slots=True)
class SiteStatus:
    """How one site stands: how many customers have each action."""

    site: str
    customers: int
    summary: Mapping[str, int]
    last_sync: LastSync | None


@dataclass(frozen=True, slots=True)
class StatusTold:
    """How a company stands: `unknown` writes have an outcome that nobody knows yet."""

    facts: Facts
    plan: Plan
    sites: Sequence[SiteStatus]
    in_sync: bool
    unknown: int = 0
    post_accounts: bool | None = None
    other_codes: Sequence[Link] = ()
    notes: Sequence[str] = ()
