"""A company to measure on: BPO's listing, Evolution's books, the journal, and the bposync.toml that joins them."""

from __future__ import annotations

import sys
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from bench import data, measure
from bposync.demo import bpo, evolution
from bposync.fields import FIELDS, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from support.postgres import PostgresServer

SQLITE: Final = "SQLite"
POSTGRESQL: Final = "PostgreSQL"
EVERY: Final = 100
"""Where some customers are changed, it is one in so many."""
_AT_ONCE: Final = 1000


@dataclass(frozen=True)
class Company:
    """The URLs of a company's databases, and its configuration."""

    kind: str
    count: int
    bpo_url: str
    books_url: str
    journal_url: str
    configuration: Path

    def sync(self) -> None:
        """Synchronise, as a user does. Raises RuntimeError where anything is left."""
        measure.process(*self.command("--quiet", "sync", "--yes"))

    def command(self, *arguments: str) -> list[str]:
        """Give the command line of bposync for this company."""
        return command(self.configuration, *arguments)

    def change(self, mark: int) -> None:
        """Give one in a hundred of BPO's customers another telephone number; 0 brings back the first one."""
        column, key = '"CustomerPhoneNumber"', '"CustomerID"'
        bare = f"substr({column}, 1, 12)"
        phone = f"{bare} || ' x{mark}'" if mark else bare
        with _connected(self.bpo_url) as connection:
            connection.execute(sa.text(f'UPDATE "{bpo.VIEW}" SET {column} = {phone} WHERE {key} % {EVERY} = 0'))  # noqa: S608
        self.tidy()

    def empty_books(self) -> None:
        """Take all accounts out of the books and all that is known out of the journal."""
        with _connected(self.books_url) as connection:
            connection.execute(sa.delete(evolution.CLIENT))
        with _connected(self.journal_url) as connection:
            tables = sa.MetaData()
            tables.reflect(connection, only=lambda name, _: name.startswith("bposync_"))
            tables.drop_all(connection)
        self.tidy()

    def tidy(self) -> None:
        """Let a server do now what it would do at some time while it is measured."""
        if self.kind != POSTGRESQL:
            return
        for url in (self.bpo_url, self.books_url, self.journal_url):
            engine = sa.create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
            with engine.connect() as connection:
                connection.exec_driver_sql("VACUUM ANALYZE")
                connection.exec_driver_sql("CHECKPOINT")


def command(configuration: str | Path, *arguments: str) -> list[str]:
    """Give the command line of bposync with a configuration: that of this environment, as users start it."""
    return [str(Path(sys.executable).with_name("bposync")), "--config", str(configuration), *arguments]


def make(folder: Path, kind: str, count: int, server: PostgresServer | None = None, *, accounts: bool = True) -> Company:
    """Make a company of so many customers, whose accounts are there already or not. Nothing was synchronised yet."""
    folder.mkdir(parents=True)
    urls = [_database(folder, name, server if kind == POSTGRESQL else None) for name in ("bpo", "books", "journal")]
    company = join(folder, kind, count, *urls)
    _fill_bpo(company, data.customers(count))
    with _connected(company.books_url) as connection:
        evolution.create(connection)
    if accounts:
        _insert(company.books_url, "Client", data.ACCOUNT_COLUMNS, map(data.account, data.customers(count)))
    company.tidy()
    return company


def join(folder: Path, kind: str, count: int, bpo_url: str, books_url: str, journal_url: str, name: str = "main") -> Company:
    """Write the bposync.toml of a company whose databases are where these URLs say."""
    configuration = folder / "bposync.toml"
    parts = [
        f'[bpo]\nurl = "{bpo_url}"\ncustomers = "{bpo.VIEW}"\n',
        evolution.configuration("sql").replace(f"sqlite:///{evolution.FILE}", books_url),
        f'[state]\nurl = "{journal_url}"\ncompany = "{name}"\n',
    ]
    configuration.write_text("\n".join(parts), encoding="utf-8")
    return Company(kind, count, bpo_url, books_url, journal_url, configuration)


def _database(folder: Path, name: str, server: PostgresServer | None) -> str:
    return server.url(server.create_database()) if server else f"sqlite:///{folder / f'{name}.sqlite'}"


def _fill_bpo(company: Company, rows: Iterable[tuple[Any, ...]]) -> None:
    listing = sa.Table(
        bpo.VIEW, sa.MetaData(), sa.Column("CustomerID", sa.Integer, primary_key=True), *map(_column, data.BPO_COLUMNS)
    )
    with _connected(company.bpo_url) as connection:
        listing.create(connection)
    _insert(company.bpo_url, bpo.VIEW, data.BPO_COLUMNS, rows)


_FIELD_OF: Final = {field.column: field for field in FIELDS.values()}


def _column(name: str) -> sa.Column[Any]:
    kind = _FIELD_OF[name].kind
    if kind is Kind.AMOUNT:
        return sa.Column(name, sa.Numeric(18, 2, asdecimal=False))
    return sa.Column(name, sa.Boolean if kind is Kind.FLAG else sa.String(200), unique=name == "CustomerCode" or None)


def _insert(url: str, table: str, columns: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> None:
    """Put many rows into a table, the fastest way that the database has."""
    names = ", ".join(f'"{name}"' for name in columns)
    place = sa.make_url(url)
    if place.get_backend_name() == "sqlite":
        import sqlite3

        marks = ", ".join("?" * len(columns))
        with closing(sqlite3.connect(str(place.database))) as connection, connection:
            connection.executemany(f'INSERT INTO "{table}" ({names}) VALUES ({marks})', rows)  # noqa: S608
        return
    with _bare(url) as connection, connection.cursor().copy(f'COPY "{table}" ({names}) FROM STDIN') as copy:
        for row in rows:
            copy.write_row(row)


@contextmanager
def _bare(url: str) -> Iterator[Any]:
    import psycopg

    with psycopg.connect(libpq(url)) as connection:
        yield connection


def libpq(url: str) -> str:
    """Give a URL as drivers take it that know nothing of SQLAlchemy."""
    return sa.make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


@contextmanager
def _connected(url: str) -> Iterator[sa.Connection]:
    engine = sa.create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        yield connection
