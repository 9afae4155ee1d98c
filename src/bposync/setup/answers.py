"""What was answered, and the bposync.toml that comes of it: commented, and read back by config.py as it was meant."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from bposync import toml
from bposync.fields import BPO_FIELDS, FIELDS
from bposync.toml import literal, text
from bposync.variables import names, renamed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_MOST_CODES: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """[accounting]: which books, and by which way. Of `keys` only those count that are not blank."""

    system: str
    write: str
    keys: Mapping[str, str | int | bool | None]
    defaults: Mapping[str, str] = field(default_factory=dict)
    groups: Mapping[str, str] = field(default_factory=dict)
    """The company's group (Partner: category) of BPO's customer types, and `terms` its code of BPO's terms."""
    terms: Mapping[str, str] = field(default_factory=dict)
    codes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """The company's own codes that are listed, by what they are codes of: named in the file for a person to choose from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """All that the file says. Passwords stand in it by the names of their variables."""

    url: str
    customers: str | None = None
    query: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    """The column of each field that is settled; blank where there is none."""
    books: Books | None = None
    types: Sequence[str] = ()
    """BPO's customer types, and `terms` its terms: named in the file for a person to give each its counterpart."""
    terms: Sequence[str] = ()


def file_of(answers: Answers, stand_for: Mapping[str, str] | None = None) -> str:
    """Give the file's text. `stand_for` gives some variables another name, such as that of the keyring's entry."""
    lines = [*_bpo(answers, stand_for or {}), *_accounting(answers, stand_for or {}), *_REST]
    return "\n".join(lines).rstrip("\n") + "\n"


def named_in(answers: Answers) -> list[str]:
    """Give the names in every ${…} of the answers, each once."""
    texts = (
        [answers.url, *(answers.books.keys[key] for key in answers.books.keys if key in TEMPLATES)]
        if answers.books
        else [answers.url]
    )
    return list(dict.fromkeys(name for each in texts if isinstance(each, str) for name in names(each)))


def _bpo(answers: Answers, stand_for: Mapping[str, str]) -> Iterator[str]:
    yield from _HEAD
    yield f"url = {text(renamed(answers.url, stand_for))}"
    if answers.query is not None:
        yield "# What gives the customers: one row a customer and site."
        yield f"query = {literal(answers.query)}"
    else:
        yield "# The table or view with the customers: one row a customer and site."
        yield f"customers = {literal(answers.customers or '')}"
    yield from _BPO
    for name in BPO_FIELDS:
        own = FIELDS[name].column or ""
        yield f"{'' if name in answers.columns else '# '}{name} = {literal(answers.columns.get(name, own))}"
    yield from _FIELDS


def _accounting(answers: Answers, stand_for: Mapping[str, str]) -> Iterator[str]:
    books = answers.books
    if books is None:
        yield from _NO_BOOKS
        return
    yield from ("", "", "# Where the accounts are. docs/evolution.md, docs/freedom.md and docs/partner.md tell more.")
    yield "[accounting]"
    yield f"system = {text(books.system)}"
    yield f"# {_WAYS[books.write]}"
    yield f"write = {text(books.write)}"
    for key, value in books.keys.items():
        if value not in (None, "", False):
            yield from (f"# {line}" for line in [_KEYS[key]] if line)
            yield f"{key} = {_value(key, value, stand_for)}"
    yield from _UPPER
    yield from ("", "# What new accounts get where BPO says nothing: codes that the company has.", "[accounting.defaults]")
    for name, example in DEFAULTS[books.system].items():
        chosen, known = books.defaults.get(name), books.codes.get(name, ())
        if known:
            yield f"# {name}: {', '.join(map(text, known[:_MOST_CODES]))}{', …' if len(known) > _MOST_CODES else ''}"
        yield f"{name} = {literal(chosen)}" if chosen else f"# {name} = {literal(known[0] if known else example)}"
    yield from ("", f"# BPO's customer type = the company's {'category' if books.system == 'partner' else 'customer group'}.")
    yield "[accounting.groups]"
    yield from _counterparts(answers.types, books.groups)
    yield from ("", "# BPO's terms = the company's code. Terms that are called the same on both sides need no line.")
    yield "[accounting.terms]"
    yield from _counterparts(answers.terms, books.terms)


def _counterparts(words: Sequence[str], chosen: Mapping[str, str]) -> Iterator[str]:
    for word in dict.fromkeys((*words, *chosen)):
        yield f"{toml.key(word)} = {literal(chosen[word])}" if word in chosen else f'# {toml.key(word)} = ""'


