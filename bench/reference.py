"""What is least to be done, with the bare drivers: the references that bposync is measured against."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import psycopg

from bench import data
from bench.company import libpq

if TYPE_CHECKING:
    from collections.abc import Sequence

INSERTED_AT_ONCE = 500
_Rows = list[tuple[Any, ...]]


def compare(bpo_url: str, books_url: str) -> int:
    """Read both tables whole, put each into a dict by code, and give how many customers differ."""
    read = _read_sqlite if bpo_url.startswith("sqlite") else _read_postgresql
    customers = {row[0]: row for row in read(bpo_url, "CustomerListing", data.COMPARED_IN_BPO)}
    accounts = {row[0]: row for row in read(books_url, "Client", data.COMPARED_IN_BOOKS)}
    terms = data.TERM_KEYS
    differing = 0
    for code, customer in customers.items():
        account = accounts.get(code)
        if account is None or customer[:-1] != account[:-1] or terms[customer[-1]] != account[-1]:
            differing += 1
    return differing


def _select(table: str, columns: Sequence[str]) -> str:
    return f"""SELECT {", ".join(f'"{column}"' for column in columns)} FROM "{table}" """  # noqa: S608 - names of this file's


def _read_sqlite(url: str, table: str, columns: Sequence[str]) -> _Rows:
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
        return connection.execute(_select(table, columns)).fetchall()


def _read_postgresql(url: str, table: str, columns: Sequence[str]) -> _Rows:
    with psycopg.connect(libpq(url)) as connection:
        return connection.execute(_select(table, columns).encode()).fetchall()


def rows_of_accounts(count: int) -> _Rows:
    """Give the rows that new accounts get, ready to be written."""
    return [data.account(customer) for customer in data.customers(count)]


def insert(books_url: str, rows: _Rows) -> int:
    """Insert rows into Client, five hundred a statement, each committed, and give how many.

    With psycopg's ClientCursor, which puts the values into the statement itself: so it takes half the time.
    """
    columns = ", ".join(f'"{name}"' for name in data.ACCOUNT_COLUMNS)
    one = f"({', '.join(['%s'] * len(data.ACCOUNT_COLUMNS))})"
    with psycopg.connect(libpq(books_url), cursor_factory=psycopg.ClientCursor) as connection:
        for start in range(0, len(rows), INSERTED_AT_ONCE):
            some = rows[start : start + INSERTED_AT_ONCE]
            statement = f'INSERT INTO "Client" ({columns}) VALUES {", ".join([one] * len(some))}'  # noqa: S608
            connection.execute(statement.encode(), [value for row in some for value in row])
            connection.commit()
    return len(rows)
