"""What a filled-in sheet decides: each row is understood, compared with what it showed, and checked; then all is recorded.

One row that cannot be understood, or whose data changed since, and nothing is recorded: what a person sees is what holds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from bposync.cautions import Cautions, doubts, stays_blank
from bposync.decide import ACCEPT, OVERWRITE, Accepted, Settling, TakenError
from bposync.errors import UsageError, did_you_mean
from bposync.fields import FIELDS, named
from bposync.review.likeness import MOST
from bposync.review.make import ACCOUNTING_ONLY, DECISIONS, Everybody, Subject, fingerprint, shown_codes, subjects
from bposync.values import normalise_code, quoted

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from bposync.plan import Plan
    from bposync.records import Account
    from bposync.sheets import Line
    from bposync.survey import Survey

NEEDED: Final = ("customer", "account", "decision", "check")
"""The columns that a sheet must have."""
_VERBS: Final = ("link", "new", "accept", "overwrite", "ignore")


@dataclass(frozen=True, slots=True)
class Decided:
    """One row's decision: what the sheet says, and what is recorded, in a user's words."""

    row: int
    customer: str
    account: str
    name: str
    """The customer's name, or that of an account without a customer."""
    decision: str
    said: str
    cautions: tuple[str, ...] = ()
    """What speaks against it: a row is read with it, and nothing is refused."""
    under_another_code: bool = False
    """Whether the account has another code than the customer, and BPO cannot know that."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A row that cannot be recorded, and why, in a user's words."""

    row: int
    who: str
    why: str


@dataclass(frozen=True)
class Reading:
    """What a sheet decides. With problems nothing of it may be recorded."""

    settling: Settling
    decided: tuple[Decided, ...]
    problems: tuple[Problem, ...]
    already: int
    """Rows whose decision holds already."""


@dataclass(frozen=True, slots=True)
class _Said:
    """What a row records, in a user's words; and which customer gets which account by it, where one does."""

    text: str
    customer: str = ""
    account: str = ""
    cautions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Row:
    line: Line
    verb: str
    rest: str
    subject: Subject

    @property
    def note(self) -> str:
        return " ".join(self.line.cells.get("note", "").replace("\0", " ").split())


def read_decisions(survey: Survey, plan: Plan, lines: Sequence[Line]) -> Reading:
    """Understand and check every row that has a decision. `plan` is of all sites."""
    reader = _Reader(survey, plan)
    for line in lines:
        if line.cells.get("decision", "").strip():
            reader.add(line)
    return reader.finish()


