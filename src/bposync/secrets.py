"""The one redactor: what is secret is told here once, and no message, log or document leaves without passing through."""

from __future__ import annotations

import re
from urllib.parse import quote, quote_plus

HIDDEN = "***"
_secrets: set[str] = set()
# What drivers and URLs say on their own: user:password@, PWD=…; and the like, also where nobody told us the secret.
_IN_URL = re.compile(r"(?<=://)([^\s:/@]*):(\S*)@")
_IN_ODBC = re.compile(r"\b(pwd|password)(\s*=\s*)(\{(?:[^}]|\}\})*\}|[^;]*)", re.IGNORECASE)


def register(secret: str) -> None:
    """Remember a value that must never be shown; every form in which it could appear is hidden."""
    if secret:
        encoded = {quote(secret, safe=safe) for safe in ("", "/", " +")} | {quote_plus(secret)}
        _secrets.update({secret, *encoded, secret.replace("}", "}}")})
        # repr() is how libraries quote a value in a message.
        _secrets.add(repr(secret)[1:-1])


def redact(text: str) -> str:
    """Give text without any secret that was registered, and without what looks like one."""
    for secret in sorted(_secrets, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    text = _IN_URL.sub(rf"\1:{HIDDEN}@", text)
    return _IN_ODBC.sub(rf"\1\2{HIDDEN}", text)
