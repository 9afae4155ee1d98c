"""Whether the configuration is whole. Each section is judged by itself: a mistake in one hides nothing of the others."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from bposync import config
from bposync.doctor import servers
from bposync.doctor.check import Check, Checks, Result, failed, ok, warning
from bposync.errors import UsageError
from bposync.secrets import SHORT
from bposync.variables import KEYRING, Variables, check, expand

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bposync.config import Settings

_SECTIONS: Final = ("bpo", "fields", "accounting", "sync", "state", "log")
# Stands in for [bpo] while another section is judged: one that is always right.
_ANY_BPO: Final = {"url": "sqlite:///bpo.sqlite", "customers": "CustomerListing"}


@dataclass(frozen=True, slots=True)
class Read:
    """What of the configuration can be used."""

    settings: Settings
    has_bpo: bool
    has_accounting: bool
    has_state: bool


def checks(given: str | None, environment: Mapping[str, str]) -> Checks[Read | None]:
    """Find and read the configuration. Gives None where nothing of it can be read."""
    try:
        path = config.find(given, environment=environment)
        raw = config.parse(path)
    except UsageError as error:
        yield failed("configuration.file", error)
        return None
    path = path.absolute()
    unset, wrong = yield from _variables(raw, environment)
    # A section with a variable that is not set is judged as if it were set, and not used.
    assumed = {**dict.fromkeys(unset, "0"), **environment}
    good: dict[str, Any] = {}
    problems = 0
    for name in (*_SECTIONS, *(name for name in raw if name not in _SECTIONS)):
        if name not in raw and name != "bpo":
            continue
        section = {name: raw[name]} if name in raw else {}
        try:
            config.build(path, section if name == "bpo" else {"bpo": _ANY_BPO, **section}, assumed)
        except UsageError as error:
            problems += 1
            yield failed("configuration.keys", error)
        else:
            if name not in wrong:
                good |= section
    if not problems:
        yield ok("configuration.file", f"The configuration is {path}; every section and key in it is known.")
    settings = config.build(path, {"bpo": _ANY_BPO, **good}, environment)
    yield from _passwords(settings, raw, environment)
    yield from _log(settings)
    return Read(settings, "bpo" in good, "accounting" in good, "state" in good or "state" not in raw)


def _variables(raw: Mapping[str, Any], environment: Mapping[str, str]) -> Checks[tuple[list[str], set[str]]]:
    """Look for the variables that the configuration names; give those that are not set, and the sections that name one."""
    everything = config.variables(raw)
    named = {name: place for name, place in everything.items() if not name.startswith(KEYRING)}
    unset = [name for name in named if name not in environment]
    for name in unset:
        yield Check(
            "configuration.variables", Result.FAILED, f"The variable {name} is not set; {named[name]} names it.",
            f"Set {name} in the environment of whoever runs bposync; a scheduled task or cron job has one of its own.",
        )  # fmt: skip
    for name, place in named.items():
        if environment.get(name) == "":
            yield warning("configuration.variables", f"The variable {name} is set, and empty; {place} names it.")
    if named and not unset:
        yield ok("configuration.variables", f"Set in the environment: {', '.join(named)}.")
    unset += yield from _entries({name: place for name, place in everything.items() if name not in named})
    wrong = {section for section, inner in raw.items() if set(unset) & set(config.variables({section: inner}))}
    return unset, wrong


def _entries(named: Mapping[str, str]) -> Checks[list[str]]:
    """Look for the keyring's entries that the configuration names; give those that cannot be had."""
    lacking = []
    for name, place in named.items():
        try:
            check(f"${{{name}}}", Variables({}))
        except UsageError as error:
            lacking.append(name)
            yield failed("configuration.variables", UsageError(f"{place}: {error.message}", error.hint))
    if named and not lacking:
        yield ok("configuration.variables", f"Kept in the keyring: {', '.join(name.removeprefix(KEYRING) for name in named)}.")
    return lacking


def _passwords(settings: Settings, raw: Mapping[str, Any], environment: Mapping[str, str]) -> Iterator[Check]:
    for text in config.writable_warnings(settings.path):
        message, _, hint = text.partition(" Take ")
        yield warning("configuration.rights", message, f"Take {hint}")
    for text in config.password_warnings(settings.path, raw):
        message, _, hint = text.partition(" Put ")
        yield warning("configuration.passwords", message, f"Put {hint}" if hint else None)
    yield from _short(raw, Variables(environment))
    yield from _plain_http(settings)


def _short(raw: Mapping[str, Any], variables: Variables) -> Iterator[Check]:
    """Warn of a password that may be a part of a word; what it is made of may not be there, and is told elsewhere."""
    for place, text in config.passwords(raw):
        try:
            password = expand(text, variables).strip(" {}")
        except (KeyError, UsageError):
            continue
        if 0 < len(password) < SHORT:
            yield warning(
                "configuration.passwords",
                f"{place}: the password has fewer than {SHORT} characters: in messages and the log it is hidden where it "
                "stands alone, and not inside a longer word.",
                "Give the login a longer one.",
            )


def _plain_http(settings: Settings) -> Iterator[Check]:
    table = settings.accounting
    if table is None or table.write != "freedom" or not table.freedom_plain:
        return
    try:
        parts = urlsplit((table.freedom_url or "").strip())
    except ValueError:  # that it is no address is told where it is asked
        return
    if parts.scheme == "http" and not servers.is_this_machine(parts.netloc.rpartition(":")[0] or parts.netloc):
        yield warning(
            "configuration.passwords",
            "[accounting] freedom_plain: the agent's password goes over plain http, for anybody on the line to read.",
            "Put https before the service; docs/freedom.md tells how. It is safe where the line is, as in a tunnel.",
        )


def _log(settings: Settings) -> Iterator[Check]:
    if not settings.log.file:
        return
    path = settings.folder / Path(settings.log.file)
    there = path if path.exists() else path.parent
    if os.access(there, os.W_OK) and not path.is_dir():
        yield ok("configuration.log", f"The log file {path} can be written.")
        return
    what = "is a folder" if path.is_dir() else "cannot be written" if there.exists() else "has no folder to lie in"
    error = UsageError(f"[log] file: {path} {what}.", "Check the folder and its rights.")
    yield failed("configuration.log", error)
