"""Partner's own tables: CustomerMaster and DeliveryAddresses, its look-ups and defaults, read and written by SQL.

Statements are of the plainest kind, for behind them may be any ODBC driver: one table each, no join, no list of keys. Texts
are padded with blanks, or with NULs; some drivers compare them so and some do not, so that a key is looked for as it is
stored and without its padding. CreateDate is never selected: it may hold what is no date.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from bposync import database, odbc
from bposync.accounting import Company
from bposync.accounting.partner import (
    AS_MOST_HAVE,
    CODE,
    COLUMNS,
    COMPANY_DEFAULTS,
    DELIVERY,
    DELIVERY_CODE,
    MASTER,
    NAME,
    UPDATED_ON,
    Facts,
    Partner,
)
from bposync.errors import UsageError
from bposync.plan import differences
from bposync.records import Particulars
from bposync.values import normalise_code, text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from bposync.config import Settings
    from bposync.marks import Marker
    from bposync.records import Account, Change

PURPOSE: Final = "the accounting system"
UPDATED_FORM: Final = "%d/%m/%Y %H:%M:%S"
_FEW: Final = 50
"""Up to so many accounts are read one by one; more of them in one pass over each table."""
_LEFT_ALONE: Final = frozenset({"createdate", "guid"})


@dataclass(frozen=True)
class _Table:
    """One table as the database has it: its columns, with their types, by folded name."""

    table: sa.TableClause
    columns: Mapping[str, tuple[str, sa.types.TypeEngine[Any]]]

    def column(self, name: str) -> str | None:
        found = self.columns.get(name.casefold())
        return found[0] if found else None

    def select(self, names: Sequence[str]) -> sa.Select[Any]:
        wanted: list[sa.ColumnClause[Any]] = [database.column(str(self.column(name))) for name in names]
        return sa.select(*wanted).select_from(self.table)

    def is_key(self, name: str, raw: object) -> sa.ColumnElement[bool]:
        """Say that a text is `raw`, as it is stored or without its padding."""
        key = database.column(str(self.column(name)))
        if raw is None:
            return key.is_(None)
        forms = dict.fromkeys((raw, text_of(raw)))
        return sa.or_(*(key == form for form in forms))

    def bound(self, name: str, value: object) -> object:
        """Give a value as the column's own type takes it: a bit is a number here, a boolean or a text there."""
        kind = self.columns[name.casefold()][1]
        if isinstance(kind, sa.Boolean):
            return text_of(value).lower() not in ("", "0", "false")
        if isinstance(kind, sa.String):
            return value if isinstance(value, str) else text_of(value)
        return int(value or 0) if isinstance(value, str) else value


@dataclass(frozen=True, slots=True)
class Record:
    """An account as it is stored: values by column in the order they were asked for; `delivery` is None without a main row."""

    stored_code: object
    master: tuple[Any, ...]
    delivery: tuple[Any, ...] | None
    stored_delivery: tuple[object, object] | None


