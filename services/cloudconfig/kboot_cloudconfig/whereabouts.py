"""Says from where a machine runs, in words which address it should have, and that it has another. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address

from kboot_clusterdesc import ClusterDesc, DhcpMode, Node, Phase

_FROM_MEMORY = (Phase.BOOTING, Phase.INSTALLING, Phase.CONFIGURED, Phase.FAILED)


def is_in_memory(phase: Phase, *, is_armed: bool) -> bool:
    """Return whether a machine in `phase` runs the OS in memory that installs it, by all that is known."""
    return is_armed and phase in _FROM_MEMORY


def own_in_words(desc: ClusterDesc, node: Node, own: Sequence[IPv4Address]) -> str:
    """Return what the own address of a node is, the first of `own`, or why it has none."""
    if desc.network.dhcp.mode is DhcpMode.SERVE:
        return f"its own address is {own[0]}" if own else "it has no lease"
    if node.ip is None:
        return "the description gives it no `ip`"
    return f"its `ip` is {node.ip}, which the DHCP server of the site has to give it"


def elsewhere_in_words(desc: ClusterDesc, node: Node, address: IPv4Address | None) -> str | None:
    """Return that a machine runs at another address than its `ip`, where the site hands out addresses, or None."""
    if desc.network.dhcp.mode is DhcpMode.SERVE or node.ip is None or address in (None, node.ip):
        return None
    return f"it runs at {address}, and {own_in_words(desc, node, ())}"
