"""Evolution's books where the Freedom Service is all there is: accounts read page by page, codes found one by one.

The service lists neither groups nor terms nor areas, and tells none of the company's settings. So a code is looked up when it
is asked for, and what is not configured is left to the service: a new account without terms gets the company's own.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from bposync import database
from bposync.accounting import Company
from bposync.accounting.evolution import COLUMNS, LOOKUPS, Evolution, Facts, Lookup, Place
from bposync.accounting.evolution_tables import EvolutionTables, cents
from bposync.accounting.freedom_answers import AnswerError
from bposync.accounting.freedom_customer import DOCUMENTED, LINKED, Places, linked_object
from bposync.errors import UnreachableError, UsageError, did_you_mean
from bposync.records import Particulars
from bposync.values import normalise_code, text_of, visible

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from decimal import Decimal

    import sqlalchemy as sa

    from bposync.accounting.freedom_client import FreedomClient
    from bposync.config import Settings
    from bposync.records import Account, Change

PAGE: Final = 200
"""How many customers one page of CustomerList is asked for."""
_CUSTOMERS: Final = 0
"""The module of customers' terms where the configuration says none."""


class Finder:
    """Finds groups, terms and areas by code, each once, for several threads at once."""

    def __init__(self, client: FreedomClient, terms_module: int | None) -> None:
        self.client = client
        self._module = str(_CUSTOMERS if terms_module is None else terms_module)
        self._found: dict[tuple[str, str], dict[str, Any] | None] = {}
        self._codes: dict[tuple[str, str], str] = {}
        self._lock = threading.Lock()

    def see(self, customer: Mapping[str, Any]) -> None:
        """Remember the codes that an account shows, with their keys."""
        for field in LINKED:
            if (found := linked_object(customer, field)) is not None:
                self._codes.setdefault((field, text_of(found.get("ID"))), text_of(found["Code"]))

    def find(self, field: str, code: str) -> dict[str, Any] | None:
        """Find the whole object of a code; None where there is none. Raises AnswerError or UnreachableError."""
        wanted = field, normalise_code(code)
        with self._lock:
            if wanted not in self._found:
                self._found[wanted] = self._ask(field, code)
            return self._found[wanted]

    def _ask(self, field: str, code: str) -> dict[str, Any] | None:
        parameters = {"module": self._module, "code": code} if field == "terms" else {"code": code}
        found = self.client.look_up(LINKED[field].operation, **parameters)
        if found is None:
            return None
        key = found.get("ID")
        if normalise_code(found["Code"]) != normalise_code(code) or isinstance(key, bool) or not isinstance(key, int):
            raise AnswerError(f"{LINKED[field].operation} answered with something else than {visible(code)}")
        self._codes[field, str(key)] = text_of(found["Code"])
        return found

    def need(self, field: str, code: str) -> dict[str, Any]:
        """Find the whole object of a code. Raises AnswerError where there is none."""
        found = self.find(field, code)
        if found is None:
            raise AnswerError(f"{LINKED[field].operation} finds no {visible(code)}", refused=True)
        return found

    def code(self, field: str, key: object) -> str:
        """Give the code of a key that was seen; another one shows as itself, 0 and nothing are blank."""
        text = text_of(key)
        return self._codes.get((field, text)) or ("" if text in ("", "0") else f"#{text}")


class _Codes(Mapping[str, object]):
    """A look-up table's keys by normalised code, each found when it is asked for."""

    def __init__(self, finder: Finder, field: str) -> None:
        self._finder = finder
        self._field = field
        self._known: dict[str, object] = {}

    def __getitem__(self, code: str) -> object:
        if code not in self._known:
            # BPO's words may be no code at all; those the service is not asked about.
            with plain_errors(self._finder.client):
                found = self._finder.find(self._field, code.upper()) if code.isprintable() else None
            if found is None:
                raise KeyError(code)
            self._known[code] = found["ID"]
        return self._known[code]

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)

    def __bool__(self) -> bool:
        return True


