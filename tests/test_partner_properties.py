"""Whatever BPO holds: an account of Pastel Partner's takes it whole, or says why not; and what goes in comes out again."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bposync import bpo, config
from bposync.accounting import Company
from bposync.accounting.partner import COLUMNS, DELIVERY, Facts, Partner, Rows, value_of
from bposync.accounting.partner_record import CERTAIN, DELIVERY_COLUMNS, FIELDS, MASTER_COLUMNS, compose
from bposync.fields import BPO_FIELDS
from bposync.match import match
from bposync.plan import Choice, make_plan
from bposync.records import Action, Change, Customer, Decisions, Row
from bposync.values import text_of
from support.pastel import Pastel

if TYPE_CHECKING:
    from pathlib import Path

TEXTS = tuple(name for name in BPO_FIELDS if name in COLUMNS and name not in ("credit_limit", "terms"))
# Text as people and machines type it: what fits and what does not, what cp1252 has and what it lacks, controls and blanks.
WORDS = st.text(
    st.one_of(
        st.sampled_from("abcXYZ019 .,;:'\"&/()-+@|%=äéøßŒ€œ“”½"),
        st.characters(codec="utf-8"),
        st.sampled_from("\t\n\r\0\x81\u200d"),
    ),
    max_size=45,
).map(text_of)


class Books(Partner):
    """Books without accounts."""

    def read(self, progress: object = None) -> list[Any]:  # noqa: ARG002
        return []


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("books")


@pytest.fixture(scope="module", params=["sql", "sdk"])
def books(folder: Path, request: pytest.FixtureRequest) -> Books:
    path = folder / f"{request.param}.toml"
    path.write_text(
        f'[bpo]\nurl = "sqlite:///x"\ncustomers = "x"\n[accounting]\nsystem = "partner"\nwrite = "{request.param}"\n'
        '[accounting.terms]\n"30 Days" = "30"\n',
        "utf-8",
    )
    return Books(config.load(path), BPO_FIELDS, Company("x", "x", "x"), Facts())


@st.composite
def customers(draw: st.DrawFn) -> Customer:
    """Give a customer with anything in its fields."""
    values: dict[str, Any] = {name: draw(WORDS) for name in TEXTS}
    values |= {f"{kind}_postcode": draw(WORDS) for kind in ("billing", "shipping")}
    values["credit_limit"] = draw(
        st.one_of(st.none(), st.integers(-(10**7), 10**9).map(Decimal), st.decimals(-(10**11), 10**11, places=2))
    )
    values["terms"] = draw(st.sampled_from(["", "30 Days", "60", "0", "14 Days"]))
    values |= {"code": draw(st.sampled_from(["HIL001", "HIL002", "hil01", "Ø-1", "TOOLONG", "公司", "A|B"])), "site": "Durban"}
    values |= {"name": values["name"] or "Name", "is_debtor": True, "status": "Active"}
    row = Row(tuple(values.get(name, None if name == "credit_limit" else "") for name in BPO_FIELDS))
    (made,) = bpo.customers([row], BPO_FIELDS)
    return made


def change_of(books: Books, customer: Customer) -> Change:
    plan = make_plan(match([customer], [], {}), books, Decisions(), Choice())
    (change,) = plan.changes
    return change


def read(books: Books, change: Change, rows: Rows) -> dict[str, Any]:
    """Give what the account holds, field by field, once these rows stand in the two tables."""
    account = books.account(change.account, {**rows.master, **rows.delivery})
    return dict(zip((*books.fields, *books.new_fields), (*account.values, *account.new_values), strict=True))


EVERY_TIME = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None)


@EVERY_TIME
@given(customer=customers())
def test_what_is_written_fits_and_what_does_not_is_told(books: Books, customer: Customer) -> None:
    change = change_of(books, customer)
    if change.action is Action.REJECTED:
        assert all(": " in reason for reason in change.reasons)
        return
    assert change.action is Action.CREATE
    held = {found.field for found in change.fields if found.verdict.value == "held"}
    assert held <= {reason.partition(":")[0] for reason in change.reasons}
    for written in change.writes:
        column = COLUMNS[written.field]
        if column.width:
            text = str(written.new)
            assert len(text.encode("cp1252")) <= column.width
            assert not any(character < " " or character == "\x7f" for character in text)
            assert "|" not in text or not books.forbidden
    assert len(change.account.encode("cp1252")) <= 6
    assert change.account == change.account.upper()


@EVERY_TIME
@given(customer=customers())
def test_what_goes_into_the_tables_the_file_and_the_sdk_comes_out_again(books: Books, folder: Path, customer: Customer) -> None:
    change = change_of(books, customer)
    if change.action is not Action.CREATE:
        return
    wanted = {written.field: written.new for written in change.writes}
    rows = books.new_rows(change)
    found = read(books, change, rows)
    assert {name: found[name] for name in wanted} == wanted

    cells = from_csv(tuple(compose(rows.master, rows.delivery, CERTAIN)))
    found = read(books, change, cells)
    assert {name: found[name] for name in wanted} == wanted

    if books.forbidden:
        stored = through_the_sdk(folder, "|".join(compose(rows.master, rows.delivery, FIELDS)))
        found = read(books, change, Rows(stored, {}))
        assert {name: found[name] for name in wanted} == wanted


def from_csv(cells: tuple[str, ...]) -> Rows:
    """Write a row as the file has it, read it as Pastel does, and give it in the two tables."""
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerow(cells)
    (row,) = csv.reader(io.StringIO(text.getvalue().encode("cp1252").decode("cp1252"), newline=""), strict=True)
    assert tuple(row) == cells
    tables: dict[str, dict[str, object]] = {"CustomerMaster": {}, DELIVERY: {}}
    for field, cell in zip(CERTAIN, row, strict=True):
        numeric = field.form in ("two digits", "number", "one")
        tables[field.table][field.column] = int(cell) if numeric else cell
    return Rows(tables["CustomerMaster"], tables[DELIVERY])


def through_the_sdk(folder: Path, string: str) -> dict[str, object]:
    pastel = Pastel(folder)
    sdk = pastel.create()
    sdk.SetLicense(pastel.serial, pastel.code)
    assert sdk.SetDataPath(str(folder)) == "0"
    assert sdk.ImportCustomer(string) == "0"
    (code,) = pastel.master
    sdk.StopBtrieve()
    return {**pastel.master[code], **pastel.delivery[code, ""]}


@given(st.integers(-(10**8), 999_999_999))
def test_a_whole_amount_is_the_same_however_a_driver_hands_it_over(amount: int) -> None:
    wanted = Decimal(amount).quantize(Decimal("0.01")) or Decimal("0.00")
    for raw in (amount, float(amount), Decimal(amount), str(amount), f"{amount}.00", f" {amount} ", f"{amount}\0"):
        assert value_of("credit_limit", raw) == wanted


def test_the_records_of_the_two_tables_share_no_column_but_the_code() -> None:
    assert set(MASTER_COLUMNS) & set(DELIVERY_COLUMNS) == {"CustomerCode"}
    assert replace(Facts(), categories={}).categories == {}
