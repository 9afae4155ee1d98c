"""`bposync list` and `bposync sites`: which customers, in which columns, in which form, whatever BPO's columns hold."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from rich.cells import cell_len
from sqlalchemy.pool import NullPool

from bposync import demo
from bposync.cli import output
from bposync.cli.app import main
from support import cli
from support.within import Call, Terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from support.postgres import PostgresServer

# BPO's default columns, as the configuration names the fields.
COLUMNS = {
    "code": "CustomerCode",
    "type": "CustomerType",
    "name": "CustomerName",
    "department": "Department",
    "department_name": "DeptName",
    "site": "SiteDescription",
    "credit_limit": "CustomerCreditLimit",
    "website": "CustomerWebSite",
    "phone": "CustomerPhoneNumber",
    "mobile": "CustomerMobileNumber",
    "email": "CustomerEmail",
    "contact": "AccountsContact",
    "status": "CustomerStatus",
    "is_debtor": "IsDebtor",
    "vat_number": "VATNumber",
    "registration": "RegistrationNumber",
    "terms": "CreditTerms",
    **{f"billing_{line}": f"BillingAddress{line}" for line in range(1, 6)},
    "billing_postcode": "BillingPostalCode",
    **{f"shipping_{line}": f"ShippingAddress{line}" for line in range(1, 6)},
    "shipping_postcode": "ShippingPostalCode",
}
LISTING = ["code", "type", "name", "department", "department_name", "site", "credit_limit", "website", "phone"]
HEADINGS = ["Code", "Type", "Name", "Department", "Department name", "Site", "Credit limit", "Web site", "Phone"]
# The listing that BPO's manual shows for Durban, in the order of the codes.
DURBAN = """\
BET0001,RE,Betties Summer Shop at the Beach,,,Durban,0.00,,
biancad,RE,North West Branch,,,Durban,0.00,,
BIG0001,CO,Big Bargains,,,Durban,10000.00,,031 456 7897
BOT0001,IT,Bothas Networking inc,,,Durban,50000.00,www.web.co.za,031 789 4563
CUS001,RE,Cash Sales Account,,,Durban,10000.00,,000 000 0000
DAN0003,IT,Dance Shoes,,,Durban,0.00,,
DAN001,IT,Danny Storm IT Cafe,,,Durban,75000.00,,031 785 4785
DAN002,IT,Dancing Shoes,,,Durban,10000.00,,031 123 4567
DER001,RE,Derton / Technologies,,,Durban,250.00,www.dertonweb.co.za,031 123 4785
FIN0001,RE,Fine Hair Salon,,,Durban,0.00,www.finehair.co.za,031 123 4567
GRE001,RE,Green Tea Supplies,,,Durban,75000.00,,031 456 7891
HAC001,IT,Hack PC - IT Shop,,,Durban,0.00,,031 789 4561
HIL000001,HILLCRESTP,Mary Contrary,,,Durban,0.00,,083 559 4
HOP001,RE,Hope Works (Pty) Ltd,,,Durban,5000.00,www.hopeworks.co.za,031 123 4567
JUS001,RE,Just In Time,,,Durban,50000.00,www.justintime.co.za,031 123 4567
LIT0001,RE,Little Bee Honey,,,Durban,0.00,www.bee.co.za,031 123 4567
MAN0001,RE,Mandy Norton,,,Durban,0.00,,
OFF001,RE,Office Supplies Unlimited,,,Durban,75000000.00,www.cnn.co.za,031 789 4561
PAN001,RE,Panda Copiers,,,Durban,50000.00,,031 123 4567
PIN0001,GV,Pink Shoes,,,Durban,0.00,,031 456 7894
SAM001,RE,Samanthas Diner,,,Durban,45000.00,www.samsdiner.co.za,031 123 4567
TIA001,RE,Titan Group,,,Durban,100000.00,www.web.co.za,031 852 9632
WES001,RE,Westwood Dynamic,,,Durban,10000000.00,www.web.co.za,031 789 4561
YES001,CO,Young Electric,,,Durban,100000.00,,082 555 555
"""
SEVERAL: list[dict[str, Any]] = [
    {"code": "ABC001", "name": "Abacus", "type": "RE", "site": "Durban", "credit_limit": 1000, "status": "Active"},
    {"code": "bcd002", "name": "boots & bags", "type": "CO", "site": "Cape Town", "credit_limit": 250.5, "status": "Hold"},
    {"code": "CDE003", "name": "Cedar", "type": "IT", "site": "durban ", "credit_limit": 75000000, "status": "Inactive"},
    {"code": "DEF004", "name": "Delta", "type": "re", "site": "Umhlanga", "credit_limit": None, "status": "Released"},
    {"code": "EFG005", "name": "Echo", "type": "GV", "site": None, "credit_limit": 0, "status": "ACTIVE"},
]


@pytest.fixture
def on_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Runs bposync within this process, at a terminal of some width; gives what it shows there."""

    def call(width: int, *arguments: object) -> str:
        terminal = Terminal()
        with monkeypatch.context() as patch:
            patch.setenv("COLUMNS", str(width))
            patch.setenv("TERM", "xterm-256color")
            patch.delenv("NO_COLOR", raising=False)
            patch.setattr(sys, "stdout", terminal)
            code = main([str(argument) for argument in arguments])
        assert code == 0, capsys.readouterr().err
        return terminal.said

    return call


def without_colour(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def execute(url: str, *statements: str, rows: Sequence[dict[str, object]] = ()) -> None:
    """Run statements as they stand, and put rows into the listing."""
    with sa.create_engine(url, poolclass=NullPool).begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement.replace("%", "%%") if url.startswith("postgresql") else statement)
        if rows:
            connection.execute(sa.text(f"INSERT INTO Listing VALUES ({', '.join(f':{name}' for name in rows[0])})"), rows)


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def write_configuration(folder: Path, url: str, bpo: str = 'customers = "Listing"', rest: str = "") -> Path:
    path = folder / "bposync.toml"
    path.write_text(f"[bpo]\nurl = '{url}'\n{bpo}\n{rest}", encoding="utf-8")
    return path


