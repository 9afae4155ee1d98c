"""Links and decisions as a file: taken in again they are the same, and what lies beside a lost journal stays."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bposync.errors import UsageError
from bposync.fields import ACCOUNT_FIELDS, FIELDS, Kind
from bposync.journal import Journal, copies
from bposync.journal.links import IGNORE, IGNORE_ACCOUNT, NEW, remark
from bposync.records import Decisions, Link
from bposync.values import normalise_code
from support.company import Company, dump, sqlite_company, sqlite_url

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from bposync.values import Value
    from support.within import Call

COMPANY = "Example Company"
AT = datetime(2026, 1, 3, 8, 0, tzinfo=UTC)


def journal_at(url: str, folder: Path, company: str = "main", *, writes: bool = True) -> Journal:
    from bposync import database

    address = database.address("the journal", "[state] url", url, folder=folder, environment={})
    return Journal(address, company, writes=writes)


def record(
    journal: Journal, links: list[Link], decisions: Mapping[tuple[str, str], str], overwrites: Mapping[str, dict[str, Value]]
) -> None:
    with journal.deciding() as connection:
        journal.know_company_first(connection, COMPANY)
        for link in links:
            journal.links.save(connection, [link], by="thandi", at=AT)
            journal.decisions.log(connection, "link", link.customer, link.account, remark("", "by hand"))
        for (kind, subject), code in decisions.items():
            journal.decisions.save(connection, kind, subject, code)
        for customer, fields in overwrites.items():
            journal.decisions.overwrite(connection, customer, fields)


def held(journal: Journal) -> tuple[dict[str, Link], Decisions]:
    """Give links with who and when, and decisions but for their words."""
    decisions = journal.decisions.read()
    return journal.links.read(), Decisions(
        decisions.ignored_customers, decisions.ignored_accounts, decisions.new, decisions.overwrite
    )


TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=20)
HOSTILE = st.sampled_from(
    [
        "=1+1",
        "'x",
        "''",
        "00123",
        "1E5",
        "link",
        "a,b",
        'a"b',
        "a\nb",
        "\x1b[31m",
        "\u202e",
        "json:1",
        "-",
        " a ",
        "\ufeff",
        "é",
    ]
)
CODES = (TEXT | HOSTILE).filter(normalise_code)


def value_of(kind: Kind) -> st.SearchStrategy[Any]:
    if kind is Kind.FLAG:
        return st.booleans()
    if kind is Kind.AMOUNT:
        return st.none() | st.integers(-(10**9), 10**9).map(lambda cents: Decimal(cents) / 100)
    return TEXT | HOSTILE | st.just("")


FIELD_VALUES = st.sampled_from(ACCOUNT_FIELDS).flatmap(
    lambda name: st.tuples(st.just(name), value_of(FIELDS[name].kind), value_of(FIELDS[name].kind))
)
LINKS = st.builds(
    lambda customer, account, key, name, sites, agreed: Link(
        customer, account, key, name, tuple(sites), {field: (bpo, accounting) for field, bpo, accounting in agreed}
    ),
    CODES, CODES, TEXT | st.just(""), TEXT | HOSTILE, st.lists(TEXT | HOSTILE, max_size=2), st.lists(FIELD_VALUES, max_size=3),
)  # fmt: skip
KINDS = st.sampled_from([NEW, IGNORE, IGNORE_ACCOUNT])
SUBJECTS = CODES.map(normalise_code)
DECISIONS = st.dictionaries(st.tuples(KINDS, SUBJECTS), CODES, max_size=4).map(
    lambda found: {(kind, subject): code if kind == NEW else "" for (kind, subject), code in found.items()}
)
OVERWRITES = st.dictionaries(SUBJECTS, FIELD_VALUES.map(lambda found: {found[0]: found[2]}), max_size=2)


@given(
    links=st.lists(LINKS, max_size=4, unique_by=lambda link: normalise_code(link.customer)),
    decisions=DECISIONS,
    overwrites=OVERWRITES,
)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_what_is_exported_and_taken_in_elsewhere_is_the_same(
    tmp_path_factory: pytest.TempPathFactory,
    links: list[Link],
    decisions: dict[tuple[str, str], str],
    overwrites: dict[str, dict[str, Value]],
) -> None:
    folder = tmp_path_factory.mktemp("copy")
    there_and_back(sqlite_url(folder / "one.sqlite"), sqlite_url(folder / "two.sqlite"), folder, links, decisions, overwrites)


def there_and_back(
    one: str, two: str, folder: Path, links: list[Link],
    decisions: dict[tuple[str, str], str], overwrites: dict[str, dict[str, Value]],
) -> None:  # fmt: skip
    path = folder / "copy.csv"
    first, second = journal_at(one, folder), journal_at(two, folder)
    record(first, links, decisions, overwrites)
    exported = copies.export(first, path)
    assert exported == copies.Copied(len(links), len(decisions) + len(overwrites))
    assert copies.take_in(second, path, COMPANY) == exported
    assert held(second) == held(first)
    assert copies.take_in(second, path, COMPANY) == copies.Copied(0, 0)
    assert second.verify().problems == ()
    first.close()
    second.close()


LINK = Link("ABC001", "X\u202e1", "7", "=Alpha \U0001f600", ("Durban",), {"credit_limit": (Decimal("1.50"), None)})
GIVEN: tuple[list[Link], dict[tuple[str, str], str], dict[str, dict[str, Value]]] = (
    [LINK], {(NEW, "new1"): "00123", (IGNORE, "ign1"): "", (IGNORE_ACCOUNT, "staff"): ""}, {"abc001": {"phone": "1"}},
)  # fmt: skip


@pytest.mark.parametrize("back", [False, True])
def test_a_copy_goes_from_sqlite_to_postgresql_and_back(postgres_url: str, tmp_path: Path, *, back: bool) -> None:
    one, two = sqlite_url(tmp_path / "one.sqlite"), postgres_url
    if back:
        one, two = two, one
    there_and_back(one, two, tmp_path, *GIVEN)


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    made = journal_at(sqlite_url(tmp_path / "books-state.sqlite"), tmp_path)
    record(made, *GIVEN)
    return made


@pytest.fixture
def copy(journal: Journal, tmp_path: Path) -> Path:
    copies.export(journal, tmp_path / "copy.csv")
    return tmp_path / "copy.csv"


def changed(path: Path, change: Callable[[list[dict[str, str]]], object]) -> Path:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    change(rows)
    with path.open("w", encoding="utf-8-sig", newline="") as stream:
        writer = csv.DictWriter(stream, copies.HEADINGS)
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_nothing_in_a_copy_acts_in_a_spreadsheet_or_on_a_screen(copy: Path) -> None:
    text = copy.read_text("utf-8-sig")
    assert not {"\u202e", "\x1b"} & set(text)
    with copy.open(encoding="utf-8-sig", newline="") as stream:
        assert [cell for row in csv.reader(stream) for cell in row if cell[:1] in ("=", "+", "-", "@", "\t")] == []


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda rows: rows[0].update(kind="lnk"), "row 2: 'lnk' is no kind"),
        (lambda rows: rows[0].update(customer=""), "row 2: the code is blank"),
        (lambda rows: rows[0].update(account=""), "row 2: the account is blank"),
        (lambda rows: rows[0].update(sites='"Durban"'), "row 2: the sites are no list"),
        (lambda rows: rows[0].update(sites="["), "row 2"),
        (lambda rows: rows[0].update(sites="[" * 100_000), "row 2"),
        (lambda rows: rows[0].update(values="[]"), "row 2"),
        (lambda rows: rows[0].update(values='{"phone": [1, 2, 3]}'), "row 2"),
        (lambda rows: rows[-1].update(values="1"), "row 6: the values are no fields"),
        (lambda rows: rows[0].update(at="yesterday"), "row 2"),
        (lambda rows: rows[0].update(name="json:{"), "row 2"),
        (lambda rows: rows[1].update(company="Other"), "row 3: is of company 'Other'"),
        (lambda rows: rows.append(rows[0]), "row 7: says again what row 2 says"),
        (lambda rows: rows.append({**rows[0], "customer": "abc001 "}), "row 7: says again what row 2 says"),
    ],
)  # fmt: skip
def test_a_copy_with_a_row_that_cannot_be_understood_is_refused_whole(
    copy: Path, tmp_path: Path, change: Callable[[list[dict[str, str]]], object], why: str
) -> None:
    other = journal_at(sqlite_url(tmp_path / "other.sqlite"), tmp_path)
    with pytest.raises(UsageError, match="Nothing was recorded") as refused:
        copies.take_in(other, changed(copy, change), COMPANY)
    assert why in refused.value.message
    assert held(other) == ({}, Decisions())


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda rows: rows[0].update(account_key="8"), "row 2: customer ABC001 is linked to account"),
        (
            lambda rows: next(row for row in rows if row["kind"] == NEW).update(account="00124"),
            "customer new1 gets account 00123",
        ),
    ],
)
def test_a_copy_that_contradicts_the_journal_is_refused_whole(
    journal: Journal, copy: Path, change: Callable[[list[dict[str, str]]], object], why: str
) -> None:
    before = held(journal)

    def changes(rows: list[dict[str, str]]) -> None:
        change(rows)
        rows.append({**rows[0], "customer": "FRESH", "account_key": "99"})

    with pytest.raises(UsageError, match="Nothing was recorded") as refused:
        copies.take_in(journal, changed(copy, changes), COMPANY)
    assert why in refused.value.message
    assert held(journal) == before


def test_a_journal_that_fails_in_the_middle_takes_nothing_in(
    copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = journal_at(sqlite_url(tmp_path / "other.sqlite"), tmp_path)
    record_ = copies._record  # noqa: SLF001 - the step in whose middle it fails

    def fails(journal: Journal, connection: Any, entry: Any) -> None:
        record_(journal, connection, entry)
        if entry.kind == IGNORE_ACCOUNT:
            raise OSError("disk full")

    monkeypatch.setattr(copies, "_record", fails)
    with pytest.raises(Exception, match="disk full"):
        copies.take_in(other, copy, COMPANY)
    assert held(other) == ({}, Decisions())
    assert other.decisions.story() == []


def test_what_was_taken_in_tells_who_decided_it_first(copy: Path, tmp_path: Path) -> None:
    other = journal_at(sqlite_url(tmp_path / "other.sqlite"), tmp_path)
    copies.take_in(other, copy, COMPANY)
    (link,) = other.links.read().values()
    assert (link.by, link.at) == ("thandi", AT)
    assert "by thandi on 2026-01-03" in other.decisions.story("abc001")[0].detail


# Beside the journal.


def test_companies_that_differ_in_nothing_but_signs_have_copies_of_their_own(tmp_path: Path) -> None:
    names = ["main", "a b", "a-b", "a/b", "a_b", "ä"]
    url = sqlite_url(tmp_path / "books-state.sqlite")
    paths = [copies.path_beside(journal_at(url, tmp_path, name)) for name in names]
    assert len({str(path).casefold() for path in paths}) == len(names)
    assert paths[0] == tmp_path / "books-links.csv"
    assert {path.parent for path in paths if path} == {tmp_path}


def test_the_copy_is_written_where_something_changed_and_only_then(journal: Journal, tmp_path: Path) -> None:
    path = tmp_path / "books-links.csv"
    copies.write_beside(journal)
    assert len(path.read_text("utf-8-sig").splitlines()) == 6
    path.unlink()
    copies.write_beside(journal)
    assert not path.exists()


@pytest.fixture
def company(tmp_path: Path) -> Company:
    made = sqlite_company(tmp_path)
    made.customer("ABC001", "Alpha")
    made.account("OLD9", "Alfa Traders")
    return made


@pytest.fixture
def bposync(company: Company, bposync: Call) -> Call:
    """Runs bposync within this process, on the test's own company."""
    return partial(bposync, "--config", company.path)


