"""Commands as a person types them next: what hints, plans and reports name, with the --config of this call."""

from __future__ import annotations

import re
import shlex
import sys
from typing import Final

_BARE: Final = re.compile(r"[A-Za-z0-9./_][A-Za-z0-9._/@+-]*", re.ASCII)
# What no shell (sh, PowerShell, cmd) reads as anything else between quotation marks.
_QUOTED: Final = re.compile(r"[A-Za-z0-9./_][A-Za-z0-9._/@+:;,#&()\[\]{}=~*?<>| '-]*", re.ASCII)
_WINDOWS_PATH: Final = re.compile(r"[\w:\\./ ()~+,@=-]*\w")
_COMMANDS: Final = re.compile(r"\{([^{}]*)\}")
_config = ""

PLACEHOLDER: Final = "CODE"
"""What stands in a command for a code that a person chooses, or has to look up for no quoting is sure of it."""
REVIEW: Final = "review --output review.xlsx"
"""The form of the command that makes a sheet of all that needs a person."""


def repeat_config(path: str | None) -> None:
    """Name this configuration in every command from now on, as it was named on the command line; None where it was not."""
    global _config  # noqa: PLW0603 - one process is one call
    _config = path or ""


def command(form: str, *words: str) -> str:
    """Give a command line: `command("link {} ACCOUNT", code)`. The words come from data, and are quoted where they need it.

    Words of the form in capitals stand for what a person has to fill in.
    """
    config = f" --config {as_word(_config)}" if _config else ""
    return f"bposync {form.format(*map(as_word, words))}{config}"


def with_commands(text: str) -> str:
    """Give a text of bposync's own with its commands as they are typed: `Settle each: {accept CUSTOMER}`."""
    return _COMMANDS.sub(lambda found: command(found[1]), text)


def shows_customers() -> str:
    """Say what to do next where a customer's code is not known."""
    return f"{command('list --status all')} shows the customers."


def typed(word: str) -> str:
    """Give a word as it is typed in any shell, or nothing where no quoting is sure to do no harm in each of them."""
    if _BARE.fullmatch(word):
        return word
    return f'"{word}"' if _QUOTED.fullmatch(word) else ""


def option(name: str, word: str) -> str:
    """Give an option with a word out of data as it is typed in any shell, or nothing where no quoting is sure."""
    quoted = typed(word)
    return f"{name} {quoted}" if quoted else ""


def as_word(word: str) -> str:
    """Give a word as the shell takes it from which this process was called, or most likely was.

    Windows has two, and what one of them leaves alone between quotation marks the other may run: there, what no quoting is
    sure of is left to a person.
    """
    if found := typed(word):
        return found
    if sys.platform != "win32":
        return shlex.quote(word)
    return f'"{word}"' if _WINDOWS_PATH.fullmatch(word) else PLACEHOLDER
