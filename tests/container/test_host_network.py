"""`kboot up` on this machine's own network: a bridge without ports stands for the card of the rack."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from kboot.host.engine import Engine
from kboot_clusterdesc import ClusterFolder
from kboot_compose.service_names import SERVICE_NAMES

_INTERFACE = "kboot-t53"
_ADDRESS = "10.77.16.253"
_NAME = "ct-host"
_DESCRIPTION = f"""apiVersion: kboot/v1
cluster: {{name: {_NAME}, domain: host.example.com}}
network:
  bootstrapper: {_ADDRESS}
  subnet: 10.77.16.0/24
  dhcp: {{mode: serve, range: [10.77.16.100, 10.77.16.150]}}
  upstream_dns: [192.0.2.53]
os: {{release_url: "http://10.77.16.9/x"}}
nodes:
  - {{mac: "52:54:00:77:00:01", name: node1, roles: [worker]}}
"""


@pytest.fixture
def description(tmp_path: Path, service_images: object) -> Iterator[Path]:
    """The description; its interface is there, and goes again."""
    subprocess.run(["ip", "link", "add", _INTERFACE, "type", "bridge"], check=True)
    try:
        subprocess.run(["ip", "address", "add", f"{_ADDRESS}/24", "dev", _INTERFACE], check=True)
        subprocess.run(["ip", "link", "set", _INTERFACE, "up"], check=True)
        path = tmp_path / "cluster.yaml"
        path.write_text(_DESCRIPTION)
        yield path
    finally:
        subprocess.run(["ip", "link", "delete", _INTERFACE], check=True)
        Engine(ClusterFolder(tmp_path, _NAME)).down()


@contextmanager
def name_server_at(address: str) -> Iterator[None]:
    """Listeners on port 53 as another name server has them."""
    with ExitStack() as stack:
        for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
            sock = stack.enter_context(socket.socket(socket.AF_INET, kind))
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((address, 53))
            if kind == socket.SOCK_STREAM:
                sock.listen()
        yield


def kboot(*arguments: str, root: Path) -> subprocess.CompletedProcess[str]:
    """The real command."""
    command = [sys.executable, "-m", "kboot.cli.main", *arguments, "--root", str(root)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


def listeners_of_dnsmasq() -> set[str]:
    """Local addresses of port 53 and 67 that dnsmasq holds."""
    shown = subprocess.run(["ss", "-Hlntup"], capture_output=True, text=True, check=True).stdout
    lines = [line for line in shown.splitlines() if '"dnsmasq"' in line]
    return {line.split()[4] for line in lines}


def test_a_stub_resolver_on_loopback_is_not_in_the_way(description: Path) -> None:
    resolv = Path("/etc/resolv.conf").read_bytes()
    with name_server_at("127.0.0.53"):
        done = kboot("up", str(description), root=description.parent)
        assert done.returncode == 0, done.stderr
        held = {address for address in listeners_of_dnsmasq() if _ADDRESS in address or ":53" in address}
        assert held
        for address in held:
            # dnsmasq(8) takes every address of an `interface=`, so the card's link-local one too, and no other
            assert re.match(rf"({re.escape(_ADDRESS)}|\[fe80::[0-9a-f:]+\]%{_INTERFACE}):(53|69)$", address), held
        containers = Engine(ClusterFolder(description.parent, _NAME)).containers()
        assert [each.attrs["RestartCount"] for each in containers] == [0] * len(SERVICE_NAMES)
    assert Path("/etc/resolv.conf").read_bytes() == resolv


def test_another_name_server_on_every_address_is_named_before_anything_starts(description: Path) -> None:
    with name_server_at("0.0.0.0"):  # noqa: S104 - as the case has it
        done = kboot("up", str(description), root=description.parent)
        doctor = kboot("doctor", str(description), root=description.parent)
    assert done.returncode == 1
    for text in (done.stderr, doctor.stdout + doctor.stderr):
        assert "53" in text
        assert "udp" in text
        assert "tcp" in text
        assert Path("/proc/self/comm").read_text().strip() in text
    assert "Traceback" not in done.stderr
    assert Engine(ClusterFolder(description.parent, _NAME)).containers() == []


def test_a_time_server_of_this_machine_is_named_and_may_be_used_instead(description: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((_ADDRESS, 123))
        refused = kboot("up", str(description), root=description.parent)
        assert refused.returncode == 1
        assert "port 123/udp is taken by " in refused.stderr
        assert f"have machines ask the time server there: `ntp: [{_ADDRESS}]` in `network`" in refused.stderr
        text = description.read_text()
        description.write_text(text.replace("  upstream_dns:", f"  ntp: [{_ADDRESS}]\n  upstream_dns:"))
        doctor = kboot("doctor", str(description), root=description.parent)
        assert "123" not in doctor.stdout + doctor.stderr
