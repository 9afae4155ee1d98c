"""Who is in step as before is read past, and nobody's lot is another one for it."""

from __future__ import annotations

import contextlib
import shutil
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bposync import apply, decide
from bposync.demo.partner import DELIVERY
from bposync.errors import UsageError
from bposync.fields import ACCOUNT_FIELDS
from bposync.marks import Marker
from support import partner
from support.company import BPO_COLUMNS, BPO_TABLE, Company, configuration, connected, sqlite_company, sqlite_url

if TYPE_CHECKING:
    from pathlib import Path

    from support.company import Opened


@pytest.fixture
def company(tmp_path: Path) -> Company:
    return sqlite_company(tmp_path)


def test_a_select_whose_columns_change_places_makes_other_marks(company: Company) -> None:
    """The rows are what they were, and mean something else."""
    phone, mobile = BPO_COLUMNS["phone"], BPO_COLUMNS["mobile"]
    columns = [column for column in BPO_COLUMNS.values() if column not in (phone, mobile)]
    listing = f"SELECT {', '.join(columns)}, {phone} AS {{}}, {mobile} AS {{}} FROM {BPO_TABLE}"
    company.configure("bpo", customers=None, query=listing.format(mobile, phone))
    company.customer("A1", "Acacia", phone="031", mobile="082")
    company.sync()
    company.configure("bpo", query=listing.format(phone, mobile))
    assert company.plan().fields("A1").keys() == {"phone", "mobile"}


def test_an_account_that_got_the_key_of_another_one_has_a_customer_of_its_code_who_is_in_step(company: Company) -> None:
    company.customer("A1", "Acacia")
    company.customer("B1", "Baobab")
    company.sync()
    company.edit("B1", Account="B2")
    company.sync()
    company.edit("A1", Account="B1", Name="Cedar")
    assert company.plan().actions["A1"] == "missing"


def test_who_has_no_value_in_common_with_his_account_is_not_counted_as_one_in_step_before(company: Company) -> None:
    company.configure("fields", **{name: "new" for name in ACCOUNT_FIELDS if name != "phone"})
    for n in range(30):
        company.customer(f"A{n:02}", f"Acacia {n}", phone="031" if n < 20 else None)
        company.account(f"A{n:02}", f"Acacia {n}", phone="031")
    company.sync()
    for n in range(12):
        company.change(f"A{n:02}", phone="032")
    company.plan()


def test_a_site_that_is_spelt_otherwise_by_now_is_so_for_who_is_gone_later_too(company: Company) -> None:
    company.customer("B1", "Baobab", site="Durban")
    _sync_past(company)
    company.customer("A1", "Acacia", site="DURBAN")
    _first_in_bpo(company, "A1")
    _sync_past(company)
    company.remove("B1")
    assert company.plan("durban").actions == {"A1": "same", "B1": "gone"}


def test_an_ignored_account_that_a_customer_in_step_has_keeps_its_name(company: Company) -> None:
    company.account("A1", "Acacia")
    with company.opened() as opened:
        decide.ignore_account(opened.survey(), opened.journal, "A1", undo=False)
    company.customer("A1", "Acacia")
    _sync_past(company)
    with company.opened() as opened:
        assert [account.name for account in opened.survey(whole=False).accounts] == ["Acacia"]


def test_an_account_that_is_read_again_has_the_delivery_row_that_writes_its_code_otherwise(tmp_path: Path) -> None:
    company = partner.PartnerCompanies(None, tmp_path).make(partner.SQLITE)  # type: ignore[arg-type] # SQLite needs no server
    company.account("A1", "Acacia", phone="031")
    company.books("UPDATE DeliveryAddresses SET CustomerCode = 'a1  '")
    company.customer("A1", "Acacia", phone="031")
    company.sync()
    company.change("A1", name="Aloe")
    assert company.sync().fields("A1") == {"name": ("Acacia", "Aloe", "write")}
    assert len(company.rows(DELIVERY)) == 1


def test_what_marshal_cannot_take_is_marked_by_its_content() -> None:
    marker = Marker("")
    marks = set()
    for n in range(50):
        marks.add(marker.mark((Decimal(1), memoryview(b"%d" % n))))
    assert len(marks) == 50


