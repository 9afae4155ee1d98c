"""The one redactor: what is secret is told here once, and no message, log or document leaves without passing through."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Final
from urllib.parse import quote, quote_plus

HIDDEN = "***"
SHORT: Final = 8
"""Characters below which a secret may be a part of an ordinary word, and is hidden only where it stands alone."""
_secrets: set[str] = set()
# What drivers and URLs say on their own: user:password@, PWD=…; and the like, also where nobody told us the secret.
_IN_URL = re.compile(r"(?<=://)([^\s:/@]*):(\S*)@")
_IN_ODBC = re.compile(r"\b(pwd|password)(\s*=\s*)(\{(?:[^}]|\}\})*\}|[^;]*)", re.IGNORECASE)
_ESCAPE = re.compile("%[0-9A-F]{2}")
# No letter or digit stands before it, or one that ends an escape: of a URL, or of a text that a library quotes.
_BEGINS = r"(?:(?<![^\W_])|(?<=%[0-9A-Fa-f]{2})|(?<=\\[abfnrtv0])|(?<=\\x[0-9a-f]{2})|(?<=\\u[0-9a-f]{4})|(?<=\\U[0-9a-f]{8}))"
_ENDS = r"(?![^\W_])"


def register(secret: str) -> None:
    """Remember a value that must never be shown; every form in which it could appear is hidden."""
    if not secret:
        return
    for form in (secret, secret.replace("}", "}}")):  # as an ODBC string has it in braces
        encoded = {quote(form, safe=safe) for safe in ("", "/", " +")} | {quote_plus(form)}
        encoded |= {quote_plus(form, encoding="latin-1", errors="replace")}
        encoded |= {_ESCAPE.sub(lambda found: found[0].lower(), each) for each in encoded}  # as .NET writes them
        # How libraries quote a value in a message, and JSON.
        told = {repr(form)[1:-1], ascii(form)[1:-1], repr(form.encode())[2:-1], json.dumps(form)[1:-1]}
        told |= {each.replace("'", r"\'") for each in (form, *told) if r"\'" not in each}
        _secrets.update({form, *encoded, *told})


def redact(text: str) -> str:
    r"""Give text without any secret that was registered, and without what looks like one.

    A secret of 8 characters or more is hidden wherever it stands. A shorter one, such as `an`, is hidden where it stands
    alone: not as a part of a longer row of letters and digits. There it would protect nothing, garble every `Durban`, and
    tell by `Durb***` what it is. What is no letter and no digit, an underscore too, ends a row, and so does an escape such
    as %40 or \n. An end of the secret that is itself no letter or digit needs nothing beside it.
    """
    for secret in sorted(_secrets, key=len, reverse=True):
        text = text.replace(secret, HIDDEN) if len(secret) >= SHORT else _alone(secret).sub(HIDDEN, text)
    text = _IN_URL.sub(rf"\1:{HIDDEN}@", text)
    return _IN_ODBC.sub(rf"\1\2{HIDDEN}", text)


@lru_cache
def _alone(secret: str) -> re.Pattern[str]:
    begins = _BEGINS if secret[0].isalnum() else ""
    ends = _ENDS if secret[-1].isalnum() else ""
    return re.compile(f"{begins}{re.escape(secret)}{ends}")
