"""The files that a command was asked for: checked before the long work, written after it, told of beside the data."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bposync.advice import command
from bposync.cli.showing import Shown
from bposync.errors import BposyncError, StoppedError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from bposync.accounting import Accounting
    from bposync.apply import Result
    from bposync.cli.common import Session
    from bposync.export.files import Told
    from bposync.export.told import Facts, SyncTold
    from bposync.plan import Plan


@dataclass(frozen=True, slots=True)
class Target:
    """One file, which may be written as far as anybody can tell beforehand."""

    session: Session
    path: Path
    what: str
    """What it holds, in a user's words."""
    force: bool
    separator: str

    def save(self, told: Told) -> None:
        """Write the file, and say so. Raises UsageError."""
        from bposync.export import files

        files.save(self.path, told, force=self.force, separator=self.separator)
        self.session.output.note(f"The {self.what} is in {self.path}.")


def target(
    session: Session, path: Path | None, what: str, *, force: bool, separator: str | None = None, csv: bool = False,
    endings: Sequence[str] | None = None,
) -> Target | None:  # fmt: skip
    """Give the file of --output, or None where none was asked for. Raises UsageError where it cannot be written.

    `csv` says whether there is CSV on standard output, which has separators too; `endings` which there are, where not all.
    """
    from bposync.export import files

    sign = files.separator_of(separator)
    ending = files.ending_of(path, endings or files.ENDINGS) if path is not None else ""
    if separator is not None and ending != ".csv" and not csv:
        raise UsageError("--separator is for CSV.", "Name a file that ends in .csv, or leave it out.")
    if path is None:
        return None
    files.check(path, force=force)
    return Target(session, path, what, force, sign)


def facts(session: Session, accounting: Accounting | None = None, sites: Sequence[str] = ()) -> Facts:
    """Give who looks, when, with what, and at which company; also where there is no configuration that can be read."""
    import platform
    from datetime import UTC, datetime

    from bposync import __version__
    from bposync.export.told import Facts
    from bposync.people import current_user

    try:
        configuration = str(session.settings.path)
    except BposyncError:
        configuration = ""
    return Facts(
        datetime.now(UTC), current_user(), platform.node() or "unknown", __version__, configuration,
        accounting.books.company if accounting is not None else None,
        accounting.books.system if accounting is not None else "", sites,
    )  # fmt: skip


class SyncFiles:
    """The files of a sync: the plan's, and the report, which is written whatever happens once the file was found good.

    A report of yesterday in its place would be taken for today's.
    """

    shown = Shown()
    """Whom a sheet of the plan has; a page has the whole plan."""

    def __init__(self, session: Session, output: Target | None, report: Target | None, *, dry_run: bool) -> None:
        self._session = session
        self._output = output
        self._report = report
        self._dry_run = dry_run
        self._told: SyncTold | None = None
        self._document: Callable[[], Mapping[str, Any]] = dict
        self._is_over = not (output or report)

    @classmethod
    def asked(
        cls, session: Session, output: Path | None, report: Path | None, *, force: bool, separator: str | None, dry_run: bool
    ) -> SyncFiles:
        """Check what was asked for, before anything is read. Raises UsageError."""
        from bposync.export import files

        if output is not None and not dry_run:
            raise UsageError(
                "sync: --output is for --dry-run: it holds the plan.",
                f"What a sync did: --report FILE.html, or {command('history')}.",
            )
        if report is not None:
            files.ending_of(report, files.PAGE, "--report")
        if output is not None and report is not None and output.absolute() == report.absolute():
            raise UsageError("sync: --output and --report name the same file.", "Leave one of them out.")
        plan = target(session, output, "plan", force=force, separator=separator)
        return cls(session, plan, target(session, report, "report", force=force), dry_run=dry_run)

    def know(self, accounting: Accounting, plan: Plan, sites: Sequence[str], customers: Sequence[str], notes: Sequence[str],
             document: Callable[[], Mapping[str, Any]]) -> None:  # fmt: skip
        """Take in what was planned."""
        from bposync.export.told import SyncTold

        if not self._is_over:
            known = replace(facts(self._session, accounting, sites), customers=customers)
            self._told = SyncTold(known, self._dry_run, plan, notes=(*notes, *plan.notes))
            self._document = document

    def became(self, result: Result, steps: Sequence[str] = (), notes: Sequence[str] = ()) -> None:
        """Take in what became of the plan."""
        if self._told is not None:
            run = result.run
            known = replace(self._told.facts, run=run.run, at=run.at)
            more = (*self._told.notes, *notes)
            self._told = replace(self._told, facts=known, outcomes=result.outcomes, steps=steps, notes=more)

    def save(self) -> None:
        """Write the files. Raises UsageError."""
        if not self._is_over and self._told is not None:
            self._is_over = True
            self._save(self._told)

    @contextlib.contextmanager
    def whatever_happens(self) -> Iterator[None]:
        """Write the report also where a sync ends otherwise than it should; what stopped it is raised on."""
        from bposync.secrets import redact

        try:
            yield
        except BposyncError as error:
            self._fail(error.message, error.hint or "", interrupted=isinstance(error, StoppedError))
            raise
        except KeyboardInterrupt:
            self._fail("Interrupted.", interrupted=True)
            raise
        except Exception as error:
            self._fail(f"Something unexpected happened: {redact(f'{type(error).__name__}: {error}')}")
            raise

    def _fail(self, message: str, hint: str = "", *, interrupted: bool = False) -> None:
        from bposync.export.told import SyncTold, Trouble

        if self._is_over:
            return
        self._is_over = True
        trouble = Trouble(message, hint, interrupted)
        told = replace(self._told, trouble=trouble) if self._told is not None else None
        try:
            self._save(told or SyncTold(facts(self._session), self._dry_run, trouble=trouble))
        except BposyncError as error:
            self._session.output.note(f"{error.message} {error.hint or ''}".rstrip())

    def _save(self, told: SyncTold) -> None:
        from bposync.export.files import Told
        from bposync.export.plan_sheet import plan_sheet
        from bposync.export.sync_page import sync_page

        plan = told.plan
        if self._output is not None and plan is not None:
            made = Told(
                sheet=lambda: plan_sheet(plan, told.facts, self.shown.lists),
                document=self._document,
                page=lambda: sync_page(told),
            )
            self._output.save(made)
        if self._report is not None:
            self._report.save(Told(sheet=_no_sheet, document=dict, page=lambda: sync_page(told)))


def _no_sheet() -> Any:  # noqa: ANN401
    raise AssertionError("a report is a page")
