"""The route table and the page that describes it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from fastapi.routing import APIRoute

from kboot_cloudconfig.app import create_app
from kboot_cloudconfig.fleet import Fleet
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