def make_bpo(
    folder: Path,
    rows: Sequence[Any],
    *,
    fields: Sequence[str] | None = None,
    columns: Mapping[str, str] | None = None,
    bpo: str = 'customers = "Listing"',
    rest: str = "",
) -> Path:
    """Make a BPO in SQLite with the columns of `fields` (all by default), and give the configuration."""
    named = {**COLUMNS, **(columns or {})}
    names = list(COLUMNS) if fields is None else list(fields)
    url = f"sqlite:///{folder / 'bpo.sqlite'}"
    execute(
        url,
        f"CREATE TABLE Listing ({', '.join(quoted(named[name]) for name in names)})",
        rows=[{name: row.get(name) for name in names} for row in rows],
    )
    return write_configuration(folder, url, bpo, rest)


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return demo.build(tmp_path_factory.mktemp("demo"))


@pytest.fixture
def several(tmp_path: Path) -> Path:
    return make_bpo(tmp_path, SEVERAL)


def codes(result: cli.Result) -> list[str]:
    return [customer["code"] for customer in result.json["customers"]]


def listed(result: cli.Result) -> dict[str, dict[str, Any]]:
    return {customer["code"]: customer for customer in result.json["customers"]}


# Which customers


def test_lists_the_24_customers_that_bpos_manual_shows_for_durban(bposync: Call, company: Path) -> None:
    result = bposync("list", "--config", company, "--site", "Durban", "--csv")
    assert result.stdout == f"{','.join(LISTING)}\n{DURBAN}"
    assert "24 customers" in bposync("list", "--config", company, "--site", "Durban").stderr


def test_lists_every_site_where_none_is_named(bposync: Call, several: Path) -> None:
    result = bposync("list", "--config", several, "--status", "all", "--json")
    assert codes(result) == ["ABC001", "bcd002", "CDE003", "DEF004", "EFG005"]


@pytest.mark.parametrize(
    ("site", "found"),
    [
        (["Durban"], ["ABC001", "CDE003"]),
        (["dURBAN"], ["ABC001", "CDE003"]),
        ([" Durban "], ["ABC001", "CDE003"]),
        (["Durban", "Cape Town"], ["ABC001", "bcd002", "CDE003"]),
        (["Durban", "durban"], ["ABC001", "CDE003"]),
        (["(none)"], ["EFG005"]),
    ],
)
def test_a_site_is_found_without_regard_to_case(bposync: Call, several: Path, site: list[str], found: list[str]) -> None:
    options = [word for name in site for word in ("--site", name)]
    assert codes(bposync("list", "--config", several, "--status", "all", "--json", *options)) == found


def test_a_site_is_written_in_one_way(bposync: Call, several: Path) -> None:
    result = bposync("list", "--config", several, "--status", "all", "--json")
    assert [customer["site"] for customer in result.json["customers"]] == [
        "Durban",
        "Cape Town",
        "Durban",
        "Umhlanga",
        "(none)",
    ]


@pytest.mark.parametrize("command", ["list", "status", "sync"])
def test_an_unknown_site_is_an_error_that_names_the_nearest_and_all(bposync: Call, company: Path, command: str) -> None:
    result = bposync(command, "--config", company, "--site", "Durbin", expect=2)
    assert result.stdout == ""
    assert "'Durbin'" in result.stderr
    assert "Did you mean 'Durban'?" in result.stderr
    for site in ("Cape Town", "Durban", "Johannesburg"):
        assert site in result.stderr


def test_an_unknown_site_that_is_near_none_lists_the_sites(bposync: Call, several: Path) -> None:
    result = bposync("list", "--config", several, "--site", "Qwxz", "--json", expect=2)
    error = result.json["error"]
    assert error["code"] == 2
    assert "Qwxz" in error["message"]
    for site in ("(none)", "Cape Town", "Durban", "Umhlanga"):
        assert site in error["hint"]


def test_the_configuration_says_which_sites_where_the_command_does_not(bposync: Call, tmp_path: Path) -> None:
    path = make_bpo(tmp_path, SEVERAL, bpo='customers = "Listing"\nsites = ["DURBAN", "umhlanga"]')
    assert codes(bposync("list", "--config", path, "--status", "all", "--json")) == ["ABC001", "CDE003", "DEF004"]
    assert codes(bposync("list", "--config", path, "--status", "all", "--json", "--site", "cape town")) == ["bcd002"]


def test_an_unknown_site_in_the_configuration_is_named_as_the_configurations(bposync: Call, tmp_path: Path) -> None:
    path = make_bpo(tmp_path, SEVERAL, bpo='customers = "Listing"\nsites = ["Durbn"]')
    error = bposync("list", "--config", path, "--json", expect=2).json["error"]
    assert "[bpo] sites" in error["message"]
    assert "'Durban'" in error["hint"]


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ([], ["ABC001", "bcd002", "EFG005"]),
        (["--status", "active"], ["ABC001", "EFG005"]),
        (["--status", "Inactive", "--status", "RELEASED"], ["CDE003", "DEF004"]),
        (["--status", "all"], ["ABC001", "bcd002", "CDE003", "DEF004", "EFG005"]),
        (["--status", "ALL", "--status", "Hold"], ["ABC001", "bcd002", "CDE003", "DEF004", "EFG005"]),
        (["--status", "New-CRM"], []),
        (["--status", "all", "--type", "RE"], ["ABC001", "DEF004"]),
        (["--status", "all", "--type", "it", "--type", "GV"], ["CDE003", "EFG005"]),
        (["--status", "all", "--search", "CD"], ["bcd002", "CDE003"]),
        (["--status", "all", "--search", "BAGS"], ["bcd002"]),
        (["--status", "all", "--search", "&"], ["bcd002"]),
        (["--status", "all", "--search", ".*"], []),
        (["--status", "all", "--search", "002boots"], []),
        (["--status", "all", "--limit", "2"], ["ABC001", "bcd002"]),
        (["--status", "all", "--limit", "0"], []),
        (["--status", "all", "--limit", "99"], ["ABC001", "bcd002", "CDE003", "DEF004", "EFG005"]),
    ],
)
def test_options_choose_customers(bposync: Call, several: Path, options: list[str], found: list[str]) -> None:
    assert codes(bposync("list", "--config", several, "--json", *options)) == found


def test_without_a_status_column_every_customer_is_active(bposync: Call, tmp_path: Path) -> None:
    rows = [{"code": "ABC001", "name": "Abacus", "site": "Durban"}]
    path = make_bpo(tmp_path, rows, fields=["code", "name", "site"])
    assert codes(bposync("list", "--config", path, "--json")) == ["ABC001"]
    assert codes(bposync("list", "--config", path, "--json", "--status", "Active")) == ["ABC001"]
    assert codes(bposync("list", "--config", path, "--json", "--status", "Hold")) == []
    error = bposync("list", "--config", path, "--json", "--status", "Activ", expect=2).json["error"]
    assert error["hint"] == "Did you mean 'Active'?"


