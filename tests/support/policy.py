"""What may be skipped: on a developer's machine, what it lacks; where BPOSYNC_TESTS_SKIP_NOTHING is set, nothing at all."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator

# Read once: a test that changes the environment changes no rule.
NOTHING_MAY_BE_SKIPPED = os.environ.get("BPOSYNC_TESTS_SKIP_NOTHING") == "1"


def needs(condition: object, why: str) -> None:
    """Skip the test that calls this where `condition` does not hold; fail it where nothing may be skipped."""
    if condition:
        return
    if NOTHING_MAY_BE_SKIPPED:
        pytest.fail(f"nothing may be skipped here, but {why}", pytrace=False)
    pytest.skip(why)


class SkipsAreFailures:
    """A pytest plugin that makes a failure of every skip, however it came about: a mark, importorskip, a whole module."""

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        if not hasattr(report, "wasxfail"):
            _fail_if_skipped(report)
        return report

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(self) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        report = yield
        _fail_if_skipped(report)
        return report


def _fail_if_skipped(report: pytest.TestReport | pytest.CollectReport) -> None:
    if report.outcome == "skipped":
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"nothing may be skipped here, but this was: {reason}"
