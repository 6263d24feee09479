"""Under which names the server answers, by the header `Host`: a foreign page could have its own name lead here."""

from __future__ import annotations

import json

import pytest

from kboot_cloudconfig.app import ROUTES
from kboot_cloudconfig.route import Route

from .conftest import NODE1, RELEASE, Server

_FOREIGN = ("evil.example", "10.10.14.253.evil.example", "bootstrapper.unit.example.com.evil.example:80", "")
_OWN = ("localhost", "LOCALHOST:8080", "127.0.0.1", "10.10.14.253:80", "[::1]:80", "bootstrapper.unit.example.com")
_FOR_PEOPLE = [route for route in ROUTES if route.is_for_people]
_QUERIES = {"/v1/events": "?wait=0"}


def _path(route: Route) -> str:
    return route.path.replace("{mac}", NODE1.dashed).replace("{name}", "page.css") + _QUERIES.get(route.path, "")


@pytest.mark.parametrize("route", _FOR_PEOPLE, ids=lambda route: route.path)
def test_what_is_for_people_and_programs_is_refused_under_a_foreign_name(standing: Server, route: Route) -> None:
    for method in route.methods:
        for host in _FOREIGN:
            answer = standing.ask(method, _path(route), tls=True, headers={"host": host})
            assert answer.status_code == 421, host
            assert method == "HEAD" or "ask 10.10.14.253" in answer.json()["detail"]


@pytest.mark.parametrize("route", [each for each in _FOR_PEOPLE if "GET" in each.methods], ids=lambda route: route.path)
def test_it_is_answered_under_each_name_of_the_bootstrapper_and_under_addresses(standing: Server, route: Route) -> None:
    wanted = 404 if route.path == "/page/{name}" else 200
    for host in _OWN:
        assert standing.get(_path(route), headers={"host": host}).status_code == wanted, host


def test_a_refused_command_leaves_no_trace_among_the_events(server: Server) -> None:
    refused = server.ask("POST", f"/v1/nodes/{NODE1}/arm", headers={"host": "evil.example"})
    assert refused.status_code == 421
    told = server.get("/v1/events?after=0&kind=refused&wait=0")
    assert (told.status_code, "data: " in told.text) == (200, False)
    assert server.ask("POST", f"/v1/nodes/{NODE1}/arm").status_code == 403
    assert "data: " in server.get("/v1/events?after=0&kind=refused&wait=0").text


@pytest.mark.parametrize("host", ["10.10.14.253", "pxe.corp.example", "whatever", ""])
def test_machines_boot_install_and_report_under_whatever_name_they_were_told(server: Server, host: str) -> None:
    headers = {"host": host}
    kernel = f"/stable/{RELEASE}/flatcar_production_pxe.vmlinuz"
    for path in (
        "/boot.ipxe",
        f"/boot/{NODE1.dashed}.ipxe",
        "/install.sh",
        "/pxe.ign",
        "/ca.pem",
        "/boot/disk.efi",
        kernel,
    ):
        assert server.get(path, who=NODE1, headers=headers).status_code == 200, path
    token = server.install_token(NODE1)
    config = server.get(f"/ignition/{NODE1.dashed}.json", who=NODE1, tls=True, token=token, headers=headers)
    assert config.status_code == 200
    report = {"phase": "installed"}
    path = f"/v1/nodes/{NODE1}/events"
    told = server.ask("POST", path, who=NODE1, tls=True, token=token, headers=headers, body=report)
    assert told.status_code == 204
    omaha = b'<request protocol="3.0"><app appid="x" version="1"><ping/></app></request>'
    assert server.ask("POST", "/v1/update/", who=NODE1, headers=headers, body=omaha).status_code == 200


@pytest.mark.parametrize("host", ["10.10.14.253", "bootstrapper", "bootstrapper.unit.example.com:80"])
def test_prometheus_scrapes_by_address_and_by_name(standing: Server, host: str) -> None:
    answer = standing.get("/metrics", headers={"host": host, "accept": "text/plain;version=0.0.4"})
    assert answer.status_code == 200
    assert "kboot_machines{phase=" in answer.text
    assert json.loads(standing.get("/v1/nodes", headers={"host": host}).text)["cluster"] == "unit"
