"""The status page: one HTML document, no other file, kept fresh by the events."""

from __future__ import annotations

from fastapi.responses import Response
from jinja2 import Environment, PackageLoader, StrictUndefined

from kboot_clusterdesc import EventKind, Phase

from .answer import fresh
from .caller import ServedFleet
from .nodes import fleet_state

_PAGES = Environment(
    loader=PackageLoader("kboot_cloudconfig", "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


async def status_page(fleet: ServedFleet) -> Response:
    """Answer with the page for the state of the fleet."""
    page = _PAGES.get_template("status.html.j2").render(state=fleet_state(fleet), kinds=[*Phase, *EventKind])
    return fresh(page, "text/html")
