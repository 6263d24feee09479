"""Judges under which names the server may be read: those that lead to the bootstrapper, and addresses. Pure."""

from __future__ import annotations

from ipaddress import AddressValueError, IPv4Address

from kboot_clusterdesc import ClusterDesc


def name_of(host: str) -> str:
    """Return the name or the IPv4 address in a header `Host`, without a port, in lower case."""
    return host.rpartition("@")[2].partition(":")[0].rstrip(".").lower()


def is_own_name(host: str, desc: ClusterDesc) -> bool:
    """Return whether a header `Host` names the bootstrapper, or is an address.

    A foreign site can have its own name lead here, and read what is answered by a script of its own (DNS rebinding).
    No address can do that, be it of IPv6, as a tunnel may have, which stands in brackets that no name has.
    """
    if host.rpartition("@")[2].startswith("["):
        return True
    name, network = name_of(host), desc.network
    try:
        IPv4Address(name)
    except AddressValueError:
        known = {"localhost", "bootstrapper", desc.registry.domain}
        known |= {name.lower() for name, address in network.hosts.items() if address == network.bootstrapper}
        return name in known | {f"{each}.{desc.cluster.domain}" for each in known if "." not in each}
    return True
