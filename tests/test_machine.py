"""What holds for any sequence of events: changes in BPO and in accounting, decisions, syncs, crashes and a lost journal.

A state machine plays them out on a real company in files, and keeps beside it what a reader of the documentation expects
(support/shadow.py). BPOSYNC_TESTS_EXAMPLES asks for more than the usual number of sequences, for a long hunt.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections import Counter
from contextlib import ExitStack, closing, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeVar
from unittest import mock

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from bposync import apply, decide, guards
from bposync.accounting import open_accounting
from bposync.accounting.by_sql import SqlWay
from bposync.bpo import Bpo
from bposync.errors import GuardError, UnreachableError, UsageError
from bposync.journal import open_journal
from bposync.journal.runs import Run
from bposync.survey import make_survey
from support.company import BPO_COLUMNS, BPO_TABLE, Company, Opened, client_table, configuration, sqlite_company, sqlite_url
from support.shadow import COLUMNS, FIELDS, REFUSED_PHONE, Account, Choice, Expected, Link, Shadow, accounts_of, folded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from bposync.journal import Journal
    from bposync.plan import Plan
    from bposync.records import Change
    from bposync.survey import Survey
    from support.shadow import Accounts

Rows = dict[int, dict[str, Any]]
News = list[tuple[int, tuple[str, Any]]]
T = TypeVar("T")

EXAMPLES: Final = int(os.environ.get("BPOSYNC_TESTS_EXAMPLES", "50"))
ACCOUNT_COLUMN: Final = "CustomerWebSite"
"""BPO's column in which the account stands, where one is configured."""

# What happens.

NAMES: Final = {"A1": "Ann Ltd", "B2": "Bob (Pty) Ltd", "C3": "Cid & Co", "D4": "Dee"}
"""The customers, and the name that most of them have on both sides."""
LONG: Final = "LONGER-THAN-EVOLUTION-HOLDS"
CODES = st.sampled_from([*NAMES, "a1", LONG])
ACCOUNT_CODES = st.sampled_from([*NAMES, "a1", "X9", "Y8"])
SITES = st.sampled_from(["Durban", "Paarl"])
STATUSES = st.sampled_from(["Active", "Active", "Hold", "Hold", "Inactive", "New-CRM"])
VAT_NUMBERS: Final = ["", "4020000001", "402 000 0001", "4020000002", "123"]
SAID: Final[dict[str, list[Any]]] = {
    "name": [*NAMES.values(), "ANN, LTD.", ""],
    "credit_limit": [None, 0.0, 100.0, 200.5, 0.005],
    "phone": ["", "1", "2", "3" * 26, REFUSED_PHONE],
    "email": ["", "a@x", "b@x"],
    "vat_number": [*VAT_NUMBERS, "4" * 51],
    "terms": ["", "30 Days", "60 Days", "14 Days"],
    "is_debtor": [True, False],
}
HAS: Final[dict[str, list[Any]]] = {
    "Name": [*NAMES.values(), "ANN, LTD.", "Xen"],
    "Credit_Limit": [0.0, 100.0, 200.5, None],
    "Telephone": ["", "1", "2", "9"],
    "EMail": ["", "a@x", "c@x", None],
    "Tax_Number": VAT_NUMBERS,
    "iAgeingTermID": [0, 1, 2, 4],
    "On_Hold": [0, 1],
    "DCBalance": [5.0, -7.5],
    "ucARDeliveryRoute": ["North", None],
}
WHICH = st.integers(0, 5)
ONE_SAID = st.sampled_from([(name, value) for name, values in SAID.items() for value in values])
BOTH = st.sampled_from(
    [(name, said, has) for name in ("name", "phone", "vat_number") for said in SAID[name] for has in HAS[COLUMNS[name]]]
)
ONE_HAD = st.sampled_from([(column, value) for column, values in HAS.items() for value in values])
NEWS = st.lists(
    st.tuples(
        WHICH,
        st.one_of(
            st.builds(lambda number: ("phone", f"0{number}"), st.integers(0, 99)),
            st.builds(lambda code: ("listed", code), CODES),
            st.just(("phone", REFUSED_PHONE)),
            ONE_SAID,
        ),
    ),
    min_size=1,
    max_size=3,
)
"""What BPO says before a sync that somebody disturbs: mostly something to write, of a customer that is there or a new one."""
BLANK: Final = {"credit_limit": None, "phone": "", "email": "", "vat_number": "", "terms": ""}
MUCH_SAID = st.sampled_from(
    [
        BLANK,
        {**BLANK, "credit_limit": 100.0, "phone": "1", "email": "a@x", "vat_number": "4020000001", "terms": "30 Days"},
        {**BLANK, "credit_limit": 200.5, "phone": "2", "vat_number": "4020000002", "terms": "60 Days"},
    ]
)
MOSTLY = st.sampled_from([True, True, True, False])
SELDOM = st.sampled_from([False, False, False, True])
BATCHES = st.sampled_from([500, 1, 2])
CHOICES = st.builds(
    Choice,
    sites=st.sampled_from([(), (), (), ("Durban",), ("Paarl",)]),
    customers=st.sampled_from([(), (), (), ("a1",), ("B2", "C3")]),
    overwrite=SELDOM,
)


