"""What `bposync init` asks of BPO: where it is, which table holds the customers, and which of its columns each field."""

from __future__ import annotations

import dataclasses
import itertools
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bposync import advice, database
from bposync.bpo import PURPOSE, Bpo
from bposync.cli.asking import missing
from bposync.cli.output import Column, Output
from bposync.errors import UsageError, did_you_mean
from bposync.fields import BPO_FIELDS, FIELDS
from bposync.setup import catalogue, proposals
from bposync.setup.answers import Answers
from bposync.setup.proposals import Guess
from bposync.values import normalise_code, quoted, visible
from bposync.words import cell, many, some

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bposync.cli.interview import Interview
    from bposync.setup.proposals import Candidate

_SAMPLED: Final = 200
_MOST_COLUMNS: Final = 30
_MOST_TABLES: Final = 8
_MOST_SITES: Final = 8
_SHOWN: Final = 2
_BETWEEN: Final = 9  # cells between four drawn columns
_LEAST: Final = 12
_MOST_WORDS: Final = 40
"""How many of BPO's types and terms the file names."""


@dataclass(frozen=True, slots=True)
class Listed:
    """BPO as it was set up: its answers, the fields that it has, who is listed, and which columns were guessed."""

    answers: Answers
    fields: tuple[str, ...]
    map: Mapping[str, str]
    guessed: tuple[str, ...]
    customers: int
    sites: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Source:
    """A table or SELECT with its columns, and which of them holds which field so far."""

    answers: Answers
    columns: tuple[str, ...]
    map: Mapping[str, Guess]
    without: frozenset[str] = frozenset()
    """The fields of which somebody said that BPO has no column for them."""

    def mapped(self) -> Answers:
        """Give the answers with the columns, those too that BPO calls so by default: one that vanishes later is missed then."""
        said = {name: self.map[name].column if name in self.map else "" for name in BPO_FIELDS}
        return dataclasses.replace(
            self.answers, columns={name: said[name] for name in said if name in self.map or name in self.without}
        )

    def confirmed(self) -> _Source:
        """Take for settled what was shown: the fields without a column too."""
        none = {name for name in BPO_FIELDS if FIELDS[name].column and name not in self.map}
        return dataclasses.replace(self, without=self.without | none)

    def changed(self, name: str, column: str, option: str) -> _Source:
        """Give a field another column, or none. Raises UsageError."""
        field = name.strip().casefold().replace("-", "_").replace(" ", "_")
        if field not in BPO_FIELDS:
            raise UsageError(f"{option}: there is no field {quoted(name.strip())}.", did_you_mean(field, BPO_FIELDS))
        new = {key: guess for key, guess in self.map.items() if key != field}
        if wanted := column.strip():
            found = next((each for each in self.columns if each == wanted), None) or next(
                (each for each in self.columns if each.casefold() == wanted.casefold()), None
            )
            if found is None:
                raise UsageError(f"{option}: {field}: BPO has no column {quoted(wanted)}.", did_you_mean(wanted, self.columns))
            new[field] = Guess(found, sure=True)
        elif FIELDS[field].required:
            raise UsageError(f"{option}: {field}: BPO must have a column for it.", "Name the column that BPO has for it.")
        ordered = {key: new[key] for key in BPO_FIELDS if key in new}
        return dataclasses.replace(self, map=ordered, without=(self.without | {field}) - ordered.keys())


def ask(interview: Interview) -> Listed:
    """Ask until BPO answers, its table is known and each field has its column or none."""
    asker = interview.asker
    url, tables = interview.tried(lambda again: _place(interview, again=again))
    asker.say(f"BPO answers. Tables and views that may be read: {len(tables):,}.")
    found = proposals.candidates(tables)
    source = interview.tried(lambda again: _table(interview, url, found, again=again))
    for given in interview.given["column"] or ():
        name, _, column = given.partition("=")
        source = source.changed(name, column, "--column")
    source = _confirmed(interview, source) if asker.asks else _unasked(interview, source)
    return _whole(interview, source)


def _place(interview: Interview, *, again: bool) -> tuple[str, Mapping[str, tuple[str, ...]]]:
    url = interview.url("bpo", "BPO", again=again)
    interview.passwords(url, "Password of BPO's login", again=again)

    def attempt(url: str) -> Mapping[str, tuple[str, ...]]:
        settings = interview.settings(Answers(url=url, customers="?"))
        place = database.address(PURPOSE, "[bpo] url", url, folder=settings.folder, environment=settings.environment)
        return catalogue.tables(place)

    return interview.trusting(url, attempt)


def _table(interview: Interview, url: str, found: Sequence[Candidate], *, again: bool) -> _Source:
    """Ask which table or SELECT lists the customers."""
    given = {} if again else interview.given
    if given.get("customers") and given.get("query"):
        raise UsageError("init: both --customers and --query.", "Leave one of them out.")
    if given.get("customers") or given.get("query"):
        answers = Answers(url=url, customers=given["customers"], query=given["query"])
    else:
        best = next((each.name for each in found if not each.missing), "")
        if not best:
            interview.asker.say("No table has columns for code, name and site under names that bposync knows.")
        # What has no column for code and name is no list of customers, unless nothing is.
        likely = [each for each in found if not {"code", "name"}.intersection(each.missing)] or found
        choices = {each.name: _said_of(each) for each in likely[:_MOST_TABLES]}
        question = "The table or view that lists BPO's customers, one row a customer and site"
        answer = interview.asker.choice("--customers", question, choices, best, free=True)
        select = answer.lower().startswith(("select ", "with "))
        answers = Answers(url=url, query=answer) if select else Answers(url=url, customers=answer)
    columns = tuple(dict.fromkeys(catalogue.columns(interview.settings(answers))))
    return _Source(answers, columns, proposals.columns_for(columns))


