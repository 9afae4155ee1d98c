"""Who is at the machine: what the journal and the lock say of them."""

from __future__ import annotations

import getpass


def current_user() -> str:
    """Give who is at the machine, or `unknown` where the system does not say."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "unknown"
