"""The state of the fleet for Prometheus, in its text format or in OpenMetrics."""

from __future__ import annotations

import asyncio

from fastapi import Request
from fastapi.responses import Response
from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector
from prometheus_client.exposition import choose_encoder

from kboot_clusterdesc import DhcpMode

from .caller import ServedFleet
from .fleet import Fleet
from .fleet_metrics import FleetMetrics, Leases, Now
from .nodes import shown
from .pieces import in_pieces
from .releases import updater_status
from .shown_rollout import whole_rollout
from .summary import summary_of

_PROCESS = CollectorRegistry()
ProcessCollector(registry=_PROCESS)
PlatformCollector(registry=_PROCESS)


async def metrics(request: Request, fleet: ServedFleet) -> Response:
    """Answer with how things are now, and what was counted since the server started."""
    encode, media_type = choose_encoder(request.headers.get("accept", ""))
    now = CollectorRegistry()
    now.register(FleetMetrics(await _now(fleet)))
    # A thread: thousands of machines take a while, and nobody else is to wait for that.
    body = await asyncio.to_thread(lambda: b"".join(map(encode, (now, fleet.observed.registry, _PROCESS))))
    return Response(body.replace(b"# EOF\n", b"") + (b"# EOF\n" if b"# EOF\n" in body else b""), media_type=media_type)


async def _now(fleet: Fleet) -> Now:
    rows = await in_pieces(fleet, lambda node: shown(fleet, node).row)
    return Now(
        rows=rows,
        discovered=len(fleet.discovered()),
        is_in_doubt=fleet.store.doubt() is not None,
        channel=fleet.desc().os.channel,
        release=fleet.release_in_force(),
        updater=updater_status(fleet.settings.images),
        kubernetes=fleet.kubernetes,
        leases=_leases(fleet),
        summary=summary_of(fleet),
        streams=len(fleet.listeners),
        rollout=await whole_rollout(fleet),
        receivers=[view for _, view in sorted(fleet.store.notified.views.items())],
    )


def _leases(fleet: Fleet) -> Leases | None:
    dhcp = fleet.desc().network.dhcp
    if dhcp.mode is not DhcpMode.SERVE or dhcp.range is None:
        return None
    addresses = range(int(dhcp.range.first), int(dhcp.range.last) + 1)
    used = sum(int(lease.ip) in addresses for lease in fleet.leases.standing(fleet.now()))
    return Leases(used, len(addresses) - used)
