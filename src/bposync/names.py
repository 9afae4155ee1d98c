"""The company's own names for whoever presses Tab: sites, customers, accounts and runs, quick, silent, and from a cache.

The cache lies in the user's own cache folder, readable by its owner alone, and holds names only. What is missing or old is
read by a process of its own, which is waited for a moment; what it finds later is there at the next Tab. Nothing here
imports what is slow, and nothing raises: no name is better than an error in the middle of somebody's line.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from typing import TYPE_CHECKING, Any, Final

from bposync.values import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

SITES, CUSTOMERS, ACCOUNTS, RUNS = KINDS = ("sites", "customers", "accounts", "runs")
FRESH_SECONDS: Final = {SITES: 600, CUSTOMERS: 600, ACCOUNTS: 600, RUNS: 60}
"""How long what was read is taken for true."""
STALE_SECONDS: Final = 86_400
"""How long it is still better than nothing, where the company cannot be reached."""
WAIT_SECONDS: Final = 1.5
"""How long somebody who presses Tab waits for what is not in the cache."""
_AGAIN_SECONDS: Final = 15
"""How long nothing is read again after an attempt that gave nothing."""
_VERSION: Final = 1
_MOST: Final = 100_000
_OTHERS: Final = 0o077
_OTHERS_MAY_WRITE: Final = 0o002

Name = tuple[str, str]
"""A name, and what is said of it."""


def known(configuration: Path, kind: str, start: Callable[[Path, str], None], *, wait: float = WAIT_SECONDS) -> list[Name]:
    """Give the names of a kind in the company of a configuration; none where they cannot be had at once.

    `start` begins to fill the cache where that is wanted, and does not wait.
    """
    try:
        return _known(configuration, kind, start, wait)
    except Exception:  # noqa: BLE001 - see above
        return []


def _known(configuration: Path, kind: str, start: Callable[[Path, str], None], wait: float) -> list[Name]:
    cache = file_of(configuration, kind)
    found = _read(cache, configuration, FRESH_SECONDS[kind])
    if found is None and _is_trusted(configuration) and not _was_tried(cache):
        cache.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _tried(cache).touch(mode=0o600)
        start(configuration, kind)
        end = time.monotonic() + wait
        while found is None and time.monotonic() < end:
            time.sleep(0.02)
            found = _read(cache, configuration, FRESH_SECONDS[kind])
    if found is None:
        found = _read(cache, configuration, STALE_SECONDS)
    return found or []


def file_of(configuration: Path, kind: str) -> Path:
    """Give the cache's file for a kind of names of one configuration."""
    from platformdirs import user_cache_path

    key = hashlib.sha256(os.fsencode(configuration.absolute())).hexdigest()[:24]
    return user_cache_path("bposync", appauthor=False) / f"{key}-{kind}.json"


def _read(cache: Path, configuration: Path, seconds: float) -> list[Name] | None:
    """Give what the cache holds, where it is whole, the user's own, of this configuration as it is now, and not too old."""
    try:
        with cache.open(encoding="utf-8") as file:
            if not _is_private(os.fstat(file.fileno())):
                return None
            document: Any = json.load(file)
        if document["version"] != _VERSION or document["made_from"] != _made_from(configuration):
            return None
        if not 0 <= time.time() - document["at"] < seconds:
            return None
        return [(name, said) for name, said in document["names"] if isinstance(name, str) and isinstance(said, str)]
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None


def _made_from(configuration: Path) -> list[object]:
    """Give what tells that a configuration is another one now."""
    status = configuration.stat()
    return [str(configuration.absolute()), status.st_mtime_ns, status.st_size]


def _is_private(status: os.stat_result) -> bool:
    """Tell whether a file is the user's own, and nobody else's to read or write; on Windows its folder sees to that."""
    return os.name == "nt" or (status.st_uid == os.geteuid() and not status.st_mode & _OTHERS)


def _is_trusted(configuration: Path) -> bool:
    """Tell whether a configuration may be followed unasked: nobody's password goes anywhere because Tab was pressed."""
    status = configuration.stat()
    return os.name == "nt" or (status.st_uid in (0, os.geteuid()) and not status.st_mode & _OTHERS_MAY_WRITE)


def _tried(cache: Path) -> Path:
    return cache.with_suffix(".tried")


def _was_tried(cache: Path) -> bool:
    try:
        return 0 <= time.time() - _tried(cache).stat().st_mtime < _AGAIN_SECONDS
    except OSError:
        return False


def fill(configuration: Path, kind: str) -> None:
    """Read the names of a kind from the company into the cache, and those that come with them. Raises what reading raises."""
    made_from = _made_from(configuration)
    for each, names in _from_company(configuration, kind):
        _write(file_of(configuration, each), made_from, names)


def _from_company(configuration: Path, kind: str) -> Iterable[tuple[str, list[Name]]]:
    from bposync import config

    settings = config.load(configuration)
    if kind in (SITES, CUSTOMERS):
        from bposync.bpo import Bpo

        sites: dict[str, None] = {}
        customers: dict[str, str] = {}
        with Bpo(settings) as bpo:
            for row in bpo.rows():
                sites[str(row.value("site"))] = None
                customers.setdefault(str(row.value("code")), str(row.value("name")))
        return [(SITES, [(site, "") for site in sites]), (CUSTOMERS, list(customers.items()))]
    if kind == ACCOUNTS:
        from bposync.accounting import open_accounting

        table = settings.need_accounting()
        if table.write == "sdk" and not (table.url or table.odbc):
            return []  # the SDK opens Pastel, which is no matter of a moment
        with open_accounting(settings, (), writes=False) as accounting:
            return [(ACCOUNTS, [(account.code, account.name) for account in accounting.books.read()])]
    from bposync.journal import open_journal

    with open_journal(settings, writes=False) as journal:
        return [(RUNS, [(run.run, f"{run.at:%Y-%m-%d %H:%M} by {run.by}") for run in journal.runs.all()])]


def _write(cache: Path, made_from: Sequence[object], names: Iterable[Name]) -> None:
    """Write a file of the cache, whole or not at all. What could act on a terminal is no name that anybody types."""
    usable = [[name, visible(said)] for name, said in names if name and name == visible(name)]
    document = {"version": _VERSION, "made_from": made_from, "at": time.time(), "names": usable[:_MOST]}
    cache.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = cache.with_suffix(f".{os.getpid()}.new")
    try:
        with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:  # noqa: PTH123
            json.dump(document, file)
        os.replace(beside, cache)  # noqa: PTH105 - one step, also on Windows
        _forget(cache.parent)
    finally:
        beside.unlink(missing_ok=True)


def _forget(folder: Path) -> None:
    """Take away what was not made anew for so long that nobody would be shown it."""
    for each in folder.iterdir():
        with contextlib.suppress(OSError):
            if time.time() - each.stat().st_mtime > STALE_SECONDS:
                each.unlink()
