"""What somebody may type to settle a customer that waits for a person."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bposync.records import Action

if TYPE_CHECKING:
    from bposync.records import Change

_BARE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/@+-]*", re.ASCII)
# What no shell (sh, PowerShell, cmd) reads as anything else between quotation marks.
_QUOTED: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/@+:;,#&()\[\]{}=~*?<>| '-]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Way:
    """One way to settle it: what it means, and the command. Words in capitals stand for what a person has to fill in."""

    means: str
    command: str


def ways(change: Change) -> tuple[Way, ...]:
    """Give the ways in which a person settles a customer, the likeliest first; none where nothing is to be settled."""
    code = typed(change.code)
    if change.action not in _WAYS:
        return ()
    if not code:
        return (Way("Its code cannot be typed as it is: settle it in a sheet", "bposync review --output review.xlsx"),)
    known = _WAYS[change.action]
    if change.action is Action.REJECTED and any(reason.startswith("code: ") for reason in change.reasons):
        known = (_ANOTHER_CODE, *known)
    return tuple(Way(means, command.replace("CUSTOMER", code, 1)) for means, command in known)


_ANOTHER_CODE: Final = ("Its account gets another code", "bposync link CUSTOMER --new CODE")
_WAYS: Final = {
    Action.CONFLICT: (
        ("Accounting's values stand", "bposync accept CUSTOMER"),
        ("BPO's values win", "bposync sync --customer CUSTOMER --overwrite"),
    ),
    Action.LOOKALIKE: (
        ("It is the account named above", "bposync link CUSTOMER ACCOUNT"),
        ("It gets an account of its own", "bposync link CUSTOMER --new"),
    ),
    Action.REJECTED: (("Mend it in BPO, then", "bposync sync --customer CUSTOMER"),),
    Action.MISSING: (("Forget the account that is gone", "bposync unlink CUSTOMER"),),
}


def typed(code: str) -> str:
    """Give a code as it is typed in any shell, or nothing where no quoting is sure to do no harm in each of them."""
    if _BARE.fullmatch(code):
        return code
    return f'"{code}"' if _QUOTED.fullmatch(code) else ""
