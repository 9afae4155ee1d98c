"""SQL Server: what bposync sends there is T-SQL that it takes, and Microsoft's own driver gives up in time.

There is no SQL Server to test on, so a stand-in takes its place behind SQLAlchemy's own dialect for it and pyodbc's own
errors: it reads T-SQL only, refuses what SQL Server refuses, and keeps the rows in SQLite. What a driver does when nobody
answers is tested with the real one.
"""

from __future__ import annotations

import io
import json
import logging
import re
import socket
import sqlite3
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
import sqlglot
from sqlalchemy.dialects import mssql
from sqlglot import exp

from bposync.accounting import open_accounting
from bposync.cli.app import main
from bposync.database import is_held
from bposync.doctor import journal as doctor_journal
from bposync.doctor import rights, servers
from bposync.errors import UsageError
from bposync.fields import BPO_FIELDS
from bposync.journal import schema
from support import cli, odbc
from support.company import FULL, Company, sqlite_company
from support.policy import needs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

SENTINEL = "S3cr3t@:/#%{};'x"
MOST_PARAMETERS = 2100


# The stand-in.


@dataclass(frozen=True)
class Sent:
    """One statement that was sent: where, over which connection, with which values."""

    database: str
    session: int
    statement: str
    values: tuple[tuple[Any, ...], ...]

    @property
    def verb(self) -> str:
        return self.statement.split(maxsplit=1)[0].upper()


@dataclass
class Server:
    """A server with one SQLite file a database. `names` is how it hands out names of columns: as declared, or as Babelfish."""

    folder: Path
    code_page: str | None = "1252"
    names: str = "declared"
    sent: list[Sent] = field(default_factory=list)
    locks: dict[str, Session] = field(default_factory=dict)
    sessions: int = 0
    everything: str | None = None
    """What the logins are, where they may do anything."""
    refused: set[tuple[str, str, str]] = field(default_factory=set)
    """What the logins may not do: right, object, column; an empty column is the whole table."""
    writable: dict[str, tuple[int, str | None]] = field(default_factory=dict)
    """How many tables the login may write into, and the first of them, by database."""
    held: list[tuple[Any, ...]] = field(default_factory=list)
    """The rights to write that a login has: whether on the table of the bare name, schema, table, right, column."""
    minutes_ahead: int = 0

    def connect(self, connection_string: str, **options: Any) -> Session:
        found = re.search(r"\b(?:Database|dsn)=([^;]+)", connection_string, re.IGNORECASE)
        assert found, "no database in the connection string"
        assert options.get("timeout") == 10, "a connection without a time-out for the login"
        self.sessions += 1
        return Session(self, found[1], self.sessions)

    def file(self, database: str) -> Path:
        return self.folder / f"{database}.sqlite"

    def reflected(self, name: str) -> str:
        """Give a name as the catalogue has it."""
        return name if self.names == "declared" else name.lower()


class Session:
    """One connection, as pyodbc's: a transaction begins by itself, and an error may end it."""

    def __init__(self, server: Server, database: str, number: int) -> None:
        self.server, self.database, self.number = server, database, number
        self.timeout = 0
        self.autocommit = False
        self.options: set[str] = set()
        self.savepoints: list[str] = []
        self.rows = sqlite3.connect(server.file(database), isolation_level=None, timeout=2)
        self.rows.create_function("HAS_PERMS_BY_NAME", -1, self._may)
        self.rows.create_function("APPLOCK_TEST", 4, self._could_lock)

    def _may(self, name: str, kind: str, right: str, column: str = "", column_kind: str = "COLUMN") -> int:
        assert (kind, column_kind) == ("OBJECT", "COLUMN")
        assert re.fullmatch(r"\[\w+\]", name), "a name is quoted"
        return int((right, name.strip("[]"), column) not in self.server.refused)

    def _could_lock(self, principal: str, name: str, mode: str, owner: str) -> int:
        assert (principal, mode, owner) == ("public", "Exclusive", "Session")
        return int(not any(held.partition(":")[2] == name for held in self.server.locks))

    def cursor(self) -> Cursor:
        return Cursor(self)

    def add_output_converter(self, _kind: int, _function: Callable[..., Any]) -> None: ...

    def begin(self) -> None:
        if not self.rows.in_transaction:
            self.rows.execute("BEGIN")

    def commit(self) -> None:
        self._end("COMMIT")

    def rollback(self) -> None:
        self._end("ROLLBACK")

    def _end(self, how: str) -> None:
        if self.rows.in_transaction:
            self.rows.execute(how)
        self.savepoints.clear()
        self._unlock("Transaction")

    def _unlock(self, owner: str) -> None:
        for name in [name for name, holder in self.server.locks.items() if holder is self and name.startswith(owner)]:
            del self.server.locks[name]

    def close(self) -> None:
        self.rollback()
        self._unlock("Session")
        self.rows.close()

    def lock(self, name: str, owner: str, wait: int) -> int:
        assert owner in ("Session", "Transaction")
        assert wait >= 0
        holders = {holder for held, holder in self.server.locks.items() if held.partition(":")[2] == name}
        if holders - {self}:
            return -1
        self.server.locks[f"{owner}:{name}"] = self
        return 0


