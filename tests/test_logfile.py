"""A log file that cannot be written: it is told once, in one line on standard error, and changes nothing else in a run."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bposync import demo
from bposync.cli.logfile import log_to
from support import cli

if TYPE_CHECKING:
    from support.within import Call

FULL = Path("/dev/full")
NO_SPACE = "The log /dev/full cannot be written: No space left on device.\n"
on_linux = pytest.mark.skipif(not FULL.exists(), reason="only Linux has a full disk at hand")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return demo.build(tmp_path_factory.mktemp("demo") / "template")


@pytest.fixture
def company(template: Path, tmp_path: Path) -> Path:
    return shutil.copytree(template.parent, tmp_path / "company") / template.name


def log_into(company: Path, log: Path) -> None:
    company.write_text(f'{company.read_text("utf-8")}\n[log]\nfile = "{log.as_posix()}"\n', "utf-8")


@on_linux
def test_a_full_disk_under_the_log_is_one_line_on_standard_error_with_quiet_too(company: Path) -> None:
    log_into(company, FULL)
    sync = ("sync", "--yes", "--quiet", "--config", str(company))
    first = cli.run(*sync, "--site", "Durban")
    assert "The synchronisation is complete." in first.stdout
    assert first.stderr == NO_SPACE
    nothing_to_write = cli.run(*sync, "--site", "Durban")
    assert (nothing_to_write.stdout, nothing_to_write.stderr) == ("", NO_SPACE)
    somebody_waits = cli.run(*sync, expect=4)
    assert somebody_waits.stderr == NO_SPACE
    assert cli.run(*sync, "--json", expect=4).json["summary"]["conflict"] == 1


@on_linux
def test_a_log_whose_failure_can_be_told_nowhere_stops_nothing(company: Path) -> None:
    log_into(company, FULL)
    with FULL.open("w") as full:
        done = subprocess.run(
            [*cli.COMMAND, "sync", "--site", "Durban", "--yes", "--quiet", "--config", str(company)],
            stdout=subprocess.PIPE, stderr=full, env=cli.environment(None), check=False, text=True, timeout=cli.TIMEOUT,
        )  # fmt: skip
    assert "The synchronisation is complete." in done.stdout
    assert done.returncode == 0


@on_linux
def test_a_log_whose_disk_has_room_again_goes_on(tmp_path: Path) -> None:
    told: list[str] = []
    path = tmp_path / "night.log"
    path.symlink_to(FULL)
    log = log_to(path, told.append)
    log("lost")
    log("lost too")
    path.unlink()
    log("kept")
    assert told == [f"The log {path} cannot be written: No space left on device."]
    assert path.read_text("utf-8").partition(" ")[2] == "kept\n"


def test_a_log_that_cannot_start_anew_goes_on_where_it_is(
    company: Path, bposync: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = company.parent / "night.log"
    log.write_text("x" * 1_000_000, "utf-8")
    log_into(company, log)

    def refuse(*_: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(os, "rename", refuse)
    said = bposync("sync", "--site", "Durban", "--yes", "--quiet", "--config", company)
    assert said.stderr == f"The log {log} cannot be started anew: Permission denied.\n"
    lines = log.read_text("utf-8").splitlines()
    assert "The synchronisation is complete." in lines[-3]
    assert lines[-1].endswith("Exit code 0.")


def test_whatever_happens_to_the_log_is_no_traceback(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told: list[str] = []
    log = log_to(tmp_path / "night.log", told.append)
    log("what UTF-8 does not hold: \ud800")
    log("what it holds")
    assert told == [f"The log {tmp_path / 'night.log'} cannot be written: UnicodeEncodeError."]
    assert capsys.readouterr().err == ""
