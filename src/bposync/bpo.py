"""BPO: reads customers by site. Only SELECT, in a transaction that is rolled back."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Any, Final, Self

import sqlalchemy as sa

from bposync import database
from bposync.errors import UsageError, did_you_mean
from bposync.fields import BPO_FIELDS, FIELDS, Kind
from bposync.records import Contradiction, Customer, Row
from bposync.values import flag_of, normalise_code, quoted, text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from bposync.config import BpoTable, Settings
    from bposync.marks import Marker
    from bposync.values import Value

NO_SITE: Final = "(none)"
"""How a blank site is listed."""
PURPOSE: Final = "BPO"
# Fields that belong to a customer at one site, and may differ from site to site.
_PER_SITE = frozenset({"code", "site", "department", "department_name", "status"})


COUNTS_AS: Final = {"status": "every customer counts as Active", "is_debtor": "every customer counts as a debtor"}
"""What it means that BPO has no column for a field that says who is for accounting."""


class Bpo:
    """An open connection to BPO. `fields` are the fields that it has columns for; use as a context manager.

    `left_out` are the default columns that the database does not have.
    Raises UnreachableError where BPO cannot be reached, UsageError where the configuration does not fit it.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings.bpo
        self.address = database.address(
            PURPOSE, "[bpo] url", settings.bpo.url, folder=settings.folder, environment=settings.environment
        )
        self._where = str(settings.path)
        self._stack = contextlib.ExitStack()
        self.fields: tuple[str, ...] = ()
        self.left_out: tuple[str, ...] = ()
        self.columns: dict[str, str] = {}
        """The database's own column name of each field."""
        self.sites: dict[str, str] = {}
        """The sites of all rows read, by their normalised names, each as the first row spells it."""

    def __enter__(self) -> Self:
        engine = database.engine(self.address, writes=False)
        with contextlib.ExitStack() as opened:
            with database.plain_errors(self.address):
                self._connection = opened.enter_context(engine.connect())
            with database.plain_errors(self.address, "cannot be read"):
                self._source = source_of(self._connection, self._settings)
                names = self._names = columns_of(self._connection, self._source)
            self.columns = self._map_columns(names)
            self.fields = tuple(self.columns)
            self._stack = opened.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the transaction and give the connection back: nobody in BPO waits while a question does."""
        with contextlib.suppress(Exception):
            self._connection.rollback()
        self._stack.close()

    @property
    def read_columns(self) -> list[str]:
        """The database's own names of the columns that are read, in the order in which a row has them."""
        return list(self.columns.values()) if isinstance(self._source, sa.TableClause) else list(self._names)

    def _map_columns(self, names: Sequence[str]) -> dict[str, str]:
        """Give the database's own column name for each field that it has."""
        by_folded = {name.casefold(): name for name in reversed(names)}
        columns: dict[str, str] = {}
        left_out = []
        for name in BPO_FIELDS:
            configured = self._settings.columns.get(name)
            wanted = FIELDS[name].column if configured is None else configured.strip()
            if not wanted:
                continue
            found = wanted if wanted in names else by_folded.get(wanted.casefold())
            if found is not None:
                columns[name] = found
            elif configured is not None:
                raise UsageError(
                    f"{self._where}: [bpo.columns] {name}: BPO has no column {quoted(wanted)}.",
                    did_you_mean(wanted, names),
                )
            elif FIELDS[name].required:
                raise UsageError(
                    f"BPO has no column {wanted!r}, and {name} is required.",
                    f'Say which it is under [bpo.columns]: {name} = "…". {did_you_mean(wanted, names)}',
                )
            else:
                left_out.append(wanted)
        self.left_out = tuple(left_out)
        return columns

    def vanished(self, before: Collection[str]) -> list[str]:
        """Give the fields that BPO had `before` and has no column for now, though nobody said that it shall be so."""
        return [name for name in before if FIELDS[name].column in self.left_out]

    def left_out_in_words(self) -> list[str]:
        """Say what it means that BPO lacks default columns."""
        meaning = {FIELDS[name].column: said for name, said in COUNTS_AS.items()}
        lines = [f"BPO has no column {column}: {meaning[column]}." for column in self.left_out if column in meaning]
        others = [column for column in self.left_out if column not in meaning]
        return lines + ([f"BPO has no column {', '.join(others)}: these fields are left alone."] if others else [])

    def rows(
        self,
        progress: Callable[[int], None] | None = None,
        marker: Marker | None = None,
        known: dict[str, str] | None = None,
    ) -> Iterator[Row]:
        """Read every row of the listing, streamed. `progress` is told how many were read.

        With a `marker` rows have marks. A row whose mark its customer's code has in `known` is left out, and the code taken
        out of there.
        """
        with database.plain_errors(self.address, "cannot be read"):
            yield from self._rows(progress, marker, {} if known is None else known)

    def _rows(self, progress: Callable[[int], None] | None, marker: Marker | None, known: dict[str, str]) -> Iterator[Row]:
        statement: Any = self._source
        if isinstance(self._source, sa.TableClause):
            columns = [database.column(column) for column in self.columns.values()]
            statement = sa.select(*columns).select_from(self._source)
        self.sites = {}
        read = _RowReader(self.read_columns, self.columns, self.sites, marker)
        count = 0
        for some in database.batches(self._connection, statement):
            for raw in some:
                mark = read.mark(raw)
                if known and known.get(code := read.customer_of(raw)) == mark:
                    del known[code]
                else:
                    yield read(raw, mark)
            count += len(some)
            if progress is not None:
                progress(count)

    def count_sites(self) -> dict[str, int]:
        """Count the customers of each site without reading them."""
        columns = [database.column(self.columns[name]) for name in ("code", "site")]
        source: sa.FromClause = (
            self._source.columns(*columns).subquery("listing") if isinstance(self._source, sa.TextClause) else self._source
        )
        code, site = columns
        count = sa.func.count(sa.distinct(code))
        with database.plain_errors(self.address, "cannot be read"):
            rows = self._connection.execute(sa.select(site, count).select_from(source).group_by(site)).all()
        counts: dict[str, int] = {}
        known: dict[str, str] = {}
        for raw, customers_ in rows:
            name = text_of(raw) or NO_SITE
            name = known.setdefault(normalise_code(name), name)
            counts[name] = counts.get(name, 0) + int(customers_)
        return counts

    def post_accounts(self) -> bool | None:
        """Tell whether BPO's own Post Accounts option is on; None where the configuration does not say how to ask."""
        if self._settings.post_accounts is None:
            return None
        statement = sa.text(re.sub(r"(?<![:\w\\]):(?=\w)", r"\\:", self._settings.post_accounts.strip().rstrip(";")))
        with database.plain_errors(self.address, "does not answer [bpo] post_accounts"):
            row = self._connection.execute(statement).first()
        if row is None:
            return None
        try:
            return flag_of(row[0])
        except ValueError as error:
            raise UsageError(f"{self._where}: [bpo] post_accounts: {error}.", "It must select one yes or no.") from None


