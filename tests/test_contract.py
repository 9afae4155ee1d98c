"""What every way into every system's books keeps: what is planned, written, read back, recorded, and what is not.

One suite for all of them. What is about one way alone stands in that way's own tests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bposync import apply
from bposync.accounting import by_freedom, open_accounting
from bposync.errors import LockedError, UnreachableError
from bposync.fields import BPO_FIELDS
from bposync.journal import open_journal
from support import company as evolution
from support import freedom, odbc, partner
from support.policy import needs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from decimal import Decimal

    from bposync.records import Account, Change, Outcome
    from support.company import Company
    from support.postgres import PostgresServer

EVOLUTION = {f"Evolution, {kind}": kind for kind in evolution.KINDS}
KINDS = (*EVOLUTION, *freedom.KINDS, *partner.KINDS)
# The values of a customer that has all of them; each fits every system.
FULL: dict[str, Any] = {
    "credit_limit": 75000000, "phone": "+27 31 555 0101", "mobile": "082 555 0102", "email": "accounts@hillcrest.example",
    "contact": "Zoë van der M.", "vat_number": "4123456789", "terms": "60 Days", "type": "GV",
    **{f"{kind}_{line}": f"{kind.title()} line {line}" for kind in ("billing", "shipping") for line in range(1, 6)},
}  # fmt: skip


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is still on its way to a database of this machine."""
    monkeypatch.setattr(apply, "PAUSE_SECONDS", 0)
    monkeypatch.setattr(by_freedom, "PAUSE_SECONDS", 0)


