"""Talks HTTP to Evolution's Freedom Service: where it is, who asks, how long it may take, and what is asked again.

Reads go over connections that are kept, and are asked again where no answer came. A write goes over a connection of its own
and is sent once: a kept one that the service just closed looks like an answer that was cut off. No redirect is followed, no
proxy of the environment is used, for either would be handed the agent's password.
"""

from __future__ import annotations

import base64
import contextlib
import ipaddress
import json
import logging
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, unquote, urlsplit

from bposync import secrets
from bposync.accounting.freedom_answers import Answer, AnswerError, check_written, exists_of, list_of, object_of, one_line
from bposync.errors import UnreachableError, UsageError
from bposync.values import visible

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator, Mapping

    import httpx

    from bposync.config import AccountingTable, Settings

CONNECT_SECONDS: Final = 10.0
"""How long a connection may take to come about."""
ANSWER_SECONDS: Final = 120.0
"""How long one answer may take as a whole: the service validates, and may wait for Evolution's own locks."""
READ_TRIES: Final = 3
"""How often a read is asked, the first time included. A write is sent once."""
LARGEST_ANSWER: Final = 32 * 1024 * 1024
PORT: Final = 5000
_CORE: Final = "freedom.core"
_REST: Final = "SDK/Rest"
_MOST_CONNECTIONS: Final = 32
_FORM: Final = 'It looks like freedom_url = "https://server:5000/freedom.core/Example Company".'
_UNAVAILABLE: Final = (408, 429, 502, 503, 504)
_NOT_THIS_AGENT: Final = (401, 403)
_NOT_THERE: Final = 404
# Retries are the run's own matter, told in its outcomes: nothing is logged where nobody asked for a log.
logging.getLogger("stamina").addHandler(logging.NullHandler())


class NoAnswerError(AnswerError):
    """No answer came, or not all of it: to a read after it was asked again, to a write the first time."""


class _AskAgainError(Exception):
    """A read without an answer, which may come the next time."""


@dataclass(frozen=True, slots=True)
class Service:
    """Where a company's Freedom Service is, and the agent that asks."""

    root: str
    """Up to `freedom.core`, without a slash at the end."""
    company: str
    """The company's friendly name, as people read it."""
    user: str
    password: str
    ca: Path | None = None
    connections: int = 4

    @property
    def server(self) -> str:
        """The machine and port."""
        return urlsplit(self.root).netloc

    @property
    def base(self) -> str:
        """What every operation of the company begins with."""
        return f"{self.root}/{quote(self.company, safe='')}/{_REST}"

    def __str__(self) -> str:
        return visible(f"the Freedom Service on {self.server} (company {self.company})")


def service_of(settings: Settings) -> Service:
    """Read where the service is from the configuration. Raises UsageError."""
    table = settings.need_accounting()
    for key in ("freedom_url", "freedom_user", "freedom_password"):
        if not (getattr(table, key) or "").strip():
            raise UsageError(
                f'{settings.path}: [accounting] {key} is missing; write = "freedom" needs it.',
                "docs/freedom.md tells what it is.",
            )
    secrets.register(table.freedom_password or "")
    secrets.register(base64.b64encode(f"{table.freedom_user}:{table.freedom_password}".encode()).decode())
    if not 1 <= table.freedom_connections <= _MOST_CONNECTIONS:
        raise UsageError(
            f"{settings.path}: [accounting] freedom_connections = {table.freedom_connections}: from 1 to {_MOST_CONNECTIONS}."
        )
    root, company = _taken_apart(settings, table)
    ca = None if table.freedom_ca is None else settings.folder / Path(table.freedom_ca).expanduser()
    if ca is not None and not ca.is_file():
        raise UsageError(f"{settings.path}: [accounting] freedom_ca: there is no file {visible(str(ca))}.", "Check the name.")
    return Service(root, company, table.freedom_user or "", table.freedom_password or "", ca, table.freedom_connections)


def _taken_apart(settings: Settings, table: AccountingTable) -> tuple[str, str]:
    where = f"{settings.path}: [accounting] freedom_url"
    try:
        parts = urlsplit((table.freedom_url or "").strip())
        host, port = parts.hostname, parts.port
    except ValueError:
        raise UsageError(f"{where}: this is no URL.", _FORM) from None
    if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment:
        raise UsageError(f"{where}: this is no address of a Freedom Service.", _FORM)
    if parts.username is not None or parts.password is not None:
        raise UsageError(
            f"{where}: the agent and its password have no place in it.", "They are freedom_user and freedom_password."
        )
    path = [unquote(part) for part in parts.path.split("/") if part]
    if [part.lower() for part in path[-2:]] == ["sdk", "rest"]:
        path = path[:-2]
    if len(path) < 2 or path[-2].lower() != _CORE:  # noqa: PLR2004 - freedom.core and the company
        raise UsageError(f"{where}: after {_CORE}/ comes the company's name, and nothing else.", _FORM)
    if parts.scheme == "http" and not table.freedom_plain and not _is_this_machine(host):
        raise UsageError(
            f"{where}: plain http to another machine ({visible(host)}) would send the agent's password for anybody to read.",
            "Use https; or, where the line between the two is safe, say freedom_plain = true.",
        )
    name = f"[{host}]" if ":" in host else host
    root = "/".join([f"{parts.scheme}://{name}:{port or PORT}", *(quote(part, safe="") for part in path[:-1])])
    return root, path[-1]


