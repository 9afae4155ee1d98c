"""Writing through Pastel's SDK: the order of its calls, what is sent, what each answer means, and how it ends."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import bposync
from bposync import apply
from bposync.accounting import pastel_sdk
from bposync.accounting.partner_record import DELIVERY_COLUMNS, MASTER_COLUMNS
from bposync.cli.app import main
from bposync.errors import BposyncError, UnreachableError, UsageError
from support.partner import SDK, SQLITE, PartnerCompanies, PartnerCompany

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from support.pastel import Pastel
    from support.postgres import PostgresServer

GOLDEN = Path(__file__).parent / "data"
FULL: dict[str, Any] = {
    "credit_limit": 75000, "phone": "+27 31 555 0101", "mobile": "082 555 0102", "email": "accounts@hillcrest.example",
    "contact": "Zoë van der M.", "vat_number": "4123456789", "terms": "60 Days", "type": "GV",
    **{f"billing_{line}": f"Postal {line}" for line in range(1, 4)}, "billing_postcode": "3650",
    **{f"shipping_{line}": f"Street {line}" for line in range(1, 5)}, "shipping_postcode": "3610",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apply, "PAUSE_SECONDS", 0)


@pytest.fixture
def make(postgres: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., PartnerCompany]]:
    """Makes companies by the stand-in of the SDK; however a test ends, the engine of each was stopped."""
    made: list[PartnerCompany] = []

    def one(**options: Any) -> PartnerCompany:
        made.append(PartnerCompanies(postgres, tmp_path, monkeypatch).make(SDK, **options))
        return made[-1]

    yield one
    assert [company for company in made if pastel_of(company).open_engines] == []


@pytest.fixture
def company(make: Callable[..., PartnerCompany]) -> PartnerCompany:
    return make()


def pastel_of(company: PartnerCompany) -> Pastel:
    assert company.pastel is not None
    return company.pastel


def names(company: PartnerCompany) -> list[str]:
    return [name for name, _ in pastel_of(company).calls]


# The order of the calls.


def test_the_calls_are_in_sages_order(company: PartnerCompany) -> None:
    company.customer("HIL001", "Hillcrest")
    company.sync()
    called = names(company)
    assert called[:4] == ["create", "SetLicense", "SetDataPath", "GetNearest"]
    assert called[-1] == "StopBtrieve"
    assert called.count("create") == called.count("StopBtrieve") == 1
    assert called.count("ImportCustomer") == 1
    assert pastel_of(company).calls[1][1] == ("DK-SERIAL", "1234567")
    assert pastel_of(company).calls[2][1] == (str(company.folder),)


def test_all_accounts_are_read_from_the_first_to_the_end_of_the_file(company: PartnerCompany) -> None:
    for code in ("ZZZ999", "0001", "A", "é"):
        company.account(code, f"Name of {code}")
    with company.opened(writes=False) as opened:
        assert sorted(account.code for account in opened.accounting.books.read()) == ["0001", "A", "ZZZ999", "é"]


@pytest.mark.parametrize(
    ("method", "answer"),
    [("GetNearest", "99|Btrieve error 3006"), ("GetNext", "99|Btrieve error 3006"), ("GetNearest", RuntimeError("RPC"))],
)
def test_the_engine_is_stopped_whatever_happens(company: PartnerCompany, method: str, answer: Any) -> None:
    company.account("OLD001", "Old")
    pastel_of(company).failing.append((method, answer))
    with pytest.raises(UnreachableError):
        company.sync()
    assert names(company)[-1] == "StopBtrieve"


def test_a_main_row_that_is_lacking_is_reported_and_made(company: PartnerCompany) -> None:
    company.account("BAR001", "Bare", main_row=False)
    company.customer("BAR001", "Bare", phone="1")
    synced = company.sync()
    assert [note for note in synced.plan.notes if "BAR001" in note]
    assert synced.outcomes == {"BAR001": "written"}
    assert company.held()["BAR001"]["phone"] == "1"


# What is sent.


@pytest.mark.parametrize("fields", [55, 42])
def test_the_string_is_that_of_the_golden_file(make: Callable[..., PartnerCompany], fields: int) -> None:
    company = make(fields=fields)
    company.account("OLD001", "Old & “Sons”", CreditLimit=5, Discount=1250, Fax="031 9", SalesmanCode="LINDA", Category=3,
                    UserDefined05="route", CustName="Zoë", BankName="Bank", BankType=2, Freight01="Road", SettlementTerms=7,
                    EmailDocs="docs@old.example", Blocked=1, PaymentTerms=90, StatPrintorEmail=2, PriceRegime=4)  # fmt: skip
    company.customer("OLD001", "Old & “Sons”", email="a@b.example")
    company.customer("HIL001", "Hillcrest (Pty) Ltd", **FULL)
    company.customer("BLA001", "Nothing but a name")
    assert set(company.sync().outcomes.values()) == {"written"}
    sent = "\n".join(pastel_of(company).imported()) + "\n"
    golden = GOLDEN / f"partner-sdk-{fields}.txt"
    if os.environ.get("BPOSYNC_TESTS_WRITE_GOLDEN"):
        golden.write_text(sent, "utf-8")
    assert sent == golden.read_text("utf-8")
    assert {line.count("|") for line in sent.splitlines()} == {fields - 1}


def test_what_bpo_does_not_own_is_sent_back_as_it_stands(company: PartnerCompany) -> None:
    own: dict[str, Any] = {"Discount": 550, "Fax": "031 9", "SalesmanCode": "LINDA", "UserDefined01": "route", "CashAccount": 1,
           "ContactDocs": "Documents", "EmailStatement": "s@old.example", "CustID": "8001015009087", "Ship": "Rail",
           "StatPrintorEmail": 4, "OpenItem": 0, "SettlementTerms": 32, "PassportNumber": "A123", "Category": 4}  # fmt: skip
    company.account("OLD001", "Old", **own)
    company.customer("OLD001", "Old", phone="1", credit_limit=7)
    before = company.whole()["OLD001"]
    assert company.sync().outcomes == {"OLD001": "written"}
    after = company.whole()["OLD001"]
    changed = {name for name in before if str(before[name]) != str(after[name])}
    assert changed == {"Telephone", "CreditLimit", "UpdatedOn"}


@pytest.mark.parametrize("exclusive", ["Y", "N"])
@pytest.mark.parametrize("daily", [True, False])
@pytest.mark.parametrize("own", [{"IncExc": "Y"}, {"IncExc": "N"}, {"MonthOrDay": 1}, {"MonthOrDay": 0}, {"TaxCode": 0}])
def test_settings_that_nobody_publishes_stay_as_they_are_whichever_way_they_stand(
    make: Callable[..., PartnerCompany], exclusive: str, own: dict[str, Any], *, daily: bool
) -> None:
    company = make(exclusive=exclusive, daily=daily)
    company.account("OLD001", "Old", **own)
    company.customer("OLD001", "Old", phone="1")
    before = company.whole()["OLD001"]
    assert company.sync().outcomes == {"OLD001": "written"}
    after = company.whole()["OLD001"]
    assert {name for name in before if str(before[name]) != str(after[name])} == {"Telephone", "UpdatedOn"}
    assert 1 <= names(company).count("ImportCustomer") <= 2


def test_what_the_sdk_changes_unasked_is_told(company: PartnerCompany, monkeypatch: pytest.MonkeyPatch) -> None:
    company.account("OLD001", "Old", BankBranch="250655")
    company.customer("OLD001", "Old", phone="1")
    save = type(pastel_of(company)).save

    def losing(pastel: Pastel) -> None:
        pastel.master["OLD001"]["BankBranch"] = ""
        save(pastel)

    monkeypatch.setattr(type(pastel_of(company)), "save", losing)
    synced = company.sync()
    assert synced.outcomes == {"OLD001": "failed"}
    assert "BankBranch '250655' → ''" in synced.all_outcomes["OLD001"].reason


def test_an_older_sdk_reads_fewer_columns(make: Callable[..., PartnerCompany]) -> None:
    company = make(fields=42, columns=127)
    company.account("OLD001", "Old")
    company.customer("OLD001", "Old", phone="1")
    assert company.sync().outcomes == {"OLD001": "written"}
    assert company.held()["OLD001"]["phone"] == "1"


def test_accounts_may_be_read_from_the_tables_and_written_through_the_sdk(
    make: Callable[..., PartnerCompany], postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    company = make()
    tables = PartnerCompanies(postgres, tmp_path_factory.mktemp("tables")).make(SQLITE)
    company.configure("accounting", url=tables.accounting_url)
    company.configure("accounting.groups", RE="Hillcrest Park")
    for books in (company, tables):
        books.account("OLD001", "Old", phone="1", TaxCode=4, PriceRegime=1, PaymentTerms=30)
    company.customer("OLD001", "Old", phone="1", email="a@b.example")
    company.customer("NEW001", "New")
    assert company.sync().outcomes == {"NEW001": "written", "OLD001": "written"}
    assert "GetNearest" not in names(company)
    held = company.whole()
    assert (held["OLD001"]["Email"], held["NEW001"]["Category"]) == ("a@b.example", 5)


# What an answer means.


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("3", "update failed"), ("4", "insert failed"), ("5", "not found"), ("17", "bad customer code.*bposync link"),
        ("20", "bad salesman"), ("22", "tax type"), ("26", "bad description"), ("33", "bad currency"),
        ("99|Licence has expired", "general error.*Licence has expired"), ("12345", "unknown answer"),
    ],
)  # fmt: skip
def test_an_answer_about_one_customer_costs_that_one_only(company: PartnerCompany, code: str, words: str) -> None:
    pastel_of(company).refused["bad"] = code
    company.customer("ALP001", "Alpha", phone="1")
    company.customer("BET001", "Beta", phone="bad")
    company.customer("GAM001", "Gamma", phone="3")
    synced = company.sync()
    assert synced.outcomes == {"ALP001": "written", "BET001": "failed", "GAM001": "written"}
    assert re.search(words, synced.all_outcomes["BET001"].reason)
    assert set(company.held()) == {"ALP001", "GAM001"}


@pytest.mark.parametrize(("takes", "says", "other"), [(42, 55, 42), (55, 42, 55)])
def test_another_number_of_fields_is_told_with_the_number(
    make: Callable[..., PartnerCompany], takes: int, says: int, other: int
) -> None:
    company = make(fields=takes)
    company.configure("accounting", sdk_fields=says)
    company.customer("ALP001", "Alpha")
    company.customer("BET001", "Beta")
    with pytest.raises(UnreachableError) as refused:
        company.sync()
    assert f"sdk_fields = {other}" in (refused.value.hint or "")
    assert company.whole() == {}
    assert names(company).count("ImportCustomer") == 1


@pytest.mark.parametrize(("answer", "words"), [("1", "data_path"), ("6", "data_path"), ("7", "licence")])
def test_an_answer_about_the_company_stops_the_run(company: PartnerCompany, answer: str, words: str) -> None:
    company.customer("ALP001", "Alpha")
    company.customer("BET001", "Beta")
    pastel_of(company).failing.append(("ImportCustomer", answer))
    with pytest.raises(UnreachableError) as refused:
        company.sync()
    assert words in (refused.value.hint or "")
    assert company.whole() == {}


def test_an_answer_that_never_came_is_unknown_and_looked_up(company: PartnerCompany) -> None:
    for number in range(3):
        company.customer(f"NEW00{number}", f"New {number}", phone=str(number))
    pastel = pastel_of(company)
    pastel.failing += [("ImportCustomer", RuntimeError("The RPC server is unavailable"))]
    synced = company.sync()
    assert synced.outcomes == {"NEW000": "unknown", "NEW001": "failed", "NEW002": "failed"}
    assert company.sync().outcomes == {"NEW000": "written", "NEW001": "written", "NEW002": "written"}


def test_a_write_that_was_done_though_its_answer_never_came_is_not_repeated(
    company: PartnerCompany, monkeypatch: pytest.MonkeyPatch
) -> None:
    company.customer("NEW001", "New", phone="1")
    pastel = pastel_of(company)
    imported = pastel_sdk.Session.import_customer

    def cut(session: pastel_sdk.Session, record: str) -> None:
        imported(session, record)
        raise pastel_sdk.NoAnswerError("cut")

    with monkeypatch.context() as patched:
        patched.setattr(pastel_sdk.Session, "import_customer", cut)
        assert company.sync().outcomes == {"NEW001": "unknown"}
    synced = company.sync()
    assert (synced.actions, synced.plan.writes) == ({"NEW001": "same"}, ())
    assert len(pastel.imported()) == 1


# Setting up.


@pytest.mark.parametrize(
    ("values", "error", "words"),
    [
        ({"data_path": None}, UsageError, "data_path is missing"),
        ({"sdk_serial": None}, UsageError, "sdk_serial is missing"),
        ({"sdk_code": None}, UsageError, "sdk_code is missing"),
        ({"data_path": "/no/such"}, UsageError, "no folder /no/such"),
        ({"sdk_code": "wrong"}, UnreachableError, "not registered"),
        ({"data_path": "/"}, UnreachableError, "data path missing"),
    ],
)
def test_what_is_set_up_wrongly_is_told_with_what_to_do(
    company: PartnerCompany, values: dict[str, Any], error: type[BposyncError], words: str
) -> None:
    company.configure("accounting", **values)
    with pytest.raises(error, match=words) as refused:
        company.sync()
    assert refused.value.hint


def test_the_licence_is_shown_nowhere(company: PartnerCompany, capsys: pytest.CaptureFixture[str]) -> None:
    company.configure("accounting", sdk_code="S3cretCode")
    pastel_of(company).failing.append(("SetDataPath", "99|bad code S3cretCode"))
    assert main(["--config", str(company.path), "sync", "--verbose"]) == 7
    out, err = capsys.readouterr()
    assert "S3cretCode" not in out + err
    assert "general error" in err


@pytest.mark.parametrize(
    ("number", "bits", "words"),
    [
        (-2147221164, 64, "this Python is 64-bit.*32-bit Python"), (-2147221005, 64, "32-bit"),
        (-2147221164, 32, "not registered.*administrator"), (-2147024891, 32, "does not create.*anew"),
    ],
)  # fmt: skip
def test_an_sdk_that_windows_does_not_create_is_told_with_what_to_do(number: int, bits: int, words: str) -> None:
    error = pastel_sdk.not_created(number, "Access is denied", bits)
    assert re.search(words, f"{error.message} {error.hint}")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows may have the SDK")
def test_elsewhere_than_on_windows_the_sdk_is_refused_with_what_goes_instead() -> None:
    with pytest.raises(UsageError, match="Windows only") as refused:
        pastel_sdk.create_object()
    assert 'write = "file"' in (refused.value.hint or "")


def test_records_have_as_many_columns_as_the_facts_say() -> None:
    assert (len(MASTER_COLUMNS), len(DELIVERY_COLUMNS)) == (139, 17)


# Killed.

KILLED = """
import os, signal, sys
from pathlib import Path
sys.path[:0] = [sys.argv[3]]
from support.pastel import Pastel, Sdk
from bposync import apply
from bposync.accounting import pastel_sdk
from bposync.cli.app import main

