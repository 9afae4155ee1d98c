"""No password is ever printed, logged or stored, whatever goes wrong; and a nasty one works without anybody encoding it."""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

import pytest
import sqlalchemy as sa
from hypothesis import example, given
from hypothesis import strategies as st

from bposync import database, secrets
from bposync.bpo import Bpo
from bposync.cli.app import main
from bposync.demo import evolution
from support import cli

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from support.postgres import PostgresServer
    from support.within import Call

# Each piece is told apart by a word of its own, so that a part that leaks is found too.
PASSWORD = " zqA@zqB:zqC/zqD#zqE%41zqF%zqG{zqH}zqI}}zqJ;zqK'zqL\"zqM\\zqN zqO?zqP&zqQ=zqR+zqS[zqT]zqU$zqV\u00e9zqW "
PASSWORDS = [
    PASSWORD, "zq@", "zq:/?#[]@!$&'()*+,;=", "zq%41%zz%", "{zq}", "zq}", "}zq{", "zq;PWD=x", "zq\"'`", "zq \\ zq", "${zq}$$zq",
    "zq\u20ac\U0001f600",
]  # fmt: skip
VARIABLE = "DATABASE_PASSWORD"


@pytest.fixture(autouse=True)
def _nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """What an earlier test made known as secret would hide what this one leaks."""
    monkeypatch.setattr(secrets, "_secrets", set())


def leaks(text: str) -> list[str]:
    """Give what of a password stands in a text; every password here has the letters zq in each of its pieces."""
    return re.findall(r".{0,20}zq.{0,20}", text, re.IGNORECASE)


