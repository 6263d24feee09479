"""The declared nodes, found by the MAC of any of their cards and by their address. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address

from kboot_clusterdesc import ClusterDesc, Mac, Node


@dataclass(frozen=True, slots=True)
class NodeIndex:
    """A description and where its nodes are found: each second a rack is looked up by all of its leases."""

    desc: ClusterDesc
    by_mac: Mapping[Mac, Node]
    by_ip: Mapping[IPv4Address, Node]

    @classmethod
    def of(cls, desc: ClusterDesc) -> NodeIndex:
        """Return the index of a description."""
        by_mac = {mac: node for node in desc.nodes for mac in node.macs}
        return cls(desc, by_mac, {node.ip: node for node in desc.nodes if node.ip is not None})

    def identity(self, mac: Mac) -> Mac:
        """Return the MAC that a node is known by, for that of any of its cards; any other MAC as it is."""
        node = self.by_mac.get(mac)
        return mac if node is None else node.mac

    def is_identity(self, mac: Mac) -> bool:
        """Return whether a declared node is known by that MAC."""
        node = self.by_mac.get(mac)
        return node is not None and node.mac == mac
