"""A stand-in for Evolution's Freedom Service: real HTTP on this machine, with the demo's Evolution tables behind it.

Paths are Freedom's, without regard to case, the company's name URL-encoded in them; an agent signs in with HTTP Basic; bodies
are wrapped in `client`; answers are JSON, faults XML. For tests it can be told to be late, to cut answers off or to say
something else, call by call. The demo runs it inside each command, for as long as that takes.
"""

from __future__ import annotations

import base64
import contextlib
import hmac
import json
import secrets
import threading
import time
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self
from urllib.parse import parse_qsl, quote, unquote
from xml.sax.saxutils import escape

from bposync.accounting.freedom_address import Service
from bposync.demo.freedom_company import FaultError, FreedomCompany
from bposync.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from bposync.config import Settings

VERSION: Final = "1.04 (stand-in)"
AGENT: Final = "bposync"
_JSON: Final = "application/json; charset=utf-8"
_XML: Final = "application/xml; charset=utf-8"
_HTML: Final = "text/html; charset=utf-8"
# The operations by method: their names without regard to case, and the parameters that each takes.
_GET: Final = {
    "customerexists": {"code"},
    "customerfind": {"code"},
    "customerlist": {"orderby", "pagenumber", "pagesize"},
    "customergroupfind": {"code"},
    "areafind": {"code"},
    "agingtermfind": {"module", "code"},
}
_POST: Final = ("customerinsert", "customerupdate")


@dataclass(frozen=True, slots=True)
class Call:
    """One request, as it came."""

    method: str
    path: str
    operation: str
    """In lower case; empty for what is no operation of the company's."""
    parameters: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    connection: int
    """Which connection it came over: requests over one have one number."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer."""

    status: int
    content_type: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What is special about one answer, for tests."""

    delay: float = 0.0
    """Seconds before anything is done."""
    late: float = 0.0
    """Seconds between what is done and the answer."""
    done: bool = True
    """Whether what was asked is done."""
    cut: bool = False
    """Whether the connection is closed without an answer."""
    half: bool = False
    """Whether it is closed in the middle of the answer's body."""
    reply: Reply | None = None
    """What is answered in place of what would be."""


