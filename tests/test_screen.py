"""What a person sees at terminals of some 80, 100 and 120 columns: as much as there is room for, in words."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Protocol

import pytest

from bposync import demo
from bposync.cli.app import main
from support.within import Terminal

if TYPE_CHECKING:
    from pathlib import Path


class Screen(Protocol):
    """Runs bposync at a terminal of some width, and gives the lines that it shows."""

    def __call__(self, width: int, *arguments: object, expect: int = 0) -> list[str]: ...


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Screen:
    def call(width: int, *arguments: object, expect: int = 0) -> list[str]:
        terminal = Terminal()
        with monkeypatch.context() as patch:
            for name, value in {"COLUMNS": str(width), "TERM": "xterm-256color", "NO_COLOR": "1"}.items():
                patch.setenv(name, value)
            for stream in ("stdout", "stderr"):
                patch.setattr(sys, stream, terminal)
            code = main([str(argument) for argument in arguments])
        assert code == expect, terminal.said
        return terminal.said.splitlines()

    return call


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return demo.build(tmp_path_factory.mktemp("demo"))


def below(lines: list[str], heading: str) -> list[str]:
    """Give the lines below a heading, up to the next blank one."""
    begin = next(place for place, line in enumerate(lines) if line.startswith(heading)) + 1
    return lines[begin : lines.index("", begin)]


# A plan


@pytest.mark.parametrize(("width", "columns"), [
    (80, ["Account", "Name", "Credit limit", "Group"]),
    (100, ["Account", "Name", "Credit limit", "Group", "Terms", "Phone"]),
    (120, ["Account", "Name", "Credit limit", "Group", "Terms", "Phone", "Contact"]),
])  # fmt: skip
def test_a_new_account_is_shown_with_its_limit_then_its_group_then_its_terms(
    screen: Screen, company: Path, width: int, columns: list[str]
) -> None:
    table = below(screen(width, "sync", "--dry-run", "--config", company, expect=4), "New accounts")
    assert table[0].replace("Credit limit", "Credit-limit").split() == [name.replace(" ", "-") for name in columns]


def test_who_needs_a_person_is_named_at_100_columns(screen: Screen, company: Path) -> None:
    table = below(screen(100, "sync", "--dry-run", "--config", company, expect=4), "Needs a person")
    assert table[0].split() == ["Customer", "Name", "Stands", "Why"]
    assert max(map(len, table)) == 100
