"""The warm process from which `support.forks` has bposync forked; it speaks JSON, one line a request and one an answer.

It knows nothing of the tests: everything slow is imported once, and each child runs one command line from there.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import resource
import signal
import sys
import tempfile
from typing import Any

import sqlalchemy as sa

from bposync.cli.app import main, run


def _warm() -> None:
    importlib.import_module("psycopg")
    importlib.import_module("sqlalchemy.dialects.postgresql.psycopg")
    with tempfile.TemporaryDirectory() as folder:
        main(["demo", f"{folder}/company", "--run", "--yes"])
    gc.collect()
    gc.freeze()  # else each child copies what it only looks at


def _signal_at(text: str, steps: int, number: int) -> None:
    """Send this process a signal so many steps after the first statement that contains `text`; that step is not done any more.

    A step is a statement or a commit, in any database.
    """
    left: int | None = None

    def step(_connection: object, *rest: Any) -> None:
        nonlocal left
        if left is None and text in (rest[1] if rest else "COMMIT"):
            left = steps
        if left is not None:
            left -= 1
            if left == -1:
                os.kill(os.getpid(), number)

    sa.event.listen(sa.Engine, "before_cursor_execute", step)
    sa.event.listen(sa.Engine, "commit", step)


def _mask(how: int) -> None:
    """Let Ctrl-C in, or keep it out. One that comes just now, before or after bposync, is none of its."""
    with contextlib.suppress(KeyboardInterrupt):
        signal.pthread_sigmask(how, {signal.SIGINT})


def _become(request: dict[str, Any]) -> None:
    """Be bposync, and end with its exit code."""
    for place, descriptor in (("stdout", 1), ("stderr", 2)):
        os.dup2(os.open(request[place], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), descriptor)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - as long as the process
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    for name, value in request["constants"].items():
        module, _, constant = name.rpartition(".")
        setattr(importlib.import_module(module), constant, value)
    if request["at"] is not None:
        _signal_at(*request["at"])
    if request["largest_file"] is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (request["largest_file"], resource.RLIM_INFINITY))
    if request["user"] is not None:
        os.setgroups([])
        os.setgid(request["user"])
        os.setuid(request["user"])
    sys.argv[1:] = request["arguments"]
    code = 70  # of a process that ended as none should
    try:
        _mask(signal.SIG_UNBLOCK)
        run()
    except SystemExit as end:
        code = int(end.code or 0)
    except KeyboardInterrupt:  # just before or just after
        code = 130
    finally:
        _mask(signal.SIG_BLOCK)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _answer(request: dict[str, Any]) -> dict[str, int]:
    if request["do"] == "start":
        _mask(signal.SIG_BLOCK)
        if (pid := os.fork()) == 0:
            _become(request)
        return {"pid": pid}
    _, status = os.waitpid(request["pid"], os.WUNTRACED)
    return {"stopped": 1} if os.WIFSTOPPED(status) else {"code": os.waitstatus_to_exitcode(status)}


if __name__ == "__main__":
    told = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    _warm()
    for line in sys.stdin:
        print(json.dumps(_answer(json.loads(line))), file=told, flush=True)
