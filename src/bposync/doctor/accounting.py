"""Whether accounting is reached by the configured way, is such a company, and has what the configuration names."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from bposync.accounting import Accounting, open_accounting
from bposync.accounting.evolution import COLUMNS, Evolution
from bposync.accounting.partner import COLUMNS as PARTNER_COLUMNS
from bposync.accounting.partner import DELIVERY, MASTER, Partner
from bposync.accounting.partner_ways import place_or_none
from bposync.doctor import drivers, freedom, partner, rights, servers
from bposync.doctor.check import Check, Checks, failed, ok, warning
from bposync.errors import BposyncError, UnknownCodeError
from bposync.fields import ALWAYS_NEW, FIELDS, Owner
from bposync.values import normalise_code, visible
from bposync.words import many, some

if TYPE_CHECKING:
    import contextlib
    from collections.abc import Iterator, Sequence

    from bposync.accounting import Books
    from bposync.config import Settings
    from bposync.database import Address
    from bposync.doctor.check import Progress
    from bposync.records import Account

_MOST_CODES: Final = 30
_WAYS: Final = {
    "freedom": "through Sage's Freedom Service, the recommended way",
    "sdk": "through Pastel's own SDK, the way that Sage supports",
    "file": "into a file that a person imports in Pastel",
    "sql": "by SQL, which Sage does not support: its own validation is skipped",
}


@dataclass(frozen=True, slots=True)
class Opened:
    """Open books with all their accounts. `settings` are without the codes that the company does not have."""

    settings: Settings
    accounting: Accounting
    accounts: list[Account]


def checks(
    settings: Settings, bpo_fields: Sequence[str], stack: contextlib.ExitStack, progress: Progress
) -> Checks[Opened | None]:
    """Look at accounting. Gives the open books, which `stack` closes; None where they could not be opened and read."""
    table = settings.need_accounting()
    try:
        place = place_or_none(settings)
    except BposyncError as error:
        yield failed("accounting.connection", error)
        return None
    if not (yield from _reached(settings, place)):
        return None
    opened = yield from _open(settings, bpo_fields, stack)
    if opened is None:
        return None
    used, accounting = opened
    yield from _company(accounting.books, bpo_fields)
    yield ok("accounting.way", f"Accounts are written {_WAYS[table.write]}.")
    if place is not None and table.write == "sql":
        try:
            yield from servers.rights_for("accounting", place, _need(accounting.books))
        except BposyncError as error:
            yield failed("accounting.rights", error)
    try:
        with progress("Reading accounts") as count:
            accounts = accounting.books.read(count)
    except BposyncError as error:
        yield failed("accounting.accounts", error)
        return None
    yield from _accounts(accounts)
    return Opened(used, accounting, accounts)


def _reached(settings: Settings, place: Address | None) -> Checks[bool]:
    """Look at each part of the way there, whatever becomes of another; give whether all of them can be gone."""
    write = settings.need_accounting().write
    usable = True
    if place is not None:
        need = None if write == "sql" else rights.READING
        if not (yield from drivers.checks(place)) or not (yield from servers.checks("accounting", place, need)):
            usable = False
    if write == "freedom":
        return (yield from freedom.checks(settings)) and usable
    if write == "sdk":
        return (yield from partner.sdk_checks(settings)) and usable
    if write == "file":
        yield from partner.file_checks(settings)
    return usable


def _open(
    settings: Settings, bpo_fields: Sequence[str], stack: contextlib.ExitStack
) -> Checks[tuple[Settings, Accounting] | None]:
    """Open the company; each code that it does not have is told, and the rest is looked at without it."""
    table = settings.need_accounting()
    named = len(table.groups) + len(table.terms) + sum(bool(getattr(table.defaults, name)) for name in ("group", *_DEFAULTS))
    wrong = 0
    while True:
        try:
            accounting = stack.enter_context(open_accounting(settings, bpo_fields, writes=False))
        except UnknownCodeError as error:
            wrong += 1
            yield failed("accounting.codes", error)
            without = _without(settings.need_accounting(), error)
            if wrong >= _MOST_CODES or without == settings.accounting:
                return None
            settings = replace(settings, accounting=without)
        except BposyncError as error:
            yield failed("accounting.company", error)
            return None
        else:
            break
    if named and not wrong:
        yield ok("accounting.codes", f"The company has every code that the configuration names ({named:,}).")
    return settings, accounting


_DEFAULTS: Final = ("terms", "area", "price_list", "category")


def _without(table: Any, error: UnknownCodeError) -> Any:  # noqa: ANN401 - mypy does not see that the tables are dataclasses
    """Give [accounting] without the line that names a code which the company does not have."""
    if error.section == "defaults":
        return replace(table, defaults=replace(table.defaults, **{error.key: None}))
    named: dict[str, str] = getattr(table, error.section)
    return replace(table, **{error.section: {key: code for key, code in named.items() if key != error.key}})


def _company(books: Books, bpo_fields: Sequence[str]) -> Iterator[Check]:
    """Say which company it is, what tables it has, and which fields have no place in this version of it."""
    company = books.company
    yield ok("accounting.company", visible(f"The company is {company.name}, in {books.system}."))
    if tables := _tables(books):
        yield ok("accounting.tables", tables)
    placed = {*books.fields, *books.new_fields}
    lacking = [FIELDS[name].label.lower() for name in bpo_fields if FIELDS[name].in_account and name not in placed]
    if isinstance(books, Evolution):
        for name, lookup in books.lookups.items():
            if not lookup.keys and name != "price_list":
                yield warning(
                    "accounting.tables", f"The look-up table {lookup.table} is missing or empty: no {name} is written.",
                    "Is the login allowed to read it? Else the company has none.",
                )  # fmt: skip
    if lacking:
        yield ok("accounting.fields", f"Not compared, for {books.system} has no place for it here: {', '.join(lacking)}.")
    owned = [FIELDS[name].label.lower() for name in books.fields]
    yield ok("accounting.fields", f"{many(len(owned), 'field')} of BPO's are compared with the accounts.")


def _tables(books: Books) -> str:
    if isinstance(books, Partner):
        known = books.categories
        categories = "categories are known by number only" if known is None else many(known, "category")
        return f"The tables are {books.system}'s: {MASTER} and {DELIVERY}; {categories}."
    if isinstance(books, Evolution) and any(lookup.codes for lookup in books.lookups.values()):
        known_ = [f"{lookup.table} {len(lookup.keys):,}" for lookup in books.lookups.values() if lookup.keys]
        return f"The tables are Evolution's: Client, and the look-ups {', '.join(known_)}."
    return ""


def _need(books: Books) -> rights.Need:
    """Give what a login that writes by SQL needs: the tables, and the columns of the fields that are BPO's."""
    names = [name for name in books.fields if FIELDS[name].owner is Owner.BPO]
    if isinstance(books, Partner):
        placed = {name: column for name, column in PARTNER_COLUMNS.items() if name not in ALWAYS_NEW}
        tables = [
            rights.Written(
                table,
                tuple(placed[name].name for name in names if name in placed and placed[name].table == table),
                tuple(column.name for column in placed.values() if column.table == table),
            )
            for table in (MASTER, DELIVERY)
        ]
        return rights.Need(rights.Task.WRITE_ACCOUNTS, tuple(tables))
    assert isinstance(books, Evolution)  # noqa: S101 - there are two systems
    columns = tuple(str(books.column(COLUMNS[name][0])) for name in names)
    optional = tuple(column for name, (column, _width) in COLUMNS.items() if name not in ALWAYS_NEW)
    return rights.Need(rights.Task.WRITE_ACCOUNTS, (rights.Written("Client", columns, optional),))


def _accounts(accounts: list[Account]) -> Iterator[Check]:
    yield ok("accounting.accounts", f"{many(len(accounts), 'account')} {'is' if len(accounts) == 1 else 'are'} read.")
    counts = Counter(normalise_code(account.code) for account in accounts)
    doubled = sorted({visible(account.code) for account in accounts if counts[normalise_code(account.code)] > 1})
    if doubled:
        yield warning(
            "accounting.accounts", f"Several accounts have one and the same code: {some(doubled, 5)}.",
            "Nothing tells them apart by code. Give one of each another code in the accounting system.",
        )  # fmt: skip
