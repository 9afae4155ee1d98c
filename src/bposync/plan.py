"""What differs: pairings and agreed values become changes, field by field, with reasons. Pure; it never asks who is who.

Base, BPO and accounting are compared in the shape in which the account holds a value, never raw.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Final

from bposync import toml
from bposync.evidence import compare
from bposync.fields import FIELDS, Kind
from bposync.match import is_inactive
from bposync.records import Action, Change, FieldChange, Link, Pairing, PairingKind, Verdict
from bposync.values import normalise_code, normalise_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bposync.accounting import Books
    from bposync.fields import Field
    from bposync.records import Account, Contradiction, Customer, Decisions, Matching, Shape
    from bposync.values import Value

    Agreed = Mapping[str, tuple[Value, Value]]

ATTENTION: Final = (Action.CONFLICT, Action.LOOKALIKE, Action.REJECTED, Action.MISSING)
"""What waits for a person: a sync that meets one leaves with exit code 4."""
OUT_OF_STEP: Final = (*ATTENTION, Action.CREATE, Action.UPDATE, Action.DRIFT)
"""What makes `status --check` leave with exit code 3."""
_MOST_NAMED = 5  # customers that a note names
_ALWAYS_READ = ("code", "name", "is_debtor", "account")


@dataclass(frozen=True, slots=True)
class Choice:
    """Whom a sync is for, and how: by site and by customer code (normalised); empty means all."""

    sites: tuple[str, ...] = ()
    customers: frozenset[str] = frozenset()
    overwrite: bool = False
    sync_statuses: tuple[str, ...] = ("Active", "Hold")

    def includes(self, key: str, sites: Sequence[str]) -> bool:
        """Tell whether a customer is chosen; one whose sites nobody knows any more is at every site."""
        if self.customers and key not in self.customers:
            return False
        return not self.sites or not sites or any(site in self.sites for site in sites)


@dataclass(frozen=True)
class Plan:
    """What a sync would do, customer by customer, in the order of the codes. Making one writes nothing."""

    changes: tuple[Change, ...]
    accounting_only: tuple[Account, ...] = ()
    notes: tuple[str, ...] = field(default=())
    in_step: Mapping[tuple[str, ...], int] = field(default_factory=dict)
    """How many more customers are in step as they were before, by their sites; there is no change of theirs."""

    @cached_property
    def summary(self) -> dict[str, int]:
        """How many customers have each action."""
        return self._summarise(self.changes, sum(self.in_step.values()))

    def summary_at(self, site: str) -> dict[str, int]:
        """How many customers of a site have each action."""
        in_step = sum(count for sites, count in self.in_step.items() if site in sites)
        return self._summarise((change for change in self.changes if site in change.sites), in_step)

    @staticmethod
    def _summarise(changes: Iterable[Change], in_step: int) -> dict[str, int]:
        counts = summarise(changes)
        counts[Action.SAME.value] += in_step
        return counts

    @cached_property
    def writes(self) -> tuple[Change, ...]:
        """The changes that are written."""
        return tuple(change for change in self.changes if change.is_write)

    @property
    def needs_person(self) -> bool:
        """Whether a customer waits for a person."""
        return any(self.summary[action] for action in ATTENTION)


def summarise(changes: Iterable[Change]) -> dict[str, int]:
    """Count the changes by action, every action named."""
    counts = Counter(change.action for change in changes)
    return {action.value: counts[action] for action in Action}


def make_plan(
    matching: Matching,
    books: Books,
    decisions: Decisions,
    choice: Choice,
    in_step: Mapping[tuple[str, ...], int] | None = None,
) -> Plan:
    """Give what a sync of the chosen customers would do. `in_step` are those who are known to be, by their sites."""
    planner = _Planner(books, decisions, choice)
    changes = [
        planner.change(pairing) for pairing in matching.pairings if choice.includes(_key_of(pairing), _sites_of(pairing))
    ]
    planner.reject_shared_codes(changes)
    changes.sort(key=lambda change: (normalise_code(change.code), change.code))
    return Plan(tuple(changes), matching.accounting_only, (*books.notes, *planner.notes()), in_step or {})


def verdict(field: Field, bpo: Value, accounting: Value, agreed: tuple[Value, Value] | None, *, held: bool) -> Verdict | None:
    """Give what becomes of one field, by the last agreed values, BPO's and accounting's now; None where nothing does."""
    if bpo == accounting:
        return None
    if agreed is None:
        if field.is_blank(bpo):
            return None
        if held:
            return Verdict.HELD
        return Verdict.WRITE if field.is_blank(accounting) else Verdict.CONFLICT
    accounting_changed = accounting != agreed[1]
    if bpo == agreed[0]:
        return Verdict.DRIFT if accounting_changed else None
    if held:
        return Verdict.HELD
    return Verdict.CONFLICT if accounting_changed else Verdict.WRITE


def _key_of(pairing: Pairing) -> str:
    if pairing.customer is not None:
        return pairing.customer.key
    return normalise_code(pairing.link.customer) if pairing.link else ""


def _sites_of(pairing: Pairing) -> tuple[str, ...]:
    if pairing.customer is not None:
        return pairing.customer.sites
    return pairing.link.sites if pairing.link else ()


class _Planner:
    def __init__(self, books: Books, decisions: Decisions, choice: Choice) -> None:
        self.books = books
        self.decisions = decisions
        self.choice = choice
        self.statuses = frozenset(normalise_code(status) for status in choice.sync_statuses)
        self.fields = [FIELDS[name] for name in books.fields]
        self.unmatched_terms: dict[str, list[str]] = {}
        """Who has terms of BPO's that the company does not."""

    def notes(self) -> list[str]:
        code = self.books.defaults.get("terms")
        default = f"the default, {code}" if code else "the default"
        return [
            f"BPO's terms {terms!r} match none of the company's ({_counted(codes)}. New accounts get {default}; existing "
            f"ones are left. Say which they are in bposync.toml, under [accounting.terms]: {toml.line(terms)}"
            for terms, codes in sorted(self.unmatched_terms.items())
        ]

    def change(self, pairing: Pairing) -> Change:
        change = self._change(pairing)
        settled = self.decisions.settled.get(_key_of(pairing)) if self.decisions.settled else None
        if settled is None or change.action is Action.SKIPPED:
            return change
        return replace(change, reasons=(*change.reasons, *settled))

    def _change(self, pairing: Pairing) -> Change:
        customer = pairing.customer
        if customer is None:
            return self._gone_from_bpo(pairing)
        if why := self._skipped(customer, linked=pairing.link is not None):
            account = pairing.account.code if pairing.account else ""
            return Change(customer.code, customer.name, account, Action.SKIPPED, customer.sites, reasons=(why,))
        if pairing.link is not None and is_inactive(customer):
            return self._gone(pairing, "Inactive in BPO")
        shape = self.books.shape(customer)
        base = self._base(pairing)
        reasons = self._rejections(pairing, shape)
        code, why = self._new_code(pairing)
        if why:
            reasons.insert(0, f"code: {why}")
        if pairing.kind is PairingKind.REJECTED:
            reasons = [*pairing.reasons, *reasons]
        if reasons:
            needs_code = any(reason.startswith("code: ") for reason in reasons)
            return replace(base, action=Action.REJECTED, reasons=tuple(dict.fromkeys(reasons)), needs_code=needs_code)
        if pairing.kind is PairingKind.NEW:
            return self._create(replace(base, account=code), customer, shape)
        if pairing.kind is PairingKind.PAIRED:
            return self._compare(base, pairing, shape)
        return replace(
            base, action=_WAITING[pairing.kind], reasons=pairing.reasons, candidates=pairing.candidates,
            needs_code=pairing.kind is PairingKind.LOOKALIKE and self._needs_code(pairing),
        )  # fmt: skip

    def _new_code(self, pairing: Pairing) -> tuple[str, str]:
        """Give the code that the customer's account would get, and why the books cannot hold it; both may be empty."""
        code = pairing.new_code
        if not code or pairing.kind not in (PairingKind.NEW, PairingKind.REJECTED):
            return code, ""
        try:
            return self.books.code_for(code), ""
        except ValueError as error:
            return code, str(error)

    def _needs_code(self, pairing: Pairing) -> bool:
        """Tell whether a lookalike can get an account of its own only under another code."""
        try:
            self.books.code_for(pairing.new_code)
        except ValueError:
            return True
        return pairing.is_own_code_taken

    def _base(self, pairing: Pairing) -> Change:
        customer = pairing.customer
        assert customer is not None  # noqa: S101 - the caller has looked
        account = pairing.account.code if pairing.account else pairing.link.account if pairing.link else ""
        return Change(
            customer.code, customer.name, account, Action.SAME, customer.sites,
            seen=pairing.account, was_in_step=_was_in_step(pairing.link),
        )  # fmt: skip

    def _gone_from_bpo(self, pairing: Pairing) -> Change:
        change = self._gone(pairing, "no longer in BPO")
        key = _key_of(pairing)
        if key in self.decisions.ignored_customers:
            return replace(change, action=Action.SKIPPED, reasons=(self._ignored(key),))
        return change

    def _ignored(self, key: str) -> str:
        said = self.decisions.settled.get(key, ())
        return next((words for words in said if words.startswith("ignored")), "ignored")

    def _gone(self, pairing: Pairing, why: str) -> Change:
        link = pairing.link
        assert link is not None  # noqa: S101 - only who is linked can be gone
        account = pairing.account.code if pairing.account else link.account
        customer = pairing.customer
        return Change(
            customer.code if customer else link.customer, customer.name if customer else link.name, account, Action.GONE,
            customer.sites if customer else link.sites,
            reasons=(f"{why}; account {account} is left as it is",),
        )  # fmt: skip

    def _skipped(self, customer: Customer, *, linked: bool) -> str:
        if customer.key in self.decisions.ignored_customers:
            return self._ignored(customer.key)
        if not customer.is_debtor and not any(name == "is_debtor" for name, _ in customer.problems):
            return "no debtor"
        synchronised = not customer.statuses or any(normalise_code(status) in self.statuses for status in customer.statuses)
        if synchronised or (linked and is_inactive(customer)):
            return ""
        return f"status {', '.join(sorted({status or 'blank' for status in customer.statuses}))} is not synchronised"

    def _rejections(self, pairing: Pairing, shape: Shape) -> list[str]:
        """Give every reason why no account can hold this customer, or why BPO contradicts itself about it."""
        customer = pairing.customer
        assert customer is not None  # noqa: S101 - the caller has looked
        new = pairing.kind is PairingKind.NEW
        agreed: Agreed = pairing.link.agreed if pairing.link else {}
        values = dict(zip(self.books.fields, shape.values, strict=True))
        needed = {*_ALWAYS_READ, *self.books.fields}
        if new:
            needed.update(self.books.new_fields)
        reasons = []
        for name, why in (*customer.problems, *shape.rejected.items()):
            accepted = name in agreed and name in values and agreed[name][0] == values[name]
            if name in needed and not accepted:
                reasons.append(f"{name}: {why}")
        if new and needed & {"group", "category"}:
            needed.add("type")
        said = [contradiction for contradiction in customer.contradictions if contradiction.field in needed]
        reasons += [f"{contradiction.field}: BPO contradicts itself: {_said(contradiction)}" for contradiction in said]
        return reasons

    def _create(self, base: Change, customer: Customer, shape: Shape) -> Change:
        changes = []
        reasons = []
        agreed: dict[str, tuple[Value, Value]] = {}
        values = dict(zip((*self.books.new_fields, *self.books.fields), (*shape.new_values, *shape.values), strict=True))
        for field_, blank, compared in self._fields_of_new:
            name = field_.name
            bpo = values[name]
            is_blank = field_.is_blank(bpo)
            held = not is_blank and name in shape.held
            if held:
                reasons.append(f"{name}: {shape.held[name]}")
                self._count_terms(name, customer)
            default = self.books.defaults.get(name) if held or is_blank else None
            value = bpo if default is None else default
            if held and default is None:
                changes.append(FieldChange(name, blank, bpo, None, Verdict.HELD))
            elif not (value is None or value is False or value == ""):
                changes.append(FieldChange(name, blank, value, None, Verdict.WRITE))
            if compared and not held and value == bpo and (name != "hold" or bpo):
                agreed[name] = (bpo, bpo)
        link = Link(customer.code, base.account, "", customer.name, customer.sites, agreed)
        # What an account cannot hold is compared, and said, each time.
        mark = "" if any(change.verdict is Verdict.HELD for change in changes) or shape.held else customer.mark
        return replace(base, action=Action.CREATE, fields=tuple(changes), reasons=tuple(reasons), link=link, mark=mark)

    @cached_property
    def _fields_of_new(self) -> list[tuple[Field, Value, bool]]:
        """The fields that a new account gets, in order, with what is blank in each, and whether it is compared later."""
        names = sorted({*self.books.fields, *self.books.new_fields}, key=_ORDER.__getitem__)
        return [(FIELDS[name], _blank(name), name in self.books.fields) for name in names]

    def _count_terms(self, name: str, customer: Customer) -> None:
        if name == "terms" and customer.text("terms"):
            self.unmatched_terms.setdefault(customer.text("terms"), []).append(customer.code)

    def _compare(self, base: Change, pairing: Pairing, shape: Shape) -> Change:
        customer, account = pairing.customer, pairing.account
        assert customer is not None  # noqa: S101 - a pair has both sides
        assert account is not None  # noqa: S101
        agreed: Agreed = pairing.link.agreed if pairing.link else {}
        link = self._link(pairing, customer, account, shape, agreed)
        if shape.values == account.values:
            return replace(base, link=_marked(link, customer, account), reasons=pairing.reasons)
        base = replace(base, link=link)
        changes = []
        reasons = list(pairing.reasons)
        # A value that would have rejected the customer, had a person not accepted it, cannot be written either.
        held = {**dict(customer.problems), **shape.rejected, **shape.held}
        for field_, bpo, accounting in zip(self.fields, shape.values, account.values, strict=True):
            if bpo == accounting:
                continue
            name = field_.name
            found = verdict(field_, bpo, accounting, agreed.get(name), held=name in held)
            if found is Verdict.DRIFT and name in held and self._overwrites(customer, name, accounting):
                found = Verdict.HELD
            if found is None:
                continue
            if found is Verdict.HELD:
                reasons.append(f"{name}: {held[name]}")
                self._count_terms(name, customer)
            last = agreed[name][0] if name in agreed else None
            changes.append(FieldChange(name, accounting, bpo, last, found, name in agreed))
        is_another = _is_another(agreed, dict(zip(self.books.fields, shape.values, strict=True)), changes)
        if is_another:
            changes = [
                replace(change, verdict=Verdict.CONFLICT) if change.verdict is Verdict.WRITE else change for change in changes
            ]
        changes = [
            replace(change, verdict=Verdict.WRITE)
            if change.verdict in (Verdict.DRIFT, Verdict.CONFLICT) and self._overwrites(customer, change.field, change.old)
            else change
            for change in changes
        ]
        doubts = [_NOBODY_KNOWS] if is_another else _strangers(pairing, changes)
        reasons += doubts
        reasons += [f"{change.field}: {_why(change)}" for change in changes if change.verdict is Verdict.CONFLICT]
        found_verdicts = {change.verdict for change in changes}
        action = next((action for kind, action in _ACTIONS if kind in found_verdicts), Action.SAME)
        if not changes:
            base = replace(base, link=_marked(link, customer, account))
        elif found_verdicts == {Verdict.WRITE}:
            base = replace(base, mark=customer.mark)
        is_doubtful = bool(doubts) and action is Action.CONFLICT
        return replace(base, action=action, fields=tuple(changes), reasons=tuple(reasons), is_doubtful=is_doubtful)

    def _overwrites(self, customer: Customer, name: str, accounting: Value) -> bool:
        """Tell whether BPO's value wins: by --overwrite, or because a person decided so of accounting's present value."""
        decided = self.decisions.overwrite.get(customer.key, {})
        return self.choice.overwrite or (name in decided and decided[name] == accounting)

    def _link(self, pairing: Pairing, customer: Customer, account: Account, shape: Shape, agreed: Agreed) -> Link:
        """Give what the journal is to remember of this pair as it stands now: the fields in which both sides agree."""
        now = dict(agreed)
        for name, bpo, accounting in zip(self.books.fields, shape.values, account.values, strict=True):
            if bpo != accounting:
                continue
            if name == "hold":
                # Only a hold that bposync put on is taken off again, so only such a one is remembered.
                if not bpo:
                    now.pop(name, None)
            else:
                now[name] = (bpo, accounting)
        old = pairing.link
        link = Link(customer.code, account.code, account.key, customer.name, customer.sites, now)
        if old is not None and replace(link, by=old.by, at=old.at) == old:
            return old
        return link

    def reject_shared_codes(self, changes: list[Change]) -> None:
        """Refuse creates that the books would give one and the same code."""
        by_code: dict[str, list[int]] = {}
        for place, change in enumerate(changes):
            if change.action is Action.CREATE:
                by_code.setdefault(normalise_code(change.account), []).append(place)
        for places in by_code.values():
            for place in places if len(places) > 1 else ():
                others = ", ".join(changes[other].code for other in places if other != place)
                reason = f"code: customer {others} would get the account code {changes[place].account} too"
                changes[place] = replace(changes[place], action=Action.REJECTED, fields=(), reasons=(reason,), link=None)


