"""What may stand where somebody presses Tab: commands, options, and the company's own names."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from bposync import names
from bposync.fields import ACCOUNT_FIELDS, BPO_FIELDS, FIELDS
from bposync.records import Action
from bposync.values import normalise_code

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

Find: TypeAlias = "Callable[[str | None, str], Iterable[names.Name]]"
"""Gives the names of a kind in the company of a configuration."""
_MOST: Final = 2000

# Which names a parameter takes, by its own name.
_COMPANYS: Final = {
    "site": names.SITES, "customer": names.CUSTOMERS, "account": names.ACCOUNTS, "run": names.RUNS,
}  # fmt: skip
_FIXED: Final[dict[str, tuple[names.Name, ...]]] = {
    "sort": tuple((name, FIELDS[name].label) for name in BPO_FIELDS),
    "columns": tuple((name, FIELDS[name].label) for name in BPO_FIELDS),
    "only": tuple((action.value, "") for action in Action),
    "fields": tuple((name, FIELDS[name].label) for name in ACCOUNT_FIELDS),
    "column": tuple((f"{name}=", FIELDS[name].label) for name in BPO_FIELDS),
    "status": tuple((name, "") for name in ("Active", "Hold", "Inactive", "all")),
    "since": (("yesterday", ""), ("today", "")),
    "until": (("yesterday", ""), ("today", "")),
    "system": (("evolution", ""), ("partner", "")),
    "write": tuple((name, "") for name in ("freedom", "sql", "sdk", "file")),
}
_LISTS: Final = frozenset({"columns", "only"})
"""Whose values are several with commas between them."""
_FILES: Final = frozenset({"config", "export", "import_", "output", "apply", "report", "folder", "import_file", "freedom_ca"})


@dataclass(slots=True)
class _Line:
    """What stands before the word that is completed."""

    command: Any
    name: str = ""
    arguments: list[str] = field(default_factory=list)
    waiting: Any = None
    """The option whose value comes next."""
    config: str | None = None
    flags: set[str] = field(default_factory=set)
    only_arguments: bool = False


def offers(root: Any, words: Sequence[str], word: str, find: Find) -> list[names.Name] | None:  # noqa: ANN401 - Typer's
    """Give what may stand in the place of `word`, each with what is said of it; None where it is a file's name.

    `words` are those before it, without the program's own name.
    """
    line = _read(root, words)
    if line is None:
        return []
    if line.waiting is not None:
        return _values(line, line.waiting, word, find)
    if word.startswith("-") and not line.only_arguments:
        option, equals, value = word.partition("=")
        if equals:
            parameter = _options(line.command).get(option)
            found = _values(line, parameter, value, find) if parameter is not None else []
            return None if found is None else [(f"{option}={name}", said) for name, said in found]
        return _option_names(line, word)
    if line.command is root:
        commands = [(name, command.get_short_help_str()) for name, command in root.commands.items() if not command.hidden]
        return _beginning(commands, word)
    parameter = _argument(line)
    if parameter is None:
        return [] if word else _option_names(line, "-")
    return _values(line, parameter, word, find)


def _read(root: Any, words: Sequence[str]) -> _Line | None:  # noqa: ANN401
    line = _Line(root)
    for word in words:
        if line.waiting is not None:
            _note(line, line.waiting, word)
            line.waiting = None
        elif word == "--" and not line.only_arguments:
            line.only_arguments = True
        elif word.startswith("-") and len(word) > 1 and not line.only_arguments:
            option, equals, value = word.partition("=")
            line.flags.add(option)
            parameter = _options(line.command).get(option)
            if parameter is not None and not parameter.is_flag:
                if equals:
                    _note(line, parameter, value)
                else:
                    line.waiting = parameter
        elif line.command is root:
            if word not in root.commands:
                return None
            line.command, line.name = root.commands[word], word
        else:
            line.arguments.append(word)
    return line


def _note(line: _Line, parameter: Any, value: str) -> None:  # noqa: ANN401
    if parameter.name == "config":
        line.config = value


def _options(command: Any) -> dict[str, Any]:  # noqa: ANN401
    options = [each for each in command.params if each.param_type_name == "option" and not each.hidden]
    return {name: each for each in options for name in (*each.opts, *each.secondary_opts)}


def _option_names(line: _Line, word: str) -> list[names.Name]:
    found = [
        (name, str(each.help or ""))
        for name, each in _options(line.command).items()
        if name.startswith("--") and (each.multiple or not line.flags.intersection(each.opts))
    ]
    return _beginning([*found, ("--help", "Show this message and exit.")], word)


def _argument(line: _Line) -> Any:  # noqa: ANN401
    arguments = [each for each in line.command.params if each.param_type_name == "argument"]
    if len(line.arguments) < len(arguments):
        return arguments[len(line.arguments)]
    return arguments[-1] if arguments and arguments[-1].nargs == -1 else None


def _values(line: _Line, parameter: Any, word: str, find: Find) -> list[names.Name] | None:  # noqa: ANN401
    name = parameter.name
    if name in _FILES:
        return None
    if name in _LISTS:
        before, comma, last = word.rpartition(",")
        taken = before.split(",")
        return [(f"{before}{comma}{each}", said) for each, said in _beginning(_FIXED[name], last) if each not in taken]
    if name == "sort" and word.startswith("-"):
        return [(f"-{each}", said) for each, said in _beginning(_FIXED[name], word[1:])]
    if name in _FIXED:
        return _beginning(_FIXED[name], word)
    if name == "account" and "--new" in line.flags:
        return []  # a code that nobody has yet
    if name in _COMPANYS and line.name != "init":
        return _beginning(find(line.config, _COMPANYS[name]), word)
    return []


def _beginning(found: Iterable[names.Name], word: str) -> list[names.Name]:
    wanted = normalise_code(word) if word.strip() else ""
    return [(name, said) for name, said in found if normalise_code(name).startswith(wanted)][:_MOST]