ANSWERS: dict[str, Callable[[Session], tuple[Any, ...] | list[tuple[Any, ...]]]] = {
    "SELECT CAST(SERVERPROPERTY('ProductVersion') AS VARCHAR)": lambda _: ("16.0.4135.4",),
    "SELECT schema_name()": lambda _: ("dbo",),
    "SELECT CAST('test max support' AS NVARCHAR(max))": lambda _: ("test max support",),
    "SELECT 1 FROM fn_listextendedproperty(default, default, default, default, default, default, default)": lambda _: (1,),
    "SELECT name FROM sys.system_views WHERE name IN ('dm_exec_sessions', 'dm_pdw_nodes_exec_sessions')": (
        lambda _: ("dm_exec_sessions",)
    ),
    "SELECT CASE transaction_isolation_level WHEN 0 THEN NULL WHEN 1 THEN 'READ UNCOMMITTED' WHEN 2 THEN 'READ COMMITTED' "
    "WHEN 3 THEN 'REPEATABLE READ' WHEN 4 THEN 'SERIALIZABLE' WHEN 5 THEN 'SNAPSHOT' END AS TRANSACTION_ISOLATION_LEVEL "
    "FROM sys.dm_exec_sessions where session_id = @@SPID": lambda _: ("READ COMMITTED",),
    "SELECT DB_NAME()": lambda session: (session.database,),
    "SELECT DB_NAME(), SUSER_SNAME()": lambda session: (session.database, "DOMAIN\\reader"),
    "SELECT COLLATIONPROPERTY(CAST(DATABASEPROPERTYEX(DB_NAME(), 'Collation') AS varchar(128)), 'CodePage')": (
        lambda session: (session.server.code_page,)
    ),
    # What doctor asks.
    rights.EVERYTHING["mssql"]: lambda session: (session.server.everything,),
    rights.WRITABLE["mssql"]: lambda session: session.server.writable.get(session.database, (0, None)),
    rights.HELD["mssql"]: lambda session: session.server.held,
    doctor_journal.READ_ONLY["mssql"]: lambda _: (0,),
    doctor_journal.MAY_CREATE["mssql"]: lambda session: (int(("CREATE TABLE", "", "") not in session.server.refused),),
    servers.NOW["mssql"]: lambda session: (
        datetime.now(UTC).replace(tzinfo=None) + timedelta(minutes=session.server.minutes_ahead),
    ),
}


