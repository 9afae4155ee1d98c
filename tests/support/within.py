"""Runs bposync within the test's own process: quick, and with what a test has put in the place of something."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Protocol

from bposync.cli.app import main
from support.cli import Result

if TYPE_CHECKING:
    import pytest


class Call(Protocol):
    """Runs bposync within this process."""

    def __call__(self, *arguments: object, expect: int = 0) -> Result: ...


def caller(capsys: pytest.CaptureFixture[str]) -> Call:
    """Give what runs bposync, and fails the test where it exits otherwise than expected, or with a traceback."""

    def call(*arguments: object, expect: int = 0) -> Result:
        code = main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        assert code == expect, f"exit code {code}\n{out}\n{err}"
        assert "Traceback" not in out + err
        return Result(code, out, err)

    return call


class Terminal(io.TextIOWrapper):
    """A standard output that says it is a terminal, and keeps what is written to it."""

    def __init__(self, encoding: str = "utf-8") -> None:
        super().__init__(io.BytesIO(), encoding=encoding, newline="\n")

    def isatty(self) -> bool:
        return True

    @property
    def said(self) -> str:
        self.flush()
        written = self.buffer
        assert isinstance(written, io.BytesIO)
        return written.getvalue().decode(self.encoding)
