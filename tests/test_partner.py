"""Pastel Partner's books: what an account looks like there, what it cannot hold, and what a write puts into its two tables."""

from __future__ import annotations

import re
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from bposync import apply, bpo, database, odbc
from bposync.accounting import open_accounting
from bposync.accounting.partner_record import DELIVERY_COLUMNS, MASTER_COLUMNS
from bposync.accounting.partner_tables import PartnerTables
from bposync.demo import partner as demo
from bposync.errors import LockedError, UnreachableError, UsageError
from bposync.fields import BPO_FIELDS
from bposync.records import Customer, Row
from support import odbc as drivers
from support.company import connected, dump
from support.partner import BY_SQL, DRIVERS, ODBC_SQLITE, SDK, SQLITE, PartnerCompanies, PartnerCompany
from support.policy import needs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bposync.accounting import Books
    from support.postgres import PostgresServer

# A live book's widths.
WIDTHS = {
    "name": 40, "contact": 16, "phone": 16, "mobile": 16, "email": 200, "vat_number": 16,
    **{f"{kind}_{line}": 30 for kind in ("billing", "shipping") for line in range(1, 6)},
}  # fmt: skip
BALANCES = ("Balance", "Sales", "CurrBalance", "Ageing", "LastCr")


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apply, "PAUSE_SECONDS", 0)