class Cursor:
    """One cursor, as pyodbc's."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.found: list[tuple[Any, ...]] = []
        self.description: list[tuple[Any, ...]] | None = None
        self.rowcount = -1

    def setinputsizes(self, _sizes: Sequence[Any]) -> None: ...

    def nextset(self) -> bool:
        return False

    def close(self) -> None:
        self.found = []

    def execute(self, statement: str, values: Sequence[Any] = ()) -> Cursor:
        self._run(statement, [tuple(values)])
        return self

    def executemany(self, statement: str, rows: Sequence[Sequence[Any]]) -> None:
        self._run(statement, [tuple(row) for row in rows])

    def fetchone(self) -> tuple[Any, ...] | None:
        return self.found.pop(0) if self.found else None

    def fetchmany(self, size: int = 1) -> list[tuple[Any, ...]]:
        some, self.found = self.found[:size], self.found[size:]
        return some

    def fetchall(self) -> list[tuple[Any, ...]]:
        return self.fetchmany(len(self.found))

    def _run(self, statement: str, rows: list[tuple[Any, ...]]) -> None:
        session = self.session
        session.server.sent.append(Sent(session.database, session.number, " ".join(statement.split()), tuple(rows)))
        self.found, self.description = [], None
        for values in rows:
            assert statement.count("?") == len(values)
            assert len(values) <= MOST_PARAMETERS, "SQL Server takes 2,100 parameters"
            for value in values:
                assert value is None or isinstance(value, (str, int, float, bool)), f"{value!r} is bound as it is"
        if statement.startswith("SET ") and ";" not in statement:
            session.options.add(statement)
        elif (answer := ANSWERS.get(" ".join(statement.split()))) is not None:
            session.begin()
            rows_ = found if isinstance(found := answer(session), list) else [found]
            self._answer(rows_, ["" for _ in (rows_ or [("",)])[0]])
        elif "sp_getapplock" in statement:
            self._get_lock(statement, rows[0])
        elif statement.startswith(("SAVE ", "ROLLBACK ", "IF ")):
            self._save(statement)
        else:
            self._translate(statement, rows)

    def _answer(self, found: list[tuple[Any, ...]], names: Sequence[str]) -> None:
        self.found = found
        self.description = [(name, str, None, None, None, None, True) for name in names]

    def _get_lock(self, statement: str, values: tuple[Any, ...]) -> None:
        declared, executed, selected = (part.strip() for part in statement.removeprefix("SET NOCOUNT ON;").split(";"))
        assert (declared, selected) == ("DECLARE @code int", "SELECT @code")
        call = re.fullmatch(r"EXEC @code = sp_getapplock (.+)", executed)
        assert call, "the return code says whether the lock was given"
        arguments = dict(argument.strip().split(" = ") for argument in call[1].split(","))
        given = iter(values)
        named: dict[str, Any] = {name: next(given) if value == "?" else value.strip("'") for name, value in arguments.items()}
        assert named["@LockMode"] == "Exclusive"
        self.session.begin()
        code = self.session.lock(named["@Resource"], named["@LockOwner"], named["@LockTimeout"])
        self._answer([(code,)], [""])

    def _save(self, statement: str) -> None:
        session = self.session
        if statement == "IF @@TRANCOUNT = 0 BEGIN TRANSACTION":
            session.begin()
        elif statement.startswith("SAVE TRANSACTION "):
            assert "SET XACT_ABORT ON" not in session.options, "no way back to a savepoint once an error dooms the transaction"
            assert session.rows.in_transaction, "Cannot issue SAVE TRANSACTION when there is no active transaction. (628)"
            session.savepoints.append(statement.removeprefix("SAVE TRANSACTION "))
            session.rows.execute(f"SAVEPOINT {session.savepoints[-1]}")
        else:
            name = statement.removeprefix("ROLLBACK TRANSACTION ")
            assert name in session.savepoints, f"Cannot roll back {name}. No savepoint of that name was found. (6401)"
            session.rows.execute(f"ROLLBACK TO {name}")

    def _translate(self, statement: str, rows: list[tuple[Any, ...]]) -> None:
        translated, star = _translated(statement)
        session = self.session
        session.begin()
        try:
            for values in rows:
                found = session.rows.execute(translated, values)
                if found.description:
                    self._answer(found.fetchall(), [self._handed_out(column[0], star=star) for column in found.description])
                self.rowcount = found.rowcount
        except sqlite3.Error as error:
            if "SET XACT_ABORT ON" in session.options:
                session.rollback()
            raise _odbc_error(error) from None

    def _handed_out(self, name: str, *, star: bool) -> str:
        names = self.session.server.names
        return name.lower() if names == "lower" or (names == "lower unless asked for *" and not star) else name


@cache
def _translated(statement: str) -> tuple[str, bool]:
    """Give a statement of T-SQL as SQLite takes it, and whether it asks for *; what SQL Server refuses fails."""
    (tree,) = sqlglot.parse(statement, read="tsql", error_level=sqlglot.ErrorLevel.RAISE)
    assert isinstance(tree, (exp.Select, exp.Insert, exp.Update, exp.Delete, exp.Create)), statement
    if isinstance(tree, exp.Insert):
        assert "DCLink" not in statement.partition("VALUES")[0], "IDENTITY_INSERT is set to OFF. (544)"
        assert not tree.args.get("returning"), "the table has triggers, and OUTPUT has no INTO. (334)"
    for table in tree.find_all(exp.Table):
        assert table.db in ("", "dbo"), f"no schema {table.db}"
        table.set("db", None)
    text = tree.sql(dialect="sqlite")
    if isinstance(tree, exp.Create):
        text = re.sub(r"TEXT\((?:\d+|MAX)\)", "TEXT COLLATE NOCASE", text)
    return text, bool(tree.find(exp.Star))


def _odbc_error(error: sqlite3.Error) -> BaseException:
    import pyodbc

    said = f"[Microsoft][ODBC Driver 18 for SQL Server][SQL Server]{error}"
    if isinstance(error, sqlite3.IntegrityError):
        refused: BaseException = pyodbc.IntegrityError("23000", f"[23000] {said} (547) (SQLExecDirectW)")
        return refused
    state = "42S02" if "no such table" in str(error) else "42000"
    wrong: BaseException = pyodbc.ProgrammingError(state, f"[{state}] {said} (208) (SQLExecDirectW)")
    return wrong


def _types(server: Server, database: str, table: str) -> Iterator[tuple[str, sa.types.TypeEngine[Any]]]:
    with closing(sqlite3.connect(server.file(database))) as connection:
        rows = connection.execute("SELECT name, type FROM pragma_table_info(?)", (table,)).fetchall()
    for name, kind in rows:
        length = re.search(r"\d+", kind)
        types: dict[str, sa.types.TypeEngine[Any]] = {
            "VARCHAR": mssql.VARCHAR(int(length[0]) if length else None, collation="Latin1_General_CI_AS"),
            "BOOLEAN": mssql.BIT(), "FLOAT": mssql.FLOAT(), "INTEGER": mssql.INTEGER(), "DATETIME": mssql.DATETIME(),
        }  # fmt: skip
        yield server.reflected(name), types.get(kind.partition("(")[0], mssql.INTEGER())


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Server:
    return stand_in(tmp_path, monkeypatch)


def stand_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Server:
    """Let SQLAlchemy's dialect for SQL Server reach the stand-in instead of a server; the catalogue is the SQLite file's."""
    needs(odbc.pyodbc_loads(), "pyodbc does not load: install unixODBC (Debian, Ubuntu: apt-get install unixodbc)")
    import pyodbc
    from sqlalchemy.dialects.mssql.pyodbc import MSDialect_pyodbc

    made = Server(folder)
    driver = SimpleNamespace(**{**vars(pyodbc), "connect": made.connect})
    monkeypatch.setattr(MSDialect_pyodbc, "import_dbapi", lambda: driver)

    def listed(kind: str) -> Callable[..., list[str]]:
        def names(_dialect: object, connection: sa.Connection, _schema: str | None = None, **_: Any) -> list[str]:
            session = connection.connection.dbapi_connection
            assert isinstance(session, Session)
            session.begin()
            rows = session.rows.execute("SELECT name FROM sqlite_master WHERE type = ?", (kind,)).fetchall()
            return [made.reflected(name) for (name,) in rows]

        return names

    def has_table(dialect: object, connection: sa.Connection, table: str, _schema: str | None = None, **_: Any) -> bool:
        return table.lower() in [name.lower() for name in listed("table")(dialect, connection)]

    def have_tables(
        dialect: object, connection: sa.Connection, tables: Sequence[str], schema: str | None = None, **_: Any
    ) -> list[tuple[tuple[str | None, str], bool]]:
        return [((schema, table), has_table(dialect, connection, table)) for table in tables]

    def columns(
        _: object, connection: sa.Connection, table: str, _schema: str | None = None, **__: Any
    ) -> list[dict[str, Any]]:
        session = connection.connection.dbapi_connection
        assert isinstance(session, Session)
        return [{"name": name, "type": kind} for name, kind in _types(made, session.database, table)]

    for name, function in {
        "get_table_names": listed("table"), "get_view_names": listed("view"), "get_columns": columns,
        "has_table": has_table, "has_multi_table": have_tables,
        "get_schema_names": lambda *_, **__: ["dbo", "sys"],
    }.items():  # fmt: skip
        monkeypatch.setattr(MSDialect_pyodbc, name, function)
    return made


def company_on(server: Server) -> Company:
    """Give a company whose BPO, books and journal are the server's databases; the test reaches into their files."""
    with closing(sqlite3.connect(server.file("Journal"))):
        pass
    company = sqlite_company(server.folder, bpo="BPO", books="Example Company", journal="Journal")
    for section, database in (("bpo", "BPO"), ("accounting", "Example%20Company"), ("state", "Journal")):
        url = f"mssql+pyodbc://reader:secret@127.0.0.1/{database}?driver=ODBC+Driver+18+for+SQL+Server"
        company.configure(section, url=url)
    company.configure("bpo", customers="dbo.customerlisting")
    return company


