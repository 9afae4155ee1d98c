"""What a sync shows of its plan, and how it is typed again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bposync.advice import command
from bposync.errors import UsageError, did_you_mean
from bposync.records import Action
from bposync.values import quoted
from bposync.words import WORDS

if TYPE_CHECKING:
    from collections.abc import Sequence


_LONGEST_NAME: Final = 60
LONGEST_PLACE: Final = 300


_UNASKED: Final = (Action.SAME, Action.SKIPPED)
"""Who needs nothing: counted, and not listed."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What of a plan is shown; the plan stays whole."""

    only: frozenset[Action] = frozenset()
    """Only who stands so; nothing means all."""
    everybody: bool = False
    """Whether also who needs nothing is listed, and no list is cut short."""

    def has(self, action: Action) -> bool:
        """Tell whether --only leaves it in."""
        return not self.only or action in self.only

    def lists(self, action: Action) -> bool:
        """Tell whether a document lists it."""
        return action in self.only if self.only else self.everybody or action not in _UNASKED


def chosen(only: str | None, *, dry_run: bool) -> frozenset[Action]:
    """Read --only; nothing means all. States go by their names in JSON or by the screen's words, in any case.

    It only looks: who thinks that it chooses what is written is told before anything is.
    """
    if only is None:
        return frozenset()
    if not dry_run:
        raise UsageError(
            "sync: --only chooses what a dry run shows; a sync writes its whole plan.",
            "Add --dry-run to look, or choose whom to write with --customer or --site.",
        )
    known = {action.value: action for action in Action} | {word: action for action, word in WORDS.items()}
    found = set()
    for name in filter(None, (" ".join(name.lower().split()) for name in only.split(","))):
        if name not in known:
            hint = did_you_mean(name, known, f"There is: {', '.join(Action)}.")
            raise UsageError(f"--only: no customer stands as {quoted(name)}.", hint)
        found.add(known[name])
    if not found:
        raise UsageError("--only: which?", f"One or more of: {', '.join(Action)}.")
    return frozenset(found)


def typed_again(
    sites: Sequence[str] | None,
    customers: Sequence[str] | None,
    max_changes: str | None,
    *,
    overwrite: bool,
    fail_fast: bool,
) -> str:
    """Give the command line of this sync as it is typed without --dry-run."""
    form, words = ["sync"], []
    for option, values in (("--site", sites), ("--customer", customers)):
        for value in values or ():
            form.append(f"{option} {{}}")
            words.append(value)
    if max_changes:
        form.append(f"--max-changes {max_changes.strip()}")
    form += [option for option, given in (("--overwrite", overwrite), ("--fail-fast", fail_fast)) if given]
    return command(" ".join(form), *words)


def named(text: str, longest: int = _LONGEST_NAME) -> str:
    """Give a name for the block above the question: one run of words, short enough to look like nothing else."""
    text = " ".join(text.split())
    return text if len(text) <= longest else f"{text[: longest - 3]}..."