@pytest.fixture(scope="module")
def companies(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> PartnerCompanies:
    return PartnerCompanies(postgres, tmp_path_factory.mktemp("companies"))


@pytest.fixture(params=BY_SQL)
def company(companies: PartnerCompanies, request: pytest.FixtureRequest) -> PartnerCompany:
    driver = DRIVERS.get(request.param)
    needs(driver is None or drivers.installed(driver), f"the ODBC driver {driver} is not installed")
    return companies.make(request.param)


@pytest.fixture
def in_sqlite(companies: PartnerCompanies) -> PartnerCompany:
    return companies.make(SQLITE)


@pytest.fixture
def pyodbc() -> Any:
    """pyodbc, which needs the driver manager that the operating system has to bring."""
    needs(drivers.pyodbc_loads(), "pyodbc does not load: install unixODBC")
    import pyodbc

    return pyodbc


@pytest.fixture
def by_odbc(companies: PartnerCompanies) -> PartnerCompany:
    needs(drivers.installed(DRIVERS[ODBC_SQLITE]), "the ODBC driver SQLite3 is not installed")
    return companies.make(ODBC_SQLITE)


@pytest.fixture(scope="module")
def shared(companies: PartnerCompanies) -> PartnerCompany:
    """A company whose books are only looked at."""
    return companies.make(SQLITE)


@contextmanager
def books_of(company: PartnerCompany, fields: tuple[str, ...] = BPO_FIELDS) -> Iterator[Any]:
    with open_accounting(company.settings(), fields, writes=False) as accounting:
        yield accounting.books


def customer(**values: Any) -> Customer:
    """Give one customer as BPO's reader hands it over."""
    given = {"code": "HIL001", "name": "Hillcrest", "site": "Durban", "is_debtor": True, **values}
    blank = {"credit_limit": None, "is_debtor": None}
    (made,) = bpo.customers([Row(tuple(given.get(name, blank.get(name, "")) for name in BPO_FIELDS))], BPO_FIELDS)
    return made


def shaped(books: Books, made: Customer) -> tuple[dict[str, Any], dict[str, str], dict[str, str]]:
    """Give a customer's values by field, what is held back, and what rejects it."""
    shape = books.shape(made)
    names = (*books.fields, *books.new_fields)
    values = dict(zip(names, (*shape.values, *shape.new_values), strict=True))
    return values, dict(shape.held), dict(shape.rejected)


def refusal(company: PartnerCompany) -> UsageError:
    with pytest.raises(UsageError) as refused, books_of(company):
        pass
    return refused.value


# What an account looks like.


def test_the_demos_tables_are_partners_own_in_their_order() -> None:
    assert tuple(column.name for column in demo.MASTER.columns) == MASTER_COLUMNS
    assert tuple(column.name for column in demo.DELIVERY.columns) == DELIVERY_COLUMNS
    assert (len(MASTER_COLUMNS), len(DELIVERY_COLUMNS)) == (139, 17)
    assert [MASTER_COLUMNS.index(name) + 1 for name in ("ExemptRef", "CreditLimit", "UpdatedOn", "PassportNumber")] == [
        62, 75, 124, 139,
    ]  # fmt: skip


def test_website_and_registration_have_no_place(shared: PartnerCompany) -> None:
    with books_of(shared) as books:
        assert books.system == "Pastel Partner"
        assert set(books.fields) == {*WIDTHS, "credit_limit", "terms", "billing_postcode", "shipping_postcode"}
        assert set(books.new_fields) == {"category", "price_list"}


@pytest.mark.parametrize("field", WIDTHS)
def test_a_text_is_held_up_to_its_width_in_bytes_of_cp1252(shared: PartnerCompany, field: str) -> None:
    width = WIDTHS[field]
    with books_of(shared) as books:
        assert books.widths[field] == width
        for text in ("x" * width, "é€½" + "x" * (width - 3)):
            values, held, rejected = shaped(books, customer(**{field: text}))
            assert (values[field], held.get(field), rejected) == (text, None, {})
        _, held, rejected = shaped(books, customer(**{field: "x" * (width + 1)}))
    (told,) = [why for name, why in {**held, **rejected}.items() if name == field]
    assert f"is {width + 1} long, Pastel Partner holds {width}" in told
    assert (field in rejected) is (field in ("name", "vat_number"))


@pytest.mark.parametrize("text", ["公司", "Łódź", "\u202fx", "a\u0301"])
def test_what_cp1252_lacks_is_told_with_the_character(shared: PartnerCompany, text: str) -> None:
    with books_of(shared) as books:
        _, held, _ = shaped(books, customer(contact=text))
    assert "which the code page cp1252 lacks" in held["contact"]


@pytest.mark.parametrize("text", ["a\nb", "a\tb", "a\x00b", "a\u2028b"])
def test_line_breaks_and_control_characters_are_held_back(shared: PartnerCompany, text: str) -> None:
    with books_of(shared) as books:
        _, held, _ = shaped(books, customer(phone=text))
        assert "control character or a line break" in held["phone"]
        assert "name" in shaped(books, customer(name=text))[2]


def test_the_separator_of_the_sdk_is_held_back_or_rejected_for_the_sdk_alone(
    companies: PartnerCompanies, shared: PartnerCompany, monkeypatch: pytest.MonkeyPatch
) -> None:
    with books_of(companies.on(monkeypatch).make(SDK)) as books:
        _, held, rejected = shaped(books, customer(name="A|B", contact="C|D"))
        assert "Pastel's SDK" in rejected["name"]
        assert "Pastel's SDK" in held["contact"]
        with pytest.raises(ValueError, match="Pastel's SDK"):
            books.code_for("A|B")
    with books_of(shared) as books:
        assert shaped(books, customer(name="A|B", contact="C|D", terms="30"))[1:] == ({}, {})


@pytest.mark.parametrize(
    ("lines", "postcode", "wanted"),
    [
        (["PO Box 1", "Durban"], "4000", ["PO Box 1", "Durban", "4000", "", ""]),
        (["PO Box 1", "", "Durban"], "4000", ["PO Box 1", "", "Durban", "4000", ""]),
        (["a", "b", "c", "d"], "4000", ["a", "b", "c", "d", "4000"]),
        ([], "4000", ["4000", "", "", "", ""]),
        (["a"], "", ["a", "", "", "", ""]),
    ],
)
@pytest.mark.parametrize("kind", ["billing", "shipping"])
def test_the_post_code_stands_on_the_line_after_the_last_one_used(
    shared: PartnerCompany, kind: str, lines: list[str], postcode: str, wanted: list[str]
) -> None:
    given = {f"{kind}_{number}": line for number, line in enumerate(lines, 1)} | {f"{kind}_postcode": postcode}
    with books_of(shared) as books:
        values, held, rejected = shaped(books, customer(**given))
    assert [values[f"{kind}_{number}"] for number in range(1, 6)] == wanted
    assert (values[f"{kind}_postcode"], rejected) == ("", {})
    assert not any(name.startswith(kind) for name in held)


def test_five_lines_and_a_post_code_hold_the_post_code_back(in_sqlite: PartnerCompany) -> None:
    lines = {f"billing_{number}": f"line {number}" for number in range(1, 6)}
    in_sqlite.customer("HIL001", "Hillcrest", **lines, billing_postcode="4000")
    for _ in range(2):
        synced = in_sqlite.sync()
        change = synced.change("HIL001")
        assert {found.field: found.verdict.value for found in change.fields if found.verdict.value != "write"} == {
            "billing_postcode": "held"
        }
        assert any("finds no line" in reason for reason in change.reasons)
    assert {name: in_sqlite.held()["HIL001"][name] for name in lines} == lines


@pytest.mark.parametrize(("said", "days"), [("30 Days", "30"), ("Cash on Delivery", "0"), ("90", "90"), (" 120 ", "120")])
def test_terms_are_days(shared: PartnerCompany, said: str, days: str) -> None:
    with books_of(shared) as books:
        values, held, _ = shaped(books, customer(terms=said.strip()))
        assert (values["terms"], held) == (days, {})


def test_terms_that_match_none_are_held_back_and_a_new_account_gets_the_default(in_sqlite: PartnerCompany) -> None:
    in_sqlite.customer("HIL001", "Hillcrest", terms="14 Days")
    in_sqlite.customer("BLA001", "Blank")
    synced = in_sqlite.sync()
    assert synced.outcomes == {"BLA001": "written", "HIL001": "written"}
    assert {code: row["PaymentTerms"] for code, row in in_sqlite.whole().items()} == {"BLA001": 30, "HIL001": 30}
    assert ["'14 Days'" in note for note in synced.plan.notes if "terms" in note] == [True]
    assert synced.change("BLA001").reasons == ()


def test_terms_that_bpo_blanks_stay_for_no_account_is_without(in_sqlite: PartnerCompany) -> None:
    in_sqlite.customer("HIL001", "Hillcrest", terms="60 Days")
    in_sqlite.sync()
    in_sqlite.change("HIL001", terms=None, phone="1")
    assert in_sqlite.sync().outcomes == {"HIL001": "written"}
    assert in_sqlite.whole()["HIL001"]["PaymentTerms"] == 60


def test_a_code_is_in_capitals_unless_the_configuration_says_otherwise(in_sqlite: PartnerCompany) -> None:
    with books_of(in_sqlite) as books:
        assert books.code_for(" hil001 ") == "HIL001"
        assert books.code_for("straße"[:5]) == "STRASS"
    in_sqlite.configure("accounting", upper_case_codes=False)
    with books_of(in_sqlite) as books:
        assert books.code_for("hil001") == "hil001"


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"code": "HIL0001"}, r"code: 'HIL0001' is 7 long, Pastel Partner holds 6: .*bposync link CUSTOMER --new CODE"),
        ({"name": "N" * 41}, r"name: .* is 41 long, Pastel Partner holds 40: mend it in BPO"),
        ({"credit_limit": 1000.5}, r"credit_limit: 1000\.50 has cents, Pastel Partner holds whole amounts: round it in BPO"),
        ({"credit_limit": 1_000_000_000}, r"credit_limit: 1000000000\.00 is more than Pastel Partner holds"),
        ({"vat_number": "4" * 17}, r"vat_number: .* is 17 long"),
        ({"name": ""}, r"name: is blank"),
    ],
)
def test_what_no_account_can_hold_is_rejected_with_what_to_do(
    in_sqlite: PartnerCompany, values: dict[str, Any], told: str
) -> None:
    in_sqlite.customer(**{"code": "HIL001", "name": "Hillcrest", **values})
    synced = in_sqlite.sync()
    (change,) = synced.plan.changes
    assert (change.action.value, in_sqlite.whole()) == ("rejected", {})
    assert re.search(told, "; ".join(change.reasons))


