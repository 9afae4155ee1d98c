"""The frame of every page: one file without a script, that fetches nothing, with who, when and which company at its head."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from bposync.export.markup import Markup, document, element, join, style
from bposync.words import local

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bposync.export.markup import Child
    from bposync.export.told import Facts

SIGNS: Final = {"good": "✓", "person": "!", "bad": "✗"}


@cache
def _style_sheet() -> str:
    return files("bposync.export").joinpath("report.css").read_text("utf-8")


@cache
def policy() -> str:
    """Give what a browser may do with the page: show it with this very style sheet, and nothing else."""
    digest = base64.b64encode(hashlib.sha256(_style_sheet().encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def page(kind: str, facts: Facts, main: Iterable[Child], *, landscape: bool = False) -> Markup:
    """Make a page: its head, the company with the facts, and what stands in `main`."""
    company = facts.company.name if facts.company is not None else ""
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy()),
        element("title", f"{kind}: {company}" if company else kind),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="referrer", content="no-referrer"),
        element("meta", name="robots", content="noindex"),
        element("meta", name="format-detection", content="telephone=no, date=no, address=no, email=no"),
        style(_style_sheet()),
    )
    header = element(
        "header",
        element("p", kind if company else "bposync", class_="kind"),
        element("h1", element("bdi", company or kind)),
        element("dl", _facts(facts), class_="facts"),
        class_="top",
    )
    footer = element(
        "footer",
        element("p", f"Made by bposync {facts.version}. It holds customers' data: keep it as you keep the books."),
    )
    body = element("body", header, element("main", main), footer, class_="landscape" if landscape else None)
    return document(head, body)


def _facts(facts: Facts) -> list[Markup]:
    entries: list[tuple[str, str, bool]] = [
        ("Date", local(facts.at), False),
        ("By", f"{facts.by} on {facts.machine}" if facts.machine else facts.by, False),
    ]
    company = facts.company
    entries += [
        ("Run", facts.run, False),
        ("Accounting", facts.system, False),
        ("Database", company.database if company else "", False),
        ("Sites", ", ".join(facts.sites) or "all", False),
        ("Only customers", ", ".join(facts.customers), True),
        ("Server", company.server if company else "", True),
        ("Configuration", facts.configuration, True),
    ]
    return [
        element("div", element("dt", name), element("dd", value), class_="full" if full else None)
        for name, value, full in entries
        if value
    ]


def verdict(kind: str, said: str, lines: Iterable[Child] = ()) -> Markup:
    """Say at the beginning how it stands; `kind` is good, person (somebody is needed) or bad."""
    heading = element("h2", element("span", SIGNS[kind], class_="sign", aria_hidden="true"), element("span", said))
    return element("section", heading, [element("p", line) for line in lines if line], class_=f"verdict {kind}")


def section(title: str, *content: Child | Iterable[Child], count: int | None = None, lead: Child = None) -> Markup:
    """Make a part of the page under its heading, with how many stand in it."""
    many = join(" ", element("span", f"({count:,})", class_="count")) if count is not None else None
    heading = element("h2", title, many)
    return element("section", heading, element("p", lead, class_="lead") if lead is not None else None, *content)


def table(
    headings: Sequence[tuple[str, str | None]],
    bodies: Iterable[Markup],
    *,
    caption: str,
    class_: str | None = None,
    foot: Markup | None = None,
) -> Markup:
    """Make a table: headings with their class, bodies made by `element`, and a caption that says what it is."""
    head = element("tr", [element("th", name, scope="col", class_=kind) for name, kind in headings])
    return element("table", element("caption", caption), element("thead", head), bodies, foot, class_=class_)


def left_out(count: int, where: str) -> Markup | None:
    """Say how many do not stand on the page, and where they do; nothing where all do."""
    return element("p", f"{count:,} more do not stand here. {where}", class_="note") if count else None


def code(text: str) -> Markup:
    """Show a customer's or an account's code."""
    return element("bdi", text, class_="code long" if len(text) > 12 else "code")  # noqa: PLR2004 - as wide as most are


def bullets(title: str, lines: Sequence[str]) -> Markup | None:
    """Make a section of lines that are said one by one; nothing where there are none."""
    if not lines:
        return None
    return section(title, element("ul", [element("li", line) for line in lines], class_="plain"))
