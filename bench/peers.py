"""The other tools: reladiff, which finds what differs between two tables, and dlt, which merges one into another.

Both are set up as one would who wants them to be fast:

- reladiff gets two tables with equal names and types, both with a primary key, in two databases, so that each hashes its own;
  making the second one (Client's compared columns under BPO's names) is not measured; it
  runs as it does by default, with one connection to each, and with several, and the better of the two counts;
- dlt reads the table by ConnectorX into Arrow, loads Parquet by ADBC, and merges by key with its upsert: of its ways to read,
  to load and to merge, those that took the shortest time here; and once more as its documentation begins, with nothing chosen.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import psycopg

from bench import data, measure
from bench.company import libpq

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bench.measure import Sample

NAMES = ("reladiff", "dlt")
SECOND = "listing_in_books"
DATASET = "merged"
FASTEST, DEFAULT = "its fastest way", "its default way"


def versions() -> dict[str, str]:
    """Give the peers that are installed, with their versions."""
    found = {}
    for name in NAMES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def make_second_table(books_url: str) -> None:
    """Put the compared columns of Client into a table of BPO's names and types."""
    terms = " ".join(f"WHEN {key} THEN '{text}'" for text, key in data.TERM_KEYS.items())
    columns = [
        f'"{books}" AS "{bpo}"'
        for books, bpo in zip(data.COMPARED_IN_BOOKS[:-1], data.COMPARED_IN_BPO[:-1], strict=True)
        if bpo != "CustomerCreditLimit"
    ]
    columns.append('"Credit_Limit"::numeric(18, 2) AS "CustomerCreditLimit"')
    columns.append(f'CASE "iAgeingTermID" {terms} END AS "{data.COMPARED_IN_BPO[-1]}"')
    made = f'DROP TABLE IF EXISTS {SECOND}; CREATE TABLE {SECOND} AS SELECT {", ".join(columns)} FROM "Client"; '  # noqa: S608
    key = f'ALTER TABLE {SECOND} ADD PRIMARY KEY ("{data.COMPARED_IN_BPO[0]}")'
    with psycopg.connect(libpq(books_url), autocommit=True) as connection:
        connection.execute((made + key).encode())
        connection.execute(f"VACUUM ANALYZE {SECOND}".encode())


def reladiff(bpo_url: str, books_url: str, threads: int) -> Callable[[], int]:
    """Give what has reladiff compare both tables with so many connections to each, and gives how many rows differ."""
    import reladiff as tool

    key, *others = data.COMPARED_IN_BPO
    # What its documentation says makes it faster: a pool of twice the connections; keys are known to be unique.
    options: dict[str, Any] = {
        "extra_columns": tuple(others), "max_threadpool_size": 1 if threads == 1 else 2 * threads,
        "validate_unique_key": False, "skip_sort_results": True,
    }  # fmt: skip

    def compare() -> int:
        one = tool.connect_to_table(libpq(bpo_url), "CustomerListing", key, thread_count=threads)
        other = tool.connect_to_table(libpq(books_url), SECOND, key, thread_count=threads)
        with tool.diff_tables(one, other, **options) as lines:
            return len({row[0] for _, row in lines})

    return compare


def dlt_load(bpo_url: str, books_url: str, folder: Path, way: str, count: int) -> Sample:
    """Measure one merge load, by its fastest way or its default one, and see to it that all customers are there."""
    command = [sys.executable, "-m", "bench.peers", libpq(bpo_url), libpq(books_url), str(folder), way]
    sample = measure.process(*command)
    with psycopg.connect(libpq(books_url)) as connection:
        row = connection.execute(f"SELECT count(*) FROM {DATASET}.customer_listing".encode()).fetchone()  # noqa: S608
    if row != (count,):
        raise RuntimeError(f"dlt loaded {row} customers, and {count} is right")
    return sample


def forget_dlt(books_url: str) -> None:
    """Take away what dlt loaded into a database."""
    with psycopg.connect(libpq(books_url)) as connection:
        for name in (DATASET, f"{DATASET}_staging"):
            connection.execute(f'DROP SCHEMA IF EXISTS "{name}" CASCADE'.encode())


def _load(source_url: str, target_url: str, folder: str, way: str) -> None:
    os.environ |= {"RUNTIME__DLTHUB_TELEMETRY": "false", "RUNTIME__LOG_LEVEL": "CRITICAL"}
    import dlt
    from dlt.sources.sql_database import sql_table

    reading: dict[str, Any] = {"backend": "connectorx", "reflection_level": "full"} if way == FASTEST else {}
    writing: dict[str, Any] = {"loader_file_format": "parquet"} if way == FASTEST else {}
    merging: Any = {"disposition": "merge", "strategy": "upsert"} if way == FASTEST else "merge"
    table = sql_table(source_url, table="CustomerListing", **reading)
    table.apply_hints(primary_key="CustomerCode", write_disposition=merging)
    pipeline = dlt.pipeline(
        "bench", destination=dlt.destinations.postgres(target_url), dataset_name=DATASET, pipelines_dir=folder
    )
    pipeline.run(table, **writing).raise_on_failed_jobs()


if __name__ == "__main__":
    _load(*sys.argv[1:])
