"""A company of one's own for a test: BPO with its listing, Evolution's books, and a bposync.toml that joins them.

BPO, the books and the journal lie wherever their URLs say; tables, columns and defaults of the books are the demo's, which
are Evolution's own.
"""

from __future__ import annotations

import json
import secrets
import shutil
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from bposync import apply, config, guards
from bposync.accounting import open_accounting
from bposync.bpo import Bpo
from bposync.demo import evolution
from bposync.errors import GuardError
from bposync.fields import FIELDS, Kind
from bposync.journal import open_journal
from bposync.journal.runs import Run
from bposync.survey import make_survey
from bposync.values import normalise_code
from support import cli

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from bposync.accounting import Accounting
    from bposync.apply import Result
    from bposync.journal import Journal
    from bposync.plan import Choice, Plan
    from bposync.records import Change, Link, Outcome
    from bposync.survey import Survey
    from support.postgres import PostgresServer

VIEW = "CustomerListing"
# The fields that accounts of every system hold in columns of their own.
HELD = (
    "name", "credit_limit", "phone", "mobile", "email", "contact", "vat_number",
    *(f"{kind}_{line}" for kind in ("billing", "shipping") for line in range(1, 6)),
)  # fmt: skip
BPO_TABLE = "BpoCustomer"
# Columns of Client by field; those of look-ups hold keys.
COLUMNS = {**evolution.COLUMNS, "name": "Name", "credit_limit": "Credit_Limit"}
BPO_COLUMNS = {name: known.column for name, known in FIELDS.items() if known.column}
# The fields that a customer and its account both have, but for terms, which stand there under another code.
TEXTS = tuple(name for name in COLUMNS if name != "credit_limit")


def _bpo_type(name: str) -> sa.types.TypeEngine[Any]:
    kind = FIELDS[name].kind
    if kind is Kind.AMOUNT:
        return sa.Numeric(18, 2).with_variant(sa.Float(), "sqlite")
    return sa.Boolean() if kind is Kind.FLAG else sa.String(250)


# The table behind BPO's listing.
_LISTED = sa.Table(
    BPO_TABLE,
    sa.MetaData(),
    sa.Column("RowID", sa.Integer, primary_key=True),
    *(sa.Column(column, _bpo_type(name)) for name, column in BPO_COLUMNS.items()),
)


def client_table(
    *, without: tuple[str, ...] = (), types: Mapping[str, sa.types.TypeEngine[Any]] | None = None, name: str = "Client"
) -> sa.Table:
    """Give Evolution's Client without some columns, or with others' types."""
    columns: list[sa.Column[Any]] = []
    for known in evolution.CLIENT.columns:
        if known.name in without:
            continue
        column = known._copy()  # noqa: SLF001 - the way in which SQLAlchemy copies a table itself
        if types and known.name in types:
            column.type = types[known.name]
            if column.server_default is not None:
                column.server_default = sa.DefaultClause("1" if known.name in ("CT", "bTaxPrompt", "bSourceDocPrint") else "0")
        columns.append(column)
    return sa.Table(name, sa.MetaData(), *columns)


@contextmanager
def connected(url: str) -> Iterator[sa.Connection]:
    """Give a connection of the test's own to a database, in a transaction that is committed."""
    with _engine(url).begin() as connection:
        yield connection


@cache
def _engine(url: str) -> sa.Engine:
    return sa.create_engine(url, poolclass=NullPool)