class FreedomServer(ThreadingHTTPServer):
    """The service of one company, on a port of its own on this machine."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self, books: Path, name: str, *, password: str = "", latency: float = 0.0, without: Collection[str] = (), port: int = 0
    ) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.company = FreedomCompany(books, without=without)
        self.name = name
        self.user, self.password = AGENT, password or secrets.token_urlsafe(16)
        self.latency = latency
        """Seconds that each call takes."""
        self.calls: list[Call] = []
        self.behave: Callable[[Call], Behaviour | None] = lambda _call: None
        """Says what is special about the answer to a call; it may raise nothing."""
        self.connections = 0
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def url(self) -> str:
        """The address of the company, as it stands in a configuration."""
        return f"http://127.0.0.1:{self.server_port}/freedom.core/{quote(self.name, safe='')}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()
        self._thread.join()

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing where a client went away."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: FreedomServer
    _numbering: ClassVar[threading.Lock] = threading.Lock()

    def setup(self) -> None:
        super().setup()
        with self._numbering:
            self.server.connections += 1
            self.number = self.server.connections

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        call = self._call(body)
        self.server.calls.append(call)
        behaviour = self.server.behave(call) or Behaviour()
        time.sleep(self.server.latency + behaviour.delay)
        reply = self._reply(call) if behaviour.done else Reply(500, _HTML, b"")
        time.sleep(behaviour.late)
        if behaviour.cut:
            self.close_connection = True
            return
        self._send(behaviour.reply or reply, half=behaviour.half)

    def _call(self, body: bytes) -> Call:
        path, _, query = self.path.partition("?")
        parts = [unquote(part) for part in path.split("/")[1:]]
        folded = [part.casefold() for part in parts]
        ours = folded[:-1] == ["freedom.core", self.server.name.casefold(), "sdk", "rest"]
        parameters = {name.lower(): value for name, value in parse_qsl(query, keep_blank_values=True)}
        return Call(
            self.command, self.path, folded[-1] if ours else "", parameters, dict(self.headers.items()), body, self.number
        )

    def _send(self, reply: Reply, *, half: bool) -> None:
        lines = [f"HTTP/1.1 {reply.status} {self.responses.get(reply.status, ('',))[0]}", f"Content-Length: {len(reply.body)}"]
        lines += [f"Content-Type: {reply.content_type}"] if reply.content_type else []
        lines += [f"{name}: {value}" for name, value in reply.headers.items()]
        head = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"
        self.wfile.write(head + (reply.body[: len(reply.body) // 2] if half else reply.body))
        if half or self.headers.get("Connection", "").lower() == "close":
            self.close_connection = True

    # What is answered.

    def _reply(self, call: Call) -> Reply:
        path = call.path.partition("?")[0].lower()
        if path.startswith("/freedom.core/registration/rest/"):
            return Reply(200, _JSON, json.dumps(VERSION).encode()) if path.endswith("/version") else _page(200, "Registration")
        if not call.operation:
            return _page(404, "Endpoint not found.")
        given = self.headers.get("Authorization", "")
        agent = base64.b64encode(f"{self.server.user}:{self.server.password}".encode()).decode()
        if not hmac.compare_digest(given.encode(), f"Basic {agent}".encode()):
            return replace(_page(401, "Unauthorized"), headers={"WWW-Authenticate": 'Basic realm="Freedom"'})
        if call.operation == "help":
            return _page(200, "Operations")
        wanted = "GET" if call.operation in _GET else "POST" if call.operation in _POST else ""
        if not wanted:
            return _page(404, "Endpoint not found.")
        if call.method != wanted:
            return replace(_page(405, "Method not allowed."), headers={"Allow": wanted})
        try:
            return self._read(call) if wanted == "GET" else self._write(call)
        except FaultError as error:
            return _fault(str(error))

    def _read(self, call: Call) -> Reply:
        if set(call.parameters) != _GET[call.operation]:
            return _page(404, "Endpoint not found.")
        company, code = self.server.company, call.parameters.get("code", "")
        found: Any
        if call.operation == "customerexists":
            found = company.exists(code)
        elif call.operation == "customerfind":
            found = company.find(code)
        elif call.operation == "customerlist":
            number, size = call.parameters["pagenumber"], call.parameters["pagesize"]
            if not (number.isdecimal() and size.isdecimal()):
                raise FaultError("Invalid page")
            found = company.page(call.parameters["orderby"], int(number), int(size))
        else:
            found = company.look_up(call.operation, code, call.parameters.get("module"))
        return _json(found)

    def _write(self, call: Call) -> Reply:
        if not self.headers.get("Content-Type", "").lower().startswith("application/json"):
            return _page(415, "Unsupported media type.")
        try:
            wrapped = json.loads(call.body)
        except ValueError:
            raise FaultError("The body is no JSON") from None
        if not isinstance(wrapped, dict) or set(wrapped) != {"client"} or not isinstance(wrapped["client"], dict):
            raise FaultError("The body is not wrapped in client")
        if b"/Date(" in call.body.replace(b"\\/Date(", b""):
            raise FaultError("A date is not written as \\/Date(…)\\/")
        company = self.server.company
        errors = (company.insert if call.operation == "customerinsert" else company.update)(wrapped["client"])
        return _json({"HasError": bool(errors), "Errors": errors})


def _json(found: Any) -> Reply:  # noqa: ANN401 - whatever the service answers
    return Reply(200, _JSON, json.dumps(found, ensure_ascii=False).replace("/", "\\/").encode())


def _fault(why: str) -> Reply:
    text = (
        '<Fault xmlns="http://schemas.microsoft.com/ws/2005/05/envelope/none"><Code><Value>Receiver</Value></Code>'
        f'<Reason><Text xml:lang="en-US">{escape(why)}</Text></Reason></Fault>'
    )
    return Reply(500, _XML, text.encode())


def _page(status: int, title: str) -> Reply:
    return Reply(status, _HTML, f"<!DOCTYPE html><html><head><title>{title}</title></head><body></body></html>".encode())


@contextlib.contextmanager
def serving(settings: Settings, file: str) -> Iterator[Service]:
    """Run the stand-in over a demo's books, and give where it is, until the block ends. Raises UsageError."""
    path = settings.folder / file
    if not path.is_file():
        raise UsageError(
            f'{settings.path}: [accounting] freedom_url = "demo:…": there is no file {file} beside it.',
            "Only a demo's configuration says demo:, and its books lie beside it.",
        )
    connections = settings.need_accounting().freedom_connections
    with FreedomServer(path, Path(file).stem) as server:
        root = server.url.rpartition("/")[0]
        yield Service(root, server.name, server.user, server.password, connections=connections)