@pytest.fixture(scope="module")
def of_evolution(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> evolution.Companies:
    return evolution.Companies(postgres, tmp_path_factory.mktemp("evolution"))


@pytest.fixture(scope="module")
def of_partner(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> partner.PartnerCompanies:
    return partner.PartnerCompanies(postgres, tmp_path_factory.mktemp("partner"))


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """Whose books they are, and by which way they are reached."""
    return str(request.param)


@pytest.fixture
def company(
    kind: str,
    of_evolution: evolution.Companies,
    of_partner: partner.PartnerCompanies,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Company]:
    if kind in EVOLUTION:
        yield of_evolution.make(EVOLUTION[kind])
        return
    if kind in freedom.KINDS:
        made = of_evolution.make(evolution.SQLITE)
        with freedom.served(made, kind):
            yield made
        return
    driver = partner.DRIVERS.get(kind)
    needs(
        driver is None or odbc.installed(driver), f"the ODBC driver {driver} is not installed (libsqliteodbc, odbc-postgresql)"
    )
    yield of_partner.on(monkeypatch).make(kind)


@pytest.fixture
def linked(company: Company) -> Company:
    """Three customers in step with their accounts."""
    company.customer("ALP001", "Alpha", phone="031 1", credit_limit=1000)
    company.customer("BET001", "Beta", phone="031 2", credit_limit=2000)
    company.customer("GAM001", "Gamma", phone="031 3", credit_limit=3000)
    assert set(company.sync().outcomes.values()) == {"written"}
    return company


def expected(name: str, **values: Any) -> dict[str, Any]:
    """Give what the books hold of a customer, field by field."""
    every = {field: values.get(field) or "" for field in evolution.HELD}
    return {**every, "name": name, "credit_limit": float(values.get("credit_limit") or 0)}


def way_of(company: Company) -> type[Any]:
    with open_accounting(company.settings(), BPO_FIELDS, writes=False) as accounting:
        return type(accounting.way)


def phones(company: Company) -> dict[str, str]:
    return {code: row["phone"] for code, row in company.held().items()}


# The first sync, and the next.

EVERYBODY: dict[tuple[str, str], dict[str, Any]] = {
    ("HIL001", "Hillcrest (Pty) Ltd"): FULL,
    ("bianca", "Bianca d'Alméida"): {"credit_limit": 3, "phone": "082", "terms": "Cash on Delivery", "type": "CO"},
    ("HO-17", "Søn [/] :smile: & “Co”"): {"email": "a@b.example", "billing_1": "'; DROP TABLE x; --", "shipping_5": "%s %(x)s"},
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
    assert company.held() == {code.upper(): expected(name, **values) for (code, name), values in EVERYBODY.items()}
    assert {link.customer: link.account for link in company.links().values()} == {code: code.upper() for code, _ in EVERYBODY}


def test_a_second_sync_plans_nothing_and_writes_nothing(company: Company) -> None:
    everybody(company)
    company.sync()
    before, links = company.snapshot(), company.links()
    synced = company.sync()
    assert (set(synced.actions.values()), synced.plan.writes, synced.outcomes) == ({"same"}, (), {})
    assert company.snapshot() == before
    assert company.links() == links


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("phone", "031 555 9999"),
        ("name", "Hillcrest Park"),
        ("credit_limit", 5000),
        ("billing_5", ""),
        ("email", "x@y.example"),
    ],
)
def test_a_change_in_bpo_is_written_in_that_field_alone(company: Company, field: str, value: Any) -> None:
    company.customer("HIL001", "Hillcrest", **FULL)
    company.customer("HIL002", "Hilltop", **{**FULL, "vat_number": "4999999999"})
    company.sync()
    before = company.held()
    company.change("HIL001", **{field: value})
    synced = company.sync()
    assert (synced.actions, synced.outcomes) == ({"HIL001": "update", "HIL002": "same"}, {"HIL001": "written"})
    assert list(synced.fields("HIL001")) == [field]
    assert company.held() == {"HIL001": {**before["HIL001"], field: value}, "HIL002": before["HIL002"]}
    assert company.sync().plan.writes == ()


def test_what_bpo_blanks_is_blanked(company: Company) -> None:
    company.customer("HIL001", "Hillcrest", **FULL)
    company.sync()
    company.change("HIL001", **dict.fromkeys(name for name in FULL if name not in ("terms", "type")))
    assert company.sync().outcomes == {"HIL001": "written"}
    assert company.held() == {"HIL001": expected("Hillcrest")}
    assert company.sync().plan.writes == ()


# Who changed what.


def test_the_bookkeepers_change_stays_and_is_drift(linked: Company) -> None:
    linked.edit("ALP001", phone="bookkeeper", credit_limit=1)
    for _ in range(2):
        synced = linked.sync()
        assert (synced.actions["ALP001"], synced.plan.writes) == ("drift", ())
        assert {name: found[2] for name, found in synced.fields("ALP001").items()} == {
            "phone": "drift",
            "credit_limit": "drift",
        }
    assert phones(linked)["ALP001"] == "bookkeeper"


def test_a_drift_does_not_keep_other_fields_from_being_written(linked: Company) -> None:
    linked.edit("ALP001", phone="bookkeeper")
    linked.change("ALP001", email="a@b.example")
    synced = linked.sync()
    assert (synced.actions["ALP001"], synced.outcomes) == ("update", {"ALP001": "written"})
    held = linked.held()["ALP001"]
    assert (held["phone"], held["email"]) == ("bookkeeper", "a@b.example")
    assert linked.sync().actions["ALP001"] == "drift"


def test_what_both_changed_is_a_conflict_and_other_fields_go_on(linked: Company) -> None:
    linked.edit("ALP001", phone="bookkeeper")
    linked.change("ALP001", phone="bpo", email="a@b.example")
    synced = linked.sync()
    assert (synced.actions["ALP001"], synced.outcomes) == ("conflict", {"ALP001": "written"})
    assert synced.fields("ALP001") == {
        "phone": ("bookkeeper", "bpo", "conflict"),
        "email": ("", "a@b.example", "write"),
    }
    held = linked.held()["ALP001"]
    assert (held["phone"], held["email"]) == ("bookkeeper", "a@b.example")


def test_what_both_changed_to_the_same_is_agreed(linked: Company) -> None:
    linked.edit("ALP001", phone="new")
    linked.change("ALP001", phone="new")
    synced = linked.sync()
    assert (synced.actions["ALP001"], synced.plan.writes) == ("same", ())
    assert linked.links()["alp001"].agreed["phone"] == ("new", "new")


def test_overwrite_lets_bpo_win_every_drift_and_conflict_of_the_chosen(linked: Company) -> None:
    for code in ("ALP001", "BET001", "GAM001"):
        linked.edit(code, phone="bookkeeper", email="bookkeeper")
    linked.change("ALP001", phone="bpo")
    synced = linked.sync(customers=("alp001", "BET001"), overwrite=True)
    assert synced.outcomes == {"ALP001": "written", "BET001": "written"}
    assert {code: (row["phone"], row["email"]) for code, row in linked.held().items()} == {
        "ALP001": ("bpo", ""),
        "BET001": ("031 2", ""),
        "GAM001": ("bookkeeper", "bookkeeper"),
    }
    assert linked.sync().actions == {"ALP001": "same", "BET001": "same", "GAM001": "drift"}


def test_name_and_vat_number_changed_at_once_is_a_conflict(company: Company) -> None:
    company.customer("HIL001", "Hillcrest", **FULL)
    company.sync()
    company.change("HIL001", name="Somebody Else", vat_number="4999999999", phone="1")
    synced = company.sync()
    assert (synced.actions, synced.plan.writes) == ({"HIL001": "conflict"}, ())
    assert company.held()["HIL001"]["name"] == "Hillcrest"


# Whom a sync is for.


def test_a_site_is_synchronised_by_itself(company: Company) -> None:
    company.customer("ALP001", "Alpha", "Durban")
    company.customer("BET001", "Beta", "Cape Town")
    company.customer("GAM001", "Gamma", "Durban")
    company.customer("GAM001", "Gamma", "Cape Town")
    assert company.sync("durban").actions == {"ALP001": "create", "GAM001": "create"}
    assert set(company.held()) == {"ALP001", "GAM001"}
    assert company.sync("Cape Town").actions == {"BET001": "create", "GAM001": "same"}
    assert set(company.held()) == {"ALP001", "BET001", "GAM001"}


def test_who_is_gone_keeps_the_account(linked: Company) -> None:
    before = linked.snapshot()
    linked.remove("ALP001")
    linked.change("BET001", status="Inactive", phone="1")
    assert linked.sync().actions == {"ALP001": "gone", "BET001": "gone", "GAM001": "same"}
    assert linked.snapshot() == before


def test_a_missing_account_is_never_made_again(linked: Company) -> None:
    linked.delete("ALP001")
    for _ in range(2):
        synced = linked.sync()
        assert (synced.actions["ALP001"], synced.plan.writes) == ("missing", ())
    assert set(linked.held()) == {"BET001", "GAM001"}


# The first pairing.


def test_an_account_with_the_same_code_and_name_is_paired_and_filled_but_not_corrected(company: Company) -> None:
    company.account("HIL001", "HILLCREST, pty ltd", phone="bookkeeper", email="")
    company.customer("HIL001", "Hillcrest (Pty) Ltd", phone="bpo", email="a@b.example", credit_limit=500)
    synced = company.sync()
    assert {name: found[2] for name, found in synced.fields("HIL001").items()} == {
        "name": "conflict", "credit_limit": "write", "phone": "conflict", "email": "write",
    }  # fmt: skip
    assert (synced.actions, synced.outcomes) == ({"HIL001": "conflict"}, {"HIL001": "written"})
    held = company.held()["HIL001"]
    assert (held["name"], held["phone"], held["email"], held["credit_limit"]) == (
        "HILLCREST, pty ltd", "bookkeeper", "a@b.example", 500.0,
    )  # fmt: skip


def test_a_first_pairing_leaves_what_bpo_does_not_say(company: Company) -> None:
    company.account("HIL001", "Hillcrest", phone="bookkeeper", credit_limit=100)
    before = company.snapshot()
    company.customer("HIL001", "Hillcrest", credit_limit=0)
    assert company.sync().plan.writes == ()
    assert company.snapshot() == before


def test_a_lookalike_is_not_written(company: Company) -> None:
    company.account("OLD001", "Hillcrest")
    company.account("ALP001", "Somebody else")
    company.account("OLD002", "Other", vat_number="4123456789")
    before = company.snapshot()
    company.customer("HIL001", "Hillcrest")
    company.customer("ALP001", "Alpha")
    company.customer("BET001", "Beta", vat_number="412 345 6789")
    assert set(company.sync().actions.values()) == {"lookalike"}
    assert company.snapshot() == before


def test_a_lost_journal_pairs_again_without_a_write(company: Company) -> None:
    everybody(company)
    company.sync()
    links, before = company.links(), company.snapshot()
    company.lose_journal()
    assert company.links() == {}
    synced = company.sync()
    assert (set(synced.actions.values()), synced.plan.writes) == ({"same"}, ())
    assert company.links() == links
    assert company.snapshot() == before


# What changed in accounting between the plan and the write.


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"email": "bookkeeper"}, "e-mail"), ({"name": "alpha"}, "name"), ({"phone": "031 1."}, "phone"),
        ({"credit_limit": 1001}, "credit limit"),
    ],
)  # fmt: skip
def test_an_account_that_was_changed_since_the_plan_is_stale(linked: Company, values: dict[str, Any], told: str) -> None:
    linked.change("ALP001", contact="1")
    linked.change("BET001", contact="2")
    synced = linked.sync(between=lambda: linked.edit("ALP001", **values))
    assert synced.outcomes == {"ALP001": "stale", "BET001": "written"}
    assert synced.all_outcomes["ALP001"].reason == f"account ALP001 was changed since the plan: {told}"
    assert {code: row["contact"] for code, row in linked.held().items()} == {"ALP001": "", "BET001": "2", "GAM001": ""}
    assert linked.sync().outcomes == {"ALP001": "written"}


