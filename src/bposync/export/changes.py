"""Customers on a page: who needs a person and what to type, new accounts, and changes before and after."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from bposync.advice import REVIEW, command
from bposync.export.markup import Markup, element, join
from bposync.export.page import code, section, table
from bposync.export.settling import ways
from bposync.fields import FIELDS
from bposync.plan import ATTENTION
from bposync.reasons import labelled
from bposync.records import Verdict
from bposync.values import normalise_code
from bposync.words import VERDICTS, WORDS, cell

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bposync.export.markup import Child
    from bposync.records import Change, FieldChange
    from bposync.values import Value

_WORDS: Final = re.compile(r"\s+|[^\s]+")
_ON_ITS_OWN: Final = ("name", "credit_limit")  # what a new account shows beside its details
_WRITTEN: Final = ("del", "ins")
_NEITHER: Final = ("mark", "mark")  # where nobody has decided which value is right
_ADDRESS: Final = re.compile(r"(billing|shipping)_\w+")


def shares(most: int, *groups: Sequence[object]) -> list[int]:
    """Give how many of each group stand on a page that has room for `most` customers; the first groups come first."""
    given = []
    for group in groups:
        given.append(min(len(group), most))
        most -= given[-1]
    return given


def people(changes: Sequence[Change], count: int, more: Child = None) -> Markup | None:
    """Show who needs a person: why, what differs, and the commands that settle it."""
    if not count:
        return None
    entries = element(
        "ol",
        [element("li", _head(change, WORDS[change.action]), _why(change), _ways(change)) for change in changes],
        class_="people",
    )
    hint: list[Child] = [
        "Many of them are settled faster in a spreadsheet: ",
        element("code", command(REVIEW)),
    ]
    return section("Needs a person", entries, more, count=count, lead=join(*hint) if count > 1 else None)


def troubles(entries: Sequence[tuple[Change, str, str]], count: int, more: Child = None) -> Markup | None:
    """Show what was not written, with what became of it and why."""
    if not count:
        return None
    items = [
        element("li", _head(change, became), element("ul", element("li", why), class_="reasons") if why else None)
        for change, became, why in entries
    ]
    return section("Not written", element("ol", items, class_="people failed"), more, count=count)


def reasons(title: str, changes: Sequence[Change], count: int, more: Child = None) -> Markup | None:
    """Show customers with nothing but their reasons."""
    if not count:
        return None
    items = [element("li", _head(change, WORDS[change.action]), _why(change)) for change in changes]
    return section(title, element("ol", items, class_="people"), more, count=count)


def _head(change: Change, state: str) -> Markup:
    account = ""
    if change.account and normalise_code(change.account) != normalise_code(change.code):
        account = f"account {change.account}"
    where = ", ".join(filter(None, [account, *change.sites]))
    place = join(" · ", element("bdi", where)) if where else None
    return join(
        element("h3", code(change.code), " ", element("bdi", change.name, class_="name")),
        element("p", element("span", state.capitalize(), class_="state"), place,
                class_="more"),
    )  # fmt: skip


def _why(change: Change) -> Markup | None:
    said = [element("li", labelled(reason)) for reason in change.reasons]
    for difference in change.fields:
        if difference.verdict is not Verdict.WRITE and change.action in ATTENTION:
            label, (old, new) = FIELDS[difference.field].label, marked(difference.old, difference.new, *_NEITHER)
            agreed = join(", last agreed ", _value(difference.last)) if difference.agreed else None
            said.append(element("li", f"{label}: accounting has ", old, ", BPO has ", new, agreed))
    return element("ul", said, class_="reasons") if said else None


def _ways(change: Change) -> Markup | None:
    known = ways(change)
    if not known:
        return None
    return element(
        "dl", [join(element("dt", way.means), element("dd", element("code", way.command))) for way in known], class_="ways"
    )


def new_accounts(title: str, changes: Sequence[Change], count: int, more: Child = None) -> Markup | None:
    """Show new accounts, each with all that it gets."""
    if not count:
        return None
    with_limit = any(written.field == "credit_limit" for change in changes for written in change.writes)
    headings: list[tuple[str, str | None]] = [("Account", None), ("Customer, and what the account gets", None)]
    headings += [("Credit limit", "number")] if with_limit else []
    bodies = [_new_account(change, with_limit=with_limit) for change in changes]
    made = table(headings, bodies, class_="accounts", caption="By account code")
    return section(title, made, more, count=count)


def _new_account(change: Change, *, with_limit: bool) -> Markup:
    values = {written.field: written.new for written in change.writes}
    details: list[Child] = []
    if normalise_code(change.code) != normalise_code(change.account):
        details.append(_detail("Customer", change.code))
    addresses: dict[str, list[str]] = {}
    for name, value in values.items():
        if found := _ADDRESS.fullmatch(name):
            addresses.setdefault(found[1], []).append(cell(value))
    for name, value in values.items():
        found = _ADDRESS.fullmatch(name)
        if found and found[1] in addresses:
            details.append(_detail(f"{found[1].capitalize()} address", ", ".join(addresses.pop(found[1]))))
        elif not found and name not in _ON_ITS_OWN:
            details.append(_detail(FIELDS[name].label, cell(value)))
    limit = values.get("credit_limit")
    who = element("bdi", str(values.get("name") or change.name))
    head = element(
        "tr", element("th", code(change.account), scope="rowgroup"), element("td", who),
        element("td", cell(limit) if limit is not None else "", class_="number") if with_limit else None,
    )  # fmt: skip
    pieces = [join(" · " if place else None, each) for place, each in enumerate(details)]
    columns = 3 if with_limit else 2
    return element("tbody", head, element("tr", element("td", pieces, colspan=columns, class_="more")) if pieces else None)


def _detail(label: str, value: str) -> Markup:
    return join(element("i", label), " ", element("span", value))


def before_after(title: str, changes: Sequence[Change], count: int, more: Child = None) -> Markup | None:
    """Show what was, or is to be, written into accounts, field by field, with what differs marked."""
    if not count:
        return None
    bodies = [_body(change, change.writes, written=True) for change in changes]
    headings = [("Field", None), ("Before", None), ("After", None)]
    made = table(headings, bodies, class_="change", caption="What accounting has without the sync, and with it")
    return section(title, made, more, count=count)


_UNTOUCHED: Final = (Verdict.DRIFT, Verdict.HELD)


def untouched(changes: Iterable[Change]) -> list[Change]:
    """Give the changes with values that are left as they are."""
    return [change for change in changes if any(each.verdict in _UNTOUCHED for each in change.fields)]


def left(changes: Sequence[Change], count: int, more: Child = None) -> Markup | None:
    """Show values that were left as they are: accounting changed them, or cannot hold BPO's."""
    if not count:
        return None
    bodies = [
        _body(change, [each for each in change.fields if each.verdict in _UNTOUCHED], written=False) for change in changes
    ]
    headings = [("Field", None), ("Accounting has", None), ("BPO has", None)]
    made = table(headings, bodies, class_="change", caption="Not written: accounting's value stands")
    return section("Left as it is", made, more, count=count)