def _said_of(candidate: Candidate) -> str:
    fields = f"{len(candidate.map)} of {len(BPO_FIELDS) - 1} fields"
    return f"{fields}, none for {', '.join(candidate.missing)}" if candidate.missing else fields


def _unasked(interview: Interview, source: _Source) -> _Source:
    """Take what is sure, and with --yes what was guessed; a field that BPO must have is never guessed unasked."""
    lacking = [name for name in BPO_FIELDS if FIELDS[name].required and name not in source.map]
    if lacking:
        columns = some([visible(column) for column in source.columns], _MOST_COLUMNS)
        hint = f"Give {' and '.join(f'--column {name}=COLUMN' for name in lacking)}. It has: {columns}."
        raise UsageError(f"init: BPO has no column that is known to hold {', '.join(lacking)}.", hint)
    guessed = {name: guess.column for name, guess in source.map.items() if not guess.sure}
    if interview.asker.take_proposals:
        return source
    for name, column in guessed.items():
        if FIELDS[name].required:
            raise missing(f"--column {name}=COLUMN", f"the column of {name}", column)
        either = f"{given} or " if (given := advice.option("--column", f"{name}={column}")) else ""
        interview.asker.say(f"{quoted(column)} may hold {name}: {either}--yes takes it.")
    return dataclasses.replace(source, map={name: guess for name, guess in source.map.items() if guess.sure})


def _confirmed(interview: Interview, source: _Source) -> _Source:
    """Show which column holds which field, with values, until nobody changes one any more."""
    asker = interview.asker
    while True:
        lacking = [name for name in BPO_FIELDS if FIELDS[name].required and name not in source.map]
        _show(interview, source, lacking)
        if lacking:
            asker.say(f"BPO must have a column for {', '.join(lacking)}. It has: {some(source.columns, _MOST_COLUMNS)}.")
        answer = asker.text("--column", "Change one: FIELD=COLUMN, FIELD= for none; Enter: all are right", required=False)
        if not answer and not lacking:
            return source.confirmed()
        try:
            source = source.changed(*_assignment(answer), "--column")
        except UsageError as error:
            asker.say(f"{error.message} {error.hint or ''}".strip())


def _assignment(answer: str) -> tuple[str, str]:
    """Take `FIELD=COLUMN` apart."""
    name, equals, column = answer.partition("=")
    if not equals:
        raise UsageError("A column for a field is written with a sign of equality between them.", "Such as mobile=CellNumber.")
    return name, column


def _show(interview: Interview, source: _Source, lacking: Sequence[str]) -> None:
    samples = {} if lacking else _samples(interview, source)
    taken = max(map(len, BPO_FIELDS)) + max((len(guess.column) for guess in source.map.values()), default=0) + len("a guess")
    left = max(shutil.get_terminal_size().columns - taken - _BETWEEN, _LEAST)
    samples = {name: text if len(text) <= left else f"{text[: left - 1]}…" for name, text in samples.items()}
    rows = [
        [name, source.map[name].column, "" if source.map[name].sure else "a guess", samples.get(name, "")]
        if name in source.map
        else [name, "", "none", ""]
        for name in BPO_FIELDS
    ]
    shown = Output(stdout=interview.asker.stream, stderr=interview.output.stderr)
    columns = [Column("Field", keep=9), Column("Column", keep=8), Column("", keep=7), Column("Such as", keep=8)]
    interview.asker.say("")
    shown.table(columns, rows)


def _samples(interview: Interview, source: _Source) -> dict[str, str]:
    """Give some values of each field; one that cannot be read says why."""
    found: dict[str, dict[str, None]] = {}
    problems: dict[str, str] = {}
    with Bpo(interview.settings(source.mapped())) as bpo:
        for row in itertools.islice(bpo.rows(), _SAMPLED):
            problems |= {name: why for name, why in row.problems if name not in problems}
            for name in bpo.fields:
                if (text := cell(row.value(name))) and len(found.setdefault(name, {})) < _SHOWN:
                    found[name][text] = None
    samples = {name: " · ".join(texts) or "(blank)" for name, texts in found.items()}
    return samples | {name: f"cannot be read: {why}" for name, why in problems.items()}


def _whole(interview: Interview, source: _Source) -> Listed:
    """Read the whole listing once: who is in it, and which types and terms the file is to name."""
    answers = source.mapped()
    words: dict[str, dict[str, str]] = {"type": {}, "terms": {}, "site": {}, "code": {}}
    with Bpo(interview.settings(answers)) as bpo, interview.output.progress("Reading BPO") as progress:
        for row in bpo.rows(progress):
            for name, seen in words.items():
                text = str(row.value(name) or "")
                if text:
                    seen.setdefault(normalise_code(text), text)
        fields = bpo.fields
    types, terms = (tuple(sorted(words[name].values())[:_MOST_WORDS]) for name in ("type", "terms"))
    listed = Listed(
        answers=dataclasses.replace(answers, types=types, terms=terms),
        fields=fields,
        map={name: guess.column for name, guess in source.map.items()},
        guessed=tuple(name for name, guess in source.map.items() if not guess.sure),
        customers=len(words["code"]),
        sites=tuple(sorted(words["site"].values(), key=str.casefold)),
    )
    sites = f"{', '.join(listed.sites[:_MOST_SITES])}{', …' if len(listed.sites) > _MOST_SITES else ''}"
    interview.asker.say(
        f"BPO lists {many(listed.customers, 'customer')} of {many(len(listed.sites), 'site')}: {sites or 'none'}."
    )
    return listed
