"""Why a customer stands as it does, as people read it: the fields by their labels, a conflict with its two values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bposync.fields import FIELDS
from bposync.records import Verdict
from bposync.values import excerpt
from bposync.words import VERDICTS, cell

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bposync.records import Change, FieldChange
    from bposync.values import Value

_MOST_WITH_VALUES: Final = 2  # fields in conflict whose values a line has room for


def labelled(reason: str) -> str:
    """Give a reason with the label of the field that it begins with, where it does: `Code: is blank`."""
    name, colon, why = reason.partition(": ")
    return f"{FIELDS[name].label}: {why}" if colon and name in FIELDS else reason


def in_words(change: Change) -> list[str]:
    """Give every reason of a change; a field in conflict with what each side has, and what they agreed on last."""
    conflicts = _conflicts(change)
    said = []
    for reason in change.reasons:
        name, _, why = reason.partition(": ")
        said.append(f"{_values(conflicts[name])}: {why}" if name in conflicts else labelled(reason))
    return said or [f"{FIELDS[each.field].label}: {VERDICTS[each.verdict]}" for each in change.fields]


def in_short(change: Change) -> str:
    """Say in one line why somebody waits: what differs, and not how the pair was found."""
    conflicts = _conflicts(change)
    said = []
    if len(conflicts) > _MOST_WITH_VALUES:
        said.append(f"both sides have another {', '.join(FIELDS[name].label for name in conflicts)}")
    else:
        said += map(_values, conflicts.values())
    said += [
        labelled(reason)
        for reason in change.reasons
        if reason.partition(": ")[0] not in conflicts and not (conflicts and reason.startswith("paired: "))
    ]
    return "; ".join(said) or ", ".join(FIELDS[each.field].label for each in change.fields)


def _conflicts(change: Change) -> Mapping[str, FieldChange]:
    return {each.field: each for each in change.fields if each.verdict is Verdict.CONFLICT}


def _value(value: Value) -> str:
    """Give a value; a text in quotation marks, so that nothing in it is taken for words of this line."""
    return excerpt(value) if isinstance(value, str) and value else cell(value) or "(blank)"


def _values(each: FieldChange) -> str:
    accounting, bpo, last = (_value(value) for value in (each.old, each.new, each.last))
    agreed = f", last agreed {last}" if each.agreed else ""
    return f"{FIELDS[each.field].label}: accounting has {accounting}, BPO {bpo}{agreed}"
