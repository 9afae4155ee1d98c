"""`bposync init`: what it proposes, what it writes reads back, and that nothing is written before the end or over anything."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import create_engine, make_url

from bposync import config, database, demo, keyrings, secrets
from bposync.bpo import Bpo
from bposync.cli import asking, interview
from bposync.cli.app import main
from bposync.demo import bpo as demo_bpo
from bposync.demo import evolution as demo_evolution
from bposync.errors import ExitCode, UnreachableError, UsageError
from bposync.fields import BPO_FIELDS, FIELDS
from bposync.setup import answers, file, places, proposals
from bposync.values import visible
from support import cli

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.postgres import PostgresServer

Typing = Callable[..., list[str]]
PASSWORD = "zq@/#{x};%41 'é"
BPO = ("--bpo-url", "sqlite:///bpo.sqlite", "--customers", "CustomerListing")
BOOKS = ("--system", "evolution", "--write", "sql", "--accounting-url", "sqlite:///Example Company.sqlite")
WRITTEN = "bposync.toml"
DEFAULT_COLUMNS = {name: FIELDS[name].column for name in BPO_FIELDS if FIELDS[name].column}
REQUIRED = ("CustomerCode", "CustomerName", "SiteDescription")
OWNER_ONLY = 0o600


@pytest.fixture
def company(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The demo company's databases in the current folder, without its configuration."""
    (demo.build(tmp_path / "company")).unlink()
    monkeypatch.chdir(tmp_path / "company")
    monkeypatch.delenv("BPOSYNC_CONFIG", raising=False)
    monkeypatch.setattr(secrets, "_secrets", set())
    monkeypatch.setattr(keyrings, "why_not", lambda: "there is none in a test")
    return tmp_path / "company"


@pytest.fixture
def typing(monkeypatch: pytest.MonkeyPatch) -> Typing:
    """Puts somebody at the terminal, with answers to the questions in order; gives the questions that were asked."""

    def types(*lines: str, end: type[BaseException] = KeyboardInterrupt) -> list[str]:
        asked: list[str] = []
        left = list(lines)

        def line(prompt: str) -> str:
            asked.append(prompt)
            if not left:
                raise end
            return left.pop(0)

        monkeypatch.setattr("bposync.cli.output.Output.can_ask", staticmethod(lambda: True))
        monkeypatch.setattr("bposync.cli.output.Output.is_terminal", True)
        monkeypatch.setattr("builtins.input", line)
        return asked

    return types


def init(*arguments: str, expect: int = 0) -> None:
    assert main(["init", *arguments]) == expect


def written(folder: Path) -> config.Settings:
    return config.load(folder / WRITTEN)


# Proposals.


def test_bpos_own_columns_are_known_for_sure() -> None:
    columns = [field.column for field in FIELDS.values() if field.column]
    found = proposals.columns_for([column.upper() for column in columns])
    assert all(guess.sure for guess in found.values())
    assert set(found) == set(BPO_FIELDS) - {"account"}


@pytest.mark.parametrize(
    ("field", "column"),
    [
        ("code", "cust_code"), ("name", "ClientName"), ("site", "Branch"), ("phone", "Tel_No"), ("mobile", "CellNumber"),
        ("email", "E-Mail"), ("vat_number", "VatNo"), ("registration", "Reg No"), ("billing_2", "Postal_Addr_2"),
        ("shipping_3", "Physical3"), ("shipping_postcode", "DeliveryPostalCode"), ("website", "WebPage"),
        ("credit_limit", "CustomerCreditLimitt"),
    ],
)  # fmt: skip
def test_a_column_of_another_name_is_guessed(field: str, column: str) -> None:
    assert proposals.columns_for(["Nothing", column])[field] == proposals.Guess(column, sure=False)


@pytest.mark.parametrize("column", ["AccountNo", "FaxNo", "Balance", "PostalCode3", "Address", "ItemCode", ""])
def test_what_says_nothing_of_a_customer_is_not_guessed(column: str) -> None:
    assert proposals.columns_for([column]) == {}


@given(st.lists(st.text(), unique=True))
def test_whatever_columns_are_called_each_holds_one_field_at_most(columns: list[str]) -> None:
    found = [guess.column for guess in proposals.columns_for(columns).values()]
    assert len(found) == len(set(found))
    assert set(found) <= set(columns)


def test_the_table_whose_columns_fit_best_comes_first() -> None:
    listing = [field.column or "" for field in FIELDS.values() if field.column]
    tables = {
        "Invoices": ["InvoiceNumber", "CustomerCode", "SiteDescription", "CustomerName"],
        "dbo.Customer": ["CustomerCode", "CustomerName", "CreditTerms", "VATNumber", "IsDebtor"],
        "dbo.CustomerListing": listing,
        "Stock": ["ItemCode"],
    }
    found = proposals.candidates(tables)
    assert [each.name for each in found] == ["dbo.CustomerListing", "Invoices", "dbo.Customer"]
    assert found[2].missing == ("site",)


@pytest.mark.parametrize(
    ("word", "code"),
    [
        ("30 Days", "30D"),
        ("Cash on Delivery", "COD"),
        ("cod", "COD"),
        ("14 Days", ""),
        ("Monthly", ""),
        ("CO", ""),
        ("CASHIER", "CASH"),
    ],
)
def test_what_bpos_words_mean_in_accounting_is_proposed(word: str, code: str) -> None:
    codes = {"30D": "", "60D": "", "COD": "", "CASH": "", "CORPORATE": ""}
    assert proposals.counterpart(word, codes, by_number=True) == code