def source_of(connection: sa.Connection, settings: BpoTable) -> sa.TableClause | sa.TextClause:
    """Give the table or the SELECT that lists the customers. Raises UsageError naming the nearest where there is none."""
    if settings.query is not None:
        # What looks like a bound parameter in the user's own SELECT is none.
        return sa.text(re.sub(r"(?<![:\w\\]):(?=\w)", r"\\:", settings.query.strip().rstrip(";")))
    table = database.table(connection, str(settings.customers), "[bpo] customers: BPO")
    assert table is not None  # noqa: S101 - only optional tables may be missing
    return table


def columns_of(connection: sa.Connection, source: sa.TableClause | sa.TextClause) -> list[str]:
    """Give the names of the columns that list the customers."""
    if isinstance(source, sa.TableClause):
        return database.column_names(connection, source)
    with connection.execution_options(stream_results=True).execute(source) as result:
        return list(result.keys())


class _RowReader:
    """Reads the values of raw rows, whose columns have `names`; `columns` says which column is which field.

    `sites` is filled with the sites that are met, by their normalised names.
    """

    def __init__(self, names: Sequence[str], columns: Mapping[str, str], sites: dict[str, str], marker: Marker | None) -> None:
        places = {name: names.index(column) for name, column in columns.items()}
        self._readers = [
            (name, places.get(name), None if FIELDS[name].kind is Kind.TEXT else FIELDS[name].read) for name in BPO_FIELDS
        ]
        self._sites = sites
        self._spelt: dict[object, str] = {}
        self._site_place, self._code_place = places["site"], places["code"]
        self._amount_place = places.get("credit_limit")
        self._marker = marker

    def mark(self, raw: tuple[object, ...]) -> str:
        """Give the mark of a row; empty where nobody wants it."""
        if self._marker is None:
            return ""
        if (place := self._amount_place) is not None:  # a Decimal in most databases, and marked quicker as a text
            raw = (*raw[:place], repr(raw[place]), *raw[place + 1 :])
        return self._marker.mark(raw)

    def customer_of(self, raw: Sequence[object]) -> str:
        """Give the code of a row's customer, and take note of its site, whether the row is read or not."""
        if raw[self._site_place] not in self._spelt:
            self._site(raw)
        return text_of(raw[self._code_place])

    def _site(self, raw: Sequence[object]) -> str:
        """Give a row's site as the first row that names it spells it."""
        given = raw[self._site_place]
        if (spelt := self._spelt.get(given)) is None:
            text = text_of(given) or NO_SITE
            spelt = self._spelt[given] = self._sites.setdefault(normalise_code(text), text)
        return spelt

    def __call__(self, raw: Sequence[object], mark: str) -> Row:
        values: list[Value] = []
        problems: list[tuple[str, str]] = []
        for name, place, read in self._readers:
            if place is None:
                values.append(None)
            elif read is None:
                values.append(text_of(raw[place]))
            else:
                try:
                    values.append(read(raw[place]))
                except ValueError as error:
                    values.append(text_of(raw[place]))
                    problems.append((name, str(error)))
        values[_SITE] = self._site(raw)
        return Row(tuple(values), tuple(problems), mark)