CODES = ("A1", "a1", " B1", "C1", "ß")
NAMES = ("Acacia", "ACACIA.", "Baobab", "Cedar")
PHONES = (None, "", "031", "082")
VATS = (None, "4020082328", "4020099999")
SITES = ("Durban", "DURBAN", "Pretoria")
VALUES = {"name": NAMES, "phone": PHONES, "mobile": PHONES, "vat_number": VATS}
CONFIGURATIONS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("fields", {"phone": "new"}),
    ("fields", {"phone": None, "name": "new"}),
    ("fields", {"name": None}),
    ("sync", {"carry_hold": True}),
    ("sync", {"carry_hold": None}),
    ("bpo", {"sync_statuses": ["Active"]}),
    ("bpo", {"sync_statuses": None}),
    ("bpo.columns", {"account": BPO_COLUMNS["registration"], "registration": ""}),
    ("bpo.columns", {"account": None, "registration": None}),
    ("bpo.columns", {"phone": BPO_COLUMNS["mobile"], "mobile": BPO_COLUMNS["phone"]}),
    ("bpo.columns", {"phone": None, "mobile": None}),
)
_code = st.sampled_from(CODES)
_values = st.sampled_from([(name, value) for name, values in VALUES.items() for value in values])
_listing = st.sampled_from(
    [*(("site", site) for site in SITES), ("status", "Hold"), ("status", "Inactive"), ("status", "Active")]
)
STEPS = st.one_of(
    st.tuples(st.just("list"), _code, st.sampled_from(NAMES), st.sampled_from(SITES)),
    st.tuples(st.just("change"), _code, st.one_of(_values, _listing, st.tuples(st.just("registration"), _code))),
    st.tuples(st.just("recode"), _code, _code),
    st.tuples(st.just("remove"), _code),
    st.tuples(st.just("first"), _code),
    st.tuples(st.just("account"), _code, st.sampled_from(NAMES)),
    st.tuples(st.just("edit"), _code, st.one_of(_values, st.tuples(st.just("Account"), _code))),
    st.tuples(st.just("delete"), _code),
    st.tuples(st.just("restore"), _code),
    st.tuples(
        st.just("decide"), st.sampled_from(["link", "link_new", "unlink", "accept", "undo", "ignore", "account"]), _code, _code
    ),
    st.tuples(st.just("configure"), st.sampled_from(CONFIGURATIONS)),
    st.tuples(st.just("sync")),
    st.tuples(st.just("sync")),
)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Company:
    made = sqlite_company(tmp_path_factory.mktemp("original"))
    made.customers([{"code": code, "name": name} for code, name in (("A1", "Acacia"), (" B1", "Baobab"), ("C1", "Cedar"))])
    _sync_past(made)
    return made


@settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.lists(STEPS, min_size=4, max_size=10))
def test_whatever_changed_since_a_sync_that_read_past_some_reads_the_same_as_whole(
    original: Company, tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[Any, ...]]
) -> None:
    company = _copy_of(original, tmp_path_factory.mktemp("copy"))
    for step in steps:
        _do(company, *step)
    company.plan(overwrite=len(steps) % 2 == 0)
    _sync_past(company)
    company.plan("durban") if "Durban" in str(steps) else company.plan()


def _do(company: Company, what: str, *how: Any) -> None:
    if what == "sync":
        _sync_past(company)
    elif what == "configure":
        company.configure(how[0][0], **how[0][1])
    elif what == "decide":
        with company.opened() as opened, contextlib.suppress(UsageError):
            _decide(opened, *how)
    elif what in ("account", "edit", "delete", "restore"):
        _do_in_books(company, what, *how)
    else:
        _do_in_bpo(company, what, *how)


def _do_in_bpo(company: Company, what: str, code: str, *how: Any) -> None:
    if what == "list":
        company.customer(code, how[0], site=how[1])
    elif what == "change":
        company.change(code, **dict([how[0]]))
    elif what == "recode":
        statement = f'UPDATE "{BPO_TABLE}" SET "CustomerCode" = :new WHERE "CustomerCode" = :old'
        with connected(company.bpo_url) as connection:
            connection.execute(sa.text(statement), {"old": code, "new": how[0]})
    elif what == "remove":
        company.remove(code)
    else:
        _first_in_bpo(company, code)


def _do_in_books(company: Company, what: str, code: str, *how: Any) -> None:
    if what == "account":
        company.books('INSERT INTO "Client" (Account, Name, Credit_Limit) VALUES (:code, :name, 0)', code=code, name=how[0])
    elif what == "edit":
        company.edit(code, **dict([how[0]]))
    elif what == "delete":
        company.delete(code)
    else:
        key = "(SELECT max(DCLink) + 1 FROM Client)"
        company.books(f"UPDATE Client SET DCLink = {key} WHERE Account = :code", code=code)


def _decide(opened: Opened, what: str, code: str, other: str) -> None:
    survey, journal = opened.survey(), opened.journal
    if what == "link":
        decide.link(survey, journal, code, other)
    elif what == "link_new":
        decide.link_new(survey, journal, code, other)
    elif what == "unlink":
        decide.unlink(journal, code, survey)
    elif what in ("accept", "undo"):
        decide.accept(survey, journal, code, (), undo=what == "undo")
    elif what == "ignore":
        decide.ignore_customer(survey, journal, code, undo=other == "A1")
    else:
        decide.ignore_account(survey, journal, code, undo=other == "A1")


def _sync_past(company: Company) -> None:
    """Synchronise as the command does: read past whom it can, and write."""
    with company.opened() as opened:
        apply.settle_earlier(opened.journal, opened.accounting)
        opened.plan()
        survey = opened.survey(whole=False)
        opened.carry_out(survey.plan(survey.choose()))


def _first_in_bpo(company: Company, code: str) -> None:
    first = f'UPDATE "{BPO_TABLE}" SET "RowID" = (SELECT min("RowID") - 1 FROM "{BPO_TABLE}")'
    with connected(company.bpo_url) as connection:
        row = f'(SELECT max("RowID") FROM "{BPO_TABLE}" WHERE "CustomerCode" = :code)'
        connection.execute(sa.text(f'{first} WHERE "RowID" = {row}'), {"code": code})


def _copy_of(original: Company, folder: Path) -> Company:
    for file in original.folder.iterdir():
        shutil.copy(file, folder / file.name)
    urls = [sqlite_url(folder / f"{name}.sqlite") for name in ("bpo", "books", "journal")]
    return Company(folder, urls[0], urls[1], urls[2], configuration(*urls))
