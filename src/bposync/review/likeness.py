"""Who might be who: names alike, and what else two sides have in common. Evidence for a person, never for matching. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from bposync.values import normalise_code, normalise_name, normalise_vat_number

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MOST: Final = 3
"""How many candidates a person is shown."""
LEAST_ALIKE: Final = 80
"""Percent from which on two folded names are alike."""

_LEGAL_FORMS: Final = frozenset({
    "pty", "ltd", "limited", "proprietary", "edms", "bpk", "beperk", "cc", "bk", "inc", "incorporated", "ing", "npc", "npo",
    "soc", "rf", "plc", "llc", "and", "en", "the",
})  # fmt: skip
"""Words of a South African company's name that tell nobody apart, in English and in Afrikaans; & reads as `and`."""
_TRADING_AS = re.compile(r"\bt\s*/\s*a\b|\btrading as\b|\bh\s*/\s*a\b", re.IGNORECASE)
_NO_LETTER = re.compile(r"[^\w]+")
_PHONE_DIGITS: Final = 9  # of a South African number without its 0 or +27
_SHARED_BY_TOO_MANY: Final = 3  # who share a telephone number or an address, as branches and bookkeepers do
_WEIGHTS: Final = {"same VAT number": 500, "same code": 400, "same name": 400, "same e-mail": 200, "same telephone": 150}
_LIKELY: Final = 10  # names that are looked at closer, of those that are alike


@dataclass(frozen=True, slots=True)
class Profile:
    """One side of a likeness: a customer or an account. `place` is its owner's own number for it."""

    place: int
    code: str
    name: str
    vat_number: str = ""
    phones: tuple[str, ...] = ()
    email: str = ""


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody who might be the one, with the evidence in a user's words, the strongest first."""

    place: int
    evidence: tuple[str, ...]
    score: float


class Likeness:
    """Finds, among some profiles, those that are most like another one."""

    def __init__(self, profiles: Sequence[Profile]) -> None:
        self._profiles = {profile.place: profile for profile in profiles}
        self._exact: dict[tuple[str, str], list[int]] = defaultdict(list)
        self._names: list[str] = []
        self._named: list[int] = []
        for profile in profiles:
            for key in _exact_keys(profile):
                self._exact[key].append(profile.place)
            for name in folded_names(profile.name):
                self._names.append(name)
                self._named.append(profile.place)
        self._names_in_order = [_in_order(name) for name in self._names]

    def best(self, profile: Profile) -> list[Candidate]:
        """Give those that are most like a profile, the likeliest first, at most three."""
        evidence: dict[int, dict[str, float]] = defaultdict(dict)
        for what, key in _exact_keys(profile):
            places = self._exact.get((what, key), [])
            if what in ("same telephone", "same e-mail") and len(places) > _SHARED_BY_TOO_MANY:
                continue
            for place in places:
                evidence[place][what] = _WEIGHTS[what]
        for place, percent in self._alike(profile.name).items():
            if "same name" not in evidence[place]:
                evidence[place][f"name alike ({percent:.0f} %)"] = percent * 3.5
        found = [
            Candidate(place, tuple(sorted(said, key=lambda what: -said[what])), sum(said.values()))
            for place, said in evidence.items()
            if said
        ]
        found.sort(key=lambda candidate: (-candidate.score, normalise_code(self._profiles[candidate.place].code)))
        return found[:MOST]

    def _alike(self, name: str) -> dict[int, float]:
        """Give, by place, how alike the names are in percent, where they are: as they stand, or with their words in order."""
        from rapidfuzz import fuzz, process

        best: dict[int, float] = {}
        for mine in folded_names(name):
            for form, theirs in ((mine, self._names), (_in_order(mine), self._names_in_order)):
                found = process.extract(form, theirs, scorer=fuzz.ratio, score_cutoff=LEAST_ALIKE, limit=_LIKELY)
                for _, percent, number in found:
                    place = self._named[number]
                    best[place] = max(percent, best.get(place, 0))
        return best


@lru_cache(maxsize=65536)
def folded_names(name: str) -> tuple[str, ...]:
    """Give a name as it is compared for likeness, without accents, legal forms, & and punctuation.

    A name that trades as another has both, and each of the two alone.
    """
    parts = [part for part in _TRADING_AS.split(name) if part.strip()]
    forms = (_folded(form) for form in dict.fromkeys([" ".join(parts), *parts]))
    return tuple(dict.fromkeys(form for form in forms if form))


def _folded(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name.replace("&", " and ")).casefold()
    plain = "".join(character for character in plain if not unicodedata.combining(character))
    words = [word for word in _NO_LETTER.sub(" ", plain).split() if word not in _LEGAL_FORMS]
    return " ".join(words)


def _in_order(name: str) -> str:
    return " ".join(sorted(name.split()))


def _exact_keys(profile: Profile) -> Iterable[tuple[str, str]]:
    if code := normalise_code(profile.code):
        yield "same code", code
    if name := normalise_name(profile.name):
        yield "same name", name
    if vat_number := normalise_vat_number(profile.vat_number):
        yield "same VAT number", vat_number
    if email := profile.email.strip().casefold():
        yield "same e-mail", email
    for phone in dict.fromkeys(_phone(number) for number in profile.phones):
        if phone:
            yield "same telephone", phone


def _phone(number: str) -> str:
    """Give the nine digits that tell a number apart, or nothing: `031 123 4567` and `+27 31 123 4567` are one."""
    digits = re.sub(r"\D", "", number)[-_PHONE_DIGITS:]
    return digits if len(digits) == _PHONE_DIGITS and len(set(digits)) > 1 else ""
