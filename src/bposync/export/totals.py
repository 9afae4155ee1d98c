"""How many customers stand how: a bar, its legend, and the same by site."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

from bposync.export.markup import Markup, element
from bposync.export.page import section, table
from bposync.plan import ATTENTION
from bposync.records import Action
from bposync.words import DONE, many

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bposync.plan import Plan
    from bposync.records import Outcome

_NARROWEST: Final = 0.7  # percent of the bar that one customer of thousands still gets


class Stage(Enum):
    """How far a sync is: what people are told of new accounts, and of updates."""

    PLANNED = ("to write", "to update")
    WRITTEN = ("written", "updated")
    EXPORTED = ("in the import file", "to update in the import file")


@dataclass(frozen=True, slots=True)
class State:
    """How a customer stands: its class in the style sheet, what people are told of many, and the heading of a column."""

    kind: str
    words: str
    short: str
    one: str = ""
    """What people are told of one, where that is said otherwise."""

    def of(self, count: int, stage: Stage) -> str:
        """Say it of so many: `new account written`, `accounts to update`."""
        return (self.one if self.one and count == 1 else self.words).format(*stage.value)


STEP: Final = State("step", "in step", "In step")
NEW: Final = State("new", "new accounts {0}", "New", one="new account {0}")
UPDATE: Final = State("update", "accounts {1}", "Updates", one="account {1}")
LEFT: Final = State("left", "left as accounting changed them", "Left as is", one="left as accounting changed it")
PERSON: Final = State("person", "need a person", "Needs a person", one="needs a person")
BAD: Final = State("bad", "not written", "Not written")
OUT: Final = State("out", "gone or skipped", "Gone, skipped")
STATES: Final = (STEP, NEW, UPDATE, LEFT, PERSON, BAD, OUT)
_OF_ACTION: Final = {
    Action.SAME: STEP, Action.CREATE: NEW, Action.UPDATE: UPDATE, Action.DRIFT: LEFT, Action.GONE: OUT, Action.SKIPPED: OUT,
    **dict.fromkeys(ATTENTION, PERSON),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Standing:
    """How many customers stand how: of all, and of each site."""

    whole: Counter[State]
    sites: Mapping[str, Counter[State]]


def standing(plan: Plan, outcomes: Mapping[int, Outcome], stage: Stage) -> Standing:
    """Count how the customers of a plan stand; those who are in step as before have no change of theirs in it."""
    groups: Counter[tuple[tuple[str, ...], State]] = Counter()
    for place, change in enumerate(plan.changes):
        done = place in outcomes and outcomes[place].kind in DONE
        failed = stage is not Stage.PLANNED and change.is_write and not done
        groups[change.sites, BAD if failed else _OF_ACTION[change.action]] += 1
    groups.update({(sites, STEP): count for sites, count in plan.in_step.items()})
    whole: Counter[State] = Counter()
    by_site: dict[str, Counter[State]] = {}
    for (sites, state), count in groups.items():
        whole[state] += count
        for site in dict.fromkeys(sites):
            by_site.setdefault(site, Counter())[state] += count
    return Standing(whole, by_site)


def totals(found: Standing, stage: Stage, *, partly: int = 0) -> Markup:
    """Show how many customers stand how. `partly` need a person, and are written in part all the same."""
    counts = found.whole
    present = [state for state in STATES if counts[state]]
    words = {state: state.of(counts[state], stage) for state in present}
    said = ", ".join(f"{counts[state]:,} {words[state]}" for state in present)
    legend = [
        element("li", _swatch(state), element("b", f"{counts[state]:,}", class_="number"), element("span", words[state]))
        for state in present
    ]
    whole = many(counts.total(), "customer")
    bar = _bar([(state, counts[state]) for state in present], f"{whole}: {said}") if present else None
    who = "Who needs a person is" if counts[PERSON] == 1 else f"Of those who need a person, {partly:,} {_is(partly)}"
    note = f"{who} written in part." if partly else ""
    below = element("p", note, class_="note") if note else None
    return section("Customers", _patterns(), bar, element("ul", legend, class_="legend"), below, count=counts.total())


def _is(count: int) -> str:
    return "is" if count == 1 else "are"


def _bar(parts: Sequence[tuple[State, int]], label: str) -> Markup:
    whole = sum(count for _, count in parts)
    widths = [max(100 * count / whole, _NARROWEST) for _, count in parts]
    scale = 100 / sum(widths)
    rects = []
    begin = 0.0
    for (state, _), width in zip(parts, widths, strict=True):
        x, wide = f"{begin:.2f}%", f"{width * scale:.2f}%"
        rects.append(element("rect", x=x, y="0", width=wide, height="100%", class_=f"of-{state.kind}"))
        begin += width * scale
    return element("svg", rects, class_="bar", role="img", aria_label=label)


def _swatch(state: State) -> Markup:
    rect = element("rect", width="100%", height="100%", class_=f"of-{state.kind}")
    return element("svg", rect, aria_hidden="true", focusable="false")


def _patterns() -> Markup:
    """Tell the parts of the bar apart by what they look like, not by colour alone; also on a printer without any."""

    def pattern(name: str, size: str, *content: Markup, transform: str | None = None) -> Markup:
        ground = element("rect", width=size, height=size, class_=f"{name}-ground")
        return element(
            "pattern", ground, *content, id=name, width=size, height=size, patternUnits="userSpaceOnUse",
            patternTransform=transform,
        )  # fmt: skip

    return element(
        "svg",
        element(
            "defs",
            pattern("hatch", "6", element("path", d="M1.5 0V6", class_="hatch-line"), transform="rotate(45)"),
            pattern("cross", "5", element("path", d="M0 0L5 5M5 0L0 5", class_="cross-line")),
            pattern("dots", "5", element("path", d="M1 1h2v2h-2z", class_="dots-dot")),
        ),
        class_="defs", aria_hidden="true", focusable="false",
    )  # fmt: skip


def by_site(found: Standing, sites: Sequence[str], further: tuple[str, Callable[[str], str]] | None = None) -> Markup | None:
    """Show how the customers of each site stand; `further` is a last column: its heading, and what it says of a site."""
    if not sites:
        return None
    counts = {site: found.sites.get(site, Counter()) for site in sites}
    present = [state for state in STATES if any(counts[site][state] for site in sites)]
    headings = [("Site", None), ("Customers", "number"), *((state.short, "number") for state in present)]
    headings += [(further[0], None)] if further else []
    rows = []
    for site in sites:
        cells = [_number(counts[site].total()), *(_number(counts[site][state]) for state in present)]
        last = element("td", further[1](site)) if further else None
        rows.append(element("tr", element("th", site, scope="row"), cells, last))
    several = sum(count.total() for count in counts.values()) > found.whole.total()
    caption = "A customer of several sites counts at each." if several else "How the customers of each site stand"
    made = table(headings, [element("tbody", rows)], caption=caption)
    return section("By site", element("div", made, class_="wide", role="region", aria_label="Customers by site", tabindex="0"))


def _number(count: int) -> Markup:
    return element("td", f"{count:,}", class_="number" if count else "number zero")
