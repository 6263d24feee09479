"""The route table and the page that describes it."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import httpx
from fastapi.routing import APIRoute
from starlette.types import ASGIApp

from kboot_cloudconfig.app import answering, create_app
from kboot_cloudconfig.fleet import Fleet
from kboot_cloudconfig.front import Front
from kboot_cloudconfig.settings import settings_from
from support.http_page import page_routes


def test_the_page_names_every_route_and_method_once_and_no_other(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    environ = {"KBOOT_DATA_DIR": str(tmp_path), "KBOOT_CONFIG_DIR": str(tmp_path), "KBOOT_UID": "0"}
    fleet = Fleet(settings_from(environ))
    routes = create_app(fleet).routes
    fleet.store.close()
    assert all(isinstance(route, APIRoute) for route in routes), "a route beside the table"
    served = [
        (route.path.replace(":path}", "}"), method)
        for route in routes
        if isinstance(route, APIRoute)
        for method in route.methods or ()
    ]
    assert Counter(served) == Counter((route.path, route.method) for route in page_routes())


_DESCRIPTION = """
apiVersion: kboot/v1
cluster: {name: unit, domain: unit.example.com}
network:
  bootstrapper: 10.10.14.253
  subnet: 10.10.14.0/24
  dhcp: {mode: serve, range: [10.10.14.1, 10.10.14.127]}
os: {channel: stable}
nodes:
  - {mac: "52:54:00:00:00:01", roles: [worker]}
"""
_MACS = ("52-54-00-00-00-01", "525400000001", "52-54-00-00-00-99", "52-54-00", "disk", "", "a/b")
_ASKED = [
    (method, path.format(mac))
    for mac in _MACS
    for method in ("GET", "HEAD", "POST", "PUT")
    for path in (
        "/boot/{}.ipxe",
        "/install.sh?mac={}",
        "/install.sh?mac={}&boot=x",
        "/ignition/{}.json",
        "/cloud-configs/{}.yaml",
        "/v1/nodes/{}/events",
    )
]


def test_what_a_rack_asks_most_is_answered_in_front_of_the_routes_as_by_them(tmp_path: Path) -> None:
    (tmp_path / "clusterdesc.yaml").write_text(_DESCRIPTION)
    (tmp_path / "install.sh").write_text("#!/bin/sh\n# kboot:machine\n")
    environ = {"KBOOT_DATA_DIR": str(tmp_path), "KBOOT_CONFIG_DIR": str(tmp_path), "KBOOT_UID": "0"}
    fleet = Fleet(settings_from(environ))
    front, behind = answering(fleet), create_app(fleet)
    assert isinstance(front, Front)

    async def answers(app: ASGIApp) -> list[tuple[str, str, int, dict[str, str], bytes]]:
        found = []
        transport = httpx.ASGITransport(app, client=("10.10.14.77", 1))
        async with httpx.AsyncClient(
            transport=transport, base_url="http://test", headers={"X-Request-Id": "the-same"}
        ) as client:
            for method, path in _ASKED:
                answer = await client.request(method, path, content=b'{"phase": 1}')
                found.append((method, path, answer.status_code, dict(answer.headers), answer.content))
        return found

    assert asyncio.run(answers(front)) == asyncio.run(answers(behind))
    fleet.store.close()
