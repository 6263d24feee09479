"""The state of a cluster: services from the engine, machines and OS releases from the cloud-config server."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address

from kboot_clusterdesc import ClusterDesc, ClusterFolder, Mac

from ..errors import KbootError
from ..host.engine import Engine, ServiceState
from ..host.systemd import enabled_unit
from .chosen import description_in_force
from .cloudconfig_client import CloudConfigClient, JsonObject, Unreachable
from .cluster_health import Health, read_health
from .pasted import cluster_to_name


@dataclass(frozen=True, slots=True)
class Status:
    """The state of a cluster at one moment: its services (`down` names those not up), machines and OS releases."""

    cluster: str
    services: list[ServiceState]
    nodes: list[JsonObject]
    discovered: list[JsonObject]
    os: JsonObject
    down: list[str] = field(default_factory=list)
    health: Health = field(default_factory=Health)
    doubt: JsonObject | None = None
    rollout: JsonObject | None = None  # without its machines; None where the cloud-config server does not answer
    receivers: list[JsonObject] = field(default_factory=list)  # who is told of events
    autostart: bool = False  # whether a boot of this machine brings the services up
    to_name: str | None = None  # the name that commands to paste have to say

    def as_json(self) -> JsonObject:
        """Return the form that `kboot status --json` prints."""
        services = [
            {"name": each.name, "state": each.state, "health": each.health, "started": each.started}
            for each in self.services
        ]
        return {
            "cluster": self.cluster,
            "services": services,
            "nodes": self.nodes,
            "discovered": self.discovered,
            "os": self.os,
            "doubt": self.doubt,
            "rollout": self.rollout,
            "receivers": self.receivers,
            "autostart": self.autostart,
            **self.health.as_json(),
        }


def read_status(folder: ClusterFolder, engine: Engine | None = None) -> Status:
    """Return the state of the cluster, without its health; a service that is down is named in `down`, never raised."""
    desc = description_in_force(folder)
    services = (engine or Engine(folder)).services()
    autostart, to_name = enabled_unit(folder.unit) is not None, cluster_to_name(folder)
    down = [f"{each.name} ({_how(each)})" for each in services if not each.is_up]
    try:
        answer = CloudConfigClient(folder, desc).get("/v1/nodes")
    except KbootError as error:
        if not down:
            down.append(f"cloudconfig ({error.message})")
        unknown = _declared(desc, "unknown: cloudconfig is down")
        return Status(folder.cluster, services, unknown, [], {}, down, autostart=autostart, to_name=to_name)
    return Status(
        folder.cluster,
        services,
        [_node(each) for each in answer.get("nodes", [])],
        answer.get("discovered", []),
        answer.get("os", {}),
        down,
        doubt=answer.get("doubt"),
        rollout=answer.get("rollout"),
        receivers=answer.get("receivers", []),
        autostart=autostart,
        to_name=to_name,
    )


def _how(service: ServiceState) -> str:
    return f"{service.state}, {service.health}" if service.state == "running" else service.state


def doubt_in_words(doubt: JsonObject) -> str:
    """Return in words that the state was lost, and the way out."""
    return (
        f"lost at {doubt['since']} ({doubt['reason']}): no machine is armed by itself; "
        "`kboot node reinstall NAME` arms one, `kboot node settle` ends this"
    )


def rollout_in_words(rollout: JsonObject) -> str:
    """Return in one line what a rollout does."""
    words = {
        "idle": "no rollout is under way",
        "running": f"the rollout of {rollout['release']} is under way",
        "paused": f"the rollout of {rollout['release']} is paused" if rollout["release"] else "rollouts are paused",
        "halted": f"the rollout of {rollout['release']} has halted",
    }
    why = f": {rollout['reason']}" if rollout.get("reason") else ""
    return f"{words[rollout['state']]} since {rollout['since']}{why}"


def failed_units_in_words(node: JsonObject, *, in_short: bool = False) -> str:
    """Return which units of a machine failed, such as `containerd.service failed`; empty where none did.

    In short that is the first of them, and how many more.
    """
    names = [str(unit["name"]) for unit in node.get("failed_units") or ()]
    if in_short and len(names) > 1:
        return f"{names[0]} failed, and {len(names) - 1} more"
    return f"{', '.join(names)} failed" if names else ""


def read_doubt(folder: ClusterFolder, desc: ClusterDesc) -> JsonObject | None:
    """Return since when and why the state is lost; None where it is not, or the cloud-config server does not answer."""
    try:
        doubt: JsonObject | None = CloudConfigClient(folder, desc).get("/v1/nodes").get("doubt")
    except Unreachable:
        return None
    return doubt


def read_nodes(folder: ClusterFolder, desc: ClusterDesc) -> list[JsonObject]:
    """Return the machines as the cloud-config server knows them; as they are declared where it does not answer."""
    try:
        return [_node(each) for each in CloudConfigClient(folder, desc).nodes()]
    except Unreachable as error:
        return _declared(desc, f"unknown: {error.message}")


def addresses_of(nodes: list[JsonObject]) -> dict[Mac, IPv4Address]:
    """Return MAC -> address, for the machines that have one."""
    return {Mac(node["mac"]): IPv4Address(node["ip"]) for node in nodes if node["ip"]}


def with_health(folder: ClusterFolder, status: Status) -> Status:
    """Return the status with the health of etcd and the control plane, which takes seconds when they are off."""
    health = read_health(description_in_force(folder), folder, addresses_of(status.nodes))
    return replace(status, health=health.among({node["name"]: node["phase"] for node in status.nodes}))


def _node(node: JsonObject) -> JsonObject:
    keys = (
        "mac",
        "name",
        "ip",
        "roles",
        "phase",
        "since",
        "heard",
        "phases",
        "armed",
        "joined",
        "config",
        "version",
        "reason",
        "remark",
        "overdue",
        "bytes",
        "total",
        "percent",
        "ssh_host_keys",
        "failed_units",
    )
    return {key: node.get(key) for key in keys}


def _declared(desc: ClusterDesc, reason: str) -> list[JsonObject]:
    return [
        _node(
            {
                "mac": str(node.mac),
                "name": node.name,
                "ip": str(node.ip) if node.ip else None,
                "roles": [str(role) for role in node.roles],
                "phase": "unknown",
                "phases": {},
                "reason": reason,
            }
        )
        for node in desc.nodes
    ]