def dump(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """Give every row of every table of a database."""
    with connected(url) as connection:
        names = sorted(sa.inspect(connection).get_table_names())
        return {
            name: sorted((tuple(row) for row in connection.execute(sa.text(f'SELECT * FROM "{name}"'))), key=repr)
            for name in names
        }


@dataclass(frozen=True)
class Opened:
    """Both sides and the journal, open as a sync has them."""

    settings: config.Settings
    bpo: Bpo
    accounting: Accounting
    journal: Journal

    def plan(self, *sites: str, customers: tuple[str, ...] = (), overwrite: bool = False) -> Plan:
        survey = self.survey()
        choice = survey.choose(sites, customers, overwrite=overwrite)
        plan = survey.plan(choice)
        self.check_past(survey, choice, plan)
        return plan

    def survey(self, *, whole: bool = True) -> Survey:
        return make_survey(self.settings, self.bpo, self.accounting, self.journal, whole=whole)

    def check_past(self, survey: Survey, choice: Choice, plan: Plan) -> None:
        """Whoever is read past is in step, and nobody's lot is another one because somebody was."""
        past = self.survey(whole=False)
        found = past.plan(choice)
        left_out = {normalise_code(code) for code in past.in_step}
        assert past.in_step == {code: sites for code, sites in _sites(survey).items() if normalise_code(code) in left_out}
        rest = [change for change in plan.changes if normalise_code(change.code) not in left_out]
        assert list(found.changes) == rest
        assert found.summary == plan.summary
        assert all(found.summary_at(site) == plan.summary_at(site) for site in survey.sites)
        assert not any(change.reasons or change.is_write for change in plan.changes if normalise_code(change.code) in left_out)
        assert (found.accounting_only, set(found.notes)) == (plan.accounting_only, set(plan.notes))
        assert (past.sites, past.listed) == (survey.sites, survey.listed)
        assert len(past.links) + len(past.in_step) == len(survey.links)
        assert _stopped(past, found, self.journal) == _stopped(survey, plan, self.journal)

    def carry_out(self, plan: Plan, *, fail_fast: bool = False) -> Result:
        run = Run.start(sites=(), summary=plan.summary, login="")
        result = apply.carry_out(plan, self.accounting, self.journal, run, fail_fast=fail_fast)
        self.journal.runs.end(run.run, result.counts, 0)
        return result


def _sites(survey: Survey) -> dict[str, tuple[str, ...]]:
    return {customer.code: customer.sites for customer in survey.customers}


def _stopped(survey: Survey, plan: Plan, journal: Journal) -> str:
    try:
        guards.check(survey, plan, None, journal.known_company())
    except GuardError as error:
        return error.message
    return ""


@dataclass(frozen=True)
class Synced:
    """What a sync planned, and what became of it."""

    plan: Plan
    result: Result | None = None

    @property
    def actions(self) -> dict[str, str]:
        """Each customer's action, by code."""
        return {change.code: change.action.value for change in self.plan.changes}

    @property
    def outcomes(self) -> dict[str, str]:
        """Each written customer's outcome, by code."""
        return {code: outcome.kind.value for code, outcome in self.all_outcomes.items()}

    @property
    def all_outcomes(self) -> dict[str, Outcome]:
        if self.result is None:
            return {}
        return {self.plan.changes[place].code: outcome for place, outcome in self.result.outcomes.items()}

    def change(self, code: str) -> Change:
        """Give one customer's change."""
        (found,) = [change for change in self.plan.changes if change.code == code]
        return found

    def fields(self, code: str) -> dict[str, tuple[Any, Any, str]]:
        """Give what differs for one customer: accounting's value, BPO's, and the verdict, by field."""
        return {found.field: (found.old, found.new, found.verdict.value) for found in self.change(code).fields}


@dataclass
class Company:
    """One test's company. `sections` is its bposync.toml, which is written whenever it is read."""

    folder: Path
    bpo_url: str
    accounting_url: str
    journal_url: str
    sections: dict[str, dict[str, Any]] = field(default_factory=dict)
    altered: bool = False
    """Whether the accounting database is another than Evolution's newest, or more than accounts was changed in it."""
    _known_client: sa.Table | None = None

    # Its making and its configuration.

    @property
    def path(self) -> Path:
        """The configuration, freshly written."""
        path = self.folder / config.FILE_NAME
        lines = []
        for section, values in self.sections.items():
            # A JSON text, number, list or flag is one of TOML's too.
            lines += [f"[{section}]", *(f"{json.dumps(key)} = {json.dumps(value)}" for key, value in values.items()), ""]
        path.write_text("\n".join(lines), encoding="utf-8")
        return path

    def configure(self, section: str, **values: Any) -> None:
        """Set keys of one section; None takes one away."""
        changed = {**self.sections.get(section, {}), **values}
        self.sections[section] = {key: value for key, value in changed.items() if value is not None}

    def settings(self) -> config.Settings:
        return config.load(self.path, environment={})

    def run(self, *arguments: str, expect: int = 0) -> cli.Result:
        """Run bposync as a process."""
        return cli.run("--config", self.path, *arguments, expect=expect)

    # BPO.

    def customer(self, code: str, name: str, site: str = "Durban", **values: Any) -> None:
        """List a customer at one site; `values` are by field."""
        self.customers([{"code": code, "name": name, "site": site, **values}])

    def customers(self, rows: Iterable[dict[str, Any]]) -> None:
        """List many customers that have the same fields, in Durban where nothing else is said."""
        usual = {"type": "RE", "status": "Active", "is_debtor": True, "site": "Durban"}
        with connected(self.bpo_url) as connection:
            named = [{BPO_COLUMNS[key]: value for key, value in {**usual, **row}.items()} for row in rows]
            connection.execute(_LISTED.insert(), named)

    def change(self, code: str, **values: Any) -> None:
        """Change a customer in BPO."""
        with connected(self.bpo_url) as connection:
            statement = _LISTED.update().where(_LISTED.c[BPO_COLUMNS["code"]] == code)
            connection.execute(statement.values({BPO_COLUMNS[key]: value for key, value in values.items()}))

    def remove(self, code: str) -> None:
        """Take a customer out of BPO."""
        with connected(self.bpo_url) as connection:
            connection.execute(sa.text(f'DELETE FROM "{BPO_TABLE}" WHERE "CustomerCode" = :code'), {"code": code})

    # The books.

    def account(self, code: str, name: str, **columns: Any) -> str:
        """Open an account as the bookkeeper does, and give its key; `columns` are Client's, or fields."""
        row = {"Account": code, "Name": name, "Credit_Limit": 0.0, "iCurrencyID": 0, "iARPriceListNameID": 1}
        row |= {COLUMNS.get(key, key): value for key, value in columns.items()}
        with connected(self.accounting_url) as connection:
            client = self._client(connection)
            by_folded = {column.name.casefold(): column.name for column in client.columns}
            values = {by_folded[key.casefold()]: value for key, value in row.items() if key.casefold() in by_folded}
            connection.execute(client.insert().values(values))
        return str(self.client(code)["DCLink"])

    def edit(self, code: str, **columns: Any) -> None:
        """Change an account as the bookkeeper does; `columns` are Client's, or fields."""
        with connected(self.accounting_url) as connection:
            client = self._client(connection)
            values = {COLUMNS.get(key, key): value for key, value in columns.items()}
            connection.execute(client.update().where(client.c.Account == code).values(values))

    def delete(self, code: str) -> None:
        """Delete an account."""
        self.books('DELETE FROM "Client" WHERE "Account" = :code', code=code)

    def books(self, statement: str, **values: Any) -> None:
        """Run a statement in the accounting database."""
        self.altered = self.altered or not statement.startswith(('DELETE FROM "Client"', 'INSERT INTO "Client"'))
        with connected(self.accounting_url) as connection:
            connection.execute(sa.text(statement), values)

    def clients(self) -> list[dict[str, Any]]:
        """Give Client's rows under the names of Sage's columns, by key."""
        known = {column.name.casefold(): column.name for column in evolution.CLIENT.columns}
        with connected(self.accounting_url) as connection:
            client = self._client(connection)
            rows = [
                {known.get(name.casefold(), name): value for name, value in row._mapping.items()}  # noqa: SLF001 - its public name
                for row in connection.execute(sa.select(client))
            ]
        return sorted(rows, key=lambda row: int(row["DCLink"]))

    def client(self, code: str) -> dict[str, Any]:
        """Give the one row of an account."""
        (found,) = [row for row in self.clients() if row["Account"] == code]
        return found

    def held(self) -> dict[str, dict[str, Any]]:
        """Give what the books hold of each account, field by field."""
        return {
            row["Account"]: {
                name: float(row[COLUMNS[name]] or 0) if name == "credit_limit" else row[COLUMNS[name]] or "" for name in HELD
            }
            for row in self.clients()
        }

    def snapshot(self) -> Any:
        """Give all that the books hold."""
        return dump(self.accounting_url)

    def _client(self, connection: sa.Connection) -> sa.Table:
        if not self.altered:
            return evolution.CLIENT
        if self._known_client is None:
            (name,) = [name for name in sa.inspect(connection).get_table_names() if name.casefold() == "client"]
            self._known_client = sa.Table(name, sa.MetaData(), autoload_with=connection)
        return self._known_client

    # Both.

    @contextmanager
    def opened(self, *, writes: bool = True) -> Iterator[Opened]:
        """Open both sides and the journal."""
        settings = self.settings()
        with ExitStack() as stack:
            bpo = stack.enter_context(Bpo(settings))
            accounting = stack.enter_context(open_accounting(settings, bpo.fields, writes=writes))
            journal = stack.enter_context(open_journal(settings, writes=writes))
            yield Opened(settings, bpo, accounting, journal)

    def plan(self, *sites: str, customers: tuple[str, ...] = (), overwrite: bool = False) -> Synced:
        """Plan without writing anything."""
        with self.opened(writes=False) as opened:
            return Synced(opened.plan(*sites, customers=customers, overwrite=overwrite))

    def sync(
        self,
        *sites: str,
        customers: tuple[str, ...] = (),
        overwrite: bool = False,
        between: Callable[[], None] | None = None,
    ) -> Synced:
        """Synchronise without a command line; `between` happens after the plan was made and before it is carried out."""
        with self.opened() as opened:
            apply.settle_earlier(opened.journal, opened.accounting)
            plan = opened.plan(*sites, customers=customers, overwrite=overwrite)
            if between is not None:
                between()
            return Synced(plan, opened.carry_out(plan))

    def links(self) -> dict[str, Link]:
        """Give the journal's links without who made them and when."""
        with open_journal(self.settings(), writes=False) as journal:
            return {key: replace(link, by="", at=None) for key, link in journal.links.read().items()}

    def check_in_step(self) -> None:
        """Each customer has one account with its telephone number, and the journal knows both and leaves nothing open."""
        with connected(self.bpo_url) as connection:
            listed = connection.execute(sa.select(_LISTED)).mappings()
            wanted = {row[BPO_COLUMNS["code"]]: row[BPO_COLUMNS["phone"]] for row in listed}
        rows = self.clients()
        assert sorted((row["Account"], row["Telephone"]) for row in rows) == sorted(wanted.items())
        with open_journal(self.settings(), writes=False) as journal:
            assert journal.runs.unsettled() == []
            links = journal.links.read().values()
        assert {link.account_key: (link.customer, link.agreed["phone"][0]) for link in links} == {
            str(row["DCLink"]): (row["Account"], row["Telephone"]) for row in rows
        }

    def lose_journal(self) -> None:
        """Take the journal's tables away."""
        with connected(self.journal_url) as connection:
            tables = sa.MetaData()
            tables.reflect(connection, only=lambda name, _: name.startswith("bposync_"))
            tables.drop_all(connection)


def make_bpo(url: str) -> None:
    columns = ", ".join(f'"{column}"' for column in BPO_COLUMNS.values())
    with connected(url) as connection:
        _LISTED.create(connection)
        connection.execute(sa.text(f'CREATE VIEW "{VIEW}" AS SELECT {columns} FROM "{BPO_TABLE}"'))


def _make_books(url: str, client: sa.Table | None = None) -> None:
    with connected(url) as connection:
        if client is not None:
            client.create(connection)
        evolution.create(connection)


def configuration(bpo_url: str, accounting_url: str, journal_url: str) -> dict[str, dict[str, Any]]:
    """Give the sections of a bposync.toml, with the codes of the demo's books."""
    return {
        "bpo": {"url": bpo_url, "customers": VIEW},
        "accounting": {"system": "evolution", "url": accounting_url, "write": "sql"},
        "accounting.defaults": dict(evolution.DEFAULTS),
        "accounting.groups": dict(evolution.GROUPS),
        "accounting.terms": dict(evolution.TERMS),
        "state": {"url": journal_url},
    }


def sqlite_url(path: Path) -> str:
    return f"sqlite:///{path}"


def sqlite_company(
    folder: Path, *, bpo: str = "bpo", books: str = "books", journal: str = "journal", client: sa.Table | None = None
) -> Company:
    """Make a company whose databases are files of these names. `client` stands in for Evolution's newest Client."""
    bpo_url, books_url, journal_url = (sqlite_url(folder / f"{name}.sqlite") for name in (bpo, books, journal))
    make_bpo(bpo_url)
    _make_books(books_url, client)
    return Company(folder, bpo_url, books_url, journal_url, configuration(bpo_url, books_url, journal_url))


SQLITE, POSTGRESQL = "SQLite", "PostgreSQL"
KINDS = (SQLITE, POSTGRESQL)
"""Where the books lie; BPO then lies in the other, so that each is read as BPO and written as books once."""


class Companies:
    """Makes companies, each in databases that nobody else uses meanwhile: copies of ones that were made once.

    What is made in PostgreSQL goes with its server: to drop a database takes longer than most tests.
    """

    def __init__(self, server: PostgresServer, folder: Path) -> None:
        self._server = server
        self._folder = folder
        self._originals: dict[tuple[str, str], str] = {}
        self._last: Company | None = None

    def make(self, books: str, *, client: sa.Table | None = None, journal: str = SQLITE, keep: bool = False) -> Company:
        """Give a company without customers and accounts, until the next one is made, or to keep.

        `client` stands in for Evolution's newest Client.
        """
        bpo = next(kind for kind in KINDS if kind != books)
        folder = self._folder / secrets.token_hex(6)
        folder.mkdir()
        if client is not None:
            accounting_url = self._empty("books", books, folder)
            _make_books(accounting_url, client)
        elif books == POSTGRESQL and not keep and self._last is not None and not self._last.altered:
            accounting_url = self._last.accounting_url
            with connected(accounting_url) as connection:
                connection.execute(sa.text('TRUNCATE "Client" RESTART IDENTITY'))
        else:
            accounting_url = self._copy("books", books, folder)
        urls = self._bpo(bpo, folder), self._empty("journal", journal, folder)
        made = Company(folder, urls[0], accounting_url, urls[1], configuration(urls[0], accounting_url, urls[1]))
        made.altered = client is not None
        if books == POSTGRESQL and client is None and not keep:
            self._last = made
        return made

    def _bpo(self, kind: str, folder: Path) -> str:
        """Give a BPO that lists nobody. Nobody changes its tables, so that one in PostgreSQL does for all companies in turn."""
        if kind == SQLITE:
            return self._copy("bpo", kind, folder)
        if (url := self._originals.get(("bpo", kind))) is None:
            url = self._originals["bpo", kind] = self._empty("bpo", kind, folder)
            make_bpo(url)
        with connected(url) as connection:
            connection.execute(_LISTED.delete())
        return url

    def _empty(self, name: str, kind: str, folder: Path) -> str:
        if kind == SQLITE:
            return sqlite_url(folder / f"{name}.sqlite")
        return self._server.url(self._server.create_database())

    def _copy(self, name: str, kind: str, folder: Path) -> str:
        original = self._originals.get((name, kind))
        if original is None:
            original = self._originals[name, kind] = self._empty(f"original-{name}", kind, self._folder)
            (make_bpo if name == "bpo" else _make_books)(original)
        if kind == SQLITE:
            copy = folder / f"{name}.sqlite"
            shutil.copy(str(sa.make_url(original).database), copy)
            return sqlite_url(copy)
        copied = f"test_{secrets.token_hex(6)}"
        engine = sa.create_engine(self._server.url(), poolclass=NullPool, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(sa.text(f'CREATE DATABASE "{copied}" TEMPLATE "{sa.make_url(original).database}"'))
        return self._server.url(copied)


# The values of a customer that has all of them, each its own and as wide as Evolution holds it.
FULL: dict[str, Any] = {
    "credit_limit": 75000000.01,
    "website": "www.hillcrest.example",
    "phone": "+27 31 555 0101",
    "mobile": "082 555 0102",
    "email": "accounts@hillcrest.example",
    "contact": "Zoë van der Merwe",
    "vat_number": "4123456789",
    "registration": "2001/012345/07",
    **{f"billing_{line}": f"Postal line {line}" for line in range(1, 6)},
    "billing_postcode": "3650",
    **{f"shipping_{line}": f"Street line {line}" for line in range(1, 6)},
    "shipping_postcode": "3610",
}
