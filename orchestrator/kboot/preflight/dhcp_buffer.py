"""How many machines can ask dnsmasq for a lease at one moment before the kernel drops what they send."""

from __future__ import annotations

from pathlib import Path

from kboot_clusterdesc import ClusterDesc

# What the kernel counts for one message: its own bookkeeping and, with many network cards, half a page for the packet.
_MESSAGE_BYTES = 2304
# dnsmasq leaves the buffer of its socket as it is by default, which is the host's alone to set.
_DEFAULT = Path("/proc/sys/net/core/rmem_default")


def default_buffer_bytes() -> int | None:
    """Return the size of the buffer that a new socket has on this machine; None where the kernel does not tell."""
    try:
        return int(_DEFAULT.read_text())
    except (OSError, ValueError):
        return None


def dhcp_advice(desc: ClusterDesc, buffer_bytes: int) -> str:
    """Return how many machines are heard at one moment, and the setting by which all that are described would be."""
    heard, nodes = buffer_bytes // _MESSAGE_BYTES, len(desc.nodes)
    if heard >= nodes:
        return f"room for {heard} machines that ask at one moment"
    wanted = -(-nodes * _MESSAGE_BYTES // 65536) * 65536
    return (
        f"room for {heard} machines that ask at one moment, of {nodes}; the others ask again, seconds later: for a "
        f"rack that is switched on as a whole, `sysctl -w net.core.rmem_default={wanted}`, then `kboot restart dnsmasq`"
    )