def test_a_code_that_does_not_fit_gets_another_by_link_new(in_sqlite: PartnerCompany) -> None:
    in_sqlite.customer("HIL000001", "Mary Contrary", phone="1")
    assert in_sqlite.sync().actions == {"HIL000001": "rejected"}
    in_sqlite.run("link", "HIL000001", "--new", "hill01")
    assert in_sqlite.sync().outcomes == {"HIL000001": "written"}
    assert in_sqlite.whole()["HILL01"]["CustomerDesc"] == "Mary Contrary"
    in_sqlite.change("HIL000001", phone="2")
    assert in_sqlite.sync().outcomes == {"HIL000001": "written"}
    assert in_sqlite.held()["HILL01"]["phone"] == "2"
    refused = in_sqlite.run("link", "HIL000001", "--new", "TOOLONG", expect=2)
    assert "linked to account HILL01" in refused.stderr


# Configuration.


@pytest.mark.parametrize(
    ("section", "values", "told"),
    [
        ("accounting.defaults", {"group": "RETAIL"}, "category"), ("accounting.defaults", {"area": "RSA"}, "area"),
        ("accounting.defaults", {"category": "9"}, "category '9'"), ("accounting.groups", {"GV": "NOWHERE"}, "NOWHERE"),
        ("accounting.defaults", {"terms": "45"}, "0, 30, 60, 90, 120"), ("accounting.terms", {"45 Days": "45"}, "45 Days"),
        ("accounting.defaults", {"price_list": "Trade"}, "price_list"),
    ],
)  # fmt: skip
def test_a_code_that_the_company_does_not_have_is_an_error(
    in_sqlite: PartnerCompany, section: str, values: dict[str, str], told: str
) -> None:
    in_sqlite.configure(section, **values)
    error = refusal(in_sqlite)
    assert told in f"{error.message} {error.hint}"