class PartnerTables(Partner):
    """The books of one company, read and written in its own tables.

    Raises UsageError where the database is no company of Partner's or lacks a code that the configuration names,
    UnreachableError where it cannot be read.
    """

    def __init__(self, engine: sa.Engine, place: database.Address, settings: Settings, bpo_fields: Collection[str]) -> None:
        self._engine = engine
        self._place = place
        self._clock: Callable[[], datetime] = datetime.now
        with database.plain_errors(place):
            connection = engine.connect()
        with connection, database.plain_errors(place, "cannot be read"):
            self.master = _table(connection, place, MASTER, (CODE, COLUMNS["name"].name))
            self.delivery = _table(connection, place, DELIVERY, (CODE, DELIVERY_CODE))
            company, facts = _company(connection, place), self._facts_of(connection)
        super().__init__(settings, bpo_fields, company, facts)
        named = ["name", "vat_number", *(name for name in (*self.fields, *self.new_fields) if name in COLUMNS)]
        wanted = [COLUMNS[name] for name in named if self._has(COLUMNS[name])]
        self._master_columns = tuple(dict.fromkeys(column.name for column in wanted if column.table == MASTER))
        self._delivery_columns = tuple(dict.fromkeys(column.name for column in wanted if column.table == DELIVERY))
        self._stored: dict[str, Record] = {}
        self.basis = repr((self.shape_basis, self._master_columns, self._delivery_columns))
        self.marker: Marker | None = None

    def _facts_of(self, connection: sa.Connection) -> Facts:
        columns = {
            (name.casefold(), folded): getattr(kind, "length", None)
            for name, table in ((MASTER, self.master), (DELIVERY, self.delivery))
            for folded, (_, kind) in table.columns.items()
        }
        return Facts(columns, _categories(connection, self._place), self._new_account(connection))

    def _new_account(self, connection: sa.Connection) -> dict[str, object]:
        """Give what the company gives new accounts: by its own defaults, and as most of its accounts have it."""
        found = dict(_company_defaults(connection, self._place))
        for name in AS_MOST_HAVE:
            if self.master.column(name):
                seen = Counter(text_of(row[0]) for row in connection.execute(self.master.select([name])))
                if seen and (most := seen.most_common(1)[0][0]):
                    found[name] = most
        return found

    @contextlib.contextmanager
    def connect(self) -> Iterator[sa.Connection]:
        """Give a connection that only reads."""
        with self._engine.connect() as connection:
            yield connection

    # Reading.

    def read(self, progress: Callable[[int], None] | None = None) -> list[Account]:
        """Read all accounts."""
        return self.read_past({}, progress)

    def read_past(self, known: dict[str, str], progress: Callable[[int], None] | None = None) -> list[Account]:
        """Read all accounts but those whose marks are in `known`; they are taken out of it."""
        accounts: list[Account] = []
        lacking: list[str] = []
        with database.plain_errors(self._place, "cannot be read"), self._engine.connect() as connection:
            records = self.records(connection, None, self._master_columns, self._delivery_columns)
            for count, record in enumerate(records, 1):
                code = text_of(record.stored_code)
                mark = self._mark(record)
                if known and known.get(identity := normalise_code(code)) == mark:
                    del known[identity]
                else:
                    accounts.append(self._account(record, mark))
                if record.delivery is None:
                    lacking.append(code)
                if progress is not None and count % 2000 == 0:
                    progress(count)
        self.without_delivery = tuple(sorted(lacking))
        return accounts

    def read_some(self, identities: Sequence[str]) -> list[Account]:
        """Read some accounts, by their codes."""
        with database.plain_errors(self._place, "cannot be read"), self._engine.connect() as connection:
            records = self.records(connection, identities, self._master_columns, self._delivery_columns)
            return [self._account(record, self._mark(record)) for record in records]

    def _mark(self, record: Record) -> str:
        if self.marker is None:
            return ""
        return self.marker.mark((record.stored_code, record.master, record.delivery))

    def particulars(self, accounts: Sequence[Account]) -> list[Particulars]:
        """Give when accounts were last changed; how balances add up nobody publishes."""
        if not self.master.column(UPDATED_ON):
            return super().particulars(accounts)
        with database.plain_errors(self._place, "cannot be read"), self._engine.connect() as connection:
            found = {
                normalise_code(text_of(record.stored_code)): text_of(record.master[0])
                for record in self.records(connection, [account.code for account in accounts], [UPDATED_ON], [])
            }
        return [Particulars(None, _iso(found.get(normalise_code(account.code), ""))) for account in accounts]

    def records(
        self, connection: sa.Connection, codes: Collection[str] | None, master: Sequence[str], delivery: Sequence[str]
    ) -> Iterator[Record]:
        """Read the accounts that have one of `codes`, or all of them, with these columns of the two tables."""
        wanted = None if codes is None else {normalise_code(code) for code in codes}
        main: dict[str, tuple[Any, ...]] = {}
        for row in self._rows(connection, self.delivery, (CODE, DELIVERY_CODE, *delivery), wanted):
            if not text_of(row[1]):
                main.setdefault(normalise_code(text_of(row[0])), row)
        for row in self._rows(connection, self.master, (CODE, *master), wanted):
            key = normalise_code(text_of(row[0]))
            if wanted is None or key in wanted:
                found = main.get(key)
                yield Record(row[0], row[1:], found[2:] if found else None, (found[0], found[1]) if found else None)

    @staticmethod
    def _stored_codes(connection: sa.Connection, table: _Table, wanted: Collection[str]) -> list[object]:
        """Give codes as a table stores them, in one pass over the codes alone, for nothing declares them unique."""
        if not wanted:
            return []
        rows = connection.execute(table.select([CODE]))
        return list(dict.fromkeys(row[0] for row in rows if normalise_code(text_of(row[0])) in wanted))

    def _rows(
        self, connection: sa.Connection, table: _Table, names: Sequence[str], wanted: Collection[str] | None
    ) -> Iterator[tuple[Any, ...]]:
        """Read a table's rows, or at least those of some codes, which the other table may write otherwise."""
        statement = table.select(names)
        codes = None if wanted is None else self._stored_codes(connection, table, wanted)
        if codes is None or len(codes) > _FEW:
            yield from map(tuple, connection.execute(statement))
            return
        for code in codes:
            yield from map(tuple, connection.execute(statement.where(table.is_key(CODE, code))))

    def find(self, connection: sa.Connection, batch: Sequence[Change], *, lock: bool) -> list[Account | None]:
        """Read a batch's accounts by their codes, in order.

        With `lock` the rows of known accounts stay as they are until the transaction ends. Where several accounts have a
        new one's code, the one that is as it was written counts, else the last.
        """
        if lock:
            self._lock(connection, [change.seen.code for change in batch if change.seen is not None])
        codes = [change.account if change.seen is None else change.seen.code for change in batch]
        by_code: dict[str, list[Account]] = {}
        self._stored = {}
        for record in self.records(connection, codes, self._master_columns, self._delivery_columns):
            account = self._account(record, self._mark(record))
            by_code.setdefault(normalise_code(account.code), []).append(account)
            self._stored[normalise_code(account.code)] = record
        found: list[Account | None] = []
        for change, code in zip(batch, codes, strict=True):
            same = by_code.get(normalise_code(code), [])
            if change.seen is None:
                equal = [account for account in same if not differences(self, change, account)]
                same = equal or same
            found.append(same[-1] if same else None)
        return found

    def _lock(self, connection: sa.Connection, codes: Sequence[str]) -> None:
        """Hold the rows of accounts by writing into each what stands there: every database locks what is written.

        SQLite needs none of it: its transaction holds the whole file from its beginning.
        """
        if connection.dialect.name == "sqlite" or not codes:
            return
        wanted = {normalise_code(code) for code in codes}
        for table, name in ((self.master, COLUMNS["name"].name), (self.delivery, DELIVERY_CODE)):
            column = database.column(str(table.column(name)))
            for code in self._stored_codes(connection, table, wanted):
                statement = sa.update(_clause(table, [name])).where(table.is_key(CODE, code)).values({column.name: column})
                connection.execute(statement)

    def _account(self, record: Record, mark: str) -> Account:
        values = dict(zip(self._master_columns, record.master, strict=True))
        if record.delivery is not None:
            values |= zip(self._delivery_columns, record.delivery, strict=True)
        return replace(self.account(text_of(record.stored_code), values), mark=mark)

    # Writing: what a change is in the two tables. The way in carries it out.

    def insert(self, connection: sa.Connection, batch: Sequence[Change]) -> None:
        """Insert new accounts, both rows of each; no text is left NULL, and no balance is touched."""
        master: list[dict[str, object]] = []
        delivery: list[dict[str, object]] = []
        for change in batch:
            rows = self.new_rows(change)
            master.append({**_blanks(self.master), **rows.master, UPDATED_ON: self._updated()})
            delivery.append({**_blanks(self.delivery), **rows.delivery})
        _insert(connection, self.master, master)
        _insert(connection, self.delivery, delivery)

    def update(self, connection: sa.Connection, batch: Sequence[Change]) -> None:
        """Write the columns that differ, and when they were; an account without a main delivery row gets one."""
        for change in batch:
            assert change.seen is not None  # noqa: S101 - only a known account is updated
            record = self._stored[normalise_code(change.seen.code)]
            rows = self.written(change)
            _update(connection, self.master, {**rows.master, UPDATED_ON: self._updated()}, {CODE: record.stored_code})
            if record.stored_delivery is None:
                new = {**_blanks(self.delivery), **rows.delivery, CODE: change.seen.code, DELIVERY_CODE: ""}
                _insert(connection, self.delivery, [new])
            elif rows.delivery:
                code, delivery_code = record.stored_delivery
                _update(connection, self.delivery, rows.delivery, {CODE: code, DELIVERY_CODE: delivery_code})

    def _updated(self) -> str:
        return self._clock().strftime(UPDATED_FORM)


