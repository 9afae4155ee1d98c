"""A real browser, for what only one can tell: the system's Chromium, driven by Playwright, which brings none of its own."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from support.policy import needs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@contextmanager
def browser() -> Iterator[Browser]:
    """Give a browser without a window."""
    from playwright.sync_api import sync_playwright

    found = next(filter(None, map(shutil.which, NAMES)), None)
    needs(found, "there is no Chromium (Debian, Ubuntu: apt-get install chromium)")
    with sync_playwright() as playwright:
        # The pages are the tests' own, and root, as in a container, has no sandbox to run them in.
        started = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        try:
            yield started
        finally:
            started.close()
