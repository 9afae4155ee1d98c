"""Runs bposync as its users do: as a process of its own, in a pipe or at a terminal."""

from __future__ import annotations

import atexit
import json
import os
import shutil
import subprocess
import sys
import tempfile
import warnings
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from support.policy import needs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pexpect

# Nothing that a test runs takes longer, in seconds; what does hangs.
TIMEOUT = 60
COMMAND = (sys.executable, "-m", "bposync")
# What a caller's environment may hold and would change what is read, where, or how it looks.
OF_THE_CALLER = frozenset(
    {"CLICOLOR", "CLICOLOR_FORCE", "COLORTERM", "COLUMNS", "FORCE_COLOR", "LINES", "NO_COLOR", "TERM", "TERMINAL_WIDTH"}
)
OF_THE_CALLER_PREFIXES = ("BPOSYNC_", "LC_", "PG", "RICH_", "TYPER_", "XDG_", "_TYPER_")


@dataclass(frozen=True)
class Result:
    """What a process left behind."""

    code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        """The one JSON document on standard output."""
        return json.loads(self.stdout)


def run(
    *args: str | Path,
    cwd: Path | None = None,
    env: Mapping[str, str | None] | None = None,
    input: str | None = None,  # noqa: A002 - as subprocess calls it
    expect: int = 0,
) -> Result:
    """Run `bposync ARGS` without a terminal, and fail the test where it exits otherwise than expected, or with a traceback.

    It runs in `cwd`, else in a new empty folder; `env` adds variables, None takes one away; without `input` there is no
    standard input.
    """
    done = subprocess.run(
        [*COMMAND, *args],
        cwd=cwd or _empty_folder(),
        env=environment(env),
        stdin=subprocess.DEVNULL if input is None else None,
        input=input,
        capture_output=True,
        check=False,
        encoding="utf-8",
        timeout=TIMEOUT,
    )
    result = Result(done.returncode, done.stdout, done.stderr)
    judge(args, result, expect)
    return result


def run_in_terminal(
    *args: str | Path,
    cwd: Path | None = None,
    env: Mapping[str, str | None] | None = None,
    size: tuple[int, int] = (40, 120),
) -> pexpect.spawn[str]:
    """Start `bposync ARGS` at a terminal of `size` rows and columns, for expect and send.

    Best in a with statement, which ends the process whatever happens; `finish` waits for its end and judges it.
    """
    needs(sys.platform != "win32", "there is no pseudo-terminal on Windows")
    import pexpect

    with warnings.catch_warnings():
        # The child of the fork becomes bposync at once, so that pytest-xdist's threads do not matter to it.
        warnings.filterwarnings("ignore", "This process .* is multi-threaded, use of forkpty", DeprecationWarning)
        return pexpect.spawn(
            COMMAND[0],
            [*COMMAND[1:], *(str(arg) for arg in args)],
            cwd=str(cwd or _empty_folder()),
            env=environment({"TERM": "xterm-256color", **(env or {})}),
            dimensions=size,
            encoding="utf-8",
            timeout=TIMEOUT,
        )


def finish(child: pexpect.spawn[str], expect: int = 0) -> str:
    """Give what a process at a terminal still says until its end; fail the test on an unexpected exit or a traceback."""
    import pexpect

    child.expect(pexpect.EOF)
    said = child.before if isinstance(child.before, str) else ""
    child.close()
    code = child.exitstatus if child.exitstatus is not None else -(child.signalstatus or 0)
    judge(child.args or [], Result(code, said, ""), expect)
    return said


def judge(args: Sequence[object], result: Result, expect: int) -> None:
    """Fail the test where the process did not end as it should."""
    __tracebackhide__ = True
    wrong = []
    if result.code != expect:
        wrong.append(f"exit code {result.code}, expected {expect}")
    if "Traceback (most recent call last)" in result.stderr + result.stdout:
        wrong.append("a traceback")
    if wrong:
        command = " ".join(str(arg) for arg in args)
        pytest.fail(
            f"bposync {command}: {' and '.join(wrong)}\n"
            f"--- standard output\n{result.stdout}\n--- standard error\n{result.stderr}",
            pytrace=True,
        )


def environment(changes: Mapping[str, str | None] | None) -> dict[str, str]:
    """Give the caller's environment without what would lead the tool elsewhere, with a home folder that is empty."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in OF_THE_CALLER and not name.startswith(OF_THE_CALLER_PREFIXES)
    }
    home = str(_empty_folder())
    kept |= {"HOME": home, "USERPROFILE": home, "APPDATA": home, "LOCALAPPDATA": home, "LC_ALL": "C.UTF-8"}
    for name, value in (changes or {}).items():
        if value is None:
            kept.pop(name, None)
        else:
            kept[name] = value
    return kept


def _empty_folder() -> Path:
    """Make a folder that holds nothing, and has no bposync.toml above it."""
    return Path(tempfile.mkdtemp(dir=_folder_of_folders()))


@cache
def _folder_of_folders() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="bposync-tests-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
