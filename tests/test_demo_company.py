"""The demo company holds what it says, so that a first sync shows every case and Durban's ends well."""

from __future__ import annotations

import csv
import sqlite3
import subprocess
import sys
import tomllib
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlglot
from sqlalchemy import Dialect, Table, make_url
from sqlalchemy.schema import CreateTable

from bposync import demo
from bposync.demo import bpo, company, evolution
from bposync.errors import ExitCode, UsageError
from bposync.fields import FIELDS
from bposync.values import normalise_code, normalise_name, normalise_vat_number

PACKAGE = Path(demo.__file__).parent
FILES = {"bposync.toml", "bpo.sqlite", "Example Company.sqlite"}
TABLES = [*bpo.METADATA.sorted_tables, *evolution.METADATA.sorted_tables]
DIALECTS: dict[str, Dialect] = {
    name: make_url(url).get_dialect()()
    for name, url in {"mssql": "mssql+pyodbc://", "postgresql": "postgresql+psycopg://", "sqlite": "sqlite://"}.items()
}
CUSTOMERS = {customer.code: customer for customer in company.customers()}
ACCOUNTS = {account.code: account for account in company.accounts()}
DURBAN = [customer for customer in CUSTOMERS.values() if "Durban" in {listing.site for listing in customer.listings}]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return demo.build(tmp_path_factory.mktemp("demo")).parent


@pytest.fixture(scope="module")
def configuration(folder: Path) -> dict[str, Any]:
    return tomllib.loads((folder / "bposync.toml").read_text(encoding="utf-8"))


def rows(file: Path, statement: str) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(file)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(statement)]


def listing(folder: Path) -> list[dict[str, Any]]:
    return rows(folder / bpo.FILE, "SELECT * FROM CustomerListing")


def clients(folder: Path) -> dict[str, dict[str, Any]]:
    return {row["Account"]: row for row in rows(folder / evolution.FILE, "SELECT * FROM Client")}


def sites(code: str) -> list[str]:
    return [listing.site for listing in CUSTOMERS[code].listings]


# The folder


def test_makes_a_configuration_and_two_databases(tmp_path: Path) -> None:
    made = demo.build(tmp_path / "new" / "folder")
    assert made == tmp_path / "new" / "folder" / "bposync.toml"
    assert {path.name for path in made.parent.iterdir()} == FILES


def test_is_made_afresh_where_a_demo_is(tmp_path: Path) -> None:
    demo.build(tmp_path)
    with closing(sqlite3.connect(tmp_path / bpo.FILE)) as connection, connection:
        connection.execute("DELETE FROM CustomerSite")
    for left in ("bposync-state.sqlite", "bposync-state.sqlite-journal", "bposync-links.csv"):
        (tmp_path / left).write_bytes(b"of the last time")
    (tmp_path / "Example Company.sqlite.lock").write_bytes(b"held")

    demo.build(tmp_path)

    assert {path.name for path in tmp_path.iterdir()} == {*FILES, "Example Company.sqlite.lock"}
    assert len(listing(tmp_path)) == 52


def test_an_interrupted_demo_can_be_made_again(tmp_path: Path) -> None:
    (tmp_path / "bposync.toml").write_text(f"{demo.MARK}\n", encoding="utf-8")
    demo.build(tmp_path)
    assert len(listing(tmp_path)) == 52


