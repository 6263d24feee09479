"""The page while a service beside the cloud-config server is down."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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


def _time_answer(question: bytes, leap: int = 0, stratum: int = 10) -> bytes:
    """What a time server answers: its state, and the time of the question."""
    return bytes([leap << 6 | 4 << 3 | 4, stratum]) + bytes(22) + question[40:48] + bytes(16)


@contextmanager
def _time_served(answer: Callable[[bytes], bytes]) -> Iterator[None]:
    """A stand-in for chronyd."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as serving:
        serving.bind((f"{_NETWORK}.253", 123))

        def serve() -> None:
            while (asked := serving.recvfrom(512))[0]:
                serving.sendto(answer(asked[0]), asked[1])

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
                last.sendto(b"", (f"{_NETWORK}.253", 123))
            thread.join()


def _said_in_time(server: Server, words: str) -> bool:
    """Whether the page of the cluster says it once the services are asked again, which is each ten seconds."""
    return any(words in _words(server, "/cluster") for _ in looks(15, 0.5))


def test_the_time_service_answers_with_the_time_or_is_said_not_to(alone: Server) -> None:
    for path in ("/", "/cluster"):
        assert f"time does not answer at {_NETWORK}.253:123, Connection refused: no machine is told the time" in _words(
            alone, path
        )
    with _time_served(_time_answer):
        assert _said_in_time(alone, "time answers NTP")
        assert "time does not answer" not in _words(alone, "/")
    with _time_served(lambda question: _time_answer(question, leap=3)):
        assert _said_in_time(alone, "it says that it does not know the time")


def test_time_servers_of_the_description_are_named_in_place_of_the_service(tmp_path: Path) -> None:
    text = _DESCRIPTION.replace("dhcp:", "ntp: [192.0.2.1, 192.0.2.2], dhcp:")
    server = Server(tmp_path, "ignition", text)
    server.start()
    try:
        assert "time is not served from here: machines ask 192.0.2.1, 192.0.2.2" in _words(server, "/cluster")
        assert "time does not answer" not in _words(server, "/")
    finally:
        server.stop()