def test_a_category_may_be_named_by_its_description(in_sqlite: PartnerCompany) -> None:
    in_sqlite.configure("accounting.groups", RE="Hillcrest park", GV="04")
    in_sqlite.customer("HIL001", "Hillcrest")
    in_sqlite.customer("GOV001", "Government", type="gv")
    in_sqlite.customer("OTH001", "Other", type="ZZ")
    in_sqlite.sync()
    assert {code: row["Category"] for code, row in in_sqlite.whole().items()} == {"GOV001": 4, "HIL001": 5, "OTH001": 1}


def test_no_table_of_customers_is_no_company(in_sqlite: PartnerCompany) -> None:
    in_sqlite.books('DROP TABLE "DeliveryAddresses"')
    error = refusal(in_sqlite)
    assert "no table DeliveryAddresses" in error.message
    assert "url or odbc" in (error.hint or "")


def test_neither_url_nor_odbc_is_told_with_their_form(in_sqlite: PartnerCompany) -> None:
    in_sqlite.configure("accounting", url=None)
    error = refusal(in_sqlite)
    assert "url or odbc is missing" in error.message
    assert "DSN=" in (error.hint or "")


# What a write puts into the two tables.


def test_a_new_account_has_what_the_company_gives_new_accounts(company: PartnerCompany) -> None:
    for number in range(3):
        company.account(f"OLD00{number}", f"Old {number}", TaxCode=3, IncExc="E" if number else "I", MonthOrDay=True)
    company.books('UPDATE "CustSuppParameters" SET "DfltStatPrntE01" = 3')
    company.customer("NEW001", "New", type="CO")
    company.sync()
    row = company.whole()["NEW001"]
    assert {name: row[name] for name in ("TaxCode", "IncExc", "MonthOrDay", "OpenItem", "StatPrintorEmail", "PriceRegime")} == {
        "TaxCode": 3, "IncExc": "E", "MonthOrDay": True, "OpenItem": True, "StatPrintorEmail": 3, "PriceRegime": 1,
    }  # fmt: skip
    assert {name: row[name] for name in ("Category", "PaymentTerms", "InterestAfter", "CurrencyCode", "InterestPer")} == {
        "Category": 2, "PaymentTerms": 30, "InterestAfter": -1, "CurrencyCode": 0, "InterestPer": "N" * 13,
    }  # fmt: skip
    assert not any(row[name] for name in MASTER_COLUMNS if name.startswith(BALANCES))
    assert (row["CustDelivCode"].strip(), row["CreateDate"], row["Email"]) == ("", None, "")


def test_without_the_companys_parameters_the_defaults_are_the_facts(in_sqlite: PartnerCompany) -> None:
    in_sqlite.books('DROP TABLE "CustSuppParameters"')
    in_sqlite.configure("accounting.defaults", category=None, terms=None, price_list=None)
    in_sqlite.sections["accounting.groups"] = {}
    in_sqlite.customer("NEW001", "New")
    in_sqlite.sync()
    row = in_sqlite.whole()["NEW001"]
    assert {name: row[name] for name in ("Category", "PaymentTerms", "OpenItem", "StatPrintorEmail", "PriceRegime")} == {
        "Category": 0, "PaymentTerms": 0, "OpenItem": True, "StatPrintorEmail": 1, "PriceRegime": 0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("field", "value", "table"), [("phone", "1", "DeliveryAddresses"), ("name", "New name", "CustomerMaster")]
)
def test_only_columns_that_differ_are_written_and_when(company: PartnerCompany, field: str, value: str, table: str) -> None:
    company.customer("HIL001", "Hillcrest", phone="0", credit_limit=5)
    company.sync()
    company.edit("HIL001", UserDefined01="route", BalanceThis01=12.5, UpdatedOn="01/02/2020 03:04:05", SalesmanCode="LINDA")
    with connected(company.accounting_url) as connection:
        connection.execute(demo.DELIVERY.insert(), {"CustomerCode": "HIL001", "CustDelivCode": "002", "Telephone": "other"})
    before = {name: in_order(company.rows(known)) for name, known in demo.METADATA.tables.items()}
    company.change("HIL001", **{field: value})
    started = datetime.now().replace(microsecond=0)  # noqa: DTZ005 - Pastel's moments have no zone
    assert company.sync().outcomes == {"HIL001": "written"}
    after = {name: in_order(company.rows(known)) for name, known in demo.METADATA.tables.items()}
    differing = {
        (name, column)
        for name in before
        for old, new in zip(before[name], after[name], strict=True)
        for column in old
        if old[column] != new[column]
    }
    assert differing == {(table, "Telephone" if field == "phone" else "CustomerDesc"), ("CustomerMaster", "UpdatedOn")}
    (row,) = after["CustomerMaster"]
    written = datetime.strptime(row["UpdatedOn"], "%d/%m/%Y %H:%M:%S")  # noqa: DTZ007
    assert started <= written <= started + timedelta(minutes=1)