_ORDER: Final = {name: place for place, name in enumerate(FIELDS)}
_WAITING: Final = {PairingKind.MISSING: Action.MISSING, PairingKind.LOOKALIKE: Action.LOOKALIKE}
_ACTIONS: Final = (
    (Verdict.CONFLICT, Action.CONFLICT),
    (Verdict.WRITE, Action.UPDATE),
    (Verdict.DRIFT, Action.DRIFT),
)


def _marked(link: Link, customer: Customer, account: Account) -> Link:
    """Give the link of a pair that is in step with the marks of both sides; one that has them already as it is.

    Whoever has no value in common with his account gets none, for `max_changes` does not count him among those in step.
    """
    if not customer.mark or not account.mark or link.marks == (customer.mark, account.mark) or not _was_in_step(link):
        return link
    return replace(link, marks=(customer.mark, account.mark), at=None)


def _was_in_step(link: Link | None) -> bool:
    """Tell whether a pair ever agreed: one that a person linked, or accepted as it stood, is a first pairing still."""
    return link is not None and any(bpo == accounting for bpo, accounting in link.agreed.values())


def _counted(codes: Sequence[str]) -> str:
    """Say `2 customers): QUE001, ZEB001`; of many the first."""
    more = f" and {len(codes) - _MOST_NAMED:,} more" if len(codes) > _MOST_NAMED else ""
    return f"{len(codes):,} customer{'s'[: len(codes) != 1]}): {', '.join(sorted(codes)[:_MOST_NAMED])}{more}"


