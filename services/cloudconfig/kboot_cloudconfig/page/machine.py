"""The page of one machine: how it is, why, what to type, and what is known of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Path, Request
from fastapi.responses import Response

from kboot_clusterdesc import Mac, Node
from kboot_clusterdesc.shared_files import NODE_CONFIG

from ..caller import ServedFleet
from ..event import Choice
from ..fleet import Fleet
from ..node_commands import INSTALLED
from ..nodes import shown, whole_state
from ..problem import ProblemError
from .actions import is_armed_by_kboot_alone
from .answer import go_to, page
from .config_outline import ConfigOutline, config_outline
from .timeline import timeline

_EVENTS = 60


async def machine_page(request: Request, fleet: ServedFleet, mac: Annotated[str, Path(max_length=80)]) -> Response:
    """Answer with the page of one machine; who asks for it by its name is led to its MAC."""
    try:
        node = fleet.node(fleet.identity(Mac(mac)))
    except ValueError as error:
        named = next((node for node in fleet.nodes() if node.name == mac), None)
        if named is None:
            raise ProblemError(404, f"no machine is called {mac!r}, and it is no MAC address") from error
        return go_to(f"/machines/{named.mac.dashed}")
    state = whole_state(fleet, node)
    kubernetes = fleet.kubernetes.nodes.get(node.name)
    values = {
        "title": node.name,
        "state": {"cluster": fleet.desc().cluster.name},
        "here": "",
        "node": state,
        "row": shown(fleet, node).row,
        "by_kboot_alone": is_armed_by_kboot_alone(node),
        "may_forget": state["joined"] and state["phase"] not in INSTALLED,
        "stretches": timeline(state["phases"], state["phase"]),
        "leases": _leases(fleet, node),
        "described": _described(node),
        "outline": _outline(fleet, node),
        "kubernetes": kubernetes,
        "update": state["update"],
        "release": fleet.machine(node.mac).release,
        "boots": fleet.machine(node.mac).boots,
        "events": fleet.store.newest_events(_EVENTS, Choice(mac=node.mac))[::-1],
    }
    return page(request, "machine.html.j2", lambda: values)


def _leases(fleet: Fleet, node: Node) -> list[tuple[str, str, str]]:
    """Return the lease of each card of a machine that has one: MAC, address, end."""
    found = (fleet.leases.lease_of(mac, fleet.now()) for mac in node.macs)
    return [(str(entry.mac), str(entry.ip), _end(entry.expires)) for entry in found if entry is not None]


def _end(expires: int) -> str:
    return datetime.fromtimestamp(expires, UTC).isoformat().replace("+00:00", "Z") if expires else ""


def _described(node: Node) -> list[tuple[str, str]]:
    """Return what the description says of a machine and is no secret: key and value."""
    said: dict[str, Any] = node.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    return [(key, _text(value)) for key, value in said.items()]


def _text(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_text(each)}" for key, each in value.items())
    if isinstance(value, list):
        return ", ".join(map(_text, value))
    return str(value)


def _outline(fleet: Fleet, node: Node) -> ConfigOutline | None:
    try:
        with open(f"{fleet.folder(node.mac)}/{NODE_CONFIG}", "rb") as file:
            return config_outline(file.read())
    except OSError:
        return None