@pytest.mark.parametrize(
    ("options", "message", "hint"),
    [
        (["--status", "Activ"], "list: no customer has the status 'Activ'.", "Did you mean 'Active'?"),
        (
            ["--status", "Hold", "--status", "Relesed"],
            "list: no customer has the status 'Relesed'.",
            "Did you mean 'Released'?",
        ),
        (["--status", "new-crn"], "list: no customer has the status 'new-crn'.", "Did you mean 'New-CRM'?"),
        (["--status", "xyz"], "list: no customer has the status 'xyz'.", "There is: Active, Hold, Inactive, Released."),
        (["--status", ""], "list: no customer has the status ''.", "There is: Active, Hold, Inactive, Released."),
        (["--type", "R E"], "list: no customer has the type 'R E'.", "Did you mean 'RE'?"),
        (["--type", "RE", "--type", "xyz"], "list: no customer has the type 'xyz'.", "There is: CO, GV, IT, RE."),
        (["--type", "all"], "list: no customer has the type 'all'.", "There is: CO, GV, IT, RE."),
    ],
)
def test_a_status_or_type_that_nobody_has_is_an_error_that_names_the_nearest_or_what_there_is(
    bposync: Call, several: Path, options: list[str], message: str, hint: str
) -> None:
    error = bposync("list", "--config", several, "--json", *options, expect=2).json["error"]
    assert (error["message"], error["hint"]) == (message, hint)


def test_a_status_or_type_of_a_customer_at_another_site_lists_nobody_and_is_no_error(bposync: Call, several: Path) -> None:
    for options in (["--status", "Hold"], ["--status", "all", "--type", "GV"]):
        assert codes(bposync("list", "--config", several, "--site", "Durban", "--json", *options)) == []


def test_a_status_or_type_that_the_configuration_names_may_be_nobodys_today(bposync: Call, tmp_path: Path) -> None:
    rest = "sync_statuses = ['Aktief']\n[accounting]\nsystem = 'evolution'\nwrite = 'sql'\nurl = 'sqlite:///books.sqlite'\n"
    path = make_bpo(tmp_path, SEVERAL, rest=f"{rest}[accounting.groups]\nNGO = 'RETAIL'\n")
    assert codes(bposync("list", "--config", path, "--json", "--status", "aktief")) == []
    assert codes(bposync("list", "--config", path, "--json", "--type", "ngo")) == []


def test_where_bpo_has_no_types_the_error_says_so(bposync: Call, tmp_path: Path) -> None:
    rows = [{"code": "ABC001", "name": "Abacus", "site": "Durban"}]
    path = make_bpo(tmp_path, rows, fields=["code", "name", "site"])
    error = bposync("list", "--config", path, "--json", "--type", "RE", expect=2).json["error"]
    assert error["hint"] == "BPO gives no customer a type."


@pytest.mark.parametrize("limit", ["-1", "many", "1.5", ""])
def test_a_limit_is_a_number(bposync: Call, several: Path, limit: str) -> None:
    assert "--limit" in bposync("list", "--config", several, f"--limit={limit}", expect=2).stderr


# In which order


@pytest.mark.parametrize(
    ("sort", "found"),
    [
        ("code", ["ABC001", "bcd002", "CDE003", "EFG005"]),
        ("-code", ["EFG005", "CDE003", "bcd002", "ABC001"]),
        ("CODE", ["ABC001", "bcd002", "CDE003", "EFG005"]),
        ("name", ["ABC001", "bcd002", "CDE003", "EFG005"]),
        ("-name", ["EFG005", "CDE003", "bcd002", "ABC001"]),
        ("credit_limit", ["EFG005", "bcd002", "ABC001", "CDE003"]),
        ("-credit_limit", ["CDE003", "ABC001", "bcd002", "EFG005"]),
        ("site", ["EFG005", "bcd002", "ABC001", "CDE003"]),
    ],
)
def test_sorts_by_a_field(bposync: Call, tmp_path: Path, sort: str, found: list[str]) -> None:
    path = make_bpo(tmp_path, [row for row in SEVERAL if row["code"] != "DEF004"])
    for option in (["--sort", sort], [f"--sort={sort}"]):
        assert codes(bposync("list", "--config", path, "--status", "all", "--json", *option)) == found


def test_amounts_are_sorted_by_size_and_equal_ones_by_code(bposync: Call, tmp_path: Path) -> None:
    limits = {"A": "9.5", "B": 1000, "C": "-3", "D": 100.25, "E": "1000.00"}
    path = make_bpo(tmp_path, [{"code": code, "name": code, "site": "S", "credit_limit": limits[code]} for code in "EDCBA"])
    options = ["list", "--config", path, "--status", "all", "--json", "--sort"]
    assert codes(bposync(*options, "credit_limit")) == ["C", "A", "D", "B", "E"]
    assert codes(bposync(*options, "-credit_limit")) == ["B", "E", "D", "A", "C"]


def test_what_is_blank_comes_last(bposync: Call, tmp_path: Path) -> None:
    rows = [
        {"code": code, "name": code, "site": "S", "credit_limit": limit} for code, limit in (("A", None), ("B", 5), ("C", -5))
    ]
    path = make_bpo(tmp_path, rows)
    assert codes(bposync("list", "--config", path, "--status", "all", "--json", "--sort", "credit_limit")) == ["C", "B", "A"]


def test_the_first_are_those_of_the_order_asked_for(bposync: Call, several: Path) -> None:
    options = ["--status", "all", "--sort=-name", "--site=Durban", "--limit", "1", "--json"]
    assert codes(bposync("list", "--config", several, *options)) == ["CDE003"]


@pytest.mark.parametrize("option", ["--sort", "--columns"])
def test_an_unknown_field_is_an_error_that_names_the_nearest(bposync: Call, several: Path, option: str) -> None:
    result = bposync("list", "--config", several, option, "credit_limt", expect=2)
    assert option in result.stderr
    assert "'credit_limt'" in result.stderr
    assert "'credit_limit'" in result.stderr


# In which form


def test_the_listings_own_columns_in_its_own_order(bposync: Call, several: Path) -> None:
    result = bposync("list", "--config", several)
    assert re.split(r"  +", result.stdout.splitlines()[0]) == HEADINGS
    assert bposync("list", "--config", several, "--csv").stdout.splitlines()[0] == ",".join(LISTING)


