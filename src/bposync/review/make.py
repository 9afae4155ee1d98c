"""The sheet of all that needs a person: a row each, with the best candidates, the evidence, and room for a decision."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from bposync.advice import command
from bposync.fields import FIELDS
from bposync.match import is_inactive
from bposync.reasons import labelled
from bposync.records import Account, Action, Change, Particulars, Verdict
from bposync.review.likeness import MOST, Candidate, Likeness, Profile
from bposync.sheets import Heading, Sheet, as_cell
from bposync.values import normalise_code, visible
from bposync.words import VERDICTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from bposync.accounting import Books
    from bposync.plan import Plan
    from bposync.records import Customer, Pairing
    from bposync.sheets import Cell
    from bposync.survey import Survey
    from bposync.values import Value

ACCOUNTING_ONLY: Final = "accounting_only"
"""How a sheet names an account without a customer; every other row has a customer's action."""
IN_SHEET: Final = (
    Action.LOOKALIKE, Action.REJECTED, Action.MISSING, Action.CONFLICT, Action.DRIFT, Action.GONE,
)  # fmt: skip
"""What a person can settle, in the order in which the sheet has it."""
DECISIONS: Final[Mapping[str, tuple[str, ...]]] = {
    Action.LOOKALIKE: ("link", "new", "ignore"),
    Action.REJECTED: ("new", "link", "accept", "ignore"),
    Action.MISSING: ("link", "new", "ignore"),
    Action.CONFLICT: ("accept", "overwrite", "link", "new", "ignore"),
    Action.DRIFT: ("accept", "overwrite", "link", "new", "ignore"),
    Action.GONE: ("ignore",),
    ACCOUNTING_ONLY: ("link", "ignore"),
}
"""What may be decided of whom."""
_SEVERAL: Final = 2
_JUDGED: Final = (Verdict.CONFLICT, Verdict.DRIFT)  # what a person may settle field by field

_CANDIDATE: Final = (
    ("candidate", 12), ("candidate_name", 30), ("evidence", 34), ("candidate_balance", 14), ("candidate_changed", 18),
)  # fmt: skip
HEADINGS: Final = (
    Heading("site", 14), Heading("customer", 14), Heading("name", 32), Heading("account", 12),
    Heading("decision", 22, filled_in=True), Heading("note", 22, filled_in=True),
    Heading("action", 15), Heading("why", 50, wrap=True), Heading("differences", 60, wrap=True),
    Heading("balance", 14), Heading("changed", 18),
    *(
        Heading(f"{name}_{number}", width, label=f"{name} {number}".replace("_", " "))
        for number in range(1, MOST + 1) for name, width in _CANDIDATE
    ),
    Heading("free_code", 12, label="free code"), Heading("check", 18, hidden=True),
)  # fmt: skip
EXPLANATION: Final = """\
Fill in the column decision, one a row; rows without one are left as they are. The arrow in a cell offers what fits.

link CODE    The customer is that account. For an account without a customer: it is the account of the customer CODE.
link CODE accept    The same, and where both have a value, accounting's stands.
link CODE overwrite    The same, and where both have a value, BPO's replaces it with the next sync.
new    The customer has no account yet: the next sync makes one under the customer's own code.
new CODE    The same, under another code, where the customer's own does not fit or is taken. The column free code names one.
accept    Accounting's values stand, also where it has none. accept FIELD, FIELD settles only these.
overwrite    BPO's values replace accounting's with the next sync. overwrite FIELD, FIELD settles only these.
ignore    The customer is skipped from now on; an account without a customer is no longer listed.

note is for whoever reads the history later. The hidden column check tells whether a row is still as you saw it: leave it.
Save as .xlsx or .csv, then: {review}
It shows what it will record, and asks. Nothing is written to accounting before the next sync.
"""
"""What a person has to know to fill the sheet in."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What one row is about: a change with its customer and account, or an account without a customer."""

    action: str
    change: Change | None = None
    customer: Customer | None = None
    account: Account | None = None

    @property
    def name(self) -> str:
        """The customer's name, or that of an account without a customer."""
        found = self.change or self.account
        return found.name if found else ""