class Killed(BaseException):
    """The process is dead, before the step that is told."""


@dataclass(frozen=True)
class Death:
    """When a process dies: after so many statements and commits, in whatever database, counted from a statement on."""

    steps: int
    beginning: str = ""

    @contextmanager
    def awaited(self) -> Iterator[None]:
        """Let it come. The step itself happens no more, and what the dying might do after it reaches no database."""
        left = None if self.beginning else self.steps

        def step(_: sa.Connection, *rest: Any) -> None:
            nonlocal left
            if left is None and rest and str(rest[1]).startswith(self.beginning):
                left = self.steps
            if left is not None:
                if left <= 0:
                    raise Killed(rest[1] if rest else "COMMIT")
                left -= 1

        sa.event.listen(sa.Engine, "before_cursor_execute", step)
        sa.event.listen(sa.Engine, "commit", step)
        try:
            yield
        finally:
            sa.event.remove(sa.Engine, "before_cursor_execute", step)
            sa.event.remove(sa.Engine, "commit", step)


DEATHS = st.builds(Death, st.integers(0, 20), st.sampled_from(["INSERT INTO bposync_changes", "INSERT INTO bposync_runs"]))


@dataclass(frozen=True)
class Edit:
    """What a bookkeeper does to one account while a sync is under way.

    Where nothing else is said, it is an account that the sync writes, and one is opened under a code that the sync was to take.
    """

    which: int | None
    column: str
    value: Any


WHOSE = st.one_of(st.none(), WHICH)
FIELD_EDITS = st.builds(lambda which, had: Edit(which, *had), WHOSE, ONE_HAD)
EDITS = st.one_of(
    FIELD_EDITS,
    st.builds(lambda which, code: Edit(which, "Account", code), WHOSE, ACCOUNT_CODES),
    st.builds(lambda which: Edit(which, "deleted", None), WHOSE),
    st.builds(lambda code: Edit(0, "opened", code), st.one_of(st.none(), ACCOUNT_CODES)),
)


@dataclass(frozen=True)
class Sync:
    """How a sync goes: for whom, and what happens meanwhile."""

    choice: Choice = field(default_factory=Choice)
    batch: int = 500
    fail_fast: bool = False
    between: Edit | None = None
    """An edit after the plan was made."""
    meddling: Edit | None = None
    """An edit after the write, before it is read back."""
    is_cut: bool = False
    """Whether the line is cut before anything is read back."""
    death_in_settling: Death | None = None
    """When the process dies while it settles what an earlier sync left."""
    death: Death | None = None
    """When the process dies while it carries the plan out."""

    @property
    def is_undisturbed(self) -> bool:
        return self.between is None and self.meddling is None and not self.is_cut


