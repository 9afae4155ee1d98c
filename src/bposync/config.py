"""bposync.toml as typed settings: found, read, checked, with errors that name the place and the nearest right word."""

from __future__ import annotations

import os
import re
import stat
import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from bposync import typed
from bposync.advice import as_word, command
from bposync.errors import NoConfigurationError, UsageError, did_you_mean
from bposync.fields import ACCOUNT_FIELDS, ALWAYS_NEW, BPO_FIELDS, FIELDS, Owner
from bposync.values import normalise_code, visible
from bposync.variables import PLACEHOLDER, Variables, check, expand, is_name, names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FILE_NAME: Final = "bposync.toml"
VARIABLE: Final = "BPOSYNC_CONFIG"
_SHARE = re.compile(r"(\d{1,3})\s*%")


_table = dataclass(frozen=True, slots=True, kw_only=True)


@_table
class BpoTable:
    """[bpo]: where the customers are read. Exactly one of `customers` (a table or view) and `query` (a SELECT)."""

    url: str
    customers: str | None = None
    query: str | None = None
    sites: tuple[str, ...] = ()
    post_accounts: str | None = None
    sync_statuses: tuple[str, ...] = ("Active", "Hold")
    columns: dict[str, str] = field(default_factory=dict)


@_table
class DefaultsTable:
    """[accounting.defaults]: the company's own codes that new accounts get where BPO says nothing."""

    group: str | None = None
    terms: str | None = None
    area: str | None = None
    price_list: str | None = None
    category: str | None = None


@_table
class AccountingTable:
    """[accounting]: which books, and which way in."""

    system: Literal["evolution", "partner"]
    write: Literal["sql", "freedom", "sdk", "file"]
    url: str | None = None
    odbc: str | None = None
    freedom_url: str | None = None
    freedom_user: str | None = None
    freedom_password: str | None = None
    freedom_ca: str | None = None
    freedom_connections: int = 4
    freedom_plain: bool = False
    data_path: str | None = None
    sdk_serial: str | None = None
    sdk_code: str | None = None
    sdk_fields: Literal[42, 55] = 55
    file: str | None = None
    upper_case_codes: bool | None = None
    terms_module: int | None = None
    defaults: DefaultsTable = DefaultsTable()
    groups: dict[str, str] = field(default_factory=dict)
    terms: dict[str, str] = field(default_factory=dict)


@_table
class SyncTable:
    """[sync]: how much a sync may do."""

    max_changes: int | str | None = None
    carry_hold: bool = False


@_table
class StateTable:
    """[state]: the journal."""

    url: str = "sqlite:///bposync-state.sqlite"
    company: str = "main"


@_table
class LogTable:
    """[log]: a log file for cron."""

    file: str | None = None


@_table
class _File:
    bpo: BpoTable
    fields: dict[str, Literal["bpo", "new"]] = field(default_factory=dict)
    accounting: AccountingTable | None = None
    sync: SyncTable = SyncTable()
    state: StateTable = StateTable()
    log: LogTable = LogTable()


@dataclass(frozen=True, slots=True)
class Limit:
    """How many writes one sync may do: a number of creates and updates, or a share of updates in percent."""

    number: int | None = None
    percent: int | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """The whole configuration, checked. `path` is the file; relative paths in it are relative to its folder."""

    path: Path
    bpo: BpoTable
    accounting: AccountingTable | None
    sync: SyncTable
    state: StateTable
    log: LogTable
    owners: Mapping[str, Owner]
    """Who owns each field of an account, by the field's name."""
    max_changes: Limit | None = None
    warnings: tuple[str, ...] = ()
    """What is not wrong, but should be mended, in a user's words."""
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)

    @property
    def folder(self) -> Path:
        """The folder to which relative paths in the configuration are relative."""
        return self.path.parent

    def need_accounting(self) -> AccountingTable:
        """Give [accounting]. Raises UsageError where the configuration has none."""
        if self.accounting is None:
            raise UsageError(
                f"{self.path}: there is no [accounting], so there are no accounts to compare with.",
                "Add [accounting] with system, url and write; list and sites work without it.",
            )
        return self.accounting