def bposync(company: Company, *arguments: str, expect: int = 0) -> str:
    """Run a command line in this process, and give its standard output."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main(["--config", str(company.path), *arguments])
    assert code == expect, out.getvalue() + err.getvalue()
    return out.getvalue()


# What is sent.


@pytest.fixture(scope="module")
def flow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """What is sent in the life of a company, from the first sync on, with all that can happen to an account."""
    logging.getLogger("sqlglot").setLevel(logging.ERROR)
    with pytest.MonkeyPatch.context() as monkeypatch:
        server = stand_in(tmp_path_factory.mktemp("server"), monkeypatch)
        company = company_on(server)
        company.configure("bpo", post_accounts="SELECT 1")
        company.account("OLD000001", "Old", phone="1")
        company.customer("OLD000001", "Old", phone="1", email="a@b.example")
        company.customers(
            {"code": f"NEW{number:06}", "name": f"New {number}", "terms": "60 Days", "phone": f"031 {number}"}
            for number in range(520)
        )
        company.customer("full", "O'Full", terms="30 Days", **FULL)
        bposync(company, "sync", "--dry-run")
        bposync(company, "sync", "--yes")
        company.change("full", phone="1", credit_limit=12.34, terms="90 Days", email="")
        company.change("NEW000001", phone="2")
        company.edit("NEW000002", Telephone="bookkeeper")
        company.delete("NEW000003")
        company.books(
            """CREATE TRIGGER refuse BEFORE UPDATE ON "Client" WHEN NEW."Telephone" = 'bad'
            BEGIN SELECT RAISE(ABORT, 'refused by a rule'); END"""
        )
        company.change("NEW000004", phone="bad")
        bposync(company, "sync", "--yes", "--max-changes", "10", expect=4)
        for command in (["list"], ["sites"], ["status"], ["history"], ["history", "--customer", "full"]):
            bposync(company, *command)
        bposync(company, "sync", "--yes", "--overwrite", "--customer", "NEW000002")
        company.edit("NEW000007", Telephone="accepted")
        for command in (
            ["accept", "NEW000007"], ["accept", "NEW000007", "--undo"], ["accept", "NEW000007"],
            ["ignore", "NEW000005"], ["ignore", "NEW000005", "--undo"], ["unlink", "NEW000006"],
            ["link", "NEW000006", "NEW000006"],
        ):  # fmt: skip
            bposync(company, *command)
        bposync(company, "review", "--output", str(company.folder / "review.csv"))
        filled = (company.folder / "review.csv").read_text("utf-8-sig").replace("NEW000004,,,", "NEW000004,overwrite,,")
        (company.folder / "filled.csv").write_text(filled, "utf-8")
        bposync(company, "review", "--apply", str(company.folder / "filled.csv"), "--yes")
        bposync(company, "link", "--export", str(company.folder / "links.csv"))
        assert "as bposync recorded it" in bposync(company, "history", "--verify")
        yield server


def test_what_was_written_is_what_bpo_holds(flow: Server) -> None:
    with closing(sqlite3.connect(flow.file("Example Company"))) as connection:
        rows = {row[0]: row[1:] for row in connection.execute("SELECT Account, Name, Telephone, iAgeingTermID FROM Client")}
        full = connection.execute("SELECT Credit_Limit, EMail, CT, iClassID FROM Client WHERE Account = 'FULL'").fetchone()
    assert len(rows) == 521
    assert rows["FULL"] == ("O'Full", "1", 3)
    assert full == (12.34, "", 1, 1)
    assert [rows[f"NEW00000{number}"][1] for number in (0, 1, 2, 4)] == ["031 0", "2", "031 2", "031 4"]


def test_every_verb_is_one_that_this_test_knows(flow: Server) -> None:
    verbs: dict[str, set[str]] = {}
    for sent in flow.sent:
        verbs.setdefault(sent.database, set()).add(sent.verb)
    catalogue = {"SELECT", "SAVE", "IF", "ROLLBACK"}
    assert verbs["BPO"] <= catalogue
    assert verbs["Example Company"] <= {*catalogue, "SET", "INSERT", "UPDATE"}
    assert verbs["Journal"] <= {*catalogue, "SET", "CREATE", "INSERT", "UPDATE", "DELETE"}


def test_everything_parses_as_t_sql(flow: Server) -> None:
    """The stand-in takes nothing else; here stands that each kind of statement was among what it took."""
    kinds = {(sent.database, sent.verb) for sent in flow.sent}
    assert {("Example Company", "INSERT"), ("Example Company", "UPDATE"), ("Journal", "CREATE"), ("BPO", "SELECT")} <= kinds


def test_customers_values_are_bound_and_never_part_of_a_statement(flow: Server) -> None:
    bound = {value for sent in flow.sent for row in sent.values for value in row if isinstance(value, str)}
    for value in ("O'Full", FULL["contact"], FULL["billing_1"], "031 17", "NEW000017"):
        assert value in bound
        assert [sent.statement for sent in flow.sent if value in sent.statement] == []


def test_a_new_account_is_inserted_without_output_and_without_its_key(flow: Server) -> None:
    inserts = [sent.statement for sent in flow.sent if sent.statement.startswith("INSERT INTO [Client]")]
    assert inserts
    for insert in inserts:
        assert not re.search(r"\bOUTPUT\b|\bRETURNING\b|SCOPE_IDENTITY|DCLink|DCBalance|dTimeStamp", insert, re.IGNORECASE)
    assert [sent.statement for sent in flow.sent if re.search(r"\bOUTPUT\b|\bMERGE\b|SCOPE_IDENTITY", sent.statement)] == []


def test_known_accounts_are_read_under_an_update_lock_by_their_key(flow: Server) -> None:
    writers = {sent.session for sent in flow.sent if sent.verb == "UPDATE" and sent.database == "Example Company"}
    for session in writers:
        statements = [sent.statement for sent in flow.sent if sent.session == session]
        update = next(number for number, statement in enumerate(statements) if statement.startswith("UPDATE"))
        locking = [statement for statement in statements[:update] if "FROM [Client] WITH (UPDLOCK, ROWLOCK) WHERE" in statement]
        assert len(locking) == 1
        assert re.search(r"WHERE \[DCLink\] IN \(\?(, \?)*\)$", locking[0])
    assert writers


def test_an_update_sets_what_differs_and_finds_its_row_by_the_key(flow: Server) -> None:
    updates = [sent.statement for sent in flow.sent if sent.verb == "UPDATE" and sent.database != "Journal"]
    assert set(updates) == {
        "UPDATE [Client] SET [Telephone]=? WHERE [DCLink] = ?",
        "UPDATE [Client] SET [Credit_Limit]=?, [Telephone]=?, [EMail]=?, [iAgeingTermID]=? WHERE [DCLink] = ?",
        "UPDATE [Client] SET [EMail]=? WHERE [DCLink] = ?",
    }


def test_new_codes_are_looked_for_in_one_pass_a_batch(flow: Server) -> None:
    looks = [sent for sent in flow.sent if "lower(ltrim(rtrim([Account])))" in sent.statement]
    batches = Counter(sent.session for sent in looks)
    assert max(batches.values()) <= 4  # two batches, each before the write and after it
    assert max(len(sent.values[0]) for sent in looks) <= 1000


def test_whoever_writes_ends_the_whole_transaction_on_an_error_and_counts_nothing(flow: Server) -> None:
    """A trigger's own counts would else come before its error, which the driver then never tells."""
    for writer in {sent.session for sent in flow.sent if sent.verb in ("INSERT", "UPDATE", "DELETE", "CREATE")}:
        options = {sent.statement for sent in flow.sent if sent.session == writer and sent.verb == "SET"}
        assert {"SET XACT_ABORT ON", "SET NOCOUNT ON"} <= options