class CompanyMachine(RuleBasedStateMachine):
    """A company, the events that befall it, and what must be true after each."""

    originals: ClassVar[Path] = Path()
    """Where the empty databases are that each company is a copy of."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(dir=self.originals))
        self.bpo, self.books, self.journal = (self.folder / f"{name}.sqlite" for name in ("bpo", "books", "journal"))
        for file in (self.bpo, self.books):
            shutil.copy(self.originals / file.name, file)
        self.stack = ExitStack()
        self.shadow = Shadow()
        self.rows: Rows = {}
        """Client as those wrote it who may."""
        self.listing = b""
        """BPO's file as BPO wrote it."""
        self.made: dict[int, str] = {}
        """Whose account bposync made: the customer, by the account's key; until a person parts them, or nobody can know."""
        self.pending: dict[str, Expected] = {}
        """What an earlier sync announced and did not record, by customer."""

    @initialize(
        options=st.sets(st.sampled_from(["carry_hold", "own_email", "account_column"])),
        customers=st.dictionaries(st.sampled_from([*NAMES]), MUCH_SAID, min_size=1),
        accounts=st.lists(st.sampled_from([*NAMES]), max_size=3, unique=True),
        in_step=MOSTLY,
    )
    def begin(self, *, options: set[str], customers: dict[str, dict[str, Any]], accounts: list[str], in_step: bool) -> None:
        urls = [sqlite_url(file) for file in (self.bpo, self.books, self.journal)]
        company = Company(self.folder, urls[0], urls[1], urls[2], configuration(*urls))
        company.configure("sync", carry_hold="carry_hold" in options)
        company.configure("fields", email="new" if "own_email" in options else "bpo")
        if "account_column" in options:
            company.configure("bpo.columns", account=ACCOUNT_COLUMN, website="")
        self.settings = company.settings()
        self.shadow.carry_hold = "carry_hold" in options
        self.shadow.owned = frozenset({"email"} if "own_email" in options else ())
        self.shadow.has_account_column = "account_column" in options
        for code, said in customers.items():
            self._list(code, NAMES[code], "Durban", said)
        self._say()
        for code in accounts:
            self._open(code, NAMES[code], "", "")
        with Bpo(self.settings) as bpo:
            # What the books say of themselves is read once, all the rest anew for each sync.
            self.accounting = self.stack.enter_context(open_accounting(self.settings, bpo.fields, writes=True))
        assert isinstance(self.accounting.way, SqlWay)
        self.way = self.accounting.way
        if in_step:
            self._sync(Sync())

    def teardown(self) -> None:
        self.stack.close()
        shutil.rmtree(self.folder)

    @contextmanager
    def _opened(self) -> Iterator[Opened]:
        """Open both sides and the journal as a process does, and leave nothing open, as one that is dead does."""
        try:
            with Bpo(self.settings) as bpo, open_journal(self.settings, writes=True) as journal:
                yield Opened(self.settings, bpo, self.accounting, journal)
        finally:
            self.way.close()

    @property
    def accounts(self) -> Accounts:
        return accounts_of(self.rows.values())

    # What BPO does.

    def _list(self, code: str, name: str, site: str, said: Mapping[str, Any]) -> None:
        usual = {"status": "Active", "is_debtor": True, "account": ""}
        self.shadow.rows.append({"code": code, "name": name, "site": site, **usual, **said})

    def _say(self) -> None:
        """Let BPO list what the shadow's rows say."""
        names = {name: BPO_COLUMNS[name] for name in (*SAID, "code", "site", "status")}
        names |= {"account": ACCOUNT_COLUMN} if self.shadow.has_account_column else {}
        columns = ", ".join(f'"{column}"' for column in names.values())
        with closing(sqlite3.connect(self.bpo)) as connection, connection:
            connection.execute(f'DELETE FROM "{BPO_TABLE}"')
            connection.executemany(
                f'INSERT INTO "{BPO_TABLE}" ({columns}) VALUES ({", ".join("?" * len(names))})',
                [[row[name] for name in names] for row in self.shadow.rows],
            )
        self.listing = self.bpo.read_bytes()

    def _codes(self) -> list[str]:
        return list(dict.fromkeys(row["code"] for row in self.shadow.rows))

    def _rows_of(self, which: int) -> list[dict[str, Any]]:
        codes = self._codes()
        return [row for row in self.shadow.rows if row["code"] == codes[which % len(codes)]] if codes else []

    @rule(code=CODES, site=SITES, said=MUCH_SAID)
    def a_customer_is_added(self, *, code: str, site: str, said: dict[str, Any]) -> None:
        if code not in self._codes():
            self._list(code, NAMES.get(code.upper(), "Long & Co"), site, said)
            self._say()

    @rule(which=WHICH, change=ONE_SAID)
    def a_customer_is_changed(self, *, which: int, change: tuple[str, Any]) -> None:
        for row in self._rows_of(which):
            row[change[0]] = change[1]
        self._say()

    def _hear(self, news: News) -> None:
        """Let BPO say something new of customers that have accounts, where there are any; or list new ones."""
        for which, (name, value) in news:
            codes = self._codes()
            linked = [code for code in codes if folded(code) in self.shadow.links] or codes
            if name == "listed":
                self.a_customer_is_added(code=value, site="Durban", said=BLANK)
            elif codes:
                self.a_customer_is_changed(which=codes.index(linked[which % len(linked)]), change=(name, value))

    @rule(which=WHICH, said=MUCH_SAID)
    def a_customer_is_changed_in_many_fields(self, *, which: int, said: dict[str, Any]) -> None:
        for row in self._rows_of(which):
            row.update(said)
        self._say()

    @precondition(lambda self: self.shadow.has_account_column)
    @rule(which=WHICH, account=WHICH, says=MOSTLY)
    def bpo_says_which_account_a_customer_has(self, *, which: int, account: int, says: bool) -> None:
        self.a_customer_is_changed(which=which, change=("account", self._account(account) if says else ""))

    @rule(which=WHICH)
    def a_customer_is_removed(self, *, which: int) -> None:
        gone = self._rows_of(which)
        self.shadow.rows = [row for row in self.shadow.rows if row not in gone]
        self._say()

    @rule(which=WHICH, code=CODES)
    def a_customer_gets_another_code(self, *, which: int, code: str) -> None:
        if code not in self._codes():
            self.a_customer_is_changed(which=which, change=("code", code))

    @rule(which=WHICH, name=st.sampled_from(SAID["name"]), vat_number=st.sampled_from(VAT_NUMBERS))
    def a_code_is_given_to_somebody_else(self, *, which: int, name: str, vat_number: str) -> None:
        for row in self._rows_of(which):
            row.update(name=name, vat_number=vat_number)
        self._say()

    @rule(which=WHICH, status=STATUSES, everywhere=MOSTLY)
    def a_status_is_changed(self, *, which: int, status: str, everywhere: bool) -> None:
        rows = self._rows_of(which)
        for row in rows if everywhere else rows[:1]:
            row["status"] = status
        self._say()

    @rule(which=WHICH, contradicts=SELDOM, contradiction=ONE_SAID)
    def a_customer_is_listed_at_a_second_site(self, *, which: int, contradicts: bool, contradiction: tuple[str, Any]) -> None:
        rows = self._rows_of(which)
        if len(rows) == 1:
            site = "Paarl" if rows[0]["site"] == "Durban" else "Durban"
            self.shadow.rows.append({**rows[0], "site": site, **dict([contradiction] if contradicts else [])})
            self._say()

    # What the bookkeeper does.

    def _client(self) -> Rows:
        with closing(sqlite3.connect(self.books)) as connection:
            connection.row_factory = sqlite3.Row
            return {row["DCLink"]: dict(row) for row in connection.execute('SELECT * FROM "Client"')}

    def _keep(self, statement: str, *values: Any) -> None:
        with closing(sqlite3.connect(self.books)) as connection, connection:
            connection.execute(statement, values)
        self.rows = self._client()

    def _key(self, which: int) -> int | None:
        keys = sorted(self.rows)
        return keys[which % len(keys)] if keys else None

    def _has(self, code: str) -> bool:
        return folded(code) in {folded(row["Account"]) for row in self.rows.values()}

    def _open(self, code: str, name: str, vat_number: str, phone: str) -> None:
        columns = '"Account", "Name", "Tax_Number", "Telephone", "Credit_Limit", "iAgeingTermID", "DCBalance"'
        self._keep(f'INSERT INTO "Client" ({columns}) VALUES (?, ?, ?, ?, 0.0, 1, 3.5)', code, name, vat_number, phone)

    @rule(which=WHICH, change=ONE_HAD)
    def an_account_is_edited(self, *, which: int, change: tuple[str, Any]) -> None:
        if (key := self._key(which)) is not None:
            self._keep(f'UPDATE "Client" SET "{change[0]}" = ? WHERE "DCLink" = ?', change[1], key)

    @rule(which=WHICH, both=BOTH)
    def both_sides_change_a_field(self, *, which: int, both: tuple[str, Any, Any]) -> None:
        name, said, has = both
        linked = [code for code in self._codes() if folded(code) in self.shadow.links]
        if linked:
            code = linked[which % len(linked)]
            self.a_customer_is_changed(which=self._codes().index(code), change=(name, said))
            self._keep(
                f'UPDATE "Client" SET "{COLUMNS[name]}" = ? WHERE "DCLink" = ?', has, self.shadow.links[folded(code)].key
            )

    @rule(which=WHICH, code=ACCOUNT_CODES, twice=SELDOM)
    def an_account_gets_another_code(self, *, which: int, code: str, twice: bool) -> None:
        key = self._key(which)
        if key is not None and (twice or not self._has(code)):
            self._keep('UPDATE "Client" SET "Account" = ? WHERE "DCLink" = ?', code, key)
            self._lose_sight_of(key)

    @rule(which=WHICH)
    def an_account_is_deleted(self, *, which: int) -> None:
        if (key := self._key(which)) is not None:
            self._keep('DELETE FROM "Client" WHERE "DCLink" = ?', key)
            self._lose_sight_of(key)

    @rule(which=WHICH)
    def an_account_is_deleted_and_opened_again(self, *, which: int) -> None:
        if (key := self._key(which)) is not None:
            row = self.rows[key]
            self.an_account_is_deleted(which=which)
            self._open(row["Account"], row["Name"], row["Tax_Number"], row["Telephone"])

    @rule(code=ACCOUNT_CODES, name=st.sampled_from(HAS["Name"]), vat_number=st.sampled_from(VAT_NUMBERS), twice=SELDOM)
    def an_account_is_opened(self, *, code: str, name: str, vat_number: str, twice: bool) -> None:
        if twice or not self._has(code):
            self._open(code, name, vat_number, "9")

    def _edit(self, edit: Edit, expected: Sequence[Expected]) -> None:
        """Do while a sync is under way what a bookkeeper does at other times."""
        which = edit.which
        if which is None:
            written = {each.row for each in expected if each.is_write}
            which = next((place for place, key in enumerate(sorted(self.rows)) if key in written), len(self.rows) - 1)
        if edit.column == "deleted":
            self.an_account_is_deleted(which=which)
        elif edit.column == "opened":
            code = edit.value or next((each.account for each in expected if each.action == "create"), "X9")
            self.an_account_is_opened(code=code, name="Xen", vat_number="", twice=False)
        elif edit.column == "Account":
            self.an_account_gets_another_code(which=which, code=edit.value, twice=False)
        else:
            self.an_account_is_edited(which=which, change=(edit.column, edit.value))

    def _lose_sight_of(self, key: int) -> None:
        """Nobody can know an account again that bposync made, did not record, and that has another code since."""
        if all(link.key != key for link in self.shadow.links.values()):
            self.made.pop(key, None)

    # What a person decides.

    def _customer(self, which: int, *, linked: bool | None = None) -> str:
        """Give the code of a customer, in BPO or gone; one that is linked or is not, where there is one."""
        links = self.shadow.links
        codes = sorted({*self._codes(), *(link.customer for link in links.values())})
        codes = [code for code in codes if linked in (None, folded(code) in links)] or codes
        return codes[which % len(codes)] if codes else "nobody"

    def _account(self, which: int) -> str:
        key = self._key(which)
        return "none" if key is None else str(self.rows[key]["Account"])

    def _decide(self, decision: Callable[[Survey, Journal], T], then: Callable[[T], object]) -> None:
        """Let a person decide, as the commands do. What is refused changes nothing."""
        with self._opened() as opened:
            survey = make_survey(opened.settings, opened.bpo, opened.accounting, opened.journal)
            with suppress(UsageError):
                then(decision(survey, opened.journal))
            self._check_journal(opened.journal)

    def _part(self, code: str) -> None:
        """A person said whose account is whose, so that the customer may get another one."""
        self.made = {account: customer for account, customer in self.made.items() if customer != folded(code)}

    @rule(which=WHICH, account=WHICH, unlinked=MOSTLY)
    def a_customer_is_linked(self, *, which: int, account: int, unlinked: bool) -> None:
        code, account_code = self._customer(which, linked=False if unlinked else None), self._account(account)
        self._decide(
            lambda survey, journal: decide.link(survey, journal, code, account_code),
            lambda _: self._linked(code, account_code),
        )

    def _linked(self, code: str, account_code: str) -> None:
        links = self.shadow.links
        (account,) = [account for account in self.accounts.values() if folded(account.code) == folded(account_code)]
        customer = self.shadow.customer(code)
        is_missing = self.shadow.pair(self.accounts).of[customer.code][0] == "missing"  # then it may be said anew
        if (known := links.get(folded(code))) is not None and not is_missing:
            assert known.key == account.key, "a link was lost without a word"
            return
        others = {key for key, link in links.items() if link.key == account.key}
        assert not others & {folded(code) for code in self._codes()}, "an account was linked to two customers"
        for other in others:
            del links[other]
            self._part(other)
        self._part(code)
        self.made.pop(account.key, None)
        self.shadow.new.pop(customer.key, None)
        links[customer.key] = Link(customer.code, account.code, account.key, customer.name, customer.sites)

    @rule(which=WHICH, code=st.sampled_from(["", "", "X9", "Y8", "B2", LONG]))
    def a_customer_is_to_get_a_new_account(self, *, which: int, code: str) -> None:
        customer = self._customer(which, linked=False)
        self._decide(
            lambda survey, journal: decide.link_new(survey, journal, customer, code), lambda _: self._new(customer, code)
        )

    def _new(self, customer: str, code: str) -> None:
        assert folded(customer) not in self.shadow.links
        self.shadow.new[folded(customer)] = code
        assert not self._has(self.shadow.new_code(self.shadow.customer(customer)))
        self._part(customer)

    @rule(which=WHICH)
    def a_customer_is_unlinked(self, *, which: int) -> None:
        code = self._customer(which, linked=True)
        self._decide(lambda _, journal: decide.unlink(journal, code), lambda _: self._unlinked(code))

    def _unlinked(self, code: str) -> None:
        old = self.shadow.links.pop(folded(code), None), self.shadow.new.pop(folded(code), None)
        assert old != (None, None)
        self._part(code)

    @rule(which=WHICH, name=st.sampled_from([None, *FIELDS]), linked=MOSTLY)
    def what_accounting_has_is_accepted(self, *, which: int, name: str | None, linked: bool) -> None:
        code = self._customer(which, linked=True if linked else None)
        fields = FIELDS if name is None else (name,)
        self._decide(
            lambda survey, journal: decide.accept(survey, journal, code, () if name is None else fields),
            lambda accepted: self._accepted(code, fields, {each.field for each in accepted}),
        )

    def _accepted(self, code: str, fields: Sequence[str], accepted: set[str]) -> None:
        customer = self.shadow.customer(code)
        kind, key = self.shadow.pair(self.accounts).of[customer.code]
        assert kind == "paired"
        account, known = self.accounts[key or 0], self.shadow.links.get(customer.key)
        agreed = dict(known.agreed) if known else {}
        now = {name: (customer.values[name], account.values[name]) for name in self.shadow.compared if name in fields}
        assert accepted == {name for name, (bpo, has) in now.items() if bpo != has and agreed.get(name) != (bpo, has)}
        # A hold that both sides have is the bookkeeper's, unless it was carried over.
        agreed |= {name: (bpo, has) for name, (bpo, has) in now.items() if name != "hold" or bpo != has}
        if accepted:
            made = Link(customer.code, account.code, account.key, customer.name, customer.sites, agreed)
            self.shadow.links[customer.key] = made

    @rule(which=WHICH, account=st.booleans(), undo=MOSTLY)
    def one_is_ignored_or_no_longer(self, *, which: int, account: bool, undo: bool) -> None:
        ignored = self.shadow.ignored_accounts if account else self.shadow.ignored
        undo = undo and bool(ignored)
        code = sorted(ignored)[which % len(ignored)] if undo else self._account(which) if account else self._customer(which)
        decision = decide.ignore_account if account else decide.ignore_customer
        self._decide(
            lambda survey, journal: decision(survey, journal, code, undo=undo),
            lambda _: (ignored.discard if undo else ignored.add)(folded(code)),
        )

    # What becomes of the journal.

    @rule()
    def the_journal_is_lost(self) -> None:
        self.journal.unlink(missing_ok=True)
        self.shadow.forget()
        self.pending = {}
        # Under another code nobody knows again what the journal knew.
        accounts = self.accounts
        self.made = {
            key: customer for key, customer in self.made.items() if key in accounts and folded(accounts[key].code) == customer
        }

    def _check_journal(self, journal: Journal) -> None:
        assert _links(journal) == self.shadow.links
        decisions = journal.decisions.read()
        assert {folded(key): code for key, code in decisions.new.items()} == self.shadow.new
        assert {folded(key) for key in decisions.ignored_customers} == self.shadow.ignored
        assert {folded(key) for key in decisions.ignored_accounts} == self.shadow.ignored_accounts

    # Syncs.

    @rule()
    def a_sync_of_everybody(self) -> None:
        self._sync(Sync())

    @rule(choice=CHOICES)
    def a_sync_of_some(self, *, choice: Choice) -> None:
        self._sync(Sync(choice))

    @rule(news=NEWS, edit=EDITS, fail_fast=st.booleans())
    def a_sync_while_an_account_is_edited(self, *, news: News, edit: Edit, fail_fast: bool) -> None:
        self._hear(news)
        self._sync(Sync(between=edit, fail_fast=fail_fast))

    @rule(news=NEWS, edit=FIELD_EDITS)
    def a_sync_of_which_an_account_is_edited_at_once(self, *, news: News, edit: Edit) -> None:
        self._hear(news)
        self._sync(Sync(meddling=edit))

    @rule(news=NEWS, choice=CHOICES, batch=BATCHES)
    def a_sync_whose_line_is_cut(self, *, news: News, choice: Choice, batch: int) -> None:
        self._hear(news)
        self._sync(Sync(choice, batch=batch, is_cut=True))

    @rule(news=NEWS, choice=CHOICES, batch=BATCHES, death=DEATHS)
    def a_sync_that_is_killed(self, *, news: News, choice: Choice, batch: int, death: Death) -> None:
        self._hear(news)
        self._sync(Sync(choice, batch=batch, death=death))

    @rule(code=CODES, said=MUCH_SAID, batch=BATCHES, death=DEATHS)
    def a_sync_of_a_new_customer_is_killed(self, *, code: str, said: dict[str, Any], batch: int, death: Death) -> None:
        self.a_customer_is_added(code=code, site="Durban", said=said)
        self._sync(Sync(batch=batch, death=death))

    @precondition(lambda self: self.pending)
    @rule(steps=st.integers(0, 12))
    def a_sync_that_is_killed_while_it_settles(self, *, steps: int) -> None:
        self._sync(Sync(death_in_settling=Death(steps)))

    def _sync(self, sync: Sync) -> None:
        with suppress(Killed), self._opened() as opened, mock.patch.object(apply, "BATCH", sync.batch):
            self._settle(opened.journal, sync.death_in_settling)
            self._check_journal(opened.journal)
            self._plan_and_carry_out(opened, sync)
            self._check_journal(opened.journal)

    def _settle(self, journal: Journal, death: Death | None) -> None:
        """Settle what an earlier sync left. Each of its writes was done or was not, and is told and recorded as what it is."""
        links = dict(self.shadow.links)
        outcomes = dict.fromkeys(self.pending, "failed")
        for key, expected in self.pending.items():
            if (account := expected.found_in(self.accounts)) is not None:
                outcomes[key] = "written"
                if (link := self.shadow.settled(expected, account)) is not None:
                    links[key] = link
        try:
            with death.awaited() if death else nullcontext():
                settled = apply.settle_earlier(journal, self.accounting)
        except Killed:
            self._see_how_far_it_came(self.pending, links)
            raise
        assert {folded(intent.change.code): outcome.kind.value for intent, outcome in settled} == outcomes
        assert journal.runs.unsettled() == []
        self.shadow.links = links
        self.pending = {}

    def _see_how_far_it_came(self, begun: Mapping[str, Expected], links: Mapping[str, Link]) -> None:
        """Look at the journal of a dead process: each link is as it was or as it was to be, and what is open stays open."""
        with open_journal(self.settings, writes=False) as journal:
            now = _links(journal)
            still = {folded(intent.change.code) for intent in journal.runs.unsettled()}
        assert still <= begun.keys()
        for key in now.keys() | self.shadow.links.keys() | links.keys():
            assert now.get(key) in (self.shadow.links.get(key), links.get(key))
        self.shadow.links = now
        self.pending = {key: begun[key] for key in still}

    def _plan_and_carry_out(self, opened: Opened, sync: Sync) -> None:
        survey = make_survey(opened.settings, opened.bpo, opened.accounting, opened.journal)
        try:
            choice = survey.choose(sync.choice.sites, sync.choice.customers, overwrite=sync.choice.overwrite)
        except UsageError:
            return  # Nobody is listed there, or has that code.
        plan, planned = survey.plan(choice), self.accounts
        opened.check_past(survey, choice, plan)
        expected = self.shadow.plan(planned, sync.choice)
        _check_plan(plan, expected)
        assert {int(account.key) for account in plan.accounting_only} == self.shadow.accounting_only(planned)
        try:
            guards.check(survey, plan, None, opened.journal.known_company())
        except GuardError:
            return
        if sync.between is not None:
            self._edit(sync.between, expected)
        outcomes = self._carry_out(opened.journal, sync, plan, expected, self._foresee(sync, expected, planned))
        self._check_journal(opened.journal)
        if sync.is_undisturbed and set(outcomes.values()) <= {"written"}:
            again = make_survey(opened.settings, opened.bpo, opened.accounting, opened.journal)
            assert again.plan(choice).writes == ()

    def _foresee(self, sync: Sync, expected: Sequence[Expected], planned: Accounts) -> dict[str, str]:
        """Say what is to become of each write in the accounting database."""
        outcomes: dict[str, str] = {}
        for each in expected:
            if not each.is_write:
                continue
            if sync.fail_fast and not set(outcomes.values()) <= {"written"}:
                outcomes[each.key] = "failed"
            elif self.shadow.is_stale(each, planned, self.accounts):
                outcomes[each.key] = "stale"
            else:
                outcomes[each.key] = "failed" if each.is_refused else "written"
        return outcomes

    def _carry_out(
        self, journal: Journal, sync: Sync, plan: Plan, expected: Sequence[Expected], foreseen: Mapping[str, str]
    ) -> Mapping[str, str]:
        """Carry a plan out, see that accounting and the journal have what they should, and give what became of each write."""
        before, overwrites = self.rows, sync.choice.overwrite
        writes = {each.key: each for each in expected if each.is_write}
        links = self.shadow.links | {each.key: each.link for each in expected if each.link and not each.is_write}
        run = Run.start(sites=(), summary=plan.summary, login="")
        read_back, seen = self.way.read_back, False

        def disturbed(batch: Sequence[Change]) -> Any:
            nonlocal seen
            if sync.is_cut:
                raise UnreachableError("the line is cut")
            if sync.meddling is not None and not seen:
                assert self._written(before, writes, overwrites=overwrites).keys() == _those("written", foreseen)
                seen = True
                self._edit(sync.meddling, expected)
            return read_back(batch)

        try:
            with mock.patch.object(self.way, "read_back", disturbed), sync.death.awaited() if sync.death else nullcontext():
                result = apply.carry_out(plan, self.accounting, journal, run, fail_fast=sync.fail_fast)
                journal.runs.end(run.run, result.counts, 0)
        except Killed:
            done = self._written(before, writes, overwrites=overwrites)
            links |= {key: writes[key].linked_to(account) for key, account in done.items()}
            self._see_how_far_it_came(writes, links)
            assert all(key in self.pending or self.shadow.links[key] == links[key] for key in done)
            raise
        if not seen:
            assert self._written(before, writes, overwrites=overwrites).keys() == _those("written", foreseen)
        outcomes = dict(foreseen)
        for key in _those("written", foreseen):
            if sync.is_cut:
                outcomes[key], self.pending[key] = "unknown", writes[key]
            elif (account := writes[key].found_in(self.accounts)) is not None:
                links[key] = writes[key].linked_to(account)
            else:
                assert sync.meddling is not None
                outcomes[key] = "failed"
        self.shadow.links = links
        told = {folded(plan.changes[place].code): outcome.kind.value for place, outcome in result.outcomes.items()}
        assert told == outcomes
        _check_run(journal, run, plan, outcomes)
        return outcomes

    def _written(self, before: Rows, writes: Mapping[str, Expected], *, overwrites: bool) -> dict[str, Account]:
        """Give the accounts that were written, by customer. Each was written wholly or not at all, and nothing else was."""
        after = self._client()
        accounts = accounts_of(after.values())
        assert before.keys() <= after.keys(), "an account was deleted"
        written = {key for key, row in after.items() if before.get(key) != row}
        done = {}
        for customer, expected in writes.items():
            made = [key for key in written - before.keys() if after[key]["Account"] == expected.account]
            found = [expected.row] if expected.row in written else made if expected.row is None else []
            for key in found:
                assert key is not None
                assert customer not in done, "a customer got two accounts"
                if expected.row is None:
                    self._check_new(after[key], expected)
                else:
                    self._check_changed(before[key], after[key], expected, overwrites=overwrites)
                done[customer] = accounts[key]
                written.remove(key)
        assert written == set(), "an account was written that nobody had planned to write"
        self.rows = after
        return done

    def _check_new(self, row: Mapping[str, Any], expected: Expected) -> None:
        assert (row["DCBalance"], row["ucARDeliveryRoute"]) == (None, None)
        blank = {"credit_limit": 0, "hold": False}
        account = Account.of(row)
        assert account.is_usual
        assert account.values == {name: expected.writes.get(name, blank.get(name, "")) for name in FIELDS}
        assert expected.key not in self.made.values(), "a customer got a second account"
        self.made[account.key] = expected.key

    def _check_changed(
        self, before: Mapping[str, Any], after: Mapping[str, Any], expected: Expected, *, overwrites: bool
    ) -> None:
        old, new = Account.of(before), Account.of(after)
        assert new.values == {**old.values, **expected.writes}
        columns = {COLUMNS[name] for name in expected.writes}
        assert {column: value for column, value in after.items() if column not in columns} == {
            column: value for column, value in before.items() if column not in columns
        }
        for name in expected.writes:
            assert overwrites or self.shadow.is_free(old.key, name, old.values[name]), "the bookkeeper's value was lost"

    # What is true at any time.

    @invariant()
    def bpo_is_never_changed(self) -> None:
        assert self.bpo.read_bytes() == self.listing

    @invariant()
    def accounting_has_what_those_wrote_who_may(self) -> None:
        assert self._client() == self.rows


