"""Judges changes of etcd's version in members that hold data: one minor at a time, and never back.

Source: etcd.io, "Upgrading etcd clusters and applications". A member that finds data of an older minor than the one
before its own does not start, or takes itself for a cluster without voters.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

from kboot_clusterdesc import ClusterDesc, ClusterFolder, Node
from kboot_clusterdesc.layout import STATE_MARK
from kboot_clusterdesc.node_images import image, tagged_version
from kboot_clusterdesc.phase import MAY_BE_INSTALLED

from ..errors import BadInput
from ..running.cloudconfig_client import JsonObject
from ..running.config_in_force import RenderedByOlder, config_in_force
from ..running.etcd_client import EtcdVersion, client_context, version_of
from ..running.status import addresses_of, read_nodes
from ..running.tls_client import Fault

_SCRIPT = "/opt/bin/kboot-etcd"
_WAYS = "docs/etcd.md: Another version"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The verdict on a change: why not and the way out, or what nobody could check. Both None: it is good."""

    reason: tuple[str, str] | None = None
    remark: str | None = None


def reason_against(before: EtcdVersion, after: str) -> tuple[str, str] | None:
    """Return why a member that runs `before` cannot run `after`, and the way out; None where it can.

    While any member runs an older minor, the way back to that minor is open: the data are still of that minor.
    """
    oldest = min(_minor(before.server), _minor(before.cluster or before.server))
    new = _minor(after)
    if new < oldest:
        return (
            f"{before.server} runs, and {after} is older: it would not read the data",
            f"take an image of {_text(oldest)} or of the minor after it; an older etcd is a new one: {_WAYS}",
        )
    if new[0] != oldest[0]:
        return f"{before.server} runs, and {after} is another major version", f"etcd's own notes on that; {_WAYS}"
    if new[1] > oldest[1] + 1:
        between = ", ".join(_text((new[0], i)) for i in range(oldest[1] + 1, new[1]))
        return (
            f"{before.server} runs, and {after} leaves out {between}",
            f"go up one minor at a time: an image of {_text((new[0], oldest[1] + 1))} first, on every member: {_WAYS}",
        )
    return None


def verdict_of_edit(folder: ClusterFolder, before: ClusterDesc, after: ClusterDesc) -> Verdict:
    """Judge the etcd image of the edited description `after` for the members that were installed by `before`.

    The versions that members report count; where no member answers, those of the images in force.
    """
    wanted = image(after, "etcd")
    in_force = {node.name: _image_in_force(folder, before, node) for node in before.etcd_members}
    if not after.etcd_members or set(in_force.values()) <= {wanted}:
        return Verdict()
    machines = read_nodes(folder, before)
    running = _versions(before, folder, machines, _unarmed(before.etcd_members, machines))
    if not running:
        standing = installed(folder, before.etcd_members, machines)
        if not standing:
            return Verdict()
        tags = {name: tagged_version(in_force[name] or "") for name in standing}
        running = {name: EtcdVersion(tag) for name, tag in tags.items() if tag is not None}
    return _verdict(running, wanted)


def refuse_apply(
    folder: ClusterFolder, desc: ClusterDesc, machines: Sequence[JsonObject], nodes: Iterable[Node]
) -> list[str]:
    """Raise BadInput where an etcd member of `nodes` cannot come to its node config; return what nobody could check.

    A member that does not answer is judged by the cluster version that others report: its data are of that version.
    """
    members = [node for node in nodes if node in desc.etcd_members]
    running = _versions(desc, folder, machines, desc.etcd_members) if members else {}
    together = next((found.cluster for found in running.values() if found.cluster), None)
    outdated = {machine["mac"] for machine in machines if machine["config"] == "outdated"}
    remarks = []
    for node in members:
        before = running.get(node.name) or (EtcdVersion(together) if together else None)
        wanted = rendered_image(folder, node)
        verdict = _verdict({node.name: before} if before else {}, wanted) if wanted else Verdict()
        if verdict.reason is not None:
            raise BadInput(f"nothing was touched: {verdict.reason[0]}", verdict.reason[1])
        if verdict.remark is not None and node.mac in outdated:
            remarks.append(f"{node.name}: {verdict.remark}")
    return remarks


