"""Renewed certificates on a running etcd of three members, as docs/certificates.md brings them out."""

from __future__ import annotations

import random
import ssl
import subprocess
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import httpx
import pytest

from kboot.cli.main import run
from kboot.pki import Secrets, load_or_create
from kboot.waiting import looks
from kboot_clusterdesc import ClusterDesc, ClusterFolder, Node, dump, load_text
from kboot_lab.node_images import debian_etcd
from support.certificates import write_pair


@cache
def etcd() -> str:
    """The program: Debian's, as the lab's machines run it."""
    return str(debian_etcd(print)["/usr/local/bin/etcd"])


def description(network: str) -> ClusterDesc:
    """Three members at loopback addresses."""
    nodes = "".join(
        f'  - {{mac: "02:00:00:00:00:0{i}", name: node{i}, ip: {network}.1{i}, roles: [etcd]}}\n' for i in (1, 2, 3)
    )
    text = (
        "apiVersion: kboot/v1\ncluster: {name: unit, domain: unit.example.com}\n"
        f"network: {{bootstrapper: {network}.1, subnet: {network}.0/24, dhcp: {{mode: 'off'}}}}\nnodes:\n{nodes}"
    )
    return load_text(text, "unit.yaml")


class Member:
    """An etcd process with the keys of one node in a folder of its own."""

    def __init__(self, folder: Path, desc: ClusterDesc, node: Node) -> None:
        self.node = node
        self.url = f"https://{node.ip}:2379"
        self._folder = folder
        self._desc = desc
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir()

    def give(self, secrets: Secrets) -> None:
        """Write its keys."""
        assert secrets.etcd_authority is not None
        (self._folder / "ca.pem").write_bytes(secrets.etcd_authority.certificate)
        for name in ("etcd-server", "etcd-peer"):
            write_pair(self._folder, name, secrets.node_keys[self.node.mac][name])

    def start(self) -> None:
        """Run it."""
        peers = ",".join(f"{each.name}=https://{each.ip}:2380" for each in self._desc.etcd_members)
        peer = f"https://{self.node.ip}:2380"
        options = {
            "name": self.node.name,
            "data-dir": str(self._folder / "data"),
            "listen-client-urls": self.url,
            "advertise-client-urls": self.url,
            "listen-peer-urls": peer,
            "initial-advertise-peer-urls": peer,
            "initial-cluster": peers,
            "trusted-ca-file": str(self._folder / "ca.pem"),
            "client-cert-auth": "true",
            "cert-file": str(self._folder / "etcd-server.pem"),
            "key-file": str(self._folder / "etcd-server.key"),
            "peer-trusted-ca-file": str(self._folder / "ca.pem"),
            "peer-client-cert-auth": "true",
            "peer-cert-file": str(self._folder / "etcd-peer.pem"),
            "peer-key-file": str(self._folder / "etcd-peer.key"),
        }
        with (self._folder / "log").open("ab") as log:
            command = [etcd(), *(f"--{name}={value}" for name, value in options.items())]
            self._process = subprocess.Popen(command, stdout=log, stderr=log)

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(30)
            self._process = None

    def shown(self) -> str:
        """The certificate that it shows to clients."""
        return ssl.get_server_certificate((str(self.node.ip), 2379))

    def log(self) -> str:
        """The end of what it said."""
        return (self._folder / "log").read_text()[-2000:]


