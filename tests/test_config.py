"""The configuration: found where it should be, read as it is meant, and wrong ones told in one clear line with exit code 2."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy.engine import URL

from bposync import config, database, secrets
from bposync.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from support import cli
    from support.within import Call

GOOD = "[bpo]\nurl = 'sqlite:///bpo.sqlite'\ncustomers = 'Listing'\n"
EVOLUTION = "[accounting]\nsystem = 'evolution'\nwrite = 'sql'\n"
PARTNER = "[accounting]\nsystem = 'partner'\nwrite = 'sdk'\n"


@pytest.fixture(autouse=True)
def _nobodys_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder without configuration, a user without one, and no password that an earlier test made known."""
    monkeypatch.setattr(secrets, "_secrets", set())
    for name in ("HOME", "USERPROFILE", "APPDATA", "LOCALAPPDATA", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.delenv("BPOSYNC_CONFIG", raising=False)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")


def write(text: str | bytes, path: Path | None = None) -> Path:
    path = path or Path("bposync.toml").absolute()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def load(text: str, **environment: str) -> config.Settings:
    return config.load(write(text), environment=environment)


def refused(text: str | bytes, **environment: str) -> UsageError:
    with pytest.raises(UsageError) as caught:
        config.load(write(text), environment=environment)
    return caught.value


def company(folder: Path, customer: str) -> Path:
    """Make a company in a folder whose one customer tells which it is."""
    folder.mkdir(parents=True, exist_ok=True)
    with sa.create_engine(f"sqlite:///{folder / 'bpo.sqlite'}").begin() as connection:
        connection.exec_driver_sql("CREATE TABLE Listing (CustomerCode, CustomerName, SiteDescription)")
        connection.exec_driver_sql("INSERT INTO Listing VALUES (?, 'Name', 'Site')", (customer,))
    connection.engine.dispose()
    return write(GOOD, folder / "bposync.toml")


def first_of(result: cli.Result) -> str:
    return str(result.json["customers"][0]["code"])


# Finding the file


def test_the_sources_stand_in_order(bposync: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The option wins, then the variable, then this folder, then one above, then the user's own."""
    option, variable = company(tmp_path / "option", "OPTION"), company(tmp_path / "variable", "VARIABLE")
    here, above = company(tmp_path / "work/a/b", "HERE"), company(tmp_path / "work", "ABOVE")
    users = company(tmp_path / "home/bposync", "USER")
    monkeypatch.chdir(here.parent)
    monkeypatch.setenv("BPOSYNC_CONFIG", str(variable))
    assert first_of(bposync("list", "--json", "--config", option)) == "OPTION"
    assert first_of(bposync("list", "--json")) == "VARIABLE"
    monkeypatch.delenv("BPOSYNC_CONFIG")
    assert first_of(bposync("list", "--json")) == "HERE"
    here.unlink()
    assert first_of(bposync("list", "--json")) == "ABOVE"
    above.unlink()
    assert first_of(bposync("list", "--json")) == "USER"
    users.unlink()
    assert "bposync demo" in bposync("list", expect=2).stderr


def test_the_last_config_option_wins_before_or_after_the_command(bposync: Call, tmp_path: Path) -> None:
    one, two = company(tmp_path / "one", "ONE"), company(tmp_path / "two", "TWO")
    assert first_of(bposync("--config", one, "list", "--json")) == "ONE"
    assert first_of(bposync("list", "--json", "--config", one)) == "ONE"
    assert first_of(bposync("--config", one, "list", "--json", "--config", two)) == "TWO"
    assert first_of(bposync("--config", one, "--config", two, "list", "--json")) == "TWO"
    assert first_of(bposync("list", "--config", one, "--json", "--config", two)) == "TWO"
    assert first_of(bposync("--config=nowhere.toml", "list", "--json", f"--config={two}")) == "TWO"


def test_a_relative_name_is_relative_to_this_folder_and_its_paths_to_the_file(bposync: Call, tmp_path: Path) -> None:
    company(tmp_path / "elsewhere", "ELSEWHERE")
    assert first_of(bposync("list", "--json", "--config", "../elsewhere/bposync.toml")) == "ELSEWHERE"
    assert first_of(bposync("list", "--json", "--config", "../elsewhere")) == "ELSEWHERE"


def test_a_home_folder_may_be_written_with_a_tilde(bposync: Call, tmp_path: Path) -> None:
    company(tmp_path / "home/own", "HOME")
    assert first_of(bposync("list", "--json", "--config", "~/own/bposync.toml")) == "HOME"


@pytest.mark.parametrize(
    "name", ["nowhere.toml", "no/where/bposync.toml", "~nosuchuser/bposync.toml", "x" * 300, "x" * 5000, "a\nb", "\udcff"]
)
@pytest.mark.parametrize("by_variable", [False, True])
def test_a_file_that_is_not_there_is_an_error_that_names_it_and_who_asked(
    bposync: Call, monkeypatch: pytest.MonkeyPatch, name: str, *, by_variable: bool
) -> None:
    if by_variable:
        monkeypatch.setenv("BPOSYNC_CONFIG", name)
    error = bposync("list", "--json", *(() if by_variable else ("--config", name)), expect=2).json["error"]
    assert ("$BPOSYNC_CONFIG" if by_variable else "--config") in error["message"]
    assert error["hint"]


def test_a_folder_without_configuration_is_no_file(bposync: Call, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    result = bposync("list", "--config", tmp_path / "empty", expect=2)
    assert str(tmp_path / "empty") in result.stderr


def test_a_folder_of_that_name_is_passed_over(bposync: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    company(tmp_path / "work", "ABOVE")
    (tmp_path / "work/sub/bposync.toml").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "work/sub")
    assert first_of(bposync("list", "--json")) == "ABOVE"


# Files that cannot be read

UNREADABLE = {
    "binary": bytes(range(256)),
    "SQLite": b"SQLite format 3\0" + bytes(100),
    "UTF-16": GOOD.encode("utf-16"),
    "UTF-16 without a mark": GOOD.encode("utf-16-le"),
    "Windows-1252": "[bpo]\nurl = 'Zo\u00eb'\n".encode("cp1252"),
    "YAML": b"bpo:\n  url: sqlite:///x\n",
    "a quote too few": b'[bpo]\nurl = "sqlite:///bpo.sqlite\n',
    "a backslash": b'[bpo]\nurl = "sqlite:///C:\\Users\\bpo.sqlite"\n',
    "a bracket too few": b"[bpo\nurl = 'x'\n",
    "a key twice": b"[bpo]\nurl = 'x'\nurl = 'y'\n",
    "a section twice": b"[bpo]\nurl = 'x'\n[bpo]\n",
    "NUL": b"[bpo]\nurl = 'x\0'\n",
    "an escape sequence": b"[bpo]\nurl = '\x1b[31m'\n",
    "brackets without end": b"x = " + b"[" * 5000,
}


@pytest.mark.parametrize("content", UNREADABLE.values(), ids=UNREADABLE)
def test_a_file_that_cannot_be_read_is_one_clear_line(bposync: Call, content: bytes) -> None:
    path = write(content)
    result = bposync("list", expect=2)
    lines = result.stderr.splitlines()
    assert result.stdout == ""
    assert len(lines) == 2
    assert lines[0].startswith(f"Error: {path} ")
    assert lines[1].strip()
    assert "\x1b" not in result.stderr


def test_broken_toml_names_line_and_column(bposync: Call) -> None:
    write(b"[bpo]\nurl = sqlite\n")
    assert "line 2, column 7" in bposync("list", expect=2).stderr


@pytest.mark.parametrize("content", [b"\xef\xbb\xbf" + GOOD.encode(), GOOD.replace("\n", "\r\n").encode()])
def test_a_file_written_by_a_windows_editor_is_read(content: bytes) -> None:
    assert config.load(write(content)).bpo.customers == "Listing"


# Wrong content: (the file, what the message says, what the hint says)

WRONG = {
    "empty": ("", r"\bbpo is missing", ""),
    "no url": ("[bpo]\ncustomers = 'X'\n", r"\[bpo\] url is missing", ""),
    "unknown section": (GOOD + "[acounting]\n", "acounting", "'accounting'"),
    "unknown key": (GOOD + "curl = 'x'\n", r"\[bpo\] curl", "'url'"),
    "unknown key in a section of a section": (
        GOOD + EVOLUTION + "[accounting.defaults]\ngruop = 'X'\n",
        r"\[accounting\.defaults\] gruop",
        "'group'",
    ),
    "unknown key of state": (GOOD + "[state]\nurll = 'x'\n", r"\[state\] urll", "'url'"),
    "unknown key of sync": (GOOD + "[sync]\nmax_change = 5\n", r"\[sync\] max_change\b", "'max_changes'"),
    "unknown key outside": ("url = 'x'\n" + GOOD, "url", "bpo"),
    "a password as a key": (GOOD + "password = 'x'\n", r"\[bpo\] password", ""),
    "section is text": ("bpo = 'x'\n", r"\bbpo\b.*section", ""),
    "url is a number": (GOOD.replace("'sqlite:///bpo.sqlite'", "5"), r"\[bpo\] url: .*text", ""),
    "url is a date": (GOOD.replace("'sqlite:///bpo.sqlite'", "2024-01-01"), r"\[bpo\] url: .*text", ""),
    "sites is text": (GOOD + "sites = 'Durban'\n", r"\[bpo\] sites: .*list", ""),
    "sites is a list of numbers": (GOOD + "sites = [1]\n", r"\[bpo\] sites.*text", ""),
    "statuses is text": (GOOD + "sync_statuses = 'Active'\n", r"\[bpo\] sync_statuses: .*list", ""),
    "flag is text": (GOOD + "[sync]\ncarry_hold = 'yes'\n", r"\[sync\] carry_hold: .*true or false", ""),
    "unknown field of columns": (GOOD + "[bpo.columns]\nkode = 'X'\n", r"\[bpo\.columns\] kode", "'code'"),
    "required column blank": (GOOD + "[bpo.columns]\nname = ' '\n", r"\[bpo\.columns\] name", ""),
    "column is a number": (GOOD + "[bpo.columns]\nphone = 5\n", r"\[bpo\.columns\] phone: .*text", ""),
    "unknown field of fields": (GOOD + "[fields]\ncredit = 'new'\n", r"\[fields\] credit\b", "'credit_limit'"),
    "unknown owner": (GOOD + "[fields]\ncredit_limit = 'old'\n", r"\[fields\] credit_limit: .*'old'", '"bpo".*"new"'),
    "owner is a number": (GOOD + "[fields]\ncredit_limit = 1\n", r"\[fields\] credit_limit: .*text", ""),
    "group is always new": (GOOD + "[fields]\ngroup = 'bpo'\n", r"\[fields\] group", ""),
    "no write": (GOOD + "[accounting]\nsystem = 'evolution'\nurl = 'x'\n", r"\[accounting\] write", "freedom.*sql"),
    "no system": (GOOD + "[accounting]\nwrite = 'sql'\n", r"\[accounting\] system", "evolution.*partner"),
    "unknown system": (GOOD + EVOLUTION.replace("evolution", "xero"), r"\[accounting\] system.*'xero'", "evolution.*partner"),
    "unknown write": (GOOD + EVOLUTION.replace("sql", "odbc"), r"\[accounting\] write.*'odbc'", "freedom.*sql"),
    "write of another system": (
        GOOD + PARTNER.replace("sdk", "freedom"),
        r"\[accounting\] write.*freedom.*partner",
        "sdk.*sql.*file",
    ),
    "url and odbc": (GOOD + PARTNER + "url = 'x'\nodbc = 'DSN=x'\n", r"\[accounting\].*url.*odbc", ""),
    "group is a number": (GOOD + EVOLUTION + "[accounting.groups]\nGV = 5\n", r"\[accounting\.groups\] GV: .*text", ""),
    "sdk_fields": (GOOD + PARTNER + "sdk_fields = 43\n", r"\[accounting\] sdk_fields.*43", "55.*42"),
    "customers and query": (GOOD + "query = 'SELECT 1'\n", r"\[bpo\].*customers.*query", "(?i)one"),
    "neither customers nor query": ("[bpo]\nurl = 'x'\n", r"\[bpo\].*customers.*query", "(?i)one"),
    "max_changes is true": (GOOD + "[sync]\nmax_changes = true\n", r"\[sync\] max_changes", ""),
    "max_changes is a fraction": (GOOD + "[sync]\nmax_changes = 5.5\n", r"\[sync\] max_changes", ""),
    "max_changes below zero": (GOOD + "[sync]\nmax_changes = -5\n", r"\[sync\] max_changes: '-5'", ""),
    "max_changes above all": (GOOD + "[sync]\nmax_changes = '101%'\n", r"\[sync\] max_changes: '101%'.*10%", ""),
    "max_changes is words": (GOOD + "[sync]\nmax_changes = 'many'\n", r"\[sync\] max_changes: 'many'.*500", ""),
    "company is a number": (GOOD + "[state]\ncompany = 5\n", r"\[state\] company: .*text", ""),
    "variable not set": (GOOD.replace("bpo.sqlite", "${NO_SUCH}"), r"\[bpo\] url.*\bNO_SUCH\b", "NO_SUCH"),
    "variable not set in a list": (GOOD + "sites = ['Durban', '${NO_SUCH}']\n", r"\[bpo\] sites.*\bNO_SUCH\b", "NO_SUCH"),
    "variable not set in a section of a section": (
        GOOD + EVOLUTION + "[accounting.defaults]\ngroup = '${NO_SUCH}'\n",
        r"\[accounting\.defaults\] group.*\bNO_SUCH\b",
        "NO_SUCH",
    ),
    "variable without name": (GOOD.replace("bpo.sqlite", "${}"), r"\[bpo\] url", r"\$\$"),
    "variable of two words": (GOOD.replace("bpo.sqlite", "${NO SUCH}"), r"\[bpo\] url.*NO SUCH", r"\$\$"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "message", "hint"), WRONG.values(), ids=WRONG)
def test_wrong_content_is_one_clear_line_that_names_the_place(bposync: Call, text: str, message: str, hint: str) -> None:
    path = write(text)
    result = bposync("list", "--json", expect=2)
    error = result.json["error"]
    assert error["code"] == 2
    assert str(path) in error["message"]
    told = error["message"].replace(str(path), "")
    assert re.search(message, told)
    assert "\n" not in told
    assert not re.search(r"`|\bnull\b|\bstr\b|\bint\b|\bobject\b|<class|NoneType", told), "a programmer's words"
    assert re.search(hint, error["hint"] or "")
    assert error["hint"] != ""


@pytest.mark.parametrize("limit", [500, 0, "500", "10%", " 10 % ", "100%", "0%"])
def test_max_changes_is_a_number_or_a_share(limit: int | str) -> None:
    found = load(f"{GOOD}[sync]\nmax_changes = {json.dumps(limit)}\n").max_changes
    number = int(str(limit).strip(" %"))
    assert found == (config.Limit(percent=number) if "%" in str(limit) else config.Limit(number=number))


NO_SELECT = [
    "", " ", "UPDATE x SET y = 1", "DELETE FROM x", "EXEC customers", "DROP TABLE x", "INSERT INTO x SELECT * FROM y",
    "SELECT 1; DELETE FROM x", "SELECT 1; SELECT 2", "-- SELECT\nDELETE FROM x", "/* SELECT */ DELETE FROM x",
    "selection", "SELECTED", "'SELECT'", "SELECT 'a;' ; DROP TABLE x --'", "WITH c AS (SELECT 1) DELETE FROM x",
    "WITH c AS (SELECT 1) UPDATE x SET y = 1", "SELECT * INTO y FROM x", "VALUES (1)",
    "WITH c AS (DELETE FROM x RETURNING *) SELECT * FROM c", "PRAGMA writable_schema = ON",
]  # fmt: skip


@pytest.mark.parametrize("query", NO_SELECT)
@pytest.mark.parametrize("key", ["query", "post_accounts"])
def test_bpo_is_asked_by_select_and_nothing_else(key: str, query: str) -> None:
    text = GOOD.replace("customers = 'Listing'", "") if key == "query" else GOOD
    error = refused(f"{text}{key} = {json.dumps(query)}\n")
    assert f"[bpo] {key}" in error.message
    assert "SELECT" in error.message


@pytest.mark.parametrize(
    "query",
    [
        "SELECT 1", "select 1", "\n\tSelect\n1", "SELECT 1;", "SELECT 1 ; \n", "-- all of them; now\nSELECT 1",
        "/* ; */ SELECT 1", "SELECT*FROM x",
        "SELECT ';' AS a", "SELECT 'it''s; fine' AS a", 'SELECT 1 AS "a;b"', "SELECT 1 AS [delete; update]",
        "WITH c AS (SELECT 1 AS a) SELECT a FROM c", "SELECT 'insert into x' AS a, UpdatedAt, deleted FROM into_x",
        "SELECT 1 -- and; so on", "SELECT 1; -- that is all", "(SELECT 1) UNION (SELECT 2)",
    ],
)  # fmt: skip
def test_a_select_is_one_whatever_stands_in_its_texts_and_comments(query: str) -> None:
    loaded = load(f"[bpo]\nurl = 'x'\nquery = {json.dumps(query)}\n")
    assert loaded.bpo.query == query


def test_what_is_not_said_has_the_agreed_defaults() -> None:
    settings = load(GOOD)
    assert settings.bpo.sync_statuses == ("Active", "Hold")
    assert settings.bpo.sites == ()
    assert settings.state.url == "sqlite:///bposync-state.sqlite"
    assert settings.state.company == "main"
    assert settings.sync.carry_hold is False
    assert settings.max_changes is None
    assert settings.accounting is None
    owners = {name: owner.value for name, owner in settings.owners.items()}
    assert {name for name, owner in owners.items() if owner == "new"} == {"group", "category", "area", "price_list"}


def test_a_field_may_go_into_new_accounts_only() -> None:
    owners = load(GOOD + "[fields]\ncredit_limit = 'new'\nphone = 'bpo'\ngroup = 'new'\n").owners
    assert (owners["credit_limit"].value, owners["phone"].value, owners["group"].value) == ("new", "bpo", "new")


# Variables


@pytest.mark.parametrize("key", ["customers", "query", "sites", "column"])
def test_a_variable_stands_for_its_value_wherever_text_does(
    bposync: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    company(tmp_path / "work", "FOUND")
    monkeypatch.setenv("TABLE", "Listing")
    monkeypatch.setenv("SITE", "Site")
    monkeypatch.setenv("COLUMN", "CustomerName")
    write({
        "customers": GOOD.replace("Listing", "${TABLE}"),
        "query": GOOD.replace("customers = 'Listing'", "query = 'SELECT * FROM ${TABLE}'"),
        "sites": GOOD + "sites = ['${SITE}']\n",
        "column": GOOD + "[bpo.columns]\ncontact = '${COLUMN}'\n",
    }[key])  # fmt: skip
    assert first_of(bposync("list", "--json")) == "FOUND"


def test_two_dollars_are_one(bposync: Call, tmp_path: Path) -> None:
    company(tmp_path / "work", "FOUND")
    query = "SELECT CustomerCode, CustomerName, ''$$5 $x ${'' || ''a'' AS SiteDescription FROM Listing".replace("''", "'")
    write(GOOD.replace("customers = 'Listing'", f'query = "{query}"'))
    assert bposync("list", "--json").json["customers"][0]["site"] == "$5 $x ${a"


def test_a_single_dollar_is_itself() -> None:
    assert url_of("postgresql+psycopg://u:a$b@h/d").password == "a$b"


def test_two_dollars_in_a_url_are_one() -> None:
    found = url_of("postgresql+psycopg://u$$:a$$${P}$$@h/d", P="$$${Q}")
    assert (found.username, found.password) == ("u$", "a$$$${Q}$")


def url_of(template: str, *, folder: Path = Path("/company"), **environment: Any) -> URL:
    """Give where a URL of the configuration leads."""
    text = f"[bpo]\nurl = {json.dumps(template)}\ncustomers = 'X'\n"
    settings = load(text, **environment)
    return database.address("BPO", "[bpo] url", settings.bpo.url, folder=folder, environment=settings.environment).url


def test_the_variables_of_a_url_are_put_in_after_it_was_taken_apart() -> None:
    found = url_of(
        "postgresql+psycopg://${USER}:${PASSWORD}@${HOST}:${PORT}/${DATABASE}?sslmode=${MODE}&options=-c%20a%3D${A}",
        USER="a@b:c/d", PASSWORD="p@ss/w#rd?x=1&y=%41", HOST="db.example", PORT="5433", DATABASE="BPO Live#1",
        MODE="require", A="&b=%20",
    )  # fmt: skip
    assert found == URL.create(
        "postgresql+psycopg", "a@b:c/d", "p@ss/w#rd?x=1&y=%41", "db.example", 5433, "BPO Live#1",
        {"sslmode": "require", "options": "-c a=&b=%20"},
    )  # fmt: skip


def test_more_than_ten_variables_stay_apart() -> None:
    values: dict[str, Any] = {f"V{number}": f"value-{number}" for number in range(12)}
    template = "postgresql+psycopg://" + "".join(f"${{V{number}}}" for number in range(11)) + ":${V11}@h/d"
    found = url_of(template, **values)
    assert (found.username, found.password) == ("".join(list(values.values())[:11]), "value-11")


def test_a_whole_url_may_be_a_variable() -> None:
    found = url_of("${BPO_URL}", BPO_URL="postgresql+psycopg://u:p%40ss%24%7BX%7D@h:5/d?a=b")
    assert (found.username, found.password, found.host, found.port) == ("u", "p@ss${X}", "h", 5)


def test_the_value_of_a_variable_is_not_looked_at_for_variables() -> None:
    assert url_of("postgresql+psycopg://u:${P}@h/d", P="${HOME}$$").password == "${HOME}$$"


def test_an_empty_variable_is_set() -> None:
    assert url_of("postgresql+psycopg://u:${P}@h/d", P="").password in ("", None)


def test_a_url_of_sqlite_is_relative_to_the_file(tmp_path: Path) -> None:
    assert Path(str(url_of("sqlite:///data/b.sqlite", folder=tmp_path).database)) == tmp_path / "data/b.sqlite"
    assert Path(str(url_of("sqlite:///${NAME}", folder=tmp_path, NAME="b c.sqlite").database)) == tmp_path / "b c.sqlite"
    assert Path(str(url_of(f"sqlite:///{tmp_path}/b.sqlite", folder=Path("/other")).database)) == tmp_path / "b.sqlite"


@pytest.mark.parametrize(
    "url",
    ["", " ", "server=x;uid=sa;pwd=zqsecret", "bpo.sqlite", "://", "postgresql+psycopg://u:zqsecret@h:port/d", "http//x",
     "nosuch://u:zqsecret@h/d", "nosuch+driver://u:zqsecret@h/d",
     "mssql+nosuch://u:zqsecret@h/d"],
)  # fmt: skip
def test_what_is_no_url_is_one_clear_error_without_the_password(bposync: Call, url: str) -> None:
    write(GOOD.replace("'sqlite:///bpo.sqlite'", json.dumps(url)))
    error = bposync("list", "--json", expect=2).json["error"]
    assert "BPO" in error["message"] or "[bpo] url" in error["message"]
    assert error["hint"]
    assert "zqsecret" not in str(error)


def test_a_url_that_names_no_file_is_not_one_of_a_file_called_none(bposync: Call) -> None:
    write(GOOD.replace("sqlite:///bpo.sqlite", "sqlite://"))
    error = bposync("list", "--json", expect=2).json["error"]
    assert "None" not in error["message"]


def test_a_port_that_is_no_number_is_one_clear_error(bposync: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "five")
    monkeypatch.setenv("PASSWORD", "zqsecret")
    write(GOOD.replace("sqlite:///bpo.sqlite", "postgresql+psycopg://u:${PASSWORD}@h:${PORT}/d"))
    result = bposync("list", expect=2)
    assert "[bpo] url" in result.stderr
    assert "zqsecret" not in result.stderr


# Passwords with every nasty character

NASTY = [
    "p@ss/w#rd", "a:b", "100%", "%41%zz", "a b", " lead", "trail ", "{x}", "}", "a}b", "}}", "{", "a;b", "a;PWD=x", "'\"",
    "\\", "a\\}b", "a=b", "a&b?c#d", "a+b", "\u00e9\u20ac\U0001f600", "$$", "${HOME}", "[::1]", "a`b",
]  # fmt: skip
printable = st.text(
    st.characters(min_codepoint=0x20, max_codepoint=0x2FF, exclude_categories=("Cc", "Cs")), min_size=1, max_size=20
)


def odbc(connection_string: str) -> dict[str, str]:
    """Read an ODBC connection string as driver managers do: a braced value goes to its closing brace, where }} is one."""
    found: dict[str, str] = {}
    rest = connection_string
    while rest.strip("; "):
        key, _, rest = rest.lstrip("; ").partition("=")
        if braced := re.match(r"\s*\{((?:[^}]|\}\})*)\}\s*(?:;|$)", rest, re.DOTALL):
            value, rest = braced[1].replace("}}", "}"), rest[braced.end() :]
        else:
            value, _, rest = rest.partition(";")
        found.setdefault(key.strip().casefold(), value)
    return found


def through(template: str, environment: Mapping[str, str]) -> Any:
    """Give what a driver is handed."""
    place = database.address("BPO", "[bpo] url", template, folder=Path("/"), environment=environment)
    return place.url.get_dialect()().create_connect_args(place.url)


@pytest.mark.parametrize("password", NASTY)
def test_a_nasty_password_reaches_the_driver_through_the_parts_of_a_url(password: str) -> None:
    _, handed = through("postgresql+psycopg://u:${P}@h/d", {"P": password})
    assert (handed["password"], handed["user"], handed["host"], handed["dbname"]) == (password, "u", "h", "d")
    (text,), _ = through("mssql+pyodbc://u:${P}@h/d?driver=ODBC+Driver+18+for+SQL+Server", {"P": password})
    found = odbc(text)
    assert (found["pwd"], found["uid"], found["server"], found["database"]) == (password, "u", "h", "d")


@pytest.mark.parametrize("password", NASTY)
@pytest.mark.parametrize("braces", [False, True])
def test_a_nasty_password_reaches_the_driver_through_odbc_connect(password: str, *, braces: bool) -> None:
    place = "{${P}}" if braces else "${P}"
    template = f"mssql+pyodbc:///?odbc_connect=DRIVER={{X}};SERVER=h;DATABASE=d;UID=${{U}};PWD={place};Encrypt=yes"
    (text,), _ = through(template, {"P": password, "U": "a;b"})
    wanted = {"driver": "X", "server": "h", "database": "d", "uid": "a;b", "pwd": password, "encrypt": "yes"}
    assert odbc(text) == wanted


@given(printable)
@example("a}b{c;PWD=d")
def test_any_password_reaches_the_driver(password: str) -> None:
    _, handed = through("postgresql+psycopg://u:${P}@h/d", {"P": password})
    assert handed["password"] == password
    (text,), _ = through("mssql+pyodbc:///?odbc_connect=DRIVER={X};UID=u;PWD=${P};SERVER=h", {"P": password})
    assert odbc(text) == {"driver": "X", "uid": "u", "pwd": password, "server": "h"}


@pytest.mark.skipif(os.name == "nt", reason="permissions")
def test_a_file_that_may_not_be_read_is_one_clear_line(bposync: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(GOOD)

    def refuse(_: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    result = bposync("list", expect=2)
    assert result.stderr.splitlines()[0] == f"Error: {path} cannot be read: Permission denied."


@pytest.mark.skipif(os.name == "nt", reason="Windows does not simply tell who may read a file")
@pytest.mark.parametrize(
    "line",
    [
        "url = 'postgresql+psycopg://reader:p@ss@server/bpo'",
        "url = 'mssql+pyodbc:///?odbc_connect=DRIVER={x};UID=reader;PWD={p;ss};SERVER=s'",
        "url = 'mssql+pyodbc:///?odbc_connect=DRIVER={x};UID=reader;password=pass;SERVER=s'",
        "url = 'postgresql+psycopg://reader:${BPO_PASSWORD}x@server/bpo'",
    ],
)
def test_a_password_in_a_file_that_others_may_read_is_warned_of_and_not_shown(line: str) -> None:
    path = write(f"[bpo]\n{line}\ncustomers = 'Listing'\n")
    environment = {"BPO_PASSWORD": "secret"}
    path.chmod(0o644)
    (warning,) = config.load(path, environment=environment).warnings
    assert "[bpo] url" in warning
    assert f"chmod o-rwx {path}" in warning
    assert not any(secret in warning for secret in ("p@ss", "p;ss", "=pass", "secret"))
    path.chmod(0o640)  # root's, with the group of whoever runs the job
    assert config.load(path, environment=environment).warnings == ()


@pytest.mark.skipif(os.name == "nt", reason="Windows does not simply tell who may write a file")
def test_a_file_that_everybody_may_change_is_warned_of(tmp_path: Path) -> None:
    path = tmp_path / "a b.toml"
    path.write_text(GOOD, encoding="utf-8")
    path.chmod(0o666)
    (warning,) = config.load(path).warnings
    assert warning.startswith(f"{path} may be changed by everybody on this machine")
    assert warning.endswith(f': chmod o-w "{path}"')
    path.chmod(0o664)
    assert config.load(path).warnings == ()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://reader:${BPO_PASSWORD}@server/bpo",
        "postgresql+psycopg://reader@server/bpo",
        "mssql+pyodbc:///?odbc_connect=DRIVER={x};UID=reader;PWD=${BPO_PASSWORD};SERVER=s",
        "mssql+pyodbc:///?odbc_connect=DRIVER={x};UID=reader;PWD={${BPO_PASSWORD}};SERVER=s",
        "sqlite:///C:/data/a@b.sqlite",
    ],
)
def test_a_file_without_a_password_is_not_warned_of(url: str) -> None:
    path = write(f"[bpo]\nurl = '{url}'\ncustomers = 'Listing'\n")
    path.chmod(0o644)
    assert config.load(path, environment={"BPO_PASSWORD": "secret"}).warnings == ()
