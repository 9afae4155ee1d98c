"""What `bposync init` asks for new accounts: their codes by default, and what BPO's types and terms are in accounting."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

from bposync import advice, toml
from bposync.advice import PLACEHOLDER
from bposync.errors import UsageError
from bposync.fields import FIELDS
from bposync.setup import books as setup_books
from bposync.setup import proposals
from bposync.setup.answers import DEFAULTS
from bposync.values import normalise_code
from bposync.words import some

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from bposync.cli.interview import Interview
    from bposync.setup.answers import Answers
    from bposync.setup.books import Found

GROUPS: Final = {"evolution": "group", "partner": "category"}
"""What each system calls the group that a customer's type decides."""
_OPTIONS: Final = {"terms": "map_terms", "group": "map_type", "category": "map_type"}
_QUESTIONS: Final = {
    "terms": "Say now what BPO's terms are called in accounting",
    "group": "Say now which group BPO's customer types get",
    "category": "Say now which category BPO's customer types get",
}
_TAKEN: Final = {
    "terms": "BPO's terms are taken as proposed",
    "group": "Groups of BPO's customer types are taken as proposed",
    "category": "Categories of BPO's customer types are taken as proposed",
}
_MEANS: Final = {
    "group": ", where their type has none of its own (it decides the control account)",
    "category": ", where their type has none of its own (Partner's counterpart of a group)",
    "terms": ", where BPO says none that is known",
}
_OWN: Final = "the company's own"
_LEFT_OUT: Final = {
    "evolution": {"group": "none", "terms": _OWN, "area": "none", "price_list": "the usual one"},
    "partner": {"category": _OWN, "terms": _OWN, "price_list": _OWN},
}
"""What a new account gets where the configuration says nothing."""
_MOST_ASKED: Final = 15
_MOST_SAID: Final = 12


def ask(interview: Interview, answers: Answers, found: Found, bpo_fields: Collection[str], *, again: bool) -> Answers:
    """Ask for the codes that new accounts get, out of those that the company has. Raises UsageError."""
    assert answers.books is not None  # noqa: S101 - the books have answered
    system = answers.books.system
    chosen: dict[str, str] = {}
    for name in DEFAULTS[system]:
        if code := _default(interview, name, found, _LEFT_OUT[system][name], again=again):
            chosen[name] = code
    other = [name for name in GROUPS.values() if interview.given[name] and name not in DEFAULTS[system]]
    if other:
        raise UsageError(f"--{other[0]}: {found.system} has none.", f"There is: {', '.join(DEFAULTS[system])}.")
    group = GROUPS[system]
    stands = {name: f"the default, {chosen[name]}" if name in chosen else _LEFT_OUT[system][name] for name in (group, "terms")}
    books = dataclasses.replace(
        answers.books,
        defaults=chosen,
        groups=_counterparts(interview, group, answers.types, found, stands[group], again=again),
        terms=_counterparts(interview, "terms", answers.terms, found, stands["terms"], again=again),
        codes={name: tuple(codes) for name, codes in found.codes.items()},
    )
    answers = dataclasses.replace(answers, books=books)
    if chosen or books.groups or books.terms:
        setup_books.look(interview.settings(answers), bpo_fields)
    return answers


def left_out(answers: Answers, found: Found) -> list[str]:
    """Name the defaults of new accounts that nobody said, with what stands in their place and the option of each."""
    if answers.books is None:
        return []
    system = answers.books.system
    return [
        _missing(name, _LEFT_OUT[system][name], list(found.codes.get(name, {})))
        for name in DEFAULTS[system]
        if name not in answers.books.defaults and (name in GROUPS.values() or found.codes.get(name))
    ]


