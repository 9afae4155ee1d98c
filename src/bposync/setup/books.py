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

    Codes that nobody lists, as those of the Freedom Service, are missing; each code has its description, or none.
    """

    system: str
    company: Company
    codes: Mapping[str, Mapping[str, str]]


def look(settings: Settings, bpo_fields: Collection[str]) -> Found:
    """Open the configured books and close them again. Raises UsageError or UnreachableError."""
    with open_accounting(settings, bpo_fields, writes=False) as accounting:
        books = accounting.books
        return Found(books.system, books.company, _codes(books, settings))


def _codes(books: Books, settings: Settings) -> dict[str, dict[str, str]]:
    from bposync.accounting.evolution import Evolution
    from bposync.accounting.partner import Partner

    if isinstance(books, Partner):
        return {name: dict(codes) for name, codes in books.codes().items()}
    if not isinstance(books, Evolution):
        return {}
    listed = books.codes()
    described = _descriptions(settings) if listed else {}
    return {
        name: {
            (code := books.lookups[name].code(key)): _said(code, described.get(name, {}).get(str(key), ""))
            for key in books.lookups[name].keys.values()
        }
        for name in listed
    }


def _said(code: str, description: str) -> str:
    return "" if description.casefold() == code.casefold() else description


def _descriptions(settings: Settings) -> dict[str, dict[str, str]]:
    """Give what Evolution's groups, terms, areas and price lists are called, by what they are and key.

    A sync needs no descriptions, so where they are missing or may not be read there are none.
    """
    import sqlalchemy as sa

    from bposync import database
    from bposync.accounting.evolution import LOOKUPS
    from bposync.accounting.partner_ways import place_or_none
    from bposync.errors import BposyncError
    from bposync.values import text_of

    if (place := place_or_none(settings)) is None:
        return {}
    found: dict[str, dict[str, str]] = {}
    engine = database.engine(place, writes=False)
    try:
        for name, (table_name, key, _) in LOOKUPS.items():
            with database.plain_errors(place), engine.connect() as connection:
                table = database.table(connection, table_name, place.purpose, optional=True)
                if table is None:
                    continue
                names = {column.casefold(): column for column in database.column_names(connection, table)}
                wanted = [names[each] for each in (key.casefold(), "description", "cdescription") if each in names]
                if len(wanted) > 1:
                    rows = connection.execute(sa.select(*map(database.column, wanted[:2])).select_from(table))
                    found[name] = {text_of(row[0]): text_of(row[1]) for row in rows}
    except BposyncError:
        return found
    finally:
        engine.dispose()
    return found
