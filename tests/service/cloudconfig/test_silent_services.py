"""The page while a service beside the cloud-config server is down."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from kboot.host.waiting import looks
from support.kubernetes_api import own_loopback

from .conftest import Server

_NETWORK = own_loopback()
_DESCRIPTION = f"""
apiVersion: kboot/v1
cluster: {{name: unit, domain: unit.example.com}}
network: {{bootstrapper: {_NETWORK}.253, subnet: {_NETWORK}.0/24, dhcp: {{mode: "off"}}}}
os: {{channel: stable, version: current, config: CONFIG}}
nodes:
  - {{mac: "52:54:00:00:00:01", name: node1, ip: {_NETWORK}.11, roles: [worker]}}
"""
_NO_DNSMASQ = (
    f"dnsmasq does not answer at {_NETWORK}.253:53, Connection refused: no machine is given an address, a name or "
    "what it boots. kboot start starts it where it is down, kboot logs dnsmasq says why it ended"
)


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Server]:
    """A server at whose address nothing else answers."""
    made = Server(tmp_path, "ignition", _DESCRIPTION)
    made.start()
    yield made
    made.stop()


def _words(server: Server, path: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", server.get(path).text).replace(" ,", ",").split()).replace(" ,", ",")


def test_each_page_that_is_looked_at_first_says_it_and_forgets_it_once_the_service_answers(alone: Server) -> None:
    for path in ("/", "/cluster"):
        assert _NO_DNSMASQ in _words(alone, path)
        assert f"registry does not answer at {_NETWORK}.253:5000" in _words(alone, path)
    with socket.create_server((f"{_NETWORK}.253", 53)):
        for _ in looks(30, 0.5):
            if "dnsmasq does not answer" not in _words(alone, "/"):
                break
        assert "dnsmasq does not answer" not in _words(alone, "/")
        assert "registry does not answer" in _words(alone, "/")
        assert "dnsmasq answers" in _words(alone, "/cluster")
