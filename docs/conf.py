"""How docs/ becomes a site: scripts/docs runs Sphinx with this. The pages stay plain Markdown, as a forge shows them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx

ROOT = Path(__file__).parent.parent
[release] = re.findall(r'^__version__ = "(.+)"$', (ROOT / "src/bposync/__init__.py").read_text("utf-8"), re.MULTILINE)

project = "bposync"
author = "The bposync authors"
copyright = "the bposync authors, MIT licence"  # noqa: A001
extensions = ["myst_parser"]
exclude_patterns = ["_build"]
myst_heading_anchors = 4  # as a forge makes them
nitpicky = True
highlight_language = "none"  # where a block does not say

html_theme = "furo"
html_title = f"bposync {release}"
html_copy_source = False
html_show_sourcelink = False
html_css_files = ["site.css"]
html_static_path = ["_static"]

# Pages of the site that stand in the root, where a forge looks for them; in docs/ a line each leads there.
ELSEWHERE = {"changes": "CHANGELOG.md", "security": "SECURITY.md"}


def contents(index: str) -> str:
    """Give the index with the site's contents: each part under "The pages" that has a heading, with the pages in its table."""
    pages = re.split(r"^## ", index, flags=re.MULTILINE)
    [part] = [each for each in pages if each.startswith("The pages\n")]
    trees = []
    for section in re.split(r"^### ", part, flags=re.MULTILINE)[1:]:
        heading = section.partition("\n")[0]
        names = re.findall(r"^\| \[[^\]]+\]\(([\w-]+)\.md\)", section, re.MULTILINE)
        trees.append("\n".join(["```{toctree}", ":hidden:", f":caption: {heading}", *names, "```"]))
    return "\n\n".join([index, *trees])


def read(_app: Sphinx, name: str, source: list[str]) -> None:
    """Change what the site is made of where a forge needs it otherwise: no bare list of contents, and pages in the root."""
    if name in ELSEWHERE:
        source[0] = (ROOT / ELSEWHERE[name]).read_text("utf-8").replace("](docs/", "](")
    for page, there in ELSEWHERE.items():
        source[0] = source[0].replace(f"](../{there}", f"]({page}.md")
    if name == "index":
        source[0] = contents(source[0])


def setup(app: Sphinx) -> None:
    """Take part in the making."""
    app.connect("source-read", read)
