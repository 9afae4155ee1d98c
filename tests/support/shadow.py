"""What a patient reader of docs/who-is-who.md and docs/how-it-works.md expects of a company, whatever happens to it.

Written from those pages, and from nothing of bposync's own: the model that the state machine keeps beside a real company. It
knows what BPO lists, and the links and decisions that the journal should have; handed the accounts, it says what a sync is
to do with each customer.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Said = str | Decimal | bool
Agreed = dict[str, tuple[Said, Said]]

COLUMNS: Final = {
    "name": "Name",
    "credit_limit": "Credit_Limit",
    "phone": "Telephone",
    "email": "EMail",
    "vat_number": "Tax_Number",
    "terms": "iAgeingTermID",
    "hold": "On_Hold",
}
"""The fields that the model follows, and their columns in Client; nobody fills the others."""
FIELDS: Final = tuple(COLUMNS)
TEXTS: Final = ("name", "phone", "email", "vat_number")
TERMS: Final = {"": "", "30 Days": "30D", "60 Days": "60D"}
"""BPO's words and the company's codes; whatever else BPO says is none of them."""
TERM_KEYS: Final = {None: "", 0: "", 1: "30D", 2: "60D", 3: "90D", 4: "COD"}
USUAL_TERMS: Final = "30D"
WIDTHS: Final = {"code": 20, "phone": 25, "vat_number": 50}
REFUSED_PHONE: Final = "bad"
"""What the accounting database itself refuses."""
CENT: Final = Decimal("0.01")


def folded(code: str) -> str:
    """Give the form in which codes are compared."""
    return code.strip().upper()


def letters(name: str) -> str:
    """Give the form in which names are compared."""
    return "".join(character for character in name.lower() if character.isalnum())


def digits(vat_number: str) -> str:
    """Give the form in which VAT numbers are compared; too short a one tells nobody apart."""
    found = "".join(character for character in vat_number if character.isdigit())
    return found if len(found) >= 10 else ""


@dataclass(frozen=True)
class Account:
    """An account as the bookkeeper sees it."""

    key: int
    code: str
    values: Mapping[str, Said]
    is_usual: bool
    """Whether group, area and price list are those that new accounts get."""

    @property
    def name(self) -> str:
        return str(self.values["name"])

    @property
    def vat_number(self) -> str:
        return str(self.values["vat_number"])

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Account:
        values: dict[str, Said] = {name: (row[COLUMNS[name]] or "").strip() for name in TEXTS}
        values["credit_limit"] = Decimal(repr(row["Credit_Limit"] or 0.0)).quantize(CENT)
        values["terms"] = TERM_KEYS[row["iAgeingTermID"]]
        values["hold"] = bool(row["On_Hold"])
        is_usual = (row["iClassID"], row["iAreasID"], row["iARPriceListNameID"]) == (1, 1, 1)
        return cls(int(row["DCLink"]), row["Account"], values, is_usual)


Accounts = dict[int, Account]


@dataclass(frozen=True)
class Customer:
    """A customer of BPO, put together from its rows, in the shape in which an account would hold it."""

    code: str
    sites: tuple[str, ...]
    statuses: tuple[str, ...]
    is_debtor: bool
    account: str
    """The account that BPO says it has; blank where it says none."""
    values: Mapping[str, Said]
    held: frozenset[str]
    """The fields that no account can hold as they are."""
    refused: frozenset[str]
    """Those for whose sake there can be no account, unless a person accepted what accounting has."""
    contradictory: frozenset[str]

    @property
    def key(self) -> str:
        return folded(self.code)

    @property
    def name(self) -> str:
        return str(self.values["name"])

    @property
    def is_inactive(self) -> bool:
        return set(self.statuses) == {"Inactive"}


@dataclass(frozen=True)
class Link:
    """What the journal should remember of a pair."""

    customer: str
    account: str
    key: int
    name: str
    sites: tuple[str, ...]
    agreed: Agreed = field(default_factory=dict)


@dataclass(frozen=True)
class Choice:
    """Whom a sync is for."""

    sites: tuple[str, ...] = ()
    customers: tuple[str, ...] = ()
    overwrite: bool = False

    def includes(self, key: str, sites: Sequence[str]) -> bool:
        if self.customers and key not in {folded(code) for code in self.customers}:
            return False
        return not self.sites or not sites or bool(set(sites) & set(self.sites))


@dataclass(frozen=True)
class Expected:
    """What a sync is to do with one customer.

    `row` is the account that it has, `account` the code of that or of the one that it gets. `link` is what the journal is to
    have afterwards, where it is to have anything new.
    """

    code: str
    action: str
    account: str = ""
    row: int | None = None
    verdicts: Mapping[str, str] = field(default_factory=dict)
    writes: Mapping[str, Said] = field(default_factory=dict)
    link: Link | None = None

    @property
    def key(self) -> str:
        return folded(self.code)

    @property
    def is_write(self) -> bool:
        return self.action == "create" or (self.action in ("update", "conflict") and bool(self.writes))

    @property
    def is_refused(self) -> bool:
        """Whether the accounting database will not have it."""
        return self.writes.get("phone") == REFUSED_PHONE

    def is_met_by(self, account: Account) -> bool:
        """Tell whether an account is as this was to make it."""
        is_whole = self.row is not None or account.is_usual
        return is_whole and all(account.values[name] == value for name, value in self.writes.items())

    def found_in(self, accounts: Accounts) -> Account | None:
        """Give the account that is as this was to make it; the last, where several are."""
        if self.row is not None:
            same = [accounts[self.row]] if self.row in accounts else []
        else:
            same = [account for account in accounts.values() if folded(account.code) == folded(self.account)]
        return next((account for account in reversed(same) if self.is_met_by(account)), None)

    def linked_to(self, account: Account) -> Link:
        """Give the link once `account` was written and read back; what accounting put in itself was never agreed."""
        assert self.link is not None
        agreed = self.link.agreed
        if self.row is None:
            agreed = {name: pair for name, pair in agreed.items() if account.values[name] == pair[0]}
        return replace(self.link, key=account.key, account=account.code, agreed=agreed)


@dataclass
class Pairs:
    """Who is who: each customer's kind of pairing and account, by the code as BPO writes it."""

    of: dict[str, tuple[str, int | None]]
    taken: set[int]
    """The accounts that somebody in BPO has."""
    parted: set[int]
    """Those whose customer is gone: they may look like another."""

    def pair(self, customer: Customer, kind: str, key: int | None = None) -> None:
        self.of[customer.code] = kind, key
        if key is not None:
            self.taken.add(key)


