"""Sage (Pastel) Evolution's books: which accounts there are, what a customer's account looks like, what it cannot hold.

Customers are table Client, its key DCLink. Nothing declares Account unique, money is float, nearly every column allows
NULL, and versions and sites differ in their columns: so the list of columns is read from the database, never assumed.
The field map and widths are those of Sage's own schema (docs/evolution.md says what is certain and what is not).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa
from sqlalchemy import exc

from bposync import database
from bposync.accounting import Company
from bposync.config import by_code
from bposync.errors import UsageError, did_you_mean
from bposync.fields import ALWAYS_NEW, FIELDS, Kind, Owner
from bposync.plan import differences
from bposync.records import Account, Change, Customer, Shape
from bposync.values import flag_of, is_plain, normalise_code, text_of, visible

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from bposync.config import AccountingTable, Settings
    from bposync.values import Value

NAME: Final = "Evolution"
PURPOSE: Final = "the accounting system"

# The column of each field, and its width where the database does not tell one (Sage's schema).
_COLUMNS: Final[dict[str, tuple[str, int]]] = {
    "name": ("Name", 150),
    "contact": ("Contact_Person", 30),
    "phone": ("Telephone", 25),
    "mobile": ("Telephone2", 25),
    "email": ("EMail", 200),
    "website": ("cWebPage", 50),
    "vat_number": ("Tax_Number", 50),
    "registration": ("Registration", 20),
    "credit_limit": ("Credit_Limit", 0),
    **{f"billing_{n}": (f"Post{n}", 40) for n in range(1, 6)},
    "billing_postcode": ("PostPC", 15),
    **{f"shipping_{n}": (f"Physical{n}", 40) for n in range(1, 6)},
    "shipping_postcode": ("PhysicalPC", 15),
    "terms": ("iAgeingTermID", 0),
    "hold": ("On_Hold", 0),
    "group": ("iClassID", 0),
    "area": ("iAreasID", 0),
    "price_list": ("iARPriceListNameID", 0),
}
_ACCOUNT_WIDTH: Final = 20
# Table, key and code of each look-up.
_LOOKUPS: Final = {
    "terms": ("_etblTerms", "iTermID", "cCode"),
    "group": ("CliClass", "IdCliClass", "Code"),
    "area": ("Areas", "idAreas", "Code"),
    "price_list": ("_etblPriceListName", "IDPriceListName", "cName"),
}
# What real rows show in a new account (Sage's schema and rows seen in the field); only columns that are there are filled.
_REAL_ROW: Final[dict[str, int]] = {
    "iCurrencyID": 0, "iARPriceListNameID": 1, "iAgeingTermID": 1, "CT": 1, "bTaxPrompt": 1, "bSourceDocPrint": 1,
    **dict.fromkeys(
        ("On_Hold", "CashDebtor", "CheckTerms", "UseEmail", "bStatPrint", "bStatEmail", "bForCurAcc", "bSourceDocEmail",
         "bCODAccount", "bElecDocAcceptance", "bCustomerZoneEnabled", "iSettlementTermsID", "iEUCountryID",
         "iDefTaxTypeID", "iTaxState", "bOnlineToolsEnabled", "bTaxVerified", "bBadDebtRelief", "bObjectToProcess",
         "bStatEmailPeople", "bSourceDocEmailPeople", "iTaxCountryID", "bInsuranceCustomer"), 0),
}  # fmt: skip
# A float holds cents exactly up to here.
_LARGEST_AMOUNT: Final = Decimal("70000000000000.00")
_TRUE: Final = frozenset({"1", "y", "t", "yes", "true", "-1"})
_SHOWN = 60
_NO_GROUP: Final = (
    "New accounts get no group, which decides their control account: say which under [accounting.groups] or "
    "[accounting.defaults]."
)


@dataclass(frozen=True, slots=True)
class _Lookup:
    """One look-up table: codes by key, and keys by normalised code."""

    table: str
    codes: Mapping[str, str]
    keys: Mapping[str, object]

    def code(self, key: object) -> str:
        """Give the code of a key; one that is not in the table shows as itself, 0 and NULL are blank."""
        text = text_of(key)
        return self.codes.get(text) or ("" if text in ("", "0") else f"#{text}")


class Evolution:
    """The books of one company, read through SQL.

    `bpo_fields` are the fields that BPO has. Raises UsageError where the database is no company of Evolution's or lacks a
    code that the configuration names, UnreachableError where it cannot be read.
    """

    system = NAME

    def __init__(self, engine: sa.Engine, place: database.Address, settings: Settings, bpo_fields: Collection[str]) -> None:
        self._engine = engine
        self._place = place
        self._configuration: AccountingTable = settings.need_accounting()
        self._where = str(settings.path)
        with database.plain_errors(place):
            connection = engine.connect()
        with connection, database.plain_errors(place, "cannot be read"):
            self._read_company(connection)
            self._read_columns(connection)
            self._lookups = {name: self._read_lookup(connection, name) for name in _LOOKUPS}
            self._default_terms_key = self._setting(connection, "iDefaultTermID")
            upper = self._setting(connection, "UpperAccNo")
        self._upper = (
            text_of(upper).lower() in _TRUE
            if self._configuration.upper_case_codes is None
            else self._configuration.upper_case_codes
        )
        self._groups = by_code(self._configuration.groups)
        self._terms = by_code(self._configuration.terms)
        self._check_codes()
        self._choose_fields(settings, bpo_fields)
        self.notes: tuple[str, ...] = ()
        if "group" in self.new_fields and not self._configuration.groups and not self._configuration.defaults.group:
            self.notes = (_NO_GROUP,)

    def _read_company(self, connection: sa.Connection) -> None:
        """Ask the database for its own name and for the login; a URL may call it otherwise."""
        name, login = self._place.database, str(self._place.url.username or "")
        asked = {
            "mssql": "SELECT DB_NAME(), SUSER_SNAME()",
            "postgresql": "SELECT current_database(), session_user",
        }.get(connection.dialect.name)
        if asked is not None:
            row = connection.exec_driver_sql(asked).first()
            if row is not None:
                name, login = text_of(row[0]) or name, text_of(row[1]) or login
        self.company = Company(name, name, self._place.server, login)

    def _read_columns(self, connection: sa.Connection) -> None:
        table = database.table(connection, "Client", "The accounting database is no company of Evolution's: it", optional=True)
        if table is None:
            raise UsageError(
                f"{self._place} is no company of Evolution's: it has no table Client.",
                "Check the database that [accounting] url names.",
            )
        self.table = table
        self._types = {name.casefold(): (name, kind) for name, kind in database.column_types(connection, table).items()}
        for needed in ("DCLink", "Account", "Name"):
            if needed.casefold() not in self._types:
                raise UsageError(f"{self._place}: table Client has no column {needed}.", "Is this an Evolution company?")
        self._code_page = _code_page(connection)

    def _read_lookup(self, connection: sa.Connection, name: str) -> _Lookup:
        table_name, key_column, code_column = _LOOKUPS[name]
        table = database.table(connection, table_name, self._place.purpose, optional=True)
        if table is None:
            return _Lookup(table_name, {}, {})
        names = {column.casefold(): column for column in database.column_names(connection, table)}
        if key_column.casefold() not in names or code_column.casefold() not in names:
            return _Lookup(table_name, {}, {})
        key, code = names[key_column.casefold()], names[code_column.casefold()]
        module = names.get("imodule") if name == "terms" else None
        columns = [database.column(key), database.column(code), *([database.column(module)] if module else [])]
        rows = connection.execute(sa.select(*columns).select_from(table)).all()
        codes = {text_of(row[0]): text_of(row[1]) for row in rows if text_of(row[1])}
        if module:
            rows = self._customers_terms(connection, rows)
        keys: dict[str, object] = {}
        for row in sorted(rows, key=lambda row: (len(text_of(row[0])), text_of(row[0]))):
            if text_of(row[1]):
                keys.setdefault(normalise_code(text_of(row[1])), row[0])
        return _Lookup(table_name, codes, keys)

    def _customers_terms(self, connection: sa.Connection, rows: Sequence[Any]) -> Sequence[Any]:
        """Leave the terms of customers: suppliers may have the same codes under another module.

        Nobody says which number is the customers'. It is the configuration's, else that of the terms which the accounts
        use; while nobody uses any and a code stands in two modules, the first of them counts.
        """
        wanted = self._configuration.terms_module
        if wanted is not None:
            return [row for row in rows if text_of(row[2]) == str(wanted)]
        column = self._column("iAgeingTermID")
        if column is None or len({text_of(row[2]) for row in rows}) < 2:  # noqa: PLR2004
            return rows
        used = {
            text_of(key) for (key,) in connection.execute(sa.select(database.column(column)).select_from(self.table).distinct())
        }
        modules = {text_of(row[2]) for row in rows if text_of(row[0]) in used}
        return [row for row in rows if text_of(row[2]) in modules] if len(modules) == 1 else rows

    def _setting(self, connection: sa.Connection, column: str) -> object:
        """Give one of the company's own defaults for customers, from CliDef; None where it has none."""
        table = database.table(connection, "CliDef", self._place.purpose, optional=True)
        if table is None:
            return None
        names = {name.casefold(): name for name in database.column_names(connection, table)}
        found = names.get(column.casefold())
        if found is None:
            return None
        row = connection.execute(sa.select(database.column(found)).select_from(table).limit(1)).first()
        return None if row is None else row[0]

    def _check_codes(self) -> None:
        """Refuse a configuration that names a code which the company does not have."""
        defaults = self._configuration.defaults
        if defaults.category is not None:
            raise UsageError(
                f"{self._where}: [accounting.defaults] category: Evolution has none.", "Its counterpart there is group."
            )
        named = [
            *((f"[accounting.defaults] {name}", name, getattr(defaults, name)) for name in _LOOKUPS),
            *((f"[accounting.groups] {key}", "group", code) for key, code in self._configuration.groups.items()),
            *((f"[accounting.terms] {key}", "terms", code) for key, code in self._configuration.terms.items()),
        ]
        for where, name, code in named:
            lookup = self._lookups[name]
            if code is not None and normalise_code(code) not in lookup.keys:
                known = dict.fromkeys(lookup.code(key) for key in lookup.keys.values())
                hint = did_you_mean(code, known) or f"Its table {lookup.table} is missing or empty."
                raise UsageError(f"{self._where}: {where}: the company has no {FIELDS[name].label.lower()} {code!r}.", hint)

    def _choose_fields(self, settings: Settings, bpo_fields: Collection[str]) -> None:
        placed = [
            name for name, (column, _) in _COLUMNS.items()
            if self._column(column) is not None and (name not in _LOOKUPS or self._lookups[name].keys)
        ]  # fmt: skip
        placed.sort(key=list(FIELDS).index)
        from_bpo = [name for name in placed if name in bpo_fields]
        if settings.sync.carry_hold and "status" in bpo_fields and "hold" in placed:
            from_bpo.append("hold")
        self.fields = tuple(name for name in from_bpo if settings.owners[name] is Owner.BPO)
        defaults = self._configuration.defaults
        found: dict[str, Value] = {}
        self.defaults: Mapping[str, Value] = found
        if "terms" in placed:
            terms = self._lookups["terms"]
            code = defaults.terms or terms.code(self._default_terms_key) or terms.codes.get(str(_REAL_ROW["iAgeingTermID"]))
            if code and normalise_code(code) in terms.keys:
                found["terms"] = self._canonical("terms", code)
        for name in ("area", "price_list", "group"):
            if name in placed and (code := getattr(defaults, name)):
                found[name] = self._canonical(name, code)
        new = [name for name in from_bpo if settings.owners[name] is Owner.ACCOUNTING]
        new += [name for name in ALWAYS_NEW if name in placed and (name in self.defaults or name == "group")]
        if "terms" not in from_bpo and "terms" in self.defaults:
            new.append("terms")
        self.new_fields = tuple(new)

    def _canonical(self, name: str, code: str) -> str:
        lookup = self._lookups[name]
        return lookup.code(lookup.keys[normalise_code(code)])

    def _column(self, name: str) -> str | None:
        """Give a column as the database writes it, or None where this version has none."""
        found = self._types.get(name.casefold())
        return found[0] if found else None

    # What a customer looks like here.

    def code_for(self, code: str) -> str:
        """Give the code of a new account as this company writes it. Raises ValueError where it cannot be held."""
        written = code.strip().upper() if self._upper else code.strip()
        if not written:
            raise ValueError("is blank")
        if why := self._cannot_hold(written, "Account", _ACCOUNT_WIDTH):
            raise ValueError(why)
        return written

    def shape(self, customer: Customer) -> Shape:
        """Give a customer as an account would hold it: texts as they are, money in cents, terms and group as codes."""
        held: dict[str, str] = {}
        rejected: dict[str, str] = {}
        values = tuple(self._shaped(customer, name, held, rejected) for name in self.fields)
        new_values = tuple(self._shaped(customer, name, held, rejected) for name in self.new_fields)
        return Shape(values, new_values, held, rejected)

    def _shaped(self, customer: Customer, name: str, held: dict[str, str], rejected: dict[str, str]) -> Value:
        if name == "hold":
            on_hold = {normalise_code(status) == "hold" for status in customer.statuses}
            if len(on_hold) > 1:
                held[name] = "BPO has it on hold at one site and not at another"
            return True in on_hold
        if name == "terms":
            return self._shaped_terms(customer.text("terms"), held)
        if name == "group":
            code = self._groups.get(normalise_code(customer.text("type")))
            return self._canonical("group", code) if code else self.defaults.get("group", "")
        if name in ALWAYS_NEW:
            return self.defaults.get(name, "")
        if FIELDS[name].kind is Kind.AMOUNT:
            return self._shaped_amount(name, customer.value(name), rejected)
        text = customer.text(name)
        column, width = _COLUMNS[name]
        if why := self._cannot_hold(text, column, width):
            hopeless = name == "name" or (name == "vat_number" and is_plain(text))
            (rejected if hopeless else held)[name] = why
        elif name == "name" and not text:
            rejected[name] = "is blank"
        return text

    def _shaped_terms(self, terms: str, held: dict[str, str]) -> str:
        code = self._terms.get(normalise_code(terms), terms)
        if not terms or normalise_code(code) in self._lookups["terms"].keys:
            return self._canonical("terms", code) if terms else ""
        held["terms"] = f"{_quoted(terms)} matches none of the company's terms"
        return terms

    @staticmethod
    def _shaped_amount(name: str, amount: Value, rejected: dict[str, str]) -> Value:
        if isinstance(amount, Decimal) and abs(amount) > _LARGEST_AMOUNT:
            rejected[name] = f"{amount:.2f} is more than {NAME} holds to the cent, {_LARGEST_AMOUNT}"
        # The column is never empty in the field; a blank limit and 0.00 are one.
        return Decimal("0.00") if amount is None else amount

    def _cannot_hold(self, text: str, column: str, width: int) -> str:
        """Say why a text cannot stand in a column; empty where it can."""
        if not text:
            return ""
        if not is_plain(text):
            return f"{_quoted(text)} has a control character or a line break inside"
        kind = self._types[column.casefold()][1]
        limit = getattr(kind, "length", None) or width
        size, unit = len(text), ""
        if self._code_page is not None and not isinstance(kind, sa.Unicode):
            try:
                size = len(text.encode(self._code_page))
            except UnicodeEncodeError as error:
                return f"{_quoted(text)} has {_quoted(text[error.start])}, which the code page {self._code_page} lacks"
        elif self._code_page is not None:
            size, unit = len(text.encode("utf-16-le")) // 2, " UTF-16 units"
        return f"{_quoted(text)} is {size}{unit} long, {NAME} holds {limit}" if size > limit else ""

    # Reading.

    def read(self, progress: Callable[[int], None] | None = None) -> list[Account]:
        """Read all accounts."""
        accounts: list[Account] = []
        with database.plain_errors(self._place, "cannot be read"), self._engine.connect() as connection:
            rows = connection.execution_options(stream_results=True, yield_per=2000).execute(self._select())
            for row in rows:
                accounts.append(self._account(row))
                if progress is not None and len(accounts) % 2000 == 0:
                    progress(len(accounts))
        return accounts

    def find(self, connection: sa.Connection, batch: Sequence[Change], *, lock: bool) -> list[Account | None]:
        """Read a batch's accounts, in order: known ones by DCLink, new ones by code, in one pass a batch.

        With `lock` the rows of known accounts stay as they are until the transaction ends. Where several accounts have a
        new one's code, the one that is as it was written counts, else the last.
        """
        keys = [change.seen.key for change in batch if change.seen is not None]
        known = {account.key: account for account in self._by_key(connection, keys, lock=lock)}
        codes = [change.account for change in batch if change.seen is None]
        new: dict[str, list[Account]] = {}
        for account in self._by_code(connection, codes):
            new.setdefault(normalise_code(account.code), []).append(account)
        found: list[Account | None] = []
        for change in batch:
            if change.seen is not None:
                found.append(known.get(change.seen.key))
                continue
            same = new.get(normalise_code(change.account), [])
            equal = [account for account in same if not differences(self, change, account)]
            candidates = equal or same
            found.append(candidates[-1] if candidates else None)
        return found

    def _by_key(self, connection: sa.Connection, keys: Sequence[str], *, lock: bool) -> list[Account]:
        key_column = database.column(str(self._column("DCLink")))
        found = []
        for some in database.chunks(keys, database.MAX_PARAMETERS):
            statement = self._select().where(key_column.in_([int(key) for key in some]))
            if lock:
                statement = statement.with_for_update().with_hint(self.table, "WITH (UPDLOCK, ROWLOCK)", "mssql")
            found += [self._account(row) for row in connection.execute(statement)]
        return found

    def _by_code(self, connection: sa.Connection, codes: Sequence[str]) -> list[Account]:
        account = database.column(str(self._column("Account")))
        # Some databases fold only ASCII: the code is looked for as it stands and in both foldings.
        wanted = list(dict.fromkeys(form for code in codes for form in (code.lower(), _ascii_lower(code))))
        found = []
        for some in database.chunks(wanted, database.MAX_PARAMETERS):
            folded = sa.func.lower(sa.func.ltrim(sa.func.rtrim(account)))
            found += [self._account(row) for row in connection.execute(self._select().where(folded.in_(some)))]
        return found

    def _select(self) -> sa.Select[*tuple[Any, ...]]:
        columns = ["DCLink", "Account", "Name", *(["Tax_Number"] if self._column("Tax_Number") else [])]
        columns += [_COLUMNS[name][0] for name in (*self.fields, *self.new_fields)]
        self._places = {name.casefold(): place for place, name in enumerate(dict.fromkeys(columns))}
        wanted: list[sa.ColumnClause[Any]] = [database.column(str(self._column(name))) for name in dict.fromkeys(columns)]
        return sa.select(*wanted).select_from(self.table)

    def _account(self, row: Sequence[Any]) -> Account:
        places = self._places
        vat_number = places.get("tax_number")
        return Account(
            code=text_of(row[1]),
            key=text_of(row[0]),
            name=text_of(row[2]),
            vat_number="" if vat_number is None else text_of(row[vat_number]),
            values=tuple(self._value(name, row[places[_COLUMNS[name][0].casefold()]]) for name in self.fields),
            new_values=tuple(self._value(name, row[places[_COLUMNS[name][0].casefold()]]) for name in self.new_fields),
        )

    def _value(self, name: str, raw: object) -> Value:
        if name in _LOOKUPS:
            return self._lookups[name].code(raw)
        kind = FIELDS[name].kind
        if kind is Kind.AMOUNT:
            return _cents(raw)
        if kind is Kind.FLAG:
            return flag_of(raw)
        return text_of(raw)

    # Writing: what a change is in columns. The way in carries it out.

    def insert(self, connection: sa.Connection, batch: Sequence[Change]) -> None:
        """Insert new accounts with the values that real rows show; DCLink is the database's own.

        One statement for many rows of values: SQLAlchemy takes longer to compile a multi-row VALUES than to send the rows.
        """
        rows = [self._new_row(change) for change in batch]
        columns = list(dict.fromkeys(column for row in rows for column in row))
        table = self._table(columns)
        connection.execute(sa.insert(table), [{column: row.get(column) for column in columns} for row in rows])

    def _new_row(self, change: Change) -> dict[str, object]:
        row: dict[str, object] = {}
        for name, number in _REAL_ROW.items():
            if (column := self._column(name)) is not None:
                row[column] = self._bound(name, number)
        row[str(self._column("Account"))] = change.account
        for written in change.writes:
            column = _COLUMNS[written.field][0]
            row[str(self._column(column))] = self._bound(column, self._stored(written.field, written.new))
        return row

    def update(self, connection: sa.Connection, batch: Sequence[Change]) -> None:
        """Write the fields that differ, and only those, in accounts found by DCLink."""
        key = str(self._column("DCLink"))
        by_columns: dict[tuple[str, ...], list[dict[str, object]]] = {}
        for change in batch:
            assert change.seen is not None  # noqa: S101 - only a known account is updated
            row = {
                str(self._column(_COLUMNS[written.field][0])): self._bound(
                    _COLUMNS[written.field][0], self._stored(written.field, written.new)
                )
                for written in change.writes
            }
            by_columns.setdefault(tuple(row), []).append({**row, "the_key": int(change.seen.key)})
        for columns, rows in by_columns.items():
            key_column = database.column(key)
            statement = sa.update(self._table(columns)).where(key_column == sa.bindparam("the_key"))
            values: dict[str, Any] = {column: sa.bindparam(f"value_{place}") for place, column in enumerate(columns)}
            parameters = [
                {"the_key": row["the_key"], **{f"value_{place}": row[column] for place, column in enumerate(columns)}}
                for row in rows
            ]
            connection.execute(statement.values(values), parameters)

    def _table(self, columns: Sequence[str]) -> sa.TableClause:
        return sa.table(self.table.name, *(database.column(column) for column in columns), schema=self.table.schema)

    def _stored(self, name: str, value: Value) -> object:
        """Give what stands in the column of a field: the key of a code, else the value."""
        if name in _LOOKUPS:
            return self._lookups[name].keys[normalise_code(str(value))] if value else None
        return value

    def _bound(self, column: str, value: object) -> object:
        """Give a value as the column's own type takes it: a bit is a number here and a boolean there, money mostly a float."""
        kind = self._types[column.casefold()][1]
        if isinstance(value, Decimal):
            sqlite = self._engine.dialect.name == "sqlite"
            return value if not sqlite and not isinstance(kind, (sa.Float, sa.types.NullType)) else float(value)
        if isinstance(value, (bool, int)) and isinstance(kind, sa.Boolean):
            return bool(value)
        return int(value) if isinstance(value, bool) else value


