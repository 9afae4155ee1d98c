"""`bposync sync`: plan, show, ask, write, read back, record."""

from __future__ import annotations

import contextlib
from functools import partial
from pathlib import Path  # noqa: TC003 - Typer reads the annotations
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from bposync.advice import command
from bposync.cli import sync_lines
from bposync.cli.deciding import copy_links
from bposync.cli.files import SyncFiles
from bposync.cli.showing import Shown, chosen, typed_again
from bposync.errors import (
    BposyncError,
    DeclinedError,
    ExitCode,
    GuardError,
    NotConfirmedError,
    StoppedError,
    TooManyError,
    UsageError,
)
from bposync.records import Action, OutcomeKind
from bposync.words import writes_in_words

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bposync.accounting import Accounting
    from bposync.apply import Result
    from bposync.bpo import Bpo
    from bposync.cli.common import AllOption, ForceOption, OutputOption, SeparatorOption, Session, SiteOption
    from bposync.config import Limit
    from bposync.journal import Journal
    from bposync.plan import Choice, Plan
    from bposync.survey import Survey

QUESTION: Final = (
    "This action will write data to the accounting system. Are you sure that you want to synchronise the customers with the "
    "accounting system?"
)


def synchronise(  # noqa: PLR0913 - one parameter an option
    session: Session,
    *,
    site: SiteOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Answer the question with yes; lifts no guard.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan and stop; write nothing anywhere.")] = False,
    customer: Annotated[
        list[str] | None, typer.Option("--customer", metavar="CODE", help="Only this customer; repeatable.")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="BPO's value wins every drift and conflict of the chosen customers.")
    ] = False,
    max_changes: Annotated[
        str | None, typer.Option(metavar="N|P%", help="Stop where more accounts than N, or than P %, would be written.")
    ] = None,
    fail_fast: Annotated[bool, typer.Option("--fail-fast", help="Stop at the first account that fails.")] = False,
    only: Annotated[
        str | None, typer.Option(metavar="STATE,STATE", help="With --dry-run: show only customers that stand so.")
    ] = None,
    everybody: AllOption = False,
    output: OutputOption = None,
    separator: SeparatorOption = None,
    report: Annotated[
        Path | None, typer.Option("--report", metavar="FILE", help="Write what the sync did, or would do, as a page: .html.")
    ] = None,
    force: ForceOption = False,
) -> int:
    """Bring BPO's customers into the accounting system: show a plan, ask, write it, read it back."""
    limit = _limit(max_changes)
    shown = Shown(chosen(only, dry_run=dry_run), everybody=everybody or session.options.verbose)
    again = partial(typed_again, site, customer, overwrite=overwrite, fail_fast=fail_fast)
    files = SyncFiles.asked(session, output, report, force=force, separator=separator, dry_run=dry_run)
    from bposync.accounting import open_accounting
    from bposync.bpo import Bpo

    with contextlib.ExitStack() as opened:
        opened.enter_context(files.whatever_happens())
        settings = session.settings
        settings.need_accounting()
        bpo = opened.enter_context(Bpo(settings))
        accounting = opened.enter_context(open_accounting(settings, bpo.fields, writes=not dry_run))
        sync = _Sync(session, bpo, accounting, files, limit or settings.max_changes, dry_run=dry_run, fail_fast=fail_fast)
        sync.shown, sync.again, sync.allowing = shown, again(max_changes), again
        files.shown = shown
        # The lock is given back while a question waits, so that one left open blocks nobody; what changes meanwhile is
        # found by each write, which compares with what the plan saw.
        with contextlib.ExitStack() as locked:
            if not dry_run:
                locked.enter_context(accounting.way.lock())
                sync.settle()
            survey, choice, plan = sync.look(site, customer, overwrite=overwrite)
            sync_lines.plan_lines(session.output, plan, shown)
            sync.guard(survey, plan)
            if dry_run:
                return sync.stop(plan)
            if yes or not plan.writes:
                return sync.write(choice, plan)
        sync.ask(plan)
        with accounting.way.lock():
            sync.settle()
            sync.look_again()
            return sync.write(choice, plan)


def _limit(text: str | None) -> Limit | None:
    if text is None:
        return None
    from bposync.config import parse_limit

    try:
        return parse_limit(text)
    except ValueError as error:
        raise UsageError(f"--max-changes: {error}.", "Such as --max-changes 500, or --max-changes 10%") from None


