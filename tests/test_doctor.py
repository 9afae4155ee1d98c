"""`bposync doctor`: it finds what would stop a sync, hides nothing behind an earlier failure, and writes nothing anywhere."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import shutil
import sys
import tempfile
import tomllib
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Protocol

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url

from bposync import demo, secrets
from bposync.accounting import evolution, locks
from bposync.cli.app import main
from bposync.database import Address
from bposync.demo.freedom import Behaviour, FreedomServer, Reply
from bposync.doctor import servers
from bposync.doctor.check import Result
from bposync.fields import ALWAYS_NEW
from support import cli, freedom, odbc, partner
from support.company import POSTGRESQL, SQLITE, Company, client_table, connected, dump, sqlite_company
from support.policy import needs
from support.within import Call, Terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from support.company import Companies
    from support.postgres import PostgresServer

SENTINEL = "S3nt!nel/p@ss:w#rd"


class Doctor(Protocol):
    """Runs `bposync doctor` within this process, and gives its checks as (name, result) with their messages."""

    def __call__(self, *arguments: object, expect: int = 0) -> Findings: ...


class Findings:
    """What doctor found, as its JSON document tells it."""

    def __init__(self, document: Any) -> None:
        self.document = document
        self.checks = document["checks"]

    def of(self, name: str, result: str | None = None) -> list[str]:
        """Give the messages of the checks of one name, or of those with a result."""
        return [
            f"{check['message']} {check['hint'] or ''}".strip()
            for check in self.checks
            if check["check"] == name and result in (None, check["result"])
        ]

    def one(self, name: str, result: str) -> str:
        """Give the message and hint of the one check of a name, which must have this result."""
        assert [check["result"] for check in self.checks if check["check"] == name] == [result], self.of(name)
        (found,) = self.of(name)
        return found

    @property
    def bad(self) -> list[str]:
        """Name the checks that are not ok."""
        return [check["check"] for check in self.checks if check["result"] != "ok"]

    @property
    def topics(self) -> set[str]:
        return {check["check"].partition(".")[0] for check in self.checks}


@pytest.fixture
def doctor(capsys: pytest.CaptureFixture[str]) -> Doctor:
    def call(*arguments: object, expect: int = 0) -> Findings:
        code = main(["doctor", "--json", *(str(argument) for argument in arguments)])
        out, err = capsys.readouterr()
        assert code == expect, f"exit code {code}\n{out}\n{err}"
        assert SENTINEL not in out + err
        assert err == ""
        document = json.loads(out)
        assert document["schema"] == "bposync.doctor/1"
        assert document["ok"] is (code == 0)
        for check in document["checks"]:
            assert set(check) == {"check", "result", "message", "hint"}
            assert check["result"] in ("ok", "warning", "failed")
        return Findings(document)

    return call


@pytest.fixture(autouse=True)
def _nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """What an earlier test made known as secret would hide words of this one."""
    monkeypatch.setattr(secrets, "_secrets", set())


@pytest.fixture
def company(tmp_path: Path) -> Company:
    made = sqlite_company(tmp_path)
    made.customer("HIL001", "Hillcrest Motors", phone="031 555 0101", vat_number="4010012341")
    made.account("HIL001", "Hillcrest Motors", Telephone="031 555 0101")
    return made


@pytest.fixture(scope="module")
def of_partner(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> partner.PartnerCompanies:
    return partner.PartnerCompanies(postgres, tmp_path_factory.mktemp("partner"))


def files_of(folder: Path) -> dict[str, tuple[str, int]]:
    """Give every file below a folder with its contents and when it was written."""
    return {
        str(path.relative_to(folder)): (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


# It writes nothing anywhere.


@pytest.mark.parametrize("synced", [False, True])
@pytest.mark.parametrize(
    ("system", "write"), [("evolution", "sql"), ("evolution", "freedom"), ("partner", "sql"), ("partner", "file")]
)
def test_a_demo_company_has_no_failure_and_is_as_it_was(
    doctor: Doctor, tmp_path: Path, capsys: pytest.CaptureFixture[str], system: str, write: str, *, synced: bool
) -> None:
    path = demo.build(tmp_path, system=system, write=write)
    if synced:
        main(["sync", "--yes", "--quiet", "--config", str(path)])
        capsys.readouterr()
    before = files_of(tmp_path)
    found = doctor("--config", path)
    assert files_of(tmp_path) == before
    assert found.topics == {"configuration", "bpo", "accounting", "journal", "customers"}
    # What it warns of are the demo's own customers, and the import file that waits.
    expected = {"customers.rejected", "customers.lookalike", "customers.conflict", "customers.held", "customers.notes"}
    waits = {"customers.guards"} if write == "file" and synced else set()
    assert set(found.bad) <= expected | waits
    assert waits <= set(found.bad)


def test_no_log_and_no_journal_is_made(doctor: Doctor, company: Company) -> None:
    company.configure("log", file="said.log")
    path = company.path
    before = files_of(company.folder)
    assert "There is no journal yet" in doctor("--config", path).one("journal.version", "ok")
    assert files_of(company.folder) == before
    assert "said.log" not in before


@pytest.mark.parametrize("books", [SQLITE, POSTGRESQL])
def test_databases_are_as_they_were_row_for_row(doctor: Doctor, companies: Companies, books: str) -> None:
    made = companies.make(books, journal=POSTGRESQL)
    made.customer("HIL001", "Hillcrest Motors", phone="1")
    path = made.path
    urls = (made.bpo_url, made.accounting_url, made.journal_url)
    before = [dump(url) for url in urls]
    assert "There is no journal yet" in doctor("--config", path).one("journal.version", "ok")
    assert [dump(url) for url in urls] == before
    made.sync()
    before = [dump(url) for url in urls]
    doctor("--config", path)
    assert [dump(url) for url in urls] == before


def test_it_works_without_accounting(doctor: Doctor, company: Company) -> None:
    for section in [name for name in company.sections if name.startswith("accounting")]:
        del company.sections[section]
    found = doctor("--config", company.path)
    assert found.topics == {"configuration", "bpo", "journal", "customers"}
    assert found.of("journal.lock") == []


# The configuration.


def test_no_configuration_is_one_failure_and_nothing_else(doctor: Doctor, tmp_path: Path) -> None:
    found = doctor("--config", tmp_path / "none.toml", expect=2)
    assert found.bad == ["configuration.file"]
    assert len(found.checks) == 1


def test_a_file_that_is_no_toml_is_one_failure(doctor: Doctor, tmp_path: Path) -> None:
    (tmp_path / "bposync.toml").write_text("[bpo\n", "utf-8")
    assert "not valid TOML" in doctor("--config", tmp_path, expect=2).one("configuration.file", "failed")


def test_a_mistake_in_one_section_hides_no_other(doctor: Doctor, company: Company) -> None:
    company.configure("accounting", systm="evolution")
    company.configure("sync", max_changes="many")
    company.configure("bop", url="x")
    found = doctor("--config", company.path, expect=2)
    assert len(found.of("configuration.keys", "failed")) == 3
    assert "Did you mean 'system'?" in " ".join(found.of("configuration.keys"))
    assert found.one("bpo.connection", "ok")
    assert found.one("journal.rights", "ok")
    assert "accounting" not in found.topics
    assert "customers.plan" not in [check["check"] for check in found.checks]


def test_a_mistake_in_bpos_section_hides_neither_accounting_nor_journal(doctor: Doctor, company: Company) -> None:
    company.configure("bpo", customers=None)
    found = doctor("--config", company.path, expect=2)
    assert found.bad == ["configuration.keys"]
    assert found.one("accounting.accounts", "ok")
    assert found.one("journal.rights", "ok")
    assert "bpo" not in found.topics


def test_every_variable_that_is_not_set_is_named(doctor: Doctor, company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_ONE", "NO_TWO"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("IS_EMPTY", "")
    company.configure("bpo", url="postgresql+psycopg://u:${NO_ONE}@127.0.0.1/x")
    company.configure("accounting", odbc="DSN=x;PWD=${NO_TWO};UID=${NO_ONE}", url=None)
    company.configure("state", company="${IS_EMPTY}main")
    found = doctor("--config", company.path, expect=2)
    said = found.of("configuration.variables", "failed")
    assert [re.findall(r"variable (\w+) is not set; (\[.*?\] \w+)", text) for text in said] == [
        [("NO_ONE", "[bpo] url")],
        [("NO_TWO", "[accounting] odbc")],
    ]
    assert "IS_EMPTY is set, and empty" in found.of("configuration.variables", "warning")[0]
    assert found.one("journal.rights", "ok")


@pytest.mark.skipif(os.name == "nt", reason="Windows does not simply tell who may read a file")
def test_a_password_that_others_may_read_is_warned_of(doctor: Doctor, company: Company) -> None:
    company.configure("bpo", url="postgresql+psycopg://u:sesame-oil@127.0.0.1:1/x")
    path = company.path
    path.chmod(0o644)
    assert "chmod o-rwx" in doctor("--config", path, expect=7).one("configuration.passwords", "warning")
    path.chmod(0o600)
    assert doctor("--config", path, expect=7).of("configuration.passwords") == []


@pytest.mark.skipif(os.name == "nt", reason="Windows does not simply tell who may write a file")
def test_a_configuration_that_everybody_may_change_is_warned_of_by_doctor_and_by_sync(
    doctor: Doctor, company: Company, bposync: Call
) -> None:
    company.path.chmod(0o646)
    said = doctor("--config", company.path).one("configuration.rights", "warning")
    assert said.endswith(f"Take that right away: chmod o-w {company.path}")
    assert "may be changed by everybody" in bposync("sync", "--dry-run", "--config", company.path).stderr
    company.path.chmod(0o644)
    assert doctor("--config", company.path).of("configuration.rights") == []


@pytest.mark.parametrize("password", ["zqwordz", "${A_PASSWORD}"])
def test_a_password_that_may_be_a_part_of_a_word_is_warned_of_and_not_shown(
    doctor: Doctor, company: Company, monkeypatch: pytest.MonkeyPatch, password: str
) -> None:
    monkeypatch.setenv("A_PASSWORD", "zqwordz")
    company.configure("bpo", url=f"postgresql+psycopg://u:{password}@127.0.0.1:1/x")
    company.configure("accounting", odbc=f"DRIVER={{Nothing}};UID=u;PWD={password}", url=None)
    company.path.chmod(0o600)
    found = doctor("--config", company.path, expect=7)
    warned = found.of("configuration.passwords", "warning")
    assert [text.partition(":")[0] for text in warned] == ["[bpo] url", "[accounting] odbc"]
    assert all("fewer than 8 characters" in text for text in warned)
    assert "zqwordz" not in json.dumps(found.document)


def test_a_log_that_cannot_be_written_fails(doctor: Doctor, company: Company) -> None:
    company.configure("log", file="nowhere/said.log")
    assert "no folder" in doctor("--config", company.path, expect=2).one("configuration.log", "failed")


# Drivers.


def test_a_package_that_is_missing_is_named_with_its_installation(
    doctor: Doctor, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    company.configure("bpo", url=f"postgresql://u:{SENTINEL.replace('/', '%2F').replace('@', '%40')}@127.0.0.1:1/x")
    found = doctor("--config", company.path, expect=2)
    assert 'pip install "bposync[postgresql]"' in found.one("drivers.wanted", "failed")
    assert found.one("accounting.accounts", "ok")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mssql+pyodbc://u:geheim@host/x?driver=No+Such+Driver", "ODBC driver 'No Such Driver' is not installed"),
        ("mssql+pyodbc:///?odbc_connect=DRIVER={No Such Driver};SERVER=host;PWD={geheim}", "'No Such Driver' is not installed"),
        ("mssql+pyodbc://u:geheim@NoSuchSource", "no ODBC data source 'NoSuchSource'"),
        ("mssql+pyodbc:///?odbc_connect=DSN=NoSuchSource;PWD=geheim", "no ODBC data source 'NoSuchSource'"),
        ("mssql+pyodbc://u:geheim@host/x", "does not say which ODBC driver"),
        ("nosuch://u:geheim@host/x", "no driver for 'nosuch' URLs"),
    ],
)
def test_a_driver_that_is_not_installed_is_named(doctor: Doctor, company: Company, url: str, said: str) -> None:
    company.configure("bpo", url=url)
    found = doctor("--config", company.path, expect=2)
    assert said in found.one("drivers.wanted", "failed")
    assert found.of("bpo.connection") == []
    assert found.one("accounting.accounts", "ok")


def test_an_odbc_driver_that_is_installed_is_said(doctor: Doctor, company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    import pyodbc

    monkeypatch.setattr(pyodbc, "drivers", lambda: ["ODBC Driver 99 for SQL Server"])
    company.configure("bpo", url="mssql+pyodbc://u:geheim@127.0.0.1:1/x?driver=odbc+driver+99+for+sql+server")
    found = doctor("--config", company.path, expect=2)  # there is none of that name to connect by
    assert "the ODBC driver odbc driver 99 for sql server is installed" in found.one("drivers.wanted", "ok")


# Reaching.


def test_a_port_that_nobody_listens_on_is_7_and_hides_nothing_else(doctor: Doctor, company: Company) -> None:
    company.configure("bpo", url=f"postgresql+psycopg://u:{SENTINEL.replace('/', '%2F').replace('@', '%40')}@127.0.0.1:1/x")
    found = doctor("--config", company.path, expect=7)
    assert "cannot be reached" in found.one("bpo.connection", "failed")
    assert found.one("accounting.accounts", "ok")
    assert found.one("journal.lock", "ok")
    assert "customers" not in found.topics


def test_a_file_that_is_not_there_is_7(doctor: Doctor, company: Company) -> None:
    company.configure("accounting", url="sqlite:///nowhere.sqlite")
    found = doctor("--config", company.path, expect=7)
    assert "there is no file" in found.one("accounting.connection", "failed")
    assert found.one("customers.codes", "ok")
    assert not (company.folder / "nowhere.sqlite").exists()


def test_a_file_that_is_no_database_is_7(doctor: Doctor, company: Company) -> None:
    (company.folder / "other.sqlite").write_bytes(b"not a database at all" * 100)
    company.configure("bpo", url="sqlite:///other.sqlite")
    assert "no SQLite database" in doctor("--config", company.path, expect=7).one("bpo.connection", "failed")


def test_a_wrong_password_is_7_and_is_not_told(
    doctor: Doctor, postgres: PostgresServer, postgres_url: str, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secrets, "_secrets", set())
    monkeypatch.setenv("SECRET", SENTINEL)
    login = postgres.create_login("another")
    database = make_url(postgres_url).database
    company.configure("bpo", url=f"postgresql+psycopg://{login}:${{SECRET}}@{postgres.host}:{postgres.port}/{database}")
    said = doctor("--config", company.path, expect=7).one("bpo.connection", "failed")
    assert "password authentication failed" in said
    assert "Check the user and the password" in said


def test_a_database_that_is_no_company_is_2(doctor: Doctor, company: Company) -> None:
    company.configure("accounting", url=company.bpo_url)
    assert "no company of Evolution's" in doctor("--config", company.path, expect=2).one("accounting.company", "failed")


# Rights.


@contextmanager
def in_postgres(made: Company, postgres: PostgresServer, section: str, *grants: str) -> Iterator[None]:
    """Let a company be read or written by a login that has these rights only."""
    url = made.bpo_url if section == "bpo" else made.accounting_url
    login = postgres.create_login("pw")
    with connected(url) as connection:
        for grant in grants:
            connection.execute(sa.text(f"GRANT {grant} TO {login}"))
    made.configure(section, url=postgres.url(str(make_url(url).database), login, "pw"))
    yield


def test_a_login_that_reads_bpo_and_no_more_is_as_it_should_be(
    doctor: Doctor, companies: Companies, postgres: PostgresServer
) -> None:
    made = companies.make(SQLITE)
    with in_postgres(made, postgres, "bpo", 'SELECT ON "CustomerListing"'):
        assert "write nothing" in doctor("--config", made.path).one("bpo.rights", "ok")


@pytest.mark.parametrize(
    "right", ['INSERT ON "BpoCustomer"', 'UPDATE ("CustomerName") ON "BpoCustomer"', 'DELETE ON "CustomerListing"']
)
def test_a_login_that_may_write_bpo_is_warned_of(
    doctor: Doctor, companies: Companies, postgres: PostgresServer, right: str
) -> None:
    made = companies.make(SQLITE)
    with in_postgres(made, postgres, "bpo", 'SELECT ON "CustomerListing"', right):
        assert "may write into" in doctor("--config", made.path).one("bpo.rights", "warning")


def test_a_superuser_is_warned_of(doctor: Doctor, companies: Companies) -> None:
    found = doctor("--config", companies.make(SQLITE).path)
    assert "may do anything there (it is a superuser)" in found.one("bpo.rights", "warning")


def test_a_login_that_writes_accounts_needs_so_much_and_no_more(
    doctor: Doctor, companies: Companies, postgres: PostgresServer
) -> None:
    made = companies.make(POSTGRESQL)
    look = [f'SELECT ON "{table}"' for table in ("Client", "CliClass", "Areas", "_etblTerms", "_etblPriceListName", "CliDef")]
    with in_postgres(made, postgres, "accounting", *look):
        said = doctor("--config", made.path).one("accounting.rights", "warning")
        assert "INSERT on Client, UPDATE on Client:" in said
    with in_postgres(made, postgres, "accounting", *look, 'INSERT ON "Client"', 'UPDATE ("Name") ON "Client"'):
        said = doctor("--config", made.path).one("accounting.rights", "warning")
        assert "UPDATE on Client (Credit_Limit," in said
        assert "Name" not in said
    with in_postgres(made, postgres, "accounting", *look, *LEAST):
        assert doctor("--config", made.path).one("accounting.rights", "ok") == (
            "The login may make accounts and change those fields that bposync writes; it may write nothing else there, and "
            "delete nothing."
        )
    with in_postgres(made, postgres, "accounting", *look, *LEAST, 'DELETE ON "Client"'):
        assert "DELETE on Client" in doctor("--config", made.path).one("accounting.rights", "warning")


LOOKED_AT = tuple(
    f'SELECT ON "{table}"' for table in ("Client", "CliClass", "Areas", "_etblTerms", "_etblPriceListName", "CliDef")
)
WRITTEN = ", ".join(f'"{column}"' for name, (column, _) in evolution.COLUMNS.items() if name not in ALWAYS_NEW)
LEAST = ('INSERT ON "Client"', f'UPDATE ({WRITTEN}) ON "Client"')
"""What docs/configuration.md gives a login that writes."""


@pytest.mark.parametrize(
    ("right", "said"),
    [
        ('UPDATE ("DCBalance") ON "Client"', "UPDATE on Client (DCBalance)"),
        ('UPDATE ON "Client"', "UPDATE on every column of Client"),
        ('TRUNCATE ON "Client"', "TRUNCATE on Client"),
        ('INSERT, UPDATE, DELETE ON "CliClass"', "INSERT, UPDATE, DELETE on CliClass"),
        ('UPDATE ("cCode") ON "_etblTerms"', "UPDATE on _etblTerms (cCode)"),
        ('ALL ON "Ledger"', "INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER on Ledger"),
        ('ALL ON other."Client"', "INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER on other.Client"),
    ],
)
@pytest.mark.parametrize("by", ["itself", "role", "role that is not inherited"])
def test_each_right_of_a_writer_that_bposync_does_not_need_is_named_and_no_other(
    doctor: Doctor, companies: Companies, postgres: PostgresServer, right: str, said: str, by: str
) -> None:
    made = companies.make(POSTGRESQL)
    role = postgres.create_login("pw")
    with connected(made.accounting_url) as connection:
        connection.execute(sa.text('DROP TABLE IF EXISTS "Ledger"; CREATE TABLE "Ledger" (a int)'))
        connection.execute(sa.text('DROP SCHEMA IF EXISTS other CASCADE; CREATE SCHEMA other CREATE TABLE "Client" (a int)'))
        connection.execute(sa.text("GRANT USAGE ON SCHEMA other TO public"))
        if by != "itself":
            connection.execute(sa.text(f"GRANT {right} TO {role}"))
    given = {"itself": right, "role": f"{role}", "role that is not inherited": f"{role}"}[by]
    with in_postgres(made, postgres, "accounting", *LOOKED_AT, *LEAST, given):
        if by == "role that is not inherited":
            login = str(make_url(str(made.sections["accounting"]["url"])).username)
            with connected(made.accounting_url) as connection:
                connection.execute(sa.text(f"REVOKE {role} FROM {login}"))
                connection.execute(sa.text(f"GRANT {role} TO {login} WITH INHERIT FALSE"))
        found = doctor("--config", made.path).one("accounting.rights", "warning")
    assert found.startswith(f"The login has {said}, which bposync never needs. Take such a right away;")


def test_of_many_rights_that_are_not_needed_some_are_named(
    doctor: Doctor, companies: Companies, postgres: PostgresServer
) -> None:
    made = companies.make(POSTGRESQL)
    with in_postgres(made, postgres, "accounting", *LOOKED_AT, "ALL ON ALL TABLES IN SCHEMA public"):
        said = doctor("--config", made.path).one("accounting.rights", "warning")
    assert said.startswith("The login has DELETE, TRUNCATE, REFERENCES, TRIGGER on Client, UPDATE on every column of Client, ")
    assert re.search(r" more, which bposync never needs", said)


def test_a_login_that_owns_the_accounts_is_warned_of(doctor: Doctor, companies: Companies, postgres: PostgresServer) -> None:
    made = companies.make(POSTGRESQL)
    with in_postgres(made, postgres, "accounting", *LOOKED_AT, *LEAST):
        login = str(make_url(str(made.sections["accounting"]["url"])).username)
        with connected(made.accounting_url) as connection:
            connection.execute(sa.text(f'ALTER TABLE "Client" OWNER TO {login}'))
        said = doctor("--config", made.path).one("accounting.rights", "warning")
        with connected(made.accounting_url) as connection:
            connection.execute(sa.text('ALTER TABLE "Client" OWNER TO CURRENT_USER'))
    assert "The login has ownership, DELETE, TRUNCATE, REFERENCES, TRIGGER on Client" in said


def test_a_login_that_may_become_a_superuser_is_warned_of(
    doctor: Doctor, companies: Companies, postgres: PostgresServer
) -> None:
    made = companies.make(POSTGRESQL)
    with in_postgres(made, postgres, "accounting", *LOOKED_AT, *LEAST, "postgres"):
        said = doctor("--config", made.path).one("accounting.rights", "warning")
    assert "may do anything there (it is a member of a superuser's role)" in said


def test_a_journal_whose_login_may_not_write_is_7(doctor: Doctor, companies: Companies, postgres: PostgresServer) -> None:
    made = companies.make(SQLITE, journal=POSTGRESQL)
    database = str(make_url(made.journal_url).database)
    login = postgres.create_login("pw")
    made.configure("state", url=postgres.url(database, login, "pw"))
    assert "lacks CREATE TABLE" in doctor("--config", made.path, expect=7).one("journal.rights", "failed")
    made.configure("state", url=made.journal_url)
    made.sync()
    with connected(made.journal_url) as connection:
        connection.execute(sa.text(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {login}"))
    made.configure("state", url=postgres.url(database, login, "pw"))
    assert "lacks INSERT on" in doctor("--config", made.path, expect=7).one("journal.rights", "failed")


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody may look into, which pytest's own are not."""
    folder = Path(tempfile.mkdtemp(prefix="bposync-open-", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.skipif(os.name == "nt", reason="Windows does not simply tell who may read a file")
def test_a_journal_and_its_copy_that_everybody_may_read_are_warned_of(
    doctor: Doctor, company: Company, open_folder: Path, bposync: Call
) -> None:
    company.configure("state", url=f"sqlite:///{open_folder}/a b.sqlite")
    bposync("sync", "--yes", "--config", company.path)
    journal, copy = open_folder / "a b.sqlite", open_folder / "a b-links.csv"
    # As they are made, they are not for everybody.
    assert doctor("--config", company.path).of("journal.readers") == []
    copy.chmod(0o644)
    said = doctor("--config", company.path).one("journal.readers", "warning")
    assert said == (
        f'Everybody on this machine may read {copy}, with customers\' data in it. Take that right away: chmod o-rwx "{copy}"'
    )
    journal.chmod(0o604)
    said = doctor("--config", company.path).one("journal.readers", "warning")
    assert said.endswith(f'chmod o-rwx "{journal}" "{copy}"')
    open_folder.chmod(0o750)  # nobody else gets there
    assert doctor("--config", company.path).of("journal.readers") == []


def test_a_journals_disk_that_is_nearly_full_is_warned_of(
    doctor: Doctor, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: SimpleNamespace(free=9_900_000))
    said = doctor("--config", company.path).one("journal.space", "warning")
    assert said.startswith(f"The disk of the journal has 9.9 MB free, in {company.path.parent}: ")
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: SimpleNamespace(free=10_000_000))
    assert doctor("--config", company.path).of("journal.space") == []


@pytest.mark.skipif(os.name == "nt", reason="Windows does not simply tell who may read a file")
def test_a_demo_in_an_open_folder_is_without_a_warning_of_its_files(doctor: Doctor, open_folder: Path, bposync: Call) -> None:
    before = os.umask(0)
    try:
        path = demo.build(open_folder / "demo")
        bposync("sync", "--yes", "--config", path, expect=4)
        assert (open_folder / "demo" / "bposync-links.csv").exists()
        found = doctor("--config", path)
    finally:
        os.umask(before)
    assert [found.of(name) for name in ("configuration.rights", "journal.readers", "journal.space")] == [[], [], []]
    assert found.document["ok"] is True


def test_a_journal_that_is_a_file_without_rights_is_7(
    doctor: Doctor, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, _mode: Path(path).name != company.folder.name)
    assert "folder cannot be written" in doctor("--config", company.path, expect=7).one("journal.rights", "failed")
    company.configure("state", url="sqlite:///none/journal.sqlite")
    assert "there is no folder" in doctor("--config", company.path, expect=7).one("journal.rights", "failed")


# The line, the decimal sign, the clock.


@pytest.mark.parametrize(
    ("url", "warned"),
    [
        ("mssql+pyodbc://u:geheim@sql01/x?driver=d&Encrypt=no", ["Encrypt=no"]),
        (
            "mssql+pyodbc://u:geheim@sql01/x?driver=d&encrypt=optional&TrustServerCertificate=yes",
            ["Encrypt=no", "any certificate"],
        ),
        ("mssql+pyodbc:///?odbc_connect=DRIVER={d};SERVER=tcp:sql01,1433;Encrypt=No;PWD={a;b}", ["Encrypt=no"]),
        ("mssql+pyodbc://u:geheim@sql01/x?driver=d&Encrypt=yes", []),
        ("mssql+pyodbc://u:geheim@localhost/x?driver=d&Encrypt=no&TrustServerCertificate=yes", []),
        ("mssql+pyodbc:///?odbc_connect=SERVER=127.0.0.1,1433;Encrypt=no", []),
        ("mssql+pyodbc:///?odbc_connect=SERVER=.\\SQLEXPRESS;Encrypt=no", []),
        ("postgresql+psycopg://u:geheim@db/x?sslmode=disable", ["sslmode=disable"]),
        ("postgresql+psycopg://u:geheim@db/x?sslmode=verify-full", []),
    ],
)
def test_a_line_to_another_machine_that_is_open_or_unchecked_is_warned_of(url: str, warned: list[str]) -> None:
    found = list(servers.encryption("bpo", Address("BPO", make_url(url))))
    assert [check.result for check in found] == [Result.WARNING] * len(warned)
    for check, word in zip(found, warned, strict=True):
        assert word in check.message


def test_this_machines_own_name_is_this_machine() -> None:
    assert servers.is_this_machine(platform.node())
    assert not servers.is_this_machine("sql01")


@pytest.mark.parametrize(("came", "result"), [(1234.5, "ok"), ("1234.50", "ok"), ("1234,50", "failed"), (123450, "failed")])
def test_an_amount_that_comes_back_as_another_fails(came: object, result: str) -> None:
    connection: Any = SimpleNamespace(execute=lambda *_: SimpleNamespace(scalar=lambda: came))
    (check,) = servers.decimals("bpo", connection)
    assert check.result == result


@pytest.mark.parametrize(("minutes", "said"), [(5, "ahead of"), (-5, "behind")])
def test_a_clock_that_is_off_is_warned_of(
    doctor: Doctor, companies: Companies, monkeypatch: pytest.MonkeyPatch, minutes: int, said: str
) -> None:
    made = companies.make(POSTGRESQL)
    assert doctor("--config", made.path).one("accounting.clock", "ok")
    now = f"SELECT clock_timestamp() AT TIME ZONE 'UTC' + interval '{minutes} minutes'"
    monkeypatch.setitem(servers.NOW, "postgresql", now)
    assert said in doctor("--config", made.path).one("accounting.clock", "warning")


# BPO.


def test_default_columns_that_are_left_out_are_said_until_the_configuration_says_so(doctor: Doctor, company: Company) -> None:
    columns = ["CustomerCode", "CustomerName", "SiteDescription"]
    company.configure("bpo", customers=None, query=f"SELECT {', '.join(columns)} FROM BpoCustomer")
    said = doctor("--config", company.path).of("bpo.columns", "warning")
    assert "every customer counts as Active" in said[0]
    assert "every customer counts as a debtor" in said[1]
    assert len(said) == 3
    everything = [
        "type",
        "department",
        "department_name",
        "credit_limit",
        "website",
        "phone",
        "mobile",
        "email",
        "contact",
        "status",
        "is_debtor",
        "vat_number",
        "registration",
        "terms",
    ]
    everything += [f"{kind}_{line}" for kind in ("billing", "shipping") for line in (1, 2, 3, 4, 5, "postcode")]
    company.configure("bpo.columns", **dict.fromkeys(everything, ""))
    assert "3 fields" in doctor("--config", company.path).one("bpo.columns", "ok")


def test_a_column_that_is_not_there_is_2_and_names_the_nearest(doctor: Doctor, company: Company) -> None:
    company.configure("bpo.columns", phone="CustomerFone")
    assert "no column 'CustomerFone'" in doctor("--config", company.path, expect=2).one("bpo.columns", "failed")


def test_a_site_that_bpo_does_not_have_is_2(doctor: Doctor, company: Company) -> None:
    company.configure("bpo", sites=["Durbin"])
    found = doctor("--config", company.path, expect=2)
    assert "Did you mean 'Durban'?" in found.of("bpo.sites", "failed")[0]
    assert found.one("accounting.accounts", "ok")


@pytest.mark.parametrize(("select", "said"), [("SELECT 1", "is on"), ("SELECT 0", "is off"), (None, "is not known")])
def test_post_accounts_is_said(doctor: Doctor, company: Company, select: str | None, said: str) -> None:
    company.configure("bpo", post_accounts=select)
    assert said in doctor("--config", company.path).one("bpo.post_accounts", "ok")


def test_a_question_for_post_accounts_that_fails_hides_nothing(doctor: Doctor, company: Company) -> None:
    company.configure("bpo", post_accounts="SELECT nothing FROM nowhere")
    found = doctor("--config", company.path, expect=7)
    assert found.of("bpo.post_accounts", "failed")
    assert found.one("customers.codes", "ok")


def test_statuses_of_another_language_are_said(doctor: Doctor, company: Company) -> None:
    company.change("HIL001", status="Aktief")
    assert "BPO has: Aktief 1" in doctor("--config", company.path).one("bpo.statuses", "warning")


def test_a_bpo_that_lists_nobody_is_warned_of(doctor: Doctor, tmp_path: Path) -> None:
    assert "no customers at all" in doctor("--config", sqlite_company(tmp_path).path).one("bpo.sites", "warning")


# Codes of the configuration, and what is in the way.


def test_every_code_that_the_company_does_not_have_is_named(doctor: Doctor, company: Company) -> None:
    company.configure("accounting.defaults", group="RETIAL", area="MOON")
    company.configure("accounting.groups", RE="NONE")
    company.configure("accounting.terms", **{"30 Days": "31D"})
    found = doctor("--config", company.path, expect=2)
    said = " ".join(found.of("accounting.codes", "failed"))
    for code in ("RETIAL", "MOON", "NONE", "31D"):
        assert code in said
    assert "Did you mean 'RETAIL'?" in said
    assert found.one("accounting.accounts", "ok")


def test_fields_that_this_version_has_no_place_for_are_said(doctor: Doctor, tmp_path: Path) -> None:
    made = sqlite_company(tmp_path, client=client_table(without=("cWebPage", "Registration")))
    made.customer("HIL001", "Hillcrest Motors")
    said = doctor("--config", made.path).of("accounting.fields", "ok")
    assert "no place for it here: web site, registration." in said[0]


def test_accounts_of_one_code_are_warned_of(doctor: Doctor, company: Company) -> None:
    company.account("DUP001", "One")
    with connected(company.accounting_url) as connection:
        connection.execute(sa.text("INSERT INTO Client (Account, Name) VALUES ('dup001', 'Two')"))
    assert "one and the same code" in doctor("--config", company.path).of("accounting.accounts", "warning")[0]


# What new accounts get by their customer's type.


def without_groups(company: Company, **kept: str) -> None:
    """Leave these lines of [accounting.groups], and no default."""
    company.sections["accounting.groups"] = dict(kept)
    company.configure("accounting.defaults", group=None, category=None)


def test_types_that_all_have_a_group_are_said_with_their_customers(doctor: Doctor, company: Company) -> None:
    company.customer("GOV001", "Government", type="gv ")
    company.customer("GOV002", "Municipality", type="GV")
    said = doctor("--config", company.path).one("accounting.groups", "ok")
    assert said == "Every customer type has its group under [accounting.groups]: RE (1 customer), gv (2 customers)."


def test_types_that_take_the_default_group_are_said_and_not_warned_of(doctor: Doctor, company: Company) -> None:
    company.customer("ODD001", "Odd", type="ODD")
    company.customer("NON001", "None", type=None)
    said = doctor("--config", company.path).one("accounting.groups", "ok")
    assert said == "New accounts of 2 customer types get the default group, RETAIL: (blank) (1 customer), ODD (1 customer)."


def test_types_without_a_group_and_without_a_default_are_warned_of(doctor: Doctor, company: Company) -> None:
    without_groups(company, RE="RETAIL")
    company.customers({"code": f"ODD{place:03}", "name": f"Odd {place}", "type": "ODD"} for place in range(2))
    found = doctor("--config", company.path)
    said = found.one("accounting.groups", "warning")
    assert said.startswith(
        "New accounts of 1 customer type get no group, which decides their control account: ODD (2 customers). "
        'Say which under [accounting.groups]: "ODD" = "…"; or one for all the rest under [accounting.defaults]: group = "…".'
    )
    assert "The company has: RETAIL, CORPORATE, GOVERNMENT, IT, HILLCREST." in said
    assert company.sync().actions["ODD001"] == "create"
    assert company.client("ODD001")["iClassID"] is None


def test_types_of_many_names_are_named_up_to_some(doctor: Doctor, company: Company) -> None:
    without_groups(company)
    company.customers({"code": f"ODD{place:03}", "name": f"Odd {place}", "type": f"T{place}"} for place in range(9))
    found = doctor("--config", company.path)
    said = found.one("accounting.groups", "warning")
    assert "New accounts of 10 customer types" in said
    assert "T4 (1 customer), and 4 more" in said
    # It is said once, with the types.
    assert found.of("customers.notes") == []


def test_only_types_of_customers_that_are_synchronised_count(doctor: Doctor, company: Company) -> None:
    without_groups(company, RE="RETAIL")
    company.customer("OFF001", "Off", type="OFF", status="Inactive")
    company.customer("NOD001", "No debtor", type="NOD", is_debtor=False)
    said = doctor("--config", company.path).one("accounting.groups", "ok")
    assert said == "Every customer type has its group under [accounting.groups]: RE (1 customer)."


def test_a_type_called_as_a_group_does_not_get_it_and_that_is_said(doctor: Doctor, company: Company) -> None:
    without_groups(company, RE="RETAIL")
    company.customer("ITS001", "Technology", type="it")
    company.customer("RET001", "Retailer", type="RETAIL")
    said = doctor("--config", company.path).one("accounting.groups", "warning")
    assert '"RETAIL" = "RETAIL", "it" = "IT"' in said
    company.configure("accounting.defaults", group="RETAIL")
    found = doctor("--config", company.path)
    (said,) = found.of("accounting.groups", "warning")
    assert said == (
        "it (1 customer) is also the name of a group of the company's, which new accounts do not get: a name alone says "
        'nothing. Say so under [accounting.groups]: "it" = "IT"'
    )
    company.sync()
    assert company.client("ITS001")["iClassID"] == company.client("RET001")["iClassID"] == 1
    company.configure("accounting.groups", it="IT")
    assert doctor("--config", company.path).one("accounting.groups", "ok")


HOSTILE = ['y" = "CHEAP" #', "two\nlines", "back\\slash\u202e"]


@pytest.mark.parametrize("word", HOSTILE)
def test_a_line_for_the_configuration_is_valid_toml_whatever_bpo_calls_things(
    doctor: Doctor, company: Company, word: str
) -> None:
    without_groups(company, RE="RETAIL")
    company.customer("ODD001", "Odd", type=word, terms=word)
    found = doctor("--config", company.path)
    (group,) = found.of("accounting.groups", "warning")
    line = group.partition("under [accounting.groups]: ")[2].partition("; or one for all")[0]
    assert tomllib.loads(line) == {word: "…"}
    (note,) = [note for note in found.of("customers.notes", "warning") if "[accounting.terms]" in note]
    assert tomllib.loads(note.partition("under [accounting.terms]: ")[2]) == {word: "…"}


def test_a_bpo_without_types_gives_all_new_accounts_the_default_group(doctor: Doctor, company: Company) -> None:
    company.configure("bpo.columns", type="")
    said = doctor("--config", company.path).one("accounting.groups", "ok")
    assert said == "All new accounts get the default group, RETAIL, for BPO has no column for the customer type."
    without_groups(company, RE="RETAIL")
    said = doctor("--config", company.path).one("accounting.groups", "warning")
    assert 'Say one under [accounting.defaults]: group = "…".' in said


def test_groups_are_not_looked_at_where_the_company_lacks_one_that_is_named(doctor: Doctor, company: Company) -> None:
    company.configure("accounting.groups", RE="RETIAL")
    found = doctor("--config", company.path, expect=2)
    assert found.of("accounting.codes", "failed")
    assert found.of("accounting.groups") == []


def test_that_new_accounts_get_no_group_is_said_also_where_another_code_is_unknown(doctor: Doctor, company: Company) -> None:
    company.sections.pop("accounting.groups", None)
    company.configure("accounting.defaults", group=None, terms="NOPE")
    found = doctor("--config", company.path, expect=2)
    assert found.of("accounting.groups") == []
    (said,) = found.of("customers.notes", "warning")
    assert said.startswith("New accounts get no group, which decides their control account")


def test_partners_categories_are_said_as_groups_are(
    doctor: Doctor, of_partner: partner.PartnerCompanies, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = of_partner.on(monkeypatch).make(partner.SQLITE)
    made.customer("ODD001", "Odd", type="ODD")
    assert "get the default category, 1: ODD (1 customer)" in doctor("--config", made.path).one("accounting.groups", "ok")
    without_groups(made, RE="1")
    with connected(made.accounting_url) as connection:
        connection.execute(sa.text("UPDATE CustSuppParameters SET DefaultCategory01 = 3"))
    said = doctor("--config", made.path).one("accounting.groups", "ok")
    assert "get the company's own default category, 3: ODD (1 customer)" in said
    made.sync()
    assert made.whole()["ODD001"]["Category"] == 3
    with connected(made.accounting_url) as connection:
        connection.execute(sa.text("UPDATE CustSuppParameters SET DefaultCategory01 = 0"))
    made.customer("ODD002", "Odder", type="ODD")
    assert "get no category: ODD (2 customers)" in doctor("--config", made.path).one("accounting.groups", "warning")
    made.sync()
    assert made.whole()["ODD002"]["Category"] == 0


# The customers.


def test_what_falls_together_in_bpo_is_said(doctor: Doctor, company: Company) -> None:
    company.customer("DUP001", "Same Name", vat_number="4990012341")
    company.customer("dup001", "Other")
    company.customer("TWO001", "same-name", vat_number="499 001 2341")
    company.customer("OFF001", "Same Name", status="Inactive", vat_number="4990012341")
    found = doctor("--config", company.path)
    assert "DUP001 and dup001" in found.one("customers.codes", "warning")
    assert "DUP001, TWO001" in found.one("customers.names", "warning")
    assert "DUP001, TWO001" in found.one("customers.vat_numbers", "warning")


def test_whom_accounting_cannot_hold_is_counted_with_why(doctor: Doctor, company: Company) -> None:
    company.customers({"code": f"MUCHTOOLONGACODEFORIT{place}", "name": f"Long {place}"} for place in range(7))
    company.customers([{"code": "HELD01", "name": "Held", "contact": "c" * 40}])
    company.account("LOOK02", "Looks Alike")
    company.customers([{"code": "LOOK01", "name": "Looks Alike"}])
    found = doctor("--config", company.path)
    said = found.one("customers.rejected", "warning")
    assert said.startswith("7 customers would be rejected: MUCHTOOLONGACODEFORIT0 (Code: ")
    assert "and 5 more" in said
    assert "bposync review" in said
    assert "LOOK01 (account LOOK02 (Looks Alike) has the name)" in found.one("customers.lookalike", "warning")
    assert "(contact 1)" in found.one("customers.held", "warning")


def test_a_guard_that_would_stop_a_sync_is_said(doctor: Doctor, company: Company) -> None:
    company.configure("sync", max_changes=0)
    company.customer("NEW001", "New")
    assert "max_changes allows 0" in doctor("--config", company.path).one("customers.guards", "warning")


# The journal.


def test_a_journal_that_was_changed_is_2(doctor: Doctor, company: Company) -> None:
    company.sync()
    assert "1 run and 0 decisions" in doctor("--config", company.path).one("journal.chain", "ok")
    with connected(company.journal_url) as connection:
        connection.execute(sa.text("UPDATE bposync_runs SET by = 'somebody else'"))
    assert "not as it was recorded" in doctor("--config", company.path, expect=2).one("journal.chain", "failed")


@pytest.mark.parametrize(("version", "code", "result"), [(1, 0, "ok"), (99, 2, "failed")])
def test_a_journal_of_another_version_is_said(doctor: Doctor, company: Company, version: int, code: int, result: str) -> None:
    company.sync()
    with connected(company.journal_url) as connection:
        connection.execute(sa.text(f"UPDATE bposync_schema SET version = {version}"))
    found = doctor("--config", company.path, expect=code)
    if code:
        assert "newer bposync" in found.one("journal.connection", result)
    else:
        assert "the next sync brings it to version" in found.one("journal.version", result)
    with connected(company.journal_url) as connection:
        assert connection.execute(sa.text("SELECT version FROM bposync_schema")).scalar() == version


def test_a_journal_about_another_company_is_2(doctor: Doctor, company: Company) -> None:
    company.sync()
    other = sqlite_company(company.folder, bpo="b2", books="other", journal="j2")
    company.configure("accounting", url=other.accounting_url)
    said = " ".join(doctor("--config", company.path, expect=2).of("journal.company", "failed"))
    assert "the journal is about books" in said
    assert "bposync adopt" in said


@pytest.mark.parametrize("books", [SQLITE, POSTGRESQL])
def test_a_sync_that_runs_is_said_with_its_holder_and_is_not_held_up(doctor: Doctor, companies: Companies, books: str) -> None:
    made = companies.make(books, keep=True)
    with made.opened() as opened:
        with opened.accounting.way.lock():
            said = doctor("--config", made.path).one("journal.lock", "warning")
            assert re.search(r"A sync is running, by .+ on .+ since 20", said)
        with opened.accounting.way.lock():
            pass
    assert doctor("--config", made.path).one("journal.lock", "ok")


@pytest.mark.skipif(not Path("/proc/locks").exists(), reason="this system does not list its locks")
def test_what_a_killed_sync_leaves_is_no_running_one(doctor: Doctor, company: Company) -> None:
    held_by = Path(f"{company.folder / 'books.sqlite'}.held-by.lock")
    Path(f"{company.folder / 'books.sqlite'}.lock").touch()
    held_by.write_text(json.dumps({"holder": f"thandi on {platform.node()} since 2026-11-23T08:30:12Z"}), "utf-8")
    assert doctor("--config", company.path).one("journal.lock", "ok")
    held_by.write_text(json.dumps({"holder": "thandi on elsewhere since 2026-11-23T08:30:12Z"}), "utf-8")
    assert "or it was killed" in doctor("--config", company.path).one("journal.lock", "warning")
    assert locks.look(Address("it", make_url(company.bpo_url))) == locks.Seen(held=False)


def test_where_the_way_in_has_no_lock_two_machines_need_one_journal(doctor: Doctor, company: Company) -> None:
    assert doctor("--config", company.path).of("journal.shared") == []
    with freedom.served(company):
        assert "from another machine needs the same journal" in doctor("--config", company.path).one("journal.shared", "ok")


# The Freedom Service.


@pytest.mark.parametrize("kind", freedom.KINDS)
def test_a_freedom_service_is_asked_for_version_agent_company_and_a_read(doctor: Doctor, company: Company, kind: str) -> None:
    with freedom.served(company, kind) as server:
        found = doctor("--config", company.path)
        assert "version 1.04 (stand-in)" in found.one("accounting.service", "ok")
        assert "may look at the accounts of Example & Söhne (Pty) Ltd" in found.one("accounting.agent", "ok")
        assert found.one("accounting.codes", "ok")
        assert not [call for call in server.calls if call.method != "GET"]
        pages = [call for call in server.calls if call.operation == "customerlist" and call.parameters["pagesize"] != "1"]
        assert len(pages) == (2 if kind == freedom.ALONE else 0)


def wrong_password(company: Company, _server: FreedomServer) -> None:
    company.configure("accounting", freedom_password=SENTINEL)


def wrong_company(company: Company, server: FreedomServer) -> None:
    company.configure("accounting", freedom_url=f"{server.url.rpartition('/')[0]}/Nobody")


def garbage(_company: Company, server: FreedomServer) -> None:
    server.behave = lambda _call: Behaviour(reply=Reply(200, "text/html", b"<html><title>Welcome</title>\x1b[31m</html>"))


def cut(_company: Company, server: FreedomServer) -> None:
    server.behave = lambda _call: Behaviour(cut=True)


def wrong_port(company: Company, _server: FreedomServer) -> None:
    company.configure("accounting", freedom_url="http://127.0.0.1:1/freedom.core/Example")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (wrong_password, "does not let the agent bposync in"),
        (wrong_company, "has no company Nobody"),
        (garbage, "cannot be read"),
        (cut, "cannot be read"),
        (wrong_port, "cannot be reached"),
    ],
)
def test_a_freedom_service_that_cannot_be_used_is_7_and_hides_nothing_else(
    doctor: Doctor, company: Company, spoil: Callable[[Company, FreedomServer], None], said: str
) -> None:
    with freedom.served(company) as server:
        spoil(company, server)
        found = doctor("--config", company.path, expect=7)
    assert said in found.one("accounting.agent", "failed")
    assert found.of("accounting.accounts") == []
    assert found.one("bpo.connection", "ok")
    assert found.one("journal.rights", "ok")


