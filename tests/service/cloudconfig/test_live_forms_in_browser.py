"""What a live page offers in a real browser goes with the times: no buttons of what is no more."""

from __future__ import annotations

from support.browser import eventually

from .browsing import Open, a_limit, browser, show
from .conftest import _DESCRIPTION, NODE2, Server
from .test_login_in_browser import _logged_in

__all__ = ["a_limit", "browser", "show"]

_ALL = _DESCRIPTION.replace("CONFIG", "ignition")
_WITHOUT_NODE2 = "".join(line for line in _ALL.splitlines(keepends=True) if str(NODE2) not in line)


def test_a_machine_that_is_taken_out_of_the_description_is_told_and_its_buttons_stop(
    server: Server, show: Open
) -> None:
    page = _logged_in(server, show)
    page.goto(f"https://127.0.0.1:{server.ports[1]}/machines/{NODE2.dashed}")
    lost, button = page.locator("#lost"), page.locator("#disarm button")
    assert lost.is_hidden()
    assert button.is_enabled()
    server.describe(_WITHOUT_NODE2)
    eventually(page, lost.is_visible)
    assert lost.inner_text().startswith("This machine is no longer known")
    assert button.is_disabled()
    server.describe(_ALL)
    eventually(page, lost.is_hidden)
    assert button.is_enabled()
    assert page.locator("#news").text_content() == "This machine is known again."
