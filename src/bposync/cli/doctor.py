"""`bposync doctor`: whether everything is there that a sync needs, check by check, and what to do. Writes nothing."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from bposync.advice import command
from bposync.cli import terminal
from bposync.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bposync.cli.common import Session
    from bposync.cli.output import Output
    from bposync.doctor import Check

SCHEMA: Final = "bposync.doctor/1"
_MARKS: Final = {"ok": "✓", "warning": "!", "failed": "✗", "hint": "→"}
_WORDS: Final = {"ok": "ok:", "warning": "warning:", "failed": "failed:", "hint": "what to do:"}
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
    below = len(mark) + 3
    say(f"  {mark} {check.message}", indent=below)
    if check.hint:
        arrow = marks["hint"]
        say(f"{' ' * below}{arrow} {check.hint}", indent=below + len(arrow) + 1)


def _marks(output: Output) -> Mapping[str, str]:
    """Give the signs before each line; words where a screen reader reads them."""
    if output.plain:
        return _WORDS
    return _MARKS if terminal.holds(output.stdout, "".join(_MARKS.values())) else _ASCII_MARKS


def _shown(check: Check) -> dict[str, Any]:
    return {"check": check.check, "result": check.result.value, "message": check.message, "hint": check.hint}


def _conclusion(failed: int, warnings: int, checks: int) -> str:
    again = command("sync --dry-run")
    if not failed and not warnings:
        return f"All is as it should be ({checks} checks). See what a sync would do: {again}"
    said = [f"{failed} failed"] if failed else []
    said += [f"{warnings} warning{'s'[: warnings != 1]}"] if warnings else []
    then = f"Mend what failed, then run {command('doctor')} again." if failed else f"See what a sync would do: {again}"
    return f"{' and '.join(said)} in {checks} checks. {then}"
