"""Talks HTTP to Evolution's Freedom Service: which operations, how long each may take, and what is asked again.

Reads go over connections that are kept, and are asked again where no answer came. A write goes over a connection of its own
and is sent once: a kept one that the service just closed looks like an answer that was cut off. No redirect is followed, no
proxy of the environment is used, for either would be handed the agent's password.
"""

from __future__ import annotations

import contextlib
import json
import logging
import time
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from bposync import tracing
from bposync.accounting.freedom_address import FORM, Service
from bposync.accounting.freedom_answers import Answer, AnswerError, check_written, exists_of, list_of, object_of, one_line
from bposync.errors import UnreachableError, UsageError
from bposync.values import normalise_code, visible

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator, Mapping

    import httpx

CONNECT_SECONDS: Final = 10.0
"""How long a connection may take to come about."""
ANSWER_SECONDS: Final = 120.0
"""How long one answer may take as a whole: the service validates, and may wait for Evolution's own locks."""
READ_TRIES: Final = 3
"""How often a read is asked, the first time included. A write is sent once."""
LARGEST_ANSWER: Final = 32 * 1024 * 1024
_UNAVAILABLE: Final = (408, 429, 502, 503, 504)
_NOT_THIS_AGENT: Final = (401, 403)
_NOT_THERE: Final = 404
# Retries are the run's own matter, told in its outcomes: nothing is logged where nobody asked for a log.
logging.getLogger("stamina").addHandler(logging.NullHandler())


class NoAnswerError(AnswerError):
    """No answer came, or not all of it: to a read after it was asked again, to a write the first time."""


class _AskAgainError(Exception):
    """A read without an answer, which may come the next time."""


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
        if found is None or normalise_code(found["Code"]) != normalise_code(code):
            raise AnswerError(f"CustomerFind answered with another account than {visible(code)}, or with none")
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
        started, became = time.monotonic(), "no answer"
        try:
            with contextlib.closing(client.send(request, stream=True)) as response:
                became = str(response.status_code)
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
        finally:
            tracing.tell("the Freedom Service", started, f"{request.method} {request.url.path}: {became}")

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
            f"{self.service} is not there: {operation} was answered with 404.", f"Check freedom_url. {FORM}"
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
