"""The state of the fleet as JSON."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Literal

from fastapi.responses import Response

from kboot_clusterdesc import Mac, Node, Phase, Role
from kboot_clusterdesc.model import Timing
from kboot_clusterdesc.shared_files import CONFIG_HASH

from .answer import fresh
from .api import FleetState, KubernetesState, NodeState
from .caller import PathMac, ServedFleet
from .event import rfc3339
from .fleet import Fleet
from .kept_releases import releases_in_use
from .kubernetes_nodes import KubernetesView, ready_in_doubt
from .machine import Machine
from .next_steps import TRIES_AGAIN
from .overdue import overdue
from .pieces import in_pieces
from .presence import RUNS
from .releases import updater_status
from .rollout import UNDER_WAY
from .shown_node import Around, ShownNode
from .shown_rollout import rollout_state

_JSON = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)
_NO_NODES = '"nodes":[]'
_INSTALLS = (Phase.BOOTING, Phase.INSTALLING, Phase.CONFIGURED)


async def all_nodes(fleet: ServedFleet) -> Response:
    """Answer with the state of the whole fleet."""
    nodes = await in_pieces(fleet, lambda node: shown(fleet, node).json)
    before, _, after = _JSON.encode(around(fleet, [])).partition(_NO_NODES)
    return _json(f"{before}{_NO_NODES[:-1]}{','.join(nodes)}]{after}")


async def one_node(fleet: ServedFleet, mac: PathMac) -> Response:
    """Answer with the state of one node, with all that is kept of its updates and that its machine told."""
    state = whole_state(fleet, fleet.node(mac))
    return _json(_JSON.encode({**state, "update": fleet.updates.shown(mac).state}))


def one_node_shown(fleet: Fleet, mac: Mac) -> Response:
    """Return the answer to a command for one node: its state."""
    return _json(shown(fleet, fleet.node(mac)).json)


def _json(body: str) -> Response:
    return Response(body, media_type="application/json")


def node_state(fleet: Fleet, node: Node) -> NodeState:
    """Return one node in the form that `kboot status --json` prints."""
    return shown(fleet, node).state


def whole_state(fleet: Fleet, node: Node) -> NodeState:
    """Return one node with all that its machine told, and what leads on with it."""
    is_silent = _silent_since(fleet, fleet.machine(node.mac)) is not None
    return shown(fleet, node).whole(in_kubernetes=fleet.desc().kubernetes is not None, is_silent=is_silent)


def shown(fleet: Fleet, node: Node) -> ShownNode:
    """Return a node as it is shown, which is made anew where something of it has changed."""
    machine, desc = fleet.machine(node.mac), fleet.desc()
    late = overdue(
        machine.phase,
        machine.since,
        fleet.now(),
        is_armed=machine.armed,
        becomes_ready=desc.kubernetes is not None,
        is_slow=desc.timing is Timing.SLOW,
        boots=machine.boots,
    )
    around = Around(
        address=fleet.address_of(node),
        joined=not fleet.is_declared(node.mac),
        config=_config_state(fleet, node.mac, machine.config),
        reason=machine.reason or _around(fleet, machine),
        overdue=late,
        update=fleet.updates.shown(node.mac).newest(),
    )
    return fleet.shown.of(node, machine, around, fleet.heard_of(node))


async def releases(fleet: ServedFleet) -> Response:
    """Return a line for each release that machines are being installed with, or come to: the updater keeps those."""
    machines = (fleet.machine(node.mac) for node in fleet.nodes())
    rollout = fleet.rollouts.rollout
    rolled = {rollout.release} if rollout.release and rollout.at(*UNDER_WAY) else set()
    return fresh("".join(f"{version}\n" for version in sorted(releases_in_use(machines, fleet.now()) | rolled)))


async def labels(fleet: ServedFleet) -> Response:
    """Return a line for each node: its name, then the labels that a control plane gives it."""
    lines = []
    for node in fleet.nodes():
        roles = [f"node-role.kubernetes.io/{role.value}=" for role in node.roles]
        if Role.CONTROL_PLANE in node.roles:
            roles.append("node.kubernetes.io/exclude-from-external-load-balancers=")
        lines.append(" ".join([node.name, *roles, *(f"{key}={value}" for key, value in sorted(node.labels.items()))]))
    return fresh("".join(f"{line}\n" for line in lines))


def fleet_state(fleet: Fleet) -> FleetState:
    """Return all nodes, the discovered machines, the OS releases, and what Kubernetes says."""
    return around(fleet, [node_state(fleet, node) for node in fleet.nodes()])


def around(fleet: Fleet, nodes: list[NodeState]) -> FleetState:
    """Return the state of the fleet with these nodes."""
    desc = fleet.desc()
    updater = updater_status(fleet.settings.images)
    doubt = fleet.store.doubt()
    return {
        "cluster": desc.cluster.name,
        "doubt": doubt.as_json() if doubt else None,
        "nodes": nodes,
        "discovered": [
            {"mac": str(found.mac), "ip": found.ip, "since": rfc3339(found.since)} for found in fleet.discovered()
        ],
        "os": {
            "family": desc.os.family.value,
            "channel": desc.os.channel,
            "version": desc.os.version,
            "current": fleet.release_in_force(),
            "checked": _text(updater.get("checked")),
            "next_check": _text(updater.get("next_check")),
            "error": _text(updater.get("error")),
            "remark": _text(updater.get("remark")),
            "payload": _text(updater.get("payload")),
            "payload_error": _text(updater.get("payload_error")),
        },
        "rollout": rollout_state(fleet, is_whole=False),
        "kubernetes": kubernetes_state(fleet.kubernetes),
        "receivers": [view.state for _, view in sorted(fleet.store.notified.views.items())],
    }


def _text(told: object) -> str | None:
    return told if isinstance(told, str) else None


def kubernetes_state(view: KubernetesView) -> KubernetesState:
    """Return whether the API server answers, and each node that it has."""
    return {
        "state": view.state,
        "reason": view.reason,
        "nodes": {
            name: {
                "ready": node.is_ready,
                "version": node.version,
                "cordoned": node.is_cordoned,
                "reason": node.reason,
            }
            for name, node in sorted(view.nodes.items())
        },
    }


def _around(fleet: Fleet, machine: Machine) -> str | None:
    """Return what is wrong with a machine that has no reason of its own: as it is now, or as it was at its last try."""
    if machine.failure and machine.phase in _INSTALLS:
        return f"{TRIES_AGAIN}{machine.failure}"
    return _silence(fleet, machine) or ready_in_doubt(machine.phase, fleet.kubernetes)


def _silence(fleet: Fleet, machine: Machine) -> str | None:
    """Return in words that a machine that runs does not answer at its address; None where it does, or never did."""
    since = _silent_since(fleet, machine)
    return f"it does not answer since {rfc3339(since)}: it is off, or out of reach" if since else None


def _silent_since(fleet: Fleet, machine: Machine) -> datetime | None:
    return fleet.presence.missing_since(machine.mac) if machine.phase in RUNS else None


def _config_state(fleet: Fleet, mac: Mac, installed: str | None) -> Literal["current", "outdated"]:
    """Return `outdated` where the machine runs another config than a reinstall would give it now, else `current`."""
    if installed is None:  # nor is there anything to read for it
        return "current"
    try:
        now = fleet.files.text(f"{fleet.folder(mac)}/{CONFIG_HASH}").strip()
    except OSError:
        return "current"
    return "current" if installed == now else "outdated"
