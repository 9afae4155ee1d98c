"""Shell completion: reads the line as each shell hands it over, and gives names back so that none of them can act in it.

The scripts are Typer's (`bposync --install-completion`). They put what is printed here into the line: bash and PowerShell as
it stands, zsh by evaluating it, fish by quoting it itself. So every name is quoted here, in the manner of its shell.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
from typing import TYPE_CHECKING, Final

from bposync.values import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bposync.names import Name

VARIABLE: Final = "_BPOSYNC_COMPLETE"
_INSTRUCTION: Final = "complete_"
_PLAIN: Final = re.compile(r"[A-Za-z0-9_./,%+-]+")
_GLOB: Final = re.compile(r"[*?\[\]]")
_POWERSHELLS_MARKS: Final = "'\u2018\u2019\u201a\u201b"
_BREAKS: Final = frozenset("=:@")
"""Characters at which bash takes a word apart."""


def asked(environment: Mapping[str, str]) -> str | None:
    """Give the shell that asks for completions; None where none does."""
    instruction = environment.get(VARIABLE, "")
    shell = instruction.removeprefix(_INSTRUCTION)
    return shell if instruction.startswith(_INSTRUCTION) and shell in _SHELLS else None


def complete(shell: str, environment: Mapping[str, str]) -> int:
    """Print what may stand where Tab was pressed, and give the exit code. Whatever goes wrong, it says nothing."""
    text, code = "", 0
    with contextlib.suppress(Exception):
        text, code = _SHELLS[shell](environment)
    with contextlib.suppress(Exception):
        reconfigure = getattr(sys.stdout, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(encoding="utf-8", errors="ignore", newline="\n")
        sys.stdout.write(text)
        sys.stdout.flush()
    return code


def _found(words: Sequence[str], word: str) -> list[Name] | None:
    from typing import Any, cast

    import typer

    from bposync import config, names
    from bposync.cli import filling
    from bposync.cli.app import app
    from bposync.cli.completing import offers

    def find(given: str | None, kind: str) -> list[Name]:
        return names.known(config.find(given), kind, filling.start)

    return offers(cast("Any", typer.main.get_command(app)), words, word, find)


# bash.


def _bash(environment: Mapping[str, str]) -> tuple[str, int]:
    raw = environment["COMP_WORDS"].split("\n")
    place = int(environment["COMP_CWORD"])
    raw = [*raw[: place + 1], *[""] * (place + 1 - len(raw))]
    words, cut = _put_together(raw)
    word, quote = unquoted(words[-1])
    found = _found([unquoted(each)[0] for each in words[1:-1]], word) or []
    kept = len(unquoted(words[-1][:cut])[0]) if cut else 0
    lines = [quoted for name, _ in found if (quoted := for_bash(name[kept:], quote)) is not None]
    # A name that is whole is followed by a blank; a beginning such as --column name= is as good with one.
    return "".join(f"{line}\n" for line in lines), 0


def _put_together(raw: Sequence[str]) -> tuple[list[str], int]:
    """Put words together that bash took apart; and give where, in the last one, the part begins that bash replaces."""
    words: list[str] = []
    cut = 0
    joins = False
    for each in raw:
        if each and set(each) <= _BREAKS and words[1:]:
            words[-1] += each
            joins, cut = True, len(words[-1])
        elif joins:
            words[-1] += each
            joins = False
        else:
            words.append(each)
            cut = 0
    return words, cut


def unquoted(raw: str) -> tuple[str, str]:
    """Give a word of bash or zsh as it is meant, and the quotation mark that is still open; empty where none is."""
    text, quote, place = "", "", 0
    while place < len(raw):
        character = raw[place]
        if quote == "'":
            quote, text = ("", text) if character == "'" else (quote, text + character)
        elif character == "\\" and (not quote or raw[place + 1 : place + 2] in tuple('"\\$`')):
            place += 1
            text += raw[place : place + 1]
        elif quote:
            quote, text = ("", text) if character == quote else (quote, text + character)
        elif raw.startswith("$'", place):
            found = re.compile(r"\$'((?:[^'\\]|\\.)*)(')?").match(raw, place)
            if found is None:
                return text, "$'"
            text += re.sub(r"\\(?:x([0-9a-fA-F]{1,2})|(.))", lambda hit: chr(int(hit[1], 16)) if hit[1] else hit[2], found[1])
            if found[2] is None:
                return text, "$'"
            place = found.end() - 1
        elif character in "'\"":
            quote = character
        else:
            text += character
        place += 1
    return text, quote


def for_bash(name: str, quote: str = "") -> str | None:
    """Give a name as bash takes it inside an open quotation mark, or without one; None where there is no way.

    Typer's script lets bash look for files of that name first, so that no `*` may stand in it.
    """
    if not quote:
        if _GLOB.search(name):
            return "$'" + "".join(each if each.isalnum() or each in "-_./ " else _hex(each) for each in name) + "'"
        return "".join(each if _PLAIN.fullmatch(each) or (each.isalnum() and ord(each) > 127) else f"\\{each}" for each in name)  # noqa: PLR2004
    # A quotation mark inside, and bash does not close the one that is open.
    if _GLOB.search(name) or quote == "$'" or quote in name or (quote == '"' and "!" in name):
        return None
    return name if quote == "'" else re.sub(r"([\\$`])", r"\\\1", name)


def _hex(character: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in character.encode())


# zsh.


def _zsh(environment: Mapping[str, str]) -> tuple[str, int]:
    raw = _split(environment.get("_TYPER_COMPLETE_ARGS", ""))
    words = [unquoted(each)[0] for each in raw]
    found = _found(words[1:-1], words[-1])
    if found is None:
        return "_files", 0
    if not found:
        return "", 0
    # compadd quotes what it puts into the line; -l shows each on a line of its own, with what is said of it.
    matched = "'m:{[:lower:][:upper:]}={[:upper:][:lower:]}'"
    values = " ".join(for_zsh(name) for name, _ in found)
    if any(said for _, said in found):
        shown = " ".join(for_zsh(f"{name}  -- {visible(said)}" if said else name) for name, said in found)
        return f"local -a _bposync; _bposync=({shown}); compadd -l -d _bposync -M {matched} -- {values}", 0
    return f"compadd -M {matched} -- {values}", 0


def for_zsh(text: str) -> str:
    """Give a text as one word of zsh in which nothing stands for anything else; it has no blank, for blanks would be joined."""
    return "$'" + "".join(each if each.isalnum() and each.isascii() else _hex(each) for each in text) + "'"


def _split(line: str) -> list[str]:
    """Take a line apart at its blanks, quotation marks and backslashes left in; the last word is the one that is typed."""
    words, quote, escaped = [""], "", False
    for character in line:
        if escaped:
            escaped = False
        elif character == "\\" and quote != "'":
            escaped = True
        elif quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif character.isspace():
            if words[-1]:
                words.append("")
            continue
        words[-1] += character
    return words


# fish.


def _fish(environment: Mapping[str, str]) -> tuple[str, int]:
    words = [unquoted(each)[0] for each in _split(environment.get("_TYPER_COMPLETE_ARGS", ""))]
    found = _found(words[1:-1], words[-1])
    if environment.get("_TYPER_COMPLETE_FISH_ACTION") == "is-args":
        return "", int(found is None)
    return "".join(f"{name}\t{visible(said)}\n" for name, said in found or ()), 0


# PowerShell.


def _powershell(environment: Mapping[str, str]) -> tuple[str, int]:
    line = environment.get("_TYPER_COMPLETE_ARGS", "")
    typed = environment.get("_TYPER_COMPLETE_WORD_TO_COMPLETE", "")
    words = [_powershells(each) for each in re.findall(r"(?:'(?:[^']|'')*'?|\"(?:[^\"`]|`.|\"\")*\"?|`.|[^\s'\"`])+", line)]
    found = _found(words[1:-1] if typed else words[1:], _powershells(typed)) or []
    lines = [f"{quoted}:::{visible(said) or ' '}" for name, said in found if (quoted := for_powershell(name)) is not None]
    return "".join(f"{line}\n" for line in lines), 0


def _powershells(raw: str) -> str:
    """Give a word of PowerShell as it is meant."""
    if raw[:1] == "'":
        return raw[1:].removesuffix("'").replace("''", "'")
    return re.sub(r"`(.)", r"\1", raw.strip('"'))


def for_powershell(name: str) -> str | None:
    """Give a name as PowerShell takes it, in which any of five marks ends a quotation; None where Typer's script parts it."""
    if ":::" in name:
        return None
    if re.fullmatch(r"[A-Za-z0-9_./\\=-]+", name):
        return name
    return "'" + "".join(each * 2 if each in _POWERSHELLS_MARKS else each for each in name) + "'"


_SHELLS: Final[dict[str, Callable[[Mapping[str, str]], tuple[str, int]]]] = {
    "bash": _bash,
    "zsh": _zsh,
    "fish": _fish,
    "powershell": _powershell,
    "pwsh": _powershell,
}


def run_if_asked() -> None:
    """Answer a shell that asks for completions, and leave; nothing where none does."""
    shell = asked(os.environ)
    if shell is not None:
        sys.exit(complete(shell, os.environ))
