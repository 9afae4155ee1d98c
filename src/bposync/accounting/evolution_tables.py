"""Evolution's own tables: the accounts in Client, its look-ups and settings, read and written by SQL.

Customers are table Client, its key DCLink. Nothing declares Account unique, money is float, nearly every column allows
NULL, and versions and sites differ in their columns: so the list of columns is read from the database, never assumed.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa
from sqlalchemy import exc

from bposync import database
from bposync.accounting import Company
from bposync.accounting.evolution import COLUMNS, LOOKUPS, REAL_ROW, Evolution, Facts, Lookup, Place
from bposync.errors import UsageError
from bposync.fields import FIELDS, Kind
from bposync.plan import differences
from bposync.records import Account, Change, Particulars
from bposync.values import flag_of, normalise_code, text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from bposync.config import Settings
    from bposync.marks import Marker
    from bposync.values import Value

PURPOSE: Final = "the accounting system"
_Types = dict[str, tuple[str, sa.types.TypeEngine[Any]]]


class _Reader:
    """Reads what a company's tables say of themselves, over one connection."""

    def __init__(self, connection: sa.Connection, place: database.Address, terms_module: int | None) -> None:
        self._connection = connection
        self._place = place
        self._terms_module = terms_module
        self.table = self._client()
        self.types: _Types = {
            name.casefold(): (name, kind) for name, kind in database.column_types(connection, self.table).items()
        }
        for needed in ("DCLink", "Account", "Name"):
            if needed.casefold() not in self.types:
                raise UsageError(f"{place}: table Client has no column {needed}.", "Is this an Evolution company?")

    def company(self) -> Company:
        """Ask the database for its own name and for the login; a URL may call it otherwise."""
        name, login = self._place.database, str(self._place.url.username or "")
        asked = {
            "mssql": "SELECT DB_NAME(), SUSER_SNAME()",
            "postgresql": "SELECT current_database(), session_user",
        }.get(self._connection.dialect.name)
        if asked is not None:
            row = self._connection.exec_driver_sql(asked).first()
            if row is not None:
                name, login = text_of(row[0]) or name, text_of(row[1]) or login
        return Company(name, name, self._place.server, login)

    def _client(self) -> sa.TableClause:
        table = database.table(self._connection, "Client", self._place.purpose, optional=True)
        if table is None:
            raise UsageError(
                f"{self._place} is no company of Evolution's: it has no table Client.",
                "Check the database that [accounting] url names.",
            )
        return table

    def _lookup(self, name: str) -> Lookup:
        table_name, key_column, code_column = LOOKUPS[name]
        table = database.table(self._connection, table_name, self._place.purpose, optional=True)
        if table is None:
            return Lookup(table_name, {}, {})
        names = {column.casefold(): column for column in database.column_names(self._connection, table)}
        if key_column.casefold() not in names or code_column.casefold() not in names:
            return Lookup(table_name, {}, {})
        key, code = names[key_column.casefold()], names[code_column.casefold()]
        module = names.get("imodule") if name == "terms" else None
        columns = [database.column(key), database.column(code), *([database.column(module)] if module else [])]
        rows = self._connection.execute(sa.select(*columns).select_from(table)).all()
        codes = {text_of(row[0]): text_of(row[1]) for row in rows if text_of(row[1])}
        if module:
            rows = self._customers_terms(rows)
        keys: dict[str, object] = {}
        for row in sorted(rows, key=lambda row: (len(text_of(row[0])), text_of(row[0]))):
            if text_of(row[1]):
                keys.setdefault(normalise_code(text_of(row[1])), row[0])
        return Lookup(table_name, codes, keys)

    def _customers_terms(self, rows: Sequence[Any]) -> Sequence[Any]:
        """Leave the terms of customers: suppliers may have the same codes under another module.

        Nobody says which number is the customers'. It is the configuration's, else that of the terms which the accounts
        use; while nobody uses any and a code stands in two modules, the first of them counts.
        """
        wanted = self._terms_module
        if wanted is not None:
            return [row for row in rows if text_of(row[2]) == str(wanted)]
        column, _ = self.types.get("iageingtermid", ("", None))
        if not column or len({text_of(row[2]) for row in rows}) < 2:  # noqa: PLR2004
            return rows
        used = {
            text_of(key)
            for (key,) in self._connection.execute(sa.select(database.column(column)).select_from(self.table).distinct())
        }
        modules = {text_of(row[2]) for row in rows if text_of(row[0]) in used}
        return [row for row in rows if text_of(row[2]) in modules] if len(modules) == 1 else rows

    def _setting(self, column: str) -> object:
        """Give one of the company's own defaults for customers, from CliDef; None where it has none."""
        table = database.table(self._connection, "CliDef", self._place.purpose, optional=True)
        if table is None:
            return None
        names = {name.casefold(): name for name in database.column_names(self._connection, table)}
        found = names.get(column.casefold())
        if found is None:
            return None
        row = self._connection.execute(sa.select(database.column(found)).select_from(table).limit(1)).first()
        return None if row is None else row[0]

    def facts(self) -> Facts:
        """Give all of it."""
        columns = {
            folded: Place(name, getattr(kind, "length", None), isinstance(kind, sa.Unicode))
            for folded, (name, kind) in self.types.items()
        }
        return Facts(
            columns=columns,
            lookups={name: self._lookup(name) for name in LOOKUPS},
            code_page=_code_page(self._connection),
            default_terms=self._setting("iDefaultTermID"),
            upper_codes=self._setting("UpperAccNo"),
        )


