"""Links and decisions as a CSV file: what people settled by hand is nowhere else, so a copy of it lies beside the journal.

A copy holds everything that is needed to go on with another journal: links with their agreed values, and decisions with who
and when. It is no sheet to fill in: a wrong row is named, and nothing is taken in.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from bposync import sheets
from bposync.advice import command
from bposync.documents import parse_moment
from bposync.errors import UsageError
from bposync.journal import make_private, schema
from bposync.journal.links import IGNORE, IGNORE_ACCOUNT, NEW, OVERWRITE, decode_agreed
from bposync.records import Link
from bposync.values import normalise_code, quoted, visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from bposync.journal import Journal

HEADINGS: Final = ("kind", "customer", "account", "account_key", "name", "sites", "values", "by", "at", "company")
LINK: Final = "link"
_KINDS: Final = (LINK, NEW, IGNORE, IGNORE_ACCOUNT, OVERWRITE)
_ENCODED: Final = "json:"
_ACTING: Final = ("=", "+", "-", "@", "\t", "\r", "'")
_NOT_IN_A_NAME: Final = re.compile(r"[^\w-]+")
_MOST_TOLD: Final = 5


@dataclass(frozen=True, slots=True)
class Copied:
    """How much was copied, by kind."""

    links: int
    decisions: int


@dataclass(frozen=True, slots=True)
class _Entry:
    """One row of a copy. `values` are JSON: a link's agreed values, or those that BPO's replace."""

    kind: str
    customer: str
    account: str
    account_key: str
    name: str
    sites: str
    values: str
    by: str
    at: str


def path_beside(journal: Journal) -> Path | None:
    """Give where the copy of an SQLite journal lies: beside it; None where the journal lies in a server."""
    if not journal.place.is_file:
        return None
    from pathlib import Path

    file = Path(str(journal.place.url.database))
    company = "" if journal.company == "main" else f"-{_NOT_IN_A_NAME.sub('-', journal.company)}"
    if company and company[1:] != journal.company:
        # Two companies may differ in nothing that a file's name holds.
        company += f"-{hashlib.sha256(journal.company.encode()).hexdigest()[:6]}"
    return file.with_name(f"{file.stem.removesuffix('-state')}{company}-links.csv")


def write_beside(journal: Journal) -> Path | None:
    """Write the copy beside an SQLite journal where links or decisions changed since. Raises UsageError.

    A journal that held nothing before is a new one: a copy that lies there is of another journal, which was lost, and is
    kept under another name, which is given.
    """
    path = path_beside(journal)
    if path is None or not journal.has_news or journal.is_empty:
        return None
    kept = None
    if journal.is_new and path.exists():
        kept = _set_aside(path, journal)
    export(journal, path, private=True)
    journal.has_news = journal.is_new = False
    return kept


def _set_aside(path: Path, journal: Journal) -> Path:
    aside = path.with_name(f"{path.stem}-{journal.now():%Y%m%d-%H%M%S}.csv")
    try:
        path.rename(aside)
    except OSError as error:
        raise UsageError(f"{visible(path.name)}: {error.strerror or error}.", "Check the folder's rights.") from None
    return aside


def export(journal: Journal, path: Path, *, private: bool = False) -> Copied:
    """Write all links and decisions of the journal's company to a CSV file, whole or not at all. Raises UsageError.

    A new file that is `private` is not for everybody to read.
    """
    company = journal.known_company()
    entries = [] if journal.is_empty else list(_entries(journal))

    def fill(file: Path) -> None:
        if private:
            make_private(file)
        with file.open("w" if private else "x", encoding="utf-8-sig", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(HEADINGS)
            for entry in entries:
                cells = (
                    entry.kind, entry.customer, entry.account, entry.account_key, entry.name, entry.sites, entry.values,
                    entry.by, entry.at, company,
                )  # fmt: skip
                writer.writerow(_encoded(cell) for cell in cells)

    sheets.replace(path, fill)
    links = sum(entry.kind == LINK for entry in entries)
    return Copied(links, len(entries) - links)


def _entries(journal: Journal) -> Iterator[_Entry]:
    table, overwrites, links = schema.decisions, schema.overwrites, schema.links
    with journal.transaction("cannot be read") as connection:
        # As they stand there, without looking into any: there may be a hundred thousand.
        names = ("customer", "code", "account", "account_key", "name", "sites", "agreed", "changed_by", "changed_at")
        of_links = sa.select(*(links.c[name] for name in names)).where(links.c.company == journal.company)
        for row in sorted(map(tuple, connection.execute(of_links))):
            yield _Entry(LINK, *row[1:])
        mine = sa.select(table).where(table.c.company == journal.company).order_by(table.c.kind, table.c.subject)
        for row in connection.execute(mine):
            customer, account = ("", row.subject) if row.kind == IGNORE_ACCOUNT else (row.subject, row.code)
            yield _Entry(row.kind, customer, account, "", "", "", "", row.decided_by, row.decided_at)
        if journal.has(2):
            ours = sa.select(overwrites).where(overwrites.c.company == journal.company).order_by(overwrites.c.customer)
            for row in connection.execute(ours):
                yield _Entry(OVERWRITE, row.customer, "", "", "", "", row.fields, row.decided_by, row.decided_at)


def take_in(journal: Journal, path: Path, company: str) -> Copied:
    """Record what a copy holds and the journal does not, in one transaction. `company` is that of the books.

    Raises UsageError, and records nothing, where a row cannot be understood, contradicts the journal, or is of another
    company.
    """
    entries = _read(path, company)
    links, decisions = journal.links.read(), journal.decisions.read()
    known = {
        NEW: decisions.new, IGNORE: decisions.ignored_customers, IGNORE_ACCOUNT: decisions.ignored_accounts,
        OVERWRITE: decisions.overwrite,
    }  # fmt: skip
    fresh: list[_Entry] = []
    problems = []
    for number, entry in entries:
        key = normalise_code(entry.customer or entry.account)
        if entry.kind == LINK and (old := links.get(key)) is not None:
            if (old.account_key or normalise_code(old.account)) != (entry.account_key or normalise_code(entry.account)):
                problems.append(f"row {number}: customer {entry.customer} is linked to account {old.account} here")
        elif entry.kind == LINK or key not in known[entry.kind]:
            fresh.append(entry)
        elif entry.kind == NEW and normalise_code(decisions.new[key]) != normalise_code(entry.account):
            problems.append(f"row {number}: customer {entry.customer} gets account {decisions.new[key] or 'of its own'} here")
    _refuse(path, problems, f"Take that back first with {command('unlink CUSTOMER')}, or leave the row out.")
    with journal.deciding() as connection:
        if fresh:
            journal.know_company_first(connection, company)
        for entry in sorted(fresh, key=lambda entry: entry.kind == OVERWRITE):  # a link would take it back
            _record(journal, connection, entry)
        if fresh:
            journal.decisions.log(connection, "import", "", "", f"{len(fresh)} from {visible(path.name)}")
    journal.is_new = journal.is_new and path.resolve() != (path_beside(journal) or path).resolve()
    taken = sum(entry.kind == LINK for entry in fresh)
    return Copied(taken, len(fresh) - taken)


def _record(journal: Journal, connection: sa.Connection, entry: _Entry) -> None:
    key = normalise_code(entry.customer or entry.account)
    if entry.kind == LINK:
        link = Link(
            entry.customer, entry.account, entry.account_key, entry.name, tuple(json.loads(entry.sites)),
            decode_agreed(entry.values),
        )  # fmt: skip
        journal.links.save(connection, [link], by=entry.by, at=parse_moment(entry.at))
        journal.decisions.log(connection, LINK, entry.customer, entry.account, _origin(entry))
    elif entry.kind == OVERWRITE:
        journal.decisions.overwrite(connection, key, journal.decisions.decode_fields(entry.values))
        journal.decisions.log(connection, OVERWRITE, entry.customer, "", ", ".join(json.loads(entry.values)))
    else:
        code = entry.account if entry.kind == NEW else ""
        journal.decisions.save(connection, entry.kind, key, code)
        decision = "link --new" if entry.kind == NEW else "ignore"
        journal.decisions.log(connection, decision, entry.customer, entry.account, _origin(entry))


def _origin(entry: _Entry) -> str:
    return f"note: imported; by {entry.by} on {entry.at[:10]}"


def _read(path: Path, company: str) -> list[tuple[int, _Entry]]:
    entries = []
    problems = []
    seen: dict[tuple[str, str], int] = {}
    for line in sheets.read(path, HEADINGS, plain=True):
        try:
            cells = {name: _decoded(line.cells.get(name, "")) for name in HEADINGS}
            if cells["company"] and cells["company"] != company:
                raise ValueError(f"is of company {quoted(cells['company'])}, and this is {quoted(company)}")  # noqa: TRY301
            entry = _understood(cells)
            who = (entry.kind, normalise_code(entry.customer or entry.account))
            if (first := seen.setdefault(who, line.number)) != line.number:
                raise ValueError(f"says again what row {first} says")  # noqa: TRY301
            entries.append((line.number, entry))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            problems.append(f"row {line.number}: {error}")
    _refuse(path, problems, f"Take a file that {command('link --export FILE')} wrote, unchanged.")
    return entries


def _understood(cells: dict[str, str]) -> _Entry:
    """Check one row, so that nothing of it can fail once the recording has begun."""
    kind = cells["kind"]
    if kind not in _KINDS:
        raise ValueError(f"{quoted(kind)} is no kind; there is {', '.join(_KINDS)}")
    if not normalise_code(cells["account"] if kind == IGNORE_ACCOUNT else cells["customer"]):
        raise ValueError("the code is blank")
    parse_moment(cells["at"])
    if kind == LINK:
        if not cells["account"]:
            raise ValueError("the account is blank")
        sites = json.loads(cells["sites"])
        if not isinstance(sites, list) or not all(isinstance(site, str) for site in sites):
            raise ValueError("the sites are no list")
        decode_agreed(cells["values"])
    if kind == OVERWRITE and not isinstance(json.loads(cells["values"]), dict):
        raise ValueError("the values are no fields")
    return _Entry(**{name: cells[name] for name in HEADINGS if name != "company"})


def _refuse(path: Path, problems: Sequence[str], hint: str) -> None:
    if problems:
        more = f"; and {len(problems) - _MOST_TOLD:,} more" if len(problems) > _MOST_TOLD else ""
        raise UsageError(f"{visible(path.name)}: {'; '.join(problems[:_MOST_TOLD])}{more}. Nothing was recorded.", hint)


def _encoded(text: str) -> str:
    """Give text that no spreadsheet runs, in which nothing hides, and that `_decoded` takes back as it was."""
    if text != text.strip() or text.startswith(_ENCODED) or visible(text) != text:
        return _ENCODED + json.dumps(text)
    return f"'{text}" if text.startswith(_ACTING) else text


def _decoded(cell: str) -> str:
    if cell.startswith(_ENCODED):
        return str(json.loads(cell.removeprefix(_ENCODED)))
    return cell.removeprefix("'")