def test_a_password_over_plain_http_to_another_machine_is_warned_of(doctor: Doctor, company: Company) -> None:
    with freedom.served(company) as server:
        company.configure("accounting", freedom_plain=True)
        assert server.url.startswith("http://127.0.0.1")
        path = company.path
        path.chmod(0o600)
        assert doctor("--config", path).of("configuration.passwords") == []
        company.configure("accounting", freedom_url="http://nowhere.invalid:5000/freedom.core/x", freedom_password=SENTINEL)
        path = company.path
        path.chmod(0o600)
        assert "plain http" in doctor("--config", path, expect=7).one("configuration.passwords", "warning")


# Partner.


@pytest.mark.parametrize("kind", partner.KINDS)
def test_partner_by_each_way_has_no_failure_and_is_as_it_was(
    doctor: Doctor, of_partner: partner.PartnerCompanies, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    if kind in partner.DRIVERS:
        needs(odbc.installed(partner.DRIVERS[kind]), f"the ODBC driver {partner.DRIVERS[kind]} is not installed")
    made = of_partner.on(monkeypatch).make(kind)
    made.customer("HIL001", "Hillcrest Motors")
    made.account("HIL001", "Hillcrest Motors")
    path = made.path
    before, files = made.snapshot(), files_of(made.folder)
    found = doctor("--config", path)
    assert (made.snapshot(), files_of(made.folder)) == (before, files)
    assert "1 account is read" in found.one("accounting.accounts", "ok")
    assert not [
        check for check in found.bad if check != "bpo.rights" and not check.startswith(("configuration", "accounting.rights"))
    ]
    assert bool(found.of("accounting.sdk", "ok")) is (kind == partner.SDK)
    assert bool(found.of("journal.shared", "ok")) is (kind not in (partner.SQLITE, partner.POSTGRESQL))


def test_an_sdk_that_refuses_is_7(
    doctor: Doctor, of_partner: partner.PartnerCompanies, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = of_partner.on(monkeypatch).make(partner.SDK)
    made.configure("accounting", data_path="nowhere")
    assert "no folder" in doctor("--config", made.path, expect=2).one("accounting.sdk", "failed")
    assert made.pastel is not None


def test_the_sdk_on_another_system_is_2_and_says_so(doctor: Doctor, tmp_path: Path) -> None:
    path = demo.build(tmp_path, system="partner", write="file")
    text = path.read_text("utf-8").replace('write = "file"', 'write = "sdk"\ndata_path = "."\nsdk_serial = "1"\nsdk_code = "2"')
    path.write_text(re.sub(r"^file = .*$", "", text, flags=re.MULTILINE), "utf-8")
    if sys.platform != "win32":
        assert "works on Windows only" in doctor("--config", path, expect=2).one("accounting.sdk", "failed")


def test_an_import_file_without_a_folder_is_2_and_accounts_are_read_all_the_same(doctor: Doctor, tmp_path: Path) -> None:
    path = demo.build(tmp_path, system="partner", write="file")
    path.write_text(re.sub(r"^file = .*$", 'file = "none/x.csv"', path.read_text("utf-8"), flags=re.MULTILINE), "utf-8")
    found = doctor("--config", path, expect=2)
    assert "no folder" in found.one("accounting.file", "failed")
    assert found.one("accounting.accounts", "ok")


# What is printed.


def test_each_check_is_a_line_and_below_it_stands_what_to_do(company: Company, capsys: pytest.CaptureFixture[str]) -> None:
    company.configure("bpo", post_accounts="SELECT 7")
    company.customer("MUCHTOOLONGACODEFORIT1", "Long")
    assert main(["doctor", "--config", str(company.path)]) == 2
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert err == ""
    place = next(number for number, line in enumerate(lines) if "✗" in line)
    assert lines[place].startswith("  ✗ ")
    assert lines[place + 1] == "    → It must select one yes or no."
    assert (
        lines[-1] == f"1 failed and 1 warning in {sum(line[:3] in ('  ✓', '  !', '  ✗') for line in lines)} checks. Mend what "
        f"failed, then run bposync doctor --config {company.path} again."
    )


def test_quiet_says_what_is_wrong_and_nothing_where_nothing_is(company: Company, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--quiet", "--config", str(company.path)]) == 0
    assert capsys.readouterr() == ("", "")
    company.configure("bpo", sites=["Durbin"])
    assert main(["doctor", "--quiet", "--config", str(company.path)]) == 2
    out, err = capsys.readouterr()
    assert [line.split()[0] for line in out.splitlines()] == ["✗", "→"]
    assert err == ""


@pytest.mark.parametrize(("encoding", "mark"), [("utf-8", "✓"), ("cp1252", "ok"), ("ascii", "ok")])
@pytest.mark.parametrize("width", [40, 60, 120])
def test_marks_and_lines_are_what_the_terminal_holds(
    company: Company, monkeypatch: pytest.MonkeyPatch, encoding: str, mark: str, width: int
) -> None:
    company.configure("bpo", sites=["Durbin"])
    terminal = Terminal(encoding)
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setattr(sys, "stdout", terminal)
    assert main(["doctor", "--config", str(company.path)]) == 2
    lines = terminal.said.splitlines()
    assert f"  {mark} " in terminal.said
    assert "\\u" not in terminal.said
    words = str(company.folder)  # a path is one word, and may be longer than the terminal is wide
    assert max(len(line) for line in lines if words[:10] not in line) <= width


def test_what_stands_in_a_name_neither_acts_nor_hides(company: Company, capsys: pytest.CaptureFixture[str]) -> None:
    company.customer("MUCHTOOLONG\x1b[31mCODE\u202e0001", "Na\x9bme", site="S\x1bite\u200b")
    main(["doctor", "--config", str(company.path)])
    out, err = capsys.readouterr()
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u202e]", out + err)


def test_it_is_a_process_as_any_other(company: Company) -> None:
    result = cli.run("--config", company.path, "doctor")
    assert "All is as it should be" in result.stdout
    assert result.stderr == ""