@pytest.mark.parametrize(
    ("word", "code"), [("Zone 2", ""), ("T3", ""), ("10", ""), ("100", "100"), ("Trade 10", ""), ("retail customers", "R2")]
)
def test_a_group_is_not_proposed_for_its_number(word: str, code: str) -> None:
    codes = {"100": "", "R2": "Retail customers", "3": ""}
    assert proposals.counterpart(word, codes, by_number=False) == code


# The file.

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@given(table=TEXT, column=TEXT, code=TEXT, word=TEXT)
def test_whatever_things_are_called_the_file_reads_back_as_it_was_meant(table: str, column: str, code: str, word: str) -> None:
    books = answers.Books(
        system="evolution", write="sql", keys={"url": "sqlite:///b"}, defaults={"group": code}, groups={word: code}
    )
    made = answers.Answers(url="sqlite:///a", customers=table, columns={"mobile": column}, books=books, types=[word, code])
    text = answers.file_of(made)
    assert all(character == "\n" or character.isprintable() or character == "\xa0" or character.isspace() for character in text)
    settings = config.read(Path("x"), text, environment={})
    assert settings.bpo.customers == table
    assert settings.bpo.columns == {"mobile": column}
    assert settings.accounting is not None
    assert (settings.accounting.defaults.group, settings.accounting.groups) == (code, {word: code})


@given(st.lists(st.text(min_size=1), min_size=1, max_size=3))
def test_whatever_a_table_is_called_its_name_is_taken_apart_again(parts: list[str]) -> None:
    assert database.names_in(database.name_of(*parts)) == parts


def test_every_line_of_the_file_that_is_commented_out_can_be_switched_on() -> None:
    text = answers.file_of(answers.Answers(url="sqlite:///a", customers="b", books=answers.Books(
        system="evolution", write="sql", keys={"url": "sqlite:///b"}
    ), types=['x"y'], terms=["30 Days"]))  # fmt: skip
    lines = [
        line.removeprefix("# ") if " = " in line and line.startswith("# ") and "=" in line else line
        for line in text.splitlines()
    ]
    kept = [line for line in lines if not line.startswith(("BPO's", "Lines"))]
    settings = config.read(Path("x"), "\n".join(kept), environment={})
    assert settings.sync.max_changes == "50%"


@pytest.mark.parametrize("name", ['a"b', "a]b", "a.b", "Kunde é", "ta`ble", "a'b", "$x", "${x}", "a\\b", "sel\u202eect"])
def test_a_table_or_column_of_any_name_is_found_proposed_and_read(
    name: str, company: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    connection = sqlite3.connect(company / "odd.sqlite")
    marked = name.replace('"', '""')
    connection.execute(f'CREATE TABLE "{marked}" (CustomerCode, CustomerName, SiteDescription, "{marked}")')
    connection.execute(f'INSERT INTO "{marked}" VALUES (1, 2, 3, 4)')
    connection.commit()
    connection.close()
    init("--bpo-url", "sqlite:///odd.sqlite", "--yes", "--system", "none", "--column", f"mobile={name}", "--json")
    columns = json.loads(capsys.readouterr().out)["columns"]
    assert {"field": "mobile", "column": name, "guessed": False} in columns
    with Bpo(written(company)) as bpo:
        assert [row.value("mobile") for row in bpo.rows()] == ["4"]


@pytest.mark.parametrize(
    ("server", "name", "login", "driver", "url"),
    [
        ("srv", "BPO", "me", "ODBC Driver 18 for SQL Server",
         "mssql+pyodbc://me:${X}@srv/BPO?driver=ODBC+Driver+18+for+SQL+Server"),
        (r"srv\PASTEL", "My Company", "DOM\\me", "D", r"mssql+pyodbc://DOM%5Cme:${X}@srv\PASTEL/My Company?driver=D"),
        ("tcp:srv,1433", "B", "", "D", "mssql+pyodbc://srv:1433/B?Trusted_Connection=yes&driver=D"),
        ("srv:1433", "B$", "a@b:c", places.MSSQL_PYTHON, "mssql+mssqlpython://a%40b%3Ac:${X}@srv:1433/B%24"),
    ],
)  # fmt: skip
def test_a_server_a_database_and_a_login_are_a_url(server: str, name: str, login: str, driver: str, url: str) -> None:
    made = places.sql_server(server, name, login, "X", driver=driver)
    assert made == url
    place = database.address("it", "url", made, folder=Path(), environment={"X": PASSWORD})
    assert place.url.database in (name, name.replace("$", "%24"))
    assert (place.url.username, place.url.password) == ((login, PASSWORD) if login else (None, None))


# Without anybody to ask.


def test_every_answer_can_be_an_option(company: Path, capsys: pytest.CaptureFixture[str]) -> None:
    init(
        *BPO, *BOOKS, "--group", "retail", "--terms", "30D", "--area", "RSA", "--price-list", "Trade", "--column", "website=",
        "--map-type", "GV=GOVERNMENT", "--map-terms", "30 Days=30D", "--json",
    )  # fmt: skip
    document = json.loads(capsys.readouterr().out)
    assert document["config"] == str(company / WRITTEN)
    assert (document["customers"], document["company"]) == ("CustomerListing", "Example Company")
    settings = written(company)
    assert settings.bpo.columns == DEFAULT_COLUMNS | {"website": ""}
    assert settings.accounting is not None
    defaults = settings.accounting.defaults
    assert (defaults.group, defaults.terms, defaults.area, defaults.price_list) == ("retail", "30D", "RSA", "Trade")
    assert (settings.accounting.groups, settings.accounting.terms) == ({"GV": "GOVERNMENT"}, {"30 Days": "30D"})
    assert stat.S_IMODE((company / WRITTEN).stat().st_mode) == OWNER_ONLY or sys.platform == "win32"
    assert main(["sync", "--dry-run", "--quiet"]) == ExitCode.NOT_WRITTEN


@pytest.mark.parametrize(
    ("arguments", "option"),
    [
        ((), "--bpo-url"),
        (("--bpo-server", "x"), "--bpo-database"),
        (BPO[:2], "--customers"),
        (BPO, "--system"),
        ((*BPO, "--system", "evolution"), "--write"),
        ((*BPO, "--yes"), "--system"),
        ((*BPO, *BOOKS[:4]), "--accounting-url"),
        ((*BPO, "--system", "partner", "--write", "sql"), "--accounting-odbc"),
        ((*BPO, "--system", "evolution", "--write", "freedom"), "--freedom-url"),
        ((*BPO, "--system", "partner", "--write", "sdk"), "--data-path"),
    ],
)
def test_without_a_terminal_an_answer_that_is_missing_is_an_error_naming_its_option(
    company: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], option: str
) -> None:
    init(*arguments, expect=ExitCode.USAGE)
    assert option in capsys.readouterr().err
    assert not (company / WRITTEN).exists()


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("--bpo-url", "nonsense"), ExitCode.USAGE, "no database URL"),
        (("--bpo-url", "sqlite:///gone.sqlite"), ExitCode.UNREACHABLE, "there is no file"),
        (("--bpo-url", "postgresql+psycopg://me:zqzq@h/d"), ExitCode.USAGE, "a password stands in it"),
        (("--bpo-url", "postgresql+psycopg://me:${GONE}@h/d"), ExitCode.USAGE, "GONE"),
        ((*BPO[:3], "CustomerListin"), ExitCode.USAGE, "Did you mean 'CustomerListing'?"),
        ((*BPO, "--query", "SELECT 1"), ExitCode.USAGE, "--query"),
        ((*BPO, "--column", "mobil=x"), ExitCode.USAGE, "Did you mean 'mobile'?"),
        ((*BPO, "--column", "mobile=CustomerMobileNumbr"), ExitCode.USAGE, "Did you mean 'CustomerMobileNumber'?"),
        ((*BPO, "--column", "code="), ExitCode.USAGE, "BPO must have a column"),
        ((*BPO, "--system", "evolutoin"), ExitCode.USAGE, "Did you mean 'evolution'?"),
        ((*BPO, *BOOKS[:2], "--write", "sdk"), ExitCode.USAGE, "There is: freedom, sql"),
        ((*BPO, *BOOKS, "--group", "RETAL"), ExitCode.USAGE, "Did you mean 'RETAIL'?"),
        ((*BPO, *BOOKS, "--category", "1"), ExitCode.USAGE, "--category"),
        ((*BPO, *BOOKS, "--map-type", "GV"), ExitCode.USAGE, "--map-type"),
        ((*BPO, *BOOKS[:4], "--accounting-url", "sqlite:///bpo.sqlite"), ExitCode.USAGE, "Client"),
        ((*BPO, "--system", "partner", "--write", "sql", "--accounting-odbc", "DSN=x;PWD=zqzq"), ExitCode.USAGE, "a password"),
        ((*BPO, "--system", "evolution", "--write", "freedom", "--freedom-url", "http://far/freedom.core/C", "--freedom-user",
          "u", "--freedom-password-variable", "PATH"), ExitCode.USAGE, "plain http"),
        ((*BPO, *BOOKS, "--keyring"), 0, ""),
    ],
)  # fmt: skip
def test_a_wrong_option_is_told_and_nothing_is_written(
    company: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], code: int, says: str
) -> None:
    init(*arguments, expect=code)
    said = capsys.readouterr().err
    assert says in said
    assert "zqzq" not in said
    assert (company / WRITTEN).exists() == (code == 0)
    assert [path.name for path in company.iterdir() if path.name.endswith(".new")] == []


