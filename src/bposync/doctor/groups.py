"""Which group (Partner: category) new accounts get by BPO's customer types, and which types are without one.

A type gets what its line under [accounting.groups] says, and nothing by its name alone, even where a group is called the same.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bposync import toml
from bposync.accounting.evolution import Evolution
from bposync.accounting.partner import Partner
from bposync.config import by_code
from bposync.doctor.bpo import is_synchronised
from bposync.doctor.check import Check, Checks, ok, warning
from bposync.values import normalise_code, visible
from bposync.words import many, some

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bposync.accounting import Books
    from bposync.doctor.accounting import Opened
    from bposync.doctor.bpo import Listing

NAME: Final = "accounting.groups"
_MOST_TYPES: Final = 6
_MOST_CODES: Final = 12
_MOST_LINES: Final = 3


@dataclass(frozen=True, slots=True)
class _Groups:
    """The company's groups, or categories."""

    noun: str
    codes: Mapping[str, str]
    """The codes that are listed, each with its description, mostly empty."""
    default: str
    """The code that stands where a type says nothing; blank where none does."""
    whose: str = "the default"
    lacks: str = ""
    """What a new account without any lacks."""


def checks(opened: Opened, listing: Listing) -> Checks[bool]:
    """Say by type what new accounts get. Only customers that are synchronised count. Gives whether anything was said."""
    groups = _groups(opened.accounting.books)
    wanted = [customer for customer in listing.customers if is_synchronised(opened.settings, customer)]
    if groups is None or not wanted:
        return False
    spelled: dict[str, str] = {}
    counts: Counter[str] = Counter()
    for customer in wanted:
        name = customer.text("type") if "type" in listing.fields else ""
        counts[spelled.setdefault(normalise_code(name), name)] += 1
    mapped = by_code(opened.settings.need_accounting().groups)
    rest = {name: counts[name] for name in sorted(counts) if normalise_code(name) not in mapped}
    if not rest:
        all_of_them = _counted({name: counts[name] for name in sorted(counts)})
        yield ok(NAME, f"Every customer type has its {groups.noun} under [accounting.groups]: {all_of_them}.")
        return True
    yield _rest(groups, rest, has_types="type" in listing.fields)
    if groups.default:
        yield from _namesakes(groups, rest)
    return True


def _groups(books: Books) -> _Groups | None:
    """Give the company's groups; None where an account has no place for one, which another check says."""
    if isinstance(books, Partner):
        codes = books.codes()["category"]
        if default := books.defaults.get("category"):
            return _Groups("category", codes, str(default))
        return _Groups("category", codes, books.own_category, "the company's own default")
    if isinstance(books, Evolution) and "group" in books.new_fields:
        codes = books.codes().get("group", {})
        return _Groups("group", codes, str(books.defaults.get("group", "")), lacks=", which decides their control account")
    return None


def _rest(groups: _Groups, rest: Mapping[str, int], *, has_types: bool) -> Check:
    """Say what new accounts get by the types that no line names; with `has_types` false BPO knows none."""
    who = f"New accounts of {many(len(rest), 'customer type')}" if has_types else "All new accounts"
    why = f": {_counted(rest)}" if has_types else ", for BPO has no column for the customer type"
    if groups.default:
        return ok(NAME, f"{who} get {groups.whose} {groups.noun}, {visible(groups.default)}{why}.")
    lines = some([toml.line(name, _namesake(groups, name) or "…") for name in rest], _MOST_LINES)
    by_type = f"Say which under [accounting.groups]: {lines}; or one for all the rest" if has_types else "Say one"
    known = f" The company has: {some([visible(code) for code in groups.codes], _MOST_CODES)}." if groups.codes else ""
    return warning(
        NAME,
        f"{who} get no {groups.noun}{groups.lacks}{why}.",
        f'{by_type} under [accounting.defaults]: {groups.noun} = "…".{known}',
    )


def _namesakes(groups: _Groups, rest: Mapping[str, int]) -> Iterator[Check]:
    """Warn of types that are called as one of the company's groups is, and get another one all the same."""
    found = {name: code for name in rest if (code := _namesake(groups, name)) and code != groups.default}
    if not found:
        return
    is_name = "is also the name of a" if len(found) == 1 else "are also the names of"
    lines = some([toml.line(name, code) for name, code in found.items()], _MOST_LINES)
    yield warning(
        NAME,
        f"{_counted({name: rest[name] for name in found})} {is_name} {many(len(found), groups.noun).partition(' ')[2]} of the "
        "company's, which new accounts do not get: a name alone says nothing.",
        f"Say so under [accounting.groups]: {lines}",
    )


def _namesake(groups: _Groups, name: str) -> str:
    wanted = normalise_code(name)
    return next((code for code, said in groups.codes.items() if wanted and wanted in map(normalise_code, (code, said))), "")


def _counted(counts: Mapping[str, int]) -> str:
    """Say `CO (9 customers), GV (1 customer)`."""
    return some([f"{visible(name) or '(blank)'} ({many(count, 'customer')})" for name, count in counts.items()], _MOST_TYPES)