def in_order(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: (row.get("CustomerCode", ""), row.get("CustDelivCode", "")))


def test_both_rows_are_written_or_neither(company: PartnerCompany) -> None:
    company.account("OLD001", "Old", phone="1")
    company.customer("OLD001", "Old", phone="1", email="a@b.example")
    company.sync()
    refuse(company)
    company.change("OLD001", phone="bad", credit_limit=7)
    company.customer("NEW001", "New", phone="bad")
    company.customer("NEW002", "Newer", phone="good")
    synced = company.sync()
    assert synced.outcomes == {"NEW001": "failed", "NEW002": "written", "OLD001": "failed"}
    assert "rule" in synced.all_outcomes["NEW001"].reason
    whole = company.whole()
    assert set(whole) == {"NEW002", "OLD001"}
    assert (whole["OLD001"]["CreditLimit"], whole["OLD001"]["Telephone"]) == (0, "1")


def refuse(company: PartnerCompany) -> None:
    """Let the database refuse one telephone number."""
    if sa.make_url(company.accounting_url).get_backend_name() == "sqlite":
        for when in ("INSERT", "UPDATE"):
            company.books(
                f'CREATE TRIGGER refuse{when} BEFORE {when} ON "DeliveryAddresses" WHEN trim(NEW."Telephone") = \'bad\' '
                "BEGIN SELECT RAISE(ABORT, 'refused by a rule'); END"
            )
        return
    company.books('ALTER TABLE "DeliveryAddresses" DROP CONSTRAINT IF EXISTS refused_by_a_rule')
    company.books("""ALTER TABLE "DeliveryAddresses" ADD CONSTRAINT refused_by_a_rule CHECK ("Telephone" <> 'bad')""")


def test_an_account_without_a_main_delivery_row_is_reported_and_gets_one_when_it_is_written(company: PartnerCompany) -> None:
    company.account("BAR001", "Bare", main_row=False)
    company.customer("BAR001", "Bare")
    with connected(company.accounting_url) as connection:
        connection.execute(demo.DELIVERY.insert(), {"CustomerCode": "BAR001", "CustDelivCode": "001", "Telephone": "branch"})
    synced = company.sync()
    assert synced.plan.writes == ()
    assert [note for note in synced.plan.notes if "BAR001" in note and "DeliveryAddresses" in note]
    assert len(company.rows(demo.DELIVERY)) == 1

    company.change("BAR001", credit_limit=5)
    assert company.sync().outcomes == {"BAR001": "written"}
    rows = [{name: str(value).strip() for name, value in row.items()} for row in company.rows(demo.DELIVERY)]
    assert sorted((row["CustDelivCode"], row["Telephone"]) for row in rows) == [("", ""), ("001", "branch")]
    assert not [note for note in company.plan().plan.notes if "BAR001" in note]


def test_padding_of_blanks_and_of_nuls_is_no_part_of_a_value(in_sqlite: PartnerCompany) -> None:
    for table in ("CustomerMaster", "DeliveryAddresses"):
        in_sqlite.books(f'DROP TRIGGER "{table} INSERT padding"')
        in_sqlite.books(f'DROP TRIGGER "{table} UPDATE padding"')
    in_sqlite.account("AB\0\0\0\0", "Alpha\0\0\0", credit_limit=5, vat_number="\0" * 16)
    in_sqlite.customer("AB", "Alpha", credit_limit=5)
    synced = in_sqlite.sync()
    assert (synced.actions, synced.plan.writes) == ({"AB": "same"}, ())
    in_sqlite.change("AB", credit_limit=6, phone="1")
    assert in_sqlite.sync().outcomes == {"AB": "written"}
    (row,) = in_sqlite.rows(demo.MASTER)
    assert (row["CustomerCode"], row["CreditLimit"]) == ("AB\0\0\0\0", 6)
    assert len(in_sqlite.rows(demo.DELIVERY)) == 1


