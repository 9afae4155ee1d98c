"""Companies whose books are Pastel Partner's, one for each way to reach them, behind the same face as Evolution's."""

from __future__ import annotations

import csv
import io
import secrets
import shutil
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from bposync import apply
from bposync.accounting import pastel_sdk
from bposync.accounting.partner import COLUMNS, DELIVERY, MASTER, stored
from bposync.accounting.partner_record import CERTAIN, DELIVERY_COLUMNS, MASTER_COLUMNS
from bposync.demo import partner
from bposync.records import Outcome, OutcomeKind
from support import company as support
from support.company import Company, Synced, connected, dump, sqlite_url
from support.pastel import Pastel

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest

    from support.postgres import PostgresServer

SQLITE, POSTGRESQL = "Partner, SQLite", "Partner, PostgreSQL"
ODBC_SQLITE, ODBC_POSTGRESQL = "Partner, ODBC to SQLite", "Partner, ODBC to PostgreSQL"
SDK, FILE = "Partner, SDK", "Partner, import file"
BY_SQL = (SQLITE, POSTGRESQL, ODBC_SQLITE, ODBC_POSTGRESQL)
KINDS = (*BY_SQL, SDK, FILE)
DRIVERS = {ODBC_SQLITE: "SQLite3", ODBC_POSTGRESQL: "PostgreSQL Unicode"}


