"""What a change and a run look like as JSON: the same in a command's document and in the journal."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from bposync.fields import FIELDS

if TYPE_CHECKING:
    from bposync.records import Change, FieldChange, Outcome


def field_document(change: FieldChange) -> dict[str, Any]:
    """Give one field's difference: accounting's value, BPO's, the last agreed one, and the verdict."""
    show = FIELDS[change.field].show
    return {
        "from": show(change.old),
        "to": show(change.new),
        "last": show(change.last) if change.agreed else None,
        "verdict": change.verdict.value,
    }


def fields_document(change: Change) -> dict[str, Any]:
    """Give the fields of a change that differ, by name."""
    return {difference.field: field_document(difference) for difference in change.fields}


def change_document(change: Change, outcome: Outcome | None = None) -> dict[str, Any]:
    """Give a change as `sync --json` and `history --json` list it."""
    reasons = list(change.reasons)
    if outcome is not None and outcome.reason:
        reasons.append(outcome.reason)
    return {
        "code": change.code,
        "name": change.name,
        "account": change.account or None,
        "action": change.action.value,
        "fields": fields_document(change),
        "reasons": reasons,
        "outcome": outcome.kind.value if outcome else None,
    }


def moment(at: datetime) -> str:
    """Give a moment as ISO 8601 in UTC."""
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def parse_moment(text: str) -> datetime:
    """Take back what `moment` gave."""
    return datetime.fromisoformat(text)