def test_an_older_book_ends_earlier_and_is_read_and_written_all_the_same(in_sqlite: PartnerCompany) -> None:
    for trigger in ("INSERT width", "INSERT padding", "UPDATE width", "UPDATE padding"):
        in_sqlite.books(f'DROP TRIGGER "CustomerMaster {trigger}"')
    for column in (*MASTER_COLUMNS[126:], "InterestPer"):
        in_sqlite.books(f'ALTER TABLE "CustomerMaster" DROP COLUMN "{column}"')
    in_sqlite.customer("HIL001", "Hillcrest", phone="1", credit_limit=5)
    assert in_sqlite.sync().outcomes == {"HIL001": "written"}
    in_sqlite.change("HIL001", credit_limit=6)
    assert in_sqlite.sync().outcomes == {"HIL001": "written"}
    with connected(in_sqlite.accounting_url) as connection:
        assert connection.execute(sa.text('SELECT "CreditLimit" FROM "CustomerMaster"')).scalar() == 6


def test_dates_that_are_none_and_balances_are_never_asked_for_nor_written(in_sqlite: PartnerCompany) -> None:
    in_sqlite.account("OLD001", "Old")
    in_sqlite.books('UPDATE "CustomerMaster" SET "CreateDate" = \'0000-00-00\', "LastCrDate" = \'9999-99-99\'')
    in_sqlite.customer("OLD001", "Old", credit_limit=5)
    in_sqlite.customer("NEW001", "New", credit_limit=5)
    seen: list[str] = []

    def see(connection: sa.Connection, _cursor: object, statement: str, *_: object) -> None:
        if connection.engine.url.render_as_string(hide_password=False) == in_sqlite.accounting_url:
            seen.append(statement)

    sa.event.listen(sa.Engine, "before_cursor_execute", see)
    try:
        assert set(in_sqlite.sync().outcomes.values()) == {"written"}
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", see)
    assert [statement for statement in seen if "CreateDate" in statement or "LastCr" in statement] == []
    written = [statement for statement in seen if statement.startswith(("INSERT", "UPDATE"))]
    assert written
    assert not [
        statement
        for statement in written
        if re.search(r'"(Balance|SalesThis|SalesLast|CurrBalance|Ageing|GUID)\w*"', statement)
    ]


def test_many_accounts_are_read_in_one_pass_over_each_table(company: PartnerCompany) -> None:
    company.customers({"code": f"C{number:05}", "name": f"Customer {number}"} for number in range(120))
    assert set(company.sync().outcomes.values()) == {"written"}
    with connected(company.bpo_url) as connection:
        connection.execute(sa.text('UPDATE "BpoCustomer" SET "CustomerPhoneNumber" = \'1\''))
    assert set(company.sync(overwrite=True).outcomes.values()) == {"written"}
    assert {row["phone"] for row in company.held().values()} == {"1"}


def test_hold_is_carried_to_blocked_where_the_configuration_says_so(in_sqlite: PartnerCompany) -> None:
    in_sqlite.configure("sync", carry_hold=True)
    in_sqlite.customer("HIL001", "Hillcrest", status="Hold")
    in_sqlite.sync()
    assert in_sqlite.whole()["HIL001"]["Blocked"] == 1
    in_sqlite.change("HIL001", status="Active")
    assert in_sqlite.sync().outcomes == {"HIL001": "written"}
    assert in_sqlite.whole()["HIL001"]["Blocked"] == 0


# Any driver of ODBC, without a dialect.


class Watched:
    """A connection of pyodbc's that notes what reaches the driver, and refuses what Pastel's driver refuses."""

    def __init__(self, connection: Any, seen: list[str]) -> None:
        object.__setattr__(self, "_connection", connection)
        object.__setattr__(self, "_seen", seen)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def __setattr__(self, name: str, value: object) -> None:
        import pyodbc

        raise pyodbc.Error("HYC00", f"[HYC00] Driver not capable: {name} = {value}")

    def cursor(self) -> Any:
        return WatchedCursor(self._connection.cursor(), self._seen)


