"""What is measured of bposync's library: the one place that knows how its commands call it."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bposync import config
from bposync.accounting import open_accounting
from bposync.bpo import Bpo
from bposync.journal import open_journal
from bposync.survey import make_survey

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bposync.plan import Plan
    from bposync.survey import Survey


@contextmanager
def _looked(configuration: str, *, whole: bool) -> Iterator[tuple[Survey, Plan]]:
    settings = config.load(Path(configuration), environment=os.environ)
    with (
        Bpo(settings) as bpo,
        open_accounting(settings, bpo.fields, writes=False) as accounting,
        open_journal(settings, writes=False) as journal,
    ):
        survey = make_survey(settings, bpo, accounting, journal, whole=whole)
        yield survey, survey.plan(survey.choose())


def plan(configuration: str) -> dict[str, int]:
    """Plan as `bposync sync` does, from opening the databases on, and give how many customers have which action."""
    with _looked(configuration, whole=False) as (_, made):
        return {str(action): count for action, count in made.summary.items() if count}


def sheet(configuration: str, path: str) -> int:
    """Make a go-live sheet as `bposync review --output` does, and give how many rows it has."""
    from bposync import sheets
    from bposync.review.make import make_sheet

    with _looked(configuration, whole=True) as (survey, made):
        written = make_sheet(survey, made)
    sheets.write(Path(path), written)
    return len(written.rows)
