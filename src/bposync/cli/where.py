"""`bposync` alone: where one is, and what to type next. Quick, reads only, never fails: what does not answer is one line."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from bposync import __version__
from bposync.errors import BposyncError, NoConfigurationError, UsageError
from bposync.words import many

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from bposync.cli.common import Session
    from bposync.config import Settings
    from bposync.journal.runs import Run

SCHEMA: Final = "bposync.where/1"
PATIENCE: Final = 3.0
"""How many seconds databases have, all together, to say something."""
_MOST_SITES: Final = 12
_WAYS: Final = {
    "sql": "by SQL",
    "freedom": "through the Freedom Service",
    "sdk": "through Pastel's SDK",
    "file": "by import file",
}


@dataclass
class _Found:
    """What could be found out so far."""

    company: str = ""
    sites: dict[str, int] | None = None
    """How many customers BPO lists under each site; None where it did not say."""
    last: Run | None = None
    journal_read: bool = False
    unknown: int = 0
    problems: list[str] = field(default_factory=list)


def show(session: Session, commands: Collection[str]) -> None:
    """Say which company this is, what its sites are, when it was last synchronised, and what to type next."""
    try:
        settings = session.settings
    except UsageError as error:
        _begin(session, error, commands)
        return
    found = _Found()
    _all_at_once(
        found, {"BPO": lambda: _look_at_bpo(settings, found), "The journal": lambda: _look_at_journal(settings, found)}
    )
    if not found.company:
        found.company = _configured_company(settings)
    following = _following(settings, found)
    if session.output.as_json:
        session.output.document(_document(settings, found, following))
        return
    output = session.output
    output.line(f"bposync {__version__}, {settings.path}")
    output.line(f"Company:   {found.company or '(its name is known after the first sync)'}{_way(settings)}")
    if found.sites is not None:
        output.line(f"BPO:       {_sites_in_words(found.sites)}")
    if found.journal_read:
        output.line(f"Synced:    {_last_in_words(found.last)}")
    if waiting := _waiting(found.last):
        output.line(f"Waiting:   {waiting:,} customer{'s'[: waiting != 1]} needed a person then")
    if found.unknown:
        them = "it" if found.unknown == 1 else "them"
        output.line(f"Unknown:   what became of {many(found.unknown, 'write')}; the next sync looks {them} up first")
    for problem in found.problems:
        output.line(f"Problem:   {problem}")
    for command, why in following:
        output.line(f"Next:      {command}  ({why})")
    output.line("Help:      bposync --help")


def _begin(session: Session, error: UsageError, commands: Collection[str]) -> None:
    """Say how to begin where there is no configuration, or what is wrong with it."""
    begin = {
        "init": "asks a few questions and writes the configuration", "demo": "makes a company to try everything on",
        "doctor": "says what is wrong",
    }  # fmt: skip
    broken = not isinstance(error, NoConfigurationError)
    if broken:  # there is one, and it wants mending, not another one beside it
        begin = {"doctor": begin["doctor"]}
    following = [(f"bposync {name}", why) for name, why in begin.items() if name in commands]
    following.append(("bposync --help", "all commands"))
    if session.output.as_json:
        document = {"schema": SCHEMA, "version": __version__, "config": None, "problems": [error.message]}
        session.output.document({**document, "next": [command for command, _ in following]})
        return
    session.output.line(f"bposync {__version__}: {'the configuration is wrong' if broken else 'no configuration is in use'}.")
    session.output.line(f"{error.message} {error.hint or ''}".rstrip())
    session.output.line()
    for command, why in following:
        session.output.line(f"{command:<15}  {why}")


def _all_at_once(found: _Found, tasks: dict[str, Callable[[], None]]) -> None:
    """Do several things at once; what is not done in time, or fails, is a problem to be told."""

    def carefully(name: str, task: Callable[[], None]) -> None:
        from bposync.secrets import redact

        try:
            task()
        except BposyncError as error:
            found.problems.append(error.message)
        except Exception as error:  # noqa: BLE001 - whatever a driver does, this only looks around
            found.problems.append(redact(f"{name} cannot be read: {type(error).__name__}: {error}"))

    threads = {
        name: threading.Thread(target=carefully, args=(name, task), name=name, daemon=True) for name, task in tasks.items()
    }
    until = time.monotonic() + PATIENCE
    for thread in threads.values():
        thread.start()
    for name, thread in threads.items():
        thread.join(max(until - time.monotonic(), 0.0))
        if thread.is_alive():
            found.problems.append(f"{name} has not answered within {PATIENCE:g} seconds.")


def _look_at_bpo(settings: Settings, found: _Found) -> None:
    from bposync.bpo import Bpo

    with Bpo(settings) as bpo:
        found.sites = bpo.count_sites()


def _look_at_journal(settings: Settings, found: _Found) -> None:
    from bposync.journal import open_journal

    with open_journal(settings, writes=False) as journal:
        found.last = next((run for run in journal.runs.all() if run.exit_code is not None), None)
        found.unknown = sum(not intent.exported for intent in journal.runs.unsettled())
        found.company = journal.known_company()
        found.journal_read = True


def _configured_company(settings: Settings) -> str:
    """Give the name of the database, where the journal does not know the company yet."""
    from bposync import database

    table = settings.accounting
    if table is None or not table.url:
        return ""
    try:
        place = database.address(
            "accounting", "[accounting] url", table.url, folder=settings.folder, environment=settings.environment
        )
    except BposyncError:
        return ""
    return place.database


def _way(settings: Settings) -> str:
    if settings.accounting is None:
        return ""
    return f" ({settings.accounting.system.capitalize()}, {_WAYS.get(settings.accounting.write, settings.accounting.write)})"


def _sites_in_words(sites: dict[str, int]) -> str:
    named = sorted(sites.items(), key=lambda item: item[0].casefold())
    said = ", ".join(f"{site} ({count:,})" for site, count in named[:_MOST_SITES])
    more = f" and {len(named) - _MOST_SITES:,} more" if len(named) > _MOST_SITES else ""
    return (
        f"{len(named):,} site{'s'[: len(named) != 1]}, with customers of every status: {said}{more}" if named else "no customer"
    )


def _last_in_words(run: Run | None) -> str:
    from bposync.words import local, outcomes_in_words

    if run is None:
        return "never"
    return f"{local(run.at)}, by {run.by}: {outcomes_in_words(run.outcomes, run.exit_code)}"


def _waiting(run: Run | None) -> int:
    from bposync.plan import ATTENTION

    return sum(run.summary.get(action, 0) for action in ATTENTION) if run is not None else 0


def _following(settings: Settings, found: _Found) -> list[tuple[str, str]]:
    """Give what may be typed next, and why."""
    from bposync.advice import REVIEW, command

    if settings.accounting is None:
        return [(command("list"), "without [accounting] there is only the Customer Listing")]
    if found.unknown:
        return [(command("sync"), "looks up what became of the writes, then asks")]
    if found.journal_read and found.last is None:
        return [(command("sync --dry-run"), "shows what a first sync would do; nothing is written")]
    if _waiting(found.last):
        return [(command("status"), "who is in step and who is not"), (command(REVIEW), "all that needs a person, as a sheet")]
    return [(command("status"), "who is in step and who is not")]


def _document(settings: Settings, found: _Found, following: list[tuple[str, str]]) -> dict[str, Any]:
    from bposync.documents import moment

    last = found.last
    return {
        "schema": SCHEMA,
        "version": __version__,
        "config": str(settings.path),
        "company": found.company or None,
        "system": settings.accounting.system if settings.accounting else None,
        "write": settings.accounting.write if settings.accounting else None,
        "sites": None
        if found.sites is None
        else [{"site": site, "customers": count} for site, count in sorted(found.sites.items())],
        "last_sync": None
        if last is None
        else {
            "run": last.run,
            "at": moment(last.at),
            "by": last.by,
            "outcomes": dict(last.outcomes),
            "exit_code": last.exit_code,
        },
        "waiting": _waiting(last),
        "unknown": found.unknown,
        "problems": found.problems,
        "next": [command for command, _ in following],
    }