@pytest.fixture
def bposync(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    """Runs bposync within this process, and fails where a password can be read in what it says."""

    def call(*arguments: object, expect: int = 0) -> cli.Result:
        monkeypatch.setattr(secrets, "_secrets", set())
        code = main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        assert leaks(out) == []
        assert leaks(err) == []
        assert code == expect, f"exit code {code}\n{out}\n{err}"
        return cli.Result(code, out, err)

    return call


@dataclass(frozen=True)
class Company:
    """A company whose BPO, books and journal lie in PostgreSQL, behind one login."""

    server: PostgresServer
    login: str
    databases: tuple[str, str, str]

    def url(self, database: str) -> str:
        """Give a URL as it stands in the configuration."""
        return f"postgresql+psycopg://{self.login}:${{{VARIABLE}}}@{self.server.host}:{self.server.port}/{database}"

    def write(self, folder: Path, bpo: str = "", accounting: str = "", journal: str = "") -> Path:
        """Write the configuration; a URL may be another."""
        urls = [given or self.url(name) for given, name in zip((bpo, accounting, journal), self.databases, strict=True)]
        path = folder / "bposync.toml"
        path.write_text(
            f"[bpo]\nurl = '''{urls[0]}'''\ncustomers = 'Listing'\n"
            f"[accounting]\nsystem = 'evolution'\nwrite = 'sql'\nurl = '''{urls[1]}'''\n"
            f"[state]\nurl = '''{urls[2]}'''\n",
            encoding="utf-8",
        )
        return path


def execute(url: str, *statements: str) -> list[tuple[Any, ...]]:
    """Run statements, and give the rows of the last."""
    with sa.create_engine(url, poolclass=sa.NullPool).begin() as connection:
        result: Any = None
        for statement in statements:
            result = connection.exec_driver_sql(statement)
        return [tuple(row) for row in result] if result is not None and result.returns_rows else []


@pytest.fixture(scope="module")
def company(postgres: PostgresServer) -> Iterator[Company]:
    login = postgres.create_login(PASSWORD)
    names = (postgres.create_database(), postgres.create_database(), postgres.create_database())
    for name in names:
        execute(postgres.url(), f'ALTER DATABASE "{name}" OWNER TO "{login}"')
    bpo, books, _ = (postgres.url(name, login, PASSWORD) for name in names)
    columns = '"CustomerCode" text, "CustomerName" text, "SiteDescription" text'
    customers = "('A001', 'Abacus', 'Durban'), ('B001', 'Boots', 'Durban'), ('C001', 'Cedar', 'Umhlanga')"
    execute(bpo, f'CREATE TABLE "Listing" ({columns})', f'INSERT INTO "Listing" VALUES {customers}')
    with sa.create_engine(books, poolclass=sa.NullPool).begin() as connection:
        evolution.create(connection)
        connection.execute(evolution.CLIENT.insert().values(Account="B001", Name="Something else"))
    yield Company(postgres, login, names)
    for name in names:
        postgres.drop_database(name)


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv(VARIABLE, PASSWORD)
    return PASSWORD


# Where everything works


@pytest.mark.usefixtures("known")
def test_every_command_works_with_a_nasty_password_and_tells_it_nowhere(
    bposync: Call, company: Company, tmp_path: Path
) -> None:
    path = company.write(tmp_path)

    def every(*arguments: str, expect: int = 0) -> None:
        for options in (["--verbose"], ["--json"]):
            bposync(*arguments, "--config", path, *options, expect=expect)

    every("list")
    bposync("list", "--csv", "--config", path)
    every("sites")
    every("sync", "--dry-run", expect=4)
    every("sync", expect=10)
    every("status")
    every("sync", "--yes", "--max-changes", "1", expect=8)
    written = bposync("sync", "--yes", "--json", "--verbose", "--config", path, expect=4).json
    assert written["outcomes"]["written"] == 2
    every("sync", "--yes", expect=4)
    every("status", "--check", expect=3)
    every("history")
    every("history", written["run"])
    every("history", "--customer", "A001")
    every("history", "--decisions")
    every("list", "--site", "Durbin", expect=2)
    every("link", "C001", "--new", "C002", expect=2)
    every("accept", "A001")
    every("ignore", "B001")
    bposync("ignore", "B001", "--undo", "--config", path)
    every("unlink", "Z001", expect=2)
    sheet = tmp_path / "review.csv"
    every("review", "--output", str(sheet))
    every("review", "--apply", str(sheet))
    every("link", "--export", str(tmp_path / "links.csv"), "--force")
    every("link", "--import", str(tmp_path / "links.csv"))
    every("history", "--verify")
    every("adopt")
    every("doctor")
    assert leaks(sheet.read_text("utf-8")) == leaks((tmp_path / "links.csv").read_text("utf-8")) == []
    journal = company.server.url(company.databases[2])
    tables = [name for (name,) in execute(journal, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
    assert {"bposync_runs", "bposync_links", "bposync_changes"} <= set(tables)
    for table in tables:
        assert leaks(repr(execute(journal, f'SELECT * FROM "{table}"'))) == []


@pytest.mark.usefixtures("known")
def test_a_journal_that_is_a_file_holds_no_password(bposync: Call, company: Company, tmp_path: Path) -> None:
    path = company.write(tmp_path, journal="sqlite:///journal.sqlite")
    bposync("sync", "--yes", "--config", path, expect=4)
    files = [file for file in tmp_path.iterdir() if file != path]
    assert "journal.sqlite" in {file.name for file in files}
    for file in files:
        assert leaks(file.read_bytes().decode("latin-1")) == []


@pytest.mark.parametrize("password", PASSWORDS)
def test_a_password_is_written_as_it_is(
    bposync: Call, monkeypatch: pytest.MonkeyPatch, company: Company, tmp_path: Path, password: str
) -> None:
    """In the variable, in a URL's query, and encoded in a URL that is a variable as a whole."""
    login = company.server.create_login(password)
    execute(company.server.url(), f'GRANT "{company.login}" TO "{login}"')
    place = f"@{company.server.host}:{company.server.port}/{company.databases[0]}"
    monkeypatch.setenv(VARIABLE, password)
    monkeypatch.setenv("WHOLE", f"postgresql+psycopg://{login}:{quote(password, safe='')}{place}")
    urls = (
        f"postgresql+psycopg://{login}:${{{VARIABLE}}}{place}",
        f"postgresql+psycopg://{login}{place}?password=${{{VARIABLE}}}",
    )
    for url in (*urls, "${WHOLE}"):
        result = bposync("list", "--json", "--config", company.write(tmp_path, bpo=url))
        assert len(result.json["customers"]) == 3


# Where something is wrong


@pytest.mark.parametrize("options", [[], ["--verbose", "--json"]])
@pytest.mark.parametrize("command", ["list", "sites", "sync", "status"])
def test_a_wrong_password_is_not_told(
    bposync: Call, monkeypatch: pytest.MonkeyPatch, company: Company, tmp_path: Path, command: str, options: list[str]
) -> None:
    monkeypatch.setenv(VARIABLE, f"{PASSWORD}zqX")
    result = bposync(command, "--config", company.write(tmp_path), *options, expect=7)
    assert "password authentication failed" in result.stderr
    assert company.login in result.stderr


WRONG = {
    "database": ("postgresql+psycopg://{login}:${DATABASE_PASSWORD}@{host}:{port}/nowhere", 7),
    "port": ("postgresql+psycopg://{login}:${DATABASE_PASSWORD}@{host}:1/{database}", 7),
    "user": ("postgresql+psycopg://nobody:${DATABASE_PASSWORD}@{host}:{port}/{database}", 7),
    "port that is none": ("postgresql+psycopg://{login}:${DATABASE_PASSWORD}@{host}:port/{database}", 2),
    "host with a blank": ("postgresql+psycopg://{login}:${DATABASE_PASSWORD}@{host} x:1/{database}", 7),
    "dialect": ("postgres://{login}:${DATABASE_PASSWORD}@{host}:{port}/{database}", 2),
    "driver": ("postgresql+nosuch://{login}:${DATABASE_PASSWORD}@{host}:{port}/{database}", 2),
    "option": ("postgresql+psycopg://{login}:${DATABASE_PASSWORD}@{host}:{port}/{database}?nosuch=${DATABASE_PASSWORD}", 7),
    "password in the query": ("postgresql+psycopg://{login}@{host}:{port}/nowhere?password=${DATABASE_PASSWORD}", 7),
    "password for a name": ("postgresql+psycopg://{login}:zqX%40zqY@{host}:{port}/{database}", 7),
    "ODBC driver": ("mssql+pyodbc://{login}:${DATABASE_PASSWORD}@{host}/{database}?driver=No+Such+Driver", 2),
    "ODBC driver in a string": (
        "mssql+pyodbc:///?odbc_connect=DRIVER={No Such Driver};SERVER={host};UID={login};PWD=${DATABASE_PASSWORD}",
        2,
    ),
    "ODBC string in words": ("mssql+pyodbc:///?odbc_connect=DRIVER={No Such Driver};SERVER={host};UID=x;PWD={zqX;zqY}", 2),
    "ODBC password by its long name": (
        "mssql+pyodbc:///?odbc_connect=DRIVER={No Such Driver};SERVER={host};UID=x;Password=zqX zqY",
        2,
    ),
    "ODBC data source": ("mssql+pyodbc://{login}:${DATABASE_PASSWORD}@NoSuchSource", 2),
}  # fmt: skip


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize("where", ["bpo", "accounting", "journal"])
@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_with_a_url_is_told_without_its_password(
    bposync: Call, company: Company, tmp_path: Path, wrong: str, where: str
) -> None:
    template, code = WRONG[wrong]
    values = {"login": company.login, "host": company.server.host, "port": str(company.server.port)}
    values["database"] = company.databases[("bpo", "accounting", "journal").index(where)]
    url = re.sub(r"(?<!\$)\{(\w+)\}", lambda found: values.get(found[1], found[0]), template)
    path = company.write(tmp_path, **{where: url})
    command = "list" if where == "bpo" else "status"
    bposync(command, "--config", path, "--verbose", "--json", expect=code)
    bposync("doctor", "--config", path, "--verbose", "--json", expect=code)


UNENCODED = "postgresql+psycopg://user:zqA@zqB/zqC#zqD@127.0.0.1:1/database"


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize("url", [UNENCODED, "${WHOLE}"])
def test_a_password_that_nobody_encoded_is_not_told_where_the_url_falls_apart(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], company: Company, tmp_path: Path, url: str
) -> None:
    """An @ or a slash of the password looks like its end then, and the rest like host and database."""
    monkeypatch.setenv("WHOLE", UNENCODED)
    assert main(["list", "--config", str(company.write(tmp_path, bpo=url))]) in (2, 7)
    said = capsys.readouterr().err
    assert "bpo" in said.lower().replace(str(tmp_path), "")
    assert leaks(said) == []


def test_an_sql_server_that_does_not_answer_is_told_without_the_password(
    bposync: Call, monkeypatch: pytest.MonkeyPatch, mssql_driver: Path, company: Company, tmp_path: Path
) -> None:
    monkeypatch.setenv(VARIABLE, PASSWORD)
    monkeypatch.setattr(database, "LOGIN_SECONDS", 1)
    string = f"DRIVER={{{mssql_driver}}};SERVER=127.0.0.1,1;DATABASE=BPO;UID=reader;PWD=${{{VARIABLE}}};Encrypt=no"
    parts = f"mssql+pyodbc://reader:${{{VARIABLE}}}@127.0.0.1:1/BPO?driver={quote_plus(str(mssql_driver))}"
    for url in (f"mssql+pyodbc:///?odbc_connect={string}", parts):
        began = time.monotonic()
        error = bposync("list", "--json", "--config", company.write(tmp_path, bpo=url), expect=7).json["error"]
        assert time.monotonic() - began < 5
        assert "127.0.0.1" in error["message"]
        assert "BPO" in error["message"]
        assert "UID" not in error["message"]


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize("shape", ["{}", "{!r}", "url://u:{}@h", "PWD={}", "PWD={{{}}}", "{}" * 3])
def test_an_unexpected_error_is_told_without_the_password(
    bposync: Call, monkeypatch: pytest.MonkeyPatch, company: Company, tmp_path: Path, shape: str
) -> None:
    """Also in the traceback that --verbose shows, and in whatever form a library quotes it."""

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError(shape.format(PASSWORD, PASSWORD, PASSWORD)) from ValueError(quote(PASSWORD, safe=""))

    monkeypatch.setattr(Bpo, "rows", fail)
    path = company.write(tmp_path)
    assert "RuntimeError" in bposync("list", "--config", path, expect=1).stderr
    assert "Traceback" in bposync("list", "--verbose", "--config", path, expect=1).stderr
    assert bposync("list", "--json", "--config", path, expect=1).json["error"]["code"] == 1


def test_a_process_and_its_log_tell_nothing_either(company: Company, tmp_path: Path) -> None:
    """What a log is read for in the morning is the error of the night."""
    path = company.write(tmp_path)
    path.write_text(f"{path.read_text(encoding='utf-8')}[log]\nfile = 'said.log'\n", encoding="utf-8")
    result = cli.run("list", "--verbose", "--config", path, env={VARIABLE: f"{PASSWORD}zqX"}, expect=7)
    assert leaks(result.stdout + result.stderr) == []
    logged = (tmp_path / "said.log").read_text(encoding="utf-8")
    assert leaks(logged) == []
    assert "password authentication failed" in logged


# The redactor by itself

passwords = st.text(st.characters(codec="utf-8"), min_size=4, max_size=30).filter(
    lambda text: "*" not in text and text.strip() == text
)


@given(passwords)
@example(PASSWORD.strip())
@example("a}b}}c")
@example('it\'s "quoted"')
def test_a_registered_password_is_hidden_in_every_form(password: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(secrets, "_secrets", set())
        secrets.register(password)
        # As they are, in a URL by Python and by SQLAlchemy, in an ODBC string, and as libraries quote a value.
        forms = {password, quote(password), quote(password, safe=""), quote(password, safe=" +"), quote_plus(password)}
        forms |= {password.replace("}", "}}"), repr(password)[1:-1]}
        forms |= {
            re.sub("%[0-9A-F]{2}", lambda found: found[0].lower(), form) for form in {quote(password), quote_plus(password)}
        }
        for form in forms:
            assert form not in secrets.redact(f"before {form} after").removeprefix("before ").removesuffix(" after")


@pytest.mark.parametrize(
    "text",
    [
        "mssql+pyodbc://u:zqA@h/d", "postgresql://u:zqA%40@h", "DRIVER={X};PWD=zqA;UID=u", "pwd = zqA", "Password={zqA;zqB};x",
        "PWD={zqA}}zqB};UID=u", "connection to postgresql://u:zqA@h/d failed", "'PWD=zqA'", "PASSWORD=zqA zqB;UID=u",
        "postgresql://u:zqA@zqB@h/d", "postgresql://u:zqA/zqB@h/d", "host=h password=zqA dbname=d",
    ],
)  # fmt: skip
def test_what_looks_like_a_password_is_hidden_where_nobody_said_that_it_is_one(text: str) -> None:
    assert leaks(secrets.redact(text)) == []


@pytest.mark.parametrize("text", ["", "Customer A001: name is blank", "see https://example.com/a:b@c", "12:30", "a=b;c={d}"])
def test_what_is_no_secret_stays(text: str) -> None:
    secrets.register("")
    assert secrets.redact(text) == text


ALONE = [
    "{}", " {} ", "'{}'", "PWD={};", "u:{}@h", "({})", "{}.", "the login {}, refused", "_{}_", "é-{}-é", "%40{}%40", "\\n{}\\n",
    "\\x1b{}", "\\u202e{}", "{0}/{0} {0}",
]  # fmt: skip


@pytest.mark.parametrize("text", ALONE)
@pytest.mark.parametrize("secret", ["an", "7", "Durban", "an4", "secret7", "a b", "né"])
def test_a_short_secret_is_hidden_where_it_stands_alone(secret: str, text: str) -> None:
    secrets.register(secret)
    assert secrets.redact(text.format(secret)) == text.format("***")


@pytest.mark.parametrize(
    ("secret", "text", "shown"),
    [
        ("an", "Durban, Cape Town: an account of Danny's", "Durban, Cape Town: *** account of Danny's"),
        ("an", "an4 4an éan ané", "an4 4an éan ané"),
        ("7", "17 of 75 at 12:07, 7 more", "17 of 75 at 12:07, *** more"),
        ("custom", "customers", "customers"),
        ("secret7", "secret77 xsecret7", "secret77 xsecret7"),
        ("n@", "deon@valves.example", "deon@valves.example"),
        ("@v", "deon@valves.example", "deon@valves.example"),
    ],
)
def test_a_short_secret_that_is_a_part_of_a_word_leaves_the_word_as_it_is(secret: str, text: str, shown: str) -> None:
    secrets.register(secret)
    assert secrets.redact(text) == shown


@pytest.mark.parametrize("secret", ["password", "12345678", "Durban-North", "é" * 8])
def test_a_secret_of_eight_characters_or_more_is_hidden_everywhere(secret: str) -> None:
    secrets.register(secret)
    assert secrets.redact(f"x{secret}x 1{secret}1 {secret}{secret} {secret}s") == "x***x 1***1 ****** ***s"
    assert secrets.redact(f"x{quote(secret)}x") == "x***x"


@given(st.text("an4 _-@%.{}", min_size=1, max_size=7), st.text("an4Dx _-@%.{}\\", max_size=40))
@example("an", "Durban an")
def test_no_short_secret_stands_alone_in_what_is_shown(secret: str, text: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(secrets, "_secrets", set())
        secrets.register(secret)
        assert re.search(rf"(?<![^\W_]){re.escape(secret)}(?![^\W_])", secrets.redact(text)) is None


def test_a_short_password_leaves_the_names_in_the_log_as_they_are(
    monkeypatch: pytest.MonkeyPatch, bposync: Call, company: Company, tmp_path: Path
) -> None:
    login = company.server.create_login("an")
    execute(company.server.url(), f'GRANT "{company.login}" TO "{login}"')
    monkeypatch.setenv(VARIABLE, "an")
    path = company.write(tmp_path, bpo=company.url(company.databases[0]).replace(company.login, login))
    path.write_text(f"{path.read_text(encoding='utf-8')}[log]\nfile = 'said.log'\n", encoding="utf-8")
    bposync("list", "--site", "Durbin", "--config", path, expect=2)
    assert "The sites are: Durban, Umhlanga." in (tmp_path / "said.log").read_text(encoding="utf-8")


@pytest.mark.parametrize("secret", ["pa}}ss}word", "it's-secret-1", "p\u00e4ssw\u00f6rd1", 'quo"ted-secret', "back\\slash-1"])
@pytest.mark.parametrize(
    "told",
    [
        lambda secret: quote_plus("{" + secret.replace("}", "}}") + "}"),
        lambda secret: repr(f'{secret} and "quotes"'),
        ascii,
        lambda secret: repr(secret.encode()),
        json.dumps,
        lambda secret: quote_plus(secret, encoding="latin-1"),
    ],
)
def test_a_secret_is_hidden_however_a_library_writes_it(
    monkeypatch: pytest.MonkeyPatch, secret: str, told: Callable[[str], str]
) -> None:
    monkeypatch.setattr(secrets, "_secrets", set())
    secrets.register(secret)
    shown = secrets.redact(f"login failed: {told(secret)}")
    assert secrets.HIDDEN in shown
    for part in re.findall(r"\w{4,}", secret):
        assert part not in shown