@dataclass
class Shadow:
    """The model. `rows` are BPO's, `new` the codes of accounts to come, `owned` the fields that are accounting's."""

    carry_hold: bool = False
    has_account_column: bool = False
    owned: frozenset[str] = frozenset()
    rows: list[dict[str, Any]] = field(default_factory=list)
    links: dict[str, Link] = field(default_factory=dict)
    new: dict[str, str] = field(default_factory=dict)
    ignored: set[str] = field(default_factory=set)
    ignored_accounts: set[str] = field(default_factory=set)

    @property
    def compared(self) -> tuple[str, ...]:
        """The fields in which a pair is compared."""
        return tuple(name for name in FIELDS if name not in self.owned and (name != "hold" or self.carry_hold))

    def forget(self) -> None:
        """Know nothing of what the journal knew."""
        for known in (self.links, self.new):
            known.clear()
        for set_aside in (self.ignored, self.ignored_accounts):
            set_aside.clear()

    def is_free(self, key: int, name: str, value: Said) -> bool:
        """Tell whether a field of an account holds nothing of the bookkeeper's: it is as both sides last agreed, or blank."""
        agreed = next((link.agreed[name] for link in self.links.values() if link.key == key and name in link.agreed), None)
        return not value if agreed is None else value == agreed[1]

    # BPO.

    def customers(self) -> list[Customer]:
        groups: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for row in self.rows:
            groups[row["code"]].append(row)
        return [self._customer(code, sorted(group, key=lambda row: str(row["site"]))) for code, group in groups.items()]

    def customer(self, code: str) -> Customer:
        """Give the one customer that has a code."""
        (found,) = [customer for customer in self.customers() if customer.key == folded(code)]
        return found

    def _customer(self, code: str, rows: Sequence[Mapping[str, Any]]) -> Customer:
        first = rows[0]
        on_hold = {row["status"] == "Hold" for row in rows}
        limits = [_amount(row["credit_limit"]) for row in rows]
        values: dict[str, Said] = {name: first[name] for name in TEXTS}
        values |= {
            "terms": TERMS.get(first["terms"], first["terms"]),
            "credit_limit": limits[0],
            "hold": True in on_hold,
        }
        cannot = {
            "phone": len(first["phone"]) > WIDTHS["phone"],
            "terms": first["terms"] not in TERMS,
            "hold": len(on_hold) > 1,
        }
        hopeless = {
            "name": not first["name"],
            "vat_number": len(first["vat_number"]) > WIDTHS["vat_number"],
            "credit_limit": any(isinstance(limit, str) for limit in limits),
        }
        said = (*TEXTS, "terms", "credit_limit", "is_debtor", *(["account"] if self.has_account_column else []))
        return Customer(
            code,
            tuple(dict.fromkeys(str(row["site"]) for row in rows)),
            tuple(str(row["status"]) for row in rows),
            any(row["is_debtor"] for row in rows),
            first["account"] if self.has_account_column else "",
            values,
            frozenset(name for name, so in cannot.items() if so),
            frozenset(name for name, so in hopeless.items() if so),
            frozenset(name for name in said if any(row[name] != first[name] for row in rows)),
        )

    # Who is who.

    def pair(self, accounts: Accounts) -> Pairs:
        """Say who is who: by link, by BPO's own account column, by equal code and name; then who looks like whom."""
        customers = self.customers()
        pairs = self._linked(customers, accounts)
        self._pair_by_account_column([each for each in customers if each.code not in pairs.of], accounts, pairs)
        # Who is to get a new account under another's code comes after the one who has that code.
        for customer in sorted(customers, key=lambda customer: customer.key in self.new):
            code = folded(self.new.get(customer.key) or customer.code)
            same = [
                account.key
                for account in accounts.values()
                if folded(account.code) == code
                and account.key not in pairs.taken | pairs.parted
                and letters(account.name) == letters(customer.name)
            ]
            if customer.code not in pairs.of and len(same) == 1:
                pairs.pair(customer, "paired", same[0])
        for customer in customers:
            if customer.code not in pairs.of and customer.key not in self.new and self.likenesses(customer, accounts, pairs):
                pairs.pair(customer, "lookalike")
        rest = [customer for customer in customers if customer.code not in pairs.of]
        wanted = Counter(self.new_code(customer) for customer in rest)
        present = {folded(account.code) for account in accounts.values()}
        for customer in rest:
            code = self.new_code(customer)
            pairs.pair(customer, "rejected" if code in present or wanted[code] > 1 else "new")
        return pairs

    def _linked(self, customers: Sequence[Customer], accounts: Accounts) -> Pairs:
        written = Counter(customer.key for customer in customers)
        claims: dict[int, set[str]] = defaultdict(set)
        for customer in customers:
            link = self.links.get(customer.key)
            if link and _is_its(accounts.get(link.key), link, customer) and not customer.is_inactive:
                claims[link.key].add(customer.key)
        by_key = {customer.key: customer for customer in customers}
        held = {link.key for key, link in self.links.items() if _is_its(accounts.get(link.key), link, by_key.get(key))}
        pairs = Pairs({}, set(claims), held - set(claims))
        for customer in customers:
            link = self.links.get(customer.key)
            if written[customer.key] > 1:
                pairs.of[customer.code] = "rejected", None
            elif link and (
                not _is_its(accounts.get(link.key), link, customer) or (customer.is_inactive and link.key in claims)
            ):
                pairs.of[customer.code] = "missing", None
            elif link:
                pairs.of[customer.code] = "rejected" if len(claims[link.key]) > 1 else "paired", link.key
        return pairs

    def _pair_by_account_column(self, unlinked: Sequence[Customer], accounts: Accounts, pairs: Pairs) -> None:
        named = Counter(folded(customer.account) for customer in unlinked)
        for customer in unlinked:
            same = [account.key for account in accounts.values() if folded(account.code) == folded(customer.account)]
            if not customer.account:
                continue
            if named[folded(customer.account)] > 1 or len(same) > 1 or set(same) & (pairs.taken | pairs.parted):
                pairs.pair(customer, "rejected")
            elif same:
                pairs.pair(customer, "paired", same[0])
        # What BPO gives to several is nobody else's either.
        several = {code for code, count in named.items() if code and count > 1}
        pairs.taken |= {key for key, account in accounts.items() if folded(account.code) in several} - pairs.parted

    def new_code(self, customer: Customer) -> str:
        return folded(self.new.get(customer.key) or customer.account or customer.code)

    def likenesses(self, customer: Customer, accounts: Accounts, pairs: Pairs) -> set[int]:
        """Give the accounts that nobody has and that look like a customer: by its code, its name or its VAT number."""
        name, vat_number = letters(customer.name), digits(str(customer.values["vat_number"]))
        namesakes = [other for other in self.customers() if letters(other.name) == name]
        return {
            key
            for key, account in accounts.items()
            if key not in pairs.taken
            and (
                folded(account.code) == customer.key
                or (name and len(namesakes) == 1 and letters(account.name) == name)
                or (vat_number and digits(account.vat_number) == vat_number)
            )
        }

    def accounting_only(self, accounts: Accounts) -> set[int]:
        """Give the accounts of nobody: neither paired nor looked like, nor under a customer's code, nor set aside."""
        customers = self.customers()
        pairs = self.pair(accounts)
        alike: set[int] = set()
        for customer in customers:
            if pairs.of[customer.code][0] == "lookalike":
                alike |= self.likenesses(customer, accounts, pairs)
        codes = {customer.key for customer in customers} | self.ignored_accounts
        return {
            key
            for key, account in accounts.items()
            if key not in pairs.taken | pairs.parted | alike and folded(account.code) not in codes
        }

    # What a sync is to do.

    def plan(self, accounts: Accounts, choice: Choice) -> list[Expected]:
        """Give what a sync is to do, in the order of the codes."""
        customers = self.customers()
        pairs = self.pair(accounts)
        found = [
            self._expected(customer, *pairs.of[customer.code], accounts, choice)
            for customer in customers
            if choice.includes(customer.key, customer.sites)
        ]
        listed = {customer.key for customer in customers}
        for key, link in self.links.items():
            if key not in listed and choice.includes(key, link.sites):
                found.append(Expected(link.customer, "skipped" if key in self.ignored else "gone"))
        return sorted(found, key=lambda expected: (expected.key, expected.code))

    def _expected(self, customer: Customer, kind: str, key: int | None, accounts: Accounts, choice: Choice) -> Expected:
        link = self.links.get(customer.key)
        if action := self._left_out(customer, link):
            return Expected(customer.code, action)
        if kind == "rejected" or self._is_refused(customer, kind, link):
            return Expected(customer.code, "rejected")
        if kind == "new":
            return self._create(customer)
        if key is None:
            return Expected(customer.code, kind)
        return self._compare(customer, link, accounts[key], overwrite=choice.overwrite)

    def _left_out(self, customer: Customer, link: Link | None) -> str:
        if customer.key in self.ignored or not customer.is_debtor:
            return "skipped"
        if link is not None and customer.is_inactive:
            return "gone"
        return "" if {"Active", "Hold"} & set(customer.statuses) else "skipped"

    def _is_refused(self, customer: Customer, kind: str, link: Link | None) -> bool:
        agreed = link.agreed if link else {}
        if any(name not in agreed or agreed[name][0] != customer.values[name] for name in customer.refused):
            return True
        read = {*self.compared, "is_debtor", "account", *(self.owned if kind == "new" else ())}
        return bool(customer.contradictory & read) or (kind == "new" and len(self.new_code(customer)) > WIDTHS["code"])

    def _create(self, customer: Customer) -> Expected:
        verdicts: dict[str, str] = {}
        writes: dict[str, Said] = {}
        agreed: Agreed = {}
        for name in (*self.compared, *self.owned):
            value, held = customer.values[name], name in customer.held
            if name == "terms" and (held or not value):
                value = USUAL_TERMS
            elif held:
                verdicts[name] = "held"
                continue
            # A limit of nothing is one too: the column is never empty.
            if value != "" and value is not False:
                writes[name] = value
                verdicts[name] = "write"
            if name in self.compared and value == customer.values[name] and (name != "hold" or value):
                agreed[name] = value, value
        code = self.new_code(customer)
        link = Link(customer.code, code, 0, customer.name, customer.sites, agreed)
        return Expected(customer.code, "create", code, None, verdicts, writes, link)

    def _compare(self, customer: Customer, link: Link | None, account: Account, *, overwrite: bool) -> Expected:
        agreed: Agreed = dict(link.agreed) if link else {}
        verdicts = self._verdicts(customer, account, agreed, overwrite=overwrite)
        writes = {name: customer.values[name] for name, found in verdicts.items() if found == "write"}
        for name in self.compared:
            value = customer.values[name]
            if name not in writes and value != account.values[name]:
                continue
            if name != "hold":
                agreed[name] = value, value
            elif not value:
                # Only a hold that was carried over is remembered.
                agreed.pop(name, None)
            elif name in writes:
                agreed[name] = value, value
        order = {"conflict": "conflict", "write": "update", "drift": "drift"}
        action = next((said for found, said in order.items() if found in verdicts.values()), "same")
        made = Link(customer.code, account.code, account.key, customer.name, customer.sites, agreed)
        return Expected(customer.code, action, account.code, account.key, verdicts, writes, made)

    def _verdicts(self, customer: Customer, account: Account, agreed: Agreed, *, overwrite: bool) -> dict[str, str]:
        cannot = customer.held | customer.refused
        verdicts = {}
        for name in self.compared:
            found = verdict(customer.values[name], account.values[name], agreed.get(name), held=name in cannot)
            if found:
                verdicts[name] = found
        if {"name", "vat_number"} <= verdicts.keys() & agreed.keys():
            is_renamed = letters(customer.name) != letters(str(agreed["name"][0]))
            if is_renamed and customer.values["vat_number"] != agreed["vat_number"][0]:
                # It may be another one under an old code.
                verdicts = {name: "conflict" if found == "write" else found for name, found in verdicts.items()}
        if overwrite:
            verdicts = {name: "held" if found == "held" or name in cannot else "write" for name, found in verdicts.items()}
        return verdicts

    def is_stale(self, expected: Expected, planned: Accounts, now: Accounts) -> bool:
        """Tell whether accounting changed since the plan was made, so that nothing is written."""
        if expected.row is None:
            return any(folded(account.code) == folded(expected.account) for account in now.values())
        before, after = planned[expected.row], now.get(expected.row)
        return (
            after is None
            or after.code != before.code
            or any(after.values[name] != before.values[name] for name in (*self.compared, "name"))
        )

    def settled(self, expected: Expected, account: Account) -> Link | None:
        """Give the link of a write that is found done only later, beside what a person said meanwhile; None for none."""
        link, now = expected.linked_to(account), self.links.get(expected.key)
        if expected.row is None:
            return None if now or account.key in {other.key for other in self.links.values()} else link
        if now is None or now.key != account.key:
            return None
        written = {name: pair for name, pair in link.agreed.items() if name in expected.writes}
        return replace(link, agreed={name: pair for name, pair in now.agreed.items() if name not in expected.writes} | written)


