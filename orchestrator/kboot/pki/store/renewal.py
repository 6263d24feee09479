"""Renews leaves: a fresh key and certificate of the same authority, so that nobody has to trust anything new."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from kboot_clusterdesc import ClusterDesc, ClusterFolder, Node

from ...errors import BadInput
from ..lifetimes import MACHINE_LIFE, SERVER_LIFE
from ..node_keys import Authority, KeySpec, key_specs, own_specs
from .cluster_secrets import load_authorities, node_key_path
from .inventory import OWN
from .secret_store import SecretStore


@dataclass(frozen=True, slots=True)
class Leaf:
    """A certificate that may be renewed: whose it is, what it is for, and where it is kept."""

    node: Node | None  # None: the bootstrapper's own
    spec: KeySpec
    path: str
    life: timedelta

    @property
    def owner(self) -> str:
        """Return the owner as `kboot certs list` names it."""
        return self.node.name if self.node else OWN


def leaves(desc: ClusterDesc, node: Node | None = None) -> list[Leaf]:
    """Return the leaves that the description asks for: of `node` alone, or of the bootstrapper and all nodes."""
    own = [] if node else [Leaf(None, spec, spec.name, SERVER_LIFE) for spec in own_specs(desc)]
    return own + [
        Leaf(each, spec, node_key_path(each.mac, spec.name), MACHINE_LIFE)
        for each in ([node] if node else desc.nodes)
        for spec in key_specs(desc, each)
    ]


def renew(
    folder: ClusterFolder, desc: ClusterDesc, now: datetime, *, name: str | None = None, node: Node | None = None
) -> list[Leaf]:
    """Renew the leaves called `name` (default: all) of `node` (default: of all nodes and the bootstrapper).

    The old pair is dropped: the machine that has it can use it to its end, and nothing needs its key here.
    """
    wanted = [leaf for leaf in leaves(desc, node) if name in (None, leaf.spec.name)]
    if not wanted:
        raise _nothing(desc, name, node)
    kept = SecretStore(folder)
    authorities = load_authorities(kept, desc, now)
    for leaf in wanted:
        kept.renew(leaf.path, authorities[leaf.spec.authority], leaf.spec.subject, now, leaf.life)
    return wanted


def _nothing(desc: ClusterDesc, name: str | None, node: Node | None) -> BadInput:
    if name in list(Authority):
        return BadInput(f"`{name}` is an authority, not a leaf", "docs/certificates.md says what a new one takes")
    if name is not None and name.startswith("operators/"):
        return BadInput(f"`{name}` is an operator's", "`kboot kubeconfig` renews it when it is near its end")
    names = sorted({leaf.spec.name for leaf in leaves(desc, node)})
    whose = f"{node.name} has" if node else "this cluster has"
    if name is None:
        return BadInput(f"{whose} no certificate", "`kboot certs list` shows who has which")
    return BadInput(f"{whose} no certificate `{name}`", f"one of {', '.join(names)}" if names else "")
