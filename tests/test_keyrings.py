"""${keyring:SERVICE/USER}: read where ${NAME} is, known to the redactor, and plain errors where it is not there."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import keyring
import pytest
from keyring.backends import fail, null
from keyring.errors import KeyringLocked

from bposync import config, database, keyrings, secrets, variables
from bposync.cli.app import main
from bposync.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PASSWORD = "zq@/#{x};%41 'é$"


class Ring(keyring.backend.KeyringBackend):
    """A keyring of one entry."""

    priority = 1

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.asked = 0

    def get_password(self, service: str, username: str) -> str | None:
        self.asked += 1
        return PASSWORD if (service, username) == ("bposync/srv/BPO", "reader") else None

    def set_password(self, service: str, username: str, password: str) -> None:
        raise KeyringLocked(f"{service} {username} {password}")


@pytest.fixture(autouse=True)
def ring(monkeypatch: pytest.MonkeyPatch) -> Iterator[Ring]:
    monkeypatch.setattr(secrets, "_secrets", set())
    before = keyring.get_keyring()
    made = Ring()
    keyring.set_keyring(made)
    yield made
    keyring.set_keyring(before)


def write(folder: Path, url: str, more: str = "") -> Path:
    path = folder / "bposync.toml"
    path.write_text(f'[bpo]\nurl = "{url}"\ncustomers = "x"\n{more}', "utf-8")
    path.chmod(0o600)
    return path


def test_a_password_of_the_keyring_is_put_in_after_the_url_was_taken_apart(tmp_path: Path, ring: Ring) -> None:
    path = write(tmp_path, "postgresql+psycopg://reader:${keyring:bposync/srv/BPO/reader}@h/d")
    settings = config.load(path, environment={})
    place = database.address("BPO", "url", settings.bpo.url, folder=tmp_path, environment=settings.environment)
    assert (place.url.password, place.url.host) == (PASSWORD, "h")
    assert ring.asked == 1
    assert settings.warnings == ()
    assert secrets.redact(f"it is {PASSWORD}!") == "it is ***!"


def test_in_an_odbc_string_and_elsewhere_it_stands_as_a_variable_would(tmp_path: Path) -> None:
    more = (
        '[accounting]\nsystem = "evolution"\nwrite = "freedom"\nfreedom_url = "https://h/freedom.core/C"\nfreedom_user = "u"\n'
        'freedom_password = "${keyring:bposync/srv/BPO/reader}"\n'
    )
    settings = config.load(write(tmp_path, "sqlite:///a", more), environment={})
    assert settings.accounting is not None
    assert settings.accounting.freedom_password == PASSWORD
    odbc = database.odbc_address("it", "DSN=x;PWD=${keyring:bposync/srv/BPO/reader}", environment=settings.environment)
    assert odbc.url.query["odbc_connect"] == "DSN=x;PWD={" + PASSWORD.replace("}", "}}") + "}"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("keyring:bposync/srv/BPO/other", "has no password 'other' of 'bposync/srv/BPO'"),
        ("keyring:reader", "names no entry"),
        ("keyring:/", "names no entry"),
        ("keyring:", "names no entry"),
        ("Keyring:a/b", "no variable's name"),
    ],
)
def test_an_entry_that_is_not_there_is_an_error_naming_the_place_and_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, says: str
) -> None:
    path = write(tmp_path, f"postgresql+psycopg://reader:${{{name}}}@h/d")
    assert main(["list", "--config", str(path)]) == ExitCode.USAGE
    said = capsys.readouterr().err
    assert f"{path}: [bpo] url: " in said
    assert says in said
    assert len(said.splitlines()) == 2


@pytest.mark.parametrize("backend", [fail.Keyring, null.Keyring])
def test_a_machine_without_a_keyring_is_told_so(backend: type[keyring.backend.KeyringBackend]) -> None:
    keyring.set_keyring(backend())
    assert "no keyring runs on it" in keyrings.why_not()
    with pytest.raises(UsageError, match="this machine has no keyring"):
        keyrings.read("a", "b")


def test_without_the_package_the_error_names_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(UsageError, match="package keyring is not installed") as caught:
        variables.Variables({})["keyring:a/b"]
    assert 'pip install "bposync[keyring]"' in str(caught.value.hint)


def test_a_keyring_that_is_locked_is_told_without_what_was_to_go_in(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="KeyringLocked") as caught:
        keyrings.store("a", "b", PASSWORD)
    assert "zq" not in f"{caught.value} {caught.value.hint}"

    def locked(*_: str) -> str:
        raise KeyringLocked(PASSWORD)

    monkeypatch.setattr(Ring, "get_password", locked)
    with pytest.raises(UsageError, match="does not give the password") as caught:
        keyrings.read("a", "b")
    assert "zq" not in f"{caught.value} {caught.value.hint}"


def test_what_the_keyring_does_not_give_back_was_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Ring, "set_password", lambda *_: None)
    with pytest.raises(UsageError, match="does not give back"):
        keyrings.store("bposync", "new", "x")


def test_a_configuration_without_it_never_asks_the_keyring(tmp_path: Path, ring: Ring, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    config.load(write(tmp_path, "sqlite:///${NAME}"), environment={"NAME": "x"})
    assert ring.asked == 0
