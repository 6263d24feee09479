"""What is in force and how far it is: services from the engine, machines from the cloud-config server."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import httpx

import kboot_clusterdesc
from kboot_clusterdesc import ClusterDesc, ClusterFolder, InvalidDescription, Mac, Node

from . import state_folder
from .cluster_health import Health, read_health
from .engine import Engine, Service
from .errors import BadInput, KbootError

JsonObject = dict[str, Any]  # what crosses the HTTP border, passed on as it is


class Unreachable(KbootError):
    """The cloud-config server does not answer."""


@dataclass(frozen=True, slots=True)
class Status:
    """A moment of a cluster."""

    cluster: str
    services: list[Service]
    nodes: list[JsonObject]
    discovered: list[JsonObject]
    os: JsonObject
    down: list[str] = field(default_factory=list)
    health: Health = field(default_factory=Health)
    doubt: JsonObject | None = None

    def as_json(self) -> JsonObject:
        """The shape that scripts read."""
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
            **self.health.as_json(),
        }


class CloudConfig:
    """The cloud-config server of a cluster, spoken to over HTTPS with the cluster's own CA."""

    def __init__(self, folder: ClusterFolder, desc: ClusterDesc) -> None:
        self._folder = folder
        self._base = f"https://{desc.network.bootstrapper}"

    def get(self, path: str) -> JsonObject:
        """The JSON at `path`; raises Unreachable."""
        return self._ask("GET", path)

    def nodes(self) -> list[JsonObject]:
        """Every machine of the cluster; raises Unreachable."""
        found: list[JsonObject] = self.get("/v1/nodes").get("nodes", [])
        return found

    def post(self, path: str) -> JsonObject:
        """POST to `path` with the operator's token."""
        token = _read(self._folder.pki / "operator-token").strip()
        return self._ask("POST", path, {"Authorization": f"Bearer {token}"})

    def _ask(self, method: str, path: str, headers: dict[str, str] | None = None) -> JsonObject:
        authority = self._folder.pki / "cluster-ca.pem"
        try:
            context = ssl.create_default_context(cafile=str(authority))
            # trust_env off: a proxy of the site must not stand between us and our own machine
            with httpx.Client(base_url=self._base, verify=context, timeout=10, trust_env=False) as client:
                answer = client.request(method, path, headers=headers)
        except OSError as error:
            raise Unreachable(
                f"{authority}: cannot be read: {error.strerror}", "run `kboot up` first"
            ) from error
        except httpx.HTTPError as error:
            raise Unreachable(
                f"the cloud-config server at {self._base} does not answer: {error}",
                f"read `docker compose -p kboot-{self._folder.cluster} logs cloudconfig`, then `kboot up`",
            ) from error
        return _body(answer, path)


def read_status(folder: ClusterFolder, engine: Engine | None = None) -> Status:
    """The cluster at this moment; what is down is named in `down`, never raised."""
    desc = description_in_force(folder)
    services = (engine or Engine(folder)).services()
    down = [f"{each.name} ({each.state}, {each.health})" for each in services if not each.is_up]
    try:
        answer = CloudConfig(folder, desc).get("/v1/nodes")
    except KbootError as error:
        if not down:
            down.append(f"cloudconfig ({error.message})")
        return Status(folder.cluster, services, _declared(desc, "unknown: cloudconfig is down"), [], {}, down)
    return Status(
        folder.cluster,
        services,
        [_node(each) for each in answer.get("nodes", [])],
        answer.get("discovered", []),
        answer.get("os", {}),
        down,
        doubt=answer.get("doubt"),
    )


def doubt_line(doubt: JsonObject) -> str:
    """That the state was lost, and the way out."""
    return (
        f"state: lost at {doubt['since']} ({doubt['reason']}): no machine is armed by itself; "
        "`kboot node reinstall NAME` arms one, `kboot node settle` ends this"
    )


