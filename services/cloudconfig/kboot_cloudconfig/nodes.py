"""The state of the fleet as JSON, and the operator's commands: arm, disarm, settle."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from fastapi.responses import Response

from kboot_clusterdesc import EventKind, Mac, Node, Role
from kboot_clusterdesc.model import Timing
from kboot_clusterdesc.shared_files import CONFIG_HASH, OPERATOR_TOKEN_SHA256

from . import guard
from . import machine as life
from .answer import fresh
from .caller import PathMac, ServedFleet, ask_of
from .fleet import Fleet
from .kubernetes_nodes import KubernetesView, ready_in_doubt
from .machine import Machine
from .overdue import overdue
from .presence import RUNS
from .problem import ProblemError
from .releases import release_in_force, updater_status
from .store import rfc3339


async def all_nodes(fleet: ServedFleet) -> dict[str, Any]:
    """Answer with the state of the whole fleet."""
    return fleet_state(fleet)


async def one_node(fleet: ServedFleet, mac: PathMac) -> dict[str, Any]:
    """Answer with the state of one node."""
    return node_state(fleet, fleet.node(mac))


def node_state(fleet: Fleet, node: Node) -> dict[str, Any]:
    """Return one node in the form that `kboot status --json` prints."""
    machine, desc = fleet.machine(node.mac), fleet.desc()
    heard = fleet.heard_of(node)
    late = overdue(
        machine.phase,
        machine.since,
        fleet.now(),
        is_armed=machine.armed,
        becomes_ready=desc.kubernetes is not None,
        is_slow=desc.timing is Timing.SLOW,
        boots=machine.boots,
    )
    address = fleet.address_of(node)
    return {
        "mac": str(node.mac),
        "more_macs": [str(mac) for mac in node.more_macs],
        "name": node.name,
        "ip": str(address) if address else None,
        "roles": [role.value for role in node.roles],
        "phase": machine.phase.value,
        "since": rfc3339(machine.since),
        "heard": rfc3339(heard) if heard else None,
        "phases": {phase.value: rfc3339(at) for phase, at in machine.phases.items()},
        "armed": machine.armed,
        "joined": not fleet.is_declared(node.mac),
        "config": _config_state(fleet, node.mac, machine.config),
        "reason": machine.reason or _silence(fleet, machine) or ready_in_doubt(machine.phase, fleet.kubernetes),
        "remark": machine.remark,
        "overdue": late,
        "version": machine.version,
        "ssh_host_keys": list(machine.ssh_host_keys),
        "install_disk": machine.install_disk,
        "disks": list(machine.disks),
        "boot_partition": machine.boot_partition,
        "bytes": machine.bytes_done,
        "total": machine.bytes_total,
        "percent": life.written_percent(machine),
    }


async def labels(fleet: ServedFleet) -> Response:
    """Return a line for each node: its name, then the labels that a control plane gives it."""
    lines = []
    for node in fleet.nodes():
        roles = [f"node-role.kubernetes.io/{role.value}=" for role in node.roles]
        if Role.CONTROL_PLANE in node.roles:
            roles.append("node.kubernetes.io/exclude-from-external-load-balancers=")
        lines.append(" ".join([node.name, *roles, *(f"{key}={value}" for key, value in sorted(node.labels.items()))]))
    return fresh("".join(f"{line}\n" for line in lines))


def fleet_state(fleet: Fleet) -> dict[str, Any]:
    """Return all nodes, the discovered machines, the OS releases, and what Kubernetes says."""
    desc = fleet.desc()
    updater = updater_status(fleet.settings.images)
    doubt = fleet.store.doubt()
    return {
        "cluster": desc.cluster.name,
        "doubt": doubt.as_json() if doubt else None,
        "nodes": [node_state(fleet, node) for node in fleet.nodes()],
        "discovered": [
            {"mac": str(found.mac), "ip": found.ip, "since": rfc3339(found.since)} for found in fleet.discovered()
        ],
        "os": {
            "family": desc.os.family.value,
            "channel": desc.os.channel,
            "version": desc.os.version,
            "current": release_in_force(fleet.settings.images, desc),
            "checked": updater.get("checked"),
            "error": updater.get("error"),
        },
        "kubernetes": kubernetes_state(fleet.kubernetes),
    }


def kubernetes_state(view: KubernetesView) -> dict[str, Any]:
    """Return whether the API server answers, and each node that it has."""
    return {
        "state": view.state.value,
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


async def arm(request: Request, fleet: ServedFleet, mac: PathMac) -> dict[str, Any]:
    """Arm a node and show it; only the operator token may."""
    return _set_armed(fleet, request, mac, armed=True)


async def disarm(request: Request, fleet: ServedFleet, mac: PathMac) -> dict[str, Any]:
    """Disarm a node and show it; only the operator token may."""
    return _set_armed(fleet, request, mac, armed=False)


def _set_armed(fleet: Fleet, request: Request, mac: Mac, *, armed: bool) -> dict[str, Any]:
    node, ask = fleet.node(mac), _operators_ask(fleet, request, mac)
    if armed and not fleet.may_install(mac):
        raise ProblemError(409, f"{mac} is not declared, and the description lets no machine join any more: declare it")
    before = fleet.machine(mac)
    fleet.store.save(life.arm(before, fleet.now()) if armed else life.disarm(before))
    fleet.tell(EventKind.ARMED if armed else EventKind.DISARMED, mac, ask.address)
    return node_state(fleet, node)


async def settle(request: Request, fleet: ServedFleet) -> dict[str, Any]:
    """End the doubt that a lost state left; only the operator token may."""
    ask = _operators_ask(fleet, request, None)
    fleet.settle(ask.address)
    return fleet_state(fleet)


def _operators_ask(fleet: Fleet, request: Request, mac: Mac | None) -> guard.Ask:
    ask = ask_of(request)
    try:
        kept = (fleet.settings.config / OPERATOR_TOKEN_SHA256).read_text().strip()
    except OSError:
        kept = None
    if not ask.is_tls or not guard.is_token(ask.token, kept):
        reason = guard.Refusal.NO_TOKEN if ask.is_tls else guard.Refusal.PLAIN_HTTP
        fleet.refuse(mac, ask.address, str(reason), request.url.path)
        raise ProblemError(403, "this needs the operator token, over https")
    return ask


def _silence(fleet: Fleet, machine: Machine) -> str | None:
    """Return since when a machine that runs does not answer at its address; None where it does, or never did."""
    since = fleet.presence.missing_since(machine.mac) if machine.phase in RUNS else None
    return f"it does not answer since {rfc3339(since)}: it is off, or out of reach" if since else None


def _config_state(fleet: Fleet, mac: Mac, installed: str | None) -> str:
    """Return `outdated` where the machine runs another config than a reinstall would give it now, else `current`."""
    try:
        now = (fleet.folder(mac) / CONFIG_HASH).read_text().strip()
    except OSError:
        return "current"
    return "current" if installed in (None, now) else "outdated"
