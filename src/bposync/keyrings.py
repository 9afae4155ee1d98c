"""The operating system's keyring, by the package keyring: imported only where a configuration or a person asks for it."""

from __future__ import annotations

import contextlib
from typing import Any, Final

from bposync.advice import command
from bposync.errors import UsageError
from bposync.values import quoted

INSTALL: Final = 'pip install "bposync[keyring]"'
_NONE: Final = ("keyring.backends.fail", "keyring.backends.null")
_VARIABLE: Final = "Or name a variable in its place, as in ${BPO_PASSWORD}."


def why_not() -> str:
    """Say why this machine has no keyring that bposync could use; empty where it has one."""
    try:
        import keyring
    except ImportError:
        return "the Python package keyring is not installed"
    try:
        backend = keyring.get_keyring()
    except Exception as error:  # noqa: BLE001 - backends are other people's code
        return f"its keyring does not start ({type(error).__name__})"
    # Several backends at once are one more, which is as good as the best of them.
    found: Any = getattr(backend, "backends", None) or [backend]
    if all(type(each).__module__ in _NONE for each in found):
        return "no keyring runs on it (Windows and macOS have one; on Linux GNOME Keyring or KWallet, in a desktop's session)"
    return ""


def read(service: str, user: str) -> str:
    """Give a password that the keyring keeps. Raises UsageError that says what to do."""
    _need()
    import keyring

    entry = f"{quoted(user)} of {quoted(service)}"
    try:
        found = keyring.get_password(service, user)
    except Exception as error:  # noqa: BLE001 - backends are other people's code
        raise UsageError(
            f"the keyring does not give the password {entry}: {type(error).__name__}.", f"Unlock it. {_VARIABLE}"
        ) from None
    if found is None:
        hint = f"Put it there: {command('init')} asks for it; or python -m keyring set SERVICE USER"
        raise UsageError(f"the keyring has no password {entry}.", hint)
    return found


def store(service: str, user: str, password: str) -> None:
    """Put a password into the keyring, and make sure that it is there. Raises UsageError."""
    _need()
    import keyring

    try:
        keyring.set_password(service, user, password)
        kept = keyring.get_password(service, user) == password
    except Exception as error:  # noqa: BLE001 - as above
        raise UsageError(f"the keyring does not take the password: {type(error).__name__}.", _VARIABLE) from None
    if not kept:
        raise UsageError("the keyring does not give back what was put in.", _VARIABLE)


def remove(service: str, user: str) -> None:
    """Take a password out of the keyring again; nothing where it is not there."""
    with contextlib.suppress(Exception):
        import keyring

        keyring.delete_password(service, user)


def _need() -> None:
    if why := why_not():
        raise UsageError(f"this machine has no keyring: {why}.", f"Install it: {INSTALL}. {_VARIABLE}")
