"""How much bposync adds to the calls that it makes to the Freedom Service.

    .venv/bin/python -m bench.freedom [--customers 1000] [--latency 0.02] [--connections 4]

Makes a company with that many new customers in a temporary folder, runs the stand-in of the service in this process with that
latency a call, and times `bposync sync --yes` as a process of its own, from its start to its end: reading, planning, journal,
writing, reading back. Then it sends the very same calls again, on a company as it was before, with a bare httpx client and as
many threads, also in a process of its own, and divides the two times. The aim is a ratio of at most 1.3.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import sqlalchemy as sa

from bench.measure import Sample
from bench.table import Row, said
from bposync.demo import bpo, evolution
from bposync.demo.freedom import Call, FreedomServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.context import Context

_PASSWORD = "only for the bench"  # noqa: S105 - of a server on this machine, while this runs


def main() -> None:
    """Measure, and print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=1000)
    parser.add_argument("--latency", type=float, default=0.02, help="seconds that each call takes")
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--bare", metavar="FILE", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.bare:
        _bare(json.loads(Path(options.bare).read_text("utf-8")))
        return
    found = measure(options.customers, options.latency, options.connections)
    print(f"{options.customers:,} new customers, {options.connections} at once")
    print(f"{found.calls:,} calls of {options.latency * 1000:.0f} ms")
    print(f"no less than      {found.calls * options.latency / options.connections:6.1f} s")
    print(f"a bare client     {found.bare:6.1f} s")
    print(f"bposync sync      {found.ours:6.1f} s, over {found.connections_made:,} connections")
    print(f"ratio             {found.ours / found.bare:6.2f}")


@dataclass(frozen=True)
class Found:
    """What was measured: seconds, calls, and connections that they went over."""

    ours: float
    bare: float
    calls: int
    connections_made: int


def row(context: Context) -> Iterator[Row]:
    """Measure a first sync through the Freedom Service, beside a bare client that sends the very same calls."""
    customers, latency, connections = max(context.size // 100, 1), 0.02, 4
    found = measure(customers, latency, connections)
    yield Row(
        f"first sync of {customers:,} new accounts through the Freedom Service, {found.calls:,} calls of "
        f"{latency * 1000:.0f} ms, {connections} at once",
        said(Sample(found.ours)),
        f"the same calls with a bare client: {said(Sample(found.bare))}",
        found.ours / found.bare,
        1.3,
    )


def measure(customers: int, latency: float, connections: int) -> Found:
    """Measure a sync, then the same calls again. Raises RuntimeError where either left anything out."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _company(folder, customers)
        with FreedomServer(folder / "books.sqlite", "Bench", password=_PASSWORD, latency=latency) as server:
            _configuration(folder, server, connections)
            started = time.perf_counter()
            command = [sys.executable, "-m", "bposync", "--config", str(folder / "bposync.toml"), "--quiet", "sync", "--yes"]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - this very program
            ours = time.perf_counter() - started
            calls, made_connections = list(server.calls), server.connections
        books = folder / "books.sqlite"
        made = _count(books)
        books.unlink()
        _books(books)
        with FreedomServer(books, "Bench", password=_PASSWORD, latency=latency) as server:
            file = folder / "calls.json"
            file.write_text(json.dumps(_chains(calls, server, connections)), "utf-8")
            again = [sys.executable, "-m", "bench.freedom", "--bare", str(file)]
            bare = float(subprocess.run(again, check=True, capture_output=True, text=True).stdout)  # noqa: S603
        if not _count(books) == made == customers:
            raise RuntimeError(f"not all were written: {made} by bposync, {_count(books)} by the bare client")
    return Found(ours, bare, len(calls), made_connections)


def _company(folder: Path, customers: int) -> None:
    engine = sa.create_engine(f"sqlite:///{folder / 'bpo.sqlite'}")
    rows = [
        {
            "CustomerCode": f"NEW{number:05}",
            "CustomerType": "RE",
            "CustomerName": f"New Customer {number}",
            "SiteDescription": "Durban",
            "CustomerCreditLimit": 1000 + number,
            "CustomerPhoneNumber": f"031 555 {number:04}",
            "CustomerEmail": f"accounts{number}@new.example",
            "CustomerStatus": "Active",
            "IsDebtor": 1,
            "CreditTerms": "60 Days",
            "BillingAddress1": f"{number} Long Street",
        }
        for number in range(customers)
    ]
    listing = sa.Table(bpo.VIEW, sa.MetaData(), *(sa.Column(name, sa.String) for name in rows[0]))
    with engine.begin() as connection:
        listing.create(connection)
        connection.execute(listing.insert(), rows)
    engine.dispose()
    _books(folder / "books.sqlite")


def _books(path: Path) -> None:
    engine = sa.create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        evolution.create(connection)
    engine.dispose()


def _configuration(folder: Path, server: FreedomServer, connections: int) -> None:
    lines = [
        "[bpo]", 'url = "sqlite:///bpo.sqlite"', f'customers = "{bpo.VIEW}"',
        "[accounting]", 'system = "evolution"', 'write = "freedom"', f'freedom_url = "{server.url}"',
        f'freedom_user = "{server.user}"', f'freedom_password = "{server.password}"', f"freedom_connections = {connections}",
        "[accounting.defaults]", 'group = "RETAIL"', "[accounting.terms]", '"60 Days" = "60D"',
    ]  # fmt: skip
    (folder / "bposync.toml").write_text("\n".join(lines), "utf-8")


def _count(path: Path) -> int:
    engine = sa.create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        found = int(connection.execute(sa.text("SELECT count(*) FROM Client")).scalar_one())
    engine.dispose()
    return found


def _chains(calls: list[Call], server: FreedomServer, connections: int) -> dict[str, Any]:
    """Give the calls in chains, one a customer, each to be sent in order; before them what belongs to no customer."""
    first: list[Any] = []
    chains: dict[str, list[Any]] = {}
    for call in calls:
        sent = [call.method, call.path, call.body.decode()]
        code = json.loads(call.body)["client"]["Code"] if call.body else call.parameters.get("code", "")
        chains.setdefault(code, []).append(sent) if call.operation.startswith("customer") and code.startswith(
            "NEW"
        ) else first.append(sent)
    return {
        "root": f"http://127.0.0.1:{server.server_port}", "agent": [server.user, server.password],
        "connections": connections, "first": first, "chains": list(chains.values()),
    }  # fmt: skip


def _bare(given: dict[str, Any]) -> None:
    """Send calls with nothing but httpx, and print the seconds that it took."""
    started = time.perf_counter()
    with httpx.Client(auth=tuple(given["agent"]), timeout=60, trust_env=False) as client:

        def send(chain: list[list[str]]) -> None:
            for method, path, body in chain:
                headers = {"Content-Type": "application/json"} if body else {}
                client.request(method, given["root"] + path, content=body or None, headers=headers).json()

        send(given["first"])
        with ThreadPoolExecutor(given["connections"]) as pool:
            list(pool.map(send, given["chains"]))
    print(time.perf_counter() - started)


if __name__ == "__main__":
    main()