class _AnyCode(dict[str, object]):
    """The codes of a field that the service has no place for, and that nothing can be looked up about."""

    def __contains__(self, _code: object) -> bool:
        return True


class _Lookup(Lookup):
    """A look-up table that nobody lists."""

    __slots__ = ("_field", "_finder")

    def __init__(self, finder: Finder, field: str) -> None:
        super().__init__(LINKED[field].operation, {}, _Codes(finder, field))
        object.__setattr__(self, "_finder", finder)
        object.__setattr__(self, "_field", field)

    def code(self, key: object) -> str:
        return str(self._finder.code(self._field, key))  # type: ignore[attr-defined]


def look_at_one(client: FreedomClient, *, listed: bool) -> tuple[Places, Mapping[str, Any] | None]:
    """Look at the first customer, for what this service's version knows of one; and give it, None where there is none.

    With `listed` a property counts only where CustomerList shows it too. Raises UnreachableError.
    """
    with plain_errors(client):
        page = client.page(1, 1)
        if not page:
            return Places(DOCUMENTED), None
        customer = client.find(text_of(page[0]["Code"]))
    shown = frozenset(customer) & frozenset(page[0]) if listed else frozenset(customer)
    if None not in customer.values():
        # A service that leaves out what is blank may know more than it shows of this one.
        shown |= DOCUMENTED
    return Places(shown), customer


class FreedomBooks(Evolution):
    """The books of one company, read through the service. Raises UsageError or UnreachableError."""

    holder = "the Freedom Service"

    def __init__(self, settings: Settings, bpo_fields: Collection[str], client: FreedomClient) -> None:
        self._client = client
        self.places, _ = look_at_one(client, listed=True)
        self.finder = Finder(client, settings.need_accounting().terms_module)
        service = client.service
        company = Company(service.company, service.company, f"{service.server} (Freedom Service)", service.user)
        facts = Facts(
            columns={
                column.casefold(): Place(column)
                for field, (column, _) in {**COLUMNS, "code": ("Account", 20)}.items()
                if field == "code" or self.places.has(field)
            },
            lookups={
                name: _Lookup(self.finder, name) if name in LINKED and self.places.has(name) else Lookup(name, {}, _AnyCode())
                for name in LOOKUPS
            },
        )
        self._balances: dict[str, object] = {}
        with plain_errors(client):
            self._find_configured(settings)
            super().__init__(settings, bpo_fields, company, facts)

    def _find_configured(self, settings: Settings) -> None:
        """Find every code of the configuration as it is written there; all else is asked for in capitals."""
        table = settings.need_accounting()
        named = [(name, getattr(table.defaults, name)) for name in LINKED]
        named += [("group", code) for code in table.groups.values()] + [("terms", code) for code in table.terms.values()]
        for name, code in named:
            if code is not None and self.places.has(name):
                self.finder.find(name, code)

    def hint_for(self, code: str, lookup: Lookup) -> str:
        """Say what to do about a configured code that the service does not find. It lists none, so few others are known."""
        known = dict.fromkeys(lookup.code(key) for key in lookup.keys.values())
        return did_you_mean(code, known, otherwise=f"{lookup.table} does not find it; Evolution shows the company's codes.")

    def account(self, customer: Mapping[str, Any]) -> Account:
        """Give an account as the plan compares it. Raises AnswerError for a customer that cannot be one."""
        return account_of(self, customer)

    def read(self, progress: Callable[[int], None] | None = None) -> list[Account]:
        """Read all accounts, page by page. Pages shift while somebody inserts: a code that comes twice counts once."""
        found: dict[str, Account] = {}
        with plain_errors(self._client):
            for number in range(1, 1_000_000):
                page = self._client.page(number, PAGE)
                before = len(found)
                for customer in page:
                    account = self.account(customer)
                    found[normalise_code(account.code)] = account
                    self._balances[account.key] = customer.get("AccountBalance")
                if not page or (len(found) == before and (number > 2 or len(page) != PAGE)):  # noqa: PLR2004
                    break
                if len(found) == before:
                    raise AnswerError("CustomerList gives its first page again as its second, so the rest cannot be read")
                if progress is not None:
                    progress(len(found))
        return list(found.values())

    def particulars(self, accounts: Sequence[Account]) -> list[Particulars]:
        """Give each balance, as the service told it when the accounts were read."""
        found = []
        for account in accounts:
            balance = self._balances.get(account.key)
            amount: Decimal | Any = None if balance is None else cents(balance)
            found.append(Particulars(None if isinstance(amount, str) else amount))
        return found


