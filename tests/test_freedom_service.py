"""Where the Freedom Service is, who may listen, and how strict the stand-in for it is."""

from __future__ import annotations

import json
import re
import socket
import ssl
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx
import pytest
import sqlalchemy as sa
import stamina

from bposync import config, demo, secrets
from bposync.accounting.freedom_address import Service, service_of
from bposync.accounting.freedom_client import FreedomClient
from bposync.demo.freedom import Behaviour, FreedomServer, Reply
from bposync.errors import ExitCode, UnreachableError, UsageError
from support import cli, freedom
from support.company import sqlite_company

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.company import Company

PEM = Path(__file__).parent / "data" / "freedom-test.pem"
GOOD = {
    "system": "evolution", "write": "freedom", "freedom_url": "https://server/freedom.core/Example Company",
    "freedom_user": "bposync", "freedom_password": "geheim",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _no_pauses() -> Iterator[None]:
    stamina.set_testing(True, attempts=2)
    yield
    stamina.set_testing(False)


@pytest.fixture
def company(tmp_path: Path) -> Company:
    return sqlite_company(tmp_path)


@pytest.fixture
def server(company: Company) -> Iterator[FreedomServer]:
    with freedom.served(company) as server:
        yield server


def service(folder: Path, **accounting: Any) -> Service:
    table = {key: value for key, value in {**GOOD, **accounting}.items() if value is not None}
    lines = ["[bpo]", "url = 'sqlite:///bpo.sqlite'", "customers = 'x'", "[accounting]"]
    lines += [f"{key} = {json.dumps(value)}" for key, value in table.items()]
    path = folder / "bposync.toml"
    path.write_text("\n".join(lines), "utf-8")
    return service_of(config.load(path, environment={"SECRET": "p@ss/w#rd"}))


# The configuration.


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("https://server/freedom.core/Example Company", "https://server:5000/freedom.core/Example%20Company/SDK/Rest"),
        ("https://server:8443/Freedom.Core/Example%20Company/", "https://server:8443/Freedom.Core/Example%20Company/SDK/Rest"),
        ("https://server/freedom.core/A&B (Pty) Ltd/SDK/Rest/", "https://server:5000/freedom.core/A%26B%20%28Pty%29%20Ltd/SDK/Rest"),
        ("https://server/freedom.core/Söhne%2FCo", "https://server:5000/freedom.core/S%C3%B6hne%2FCo/SDK/Rest"),
        ("https://server/gateway/freedom.core/X", "https://server:5000/gateway/freedom.core/X/SDK/Rest"),
        ("http://localhost:5000/freedom.core/X", "http://localhost:5000/freedom.core/X/SDK/Rest"),
        ("http://127.0.0.1/freedom.core/X", "http://127.0.0.1:5000/freedom.core/X/SDK/Rest"),
        ("http://[::1]:5001/freedom.core/X", "http://[::1]:5001/freedom.core/X/SDK/Rest"),
    ],
)  # fmt: skip
def test_the_company_in_the_address_is_encoded_once(tmp_path: Path, url: str, base: str) -> None:
    assert service(tmp_path, freedom_url=url).base == base


@pytest.mark.parametrize(
    ("changed", "message", "hint"),
    [
        ({"freedom_url": None}, "freedom_url is missing", "docs/freedom.md"),
        ({"freedom_user": None}, "freedom_user is missing", "docs/freedom.md"),
        ({"freedom_password": None}, "freedom_password is missing", "docs/freedom.md"),
        ({"freedom_password": " "}, "freedom_password is missing", "docs/freedom.md"),
        ({"freedom_url": "server:5000"}, "no address of a Freedom Service", "freedom.core"),
        ({"freedom_url": "https://server:port/freedom.core/X"}, "no URL", "freedom.core"),
        ({"freedom_url": "https://server/freedom.core/"}, "comes the company's name", "freedom.core"),
        ({"freedom_url": "https://server/X"}, "comes the company's name", "freedom.core"),
        ({"freedom_url": "https://server/freedom.core/X?a=b"}, "no address", "freedom.core"),
        ({"freedom_url": "https://me:geheim@server/freedom.core/X"}, "have no place in it", "freedom_user"),
        ({"freedom_url": "http://server/freedom.core/X"}, "plain http to another machine", "freedom_plain = true"),
        ({"freedom_url": "http://127.0.0.1.example/freedom.core/X"}, "plain http to another machine", "https"),
        ({"freedom_url": "http://10.0.0.5/freedom.core/X"}, "plain http to another machine", "https"),
        ({"freedom_connections": 0}, "freedom_connections = 0: from 1 to 32", ""),
        ({"freedom_connections": 33}, "from 1 to 32", ""),
        ({"freedom_ca": "nowhere.pem"}, "freedom_ca: there is no file", "Check the name"),
    ],
)
def test_a_configuration_that_cannot_work_says_what_is_wrong(
    tmp_path: Path, changed: dict[str, Any], message: str, hint: str
) -> None:
    with pytest.raises(UsageError, match=re.escape(message)) as caught:
        service(tmp_path, **changed)
    assert hint in (caught.value.hint or "")
    assert "geheim" not in f"{caught.value.message}{caught.value.hint}"