def test_a_write_waits_ten_seconds_at_most_for_what_others_hold(flow: Server) -> None:
    writers = {sent.session for sent in flow.sent if sent.verb in ("INSERT", "UPDATE") and "[Client]" in sent.statement}
    assert writers
    for writer in writers:
        sent = [sent.statement for sent in flow.sent if sent.session == writer]
        assert sent.index("SET LOCK_TIMEOUT 10000") < min(
            place for place, statement in enumerate(sent) if "[Client]" in statement
        )
    said = "[42000] [Microsoft][SQL Server]Lock request time out period exceeded. (1222) (SQLExecDirectW)"
    assert is_held(sa.exc.ProgrammingError("", {}, Exception("42000", said)))


def test_a_sync_holds_a_lock_by_a_name_in_lower_case(flow: Server) -> None:
    asked = {sent.values[0] for sent in flow.sent if "sp_getapplock" in sent.statement}
    assert ("bposync:example company", "Session", 0) in asked
    assert {name for name, _, _ in asked} == {"bposync:example company", "bposync:example company:write"}
    assert {(name, owner) for name, owner, _ in asked if name.endswith(":write")} == {(
        "bposync:example company:write", "Transaction",
    )}  # fmt: skip
    assert flow.locks == {}


def test_while_a_sync_runs_another_one_leaves_with_6(server: Server) -> None:
    company = company_on(server)
    company.customer("HIL000001", "Hillcrest")
    with company.opened() as opened, opened.accounting.way.lock():
        said = json.loads(bposync(company, "sync", "--yes", "--json", expect=6))
        bposync(company, "sync", "--dry-run")
        bposync(company, "status")
    assert said["error"]["code"] == 6
    assert company.clients() == []
    bposync(company, "sync", "--yes")
    assert [row["Account"] for row in company.clients()] == ["HIL000001"]