def test_a_lost_journal_does_not_take_its_copy_with_it(bposync: Call, company: Company) -> None:
    bposync("link", "ABC001", "OLD9")
    beside = company.folder / "journal-links.csv"
    before = beside.read_bytes()
    (company.folder / "journal.sqlite").unlink()
    said = bposync("ignore", "ABC001").stderr
    (kept,) = company.folder.glob("journal-links-*.csv")
    assert kept.read_bytes() == before
    assert f"bposync link --import {kept}" in said
    bposync("link", "--import", str(kept))
    assert [link.account for link in company.links().values()] == ["OLD9"]
    assert len(list(company.folder.glob("journal-links*.csv"))) == 2


def test_the_copy_itself_is_taken_into_a_new_journal_without_a_second_one(bposync: Call, company: Company) -> None:
    bposync("link", "ABC001", "OLD9")
    (company.folder / "journal.sqlite").unlink()
    bposync("link", "--import", str(company.folder / "journal-links.csv"))
    assert [link.account for link in company.links().values()] == ["OLD9"]
    assert [path.name for path in company.folder.glob("*.csv")] == ["journal-links.csv"]


def test_a_copy_that_cannot_be_written_is_told_and_the_decision_stands(bposync: Call, company: Company) -> None:
    (company.folder / "journal-links.csv").mkdir()
    (company.folder / "journal-links.csv" / "x").touch()
    result = bposync("link", "ABC001", "OLD9")
    assert result.code == 0
    assert [link.account for link in company.links().values()] == ["OLD9"]