def test_a_guess_that_nobody_confirmed_is_not_taken(company: Path, capsys: pytest.CaptureFixture[str]) -> None:
    connection = sqlite3.connect(company / "other.sqlite")
    connection.execute("CREATE TABLE Debtors (CustomerCode, CustomerName, SiteDescription, CellNo)")
    connection.execute("CREATE TABLE Clients (ClientCode, CustomerName, SiteDescription)")
    connection.close()
    other = ("--bpo-url", "sqlite:///other.sqlite", "--system", "none")
    init(*other, "--customers", "Debtors")
    assert '--column "mobile=CellNo"' in capsys.readouterr().err
    assert written(company).bpo.columns == dict(zip(("code", "name", "site"), REQUIRED, strict=True))
    init(*other, "--customers", "Clients", "--force", expect=ExitCode.USAGE)
    assert "--column code=COLUMN" in capsys.readouterr().err
    assert written(company).bpo.customers == "Debtors"
    init(*other, "--customers", "Debtors", "--yes", "--force")
    assert written(company).bpo.columns == {**dict(zip(("code", "name", "site"), REQUIRED, strict=True)), "mobile": "CellNo"}


@pytest.mark.parametrize("yes", [(), ("--yes",)])
def test_where_no_column_is_known_for_a_field_that_must_be_there_those_of_bpo_are_listed_and_none_is_guessed(
    company: Path, capsys: pytest.CaptureFixture[str], yes: tuple[str, ...]
) -> None:
    connection = sqlite3.connect(company / "odd.sqlite")
    others = ", ".join(f"c{number}" for number in range(40))
    connection.execute(f"CREATE TABLE Debtors (CustomerCode, CustomerEmail, Naam, {others})")
    connection.close()
    init("--bpo-url", "sqlite:///odd.sqlite", "--customers", "Debtors", "--system", "none", *yes, expect=ExitCode.USAGE)
    said = capsys.readouterr().err
    assert "no column that is known to hold name, site." in said
    assert "Give --column name=COLUMN and --column site=COLUMN. It has: CustomerCode, CustomerEmail, Naam, c0, " in said
    assert "c26, and 13 more." in said
    assert "Did you mean" not in said


