"""Secrets taken out of text."""

from __future__ import annotations

from base64 import b64encode
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kboot.support.redaction import Redaction
from kboot_clusterdesc.secret_forms import LEFT_OUT

_KEY = b"-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEG\nCCqGSM49AwEHBG0w\n-----END PRIVATE KEY-----\n"
_TOKEN = b"v7Rk2_token-of-the-operator"
_KNOWN = Redaction([_KEY, _TOKEN + b"\n", b"with space/and+signs\n"])


@pytest.mark.parametrize(
    "text",
    [
        _TOKEN,
        b64encode(_TOKEN),
        b64encode(_TOKEN + b"\n"),
        quote(b"with space/and+signs", safe="").encode(),
        b"with space/and+signs",
        _KEY,
        _KEY.replace(b"\n", b"\\n"),
        b"CCqGSM49AwEHBG0w",
        b64encode(_KEY),
    ],
)
def test_a_secret_of_the_cluster_is_left_out_however_it_is_spelled(text: bytes) -> None:
    cleaned = _KNOWN.clean(b"before " + text + b" after " + text)
    assert text not in cleaned
    for line in (*_KEY.splitlines()[1:3], _TOKEN):
        assert line not in cleaned
    assert cleaned.startswith(b"before ")
    assert b" after " in cleaned


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (b'{"authorization": "Bearer abc.def"}', b'{"authorization": "Bearer <secret>"}'),
        (b"GET /install.sh?mac=a&boot=0f0f0f HTTP", b"GET /install.sh?mac=a&boot=<secret> HTTP"),
        (b"proxy: http://me:word@proxy:3128/", b"proxy: http://<secret>@proxy:3128/"),
        (b"kboot:$2b$04$abcdefghijklmnopqrstuv", b"kboot:<secret>"),
        (b"password: correct-horse", b"password: <secret>"),
        (b"join abcdef.0123456789abcdef now", b"join <secret> now"),
        (b"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", b"<secret>"),
        (b"-----BEGIN EC PRIVATE KEY-----\ncut off", b"<secret>"),
    ],
)
def test_what_has_the_form_of_a_secret_is_left_out_whoevers_it_is(text: bytes, left: bytes) -> None:
    assert Redaction([]).clean(text) == left


def test_what_is_no_secret_stays() -> None:
    text = b'{"at": "2026-11-29T18:00:00Z", "mac": "52:54:00:00:00:01", "of": "/v1"} -----BEGIN CERTIFICATE-----'
    assert _KNOWN.clean(text) == text


@given(
    st.lists(st.from_regex(rb"[A-Za-z0-9_-]{8,60}", fullmatch=True), min_size=1, max_size=5),
    st.lists(st.binary(max_size=20), min_size=1, max_size=6),
)
def test_no_secret_is_left_wherever_it_stands(secrets: list[bytes], around: list[bytes]) -> None:
    text = b"".join(each + secrets[index % len(secrets)] for index, each in enumerate(around))
    cleaned = Redaction(secrets).clean(text)
    for secret in secrets:
        assert secret not in cleaned.replace(LEFT_OUT, b"\0")
