"""Who may not act on the page, and when a login ends: nothing is done without a good cookie and a form of ours."""

from __future__ import annotations

import socket
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest

from kboot_cloudconfig.login import COOKIE, form_word

from .conftest import NODE1, Server
from .visitor import ARM, DISARM, FORGET, Visitor, server, visitor

__all__ = ["server", "visitor"]

_FORMS = (ARM, DISARM, FORGET, "/rollout/start", "/rollout/pause", "/rollout/resume", "/logout")


def backdate(server: Server, age: timedelta) -> None:
    """Have all codes and logins been made that long ago, while the server is down."""
    server.stop()
    with closing(sqlite3.connect(server.folder.state / "kboot.db")) as db, db:
        assert db.execute("UPDATE logins SET made = ?", ((datetime.now(UTC) - age).isoformat(),)).rowcount
    server.start()


def _post_slowly(
    visitor: Visitor, path: str, body: str, cookie: str = "", meanwhile: Callable[[], object] = int
) -> int:
    """Send a form whose last letter comes after what is done `meanwhile`; the status of the answer."""
    place, source = ("127.0.0.1", visitor.server.ports[1]), (visitor.address, 0)
    with (
        socket.create_connection(place, source_address=source, timeout=30) as plain,
        visitor.server.context.wrap_socket(plain, server_hostname="127.0.0.1") as connection,
    ):
        lines = (f"POST {path} HTTP/1.1", "Host: 127.0.0.1", f"Cookie: {COOKIE}={cookie}", "Connection: close")
        head = "\r\n".join((*lines, f"Content-Length: {len(body)}", "", ""))
        connection.sendall((head + body[:-1]).encode())
        visitor.see("/events")  # the server has read what was sent before, too
        meanwhile()
        connection.sendall(body[-1:].encode())
        return int(connection.recv(4096).split()[1])


def _all_refused(visitor: Visitor, status: int, cookie: str | None, host: str | None = None, **form: str) -> None:
    headers, sent = {"host": host} if host else None, {"sure": "yes", **form}
    for path in _FORMS:
        assert (path, visitor.send(path, cookie, sent, headers=headers).status_code) == (path, status)
    assert visitor.server.node(NODE1)["armed"]


def test_of_two_forms_with_one_code_that_come_at_once_one_logs_in(visitor: Visitor) -> None:
    body, first = urlencode({"code": visitor.code()}), []
    second = _post_slowly(
        visitor, "/login", body, meanwhile=lambda: first.append(_post_slowly(visitor, "/login", body))
    )
    assert (first, second) == ([303], 403)


def test_a_form_that_was_on_its_way_when_its_login_ended_does_nothing(visitor: Visitor) -> None:
    cookie = visitor.log_in()
    body = urlencode({"word": form_word(cookie), "sure": "yes"})
    assert _post_slowly(visitor, DISARM, body, cookie, lambda: visitor.operator("/v1/logout")) == 403
    assert visitor.server.node(NODE1)["armed"]


def test_without_a_good_cookie_nothing_is_done(visitor: Visitor) -> None:
    token, code = visitor.server.secrets.operator_token, visitor.code()
    _all_refused(visitor, 403, None, word=form_word(""))
    for cookie in ("forged", token, code, code.replace("-", "")):
        _all_refused(visitor, 403, cookie, word=form_word(cookie))
    assert [what for what, *_ in visitor.actions()] == ["login code"]
    assert set(visitor.refusals()) == {"no-login"}


def test_a_form_of_another_site_does_nothing_for_who_is_logged_in(visitor: Visitor) -> None:
    cookie, other = visitor.log_in(), visitor.log_in()
    for word in ("", "guessed", form_word(other)):
        _all_refused(visitor, 403, cookie, word=word)
    _all_refused(visitor, 403, cookie)
    assert set(visitor.refusals()) == {"foreign-form"}
    assert visitor.is_in(cookie)


def test_a_name_that_is_not_the_bootstrappers_is_answered_no_form(visitor: Visitor) -> None:
    cookie, code = visitor.log_in(), visitor.code()
    _all_refused(visitor, 421, cookie, "evil.example", word=form_word(cookie))
    assert visitor.send("/login", None, {"code": code}, headers={"host": "evil.example"}).status_code == 421
    assert visitor.post("/login", code=code).status_code == 303


@pytest.mark.parametrize("body", [b"code=\xff\xfe", b"&".join([b"a=1"] * 30)])
def test_what_is_no_form_is_refused_in_words(visitor: Visitor, body: bytes) -> None:
    for path in ("/login", ARM):
        assert visitor.server.ask("POST", path, who=visitor.address, tls=True, body=body).status_code == 400
    assert visitor.server.ask("POST", "/login", tls=True, body=b"a" * 5000).status_code == 413


# --- the end of it


def test_a_login_is_ended_by_its_button_and_all_by_the_operator_token(visitor: Visitor) -> None:
    first, second, third = (visitor.log_in() for _ in range(3))
    gone = visitor.act("/logout", first)
    assert (gone.status_code, gone.headers["location"]) == (303, "/")
    assert "max-age=0" in gone.headers["set-cookie"].lower()
    assert [visitor.is_in(each) for each in (first, second, third)] == [False, True, True]
    code = visitor.code()
    assert visitor.operator("/v1/logout").status_code == 204
    assert [visitor.is_in(each) for each in (second, third)] == [False, False]
    assert visitor.post("/login", code=code).status_code == 403
    assert [what for what, *_ in visitor.actions()][-3:] == ["logout", "login code", "logout of all"]


def test_a_login_ends_with_the_operator_token_that_it_came_from(visitor: Visitor) -> None:
    cookie, kept = visitor.log_in(), visitor.server.folder.config / "operator-token.sha256"
    before = kept.read_text()
    kept.write_text(f"{'0' * 64}\n")
    _all_refused(visitor, 403, cookie, word=form_word(cookie))
    kept.write_text(before)
    assert visitor.is_in(cookie)


def test_a_code_ends_after_five_minutes_and_a_login_after_an_hour(visitor: Visitor) -> None:
    cookie, code = visitor.log_in(), visitor.code()
    backdate(visitor.server, timedelta(minutes=6))
    assert visitor.is_in(cookie)
    assert visitor.post("/login", code=code).status_code == 403
    backdate(visitor.server, timedelta(minutes=61))
    assert not visitor.is_in(cookie)
    _all_refused(visitor, 403, cookie, word=form_word(cookie))


def test_a_login_and_a_code_outlive_a_hand_over_and_a_power_cut_and_an_ended_one_does_not_come_back(
    visitor: Visitor,
) -> None:
    server = visitor.server
    cookie, ended, code, other = visitor.log_in(), visitor.log_in(), visitor.code(), visitor.code()
    assert visitor.act("/logout", ended).status_code == 303
    assert server.hand_over().endswith(" serving")
    assert visitor.act(DISARM, cookie).status_code == 303
    assert not visitor.is_in(ended)
    assert visitor.post("/login", code=code).status_code == 303
    server.stop(kill=True)
    server.start()
    assert visitor.is_in(cookie)
    assert not visitor.is_in(ended)
    assert visitor.post("/login", code=code).status_code == 403
    assert visitor.post("/login", code=other).status_code == 303
