"""What `bposync init` asks of any database: where it is, who logs in, and the password; tried until it answers."""

from __future__ import annotations

import os
import re
from collections import ChainMap
from typing import TYPE_CHECKING, Any, Final, TypeVar

from bposync import config, secrets, variables
from bposync.cli.asking import Asker, missing
from bposync.errors import UnreachableError, UsageError
from bposync.setup import places
from bposync.setup.answers import Answers, file_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from bposync.cli.common import Session
    from bposync.config import Settings

_T = TypeVar("_T")
_URL: Final = "://"
_LOGIN_ONLY: Final = re.compile(r"(://[^:/@\s]+)@")


class Interview:
    """One conversation: what was given as options, what was answered, and the passwords, which are kept in memory only."""

    def __init__(self, session: Session, given: Mapping[str, Any], path: Path) -> None:
        self.output = session.output
        self.asker = Asker(session.output, take_proposals=given["yes"])
        self.given = given
        self.path = path
        self.entered: dict[str, str] = {}
        """Passwords that were typed, by the names of their variables."""
        self.labels: dict[str, str] = {}
        """What each password is for, by the name of its variable: the entry's name in the keyring."""
        self._said: dict[str, str] = {}
        for answer in given.values():
            if isinstance(answer, str):
                places.hide(answer)

    @property
    def environment(self) -> Mapping[str, str]:
        """The environment, and what was typed."""
        return ChainMap(self.entered, dict(os.environ))

    def settings(self, answers: Answers) -> Settings:
        """Give the settings that some answers would be: what is tried is what will be written."""
        return config.read(self.path, file_of(answers), environment=self.environment)

    def tried(self, ask: Callable[[bool], _T]) -> _T:
        """Let something be asked until it is right; where nobody can be asked, its error is the end."""
        again = False
        while True:
            try:
                return ask(again)
            except (UsageError, UnreachableError) as error:  # but not that somebody wants to stop
                if not self.asker.asks:
                    raise
                self.asker.say(f"{error.message} {error.hint or ''}".strip())
                self.asker.say("")
                again = True

    def trusting(self, url: str, attempt: Callable[[str], _T]) -> tuple[str, _T]:
        """Try a URL; where the server's certificate is one that nobody vouches for, ask whether it is trusted all the same."""
        try:
            return url, attempt(url)
        except UnreachableError as error:
            known = not url.startswith("mssql") or "trustservercertificate" in url.lower()
            if known or "certificate" not in error.message.lower() or not self.asker.asks:
                raise
            self.asker.say(f"{error.message}")
            if not self.asker.yes("Trust this server's certificate, though nobody vouches for it?", default=False):
                raise
        url += ("&" if "?" in url else "?") + "TrustServerCertificate=yes"
        return url, attempt(url)

    def value(self, key: str, question: str, default: str = "", *, required: bool = True, again: bool = False) -> str:
        """Give what an option says, or an answer; what was said before is proposed when it is asked again.

        But nothing with a password in it, for a proposal is shown.
        """
        option = f"--{key.replace('_', '-')}"
        given = self.given.get(key)
        if given is not None and not again:
            return str(given)
        before = self._said.get(key, given)
        proposed = default if before is None else str(before)
        answer = self.asker.text(option, question, "" if places.passwords_in(proposed) else proposed, required=required)
        self._said[key] = answer
        return answer

    def url(self, prefix: str, what: str, *, again: bool) -> str:
        """Ask for a database: by its server, name and login on SQL Server, or by a whole URL. Its password is no part of it."""
        given = self.given.get(f"{prefix}_url")
        if given is not None and not again:
            return self._whole(prefix, str(given))
        if given is None and not self.asker.at_terminal and self.given.get(f"{prefix}_server") is None:
            raise missing(f"--{prefix}-url, or --{prefix}-server and --{prefix}-database", what)
        key = f"{prefix}_server"
        question = f"{what}: its SQL Server (or a whole SQLAlchemy URL)"
        server = self.value(key, question, str(given or ""), again=again or self._said.get(key) is not None)
        if _URL in server:
            return self._whole(prefix, server)
        name = self.value(f"{prefix}_database", "Its database", again=again)
        login = self.value(f"{prefix}_login", "Login (Enter: your own login of Windows)", required=False, again=again)
        variable = self._variable(prefix)
        url = places.sql_server(
            server, name, login, variable, driver=self._driver(), trust=bool(self.given["trust_certificate"])
        )
        self.labels[variable] = f"{server}/{name}/{login}"
        return url

    def _whole(self, prefix: str, url: str) -> str:
        """Take a whole URL, and put the name of the password's variable in where it has a login alone."""
        places.check_secrets(f"--{prefix}-url", url)
        if _LOGIN_ONLY.search(url) and self.asker.asks:
            variable = self._variable(prefix)
            if self._password(variable, f"Password for {url} (hidden; Enter for none)"):
                url = _LOGIN_ONLY.sub(rf"\1:${{{variable}}}@", url, count=1)
        self.label(url)
        return url

    def label(self, place: str) -> None:
        """Remember what the passwords are for that a URL or an ODBC string names."""
        for name in variables.names(place):
            self.labels.setdefault(name, label_of(place))

    def _variable(self, prefix: str) -> str:
        return str(self.given.get(f"{prefix}_password_variable") or f"{prefix.upper()}_PASSWORD")

    def _driver(self) -> str:
        if self.given.get("driver"):
            return str(self.given["driver"])
        found = places.drivers()
        if not found:
            raise places.no_driver()
        if len(found) == 1 or self._said.get("driver") or not self.asker.asks:
            return self._said.setdefault("driver", found[0])
        said = {places.MSSQL_PYTHON: "Microsoft's Python driver: nothing else to install"}
        chosen = self.asker.choice("--driver", "Driver for SQL Server", {name: said.get(name, "") for name in found}, found[0])
        return self._said.setdefault("driver", chosen)

    def passwords(self, template: str, what: str, *, again: bool) -> None:
        """Ask for the password of every variable that a text names and that is not set. Raises UsageError."""
        for name in dict.fromkeys(variables.names(template)):
            if name.startswith(variables.KEYRING):
                continue
            if again:
                self.entered.pop(name, None)
            if name in self.environment and not (again and self.asker.asks):
                secrets.register(self.environment[name])
                continue
            if not self.asker.at_terminal:
                raise UsageError(
                    f"init: the variable {name} is not set, which is to hold the password.", f"Set {name} in the environment."
                )
            self._password(name, f"{what} (hidden; kept as {name})")

    def _password(self, name: str, question: str) -> bool:
        entered = self.asker.hidden(question)
        if entered:
            secrets.register(entered)
            self.entered[name] = entered
        elif name not in self.environment:
            self.entered[name] = ""
        return bool(entered)


def label_of(place: str) -> str:
    """Give a name for a password in the keyring: the server, the database and the login of a URL or an ODBC string."""
    if found := re.match(r"[^:]*://(?:([^:@]*)(?::.*)?@)?([^?]*)", place):
        parts = [found[2], found[1] or ""]
    else:
        parts = re.findall(r"\b(?:dsn|server|servername|dbq|database|uid)\s*=\s*\{?([^;{}]+)", place, re.IGNORECASE)
    return "/".join(part for part in (variables.PLACEHOLDER.sub("", part).strip("/ ") for part in parts) if part)