def _quoted(text: str) -> str:
    shown = visible(text)
    return repr(shown if len(shown) <= _SHOWN else shown[: _SHOWN - 1] + "…").replace("\\\\", "\\")


def _cents(raw: object) -> Value:
    """Read Evolution's money, which is float: the shortest decimal that means it, to the cent; NULL is 0.00.

    What is no amount is given as the text it is, so that it equals nothing and is never taken for an empty limit.
    """
    if raw is None or (isinstance(raw, str) and not raw.strip()):
        return Decimal("0.00")
    try:
        number = raw if isinstance(raw, Decimal) else Decimal(repr(raw) if isinstance(raw, float) else str(raw).strip())
        return number.quantize(Decimal("0.01")) or Decimal("0.00")
    except InvalidOperation:
        return text_of(raw)


def _ascii_lower(code: str) -> str:
    return "".join(character.lower() if character.isascii() else character for character in code)


def _code_page(connection: sa.Connection) -> str | None:
    """Give Python's name of the code page that a varchar is in; None where any text can be held."""
    if connection.dialect.name != "mssql":
        return None
    statement = "SELECT COLLATIONPROPERTY(CAST(DATABASEPROPERTYEX(DB_NAME(), 'Collation') AS varchar(128)), 'CodePage')"
    try:
        with connection.begin_nested():
            page = connection.exec_driver_sql(statement).scalar()
    except exc.SQLAlchemyError:
        page = None
    number = text_of(page) or "1252"
    return {"65001": "utf-8", "0": "cp1252"}.get(number, f"cp{number}")