def test_plain_http_to_another_machine_is_taken_where_the_configuration_says_so(tmp_path: Path) -> None:
    found = service(tmp_path, freedom_url="http://server/freedom.core/X", freedom_plain=True)
    assert found.base == "http://server:5000/freedom.core/X/SDK/Rest"


def test_the_password_comes_from_the_environment_and_is_hidden_in_every_form(tmp_path: Path) -> None:
    assert service(tmp_path, freedom_password="${SECRET}").password == "p@ss/w#rd"
    for shown in ("p@ss/w#rd", "p%40ss%2Fw%23rd", "YnBvc3luYzpwQHNzL3cjcmQ="):
        assert secrets.redact(f"said {shown}.") == "said ***."


# Who may listen.


@contextmanager
def tls(server: FreedomServer) -> Iterator[str]:
    """Let a server that has not begun speak TLS, and give its address."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(PEM)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    with server:
        yield server.url.replace("http://", "https://")


@pytest.fixture
def secure(company: Company) -> Iterator[str]:
    books = Path(str(sa.make_url(company.accounting_url).database))
    server = FreedomServer(books, "X", password=freedom.PASSWORD)
    freedom.lead(company, server)
    with tls(server) as url:
        company.configure("accounting", freedom_url=url)
        yield url


def test_an_authority_that_the_configuration_names_is_trusted(company: Company, secure: str) -> None:
    assert secure.startswith("https://")
    company.configure("accounting", freedom_ca=str(PEM))
    company.customer("NEW001", "New", phone="1")
    assert company.sync().outcomes == {"NEW001": "written"}


def test_a_certificate_that_nobody_vouches_for_is_refused_before_the_password_is_sent(company: Company, secure: str) -> None:
    assert secure
    with pytest.raises(UnreachableError, match="certificate verify failed") as caught, company.opened(writes=False):
        pass
    assert "freedom_ca" in (caught.value.hint or "")


def test_a_service_that_speaks_plain_http_where_https_is_asked_is_told(company: Company, server: FreedomServer) -> None:
    company.configure("accounting", freedom_url=server.url.replace("http:", "https:"))
    with pytest.raises(UnreachableError, match="cannot be reached") as caught, company.opened(writes=False):
        pass
    assert "https" in (caught.value.hint or "")
    assert server.calls == []


def test_a_file_that_holds_no_certificates_is_told(company: Company, secure: str) -> None:
    assert secure
    (company.folder / "ca.pem").write_text("nothing", "utf-8")
    company.configure("accounting", freedom_ca="ca.pem")
    with pytest.raises(UsageError, match="cannot be read as certificates"), company.opened(writes=False):
        pass


def test_no_redirect_is_followed_and_no_proxy_is_asked(
    company: Company, server: FreedomServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    books = Path(str(sa.make_url(company.accounting_url).database))
    with FreedomServer(books, "Elsewhere", password=freedom.PASSWORD) as elsewhere:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{elsewhere.server_port}")
        server.behave = lambda _call: Behaviour(
            done=False, reply=Reply(307, "text/html", b"", {"Location": f"{elsewhere.url}/SDK/Rest/CustomerList"})
        )
        with pytest.raises(UnreachableError, match="wants to be asked elsewhere") as caught, company.opened(writes=False):
            pass
        assert "follows no redirect" in (caught.value.hint or "")
        assert elsewhere.calls == []


# What is told where it cannot be reached.


def test_a_machine_that_does_not_answer_is_told(company: Company, server: FreedomServer) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        company.configure("accounting", freedom_url=f"http://127.0.0.1:{taken.getsockname()[1]}/freedom.core/X")
        with pytest.raises(UnreachableError, match=r"on 127\.0\.0\.1:\d+ \(company X\) cannot be reached") as caught:
            company.plan()
    assert "running" in (caught.value.hint or "")
    assert server.calls == []


def test_a_company_that_the_service_does_not_have_is_told_with_its_version(company: Company, server: FreedomServer) -> None:
    company.configure("accounting", freedom_url=f"{server.url}s")
    with pytest.raises(UnreachableError, match=r"\(version 1\.04 \(stand-in\)\) has no company") as caught:
        company.plan()
    assert "registered with the service" in (caught.value.hint or "")


def test_a_web_server_that_is_no_freedom_service_is_told(company: Company, server: FreedomServer) -> None:
    server.behave = lambda _call: Behaviour(done=False, reply=Reply(404, "text/html", b"<title>Not Found</title>"))
    with pytest.raises(UnreachableError, match="is not there: CustomerList was answered with 404"):
        company.plan()


def test_a_wrong_password_is_told_and_never_shown(company: Company, server: FreedomServer) -> None:
    company.configure("accounting", freedom_password="sentinel-77aa")
    result = company.run("status", expect=ExitCode.UNREACHABLE)
    assert "does not let the agent bposync in (CustomerList: 401)" in result.stderr
    assert "sentinel-77aa" not in result.stdout + result.stderr
    assert len(server.calls) == 1


# The demo.


def test_the_demo_through_the_service_ends_well_and_later_syncs_find_it(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    ran = cli.run("demo", folder, "--write", "freedom", "--run", "--yes", "--json").json
    assert ran["sync"]["outcomes"]["written"] == 21
    assert ran["status"]["in_sync"] is True
    later = cli.run("--config", folder / "bposync.toml", "sync", "--site", "Durban", "--yes")
    assert "Nothing to write: 24 customers are in step." in later.stdout
    assert cli.run("--config", folder / "bposync.toml", "status", "--site", "Cape Town").code == 0


def test_the_demo_through_the_service_holds_what_the_one_by_sql_holds(tmp_path: Path) -> None:
    held = []
    for write in ("sql", "freedom"):
        path = demo.build(tmp_path / write, write=write)
        cli.run("--config", path, "sync", "--yes", expect=ExitCode.NOT_WRITTEN)
        engine = sa.create_engine(f"sqlite:///{tmp_path / write / 'Example Company.sqlite'}")
        with engine.connect() as connection:
            rows = connection.execute(sa.text("SELECT * FROM Client ORDER BY Account")).mappings().all()
        engine.dispose()
        kept = ("DCLink", "dTimeStamp", "Client_dCreatedDate", "Client_dModifiedDate", "Client_iCreatedAgentID",
                "Client_iModifiedAgentID")  # fmt: skip
        held.append([{name: value or 0 for name, value in row.items() if name not in kept} for row in rows])
    assert [row["Account"] for row in held[0]] == [row["Account"] for row in held[1]]
    assert held[0] == held[1]


def test_a_demo_whose_books_are_gone_says_so(tmp_path: Path) -> None:
    path = demo.build(tmp_path / "demo", write="freedom")
    (tmp_path / "demo" / "Example Company.sqlite").unlink()
    result = cli.run("--config", path, "status", expect=ExitCode.USAGE)
    assert "there is no file Example Company.sqlite" in result.stderr


# The stand-in itself: as strict as the service is known to be.


def ask(server: FreedomServer, method: str, operation: str, **options: Any) -> httpx.Response:
    root = f"{urlsplit(server.url).scheme}://{urlsplit(server.url).netloc}"
    path = operation if operation.startswith("/") else f"{urlsplit(server.url).path}/SDK/Rest/{operation}"
    agent = options.pop("auth", (server.user, server.password))
    return httpx.request(method, root + path, auth=agent, trust_env=False, **options)


def test_paths_are_without_regard_to_case_and_the_company_is_encoded(server: FreedomServer) -> None:
    path = f"{urlsplit(server.url).path}/SDK/Rest/CustomerExists?code=x"
    assert ask(server, "GET", path.upper().replace("?CODE", "?Code")).text == "false"
    assert ask(server, "GET", path.replace("Example", "Another")).status_code == 404
    assert ask(server, "GET", "/freedom.core/registration/rest/help", auth=None).status_code == 200
    assert ask(server, "GET", "help").status_code == 200


@pytest.mark.parametrize(
    ("method", "operation", "options", "status", "told"),
    [
        ("GET", "CustomerExists?code=x", {"auth": None}, 401, "Unauthorized"),
        ("GET", "CustomerExists?code=x", {"auth": ("bposync", "wrong")}, 401, "Unauthorized"),
        ("GET", "CustomerExists", {}, 404, "not found"),
        ("GET", "CustomerDelete?code=x", {}, 404, "not found"),
        ("POST", "CustomerExists?code=x", {}, 405, "not allowed"),
        ("GET", "CustomerInsert", {}, 405, "not allowed"),
        ("GET", "CustomerFind?code=x", {}, 500, "<Fault"),
        ("GET", "AgingTermFind?module=1&code=COD", {}, 500, "<Fault"),
        ("GET", "CustomerList?orderby=Code&pageNumber=0&pageSize=5", {}, 500, "Invalid page"),
        ("POST", "CustomerInsert", {"content": b"{}"}, 415, "media type"),
        ("POST", "CustomerInsert", {"json": {"Code": "A"}}, 500, "not wrapped in client"),
        ("POST", "CustomerInsert", {"json": {"client": {"Code": "A", "Colour": "red"}}}, 500, "unknown members: Colour"),
        ("POST", "CustomerInsert", {"json": {"client": {"Code": 5}}}, 500, "cannot be parsed"),
        ("POST", "CustomerInsert", {"json": {"client": {"CustomerGroup": {"ID": 1}}}}, 500, "is not whole"),
        ("POST", "CustomerInsert", {"json": {"client": {"Timestamp": "/Date(1)/"}}}, 500, "A date is not written"),
    ],
)
def test_the_stand_in_refuses_what_the_service_would(
    server: FreedomServer, method: str, operation: str, options: dict[str, Any], status: int, told: str
) -> None:
    answer = ask(server, method, operation, **options)
    assert answer.status_code == status
    assert told in answer.text


@pytest.mark.parametrize(
    ("customer", "errors"),
    [
        ({"Code": "ALP001", "Description": "Alpha"}, ["Customer with code ALP001 already exists"]),
        ({"Code": "alp001", "Description": "Alpha"}, ["Customer with code alp001 already exists"]),
        ({"Code": "", "Description": " "}, ["Code is required", "Description is required"]),
        ({"Code": "X" * 21, "Description": "Y"}, ["Code is longer than 20 characters"]),
        ({"Code": "X", "Description": "Y", "AreasID": 9}, ["Area 9 does not exist"]),
    ],
)
def test_the_stand_in_validates_as_evolution_does(
    company: Company, server: FreedomServer, customer: dict[str, Any], errors: list[str]
) -> None:
    company.account("ALP001", "Alpha")
    before = company.snapshot()
    assert ask(server, "POST", "CustomerInsert", json={"client": customer}).json() == {"HasError": True, "Errors": errors}
    assert company.snapshot() == before


def test_a_property_that_an_update_leaves_out_is_blank_afterwards(company: Company, server: FreedomServer) -> None:
    company.account("ALP001", "Alpha", phone="1", Fax1="2", CT=True)
    whole = ask(server, "GET", "CustomerFind?code=alp001").json()
    part = {key: value for key, value in whole.items() if key in ("ID", "Code", "Description")}
    assert ask(server, "POST", "CustomerUpdate", json={"client": part}).json()["HasError"] is False
    row = company.client("ALP001")
    assert (row["Telephone"], row["Fax1"], row["CT"]) == (None, None, False)


def test_the_client_says_the_version_of_the_service(company: Company, server: FreedomServer) -> None:
    assert server.url
    client = FreedomClient(service_of(company.settings()), writes=False)
    client.open()
    assert client.version() == "1.04 (stand-in)"
    client.close()
