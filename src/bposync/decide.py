"""What only a person can settle: link, link to a new account, unlink, accept, overwrite, ignore. Each has its opposite.

Decisions are checked against both sides, and against each other where several are taken at once, and are recorded in the
journal together or not at all, with who and when. Nothing is written to BPO or to accounting.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bposync.advice import PLACEHOLDER, command, shows_customers
from bposync.errors import UsageError, did_you_mean
from bposync.fields import FIELDS, named
from bposync.journal.links import IGNORE, IGNORE_ACCOUNT, NEW, remark
from bposync.people import current_user
from bposync.plan import verdict
from bposync.records import Link, PairingKind
from bposync.values import normalise_code, quoted, visible

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    import sqlalchemy as sa

    from bposync.journal import Journal
    from bposync.records import Account, Customer, Pairing
    from bposync.survey import Survey
    from bposync.values import Value

    Step = Callable[[Journal, sa.Connection], None]


ACCEPT: Final = "accept"
OVERWRITE: Final = "overwrite"
_SLIPS: Final = frozenset(" ,;:'\"`\\|?!<>=*[](){}")  # of the hand, where no other code has them


@dataclass(frozen=True, slots=True)
class Accepted:
    """One field whose two values a person judged."""

    field: str
    bpo: Value
    accounting: Value


class TakenError(UsageError):
    """Two decisions of one moment want the same account; `customer` is the one that came first."""

    def __init__(self, account: str, customer: str) -> None:
        super().__init__(f"Account {account} is that of customer {customer}", "Leave one of them.")
        self.customer = customer


class Settling:
    """Decisions of one moment. `subjects` are the normalised codes of the customers who get another account in it.

    What such a customer has now is free for another one in the same settling. `note` goes into the story of the customer.
    Every method checks and notes down one decision, and raises UsageError where it cannot be; `record` keeps them all.
    """

    def __init__(self, survey: Survey, subjects: Collection[str] = ()) -> None:
        self._survey = survey
        self._customers: dict[str, list[Customer]] = {}
        for customer in survey.customers:
            self._customers.setdefault(customer.key, []).append(customer)
        self._accounts: dict[str, list[Account]] = {}
        for account in survey.accounts:
            self._accounts.setdefault(normalise_code(account.code), []).append(account)
        self._pairings = {id(found.customer): found for found in survey.matching.pairings if found.customer is not None}
        self._holders: dict[int, str] = {}
        self._gone: dict[int, Link] = {}
        for pairing in survey.matching.pairings:
            self._note_holder(pairing, subjects)
        self._taken: dict[int, str] = {}
        self._links = dict(survey.links)
        self._new = {key: code for key, code in survey.decisions.new.items() if key not in subjects}
        self._steps: list[Step] = []

    def _note_holder(self, pairing: Pairing, subjects: Collection[str]) -> None:
        if pairing.account is None:
            return
        if pairing.customer is None:
            if pairing.link is not None:
                self._gone[id(pairing.account)] = pairing.link
        elif pairing.customer.key not in subjects:
            self._holders.setdefault(id(pairing.account), f"{pairing.customer.code} ({pairing.customer.name})")

    def record(self, journal: Journal) -> None:
        """Keep all that was settled, in one transaction."""
        if not self._steps:
            return
        with journal.deciding() as connection:
            journal.know_company_first(connection, self._survey.books.company.name)
            for step in self._steps:
                step(journal, connection)

    # Who is who.

    def link(self, code: str, account_code: str, *, stands: str = "", instead: bool = False, note: str = "") -> Link:
        """Settle that a customer is an account, which must exist; with `instead` also where it is linked to another one.

        `stands` says whose value holds in the fields that both have and that differ: `accept` for accounting's, `overwrite`
        for BPO's, nothing where that is left open. What only BPO has is filled in by the next sync either way.
        """
        customer = self.customer(code)
        account = self.account(account_code)
        old = self._links.get(customer.key)
        if old is not None and self.pairing(customer).account is account:
            self._take(account, customer)
            if fields := self._both_have(customer, account) if stands else []:
                judge = self.accept if stands == ACCEPT else self.overwrite
                judge(code, [each.field for each in fields], note=note)
            return old
        if old is not None and not instead and self.pairing(customer).kind is not PairingKind.MISSING:
            raise UsageError(
                f"Customer {customer.code} is linked to account {old.account} already.",
                f"Take that back first: {command('unlink {}', customer.code)}",
            )
        self._take(account, customer)
        judged = self._both_have(customer, account) if stands else []
        agreed = {each.field: (each.bpo, each.accounting) for each in judged} if stands == ACCEPT else {}
        made = Link(customer.code, account.code, account.key, customer.name, customer.sites, agreed)
        gone = self._gone.get(id(account))
        self._links[customer.key] = made
        self._new.pop(customer.key, None)

        def step(journal: Journal, connection: sa.Connection) -> None:
            journal.decisions.forget(connection, NEW, customer.key)
            if gone is not None:
                # It is somebody else's now.
                journal.links.forget(connection, normalise_code(gone.customer))
            journal.links.save(connection, [made], by=current_user(), at=journal.now())
            journal.decisions.log(connection, "link", customer.code, account.code, remark("", note))
            if stands == OVERWRITE and judged:
                journal.decisions.overwrite(connection, customer.key, {each.field: each.accounting for each in judged})
            if judged:
                fields = ", ".join(each.field for each in judged)
                journal.decisions.log(connection, stands, customer.code, account.code, remark(fields, note))

        self._steps.append(step)
        return made

    def _both_have(self, customer: Customer, account: Account) -> list[Accepted]:
        """Give the fields in which both have a value, and another one."""
        books = self._survey.books
        shape = books.shape(customer)
        return [
            Accepted(name, bpo, accounting)
            for name, bpo, accounting in zip(books.fields, shape.values, account.values, strict=True)
            if bpo != accounting and not FIELDS[name].is_blank(bpo) and not FIELDS[name].is_blank(accounting)
        ]

    def _take(self, account: Account, customer: Customer) -> None:
        mine = f"{customer.code} ({customer.name})"
        taken = self._taken.get(id(account))
        if taken is not None and taken != mine:
            raise TakenError(account.code, taken.partition(" (")[0])
        holder = None if self.pairing(customer).account is account else self._holders.get(id(account))
        if holder is not None and holder != mine:
            code = holder.partition(" (")[0]
            way = (
                command("unlink {}", code)
                if normalise_code(code) in self._links
                else f"{command('link {} ACCOUNT', code)}, or {command('link {} --new CODE', code)}"
            )
            raise UsageError(f"Account {account.code} ({account.name}) is that of {holder}.", f"If that is wrong: {way}")
        self._holders[id(account)] = self._taken[id(account)] = mine

    def link_new(self, code: str, new_code: str, *, instead: bool = False, note: str = "") -> str:
        """Settle that a customer has no account yet; give the code that it gets: `new_code`, or its own where that is empty.

        With `instead` also where it is linked to an account, which it leaves. Raises UsageError where an account has the
        code already, where another customer has it, or where it cannot be held.
        """
        customer = self.customer(code)
        old = self._links.get(customer.key)
        if old is not None and not instead:
            raise UsageError(
                f"Customer {customer.code} is linked to account {old.account} already.",
                f"Take that back first: {command('unlink {}', customer.code)}",
            )
        written = self._free_code(customer, new_code)
        self._links.pop(customer.key, None)
        self._new[customer.key] = written

        def step(journal: Journal, connection: sa.Connection) -> None:
            if old is not None:
                journal.links.forget(connection, customer.key)
            journal.decisions.save(connection, NEW, customer.key, written if new_code else "")
            journal.decisions.log(connection, "link --new", customer.code, written, remark("", note))

        self._steps.append(step)
        return written

    def _free_code(self, customer: Customer, new_code: str) -> str:
        try:
            written = self._survey.books.code_for(new_code or customer.text("account") or customer.code)
        except ValueError as error:
            hint = command("link {} --new CODE", customer.code)
            raise UsageError(f"Account code for {customer.code}: {error}.", hint) from None
        if new_code:
            self._check_typed(customer, written, new_code)
        key = normalise_code(written)
        for account in self._accounts.get(key, []):
            raise UsageError(
                f"There is an account {account.code} ({account.name}) already.",
                f"If it is the customer's: {command('link {} {}', customer.code, account.code)}; else give another code.",
            )
        for other in self._customers.get(key, []):
            if other is not customer:
                raise UsageError(f"{written} is the code of customer {other.code} ({other.name}).", "Give another code.")
        for subject, taken in self._new.items():
            if subject != customer.key and normalise_code(taken) == key:
                raise UsageError(f"{written} is kept for the new account of customer {subject}.", "Give another code.")
        return written

    def _check_typed(self, customer: Customer, code: str, typed: str) -> None:
        """Refuse a sign that no code of either side has: it came in by a slip of the hand, and an account keeps its code."""
        if typed.strip("[]") == PLACEHOLDER:
            raise UsageError(
                f"{PLACEHOLDER} stands for an account code of your choice.",
                f"Write that code in its place: {command('link {} --new', customer.code)} and the code.",
            )
        odd = _SLIPS & set(code)
        if odd:
            odd -= {sign for account in self._survey.accounts for sign in account.code}
            odd -= {sign for other in self._survey.customers for sign in other.code}
        if odd:
            better = "".join(sign for sign in code if sign not in odd).strip()
            raise UsageError(
                f"Account code {quoted(code)} for {customer.code}: no code of this company has {quoted(min(odd))} in it.",
                f"Is it a typing error? {command('link {} --new {}', customer.code, better or 'CODE')}",
            )

    # Whose value stands.

    def accept(self, code: str, fields: Sequence[str] = (), *, note: str = "") -> list[Accepted]:
        """Settle that accounting's present values stand, in all fields that differ or in `fields`; BPO's next change counts.

        Gives the fields that differed.
        """
        fields = self._fields(fields)
        customer, pairing, account = self._pair(code)
        shape = self._survey.books.shape(customer)
        agreed = dict(pairing.link.agreed) if pairing.link else {}
        accepted = []
        for name, bpo, accounting in zip(self._survey.books.fields, shape.values, account.values, strict=True):
            if fields and name not in fields:
                continue
            if bpo != accounting and agreed.get(name) != (bpo, accounting):
                accepted.append(Accepted(name, bpo, accounting))
            if bpo != accounting or name != "hold":
                agreed[name] = (bpo, accounting)
        if accepted:
            self._agree(customer, account, agreed, "accept", accepted, note)
        return accepted

    def undo_accept(self, code: str, fields: Sequence[str] = (), *, note: str = "") -> list[Accepted]:
        """Take an accept back, in all fields or in `fields`: they differ again, and nobody agreed. Gives those fields."""
        fields = self._fields(fields)
        customer, pairing, account = self._pair(code)
        agreed = dict(pairing.link.agreed) if pairing.link else {}
        taken = [
            Accepted(name, *agreed.pop(name))
            for name in list(agreed)
            if agreed[name][0] != agreed[name][1] and (not fields or name in fields)
        ]
        if taken:
            self._agree(customer, account, agreed, "accept --undo", taken, note)
        return taken

    def _agree(
        self,
        customer: Customer,
        account: Account,
        agreed: dict[str, tuple[Value, Value]],
        decision: str,
        fields: Sequence[Accepted],
        note: str,
    ) -> None:
        made = Link(customer.code, account.code, account.key, customer.name, customer.sites, agreed)
        self._links[customer.key] = made
        judged = {each.field for each in fields}
        kept = {name: value for name, value in self._overwritten(customer).items() if name not in judged}

        def step(journal: Journal, connection: sa.Connection) -> None:
            journal.links.save(connection, [made], by=current_user(), at=journal.now())
            if kept:
                journal.decisions.overwrite(connection, customer.key, kept)
            detail = remark(", ".join(each.field for each in fields), note)
            journal.decisions.log(connection, decision, customer.code, account.code, detail)

        self._steps.append(step)

    def overwrite(self, code: str, fields: Sequence[str] = (), *, note: str = "") -> list[Accepted]:
        """Settle that BPO's values replace accounting's present ones with the next sync; give the fields that it is about.

        A value that accounting changes until then is another one, and is left. What was accepted, what BPO never had, and
        what accounting cannot hold is none of them.
        """
        fields = self._fields(fields)
        customer, pairing, account = self._pair(code)
        shape = self._survey.books.shape(customer)
        agreed = pairing.link.agreed if pairing.link else {}
        held = {**dict(customer.problems), **shape.rejected, **shape.held}
        settled = [
            Accepted(name, bpo, accounting)
            for name, bpo, accounting in zip(self._survey.books.fields, shape.values, account.values, strict=True)
            if (not fields or name in fields) and name not in held
            and verdict(FIELDS[name], bpo, accounting, agreed.get(name), held=False) is not None
        ]  # fmt: skip
        values = {**self._overwritten(customer), **{each.field: each.accounting for each in settled}}

        def step(journal: Journal, connection: sa.Connection) -> None:
            journal.decisions.overwrite(connection, customer.key, values)
            detail = remark(", ".join(each.field for each in settled), note)
            journal.decisions.log(connection, "overwrite", customer.code, account.code, detail)

        if settled:
            self._steps.append(step)
        return settled

    def _overwritten(self, customer: Customer) -> Mapping[str, Value]:
        """Give what is to be overwritten already; a decision about other fields takes none of it back."""
        return self._survey.decisions.overwrite.get(customer.key, {})

    def _pair(self, code: str) -> tuple[Customer, Pairing, Account]:
        customer = self.customer(code)
        pairing = self.pairing(customer)
        if pairing.account is None or pairing.kind is not PairingKind.PAIRED:
            raise UsageError(
                f"Customer {customer.code} has no account whose values could stand.",
                f"{command('status')} tells how it stands; {command('link {} ACCOUNT', customer.code)} says which account it "
                "is.",
            )
        return customer, pairing, pairing.account

    def _fields(self, asked: Sequence[str]) -> list[str]:
        """Give the names of fields that a person names by name or label. Raises UsageError."""
        known = self._survey.books.fields
        found = []
        for text in asked:
            name = named(text, known)
            if name is None:
                raise UsageError(f"{quoted(text)} is no field that is compared.", did_you_mean(text, known))
            found.append(name)
        return found

    # Who is set aside.

    def ignore_customer(self, code: str, *, undo: bool = False, note: str = "") -> str:
        """Set a customer aside, or take that back; give its code as BPO writes it."""
        key = normalise_code(code)
        if undo and key in self._survey.decisions.ignored_customers:
            written = next((customer.code for customer in self._customers.get(key, [])), code)
        else:
            link_ = self._survey.links.get(key)
            written = link_.customer if link_ is not None else self.customer(code).code
            if undo:
                raise UsageError(f"Customer {written} is not ignored.", f"{command('status --all')} lists who is.")
        self._ignore(IGNORE, key, written, "", undo=undo, note=note)
        return written

    def ignore_account(self, code: str, *, undo: bool = False, note: str = "") -> str:
        """Leave an account out of the accounts without a customer, or take that back; give its code."""
        key = normalise_code(code)
        if undo:
            if key not in self._survey.decisions.ignored_accounts:
                raise UsageError(f"Account {visible(code)} is not ignored.", f"{command('status --all')} lists which are.")
            written = code
        else:
            written = self.account(code).code
        self._ignore(IGNORE_ACCOUNT, key, "", written, undo=undo, note=note)
        return written

    def _ignore(self, kind: str, key: str, customer: str, account: str, *, undo: bool, note: str) -> None:
        def step(journal: Journal, connection: sa.Connection) -> None:
            if undo:
                journal.decisions.forget(connection, kind, key)
            else:
                journal.decisions.save(connection, kind, key, "")
            journal.decisions.log(connection, "ignore --undo" if undo else "ignore", customer, account, remark("", note))

        self._steps.append(step)

    # Looking up.

    def customer(self, code: str) -> Customer:
        """Give the one customer that has a code."""
        found = self._customers.get(normalise_code(code), [])
        if len(found) == 1:
            return found[0]
        if found:
            raise UsageError(
                f"{len(found)} customers in BPO have the code {visible(code)}.", "Give them codes of their own in BPO."
            )
        known = (customer.code for customer in self._survey.customers)
        raise UsageError(f"There is no customer {quoted(code)} in BPO.", did_you_mean(code, known, otherwise=""))

    def account(self, code: str) -> Account:
        """Give the one account that has a code."""
        found = self._accounts.get(normalise_code(code), [])
        if len(found) == 1:
            return found[0]
        if found:
            raise UsageError(
                f"{len(found)} accounts have the code {visible(code)}.", "Mend that in the accounting system first."
            )
        known = (account.code for account in self._survey.accounts)
        raise UsageError(f"There is no account {quoted(code)}.", did_you_mean(code, known, otherwise=""))

    def pairing(self, customer: Customer) -> Pairing:
        """Give who a customer is, as both sides and the journal had it."""
        return self._pairings[id(customer)]


def link(survey: Survey, journal: Journal, code: str, account_code: str) -> Link:
    """Settle that a customer is an account, which must exist. Raises UsageError naming the nearest."""
    settling = Settling(survey)
    made = settling.link(code, account_code)
    settling.record(journal)
    return made


def link_new(survey: Survey, journal: Journal, code: str, new_code: str) -> str:
    """Settle that a customer has no account yet, and the code that it gets. Raises UsageError."""
    settling = Settling(survey)
    written = settling.link_new(code, new_code)
    settling.record(journal)
    return written


def unlink(journal: Journal, code: str, survey: Survey | None = None) -> list[str]:
    """Take back a customer's link, and that it gets a new account; give what was taken back, in a user's words.

    Raises UsageError where there is neither; with a survey it says how the customer stands.
    """
    key = normalise_code(code)
    links, decisions = journal.links.read(), journal.decisions.read()
    old = links.get(key)
    if old is None and key not in decisions.new and key not in decisions.overwrite:
        raise _not_linked(code, links, survey)
    said = []
    with journal.deciding() as connection:
        if old is not None:
            journal.links.forget(connection, key)
            said.append(f"Customer {old.customer} is no longer linked to account {old.account}.")
        if key in decisions.new:
            journal.decisions.forget(connection, NEW, key)
            said.append(f"Customer {visible(code)} is no longer to get a new account.")
        if key in decisions.overwrite:
            journal.decisions.forget_overwrites(connection, [key])
            said.append(f"BPO's values no longer replace those of customer {visible(code)} in accounting.")
        journal.decisions.log(connection, "unlink", old.customer if old else code, old.account if old else "")
    return said


def _not_linked(code: str, links: Mapping[str, Link], survey: Survey | None) -> UsageError:
    """Say why there is nothing to take back, and what can be done instead."""
    key = normalise_code(code)
    pairings = survey.matching.pairings if survey is not None else ()
    pairing = next((each for each in pairings if each.customer is not None and each.customer.key == key), None)
    if pairing is None or pairing.customer is None:
        known = [link.customer for link in links.values()] + [
            each.customer.code for each in pairings if each.customer is not None
        ]
        hint = did_you_mean(code, known, otherwise=shows_customers())
        return UsageError(f"Customer {quoted(code)} is not linked{', and not in BPO' if pairings else ''}.", hint)
    written = pairing.customer.code
    if pairing.account is None:
        return UsageError(
            f"Customer {written} is not linked to an account, so there is nothing to take back.",
            f"{command('status')} tells who needs a person.",
        )
    return UsageError(
        f"Customer {written} is not linked yet: {_why_paired(pairing)} are those of account {pairing.account.code}, with which "
        "the next sync pairs it.",
        f"If that is wrong: {command('link {} ACCOUNT', written)}, or {command('link {} --new CODE', written)}",
    )


def _why_paired(pairing: Pairing) -> str:
    return "code and name" if any("code and name" in reason for reason in pairing.reasons) else "what BPO says about it"


def accept(survey: Survey, journal: Journal, code: str, fields: Sequence[str], *, undo: bool = False) -> list[Accepted]:
    """Settle that accounting's present values stand, or take that back; give the fields. Raises UsageError."""
    settling = Settling(survey)
    accepted = settling.undo_accept(code, fields) if undo else settling.accept(code, fields)
    settling.record(journal)
    return accepted


def ignore_customer(survey: Survey, journal: Journal, code: str, *, undo: bool) -> str:
    """Set a customer aside, or take that back; give its code as BPO writes it. Raises UsageError."""
    settling = Settling(survey)
    written = settling.ignore_customer(code, undo=undo)
    settling.record(journal)
    return written


def ignore_account(survey: Survey, journal: Journal, code: str, *, undo: bool) -> str:
    """Leave an account out of the accounts without a customer, or take that back; give its code. Raises UsageError."""
    settling = Settling(survey)
    written = settling.ignore_account(code, undo=undo)
    settling.record(journal)
    return written
