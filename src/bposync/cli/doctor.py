"""`bposync doctor`: whether everything is there that a sync needs, check by check, and what to do. Writes nothing."""

from __future__ import annotations

import shutil
import textwrap
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from bposync.errors import ExitCode
from bposync.values import visible

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bposync.cli.common import Session
    from bposync.cli.output import Output
    from bposync.doctor import Check

SCHEMA: Final = "bposync.doctor/1"
_MARKS: Final = {"ok": "✓", "warning": "!", "failed": "✗", "hint": "→"}
_ASCII_MARKS: Final = {"ok": "ok", "warning": "! ", "failed": "x ", "hint": "->"}


def show(session: Session) -> int:
    """Check the configuration, drivers, connections, rights, columns and limits. Writes nothing anywhere."""
    return examine(session)


def examine(session: Session) -> int:
    """Run every check and print it as it is made; give the exit code."""
    from bposync import doctor

    output = session.output
    marks = _marks(output)
    found: list[Check] = []
    topic = ""
    for check in doctor.examine(session.options.config, progress=output.progress):
        found.append(check)
        if check.topic != topic:
            topic = check.topic
            if len(found) > 1:
                output.line()
            output.line(doctor.TOPICS[topic])
        _print(output, marks, check)
    counts = Counter(check.result for check in found)
    code = ExitCode.DONE
    if counts[doctor.Result.FAILED]:
        code = ExitCode.UNREACHABLE if any(check.unreachable for check in found) else ExitCode.USAGE
    if output.as_json:
        output.document({"schema": SCHEMA, "ok": code is ExitCode.DONE, "checks": [_shown(check) for check in found]})
    output.line()
    output.line(_conclusion(counts[doctor.Result.FAILED], counts[doctor.Result.WARNING], len(found)))
    return int(code)


def _print(output: Output, marks: Mapping[str, str], check: Check) -> None:
    say = output.line if check.result == "ok" else output.important
    mark = marks[check.result]
    below = " " * (len(mark) + 3)
    for line in _lines(output, f"  {mark} {check.message}", below):
        say(line)
    if check.hint:
        arrow = marks["hint"]
        for line in _lines(output, f"{below}{arrow} {check.hint}", below + " " * (len(arrow) + 1)):
            say(line)


def _lines(output: Output, text: str, indent: str) -> list[str]:
    """Give a text in lines as wide as the terminal, in which those that follow begin below the text; elsewhere in one."""
    shown = visible(text)
    if not output.is_terminal:
        return [shown]
    width = max(shutil.get_terminal_size().columns, 40)
    return textwrap.wrap(shown, width, subsequent_indent=indent, break_on_hyphens=False) or [""]


def _marks(output: Output) -> dict[str, str]:
    try:
        "".join(_MARKS.values()).encode(output.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return _ASCII_MARKS
    return _MARKS


def _shown(check: Check) -> dict[str, Any]:
    return {"check": check.check, "result": check.result.value, "message": check.message, "hint": check.hint}


def _conclusion(failed: int, warnings: int, checks: int) -> str:
    if not failed and not warnings:
        return f"All is as it should be ({checks} checks). See what a sync would do: bposync sync --dry-run"
    said = [f"{failed} failed"] if failed else []
    said += [f"{warnings} warning{'s'[: warnings != 1]}"] if warnings else []
    then = "Mend what failed, then run bposync doctor again." if failed else "See what a sync would do: bposync sync --dry-run"
    return f"{' and '.join(said)} in {checks} checks. {then}"
