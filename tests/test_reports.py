"""Reports as pages: whatever happened is told, nothing in them runs or fetches anything, and everybody can read them."""

from __future__ import annotations

import base64
import hashlib
import re
import shlex
import shutil
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from bposync import apply, demo
from bposync.accounting import Company
from bposync.advice import typed
from bposync.cli.app import main
from bposync.errors import UnreachableError
from bposync.export.changes import marked, shares
from bposync.export.markup import Markup, element, join, readable
from bposync.export.page import policy
from bposync.export.settling import ways
from bposync.export.sync_page import MOST_CUSTOMERS, sync_page
from bposync.export.told import Facts, SyncTold
from bposync.export.totals import LEFT, NEW, PERSON, UPDATE, Stage, Standing, totals
from bposync.plan import Plan
from bposync.records import Action, Change, FieldChange, Outcome, OutcomeKind, Verdict
from support.browser import browser

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from support.within import Call

SECRET = "s3cret-of-the-books"
FACTS = Facts(
    datetime(2026, 11, 23, 6, 30, 12, tzinfo=UTC), "thandi", "office", "0.1.0", "bposync.toml",
    Company("Example Company", "Example", "server"), "Evolution", ("Durban",), run="20261123-063012-5f1c07",
)  # fmt: skip


class Read(HTMLParser):
    """A page as a browser reads it: its elements with their attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.texts: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return "".join(self.texts)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return demo.build(tmp_path_factory.mktemp("made") / "company").parent


@pytest.fixture
def company(made: Path, tmp_path: Path) -> Path:
    """A demo company of the test's own."""
    return shutil.copytree(made, tmp_path / "company")


