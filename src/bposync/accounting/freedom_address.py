"""Where Evolution's Freedom Service is, which company it is asked about, and the agent that asks."""

from __future__ import annotations

import base64
import ipaddress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, unquote, urlsplit

from bposync import secrets
from bposync.errors import UsageError
from bposync.values import visible

if TYPE_CHECKING:
    from bposync.config import AccountingTable, Settings

PORT: Final = 5000
FORM: Final = 'It looks like freedom_url = "https://server:5000/freedom.core/Example Company".'
_CORE: Final = "freedom.core"
_REST: Final = "SDK/Rest"
_MOST_CONNECTIONS: Final = 32


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
            f"{settings.path}: [accounting] freedom_connections = {table.freedom_connections}: from 1 to {_MOST_CONNECTIONS}.",
            "Leave it out where nothing speaks against the usual 4.",
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
        raise UsageError(f"{where}: this is no URL.", FORM) from None
    if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment:
        raise UsageError(f"{where}: this is no address of a Freedom Service.", FORM)
    if parts.username is not None or parts.password is not None:
        raise UsageError(
            f"{where}: the agent and its password have no place in it.", "They are freedom_user and freedom_password."
        )
    path = [unquote(part) for part in parts.path.split("/") if part]
    if [part.lower() for part in path[-2:]] == ["sdk", "rest"]:
        path = path[:-2]
    if len(path) < 2 or path[-2].lower() != _CORE:  # noqa: PLR2004 - freedom.core and the company
        raise UsageError(f"{where}: after {_CORE}/ comes the company's name, and nothing else.", FORM)
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