class WatchedCursor:
    def __init__(self, cursor: Any, seen: list[str]) -> None:
        self._cursor, self._seen = cursor, seen

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)

    def execute(self, statement: str, *parameters: Any) -> Any:
        self._seen.append(statement)
        return self._cursor.execute(statement, *parameters)

    def executemany(self, statement: str, parameters: Any) -> Any:
        self._seen.append(statement)
        return self._cursor.executemany(statement, parameters)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The statements that reach an ODBC driver."""
    seen: list[str] = []
    connect = odbc.PlainOdbc.connect

    def watched(self: odbc.PlainOdbc, *arguments: Any, **options: Any) -> Any:
        return Watched(connect(self, *arguments, **options), seen)

    monkeypatch.setattr(odbc.PlainOdbc, "connect", watched)
    return seen


def test_what_reaches_a_driver_is_plain(by_odbc: PartnerCompany, sent: list[str]) -> None:
    by_odbc.account("OLD001", "Old")
    by_odbc.customer("OLD001", "Old", email='it\'s 100% "a"?@b.example', credit_limit=5)
    by_odbc.customers({"code": f"C{number:05}", "name": f"Customer {number}"} for number in range(60))
    assert set(by_odbc.sync().outcomes.values()) == {"written"}
    assert by_odbc.held()["OLD001"]["email"] == 'it\'s 100% "a"?@b.example'
    verbs = {statement.split()[0] for statement in sent}
    assert verbs == {"SELECT", "INSERT", "UPDATE"}
    for statement in sent:
        assert "\n" not in statement
        assert "'" not in statement, "a value in a statement"
        assert statement.count("?") < 200
        assert " IN (" not in statement
        assert "JOIN" not in statement


def test_a_driver_that_takes_no_time_out_for_the_login_is_asked_without(
    by_odbc: PartnerCompany, pyodbc: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect, tries = pyodbc.connect, []

    def refusing(*arguments: Any, **options: Any) -> Any:
        tries.append("timeout" in options)
        if "timeout" in options:
            raise pyodbc.Error("HYC00", "[HYC00] Driver not capable (SQLSetConnectAttr(SQL_ATTR_LOGIN_TIMEOUT))")
        return connect(*arguments, **options)

    monkeypatch.setattr(pyodbc, "connect", refusing)
    assert by_odbc.plan().plan.changes == ()
    assert tries[:2] == [True, False]


def test_pastels_database_hands_over_bytes_of_cp1252(pyodbc: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[str, Any]] = []

    class Zen:
        def getinfo(self, _number: int) -> str:
            return "Pervasive.SQL"

        def setencoding(self, **options: Any) -> None:
            told.append(("encoding", options))

        def setdecoding(self, kind: int, **options: Any) -> None:
            told.append(("decoding", (kind, options)))

    monkeypatch.setattr(pyodbc, "connect", lambda *_, **__: Zen())
    odbc.PlainOdbc().connect("DSN=x")
    assert told == [
        ("encoding", {"encoding": odbc.CODE_PAGE, "ctype": pyodbc.SQL_CHAR}),
        ("decoding", (pyodbc.SQL_CHAR, {"encoding": odbc.CODE_PAGE})),
    ]


def test_a_driver_that_is_not_installed_is_told_with_those_that_are(by_odbc: PartnerCompany) -> None:
    by_odbc.configure("accounting", odbc="DRIVER={Pervasive ODBC Client Interface};ServerName=server;DBQ=EXAMPLE")
    error = refusal(by_odbc)
    assert "not installed" in error.message
    assert DRIVERS[ODBC_SQLITE] in (error.hint or "")
    assert f"{odbc.BITS}-bit" in (error.hint or "")


@pytest.mark.parametrize(
    "said", ["[IM014] The specified DSN contains an architecture mismatch", "failed to load (error code 193)"]
)
def test_32_and_64_bit_mixed_up_is_told_with_what_to_do(
    by_odbc: PartnerCompany, pyodbc: Any, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    def mixed(*_: Any, **__: Any) -> Any:
        raise pyodbc.InterfaceError("IM014", said)

    monkeypatch.setattr(pyodbc, "connect", mixed)
    error = refusal(by_odbc)
    assert f"This Python is {odbc.BITS}-bit" in (error.hint or "")
    assert "docs/partner.md" in (error.hint or "")


def test_a_database_that_is_not_there_leaves_with_unreachable(by_odbc: PartnerCompany, tmp_path: Path) -> None:
    by_odbc.configure("accounting", odbc=f"DRIVER={{SQLite3}};Database={tmp_path}/no/such/folder/x;NoCreat=1")
    with pytest.raises(UnreachableError), books_of(by_odbc):
        pass


def test_the_journal_alone_keeps_syncs_apart_and_that_is_said(by_odbc: PartnerCompany, in_sqlite: PartnerCompany) -> None:
    with by_odbc.opened() as opened:
        assert "Only the journal" in opened.accounting.way.caution
        with opened.accounting.way.lock():
            assert [path.name for path in by_odbc.folder.iterdir() if path.name.startswith("journal.sqlite.main-")]
    with in_sqlite.opened() as opened:
        assert "journal" not in opened.accounting.way.caution


def test_companies_that_share_a_journal_do_not_wait_for_each_other(by_odbc: PartnerCompany) -> None:
    with by_odbc.opened() as first, first.accounting.way.lock():
        by_odbc.configure("state", company="Other & Co")
        with by_odbc.opened() as second, second.accounting.way.lock():
            pass


def test_the_password_of_a_connection_string_is_put_in_braces_and_shown_nowhere() -> None:
    place = database.odbc_address("it", "DSN=PASTEL;UID=u;PWD=${P}", environment={"P": "a;b}c"})
    assert place.url.query["odbc_connect"] == "DSN=PASTEL;UID=u;PWD={a;b}}c}"
    assert "a;b" not in f"{place}{place.server}{place.database}"
    assert place.database == "PASTEL"


def test_amounts_beyond_what_a_column_means_are_told_apart(in_sqlite: PartnerCompany) -> None:
    in_sqlite.account("OLD001", "Old")
    in_sqlite.edit("OLD001", CreditLimit=1000.25)
    in_sqlite.customer("OLD001", "Old", credit_limit=1000)
    assert in_sqlite.sync().fields("OLD001") == {"credit_limit": (Decimal("1000.25"), Decimal("1000.00"), "conflict")}
    assert dump(in_sqlite.accounting_url)


# As a process, and with the journal in a server.


def test_a_sync_by_each_way_from_beginning_to_end_as_a_process(company: PartnerCompany) -> None:
    company.customer("HIL001", "Hillcrest", phone="031 1", credit_limit=500, terms="60 Days")
    company.customer("HIL0001", "Too long")
    company.account("OLD001", "Old")
    company.customer("OLD001", "Old", email="a@b.example")
    document = company.run("sync", "--yes", "--json", expect=4).json
    assert {action: count for action, count in document["summary"].items() if count} == {
        "create": 1,
        "update": 1,
        "rejected": 1,
    }
    assert document["outcomes"]["written"] == 2
    assert document["company"]
    assert company.held()["HIL001"]["phone"] == "031 1"
    company.remove("HIL0001")
    assert company.run("sync", "--yes").stdout == "Nothing to write: 2 customers are in step.\n"
    assert company.run("status", "--json").json["in_sync"] is True


def test_a_journal_in_a_server_keeps_the_syncs_of_a_company_apart_and_no_others(
    by_odbc: PartnerCompany, postgres_url: str
) -> None:
    by_odbc.journal_url = postgres_url
    by_odbc.configure("state", url=postgres_url)
    by_odbc.customer("HIL001", "Hillcrest")
    assert by_odbc.sync().outcomes == {"HIL001": "written"}
    with by_odbc.opened() as first, first.accounting.way.lock():
        with by_odbc.opened() as second, pytest.raises(LockedError, match="main"), second.accounting.way.lock():
            pass
        by_odbc.configure("state", company="other")
        with by_odbc.opened() as third, third.accounting.way.lock():
            pass


def test_a_byte_that_cp1252_does_not_know_stops_no_reading() -> None:
    assert b"A\x80\x81B ".decode(odbc.CODE_PAGE) == "A€\x81B "
    assert "A€".encode(odbc.CODE_PAGE) == b"A\x80"
    with pytest.raises(UnicodeEncodeError):
        "公".encode(odbc.CODE_PAGE)


def test_accounts_that_are_about_to_be_written_stay_as_they_are_until_then(
    company: PartnerCompany, monkeypatch: pytest.MonkeyPatch
) -> None:
    company.customer("HIL001", "Hillcrest", phone="1", credit_limit=1)
    company.sync()
    company.change("HIL001", phone="2")
    update, refused = PartnerTables.update, []

    def meddled(books: PartnerTables, *arguments: Any) -> None:
        for table in ("CustomerMaster", "DeliveryAddresses"):
            with pytest.raises(DBAPIError, match="lock"):
                meddle(company.accounting_url, table)
            refused.append(table)
        update(books, *arguments)

    monkeypatch.setattr(PartnerTables, "update", meddled)
    assert company.sync().outcomes == {"HIL001": "written"}
    assert refused == ["CustomerMaster", "DeliveryAddresses"]


def meddle(url: str, table: str) -> None:
    """Change a row as another program does that does not wait long."""
    statement = f'UPDATE "{table}" SET "CustomerCode" = \'X\' WHERE "CustomerCode" LIKE \'HIL001%\''
    on_sqlite = url.startswith("sqlite")
    engine = sa.create_engine(url, poolclass=NullPool, connect_args={"timeout": 0.1} if on_sqlite else {})
    with engine.begin() as connection:
        if not on_sqlite:
            connection.execute(sa.text("SET lock_timeout = 100"))
        connection.execute(sa.text(statement))
