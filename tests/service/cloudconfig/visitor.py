"""Somebody with a browser at an address of their own: forms, a cookie, and what the server tells of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import count
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from kboot_cloudconfig.login import COOKIE, form_word

from .conftest import NODE1, NODE2, STRANGER, Server

PAGE = f"/machines/{NODE1.dashed}"
ARM, DISARM = f"{PAGE}/arm", f"{PAGE}/disarm"
FORGET = f"/machines/{STRANGER.dashed}/forget"
_NUMBERS = count(1)
_FORM = {"content-type": "application/x-www-form-urlencoded"}


class Visitor:
    """One who asks for pages and sends forms from `address`."""

    def __init__(self, server: Server, address: str) -> None:
        self.server, self.address = server, address

    def operator(self, path: str, token: str | None = None, *, tls: bool = True) -> httpx.Response:
        """POST with the operator token, or another one."""
        shown = self.server.secrets.operator_token if token is None else token
        return self.server.ask("POST", path, who=self.address, tls=tls, token=shown)

    def code(self) -> str:
        """A code, as `kboot login` is given one."""
        answer = self.operator("/v1/login")
        assert answer.status_code == 200, answer.text
        return str(answer.json()["code"])

    def send(
        self,
        path: str,
        cookie: str | None,
        form: dict[str, str],
        *,
        tls: bool = True,
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        """Send a form, with that cookie."""
        shown = _FORM | ({"cookie": f"{COOKIE}={cookie}"} if cookie else {}) | (headers or {})
        return self.server.ask("POST", path, who=self.address, tls=tls, headers=shown, body=urlencode(form).encode())

    def post(self, path: str, cookie: str | None = None, *, tls: bool = True, **form: str) -> httpx.Response:
        """Send a form of these fields."""
        return self.send(path, cookie, form, tls=tls)

    def log_in(self) -> str:
        """Log in; the cookie that came of it."""
        answer = self.post("/login", code=self.code())
        assert (answer.status_code, answer.headers["location"]) == (303, "/"), answer.text
        return answer.cookies[COOKIE]

    def act(self, path: str, cookie: str, headers: dict[str, str] | None = None, **form: str) -> httpx.Response:
        """Send a form of a page of that login."""
        return self.send(path, cookie, {"word": form_word(cookie), **form}, headers=headers)

    def see(self, path: str, cookie: str | None = None, *, tls: bool = True) -> str:
        """A page, with that cookie."""
        shown = {"cookie": f"{COOKIE}={cookie}"} if cookie else None
        answer = self.server.get(path, who=self.address, tls=tls, headers=shown)
        assert answer.status_code == 200, answer.text
        return answer.text

    def is_in(self, cookie: str) -> bool:
        """Whether a page has what only one who is logged in sees."""
        return "Log out" in self.see("/events", cookie)

    def actions(self) -> list[tuple[str, str, str | None]]:
        """What was told of this visitor: what they did, as whom, to which machine."""
        return [(event["what"], event["by"], event["mac"]) for event in self._told("action")]

    def refusals(self) -> list[str]:
        """Why this visitor was refused."""
        return [event["reason"] for event in self._told("refused")]

    def _told(self, kind: str) -> list[dict[str, Any]]:
        text = self.server.get(f"/v1/events?after=0&kind={kind}&wait=0").text
        events = [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: ")]
        return [event for event in events if event["ip"] == self.address]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server for all tests here, which knows a stranger."""
    made = Server(tmp_path_factory.mktemp("login"), "ignition")
    made.lease(NODE1, NODE2, STRANGER)
    made.start()
    made.wait_phase(NODE1, "leased")
    yield made
    made.stop()


@pytest.fixture
def visitor(server: Server) -> Visitor:
    """A visitor from an address where nobody was before, whom an armed node1 waits for."""
    assert server.arm(NODE1).status_code == 200
    return Visitor(server, f"127.0.1.{next(_NUMBERS)}")
