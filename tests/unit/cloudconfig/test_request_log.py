"""Which request is worth a line of its own, and the id that a request has."""

from __future__ import annotations

import pytest

from kboot_cloudconfig.problem import problem
from kboot_cloudconfig.request_id import begin_request, request_id
from kboot_cloudconfig.request_log import level_of
from kboot_clusterdesc.log_line import LogLevel

_KBOOT = "kboot/0.1.0"


@pytest.mark.parametrize(
    ("method", "path", "agent", "status", "level"),
    [
        ("GET", "/healthz", "", 200, LogLevel.DEBUG),
        ("GET", "/readyz", "", 503, LogLevel.WARNING),
        ("GET", "/v1/labels", "curl/8", 200, LogLevel.DEBUG),
        ("POST", "/v1/nodes/52-54-00-00-00-01/update", "curl/8", 200, LogLevel.DEBUG),
        ("GET", "/v1/nodes", _KBOOT, 200, LogLevel.DEBUG),
        ("GET", "/v1/nodes/52-54-00-00-00-01", _KBOOT, 200, LogLevel.DEBUG),
        ("GET", "/v1/nodes", "Mozilla/5.0", 200, LogLevel.INFO),
        ("GET", "/v1/nodes", "", 0, LogLevel.INFO),
        ("POST", "/v1/nodes/52-54-00-00-00-01/arm", _KBOOT, 200, LogLevel.INFO),
        ("GET", "/ignition/52-54-00-00-00-01.json", _KBOOT, 200, LogLevel.INFO),
        ("GET", "/v1/nodes/52-54-00-00-00-77", _KBOOT, 404, LogLevel.INFO),
        ("GET", "/v1/nodes", _KBOOT, 500, LogLevel.ERROR),
    ],
)
def test_what_is_asked_again_and_again_matters_less(
    method: str, path: str, agent: str, status: int, level: LogLevel
) -> None:
    headers = [(b"user-agent", agent.encode())] if agent else []
    assert level_of({"method": method, "path": path, "headers": headers}, status) is level


@pytest.mark.parametrize("given", ["a", "trace-01.B_2", "x" * 64])
def test_an_id_that_the_caller_gives_is_kept(given: str) -> None:
    assert begin_request([(b"accept", b"*/*"), (b"x-request-id", given.encode())]) == given == request_id()
    assert f'"request_id":"{given}"'.encode() in problem(404, "no such machine").body


@pytest.mark.parametrize("given", [b"", b"-a", b"a b", b"x" * 65, b'"', b"\xff", b"a\r\nb"])
def test_an_id_that_would_spoil_a_log_or_a_header_is_replaced(given: bytes) -> None:
    made = begin_request([(b"x-request-id", given)])
    assert len(made) == 16
    assert made != begin_request([])
