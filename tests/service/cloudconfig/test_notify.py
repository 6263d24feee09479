"""Receivers of events: told by requests that are signed, when they are there, and held against nobody when not."""

from __future__ import annotations

import hmac
import time
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import pytest

from kboot.host.waiting import looks
from kboot_clusterdesc.notify import authorities_file, secret_file
from support.hooks import Hook

from .conftest import NODE1, NODE2, Server
from .test_doubt import lose, no_files, settle

_SECRET = b"0123456789abcdef0123456789abcdef"


@pytest.fixture
def hook() -> Iterator[Hook]:
    made = Hook()
    yield made
    made.close()


def tell(server: Server, url: str, more: str = "", ca: bytes | None = None) -> None:
    """Have the server tell a receiver, as `kboot up` does with the key `notify`."""
    more += ", ca: site-ca.pem" if ca else ""
    text = server.folder.config.joinpath("clusterdesc.yaml").read_text().partition("notify:")[0]
    server.describe(text + f'notify: [{{url: "{url}", name: pager, secret: hook.secret{more}}}]\n')
    tls = server.folder.tls / "cloudconfig"
    (tls / secret_file("pager")).write_bytes(_SECRET + b"\n")
    if ca is not None:
        (tls / authorities_file("pager")).write_bytes(ca)
    for _ in looks(10, 0.1):
        if [each["name"] for each in server.get("/v1/nodes").json()["receivers"]] == ["pager"]:
            return
    raise AssertionError("the receiver is not known")


def receiver(server: Server) -> dict[str, Any]:
    """How it goes with the receiver."""
    (found,) = server.get("/v1/nodes").json()["receivers"]
    return dict(found)


def wait_failing(server: Server) -> dict[str, Any]:
    """Wait until the receiver is known to take nothing."""
    for _ in looks(20, 0.1):
        if (found := receiver(server))["failing_since"]:
            return found
    raise AssertionError(f"does not fail: {receiver(server)}")


def test_events_are_told_in_order_signed_and_none_from_before(server: Server, hook: Hook) -> None:
    tell(server, f"http://127.0.0.1:{hook.port}/kboot")
    time_before = time.time()
    server.install(NODE1)
    events = hook.wait_kinds("booting", "installing", "configured", "installed")
    assert [event["number"] for event in events] == sorted(event["number"] for event in events)
    assert {event["mac"] for event in events} == {NODE1}
    assert "leased" not in {event["kind"] for event in events}  # that was before
    for taken in hook.taken:
        number, at = taken.headers["webhook-id"], taken.headers["webhook-timestamp"]
        assert time_before - 2 < int(at) < time.time() + 2
        signature = b64encode(hmac.digest(_SECRET, f"{number}.{at}.".encode() + taken.body, "sha256")).decode()
        assert taken.headers["webhook-signature"] == f"v1,{signature}"
    assert receiver(server) == {"name": "pager", "failing_since": None, "problem": None, "left_out": 0}
    assert _SECRET.decode() not in server.log.read_text()


def test_a_receiver_is_told_of_the_kinds_that_it_wants(server: Server, hook: Hook) -> None:
    tell(server, f"http://127.0.0.1:{hook.port}/", ", events: [installed]")
    server.install(NODE1)
    assert {event["kind"] for event in hook.wait_kinds("installed")} == {"installed"}


def test_a_receiver_that_is_away_gets_what_it_missed_also_after_a_restart(server: Server, hook: Hook) -> None:
    hook.status = 503
    tell(server, f"http://127.0.0.1:{hook.port}/")
    server.install(NODE1)
    assert wait_failing(server)["problem"] == "it answers 503"
    text = server.get("/metrics").text
    assert 'kboot_receiver_failing{receiver="pager"} 1.0' in text
    server.stop()
    server.start()
    server.arm(NODE2, "disarm")
    hook.status = 204
    events = hook.wait_kinds("installed", "disarmed")
    numbers = [event["number"] for event in events]
    assert numbers == sorted(set(numbers))
    assert {event["mac"] for event in events} == {NODE1, NODE2}
    server.stop()
    server.start()
    server.arm(NODE1)
    hook.wait_kinds("armed")
    numbers = [event["number"] for event in hook.events]
    assert numbers == sorted(set(numbers)), "told twice"


def test_receivers_are_told_that_the_state_was_lost_and_of_what_comes_then_once(server: Server, hook: Hook) -> None:
    tell(server, f"http://127.0.0.1:{hook.port}/")
    server.install(NODE1)
    hook.wait_kinds("installed")
    lose(server, no_files)
    assert [event["mac"] for event in hook.wait_kinds("state-lost") if event["kind"] == "state-lost"] == [None]
    hook.taken.clear()
    assert settle(server) == 200
    hook.wait_kinds("settled")
    server.stop()
    server.start()
    assert server.arm(NODE2).status_code == 200
    assert "state-lost" not in {event["kind"] for event in hook.wait_kinds("armed")}, "told twice"


def test_nothing_waits_for_a_receiver_that_never_answers(server: Server, hook: Hook) -> None:
    hook.is_stuck = True
    tell(server, f"http://127.0.0.1:{hook.port}/")
    server.install(NODE1)
    for _ in looks(20, 0.05):
        if hook.tries:
            break
    begin = time.monotonic()
    assert server.get("/v1/nodes").status_code == 200
    assert server.stop() == 0
    assert time.monotonic() - begin < 8
    server.start()


def test_a_receiver_is_believed_that_the_named_authority_vouches_for_and_no_other(server: Server) -> None:
    tls = server.folder.tls / "cloudconfig"
    secure = Hook(certificate=(tls / "server.pem", tls / "server.key"))
    url = f"https://localhost:{secure.port}/"
    tell(server, url)
    server.get(f"/boot/{NODE1.dashed}.ipxe", who=NODE1)
    assert "CERTIFICATE_VERIFY_FAILED" in wait_failing(server)["problem"]
    assert secure.taken == []
    tell(server, url, ca=server.secrets.authority.certificate)
    secure.wait_kinds("booting")
    secure.close()


def test_the_proxy_of_the_site_is_asked(server: Server, hook: Hook) -> None:
    text = server.folder.config.joinpath("clusterdesc.yaml").read_text()
    server.describe(text.replace("\nnetwork:\n", f"\nnetwork:\n  proxy: {{http: 'http://127.0.0.1:{hook.port}'}}\n"))
    tell(server, "http://hooks.example.com/kboot")
    server.get(f"/boot/{NODE1.dashed}.ipxe", who=NODE1)
    hook.wait_kinds("booting")
    assert hook.taken[0].headers["host"] == "hooks.example.com"
