"""Acting on the page in a real browser: by mouse, by the keyboard alone, without a script, and not from elsewhere."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from playwright.sync_api import Page

from support.browser import eventually, faults_of

from .browsing import Open, a_limit, browser, show
from .conftest import NODE1, NODE2, Server
from .visitor import PAGE, Visitor, server

__all__ = ["a_limit", "browser", "server", "show"]

_FOREIGN = """<!doctype html><form id="trap" method="post" action="{action}"><input name="word" value="guessed"></form>
<script>document.getElementById("trap").submit()</script>"""


def _logged_in(server: Server, show: Open, **how: object) -> Page:
    """A page of a browser that followed the link of `kboot login`."""
    page = show(server, f"/login?code={Visitor(server, '127.0.0.1').code()}", tls=True, **how)
    page.locator("#login button").click()
    page.wait_for_url("**/")
    assert page.locator("#session").inner_text().startswith("login ")
    return page


def test_who_follows_the_link_arms_and_disarms_and_the_live_page_has_the_other_button(
    server: Server, show: Open
) -> None:
    page = _logged_in(server, show)
    assert page.evaluate("document.cookie") == ""
    page.locator(".name a", has_text="node1").click()
    page.locator("#disarm button").click()
    page.locator("#arm").wait_for()
    assert not server.node(NODE1)["armed"]
    page.locator("#arm button").click()  # the browser asks for the tick, and sends nothing
    assert page.evaluate("document.querySelector('#arm input[name=sure]').validity.valueMissing")
    page.locator("#arm input[name=sure]").check()
    assert server.arm(NODE2, "disarm").status_code == 200  # what happens elsewhere takes no tick back
    page.wait_for_timeout(4000)
    assert page.locator("#arm input[name=sure]").is_checked()
    page.locator("#arm button").click()
    page.locator("#disarm").wait_for()
    assert server.node(NODE1)["armed"]
    assert server.arm(NODE1, "disarm").status_code == 200
    eventually(page, page.locator("#arm").is_visible)
    assert server.arm(NODE1).status_code == 200
    page.locator("#logout button").click()
    page.wait_for_url("**/")
    assert page.locator("#session").inner_text() == "Log in"
    page.go_back()
    page.reload()
    assert page.locator("main form.act").count() == 0


def test_all_of_it_is_done_by_the_keyboard_and_without_a_script(server: Server, show: Open) -> None:
    page = show(server, "/", tls=True, script=False)
    page.locator("#session").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/login")
    page.locator("input[name=code]").focus()
    page.keyboard.type(Visitor(server, "127.0.0.1").code())
    page.keyboard.press("Enter")
    page.wait_for_url("**/")
    page.goto(f"https://127.0.0.1:{server.ports[1]}{PAGE}")
    page.locator("#disarm button").focus()
    page.keyboard.press("Enter")
    page.locator("#arm").wait_for()
    page.locator("#arm input[name=sure]").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.locator("#disarm").wait_for()
    assert server.node(NODE1)["armed"]


def test_over_plain_http_the_page_leads_to_https(server: Server, show: Open) -> None:
    page = show(server)
    page.locator("#session").click()
    page.locator("#elsewhere a").click()
    page.wait_for_url(f"https://127.0.0.1:{server.ports[1]}/login")
    assert page.locator("#login").is_visible()


def test_a_page_of_another_site_does_nothing_in_the_name_of_who_is_logged_in(server: Server, show: Open) -> None:
    page = _logged_in(server, show)
    content = _FOREIGN.format(action=f"https://127.0.0.1:{server.ports[1]}{PAGE}/disarm").encode()

    class Foreign(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    site = ThreadingHTTPServer(("127.0.0.1", 0), Foreign)
    Thread(target=site.serve_forever, daemon=True).start()
    try:
        for host in ("localhost", "127.0.0.1"):  # another site by its name, and one that some browsers take for ours
            page.goto(f"http://{host}:{site.server_port}/")
            page.wait_for_url("**/disarm")
            assert "Not done" in page.locator("h1").inner_text()
    finally:
        site.shutdown()
        site.server_close()
    assert server.node(NODE1)["armed"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [420, 1400])
def test_no_rule_of_accessibility_is_broken_where_there_are_buttons(
    server: Server, show: Open, width: int, scheme: str
) -> None:
    page = _logged_in(server, show, width=width, scheme=scheme)
    assert server.arm(NODE2, "disarm").status_code == 200
    for path in ("/", PAGE, f"/machines/{NODE2.dashed}", "/cluster", "/events", "/login"):
        page.goto(f"https://127.0.0.1:{server.ports[1]}{path}")
        page.wait_for_timeout(300)
        assert (path, faults_of(page)) == (path, [])
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
