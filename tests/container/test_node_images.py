"""The images that the lab makes, in a real engine."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
from docker.models.images import Image

from kboot_clusterdesc import load_text
from kboot_lab.image_archive import ImageRecipe, write_image
from kboot_lab.kubernetes import BINARIES
from kboot_lab.node_image_build import build_node_images

_TINY, _PROXY = "kboot.test/tiny:1", "kboot.test/kube-proxy:1"
_DESCRIPTION = f"""
apiVersion: kboot/v1
cluster: {{name: lab, domain: lab.example.com}}
network:
  bootstrapper: 10.10.14.253
  subnet: 10.10.14.0/24
  dhcp: {{mode: serve, range: [10.10.14.1, 10.10.14.127], lease: 1h}}
kubernetes: {{version: v1.36.2}}
images: {{kube_proxy: "{_PROXY}"}}
nodes: [{{mac: "52:54:00:0a:0e:01", ip: 10.10.14.140, roles: [etcd, control-plane]}}]
"""
# Every match and target that kube-proxy writes for Services of several endpoints, node ports and session affinity.
_RULES = """*nat
:KUBE-SERVICES - [0:0]
:KUBE-SEP - [0:0]
-A KUBE-SERVICES -m comment --comment "a/b cluster IP" -m tcp -p tcp -d 10.96.0.1/32 --dport 443 -j KUBE-SEP
-A KUBE-SERVICES -m udp -p udp -m addrtype --dst-type LOCAL --dport 53 -j KUBE-SEP
-A KUBE-SERVICES -m statistic --mode random --probability 0.33333333333 -j KUBE-SEP
-A KUBE-SERVICES -m recent --name KUBE-SEP --rcheck --seconds 10800 --reap -j KUBE-SEP
-A KUBE-SEP -m mark ! --mark 0x4000/0x4000 -j RETURN
-A KUBE-SEP -j MARK --or-mark 0x4000
-A KUBE-SEP -m recent --name KUBE-SEP --set -m tcp -p tcp -j DNAT --to-destination 10.244.0.2:8080
-A POSTROUTING -j MASQUERADE --random-fully
COMMIT
*filter
:KUBE-FORWARD - [0:0]
-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP
-A KUBE-FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A KUBE-FORWARD -j REJECT
COMMIT
"""


@pytest.fixture
def engine() -> Iterator[docker.DockerClient]:
    """The engine, without the images of these tests afterwards."""
    client = docker.from_env()
    yield client
    for reference in (_TINY, _PROXY):
        if client.images.list(reference):
            client.images.remove(reference, force=True)
    client.close()


def load(engine: docker.DockerClient, archive: Path) -> Image:
    with archive.open("rb") as stream:
        (image,) = engine.images.load(stream)
    return image


def test_the_engine_takes_an_archive_and_shows_what_was_asked_for(engine: docker.DockerClient, tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text("of a few bytes")
    archive = tmp_path / "image.tar"
    write_image(ImageRecipe(_TINY, {"/opt/program": program}, ("/opt/program",)), archive)
    image = load(engine, archive)
    assert image.tags == [_TINY]
    assert image.attrs["Config"]["Entrypoint"] == ["/opt/program"]
    assert (image.attrs["Architecture"], image.attrs["Os"]) == ("amd64", "linux")


def test_the_packet_filter_beside_kube_proxy_knows_every_rule_that_it_writes(
    engine: docker.DockerClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KBOOT_CACHE", str(tmp_path))
    for name in BINARIES:
        (tmp_path / name).write_text(name)
    archive = build_node_images(load_text(_DESCRIPTION, "lab.yaml"), tmp_path, lambda _: None)[_PROXY]
    load(engine, archive)
    command = ["docker", "run", "--rm", "-i", "--network=none", "--cap-add=NET_ADMIN", _PROXY]
    for tool in (["iptables-restore", "--noflush"], ["ip6tables-save"], ["conntrack", "--version"]):
        ran = subprocess.run([*command, *tool], input=_RULES, capture_output=True, text=True)
        assert (ran.returncode, ran.stderr) == (0, ""), tool
