"""Writing through Evolution's Freedom Service, the way that Sage supports from any machine: Evolution's own validation runs.

Each account by itself: does it exist, read it whole, compare it with what the plan saw, then insert it, or update it with the
whole object. Several accounts at once, outcomes in the order of the batch. A write is sent once: one without a clear answer
is looked up after a pause, and stays unknown where it cannot be seen; the next sync looks again before anything else.
"""

from __future__ import annotations

import contextlib
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, TypeVar

from bposync.accounting import Accounting, Way
from bposync.accounting.by_sql import stale
from bposync.accounting.freedom_address import service_of
from bposync.accounting.freedom_answers import AnswerError
from bposync.accounting.freedom_books import FreedomBooks, TablesWithFreedom, plain_errors
from bposync.accounting.freedom_client import FreedomClient, NoAnswerError
from bposync.errors import UnreachableError
from bposync.plan import differences
from bposync.records import Outcome, OutcomeKind

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from bposync.accounting.freedom_books import FreedomCompany
    from bposync.config import Settings
    from bposync.records import Account, Change

_T = TypeVar("_T")

PAUSE_SECONDS: Final = 2.0
"""How long a write without a clear answer gets to arrive before it is looked up."""
_MAY_BE_THERE: Final = (OutcomeKind.WRITTEN, OutcomeKind.UNKNOWN)
_DEMO: Final = "demo:"
_MOST_WITHOUT_ANSWER: Final = 5
"""So many accounts in a batch may go without an answer, each after its time-out, before the others are not tried."""


@contextlib.contextmanager
def opened_client(settings: Settings, *, writes: bool) -> Iterator[FreedomClient]:
    """Get ready to ask the configured service; nothing is sent yet. Raises UsageError."""
    with contextlib.ExitStack() as stack:
        url = settings.need_accounting().freedom_url or ""
        if url.startswith(_DEMO):
            from bposync.demo.freedom import serving

            service = stack.enter_context(serving(settings, url.removeprefix(_DEMO)))
        else:
            service = service_of(settings)
        client = FreedomClient(service, writes=writes)
        stack.callback(client.close)
        client.open()
        yield client


@contextlib.contextmanager
def open_freedom(settings: Settings, bpo_fields: Collection[str], *, writes: bool) -> Iterator[Accounting]:
    """Open a company that is written through the service, and read through it too where no database is named."""
    from bposync.accounting.partner_ways import JOURNAL_LOCK, journal_lock, place_or_none

    with opened_client(settings, writes=writes) as client:
        place = place_or_none(settings)
        if place is None:
            books = FreedomBooks(settings, bpo_fields, client)
            yield Accounting(books, FreedomWay(books, client, lambda: journal_lock(settings), caution=JOURNAL_LOCK))
            return
        from bposync import database
        from bposync.accounting import locks

        tables = TablesWithFreedom(database.engine(place, writes=False), place, settings, bpo_fields, client)
        if place.url.get_backend_name() in locks.KNOWN:
            yield Accounting(tables, FreedomWay(tables, client, lambda: locks.held(place)))
        else:
            yield Accounting(tables, FreedomWay(tables, client, lambda: journal_lock(settings), caution=JOURNAL_LOCK))


