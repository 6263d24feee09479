"""The first loader by TFTP: from the first request of a fresh start on, to machines and to the bootstrapper itself."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack
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


def test_a_thousand_transfers_at_once_end_well_among_others_that_are_never_acknowledged(quiet: Site) -> None:
    """One in four is a ROM that was switched off in the middle, or a stranger: it asks, and is silent then."""
    loader = LOADER[: 9 * 512 + 100]
    (quiet.mounts["/var/lib"] / "tftpboot" / "small.efi").write_bytes(loader)
    with started(quiet), ExitStack() as sockets:
        transfers, silent = [], 0
        for number in range(1334):
            transfer = Transfer(quiet.machines, BOOTSTRAPPER, "small.efi")
            sockets.callback(transfer.close)
            transfer.begin()
            if number % 4 == 3:
                silent += 1
            else:
                transfers.append(transfer)
        assert (len(transfers), silent) == (1001, 333)
        wrong = [number for number, transfer in enumerate(transfers) if transfer.finish() != loader]
        assert wrong == []
        assert fetch(quiet.machines, BOOTSTRAPPER, "undionly.kpxe") == LOADER