@dataclass
class PartnerCompany(Company):
    """One test's company in Partner's tables, or in the stand-in of its SDK."""

    kind: str = SQLITE
    pastel: Pastel | None = None
    edits: dict[str, Any] = field(default_factory=dict)

    # The books, as the bookkeeper changes them. Values are by field, or by column.

    def account(self, code: str, name: str, *, main_row: bool = True, **columns: Any) -> str:
        values = {"name": name, **columns}
        if self.pastel is not None:
            rows = _rows(values)
            self.pastel.add(code, name, main_row=main_row, **rows[MASTER], **rows[DELIVERY])
            return code
        rows = _rows({"PaymentTerms": 30, "OpenItem": True, "TaxCode": 1, "PriceRegime": 1, **values})
        with connected(self.accounting_url) as connection:
            connection.execute(partner.MASTER.insert(), {"CustomerCode": code, **rows[MASTER]})
            if main_row:
                connection.execute(partner.DELIVERY.insert(), {"CustomerCode": code, **rows[DELIVERY]})
        return code

    def edit(self, code: str, **columns: Any) -> None:
        rows = _rows(columns)
        if self.pastel is not None:
            self.pastel.master[code] |= rows[MASTER]
            self.pastel.delivery[code, ""] |= rows[DELIVERY]
            self.pastel.save()
            return
        with connected(self.accounting_url) as connection:
            for table, values in ((partner.MASTER, rows[MASTER]), (partner.DELIVERY, rows[DELIVERY])):
                if values:
                    statement = table.update().where(sa.func.trim(table.c.CustomerCode) == code).values(values)
                    assert connection.execute(statement).rowcount == 1

    def delete(self, code: str) -> None:
        if self.pastel is not None:
            del self.pastel.master[code], self.pastel.delivery[code, ""]
            self.pastel.save()
            return
        with connected(self.accounting_url) as connection:
            for table in (partner.MASTER, partner.DELIVERY):
                connection.execute(table.delete().where(sa.func.trim(table.c.CustomerCode) == code))

    def rows(self, table: sa.Table) -> list[dict[str, Any]]:
        """Give a table's rows as they are stored."""
        with connected(self.accounting_url) as connection:
            return [dict(row._mapping) for row in connection.execute(sa.select(table))]  # noqa: SLF001 - its public name

    def whole(self) -> dict[str, dict[str, Any]]:
        """Give every account, column by column, texts without their padding; a code or main row that is there twice fails."""
        if self.pastel is not None:
            self.pastel.load()
            return {
                code: {**row, **self.pastel.delivery.get((code, ""), {})} for code, row in sorted(self.pastel.master.items())
            }
        master, delivery = (
            self.rows(partner.MASTER),
            [row for row in self.rows(partner.DELIVERY) if not row["CustDelivCode"].strip()],
        )
        found = {row["CustomerCode"].strip(): row for row in master}
        main = {row["CustomerCode"].strip(): row for row in delivery}
        assert len(found) == len(master)
        assert len(main) == len(delivery)
        return {
            code: {
                name: value.rstrip() if isinstance(value, str) else value
                for name, value in {**row, **main.get(code, {})}.items()
            }
            for code, row in sorted(found.items())
        }

    def held(self) -> dict[str, dict[str, Any]]:
        return {
            code: {name: _as_held(name, row.get(COLUMNS[name].name)) for name in support.HELD}
            for code, row in self.whole().items()
        }

    def snapshot(self) -> Any:
        return self.whole() if self.pastel is not None else dump(self.accounting_url)

    # The way in.

    def sync(self, *sites: str, between: Callable[[], None] | None = None, **options: Any) -> Synced:
        """Synchronise; an import file is imported, as Pastel does, and read back by the next sync's first step."""
        synced = super().sync(*sites, between=between, **options)
        if self.kind != FILE or synced.result is None:
            return synced
        exported = {place for place, outcome in synced.result.outcomes.items() if outcome.kind is OutcomeKind.EXPORTED}
        if exported:
            self.import_file()
            with self.opened() as opened:
                settled = {found.number: outcome for found, outcome in apply.settle_earlier(opened.journal, opened.accounting)}
            outcomes = list(synced.result.outcomes.items())
            for number, (place, _) in enumerate(sorted(outcomes)):
                if place in exported:
                    synced.result.outcomes[place] = settled.get(number, Outcome(OutcomeKind.UNKNOWN))
        return synced

    @property
    def file(self) -> Path:
        return self.folder / "customers.csv"

    def import_file(self) -> None:
        """Import the file as Pastel does: by its heading row, each account whole."""
        heading, *rows = csv.reader(io.StringIO(self.file.read_bytes().decode("cp1252"), newline=""), strict=True)
        assert heading == [known.heading for known in CERTAIN]
        with connected(self.accounting_url) as connection:
            for row in rows:
                values: dict[str, dict[str, Any]] = {MASTER: {}, DELIVERY: {}}
                for known, text in zip(CERTAIN, row, strict=True):
                    assert known.form != "text" or len(text.encode("cp1252")) <= known.width
                    values[known.table][known.column] = _imported(known.form, text)
                values[DELIVERY]["CustomerCode"] = row[0]
                for table, its in ((partner.MASTER, values[MASTER]), (partner.DELIVERY, values[DELIVERY])):
                    where = sa.func.trim(table.c.CustomerCode) == row[0]
                    if not connection.execute(table.update().where(where).values(its)).rowcount:
                        connection.execute(table.insert(), its)


def _rows(values: dict[str, Any]) -> dict[str, dict[str, Any]]:
    rows: dict[str, dict[str, Any]] = {MASTER: {}, DELIVERY: {}}
    for key, value in values.items():
        if key in COLUMNS:
            held = Decimal(str(value)) if key == "credit_limit" else value
            rows[COLUMNS[key].table][COLUMNS[key].name] = stored(key, held)
        else:
            assert key in (*MASTER_COLUMNS, *DELIVERY_COLUMNS), key
            rows[DELIVERY if key in DELIVERY_COLUMNS else MASTER][key] = value
    return rows


def _as_held(name: str, raw: Any) -> Any:
    return float(raw or 0) if name == "credit_limit" else str(raw or "").strip()


def _imported(form: str, text: str) -> Any:
    if form == "text":
        return text
    if form == "yes or no":
        assert text in ("Y", "N")
        return text == "Y"
    return int(Decimal(text) * 100) if form == "percent" else int(text)


