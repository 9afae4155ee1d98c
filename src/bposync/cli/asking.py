"""Asks a person at a terminal, one question after the other; without one, says which option answers it."""

from __future__ import annotations

import contextlib
import sys
import unicodedata
from typing import TYPE_CHECKING, Final

from bposync import secrets
from bposync.errors import StoppedError, UsageError, nearest
from bposync.setup import places
from bposync.values import visible

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bposync.cli.output import Output

_MOST_CHOICES: Final = 20
NOTHING_WRITTEN: Final = "Stopped. Nothing was written."


class Asker:
    """Somebody to ask: whoever sits at the terminal, or with `take_proposals` nobody, and what is proposed is taken."""

    def __init__(self, output: Output, *, take_proposals: bool) -> None:
        self._output = output
        self.take_proposals = take_proposals
        self.at_terminal = output.can_ask()
        self.stream = output.conversation

    @property
    def asks(self) -> bool:
        """Whether anybody is asked where something is proposed."""
        return self.at_terminal and not self.take_proposals

    def say(self, text: str = "") -> None:
        """Say something between the questions; where nobody is at the terminal, beside the data. No password is in it."""
        text = secrets.redact(text)
        if self.at_terminal:
            self._output.tell(text)
        elif text:
            self._output.note(text)

    def text(self, option: str, question: str, default: str = "", *, required: bool = True) -> str:
        """Ask for a text; Enter takes the default. Raises UsageError naming the option where nobody can be asked."""
        if not self.at_terminal or (self.take_proposals and (default or not required)):
            if default and self.take_proposals:
                return default
            if not required:
                return default
            raise missing(option, question, default)
        while True:
            shown = f"{question} [{visible(default)}]: " if default else f"{question}: "
            answer = self._line(shown).strip() or default
            if any(unicodedata.category(character) in ("Cc", "Cs") for character in answer):
                self.say("There is a control character in that answer.")
            elif answer or not required:
                return answer

    def yes(self, question: str, *, default: bool) -> bool:
        """Ask a yes-or-no question; where nobody can be asked, the default."""
        if not self.asks:
            return default
        answer = self._line(f"{question} [{'Y/n' if default else 'y/N'}] ").strip().lower()
        return answer in ("y", "yes") if answer else default

    def choice(
        self,
        option: str,
        question: str,
        choices: Mapping[str, str],
        default: str = "",
        *,
        required: bool = True,
        free: bool = False,
        without: str = "none",
    ) -> str:
        """Ask for one of several things, each with what is said of it, by its number or by itself.

        With `free` any other text is an answer too. `without` says what a blank answer means where none is required.
        """
        names = list(choices)
        if not self.at_terminal or (self.take_proposals and (default or not required)):
            return self.text(option, question, default, required=required)
        self.say("")
        self.say(f"{question}:")
        width = max(len(visible(name)) for name in names) if names else 0
        for number, name in enumerate(names[:_MOST_CHOICES], 1):
            self.say(f"  {number:2}  {visible(name):{width}}  {choices[name]}".rstrip())
        if len(names) > _MOST_CHOICES:
            self.say(f"      and {len(names) - _MOST_CHOICES:,} more, by name")
        if required:
            return self.one_of(option, "Number or name", names, default, free=free)
        prompt = f"Number or name; {'a hyphen' if default else 'Enter'} for {without}"
        return self.one_of(option, prompt, names, default, required=False, free=free, none="-")

    def one_of(
        self,
        option: str,
        prompt: str,
        names: Sequence[str],
        default: str = "",
        *,
        required: bool = True,
        free: bool = False,
        none: str = "",
    ) -> str:
        """Ask for one of several names, by its number or by itself, until it is one; `none` stands for a blank answer."""
        while True:
            answer = self.text(option, prompt, default, required=required)
            if answer == none or not answer:
                return ""
            if (found := chosen(answer, names)) is not None:
                return found
            if free or answer == default:
                return answer
            near = nearest(answer, names)
            self.say(f"There is no {visible(answer)!r}.{f' Did you mean {visible(near)!r}?' if near else ''}")

    def hidden(self, question: str) -> str:
        """Ask for a password, which is not shown while it is typed. Only at a terminal."""
        import getpass

        self.stream.flush()
        try:
            return getpass.getpass(f"{visible(question)}: ", stream=self._output.stderr)
        except EOFError:
            raise StoppedError(NOTHING_WRITTEN) from None

    def _line(self, prompt: str) -> str:
        """Give a line that was typed. What may be a password in it is shown by no message after it, nor by an arrow key."""
        answer = self._typed(visible(prompt))
        if places.passwords_in(answer):
            places.hide(answer)
            _forget_last_line()
        return answer

    def _typed(self, prompt: str) -> str:
        if self.stream is self._output.stdout:
            with contextlib.suppress(ImportError):
                import readline  # noqa: F401 - arrow keys while answering; Windows has them anyway
            self.stream.flush()
            try:
                return input(prompt)
            except EOFError:
                self.say()
                raise StoppedError(NOTHING_WRITTEN) from None
        self.stream.write(prompt)
        self.stream.flush()
        answer = sys.stdin.readline()
        if not answer:
            self.say()
            raise StoppedError(NOTHING_WRITTEN)
        return answer


def _forget_last_line() -> None:
    with contextlib.suppress(ImportError, ValueError):
        import readline

        readline.remove_history_item(readline.get_current_history_length() - 1)


def chosen(answer: str, names: Sequence[str]) -> str | None:
    """Give the one that an answer names, by its number, or by itself without regard to case; None where it names none."""
    if answer in names:
        return answer
    by_folded = {name.casefold(): name for name in reversed(names)}
    if answer.casefold() in by_folded:
        return by_folded[answer.casefold()]
    if answer.isdecimal() and 1 <= int(answer) <= len(names):
        return names[int(answer) - 1]
    return None


def missing(option: str, question: str, proposal: str = "") -> UsageError:
    """Say which option answers what cannot be asked."""
    hint = f"Give {option}, or run it at a terminal."
    if proposal:
        hint = f"Give {option}; proposed is {visible(proposal)}, which --yes takes."
    return UsageError(f"init: {option} is missing ({question}), and there is nobody to ask.", hint)