def version_ahead(
    folder: ClusterFolder, desc: ClusterDesc, machines: Sequence[JsonObject], nodes: Iterable[Node]
) -> str | None:
    """Return the version to which etcd comes with the configs of `nodes`; None where none changes, or one has it.

    `another` stands for an image whose tag names no version.
    """
    members = [node for node in nodes if node in desc.etcd_members]
    running = _versions(desc, folder, machines, desc.etcd_members) if members else {}
    outdated = {machine["mac"] for machine in machines if machine["config"] == "outdated"}
    for node in members if running else ():
        wanted = rendered_image(folder, node)
        version = tagged_version(wanted) if wanted else None
        if version is None:
            if wanted and node.mac in outdated:
                return "another"
        elif not any(f"{each.server}.".startswith(f"{version}.") for each in running.values()):
            return version
    return None


def rendered_image(folder: ClusterFolder, node: Node) -> str | None:
    """Return the etcd image in the config that a node would be given, or None; raise RenderedByOlder."""
    config = config_in_force(folder, node.mac)
    files = config.files if config is not None else ()
    script = next((file.content.decode() for file in files if file.path == _SCRIPT), "")
    line = re.search(r"^image=(.+)$", script, re.MULTILINE)
    return shlex.split(line[1])[0] if line else None


def _image_in_force(folder: ClusterFolder, before: ClusterDesc, node: Node) -> str | None:
    """The image that a member was installed with; None where an older kboot chose it, which may have chosen another."""
    try:
        return rendered_image(folder, node) or image(before, "etcd")
    except RenderedByOlder:
        return before.images.get("etcd")


def _verdict(running: Mapping[str, EtcdVersion], wanted: str) -> Verdict:
    version = tagged_version(wanted)
    if version is None or not running:
        what = (
            f"`{wanted}` names no version of etcd"
            if version is None
            else "no member of etcd says which version it runs"
        )
        return Verdict(remark=f"{what}, so nobody looked whether its data can come to that ({_WAYS})")
    for name, before in running.items():
        if reason := reason_against(before, version):
            return Verdict((f"etcd of {name}: {reason[0]}", reason[1]))
    return Verdict()


def _versions(
    desc: ClusterDesc, folder: ClusterFolder, machines: Sequence[JsonObject], nodes: Iterable[Node]
) -> dict[str, EtcdVersion]:
    """Return node -> etcd version, for the members that answer; all are asked at once."""
    addresses = addresses_of(list(machines))
    try:
        context = client_context(desc, folder.pki)
    except OSError:  # ssl.SSLError is an OSError too
        return {}

    def ask(node: Node) -> tuple[str, EtcdVersion | None]:
        with suppress(Fault):
            return node.name, version_of(node.name, addresses[node.mac], context)
        return node.name, None

    with ThreadPoolExecutor(16) as pool:
        asked = list(pool.map(ask, (node for node in nodes if node.mac in addresses)))
    return {name: version for name, version in asked if version is not None}


def _unarmed(nodes: Iterable[Node], machines: Sequence[JsonObject]) -> list[Node]:
    """Return the nodes that are not armed: an armed one will be installed afresh and lose its data."""
    armed = {machine["mac"] for machine in machines if machine["armed"]}
    return [node for node in nodes if node.mac not in armed]


def installed(folder: ClusterFolder, nodes: Iterable[Node], machines: Sequence[JsonObject]) -> list[str]:
    """Return the names of installed members; of all where a cloud-config server that has served before is off."""
    if all(machine["phase"] == "unknown" for machine in machines):
        never_served = (folder.state / STATE_MARK).exists()
        return [] if never_served else [node.name for node in nodes]
    was = {
        machine["mac"]
        for machine in machines
        if not machine["armed"]
        and ({"installed", "running", "ready"} & set(machine["phases"]) or machine["reason"] in MAY_BE_INSTALLED)
    }
    return [node.name for node in nodes if node.mac in was]


def _minor(version: str) -> tuple[int, int]:
    major, minor = version.split(".")[:2]
    return int(major), int(minor)


def _text(minor: tuple[int, int]) -> str:
    return f"{minor[0]}.{minor[1]}"
