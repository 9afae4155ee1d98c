"""Synchronising by SQL, from BPO to Client and back again: what is planned, written, read back, recorded, and what is not."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url

from bposync import apply, decide
from bposync.accounting.by_sql import SqlWay
from bposync.errors import BposyncError, ExitCode, UnknownOutcomeError, UnreachableError
from bposync.journal import open_journal
from bposync.people import current_user
from bposync.survey import make_survey
from support import cli
from support.company import COLUMNS, FULL, KINDS, POSTGRESQL, SQLITE, TEXTS, VIEW, Companies, Company, connected, dump

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from bposync.journal import Journal
    from bposync.records import Account, Change, Outcome
    from bposync.survey import Survey
    from support.postgres import PostgresServer

TERMS = {"30 Days": 1, "60 Days": 2, "90 Days": 3, "Cash on Delivery": 4}
GROUPS = {"RE": 1, "CO": 2, "GV": 3, "IT": 4, "HILLCRESTP": 5}


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is still on its way to a database of this machine."""
    monkeypatch.setattr(apply, "PAUSE_SECONDS", 0)


@pytest.fixture(scope="module")
def companies(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Companies:
    return Companies(postgres, tmp_path_factory.mktemp("companies"))


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """Where the books lie; BPO lies in the other."""
    return str(request.param)


@pytest.fixture
def company(companies: Companies, kind: str) -> Company:
    return companies.make(kind)


@pytest.fixture
def linked(company: Company) -> Company:
    """Three customers in step with their accounts."""
    company.customer("ALP000001", "Alpha", phone="031 1", credit_limit=1000)
    company.customer("BET000001", "Beta", phone="031 2", credit_limit=2000)
    company.customer("GAM000001", "Gamma", phone="031 3", credit_limit=3000)
    company.sync()
    return company


def expected(code: str, name: str, **values: Any) -> dict[str, Any]:
    """Give what Client holds of a customer, field by field, as the demo's configuration says."""
    texts = {COLUMNS[field]: values.get(field) or None for field in TEXTS if field != "name"}
    return {
        "Account": code.upper(),
        "Name": name,
        **texts,
        "Credit_Limit": float(values.get("credit_limit") or 0),
        "iAgeingTermID": TERMS[values.get("terms") or "30 Days"],
        "iClassID": GROUPS[values.get("type") or "RE"],
        "iAreasID": 1,
        "iARPriceListNameID": 1,
    }


def held(company: Company, columns: tuple[str, ...] = tuple(expected("", ""))) -> dict[str, dict[str, Any]]:
    """Give what Client holds, by account; a code that stands there twice fails."""
    rows = company.clients()
    assert len({row["Account"] for row in rows}) == len(rows)
    return {row["Account"]: {column: row[column] for column in columns} for row in rows}


def phones(company: Company) -> dict[str, str | None]:
    return {code: row["Telephone"] for code, row in held(company).items()}


@contextmanager
def events() -> Iterator[list[tuple[str, str]]]:
    """Collect what reaches any database: its URL, and the statement or COMMIT."""
    seen: list[tuple[str, str]] = []

    def url(connection: sa.Connection) -> str:
        return connection.engine.url.render_as_string(hide_password=False)

    def executed(connection: sa.Connection, _cursor: object, statement: str, *_: object) -> None:
        seen.append((url(connection), " ".join(statement.split())))

    def committed(connection: sa.Connection) -> None:
        seen.append((url(connection), "COMMIT"))

    sa.event.listen(sa.Engine, "before_cursor_execute", executed)
    sa.event.listen(sa.Engine, "commit", committed)
    try:
        yield seen
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", executed)
        sa.event.remove(sa.Engine, "commit", committed)


# The first sync, and the next.

EVERYBODY: dict[tuple[str, str], dict[str, Any]] = {
    ("HIL000001", "Hillcrest (Pty) Ltd"): {**FULL, "terms": "60 Days", "type": "GV"},
    ("biancad", "Bianca d'Alméida"): {"credit_limit": 0.3, "phone": "082", "terms": "Cash on Delivery", "type": "CO"},
    ("HO-17", "公司 [/] :smile: & Søn"): {"email": "a@b.example", "billing_1": "'; DROP TABLE x; --", "shipping_5": "%s %(x)s"},
    ("BLANK1", "Nothing but a name"): {},
}


def everybody(company: Company) -> None:
    for (code, name), values in EVERYBODY.items():
        company.customer(code, name, **values)


def test_a_first_sync_makes_accounts_that_hold_what_bpo_holds(company: Company) -> None:
    everybody(company)
    synced = company.sync()
    assert synced.actions == {code: "create" for code, _ in EVERYBODY}
    assert synced.outcomes == {code: "written" for code, _ in EVERYBODY}
    assert held(company) == {code.upper(): expected(code, name, **values) for (code, name), values in EVERYBODY.items()}
    keys = {row["Account"]: str(row["DCLink"]) for row in company.clients()}
    assert {link.customer: (link.account, link.account_key) for link in company.links().values()} == {
        code: (code.upper(), keys[code.upper()]) for code, _ in EVERYBODY
    }


def test_a_second_sync_plans_nothing_and_writes_nothing(company: Company) -> None:
    everybody(company)
    company.sync()
    runs = {"bposync_runs", "bposync_run_ends", "bposync_chain"}
    before = dump(company.accounting_url), dump(company.journal_url)
    synced = company.sync()
    after = dump(company.accounting_url), dump(company.journal_url)
    assert (set(synced.actions.values()), synced.plan.writes, synced.outcomes) == ({"same"}, (), {})
    assert after[0] == before[0]
    assert {name: rows for name, rows in after[1].items() if name not in runs} == {
        name: rows for name, rows in before[1].items() if name not in runs
    }
    assert [len(after[1][name]) - len(before[1][name]) for name in sorted(runs)] == [1, 1, 1]


FIRSTS: dict[str, tuple[Any, dict[str, Any]]] = {
    "phone": ("031 555 9999", {"Telephone": "031 555 9999"}),
    "name": ("Hillcrest Park", {"Name": "Hillcrest Park"}),
    "credit_limit": (Decimal("5000.55"), {"Credit_Limit": 5000.55}),
    "terms": ("90 Days", {"iAgeingTermID": 3}),
    "shipping_postcode": ("9999", {"PhysicalPC": "9999"}),
}


def test_a_change_in_bpo_is_written_in_that_field_alone(company: Company) -> None:
    company.customer("HIL000001", "Hillcrest", terms="60 Days", **FULL)
    company.customer("HIL000002", "Hilltop", terms="60 Days", **{**FULL, "vat_number": "4999999999"})
    company.sync()
    for field, (value, columns) in FIRSTS.items():
        before = company.clients()
        company.change("HIL000001", **{field: value})
        synced = company.sync()
        assert (synced.actions, synced.outcomes) == (
            {"HIL000001": "update", "HIL000002": "same"},
            {"HIL000001": "written"},
        )
        assert list(synced.fields("HIL000001")) == [field]
        assert company.clients() == [{**before[0], **columns}, before[1]]
    assert company.sync().plan.writes == ()


def test_what_bpo_blanks_is_blanked(company: Company) -> None:
    company.customer("HIL000001", "Hillcrest", **FULL)
    company.sync()
    company.change("HIL000001", **dict.fromkeys(FULL))
    assert company.sync().outcomes == {"HIL000001": "written"}
    row = company.client("HIL000001")
    assert {field: row[COLUMNS[field]] or "" for field in FULL} == dict.fromkeys(FULL, "")
    assert company.sync().plan.writes == ()


# Who changed what.


def test_the_bookkeepers_change_stays_and_is_drift(linked: Company) -> None:
    linked.edit("ALP000001", phone="bookkeeper", Credit_Limit=1.5)
    for _ in range(2):
        synced = linked.sync()
        assert (synced.actions["ALP000001"], synced.plan.writes) == ("drift", ())
        assert synced.fields("ALP000001") == {
            "phone": ("bookkeeper", "031 1", "drift"),
            "credit_limit": (Decimal("1.50"), Decimal("1000.00"), "drift"),
        }
    assert phones(linked)["ALP000001"] == "bookkeeper"


def test_a_drift_does_not_keep_other_fields_from_being_written(linked: Company) -> None:
    linked.edit("ALP000001", phone="bookkeeper")
    linked.change("ALP000001", email="a@b.example")
    synced = linked.sync()
    assert (synced.actions["ALP000001"], synced.outcomes) == ("update", {"ALP000001": "written"})
    row = linked.client("ALP000001")
    assert (row["Telephone"], row["EMail"]) == ("bookkeeper", "a@b.example")
    assert linked.sync().actions["ALP000001"] == "drift"


def test_what_both_changed_is_a_conflict_and_other_fields_go_on(linked: Company) -> None:
    linked.edit("ALP000001", phone="bookkeeper")
    linked.change("ALP000001", phone="bpo", email="a@b.example")
    synced = linked.sync()
    assert (synced.actions["ALP000001"], synced.outcomes) == ("conflict", {"ALP000001": "written"})
    assert synced.fields("ALP000001") == {
        "phone": ("bookkeeper", "bpo", "conflict"),
        "email": ("", "a@b.example", "write"),
    }
    row = linked.client("ALP000001")
    assert (row["Telephone"], row["EMail"]) == ("bookkeeper", "a@b.example")
    assert linked.sync().fields("ALP000001") == {"phone": ("bookkeeper", "bpo", "conflict")}


def test_what_both_changed_to_the_same_is_agreed(linked: Company) -> None:
    linked.edit("ALP000001", phone="new")
    linked.change("ALP000001", phone="new")
    synced = linked.sync()
    assert (synced.actions["ALP000001"], synced.plan.writes) == ("same", ())
    assert linked.links()["alp000001"].agreed["phone"] == ("new", "new")


def test_overwrite_lets_bpo_win_every_drift_and_conflict_of_the_chosen(linked: Company) -> None:
    for code in ("ALP000001", "BET000001", "GAM000001"):
        linked.edit(code, phone="bookkeeper", email="bookkeeper")
    linked.change("ALP000001", phone="bpo")
    synced = linked.sync(customers=("alp000001", "BET000001"), overwrite=True)
    assert synced.outcomes == {"ALP000001": "written", "BET000001": "written"}
    assert {row["Account"]: (row["Telephone"], row["EMail"]) for row in linked.clients()} == {
        "ALP000001": ("bpo", ""),
        "BET000001": ("031 2", ""),
        "GAM000001": ("bookkeeper", "bookkeeper"),
    }
    assert linked.sync().actions == {"ALP000001": "same", "BET000001": "same", "GAM000001": "drift"}


def test_name_and_vat_number_changed_at_once_is_a_conflict(company: Company) -> None:
    company.customer("HIL000001", "Hillcrest", **FULL)
    company.sync()
    company.change("HIL000001", name="Somebody Else", vat_number="4999999999", phone="1")
    synced = company.sync()
    assert (synced.actions, synced.plan.writes) == ({"HIL000001": "conflict"}, ())
    assert company.client("HIL000001")["Name"] == "Hillcrest"


# Whom a sync is for.


def test_a_site_is_synchronised_by_itself(company: Company) -> None:
    company.customer("ALP000001", "Alpha", "Durban")
    company.customer("BET000001", "Beta", "Cape Town")
    company.customer("GAM000001", "Gamma", "Durban")
    company.customer("GAM000001", "Gamma", "Cape Town")
    assert company.sync("durban").actions == {"ALP000001": "create", "GAM000001": "create"}
    assert set(held(company)) == {"ALP000001", "GAM000001"}
    assert company.sync("Cape Town").actions == {"BET000001": "create", "GAM000001": "same"}
    assert set(held(company)) == {"ALP000001", "BET000001", "GAM000001"}


def test_a_customer_of_another_site_is_not_taken_for_new(company: Company) -> None:
    company.customer("ALP000001", "Alpha", "Durban")
    company.customer("alp000001 ", "Alpha", "Cape Town")
    synced = company.sync("Cape Town")
    assert set(synced.actions.values()) == {"rejected"}
    assert company.clients() == []


def test_a_customer_is_synchronised_by_itself(linked: Company) -> None:
    linked.change("ALP000001", phone="1")
    linked.change("BET000001", phone="2")
    assert linked.sync(customers=(" bet000001",)).actions == {"BET000001": "update"}
    assert phones(linked) == {"ALP000001": "031 1", "BET000001": "2", "GAM000001": "031 3"}


@pytest.mark.parametrize(
    ("values", "action"),
    [
        ({"is_debtor": False}, "skipped"), ({"status": "New-CRM"}, "skipped"), ({"status": "Inactive"}, "skipped"),
        ({"status": "Hold"}, "create"), ({"phone": "1" * 26}, "create"), ({"name": ""}, "rejected"),
        ({"vat_number": "4" * 51}, "rejected"), ({"code": "C" * 21}, "rejected"), ({"terms": "14 Days"}, "create"),
    ],
)  # fmt: skip
def test_who_gets_an_account(company: Company, values: dict[str, Any], action: str) -> None:
    given = {"code": "HIL000001", "name": "Hillcrest", **values}
    company.customer(**given)
    company.customer("ALP000001", "Alpha")
    synced = company.sync()
    assert synced.actions == {"ALP000001": "create", given["code"]: action}
    assert len(company.clients()) == (2 if action == "create" else 1)


def test_who_is_gone_keeps_the_account(linked: Company) -> None:
    before = linked.clients()
    linked.remove("ALP000001")
    linked.change("BET000001", status="Inactive", phone="1")
    assert linked.sync().actions == {"ALP000001": "gone", "BET000001": "gone", "GAM000001": "same"}
    assert linked.clients() == before


def test_a_missing_account_is_never_made_again(linked: Company) -> None:
    linked.delete("ALP000001")
    for _ in range(2):
        synced = linked.sync()
        assert (synced.actions["ALP000001"], synced.plan.writes) == ("missing", ())
    assert set(held(linked)) == {"BET000001", "GAM000001"}


def test_the_answer_that_never_came_is_looked_up_and_the_write_is_not_repeated(
    linked: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    linked.change("ALP000001", phone="1")
    linked.customer("NEW000001", "New", phone="2")

    def cut(*_: object) -> list[Account | None]:
        raise UnreachableError("the accounting system cannot be read back")

    with monkeypatch.context() as patched:
        patched.setattr(SqlWay, "read_back", cut)
        synced = linked.sync()
    assert synced.outcomes == {"ALP000001": "unknown", "NEW000001": "unknown"}
    with linked.opened(writes=False) as opened:
        assert [intent.change.code for intent in opened.journal.runs.unsettled()] == ["ALP000001", "NEW000001"]
    assert set(linked.links()) == {"alp000001", "bet000001", "gam000001"}

    synced = linked.sync()
    assert (synced.plan.writes, set(synced.actions.values())) == ((), {"same"})
    assert phones(linked) == {"ALP000001": "1", "BET000001": "031 2", "GAM000001": "031 3", "NEW000001": "2"}
    assert linked.links()["new000001"].account_key == str(linked.client("NEW000001")["DCLink"])
    assert linked.links()["alp000001"].agreed["phone"] == ("1", "1")
    with linked.opened(writes=False) as opened:
        assert opened.journal.runs.unsettled() == []


@contextmanager
def cut_off(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the line be cut after each write, before it is read back."""

    def cut(*_: object) -> list[Account | None]:
        raise UnreachableError("the accounting system cannot be read back")

    with monkeypatch.context() as patched:
        patched.setattr(SqlWay, "read_back", cut)
        yield


def decided(company: Company, decision: Callable[[Survey, Journal], object]) -> None:
    with company.opened() as opened:
        decision(make_survey(opened.settings, opened.bpo, opened.accounting, opened.journal), opened.journal)


def test_who_was_unlinked_before_a_cut_off_write_is_looked_up_stays_unlinked(
    linked: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    linked.change("ALP000001", phone="1")
    with cut_off(monkeypatch):
        assert linked.sync().outcomes == {"ALP000001": "unknown"}
    decided(linked, lambda _, journal: decide.unlink(journal, "ALP000001"))
    decided(linked, lambda survey, journal: decide.link_new(survey, journal, "ALP000001", "ALP2"))
    linked.edit("ALP000001", name="Another Alpha")
    synced = linked.sync()
    assert (synced.actions["ALP000001"], synced.outcomes) == ("create", {"ALP000001": "written"})
    assert linked.links()["alp000001"].account == "ALP2"
    assert recorded(linked, -2)["ALP000001"] == "written"


def test_who_was_linked_to_another_account_before_a_cut_off_write_is_looked_up_stays_linked_to_it(
    linked: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    linked.customer("NEW000001", "New")
    with cut_off(monkeypatch):
        assert linked.sync().outcomes == {"NEW000001": "unknown"}
    key = linked.account("OLD000001", "Old")
    decided(linked, lambda survey, journal: decide.link(survey, journal, "NEW000001", "OLD000001"))
    linked.sync()
    assert linked.links()["new000001"].account_key == key


def test_an_account_that_was_linked_to_somebody_else_before_its_cut_off_write_is_looked_up_stays_that_one_s(
    linked: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    linked.customer("NEW000001", "New")
    with cut_off(monkeypatch):
        linked.sync()
    linked.remove("NEW000001")
    linked.customer("NEW000002", "New")
    decided(linked, lambda survey, journal: decide.link(survey, journal, "NEW000002", "NEW000001"))
    assert linked.sync().actions["NEW000002"] == "same"
    assert "new000001" not in linked.links()


def test_what_was_accepted_before_a_cut_off_write_is_looked_up_stays_accepted(
    linked: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    linked.edit("ALP000001", email="bookkeeper")
    linked.change("ALP000001", phone="1")
    with cut_off(monkeypatch):
        assert linked.sync().outcomes == {"ALP000001": "unknown"}
    decided(linked, lambda survey, journal: decide.accept(survey, journal, "ALP000001", ["email"]))
    assert linked.sync().actions["ALP000001"] == "same"
    agreed = linked.links()["alp000001"].agreed
    assert (agreed["email"], agreed["phone"]) == (("", "bookkeeper"), ("1", "1"))


def test_a_write_that_arrives_late_is_found_and_not_repeated(linked: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    linked.customer("NEW000001", "New", phone="2")
    read_back = SqlWay.read_back

    def cut(*_: object) -> list[Account | None]:
        raise UnreachableError("the accounting system cannot be read back")

    with monkeypatch.context() as patched:
        patched.setattr(SqlWay, "read_back", cut)
        linked.sync()
    looks: list[int] = []

    def late(way: SqlWay, batch: Sequence[Change]) -> list[Account | None]:
        looks.append(len(batch))
        return [None] * len(batch) if len(looks) == 1 else read_back(way, batch)

    with monkeypatch.context() as patched:
        patched.setattr(SqlWay, "read_back", late)
        assert linked.sync().plan.writes == ()
    assert looks == [1, 1]
    assert recorded(linked, -2)["NEW000001"] == "written"
    assert phones(linked)["NEW000001"] == "2"


def test_an_account_that_is_renamed_stays_linked_by_its_key(linked: Company) -> None:
    linked.edit("ALP000001", Account="ALPHA")
    linked.change("ALP000001", phone="1")
    synced = linked.sync()
    assert (synced.actions["ALP000001"], synced.outcomes) == ("update", {"ALP000001": "written"})
    assert phones(linked)["ALPHA"] == "1"
    assert linked.links()["alp000001"].account == "ALPHA"


def test_a_code_that_came_back_under_another_key_is_another_account(linked: Company) -> None:
    linked.delete("ALP000001")
    linked.account("ALP000001", "Alpha")
    synced = linked.sync()
    assert (synced.actions["ALP000001"], synced.plan.writes) == ("missing", ())


# The first pairing.


def test_an_account_with_the_same_code_and_name_is_paired_and_filled_but_not_corrected(company: Company) -> None:
    key = company.account("hil000001", "HILLCREST, pty ltd", phone="bookkeeper", email="")
    company.customer("HIL000001", "Hillcrest (Pty) Ltd", phone="bpo", email="a@b.example", credit_limit=500)
    synced = company.sync()
    assert synced.fields("HIL000001") == {
        "name": ("HILLCREST, pty ltd", "Hillcrest (Pty) Ltd", "conflict"),
        "credit_limit": (Decimal("0.00"), Decimal("500.00"), "write"),
        "phone": ("bookkeeper", "bpo", "conflict"),
        "email": ("", "a@b.example", "write"),
    }
    assert (synced.actions, synced.outcomes) == ({"HIL000001": "conflict"}, {"HIL000001": "written"})
    (row,) = company.clients()
    assert (str(row["DCLink"]), row["Name"], row["Telephone"], row["EMail"], row["Credit_Limit"]) == (
        key, "HILLCREST, pty ltd", "bookkeeper", "a@b.example", 500.0,
    )  # fmt: skip


def test_a_first_pairing_leaves_what_bpo_does_not_say(company: Company) -> None:
    company.account("HIL000001", "Hillcrest", phone="bookkeeper", Credit_Limit=100.0, iAgeingTermID=2)
    before = company.clients()
    company.customer("HIL000001", "Hillcrest", credit_limit=0)
    assert company.sync().plan.writes == ()
    assert company.clients() == before


def test_a_new_account_of_the_bookkeepers_is_paired_without_a_second_one(linked: Company) -> None:
    linked.account("DEL000001", "Delta", phone="031 4")
    assert [account.code for account in linked.plan().plan.accounting_only] == ["DEL000001"]
    linked.customer("DEL000001", "Delta", phone="031 4")
    synced = linked.sync()
    assert (synced.actions["DEL000001"], synced.plan.writes) == ("same", ())
    assert linked.links()["del000001"].account_key == str(linked.client("DEL000001")["DCLink"])


def test_a_lookalike_is_not_written(company: Company) -> None:
    company.account("OLD001", "Hillcrest")
    company.account("ALP000001", "Somebody else")
    company.account("OLD002", "Other", Tax_Number="4123456789")
    before = company.clients()
    company.customer("HIL000001", "Hillcrest")
    company.customer("ALP000001", "Alpha")
    company.customer("BET000001", "Beta", vat_number="412 345 6789")
    synced = company.sync()
    assert set(synced.actions.values()) == {"lookalike"}
    assert company.clients() == before


def test_a_lost_journal_pairs_again_without_a_write(company: Company) -> None:
    everybody(company)
    company.sync()
    links, rows = company.links(), company.clients()
    company.lose_journal()
    assert company.links() == {}
    with events() as seen:
        synced = company.sync()
    assert (set(synced.actions.values()), synced.plan.writes) == ({"same"}, ())
    assert [statement for url, statement in seen if url == company.accounting_url and "INSERT" in statement] == []
    assert company.links() == links
    assert company.clients() == rows


# Reading back, and rows that the database refuses.


def make_trigger(company: Company, kind: str, when: str, change: str) -> None:
    """Let the database change a value of its own accord, as an installed add-on may."""
    if kind == SQLITE:
        company.books(
            f'CREATE TRIGGER meddle AFTER {when} ON "Client" BEGIN '
            f'UPDATE "Client" SET "Telephone" = {change.format("NEW")} WHERE "DCLink" = NEW."DCLink"; END'
        )
        return
    company.books(
        f'CREATE FUNCTION meddle() RETURNS trigger AS $$ BEGIN NEW."Telephone" = {change.format("NEW")}; '
        "RETURN NEW; END $$ LANGUAGE plpgsql"
    )
    company.books(f'CREATE TRIGGER meddle BEFORE {when} ON "Client" FOR EACH ROW EXECUTE FUNCTION meddle()')


@pytest.mark.parametrize("when", ["INSERT", 'UPDATE OF "Telephone"'], ids=["create", "update"])
def test_a_value_that_the_database_changed_is_found_by_reading_back(company: Company, kind: str, when: str) -> None:
    company.customer("ALP000001", "Alpha", phone="031 1")
    company.customer("BET000001", "Beta", phone="031 2")
    if when != "INSERT":
        company.sync()
        company.change("ALP000001", phone="0311")
        company.change("BET000001", phone="0312")
    change = """CASE {0}."Account" WHEN 'ALP000001' THEN 'meddled' ELSE {0}."Telephone" END"""
    make_trigger(company, kind, when, change)
    synced = company.sync()
    assert synced.outcomes == {"ALP000001": "failed", "BET000001": "written"}
    meant = "031 1" if when == "INSERT" else "0311"
    assert synced.all_outcomes["ALP000001"].reason == f"read back: phone is 'meddled', not '{meant}'"
    agreed = {key: link.agreed["phone"][0] for key, link in company.links().items()}
    assert agreed == ({"bet000001": "031 2"} if when == "INSERT" else {"alp000001": "031 1", "bet000001": "0312"})


def test_what_an_earlier_sync_left_is_told_as_it_is_found(company: Company, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first sync wrote an account, the database changed it, and nobody was left to read it back."""
    company.customer("ALP000001", "Alpha", phone="031 1")
    make_trigger(company, kind, "INSERT", "'meddled'")

    def gone(*_: object) -> list[Account | None]:
        raise UnreachableError("the accounting system cannot be read back")

    with monkeypatch.context() as patched:
        patched.setattr(SqlWay, "read_back", gone)
        assert company.sync().outcomes == {"ALP000001": "unknown"}
    company.sync()
    with open_journal(company.settings(), writes=False) as journal:
        first = journal.runs.all()[-1]
        (told,) = [found.document for found in journal.runs.changes_of(run=first.run)]
    assert told["outcome"] == "failed"
    assert any("meddled" in reason for reason in told["reasons"]), told["reasons"]


def refuse(company: Company, kind: str, value: str) -> None:
    """Let the database refuse one value in Telephone."""
    if kind == SQLITE:
        company.books(
            f"""CREATE TRIGGER refuse BEFORE INSERT ON "Client" WHEN NEW."Telephone" = '{value}'
            BEGIN SELECT RAISE(ABORT, 'refused by a rule'); END"""
        )
        company.books(
            f"""CREATE TRIGGER refuse_too BEFORE UPDATE ON "Client" WHEN NEW."Telephone" = '{value}'
            BEGIN SELECT RAISE(ABORT, 'refused by a rule'); END"""
        )
        return
    company.books(f"""ALTER TABLE "Client" ADD CONSTRAINT refused_by_a_rule CHECK ("Telephone" <> '{value}')""")


def test_a_row_that_is_refused_costs_itself_only(linked: Company, kind: str) -> None:
    refuse(linked, kind, "bad")
    for number in range(5):
        linked.customer(f"NEW{number:06}", f"New {number}", phone="bad" if number == 2 else f"03{number}")
    linked.change("ALP000001", phone="bad")
    linked.change("BET000001", phone="good")
    synced = linked.sync()
    assert synced.outcomes == {
        "ALP000001": "failed", "BET000001": "written", "NEW000000": "written", "NEW000001": "written",
        "NEW000002": "failed", "NEW000003": "written", "NEW000004": "written",
    }  # fmt: skip
    assert {outcome.reason for outcome in synced.all_outcomes.values() if outcome.reason} == {
        synced.all_outcomes["ALP000001"].reason
    }
    assert "rule" in synced.all_outcomes["ALP000001"].reason
    assert phones(linked) == {
        "ALP000001": "031 1", "BET000001": "good", "GAM000001": "031 3",
        "NEW000000": "030", "NEW000001": "031", "NEW000003": "033", "NEW000004": "034",
    }  # fmt: skip
    linked.change("ALP000001", phone="fine")
    linked.change("NEW000002", phone="fine")
    assert linked.sync().outcomes == {"ALP000001": "written", "NEW000002": "written"}
    assert linked.sync().plan.writes == ()


def test_what_was_written_before_the_database_went_away_is_not_told_as_failed(
    company: Company, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch that is refused is taken one by one; here the server is gone after the first of them."""
    refuse(company, kind, "bad")
    company.customer("ALP000001", "Alpha", phone="031 1")
    company.customer("BET000001", "Beta", phone="bad")
    company.customer("GAM000001", "Gamma", phone="031 3")
    company.customer("DEL000001", "Delta", phone="031 4")
    connect = SqlWay._connect  # noqa: SLF001 - where a server that went away is noticed
    tried = 0

    def gone(way: SqlWay) -> sa.Connection:
        nonlocal tried
        if any(row["Account"] == "ALP000001" for row in company.clients()):
            tried += 1
            raise UnreachableError("the accounting system cannot be reached")
        return connect(way)

    with monkeypatch.context() as patched:
        patched.setattr(SqlWay, "_connect", gone)
        try:
            outcomes = company.sync().outcomes
        except UnreachableError:
            outcomes = recorded(company)
    assert set(held(company)) == {"ALP000001"}
    # Not read back, so nobody knows; but neither failed nor forgotten.
    assert outcomes["ALP000001"] == "unknown"
    assert {outcomes[code] for code in ("BET000001", "DEL000001", "GAM000001")} == {"failed"}
    # Each try takes as long as a login may: once to write on, once to read back.
    assert tried <= 2


def test_a_database_that_went_away_after_a_batch_was_sent_is_no_database_that_was_never_reached(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first batch is in it, so that its outcome is unknown; that comes before all that was not written."""
    company.customer("ALP000001", "Alpha")
    company.customer("BET000001", "Beta")
    write = SqlWay.write
    sent: list[Sequence[Change]] = []

    def once(way: SqlWay, batch: Sequence[Change]) -> list[Outcome]:
        if sent:
            raise UnreachableError("the accounting system cannot be reached")
        sent.append(batch)
        return write(way, batch)

    def gone(*_: object) -> list[Account | None]:
        raise UnreachableError("the accounting system cannot be read back")

    with monkeypatch.context() as patched:
        patched.setattr(apply, "BATCH", 1)
        patched.setattr(SqlWay, "write", once)
        patched.setattr(SqlWay, "read_back", gone)
        try:
            outcomes = company.sync().outcomes
        except BposyncError as error:
            assert error.code == ExitCode.UNKNOWN_OUTCOME  # noqa: PT017 - either is right: to tell it, or to raise it
            outcomes = recorded(company)
    assert outcomes["ALP000001"] == "unknown"
    assert company.sync().actions == {"ALP000001": "same", "BET000001": "create"}


def test_fail_fast_stops_at_the_first_that_fails(company: Company, kind: str) -> None:
    refuse(company, kind, "bad")
    for code, phone in {"ALP000001": "1", "BET000001": "bad", "GAM000001": "3"}.items():
        company.customer(code, f"Name of {code}", phone=phone)
    with company.opened() as opened:
        plan = opened.plan()
        result = opened.carry_out(plan, fail_fast=True)
    assert [outcome.kind.value for _, outcome in sorted(result.outcomes.items())] == ["written", "failed", "failed"]
    assert "not tried" in result.outcomes[2].reason
    assert phones(company) == {"ALP000001": "1"}


def test_what_a_sync_does_not_try_any_more_is_in_its_story(company: Company, kind: str) -> None:
    refuse(company, kind, "bad")
    for code, phone in {"ALP000001": "bad", "BET000001": "2", "GAM000001": "3"}.items():
        company.customer(code, f"Name of {code}", phone=phone)
    with company.opened() as opened:
        opened.carry_out(opened.plan(), fail_fast=True)
        assert opened.journal.runs.unsettled() == []
        assert opened.journal.runs.all()[0].outcomes["failed"] == 3
    assert recorded(company) == {"ALP000001": "failed", "BET000001": "failed", "GAM000001": "failed"}


@pytest.mark.parametrize(
    ("table", "error", "written"),
    [("bposync_changes", UnreachableError, False), ("bposync_outcomes", UnknownOutcomeError, True)],
)
def test_a_journal_that_fails_stops_the_sync_and_loses_nothing(
    linked: Company, table: str, error: type[BposyncError], *, written: bool
) -> None:
    linked.change("ALP000001", phone="1")
    linked.customer("NEW000001", "New", phone="2")
    with connected(linked.journal_url) as connection:
        connection.execute(sa.text(f"CREATE TRIGGER full BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'disk full'); END"))
    with pytest.raises(error, match="disk full"):
        linked.sync()
    assert (phones(linked)["ALP000001"] == "1", "NEW000001" in held(linked)) == (written, written)

    with connected(linked.journal_url) as connection:
        connection.execute(sa.text("DROP TRIGGER full"))
    assert len(linked.sync().plan.writes) == (0 if written else 2)
    assert phones(linked) == {"ALP000001": "1", "BET000001": "031 2", "GAM000001": "031 3", "NEW000001": "2"}
    assert linked.links()["new000001"].agreed["phone"] == ("2", "2")
    assert linked.sync().plan.writes == ()


def recorded(company: Company, which: int = -1) -> dict[str, str]:
    """Give what the journal says became of each customer in a run, the last where nothing else is said."""
    with open_journal(company.settings(), writes=False) as journal:
        run = journal.runs.all()[-which - 1]
        return {found.document["code"]: found.document["outcome"] for found in journal.runs.changes_of(run=run.run)}


# What changed in accounting between the plan and the write.


def test_an_account_that_was_changed_since_the_plan_is_stale(linked: Company) -> None:
    linked.change("ALP000001", phone="1")
    linked.change("BET000001", phone="2")
    synced = linked.sync(between=lambda: linked.edit("ALP000001", email="bookkeeper"))
    assert synced.outcomes == {"ALP000001": "stale", "BET000001": "written"}
    assert synced.all_outcomes["ALP000001"].reason == "account ALP000001 was changed since the plan: e-mail"
    assert phones(linked) == {"ALP000001": "031 1", "BET000001": "2", "GAM000001": "031 3"}
    assert linked.sync().outcomes == {"ALP000001": "written"}


@pytest.mark.parametrize("columns", [{"name": "alpha"}, {"Account": "ALP1"}, {"phone": "031 1."}, {"Credit_Limit": 1000.01}])
def test_any_change_in_what_the_plan_saw_is_stale(linked: Company, columns: dict[str, Any]) -> None:
    linked.change("ALP000001", email="a@b.example")
    synced = linked.sync(between=lambda: linked.edit("ALP000001", **columns))
    assert synced.outcomes == {"ALP000001": "stale"}
    assert [row["EMail"] for row in linked.clients() if row["Account"].startswith("ALP")] == [None]


def test_a_change_in_what_no_plan_looks_at_is_none(linked: Company) -> None:
    linked.change("ALP000001", phone="1")
    synced = linked.sync(between=lambda: linked.edit("ALP000001", ucARDeliveryRoute="North", DCBalance=5.0))
    assert synced.outcomes == {"ALP000001": "written"}


def test_an_account_that_was_deleted_since_the_plan_is_stale(linked: Company) -> None:
    linked.change("ALP000001", phone="1")
    linked.change("BET000001", phone="2")
    synced = linked.sync(between=lambda: linked.delete("ALP000001"))
    assert synced.outcomes == {"ALP000001": "stale", "BET000001": "written"}
    assert "deleted since the plan" in synced.all_outcomes["ALP000001"].reason
    assert set(held(linked)) == {"BET000001", "GAM000001"}


@pytest.mark.parametrize("code", ["NEW000001", "new000001", " New000001 "])
def test_an_account_that_was_opened_since_the_plan_is_stale(linked: Company, code: str) -> None:
    linked.customer("NEW000001", "New", phone="1")
    linked.customer("NEW000002", "Newer", phone="2")
    synced = linked.sync(
        between=lambda: linked.books('INSERT INTO "Client" ("Account", "Name") VALUES (:c, \'Other\')', c=code)
    )
    assert synced.outcomes == {"NEW000001": "stale", "NEW000002": "written"}
    assert "was made since the plan" in synced.all_outcomes["NEW000001"].reason
    rows = [row for row in linked.clients() if row["Account"].strip().upper() == "NEW000001"]
    assert [(row["Name"], row["Telephone"]) for row in rows] == [("Other", None)]


# The order of the steps.


def test_intents_are_committed_before_the_write_and_outcomes_after_it(company: Company) -> None:
    company.customer("ALP000001", "Alpha", phone="1")
    company.customer("BET000001", "Beta")
    company.sync()
    company.change("ALP000001", phone="2")
    company.customer("GAM000001", "Gamma")
    with events() as seen:
        company.sync()
    journal, books = company.journal_url, company.accounting_url

    def place(url: str, beginning: str, after: int = -1) -> int:
        return next(
            number
            for number, (where, what) in enumerate(seen)
            if number > after and where == url and what.startswith(beginning)
        )

    intent = place(journal, "INSERT INTO bposync_changes")
    committed = place(journal, "COMMIT", intent)
    first = min(place(books, 'INSERT INTO "Client"'), place(books, 'UPDATE "Client"'))
    written = place(books, "COMMIT", max(place(books, 'INSERT INTO "Client"'), place(books, 'UPDATE "Client"')))
    read_back = place(books, "SELECT", written)
    outcome = place(journal, "INSERT INTO bposync_outcomes")
    link = place(journal, "INSERT INTO bposync_links")
    settled = place(journal, "COMMIT", outcome)
    steps = [intent, committed, first, written, read_back, outcome, link, settled]
    assert steps == sorted(steps)
    # An outcome and its link are one step.
    assert [what for where, what in seen[outcome:link] if where == journal and what == "COMMIT"] == []
    # The look at the accounts and the write are one transaction.
    look = max(number for number in range(first) if seen[number][0] == books and seen[number][1].startswith("SELECT"))
    assert [what for where, what in seen[look:written] if where == books and what == "COMMIT"] == []


def test_many_customers_share_the_steps(company: Company) -> None:
    company.customers({"code": f"C{number:05}", "name": f"Customer {number}"} for number in range(60))
    with events() as seen:
        assert Counter(company.sync().outcomes.values()) == {"written": 60}
    statements = Counter(what.split("(")[0] for where, what in seen if where == company.accounting_url)
    assert statements['INSERT INTO "Client" '] <= 3
    assert sum(1 for where, what in seen if where == company.journal_url and what == "COMMIT") < 30


# As a process.


def documents(result: cli.Result) -> dict[str, dict[str, Any]]:
    return {change["code"]: change for change in result.json["changes"]}


@pytest.fixture
def with_shared_journal(companies: Companies, kind: str) -> Company:
    """A company whose journal lies in a database server where its books do."""
    return companies.make(kind, journal=kind)


def test_a_sync_from_beginning_to_end(with_shared_journal: Company) -> None:
    company = with_shared_journal
    everybody(company)
    company.customer("REJ000001", "Rejected", vat_number="4" * 51)
    first = company.run("sync", "--yes", "--json", expect=4)
    document = first.json
    assert (document["schema"], document["dry_run"], document["sites"]) == ("bposync.sync/1", False, ["Durban"])
    assert document["company"] == (make_url(company.accounting_url).database or "").rpartition("/")[2].removesuffix(".sqlite")
    assert {action: count for action, count in document["summary"].items() if count} == {"create": 4, "rejected": 1}
    assert {outcome: count for outcome, count in document["outcomes"].items() if count} == {"written": 4}
    told = {"name": "Bianca d'Alméida", "credit_limit": "0.30", "phone": "082", "terms": "COD"}
    told |= {"group": "CORPORATE", "area": "RSA", "price_list": "Standard"}
    assert documents(first)["biancad"] == {
        "code": "biancad",
        "name": "Bianca d'Alméida",
        "account": "BIANCAD",
        "action": "create",
        "fields": {field: {"from": None, "to": to, "last": None, "verdict": "write"} for field, to in told.items()},
        "reasons": [],
        "outcome": "written",
    }
    assert documents(first)["REJ000001"]["outcome"] is None
    assert held(company) == {code.upper(): expected(code, name, **values) for (code, name), values in EVERYBODY.items()}

    company.remove("REJ000001")
    company.change("HIL000001", phone="031 1")
    second = company.run("sync", "--yes", "--json")
    assert {code: change["fields"] for code, change in documents(second).items()} == {
        "HIL000001": {"phone": {"from": FULL["phone"], "to": "031 1", "last": FULL["phone"], "verdict": "write"}}
    }

    before = dump(company.accounting_url)
    assert company.run("sync", "--yes").stdout == "Nothing to write: 4 customers are in step.\n"
    assert dump(company.accounting_url) == before


def test_a_sync_that_nobody_confirms_writes_nothing(linked: Company) -> None:
    linked.change("ALP000001", phone="1")
    before = dump(linked.accounting_url), dump(linked.journal_url)
    document = linked.run("sync", "--json", expect=10).json
    assert (document["run"], document["error"]["code"]) == (None, 10)
    assert document["summary"]["update"] == 1
    assert (dump(linked.accounting_url), dump(linked.journal_url)) == before


@pytest.mark.parametrize(("kind", "answer", "code"), [(SQLITE, "", 10), (POSTGRESQL, "yess", 10), (SQLITE, "YES", 0)])
def test_only_yes_writes(linked: Company, answer: str, code: int) -> None:
    linked.change("ALP000001", phone="1")
    before = dump(linked.accounting_url), dump(linked.journal_url)
    with cli.run_in_terminal("--config", linked.path, "sync") as child:
        child.expect_exact("[y/N] ")
        child.sendline(answer)
        said = cli.finish(child, expect=code)
    after = dump(linked.accounting_url), dump(linked.journal_url)
    assert (after == before) is (code == 10)
    assert ("The synchronisation is complete." in said) is (code == 0)


def test_a_dry_run_writes_nothing_anywhere(company: Company) -> None:
    everybody(company)
    journal = Path(str(make_url(company.journal_url).database))
    files = {path: path.read_bytes() for path in company.folder.iterdir() if path.suffix == ".sqlite"}
    before = dump(company.accounting_url), dump(company.bpo_url)
    document = company.run("sync", "--dry-run", "--yes", "--json").json
    assert (document["run"], document["dry_run"], document["summary"]["create"]) == (None, True, 4)
    assert {change["outcome"] for change in document["changes"]} == {None}
    with company.opened(writes=False) as opened:
        opened.plan()
    assert not journal.exists()
    assert {path: path.read_bytes() for path in company.folder.iterdir() if path.suffix != ".toml"} == files
    assert len(files) == 1
    assert (dump(company.accounting_url), dump(company.bpo_url)) == before


def test_a_sync_in_which_a_row_is_refused_leaves_with_4(linked: Company, kind: str) -> None:
    refuse(linked, kind, "bad")
    linked.change("ALP000001", phone="bad")
    linked.change("BET000001", phone="good")
    result = linked.run("sync", "--yes", expect=4)
    assert "The synchronisation is not complete: 1 written, 1 failed.\n" in result.stdout
    assert "Failed: ALP000001 Alpha: " in result.stdout
    password = make_url(linked.bpo_url).password or make_url(linked.accounting_url).password
    for unwanted in (str(password), "UPDATE", "sqlite3.", "psycopg."):
        assert unwanted not in result.stdout + result.stderr


def test_books_that_refuse_every_write_leave_with_7(companies: Companies, postgres: PostgresServer) -> None:
    company = companies.make(POSTGRESQL)
    company.altered = True
    company.account("OLD000001", "Old", phone="1")
    company.customer("OLD000001", "Old", phone="1", email="a@b.example")
    company.customer("NEW000001", "New")
    company.customer("NEW000002", "Newer")
    login = postgres.create_login("only-reads")
    with connected(company.accounting_url) as connection:
        connection.execute(sa.text(f'GRANT SELECT ON ALL TABLES IN SCHEMA public TO "{login}"'))
    before = company.clients()
    url = postgres.url(str(make_url(company.accounting_url).database), login, "only-reads")
    company.configure("accounting", url=url)
    document = company.run("sync", "--yes", "--json", expect=7).json
    assert document["error"]["code"] == 7
    assert "permission denied" in document["error"]["message"]
    assert company.clients() == before


def test_while_a_sync_runs_another_one_leaves_with_6_and_says_who_holds_it(linked: Company) -> None:
    linked.change("ALP000001", phone="1")
    before = dump(linked.accounting_url), dump(linked.journal_url)
    with linked.opened() as opened, opened.accounting.way.lock():
        error = linked.run("sync", "--yes", "--json", expect=6).json["error"]
        assert linked.plan().actions["ALP000001"] == "update"
    assert (error["code"], current_user() in error["message"]) == (6, True)
    assert (dump(linked.accounting_url), dump(linked.journal_url)) == before


# BPO is only read.


def test_bpo_is_only_read(company: Company) -> None:
    everybody(company)
    with events() as seen:
        company.sync()
        company.sync("durban", overwrite=True)
    verbs = {what.split()[0] for where, what in seen if where == company.bpo_url}
    assert "SELECT" in verbs
    assert verbs <= {"SELECT", "PRAGMA", "BEGIN", "SAVEPOINT", "RELEASE"}


def test_the_file_of_bpo_stays_as_it_is_byte_for_byte(companies: Companies) -> None:
    company = companies.make(POSTGRESQL)
    everybody(company)
    file = Path(str(make_url(company.bpo_url).database))
    before = file.read_bytes()
    assert set(company.sync().outcomes.values()) == {"written"}
    assert file.read_bytes() == before
    assert [path.name for path in file.parent.iterdir() if path.name.startswith(f"{file.name}-")] == []


def test_a_login_that_may_only_select_is_enough_for_bpo(companies: Companies, postgres: PostgresServer) -> None:
    company = companies.make(SQLITE)
    everybody(company)
    login = postgres.create_login("only-reads")
    with connected(company.bpo_url) as connection:
        connection.execute(sa.text(f'GRANT SELECT ON "{VIEW}" TO "{login}"'))
    database = str(make_url(company.bpo_url).database)
    company.configure("bpo", url=postgres.url(database, login, "only-reads"))
    assert set(company.sync().outcomes.values()) == {"written"}
    assert company.sync().plan.writes == ()
