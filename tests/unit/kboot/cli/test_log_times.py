"""The time of each line of `kboot logs`: that which the service said, else that of the engine."""

from __future__ import annotations

import pytest

from kboot.cli.logs import with_one_time

AT, SHOWN = "2026-11-30T21:41:33.123456789Z", "2026-11-30T21:41:33.123Z"
COLOURED = "\x1b[36mdnsmasq-1  | \x1b[0m"


@pytest.mark.parametrize("who", ["", "dnsmasq-1      | ", COLOURED])
@pytest.mark.parametrize(
    "said",
    [
        "dnsmasq-dhcp: 3231 DHCPDISCOVER(eno1) 52:54:00:00:00:01",
        "kboot: the lease of 10.10.14.9 ends | 2026-11-30T21:41:33.1Z",
        "Traceback (most recent call last):",
        "kboot: the lease ended at 2026-11-30T21:41:33Z",
        "",
    ],
)
def test_a_line_without_a_time_has_the_one_at_which_the_engine_took_it(who: str, said: str) -> None:
    assert with_one_time(f"{who}{AT} {said}") == f"{who}{SHOWN} {said}"


@pytest.mark.parametrize("who", ["", "registry-1     | ", COLOURED])
@pytest.mark.parametrize(
    "said",
    [
        '{"at": "2026-11-30T21:41:33.120Z", "level": "info", "event": "started"}',
        '10.10.14.21 - - [30/Nov/2026:21:41:33 +0000] "GET /v2/ HTTP/1.1" 200 2 "" "containerd/1.7"',
        'time="2026-11-30T21:41:33.120Z" level=error msg="no such blob"',
        "2026-11-30T21:41:33Z chronyd version 4.3 starting",
        "2026/11/30 21:41:33 http: TLS handshake error from 10.10.14.21:4711: EOF",
    ],
)
def test_a_line_with_a_time_keeps_that_alone(who: str, said: str) -> None:
    assert with_one_time(f"{who}{AT} {said}") == f"{who}{said}"


@pytest.mark.parametrize(
    ("stamp", "shown"),
    [("2026-11-30T21:41:33Z", "2026-11-30T21:41:33.000Z"), ("2026-11-30T21:41:33.1Z", "2026-11-30T21:41:33.100Z")],
)
def test_times_have_one_form_however_the_engine_shortens_them(stamp: str, shown: str) -> None:
    assert with_one_time(f"{stamp} said") == f"{shown} said"


def test_what_is_no_line_of_a_service_stays_as_it_is() -> None:
    assert with_one_time("dnsmasq-1 exited with code 0") == "dnsmasq-1 exited with code 0"
