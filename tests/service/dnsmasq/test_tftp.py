"""The first loader by TFTP: from the first request of a fresh start on, to machines and to the bootstrapper itself."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.dnsmasq.daemon import BOOTSTRAPPER, LOADER, SERVED, Site, network, started
from support.tftp import Transfer, fetch

_FRESH_STARTS = 50


@pytest.fixture
def quiet(tmp_path: Path) -> Iterator[Site]:
    """A site whose dnsmasq does not run yet."""
    with network("tftp", SERVED, tmp_path) as site:
        yield site


@pytest.mark.parametrize("ipv6", ["on", "off"])
def test_each_fresh_start_gives_the_loader_to_a_machine_and_to_the_bootstrapper(quiet: Site, ipv6: str) -> None:
    disabled = f"net.ipv6.conf.all.disable_ipv6={int(ipv6 == 'off')}"
    assert quiet.server.run("sysctl", "-qw", disabled).returncode == 0
    for start in range(_FRESH_STARTS // 2):
        with started(quiet):
            first, second = (quiet.machines, quiet.server) if start % 2 else (quiet.server, quiet.machines)
            assert fetch(first, BOOTSTRAPPER, "undionly.kpxe") == LOADER, start
            assert fetch(second, BOOTSTRAPPER, "undionly.kpxe") == LOADER, start
        assert "failed to send" not in quiet.log.read_text()


def test_an_answer_comes_from_the_address_that_was_asked(quiet: Site) -> None:
    with started(quiet), quiet.machines.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(5)
        sock.sendto(b"\x00\x01undionly.kpxe\0octet\0", (BOOTSTRAPPER, 69))
        packet, peer = sock.recvfrom(2048)
    assert (packet[:4], peer) == (b"\x00\x03\x00\x01", (BOOTSTRAPPER, 69))


def test_a_rack_may_begin_its_transfers_at_once(quiet: Site) -> None:
    with started(quiet):
        transfers = [Transfer(quiet.machines, BOOTSTRAPPER, "undionly.kpxe") for _ in range(100)]
        try:
            for transfer in transfers:
                transfer.begin()
            assert [transfer.finish() for transfer in transfers] == [LOADER] * 100
        finally:
            for transfer in transfers:
                transfer.close()
