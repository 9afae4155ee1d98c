"""What the Freedom Service's answers mean, read defensively: only what is certainly a success counts as one.

A success is JSON of the expected form, under a content type that says so. A failure may come as a ValidationResult, as an XML
or JSON fault, as a web server's page in HTML, or as nothing at all. What the service said is told in one line.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from html import unescape
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from bposync import secrets
from bposync.values import visible

if TYPE_CHECKING:
    from collections.abc import Iterator

_LONGEST: Final = 300
_DEEPEST: Final = 20
_TAG: Final = re.compile(r"<[^>]*>")
_NOT_SHOWN: Final = re.compile(r"<(script|style|head)\b.*?</\1\s*>", re.IGNORECASE | re.DOTALL)
# A fault is told by its first element, whatever the name space calls itself.
_FAULT: Final = re.compile(r"\s*(?:<\?xml[^>]*>\s*)?<(?:[\w.-]+:)?(?:\w*Fault|\w*Exception|Envelope)\b", re.IGNORECASE)
# Where a fault says why: SOAP's and WCF's own elements, the first that is there.
_FAULT_TEXT: Final = ("Text", "faultstring", "Message", "Reason")
_FAULT_KEYS: Final = frozenset({"exceptiondetail", "exceptiontype", "stacktrace", "faultcode", "faultstring", "fault"})
_SAID_KEYS: Final = ("message", "faultstring", "reason", "detail", "errormessage", "error", "text")
# What a web server answers of itself, before Freedom saw the request.
_NEVER_ARRIVED: Final = range(400, 500)
_CLIENT_TIME_OUT: Final = 408


class AnswerError(Exception):
    """The service answered, and not with what was asked for: in one line, what it said.

    `refused` means that it said so itself, in a ValidationResult or a fault, or never took the request up: nothing was
    written. Otherwise a write may have happened.
    """

    def __init__(self, message: str, *, refused: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.refused = refused


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, as it came."""

    status: int
    content_type: str
    body: bytes
    location: str = ""
    """Where a redirect would lead."""

    @property
    def text(self) -> str:
        """The body as text, for people."""
        return self.body.decode("utf-8-sig", "replace")


def one_line(text: str, longest: int = _LONGEST) -> str:
    """Give what somebody else said as one line that is safe to show: no control characters, no secret, not too long."""
    line = " ".join(secrets.redact(text).split())
    line = secrets.redact(visible(line))
    return line if len(line) <= longest else line[: longest - 1] + "…"


def json_of(answer: Answer) -> Any:  # noqa: ANN401 - JSON of any form
    """Give the JSON of a successful answer. Raises AnswerError for everything else."""
    fault = _fault(answer)
    if fault is not None:
        raise AnswerError(f"the service refused: {fault}", refused=True)
    if not 200 <= answer.status < 300:  # noqa: PLR2004 - the statuses that mean success
        raise AnswerError(
            f"the service answered {answer.status}{_page(answer)}",
            refused=answer.status in _NEVER_ARRIVED and answer.status != _CLIENT_TIME_OUT,
        )
    if not answer.body.strip():
        raise AnswerError(f"the service answered {answer.status} with nothing in it")
    if "json" not in answer.content_type.lower():
        what = one_line(answer.content_type, 60) or "no content type"
        raise AnswerError(f"the service answered with {what} in place of JSON{_page(answer)}")
    try:
        return _parsed(answer)
    except (ValueError, RecursionError):
        raise AnswerError(f"the service answered with what is no JSON, or not all of it{_page(answer)}") from None


def exists_of(answer: Answer) -> bool:
    """Give what CustomerExists answered. Raises AnswerError for anything but true or false."""
    found = _unwrapped(json_of(answer), "CustomerExists")
    if not isinstance(found, bool):
        raise AnswerError(f"CustomerExists answered neither true nor false{_page(answer)}")
    return found


def object_of(answer: Answer, operation: str) -> dict[str, Any] | None:
    """Give the object that a Find answered; None where it answered that there is none."""
    found = _unwrapped(json_of(answer), operation)
    if found is None or found == {}:
        return None
    if not isinstance(found, dict) or not isinstance(found.get("Code"), str) or not found["Code"].strip():
        raise AnswerError(f"{operation} answered with something that has no Code{_page(answer)}")
    return found