def test_an_account_that_was_deleted_since_the_plan_is_stale(linked: Company) -> None:
    linked.change("ALP001", phone="1")
    linked.change("BET001", phone="2")
    synced = linked.sync(between=lambda: linked.delete("ALP001"))
    assert synced.outcomes == {"ALP001": "stale", "BET001": "written"}
    assert "deleted since the plan" in synced.all_outcomes["ALP001"].reason
    assert set(linked.held()) == {"BET001", "GAM001"}


def test_an_account_that_was_opened_since_the_plan_is_stale(linked: Company) -> None:
    linked.customer("NEW001", "New", phone="1")
    linked.customer("NEW002", "Newer", phone="2")

    def opened() -> None:
        linked.account("NEW001", "Other")

    synced = linked.sync(between=opened)
    assert synced.outcomes == {"NEW001": "stale", "NEW002": "written"}
    assert "was made since the plan" in synced.all_outcomes["NEW001"].reason
    held = linked.held()
    assert (held["NEW001"]["name"], held["NEW001"]["phone"]) == ("Other", "")


# Order, interruption, lock.


def test_intents_are_committed_before_anything_is_written(linked: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    linked.change("ALP001", phone="1")
    linked.customer("NEW001", "New")
    way = way_of(linked)
    write, before, seen = way.write, linked.snapshot(), []

    def look_first(self: Any, batch: Sequence[Change]) -> list[Outcome]:
        with open_journal(linked.settings(), writes=False) as journal:
            seen.append(([intent.change.code for intent in journal.runs.unsettled()], linked.snapshot() == before))
        found: list[Outcome] = write(self, batch)
        return found

    monkeypatch.setattr(way, "write", look_first)
    assert linked.sync().outcomes == {"ALP001": "written", "NEW001": "written"}
    assert seen == [(["ALP001", "NEW001"], True)]


def test_the_answer_that_never_came_is_looked_up_and_the_write_is_not_repeated(
    linked: Company, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    linked.change("ALP001", phone="1")
    linked.customer("NEW001", "New", phone="2")
    if kind != partner.FILE:  # which writes nothing that could be read back at once

        def cut(*_: object) -> list[Account | None]:
            raise UnreachableError("the accounting system cannot be read back")

        with monkeypatch.context() as patched:
            patched.setattr(way_of(linked), "read_back", cut)
            assert linked.sync().outcomes == {"ALP001": "unknown", "NEW001": "unknown"}
    else:
        linked.sync()
    synced = linked.sync()
    assert (synced.plan.writes, set(synced.actions.values())) == ((), {"same"})
    assert phones(linked) == {"ALP001": "1", "BET001": "031 2", "GAM001": "031 3", "NEW001": "2"}
    assert linked.links()["new001"].agreed["phone"] == ("2", "2")
    with open_journal(linked.settings(), writes=False) as journal:
        assert journal.runs.unsettled() == []


def test_a_plan_writes_nothing_anywhere(company: Company) -> None:
    everybody(company)
    company.account("OLD001", "Old")
    before, files = company.snapshot(), sorted(path.name for path in company.folder.iterdir() if path.suffix != ".toml")
    assert len(company.plan().plan.writes) == len(EVERYBODY)
    assert company.snapshot() == before
    assert sorted(path.name for path in company.folder.iterdir() if path.suffix != ".toml") == files


def test_one_sync_at_a_time(linked: Company) -> None:
    with (
        linked.opened() as first,
        first.accounting.way.lock(),
        linked.opened() as second,
        pytest.raises(LockedError),
        second.accounting.way.lock(),
    ):
        pass
    with linked.opened() as third, third.accounting.way.lock():
        pass


def test_amounts_and_codes_are_what_both_sides_mean(linked: Company, amounts: Callable[[Company], dict[str, Decimal]]) -> None:
    assert {code: f"{amount:.2f}" for code, amount in amounts(linked).items()} == {
        "ALP001": "1000.00", "BET001": "2000.00", "GAM001": "3000.00",
    }  # fmt: skip


@pytest.fixture
def amounts() -> Callable[[Company], dict[str, Decimal]]:
    def read(company: Company) -> dict[str, Decimal]:
        with open_accounting(company.settings(), BPO_FIELDS, writes=False) as accounting:
            place = accounting.books.fields.index("credit_limit")
            found: dict[str, Any] = {account.code: account.values[place] for account in accounting.books.read()}
            return found

    return read