def find(given: str | None, *, environment: Mapping[str, str] | None = None, start: Path | None = None) -> Path:
    """Find the configuration file: the one given, $BPOSYNC_CONFIG, bposync.toml here or above, the user's folder.

    Raises UsageError where the one that is named is not there, NoConfigurationError where none is named and there is none.
    """
    environment = os.environ if environment is None else environment
    for source, name in (("--config", given), (f"${VARIABLE}", environment.get(VARIABLE))):
        if name:
            if (path := _existing(name)) is None:
                raise UsageError(f"{source}: there is no file {visible(name)}.", "Check the name, or leave it out.")
            return path
    try:
        folder = (start or Path.cwd()).absolute()
    except OSError:
        raise UsageError("The current folder is no longer there.", "Change into one that is.") from None
    for candidate in (folder, *folder.parents):
        if (candidate / FILE_NAME).is_file():
            return candidate / FILE_NAME
    from platformdirs import user_config_path

    path = user_config_path("bposync", appauthor=False) / FILE_NAME
    if path.is_file():
        return path
    raise NoConfigurationError(
        f"There is no {FILE_NAME} in {folder}, in a folder above it, or in {path.parent}.",
        f"Make one with {command('init')}, name one with --config FILE or in $BPOSYNC_CONFIG, or try everything on a demo "
        "company: bposync demo",
    )


def _existing(name: str) -> Path | None:
    """Give the file of that name, or the configuration in the folder of that name; None where there is neither."""
    try:
        path = Path(name).expanduser()
        if path.is_dir():
            path /= FILE_NAME
        return path.absolute() if path.is_file() else None
    except (OSError, RuntimeError, ValueError):  # too long, no such home, a NUL inside
        return None


def load(path: Path, *, environment: Mapping[str, str] | None = None) -> Settings:
    """Read and check a configuration file. Raises UsageError that names the place and what to do."""
    return build(path, parse(path), os.environ if environment is None else environment)


def read(path: Path, text: str, *, environment: Mapping[str, str] | None = None) -> Settings:
    """Give the settings that a text would be as the file `path`, which need not be there. Raises UsageError."""
    return build(path, _parsed(path, text.encode()), os.environ if environment is None else environment)


def build(path: Path, raw: Mapping[str, Any], environment: Mapping[str, str]) -> Settings:
    """Check what stands in a configuration file. Raises UsageError that names the place and what to do."""
    environment = Variables(environment)
    _check_keys(path, raw, _File, ())
    _check_texts(path, raw)
    for place, text in _strings(raw, ()):
        try:
            check(text, environment)
        except UsageError as error:
            raise UsageError(f"{path}: {place}: {error.message}", error.hint) from None
    try:
        file = typed.convert(_expanded(raw, environment), _File)
    except typed.WrongError as error:
        message = str(error)
        hint = next((hint for words, hint in _CHOICES.items() if words in message), "config.example.toml shows every key.")
        raise UsageError(f"{path}: {message}", hint) from None
    _check_bpo(path, file.bpo)
    if file.accounting is not None:
        _check_accounting(path, file.accounting)
    owners = {name: FIELDS[name].owner for name in ACCOUNT_FIELDS}
    for name, owner in file.fields.items():
        if name not in ACCOUNT_FIELDS:
            raise UsageError(f"{path}: [fields] {name}: no such field.", did_you_mean(name, ACCOUNT_FIELDS))
        if name in ALWAYS_NEW and owner != Owner.ACCOUNTING.value:
            raise UsageError(
                f'{path}: [fields] {name} = "{owner}": {name} goes into new accounts only, and is accounting\'s then.',
                "Leave the line out.",
            )
        owners[name] = Owner(owner)
    return Settings(
        path=path.absolute(),
        bpo=file.bpo,
        accounting=file.accounting,
        sync=file.sync,
        state=file.state,
        log=file.log,
        owners=owners,
        max_changes=_limit_in(path, file.sync.max_changes),
        warnings=warnings_of(path, raw),
        environment=environment,
    )


def parse_limit(text: str) -> Limit:
    """Read a limit: a number such as 500, or a share such as 10%. Raises ValueError."""
    if text.strip().isdecimal():
        return Limit(number=int(text))
    if (share := _SHARE.fullmatch(text.strip())) and int(share[1]) <= 100:  # noqa: PLR2004
        return Limit(percent=int(share[1]))
    raise ValueError(f"{text!r} is neither a number such as 500 nor a share such as 10%")


def by_code(mapping: Mapping[str, str]) -> dict[str, str]:
    """Give a table of the configuration by the normalised form of its keys."""
    return {normalise_code(key): value for key, value in mapping.items()}


def _limit_in(path: Path, given: int | str | None) -> Limit | None:
    if given is None:
        return None
    try:
        return parse_limit(str(given))
    except ValueError as error:
        raise UsageError(f"{path}: [sync] max_changes: {error}.", _LIMIT_HINT) from None


_LIMIT_HINT = 'Such as max_changes = 500, or max_changes = "10%".'


def parse(path: Path) -> dict[str, Any]:
    """Read a configuration file as TOML, with nothing checked yet. Raises UsageError."""
    try:
        return _parsed(path, path.read_bytes())
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.", "Check the file and its rights.") from None