def _is_this_machine(host: str) -> bool:
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class FreedomClient:
    """The operations that bposync asks of the service, for several threads at once.

    Every one raises UnreachableError where the service as a whole cannot be reached or refuses (and nothing was written),
    NoAnswerError where no answer came, AnswerError where it answered with something else.
    """

    def __init__(self, service: Service, *, writes: bool) -> None:
        self.service = service
        self._writes = writes
        self._clients: dict[bool, httpx.Client] = {}

    def close(self) -> None:
        """Close what connections there are."""
        for client in self._clients.values():
            client.close()
        self._clients.clear()

    def open(self) -> None:
        """Get ready; nothing is sent. Raises UsageError where the authority's certificate cannot be read."""
        if not self._clients:
            # Certificates take a while to load, and plain http has none.
            context = _tls(self.service) if self.service.root.startswith("https:") else False
            self._clients = {fresh: self._client(fresh=fresh, verify=context) for fresh in (False, True)}

    def _client(self, *, fresh: bool, verify: ssl.SSLContext | bool) -> httpx.Client:
        import httpx

        kept = 0 if fresh else self.service.connections
        return httpx.Client(
            auth=httpx.BasicAuth(self.service.user, self.service.password),
            verify=verify,
            trust_env=False,
            follow_redirects=False,
            timeout=httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS),
            limits=httpx.Limits(max_connections=self.service.connections, max_keepalive_connections=kept),
            headers={
                "Accept": "application/json",
                "Accept-Encoding": "identity",
                "User-Agent": "bposync",
                **({"Connection": "close"} if fresh else {}),
            },
        )

    # What is asked.

    def exists(self, code: str) -> bool:
        """Ask whether there is an account with a code."""
        return exists_of(self._get("CustomerExists", code=code))

    def find(self, code: str) -> dict[str, Any]:
        """Read a whole customer that exists."""
        found = object_of(self._get("CustomerFind", code=code), "CustomerFind")
        if found is None or found["Code"].strip().casefold() != code.strip().casefold():
            raise AnswerError(f"CustomerFind answered with another account than {code}")
        return found

    def page(self, number: int, size: int) -> list[dict[str, Any]]:
        """Read one page of the customers, from 1."""
        return list_of(self._get("CustomerList", orderby="Code", pageNumber=str(number), pageSize=str(size)))

    def look_up(self, operation: str, **parameters: str) -> dict[str, Any] | None:
        """Find a group, an area or terms by code; None where there are none of that code."""
        try:
            return object_of(self._get(operation, **parameters), operation)
        except NoAnswerError:
            raise
        except AnswerError as error:
            if error.refused:  # what a Find answers for an unknown code is documented nowhere; a fault is likely
                return None
            raise

    def insert(self, customer: Mapping[str, Any]) -> None:
        """Make an account. AnswerError.refused says that it was certainly not made."""
        self._post("CustomerInsert", customer)

    def update(self, customer: Mapping[str, Any]) -> None:
        """Write a whole account. AnswerError.refused says that it was certainly not written."""
        self._post("CustomerUpdate", customer)

    def version(self) -> str:
        """Give the service's own version, whatever the company; empty where it does not say."""
        try:
            answer = self._ask(f"{self.service.root}/registration/rest/Version")
        except (AnswerError, UnreachableError, _AskAgainError):
            return ""
        return one_line(answer.text, 60).strip('"') if answer.status == 200 else ""  # noqa: PLR2004

    # How it is asked.

    def _get(self, operation: str, **parameters: str) -> Answer:
        import stamina

        query = "&".join(f"{name}={quote(value, safe='')}" for name, value in parameters.items())
        url = f"{self.service.base}/{operation}?{query}"
        try:
            for attempt in stamina.retry_context(
                on=_AskAgainError, attempts=READ_TRIES, timeout=ANSWER_SECONDS, wait_initial=0.2, wait_max=3.0
            ):
                with attempt:
                    return self._known(self._ask(url), operation)
        except _AskAgainError as error:
            raise NoAnswerError(f"{operation}: {error}") from None
        raise AssertionError("a retry ends with an answer or an error")

    def _post(self, operation: str, customer: Mapping[str, Any]) -> None:
        if not self._writes:
            raise AssertionError("the company was opened for reading")
        # Slashes are escaped as the service itself writes them: it takes "\/Date(…)\/" for a moment.
        body = json.dumps({"client": customer}, allow_nan=False).replace("/", "\\/").encode()
        try:
            answer = self._ask(f"{self.service.base}/{operation}", body)
        except _AskAgainError as error:
            raise NoAnswerError(f"{operation}: {error}") from None
        check_written(self._known(answer, operation, write=True), operation)

    def _ask(self, url: str, body: bytes | None = None) -> Answer:
        """Send one request, once. Raises _AskAgainError where it may have arrived and no answer came."""
        import httpx

        client = self._clients[body is not None]
        headers = {"Content-Type": "application/json; charset=utf-8"} if body is not None else {}
        request = client.build_request("GET" if body is None else "POST", url, content=body, headers=headers)
        try:
            with contextlib.closing(client.send(request, stream=True)) as response:
                return Answer(
                    response.status_code,
                    response.headers.get("Content-Type", ""),
                    b"".join(_limited(response, time.monotonic() + ANSWER_SECONDS)),
                    response.headers.get("Location", ""),
                )
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.LocalProtocolError) as error:
            raise self._unreachable(error) from None
        except httpx.TimeoutException:
            raise _AskAgainError(f"no answer within {ANSWER_SECONDS:.0f} seconds") from None
        except (httpx.HTTPError, httpx.StreamError) as error:
            raise _AskAgainError(f"the answer was cut off ({one_line(str(error), 160) or type(error).__name__})") from None

    def _known(self, answer: Answer, operation: str, *, write: bool = False) -> Answer:
        """Stop where an answer is about the whole of the service, not about one account."""
        if answer.status in _NOT_THIS_AGENT:
            raise UnreachableError(
                f"{self.service} does not let the agent {visible(self.service.user)} in ({operation}: {answer.status}).",
                "Check freedom_user and freedom_password, and the agent's rights in Evolution; docs/freedom.md lists them.",
            )
        if answer.location and 300 <= answer.status < 400 and not write:  # noqa: PLR2004 - the statuses of redirects
            raise UnreachableError(
                f"{self.service} answers {answer.status}, and wants to be asked elsewhere: {one_line(answer.location, 160)}.",
                "bposync follows no redirect, for the password would go with it. Put the address itself into freedom_url.",
            )
        if answer.status == _NOT_THERE and "json" not in answer.content_type.lower():
            raise self._no_company(operation)
        if answer.status in _UNAVAILABLE and not write:
            raise _AskAgainError(f"the service answered {answer.status}")
        return answer

    def _no_company(self, operation: str) -> UnreachableError:
        if version := self.version():
            return UnreachableError(
                f"The Freedom Service on {self.service.server} (version {version}) has no company "
                f"{visible(self.service.company)}, or no {operation}.",
                "The name in freedom_url is the one under which the company is registered with the service.",
            )
        return UnreachableError(
            f"{self.service} is not there: {operation} was answered with 404.", f"Check freedom_url. {_FORM}"
        )

    def _unreachable(self, error: Exception) -> UnreachableError:
        why = one_line(str(error), 160) or "it does not answer"
        if "CERTIFICATE_VERIFY_FAILED" in why or "certificate" in why.lower():
            hint = "Where the service has a certificate of the company's own authority, name that one's file in freedom_ca."
        elif "SSL" in why or "TLS" in why:
            hint = "Does the service speak https on this port? docs/freedom.md tells how it is set up."
        else:
            hint = "Check that the service is running, and that this machine reaches it; then freedom_url."
        return UnreachableError(f"{self.service} cannot be reached: {why}.", hint)


def _limited(response: httpx.Response, until: float) -> Iterator[bytes]:
    """Give an answer's body, up to the largest that is read, within the time that it has as a whole."""
    import httpx

    size = 0
    for piece in response.iter_bytes():
        size += len(piece)
        if size > LARGEST_ANSWER:
            raise httpx.ReadError(f"more than {LARGEST_ANSWER // 1024 // 1024} MB came")
        if time.monotonic() > until:
            raise httpx.ReadTimeout("the answer took too long")
        yield piece


def _tls(service: Service) -> ssl.SSLContext:
    """Trust what the system trusts, or the one authority that the configuration names."""
    import ssl

    try:
        return ssl.create_default_context(cafile=str(service.ca) if service.ca else None)
    except (ssl.SSLError, OSError) as error:
        raise UsageError(
            f"[accounting] freedom_ca: {visible(str(service.ca))} cannot be read as certificates: {one_line(str(error), 100)}.",
            "It is a file in PEM form: -----BEGIN CERTIFICATE-----",
        ) from None
