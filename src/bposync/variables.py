"""What stands in the configuration in a value's place: ${NAME} is the environment's, ${keyring:SERVICE/USER} the keyring's.

`Variables` is the environment in which both are looked up, so that whoever puts a value in need not know where it is from.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from bposync import keyrings, secrets
from bposync.errors import UsageError
from bposync.values import visible

PLACEHOLDER: Final = re.compile(r"\$(?:(?P<dollar>\$)|\{(?P<name>[^}]*)\})")
KEYRING: Final = "keyring:"
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Variables(Mapping[str, str]):
    """The environment's variables, and the keyring's entries under their names in the configuration.

    An entry is asked for when it is looked up, once. Raises UsageError where the keyring does not have it.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._found: dict[str, str] = {}

    def __getitem__(self, name: str) -> str:
        if not name.startswith(KEYRING) or name in self._environment:
            return self._environment[name]
        if name not in self._found:
            service, user = entry_of(name)
            self._found[name] = keyrings.read(service, user)
            secrets.register(self._found[name])
        return self._found[name]

    def __contains__(self, name: object) -> bool:
        return name in self._environment or name in self._found

    def __iter__(self) -> Iterator[str]:
        return iter(self._environment)

    def __len__(self) -> int:
        return len(self._environment)


def entry_of(name: str) -> tuple[str, str]:
    """Give the service and the user of keyring:SERVICE/USER; the last slash parts them. Raises UsageError."""
    service, _, user = name.removeprefix(KEYRING).rpartition("/")
    if not service or not user:
        raise UsageError(
            f"${{{visible(name)}}} names no entry of the keyring.", "It looks like ${keyring:bposync/bposync_reader}."
        )
    return service, user


def names(text: str) -> list[str]:
    """Give the name in every ${…} of a text, in order."""
    return [found["name"] for found in PLACEHOLDER.finditer(text) if not found["dollar"]]


def is_name(name: str) -> bool:
    """Tell whether a name may be a variable's or an entry's."""
    return name.startswith(KEYRING) or _NAME.fullmatch(name) is not None


def check(text: str, environment: Mapping[str, str]) -> None:
    """Refuse a text that names what is not there. Raises UsageError."""
    for name in names(text):
        if name.startswith(KEYRING):
            environment[name]
        elif not _NAME.fullmatch(name):
            raise UsageError(f"${{{visible(name)}}} is no variable's name.", "A dollar is written as $$.")
        elif name not in environment:
            raise UsageError(f"the variable {name} is not set.", f"Set {name} in the environment.")


def expand(text: str, environment: Mapping[str, str]) -> str:
    """Put the values in the place of what names them, and a dollar in that of $$."""
    return PLACEHOLDER.sub(lambda found: "$" if found["dollar"] else environment[found["name"]], text)


def renamed(text: str, new: Mapping[str, str]) -> str:
    """Give a text in which some ${NAME} have another name."""
    return PLACEHOLDER.sub(lambda found: f"${{{new[found['name']]}}}" if found["name"] in new else found[0], text)