def _iso(updated_on: str) -> str:
    """Give Partner's moment with the year first; what is none as it stands."""
    try:
        return datetime.strptime(updated_on, UPDATED_FORM).isoformat(" ")  # noqa: DTZ007 - Pastel's moments have no zone
    except ValueError:
        return updated_on


def _clause(table: _Table, names: Sequence[str]) -> sa.TableClause:
    columns: list[sa.ColumnClause[Any]] = [database.column(str(table.column(name))) for name in names]
    return sa.table(table.table.name, *columns, schema=table.table.schema)


def _blanks(table: _Table) -> dict[str, object]:
    """Give every text column of a table as blank."""
    return {
        name: "" for folded, (name, kind) in table.columns.items() if isinstance(kind, sa.String) and folded not in _LEFT_ALONE
    }


def _present(table: _Table, values: Mapping[str, object]) -> dict[str, object]:
    """Give values under the database's own names, without those of columns that this version does not have."""
    return {str(table.column(name)): table.bound(name, value) for name, value in values.items() if table.column(name)}


def _insert(connection: sa.Connection, table: _Table, rows: Sequence[Mapping[str, object]]) -> None:
    present = [_present(table, row) for row in rows]
    columns = list(dict.fromkeys(name for row in present for name in row))
    connection.execute(sa.insert(_clause(table, columns)), present)