class EvolutionTables(Evolution):
    """The books of one company, read and written in its own tables.

    Raises UsageError where the database is no company of Evolution's or lacks a code that the configuration names,
    UnreachableError where it cannot be read.
    """

    def __init__(self, engine: sa.Engine, place: database.Address, settings: Settings, bpo_fields: Collection[str]) -> None:
        self._engine = engine
        self._place = place
        with database.plain_errors(place):
            connection = engine.connect()
        with database.plain_errors(place, "cannot be read"), connection:
            reader = _Reader(connection, place, settings.need_accounting().terms_module)
            company, facts = reader.company(), reader.facts()
        self._table, self._types = reader.table, reader.types
        super().__init__(settings, bpo_fields, company, facts)
        columns = ["DCLink", "Account", "Name", *(["Tax_Number"] if self.column("Tax_Number") else [])]
        columns += [COLUMNS[name][0] for name in (*self.fields, *self.new_fields)]
        self._read_columns = [str(self.column(name)) for name in dict.fromkeys(columns)]
        self.basis = repr((self.shape_basis, self._read_columns, self._types))
        self.marker: Marker | None = None
        self._newest_before: int | None = None
        """The newest key when a batch's codes were last looked up, right before they were written."""
        places = {name.casefold(): place for place, name in enumerate(dict.fromkeys(columns))}
        self._vat_place = places.get("tax_number")
        self._field_places = [(name, places[COLUMNS[name][0].casefold()]) for name in self.fields]
        self._new_places = [(name, places[COLUMNS[name][0].casefold()]) for name in self.new_fields]

    def read(self, progress: Callable[[int], None] | None = None) -> list[Account]:
        """Read all accounts."""
        return self.read_past({}, progress)

    def read_past(self, known: dict[str, str], progress: Callable[[int], None] | None = None) -> list[Account]:
        """Read all accounts but those whose marks are in `known`; they are taken out of it."""
        accounts: list[Account] = []
        count, marker = 0, self.marker
        with database.plain_errors(self._place, "cannot be read"), self._engine.connect() as connection:
            for some in database.batches(connection, self._select()):
                for row in some:
                    mark = "" if marker is None else marker.mark(row)
                    if known and known.get(key := text_of(row[0])) == mark:
                        del known[key]
                    else:
                        accounts.append(self._account(row, mark))
                count += len(some)
                if progress is not None:
                    progress(count)
        return accounts

    def read_some(self, identities: Sequence[str]) -> list[Account]:
        """Read some accounts again, by what they are known by."""
        with database.plain_errors(self._place, "cannot be read"), self._engine.connect() as connection:
            return self._by_key(connection, identities, lock=False)

    def particulars(self, accounts: Sequence[Account]) -> list[Particulars]:
        """Give balance and last change, where this version has the columns."""
        key, balance, changed = (self.column(name) for name in ("DCLink", "DCBalance", "dTimeStamp"))
        columns = [database.column(name) for name in (key, balance, changed) if name is not None]
        found: dict[str, Particulars] = {}
        with database.plain_errors(self._place, "cannot be read"), self._engine.connect() as connection:
            for some in database.chunks([int(account.key) for account in accounts], database.MAX_PARAMETERS):
                statement = sa.select(*columns).select_from(self._table).where(columns[0].in_(some))
                for row in connection.execute(statement).mappings():
                    amount = cents(row[balance]) if balance is not None else None
                    found[text_of(row[str(key)])] = Particulars(
                        amount if isinstance(amount, Decimal) else None,
                        text_of(row[changed])[:19] if changed is not None else "",
                    )
        return [found.get(account.key, Particulars()) for account in accounts]

    def find(self, connection: sa.Connection, batch: Sequence[Change], *, lock: bool) -> list[Account | None]:
        """Read a batch's accounts, in order: known ones by DCLink, new ones by code, in one pass a batch.

        With `lock` the rows of known accounts stay as they are until the transaction ends. Where several accounts have a
        new one's code, the one that is as it was written counts, else the last.
        """
        keys = [change.seen.key for change in batch if change.seen is not None]
        known = {account.key: account for account in self._by_key(connection, keys, lock=lock)}
        codes = [change.account for change in batch if change.seen is None]
        new: dict[str, list[Account]] = {}
        for account in self._new(connection, codes, lock=lock):
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

    def _new(self, connection: sa.Connection, codes: Sequence[str], *, lock: bool) -> list[Account]:
        """Read the accounts that have one of these codes, in a pass over the whole table, for Account has no index.

        What was written since the pass before the write has a later key, so to read it back its own few rows are enough; a
        code that is not among them is looked for everywhere again.
        """
        if not codes:
            return []
        key = database.column(str(self.column("DCLink")))
        if lock:
            newest = connection.execute(sa.select(sa.func.max(key)).select_from(self._table)).scalar()
            self._newest_before = None if newest is None else int(newest)
            return self._by_code(connection, codes, self._select())
        newest, self._newest_before = self._newest_before, None
        if newest is None:
            return self._by_code(connection, codes, self._select())
        found = self._by_code(connection, codes, self._select().where(key > newest))
        present = {normalise_code(account.code) for account in found}
        missing = [code for code in codes if normalise_code(code) not in present]
        return found + (self._by_code(connection, missing, self._select()) if missing else [])

    def _by_key(self, connection: sa.Connection, keys: Sequence[str], *, lock: bool) -> list[Account]:
        key_column = database.column(str(self.column("DCLink")))
        found = []
        for some in database.chunks(keys, database.MAX_PARAMETERS):
            statement = self._select().where(key_column.in_([int(key) for key in some]))
            if lock:
                statement = statement.with_for_update().with_hint(self._table, "WITH (UPDLOCK, ROWLOCK)", "mssql")
            found += [self._account(tuple(row)) for row in connection.execute(statement)]
        return found

    def _by_code(self, connection: sa.Connection, codes: Sequence[str], among: sa.Select[*tuple[Any, ...]]) -> list[Account]:
        account = database.column(str(self.column("Account")))
        # Some databases fold only ASCII: the code is looked for as it stands and in both foldings.
        wanted = list(dict.fromkeys(form for code in codes for form in (code.lower(), _ascii_lower(code))))
        found = []
        for some in database.chunks(wanted, database.MAX_PARAMETERS):
            folded = sa.func.lower(sa.func.ltrim(sa.func.rtrim(account)))
            found += [self._account(tuple(row)) for row in connection.execute(among.where(folded.in_(some)))]
        return found

    def _select(self) -> sa.Select[*tuple[Any, ...]]:
        wanted: list[sa.ColumnClause[Any]] = [database.column(name) for name in self._read_columns]
        return sa.select(*wanted).select_from(self._table)

    def _account(self, row: tuple[Any, ...], mark: str = "") -> Account:
        if not mark and self.marker is not None:
            mark = self.marker.mark(row)
        return Account(
            code=text_of(row[1]),
            key=text_of(row[0]),
            name=text_of(row[2]),
            vat_number="" if self._vat_place is None else text_of(row[self._vat_place]),
            values=tuple(self._value(name, row[place]) for name, place in self._field_places),
            new_values=tuple(self._value(name, row[place]) for name, place in self._new_places),
            mark=mark,
        )

    def _value(self, name: str, raw: object) -> Value:
        if name in LOOKUPS:
            return self.lookups[name].code(raw)
        kind = FIELDS[name].kind
        if kind is Kind.AMOUNT:
            return cents(raw)
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
        table = self._written(columns)
        connection.execute(sa.insert(table), [{column: row.get(column) for column in columns} for row in rows])

    def _new_row(self, change: Change) -> dict[str, object]:
        row: dict[str, object] = {**self._usual_row, self._place_of["code"]: change.account}
        for written in change.writes:
            name, value = written.field, written.new
            is_text = isinstance(value, str) and name not in LOOKUPS
            row[self._place_of[name]] = value if is_text else self._bound(COLUMNS[name][0], self._stored(name, value))
        return row

    @cached_property
    def _usual_row(self) -> dict[str, object]:
        """What every new account has in the columns that are there."""
        columns = {name: self.column(name) for name in REAL_ROW}
        return {column: self._bound(name, REAL_ROW[name]) for name, column in columns.items() if column is not None}

    @cached_property
    def _place_of(self) -> dict[str, str]:
        """The column of each field, as the database writes it."""
        columns = {"code": "Account", **{name: COLUMNS[name][0] for name in (*self.fields, *self.new_fields)}}
        return {name: str(self.column(column)) for name, column in columns.items()}

    def update(self, connection: sa.Connection, batch: Sequence[Change]) -> None:
        """Write the fields that differ, and only those, in accounts found by DCLink."""
        key = str(self.column("DCLink"))
        by_columns: dict[tuple[str, ...], list[dict[str, object]]] = {}
        for change in batch:
            assert change.seen is not None  # noqa: S101 - only a known account is updated
            row = {
                self._place_of[written.field]: self._bound(COLUMNS[written.field][0], self._stored(written.field, written.new))
                for written in change.writes
            }
            by_columns.setdefault(tuple(row), []).append({**row, "the_key": int(change.seen.key)})
        for columns, rows in by_columns.items():
            key_column = database.column(key)
            statement = sa.update(self._written(columns)).where(key_column == sa.bindparam("the_key"))
            values: dict[str, Any] = {column: sa.bindparam(f"value_{place}") for place, column in enumerate(columns)}
            parameters = [
                {"the_key": row["the_key"], **{f"value_{place}": row[column] for place, column in enumerate(columns)}}
                for row in rows
            ]
            connection.execute(statement.values(values), parameters)

    def _written(self, columns: Sequence[str]) -> sa.TableClause:
        return sa.table(self._table.name, *(database.column(column) for column in columns), schema=self._table.schema)

    def _stored(self, name: str, value: Value) -> object:
        """Give what stands in the column of a field: the key of a code, else the value."""
        if name in LOOKUPS:
            return self.lookups[name].keys[normalise_code(str(value))] if value else None
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


def cents(raw: object) -> Value:
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
    except exc.SQLAlchemyError as error:
        if database.is_cut(error):
            raise
        page = None
    number = text_of(page) or "1252"
    return {"65001": "utf-8", "0": "cp1252"}.get(number, f"cp{number}")
