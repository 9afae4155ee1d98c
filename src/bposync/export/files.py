"""A file that somebody asked for: that it may be written is known before the long work; it is written whole or not at all."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bposync import sheets
from bposync.errors import UsageError
from bposync.values import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from bposync.export.markup import Markup
    from bposync.sheets import Sheet

ENDINGS: Final = (".csv", ".xlsx", ".json", ".html")
PAGE: Final = (".html",)
DATA: Final = (".csv", ".xlsx", ".json")
_SEPARATORS: Final = {";": ";", ",": ",", "\t": "\t", "\\t": "\t", "tab": "\t"}


@dataclass(frozen=True, slots=True)
class Told:
    """What a command has found, in each form that a file may have; made only when a file asks for it."""

    sheet: Callable[[], Sheet]
    document: Callable[[], Mapping[str, Any]]
    page: Callable[[], Markup] | None = None
    """None where no page is made of it; then no file that ends so was taken."""


def separator_of(text: str | None) -> str:
    """Give the sign between the cells of a CSV file, a comma where nothing is said. Raises UsageError."""
    if text is None:
        return ","
    if (found := _SEPARATORS.get(text.lower())) is None:
        raise UsageError(f"--separator: there is no separator '{visible(text)}'.", 'There is: ";", "," and tab.')
    return found


def ending_of(path: Path, endings: Sequence[str] = ENDINGS, option: str = "--output") -> str:
    """Give a file's ending, which says what is written. Raises UsageError, naming those that there are."""
    ending = path.suffix.lower()
    if ending not in endings:
        several = f"{', '.join(endings[:-1])} or {endings[-1]}" if len(endings) > 1 else endings[0]
        raise UsageError(
            f"{option}: {visible(path.name)!r} ends in none of {several}."
            if len(endings) > 1
            else f"{option}: {visible(path.name)!r} does not end in {several}.",
            "Name the file so.",
        )
    return ending


def check(path: Path, *, force: bool) -> None:
    """Make sure that a file can be written, before anything is read. Raises UsageError saying why not, and what to do."""
    shown = visible(str(path))
    if path.is_dir():
        raise UsageError(f"{shown} is a folder.", "Name a file in it.")
    if not path.parent.is_dir():
        raise UsageError(f"{shown} cannot be written: there is no folder {visible(str(path.parent))}.", "Make it first.")
    if path.exists() and not force:
        raise _is_there(path)
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.new")
    try:
        with beside.open("xb"):
            pass
        beside.unlink()
        if path.exists():  # a spreadsheet that has it open, or a right that is missing, shows here
            with path.open("r+b"):
                pass
    except OSError as error:
        raise UsageError(
            f"{shown} cannot be written: {error.strerror or error}.",
            "Check the folder and its rights; close the file where a spreadsheet has it open.",
        ) from None


def save(path: Path, told: Told, *, force: bool, separator: str = ",") -> None:
    """Write a file in the form that its ending names, whole or not at all. Raises UsageError where it cannot be."""
    ending = ending_of(path)
    if path.exists() and not force:  # it came while others were read
        raise _is_there(path)
    if ending in (".csv", ".xlsx"):
        sheets.write(path, told.sheet(), separator=separator)
    elif ending == ".json":
        text = json.dumps(told.document(), indent=2, ensure_ascii=True)
        sheets.replace(path, lambda file: _write(file, f"{text}\n"))
    elif told.page is not None:
        text = str(told.page())
        sheets.replace(path, lambda file: _write(file, text))


def _write(file: Path, text: str) -> None:
    with file.open("x", encoding="utf-8", newline="\n") as stream:
        stream.write(text)


def _is_there(path: Path) -> UsageError:
    return UsageError(f"{visible(str(path))} is there already.", "Name another file, or write over it with --force.")
