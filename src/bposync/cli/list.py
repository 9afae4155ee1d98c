"""`bposync list`: the Customer Listing, customers by site."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from bposync.cli import files
from bposync.cli.output import Column
from bposync.errors import UsageError, did_you_mean
from bposync.export.files import separator_of
from bposync.fields import BPO_FIELDS, FIELDS, LISTING_FIELDS, Kind, named
from bposync.values import normalise_code, quoted
from bposync.words import cell, many

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from bposync.cli.common import ForceOption, OutputOption, SeparatorOption, Session, SiteOption
    from bposync.export.files import Told
    from bposync.export.told import Facts
    from bposync.records import Row
    from bposync.values import Value

SCHEMA: Final = "bposync.list/1"
DEFAULT_STATUSES: Final = ("Active", "Hold")
_ALL = "all"
_ACTIVE = "Active"  # what every customer is where BPO has no status column
_MOST_NAMED = 20
_STATUSES = ("New-CRM", "Released", _ACTIVE, "Hold", "Inactive")  # BPO's own (BPO's manual); a company may have nobody of one
# Code and name stay longest where the terminal is narrow.
_KEEP = {"code": 9, "name": 8, "site": 7, "credit_limit": 6, "type": 5, "phone": 4, "website": 2, "department": 1}


def show(  # noqa: PLR0913 - one parameter an option
    session: Session,
    *,
    site: SiteOption = None,
    type_: Annotated[
        list[str] | None, typer.Option("--type", metavar="TYPE", help="Only customers of this type; repeatable.")
    ] = None,
    status: Annotated[
        list[str] | None,
        typer.Option(metavar="STATUS", help="Only customers of this status; repeatable; `all`. Default: Active and Hold."),
    ] = None,
    search: Annotated[str | None, typer.Option(metavar="TEXT", help="Only customers with TEXT in code or name.")] = None,
    sort: Annotated[str, typer.Option(metavar="FIELD", help="Sort by this field; -FIELD for the other way round.")] = "code",
    columns: Annotated[str | None, typer.Option(metavar="F,F", help="The fields to show.")] = None,
    limit: Annotated[int | None, typer.Option(metavar="N", min=0, help="Show the first N customers.")] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="CSV on standard output.")] = False,
    output: OutputOption = None,
    separator: SeparatorOption = None,
    force: ForceOption = False,
) -> int:
    """List the customers by site, as BPO's Customer Listing does."""
    if as_csv and session.options.as_json:
        raise UsageError("--csv and --json exclude each other.", "Leave one of them out.")
    file = files.target(session, output, "listing", force=force, separator=separator, csv=as_csv)
    from bposync.bpo import Bpo, choose_sites

    wanted = _fields(columns)
    sort_field = _field(sort.removeprefix("-"), "--sort")
    settings = session.settings
    with Bpo(settings) as bpo, session.output.progress("Reading BPO") as progress:
        rows = list(bpo.rows(progress))
        present = bpo.fields
    known = dict.fromkeys(str(row.value("site")) for row in rows)
    sites = choose_sites(site, known) if site else choose_sites(settings.bpo.sites, known, "[bpo] sites")
    status_of = _status if "status" in present else _active
    if rows and type_:
        _check("type", type_, [str(row.value("type") or "") for row in rows], _groups(session))
    if rows and status:
        _check("status", status, [status_of(row) for row in rows], (*_STATUSES, *settings.bpo.sync_statuses, _ALL))
    rows = [
        row
        for row in rows
        if (not sites or row.value("site") in sites)
        and _is_one_of(row.value("type"), type_)
        and (not search or search.casefold() in f"{row.value('code')}\n{row.value('name')}".casefold())
    ]
    of_every_status = {row.value("code") for row in rows}
    rows = [row for row in rows if _has_status(status_of(row), status)]
    rows.sort(key=lambda row: (normalise_code(str(row.value("code"))), str(row.value("site"))))
    if sort_field != "code" or sort.startswith("-"):
        rows.sort(key=lambda row: _order(row.value(sort_field)), reverse=sort.startswith("-"))
        rows.sort(key=lambda row: row.value(sort_field) in ("", None))
    found = len(rows)
    of_others = 0 if rows or status else len(of_every_status)
    rows = rows if limit is None else rows[:limit]
    if file is not None:
        file.save(_told(files.facts(session, sites=sites), rows, wanted, present))
    separator_ = separator_of(separator) if as_csv else None
    _print(session, rows, found, wanted, present, separator=separator_, in_file=file is not None, whole=limit is not None)
    if of_others and separator_ is None and not session.output.as_json:
        said = "another status: --status all shows it" if of_others == 1 else "other statuses: --status all shows them"
        session.output.note(f"{of_others:,} of {said}.")
    return 0