def test_a_column_that_init_found_and_that_vanishes_later_is_an_error_naming_it(
    company: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    init(*BPO, "--system", "none")
    assert 'is_debtor = "IsDebtor"\n' in (company / WRITTEN).read_text("utf-8")
    connection = sqlite3.connect(company / "bpo.sqlite")
    kept = ", ".join(str(column) for name, column in DEFAULT_COLUMNS.items() if name != "is_debtor")
    connection.execute(f"CREATE TABLE Lesser AS SELECT {kept} FROM CustomerListing")
    connection.execute("DROP VIEW CustomerListing")
    connection.execute("ALTER TABLE Lesser RENAME TO CustomerListing")
    connection.close()
    capsys.readouterr()
    assert main(["list"]) == ExitCode.USAGE
    assert "IsDebtor" in capsys.readouterr().err


def test_what_was_accepted_as_none_is_written_so_and_not_warned_of(
    company: Path, typing: Typing, capsys: pytest.CaptureFixture[str]
) -> None:
    connection = sqlite3.connect(company / "few.sqlite")
    connection.execute("CREATE TABLE Debtors (CustomerCode, CustomerName, SiteDescription, VATNumber)")
    connection.close()
    few = ("--bpo-url", "sqlite:///few.sqlite", "--customers", "Debtors", "--system", "none")
    init(*few, "--column", "status=")
    text = (company / WRITTEN).read_text("utf-8")
    assert '\nstatus = ""\n' in text
    assert '\n# is_debtor = "IsDebtor"\n' in text  # nobody said that there is none
    assert "IsDebtor" in "".join(capsys.readouterr())
    typing("", "y")
    init(*few, "--force")
    none = {name: "" for name in DEFAULT_COLUMNS if name not in ("code", "name", "site", "vat_number")}
    assert written(company).bpo.columns == {
        **none, "code": "CustomerCode", "name": "CustomerName", "site": "SiteDescription", "vat_number": "VATNumber",
    }  # fmt: skip
    capsys.readouterr()
    main(["doctor", "--json"])
    checks = json.loads(capsys.readouterr().out)["checks"]
    assert [each["result"] for each in checks if each["check"] == "bpo.columns"] == ["ok"]


def test_a_file_that_is_there_is_never_written_over_unasked(company: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (company / WRITTEN).write_text("mine", "utf-8")
    init(*BPO, "--system", "none", expect=ExitCode.USAGE)
    assert "--force" in capsys.readouterr().err
    assert (company / WRITTEN).read_text("utf-8") == "mine"
    init(*BPO, "--system", "none", "--config", "other.toml")
    assert (company / "other.toml").exists()
    init(*BPO, "--system", "none", "--force")
    assert written(company).accounting is None


def test_a_file_that_somebody_made_meanwhile_is_not_written_over(tmp_path: Path) -> None:
    path = tmp_path / WRITTEN
    file.check(path, force=False)
    path.write_text("theirs", "utf-8")
    with pytest.raises(UsageError, match="there already"):
        file.write(path, "ours", force=False)
    assert [(each.name, each.read_text("utf-8")) for each in tmp_path.iterdir()] == [(WRITTEN, "theirs")]


def test_a_file_that_cannot_be_written_whole_is_not_there_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UsageError, match="No space left"):
        file.write(tmp_path / WRITTEN, "text", force=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["gone/bposync.toml", "\0", "a" * 300])
def test_a_place_where_no_file_can_be_is_an_error(company: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    init(*BPO, "--system", "none", "--config", name, expect=ExitCode.USAGE)
    assert "Error: " in capsys.readouterr().err
    assert not (company / WRITTEN).exists()


@pytest.mark.parametrize(("system", "write"), [("partner", "sql"), ("partner", "file")])
def test_partner_is_set_up_by_its_own_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], system: str, write: str
) -> None:
    folder = demo.build(tmp_path / "p", system=system, write=write).parent
    before = config.load(folder / WRITTEN)
    monkeypatch.chdir(folder)
    assert before.accounting is not None
    database_ = (
        ("--accounting-odbc", before.accounting.odbc)
        if before.accounting.odbc
        else ("--accounting-url", str(before.accounting.url))
    )
    init(*BPO, "--system", system, "--write", write, *database_, "--category", "1", "--terms", "30", "--import-file",
         "in.csv", "--force")  # fmt: skip
    made = written(folder)
    assert made.accounting is not None
    assert (made.accounting.odbc, made.accounting.url) == (before.accounting.odbc, before.accounting.url)
    assert (made.accounting.defaults.category, made.accounting.defaults.terms) == ("1", "30")
    assert made.accounting.file == ("in.csv" if write == "file" else None)
    capsys.readouterr()
    init(*BPO, "--system", system, "--write", write, *database_, "--import-file", "in.csv", "--force", "--yes")
    said = capsys.readouterr().err
    assert "BPO's terms are taken as proposed: 30 Days = 30, 60 Days = 60.\n" in said
    assert "  Category: the company's own. --category CODE sets it (1, 2, 3, 4, 5).\n" in said


def test_the_freedom_service_is_all_that_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(demo.build(tmp_path / "f", write="freedom").parent)
    monkeypatch.setenv("AGENT", PASSWORD)
    freedom = (
        "--freedom-url",
        "demo:Example Company.sqlite",
        "--freedom-user",
        "bposync",
        "--freedom-password-variable",
        "AGENT",
    )
    wanted = (*BPO, "--system", "evolution", "--write", "freedom", *freedom, "--force")
    init(*wanted, "--group", "RETAL", expect=ExitCode.USAGE)
    assert "no group 'RETAL'" in capsys.readouterr().err
    init(*wanted, "--group", "RETAIL")
    made = written(tmp_path / "f").accounting
    assert made is not None
    assert (made.url, made.freedom_password, made.defaults.group) == (None, PASSWORD, "RETAIL")
    capsys.readouterr()
    init(*wanted, "--yes")
    # The service lists no codes: none can be proposed or named.
    assert "--group CODE sets it.\n" in capsys.readouterr().err


