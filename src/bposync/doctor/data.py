"""What would become of the real customers: who falls together with whom in BPO, and whom accounting cannot hold.

From a plan made in memory, of all sites, without a write.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Final

from bposync import guards, reasons
from bposync.accounting.evolution import NO_GROUP
from bposync.advice import REVIEW, command, with_commands
from bposync.apply import check_way
from bposync.doctor.bpo import is_synchronised
from bposync.doctor.check import Check, Checks, failed, ok, warning
from bposync.errors import BposyncError, GuardError
from bposync.fields import FIELDS
from bposync.plan import Choice
from bposync.records import Action, Verdict
from bposync.survey import pair
from bposync.values import normalise_name, normalise_vat_number, visible
from bposync.words import counted, many, some

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from bposync.config import Settings
    from bposync.doctor.accounting import Opened
    from bposync.doctor.bpo import Listing
    from bposync.journal import Journal
    from bposync.plan import Plan
    from bposync.records import Change, Customer

_MOST_CODES: Final = 4
_MANY: Final = 5


def duplicates(settings: Settings, listing: Listing) -> Iterator[Check]:
    """Say who falls together with whom inside BPO."""
    spellings: dict[str, dict[str, None]] = defaultdict(dict)
    for customer in listing.customers:
        if customer.key:
            spellings[customer.key][customer.code] = None
    together = [" and ".join(map(visible, codes)) for codes in spellings.values() if len(codes) > 1]
    blank = sum(not customer.key for customer in listing.customers)
    if together:
        yield warning(
            "customers.codes", f"Codes that differ in case or blanks only are one to accounting: {some(together)}.",
            "Such customers are rejected. Give one of each another code in BPO.",
        )  # fmt: skip
    if blank:
        rows = f"{blank:,} rows of BPO's have" if blank > 1 else "One row of BPO's has"
        yield warning("customers.codes", f"{rows} no code.", "Such a customer is rejected. Give it a code in BPO.")
    if not together and not blank:
        yield ok("customers.codes", "Every customer has a code of its own.")
    wanted = [customer for customer in listing.customers if is_synchronised(settings, customer)]
    yield from _shared(
        "customers.names", "name", wanted, lambda customer: normalise_name(customer.name) if customer.name else "",
        "Are they one? A name that several customers have is no sign of whose an account is.",
    )  # fmt: skip
    if "vat_number" in listing.fields:
        yield from _shared(
            "customers.vat_numbers", "VAT number", wanted,
            lambda customer: normalise_vat_number(customer.text("vat_number")),
            "Are they one, or branches of one? Where not, mend the number in BPO.",
        )  # fmt: skip


def _shared(
    name: str, what: str, customers: Sequence[Customer], key_of: Callable[[Customer], str], hint: str
) -> Iterator[Check]:
    groups: dict[str, list[str]] = defaultdict(list)
    for customer in customers:
        if key := key_of(customer):
            groups[key].append(visible(customer.code))
    shared = [f"{', '.join(codes[:_MOST_CODES])}{', …' * (len(codes) > _MOST_CODES)}" for codes in groups.values() if codes[1:]]
    if not shared:
        yield ok(name, f"No {what} is that of two customers.")
        return
    are = f"One {what} is" if len(shared) == 1 else f"{len(shared):,} {what}s are"
    yield warning(name, f"{are} that of several customers: {some(shared, sep='; ')}.", hint)


def plan(listing: Listing, opened: Opened, journal: Journal, *, groups_said: bool) -> Checks[None]:
    """Say what a sync of all sites would do with the real customers, and what would stop it.

    `groups_said` tells that it was said already, with the types, which groups new accounts get.
    """
    settings = opened.settings
    try:
        survey = pair(settings, listing.fields, opened.accounting, journal, listing.customers, opened.accounts)
        made = survey.plan(Choice(sync_statuses=settings.bpo.sync_statuses))
    except BposyncError as error:
        yield failed("customers.plan", error)
        return
    yield from _attention(made)
    yield from _held(made)
    for note in made.notes:
        if note != NO_GROUP or not groups_said:
            yield warning("customers.notes", note)
    yield ok("customers.plan", f"A sync of all sites today: {counted(made.summary) or 'nobody to synchronise'}.")
    try:
        guards.check(survey, made, settings.max_changes)
    except GuardError as error:
        yield warning("customers.guards", f"A sync would be stopped: {error.message}", error.hint)
    try:
        check_way(opened.accounting, journal)
    except GuardError as error:
        yield warning("customers.guards", f"A sync would be stopped: {error.message}", error.hint)
    except BposyncError as error:
        yield failed("customers.guards", error)


_WAITING: Final = {
    Action.REJECTED: (
        "would be rejected", "would be rejected",
        "Mend it in BPO. A code that does not fit gets another account code: {link CUSTOMER --new CODE}",
    ),
    Action.LOOKALIKE: (
        "looks like an account that is not certainly its own", "look like accounts that are not certainly their own",
        "Settle each: {link CUSTOMER ACCOUNT}, or {link CUSTOMER --new}",
    ),
    Action.CONFLICT: (
        "differs in what both sides filled in", "differ in what both sides filled in",
        "Settle each: {accept CUSTOMER}, or {sync --customer CUSTOMER --overwrite}",
    ),
    Action.MISSING: (
        "is linked to an account that is no longer there", "are linked to accounts that are no longer there",
        "Bring the account back in accounting, or say which one it is now: {link CUSTOMER ACCOUNT}",
    ),
}  # fmt: skip
"""What waits for a person: of one customer, of several, and what to do, with the commands in braces."""


def _attention(made: Plan) -> Iterator[Check]:
    clean = True
    for action, (one, several, hint) in _WAITING.items():
        found = [change for change in made.changes if change.action is action]
        if found:
            clean = False
            said = f"{many(len(found), 'customer')} {one if len(found) == 1 else several}: {_examples(found)}"
            sheet = f"; all of them in a spreadsheet: {command(REVIEW)}" if len(found) > _MANY else ""
            yield warning(f"customers.{action}", said, f"{with_commands(hint)}{sheet}")
    if clean:
        yield ok("customers.plan", "No customer waits for a person: none is rejected, a lookalike, in conflict or missing.")


def _examples(found: Sequence[Change], most: int = 2) -> str:
    said = "; ".join(f"{visible(change.code)} ({visible(reasons.in_short(change))})" for change in found[:most])
    return f"{said}{f'; and {len(found) - most:,} more' if len(found) > most else ''}."


def _held(made: Plan) -> Iterator[Check]:
    """Say which values the accounts cannot hold: by field, for mostly it is a column that is too narrow."""
    by_field: Counter[str] = Counter()
    example = ""
    customers = 0
    for change in made.changes:
        names = {field.field for field in change.fields if field.verdict is Verdict.HELD}
        if change.action is Action.CREATE:
            names |= {name for reason in change.reasons if (name := reason.partition(":")[0]) in FIELDS}
        if names:
            customers += 1
            by_field.update(names)
            reason = next((reason for reason in change.reasons if reason.partition(":")[0] in names), "")
            example = example or f"{visible(change.code)} ({visible(reasons.labelled(reason))})"
    if not customers:
        yield ok("customers.held", "Every value of theirs fits into its account.")
        return
    fields = ", ".join(f"{FIELDS[name].label.lower()} {count:,}" for name, count in by_field.most_common())
    has = "has a value" if customers == 1 else "have values"
    yield warning(
        "customers.held", f"{many(customers, 'customer')} {has} that the account cannot hold ({fields}), such as {example}.",
        "Such a value is left out and the rest is written. Shorten it in BPO, or name terms under [accounting.terms].",
    )  # fmt: skip
