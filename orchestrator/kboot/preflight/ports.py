"""The ports that our services bind, and the programs that hold one of them already."""

from __future__ import annotations

from collections.abc import Sequence

from kboot_clusterdesc import ClusterDesc
from kboot_compose.services import LOOPBACK, NTP, SERVICES, Service, services_of

from ..errors import KbootError
from ..host.engine import ServiceState
from ..host.network_interfaces import Listener, listeners
from ..render.compose import HostNetwork, NetworkMode


def taken_ports(
    desc: ClusterDesc, states: list[ServiceState], services: Sequence[Service] = SERVICES
) -> list[Listener]:
    """Return the listeners on ports of those services that do not run yet."""
    running = {state.name for state in states if state.state == "running"}
    waiting = [service for service in services_of(desc, services) if service.name not in running]
    found = listeners([port for service in waiting for port in service.ports(desc)], desc.network.bootstrapper)
    found += listeners([port for service in waiting for port in service.loopback_ports(desc)], LOOPBACK)
    # dnsmasq binds DHCP sockets to a device and shares the port: one for virtual machines is not in the way.
    return [each for each in found if not (each.port.number == 67 and (each.program or "").startswith("dnsmasq"))]


def refuse_taken_ports(desc: ClusterDesc, mode: NetworkMode, services: list[ServiceState]) -> None:
    """Raise KbootError when another program holds a port that a service will bind on this machine."""
    if not isinstance(mode, HostNetwork):
        return
    taken = taken_ports(desc, services)
    if taken:
        raise KbootError(
            "; ".join(map(str, taken)),
            f"{way_out(desc, taken)}, then run this again",
        )


def way_out(desc: ClusterDesc, taken: Sequence[Listener]) -> str:
    """Return what frees the taken ports; a time server that stands here may be used instead of ours."""
    address = desc.network.bootstrapper
    stop = f"stop that program or keep it off {address}"
    if any(each.port == NTP for each in taken):
        return f"{stop}, or have machines ask the time server there: `ntp: [{address}]` in `network`"
    return stop
