"""What `bposync init` asks of the accounting system: which it is, the way in, and its connection."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

from bposync.cli import interview_codes
from bposync.config import WAYS
from bposync.errors import UsageError, did_you_mean
from bposync.setup import books as setup_books
from bposync.setup import places
from bposync.setup.answers import Books

if TYPE_CHECKING:
    from collections.abc import Collection

    from bposync.cli.interview import Interview
    from bposync.setup.answers import Answers
    from bposync.setup.books import Found

_SYSTEMS: Final = {
    "evolution": "Sage (Pastel) Evolution, Sage 200 Evolution",
    "partner": "Sage Pastel Partner, Sage 50cloud Pastel",
    "none": "none yet: list and sites work without",
}
_SAID: Final = {
    "freedom": "Sage's own gateway, the Freedom Service: recommended",
    "sql": "straight into the company's tables; Sage does not support it",
    "sdk": "Pastel's own SDK: recommended, on Windows",
    "file": "a file that a person imports in Pastel",
}
_RECOMMENDED: Final = {"evolution": "freedom"}


def ask(interview: Interview, answers: Answers, bpo_fields: Collection[str]) -> tuple[Answers, Found | None]:
    """Ask until the books answer, and for the defaults of new accounts; None where there are no books."""
    system = _one_of(interview, "system", "The accounting system", _SYSTEMS, "")
    if system == "none":
        return answers, None
    ways = {way: _SAID[way] for way in WAYS[system]}
    write = _one_of(interview, "write", "The way into it", ways, _RECOMMENDED.get(system, ""))

    def connect(again: bool) -> tuple[Answers, Found]:  # noqa: FBT001 - called by tried()
        made = _connection(interview, system, write, again=again)
        url = str(made.keys.get("url") or "")

        def attempt(url: str) -> Found:
            keys = {**made.keys, "url": url or None}
            tried = dataclasses.replace(answers, books=dataclasses.replace(made, keys=keys))
            return setup_books.look(interview.settings(tried), bpo_fields)

        url, found = interview.trusting(url, attempt)
        made = dataclasses.replace(made, keys={**made.keys, "url": url or None})
        return dataclasses.replace(answers, books=made), found

    answers, found = interview.tried(connect)
    company = found.company
    interview.asker.say(f"{found.system} answers: company {company.name}, database {company.database} on {company.server}.")
    return interview.tried(lambda again: (interview_codes.ask(interview, answers, found, bpo_fields, again=again), found))


def _one_of(interview: Interview, key: str, question: str, choices: dict[str, str], default: str) -> str:
    given = interview.given[key]
    if given is None:
        return interview.asker.choice(f"--{key}", question, choices, default)
    if given not in choices:
        raise UsageError(f"--{key}: there is no choice {given!r}.", did_you_mean(given, choices))
    return str(given)


def _connection(interview: Interview, system: str, write: str, *, again: bool) -> Books:
    """Ask for what a way needs. Passwords are asked for by the names of their variables."""
    keys: dict[str, str | int | bool | None] = {}
    given = interview.given
    reads_itself = write in ("freedom", "sdk")
    if write == "freedom":
        keys |= _freedom(interview, again=again)
    if write == "sdk":
        keys |= _sdk(interview, again=again)
    if write == "file":
        keys["file"] = interview.value("import_file", "The file to write for Pastel's import", "customers.csv", again=again)
    wanted = not reads_itself or any(given[f"accounting_{key}"] for key in ("url", "server", "odbc"))
    if reads_itself and not wanted and interview.asker.asks:
        question = "Are the accounts read from the company's database too? It needs a login that may only read, and is quicker."
        wanted = interview.asker.yes(question, default=again and bool(given["accounting_url"]))
    if wanted:
        keys |= _database(interview, system, again=again)
    return Books(system=system, write=write, keys=keys)


def _database(interview: Interview, system: str, *, again: bool) -> dict[str, str | int | bool | None]:
    given = interview.given
    odbc = given["accounting_odbc"]
    if odbc and given["accounting_url"]:
        raise UsageError("init: both --accounting-odbc and --accounting-url.", "Leave one of them out.")
    by_odbc = system == "partner" and not (given["accounting_url"] or given["accounting_server"])
    if by_odbc and (odbc is None or again) and interview.asker.asks:
        interview.asker.say("Pastel's database by ODBC: a data source, as in DSN=EXAMPLE, or DRIVER={…};ServerName=…;DBQ=…")
    if odbc or (by_odbc and interview.asker.at_terminal):
        odbc = interview.value("accounting_odbc", "ODBC connection string (or a whole SQLAlchemy URL)", again=again)
        places.check_secrets("--accounting-odbc", odbc)
        interview.label(odbc)
        interview.passwords(odbc, "Password of Pastel's database", again=again)
        return {"url": odbc} if "://" in odbc else {"odbc": odbc}
    if by_odbc:
        interview.value("accounting_odbc", "Pastel's database by ODBC; or --accounting-url")
    what = "The company's database"
    url = interview.url("accounting", what, again=again)
    interview.passwords(url, "Password of accounting's login", again=again)
    return {"url": url}


def _freedom(interview: Interview, *, again: bool) -> dict[str, str | int | bool | None]:
    form = "https://server:5000/freedom.core/Example Company"
    url = interview.value("freedom_url", f"The Freedom Service and the company, such as {form}", again=again)
    places.check_secrets("--freedom-url", url)
    user = interview.value("freedom_user", "The Evolution agent that bposync is", again=again)
    variable = str(interview.given["freedom_password_variable"] or "FREEDOM_PASSWORD")
    interview.labels[variable] = f"freedom/{user}"
    interview.passwords(f"${{{variable}}}", f"Password of the agent {user}", again=again)
    plain = bool(interview.given["freedom_plain"])
    if url.lower().startswith("http://") and not plain and interview.asker.asks:
        question = "Plain http sends the agent's password for anybody to read. Is the line between the two machines safe?"
        plain = interview.asker.yes(question, default=False)
    return {
        "freedom_url": url,
        "freedom_user": user,
        "freedom_password": f"${{{variable}}}",
        "freedom_ca": interview.given["freedom_ca"],
        "freedom_plain": plain,
    }


def _sdk(interview: Interview, *, again: bool) -> dict[str, str | int | bool | None]:
    folder = interview.value("data_path", r"The company's folder, such as C:\Pastel\EXAMPLE", again=again)
    serial = interview.value("sdk_serial", "The SDK's serial number, such as DK12345678", again=again)
    variable = str(interview.given["sdk_code_variable"] or "SDK_CODE")
    interview.labels[variable] = f"sdk/{serial}"
    interview.passwords(f"${{{variable}}}", "The SDK's code", again=again)
    fields = interview.given["sdk_fields"]
    return {"data_path": folder, "sdk_serial": serial, "sdk_code": f"${{{variable}}}", "sdk_fields": fields}
