"""The page of the fleet: counts, the racks, and the machines that are looked for."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Any, Literal

from fastapi import Depends, Query, Request
from fastapi.responses import Response

from kboot_clusterdesc import Phase

from ..caller import ServedFleet
from ..nodes import around
from ..row import Level, Row, counted
from .answer import PAGES, is_other_look, kept_by, page
from .rows import Rows
from .services import ServedServices
from .view import MOST_SHOWN, SHOWN, Group, Sort, View, grouped


async def _served_rows(request: Request) -> Rows:
    rows: Rows = request.app.state.rows
    return rows


async def _view(
    search: Annotated[str, Query(max_length=200)] = "",
    phase: Annotated[list[Phase | Literal[""]] | None, Query()] = None,
    level: Level | None = None,
    rack: Annotated[str | None, Query(max_length=80)] = None,
    sort: Sort = Sort.WORST,
    group: Group = Group.NONE,
    shown: Annotated[int, Query(ge=1)] = SHOWN,
) -> View:
    phases = tuple(dict.fromkeys(each for each in phase or () if each))
    return View(search, phases, level, rack, sort, group, min(shown, MOST_SHOWN))


ServedRows = Annotated[Rows, Depends(_served_rows)]


async def fleet_page(
    request: Request,
    fleet: ServedFleet,
    served: ServedRows,
    services: ServedServices,
    view: Annotated[View, Depends(_view)],
) -> Response:
    """Answer with the page of the fleet; another look, as at each letter of a search, is at what the page has."""
    rows, now = await (served.lately() if is_other_look(request) else served.current()), served.stamp
    state = around(fleet, [])
    silent = [each for each in await services.lately(fleet.desc()) if each.why]
    racks = "" if kept_by(request) == now else await served.pictures.html(rows, now)

    def values() -> dict[str, Any]:
        shown = {"title": "Machines", "here": "/", "state": state, "view": view, "racks": racks, "racks_kept": now}
        return {**shown, "silent": silent, **_looked(rows, view)}

    return page(request, "fleet.html.j2", values, (now, view, state, silent))


def _looked(rows: list[Row], view: View) -> dict[str, Any]:
    """Return what the page shows of the machines for a look at them."""
    found = view.chosen(rows)
    shown = found[: view.shown]
    groups = grouped(shown) if view.group is Group.RACK else [(None, shown)]
    phases, levels = counted(rows)
    return {
        "phases": [(phase, phases[phase]) for phase in Phase if phases[phase]],
        "levels": levels,
        "total": len(rows),
        "found": len(found),
        "groups": [(name, "".join(map(_row_html, each)), len(each)) for name, each in groups],
        "left": len(found) - len(shown),
        "sorts": list(Sort),
        "all_phases": [phase for phase in Phase if phase is not Phase.DISCOVERED],
    }


@lru_cache(2048)
def _row_html(row: Row) -> str:
    return PAGES.get_template("row.html.j2").render(row=row)
