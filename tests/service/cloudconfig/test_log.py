"""The log of the server: one form, an id for each request, and nothing of what is asked again and again."""

from __future__ import annotations

import json
import re
from typing import Any

from kboot.host.waiting import looks

from .conftest import NODE1, Server

_KBOOT = {"user-agent": "kboot/0.1.0"}


def _lines(server: Server) -> list[dict[str, Any]]:
    return [json.loads(line) for line in server.log.read_text().splitlines()]


def _wait_line(server: Server, **wanted: Any) -> dict[str, Any]:
    """The first line that has these fields."""
    for _ in looks(10, 0.05):
        for line in _lines(server):
            if wanted.items() <= line.items():
                return line
    raise AssertionError(f"no line {wanted}: {server.log.read_text()}")


def test_every_line_is_json_with_time_level_and_event(server: Server) -> None:
    server.get(f"/boot/{NODE1.dashed}.ipxe", who=NODE1)
    assert server.get(f"/ignition/{NODE1.dashed}.json", who=NODE1, tls=True).status_code == 403
    assert _wait_line(server, event="event", kind="refused")["level"] == "warning"
    assert _wait_line(server, event="event", kind="booting")["level"] == "info"
    for line in _lines(server):
        assert list(line)[:3] == ["at", "level", "event"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["at"])


def test_a_request_has_one_id_in_its_answer_its_fault_and_the_log(server: Server) -> None:
    answer = server.get("/v1/nodes/02-00-00-00-00-77", headers={"X-Request-Id": "trace-01"})
    assert answer.headers["x-request-id"] == answer.json()["request_id"] == "trace-01"
    assert _wait_line(server, event="request", request_id="trace-01")["status"] == 404
    for path in ("/install.sh", "/v1/nodes", "/boot/disk.efi"):  # by the front, a route and the kernel
        made = server.get(path, headers={"X-Request-Id": "no id"}).headers["x-request-id"]
        assert re.fullmatch(r"[0-9a-f]{16}", made)
        assert _wait_line(server, event="request", request_id=made)["path"] == path


def test_polls_of_ours_are_in_the_log_where_the_description_wants_them_there(server: Server) -> None:
    ours = _KBOOT | {"X-Request-Id": "ours"}
    for path in ("/healthz", "/v1/nodes"):
        assert server.get(path, headers=ours).status_code == 200
    server.get("/v1/nodes", headers={"X-Request-Id": "somebody-else"})
    _wait_line(server, request_id="somebody-else", level="info")
    assert not [line for line in _lines(server) if line.get("request_id") == "ours"]
    server.describe(server.folder.config.joinpath("clusterdesc.yaml").read_text() + "log_level: debug\n")
    for _ in looks(10, 0.1):
        server.get("/v1/nodes", headers=ours)
        if any(line.get("request_id") == "ours" for line in _lines(server)):
            break
    assert _wait_line(server, request_id="ours")["level"] == "debug"
    server.get("/healthz", headers={"X-Request-Id": "health"})
    assert _wait_line(server, request_id="health")["level"] == "debug"