class FreedomWay(Way):
    """Writes accounts through the service, several at once."""

    def __init__(
        self,
        books: FreedomCompany,
        client: FreedomClient,
        lock: Callable[[], contextlib.AbstractContextManager[None]],
        *,
        caution: str = "",
    ) -> None:
        self._books = books
        self._client = client
        self._take_lock = lock
        self.caution = caution
        self._stopped: UnreachableError | None = None
        """Why nothing more is sent in this batch: the service as a whole cannot be reached, or refuses."""
        self._without_answer = 0
        self._counting = threading.Lock()

    def lock(self) -> contextlib.AbstractContextManager[None]:
        """Hold the company's lock, in the accounting database where it is known, else in the journal's. Raises LockedError."""
        return self._take_lock()

    def write(self, batch: Sequence[Change]) -> list[Outcome]:
        """Carry out a batch, several accounts at once.

        Raises UnreachableError where the service as a whole cannot be reached or refuses, and nothing was written.
        """
        self._stopped, self._without_answer = None, 0
        outcomes = self._at_once(self._write, batch)
        if self._stopped is not None and not any(outcome.kind in _MAY_BE_THERE for outcome in outcomes):
            raise self._stopped
        unknown = [place for place, outcome in enumerate(outcomes) if outcome.kind is OutcomeKind.UNKNOWN]
        if unknown:
            time.sleep(PAUSE_SECONDS)
            with contextlib.suppress(UnreachableError):
                for place, account in zip(unknown, self.read_back([batch[place] for place in unknown]), strict=True):
                    # That it is not there, or not so, proves nothing yet: it may still be on its way.
                    if account is not None and not differences(self._books, batch[place], account):
                        outcomes[place] = Outcome(OutcomeKind.WRITTEN)
        return outcomes

    def _at_once(self, function: Callable[[Change], _T], batch: Sequence[Change]) -> list[_T]:
        """Do one thing for each change of a batch, as many at once as the service is to bear; give the results in order."""
        if len(batch) == 1:
            return [function(batch[0])]
        with ThreadPoolExecutor(min(self._client.service.connections, len(batch) or 1)) as pool:
            try:
                return list(pool.map(function, batch))
            except BaseException:
                # What was sent is waited for, so that no write is under way any more; nothing else is begun.
                pool.shutdown(wait=True, cancel_futures=True)
                raise

    def _write(self, change: Change) -> Outcome:
        if self._stopped is not None:
            return Outcome(OutcomeKind.FAILED, f"not written: {self._stopped.message}")
        sent = False
        try:
            account, customer = self._now(change)
            if (outcome := stale(self._books.fields, change, account)) is not None:
                return outcome
            if customer is None:
                whole = self._books.places.new(change, self._books.finder.need)
            else:
                whole = self._books.places.updated(customer, change, self._books.finder.need)
            sent = True
            (self._client.insert if customer is None else self._client.update)(whole)
        except AnswerError as error:
            if isinstance(error, NoAnswerError):
                self._count_without_answer(error)
            if not sent or error.refused:
                return Outcome(OutcomeKind.FAILED, f"not written: {error.message}")
            return Outcome(OutcomeKind.UNKNOWN, f"nobody knows whether it was written: {error.message}")
        except UnreachableError as error:
            return self._stop(error)
        return Outcome(OutcomeKind.WRITTEN)

    def _now(self, change: Change) -> tuple[Account | None, dict[str, Any] | None]:
        """Read a change's account, and the whole of what the service knows of it; None where there is none."""
        code = change.account if change.seen is None else change.seen.code
        if not self._client.exists(code):
            return None, None
        customer = self._client.find(code)
        account = self._books.account(customer)
        if change.seen is not None and account.key != change.seen.key:
            return None, None  # another account has its code now
        return account, customer

    def _stop(self, error: UnreachableError) -> Outcome:
        with self._counting:
            self._stopped = self._stopped or error
        return Outcome(OutcomeKind.FAILED, f"not written: {error.message}")

    def _count_without_answer(self, error: NoAnswerError) -> None:
        with self._counting:
            self._without_answer += 1
            if self._without_answer >= _MOST_WITHOUT_ANSWER and self._stopped is None:
                hint = "Look whether the service is well, then sync again."
                self._stopped = UnreachableError(f"{self._client.service} does not answer any more: {error.message}.", hint)

    def read_back(self, batch: Sequence[Change]) -> list[Account | None]:
        """Read the accounts of a batch, in its database where that is known, else through the service.

        Raises UnreachableError.
        """
        if isinstance(self._books, TablesWithFreedom):
            return self._books.present(batch)
        with plain_errors(self._client, "cannot be read back"):
            return [account for account, _ in self._at_once(self._now, batch)]
