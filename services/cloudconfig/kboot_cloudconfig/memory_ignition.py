"""Serves pxe.ign, the config of Ignition in the OS in memory: its unit asks for install.sh for as long as it takes."""

from __future__ import annotations

from fastapi import Request
from fastapi.responses import Response

from kboot_clusterdesc.shared_files import MEMORY_IGNITION, QUERY_MARK

from . import guard
from .answer import fresh
from .caller import QueryMac, ServedFleet, mac_of, mover_of


async def pxe_ign(request: Request, fleet: ServedFleet, mac: QueryMac = None, boot: str | None = None) -> Response:
    """Answer with the config of the machine `mac`, whose boot value is `boot`; it tells nothing more."""
    known = fleet.identity(mac_of(mac)) if mac is not None else None
    if known is not None and mover_of(request) in fleet.addresses_of(fleet.node(known)):
        fleet.hear(known)
    config = fleet.files.text(f"{fleet.settings.config}/{MEMORY_IGNITION}")
    query = guard.query_of(known, boot if boot and guard.is_boot_value(boot) else None)
    return fresh(config.replace(QUERY_MARK, query), "application/json")