class Client:
    """A client of etcd's JSON gateway, with what was trusted when it started."""

    def __init__(self, folder: Path, secrets: Secrets, node: Node) -> None:
        assert secrets.etcd_authority is not None
        folder.mkdir()
        path = write_pair(folder, "client", secrets.node_keys[node.mac]["etcd-client"])
        self._context = ssl.create_default_context(cadata=secrets.etcd_authority.certificate.decode())
        self._context.load_cert_chain(path, path.with_suffix(".key"))
        self.written = 0

    def trust(self, secrets: Secrets) -> None:
        """Take servers of that etcd for what they are."""
        assert secrets.etcd_authority is not None
        self._context.load_verify_locations(cadata=secrets.etcd_authority.certificate.decode())

    def put(self, member: Member) -> None:
        """Write a key through `member`; raises when it is not taken."""
        body = {"key": _base64(f"key{self.written}"), "value": _base64("value")}
        with httpx.Client(verify=self._context, trust_env=False, timeout=20) as client:
            client.post(f"{member.url}/v3/kv/put", json=body).raise_for_status()
        self.written += 1

    def count(self, member: Member) -> int:
        """How many keys `member` has."""
        body = {"key": _base64("key"), "range_end": _base64("kez"), "count_only": True}
        with httpx.Client(verify=self._context, trust_env=False, timeout=20) as client:
            return int(client.post(f"{member.url}/v3/kv/range", json=body).raise_for_status().json()["count"])

    def wait(self, member: Member) -> None:
        """Until `member` takes a write."""
        last = ""
        for _ in looks(90, 0.5):
            try:
                return self.put(member)
            except httpx.HTTPError as error:
                last = str(error)
        pytest.fail(f"{member.node.name} takes no write: {last}\n{member.log()}")


def _base64(text: str) -> str:
    return b64encode(text.encode()).decode()


@pytest.fixture
def folder(tmp_path: Path) -> ClusterFolder:
    return ClusterFolder(tmp_path / "root", "unit")


@pytest.fixture
def desc(folder: ClusterFolder) -> ClusterDesc:
    found = description(f"127.{random.randrange(128, 250)}.{random.randrange(256)}")
    load_or_create(folder, found, datetime.now(UTC))
    folder.description.write_bytes(dump(found))
    return found


@pytest.fixture
def secrets(folder: ClusterFolder, desc: ClusterDesc) -> Secrets:
    return load_or_create(folder, desc, datetime.now(UTC))


@pytest.fixture
def members(tmp_path: Path, desc: ClusterDesc, secrets: Secrets) -> Iterator[list[Member]]:
    found = [Member(tmp_path / node.name, desc, node) for node in desc.etcd_members]
    try:
        for member in found:
            member.give(secrets)
            member.start()
        yield found
    finally:
        for member in found:
            member.stop()


def test_renewed_members_keep_the_quorum_and_their_clients(
    tmp_path: Path, folder: ClusterFolder, desc: ClusterDesc, secrets: Secrets, members: list[Member]
) -> None:
    client = Client(tmp_path / "client", secrets, desc.nodes[0])
    for member in members:
        client.wait(member)
    for member in members:
        before = member.shown()
        assert run(["certs", "renew", "--node", member.node.name, "--root", str(folder.root)]) == 0
        renewed = load_or_create(folder, desc, datetime.now(UTC))
        member.stop()
        member.give(renewed)
        for other in members:
            if other is not member:
                client.wait(other)  # the two that are left are a quorum
        member.start()
        client.wait(member)
        assert member.shown() != before
        assert ssl.PEM_cert_to_DER_cert(member.shown()) == ssl.PEM_cert_to_DER_cert(
            renewed.node_keys[member.node.mac]["etcd-server"].certificate.decode()
        )
    assert {client.count(member) for member in members} == {client.written}


def test_a_member_answers_neither_plain_text_nor_a_client_of_another_authority(
    tmp_path: Path, desc: ClusterDesc, secrets: Secrets, members: list[Member]
) -> None:
    Client(tmp_path / "client", secrets, desc.nodes[0]).wait(members[0])
    with pytest.raises(httpx.HTTPError):
        httpx.post(f"http://{desc.nodes[0].ip}:2379/v3/kv/put", json={}, trust_env=False)
    elsewhere = load_or_create(ClusterFolder(tmp_path / "other", "unit"), desc, datetime.now(UTC))
    stranger = Client(tmp_path / "stranger", elsewhere, desc.nodes[0])
    with pytest.raises(httpx.HTTPError, match="CERTIFICATE_VERIFY_FAILED"):
        stranger.put(members[0])
    stranger.trust(secrets)
    with pytest.raises(httpx.HTTPError, match="alert"):
        stranger.put(members[0])
