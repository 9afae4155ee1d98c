"""What only a person can settle: link, link to a new account, unlink, accept, ignore. Each is undone by its opposite.

Decisions are kept in the journal with who and when; nothing is written to BPO or to accounting.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bposync.errors import UsageError, nearest
from bposync.journal.links import IGNORE, IGNORE_ACCOUNT, NEW
from bposync.people import current_user
from bposync.records import Link, PairingKind
from bposync.values import normalise_code, quoted, visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    import sqlalchemy as sa

    from bposync.journal import Journal
    from bposync.records import Account, Customer, Pairing
    from bposync.survey import Survey
    from bposync.values import Value


@dataclass(frozen=True, slots=True)
class Accepted:
    """One field that accounting's value now stands in."""

    field: str
    bpo: Value
    accounting: Value


def link(survey: Survey, journal: Journal, code: str, account_code: str) -> Link:
    """Settle that a customer is an account, which must exist. Raises UsageError naming the nearest."""
    customer = _customer(survey, code)
    account = _account(survey, account_code)
    old = survey.links.get(customer.key)
    if old is not None and _pairing(survey, customer).account is account:
        return old
    if old is not None:
        raise UsageError(
            f"Customer {customer.code} is linked to account {old.account} already.",
            f"Take that back first: bposync unlink {customer.code}",
        )
    for pairing in survey.matching.pairings:
        if pairing.account is account and pairing.customer is not None and pairing.customer is not customer:
            raise UsageError(
                f"Account {account.code} ({account.name}) is that of {pairing.customer.code} ({pairing.customer.name}).",
                f"If that is wrong: bposync unlink {pairing.customer.code}",
            )
    made = Link(customer.code, account.code, account.key, customer.name, customer.sites)
    with journal.transaction("cannot be written") as connection:
        journal.decisions.forget(connection, NEW, customer.key)
        _unlink_gone(survey, journal, connection, account)
        journal.links.save(connection, [made], by=current_user(), at=journal.now())
        journal.decisions.log(connection, "link", customer.code, account.code)
    return made


def link_new(survey: Survey, journal: Journal, code: str, new_code: str) -> str:
    """Settle that a customer has no account yet, and the code that it gets: `new_code`, or its own where that is empty.

    Raises UsageError where an account has the code already, where another customer has it, or where it cannot be held.
    """
    customer = _customer(survey, code)
    old = survey.links.get(customer.key)
    if old is not None:
        raise UsageError(
            f"Customer {customer.code} is linked to account {old.account} already.",
            f"Take that back first: bposync unlink {customer.code}",
        )
    wanted = new_code or customer.text("account") or customer.code
    try:
        written = survey.books.code_for(wanted)
    except ValueError as error:
        raise UsageError(f"Account code for {customer.code}: {error}.", f"bposync link {customer.code} --new CODE") from None
    key = normalise_code(written)
    for account in survey.accounts:
        if normalise_code(account.code) == key:
            raise UsageError(
                f"There is an account {account.code} ({account.name}) already.",
                f"If it is the customer's: bposync link {customer.code} {account.code}; else give another code.",
            )
    for other in survey.customers:
        if other.key == key and other is not customer:
            raise UsageError(f"{written} is the code of customer {other.code} ({other.name}).", "Give another code.")
    for subject, taken in survey.decisions.new.items():
        if subject != customer.key and normalise_code(taken) == key:
            raise UsageError(f"{written} is kept for the new account of customer {subject}.", "Give another code.")
    with journal.transaction("cannot be written") as connection:
        journal.decisions.save(connection, NEW, customer.key, written if new_code else "")
        journal.decisions.log(connection, "link --new", customer.code, written)
    return written


def unlink(journal: Journal, code: str) -> list[str]:
    """Take back a customer's link, and that it gets a new account; give what was taken back, in a user's words.

    Raises UsageError where there is neither.
    """
    key = normalise_code(code)
    links, decisions = journal.links.read(), journal.decisions.read()
    old = links.get(key)
    if old is None and key not in decisions.new:
        known = [link.customer for link in links.values()]
        near = nearest(code, known)
        raise UsageError(
            f"Customer {quoted(code)} is not linked.",
            f"Did you mean {near!r}?" if near else "bposync sync --dry-run --verbose shows who is paired.",
        )
    said = []
    with journal.transaction("cannot be written") as connection:
        if old is not None:
            journal.links.forget(connection, key)
            said.append(f"Customer {old.customer} is no longer linked to account {old.account}.")
        if key in decisions.new:
            journal.decisions.forget(connection, NEW, key)
            said.append(f"Customer {visible(code)} is no longer to get a new account.")
        journal.decisions.log(connection, "unlink", old.customer if old else code, old.account if old else "")
    return said