def read_doubt(folder: ClusterFolder, desc: ClusterDesc) -> JsonObject | None:
    """That the state was lost, if the cloud-config server says so."""
    try:
        doubt: JsonObject | None = CloudConfig(folder, desc).get("/v1/nodes").get("doubt")
    except Unreachable:
        return None
    return doubt


def read_nodes(folder: ClusterFolder, desc: ClusterDesc) -> list[JsonObject]:
    """The machines as the cloud-config server knows them; as they are declared where it does not answer."""
    try:
        return [_node(each) for each in CloudConfig(folder, desc).nodes()]
    except Unreachable as error:
        return _declared(desc, f"unknown: {error.message}")


def addresses_of(nodes: list[JsonObject]) -> dict[Mac, IPv4Address]:
    """Where each machine is, of those that have an address."""
    return {Mac(node["mac"]): IPv4Address(node["ip"]) for node in nodes if node["ip"]}


def with_health(folder: ClusterFolder, status: Status) -> Status:
    """The status with what etcd and the control plane say of themselves, which takes some seconds when they are off."""
    health = read_health(description_in_force(folder), folder, addresses_of(status.nodes))
    return replace(status, health=health)


def description_in_force(folder: ClusterFolder) -> ClusterDesc:
    """The normalised copy that the last `up` wrote."""
    try:
        return kboot_clusterdesc.load(folder.description)
    except InvalidDescription as error:
        if not folder.description.exists():
            raise BadInput(f"{folder.path}: no such cluster", "`kboot up FILE` makes one") from error
        raise


def chosen_cluster(root: Path, name: str | None) -> ClusterFolder:
    """The cluster `name`, else the only one under `root`; raises BadInput when that is not clear."""
    present = state_folder.clusters(root)
    if name is not None:
        if name not in present:
            raise BadInput(f"{root}: holds no cluster `{name}`", _present(present))
        return ClusterFolder(root, name)
    if len(present) != 1:
        what = "no cluster" if not present else "several clusters"
        raise BadInput(f"{root}: holds {what}", _present(present))
    return ClusterFolder(root, present[0])


def node_named(status: list[JsonObject], name: str) -> JsonObject:
    """The node that is called `name`, or has it as its MAC in any spelling."""
    try:
        mac: str | None = Mac(name)
    except ValueError:
        mac = None
    for node in status:
        if node["name"] == name or (mac is not None and node["mac"] == mac):
            return node
    known = ", ".join(str(node["name"]) for node in status) or "none"
    raise BadInput(f"`{name}` is not a node of this cluster", f"declared: {known}")


def declared_node(desc: ClusterDesc, name: str) -> Node:
    """The node of the description that is called `name`, or has it as its MAC in any spelling."""
    found = node_named([{"name": node.name, "mac": node.mac} for node in desc.nodes], name)
    return next(node for node in desc.nodes if node.mac == found["mac"])


def _present(names: list[str]) -> str:
    if not names:
        return "`kboot up FILE` makes one; another root is named with `--root`"
    return "say which: " + ", ".join(f"`--cluster {name}`" for name in names)


def _node(node: JsonObject) -> JsonObject:
    keys = (
        "mac",
        "name",
        "ip",
        "roles",
        "phase",
        "since",
        "phases",
        "armed",
        "adopted",
        "config",
        "reason",
        "bytes",
        "total",
        "ssh_host_keys",
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


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError as error:
        raise KbootError(
            f"{path}: cannot be read: {error.strerror}", "run this as the user who ran `kboot up`"
        ) from error


def _body(answer: httpx.Response, path: str) -> JsonObject:
    try:
        body = answer.json() if answer.content else {}
    except ValueError:
        body = {}
    if not isinstance(body, dict):
        body = {"items": body}
    if answer.is_error:
        detail = body.get("detail") or body.get("title") or ""
        raise KbootError(f"{path}: the cloud-config server answers {answer.status_code} {detail}".rstrip())
    return body