def test_the_journals_keys_fit_into_an_index_of_sql_servers() -> None:
    def width(columns: Iterable[sa.Column[Any]]) -> int:
        return sum(2 * (column.type.length or 4000) if isinstance(column.type, sa.Unicode) else 4 for column in columns)

    for table in schema.metadata.sorted_tables:
        assert width(table.primary_key.columns) <= 900, table.name
        for index in table.indexes:
            assert width(index.columns) <= 1700, index.name


def test_the_journal_holds_any_text(flow: Server) -> None:
    created = [sent.statement for sent in flow.sent if sent.statement.strip().startswith("CREATE TABLE")]
    assert len(created) == len(schema.metadata.tables)
    for statement in created:
        assert not re.search(r"\s(VARCHAR|TEXT|NTEXT|DATETIME)\b", statement)


# What the stand-in hands out: other names, other code pages.


@pytest.mark.parametrize("names", ["lower", "lower in the catalogue", "lower unless asked for *"])
def test_names_may_come_back_in_lower_case(server: Server, names: str) -> None:
    company = company_on(server)
    server.names = names
    company.customer("full", "Full", terms="30 Days", **FULL)
    bposync(company, "sync", "--yes")
    row = company.client("FULL")
    assert (row["Name"], row["Telephone"], row["Credit_Limit"], row["iAgeingTermID"]) == (
        "Full", FULL["phone"], FULL["credit_limit"], 1,
    )  # fmt: skip
    company.change("full", phone="1")
    bposync(company, "sync", "--yes")
    assert company.client("FULL")["Telephone"] == "1"
    assert "Nothing to write: 1 customers are in step." in bposync(company, "sync", "--yes")
    assert len(json.loads(bposync(company, "list", "--json"))["customers"]) == 1


