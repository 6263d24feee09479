"""The page of the events: what happened, by kind and machine."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Query, Request
from fastapi.responses import Response

from kboot_clusterdesc import EventKind, Mac, Phase

from ..caller import ServedFleet, mac_of
from ..event import Choice
from .answer import check_host, page

SHOWN = 200
_KINDS = (*Phase, *EventKind)


async def events_page(
    request: Request,
    fleet: ServedFleet,
    kind: Annotated[list[Phase | EventKind | Literal[""]] | None, Query()] = None,
    machine: Annotated[str, Query(max_length=80)] = "",
) -> Response:
    """Answer with the newest events of a choice; `machine` is a name or a MAC."""
    check_host(request, fleet.desc())
    names = {node.mac: node.name for node in fleet.nodes()}
    wanted = machine.strip()
    mac = next((mac for mac, name in names.items() if name == wanted), None) if wanted else None
    if wanted and mac is None:
        mac = fleet.identity(mac_of(wanted))
    kinds = list(dict.fromkeys(each for each in kind or () if each))
    events = fleet.store.newest_events(SHOWN, Choice(frozenset(map(str, kinds)), mac))[::-1]
    values = {
        "title": "Events",
        "state": {"cluster": fleet.desc().cluster.name},
        "here": "/events",
        "events": [(event, _name(names, event.mac)) for event in events],
        "kinds": _KINDS,
        "chosen": kinds,
        "machine": wanted,
        "shown": SHOWN,
        "bootstrapper": fleet.desc().network.bootstrapper,
    }
    return page(request, "events.html.j2", lambda: values)


def _name(names: dict[Mac, str], mac: Mac | None) -> str:
    return "" if mac is None else names.get(mac, "")