def _update(connection: sa.Connection, table: _Table, values: Mapping[str, object], key: Mapping[str, object]) -> None:
    present = _present(table, values)
    if present:
        where = [table.is_key(name, raw) for name, raw in key.items()]
        connection.execute(sa.update(_clause(table, list(present))).where(*where).values(present))


# What a company's tables say of themselves.


def _table(connection: sa.Connection, place: database.Address, name: str, needed: Sequence[str]) -> _Table:
    table = database.table(connection, name, place.purpose, optional=True)
    if table is None:
        raise UsageError(
            f"{place} is no company of {NAME}'s: it has no table {name}.",
            "Check the database that [accounting] url or odbc names: each company has one of its own.",
        )
    columns = {folded.casefold(): (folded, kind) for folded, kind in database.column_types(connection, table).items()}
    for column in needed:
        if column.casefold() not in columns:
            raise UsageError(f"{place}: table {name} has no column {column}.", f"Is this a company of {NAME}'s?")
    return _Table(table, columns)


def _optional(connection: sa.Connection, place: database.Address, name: str) -> _Table | None:
    table = database.table(connection, name, place.purpose, optional=True)
    if table is None:
        return None
    return _Table(
        table, {column.casefold(): (column, sa.types.NULLTYPE) for column in database.column_names(connection, table)}
    )


def _categories(connection: sa.Connection, place: database.Address) -> dict[str, str]:
    table = _optional(connection, place, "CustomerCategories")
    if table is None or not table.column("CCCode"):
        return {}
    names = ["CCCode", *(["CCDesc"] if table.column("CCDesc") else [])]
    found: dict[str, str] = {}
    rows = [tuple(map(text_of, row)) for row in connection.execute(table.select(names))]
    for row in rows:
        code = str(int(row[0])) if row[0].isdecimal() else row[0]
        if code not in ("", "0"):
            found[normalise_code(code)] = code
    for row in rows:
        code = str(int(row[0])) if row[0].isdecimal() else row[0]
        if code not in ("", "0") and len(row) > 1 and row[1]:
            found.setdefault(normalise_code(row[1]), code)
    return found


def _company_defaults(connection: sa.Connection, place: database.Address) -> Iterator[tuple[str, object]]:
    table = _optional(connection, place, "CustSuppParameters")
    names = {} if table is None else {column: name for column, name in COMPANY_DEFAULTS.items() if table.column(name)}
    if table is None or not names:
        return
    row = connection.execute(table.select(list(names.values()))).first()
    for column, raw in zip(names, row or (), strict=False):
        text = text_of(raw)
        if text:
            yield column, int(text) if text.lstrip("-").isdecimal() else int(text.lower() in ("true", "y", "yes"))


def _company(connection: sa.Connection, place: database.Address) -> Company:
    """Ask the database for its own name and for the login; a URL may call it otherwise."""
    name, login = place.database, str(place.url.username or "")
    dialect = connection.dialect.name
    if dialect == "postgresql":
        row = connection.exec_driver_sql("SELECT current_database(), session_user").first()
        if row is not None:
            name, login = text_of(row[0]) or name, text_of(row[1]) or login
    elif dialect == odbc.BACKEND:
        name = odbc.database_name(connection).replace("\\", "/").rpartition("/")[2].removesuffix(".sqlite") or name
    return Company(name, name, place.server, login)
