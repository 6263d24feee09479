"""A browser for tests of the page: `show` opens a page of a server in it."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from types import FrameType

import pytest
from playwright.sync_api import Browser, Page

from support.browser import started_browser

from .conftest import Server

Open = Callable[..., Page]

_LIMIT_S = 180


@pytest.fixture(autouse=True)
def a_limit() -> Iterator[None]:
    """A browser that answers no more fails its test, which would wait for ever."""

    def ended(_number: int, _frame: FrameType | None) -> None:
        raise TimeoutError(f"the browser did not answer within {_LIMIT_S} s")

    before = signal.signal(signal.SIGALRM, ended)
    signal.alarm(_LIMIT_S)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The browser, started once."""
    with started_browser() as made:
        yield made


@pytest.fixture
def show(browser: Browser) -> Iterator[Open]:
    """Opens a page of a server, and fails where its script did, or where something of it was refused."""
    faults: list[str] = []
    opened = []

    def opening(server: Server, path: str = "/", width: int = 1400, scheme: str = "light", **how: bool) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if scheme == "dark" else "light",
            java_script_enabled=how.get("script", True),
            ignore_https_errors=True,  # a browser has the cluster's CA from nobody
        )
        opened.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda message: faults.append(message.text) if "Security Policy" in message.text else None)
        scheme, port = ("https", server.ports[1]) if how.get("tls") else ("http", server.ports[0])
        page.goto(f"{scheme}://127.0.0.1:{port}{path}")
        return page

    yield opening
    for context in opened:
        context.close()
    assert faults == []