def test_chosen_columns_stand_as_they_were_chosen(bposync: Call, several: Path) -> None:
    options = ["list", "--config", several, "--columns", "Phone,code, credit_limit"]
    assert bposync(*options, "--csv", "--limit", "1").stdout == "phone,code,credit_limit\n,ABC001,1000.00\n"
    first = bposync(*options, "--json").json["customers"][0]
    assert list(first.items()) == [("phone", None), ("code", "ABC001"), ("credit_limit", "1000.00")]


def test_a_pipe_gets_one_plain_line_a_customer(bposync: Call, several: Path) -> None:
    result = bposync("list", "--config", several)
    assert result.stdout == (
        "Code    Type  Name          Department  Department name  Site       Credit limit  Web site  Phone\n"
        "ABC001  RE    Abacus                                     Durban         1,000.00\n"
        "bcd002  CO    boots & bags                               Cape Town        250.50\n"
        "EFG005  GV    Echo                                       (none)             0.00\n"
    )


def test_a_pipe_gets_neither_colour_nor_box_nor_cut_text_whatever_the_environment_says(tmp_path: Path) -> None:
    name = " ".join(["Very Long Name"] * 20)
    path = make_bpo(tmp_path, [{"code": "ABC001", "name": name, "site": "Durban", "status": "Active"}])
    result = cli.run("list", "--config", path, env={"FORCE_COLOR": "1", "COLUMNS": "40", "TERM": "xterm-256color"})
    header, line = result.stdout.splitlines()
    assert name in line
    assert header.isascii()
    assert "\x1b" not in result.stdout + result.stderr