@pytest.mark.parametrize(
    ("code_page", "text", "held"),
    [
        ("1252", "Zoë €", ""),
        ("1252", "Łódź", "'Ł', which the code page cp1252 lacks"),
        ("1250", "Łódź", ""),
        ("1252", "公司", "'公', which the code page cp1252 lacks"),
        ("65001", "公司", ""),
        ("65001", "é" * 16, "is 32 long, Evolution holds 30"),
        ("1252", "é" * 30, ""),
        (None, "Łódź", "'Ł', which the code page cp1252 lacks"),
    ],
)
def test_a_varchar_holds_what_its_code_page_holds(server: Server, code_page: str | None, text: str, held: str) -> None:
    server.code_page = code_page
    company = company_on(server)
    company.customer("full", "Full", contact=text)
    change = company.plan().change("full")
    reasons = [reason for reason in change.reasons if reason.startswith("contact: ")]
    assert ([held in reason for reason in reasons] == [True]) if held else (reasons == [])


def test_the_company_calls_itself_by_the_servers_name_for_it(server: Server) -> None:
    company = company_on(server)
    with open_accounting(company.settings(), BPO_FIELDS, writes=False) as accounting:
        assert accounting.books.company.name == "Example Company"
        assert (accounting.books.company.server, accounting.books.company.login) == ("127.0.0.1", "DOMAIN\\reader")


def test_a_data_source_of_odbcs_is_a_url_too(server: Server) -> None:
    company = company_on(server)
    company.customer("HIL000001", "Hillcrest")
    company.configure("bpo", url="mssql+pyodbc://reader:secret@BPO")
    assert json.loads(bposync(company, "list", "--json"))["customers"][0]["code"] == "HIL000001"


def test_a_database_that_is_no_company_says_so(server: Server) -> None:
    company = company_on(server)
    company.books('DROP TABLE "Client"')
    with (
        pytest.raises(UsageError, match="no table Client"),
        open_accounting(company.settings(), BPO_FIELDS, writes=False),
    ):
        pass


# Microsoft's own driver, and nobody at the other end.


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=16) as listening:
        port: int = listening.getsockname()[1]
        yield port


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def urls(driver: Path, port: int) -> dict[str, str]:
    """Give both forms of a URL; the password stands in the environment."""
    odbc_connect = f"DRIVER={{{driver}}};SERVER=127.0.0.1,{port};DATABASE=db;UID=reader;PWD=${{PW}};Encrypt=no"
    return {
        "url": f"mssql+pyodbc://reader:${{PW}}@127.0.0.1:{port}/db?driver={driver}&Encrypt=no",
        "odbc_connect": f"mssql+pyodbc:///?odbc_connect={odbc_connect}",
    }


def test_a_server_that_does_not_answer_is_given_up_in_time(
    mssql_driver: Path, silent_port: int, closed_port: int, tmp_path: Path
) -> None:
    """All at once, for each waits as long as a login may take."""
    cases: list[tuple[str, Path, list[str]]] = []
    for state, port in {"silent": silent_port, "closed": closed_port}.items():
        for form, url in urls(mssql_driver, port).items():
            for side, command in {"bpo": ["list"], "accounting": ["sync", "--yes"]}.items():
                if state == "closed" and (form == "url") is (side == "bpo"):
                    continue
                folder = tmp_path / f"{state}-{form}-{side}"
                folder.mkdir()
                company = sqlite_company(folder)
                company.customer("HIL000001", "Hillcrest")
                company.configure(side, url=url)
                cases.append((f"{state} {form} {side}", company.path, command))

    def give_up(path: Path, command: list[str]) -> tuple[float, cli.Result]:
        began = time.monotonic()
        result = cli.run("--config", path, *command, "--json", env={"PW": SENTINEL}, expect=7)
        return time.monotonic() - began, result

    with ThreadPoolExecutor(len(cases)) as pool:
        ran = {name: pool.submit(give_up, path, command) for name, path, command in cases}
    for name, future in ran.items():
        seconds, result = future.result()
        assert seconds < (30 if name.startswith("silent") else 25), name
        assert result.json["error"]["code"] == 7
        message = result.json["error"]["message"]
        assert ("Login timeout expired" in message) or name.startswith("closed")
        assert message.isprintable()
        first, *hint = result.stderr.rstrip("\n").splitlines()
        assert first == f"Error: {message}"
        assert len(hint) <= 1
        for secret in (SENTINEL, SENTINEL.replace("}", "}}"), "S3cr3t", "PWD", "UID"):
            assert secret not in result.stdout + result.stderr, name


