"""The status page: one HTML document, no other file, kept fresh by the events."""

from __future__ import annotations

from fastapi.responses import Response

from kboot_clusterdesc import EventKind, Phase

from .answer import fresh
from .caller import ServedFleet
from .nodes import fleet_state_in_pieces
from .shown_node import PAGES


async def status_page(fleet: ServedFleet) -> Response:
    """Answer with the page for the state of the fleet; each row is escaped where it is made."""
    state, rows = await fleet_state_in_pieces(fleet)
    page = PAGES.get_template("status.html.j2").render(state=state, rows=rows, kinds=[*Phase, *EventKind])
    return fresh(page, "text/html")