def configuration(bpo_url: str, journal_url: str, **accounting: Any) -> dict[str, dict[str, Any]]:
    """Give the sections of a bposync.toml, with the codes of the demo's books."""
    return {
        "bpo": {"url": bpo_url, "customers": support.VIEW},
        "accounting": {"system": "partner", **accounting},
        "accounting.defaults": dict(partner.DEFAULTS),
        "accounting.groups": dict(partner.CATEGORIES),
        "accounting.terms": dict(partner.TERMS),
        "state": {"url": journal_url},
    }


class PartnerCompanies:
    """Makes companies of each kind. What lies in PostgreSQL is one database, emptied for each."""

    def __init__(self, server: PostgresServer, folder: Path, monkeypatch: pytest.MonkeyPatch | None = None) -> None:
        self._server = server
        self._folder = folder
        self._postgres: str | None = None
        self._originals: dict[str, Path] = {}
        self._monkeypatch = monkeypatch

    def make(self, kind: str, **options: Any) -> PartnerCompany:
        """Give a company without customers and accounts; `options` are of the stand-in for the SDK."""
        folder = self._folder / secrets.token_hex(6)
        folder.mkdir()
        bpo_url, journal_url = self._copy("bpo", folder), sqlite_url(folder / "journal.sqlite")
        made = PartnerCompany(folder, bpo_url, "", journal_url, kind=kind)
        if kind == SDK:
            pastel = Pastel(folder, **options)
            made.pastel = pastel
            accounting = {"write": "sdk", "data_path": str(folder), "sdk_serial": pastel.serial, "sdk_code": pastel.code}
            accounting["sdk_fields"] = pastel.fields  # type: ignore[assignment]
            if self._monkeypatch is not None:
                self._monkeypatch.setattr(pastel_sdk, "create_object", pastel.create)
        else:
            made.accounting_url = self._books(kind, folder)
            accounting = {"write": "file" if kind == FILE else "sql", **self._reached(kind, made.accounting_url)}
            if kind == FILE:
                accounting["file"] = "customers.csv"
        made.sections = configuration(bpo_url, journal_url, **accounting)
        return made

    def on(self, monkeypatch: pytest.MonkeyPatch) -> PartnerCompanies:
        """Give itself for one test, whose stand-in of the SDK goes with it."""
        self._monkeypatch = monkeypatch
        return self

    @staticmethod
    def _reached(kind: str, url: str) -> dict[str, str]:
        where = sa.make_url(url)
        if kind == ODBC_SQLITE:
            return {"odbc": f"DRIVER={{{DRIVERS[kind]}}};Database={where.database};Timeout=5000"}
        if kind == ODBC_POSTGRESQL:
            login = f"Server={where.host};Port={where.port};Database={where.database};UID={where.username};PWD={where.password}"
            return {"odbc": f"DRIVER={{{DRIVERS[kind]}}};{login}"}
        return {"url": url}

    def _books(self, kind: str, folder: Path) -> str:
        if kind not in (POSTGRESQL, ODBC_POSTGRESQL):
            return self._copy("books", folder)
        if self._postgres is None:
            self._postgres = self._server.url(self._server.create_database())
            with connected(self._postgres) as connection:
                partner.create(connection)
        with connected(self._postgres) as connection:
            connection.execute(sa.text('TRUNCATE "CustomerMaster", "DeliveryAddresses"'))
        return self._postgres

    def _copy(self, name: str, folder: Path) -> str:
        if name not in self._originals:
            self._originals[name] = self._folder / f"original-{name}.sqlite"
            url = sqlite_url(self._originals[name])
            if name == "bpo":
                support.make_bpo(url)
            else:
                with connected(url) as connection:
                    partner.create(connection)
        shutil.copy(self._originals[name], folder / f"{name}.sqlite")
        return sqlite_url(folder / f"{name}.sqlite")
