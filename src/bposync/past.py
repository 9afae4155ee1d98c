"""A recorded change as people read it: field by field what each side had, and what became of it. Screen and sheets alike."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bposync.fields import FIELDS
from bposync.journal.links import apart, remark
from bposync.records import Action, Verdict
from bposync.values import normalise_code
from bposync.words import VERDICTS, WORDS, cell

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bposync.journal.links import Decided
    from bposync.values import Value

NOT_WRITTEN: Final = "not written"
_ADDRESS: Final = re.compile(r"(billing|shipping)_\w+")


@dataclass(frozen=True, slots=True)
class Kept:
    """One field of a recorded change: both values as they were before it, and what became of BPO's."""

    name: str
    label: str
    accounting: Value
    bpo: Value
    became: str
    is_written: bool
    """Whether it was to be written, whatever became of it."""


def fields_of(document: Mapping[str, Any]) -> list[Kept]:
    """Give the fields of a change as the journal has it."""
    return [_kept(name, said, document["outcome"] or NOT_WRITTEN) for name, said in document["fields"].items()]


def _kept(name: str, said: Mapping[str, Any], outcome: str) -> Kept:
    verdict = Verdict(said.get("verdict", Verdict.WRITE))
    is_written = verdict is Verdict.WRITE
    field = FIELDS.get(name)  # another version may have had other fields
    old, new = (field.parse(said[side]) if field else str(said[side] or "") for side in ("from", "to"))
    return Kept(name, field.label if field else name, old, new, outcome if is_written else VERDICTS[verdict], is_written)


def became(document: Mapping[str, Any]) -> str:
    """Say what became of a change: of what was written, else how the customer stood."""
    return document["outcome"] or WORDS[Action(document["action"])]


def other_account(document: Mapping[str, Any]) -> str:
    """Give the account's code where it is another one than the customer's, else nothing."""
    account = document["account"] or ""
    return account if normalise_code(account) != normalise_code(document["code"]) else ""


def in_one_line(fields: Iterable[Kept]) -> str:
    """Give what BPO had in several fields, an address in one piece: `Phone: 031; Billing address: 1 High Street, …`."""
    said: dict[str, list[str]] = {}
    for each in fields:
        found = _ADDRESS.fullmatch(each.name)
        label = f"{found[1].capitalize()} address" if found else each.label
        if shown := cell(each.bpo):
            said.setdefault(label, []).append(shown)
    return "; ".join(f"{label}: {', '.join(values)}" for label, values in said.items())


def detail_of(decided: Decided) -> str:
    """Give the fields that a decision is about, by their labels, and its note."""
    fields, note = apart(decided.detail)
    names: Sequence[str] = fields.split(", ")
    if all(name in FIELDS for name in names):
        fields = ", ".join(FIELDS[name].label for name in names)
    return remark(fields, note)
