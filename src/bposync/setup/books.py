"""What a company's books say of themselves, for whoever sets them up: their name, and the codes that new accounts may get."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bposync.accounting import open_accounting

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from bposync.accounting import Books, Company
    from bposync.config import Settings


@dataclass(frozen=True, slots=True)
class Found:
    """Books that answered: who they are, and the company's own codes by what they are codes of.

    Codes that nobody lists, as those of the Freedom Service, are missing; each code has a description, mostly empty.
    """

    system: str
    company: Company
    codes: Mapping[str, Mapping[str, str]]


def look(settings: Settings, bpo_fields: Collection[str]) -> Found:
    """Open the configured books and close them again. Raises UsageError or UnreachableError."""
    with open_accounting(settings, bpo_fields, writes=False) as accounting:
        books = accounting.books
        return Found(books.system, books.company, _codes(books))


def _codes(books: Books) -> dict[str, dict[str, str]]:
    from bposync.accounting.evolution import Evolution
    from bposync.accounting.partner import Partner

    if isinstance(books, (Evolution, Partner)):
        return {name: dict(codes) for name, codes in books.codes().items()}
    return {}
