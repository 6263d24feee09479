"""What systemd-networkd of a machine reads: the node's address, and which cards it leaves alone."""

from __future__ import annotations

from kboot_clusterdesc import ClusterDesc, DhcpMode, Node
from kboot_compose.templates import rendered

from .config import File

_NETWORKD = "systemd-networkd.service"
_FOLDER = "/etc/systemd/network"


def has_static_address(desc: ClusterDesc, node: Node) -> bool:
    """Whether the machine sets its address itself, and asks nobody: it has one, and who would hand it out is kboot.

    Where the site hands out addresses, routers and name servers are the site's to tell.
    """
    return node.ip is not None and desc.network.dhcp.mode is DhcpMode.SERVE


def network_files(desc: ClusterDesc, node: Node) -> tuple[File, ...]:
    """Return the files of systemd-networkd; a machine that asks by DHCP keeps what it was given past its lease."""
    network = desc.network
    values: dict[str, object] = {
        "mac": str(node.mac),
        # An address without its subnet would be a host alone.
        "address": f"{node.ip}/{network.subnet.prefixlen}" if has_static_address(desc, node) else None,
        "router": next(iter(network.routers), None),
        "nameservers": network.nameservers or (network.bootstrapper,),
        "ntp": network.ntp,
    }
    return (
        File(
            "/etc/systemd/networkd.conf.d/10-kboot.conf",
            rendered("nodes/10-kboot-networkd.conf.j2"),
            read_by=_NETWORKD,
        ),
        File(f"{_FOLDER}/10-kboot.network", rendered("nodes/10-kboot.network.j2", **values), read_by=_NETWORKD),
    )
