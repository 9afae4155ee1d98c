"""Reads the company's names for Tab in a process of its own: what drivers print, and how long they hang, troubles nobody."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Final

from bposync import names

_LONGEST_SECONDS: Final = 30
"""How long such a process may live."""


def start(configuration: Path, kind: str) -> None:
    """Begin to fill the cache with names of a kind, and do not wait for it."""
    options: dict[str, Any] = {"start_new_session": True}
    if sys.platform == "win32":
        options = {"creationflags": subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP}
    # -P: a module in the folder where somebody pressed Tab is not ours.
    command = [sys.executable, "-P", "-m", "bposync.cli.filling", kind, str(configuration)]
    nothing = subprocess.DEVNULL
    subprocess.Popen(command, stdin=nothing, stdout=nothing, stderr=nothing, **options)  # noqa: S603 - our own


def _main() -> None:
    stop = threading.Timer(_LONGEST_SECONDS, os._exit, [0])
    stop.daemon = True
    stop.start()
    with contextlib.suppress(BaseException):
        names.fill(Path(sys.argv[2]), sys.argv[1])
    os._exit(0)  # a driver that hangs while it is taken down hangs nobody


if __name__ == "__main__":
    _main()
