"""Answers the update clients of installed machines: what each may take now; and takes down what it tells."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from ipaddress import IPv4Address

from fastapi import Request
from fastapi.responses import Response

from kboot_clusterdesc import Mac
from kboot_clusterdesc.update_payload import UpdatePayload

from .caller import ServedFleet, address_of, small_body
from .fleet import Fleet
from .log import LogLevel, log
from .omaha_answer import OfferedUpdate, answer
from .omaha_events import entry_of
from .omaha_request import App, NotOmaha, read_request
from .problem import ProblemError
from .releases import payload_of
from .update_history import Entry
from .update_offer import Nothing, Turn, offer
from .update_step import Step
from .update_steps import note_step
from .update_turn import turn_of
from .updates import Check


@dataclass(frozen=True, slots=True)
class _Client:
    """Who asks: the node where one is known, and whether it asks from an address of its own.

    That is its lease, or where it showed its token last; elsewhere a machine-id is believed that came from there.
    """

    mac: Mac | None
    address: IPv4Address | None
    is_near: bool


async def update(request: Request, fleet: ServedFleet) -> Response:
    """Answer what an update client asks and tells."""
    try:
        apps = read_request(await small_body(request))
    except NotOmaha as error:
        raise ProblemError(400, f"not an Omaha request: {error}") from error
    address = address_of(request)
    answered = [(app, _answer_app(fleet, app, address)) for app in apps]
    return Response(answer(answered), media_type="text/xml")


def _answer_app(fleet: Fleet, app: App, address: IPv4Address | None) -> OfferedUpdate | None:
    """Take down what a client tells of one app, and return what it may take of it."""
    client = _client_of(fleet, app, address)
    _note_events(fleet, app, client)
    if not app.checks:
        return None
    found = _offer(fleet, app, client.mac)
    _note_check(fleet, app, client, found)
    if isinstance(found, Nothing):
        return None
    desc = fleet.desc()
    return OfferedUpdate(found, f"http://{desc.network.bootstrapper}/{desc.os.channel}/{found.version}/")


def _client_of(fleet: Fleet, app: App, address: IPv4Address | None) -> _Client:
    """Return who asks: the node by its own address, else by where it was last, or by its machine-id."""
    own = fleet.machine_at(address)
    if own is not None and fleet.has_node(own):
        fleet.hear(own)
        fleet.updates.note_machine_id(own, app.machine_id)
        return _Client(own, address, is_near=True)
    noted, is_near = fleet.updates.machine_of(address, app.machine_id)
    if noted is None or not fleet.has_node(noted):
        return _Client(None, address, is_near=False)
    return _Client(noted, address, is_near)


def _note_events(fleet: Fleet, app: App, client: _Client) -> None:
    if client.mac is None:
        return
    for event in app.events:
        entry = entry_of(event, app, fleet.updates.history(client.mac), fleet.now())
        if entry is not None:
            note_step(fleet, client.mac, replace(entry, is_near=client.is_near), client.address)


def _offer(fleet: Fleet, app: App, mac: Mac | None) -> UpdatePayload | Nothing:
    desc = fleet.desc()
    machine, turn = (fleet.machine(mac), turn_of(fleet, mac)) if mac is not None else (None, Turn(None))
    return offer(app, desc.os, machine, turn, partial(payload_of, fleet.settings.images, desc))


def _note_check(fleet: Fleet, app: App, client: _Client, found: UpdatePayload | Nothing) -> None:
    """Keep for the status when a machine asked, and why it was offered nothing; a release is a step of its history."""
    mac, now, nothing = client.mac, fleet.now(), found if isinstance(found, Nothing) else None
    if mac is not None:
        fleet.updates.checks[mac] = Check(now, nothing.reason if nothing else None)
    if mac is not None and isinstance(found, UpdatePayload):
        entry = Entry(now, Step.OFFERED, app.version, found.version, is_near=client.is_near)
        note_step(fleet, mac, entry, client.address)
    if nothing and nothing.is_odd and fleet.updates.odd.note(mac, client.address, nothing.reason, now):
        log("update-not-offered", LogLevel.WARNING, mac=mac, ip=client.address, problem=nothing.reason)