def test_where_nobody_is_found_those_of_other_statuses_are_counted(
    bposync: Call, on_terminal: Callable[..., str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    rows = [
        {"code": "A1", "name": "Abacus", "site": "Durban", "status": "Inactive", "type": "RE"},
        {"code": "A1", "name": "Abacus", "site": "Cape Town", "status": "Inactive", "type": "RE"},
        {"code": "B1", "name": "Boots", "site": "Durban", "status": "Released", "type": "IT"},
        {"code": "C1", "name": "Cash", "site": "Durban", "status": "Active", "type": "CO"},
    ]
    options = ["list", "--config", make_bpo(tmp_path, rows)]
    assert bposync(*options, "--search", "b", "--type", "IT").stderr == (
        "0 customers.\n1 of another status: --status all shows it.\n"
    )
    two = "0 customers.\n2 of other statuses: --status all shows them.\n"
    assert bposync(*options, "--type", "RE", "--type", "IT").stderr == two
    assert on_terminal(60, *options, "--search", "b") == ""
    assert capsys.readouterr().err == two
    assert bposync(*options, "--search", "b", "--status", "Hold").stderr == "0 customers.\n"
    assert bposync(*options, "--search", "nobody").stderr == "0 customers.\n"
    assert bposync(*options, "--search", "b", "--csv").stderr == ""


def test_an_empty_result_is_an_empty_list(bposync: Call, several: Path) -> None:
    options = ["list", "--config", several, "--search", "nobody is called so"]
    result = bposync(*options)
    assert result.stdout == ""
    assert result.stderr == "0 customers.\n"
    assert bposync(*options, "--json").json == {"schema": "bposync.list/1", "customers": []}
    assert bposync(*options, "--csv").stdout == ",".join(LISTING) + "\n"


def test_a_bpo_without_customers_is_an_empty_list(bposync: Call, tmp_path: Path) -> None:
    path = make_bpo(tmp_path, [])
    for options in ([], ["--status", "Activ"], ["--type", "RE"]):
        result = bposync("list", "--config", path, "--json", *options)
        assert result.json == {"schema": "bposync.list/1", "customers": []}
    assert bposync("sites", "--config", path, "--json").json == {"schema": "bposync.sites/1", "sites": []}


def test_json_is_one_ascii_document_of_the_agreed_shape(bposync: Call, tmp_path: Path) -> None:
    row = {name: f"{name} é" for name in COLUMNS} | {"credit_limit": "1250.5", "is_debtor": "yes", "status": "Hold"}
    path = make_bpo(tmp_path, [row])
    result = bposync("list", "--config", path, "--json")
    assert result.stdout.isascii()
    expected = row | {"credit_limit": "1250.50", "is_debtor": True}
    assert result.json == {"schema": "bposync.list/1", "customers": [expected]}
    assert list(result.json["customers"][0])[: len(LISTING)] == LISTING


def test_what_is_blank_is_null_in_json(bposync: Call, tmp_path: Path) -> None:
    rows = [
        {"code": "A", "name": "Abacus", "site": "Durban", "status": "Active"},
        {"code": "B", "name": "Boots", "site": "Durban", "status": "Active", "phone": "", "email": "   ", "type": "\t"},
    ]
    path = make_bpo(tmp_path, rows)
    found = listed(bposync("list", "--config", path, "--json"))
    for code in "AB":
        blanks = {
            name: value for name, value in found[code].items() if name not in ("code", "name", "site", "status", "is_debtor")
        }
        assert set(blanks.values()) == {None}


def test_outer_blanks_are_no_part_of_a_value(bposync: Call, tmp_path: Path) -> None:
    path = make_bpo(tmp_path, [{"code": " A ", "name": "Abacus   ", "site": "\tDurban", "status": "Active  "}])
    assert bposync("list", "--config", path, "--columns", "code,name,site", "--csv").stdout.endswith("\nA,Abacus,Durban\n")


def test_csv_reads_back(bposync: Call, tmp_path: Path) -> None:
    names = ["Comma, \"quote\" & 'apostrophe'", "Zoë; Ünal", "line\nbreak"]
    path = make_bpo(
        tmp_path, [{"code": str(place), "name": name, "site": "S", "status": "Hold"} for place, name in enumerate(names)]
    )
    result = bposync("list", "--config", path, "--csv", "--columns", "name,code")
    assert list(csv.reader(io.StringIO(result.stdout))) == [
        ["name", "code"],
        [names[0], "0"],
        [names[1], "1"],
        ["line\\x0abreak", "2"],
    ]


def test_csv_and_json_exclude_each_other(bposync: Call, several: Path) -> None:
    error = bposync("list", "--config", several, "--csv", "--json", expect=2).json["error"]
    assert "--csv" in error["message"]


def test_quiet_still_lists(bposync: Call, several: Path) -> None:
    loud = bposync("list", "--config", several)
    quiet = bposync("--quiet", "list", "--config", several)
    assert (quiet.stdout, quiet.stderr) == (loud.stdout, "")


# On a terminal


@pytest.mark.parametrize("width", [40, 60, 80, 250])
@pytest.mark.parametrize("command", [["list"], ["list", "--site", "Durban"], ["list", "--status", "all"], ["sites"]])
def test_no_line_is_longer_than_the_terminal(
    on_terminal: Callable[..., str], company: Path, width: int, command: list[str]
) -> None:
    lines = without_colour(on_terminal(width, *command, "--config", company)).splitlines()
    assert max(cell_len(line) for line in lines) <= width


@pytest.mark.parametrize("width", [40, 60, 80, 250])
def test_wide_and_long_names_take_one_line_each_on_a_terminal(
    on_terminal: Callable[..., str], tmp_path: Path, width: int
) -> None:
    names = ["日本語の会社名" * 6, "Short", "A" * 300, "Cafe\u0301 " * 10, "👩\u200d👩\u200d👧 Family", "word " * 60]
    rows = [{"code": f"C{place}", "name": name, "site": "S", "status": "Hold"} for place, name in enumerate(names)]
    lines = without_colour(on_terminal(width, "list", "--config", make_bpo(tmp_path, rows))).splitlines()
    assert [line.split()[0] for line in lines[-len(names) :]] == [f"C{place}" for place in range(len(names))]
    assert max(cell_len(line) for line in lines) <= width


def test_a_wide_terminal_shows_all_columns_in_colour_and_a_box(on_terminal: Callable[..., str], company: Path) -> None:
    shown = on_terminal(250, "list", "--config", company, "--site", "Durban")
    assert "\x1b[" in shown
    header, rule, *rows = without_colour(shown).splitlines()
    assert re.split(r"   +", header.strip()) == HEADINGS
    assert set(rule.strip()) == {"─"}
    assert len(rows) == 24
    assert "75,000,000.00" in rows[17]


@pytest.mark.parametrize("width", [60, 80])
def test_a_narrow_terminal_keeps_code_and_name_whole(on_terminal: Callable[..., str], company: Path, width: int) -> None:
    rows = without_colour(on_terminal(width, "list", "--config", company, "--site", "Durban")).splitlines()[2:]
    for row, wanted in zip(rows, csv.reader(io.StringIO(DURBAN)), strict=True):
        assert row.startswith(wanted[0])
        assert wanted[2] in row


def test_one_long_name_costs_no_other_column(on_terminal: Callable[..., str], tmp_path: Path) -> None:
    rows = [
        {"code": "A", "name": "A" * 300, "site": "Durban", "status": "Active", "credit_limit": 5, "phone": "031 123 4567"},
        {"code": "B", "name": "Boots", "site": "Durban", "status": "Active", "credit_limit": 7, "phone": "031 123 4568"},
    ]
    shown = without_colour(on_terminal(120, "list", "--config", make_bpo(tmp_path, rows)))
    assert "031 123 4568" in shown
    assert "7.00" in shown


def test_what_a_narrow_terminal_leaves_out_is_named(company: Path) -> None:
    with cli.run_in_terminal("list", "--config", company, "--site", "Durban", size=(60, 60)) as child:
        shown = without_colour(cli.finish(child)).replace("\r", "")
    lines = shown.splitlines()
    assert max(cell_len(line) for line in lines) <= 60
    told = " ".join(" ".join(lines[26:]).split())
    assert told == (
        "Not shown, for the terminal is narrow: Type, Department, Department name, Credit limit, Web site, Phone. 24 customers."
    )


def test_a_long_list_on_a_terminal_says_how_to_see_all(
    on_terminal: Callable[..., str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    bposync: Call,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(output, "MOST_ROWS", 20)
    rows = [{"code": f"C{place:02}", "name": "N", "site": "S", "status": "Active"} for place in range(27)]
    path = make_bpo(tmp_path, rows)
    shown = on_terminal(80, "list", "--config", path)
    assert ("C19" in shown, "C20" in shown) == (True, False)
    said = capsys.readouterr().err
    assert "7 more rows" in said
    assert "--limit" in said
    assert "C26" in on_terminal(80, "list", "--config", path, "--limit", "5000")
    assert "C26" in bposync("list", "--config", path).stdout


# BPO's columns


def test_columns_are_found_without_regard_to_case(bposync: Call, tmp_path: Path) -> None:
    columns = {name: column.upper() if place % 2 else column.lower() for place, (name, column) in enumerate(COLUMNS.items())}
    row = {name: f"{name}" for name in COLUMNS} | {"credit_limit": 5, "is_debtor": 1, "status": "Active"}
    path = make_bpo(tmp_path, [row], columns=columns, bpo='customers = "LISTING"')
    assert bposync("list", "--config", path, "--json").json["customers"] == [row | {"credit_limit": "5.00", "is_debtor": True}]


def test_the_configuration_names_other_columns(bposync: Call, tmp_path: Path) -> None:
    columns = {"code": "Klant Kode", "phone": "Tel [1]", "name": "Na%me", "account": "Acc:No"}
    path = make_bpo(
        tmp_path,
        [{"code": "A", "name": "Abacus", "site": "Durban", "status": "Active", "phone": "031", "account": "ACC1"}],
        fields=["code", "name", "site", "status", "phone", "account"],
        columns=columns,
        rest="[bpo.columns]\ncode = 'klant kode'\nphone = 'Tel [1]'\nname = 'NA%ME'\naccount = 'acc:no'\n",
    )
    found = bposync("list", "--config", path, "--json").json["customers"][0]
    assert {name: found[name] for name in ("code", "name", "phone", "account")} == {
        "code": "A",
        "name": "Abacus",
        "phone": "031",
        "account": "ACC1",
    }


def test_one_column_may_serve_two_fields(bposync: Call, tmp_path: Path) -> None:
    rows = [{"code": "A", "name": "Abacus", "site": "Durban", "status": "Active"}]
    path = make_bpo(tmp_path, rows, rest="[bpo.columns]\ncontact = 'CustomerName'\naccount = 'CustomerCode'\n")
    found = bposync("list", "--config", path, "--json").json["customers"][0]
    assert (found["name"], found["contact"], found["code"], found["account"]) == ("Abacus", "Abacus", "A", "A")


def test_a_blank_column_means_that_bpo_does_not_have_it(bposync: Call, tmp_path: Path) -> None:
    row = {"code": "A", "name": "Abacus", "site": "Durban", "status": "Inactive", "phone": "031", "email": "a@b.example"}
    path = make_bpo(tmp_path, [row], rest="[bpo.columns]\nphone = ''\nstatus = ' '\nemail = ''\n")
    found = bposync("list", "--config", path, "--json").json["customers"][0]
    assert found["phone"] is None
    assert found.get("email") is None
    assert found.get("status") is None


def test_a_default_column_that_is_not_there_is_left_out(bposync: Call, tmp_path: Path) -> None:
    path = make_bpo(tmp_path, [{"code": "A", "name": "Abacus", "site": "Durban"}], fields=["code", "name", "site"])
    found = bposync("list", "--config", path, "--json").json["customers"][0]
    assert {name: found[name] for name in LISTING} == dict.fromkeys(LISTING) | {"code": "A", "name": "Abacus", "site": "Durban"}


def test_a_configured_column_that_is_not_there_is_an_error_that_names_the_nearest(bposync: Call, tmp_path: Path) -> None:
    path = make_bpo(tmp_path, SEVERAL, rest="[bpo.columns]\nphone = 'CustomerPhoneNumbr'\n")
    error = bposync("list", "--config", path, "--json", expect=2).json["error"]
    assert "[bpo.columns] phone" in error["message"]
    assert "'CustomerPhoneNumbr'" in error["message"]
    assert "'CustomerPhoneNumber'" in error["hint"]


@pytest.mark.parametrize("missing", ["code", "name", "site"])
def test_code_name_and_site_are_required_of_bpo(bposync: Call, tmp_path: Path, missing: str) -> None:
    path = make_bpo(tmp_path, [], fields=[name for name in COLUMNS if name != missing])
    error = bposync("list", "--config", path, "--json", expect=2).json["error"]
    assert COLUMNS[missing] in error["message"]
    assert missing in error["message"]
    assert "[bpo.columns]" in error["hint"]


def test_a_missing_table_is_an_error_that_names_the_nearest(bposync: Call, tmp_path: Path) -> None:
    path = make_bpo(tmp_path, SEVERAL, bpo='customers = "Listings"')
    error = bposync("list", "--config", path, "--json", expect=2).json["error"]
    assert "'Listings'" in error["message"]
    assert "'Listing'" in error["hint"]


def test_a_hint_is_a_sentence_or_null(bposync: Call, tmp_path: Path) -> None:
    """Here there is not one table that could be named."""
    path = write_configuration(tmp_path, f"sqlite:///{tmp_path / 'empty.sqlite'}")
    execute(f"sqlite:///{tmp_path / 'empty.sqlite'}", "CREATE TABLE gone (n)", "DROP TABLE gone")
    error = bposync("list", "--config", path, "--json", expect=2).json["error"]
    assert error["hint"] is None or error["hint"].strip()


@pytest.mark.parametrize("name", ["", " ", ".", "..", '"', "[]", "x" * 300, "na'me", "na;me", "%s", ":x", "nowhere.Listing"])
def test_a_customers_table_that_is_no_name_is_one_clear_error(bposync: Call, tmp_path: Path, name: str) -> None:
    path = make_bpo(tmp_path, SEVERAL, bpo=f"customers = {json.dumps(name)}")
    result = bposync("list", "--config", path, expect=2)
    assert result.stdout == ""
    assert result.stderr.startswith("Error: ")


# Tables, views and queries, on both kinds of database that can be had here


@pytest.fixture(scope="module")
def shared_database(postgres: PostgresServer) -> Iterator[str]:
    name = postgres.create_database()
    yield postgres.url(name)
    postgres.drop_database(name)


@pytest.fixture
def postgresql(shared_database: str) -> str:
    """The URL of a PostgreSQL database without tables; emptying one is quicker than making one."""
    execute(shared_database, "DROP SCHEMA public CASCADE", 'DROP SCHEMA IF EXISTS "Sales" CASCADE', "CREATE SCHEMA public")
    return shared_database


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database without tables."""
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgresql"))
    return f"sqlite:///{tmp_path / 'typed.sqlite'}"


THREE = (
    'CREATE TABLE "Cust" ("CustomerCode" varchar(20), "CustomerName" varchar(200), "Site Of" varchar(50), "State" varchar(20))',
    "INSERT INTO \"Cust\" VALUES ('A', '50%: off; all', 'Durban', 'Active')",
    "INSERT INTO \"Cust\" VALUES ('B', 'Bee', 'Durban', 'Active')",
    "INSERT INTO \"Cust\" VALUES ('C', '50%: more', 'Cape Town', 'Gone')",
)


@pytest.mark.parametrize("name", ["cust", "CUST", '"Cust"', "[Cust]", "cUsTvIeW"])
def test_reads_a_table_or_a_view_whose_name_is_in_another_case(bposync: Call, tmp_path: Path, database: str, name: str) -> None:
    execute(database, *THREE, 'CREATE VIEW "CustView" AS SELECT * FROM "Cust"')
    path = write_configuration(tmp_path, database, f"customers = '{name}'", "[bpo.columns]\nsite = 'site of'\n")
    assert codes(bposync("list", "--config", path, "--json")) == ["A", "B", "C"]


def test_reads_a_table_of_a_schema(bposync: Call, tmp_path: Path, postgresql: str) -> None:
    execute(postgresql, 'CREATE SCHEMA "Sales"', 'SET search_path = "Sales"', *THREE)
    for name in ("sales.cust", '"Sales"."Cust"', "[sales].[CUST]"):
        path = write_configuration(tmp_path, postgresql, f"customers = '{name}'", "[bpo.columns]\nsite = 'site of'\n")
        assert codes(bposync("list", "--config", path, "--json")) == ["A", "B", "C"]


THREE_COLUMNS = '"CustomerCode", "CustomerName", "Site Of" AS "SiteDescription"'
QUERIES = {
    "plain": f'SELECT {THREE_COLUMNS} FROM "Cust"',
    "semicolon": f'SELECT {THREE_COLUMNS} FROM "Cust" ;\n ',
    "common table expression": f'WITH x AS (SELECT * FROM "Cust") SELECT {THREE_COLUMNS} FROM x',
    "comment": f'-- the customers; all\n/* of BPO: %s */ SELECT {THREE_COLUMNS} FROM "Cust" -- that is all',
    "computed": 'SELECT "CustomerCode", "CustomerName", CAST(1 AS integer) AS SiteDescription FROM "Cust"',
}


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_reads_a_query(bposync: Call, tmp_path: Path, database: str, query: str) -> None:
    execute(database, *THREE)
    path = write_configuration(tmp_path, database, f"query = '''{query}'''")
    assert codes(bposync("list", "--config", path, "--json")) == ["A", "B", "C"]


@pytest.mark.parametrize(
    "condition",
    [
        "\"CustomerName\" LIKE '50%: off; all'",
        "\"CustomerName\" LIKE '50%%: off; all'",
        "'12:30' = '12:30' AND ':name' <> '%(name)s' AND \"CustomerCode\" = 'A'",
        "\"CustomerCode\" || ':x%' = 'A:x%'",
        "\"CustomerCode\" IN ('A', '?', '%s')",
    ],
)
def test_a_query_means_what_it_says(bposync: Call, tmp_path: Path, database: str, condition: str) -> None:
    """A colon, a percent sign and a question mark are the user's own, and no places for values."""
    execute(database, *THREE)
    query = f'SELECT "CustomerCode", "CustomerName", "Site Of" AS "SiteDescription" FROM "Cust" WHERE {condition}'
    path = write_configuration(tmp_path, database, f"query = '''{query}'''")
    assert codes(bposync("list", "--config", path, "--json")) == ["A"]


def test_a_query_may_cast_as_postgresql_does(bposync: Call, tmp_path: Path, postgresql: str) -> None:
    execute(postgresql, *THREE)
    query = 'SELECT "CustomerCode"::text, "CustomerName", "Site Of"::varchar(3) AS "SiteDescription" FROM "Cust"'
    path = write_configuration(tmp_path, postgresql, f"query = '{query}'")
    assert codes(bposync("list", "--config", path, "--json", "--site", "dur")) == ["A", "B"]


def test_a_query_of_postgresqls_own_that_is_wrong_is_one_clear_error(bposync: Call, tmp_path: Path, database: str) -> None:
    execute(database, *THREE)
    path = write_configuration(tmp_path, database, "query = 'SELECT nonsense FROM nowhere'")
    result = bposync("list", "--config", path, expect=7)
    assert result.stderr.startswith("Error: BPO")
    assert "nowhere" in result.stderr
    assert "SELECT" not in result.stderr


def test_list_and_sites_write_nothing(bposync: Call, tmp_path: Path, several: Path) -> None:
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    bposync("list", "--config", several)
    bposync("sites", "--config", several)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


# Columns of any type

TYPED = ("code", "name", "site", "credit_limit", "is_debtor", "status")


def typed(database: str, folder: Path, types: Mapping[str, str], values: Mapping[str, str]) -> Path:
    """Make a listing of one customer whose columns have types of their own; `values` are SQL literals."""
    row = {"code": "'A'", "name": "'Abacus'", "site": "'Durban'", "credit_limit": "1", "is_debtor": "1", "status": "'Active'"}
    kinds = dict.fromkeys(TYPED, "varchar(50)") | {"credit_limit": "numeric(18,2)", "is_debtor": "integer"} | dict(types)
    columns = ", ".join(f"{quoted(COLUMNS[name])} {kinds[name]}" for name in TYPED)
    chosen = row | dict(values)
    execute(database, f'CREATE TABLE "Listing" ({columns})', f'INSERT INTO "Listing" VALUES ({", ".join(chosen.values())})')
    return write_configuration(folder, database)


@pytest.mark.parametrize(
    ("kind", "value", "shown"),
    [
        ("char(20)", "'A 1'", "A 1"),
        ("integer", "1001", "1001"),
        ("numeric(10,0)", "1001", "1001"),
        ("numeric(10,2)", "1001", "1001"),
        ("double precision", "1001.0", "1001"),
        ("text", "'  A1  '", "A1"),
        ("date", "'2024-02-29'", "2024-02-29"),
    ],
)
def test_a_code_of_any_type_is_text(bposync: Call, tmp_path: Path, database: str, kind: str, value: str, shown: str) -> None:
    path = typed(database, tmp_path, {"code": kind, "name": kind}, {"code": value, "name": value})
    found = bposync("list", "--config", path, "--json").json["customers"][0]
    assert (found["code"], found["name"]) == (shown, shown)


@pytest.mark.parametrize(
    ("kind", "value", "shown"),
    [
        ("numeric(18,2)", "75000000.00", "75000000.00"),
        ("numeric(18,4)", "10.5000", "10.50"),
        ("numeric(18,4)", "-0.0000", "0.00"),
        ("double precision", "0.1 + 0.2", "0.30"),
        ("double precision", "1e15", "1000000000000000.00"),
        ("integer", "250", "250.00"),
        ("varchar(30)", "'1234.5'", "1234.50"),
        ("varchar(30)", "' 7 '", "7.00"),
        ("varchar(30)", "'-3.10'", "-3.10"),
        ("varchar(30)", "''", None),
        ("varchar(30)", "NULL", None),
        ("numeric(18,2)", "NULL", None),
    ],
)
def test_an_amount_of_any_type_has_two_decimals(
    bposync: Call, tmp_path: Path, database: str, kind: str, value: str, shown: str | None
) -> None:
    path = typed(database, tmp_path, {"credit_limit": kind}, {"credit_limit": value})
    assert bposync("list", "--config", path, "--json").json["customers"][0]["credit_limit"] == shown


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("varchar(30)", "1,000.00"),
        ("varchar(30)", "R 1000"),
        ("varchar(30)", "12.345"),
        ("varchar(30)", "1e3"),
        ("varchar(30)", "nan"),
        ("varchar(30)", "Infinity"),
        ("varchar(30)", "\uff19"),
        ("varchar(30)", "none"),
    ],
)
def test_an_amount_that_cannot_be_read_is_listed_as_it_stands(
    bposync: Call, tmp_path: Path, database: str, kind: str, value: str
) -> None:
    path = typed(database, tmp_path, {"credit_limit": kind}, {"credit_limit": f"'{value}'"})
    found = bposync("list", "--config", path, "--json").json["customers"][0]
    assert (found["code"], found["credit_limit"]) == ("A", value)
    assert value in bposync("list", "--config", path).stdout
    assert codes(bposync("list", "--config", path, "--json", "--sort", "credit_limit")) == ["A"]


@pytest.mark.parametrize("kind", ["numeric", "double precision"])
@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity"])
def test_a_number_that_is_no_amount_is_no_end_of_the_list(
    bposync: Call, tmp_path: Path, postgresql: str, kind: str, value: str
) -> None:
    path = typed(
        postgresql, tmp_path, {"credit_limit": kind, "name": kind}, {"credit_limit": f"'{value}'", "name": f"'{value}'"}
    )
    found = bposync("list", "--config", path, "--json").json["customers"][0]
    assert found["code"] == "A"
    assert value.lower()[:3] in str(found["credit_limit"]).lower()


@pytest.mark.parametrize("value", ["9e999", "-9e999", "1e300", "12.345"])
def test_a_float_that_is_no_amount_is_no_end_of_the_list(bposync: Call, tmp_path: Path, value: str) -> None:
    path = typed(f"sqlite:///{tmp_path / 'b.sqlite'}", tmp_path, {"credit_limit": "real"}, {"credit_limit": value})
    assert codes(bposync("list", "--config", path, "--json")) == ["A"]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("1", True), ("-1", True), ("true", True), ("Yes", True), ("Y", True), ("t", True), ("ON", True),
        ("0", False), ("false", False), ("No", False), ("n", False), ("F", False), ("off", False),
        ("", False), ("  ", False), ("maybe", "maybe"), ("2", "2"),
    ],
)  # fmt: skip
def test_a_flag_is_yes_or_no_in_any_words(bposync: Call, tmp_path: Path, value: str, shown: object) -> None:
    path = make_bpo(tmp_path, [{"code": "A", "name": "A", "site": "S", "status": "Hold", "is_debtor": value}])
    assert bposync("list", "--config", path, "--json").json["customers"][0]["is_debtor"] == shown