apply.PAUSE_SECONDS = 0
pastel = Pastel(Path(sys.argv[2]), kept_in=Path(sys.argv[2]) / "pastel.json")
pastel.load()
pastel_sdk.create_object = pastel.create
steps, phase = int(sys.argv[4]), sys.argv[5]
called, import_ = Sdk._called, Sdk._store

def count():
    global steps
    if steps == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    steps -= 1

def stepping(sdk, method, *arguments):
    if method in ("GetRecord", "ImportCustomer"):
        count()
    return called(sdk, method, *arguments)

def storing(sdk, given):
    import_(sdk, given)
    if phase == "after":
        count()

Sdk._called, Sdk._store = stepping, storing
sys.exit(main(["--config", sys.argv[1], "sync", "--yes"]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL on Windows")
@pytest.mark.parametrize("phase", ["before", "after"])
def test_wherever_a_sync_is_killed_the_next_one_loses_and_doubles_nothing(
    make: Callable[..., PartnerCompany], phase: str
) -> None:
    company = make()
    pastel = pastel_of(company)
    pastel.kept_in = company.folder / "pastel.json"
    pastel.save()
    company.customer("ALP001", "Alpha", phone="0")
    company.sync()
    wanted = {"ALP001": "0"}
    environment = {**os.environ, "PYTHONPATH": str(Path(bposync.__file__).parents[1])}
    for step in range(0, 40, 2 if phase == "before" else 3):
        wanted["ALP001"] = f"changed {step}"
        company.change("ALP001", phone=wanted["ALP001"])
        for new in (f"N{step:05}", f"O{step:05}"):
            wanted[new] = f"phone {step}"
            company.customer(new, f"Name of {new}", phone=wanted[new])
        command: list[str | Path] = [
            sys.executable, "-c", KILLED, company.path, company.folder, Path(__file__).parent, str(step), phase,
        ]  # fmt: skip
        code = subprocess.run(command, env=environment, capture_output=True, check=False).returncode
        assert code in (0, -signal.SIGKILL)
        pastel.load()
        synced = company.sync()
        assert set(synced.outcomes.values()) <= {"written"}
        assert {account: row["phone"] for account, row in company.held().items()} == wanted
        if code == 0:
            assert synced.plan.writes == ()
            break
    else:
        pytest.fail("a sync of three customers takes more than 40 calls")
    assert step > 3
    with company.opened() as opened:
        assert opened.journal.runs.unsettled() == []
