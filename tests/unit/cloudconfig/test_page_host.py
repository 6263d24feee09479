"""Under which names the page answers: the bootstrapper's own and those that the description gives it."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest
from fastapi import Request

from kboot_cloudconfig.page.answer import check_host
from kboot_cloudconfig.problem import ProblemError
from unit.clusterdesc.sample import SAMPLE, accepted

_SAMPLE = accepted(SAMPLE)
_NETWORK = _SAMPLE.network
_HOSTS = {"Boot.example.com": _NETWORK.bootstrapper, "printer.example.com": IPv4Address("192.0.2.7")}
DESC = _SAMPLE.model_copy(update={"network": _NETWORK.model_copy(update={"hosts": _HOSTS})})


def _asked(host: str) -> Request:
    return Request({"type": "http", "headers": [(b"host", host.encode())]})


@pytest.mark.parametrize(
    "host",
    ["boot.example.com", "BOOT.example.com.:80", "[::1]", "[::1]:8080", "[fe80::1]", "192.0.2.7", "localhost:8080"],
)
def test_names_that_lead_to_the_bootstrapper_and_all_addresses_are_answered(host: str) -> None:
    check_host(_asked(host), DESC)


@pytest.mark.parametrize(
    "host", ["printer.example.com", "evil.example", "boot.example.com.evil.example", "::1", "x[::1]"]
)
def test_names_that_lead_elsewhere_are_refused(host: str) -> None:
    with pytest.raises(ProblemError) as refused:
        check_host(_asked(host), DESC)
    assert refused.value.status == 421
