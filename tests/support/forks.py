"""Runs bposync as processes forked from a warm one, which takes a tenth of the time of a cold start; stops and kills them.

They are processes of their own in everything that matters to databases, locks, files and signals.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import pytest

from support import cli
from support.policy import needs

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@dataclass(frozen=True)
class Step:
    """A statement or commit, in any database: so many after the first statement that contains `text`."""

    text: str
    after: int = 0


@dataclass
class Forked:
    """One command that runs or ran. `pid` is its process, for signals of the test's own."""

    pid: int
    arguments: tuple[str, ...]
    _forks: Forks
    _said: Path
    _stopped: bool = False
    _code: int | None = None

    def stops(self) -> bool:
        """Wait until it stands at the step at which it was to stop, or until its end; tell which."""
        self._wait()
        return self._stopped

    def go_on(self) -> None:
        """Let it go on where it stopped."""
        self._stopped = False
        os.kill(self.pid, signal.SIGCONT)

    def kill(self) -> None:
        """Kill it wherever it is, unless it has ended; and wait for that."""
        if self._code is None:
            os.kill(self.pid, signal.SIGKILL)
            while self._code is None:
                self._wait()

    def end(self, *, expect: int | None = 0) -> cli.Result:
        """Wait for its end, and fail the test where that is not as expected; None expects anything but a traceback."""
        __tracebackhide__ = True
        if self._code is None:
            self._wait()
        result = self.result()
        cli.judge(self.arguments, result, result.code if expect is None else expect)
        return result

    def result(self) -> cli.Result:
        """Give what it has said so far, and its exit code; minus a signal's number where it was killed."""
        said = [Path(f"{self._said}.{name}").read_text("utf-8", "replace") for name in ("stdout", "stderr")]
        return cli.Result(-signal.SIGSTOP if self._code is None else self._code, *said)

    def _wait(self) -> None:
        answer = self._forks.ask(do="wait", pid=self.pid)
        self._stopped, self._code = "stopped" in answer, answer.get("code")


@dataclass
class Forks:
    """The warm process."""

    _process: subprocess.Popen[str]
    _folder: Path
    _started: list[Forked] = field(default_factory=list)

    def start(
        self,
        *arguments: object,
        stop: Step | None = None,
        kill: Step | None = None,
        interrupt: Step | None = None,
        largest_file: int | None = None,
        constants: Mapping[str, object] | None = None,
        user: int | None = None,
    ) -> Forked:
        """Start `bposync ARGUMENTS`, which stops, kills or interrupts itself at a step.

        `constants` are set in it first: `{"bposync.apply.PAUSE_SECONDS": 0}`. No file that it writes gets larger than
        `largest_file` bytes. `user` is whom it runs as, where the tests run as root.
        """
        at = None
        for step, number in ((stop, signal.SIGSTOP), (kill, signal.SIGKILL), (interrupt, signal.SIGINT)):
            if step is not None:
                at = step.text, step.after, int(number)
        given = tuple(str(argument) for argument in arguments)
        said = self._folder / str(len(self._started))
        paths = {name: f"{said}.{name}" for name in ("stdout", "stderr")}
        for path in paths.values():
            Path(path).touch()  # it may be killed before it opens them
        answer = self.ask(
            do="start", arguments=given, at=at, largest_file=largest_file, constants=dict(constants or {}), user=user, **paths
        )
        self._started.append(Forked(answer["pid"], given, self, said))
        return self._started[-1]

    def ask(self, **request: Any) -> dict[str, int]:
        stdin, stdout = self._pipes()
        stdin.write(json.dumps(request) + "\n")
        stdin.flush()
        if not select.select([stdout], [], [], cli.TIMEOUT)[0]:
            pytest.fail(f"nothing happened for {cli.TIMEOUT} s: {request}")
        answer: dict[str, int] = json.loads(stdout.readline())
        return answer

    def _pipes(self) -> tuple[IO[str], IO[str]]:
        assert self._process.stdin
        assert self._process.stdout
        return self._process.stdin, self._process.stdout

    def clear(self) -> None:
        """Kill what still runs."""
        for each in self._started:
            each.kill()


@contextmanager
def forks() -> Iterator[Forks]:
    """Run a warm process, and end it with all that was forked from it."""
    needs(sys.platform != "win32", "there is no fork on Windows")
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(
            [sys.executable, "-P", str(Path(__file__).with_name("forked.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=folder,
            env=cli.environment(None),
        ) as process,
    ):
        made = Forks(process, Path(folder))
        try:
            yield made
            made.clear()
        finally:
            process.kill()