def _those(outcome: str, outcomes: Mapping[str, str]) -> set[str]:
    return {key for key, found in outcomes.items() if found == outcome}


def _links(journal: Journal) -> dict[str, Link]:
    """Give the journal's links as the shadow has them."""
    links = {}
    for key, link in journal.links.read().items():
        agreed: Any = {name: pair for name, pair in link.agreed.items() if name in FIELDS}
        links[folded(key)] = Link(link.customer, link.account, int(link.account_key), link.name, link.sites, agreed)
    return links


def _check_plan(plan: Plan, expected: Sequence[Expected]) -> None:
    """Compare a plan with what it ought to be. Who waits for a person or is left alone is not written."""
    assert [(change.code, change.action.value) for change in plan.changes] == [(each.code, each.action) for each in expected]
    for change, each in zip(plan.changes, expected, strict=True):
        assert change.is_write is each.is_write
        if each.link is None:
            continue
        verdicts = {found.field: found.verdict.value for found in change.fields if found.field in FIELDS}
        assert (change.account, verdicts) == (each.account, each.verdicts)
        assert {found.field: found.new for found in change.writes if found.field in FIELDS} == each.writes


def _check_run(journal: Journal, run: Run, plan: Plan, outcomes: Mapping[str, str]) -> None:
    """See that the journal tells what the sync did: its counts are those of its changes, and what is open is unknown."""
    told = journal.runs.all()[0]
    assert (told.run, told.summary) == (run.run, plan.summary)
    assert {name: count for name, count in told.outcomes.items() if count} == Counter(outcomes.values())
    recorded = [found.document for found in journal.runs.changes_of(run=run.run)]
    counted = {name: count for name, count in plan.summary.items() if count and name not in ("same", "skipped")}
    assert Counter(document["action"] for document in recorded) == counted
    assert {folded(document["code"]): document["outcome"] for document in recorded if document["outcome"]} == outcomes
    assert {folded(intent.change.code) for intent in journal.runs.unsettled()} == _those("unknown", outcomes)


@pytest.fixture
def originals(tmp_path: Path) -> Path:
    """The databases of a company without customers and accounts."""
    client = client_table()
    # A key that an account had is never given to another one, in Evolution.
    client.dialect_options["sqlite"]["autoincrement"] = True
    company = sqlite_company(tmp_path, client=client)
    for event in ("INSERT", "UPDATE"):
        company.books(
            f'CREATE TRIGGER refuse_{event} BEFORE {event} ON "Client" WHEN NEW."Telephone" = \'{REFUSED_PHONE}\' '
            "BEGIN SELECT RAISE(ABORT, 'refused by a rule'); END"
        )
    return tmp_path


def test_whatever_happens_nothing_is_lost_doubled_or_touched_unasked(originals: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failure is played again with the decorator that Hypothesis prints, on CompanyMachine."""
    # Nothing is still on its way to a database of this machine.
    monkeypatch.setattr(apply, "PAUSE_SECONDS", 0)
    monkeypatch.setattr(CompanyMachine, "originals", originals)
    run_state_machine_as_test(
        CompanyMachine,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=30,
            deadline=None,
            print_blob=True,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )
