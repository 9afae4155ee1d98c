"""Companies whose books are reached through the stand-in for Evolution's Freedom Service, with and without a database."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from bposync.demo.freedom import FreedomServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.company import Company

ALONE, WITH_SQL = "Evolution, Freedom", "Evolution, Freedom and SQL"
KINDS = (ALONE, WITH_SQL)
PASSWORD = "s3cr/t p@ss:w#rd+é"


@contextmanager
def served(company: Company, kind: str = ALONE, **options: Any) -> Iterator[FreedomServer]:
    """Put the service before a company of Evolution's that lies in SQLite, and lead its configuration there."""
    books = Path(str(sa.make_url(company.accounting_url).database))
    with FreedomServer(books, "Example & Söhne (Pty) Ltd", password=PASSWORD, **options) as server:
        lead(company, server, kind)
        yield server


def lead(company: Company, server: FreedomServer, kind: str = ALONE) -> None:
    """Let a company's configuration lead to a service."""
    company.configure(
        "accounting",
        write="freedom",
        url=company.accounting_url if kind == WITH_SQL else None,
        freedom_url=server.url,
        freedom_user=server.user,
        freedom_password=PASSWORD.replace("$", "$$"),
        # The service tells none of the company's settings.
        upper_case_codes=True if kind == ALONE else None,
    )
