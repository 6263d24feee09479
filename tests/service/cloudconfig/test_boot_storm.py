"""The simulated machines of the benchmark's boot storm, at the real server."""

from __future__ import annotations

import asyncio
import ssl

from kboot_bench.exchange import Address
from kboot_bench.machine import Log, Machine, Rack
from kboot_clusterdesc import Mac
from service.cloudconfig.conftest import HOME, NODE1, NODE2, Server


def _live(server: Server, *macs: Mac) -> Log:
    """Let machines live from their switch to `running`, each at its own address, and return what they saw."""

    async def live() -> Log:
        context = ssl.create_default_context(cadata=server.secrets.authority.certificate.decode())
        where = Address("127.0.0.1", context, *server.ports)
        begin = asyncio.get_running_loop().time()
        rack = Rack(where, server.folder.nodes, sample_bytes=1024, progress=2, begin=begin, log=Log())

        def machine(mac: Mac) -> Machine:
            async def lease() -> str:
                return HOME[mac]

            return Machine(rack, str(mac), lease)

        await asyncio.gather(*(machine(mac).live() for mac in macs))
        return rack.log

    return asyncio.run(live())


def test_simulated_machines_come_to_running_without_an_error(server: Server) -> None:
    log = _live(server, NODE1, NODE2)
    assert (dict(log.errors), log.given_up) == ({}, 0)
    assert [server.node(mac)["phase"] for mac in (NODE1, NODE2)] == ["running", "running"]
    assert len(log.reached["running"]) == 2
    assert len(log.took_s["report installing"]) == 2 * (3 + 2)
    refused = [event for event in server.events() if event["kind"] == "refused"]
    assert refused == []