def _parsed(path: Path, content: bytes) -> dict[str, Any]:
    try:
        return tomllib.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not UTF-8 text.", "Save it as UTF-8 (in Notepad: Save as, Encoding).") from None
    except RecursionError:
        raise UsageError(f"{path} is not valid TOML: brackets without end.", "Look for a [ that is not closed.") from None
    except tomllib.TOMLDecodeError as error:
        hint = "Strings stand in quotes; a backslash in double quotes is written twice, or use single quotes."
        raise UsageError(f"{path} is not valid TOML: {error}.", hint) from None


def _check_keys(path: Path, raw: Mapping[str, Any], table: type[Any], place: tuple[str, ...]) -> None:
    known = [each.name for each in fields(table)]
    types = typed.fields_of(table)
    for key, value in raw.items():
        if key not in known:
            where = f"[{'.'.join(place)}] " if place else ""
            what = "key" if place else "section"
            raise UsageError(f"{path}: {where}{key}: there is no such {what}.", did_you_mean(key, known))
        for inner in typed.inner_tables(types[key]) if isinstance(value, dict) else ():
            _check_keys(path, value, inner, (*place, key))


_CHOICES: Final = {
    "sdk_fields": "There is: 55, 42.",
    "[accounting] system": "There is: evolution, partner.",
    "[accounting] write": "It must be said: freedom or sql for evolution; sdk, sql or file for partner.",
    "fields": 'There is: "bpo" (BPO\'s changes are written) and "new" (into new accounts only).',
}


def _strings(raw: object, place: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    if isinstance(raw, str):
        yield f"[{'.'.join(place[:-1])}] {place[-1]}" if len(place) > 1 else place[0], raw
    elif isinstance(raw, dict):
        for key, value in raw.items():
            yield from _strings(value, (*place, key))
    elif isinstance(raw, list):
        for value in raw:
            yield from _strings(value, place)


def _check_texts(path: Path, raw: Mapping[str, Any]) -> None:
    """Name the very key where a table of free keys, or a limit, holds what it cannot."""
    accounting = raw.get("accounting")
    bpo = raw.get("bpo")
    inner = accounting if isinstance(accounting, dict) else {}
    tables = {
        "bpo.columns": bpo.get("columns") if isinstance(bpo, dict) else None,
        "fields": raw.get("fields"),
        "accounting.groups": inner.get("groups"),
        "accounting.terms": inner.get("terms"),
    }
    for section, table in tables.items():
        for key, value in table.items() if isinstance(table, dict) else ():
            if not isinstance(value, str):
                raise UsageError(
                    f"{path}: [{section}] {key}: expected text in quotes, got {typed.kind_of(value)}.", f'Write {key} = "…".'
                )
            if section == "fields" and value not in ("bpo", "new"):
                raise UsageError(f"{path}: [fields] {key}: there is no such choice: {value!r}.", _CHOICES["fields"])
    sync = raw.get("sync")
    limit = sync.get("max_changes") if isinstance(sync, dict) else None
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, (int, str))):
        wanted = 'a number such as 500, or a share such as "10%"'
        raise UsageError(f"{path}: [sync] max_changes: expected {wanted}, got {typed.kind_of(limit)}.", _LIMIT_HINT)


def _expanded(raw: Any, environment: Mapping[str, str], key: str = "") -> Any:  # noqa: ANN401 - TOML of any shape
    """Put the environment's values in; but into URLs only once they were taken apart, so that nobody encodes a password."""
    if isinstance(raw, str):
        return raw if key in _TAKEN_APART_FIRST else expand(raw, environment)
    if isinstance(raw, dict):
        return {name: _expanded(value, environment, name) for name, value in raw.items()}
    return [_expanded(value, environment, key) for value in raw] if isinstance(raw, list) else raw


_TAKEN_APART_FIRST: Final = frozenset({"url", "odbc"})


def variables(raw: Mapping[str, Any]) -> dict[str, str]:
    """Give every variable and every entry of the keyring that a configuration names, with the first place that does."""
    found: dict[str, str] = {}
    for place, text in _strings(raw, ()):
        for name in names(text):
            if is_name(name):
                found.setdefault(name, place)
    return found


# Where a password stands: user:password@, a parameter of a URL or of an ODBC string, a key of its own.
_IN_URL: Final = re.compile(r"://[^:/\s]*:(?P<secret>.*)@")
_AS_PARAMETER: Final = re.compile(r"\b(?:pwd|password)\s*=\s*(?P<secret>\{[^}]*\}|\$\{[^}]*\}|[^;&]*)", re.IGNORECASE)