@pytest.mark.parametrize(
    ("kind", "value", "shown"),
    [
        ("boolean", "TRUE", True),
        ("boolean", "FALSE", False),
        ("boolean", "NULL", False),
        ("integer", "-1", True),
        ("integer", "0", False),
        ("numeric(1,0)", "1", True),
        ("double precision", "0.0", False),
        ("char(5)", "'Y'", True),
    ],
)
def test_a_flag_of_any_type(bposync: Call, tmp_path: Path, database: str, kind: str, value: str, *, shown: bool) -> None:
    path = typed(database, tmp_path, {"is_debtor": kind}, {"is_debtor": value})
    assert bposync("list", "--config", path, "--json").json["customers"][0]["is_debtor"] is shown


@pytest.mark.parametrize(("value", "shown"), [("B'1'", True), ("B'0'", False)])
def test_a_flag_that_is_a_bit(bposync: Call, tmp_path: Path, postgresql: str, value: str, *, shown: bool) -> None:
    path = typed(postgresql, tmp_path, {"is_debtor": "bit(1)"}, {"is_debtor": value})
    assert bposync("list", "--config", path, "--json").json["customers"][0]["is_debtor"] is shown


def test_a_flag_is_yes_or_no_in_tables_and_csv(bposync: Call, tmp_path: Path) -> None:
    rows = [
        {"code": "A", "name": "A", "site": "S", "status": "Hold", "is_debtor": 1},
        {"code": "B", "name": "B", "site": "S", "status": "Hold", "is_debtor": 0},
    ]
    path = make_bpo(tmp_path, rows)
    options = ["list", "--config", path, "--columns", "code,is_debtor"]
    assert bposync(*options, "--csv").stdout == "code,is_debtor\nA,yes\nB,no\n"
    assert bposync(*options).stdout.split() == ["Code", "Debtor", "A", "yes", "B", "no"]


