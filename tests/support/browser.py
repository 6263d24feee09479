"""A real browser without a screen, Debian's Chromium where there is one, and what tests ask of its pages."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from kboot.host.waiting import looks

_PROGRAMS = ("chromium-headless-shell", "chromium", "google-chrome")


@contextmanager
def started_browser() -> Iterator[Browser]:
    """Start the browser; where the distribution has none it is Playwright's own (`playwright install chromium`)."""
    program = next(filter(None, map(shutil.which, _PROGRAMS)), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])  # root has none to enter
        yield browser
        browser.close()


def eventually(page: Page, look: Callable[[], bool], timeout_s: float = 20) -> None:
    """Wait until `look` holds, in steps in which the page goes on."""
    for _ in looks(timeout_s, 0.05):
        if look():
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"not after {timeout_s} s: {page.locator('body').inner_text()[:1500]}")


def faults_of(page: Page) -> list[str]:
    """What the rules of accessibility find wrong with the page as it is shown."""
    found = _axe().run(page).response["violations"]
    return [f"{each['id']}: {each['nodes'][0]['html'][:200]} and {len(each['nodes']) - 1} more" for each in found]


@cache
def _axe() -> Axe:
    return Axe()
