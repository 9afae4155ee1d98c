"""The jobs of the documentation, as cron runs them: with cron's own environment and what the page itself says, and no more."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bposync import demo
from bposync.config import load
from bposync.journal import open_journal
from support import cli

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCS = Path(__file__).parent.parent / "docs"
CRON = "/usr/bin:/bin"
"""Where cron looks for programs."""
SCHEDULE = re.compile(r"^(?:[\d*/,-]+ ){5} *(?P<command>.+)$", re.MULTILINE)
FULL = "The log /dev/full cannot be written: No space left on device."

pytestmark = pytest.mark.skipif(os.name != "posix", reason="scripts of the shell")


def blocks(page: str, language: str = "") -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", (DOCS / page).read_text("utf-8"), re.DOTALL | re.MULTILINE)


def crontabs() -> Iterator[tuple[str, str]]:
    """Give the pages that have a crontab, each with it."""
    for path in sorted(DOCS.glob("*.md")):
        for block in re.findall(r"^```\w*\n(.*?)^```$", path.read_text("utf-8"), re.DOTALL | re.MULTILINE):
            if SCHEDULE.search(block):
                yield path.name, block


CRONTABS = dict(crontabs())
# (the page, where it says that its script is saved)
SCRIPTS = {
    "nightly.md": "/usr/local/bin/bposync-night",
    "scale.md": "/usr/local/bin/bposync-all",
    "reports.md": "/etc/bposync/nightly.sh",
}
CONFIGURATIONS = {
    "nightly.md": "durban.toml",
    "scale.md": "companies/durban.toml",
    "reports.md": "bposync.toml",
    "scripts.md": "bposync.toml",
}


class Machine:
    """A machine in a folder: a job's configuration, secrets and programs where the pages say that they are."""

    def __init__(self, root: Path, template: Path, configuration: str) -> None:
        self.root = root
        for folder in ("usr/bin", "usr/local/bin", "opt/bposync/.venv/bin", "var/lib/bposync", "etc/bposync/companies"):
            (root / folder).mkdir(parents=True)
        self.etc, self.var = root / "etc/bposync", root / "var/lib/bposync"
        for file in template.parent.iterdir():
            shutil.copy(file, root)
        self.program("opt/bposync/.venv/bin/bposync", f'#!/bin/sh\nexec {sys.executable} -m bposync "$@"\n')
        self.program("usr/bin/mail", f'#!/bin/sh\necho "$3 $2" >>{root}/mails\ncat >>{root}/mails\n')
        self.program("usr/bin/mutt", f'#!/bin/sh\necho "mutt $2 $4" >>{root}/mails\n')
        self.program("usr/bin/runuser", '#!/bin/sh\nshift 3\nexec "$@"\n')  # the tests' own user is the job's
        (self.etc / "secrets").write_text("DEMO='.. &'\n", "utf-8")
        (self.etc / "secrets").chmod(0o600)
        (root / ".. &").symlink_to(root)
        text = template.read_text("utf-8").replace('"sqlite:///', f'"sqlite:///{root}/${{DEMO}}/', 2)
        [journal, log] = blocks("nightly.md", "toml")[0].split("\n\n")
        text = re.sub(r"\[state\]\nurl = .*\n", "", text)
        self.path = self.etc / configuration
        self.path.write_text(f"{text}\n{self.here(journal)}\n\n{self.here(log)}", "utf-8")
        self.path.chmod(0o640)

    def program(self, place: str, text: str) -> None:
        (self.root / place).write_text(text, "utf-8")
        (self.root / place).chmod(0o755)

    def here(self, text: str) -> str:
        """Give a text of a page with its paths in the machine's own folder."""
        text = re.sub(r"/(?=etc/bposync|opt/bposync|usr/local/bin|var/lib/bposync)", f"{self.root}/", text)
        return text.replace(CRON, f"{self.root}/usr/bin:{CRON}")

    def run(self, command: str, path: str = CRON) -> subprocess.CompletedProcess[str]:
        """Run a command as cron does."""
        environment = {"PATH": path, "HOME": str(self.root), "LOGNAME": "bposync", "SHELL": "/bin/sh"}
        return subprocess.run(
            ["/bin/sh", "-c", command], env=environment, cwd=self.root, capture_output=True, check=False, text=True,
            umask=0o022, timeout=cli.TIMEOUT,
        )  # fmt: skip

    def run_crontab(self, page: str) -> subprocess.CompletedProcess[str]:
        """Run a page's crontab once, with the script that the page tells to save."""
        if page in SCRIPTS:
            assert f"`{SCRIPTS[page]}`, made executable" in (DOCS / page).read_text("utf-8").replace(", and make it", ", made")
            [script] = [block for block in blocks(page, "sh") if block.startswith("#!")]
            self.program(SCRIPTS[page][1:], self.here(script))
        crontab = self.here(CRONTABS[page])
        [path] = re.findall(r"^PATH=(.*)$", crontab, re.MULTILINE) or [f"{self.root}/usr/bin:{CRON}"]
        [command] = [found["command"] for found in SCHEDULE.finditer(crontab)]
        return self.run(command, path)

    def runs(self) -> list[int | None]:
        with open_journal(load(self.path, environment={"DEMO": ".. &"}), writes=False) as journal:
            return [run.exit_code for run in journal.runs.all()]

    @property
    def mails(self) -> str:
        path = self.root / "mails"
        return path.read_text("utf-8") if path.exists() else ""


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return demo.build(tmp_path_factory.mktemp("demo") / "template")