_SITE = BPO_FIELDS.index("site")
_CODE = BPO_FIELDS.index("code")


def customers(rows: Iterable[Row], fields: Sequence[str], marker: Marker | None = None) -> list[Customer]:
    """Put the rows of all sites together, one customer a code, in the order in which the codes first appear.

    `fields` are those that BPO has. Rows without a code are a customer each, for nobody knows whose they are. With the
    `marker` of the rows the customers have marks.
    """
    by_code: dict[str, list[Row]] = {}
    without_code: list[list[Row]] = []
    for row in rows:
        code = str(row.values[_CODE])
        if code:
            by_code.setdefault(code, []).append(row)
        else:
            without_code.append([row])
    compared = [(name, BPO_FIELDS.index(name)) for name in fields if name not in _PER_SITE]
    return [
        _customer(group, compared, marker, has_status="status" in fields, has_debtor="is_debtor" in fields)
        for group in (*by_code.values(), *without_code)
    ]


def _customer(
    group: Sequence[Row], compared: Sequence[tuple[str, int]], marker: Marker | None, *, has_status: bool, has_debtor: bool
) -> Customer:
    if len(group) > 1:
        # By site, so that the order in which a database hands its rows over changes nothing.
        group = sorted(group, key=lambda row: (str(row.values[_SITE]).casefold(), repr(row.values)))
    first = group[0]
    problems = first.problems
    contradictions: tuple[Contradiction, ...] = ()
    if len(group) > 1:
        problems = tuple(dict.fromkeys(problem for row in group for problem in row.problems))
        contradictions = tuple(
            Contradiction(name, tuple((str(row.values[_SITE]), _said(row.values[place])) for row in group))
            for name, place in compared
            if any(row.values[place] != first.values[place] for row in group)
        )
    code = str(first.values[_CODE])
    return Customer(
        code=code,
        key=normalise_code(code),
        name=str(first.value("name") or ""),
        sites=tuple(dict.fromkeys(str(row.values[_SITE]) for row in group)),
        statuses=tuple(str(row.value("status")) for row in group) if has_status else (),
        is_debtor=not has_debtor or any(row.value("is_debtor") is True for row in group),
        values=first.values,
        problems=problems,
        contradictions=contradictions,
        mark="" if marker is None else marker.joined([row.mark for row in group]),
    )


def _said(value: Value) -> str:
    return "" if value is None else str(value)


def choose_sites(wanted: Sequence[str], known: Iterable[str], where: str = "--site") -> tuple[str, ...]:
    """Give the sites as BPO writes them, found without regard to case. Raises UsageError naming the nearest."""
    by_folded = {normalise_code(site): site for site in known}
    chosen = []
    for site in wanted:
        found = by_folded.get(normalise_code(site))
        if found is None:
            sites = sorted(by_folded.values(), key=str.casefold)
            near = did_you_mean(site, sites) if sites else "BPO lists no sites."
            all_sites = f" The sites are: {', '.join(sites)}." if sites and not near.startswith("There is") else ""
            raise UsageError(f"{where}: there is no site {quoted(site)}.", near + all_sites)
        chosen.append(found)
    return tuple(dict.fromkeys(chosen))
