"""Many companies with one journal, as docs/scale.md tells: its own scripts are run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Self

from bposync.errors import ExitCode
from bposync.journal import open_journal
from support.company import Company, sqlite_company
from support.forks import Step

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pytest

    from support.forks import Forks

PAGE = (Path(__file__).parent.parent / "docs" / "scale.md").read_text("utf-8")
PATH = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
SOMETHING_FAILED = 123  # of xargs


def examples(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


def shell(script: str, *arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "-c", script, "bposync-all", *map(str, arguments)],
        env={**os.environ, "PATH": PATH, **environment}, capture_output=True, check=False, text=True, timeout=60,
    )  # fmt: skip


def companies(folder: Path, journal: str, *names: str) -> dict[str, Company]:
    """Make companies with one customer each and a journal together; their configurations lie in one folder."""
    made = {}
    (folder / "companies").mkdir()
    for name in names:
        (folder / name).mkdir()
        made[name] = company = sqlite_company(folder / name)
        company.configure("state", url=journal, company=name)
        company.customer("ALP000001", f"Alpha {name}", phone="031 555 0101")
        company.path.rename(folder / "companies" / f"{name}.toml")
    return made


def runs(company: Company) -> list[int | None]:
    with open_journal(company.settings(), writes=False) as journal:
        return [run.exit_code for run in journal.runs.all()]


def test_all_companies_of_a_folder_come_into_step_two_at_a_time_in_one_journal(tmp_path: Path, postgres_url: str) -> None:
    (script,) = (example for example in examples("sh") if example.startswith("#!"))
    made = companies(tmp_path, postgres_url, "durban", "o'inland & co", "no such books")
    made["no such books"].configure("accounting", url=f"sqlite:///{tmp_path / 'nothing' / 'here.sqlite'}")
    made["no such books"].path.rename(tmp_path / "companies" / "no such books.toml")

    done = shell(script, tmp_path / "companies")
    assert (done.returncode, done.stderr) == (SOMETHING_FAILED, "")
    lines = done.stdout.splitlines()
    for name in ("durban", "o'inland & co"):
        assert f"{name}: The synchronisation is complete." in lines
        assert [row["Name"] for row in made[name].clients()] == [f"Alpha {name}"]
        assert runs(made[name]) == [0]
    failed = [line for line in lines if line.startswith("no such books: ")]
    assert failed[-1] == f"no such books: exit code {ExitCode.UNREACHABLE}"
    assert "here.sqlite" in failed[0]

    # What is in step says nothing more.
    (tmp_path / "companies" / "no such books.toml").unlink()
    again = shell(script, tmp_path / "companies")
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")

    # And in one look.
    made["durban"].change("ALP000001", phone="031 555 0202")
    (look,) = (example for example in examples("sh") if example.startswith("for "))
    seen = shell(look.replace("/etc/bposync/companies/", f"{tmp_path}/companies/"))
    assert [line.split(" ", 1)[0] for line in seen.stdout.splitlines()] == ["3", "0"]


def test_a_company_that_is_at_work_elsewhere_is_passed_over_and_holds_up_nobody(
    tmp_path: Path, postgres_url: str, forked: Forks
) -> None:
    (script,) = (example for example in examples("sh") if example.startswith("#!"))
    made = companies(tmp_path, postgres_url, "durban", "inland")
    at_work = forked.start(
        "--config", tmp_path / "companies" / "durban.toml", "sync", "--yes", "--quiet", stop=Step('INSERT INTO "Client"')
    )
    assert at_work.stops()
    done = shell(script, tmp_path / "companies")
    assert (done.returncode, done.stderr) == (0, "")
    assert {line.split(": ")[0] for line in done.stdout.splitlines()} == {"inland"}
    assert (made["durban"].clients(), len(made["inland"].clients())) == ([], 1)
    at_work.go_on()
    at_work.end()
    assert len(made["durban"].clients()) == 1
    assert runs(made["durban"]) == runs(made["inland"]) == [0]


# Airflow is not installed with the tests: what its names take is all that is known of it here.


class Dag:
    def __init__(self, dag_id: str, *, schedule: str, start_date: Any, catchup: bool, **limits: int) -> None:
        assert dag_id
        assert len(schedule.split()) == 5
        assert start_date
        assert not catchup
        assert set(limits) == {"max_active_runs", "max_active_tasks"}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


class BashOperator:
    made: list[BashOperator]

    def __init__(
        self, *, task_id: str, bash_command: str, env: Mapping[str, str], append_env: bool, skip_on_exit_code: int
    ) -> None:
        assert append_env
        self.task_id, self.command, self.env, self.skips = task_id, bash_command, env, skip_on_exit_code
        self.made.append(self)


def test_airflow_gets_a_task_a_company_that_leaves_with_its_exit_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = companies(tmp_path, f"sqlite:///{tmp_path / 'journal.sqlite'}", "durban", "inland")
    for name in ("airflow", "airflow.sdk", *(f"airflow.providers{rest}" for rest in ("", ".standard", ".standard.operators"))):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    operators = ModuleType("airflow.providers.standard.operators.bash")
    operators.BashOperator = BashOperator  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, operators.__name__, operators)
    sys.modules["airflow.sdk"].DAG = Dag  # type: ignore[attr-defined]
    BashOperator.made = []
    (source,) = examples("python")
    exec(source.replace("/etc/bposync/companies", str(tmp_path / "companies")), {})  # noqa: S102 - the page's own

    assert [task.task_id for task in BashOperator.made] == ["durban", "inland"]
    assert {task.skips for task in BashOperator.made} == {ExitCode.LOCKED}
    (first, second) = BashOperator.made
    assert shell(first.command, **first.env).returncode == 0
    assert len(made["durban"].clients()) == 1
    made["inland"].account("ALP000001", "Somebody else", Telephone="1")
    assert shell(second.command, **second.env).returncode == ExitCode.NOT_WRITTEN
