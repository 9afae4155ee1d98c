"""Commands as a person types them next: what hints, plans and reports name, with the --config of this call."""

from __future__ import annotations

import re
import shlex
import sys
from typing import Final

_BARE: Final = re.compile(r"[A-Za-z0-9./_][A-Za-z0-9._/@+-]*", re.ASCII)
# What no shell (sh, PowerShell, cmd) reads as anything else between quotation marks.
_QUOTED: Final = re.compile(r"[A-Za-z0-9./_][A-Za-z0-9._/@+:;,#&()\[\]{}=~*?<>| '-]*", re.ASCII)
# What both shells of Windows leave alone between quotation marks; a backslash at the end would take one of those with it.
_ON_WINDOWS: Final = re.compile(r"[\w:\\./ ()\[\]{}~+,;@=&'#^-]*[^\\\"%!$`]")
_TAKES_A_VALUE: Final = {
    "--account": "ACCOUNT", "--apply": "FILE", "--config": "FILE", "--customer": "CUSTOMER", "--export": "FILE",
    "--import": "FILE", "--output": "FILE", "--site": "SITE",
}  # fmt: skip
"""What stands behind these options, in the words of the help."""
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
    rest = list(reversed(words))
    options: list[str] = []
    operands: list[str] = []
    parts: list[str] = []
    for part in form.split():
        option = parts[-1] if parts and parts[-1] in _TAKES_A_VALUE else ""
        word = rest.pop() if part == "{}" else part
        shown = as_word(word, _TAKES_A_VALUE.get(option, PLACEHOLDER)) if part == "{}" else part
        if option and word.startswith("-"):  # else it would be taken for an option of its own
            parts.pop(), options.pop()
            shown = f"{option}={shown}"
        parts.append(shown)
        is_option = option or (part != "{}" and part.startswith("-"))
        (options if is_option else operands).append(shown)
    if _config:
        config = ["--config", as_word(_config, "FILE")]
        parts += config
        options += config
    if any(each.startswith(("-", "'-", '"-')) for each in operands):
        return " ".join(["bposync", operands[0], *options, "--", *operands[1:]])
    return " ".join(["bposync", *parts])


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


def as_word(word: str, placeholder: str = PLACEHOLDER) -> str:
    """Give a word as the shell takes it from which this process was called, or most likely was.

    Windows has two, and what one of them leaves alone between quotation marks the other may run: there, what no quoting is
    sure of is left to a person, who finds the placeholder in its place.
    """
    if found := typed(word):
        return found
    if sys.platform != "win32":
        return shlex.quote(word)
    return f'"{word}"' if _ON_WINDOWS.fullmatch(word) else placeholder