def _value(key: str, value: str | int | bool | None, stand_for: Mapping[str, str]) -> str:  # noqa: FBT001 - a value
    if not isinstance(value, str):
        return text(value or 0)
    return text(renamed(value, stand_for)) if key in TEMPLATES else literal(value)


TEMPLATES: Final = frozenset({"url", "odbc", "freedom_password", "sdk_code"})
"""The keys whose texts may hold ${NAME}; the others stand as they were answered."""

_HEAD: Final = (
    "# The configuration of bposync, made by `bposync init`. docs/configuration.md tells more about each key.",
    "#",
    '# Lines that begin with "# " and a key are optional; most show the default. ${NAME} is the environment\'s variable NAME,',
    "# ${keyring:SERVICE/USER} a password of the operating system's keyring, $$ a dollar sign. Relative paths are relative to",
    "# this file's folder.",
    "",
    "",
    "# Where the customers are read. bposync only ever reads there.",
    "[bpo]",
)
_BPO: Final = (
    "# The sites that list, sync and status take where no --site is given. Without it: all.",
    '# sites = ["Durban", "Cape Town"]',
    "# One value, true where BPO's option Post Accounts is on. `bposync status` says it.",
    '# post_accounts = "SELECT PostAccounts FROM dbo.CompanyOptions"',
    "# The statuses of customers that are synchronised.",
    '# sync_statuses = ["Active", "Hold"]',
    "",
    '# Which column holds which field; "" where BPO has no such column. A column that is named here and that the database does',
    "# not have, or has no longer, is an error. One in a comment is left out then: without status every customer counts as",
    "# Active, without is_debtor every one as a debtor.",
    "[bpo.columns]",
)
_FIELDS: Final = (
    "",
    '# Whose value stands in an account after it was made: "bpo" (the default) or "new" (BPO\'s goes into new accounts only).',
    "[fields]",
    '# credit_limit = "bpo"',
)
_NO_BOOKS: Final = (
    "",
    "",
    "# Where the accounts are. Without it, list and sites work, and nothing can be synchronised: `bposync init --force` asks",
    "# for it, config.example.toml shows every key.",
    "# [accounting]",
)
_WAYS: Final = {
    "freedom": "Through Evolution's Freedom Service, Sage's own gateway: docs/freedom.md.",
    "sql": "Straight into the company's tables. Sage does not support that, so it must be said here.",
    "sdk": "Through Pastel's own SDK, which Sage supports.",
    "file": "Into a file that Pastel's own import takes; a person imports it.",
}
_KEYS: Final = {
    "url": "The company's own database. Its name may hold spaces.",
    "odbc": "The company's own database, by ODBC.",
    "freedom_url": "Where the service and the company are, the Evolution agent, and its password.",
    "freedom_user": "",
    "freedom_password": "",
    "freedom_ca": "The authority that vouches for the service's certificate, in PEM form.",
    "freedom_plain": "Plain http to another machine is taken, which sends the password for anybody to read.",
    "data_path": "The company's folder, the licence, and how many fields the SDK takes (42 before V14).",
    "sdk_serial": "",
    "sdk_code": "",
    "sdk_fields": "",
    "file": "The file that Pastel's own import takes.",
}
_UPPER: Final = (
    "# Whether codes of new accounts are written in capitals. Without it: as the company has it set.",
    "# upper_case_codes = true",
)
DEFAULTS: Final[dict[str, dict[str, str]]] = {
    "evolution": {"group": "RETAIL", "terms": "30D", "area": "RSA", "price_list": "Standard"},
    "partner": {"category": "1", "terms": "30", "price_list": "1"},
}
"""What new accounts of each system get a default for, with an example."""

_REST: Final = (
    "",
    "",
    "[sync]",
    "# Stop before anything is written where a sync would write more: a number of accounts, or a share of the linked ones.",
    '# max_changes = "50%"',
    "# Whether Hold in BPO puts the account on hold. Only a hold so put on is taken off again.",
    "# carry_hold = false",
    "",
    "",
    "# The journal: who is who, what was decided, what was written. Where several people synchronise, one that all reach.",
    "[state]",
    '# url = "sqlite:///bposync-state.sqlite"',
    "# Companies that share a journal need a name each.",
    '# company = "main"',
    "",
    "",
    "[log]",
    "# Every line that is said, with its moment, for whoever looks in the morning. Starts anew at a megabyte, keeps five old.",
    '# file = "bposync.log"',
)