def test_a_select_stands_in_a_tables_place(company: Path) -> None:
    init(*BPO[:2], "--query", "SELECT * FROM CustomerListing WHERE SiteDescription <> '$x'", "--system", "none")
    assert written(company).bpo.query == "SELECT * FROM CustomerListing WHERE SiteDescription <> '$x'"


@pytest.mark.parametrize(
    ("place", "label"),
    [
        ("postgresql+psycopg://me:${X}@srv:5432/bpo?sslmode=require", "srv:5432/bpo/me"),
        ("postgresql+psycopg://srv/bpo", "srv/bpo"),
        ("DSN=EXAMPLE;UID=Master;PWD=${X}", "EXAMPLE/Master"),
        ("${WHOLE}", ""),
    ],
)
def test_a_password_is_known_in_the_keyring_by_server_database_and_login(place: str, label: str) -> None:
    assert interview.label_of(place) == label


# What new accounts get, without anybody to ask.

PROPOSED_GROUPS = {"CO": "CORPORATE", "HILLCRESTP": "HILLCREST", "IT": "IT", "RE": "RETAIL"}
PROPOSED_TERMS = {"30 Days": "30D", "60 Days": "60D", "Cash on Delivery": "COD"}


def leave_groups(company: Path, *codes: str) -> None:
    """Take all groups but these out of the books."""
    connection = sqlite3.connect(company / "Example Company.sqlite")
    connection.execute(f"DELETE FROM CliClass WHERE Code NOT IN ({', '.join('?' * len(codes))})", codes)
    connection.commit()
    connection.close()


