"""What a person lacks to use a file of SQLite's: which file or folder, whose it is, and which right."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from bposync.people import current_user
from bposync.values import visible

if TYPE_CHECKING:
    from pathlib import Path


def lacking(path: Path) -> str:
    """Say what whoever runs this lacks to read and write a database's file, and what to do; empty where nothing is seen.

    SQLite makes and deletes files beside a database, so its folder has to be writable too.
    """
    folder = path.parent
    if not os.path.isdir(folder):  # noqa: PTH112 - a folder that cannot be looked at is no error here
        entered = next((each for each in folder.parents if os.path.isdir(each)), folder)  # noqa: PTH112
        if not os.access(entered, os.X_OK):
            return _said(entered, "the folder", "enter it")
        return f"There is no folder {visible(str(folder))}: make it, or change the URL in the configuration."
    if not os.access(folder, os.X_OK):
        return _said(folder, "the folder", "enter it")
    if path.exists() and not os.access(path, os.R_OK):
        return _said(path, "the file", "read it")
    if path.exists() and not os.access(path, os.W_OK):
        return _said(path, "the file", "write it")
    if not os.access(folder, os.W_OK):
        return _said(folder, "the folder", "write in it, as SQLite has to")
    return ""


def _said(what: Path, kind: str, right: str) -> str:
    me = visible(_me())
    return (
        f"{kind.capitalize()} {visible(str(what))}{_owner(what)}, and {me} may not {right}. Give {me} that right, or change "
        "the URL in the configuration; docs/nightly.md tells which folder belongs to whom."
    )


def _me() -> str:
    """Give whose rights count: with sudo, LOGNAME may be somebody else."""
    try:
        import pwd

        return pwd.getpwuid(os.geteuid()).pw_name
    except (ImportError, KeyError):  # Windows; a container's user without a name
        return current_user()


def _owner(path: Path) -> str:
    try:
        return f" belongs to {visible(path.owner())}"
    except KeyError:
        return f" belongs to user {path.stat().st_uid}"
    except (OSError, NotImplementedError):  # Windows has another kind of owners
        return " is there"