def test_bytes_are_shown_as_text(bposync: Call, tmp_path: Path) -> None:
    path = make_bpo(
        tmp_path, [{"code": b"A1", "name": b"Caf\xc3\xa9 \xff", "site": "S", "status": "Hold", "is_debtor": b"\x01"}]
    )
    found = bposync("list", "--config", path, "--json").json["customers"][0]
    assert (found["code"], found["name"], found["is_debtor"]) == ("A1", "Café \\xff", True)


def test_bytes_of_postgresqls_are_shown_as_text(bposync: Call, tmp_path: Path, postgresql: str) -> None:
    path = typed(postgresql, tmp_path, {"name": "bytea"}, {"name": r"'\x4361c3a9'"})
    assert bposync("list", "--config", path, "--json").json["customers"][0]["name"] == "Caé"


# Sites


def test_counts_customers_and_debtors_a_site(bposync: Call, tmp_path: Path) -> None:
    rows = [
        {"code": "A", "name": "A", "site": "Durban", "is_debtor": 1},
        {"code": "A", "name": "A", "site": "cape town", "is_debtor": 1},
        {"code": "B", "name": "B", "site": "Durban", "is_debtor": 0},
        {"code": "C", "name": "C", "site": "Cape Town", "is_debtor": "yes"},
        {"code": "D", "name": "D", "site": "  ", "is_debtor": None},
        {"code": "D", "name": "D", "site": None, "is_debtor": None},
    ]
    path = make_bpo(tmp_path, rows)
    assert bposync("sites", "--config", path, "--json").json == {
        "schema": "bposync.sites/1",
        "sites": [
            {"site": "(none)", "customers": 1, "debtors": 0},
            {"site": "cape town", "customers": 2, "debtors": 2},
            {"site": "Durban", "customers": 2, "debtors": 1},
        ],
    }
    assert bposync("sites", "--config", path).stdout == (
        "Site       Customers  Debtors\n"
        "(none)             1        0\n"
        "cape town          2        2\n"
        "Durban             2        1\n"
    )  # fmt: skip


