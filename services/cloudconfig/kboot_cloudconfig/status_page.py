"""The status page: one HTML document, no other file, kept fresh by the events."""

from __future__ import annotations

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from kboot_clusterdesc import EventKind, Phase

_PAGES = Environment(
    loader=PackageLoader("kboot_cloudconfig", "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def status_page(state: dict[str, Any]) -> str:
    """Return the page for a state of the fleet."""
    return _PAGES.get_template("status.html.j2").render(state=state, kinds=[*Phase, *EventKind])
