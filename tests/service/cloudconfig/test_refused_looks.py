"""A refusal is a word of the server, too, for a page that keeps itself fresh in a real browser."""

from __future__ import annotations

from .browsing import Open, browser, show
from .conftest import Server

__all__ = ["browser", "show"]


def test_a_look_that_is_refused_is_no_lost_server(server: Server, show: Open) -> None:
    page = show(server)
    with page.expect_response(lambda answer: answer.status == 400):
        page.locator("#search").evaluate(
            "(field, text) => { field.value = text; field.dispatchEvent(new Event('input', { bubbles: true })); }",
            "x" * 201,
        )
    page.wait_for_timeout(9000)  # two more than the page waits for a word
    assert page.locator("#lost").is_hidden()