class _Sync:
    """One sync: what it knows, and what it says."""

    def __init__(
        self,
        session: Session,
        bpo: Bpo,
        accounting: Accounting,
        files: SyncFiles,
        limit: Limit | None,
        *,
        dry_run: bool,
        fail_fast: bool,
    ) -> None:
        self.session = session
        self.output = session.output
        self.bpo = bpo
        self.accounting = accounting
        self.files = files
        self.limit = limit
        self.dry_run = dry_run
        self.fail_fast = fail_fast
        self.sites: tuple[str, ...] = ()
        self.asked = False
        self.shown = Shown()
        self.again = command("sync")
        self.allowing: Callable[[str], str] = partial(command, "sync --max-changes {}")
        self.known_company = ""
        self.vanished: list[str] = []
        self.journal_was: tuple[int, ...] = ()
        self.left_out: list[str] = []
        self.settled: list[str] = []

    def _journal(self, *, writes: bool) -> contextlib.AbstractContextManager[Journal]:
        from bposync.journal import open_journal

        return open_journal(self.session.settings, writes=writes)

    def settle(self) -> None:
        """Look up what an earlier run left open, before anything is planned."""
        from bposync import guards
        from bposync.apply import settle_earlier

        with self._journal(writes=False) as journal:
            if not journal.runs.unsettled():
                return
            # What was left open was left in the journal's company: in another one nothing can be looked up.
            guards.check_company(self.accounting.books.company, journal.known_company())
        with self._journal(writes=True) as journal:
            found = settle_earlier(journal, self.accounting)
        for intent, outcome in found:
            written = outcome.kind is OutcomeKind.WRITTEN
            if not intent.exported:
                what = "was written" if written else f"was not written ({outcome.reason})"
                self._settled(f"Run {intent.run} was cut off: {intent.change.code} {what}.")
            elif outcome.kind is not OutcomeKind.EXPORTED:
                what = "is imported" if written else f"is neither in the books nor in the import file ({outcome.reason})"
                self._settled(f"Exported by run {intent.run}: {intent.change.code} {what}.")

    def _settled(self, line: str) -> None:
        self.settled.append(line)
        self.output.important(line)

    def look(
        self, sites: Sequence[str] | None, customers: Sequence[str] | None, *, overwrite: bool
    ) -> tuple[Survey, Choice, Plan]:
        """Read both sides and plan."""
        from bposync.journal import copies
        from bposync.survey import make_survey

        progress = self.output.progress
        with (
            self._journal(writes=False) as journal,
            progress("Reading BPO") as one,
            progress("Reading accounts") as two,
        ):
            first = not journal.runs.all()
            is_new = first and not journal.decisions.story()
            self.known_company = journal.known_company()
            self.vanished = self.bpo.vanished(journal.known_fields())
            self.journal_was = journal.position()
            whole = self.shown.lists(Action.SAME)
            survey = make_survey(self.session.settings, self.bpo, self.accounting, journal, one, two, whole=whole)
        self.bpo.close()
        choice = survey.choose(sites, customers, overwrite=overwrite)
        self.sites = choice.sites or survey.sites
        if is_new and not survey.links and (copy := copies.path_beside(journal)) is not None and copy.exists():
            self.output.note(
                f"This journal is new, and {copy} is a copy of another one's links and decisions. If that one was lost, take "
                f"them in first: {command('link --import {}', str(copy))}"
            )
        if first or self.vanished:
            for line in self.bpo.left_out_in_words():
                self.output.note(line)
        plan = survey.plan(choice)
        self.files.know(self.accounting, plan, self.sites, customers or (), self.settled, lambda: self.document(plan))
        return survey, choice, plan

    def look_again(self) -> None:
        """Stop where somebody synchronised or decided while the question waited: the plan is of another time."""
        with self._journal(writes=False) as journal:
            same = journal.position() == self.journal_was
        if not same:
            raise GuardError(
                "Somebody synchronised or decided something while the question waited; nothing was written.",
                "Sync again: the plan will be a new one.",
            )

    def guard(self, survey: Survey, plan: Plan) -> None:
        """Stop where the plan looks like a mistake."""
        from bposync import guards

        try:
            guards.check(survey, plan, self.limit, self.known_company)
            guards.check_columns(self.vanished)
            self._check_way(plan)
        except BposyncError as error:
            if isinstance(error, TooManyError):
                error.hint = guards.if_it_is_right(self.allowing(str(error.writes)))
            error.document = self.document(plan)
            raise

    def _check_way(self, plan: Plan) -> None:
        from bposync.apply import check_way

        if plan.writes:
            with self._journal(writes=False) as journal:
                check_way(self.accounting, journal)

    def stop(self, plan: Plan) -> int:
        """End a dry run."""
        try:
            self.files.save()
        except BposyncError as error:
            error.document = self.document(plan)
            raise
        if self.output.as_json:
            self.output.document(self.document(plan))
        sync_lines.dry_run_lines(self.output, plan, self.shown, self.again)
        return int(ExitCode.NOT_WRITTEN if plan.needs_person else ExitCode.DONE)

    def ask(self, plan: Plan) -> None:
        """Ask before writing; raise where nobody says yes."""
        if not self.output.can_ask():
            error: BposyncError = NotConfirmedError(
                f"Nothing was written: {writes_in_words(plan)} wait for a yes, and there is no terminal to ask at.",
                "Look at the plan with --dry-run; to write it without the question: --yes",
            )
        else:
            try:
                if self.output.ask(sync_lines.question_block(plan, self.accounting), QUESTION, still="nothing was written"):
                    self.asked = True
                    return
                error = DeclinedError(
                    "Nothing was written, for the answer was not yes.", f"To see the plan again: {self.again} --dry-run"
                )
            except StoppedError as stopped:
                error = stopped
        error.document = self.document(plan)
        raise error

    def write(self, choice: Choice, plan: Plan) -> int:
        """Carry the plan out, record it, and say what became of it."""
        from bposync.apply import Result, carry_out
        from bposync.journal.runs import Run

        if self.asked:  # meanwhile somebody else may have exported
            self._check_way(plan)
        if plan.writes and self.accounting.way.caution and not self.asked:
            self.output.note(self.accounting.way.caution)
        codes = [change.code for change in plan.changes] if choice.customers else []
        login = self.accounting.books.company.login
        run = Run.start(sites=self.sites, summary=plan.summary, login=login, customers=codes)
        result = Result(run)
        with self._journal(writes=True) as journal:
            try:
                with self.output.progress("Writing", len(plan.writes)) as progress:
                    carry_out(plan, self.accounting, journal, run, fail_fast=self.fail_fast, progress=progress, result=result)
                code = self.exit_code(plan, result)
                self._end(journal, result, code)
            except KeyboardInterrupt:
                with contextlib.suppress(BposyncError):
                    journal.runs.end(run.run, result.counts, int(ExitCode.INTERRUPTED))
                    copy_links(self.session, journal)
                self.files.became(result)
                raise self._interrupted(plan, result) from None
            except BposyncError as error:
                with contextlib.suppress(BposyncError):
                    journal.runs.end(run.run, result.counts, int(error.code))
                self.files.became(result)
                if result.wrote:
                    self.report(plan, result)
                error.document = self.document(plan, result)
                raise
        self.report(plan, result)
        self._save(result)
        if self.output.as_json:
            self.output.document(self.document(plan, result))
        return code

    def _save(self, result: Result) -> None:
        """Write the report; that it could not be written changes nothing in what was synchronised, and is told with it."""
        exported = result.counts[OutcomeKind.EXPORTED]
        self.files.became(result, self.accounting.way.steps() if exported else (), self.left_out)
        try:
            self.files.save()
        except BposyncError as error:
            self.left_out.append(f"The report is missing: {error.message}")
            self.output.important(self.left_out[-1])

    def _end(self, journal: Journal, result: Result, code: int) -> None:
        """Record that the run is over, and copy its links. What became of each customer is recorded already."""
        try:
            journal.runs.end(result.run.run, result.counts, code)
            journal.know_fields(self.bpo.fields)
            copy_links(self.session, journal)
            self.output.log(f"Newest hash of the journal: {journal.newest_hash() or 'none yet'}")
        except BposyncError as error:
            self.left_out.append(f"The end of the run could not be recorded: {error.message}")

    def _interrupted(self, plan: Plan, result: Result) -> StoppedError:
        """Say how far an interrupted run came, and give the error to raise."""
        sync_lines.interrupted_lines(self.output, plan, result)
        error = StoppedError("Interrupted.", f"What is left: {self.again}")
        error.document = self.document(plan, result)
        return error

    @staticmethod
    def exit_code(plan: Plan, result: Result) -> int:
        """Give the exit code of a run, by its worst outcome."""
        counts = result.counts
        if counts[OutcomeKind.UNKNOWN]:
            return int(ExitCode.UNKNOWN_OUTCOME)
        if counts[OutcomeKind.FAILED] or counts[OutcomeKind.STALE] or plan.needs_person:
            return int(ExitCode.NOT_WRITTEN)
        return int(ExitCode.DONE)

    def report(self, plan: Plan, result: Result) -> None:
        """Say what became of the plan, to people."""
        sync_lines.outcome_lines(self.output, plan, result, self.accounting.way.steps(), self.left_out)

    def document(self, plan: Plan, result: Result | None = None) -> dict[str, Any]:
        """Give the JSON document, as far as the sync came."""
        company = self.accounting.books.company.name
        return sync_lines.document(
            plan, self.shown, dry_run=self.dry_run, company=company, sites=self.sites, result=result, left_out=self.left_out
        )