def _blank(name: str) -> Value:
    return "" if FIELDS[name].kind is Kind.TEXT else None


def _why(change: FieldChange) -> str:
    if change.agreed:
        return "both sides changed it since they agreed" if change.old != change.last else "left until that is known"
    return "both sides have a value, and no agreed one is known"


def _said(contradiction: Contradiction) -> str:
    """Say who says what: `'A' at Durban and 'B' at Cape Town`."""
    sites: dict[str, list[str]] = {}
    for site, value in contradiction.said:
        sites.setdefault(value, []).append(site)
    return " and ".join(f"{value!r} at {', '.join(dict.fromkeys(where))}" for value, where in sites.items())


_NOBODY_KNOWS: Final = (
    "BPO changed name and VAT number at once: the code may have been given to somebody else, so nothing is written until a "
    "person says who it is"
)


def _strangers(pairing: Pairing, changes: Sequence[FieldChange]) -> list[str]:
    """Say so where a pair that a person made shares neither name nor VAT number, and nobody has settled that."""
    customer, account, link = pairing.customer, pairing.account, pairing.link
    if customer is None or account is None or link is None:
        return []
    shared = compare(customer, account)
    open_ = {change.field for change in changes if change.verdict is Verdict.CONFLICT and change.field not in link.agreed}
    if shared.name or not shared.other_vat_number or not open_ >= {"name", "vat_number"}:
        return []
    return [f"account {account.code} has another name and another VAT number: is it this customer's?"]