def verdict(bpo: Said, accounting: Said, agreed: tuple[Said, Said] | None, *, held: bool) -> str:
    """Give what becomes of a field; empty where nothing does. Where nothing was agreed, a value is a change."""
    if bpo == accounting:
        return ""
    bpo_changed = bool(bpo) if agreed is None else bpo != agreed[0]
    accounting_changed = bool(accounting) if agreed is None else accounting != agreed[1]
    if not bpo_changed:
        return "drift" if accounting_changed and agreed is not None else ""
    if held:
        return "held"
    return "conflict" if accounting_changed else "write"


def _amount(raw: float | None) -> Said:
    """Give an amount; what has more than two decimals is none, and stays the text that it is."""
    amount = Decimal(repr(raw or 0.0))
    cents = amount.quantize(CENT)
    return cents if amount == cents else str(amount)


def accounts_of(rows: Iterable[Mapping[str, Any]]) -> Accounts:
    """Give Client's rows as accounts, by their keys."""
    return {account.key: account for account in map(Account.of, rows)}


def _is_its(account: Account | None, link: Link, customer: Customer | None) -> bool:
    """Tell whether an account that has a link's key is still the one that was linked, and no other that got the key anew."""
    if account is None:
        return False
    names = {letters(str(link.agreed["name"][1]))} if "name" in link.agreed else {letters(account.name)}
    names |= {letters(str(customer.values["name"]))} if customer else set()
    known_by_vat = digits(str(link.agreed["vat_number"][1])) if "vat_number" in link.agreed else ""
    return (
        folded(account.code) == folded(link.account)
        or letters(account.name) in names
        or (bool(known_by_vat) and digits(account.vat_number) == known_by_vat)
    )
