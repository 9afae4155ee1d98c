"""Puts the configuration file into its place: whole or not at all, for its owner's eyes only, and over no other unasked."""

from __future__ import annotations

import contextlib
import os
import secrets
from typing import TYPE_CHECKING

from bposync.errors import UsageError
from bposync.values import visible

if TYPE_CHECKING:
    from pathlib import Path


def check(path: Path, *, force: bool) -> None:
    """Refuse a place where the file cannot stand. Raises UsageError."""
    if path.is_dir() or not path.parent.is_dir():
        raise UsageError(
            f"There is no folder {visible(str(path.parent))} for {visible(path.name)}.", "Make it, or name another."
        )
    if (path.exists() or path.is_symlink()) and not force:
        raise UsageError(
            f"{visible(str(path))} is there already.", "Name another file with --config FILE, or write over it with --force."
        )
    if not os.access(path.parent, os.W_OK):
        raise UsageError(f"{visible(str(path.parent))}: nothing may be written there.", "Check the folder's rights.")


def write(path: Path, text: str, *, force: bool) -> None:
    """Write the file. Raises UsageError where it cannot be, or is there already and `force` does not say otherwise."""
    path = path.resolve() if path.is_symlink() else path
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.new")
    try:
        with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:  # noqa: PTH123
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        _put(beside, path, force=force)
    except FileExistsError:
        check(path, force=force)
        raise UsageError(f"{visible(str(path))} was made by somebody else meanwhile.", "Look at it, then try again.") from None
    except OSError as error:
        why = error.strerror or str(error)
        raise UsageError(f"{visible(str(path))} cannot be written: {why}.", "Check the folder and its rights.") from None
    finally:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)


def _put(beside: Path, path: Path, *, force: bool) -> None:
    if force:
        os.replace(beside, path)  # noqa: PTH105 - one step, also on Windows
        return
    try:
        os.link(beside, path)
    except (OSError, AttributeError) as error:
        if isinstance(error, FileExistsError) or path.exists():
            raise FileExistsError from None
        beside.rename(path)  # a file system without links