def _body(change: Change, fields: Iterable[FieldChange], *, written: bool) -> Markup:
    """Make a customer's part of a table: its head, then a row for each field."""
    where = [change.account] if normalise_code(change.account) != normalise_code(change.code) else []
    head = element(
        "th", code(change.code), " ", element("bdi", change.name),
        element("span", " · ", element("bdi", ", ".join([*where, *change.sites])), class_="more"),
        colspan="3", scope="rowgroup", class_="of",
    )  # fmt: skip
    rows = []
    for each in fields:
        old, new = marked(each.old, each.new, *(_WRITTEN if written else _NEITHER))
        note = None if written else element("div", _note(change, each), class_="more")
        rows.append(
            element("tr", element("th", FIELDS[each.field].label, scope="row"), element("td", old), element("td", new, note))
        )
    return element("tbody", element("tr", head), rows)


def _note(change: Change, each: FieldChange) -> str:
    lead = f"{each.field}: "
    why = next((reason.removeprefix(lead) for reason in change.reasons if reason.startswith(lead)), "")
    agreed = f"last agreed {cell(each.last) or 'blank'}" if each.agreed else ""
    return "; ".join(filter(None, [f"{VERDICTS[each.verdict].capitalize()}{f': {why}' if why else ''}", agreed]))


def _value(value: Value) -> Markup:
    shown = cell(value)
    return element("bdi", shown) if shown else element("span", "blank", class_="blank")


def marked(old: Value, new: Value, before_mark: str = "del", after_mark: str = "ins") -> tuple[Markup, Markup]:
    """Show two values with what differs marked in each: word by word in a text, as a whole otherwise."""
    before, after = cell(old), cell(new)
    one, other = _WORDS.findall(before), _WORDS.findall(after)
    if isinstance(old, (Decimal, bool)) or isinstance(new, (Decimal, bool)):
        one, other = [before] if before else [], [after] if after else []
    begin = 0
    while begin < min(len(one), len(other)) and one[begin] == other[begin]:
        begin += 1
    end = 0
    while end < min(len(one), len(other)) - begin and one[-1 - end] == other[-1 - end]:
        end += 1
    return _pieces(one, begin, end, before_mark), _pieces(other, begin, end, after_mark)


def _pieces(words: Sequence[str], begin: int, end: int, mark: str) -> Markup:
    if not words:
        return element("span", "blank", class_="blank")
    stop = len(words) - end
    differs = "".join(words[begin:stop])
    return element("bdi", "".join(words[:begin]), element(mark, differs) if differs else None, "".join(words[stop:]))
