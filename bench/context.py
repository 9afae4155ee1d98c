"""What all measurements of one run share: sizes, rounds, companies that were made once, and the server."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

from bench import company

if TYPE_CHECKING:
    from bench.company import Company
    from support.postgres import PostgresServer

_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of its own is made in it


@dataclass
class Context:
    """One run of the bench; use as a context manager."""

    size: int = 100_000
    rounds: int = 3
    full: bool = False
    kinds: tuple[str, ...] = (company.SQLITE, company.POSTGRESQL)
    _companies: dict[tuple[str, int], Company] = field(default_factory=dict)
    _stack: ExitStack = field(default_factory=ExitStack)
    _server: PostgresServer | None = None

    def __enter__(self) -> Self:
        within = _MEMORY if _MEMORY.is_dir() and os.access(_MEMORY, os.W_OK) else None
        self.folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="bposync-bench-", dir=within)))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def say(self, text: str) -> None:
        """Say on standard error how far it is."""
        print(text, file=sys.stderr, flush=True)

    def server(self) -> PostgresServer:
        """Give the server, started when it is first asked for, with its own settings: what is committed is on the disk."""
        if self._server is None:
            from support import postgres

            for name in ("fsync", "full_page_writes", "synchronous_commit"):
                postgres.SETTINGS.pop(name, None)
            self._server = self._stack.enter_context(postgres.postgres_server())
        return self._server

    def server_version(self) -> str:
        """Give the server's version, empty where none was needed."""
        if self._server is None:
            return ""
        import psycopg

        with psycopg.connect(company.libpq(self._server.url())) as connection:
            return f"PostgreSQL {connection.info.server_version // 10000}.{connection.info.server_version % 10000}"

    def new(self, kind: str, count: int, *, accounts: bool = True) -> Company:
        """Make a company that nothing else uses."""
        self.say(f"  making a company of {count:,} in {kind}")
        server = self.server() if kind == company.POSTGRESQL else None
        return company.make(self.place(), kind, count, server, accounts=accounts)

    def place(self) -> Path:
        """Give a new name in this run's folder."""
        return Path(tempfile.mkdtemp(dir=self.folder)) / "company"

    def in_step(self, kind: str, count: int) -> Company:
        """Give the one company of this kind and size that is in step. Who changes it brings it back into step."""
        if (kind, count) not in self._companies:
            made = self.new(kind, count)
            made.sync()
            made.tidy()
            self._companies[kind, count] = made
        return self._companies[kind, count]

    def forget(self, made: Company) -> None:
        """Give back the room that a company takes where it lies in files."""
        if made.kind == company.SQLITE:
            shutil.rmtree(made.configuration.parent)
            self._companies = {key: kept for key, kept in self._companies.items() if kept is not made}