def warnings_of(path: Path, raw: Mapping[str, Any]) -> tuple[str, ...]:
    """Warn of a file that everybody may change, and of passwords in one that everybody may read.

    A group that may is somebody's choice. Windows does not simply tell who may, so it is silent there.
    """
    return (*writable_warnings(path), *password_warnings(path, raw))


def writable_warnings(path: Path) -> tuple[str, ...]:
    """Warn of a file that everybody may change: who does decides which queries run, and where."""
    if not _others_may(path, stat.S_IWOTH):
        return ()
    warning = (
        f"{visible(str(path))} may be changed by everybody on this machine, and whoever changes it decides which queries run, "
        f"and where. Take that right away: chmod o-w {as_word(str(path))}"
    )
    return (warning,)


def password_warnings(path: Path, raw: Mapping[str, Any]) -> tuple[str, ...]:
    """Warn of passwords that stand in a file which everybody may read."""
    if not _others_may(path, stat.S_IROTH):
        return ()
    places = [place for place, text in _strings(raw, ()) if has_literal_password(text, place)]
    if not places:
        return ()
    warning = (
        f"{visible(str(path))} holds a password ({', '.join(places)}), and others on this machine may read it. Put the "
        f"password into a variable, as in ${{NAME}}, or take their right away: chmod o-rwx {as_word(str(path))}"
    )
    return (warning,)


def _others_may(path: Path, right: int) -> bool:
    return os.name != "nt" and path.exists() and bool(path.stat().st_mode & right)


def has_literal_password(text: str, place: str = "") -> bool:
    """Tell whether a URL, an ODBC string or the text of a password's own key holds one as it is."""
    return bool(literal_passwords(text, place))


def literal_passwords(text: str, place: str = "") -> list[str]:
    """Give the passwords that stand as they are in a URL, an ODBC string or the text of a password's own key."""
    bare = (PLACEHOLDER.sub("", secret).strip(" {}") for secret in _passwords_in(text, place))
    return [secret for secret in bare if secret]


def passwords(raw: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Give the passwords of a configuration as they stand there, ${NAME} and all, each behind its place."""
    for place, text in _strings(raw, ()):
        for secret in _passwords_in(text, place):
            yield place, secret


def _passwords_in(text: str, place: str) -> list[str]:
    found = [match["secret"] for match in (*_IN_URL.finditer(text), *_AS_PARAMETER.finditer(text))]
    return [*found, text] if place.endswith("password") else found


def _check_bpo(path: Path, bpo: BpoTable) -> None:
    if (bpo.customers is None) == (bpo.query is None):
        which = "both customers and query" if bpo.customers else "neither customers nor query"
        raise UsageError(f"{path}: [bpo] has {which}.", 'Name one: customers = "dbo.CustomerListing" or query = "SELECT …".')
    for key, statement in (("query", bpo.query), ("post_accounts", bpo.post_accounts)):
        if statement is not None and not _is_one_select(statement):
            raise UsageError(f"{path}: [bpo] {key} is not one SELECT.", "bposync only ever reads from BPO.")
    for name, column in bpo.columns.items():
        if name not in BPO_FIELDS:
            raise UsageError(f"{path}: [bpo.columns] {name}: no such field.", did_you_mean(name, BPO_FIELDS))
        if FIELDS[name].required and not column.strip():
            raise UsageError(
                f"{path}: [bpo.columns] {name}: BPO must have a column for it.",
                "Name the column, or leave the line out for the usual one.",
            )


_FORBIDDEN = frozenset(
    {"insert", "update", "delete", "merge", "into", "drop", "alter", "create", "truncate", "exec", "execute"}
)
_LITERALS = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"|\[[^\]]*\]|--[^\n]*|/\*.*?\*/", re.DOTALL)


def _is_one_select(statement: str) -> bool:
    bare = _LITERALS.sub(" ", statement).strip().rstrip(";").lower()
    words = re.findall(r"[\w$#@]+|;", bare)
    return words[:1] in (["select"], ["with"]) and not _FORBIDDEN.intersection(words) and ";" not in words


WAYS: Final = {"evolution": ("freedom", "sql"), "partner": ("sdk", "sql", "file")}


def _check_accounting(path: Path, accounting: AccountingTable) -> None:
    ways = WAYS[accounting.system]
    if accounting.write not in ways:
        raise UsageError(
            f'{path}: [accounting] write = "{accounting.write}" is no way into {accounting.system}.',
            f"There is: {', '.join(ways)}.",
        )
    if accounting.url is not None and accounting.odbc is not None:
        raise UsageError(f"{path}: [accounting] has both url and odbc.", "Keep one of them.")
