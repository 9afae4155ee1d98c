"""TOML as typed, frozen classes: every value is of the type that the class says, or an error names the place in plain words.

A class is a frozen dataclass whose fields are texts, numbers, flags, lists of texts, sections with free keys, choices, or
further such classes. Nothing is converted: a number in quotes is a text.
"""

from __future__ import annotations

import contextlib
import dataclasses
import types
import typing
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar, Union

if TYPE_CHECKING:
    from collections.abc import Mapping

_T = TypeVar("_T")

_WANTED: Final = {
    str: "text in quotes",
    int: "a whole number",
    bool: "true or false",
    tuple: "a list in [ ]",
    dict: "a section",
}
_GOT: Final = {
    bool: "true or false", int: "a whole number", float: "a number with a fraction", str: "text in quotes",
    list: "a list", dict: "a section",
}  # fmt: skip


class WrongError(Exception):
    """A value is not what its place takes; the message names the place and says why."""

    def __init__(self, place: tuple[str, ...], why: str) -> None:
        *section, key = place or ("",)
        where = f"[{'.'.join(section)}] " if section else ""
        super().__init__(f"{where}{key}: {why}." if why != "is missing" else f"{where}{key} is missing.")


def kind_of(value: object) -> str:
    """Say what kind of value TOML has there."""
    return _GOT.get(
        type(value), "a date or a time" if type(value).__name__ in ("date", "time", "datetime") else "something else"
    )


def fields_of(kind: type[Any]) -> dict[str, Any]:
    """Give the types of a class's fields by name."""
    return typing.get_type_hints(kind)


def is_table(kind: object) -> bool:
    """Tell whether a type is a section with keys of its own."""
    return isinstance(kind, type) and dataclasses.is_dataclass(kind)


def inner_tables(kind: object) -> list[type[Any]]:
    """Give the sections that a field may hold: its own type, or one of several."""
    return [inner for inner in (kind, *typing.get_args(kind)) if isinstance(inner, type) and is_table(inner)]


def convert(raw: Mapping[str, Any], kind: type[_T], place: tuple[str, ...] = ()) -> _T:
    """Give a section as its class. Raises WrongError. Keys that the class does not have are the caller's to refuse."""
    hints = fields_of(kind)
    values = {}
    table: Any = kind
    for field in dataclasses.fields(table):
        if field.name in raw:
            values[field.name] = _converted(raw[field.name], hints[field.name], (*place, field.name))
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise WrongError((*place, field.name), "is missing")
    return kind(**values)


def _converted(raw: Any, kind: Any, place: tuple[str, ...]) -> Any:  # noqa: ANN401 - TOML of any shape
    if is_table(kind):
        if not isinstance(raw, dict):
            raise WrongError(place, f"expected {_WANTED[dict]}, got {kind_of(raw)}")
        return convert(raw, kind, place)
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin in (Union, types.UnionType):
        return _one_of(raw, [one for one in inner if one is not type(None)], place)
    if origin is Literal:
        return _chosen(raw, inner, place)
    wanted = origin or kind
    if type(raw) is not {tuple: list}.get(wanted, wanted):
        raise WrongError(place, f"expected {_WANTED[wanted]}, got {kind_of(raw)}")
    if wanted is tuple:
        return tuple(_converted(value, inner[0], place) for value in raw)
    if wanted is dict:
        return {key: _converted(value, inner[1], (*place, key)) for key, value in raw.items()}
    return raw


def _one_of(raw: object, kinds: list[Any], place: tuple[str, ...]) -> object:
    for kind in kinds[:-1]:
        with contextlib.suppress(WrongError):
            return _converted(raw, kind, place)
    return _converted(raw, kinds[-1], place)


def _chosen(raw: object, choices: tuple[object, ...], place: tuple[str, ...]) -> object:
    kind = type(choices[0])
    if type(raw) is not kind:
        raise WrongError(place, f"expected {_WANTED[kind]}, got {kind_of(raw)}")
    if raw not in choices:
        raise WrongError(place, f"there is no such choice: {raw!r}")
    return raw