def test_yes_takes_what_bpos_types_and_terms_are_proposed_to_mean_and_says_it(
    company: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    init(*BPO, *BOOKS, "--yes", "--json")
    out, said = capsys.readouterr()
    accounting = written(company).accounting
    assert accounting is not None
    assert (accounting.groups, accounting.terms) == (PROPOSED_GROUPS, PROPOSED_TERMS)
    assert "types are taken as proposed: CO = CORPORATE, HILLCRESTP = HILLCREST, IT = IT, RE = RETAIL.\n" in said
    assert 'No group is proposed for GV: new accounts get none. --map-type "GV=CODE" sets it.\n' in said
    assert "terms are taken as proposed: 30 Days = 30D, 60 Days = 60D, Cash on Delivery = COD.\n" in said
    assert "No terms are proposed for 14 Days: new accounts get the company's own." in said
    document = json.loads(out)
    assert (document["defaults"], document["groups"], document["terms"]) == ({}, PROPOSED_GROUPS, PROPOSED_TERMS)


HOSTILE = [
    'x";touch PWN;"',
    "$(touch PWN)",
    "`touch PWN`",
    "%PATH%",
    "-x",
    "a\x1b[2J",
    "\u2019;touch PWN;\u2019",
    "!x",
]


@pytest.mark.parametrize("word", HOSTILE)
@pytest.mark.parametrize(("column", "section"), [("CustomerType", "groups"), ("CreditTerms", "terms")])
def test_a_word_that_a_shell_might_run_is_named_as_a_line_of_the_file_and_not_as_an_option(
    company: Path, capsys: pytest.CaptureFixture[str], word: str, column: str, section: str
) -> None:
    connection = sqlite3.connect(company / "bpo.sqlite")
    connection.execute(f"UPDATE Customer SET {column} = ?", (word,))
    connection.commit()
    connection.close()
    init(*BPO, *BOOKS, "--yes")
    said = next(line for line in capsys.readouterr().err.splitlines() if f"proposed for {visible(word)}" in line)
    assert "--map" not in said
    line = said.partition(f"A line under [accounting.{section}] in bposync.toml, ")[2].removesuffix(", sets it.")
    assert tomllib.loads(line) == {word: "CODE"}


def test_a_word_that_every_shell_takes_is_named_as_an_option(company: Path, capsys: pytest.CaptureFixture[str]) -> None:
    connection = sqlite3.connect(company / "bpo.sqlite")
    connection.execute("UPDATE Customer SET CustomerType = 'x'';touch PWN & y'")
    connection.commit()
    connection.close()
    init(*BPO, *BOOKS, "--yes")
    assert '--map-type "x\';touch PWN & y=CODE" sets it.' in capsys.readouterr().err


def test_a_column_that_a_shell_might_run_is_not_named_as_an_option(company: Path, capsys: pytest.CaptureFixture[str]) -> None:
    connection = sqlite3.connect(company / "odd.sqlite")
    connection.execute('CREATE TABLE Debtors (CustomerCode, CustomerName, SiteDescription, "Cell-No$()", "E-mail")')
    connection.close()
    init("--bpo-url", "sqlite:///odd.sqlite", "--customers", "Debtors", "--system", "none")
    said = capsys.readouterr().err
    assert "'Cell-No$()' may hold mobile: --yes takes it." in said
    assert "'E-mail' may hold email: --column \"email=E-mail\" or --yes takes it." in said


def test_what_an_option_says_comes_before_what_is_proposed(company: Path, capsys: pytest.CaptureFixture[str]) -> None:
    init(*BPO, *BOOKS, "--yes", "--map-type", "co=IT", "--map-type", "GV=GOVERNMENT", "--group", "RETAIL")
    accounting = written(company).accounting
    assert accounting is not None
    assert accounting.groups == {**{name: code for name, code in PROPOSED_GROUPS.items() if name != "CO"}, "co": "IT",
                                 "GV": "GOVERNMENT"}  # fmt: skip
    assert "No group is proposed" not in capsys.readouterr().err


def test_without_yes_and_without_a_terminal_no_proposal_is_taken(company: Path, capsys: pytest.CaptureFixture[str]) -> None:
    leave_groups(company, "RETAIL")
    init(*BPO, *BOOKS)
    accounting = written(company).accounting
    assert accounting is not None
    assert (accounting.groups, accounting.terms, accounting.defaults.group) == ({}, {}, None)
    assert "as proposed" not in capsys.readouterr().err


def test_yes_takes_the_only_group_that_the_company_has_and_says_it(company: Path, capsys: pytest.CaptureFixture[str]) -> None:
    leave_groups(company, "RETAIL")
    init(*BPO, *BOOKS, "--yes")
    said = capsys.readouterr().err
    accounting = written(company).accounting
    assert accounting is not None
    assert (accounting.defaults.group, accounting.groups) == ("RETAIL", {"RE": "RETAIL"})
    assert (accounting.defaults.area, accounting.defaults.price_list) == (None, None)
    assert "Group of new accounts: RETAIL, the only one that the company has.\n" in said
    assert "No group is proposed for CO, GV, HILLCRESTP, IT: new accounts get the default, RETAIL." in said
    assert "--group CODE" not in said
    init(*BPO, *BOOKS, "--yes", "--group", "", "--force")
    accounting = written(company).accounting
    assert accounting is not None
    assert accounting.defaults.group is None


@pytest.mark.parametrize("yes", [(), ("--yes",)])
def test_of_several_groups_none_is_guessed_and_what_is_left_out_is_said_at_the_end(
    company: Path, capsys: pytest.CaptureFixture[str], yes: tuple[str, ...]
) -> None:
    init(*BPO, *BOOKS, "--terms", "30D", *yes)
    accounting = written(company).accounting
    assert accounting is not None
    assert (accounting.defaults.group, accounting.defaults.terms) == (None, "30D")
    said = capsys.readouterr().err.splitlines()
    assert said[-4].startswith("Nobody said what new accounts get")
    groups = "RETAIL, CORPORATE, GOVERNMENT, IT, HILLCREST"
    assert said[-3:] == [
        f"  Group: none, and it decides the control account. --group CODE sets it ({groups}).",
        "  Area: none. --area CODE sets it (RSA, SADC).",
        "  Price list: the usual one. --price-list CODE sets it (Standard, Trade).",
    ]


@pytest.mark.usefixtures("company")
def test_nothing_is_left_out_where_everything_was_said(capsys: pytest.CaptureFixture[str]) -> None:
    init(*BPO, *BOOKS, "--group", "RETAIL", "--terms", "30D", "--area", "RSA", "--price-list", "Trade")
    init(*BPO, "--system", "none", "--force", "--yes")
    assert "Nobody said" not in capsys.readouterr().err


def test_the_file_names_the_companys_own_codes(company: Path) -> None:
    leave_groups(company, "IT", "CORPORATE")
    init(*BPO, *BOOKS)
    lines = (company / WRITTEN).read_text("utf-8").splitlines()
    place = lines.index('# group: "CORPORATE", "IT"')
    assert lines[place + 1] == '# group = "CORPORATE"'


# At a terminal.


def test_the_whole_conversation_makes_a_company_that_synchronises(
    company: Path, typing: Typing, capsys: pytest.CaptureFixture[str]
) -> None:
    typing(
        "sqlite:///bpo.sqlit", "sqlite:///bpo.sqlite",  # wrong at first: told at once, asked again
        "1", "mobil=x", "website=", "",
        "evolution", "sql", "sqlite:///Example Company.sqlite",
        "retal", "RETAIL", "", "", "",
        "y", *([""] * 5), "y", *([""] * 4),
        "y",
    )  # fmt: skip
    init()
    said = capsys.readouterr()
    assert "there is no file" in said.err + said.out
    assert "Did you mean 'RETAIL'?" in said.err + said.out
    assert "Cash Sales Account" in said.err + said.out
    settings = written(company)
    assert settings.accounting is not None
    assert settings.accounting.defaults.group == "RETAIL"
    assert settings.accounting.terms == {"30 Days": "30D", "60 Days": "60D", "Cash on Delivery": "COD"}
    assert settings.bpo.columns == DEFAULT_COLUMNS | {"website": ""}


@pytest.mark.usefixtures("company")
def test_groups_are_shown_with_their_descriptions(typing: Typing, capsys: pytest.CaptureFixture[str]) -> None:
    typing("")
    init(*BPO, *BOOKS, expect=ExitCode.INTERRUPTED)
    shown = capsys.readouterr()
    assert "3  GOVERNMENT  Government and municipalities" in shown.out + shown.err


def test_groups_without_descriptions_are_shown_all_the_same(
    company: Path, typing: Typing, capsys: pytest.CaptureFixture[str]
) -> None:
    connection = sqlite3.connect(company / "Example Company.sqlite")
    connection.execute("ALTER TABLE CliClass DROP COLUMN Description")
    connection.close()
    typing("")
    init(*BPO, *BOOKS, expect=ExitCode.INTERRUPTED)
    shown = capsys.readouterr()
    assert "3  GOVERNMENT\n" in shown.out + shown.err


@pytest.mark.parametrize(("answer", "group"), [("", "RETAIL"), ("-", None)])
def test_the_only_group_is_proposed_and_a_hyphen_means_none(
    company: Path, typing: Typing, answer: str, group: str | None
) -> None:
    leave_groups(company, "RETAIL")
    asked = typing("", answer, "", "", "", "n", "n", "y")
    init(*BPO, *BOOKS)
    assert "Number or name; a hyphen for none [RETAIL]: " in asked
    accounting = written(company).accounting
    assert accounting is not None
    assert accounting.defaults.group == group


@pytest.mark.parametrize("end", [KeyboardInterrupt, EOFError])
@pytest.mark.parametrize("answered", range(9))
def test_nothing_is_written_when_it_is_interrupted(
    company: Path, typing: Typing, capsys: pytest.CaptureFixture[str], answered: int, end: type[BaseException]
) -> None:
    lines = ["sqlite:///bpo.sqlite", "1", "", "evolution", "sql", "sqlite:///Example Company.sqlite", "1", "", ""]
    before = sorted(company.iterdir())
    typing(*lines[:answered], end=end)
    init(expect=ExitCode.INTERRUPTED)
    assert sorted(company.iterdir()) == before
    capsys.readouterr()


def test_what_bpo_holds_cannot_act_in_a_question(company: Path, typing: Typing, capsys: pytest.CaptureFixture[str]) -> None:
    connection = sqlite3.connect(company / "bpo.sqlite")
    connection.execute("UPDATE Customer SET CreditTerms = 'z\x1b[2J\u202e [/]'")
    connection.execute('CREATE VIEW "z\x1b[31m" AS SELECT * FROM CustomerListing')
    connection.commit()
    connection.close()
    asked = typing("1", "", "", "", "", "", "n", "y", "-", "n")
    init("--bpo-url", "sqlite:///bpo.sqlite", *BOOKS, "--column", "website=", expect=ExitCode.NOT_CONFIRMED)
    said = capsys.readouterr()
    assert "\x1b" not in said.out + said.err + "".join(asked)
    assert "\u202e" not in said.out + said.err + "".join(asked)
    assert any("z\\x1b[2J\\u202e [/] [-]" in prompt for prompt in asked)


def test_a_no_at_the_end_writes_nothing(company: Path, typing: Typing) -> None:
    typing("n")
    init(*BPO, "--system", "none", "--column", "website=", expect=ExitCode.INTERRUPTED)
    typing("", "n")
    init(*BPO, "--system", "none", expect=ExitCode.NOT_CONFIRMED)
    assert not (company / WRITTEN).exists()


def test_a_certificate_that_nobody_vouches_for_is_asked_about(
    company: Path, typing: Typing, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []

    def tables(place: database.Address) -> Any:
        tried.append(place.url.query.get("TrustServerCertificate"))
        if tried[-1] is None:
            raise UnreachableError("BPO cannot be reached: certificate verify failed: self-signed certificate")
        raise KeyboardInterrupt

    monkeypatch.setattr("bposync.setup.catalogue.tables", tables)
    monkeypatch.setenv("BPO_PASSWORD", PASSWORD)
    asked = typing("y")
    init("--bpo-server", "srv", "--bpo-database", "BPO", "--bpo-login", "me", "--driver", "D", expect=ExitCode.INTERRUPTED)
    assert tried == [None, "yes"]
    assert "Trust this server's certificate" in asked[0]
    assert not (company / WRITTEN).exists()


# Passwords.


@pytest.fixture
def served(postgres: PostgresServer, postgres_database: Callable[[], str], company: Path) -> Iterator[tuple[str, str]]:
    """A BPO and the books on PostgreSQL, behind a login with a nasty password; URLs with ${NAME} in its place."""
    urls = []
    login = postgres.create_login(PASSWORD)
    for part, variable in ((demo_bpo, "BPO_PASSWORD"), (demo_evolution, "BOOKS_PASSWORD")):
        url = postgres_database()
        engine = create_engine(url)
        with engine.begin() as connection:
            part.create(connection)
            part.fill(connection)
            connection.exec_driver_sql(f'GRANT SELECT ON ALL TABLES IN SCHEMA public TO "{login}"')
        engine.dispose()
        where = make_url(url)
        urls.append(f"postgresql+psycopg://{login}:${{{variable}}}@{where.host}:{where.port}/{where.database}")
    yield urls[0], urls[1]
    assert company.is_dir()


class Ring:
    """A keyring that lasts as long as a test."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.kept: dict[tuple[str, str], str] = {}
        monkeypatch.setattr(keyrings, "why_not", lambda: "")
        monkeypatch.setattr("keyring.get_password", lambda service, user: self.kept.get((service, user)))
        monkeypatch.setattr("keyring.set_password", lambda service, user, word: self.kept.update({(service, user): word}))
        monkeypatch.setattr("keyring.delete_password", lambda service, user: self.kept.pop((service, user)))


def test_a_password_is_asked_for_hidden_tried_at_once_and_kept_in_the_keyring_only(
    served: tuple[str, str],
    company: Path,
    typing: Typing,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    ring = Ring(monkeypatch)
    words = iter(["zqwrong", PASSWORD])
    typing(served[0], "", "y", "y")
    monkeypatch.setattr(asking.Asker, "hidden", lambda _self, question: next(words) if "BPO_PASSWORD" in question else PASSWORD)
    init("--bpo-url", served[0], "--customers", "CustomerListing", "--system", "evolution", "--write", "sql",
         "--accounting-url", served[1], "--group", "RETAIL", "--terms", "30D", "--area", "RSA", "--price-list", "Trade",
         "--map-type", "GV=IT", "--map-terms", "30 Days=30D")  # fmt: skip
    said = capsys.readouterr()
    assert "password authentication failed" in said.err + said.out
    assert "zq" not in said.err + said.out
    text = (company / WRITTEN).read_text("utf-8")
    assert "zq" not in text
    assert text.count("${keyring:bposync/") == 2
    assert list(ring.kept.values()) == [PASSWORD, PASSWORD]
    assert main(["sync", "--dry-run", "--quiet"]) == ExitCode.NOT_WRITTEN
    ring.kept.clear()
    capsys.readouterr()
    assert main(["list"]) == ExitCode.USAGE
    assert "the keyring has no password" in capsys.readouterr().err


@pytest.mark.parametrize("kept", [True, False])
def test_a_script_names_the_variable_and_the_keyring_takes_it_only_where_it_says_so(
    served: tuple[str, str],
    company: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    kept: bool,  # noqa: FBT001
) -> None:
    ring = Ring(monkeypatch)
    monkeypatch.setenv("BPO_PASSWORD", PASSWORD)
    init(
        "--bpo-url", served[0], "--customers", "CustomerListing", "--system", "none", *(["--keyring"] if kept else []), "--json"
    )
    document = json.loads(capsys.readouterr().out)
    assert len(document["keyring"]) == len(ring.kept) == int(kept)
    assert document["variables"] == ([] if kept else ["BPO_PASSWORD"])
    monkeypatch.delenv("BPO_PASSWORD")
    assert main(["sites", "--quiet"]) == (0 if kept else ExitCode.USAGE)
    assert "zq" not in capsys.readouterr().out + (company / WRITTEN).read_text("utf-8")


def test_what_went_into_the_keyring_is_taken_out_again_where_the_file_is_not_written(
    served: tuple[str, str], monkeypatch: pytest.MonkeyPatch, company: Path
) -> None:
    ring = Ring(monkeypatch)
    monkeypatch.setenv("BPO_PASSWORD", PASSWORD)

    def full(_descriptor: int) -> None:
        assert ring.kept
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    init("--bpo-url", served[0], "--customers", "CustomerListing", "--system", "none", "--keyring", expect=ExitCode.USAGE)
    assert ring.kept == {}
    assert not (company / WRITTEN).exists()


TYPED = {
    "postgresql+psycopg://user:p@ss/zq#rd%40:x@host/db": "zq#rd",
    "postgresql+psycopg://us@er:zqword@host/db": "zqword",
    "postgresql+psycopg:user:zqword@host/db": "zqword",
    "mssql+pyodbc:///?odbc_connect=DRIVER={x};UID=u;PWD=zqword;SERVER=s": "zqword",
}


@pytest.mark.parametrize("typed", TYPED)
@pytest.mark.parametrize("given", [True, False])
def test_a_password_that_was_typed_into_a_url_is_never_proposed_or_said_again(
    company: Path, typing: Typing, capsys: pytest.CaptureFixture[str], typed: str, *, given: bool
) -> None:
    asked = typing(*([] if given else [typed]), "", "", typed, "sqlite:///gone.sqlite")
    options = ("--bpo-url", typed) if given and "://" in typed else ()
    init(*options, expect=ExitCode.INTERRUPTED)
    said = "".join(capsys.readouterr()) + "".join(asked)
    assert "whole SQLAlchemy URL" in said
    assert TYPED[typed] not in said
    assert TYPED[typed] not in secrets.redact(f"a message with {typed}")
    assert not (company / WRITTEN).exists()


def test_a_password_in_a_url_of_the_books_or_of_the_freedom_service_is_refused_and_not_proposed(
    company: Path, typing: Typing, capsys: pytest.CaptureFixture[str]
) -> None:
    books = ("--column", "website=", "--system", "partner", "--write", "sql")
    asked = typing("", "DSN=x;PWD=zqword", "postgresql+psycopg://u:zqword@h/d")
    init(*BPO, *books, expect=ExitCode.INTERRUPTED)
    asked += typing("", "http://agent:zqword@far:5000/freedom.core/C", "")
    init(*BPO, "--system", "evolution", "--write", "freedom", expect=ExitCode.INTERRUPTED)
    said = "".join(capsys.readouterr()) + "".join(asked)
    assert said.count("a password stands in it") == 3
    assert "zqword" not in said
    assert not (company / WRITTEN).exists()


def test_a_password_that_is_typed_where_a_name_is_asked_for_is_not_said_again(
    company: Path, typing: Typing, capsys: pytest.CaptureFixture[str]
) -> None:
    url = "postgresql+psycopg://us@er:zq word@host/db"
    asked = typing("sqlite:///bpo.sqlite", "1", f"mobile={url}", f"{url}=x", "", url)
    init(expect=ExitCode.INTERRUPTED)
    said = "".join(capsys.readouterr()) + "".join(asked)
    assert "***" in said
    assert "word" not in said.replace("Password", "").replace("password", "")
    assert company.is_dir()


def test_a_url_whose_password_is_a_variable_is_proposed_again(typing: Typing, company: Path) -> None:
    url = "postgresql+psycopg://me:${BPO_PASSWORD}@127.0.0.1:1/db"
    asked = typing(url)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BPO_PASSWORD", "zqword")
        init(expect=ExitCode.INTERRUPTED)
    assert asked[1].endswith(f"[{url}]: ")
    assert company.is_dir()


def test_at_a_real_terminal_a_password_is_not_shown_and_ctrl_c_writes_nothing(served: tuple[str, str], company: Path) -> None:
    with cli.run_in_terminal("init", cwd=company, env={"PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"}) as child:
        child.expect("SQL Server")
        child.sendline(served[0])
        child.expect("hidden; kept as BPO_PASSWORD")
        child.sendline("zqwrong")
        child.expect(r"password\s+authentication\s+failed")
        child.expect("whole SQLAlchemy URL")
        child.sendline("")
        child.expect("hidden; kept as BPO_PASSWORD")
        child.sendline(PASSWORD)
        child.expect("29 of 29 fields")
        shown = str(child.before) + str(child.after)
        child.expect(r"\[CustomerListing\]: ")
        child.sendintr()
        said = cli.finish(child, ExitCode.INTERRUPTED)
    assert "zq" not in shown + said
    assert not (company / WRITTEN).exists()
