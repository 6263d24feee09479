"""The requests that tell receivers of events."""

from __future__ import annotations

import hmac
import json
from base64 import b64decode
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kboot_cloudconfig.event import Event
from kboot_cloudconfig.notify_request import (
    MOST_TRIES,
    NotifyRequest,
    key_of,
    notify_request,
    proxy_for,
    wait_after,
)
from kboot_clusterdesc import EventKind, Mac, Phase
from kboot_clusterdesc.site_proxy import SiteProxy

_AT = datetime(2026, 11, 29, 18, 0, tzinfo=UTC)
_EVENTS = [
    Event(_AT, Phase.FAILED, Mac("52:54:00:00:00:01"), "10.10.14.11", (("detail", "no disk € none"),), 7),
    Event(_AT, EventKind.SETTLED, number=9),
]


def test_the_signature_is_the_one_of_the_standard() -> None:
    # the example that the libraries of Standard Webhooks are tested with
    request = NotifyRequest("msg_p5jXN8AQM9LWM0D4loKWxJek", b'{"test": 2432232314}')
    headers = request.headers(key_of(b"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n"), 1614265330)
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert (headers["webhook-id"], headers["webhook-timestamp"]) == ("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330")


def test_a_request_has_the_events_as_the_stream_has_them_and_a_name_of_its_own() -> None:
    request = notify_request("ail", _EVENTS)
    assert request.number == "ail-7-9"
    body = json.loads(request.body)
    assert body["cluster"] == "ail"
    assert body["events"][0] == {
        "number": 7, "at": "2026-11-29T18:00:00Z", "kind": "failed", "mac": "52:54:00:00:00:01", "ip": "10.10.14.11",
        "detail": "no disk € none",
    }  # fmt: skip
    assert body["events"][1]["kind"] == "settled"


@given(st.binary(min_size=1), st.binary(), st.integers(0, 1 << 40))
def test_a_signature_holds_for_its_secret_time_and_body_alone(secret: bytes, body: bytes, at_s: int) -> None:
    signed = NotifyRequest("ail-1-1", body).headers(secret, at_s)["webhook-signature"]
    own = hmac.digest(secret, f"ail-1-1.{at_s}.".encode() + body, "sha256")
    assert b64decode(signed.removeprefix("v1,")) == own
    for other in (
        NotifyRequest("ail-1-1", body).headers(secret, at_s + 1),
        NotifyRequest("ail-1-1", body + b" ").headers(secret, at_s),
        NotifyRequest("ail-1-2", body).headers(secret, at_s),
        NotifyRequest("ail-1-1", body).headers(b"x" + secret, at_s),
    ):
        assert other["webhook-signature"] != signed


@pytest.mark.parametrize(("content", "key"), [(b" a b\n", b"a b"), (b"whsec_YWI=\n", b"ab"), (b"whsec_?", b"whsec_?")])
def test_the_secret_is_what_stands_in_the_file(content: bytes, key: bytes) -> None:
    assert key_of(content) == key


def test_waits_grow_to_five_minutes_and_end() -> None:
    waits = [wait_after(tries) for tries in range(1, MOST_TRIES)]
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (timedelta(seconds=1), timedelta(minutes=5))
    assert timedelta(hours=1) < sum(waits, timedelta()) < timedelta(hours=2)
    assert wait_after(10**6) == timedelta(minutes=5)


@pytest.mark.parametrize(
    ("url", "by"),
    [
        ("https://hooks.example.com/", "http://proxy:3128"),
        ("http://hooks.example.com/", None),
        ("https://ci.site.example.com/", None),
        ("https://site.example.com/", None),
        ("https://notsite.example.com/", "http://proxy:3128"),
        ("https://10.10.14.9/", None),
    ],
)
def test_the_proxy_of_the_site_is_asked_for_what_is_outside(url: str, by: str | None) -> None:
    proxy = SiteProxy(https="http://proxy:3128", no_proxy=(".site.example.com", "10.10.14.9"))
    assert proxy_for(url, proxy) == by
    assert proxy_for(url, None) is None