def accept(survey: Survey, journal: Journal, code: str, fields: Sequence[str]) -> list[Accepted]:
    """Settle that accounting's present values stand, in all fields that differ or in `fields`; BPO's next change is written.

    Gives the fields that differed. Raises UsageError where the customer has no account to compare with, or no such field.
    """
    customer = _customer(survey, code)
    pairing = _pairing(survey, customer)
    account = pairing.account
    if account is None or pairing.kind is not PairingKind.PAIRED:
        raise UsageError(
            f"Customer {customer.code} has no account whose values could stand.",
            f"bposync status tells how it stands; bposync link {customer.code} ACCOUNT says which account it is.",
        )
    for name in fields:
        if name not in survey.books.fields:
            near = nearest(name, survey.books.fields)
            raise UsageError(f"accept: {name!r} is no field that is compared.", f"Did you mean {near!r}?" if near else None)
    shape = survey.books.shape(customer)
    agreed = dict(pairing.link.agreed) if pairing.link else {}
    accepted = []
    for name, bpo, accounting in zip(survey.books.fields, shape.values, account.values, strict=True):
        if fields and name not in fields:
            continue
        if bpo != accounting and agreed.get(name) != (bpo, accounting):
            accepted.append(Accepted(name, bpo, accounting))
        if bpo != accounting or name != "hold":
            agreed[name] = (bpo, accounting)
    if not accepted:
        return []
    made = Link(customer.code, account.code, account.key, customer.name, customer.sites, agreed)
    with journal.transaction("cannot be written") as connection:
        journal.links.save(connection, [made], by=current_user(), at=journal.now())
        journal.decisions.log(connection, "accept", customer.code, account.code, ", ".join(each.field for each in accepted))
    return accepted


def ignore_customer(survey: Survey, journal: Journal, code: str, *, undo: bool) -> str:
    """Set a customer aside, or take that back; give its code as BPO writes it. Raises UsageError."""
    key = normalise_code(code)
    if undo and key in survey.decisions.ignored_customers:
        written = next((customer.code for customer in survey.customers if customer.key == key), code)
    else:
        link_ = survey.links.get(key)
        written = link_.customer if link_ is not None else _customer(survey, code).code
        if undo:
            raise UsageError(f"Customer {written} is not ignored.")
    _ignore(journal, IGNORE, key, written, "", undo=undo)
    return written


def ignore_account(survey: Survey, journal: Journal, code: str, *, undo: bool) -> str:
    """Leave an account out of the accounts without a customer, or take that back; give its code. Raises UsageError."""
    key = normalise_code(code)
    if undo:
        if key not in survey.decisions.ignored_accounts:
            raise UsageError(f"Account {visible(code)} is not ignored.")
        written = code
    else:
        written = _account(survey, code).code
    _ignore(journal, IGNORE_ACCOUNT, key, "", written, undo=undo)
    return written


def _ignore(journal: Journal, kind: str, key: str, customer: str, account: str, *, undo: bool) -> None:
    with journal.transaction("cannot be written") as connection:
        if undo:
            journal.decisions.forget(connection, kind, key)
        else:
            journal.decisions.save(connection, kind, key, "")
        journal.decisions.log(connection, "ignore --undo" if undo else "ignore", customer, account)


def _unlink_gone(survey: Survey, journal: Journal, connection: sa.Connection, account: Account) -> None:
    """Free an account from a customer that is no longer in BPO: it is somebody else's now."""
    for pairing in survey.matching.pairings:
        if pairing.account is account and pairing.customer is None and pairing.link is not None:
            journal.links.forget(connection, normalise_code(pairing.link.customer))


def _customer(survey: Survey, code: str) -> Customer:
    key = normalise_code(code)
    found = [customer for customer in survey.customers if customer.key == key]
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(
            f"{len(found)} customers in BPO have the code {visible(code)}.", "Give them codes of their own in BPO."
        )
    near = nearest(code, [customer.code for customer in survey.customers])
    raise UsageError(f"There is no customer {quoted(code)} in BPO.", f"Did you mean {near!r}?" if near else None)


def _account(survey: Survey, code: str) -> Account:
    key = normalise_code(code)
    found = [account for account in survey.accounts if normalise_code(account.code) == key]
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(f"{len(found)} accounts have the code {visible(code)}.", "Mend that in the accounting system first.")
    near = nearest(code, [account.code for account in survey.accounts])
    raise UsageError(f"There is no account {quoted(code)}.", f"Did you mean {near!r}?" if near else None)


def _pairing(survey: Survey, customer: Customer) -> Pairing:
    return next(pairing for pairing in survey.matching.pairings if pairing.customer is customer)