def _told(facts: Facts, rows: Sequence[Row], wanted: Sequence[str] | None, present: Collection[str]) -> Told:
    """Give the listing in each form that a file may have."""
    from bposync.export.files import Told
    from bposync.export.listing_page import listing_page
    from bposync.export.listing_sheet import listing_sheet

    names = wanted or list(LISTING_FIELDS)
    return Told(
        sheet=lambda: listing_sheet(rows, names),
        document=lambda: _document(rows, wanted, present),
        page=lambda: listing_page(rows, names, facts),
    )


def _document(rows: Sequence[Row], wanted: Sequence[str] | None, present: Collection[str]) -> dict[str, Any]:
    names = wanted or [name for name in BPO_FIELDS if name in present or name in LISTING_FIELDS]
    return {"schema": SCHEMA, "customers": [{name: _shown(name, row.value(name)) for name in names} for row in rows]}


def _print(
    session: Session,
    rows: Sequence[Row],
    found: int,
    wanted: Sequence[str] | None,
    present: Collection[str],
    *,
    separator: str | None,
    in_file: bool,
    whole: bool,
) -> None:
    output = session.output
    if output.as_json:
        output.document(_document(rows, wanted, present))
        return
    names = wanted or list(LISTING_FIELDS)
    if separator is not None:
        output.csv(names, ([_csv_cell(name, row.value(name)) for name in names] for row in rows), separator)
        return
    table = [Column(FIELDS[name].label, FIELDS[name].kind is Kind.AMOUNT, _KEEP.get(name, 3)) for name in names]
    cells = [[cell(row.value(name)) for name in names] for row in rows]
    if cells and not in_file:
        output.table(table, cells, hint="All of them: --limit N, --csv, --json or --output FILE.", whole=whole)
    if len(rows) < found:
        output.note(f"{len(rows):,} of {many(found, 'row')}.")
    else:
        count = len({row.value("code") for row in rows})
        several = f" in {found:,} rows, for some are listed under several sites" if count < found else ""
        output.note(f"{count:,} customer{'s'[: count != 1]}{several}.")


def _shown(name: str, value: Value) -> Any:  # noqa: ANN401 - whatever JSON holds
    return FIELDS[name].show(value)


def _csv_cell(name: str, value: Value) -> str:
    shown = FIELDS[name].show(value)
    if isinstance(shown, bool):
        return "yes" if shown else "no"
    return shown or ""


def _field(name: str, option: str) -> str:
    if found := named(name, BPO_FIELDS):
        return found
    raise UsageError(f"{option}: there is no field {name.strip()!r}.", did_you_mean(name, BPO_FIELDS))


def _fields(columns: str | None) -> list[str] | None:
    if columns is None:
        return None
    return [_field(name, "--columns") for name in columns.split(",") if name.strip()]


def _check(what: str, wanted: Iterable[str], found: Sequence[str], known: Iterable[str]) -> None:
    """Raise UsageError for a type or status that no customer of BPO has: a slip lists nobody, and looks like an answer.

    What is `known` besides may well be nobody's today.
    """
    there = {normalise_code(name): name for name in reversed(dict.fromkeys(found))}
    meant = {**{normalise_code(name): name for name in known}, **there}
    for name in wanted:
        if normalise_code(name) not in meant:
            listed = sorted(filter(None, there.values()), key=str.casefold)
            more = ", …" if len(listed) > _MOST_NAMED else ""
            hint = f"There is: {', '.join(listed[:_MOST_NAMED])}{more}." if listed else f"BPO gives no customer a {what}."
            raise UsageError(
                f"list: no customer has the {what} {quoted(name)}.", did_you_mean(name, filter(None, meant.values()), hint)
            )


def _groups(session: Session) -> Collection[str]:
    """Give the types that the configuration names."""
    accounting = session.settings.accounting
    return accounting.groups if accounting is not None else ()


def _status(row: Row) -> str:
    return str(row.value("status") or "")


def _active(_: Row) -> str:
    return _ACTIVE


def _is_one_of(value: Value, wanted: Sequence[str] | None) -> bool:
    return not wanted or normalise_code(str(value or "")) in {normalise_code(one) for one in wanted}


def _has_status(value: Value, wanted: Sequence[str] | None) -> bool:
    statuses = wanted or DEFAULT_STATUSES
    return any(normalise_code(status) == _ALL for status in statuses) or _is_one_of(value, statuses)


def _order(value: Value) -> tuple[int, Decimal, str]:
    """Order amounts by size and texts without regard to case, what is blank last."""
    if isinstance(value, (Decimal, bool)):
        return (0, Decimal(value), "")
    return (1, Decimal(0), value.casefold()) if value else (2, Decimal(0), "")
