"""Checks before a machine is armed: what its install would destroy, and which certificates it would get too late."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from kboot_clusterdesc import ClusterDesc, ClusterFolder, Node

from ..node import NodeConfig
from ..pki.certificate import Certificate, read_certificates
from ..pki.store.inventory import KeptCertificate, State, behind, kept_certificates
from ..running.cloudconfig_client import JsonObject
from ..running.config_in_force import RenderedByOlder, config_in_force
from .losses import Objection, Standing, losses, standing_of


def objections(
    folder: ClusterFolder, desc: ClusterDesc, machines: Sequence[JsonObject], mac: str, now: datetime
) -> list[Objection]:
    """Return the objections to arming the machine `mac`, given `machines` as the cloud-config server knows them.

    Arming an armed machine destroys nothing more; an undeclared machine has neither role nor certificate.
    """
    node = next((node for node in desc.nodes if node.mac == mac), None)
    if node is None:
        return []
    cluster = standing_of(folder, desc, machines)
    lost = [] if node.name in cluster.armed else losses(cluster, node)
    return [*lost, *_of_certificates(cluster, node, now)]


def _of_certificates(cluster: Standing, node: Node, now: datetime) -> Iterator[Objection]:
    """Yield an objection where the machine would be given certificates that have ended."""
    kept = kept_certificates(cluster.folder, cluster.desc)
    ended = [each for each in behind(kept, node.name) if each.state(now) is State.EXPIRED]
    names = ", ".join(f"{each.name} ({each.certificate.end:%Y-%m-%d})" for each in ended)
    if any(each.certificate.is_authority for each in ended):
        yield Objection(f"authorities of its certificates have ended: {names}", "docs/certificates.md: a new authority")
    elif ended:
        yield Objection(
            f"certificates of {node.name} have ended: {names}",
            f"`kboot certs renew --node {node.name}`, then `kboot up FILE`",
        )
    else:
        yield from _of_rendered_certificates(cluster.folder, kept, node, now)


def _of_rendered_certificates(
    folder: ClusterFolder, kept: Sequence[KeptCertificate], node: Node, now: datetime
) -> Iterator[Objection]:
    """Yield an objection where certificates in the rendered config have ended, or where the config cannot be read."""
    try:
        config = config_in_force(folder, node.mac)
    except RenderedByOlder as error:
        yield Objection(f"nobody looked at the certificates in the config of {node.name}: {error.message}", error.hint)
        return
    if config is not None and (stale := _ended_files(config, kept, now)):
        yield Objection(
            f"the config of {node.name} holds certificates that have ended: {', '.join(stale)}",
            "`kboot up FILE` renders those that were renewed",
        )


def _ended_files(config: NodeConfig, kept: Sequence[KeptCertificate], now: datetime) -> list[str]:
    """Return the files of the node config that hold ended certificates of our own authorities."""
    ours = {each.certificate.subject.common_name for each in kept if each.certificate.is_authority}
    return [
        file.path
        for file in config.files
        if any(each.issuer in ours and each.end <= now for each in _certificates_in(file.content))
    ]


def _certificates_in(content: bytes) -> list[Certificate]:
    try:
        return read_certificates(content)
    except ValueError:
        return []