@pytest.mark.parametrize("other", ["notes.txt", "bpo.sqlite.bak", ".hidden"])
def test_refuses_a_folder_that_holds_something_else(tmp_path: Path, other: str) -> None:
    demo.build(tmp_path)
    (tmp_path / other).write_text("mine", encoding="utf-8")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(UsageError) as refused:
        demo.build(tmp_path)
    assert refused.value.code is ExitCode.USAGE
    assert other in refused.value.message
    assert str(tmp_path) in refused.value.message
    assert refused.value.hint
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("name", ["bposync.toml", "bpo.sqlite", "bposync-state.sqlite", "bposync-links.csv"])
def test_never_touches_the_files_of_a_company_that_is_no_demo(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"[bpo]\nurl = 'mine \xff'\n")
    with pytest.raises(UsageError, match="no demo"):
        demo.build(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_bytes() == b"[bpo]\nurl = 'mine \xff'\n"


def test_never_touches_a_demo_whose_mark_was_taken_away(tmp_path: Path) -> None:
    made = demo.build(tmp_path)
    mine = made.read_text(encoding="utf-8").replace(demo.MARK, "# mine now")
    made.write_text(mine, encoding="utf-8")
    with pytest.raises(UsageError):
        demo.build(tmp_path)
    assert made.read_text(encoding="utf-8") == mine


def test_refuses_a_folder_under_the_name_of_a_database(tmp_path: Path) -> None:
    demo.build(tmp_path)
    (tmp_path / "bposync-state.sqlite").mkdir()
    with pytest.raises(UsageError, match=r"bposync-state\.sqlite"):
        demo.build(tmp_path)


@pytest.mark.parametrize("below", ["", "folder"])
def test_refuses_a_file_in_place_of_the_folder(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    with pytest.raises(UsageError):
        demo.build(tmp_path / "file" / below)
    assert (tmp_path / "file").read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize(
    ("system", "write", "there_is"),
    [("evolutoin", "sql", "evolution"), ("quickbooks", "sql", "evolution"), ("evolution", "pigeon", "sql")],
)
def test_names_what_there_is_for_an_unknown_system_or_way(tmp_path: Path, system: str, write: str, there_is: str) -> None:
    with pytest.raises(UsageError) as refused:
        demo.build(tmp_path / "new", system=system, write=write)
    assert there_is in str(refused.value.hint)
    assert not (tmp_path / "new").exists()


def test_importing_it_loads_no_database_library() -> None:
    code = "import sys, bposync.demo; print('sqlalchemy' in sys.modules, 'csv' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.split() == ["False", "False"]


# The configuration


def test_the_databases_of_the_configuration_are_those_beside_it(folder: Path, configuration: dict[str, Any]) -> None:
    assert make_url(configuration["bpo"]["url"]).database == bpo.FILE
    assert make_url(configuration["accounting"]["url"]).database == evolution.FILE
    assert make_url(configuration["state"]["url"]).database == "bposync-state.sqlite"
    assert (folder / bpo.FILE).is_file()
    assert (folder / evolution.FILE).is_file()
    assert configuration["accounting"]["system"] == "evolution"
    assert configuration["accounting"]["write"] == "sql"


def test_post_accounts_is_off(folder: Path, configuration: dict[str, Any]) -> None:
    [answer] = rows(folder / bpo.FILE, configuration["bpo"]["post_accounts"])
    assert list(answer.values()) == [0]


def test_every_configured_code_is_one_that_the_company_has(folder: Path, configuration: dict[str, Any]) -> None:
    def column(statement: str) -> set[str]:
        return {next(iter(row.values())) for row in rows(folder / evolution.FILE, statement)}

    accounting = configuration["accounting"]
    groups, terms = column("SELECT Code FROM CliClass"), column("SELECT cCode FROM _etblTerms WHERE iModule = 0")
    assert {accounting["defaults"]["group"], *accounting["groups"].values()} <= groups
    assert {accounting["defaults"]["terms"], *accounting["terms"].values()} <= terms
    assert accounting["defaults"]["area"] in column("SELECT Code FROM Areas")
    assert accounting["defaults"]["price_list"] in column("SELECT cName FROM _etblPriceListName")
    assert set(accounting["groups"]) == {customer.values["type"] for customer in CUSTOMERS.values()}


# BPO


def test_the_view_has_the_default_columns(folder: Path) -> None:
    assert list(listing(folder)[0]) == [field.column for field in FIELDS.values() if field.column]


def test_durban_lists_what_the_manual_shows_field_by_field(folder: Path) -> None:
    with (PACKAGE / "durban.csv").open(encoding="utf-8", newline="") as file:
        shown = list(csv.DictReader(file))
    held = {row["CustomerCode"]: row for row in listing(folder) if row["SiteDescription"] == "Durban"}
    assert len(shown) == len(held) == 24
    for row in shown:
        limit = Decimal(row.pop("CustomerCreditLimit"))
        assert Decimal(held[row["CustomerCode"]]["CustomerCreditLimit"]) == limit
        assert {column: held[row["CustomerCode"]][column] or "" for column in row} == row


def test_a_customer_is_listed_once_at_each_of_its_sites(folder: Path) -> None:
    listed = [(row["CustomerCode"], row["SiteDescription"]) for row in listing(folder)]
    assert len(listed) == len(set(listed))
    assert sorted({site for _, site in listed}) == ["Cape Town", "Durban", "Johannesburg"]
    assert sites("OFF001") == ["Durban", "Johannesburg"]
    assert sites("HO-DRA001") == ["Johannesburg", "Cape Town"]


def test_the_rows_of_one_customer_differ_in_site_and_department_only(folder: Path) -> None:
    apart = {"SiteDescription", "Department", "DeptName"}
    by_code: dict[str, dict[str, Any]] = {}
    for row in listing(folder):
        same = {column: value for column, value in row.items() if column not in apart}
        assert by_code.setdefault(row["CustomerCode"], same) == same


def test_no_two_customers_share_a_code_name_or_vat_number() -> None:
    everyone = CUSTOMERS.values()
    assert len(everyone) == len({normalise_code(customer.code) for customer in everyone}) == 50
    assert len({normalise_name(customer.name) for customer in everyone}) == 50
    numbers = [customer.values["vat_number"] for customer in everyone if customer.values["vat_number"]]
    assert len(numbers) == len(set(numbers))


def test_identity_numbers_have_the_south_african_form() -> None:
    for customer in CUSTOMERS.values():
        vat_number, registration = customer.values["vat_number"], customer.values["registration"]
        assert not vat_number or (len(vat_number), vat_number[0], vat_number.isdigit()) == (10, "4", True)
        assert not registration or [len(part) for part in registration.split("/")] == [4, 6, 2]


def test_the_csv_files_tell_of_the_same_customers() -> None:
    def column(file: str, name: str) -> list[str]:
        with (PACKAGE / file).open(encoding="utf-8", newline="") as lines:
            return [row[name] for row in csv.DictReader(lines)]

    listed = [*column("durban.csv", "CustomerCode"), *column("elsewhere.csv", "CustomerCode")]
    details = column("details.csv", "code")
    assert len(details) == len(set(details))
    assert set(details) == set(listed)
    assert {code for code in column("accounts.csv", "customer") if code} <= set(details)


def test_a_contact_is_the_accounts_one_else_the_primary(folder: Path) -> None:
    contacts = {row["CustomerCode"]: row["AccountsContact"] for row in listing(folder)}
    assert contacts["OFF001"] == "Sharon Pillay"
    assert contacts["DAN001"] == "Danny Storm"
    assert contacts == {customer.code: customer.contact for customer in CUSTOMERS.values()}


def test_the_listing_shows_the_main_delivery_address(folder: Path) -> None:
    [at_durban] = [row for row in listing(folder) if (row["CustomerCode"], row["SiteDescription"]) == ("OFF001", "Durban")]
    assert at_durban["ShippingAddress1"] == "Warehouse 2"
    assert at_durban["ShippingPostalCode"] == "4302"
    assert CUSTOMERS["OFF001"].other_shipping["shipping_1"] == "Warehouse 9"


# Accounting


def test_existing_accounts_have_the_values_that_real_rows_show(folder: Path) -> None:
    held = clients(folder)
    assert set(held) == set(ACCOUNTS)
    assert all(code == code.upper() for code in held)
    for row in held.values():
        shown = {name: row[name] for name in ("iCurrencyID", "iARPriceListNameID", "CT", "bSourceDocPrint")}
        assert shown == {"iCurrencyID": 0, "iARPriceListNameID": 1, "CT": 1, "bSourceDocPrint": 1}
        assert row["Client_iBranchID"] is None
        assert row["Client_Checksum"] is None
    assert held["HOP001"]["DCBalance"] == 3120.5
    assert held["HOP001"]["ucARDeliveryRoute"] == "North 2"
    assert held["OLD001"]["On_Hold"] == 1


def test_new_codes_are_upper_case(folder: Path) -> None:
    assert rows(folder / evolution.FILE, "SELECT UpperAccNo FROM CliDef") == [{"UpperAccNo": "1"}]


def test_an_account_without_a_customer_resembles_none() -> None:
    codes = {normalise_code(customer.code) for customer in CUSTOMERS.values()}
    names = {normalise_name(customer.name) for customer in CUSTOMERS.values()}
    numbers = {normalise_vat_number(customer.values["vat_number"]) for customer in CUSTOMERS.values()} - {""}
    alone = {
        account.code
        for account in ACCOUNTS.values()
        if normalise_code(account.code) not in codes
        and normalise_name(account.name) not in names
        and normalise_vat_number(account.values.get("vat_number", "")) not in numbers
    }
    assert alone == {"ANC001", "OLD001", "STAFF", "ZUL001"}


# Durban can be written whole


def test_all_of_durban_are_active_debtors_on_known_terms() -> None:
    for customer in DURBAN:
        assert (customer.status, customer.is_debtor) == ("Active", True)
        assert customer.values["terms"] in evolution.TERMS


def test_evolution_holds_every_value_of_durban(folder: Path) -> None:
    widths = {column.name: column.type.length for column in evolution.CLIENT.columns if hasattr(column.type, "length")}
    for customer in DURBAN:
        assert len(customer.code) <= widths["Account"]
        assert len(customer.name) <= widths["Name"]
        assert len(customer.contact) <= widths["Contact_Person"]
        for field, column in evolution.COLUMNS.items():
            assert len(customer.values.get(field, "")) <= widths[column], (customer.code, field)
    assert clients(folder).keys() >= {"HOP001", "SAM001", "DAN001", "OFF001", "TIA001"}


@pytest.mark.parametrize("customer", DURBAN, ids=lambda customer: customer.code)
def test_durban_s_accounts_agree_or_are_blank(customer: company.Customer) -> None:
    account = ACCOUNTS.get(customer.code.upper())
    if account is None:
        others = ACCOUNTS.values()
        assert normalise_name(customer.name) not in {normalise_name(other.name) for other in others}
        number = customer.values["vat_number"]
        assert not number or number not in {other.values.get("vat_number") for other in others}
        return
    assert account.name == customer.name
    assert account.credit_limit in (customer.credit_limit, 0)
    said = {**customer.values, "contact": customer.contact}
    assert {field: value for field, value in account.values.items() if value and value != said[field]} == {}


@pytest.mark.parametrize(
    ("code", "blank"),
    [
        ("HOP001", set()),
        ("SAM001", set()),
        ("DAN001", set()),
        ("OFF001", {"contact", "email", "website"}),
        ("TIA001", {"email", "credit_limit"}),
        ("KGO001", set()),
        ("MOL001", set()),
        ("PEN001", set()),
        ("WIN001", {"website", "vat_number", "registration"}),
        ("ZEB001", {"mobile"}),
    ],
)
def test_an_existing_account_lacks_these_fields_only(code: str, blank: set[str]) -> None:
    customer, account = CUSTOMERS[code], ACCOUNTS[code]
    said = {**customer.values, "contact": customer.contact}
    lacking = {field for field, value in said.items() if value and not account.values[field]}
    if customer.credit_limit and not account.credit_limit:
        lacking.add("credit_limit")
    assert lacking == blank


# The awkward ones


@pytest.mark.parametrize(
    ("code", "status", "is_debtor"),
    [
        ("LER001", "Active", False),
        ("YZE001", "Active", False),
        ("MOL001", "Hold", True),
        ("SEA001", "Hold", True),
        ("NAL001", "Inactive", True),
        ("KAR001", "Inactive", True),
        ("ORC001", "New-CRM", True),
        ("FYN001", "New-CRM", True),
        ("PRO001", "Released", True),
    ],
)
def test_customers_of_every_status_are_at_the_other_sites(code: str, status: str, is_debtor: bool) -> None:  # noqa: FBT001
    customer = CUSTOMERS[code]
    assert (customer.status, customer.is_debtor) == (status, is_debtor)
    assert bool(customer.hold_reason) == (status == "Hold")
    assert bool(customer.gl_account) == (not is_debtor)
    assert "Durban" not in sites(code)


def test_one_code_and_one_contact_are_longer_than_evolution_holds() -> None:
    assert [code for code in CUSTOMERS if len(code) > 20] == ["HIGHVELD-ROADS-DEPOT-07"]
    assert [customer.code for customer in CUSTOMERS.values() if len(customer.contact) > 30] == ["QUE001"]


def test_one_has_terms_that_nothing_matches() -> None:
    unknown = {customer.code: customer.values["terms"] for customer in CUSTOMERS.values()}
    assert {code: terms for code, terms in unknown.items() if terms and terms not in evolution.TERMS} == {"ROO001": "14 Days"}


def test_one_s_code_is_somebody_else_s_account() -> None:
    assert ACCOUNTS["SUN001"].name == "Sunset Boulevard Trading"
    assert CUSTOMERS["SUN001"].name == "Sunrise Bakery"
    assert ACCOUNTS["SUN001"].values["vat_number"] != CUSTOMERS["SUN001"].values["vat_number"]


def test_one_s_vat_number_is_under_another_code_and_name() -> None:
    assert ACCOUNTS["VAL002"].values["vat_number"] == CUSTOMERS["VAA001"].values["vat_number"] == "4020082328"
    assert "VAA001" not in ACCOUNTS


def test_one_has_another_credit_limit_in_accounting() -> None:
    assert CUSTOMERS["ZEB001"].credit_limit == Decimal("25000.00")
    assert ACCOUNTS["ZEB001"].credit_limit == Decimal("40000.00")
    assert ACCOUNTS["ZEB001"].name == CUSTOMERS["ZEB001"].name


def test_names_that_act_as_markup_formula_or_other_letters_come_through(folder: Path) -> None:
    names = {row["CustomerCode"]: row["CustomerName"] for row in listing(folder)}
    assert names["BIT001"] == "Bits [/] Bytes :computer: CC"
    assert names["ATW001"] == "@Work Interiors"
    assert names["MUL001"] == "Müller & Söhne Bäckerei"


# Other databases


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_table_compiles(table: Table, dialect: Dialect) -> None:
    statement = str(CreateTable(table).compile(dialect=dialect))
    assert "CHECK" not in statement
    read = {"mssql": "tsql", "postgresql": "postgres", "sqlite": "sqlite"}[dialect.name]
    assert sqlglot.parse_one(statement, read=read).key == "create"


def test_client_has_evolution_s_own_types_on_sql_server() -> None:
    statement = str(CreateTable(evolution.CLIENT).compile(dialect=DIALECTS["mssql"]))
    lines = {line.split()[0].strip("[]"): line.strip(" \t,") for line in statement.splitlines() if line.startswith("\t")}
    assert lines["DCLink"] == "[DCLink] INTEGER NOT NULL IDENTITY"
    assert lines["Account"] == "[Account] VARCHAR(20) NULL"
    assert lines["Credit_Limit"] == "[Credit_Limit] FLOAT NULL"
    assert lines["On_Hold"] == "[On_Hold] BIT NOT NULL DEFAULT 0"
    assert lines["CT"] == "[CT] BIT NOT NULL DEFAULT 1"
    assert lines["bInsuranceCustomer"] == "[bInsuranceCustomer] BIT NULL DEFAULT 0"
    assert lines["iTaxState"] == "[iTaxState] INTEGER NOT NULL DEFAULT 0"
    assert lines["iBankDetailType"] == "[iBankDetailType] TINYINT NULL"
    assert lines["Client_Checksum"] == "[Client_Checksum] BINARY(20) NULL"
    assert "UNIQUE" not in statement
    assert not evolution.CLIENT.indexes


def test_flags_default_to_booleans_on_postgresql() -> None:
    statement = str(CreateTable(evolution.CLIENT).compile(dialect=DIALECTS["postgresql"]))
    assert '"On_Hold" BOOLEAN DEFAULT false NOT NULL' in statement
    assert '"CT" BOOLEAN DEFAULT true NOT NULL' in statement


@pytest.mark.parametrize("dialect", ["tsql", "postgres", "sqlite"])
def test_the_view_is_plain_sql(dialect: str) -> None:
    assert sqlglot.parse_one(bpo.VIEW_SQL, read=dialect).key == "create"