def test_every_page_with_a_crontab_is_known_here() -> None:
    assert set(CRONTABS) == set(CONFIGURATIONS)


@pytest.mark.parametrize("page", CONFIGURATIONS)
def test_a_crontab_finds_what_it_runs_and_what_it_makes_is_its_users_only(page: str, template: Path, tmp_path: Path) -> None:
    machine = Machine(tmp_path / "machine", template, CONFIGURATIONS[page])
    done = machine.run_crontab(page)
    assert machine.runs() == [0 if page == "scripts.md" else 4], done.stderr  # somebody waits, but not in Durban
    assert done.returncode == {"scripts.md": 0, "scale.md": 123}.get(page, 4)
    assert done.stderr == ""
    said = done.stdout + machine.mails
    assert "mutt bposync: exit code 4" in said if page == "reports.md" else "The synchronisation is complete." in said
    made = {path.name for path in machine.var.iterdir()}
    assert {"durban.sqlite", "durban-links.csv", "durban.log"} <= made
    for path in machine.var.iterdir():
        assert path.stat().st_mode & 0o077 == 0, path.name


def test_what_is_to_be_tried_before_the_first_night_works_as_it_is_printed(template: Path, tmp_path: Path) -> None:
    machine = Machine(tmp_path / "machine", template, "durban.toml")
    [block] = [block for block in blocks("nightly.md", "sh") if "doctor" in block]
    done = machine.run(machine.here(block), f"{machine.root}/usr/bin:{CRON}")
    assert (done.returncode, done.stderr.count("\n")) == (4, 1)  # the terms that match none
    assert done.stderr.startswith("BPO's terms '14 Days'")
    assert "This was a dry run" in done.stdout
    assert f"The journal ({machine.var}/durban.sqlite) can be written." in done.stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a full disk at hand")
def test_a_night_whose_log_is_on_a_full_disk_tells_the_administrator_and_not_the_clerk(template: Path, tmp_path: Path) -> None:
    machine = Machine(tmp_path / "machine", template, "durban.toml")
    text = machine.path.read_text("utf-8").replace(f"{machine.var}/durban.log", "/dev/full")
    machine.path.write_text(text.replace("[bpo]", '[bpo]\nsites = ["Durban"]'), "utf-8")
    for about, log in (("written", FULL), ("", FULL)):
        done = machine.run_crontab("nightly.md")
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        clerk, _, administrator = machine.mails.rpartition("admin@example.com ")
        assert clerk.startswith(f"clerk@example.com bposync, durban: {about}\n" if about else "")
        assert log not in clerk
        assert administrator == f"bposync, durban: trouble on the machine\n{log}\n"
        (machine.root / "mails").unlink()