@pytest.fixture
def bposync(company: Path, bposync: Call, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Runs bposync within this process, in the company's folder."""
    monkeypatch.chdir(company)
    return bposync


@pytest.fixture
def report(company: Path) -> Report:
    return Report(company / "report.html")


class Report:
    """The report of a test."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __str__(self) -> str:
        return str(self.path)

    @property
    def text(self) -> str:
        return Read(self.path.read_text("utf-8")).text


# Markup is escaped by construction.

HOSTILE = (
    "<script>alert(1)</script>", "]]>", "&amp;&lt;", "\"'><img src=x onerror=alert(1)>",
    "\u202eevil\u2066", "\U0001f389", "a\0b",
    "</style><script>", "{{7*7}} ${x} %s", "\ud800", "javascript:alert(1)", "-->", "x\ny", "--force", "\ufffe",
)  # fmt: skip
hostile = st.sampled_from(HOSTILE) | st.text(max_size=30)


@given(hostile, hostile)
def test_a_text_in_an_element_is_read_as_that_text_and_nothing_else(text: str, attribute: str) -> None:
    read = Read(str(element("p", text, element("b", [text, None]), title=attribute, class_=None)))
    assert read.tags == ["p", "b"]
    assert read.attributes == [("title", readable(attribute))]
    assert read.text == readable(text) * 2


def test_markup_is_made_by_element_only() -> None:
    with pytest.raises(TypeError):
        Markup("<script>", object())
    assert str(join(element("p", 1), None, "<")) == "<p>1</p>&lt;"


def test_a_very_long_text_is_cut_and_says_so() -> None:
    assert readable("x" * 10_000) == "x" * 600 + "… (10,000 characters)"


# Commands to type.


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=12))
def test_a_code_is_typed_so_that_a_shell_reads_it_as_one_word_or_not_at_all(code: str) -> None:
    if shown := typed(code):
        assert shlex.split(shown) == [code]
        assert not code.startswith("-")
        assert not set('$`\\%!"^') & set(code)  # each shell has its own way with these


@pytest.mark.parametrize("code", ["A\nB", "A$(x)", "-x", "A\u202eB", "", "Ünï", 'a"b', "%PATH%"])
def test_a_code_that_no_shell_is_sure_to_take_is_settled_in_a_sheet(code: str) -> None:
    (way,) = ways(Change(code, "x", "", Action.LOOKALIKE))
    assert way.command == "bposync review --output review.xlsx"


def test_each_who_waits_is_told_how_it_is_settled() -> None:
    assert [way.command for way in ways(Change("A B", "x", "", Action.CONFLICT))] == [
        'bposync accept "A B"', 'bposync sync --customer "A B" --overwrite',
    ]  # fmt: skip
    looks_like = Change("A1", "x", "", Action.LOOKALIKE, candidates=("X 1", "X2"))
    assert [way.command for way in ways(looks_like)] == [
        'bposync link A1 "X 1"', "bposync link A1 X2", "bposync link A1 --new",
    ]  # fmt: skip
    assert len(ways(replace(looks_like, candidates=("$(x)", "X2")))) == 2  # what no shell is sure of is not offered
    assert ways(replace(looks_like, needs_code=True))[-1].command == "bposync link A1 --new CODE"
    assert ways(Change("A1", "x", "", Action.UPDATE)) == ()


# What differs is marked.


@pytest.mark.parametrize(
    ("old", "new", "before", "after"),
    [
        ("12 Old Road", "12 New Road", "12 <del>Old</del> Road", "12 <ins>New</ins> Road"),
        ("12 Road", "12 New Road", "12 Road", "12 <ins>New </ins>Road"),
        ("same", "other", "<del>same</del>", "<ins>other</ins>"),
        (Decimal("1000.00"), Decimal("1500.00"), "<del>1,000.00</del>", "<ins>1,500.00</ins>"),
        (False, True, "<del>no</del>", "<ins>yes</ins>"),
        ("<b>", "<b> x", "&lt;b&gt;", "&lt;b&gt;<ins> x</ins>"),
    ],
)
def test_what_differs_between_two_values_is_marked(old: Any, new: Any, before: str, after: str) -> None:
    assert [str(each) for each in marked(old, new)] == [f"<bdi>{before}</bdi>", f"<bdi>{after}</bdi>"]


@given(hostile, hostile)
def test_marking_takes_nothing_from_a_value_and_adds_nothing(old: str, new: str) -> None:
    for value, made in zip((old, new), marked(old, new), strict=True):
        assert Read(str(made)).text == ("".join(map(readable, re.split(r"(?<=\s)(?=\S)|(?<=\S)(?=\s)", value))) or "blank")


@given(st.integers(0, 30), st.lists(st.integers(0, 20), max_size=6))
def test_a_page_has_room_for_so_many_the_first_first(most: int, sizes: list[int]) -> None:
    given = shares(most, *(range(size) for size in sizes))
    assert sum(given) == min(most, sum(sizes))
    assert all(given[place] == sizes[place] or not any(given[place + 1 :]) for place in range(len(sizes)))


# A page of its own.


def page(told: SyncTold) -> str:
    return str(sync_page(told))


def hostile_plan() -> Plan:
    """Make a plan in which every name, code and value is hostile, in every action."""
    changes = []
    for text in HOSTILE:
        fields = [FieldChange("contact", text, f"{text} x", text, verdict, agreed=True) for verdict in Verdict]
        changes += [
            Change(text, text, text, action, (text,), tuple(fields) if action is not Action.LOOKALIKE else (), (text,))
            for action in Action
        ]
    return Plan(tuple(changes), notes=HOSTILE)


def test_nothing_in_a_hostile_company_becomes_a_part_of_the_page() -> None:
    company = Company(HOSTILE[0], HOSTILE[1], HOSTILE[3])
    plan = hostile_plan()
    outcomes = {
        place: Outcome(list(OutcomeKind)[place % 5], HOSTILE[place % len(HOSTILE)])
        for place, change in enumerate(plan.changes)
        if change.is_write
    }
    facts = replace(FACTS, company=company, by=HOSTILE[0], sites=HOSTILE, configuration=HOSTILE[3])
    hostile = page(SyncTold(facts, dry_run=False, plan=plan, outcomes=outcomes, steps=HOSTILE))
    harmless = page(SyncTold(FACTS, dry_run=False, plan=plan))
    read = Read(hostile)
    assert {*read.tags} - {*Read(harmless).tags} <= {"li", "ol"}
    assert not {"script", "img", "a", "iframe", "form", "link"} & {*read.tags}
    assert not [name for name, _ in read.attributes if name.startswith("on") or name in ("style", "src", "href")]
    assert hostile.count("</style>") == 1
    for character in "\0\u202e\u2066\ud800":
        assert character not in hostile
    assert "<script>alert(1)</script>" in read.text
    hostile.encode("utf-8")


def test_a_page_fetches_nothing_and_its_policy_allows_its_own_style_only() -> None:
    text = page(SyncTold(FACTS, dry_run=True, plan=hostile_plan()))
    (style,) = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy() == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert f'content="{policy()}"'.replace("'", "&#x27;") in text
    assert not re.findall(r"@import|url\((?!#)|https?:", style)


def test_who_is_in_step_as_before_counts_without_a_change_of_theirs() -> None:
    plan = Plan(
        (Change("A1", "x", "A1", Action.CREATE, ("Durban", "Kloof")),), in_step={("Durban",): 40, ("Durban", "Kloof"): 2}
    )
    text = Read(page(SyncTold(replace(FACTS, sites=("Durban", "Kloof")), dry_run=True, plan=plan))).text
    assert "Customers (43)" in text
    assert "42in step1new account to write" in text
    assert "Durban43421Kloof321" in text


# A large company.


def many_changes(count: int) -> Plan:
    names = ["name", "credit_limit", "phone", "email", "contact", *(f"billing_{line}" for line in range(1, 6)), "vat_number"]
    values = {name: f"Some {name} of a customer" for name in names} | {"credit_limit": Decimal("1250.50")}
    new = tuple(FieldChange(name, "", values[name], None, Verdict.WRITE) for name in names)
    changed = tuple(FieldChange(name, f"old {name}", values[name], None, Verdict.WRITE) for name in names[2:5])
    actions = (Action.CREATE, Action.UPDATE, Action.LOOKALIKE)
    return Plan(
        tuple(
            Change(
                f"C{place:05}", f"Customer {place}", f"C{place:05}", actions[place % 3], ("Durban",),
                (new, changed, ())[place % 3], ("account X (Someone) has the name",) if place % 3 == 2 else (),
            )
            for place in range(count)
        )
    )  # fmt: skip


def test_a_report_of_3000_changes_is_whole_and_a_few_megabytes_at_most() -> None:
    text = page(SyncTold(FACTS, dry_run=True, plan=many_changes(3_000)))
    assert len(text.encode()) < 4_000_000
    assert "more do not stand here" not in text
    assert all(f"C{place:05}" in text for place in range(3_000))


def test_of_more_changes_it_says_how_many_were_left_out_and_where_they_are() -> None:
    told = SyncTold(FACTS, dry_run=False, plan=many_changes(2 * MOST_CUSTOMERS))
    text = Read(page(told)).text
    assert f"{MOST_CUSTOMERS:,} more do not stand here" not in text  # those who need a person stand there first
    assert text.count("C00002") == 2  # its heading and a command
    left_out = [int(count.replace(",", "")) for count in re.findall(r"([\d,]+) more do not stand here", text)]
    assert sum(left_out) == MOST_CUSTOMERS
    assert "bposync history 20261123-063012-5f1c07" in text


# Whatever happened.


def test_a_sync_that_wrote_is_told_with_what_changed_and_who_waits(bposync: Call, report: Report) -> None:
    said = bposync("sync", "--yes", "--report", report, expect=4)
    assert f"The report is in {report}." in said.stderr
    text = report.text
    (run,) = re.findall(r"Run (\d{8}-\d{6}-[0-9a-f]{6})", said.stdout)
    for part in (
        "The synchronisation is complete", "Written: 30 new accounts, 4 updates (1 of a customer in conflict).", run,
        "Example Company",
        "Waiting for a person: 1 in conflict, 2 lookalike, 1 rejected.", "bposync accept ZEB001",
        "accounting has 40,000.00, BPO has 25,000.00", "Changes written (4)", "New accounts written (30)",
        "Held back: 'Nomthandazo Wilhelmina Oosthuizen' is 33 long, Evolution holds 30",
    ):  # fmt: skip
        assert part in text
    assert "not written" not in text.lower().replace("not written: accounting's value stands", "")


def test_a_dry_run_is_told_as_one(bposync: Call, report: Report) -> None:
    bposync("sync", "--dry-run", "--report", report, expect=4)
    for part in (
        "What a sync would do",
        "A sync would write 30 new accounts, 4 updates (9 fields; 1 of a customer in conflict)",
        "This was a dry run",
    ):
        assert part in report.text
    assert "New accounts to write (30)" in report.text


def test_a_sync_with_nothing_to_write_is_told_too(bposync: Call, report: Report) -> None:
    bposync("sync", "--site", "Durban", "--yes", "--quiet")
    bposync("sync", "--site", "Durban", "--yes", "--report", report)
    assert "Nothing to write: 24 customers in step" in report.text
    assert "Durban" in report.text


def test_a_sync_that_a_guard_stopped_is_told_with_its_plan(bposync: Call, report: Report, company: Path) -> None:
    bposync("sync", "--yes", "--max-changes", "5", "--report", report, expect=8)
    for part in (
        "Nothing was synchronised",
        "34 accounts would be written, and max_changes allows 5.",
        "New accounts to write (30)",
    ):
        assert part in report.text
    bposync("sync", "--dry-run", "--max-changes", "5", "--output", company / "plan.csv", expect=8)
    assert (company / "plan.csv").read_text("utf-8-sig").startswith("code,name")


@pytest.mark.parametrize(("count", "said"), [
    (1, "1 new account written, 1 account updated, 1 left as accounting changed it, 1 needs a person"),
    (2, "2 new accounts written, 2 accounts updated, 2 left as accounting changed them, 2 need a person"),
])  # fmt: skip
def test_one_is_told_as_one(count: int, said: str) -> None:
    found = Standing(Counter(dict.fromkeys((NEW, UPDATE, LEFT, PERSON), count)), {})
    page = str(totals(found, Stage.WRITTEN, partly=count))
    assert f'aria-label="{4 * count} customers: {said}"' in page
    assert ("Who needs a person is written in part." if count == 1 else "Of those who need a person, 2 are") in page


def test_a_sync_that_nobody_confirmed_is_told(bposync: Call, report: Report) -> None:
    bposync("sync", "--report", report, expect=10)
    assert "there is no terminal to ask at" in report.text


def test_a_sync_that_found_no_database_leaves_no_report_of_yesterday(bposync: Call, report: Report, company: Path) -> None:
    bposync("sync", "--yes", "--report", report, expect=4)
    (company / "bposync.toml").write_text(
        f"[bpo]\nurl = 'postgresql://reader:{SECRET}@127.0.0.1:1/bpo'\ncustomers = 'x'\n"
        "[accounting]\nsystem = 'evolution'\nwrite = 'sql'\nurl = 'sqlite:///x.sqlite'\n",
        "utf-8",
    )
    bposync("sync", "--yes", "--report", report, "--force", expect=7)
    text = report.path.read_text("utf-8")
    assert "Nothing was synchronised" in text
    assert SECRET not in text
    (company / "bposync.toml").write_text("[bpo\n", "utf-8")
    bposync("sync", "--yes", "--report", report, "--force", expect=2)
    assert "Nothing was synchronised" in report.text


def test_a_sync_that_was_stopped_half_way_is_told_as_far_as_it_came(
    bposync: Call, report: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    carry_out_batch, batches = apply._carry_out_batch, iter(range(9))  # noqa: SLF001

    def one_batch(*arguments: Any) -> list[Outcome]:
        if next(batches):
            raise KeyboardInterrupt
        return carry_out_batch(*arguments)

    monkeypatch.setattr(apply, "BATCH", 10)
    monkeypatch.setattr(apply, "_carry_out_batch", one_batch)
    bposync("sync", "--yes", "--report", report, expect=130)
    text = report.text
    for part in (
        "The synchronisation is not complete",
        "Written: 10 new accounts.",
        "Not written: 24 of 34 accounts.",
        "Interrupted.",
    ):
        assert part in text
    assert text.count("Not tried") == 24


def test_a_write_that_failed_is_told_with_its_reason(bposync: Call, report: Report, company: Path) -> None:
    engine = sa.create_engine(f"sqlite:///{company / 'Example Company.sqlite'}")
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE TRIGGER refuse BEFORE INSERT ON Client WHEN NEW.Account = 'ROO001' "
            "BEGIN SELECT RAISE(ABORT, 'somebody said <no>'); END"
        )
    engine.dispose()
    bposync("sync", "--yes", "--report", report, expect=4)
    for part in (
        "Not written (1)",
        "Rooibos Traders",
        "somebody said <no>",
        "Written: 29 new accounts, 4 updates (1 of a customer in conflict).",
    ):
        assert part in report.text


def test_a_database_that_goes_away_is_told_with_the_plan(
    bposync: Call, report: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> None:
        raise UnreachableError("The server went away.", "Start it.")

    monkeypatch.setattr(apply, "_carry_out_batch", gone)
    bposync("sync", "--yes", "--report", report, expect=7)
    for part in (
        "Nothing was synchronised",
        "The server went away.",
        "Start it.",
        "Planned: 30 new accounts, 4 updates (9 fields; 1 of a customer in conflict).",
    ):
        assert part in report.text


def test_what_nobody_expected_is_told(bposync: Call, report: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(*_: object, **__: object) -> None:
        raise RuntimeError("postgresql://reader:hunter2@server/x")

    monkeypatch.setattr("bposync.survey.make_survey", wrong)
    bposync("sync", "--yes", "--report", report, expect=1)
    assert "Something unexpected happened: RuntimeError" in report.text
    assert "hunter2" not in report.text


def test_a_report_that_cannot_be_written_changes_nothing_in_the_sync_and_is_told(
    bposync: Call, report: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = apply.carry_out

    def carry_out(*arguments: Any, **named: Any) -> Any:
        report.path.write_text("theirs", "utf-8")
        return original(*arguments, **named)

    monkeypatch.setattr(apply, "carry_out", carry_out)
    said = bposync("sync", "--yes", "--site", "Durban", "--json", "--report", report)
    assert said.json["outcomes"]["written"] == 21
    assert said.json["notes"][-1].startswith("The report is missing: ")
    assert report.path.read_text("utf-8") == "theirs"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--report", "report.pdf"), "does not end in .html"),
        (("--dry-run", "--report", "x.html", "--output", "x.html"), "name the same file"),
        (("--report", "nowhere/x.html"), "there is no folder"),
        (("--report", "bposync.html"), "is there already"),
    ],
)
def test_a_report_that_cannot_be_written_is_refused_before_anything_is(
    bposync: Call, company: Path, arguments: tuple[str, ...], message: str
) -> None:
    (company / "bposync.html").write_text("theirs", "utf-8")
    assert message in bposync("sync", "--yes", *arguments, expect=2).stderr
    assert not (company / "bposync-state.sqlite").exists()


def test_a_status_page_tells_who_waits_and_who_has_no_customer(bposync: Call, report: Report) -> None:
    bposync("sync", "--site", "Durban", "--yes", "--quiet")
    bposync("status", "--output", report)
    for part in ("Not all customers are in step", "Post Accounts is off", "Zululand Fencing", "never", "bposync accept ZEB001"):
        assert part in report.text


def test_a_status_of_a_site_in_step_says_so(bposync: Call, report: Report) -> None:
    bposync("sync", "--site", "Durban", "--yes", "--quiet")
    bposync("status", "--site", "Durban", "--output", report)
    assert "All customers are in step" in report.text


# In a real browser.


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as started:
        yield started


@pytest.fixture(scope="module")
def pages(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of each kind."""
    folder = tmp_path_factory.mktemp("pages")
    config = ["--quiet", "--config", str(shutil.copytree(made, folder / "company"))]
    main(["list", "--output", str(folder / "list.html"), *config])
    main(["sync", "--yes", "--report", str(folder / "sync.html"), *config])
    main(["status", "--output", str(folder / "status.html"), *config])
    hostile = page(SyncTold(replace(FACTS, sites=HOSTILE), dry_run=True, plan=Plan(hostile_plan().changes[::7])))
    (folder / "hostile.html").write_text(hostile, "utf-8")
    return folder


@pytest.fixture
def opened(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context(offline=True)
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("name", ["list", "sync", "status", "hostile"])
def test_everybody_can_read_a_page_on_a_phone_and_on_paper_by_day_and_by_night(opened: Page, pages: Path, name: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    said: list[str] = []
    opened.on("console", lambda message: said.append(message.text))
    opened.on("request", lambda request: said.append(request.url))
    opened.on("dialog", lambda dialog: said.append(dialog.message))
    opened.goto((pages / f"{name}.html").as_uri())
    for width, scheme in ((390, "light"), (794, "dark"), (390, "dark"), (794, "light")):
        opened.set_viewport_size({"width": width, "height": 900})
        opened.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        assert opened.evaluate("document.documentElement.scrollWidth") <= width
        narrow = "[...document.querySelectorAll('tbody th')].filter(each => each.clientWidth < 40).map(each => each.innerText)"
        assert opened.evaluate(narrow) == []  # no code stands letter under letter
        if (width == 390) == (scheme == "light"):  # each width and each scheme once
            found = Axe().run(opened).response["violations"]
            assert [(each["id"], each["nodes"][0]["html"]) for each in found] == []
    assert said == [(pages / f"{name}.html").as_uri()]  # it fetched nothing else, complained of nothing, ran nothing


def test_a_page_prints_on_a4_with_headings_repeated_and_no_row_broken(opened: Page, pages: Path) -> None:
    opened.goto((pages / "sync.html").as_uri())
    opened.emulate_media(media="print", color_scheme="dark")
    styles = opened.evaluate(
        "() => ['thead', 'tr', '.people > li'].map(each => getComputedStyle(document.querySelector(each)))"
        ".map(style => [style.display, style.breakInside])"
    )
    assert styles[0][0] == "table-header-group"
    assert [style[1] for style in styles[1:]] == ["avoid", "avoid"]
    assert opened.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"  # no ink for the night
    paper = opened.pdf(prefer_css_page_size=True)
    assert {*re.findall(rb"/MediaBox \[([^\]]+)\]", paper)} == {b"0 0 594.95996 841.91998"}