# What doctor asks.


@pytest.fixture
def doctor(server: Server, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, list[str]]]:
    """Runs doctor on a company there, and gives the messages of what is not as it should be, by the check's name."""
    import pyodbc

    monkeypatch.setattr(pyodbc, "drivers", lambda: ["ODBC Driver 18 for SQL Server"])
    company = company_on(server)
    company.customer("HIL001", "Hillcrest Motors")
    bposync(company, "sync", "--yes")

    def call(expect: int = 0, *, ok: bool = False) -> dict[str, list[str]]:
        before = {name: server.file(name).read_bytes() for name in ("BPO", "Example Company", "Journal")}
        server.sent.clear()
        document = json.loads(bposync(company, "doctor", "--json", expect=expect))
        assert {name: server.file(name).read_bytes() for name in before} == before
        assert {sent.verb for sent in server.sent} <= {"SELECT", "SET", "SAVE", "ROLLBACK", "IF"}
        found: dict[str, list[str]] = {}
        for check in document["checks"]:
            if check["check"] == "configuration.passwords":
                continue  # the test's own file
            if (check["result"] == "ok") is ok:
                found.setdefault(check["check"], []).append(check["message"])
        return found

    return call


def test_a_company_on_sql_server_that_is_as_it_should_be_has_no_warning(
    doctor: Callable[..., dict[str, list[str]]], server: Server
) -> None:
    server.held = [
        (1, "dbo", "Client", "INSERT", ""),
        (1, "dbo", "Client", "UPDATE", "Telephone"),
        (1, "dbo", "Client", "UPDATE", "On_Hold"),
    ]
    assert doctor() == {}
    found = doctor(ok=True)
    assert "as reader: SQL Server 16.0.4135.4" in found["bpo.connection"][0]
    assert set(found) >= {
        f"{topic}.{name}" for topic in ("bpo", "accounting") for name in ("connection", "decimals", "clock", "rights")
    }
    assert {"drivers.wanted", "journal.rights", "journal.lock", "journal.chain"} <= set(found)


def test_rights_on_sql_server_that_are_too_wide_or_too_few_are_told(
    doctor: Callable[..., dict[str, list[str]]], server: Server
) -> None:
    server.writable["BPO"] = (2, "Customer")
    server.held = [
        *((1, "dbo", "Client", right, "") for right in ("INSERT", "UPDATE", "DELETE", "ALTER")),
        *((1, "dbo", "Client", "UPDATE", column) for column in ("Telephone", "DCBalance")),
        (1, "dbo", "CliClass", "UPDATE", "Code"),
        (0, "pay", "Client", "INSERT", ""),
    ]
    found = doctor()
    assert "into 2 tables and views, such as Customer" in found["bpo.rights"][0]
    (said,) = found["accounting.rights"]
    assert said == (
        "The login has ALTER, DELETE on Client, UPDATE on every column of Client, UPDATE on CliClass (Code), INSERT on "
        "pay.Client, which bposync never needs."
    )
    server.refused |= {("UPDATE", "Client", ""), ("UPDATE", "Client", "Telephone")}
    assert "lacks UPDATE on Client (Telephone):" in doctor()["accounting.rights"][0]
    server.refused |= {("INSERT", "bposync_runs", "")}
    assert "lacks INSERT on bposync_runs" in doctor(7)["journal.rights"][0]
    server.everything = "sysadmin"
    found = doctor(7)
    assert "(it is sysadmin)" in found["bpo.rights"][0] + found["accounting.rights"][0]


@pytest.mark.parametrize(
    "asked", [rights.EVERYTHING, rights.WRITABLE, rights.HELD, doctor_journal.READ_ONLY, doctor_journal.MAY_CREATE, servers.NOW]
)
def test_what_doctor_asks_is_one_select_of_t_sql(asked: dict[str, str]) -> None:
    (tree,) = sqlglot.parse(asked["mssql"], read="tsql", error_level=sqlglot.ErrorLevel.RAISE)
    assert isinstance(tree, exp.Select)


def test_a_lock_on_sql_server_is_looked_at_and_not_taken(doctor: Callable[..., dict[str, list[str]]], server: Server) -> None:
    other = Session(server, "Example Company", 999)
    other.lock("bposync:example company", "Session", 0)
    assert "A sync is running" in doctor()["journal.lock"][0]
    assert [holder for holder in server.locks.values() if holder is not other] == []
    other.close()
    assert "journal.lock" not in doctor()


def test_a_clock_of_sql_servers_that_is_off_is_told(doctor: Callable[..., dict[str, list[str]]], server: Server) -> None:
    server.minutes_ahead = 3
    assert "min" in doctor()["bpo.clock"][0]