class _Reader:
    def __init__(self, survey: Survey, plan: Plan) -> None:
        self._survey = survey
        self._everybody = Everybody(survey)
        self._cautions = Cautions(survey)
        self._customers: dict[str, list[Subject]] = {}
        self._accounts: dict[str, Subject] = {}
        for subject in subjects(survey, plan):
            if subject.change is not None:
                for code in shown_codes(subject.change.code):
                    self._customers.setdefault(code, []).append(subject)
            elif subject.account is not None:
                self._accounts.update(dict.fromkeys(shown_codes(subject.account.code), subject))
        self._by_code: dict[str, Account] = {}
        for account in survey.accounts:
            for code in shown_codes(account.code):
                self._by_code.setdefault(code, account)
        self._keys = {customer.key for customer in survey.customers}
        self._rows: list[_Row] = []
        self._seen: dict[tuple[str, str], int] = {}
        self._already = 0
        self._problems: list[Problem] = []

    def add(self, line: Line) -> None:
        """Understand one row, and note it down or what is wrong with it."""
        try:
            row = self._understood(line)
        except UsageError as error:
            self._problem(line, error)
            return
        if row is not None:
            self._rows.append(row)

    def finish(self) -> Reading:
        """Check what was understood, all together."""
        subjects_ = {
            normalise_code(row.subject.change.code)
            for row in self._rows
            if row.verb in ("link", "new") and row.subject.change is not None
        }
        settling = Settling(self._survey, subjects_)
        settled: list[tuple[_Row, _Said]] = []
        rows_of: dict[str, int] = {}
        for row in self._rows:
            try:
                said = self._settled(settling, row)
            except TakenError as error:
                first = rows_of[normalise_code(error.customer)]
                self._problem(row.line, UsageError(str(error) + f" by row {first}.", "Leave one of them."))
                continue
            except UsageError as error:
                self._problem(row.line, error)
                continue
            about = row.subject.change.code if row.subject.change is not None else self._account_and_stands(row.rest)[0]
            rows_of[normalise_code(about)] = row.line.number
            settled.append((row, said))
        taken = {normalise_code(said.account) for _, said in settled if said.account}
        decided = tuple(self._decided(row, said, taken) for row, said in settled)
        return Reading(settling, decided, tuple(sorted(self._problems, key=lambda each: each.row)), self._already)

    def _decided(self, row: _Row, said: _Said, taken: Collection[str]) -> Decided:
        """Give a row's decision with what speaks against it; the accounts that the sheet gives to somebody are `taken`."""
        customer, account = (row.line.cells.get(name, "") for name in ("customer", "account"))
        verb = f"{row.verb} {row.rest}".rstrip()
        made = Decided(row.line.number, customer, account, row.subject.name, verb, said.text, said.cautions)
        if not said.account:
            return made
        found = self._cautions.of_leaving(said.customer, said.account, taken)
        found += self._cautions.of_strangers(said.customer, said.account) if row.verb == "link" else []
        return replace(
            made,
            cautions=tuple(found),
            under_another_code=self._cautions.is_under_another_code(said.customer, said.account),
        )

    def _problem(self, line: Line, error: UsageError) -> None:
        who = line.cells.get("customer") or line.cells.get("account") or ""
        self._problems.append(Problem(line.number, who, f"{error.message} {error.hint or ''}".rstrip()))

    def _understood(self, line: Line) -> _Row | None:
        verb, rest = (*line.cells["decision"].split(maxsplit=1), "")[:2]
        verb, rest = verb.lower(), rest.strip()
        if verb not in _VERBS:
            near = did_you_mean(verb, _VERBS)
            raise UsageError(f"{quoted(line.cells['decision'])} is no decision.", near)
        if verb == "link" and not rest:
            raise UsageError("link: to which account?", "Write link CODE.")
        if verb == "link":
            self._check_stands(rest, account=not line.cells["customer"])
        if verb == "ignore" and rest:
            raise UsageError("ignore takes nothing behind it.", "Write ignore alone.")
        subject = self._subject(line, verb, rest)
        customer = line.cells["customer"]
        settles_who = bool(customer) and verb not in ("accept", "overwrite")
        if subject is None or (settles_who and self._holds(customer, verb, rest, waits=True)):
            self._already += 1
            return None
        self._once(line, subject, rest if verb == "link" else "")
        if verb not in DECISIONS[subject.action]:
            may = ", ".join(DECISIONS[subject.action])
            raise UsageError(f"{verb} does not fit: {_STANDS.get(subject.action, subject.action)}.", f"It may be: {may}.")
        self._check_unchanged(line, subject)
        return _Row(line, verb, rest, subject)

    def _once(self, line: Line, subject: Subject, rest: str) -> None:
        """Refuse a second row about the same one; an account's row that links it is about the customer too."""
        about = []
        if subject.change is not None:
            about.append(("customer", subject.change.code))
        elif subject.account is not None:
            about.append(("account", subject.account.code))
            if rest:
                about.append(("customer", self._account_and_stands(rest)[0]))
        for what, code in about:
            if (first := self._seen.setdefault((what, normalise_code(code)), line.number)) != line.number:
                raise UsageError(f"Row {first} decides about {what} {quoted(code)} too.", "Leave one of them.")

    def _subject(self, line: Line, verb: str, rest: str) -> Subject | None:
        """Give what a row is about; None where its decision holds already."""
        customer, account = line.cells["customer"], line.cells["account"]
        if customer:
            found = self._customers.get(normalise_code(customer), [])
            exact = [subject for subject in found if subject.change is not None and subject.change.code == customer]
            if len(exact or found) == 1:
                return (exact or found)[0]
            if found:
                raise UsageError(f"{len(found)} customers have the code {quoted(customer)}.", "Mend that in BPO first.")
            if self._holds(customer, verb, rest):
                return None
            raise self._not_waiting(customer)
        if account:
            key = normalise_code(account)
            if key in self._accounts:
                return self._accounts[key]
            if verb == "ignore" and key in self._survey.decisions.ignored_accounts:
                return None
            if verb == "link" and rest and self._holds(self._account_and_stands(rest)[0], verb, account):
                return None
            if key in self._by_code:
                raise UsageError(f"Account {quoted(account)} is no longer one without a customer.", "Empty the decision.")
            raise UsageError(f"There is no account {quoted(account)}.", did_you_mean(account, self._by_code)[:200])
        raise UsageError("The row names neither a customer nor an account.", "Mend it in BPO: a customer needs a code.")

    def _holds(self, customer: str, verb: str, rest: str, *, waits: bool = False) -> bool:
        """Tell whether a decision about a customer is in force; `waits` says that it needs a person all the same."""
        key = normalise_code(customer)
        decisions = self._survey.decisions
        if verb == "link":
            link = self._survey.links.get(key)
            account, stands = self._account_and_stands(rest)
            known = self._by_code.get(normalise_code(account))
            if link is None or known is None or normalise_code(link.account) != normalise_code(known.code):
                return False
            if link.account_key != known.key:
                return False  # it came back as another one
            return not stands or self._said(key, stands)
        if verb == "new":
            if waits and key in self._survey.links:
                return False  # it got that account, and lost it since
            return key in decisions.new and (not rest or normalise_code(decisions.new[key]) == normalise_code(rest))
        if verb == "ignore":
            return key in decisions.ignored_customers
        return self._said(key, verb)

    def _said(self, key: str, verb: str) -> bool:
        return any(words.startswith(_IN_FORCE[verb]) for words in self._survey.decisions.settled.get(key, ()))

    def _account_and_stands(self, rest: str) -> tuple[str, str]:
        """Take `VAL002 accept` apart; but an account's code may have blanks inside."""
        code, _, stands = rest.rpartition(" ")
        if normalise_code(rest) not in self._by_code and code.strip() and stands.lower() in (ACCEPT, OVERWRITE):
            return code.strip(), stands.lower()
        return rest, ""

    def _check_stands(self, rest: str, *, account: bool) -> None:
        """Refuse `VAL002 acept`: a code that is there, with a word behind it that says nothing."""
        code, _, stands = rest.rpartition(" ")
        known = self._keys if account else self._by_code
        if normalise_code(rest) in known or normalise_code(code) not in known or stands.lower() in (ACCEPT, OVERWRITE):
            return
        near = did_you_mean(stands, (ACCEPT, OVERWRITE))
        raise UsageError(f"Behind link {code.strip()} may stand accept or overwrite, and not {quoted(stands)}.", near)

    def _not_waiting(self, customer: str) -> UsageError:
        key = normalise_code(customer)
        if any(each.key == key for each in self._survey.customers):
            return UsageError(
                f"Customer {quoted(customer)} no longer needs a person.", "Empty the decision, or take a new sheet."
            )
        otherwise = "A spreadsheet may have taken zeros away: use .xlsx, or mend the code."
        hint = did_you_mean(customer, [each.code for each in self._survey.customers], otherwise)
        return UsageError(f"There is no customer {quoted(customer)} in BPO.", hint)

    def _check_unchanged(self, line: Line, subject: Subject) -> None:
        candidates = [code for number in range(1, MOST + 1) if (code := line.cells.get(f"candidate_{number}", ""))]
        try:
            seen = self._everybody.named(subject, candidates)
        except KeyError as error:
            raise UsageError(
                f"The candidate {quoted(error.args[0])} is not there.",
                "It is gone, or a spreadsheet changed its code (zeros taken away): take a new sheet, as .xlsx.",
            ) from None
        if fingerprint(self._survey.books, subject, seen) != line.cells["check"]:
            raise UsageError(
                "The customer or an account is no longer as the sheet shows it.",
                "Empty the decision to record the others, and take a new sheet for it.",
            )

    def _settled(self, settling: Settling, row: _Row) -> _Said:
        """Check one decision, and say what it records."""
        subject = row.subject
        if subject.change is None:
            account = subject.account
            assert account is not None  # noqa: S101 - a row without a customer is an account's
            if row.verb == "ignore":
                return _Said(f"account {settling.ignore_account(account.code, note=row.note)} is no longer listed")
            customer, stands = self._account_and_stands(row.rest)
            made = settling.link(customer, account.code, stands=stands, instead=True, note=row.note)
            text = f"customer {made.customer} ({made.name}) is account {made.account}{_WHOSE.get(stands, '')}"
            return _Said(text, made.customer, made.account)
        code = subject.change.code
        if row.verb == "link":
            account_code, stands = self._account_and_stands(row.rest)
            if (known := self._by_code.get(normalise_code(account_code))) is not None:
                account_code = known.code
            made = settling.link(code, account_code, stands=stands, instead=True, note=row.note)
            text = f"is account {made.account} ({self._name_of(made.account)}){_WHOSE.get(stands, '')}"
            return _Said(text, made.customer, made.account)
        if row.verb == "new":
            new = settling.link_new(code, row.rest, instead=True, note=row.note)
            return _Said(f"gets a new account {new} with the next sync", code, new)
        if row.verb == "ignore":
            settling.ignore_customer(code, note=row.note)
            return _Said("is skipped from now on")
        fields = _fields(row.rest)
        cautions = doubts(subject.change)
        if row.verb == "accept":
            accepted = settling.accept(code, fields, note=row.note)
            cautions += [] if fields else [said for each in accepted if (said := stays_blank(each))]
            return _Said(f"accounting's values stand: {_labels(accepted, fields)}", cautions=tuple(cautions))
        replaced = settling.overwrite(code, fields, note=row.note)
        return _Said(
            f"BPO's values replace accounting's with the next sync: {_labels(replaced, fields)}", cautions=tuple(cautions)
        )

    def _name_of(self, account: str) -> str:
        found = self._by_code.get(normalise_code(account))
        return found.name if found is not None else ""


def _labels(judged: Sequence[Accepted], asked: Sequence[str]) -> str:
    """Name the fields that were judged. Raises UsageError where there is none, or not all that were asked for."""
    found = {each.field for each in judged}
    if lacking := [FIELDS[name].label for name in asked if name not in found]:
        raise UsageError(f"{', '.join(lacking)}: there is nothing to decide.", "Name only fields that the row shows.")
    if not found:
        raise UsageError("There is nothing to decide.", "What BPO has cannot be written: mend it there.")
    return ", ".join(FIELDS[each.field].label for each in judged)


def _fields(text: str) -> list[str]:
    """Give the fields that a cell names, by name or label, with commas or blanks between: `phone, Credit limit`."""
    found = []
    for part in filter(str.strip, text.split(",")):
        known = named(part)
        found += [known] if known else [named(word) or word for word in part.split()]
    return found


_IN_FORCE: Final = {"accept": "accounting's", "overwrite": "BPO's"}
_WHOSE: Final = {
    ACCEPT: "; where both have a value, accounting's stands",
    OVERWRITE: "; where both have a value, BPO's replaces it with the next sync",
}
_STANDS: Final = {ACCOUNTING_ONLY: "this is an account without a customer"}