def test_export_and_import_say_what_they_did_and_refuse_what_is_no_copy(
    bposync: Call, company: Company, tmp_path: Path
) -> None:
    bposync("link", "ABC001", "OLD9")
    document = bposync("link", "--export", str(tmp_path / "out.csv"), "--json").json
    assert (document["links"], document["decisions"]) == (1, 0)
    before = dump(company.journal_url)
    for wrong in ("out.txt", "nothing.csv"):
        bposync("link", "--import", str(tmp_path / wrong), expect=2)
    (tmp_path / "wrong.csv").write_text(json.dumps({"a": 1}))
    assert "has no column 'kind'" in bposync("link", "--import", str(tmp_path / "wrong.csv"), expect=2).stderr
    bposync("link", "--export", str(tmp_path / "out.txt"), expect=2)
    assert dump(company.journal_url) == before


def test_an_export_goes_over_a_file_that_is_there_only_by_force(bposync: Call, tmp_path: Path) -> None:
    bposync("link", "ABC001", "OLD9")
    path = tmp_path / "out.csv"
    path.write_text("somebody's own", encoding="utf-8")
    error = bposync("link", "--export", str(path), "--json", expect=2).json["error"]
    assert error["message"] == f"{path} is there already."
    assert error["hint"] == "Name another file, or write over it with --force."
    assert path.read_text(encoding="utf-8") == "somebody's own"
    bposync("link", "--export", str(path), "--force")
    assert ",OLD9," in path.read_text(encoding="utf-8")
    bposync("link", "ABC001", "OLD9", "--force", expect=2)
    bposync("link", "--import", str(path), "--force", expect=2)


def test_an_export_that_fails_leaves_the_file_as_it_was(bposync: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bposync("link", "ABC001", "OLD9")
    path = tmp_path / "out.csv"
    path.write_text("yesterday's", encoding="utf-8")

    def fail(*_: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(copies, "_encoded", fail)
    assert "No space left on device" in bposync("link", "--export", str(path), "--force", expect=2).stderr
    assert path.read_text(encoding="utf-8") == "yesterday's"
    assert [each.name for each in tmp_path.iterdir() if each.name.endswith(".new")] == []


def test_a_copy_of_another_company_is_not_taken_in(bposync: Call, company: Company, tmp_path: Path) -> None:
    bposync("link", "ABC001", "OLD9")
    path = tmp_path / "out.csv"
    bposync("link", "--export", str(path))
    bposync("unlink", "ABC001")
    changed(path, lambda rows: [row.update(company="Other Company") for row in rows])
    assert "is of company 'Other Company'" in bposync("link", "--import", str(path), expect=2).stderr
    assert company.links() == {}
