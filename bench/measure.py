"""Measures processes: wall time and peak memory, several things in turn, each time in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path


@dataclass(frozen=True)
class Sample:
    """One measurement: seconds of wall time, megabytes at the peak, and what was found."""

    seconds: float
    megabytes: float = 0.0
    found: Any = None


def process(*command: str | Path, expect: int = 0, environment: Mapping[str, str] | None = None) -> Sample:
    """Measure a process from its start to its exit. Raises RuntimeError where it exits otherwise than expected."""
    started = time.perf_counter()
    with subprocess.Popen(  # noqa: S603 - this very program and its peers
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env={**os.environ, **(environment or {})}
    ) as running:
        assert running.stderr is not None  # noqa: S101 - it is a pipe
        said = running.stderr.read()
        _, status, used = os.wait4(running.pid, 0)
        running.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - started
    if running.returncode != expect:
        raise RuntimeError(f"{' '.join(map(str, command))} exited with {running.returncode}:\n{said.decode(errors='replace')}")
    return Sample(seconds, used.ru_maxrss / 1024)


def child(task: str, *arguments: object) -> Sample:
    """Run a task of `bench.child` in a fresh process, which measures itself once all that it imports is there."""
    command = [sys.executable, "-m", "bench.child", task, *map(str, arguments)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603 - this very program
    if done.returncode:
        raise RuntimeError(f"{task} failed:\n{done.stderr}")
    return Sample(**json.loads(done.stdout.splitlines()[-1]))


def in_turn(rounds: int, measures: Mapping[str, Callable[[], Sample]]) -> dict[str, list[Sample]]:
    """Measure several things so many times in turn, so that what slows the machine down for a while slows all of them."""
    found: dict[str, list[Sample]] = {name: [] for name in measures}
    for _ in range(rounds):
        for name, measure in measures.items():
            found[name].append(measure())
    return found


def best(samples: Sequence[Sample]) -> Sample:
    """Give the fastest: whatever else the machine does only ever adds."""
    return min(samples, key=lambda sample: sample.seconds)