def test_without_a_debtor_column_every_customer_is_a_debtor(bposync: Call, tmp_path: Path) -> None:
    path = make_bpo(tmp_path, [{"code": "A", "name": "A", "site": "Durban"}], fields=["code", "name", "site"])
    assert bposync("sites", "--config", path, "--json").json["sites"] == [{"site": "Durban", "customers": 1, "debtors": 1}]


def test_list_and_sites_work_where_accounting_is_not_configured_or_not_there(bposync: Call, tmp_path: Path) -> None:
    accounting = '[accounting]\nsystem = "evolution"\nwrite = "sql"\nurl = "sqlite:///nowhere/at all.sqlite"\n'
    for rest in ("", accounting):
        folder = tmp_path / str(len(rest))
        folder.mkdir()
        path = make_bpo(folder, SEVERAL, rest=rest)
        assert codes(bposync("list", "--config", path, "--json", "--limit", "1")) == ["ABC001"]
        assert len(bposync("sites", "--config", path, "--json").json["sites"]) == 4


@pytest.mark.parametrize("command", ["sync", "status"])
def test_sync_and_status_need_accounting(bposync: Call, several: Path, command: str) -> None:
    error = bposync(command, "--config", several, "--json", expect=2).json["error"]
    assert "[accounting]" in error["message"]
    assert error["hint"]