def subjects(survey: Survey, plan: Plan) -> list[Subject]:
    """Give all that a person can settle in a plan, what stops a customer first, then accounts without a customer."""
    pairings: dict[str, Pairing] = {}
    for pairing in survey.matching.pairings:
        code = pairing.customer.code if pairing.customer else pairing.link.customer if pairing.link else ""
        pairings.setdefault(code, pairing)
    found = []
    for action in IN_SHEET:
        for change in plan.changes:
            if change.action is action:
                pairing = pairings[change.code]
                found.append(Subject(action.value, change, pairing.customer, pairing.account))
    found += [Subject(ACCOUNTING_ONLY, account=account) for account in plan.accounting_only]
    return found


def make_sheet(survey: Survey, plan: Plan) -> Sheet:
    """Make the sheet. Reads the candidates' balances from accounting; writes nothing."""
    about = subjects(survey, plan)
    likely = _Likely(survey)
    candidates = [likely.of(subject) for subject in about]
    known = _particulars(survey.books, about, candidates)
    codes = _FreeCodes(survey)
    everybody = Everybody(survey)
    rows: list[list[Cell]] = []
    choices = {}
    for place, (subject, found) in enumerate(zip(about, candidates, strict=True)):
        free = codes.propose(subject)
        check = fingerprint(survey.books, subject, everybody.named(subject, [each.code for each in found]))
        rows.append([*_row(survey.books, subject, found, known), free, check])
        choices[place] = _choices(subject, found, free)
    return Sheet(HEADINGS, rows, choices, EXPLANATION.replace("{review}", command("review --apply FILE")).splitlines())


@dataclass(frozen=True, slots=True)
class _Found:
    """A candidate as the sheet names it: an account, or for an account without a customer a customer."""

    code: str
    name: str
    evidence: tuple[str, ...]
    account: Account | None = None


class _Likely:
    """Who might be who: accounts that nobody has for customers, customers that have none for accounts."""

    def __init__(self, survey: Survey) -> None:
        self._books = survey.books
        taken = {
            id(pairing.account)
            for pairing in survey.matching.pairings
            if pairing.account is not None and pairing.customer is not None and not is_inactive(pairing.customer)
        }
        self._accounts = [account for account in survey.accounts if id(account) not in taken]
        self._customers = [
            pairing.customer
            for pairing in survey.matching.pairings
            if pairing.customer is not None and pairing.account is None and pairing.link is None
            and pairing.customer.is_debtor and not is_inactive(pairing.customer)
        ]  # fmt: skip
        of_accounts = [_of_account(place, account, self._books) for place, account in enumerate(self._accounts)]
        self._for_customers = Likeness(of_accounts)
        self._for_accounts = Likeness([_of_customer(place, customer) for place, customer in enumerate(self._customers)])

    def of(self, subject: Subject) -> list[_Found]:
        if subject.action == ACCOUNTING_ONLY and subject.account is not None:
            found = self._for_accounts.best(_of_account(-1, subject.account, self._books))
            return [self._customer(candidate) for candidate in found]
        if subject.customer is None or subject.account is not None or subject.action == Action.GONE:
            return []
        return [self._account(candidate) for candidate in self._for_customers.best(_of_customer(-1, subject.customer))]

    def _customer(self, candidate: Candidate) -> _Found:
        customer = self._customers[candidate.place]
        return _Found(customer.code, customer.name, candidate.evidence)

    def _account(self, candidate: Candidate) -> _Found:
        account = self._accounts[candidate.place]
        return _Found(account.code, account.name, candidate.evidence, account)


def _of_account(place: int, account: Account, books: Books) -> Profile:
    values = dict(zip((*books.fields, *books.new_fields), (*account.values, *account.new_values), strict=False))
    phones = tuple(str(values.get(name) or "") for name in ("phone", "mobile"))
    return Profile(place, account.code, account.name, account.vat_number, phones, str(values.get("email") or ""))


