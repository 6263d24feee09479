"""The page of the events: what happened, by kind and machine."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Query, Request
from fastapi.responses import Response

from kboot_clusterdesc import Mac

from ..caller import ServedFleet
from ..event import KINDS, Choice, Kind
from ..fleet import Fleet
from .answer import page

SHOWN = 200


async def events_page(
    request: Request,
    fleet: ServedFleet,
    kind: Annotated[list[Kind | Literal[""]] | None, Query()] = None,
    machine: Annotated[str, Query(max_length=80)] = "",
) -> Response:
    """Answer with the newest events of a choice; `machine` is a name or a MAC."""
    names = {node.mac: node.name for node in fleet.nodes()}
    wanted = machine.strip()
    mac = _machine(fleet, names, wanted)
    is_unknown = bool(wanted) and mac is None
    kinds = list(dict.fromkeys(each for each in kind or () if each))
    choice = Choice(frozenset(kinds), mac)
    events = [] if is_unknown else fleet.store.newest_events(SHOWN, choice)[::-1]
    values = {
        "title": "Events",
        "state": {"cluster": fleet.desc().cluster.name},
        "here": "/events",
        "events": [(event, _name(names, event.mac)) for event in events],
        "kinds": KINDS,
        "chosen": kinds,
        "machine": wanted,
        "is_unknown": is_unknown,
        "shown": SHOWN,
        "bootstrapper": fleet.desc().network.bootstrapper,
    }
    return page(request, "events.html.j2", lambda: values)


def _machine(fleet: Fleet, names: dict[Mac, str], wanted: str) -> Mac | None:
    """Return the MAC of the machine that is looked for; None where it is none, or not typed to its end yet."""
    for mac, name in names.items():
        if name == wanted:
            return mac
    try:
        return fleet.identity(Mac(wanted))
    except ValueError:
        return None


def _name(names: dict[Mac, str], mac: Mac | None) -> str:
    return "" if mac is None else names.get(mac, "")
