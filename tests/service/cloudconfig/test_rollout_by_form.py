"""A rollout that a button of the page starts: of the release that the button names, or of none."""

from __future__ import annotations

from support.omaha import plant_payload

from .conftest import RELEASE, Server
from .release_store import switch_release
from .visitor import Visitor

_NEWER = "4081.2.0"
_START = "/rollout/start"


def _plant(server: Server, version: str) -> None:
    plant_payload(server.folder.images / "stable" / version, b"payload" * 1000)


def test_the_button_names_and_sends_the_release_that_a_start_takes(server: Server) -> None:
    visitor = Visitor(server, "127.0.0.1")
    cookie = visitor.log_in()
    page = visitor.see("/cluster", cookie)
    assert "no release with a whole payload is in force" in page
    assert _START not in page
    _plant(server, RELEASE)
    page = visitor.see("/cluster", cookie)
    assert f'name="release" value="{RELEASE}"' in page
    assert f"<button>Start a rollout of {RELEASE}</button>" in page
    switch_release(server, _NEWER)  # no machine can come to it
    assert "Start a rollout" not in visitor.see("/cluster", cookie)


def test_a_start_of_a_release_that_is_in_force_no_more_is_refused_on_a_page(server: Server) -> None:
    visitor = Visitor(server, "127.0.0.1")
    cookie = visitor.log_in()
    switch_release(server, _NEWER)
    _plant(server, _NEWER)
    for form in ({"release": RELEASE}, {}):
        refused = visitor.act(_START, cookie, headers={"accept": "text/html"}, **form)
        assert (refused.status_code, refused.headers["content-type"]) == (409, "text/html; charset=utf-8")
        assert f"a start takes {_NEWER} by now" in refused.text
    right = visitor.act(_START, cookie, release=_NEWER)
    assert right.json()["detail"] == f"no machine that runs has an older release than {_NEWER}"
    token = server.secrets.operator_token
    word = {"release": RELEASE}
    assert "by now" in server.ask("POST", f"/v1{_START}", tls=True, token=token, body=word).json()["detail"]
