"""What a command line that cannot be read was most likely meant to be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bposync.advice import typed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_ANY = '"…"'  # where no shell is sure to leave the name alone
_CONNECTION = ("://", "=")  # in what may hold a password, which is not shown again


def without_quotes(parameters: Iterable[Any], arguments: Sequence[str]) -> str:
    """Give `--site "Cape Town"` where somebody typed `--site Cape Town`; nothing where no word too many follows a value.

    `parameters` are those of the command, `arguments` what was typed behind its name.
    """
    options: dict[str, Any] = {}
    room = 0  # for words that are no option's
    for parameter in parameters:
        if parameter.param_type_name == "option":
            options.update(dict.fromkeys(parameter.opts, parameter))
        elif parameter.nargs < 0:
            return ""
        else:
            room += parameter.nargs
    words, values = _taken_apart(options, arguments)
    too_many = words[room:]
    for place in too_many:
        if place - 1 in values:
            option, value = values[place - 1]
            end = place
            while end in too_many:
                end += 1
            if any(sign in value for sign in _CONNECTION):
                return ""
            name = typed(" ".join([value, *arguments[place:end]]))
            return f"{option} {name or _ANY}"
    return ""


def _taken_apart(options: dict[str, Any], arguments: Sequence[str]) -> tuple[list[int], dict[int, tuple[str, str]]]:
    """Give the places of the words that are no option's, and by its place each option's value."""
    words: list[int] = []
    values: dict[int, tuple[str, str]] = {}
    place = 0
    while place < len(arguments) and arguments[place] != "--":
        name, equals, value = arguments[place].partition("=")
        option = options.get(name)
        if option is not None and not option.is_flag:
            if not equals:
                place += 1
                value = arguments[place] if place < len(arguments) else ""
            if option.type_descriptor.annotation is not int:
                values[place] = (name, value)
        elif not arguments[place].startswith("-") or arguments[place] == "-":
            words.append(place)
        place += 1
    return [*words, *range(place + 1, len(arguments))], values
