"""The table of docs/http.md, read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from support.places import ROOT

_ROW = re.compile(r"^\| (`/.*`) \| ([A-Z, ]+) \| ([a-z ]+) \| .+ \|$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class PageRoute:
    """One path and method of the page, and who may ask."""

    path: str
    method: str
    who: str


def page_routes() -> list[PageRoute]:
    """Return every route of the page, in its order; each line of the table has to be understood."""
    page = (ROOT / "docs" / "http.md").read_text()
    rows = _ROW.findall(page)
    assert len(rows) == len(re.findall(r"^\| `", page, re.MULTILINE)), "a row of docs/http.md is not of the form"
    return [route for row in rows for route in _of_row(*row)]


def _of_row(paths: str, methods: str, who: str) -> Iterator[PageRoute]:
    for path in re.findall(r"`([^`]+)`", paths):
        for method in methods.split(", "):
            yield PageRoute(path, method, who)