def _of_customer(place: int, customer: Customer) -> Profile:
    phones = (customer.text("phone"), customer.text("mobile"))
    return Profile(place, customer.code, customer.name, customer.text("vat_number"), phones, customer.text("email"))


def _particulars(books: Books, about: Iterable[Subject], candidates: Iterable[Sequence[_Found]]) -> dict[int, Particulars]:
    """Ask accounting once for all accounts that the sheet names; by the account's identity."""
    wanted = [subject.account for subject in about if subject.account is not None]
    wanted += [found.account for some in candidates for found in some if found.account is not None]
    once = list({id(account): account for account in wanted}.values())
    return {id(account): known for account, known in zip(once, books.particulars(once), strict=True)}


def _row(books: Books, subject: Subject, candidates: Sequence[_Found], known: Mapping[int, Particulars]) -> list[Cell]:
    """Give a row's cells up to the last candidate's."""
    change, account = subject.change, subject.account
    mine = known.get(id(account), Particulars())
    row: list[Cell] = [
        ", ".join(change.sites) if change else "",
        change.code if change else "",
        subject.name,
        account.code if account else change.account if change else "",
        "", "",
        subject.action,
        "; ".join(map(labelled, change.reasons)) if change else "no customer in BPO has this account",
        _differences(change) if change and change.fields else _differences_of(books, subject, candidates),
        mine.balance, mine.changed,
    ]  # fmt: skip
    for number in range(MOST):
        found = candidates[number] if number < len(candidates) else None
        if found is None:
            row += ["", "", "", None, ""]
            continue
        theirs = known.get(id(found.account), Particulars())
        row += [found.code, found.name, ", ".join(found.evidence), theirs.balance, theirs.changed]
    return row


def _differences(change: Change) -> str:
    said = []
    for each in change.fields:
        field = FIELDS[each.field]
        theirs, mine = (_shown(field.show(value)) for value in (each.old, each.new))
        said.append(f"{field.label}: accounting {theirs}, BPO {mine} ({VERDICTS[each.verdict]})")
    return "; ".join(said)


def _differences_of(books: Books, subject: Subject, candidates: Sequence[_Found]) -> str:
    """Say where the customer differs from each account that it may be, so that a person sees whose values are right."""
    if subject.customer is None or not candidates:
        return ""
    shape = books.shape(subject.customer)
    said = []
    for found in candidates:
        values = found.account.values if found.account is not None else ()
        differing = [
            f"{FIELDS[name].label}: accounting {_shown(FIELDS[name].show(theirs))}, BPO {_shown(FIELDS[name].show(mine))}"
            for name, mine, theirs in zip(books.fields, shape.values, values, strict=False)
            if mine != theirs and not FIELDS[name].is_blank(mine) and not FIELDS[name].is_blank(theirs)
        ]
        said.append(f"{found.code}: {'; '.join(differing) or 'no value differs'}")
    return " | ".join(said)


def _shown(value: str | bool | None) -> str:  # noqa: FBT001 - a value, not a switch
    return "blank" if value is None else "yes" if value is True else "no" if value is False else repr(visible(value))


def shown_codes(code: str) -> set[str]:
    """Give what a code may look like in a sheet, normalised: as it is, with escapes, and guarded against formulas.

    Whoever opens a .csv and saves an .xlsx keeps the apostrophe of the guard.
    """
    return {normalise_code(shown) for shown in (code, visible(code), as_cell(code))}


class Everybody:
    """All customers and accounts by their codes as a sheet shows them."""

    def __init__(self, survey: Survey) -> None:
        self._customers: dict[str, list[Account | Customer]] = {}
        self._accounts: dict[str, list[Account | Customer]] = {}
        for customer in survey.customers:
            for code in shown_codes(customer.code):
                self._customers.setdefault(code, []).append(customer)
        for account in survey.accounts:
            for code in shown_codes(account.code):
                self._accounts.setdefault(code, []).append(account)

    def named(self, subject: Subject, codes: Iterable[str]) -> list[Account | Customer]:
        """Give the candidates that have these codes: accounts, or for an account customers. Raises KeyError naming one."""
        found = self._customers if subject.action == ACCOUNTING_ONLY else self._accounts
        return [one for code in codes for one in found[normalise_code(code)]]


