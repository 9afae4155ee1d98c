"""A network between bposync and PostgreSQL that fails where a test says: it cuts, stops or holds up at a statement.

Of PostgreSQL's protocol it knows as much as it takes to find statements and the ends of their answers.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Final

from sqlalchemy.engine import make_url

from support import cli

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_ENCRYPTION: Final = (80877103, 80877104)  # a client's first question: TLS, GSSAPI; the answer is one byte
_READY: Final = b"Z"  # a server's last message about a statement


@dataclass
class Fault:
    """What happens, once, where statements on one connection contained these texts, each after the one before.

    It happens at the last of them: before it reaches the server, or `after` it has, and then its answer never comes back.
    `everywhere` it happens to all connections that there are, and to new ones.
    """

    statements: tuple[str, ...]
    kind: str
    after: bool = False
    everywhere: bool = False
    left: int = 0
    """How many times it does not happen first."""
    happened: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)

    def wait(self) -> None:
        """Wait until it happened."""
        assert self.happened.wait(cli.TIMEOUT), f"nobody sent {self.statements}"

    def release(self) -> None:
        """Let what is held up go on."""
        self.released.set()


class Proxy:
    """A port of this machine that leads to a PostgreSQL server."""

    def __init__(self, host: str, port: int) -> None:
        self._server = host, port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._connections: list[_Connection] = []
        self._faults: list[Fault] = []
        self._gone: str | None = None
        self.statements = 0
        """How many came by."""
        threading.Thread(target=self._accept, daemon=True).start()

    def url(self, url: str) -> str:
        """Give a database's URL by way of this proxy."""
        port = self._listener.getsockname()[1]
        return make_url(url).set(host="127.0.0.1", port=port).render_as_string(hide_password=False)

    def cut(self, *statements: str, after: bool = False, everywhere: bool = False) -> Fault:
        """Cut the connection."""
        return self._add(Fault(statements, "cut", after, everywhere))

    def stop(self, *statements: str, after: bool = False, everywhere: bool = False) -> Fault:
        """Pass nothing on any more, while the connection stays up."""
        return self._add(Fault(statements, "stop", after, everywhere))

    def cut_statement(self, number: int, *, after: bool = False) -> Fault:
        """Cut the connection of the statement before which so many came by, on whatever connection."""
        return self._add(Fault(("",), "cut", after, left=number))

    def hold(self, *statements: str) -> Fault:
        """Keep a statement until it is released, whatever becomes of its client."""
        return self._add(Fault(statements, "hold"))

    def heal(self) -> None:
        """Let all that was stopped end, and new connections come about."""
        self._gone = None
        self._faults.clear()
        for connection in self._connections:
            connection.close()
        self._connections.clear()

    def close(self) -> None:
        """End everything."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.heal()

    def _add(self, fault: Fault) -> Fault:
        self._faults.append(fault)
        return fault

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # the listener was closed
            while True:
                client, _ = self._listener.accept()
                if self._gone == "cut":
                    client.close()
                    continue
                connection = _Connection(self, client, socket.create_connection(self._server))
                self._connections.append(connection)
                if self._gone == "stop":
                    connection.stopped.set()
                connection.start()

    def due(self, connection: _Connection, statement: str) -> Fault | None:
        """Give the fault that this statement brings about."""
        self.statements += 1
        for fault in list(self._faults):
            seen = connection.seen.setdefault(id(fault), 0)
            if not fault.happened.is_set() and fault.statements[seen] in statement:
                connection.seen[id(fault)] = seen + 1
                if seen + 1 < len(fault.statements):
                    continue
                if fault.left == 0:
                    self._faults.remove(fault)
                    return fault
                fault.left -= 1
                connection.seen[id(fault)] = 0
        return None

    def happens(self, fault: Fault, here: _Connection) -> None:
        """Let a fault happen to one connection, or to all."""
        if fault.everywhere:
            self._gone = fault.kind
        connections = list(self._connections) if fault.everywhere else [here]
        if fault.kind == "stop":
            for connection in connections:
                connection.stopped.set()
        fault.happened.set()  # before a client can tell, so that whoever waited for its end finds it
        if fault.kind == "cut":
            for connection in connections:
                connection.close()


class _Connection:
    """One client's connection, message by message."""

    def __init__(self, proxy: Proxy, client: socket.socket, server: socket.socket) -> None:
        self._proxy = proxy
        self._client, self._server = client, server
        for each in (client, server):
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._from_client, self._from_server = client.makefile("rb"), server.makefile("rb")
        self.seen: dict[int, int] = {}
        """How many of a fault's statements came by."""
        self.stopped = threading.Event()
        self._ended = threading.Event()
        self._statements: dict[bytes, str] = {}
        self._swallowed: Fault | None = None
        self._greeted = threading.Event()

    def start(self) -> None:
        for way, stream in ((self._requests, self._from_client), (self._answers, self._from_server)):
            threading.Thread(target=self._pass_on, args=(way, stream), daemon=True).start()

    def close(self) -> None:
        self._ended.set()
        for each in (self._client, self._server):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _pass_on(self, way: Callable[[], None], stream: IO[bytes]) -> None:
        with contextlib.suppress(OSError, EOFError, ValueError):
            way()
        if self.stopped.is_set():
            # Nothing comes through any more, not even that the other side has gone.
            self._ended.wait()
        self.close()
        for each in (stream, self._client, self._server):
            each.close()

    def _requests(self) -> None:
        self._greet()
        for kind, body in _messages(self._from_client):
            statement = self._statement(kind, body)
            fault = self._proxy.due(self, statement) if statement else None
            if fault is not None and fault.kind == "hold":
                fault.happened.set()
                fault.released.wait(cli.TIMEOUT)
            elif fault is not None and fault.after:
                self._swallowed = fault
            elif fault is not None:
                self._proxy.happens(fault, self)
            self._check()
            self._server.sendall(kind + struct.pack("!I", len(body) + 4) + body)

    def _greet(self) -> None:
        """Pass on what comes before the first message that says what it is."""
        while True:
            (length,) = struct.unpack("!I", _exactly(self._from_client, 4))
            body = _exactly(self._from_client, length - 4)
            asked = struct.unpack("!I", body[:4])[0] in _ENCRYPTION
            self._check()
            self._server.sendall(struct.pack("!I", length) + body)
            if not asked:
                self._greeted.set()
                return
            self._client.sendall(_exactly(self._from_server, 1))

    def _answers(self) -> None:
        self._greeted.wait()
        for kind, body in _messages(self._from_server):
            self._check()
            if self._swallowed is None:
                self._client.sendall(kind + struct.pack("!I", len(body) + 4) + body)
            elif kind == _READY:
                self._proxy.happens(self._swallowed, self)

    def _check(self) -> None:
        if self.stopped.is_set():
            self._ended.wait()
        if self._ended.is_set():
            raise EOFError

    def _statement(self, kind: bytes, body: bytes) -> str:
        """Give the statement that a message has the server carry out; empty for any other message."""
        if kind == b"Q":
            return body.rstrip(b"\0").decode()
        if kind == b"P":
            name, text, _ = body.split(b"\0", 2)
            self._statements[name] = text.decode()
        elif kind == b"B":
            _, name, _ = body.split(b"\0", 2)
            return self._statements.get(name, "")
        return ""


def _messages(stream: IO[bytes]) -> Iterator[tuple[bytes, bytes]]:
    while True:
        kind, length = struct.unpack("!cI", _exactly(stream, 5))
        yield kind, _exactly(stream, length - 4)


def _exactly(stream: IO[bytes], size: int) -> bytes:
    read = stream.read(size)
    if len(read) < size:
        raise EOFError
    return read
