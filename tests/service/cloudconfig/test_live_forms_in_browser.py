"""What a live page offers in a real browser goes with the times: buttons of what is no more, or is another by now."""

from __future__ import annotations

from support.browser import eventually
from support.omaha import plant_payload

from .browsing import Open, a_limit, browser, show
from .conftest import _DESCRIPTION, NODE2, RELEASE, Server
from .release_store import switch_release
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


def test_the_button_that_starts_a_rollout_goes_with_the_release_in_force(server: Server, show: Open) -> None:
    store, newer = server.folder.images / "stable", "4081.2.0"
    plant_payload(store / RELEASE, b"payload" * 1000)
    page = _logged_in(server, show)
    page.goto(f"https://127.0.0.1:{server.ports[1]}/cluster")
    start = page.locator("#rollout-start")
    assert start.locator("button").inner_text() == f"Start a rollout of {RELEASE}"
    start.locator("button").focus()
    server.add_release(newer, current=False)
    plant_payload(store / newer, b"payload" * 1000)
    switch_release(server, newer)
    eventually(page, lambda: start.inner_text() == f"Start a rollout of {newer}")
    assert start.locator("input[name=release]").input_value() == newer
    assert page.evaluate("document.activeElement.textContent") == f"Start a rollout of {newer}"
