"""Rules for names: each machine's own, and none that DHCP or DNS would read as something else."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..model import ClusterDesc, Node, Role
from ..problem import Problem
from ..source import Tree
from ..types import Mac, is_host_label
from .at import problem_at

# dnsmasq (2.90) reads a word of `dhcp-host` as one of these before it takes the word for a name.
_LEASE_TIME = re.compile(r"[0-9]+[smhdw]?", re.IGNORECASE)
_KEYWORDS = frozenset({"infinite", "ignore"})
# The last one is an address to ssh, ping and all else that asks getaddrinfo(3): `0x10` is 0.0.0.16.
_ADDRESS = re.compile(r"[0-9.]*\.[0-9.]*|\[?[0-9a-f]*:[0-9a-f:.]*\]?|0x[0-9a-f]{1,8}", re.IGNORECASE)
_OWN_NAMES = frozenset({"localhost", "bootstrapper"})
# A certificate's common name has at most 64 characters (RFC 5280, A.1); kboot's longest is `kube-apiserver-NAME`.
_LONGEST_WITH_KEYS = 49


def check_names(desc: ClusterDesc, tree: Tree) -> Iterator[Problem]:
    """Yield a problem, placed at the `name` key, for each node whose name is not possible or not free."""
    first: dict[str, int] = {}
    taken = _taken_names(desc)
    for i, node in enumerate(desc.nodes):
        path = ("nodes", i, "name")
        reason = _reason_against(node.name)
        if reason:
            yield problem_at(tree, path, *reason)
        elif _is_of_another(node):
            yield problem_at(
                tree,
                path,
                f"`{node.name}` is the MAC of another machine",
                f"take another name; this machine's own is `{node.mac.dashed}`",
                given=(f"nodes[{i}].mac",),
            )
        elif len(node.name) > _LONGEST_WITH_KEYS and _has_keys(desc, node):
            yield problem_at(
                tree,
                path,
                f"`{node.name}` has {len(node.name)} characters, too many for a certificate of Kubernetes or etcd",
                f"take a name of at most {_LONGEST_WITH_KEYS} characters",
            )
        elif node.name in taken:
            yield problem_at(
                tree,
                path,
                f"`{node.name}` is the name of something else in this cluster",
                "take another name",
                given=taken[node.name],
            )
        elif first.setdefault(node.name, i) != i:
            yield problem_at(
                tree,
                path,
                f"`{node.name}` is the name of nodes[{first[node.name]}] too",
                "give each machine its own name, or leave it out: then it is called after its MAC",
                given=(f"nodes[{first[node.name]}].name",),
            )


def _has_keys(desc: ClusterDesc, node: Node) -> bool:
    return desc.kubernetes is not None or Role.ETCD in node.roles


def _reason_against(name: str) -> tuple[str, str] | None:
    """Return why no machine can have `name`, and the way out; None if one can."""
    other = "put a letter in front, such as `node-" + re.sub(r"[^a-z0-9-]+", "-", name.lower())[:40] + "`"
    if _ADDRESS.fullmatch(name):
        return f"`{name}` would be read as an address", other
    if _LEASE_TIME.fullmatch(name):
        return f"`{name}` would be read as a lease time", other
    if name.lower() in _KEYWORDS:
        return f"`{name}` would be read as a keyword of the DHCP server", other
    if not is_host_label(name):
        return (
            f"`{name[:80]}` is not a host name",
            "small letters, digits and dashes, at most 63, no dash at either end, no domain",
        )
    return None


def _is_of_another(node: Node) -> bool:
    """Whether the node's name is the MAC of another machine than the node."""
    try:
        return Mac(node.name) != node.mac
    except ValueError:
        return False


def _taken_names(desc: ClusterDesc) -> dict[str, tuple[str, ...]]:
    """Return each name that no node may have, with the keys it comes from: kboot's own, and DNS records."""
    domain = "cluster.domain"
    taken: dict[str, tuple[str, ...]] = {}
    ending = f".{desc.cluster.domain}"
    if desc.kubernetes:
        endpoint, _ = desc.api_endpoint
        leaders = {node.name + ending for node in desc.control_planes}
        # The endpoint may name one control plane; the default, `api`, is a record that names all of them.
        if endpoint.endswith(ending) and not (desc.kubernetes.api_server.endpoint and endpoint in leaders):
            roles = tuple(f"nodes[{i}].roles" for i, node in enumerate(desc.nodes) if node.name + ending == endpoint)
            taken[endpoint.removesuffix(ending)] = (domain, "kubernetes.api_server.endpoint", *roles)
    for record in desc.network.hosts:
        if record.endswith(ending):
            taken[record.removesuffix(ending)] = (domain,)
    return taken | {desc.registry.domain: ("registry.domain",)} | dict.fromkeys(_OWN_NAMES, ())
