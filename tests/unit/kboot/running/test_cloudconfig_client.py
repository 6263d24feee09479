"""The answers of the cloud-config server, as they reach a terminal."""

from __future__ import annotations

import ssl

import httpx
import pytest

from kboot.errors import KbootError
from kboot.running.cloudconfig_client import body_of
from kboot.running.tls_client import clock_fault


def test_what_a_machine_told_moves_no_cursor_and_hides_no_line() -> None:
    told = {
        "reason": "\x1b[2J\x1b]0;title\x07 gone\r\nnode2 ready",
        "disks": [{"model": "SSD\x9b1A", "size_bytes": 1, "holds": None}],
        "remark": "Größe \u202etxet",
    }
    assert body_of(httpx.Response(200, json=told), "/v1/nodes") == {
        "reason": "\\x1b[2J\\x1b]0;title\\x07 gone\\r\\nnode2 ready",
        "disks": [{"model": "SSD\\x9b1A", "size_bytes": 1, "holds": None}],
        "remark": "Größe \\u202etxet",
    }


def test_nor_does_the_detail_of_a_fault() -> None:
    with pytest.raises(KbootError, match=r"answers 404 no \\x1b\[2J such"):
        body_of(httpx.Response(404, json={"detail": "no \x1b[2J such"}), "/v1/nodes/x")


@pytest.mark.parametrize(("code", "is_clock"), [(9, True), (10, True), (18, False)])
def test_a_certificate_that_is_refused_for_its_time_points_to_the_clock(code: int, is_clock: bool) -> None:
    refused = ssl.SSLCertVerificationError("certificate verify failed")
    refused.verify_code = code
    error = httpx.ConnectError("no TLS")
    error.__cause__ = refused
    assert clock_fault(error) is is_clock
    assert not clock_fault(httpx.ConnectError("refused"))
