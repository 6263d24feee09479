"""What a login to the page is, and what it may: by a code of the operator token, over HTTPS, each thing told."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kboot.host.waiting import looks
from kboot_cloudconfig.login import COOKIE, WRONG_CODES_AT_MOST, form_word

from .conftest import HEAD, NODE1, STRANGER, Server
from .visitor import ARM, DISARM, FORGET, PAGE, Visitor, server, visitor

__all__ = ["server", "visitor"]

_WITH_ETCD = (
    HEAD
    + """
os: {channel: stable, version: current, config: CONFIG}
nodes:
  - {mac: "52:54:00:00:00:01", name: node1, ip: 10.10.14.201, roles: [etcd]}
"""
)


# --- logging in


def test_a_code_of_the_operator_token_logs_one_browser_in_by_a_cookie_of_https_alone(visitor: Visitor) -> None:
    answer = visitor.post("/login", code=visitor.code())
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert answer.headers["cache-control"] == "no-store"
    name, *attributes = (part.strip() for part in answer.headers["set-cookie"].lower().split(";"))
    assert name.startswith("__host-kboot=")
    assert sorted(attributes) == ["httponly", "max-age=3600", "path=/", "samesite=strict", "secure"]
    page = visitor.see("/", answer.cookies[COOKIE])
    assert "Log out" in page
    assert answer.cookies[COOKIE] not in page
    assert "Log out" not in visitor.see("/")


def test_only_the_operator_token_over_https_is_given_a_code(visitor: Visitor) -> None:
    assert visitor.operator("/v1/login", tls=False).status_code == 403
    for path in ("/v1/login", "/v1/logout"):
        assert visitor.operator(path, "wrong").status_code == 403
        assert visitor.operator(path, "").status_code == 403
    assert visitor.actions() == []


def test_a_code_is_good_once_however_it_is_typed(visitor: Visitor) -> None:
    code = visitor.code()
    assert re.fullmatch(r"([A-Z2-9]{4}-){4}[A-Z2-9]{4}", code)
    assert visitor.post("/login", code=f" {code.lower().replace('-', ' ')} ").status_code == 303
    again = visitor.post("/login", code=code)
    assert again.status_code == 403
    assert "kboot login" in again.json()["detail"]
    assert COOKIE not in again.cookies
    assert visitor.refusals() == ["wrong-code"]


def test_who_guesses_codes_is_heard_ten_times_a_minute_and_others_all_the_while(visitor: Visitor) -> None:
    code = visitor.code()
    tries = [visitor.post("/login", code="A" * 20).status_code for _ in range(WRONG_CODES_AT_MOST + 5)]
    assert tries == [403] * WRONG_CODES_AT_MOST + [429] * 5
    assert visitor.post("/login", code=code).status_code == 429
    assert visitor.refusals() == ["wrong-code"]
    assert Visitor(visitor.server, "127.0.2.1").post("/login", code=code).status_code == 303


def test_the_link_fills_the_form_in_and_uses_nothing_up(visitor: Visitor) -> None:
    code = visitor.code()
    for _ in range(2):
        assert f'value="{code}"' in visitor.see(f"/login?code={code}")
    assert 'value="&#34;&gt;&lt;b&gt;"' in visitor.see("/login?code=%22%3E%3Cb%3E")
    assert visitor.post("/login", code=code).status_code == 303


def test_over_plain_http_nobody_logs_in_and_the_page_says_where_to_go(visitor: Visitor) -> None:
    code, there = visitor.code(), f"https://127.0.0.1:{visitor.server.ports[1]}/login"
    page = visitor.see(f"/login?code={code}", tls=False)
    assert f'href="{there}"' in page
    assert "<form" not in page
    assert code not in page
    refused = visitor.post("/login", tls=False, code=code)
    assert refused.status_code == 403
    assert there in refused.json()["detail"]
    assert "set-cookie" not in refused.headers
    cookie = visitor.log_in()
    assert "Log out" not in visitor.see("/", cookie, tls=False)
    assert DISARM not in visitor.see(PAGE, cookie, tls=False)
    assert visitor.post(DISARM, cookie, tls=False, word=form_word(cookie)).status_code == 403
    assert visitor.server.node(NODE1)["armed"]


# --- what a login may


def test_a_login_arms_and_disarms_and_who_did_it_from_where_is_told(visitor: Visitor) -> None:
    cookie = visitor.log_in()
    assert DISARM in visitor.see(PAGE, cookie)
    done = visitor.act(DISARM, cookie)
    assert (done.status_code, done.headers["location"]) == (303, PAGE)
    assert not visitor.server.node(NODE1)["armed"]
    assert ARM in visitor.see(PAGE, cookie)
    unsure = visitor.act(ARM, cookie)
    assert (unsure.status_code, visitor.server.node(NODE1)["armed"]) == (409, False)
    assert visitor.act(ARM, cookie, sure="yes").status_code == 303
    assert visitor.server.node(NODE1)["armed"]
    told = visitor.actions()
    name = told[1][1]
    assert re.fullmatch(r"login [0-9a-f]{8}", name)
    assert told == [
        ("login code", "operator token", None),
        ("login", name, None),
        ("disarm", name, NODE1),
        ("arm", name, NODE1),
    ]
    assert f"by {name}" in visitor.see("/events?kind=action", tls=False)


def test_each_thing_done_by_the_operator_token_is_told_too(visitor: Visitor) -> None:
    for path in (f"/v1/nodes/{NODE1}/disarm", f"/v1/nodes/{NODE1}/arm", "/v1/settle", "/v1/rollout/pause"):
        assert visitor.operator(path).status_code == 200
    assert visitor.operator(f"/v1/nodes/{NODE1}/forget").status_code == 409
    by = "operator token"
    assert visitor.actions() == [
        ("disarm", by, NODE1),
        ("arm", by, NODE1),
        ("settle", by, None),
        ("rollout paused", by, None),
    ]


def test_a_login_forgets_a_discovered_machine_and_no_declared_one(visitor: Visitor) -> None:
    cookie, page = visitor.log_in(), ""
    for _ in looks(20, 0.2):
        if FORGET in (page := visitor.see("/", cookie)):
            break
    assert f"- {{mac: &#34;{STRANGER}&#34;, roles: [worker]}}" in page
    assert "kboot node declare" in page
    assert visitor.act(FORGET, cookie).status_code == 303
    assert visitor.server.get("/v1/nodes").json()["discovered"] == []
    declared = visitor.act(f"{PAGE}/forget", cookie)
    assert (declared.status_code, "take it out of the description" in declared.text) == (409, True)
    assert [(what, mac) for what, _, mac in visitor.actions()][2:] == [("forget", STRANGER)]


@pytest.mark.parametrize("accept", ["text/html,application/xhtml+xml", "*/*"])
def test_what_cannot_be_done_is_told_to_people_on_a_page_and_to_programs_as_a_problem(
    visitor: Visitor, accept: str
) -> None:
    answer = visitor.act(f"{PAGE}/forget", visitor.log_in(), headers={"accept": accept})
    is_page = accept.startswith("text/html")
    kind = "text/html; charset=utf-8" if is_page else "application/problem+json"
    assert (answer.status_code, answer.headers["content-type"]) == (409, kind)
    assert "is declared: take it out of the description first" in answer.text
    assert ("content-security-policy" in answer.headers) == is_page


def test_a_machine_with_etcd_is_armed_by_the_command_alone_that_asks_etcd_first(tmp_path: Path) -> None:
    made = Server(tmp_path, "ignition", _WITH_ETCD)
    made.lease(NODE1)
    made.start()
    try:
        visitor = Visitor(made, "127.0.0.1")
        cookie = visitor.log_in()
        assert visitor.act(DISARM, cookie).status_code == 303
        page = visitor.see(PAGE, cookie)
        assert ARM not in page
        assert "kboot node reinstall node1" in page
        refused = visitor.act(ARM, cookie, sure="yes")
        assert (refused.status_code, made.node(NODE1)["armed"]) == (409, False)
        assert "kboot node reinstall node1" in refused.json()["detail"]
    finally:
        made.stop()