def _missing(name: str, stands: str, codes: list[str]) -> str:
    deciding = ", and it decides the control account" if name == "group" else ""
    known = f" ({some(codes, _MOST_SAID)})" if codes else ""
    return f"{FIELDS[name].label}: {stands}{deciding}. {_option(name)} CODE sets it{known}."


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _default(interview: Interview, name: str, found: Found, stands: str, *, again: bool) -> str:
    """Ask for one default. The only group that a company has is proposed, for an account without any is no whole one."""
    option, asker = _option(name), interview.asker
    given = interview.given[name]
    if given is not None and not again:
        return str(given)
    codes = dict(found.codes.get(name, {}))
    question = f"{FIELDS[name].label} of new accounts{_MEANS.get(name, '')}"
    only = next(iter(codes)) if name in GROUPS.values() and len(codes) == 1 else ""
    if codes and asker.asks:
        return asker.choice(option, question, codes, str(given or only), required=False, without=stands)
    if asker.take_proposals and only:
        asker.say(f"{FIELDS[name].label} of new accounts: {only}, the only one that the company has.")
        return only
    if name in GROUPS.values() and asker.asks:
        return asker.text(option, f"{question}: a code that the company has; Enter for {stands}", required=False)
    return ""


def _counterparts(
    interview: Interview, name: str, words: Sequence[str], found: Found, stands: str, *, again: bool
) -> dict[str, str]:
    """Ask which of the company's codes each of BPO's words means, where it is not called the same there.

    `stands` is what stands for a word that means none of them.
    """
    asker, option = interview.asker, _option(_OPTIONS[name])
    given = interview.given[_OPTIONS[name]]
    chosen = _given(option, given or ())
    codes = found.codes.get(name, {})
    known = {normalise_code(word) for word in (*chosen, *(codes if name == "terms" else ()))}
    open_ = [word for word in words if normalise_code(word) not in known]
    if not codes or not open_:
        return chosen
    if asker.take_proposals:
        return chosen | _taken(interview, name, open_, codes, stands)
    if not asker.asks or (given and not again):
        return chosen
    asker.say()
    if not asker.yes(f"{_QUESTIONS[name]} ({len(open_)})?", default=len(open_) <= _MOST_ASKED):
        return chosen
    asker.say(f"The company's codes: {', '.join(codes)}. A hyphen: none of them, and new accounts get {stands}.")
    for word in open_:
        proposed = proposals.counterpart(word, codes, by_number=name == "terms")
        code = asker.one_of(option, f"  {word}", list(codes), proposed or "-", none="-")
        if code:
            chosen[word] = code
    return chosen


def _given(option: str, pairs: Sequence[str]) -> dict[str, str]:
    """Take `BPO=CODE` apart. Raises UsageError."""
    chosen: dict[str, str] = {}
    for each in pairs:
        word, equals, code = each.rpartition("=")
        if not equals or not word.strip() or not code.strip():
            raise UsageError(f"{option}: {each!r} is no pair.", f"Write it as {option} 'BPO=CODE'.")
        chosen[word.strip()] = code.strip()
    return chosen


def _taken(interview: Interview, name: str, words: Sequence[str], codes: Mapping[str, str], stands: str) -> dict[str, str]:
    """Take what is proposed for each word, and say what was, and which words have no proposal."""
    by_number = name == "terms"
    found = {word: code for word in words if (code := proposals.counterpart(word, codes, by_number=by_number))}
    without = [word for word in words if word not in found]
    if found:
        pairs = some([f"{word} = {code}" for word, code in found.items()], _MOST_SAID)
        interview.asker.say(f"{_TAKEN[name]}: {pairs}.")
    if without:
        section = "terms" if name == "terms" else "groups"
        how = advice.option(_option(_OPTIONS[name]), f"{without[0]}={PLACEHOLDER}") or (
            f"A line under [accounting.{section}] in bposync.toml, {toml.line(without[0], PLACEHOLDER)},"
        )
        interview.asker.say(
            f"No {FIELDS[name].label.lower()} {'are' if name == 'terms' else 'is'} proposed for {some(without, _MOST_SAID)}: "
            f"new accounts get {stands}. {how} sets it."
        )
    return found
