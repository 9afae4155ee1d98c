"""The company to try everything on: a BPO, the books, and a configuration that joins them, in one folder.

What the company is stands in `company.py` and its CSV files; how BPO and each accounting system hold it, in a file of
their own. Another system is one more such file, and one line in `_SYSTEMS`.
"""

from __future__ import annotations

import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from bposync.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from sqlalchemy import Connection

CONFIGURATION: Final = "bposync.toml"
MARK: Final = "# Made by `bposync demo`, which makes this folder afresh. To keep what is here, take this line away."
"""The line of a bposync.toml that tells a demo's folder from a company's own."""

_JOURNAL: Final = "bposync-state.sqlite"
_LINKS: Final = "bposync-links.csv"
SHEET: Final = "codes.csv"
"""The sheet in which some customers get their account codes."""


class Database(Protocol):
    """One of the demo's databases: a module of this package that makes and fills it."""

    @property
    def FILE(self) -> str:  # noqa: N802 - a constant of the module
        """The database's file in the demo's folder."""

    def create(self, connection: Connection, /) -> None:
        """Make the tables."""

    def fill(self, connection: Connection, /) -> None:
        """Put the company in."""


class Books(Database, Protocol):
    """The demo's books in one accounting system."""

    def configuration(self, write: str, /) -> str:
        """Give the part of bposync.toml that says how these books are reached and written."""


@dataclass(frozen=True, slots=True)
class _System:
    ways_to_write: tuple[str, ...]
    books: Callable[[], Books]
    only_real: tuple[str, ...] = ()
    """The ways that write into a real company only, which no demo can make."""


def _evolution() -> Books:
    from bposync.demo import evolution

    return evolution


def _partner() -> Books:
    from bposync.demo import partner

    return partner


_SYSTEMS: Final = {
    "evolution": _System(("sql", "freedom"), _evolution),
    "partner": _System(("sql", "file"), _partner, only_real=("sdk",)),
}


@dataclass(frozen=True, slots=True)
class Made:
    """A demo company: its bposync.toml, and the account codes that a person has to give, by customer."""

    configuration: Path
    codes: Mapping[str, str]
    gone: tuple[str, ...] = ()
    """The names of the files of an earlier demo that it took the place of."""

    @property
    def journal_is_gone(self) -> bool:
        """Whether something was synchronised or decided in the earlier one."""
        return _JOURNAL in self.gone


def build(folder: Path, *, system: str = "evolution", write: str = "sql") -> Path:
    """Make the demo company in `folder`, afresh where one is there already, and give its bposync.toml."""
    return make(folder, system=system, write=write).configuration


def make(folder: Path, *, system: str = "evolution", write: str = "sql") -> Made:
    """Make the demo company in `folder`, afresh where one is there already.

    Raises UsageError: for a folder that holds anything else, and for a system, or a way to write to it, that the demo
    does not have, with nothing touched; and where the folder cannot be written.
    """
    from bposync.demo import bpo

    books = _books(system, write)
    configuration = folder / CONFIGURATION
    try:
        leftovers = _leftovers(folder)
        folder.mkdir(parents=True, exist_ok=True)
        # First of all, so that a demo that was interrupted is known as one.
        configuration.write_text(_configuration(books, write), encoding="utf-8")
        configuration.chmod(configuration.stat().st_mode & ~stat.S_IWOTH)
        for leftover in leftovers:
            leftover.unlink()
    except OSError as error:
        raise UsageError(
            f"The demo cannot be made in {folder}: {error.strerror or error}.",
            "Close what has its files open, or name another folder.",
        ) from error
    for database in (bpo, books):
        _make(folder / database.FILE, database)
    return Made(configuration, getattr(books, "CODES", {}), tuple(leftover.name for leftover in leftovers))


def _books(system: str, write: str) -> Books:
    if system not in _SYSTEMS:
        raise UsageError(f"There is no demo company for the system {system!r}.", did_you_mean(system, _SYSTEMS))
    ways = _SYSTEMS[system].ways_to_write
    if write in _SYSTEMS[system].only_real:
        raise UsageError(
            f"The demo company for {system} is not written by {write!r}: the SDK writes into a company of Pastel's own, on "
            "Windows, which no demo can make.",
            f"There is: {', '.join(ways)}. On Windows try it on Pastel's own demonstration company: docs/partner.md tells how.",
        )
    if write not in ways:
        raise UsageError(f"The demo company for {system} is not written by {write!r}.", f"There is: {', '.join(ways)}.")
    return _SYSTEMS[system].books()


def _leftovers(folder: Path) -> list[Path]:
    """Give the files of an earlier demo that go. Raises UsageError where there is anything else."""
    if not folder.exists():
        return []
    if not folder.is_dir():
        raise UsageError(f"{folder} is a file, and the demo needs a folder.", "Name another folder.")
    found = sorted(folder.iterdir())
    if others := [path.name for path in found if not _is_demo_file(path)]:
        raise UsageError(
            f"The folder {folder} holds something that is not of a demo: {', '.join(others)}.",
            "Name an empty folder or a new one. Nothing was touched.",
        )
    if found and not _is_marked(folder / CONFIGURATION):
        raise UsageError(
            f"The folder {folder} holds files of a company that is no demo, such as {found[0].name}.",
            "Name an empty folder or a new one. Nothing was touched.",
        )
    # The configuration is written over, and a lock is its holder's to take away.
    return [path for path in found if path.name != CONFIGURATION and not _is_lock(path)]


def _is_demo_file(path: Path) -> bool:
    if _is_lock(path):
        return True
    if path.is_symlink() or not path.is_file():
        return False
    return path.name in {CONFIGURATION, _LINKS, SHEET, *_import_files()} or path.name.removesuffix("-journal") in set(
        _databases()
    )


def _databases() -> Iterator[str]:
    """Give the databases' files, of every system: a folder may change from one to another."""
    from bposync.demo import bpo

    yield bpo.FILE
    yield _JOURNAL
    for system in _SYSTEMS.values():
        yield system.books().FILE


def _import_files() -> Iterator[str]:
    for system in _SYSTEMS.values():
        if name := getattr(system.books(), "IMPORT_FILE", ""):
            yield name


def _is_lock(path: Path) -> bool:
    return path.suffix == ".lock"


def _is_marked(configuration: Path) -> bool:
    if not configuration.is_file():
        return False
    return MARK in configuration.read_text(encoding="utf-8", errors="replace").splitlines()


def _make(file: Path, database: Database) -> None:
    from sqlalchemy import URL, create_engine

    engine = create_engine(URL.create("sqlite", database=str(file)))
    try:
        with engine.begin() as connection:
            database.create(connection)
            database.fill(connection)
    finally:
        engine.dispose()


def _configuration(books: Books, write: str) -> str:
    from bposync.demo import bpo

    return f"""\
{MARK}

# Example Company, to try bposync on. A company's own file looks the same, with the URLs of its own databases. Files
# without a path lie beside this one.

[bpo]
url = "sqlite:///{bpo.FILE}"
# One row a customer and site, under BPO's own column names.
customers = "{bpo.VIEW}"
# Whether BPO itself saves each customer to accounting. Here it does not, so they are synchronised.
post_accounts = '{bpo.POST_ACCOUNTS}'

{books.configuration(write)}
# What bposync remembers: which customer is which account, what was decided, what was written.
[state]
url = "sqlite:///{_JOURNAL}"
"""