def list_of(answer: Answer) -> list[dict[str, Any]]:
    """Give the objects of a page of CustomerList."""
    found = _unwrapped(json_of(answer), "CustomerList")
    if not isinstance(found, list):
        raise AnswerError(f"CustomerList answered no list{_page(answer)}")
    for each in found:
        if not isinstance(each, dict) or not isinstance(each.get("Code"), str) or not each["Code"].strip():
            raise AnswerError(f"CustomerList answered with a customer that has no Code{_page(answer)}")
    return found


def check_written(answer: Answer, operation: str) -> None:
    """Accept a ValidationResult without error, and nothing else. Raises AnswerError with every message that it carries."""
    result = _unwrapped(json_of(answer), operation)
    has_error = result.get("HasError") if isinstance(result, dict) else None
    if has_error is False:
        return
    if has_error is True:
        said = one_line("; ".join(dict.fromkeys(_texts(result))))
        raise AnswerError(f"Evolution refused: {said or 'it gave no reason'}", refused=True)
    raise AnswerError(f"{operation} answered with what is no ValidationResult{_page(answer)}")


def _parsed(answer: Answer) -> Any:  # noqa: ANN401
    found = json.loads(answer.body.decode("utf-8-sig"), parse_constant=_no_number, parse_float=_finite)
    _check_depth(found)
    return found


def _no_number(constant: str) -> float:
    raise ValueError(f"{constant} is no number")


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _no_number(text)


def _check_depth(found: object, depth: int = 0) -> None:
    if depth > _DEEPEST:
        raise ValueError("nested too deep")
    for inner in found.values() if isinstance(found, dict) else found if isinstance(found, list) else ():
        _check_depth(inner, depth + 1)


def _unwrapped(found: Any, operation: str) -> Any:  # noqa: ANN401
    """Take off the wrapper `OperationResult`, which a service of another configuration puts round every answer."""
    wrapper = f"{operation}Result"
    return found[wrapper] if isinstance(found, dict) and found.keys() == {wrapper} else found


def _fault(answer: Answer) -> str | None:
    """Give what a fault says, in XML or JSON; None where the answer is none."""
    text = answer.text
    if _FAULT.match(text):
        return _xml_reason(text)
    if 200 <= answer.status < 300 and "fault" not in text.lower() and "exception" not in text.lower():  # noqa: PLR2004
        return None
    try:
        found = _parsed(answer)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict):
        # WCF writes a fault's text as one JSON string too.
        if isinstance(found, str) and _FAULT.match(found):
            return _xml_reason(found)
        return None
    keys = {key.lower() for key in found}
    if not keys & _FAULT_KEYS:
        return None
    by_key = {key.lower(): value for key, value in found.items()}
    for key in _SAID_KEYS:
        if isinstance(by_key.get(key), str) and by_key[key].strip():
            return one_line(by_key[key])
    return one_line("; ".join(dict.fromkeys(_texts(found)))) or "it gave no reason"


def _xml_reason(text: str) -> str:
    for name in _FAULT_TEXT:
        found = re.search(rf"<(?:[\w.-]+:)?{name}\b[^>]*>(.*?)</(?:[\w.-]+:)?{name}\s*>", text, re.IGNORECASE | re.DOTALL)
        if found and (reason := one_line(unescape(_TAG.sub(" ", found[1])))):
            return reason
    return one_line(unescape(_TAG.sub(" ", text))) or "it gave no reason"


def _texts(found: object, depth: int = 0) -> Iterator[str]:
    """Give every text in a result, in the order in which it stands there."""
    if isinstance(found, str) and found.strip():
        yield found
    elif depth <= _DEEPEST:
        inner = found.values() if isinstance(found, dict) else found if isinstance(found, list) else ()
        for each in inner:
            yield from _texts(each, depth + 1)


def _page(answer: Answer) -> str:
    """Give what a page or a text says, after a colon; empty where it says nothing."""
    text = answer.text
    if "<" in text:
        title = re.search(r"<title[^>]*>(.*?)</title", text, re.IGNORECASE | re.DOTALL)
        body = _TAG.sub(" ", _NOT_SHOWN.sub(" ", text))
        text = unescape(f"{title[1] if title else ''} {body}")
    if answer.location:
        text = f"leads to {unquote(answer.location)}"
    said = one_line(text, 160)
    return f": {said}" if said else ""