class TablesWithFreedom(EvolutionTables):
    """The books of one company, read in its own tables and written through the service.

    Raises UsageError where the two are of different companies, besides what both raise.
    """

    holder = "the Freedom Service"

    def __init__(
        self,
        engine: sa.Engine,
        place: database.Address,
        settings: Settings,
        bpo_fields: Collection[str],
        client: FreedomClient,
    ) -> None:
        self.places, customer = look_at_one(client, listed=False)
        self.finder = Finder(client, settings.need_accounting().terms_module)
        super().__init__(engine, place, settings, bpo_fields)
        self._check_same(customer, settings, client)

    def column(self, name: str) -> str | None:
        """Give a column, but for that of a field which the service cannot write."""
        field = next((field for field, (column, _) in COLUMNS.items() if column.casefold() == name.casefold()), None)
        return None if field is not None and not self.places.has(field) else super().column(name)

    def account(self, customer: Mapping[str, Any]) -> Account:
        """Give an account as the plan compares it, from the service. Raises AnswerError for one that cannot be one."""
        return account_of(self, customer)

    def present(self, batch: Sequence[Change]) -> list[Account | None]:
        """Read a batch's accounts as they are now, in order. Raises UnreachableError."""
        with database.plain_errors(self._place, "cannot be read back"), self._engine.connect() as connection:
            return self.find(connection, batch, lock=False)

    def _check_same(self, customer: Mapping[str, Any] | None, settings: Settings, client: FreedomClient) -> None:
        """Refuse two companies: what is read in one would be written into the other."""
        with plain_errors(client), database.plain_errors(self._place, "cannot be read"), self._engine.connect() as connection:
            if customer is None:
                same = connection.execute(self._select().limit(1)).first() is None
            else:
                account = self.account(customer)
                found = self._by_key(connection, [account.key], lock=False)
                same = [(each.code, each.name) for each in found] == [(account.code, account.name)]
        if not same:
            raise UsageError(
                f"{settings.path}: [accounting] url and freedom_url are of different companies: {self._place} does not have "
                f"the accounts of {client.service}.",
                "Check the database in url, and the company's name in freedom_url.",
            )


FreedomCompany = FreedomBooks | TablesWithFreedom


def account_of(books: FreedomCompany, customer: Mapping[str, Any]) -> Account:
    """Give an account from the service's customer, in the order of the books' fields. Raises AnswerError."""

    def code(field: str, key: object) -> str:
        known = books.lookups[field].code(key)
        return known if not known.startswith("#") else books.finder.code(field, key)

    try:
        books.finder.see(customer)
        return books.places.account(customer, books.fields, books.new_fields, code)
    except ValueError as error:
        raise AnswerError(f"the service answered with what cannot be read: {error}") from None


@contextlib.contextmanager
def plain_errors(client: FreedomClient, what: str = "cannot be read") -> Iterator[None]:
    """Tell what went wrong with reading as UnreachableError."""
    try:
        yield
    except AnswerError as error:
        hint = "docs/freedom.md tells what to do about each answer."
        raise UnreachableError(f"{client.service} {what}: {error.message}.", hint) from None