def _is_another(agreed: Agreed, bpo: Mapping[str, Value], changes: Sequence[FieldChange]) -> bool:
    """Tell whether BPO changed name and VAT number both at once since they were last agreed."""
    if "name" not in agreed or "vat_number" not in agreed or "vat_number" not in bpo or "name" not in bpo:
        return False
    named = {change.field for change in changes}
    return (
        {"name", "vat_number"} <= named
        and normalise_name(str(bpo["name"])) != normalise_name(str(agreed["name"][0]))
        and bpo["vat_number"] != agreed["vat_number"][0]
    )


def after_writing(books: Books, change: Change, account: Account) -> Link:
    """Give the link of a change that was written and read back as `account`.

    What accounting itself put into a field that BPO leaves blank was never agreed.
    """
    assert change.link is not None  # noqa: S101 - whatever is written is linked
    now = dict(zip(books.fields, account.values, strict=True))
    written_fields = {written.field for written in change.writes}
    others_are_as_seen = change.seen is None or all(
        before == value
        for name, before, value in zip(books.fields, change.seen.values, account.values, strict=False)
        if name not in written_fields
    )
    agreed = {name: pair for name, pair in change.link.agreed.items() if change.seen is not None or now.get(name) == pair[0]}
    for written in change.writes if change.action is not Action.CREATE else ():
        if written.field == "hold" and not written.new:
            agreed.pop("hold", None)
        else:
            agreed[written.field] = (written.new, written.new)
    link = replace(change.link, account=account.code, account_key=account.key, agreed=agreed, marks=("", ""))
    if change.mark and account.mark and others_are_as_seen and _was_in_step(link):
        return replace(link, marks=(change.mark, account.mark))
    return link


def differences(books: Books, change: Change, account: Account) -> list[str]:
    """Give, in a user's words, where an account is not as a change meant it to be."""
    now = dict(zip((*books.fields, *books.new_fields), (*account.values, *account.new_values), strict=True))
    found = []
    for written in change.writes:
        if written.field in now and now[written.field] != written.new:
            field_ = FIELDS[written.field]
            is_now, meant = (field_.show(value) for value in (now[written.field], written.new))
            found.append(f"{written.field} is {'blank' if is_now is None else repr(is_now)}, not {meant!r}")
    return found