def fingerprint(books: Books, subject: Subject, candidates: Sequence[Account | Customer]) -> str:
    """Give what tells whether a row is still as a person saw it: the customer, its account and the candidates.

    Balances are left out: they change with every invoice, and settle nothing. It begins with a letter that no number has,
    else a spreadsheet takes one in a thousand for a number, such as 1234e567.
    """
    customer, change = subject.customer, subject.change
    told = [
        subject.action,
        _seen(books, customer) if customer else [change.code, change.name] if change else [],
        [[each.field, _plain(each.old), _plain(each.new), each.verdict.value] for each in change.fields] if change else [],
        [_seen(books, one) for one in ([subject.account] if subject.account else [])],
        sorted(json.dumps(_seen(books, one)) for one in candidates),
    ]
    return f"r{hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]}"


def _plain(value: Value) -> str | bool | None:
    return str(value) if isinstance(value, Decimal) else value


def _seen(books: Books, one: Account | Customer) -> list[object]:
    if not isinstance(one, Account):
        return [_plain(value) for value in one.values]
    values = zip(books.fields, one.values, strict=True)
    return [one.code, one.key, one.name, one.vat_number, [[name, _plain(value)] for name, value in values]]


class _FreeCodes:
    """Proposes account codes that nobody has, as much like the customer's own as the books can hold."""

    def __init__(self, survey: Survey) -> None:
        self._code_for = survey.books.code_for
        self._accounts = {normalise_code(account.code) for account in survey.accounts}
        self._taken = self._accounts | {customer.key for customer in survey.customers}
        self._taken |= {normalise_code(code) for code in survey.decisions.new.values()}

    def propose(self, subject: Subject) -> str:
        """Give a code for a customer who may get a new account and cannot have its own; else nothing."""
        customer = subject.customer
        if customer is None or "new" not in DECISIONS[subject.action]:
            return ""
        if subject.account is not None:
            return ""
        own = self._held(customer.code)
        if own and normalise_code(own) not in self._accounts:
            return ""
        for code in _like(customer.code, self._held):
            if normalise_code(code) not in self._taken:
                self._taken.add(normalise_code(code))
                return code
        return ""

    def _held(self, code: str) -> str:
        """Give a code as the books would write it, or nothing where they cannot hold it."""
        try:
            return self._code_for(code)
        except ValueError:
            return ""


def _like(code: str, held: Callable[[str], str]) -> Iterator[str]:
    """Give codes that the books can hold: the beginning of a code, then shorter beginnings with a number behind."""
    plain = "".join(character for character in code if character.isascii() and character.isalnum()) or "NEW"
    longest = next((length for length in range(len(plain), 0, -1) if held(plain[:length])), 0)
    if longest:
        yield held(plain[:longest])
    for digits in range(1, 5):
        stem = plain[: max(1, longest - digits)]
        for number in range(1, 10**digits):
            if written := held(f"{stem}{number:0{digits}}"):
                yield written


def _field_by_field(decision: str, subject: Subject) -> list[str]:
    """Give the entries that settle one field of several."""
    fields = subject.change.fields if subject.change else ()
    judged = [each.field for each in fields if each.verdict in _JUDGED]
    others = decision == "accept" and any(each.verdict is Verdict.WRITE for each in fields)
    if decision not in ("accept", "overwrite") or (len(judged) < _SEVERAL and not others):
        return []
    return [f"{decision} {name}" for name in judged]


def _choices(subject: Subject, candidates: Sequence[_Found], free_code: str) -> list[str]:
    """Give the entries of a row's drop-down, the likeliest first."""
    entries = []
    for decision in DECISIONS[subject.action]:
        if decision == "link":
            entries += [f"link {found.code}{stands}" for found in candidates for stands in ("", " accept", " overwrite")]
        elif decision == "new":
            entries += [f"new {free_code}" if free_code else "new"] if subject.account is None else []
        elif decision != "accept" or subject.account is not None:
            entries.append(decision)
            entries += _field_by_field(decision, subject)
    return entries
