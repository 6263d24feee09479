"""Debian's etcd on loopback, with the keys that kboot makes for the members of a description."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from base64 import b64encode
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import httpx
import pytest

from kboot.host.waiting import looks
from kboot.pki import Secrets
from kboot_clusterdesc import ClusterDesc, Node, load_text
from kboot_lab.node_image_build import debian_etcd
from support.certificates import write_pair


@cache
def program(name: str) -> str:
    """`etcd` or `etcdctl`: Debian's, as the lab's machines run it."""
    return str(debian_etcd(print)[f"/usr/local/bin/{name}"])


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

    def start(self, *, joining: bool = False) -> None:
        """Run it; `joining` a cluster that has added it to its members."""
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
            "initial-cluster-state": "existing" if joining else "new",
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
            command = [program("etcd"), *(f"--{name}={value}" for name, value in options.items())]
            self._process = subprocess.Popen(command, stdout=log, stderr=log)

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(30)
            self._process = None

    def forget(self) -> None:
        """Lose the disk."""
        self.stop()
        shutil.rmtree(self._folder / "data")

    def shown(self) -> str:
        """The certificate that it shows to clients."""
        return ssl.get_server_certificate((str(self.node.ip), 2379))

    def log(self) -> str:
        """The end of what it said."""
        return (self._folder / "log").read_text()[-2000:]


class Endpoint(Protocol):
    """What a client can speak to."""

    @property
    def node(self) -> Node: ...
    @property
    def url(self) -> str: ...
    def log(self) -> str: ...


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

    def put(self, member: Endpoint, value: str = "value") -> None:
        """Write a key through `member`; raises when it is not taken."""
        self.call(member, "kv/put", {"key": _base64(f"key{self.written}"), "value": _base64(value)})
        self.written += 1

    def count(self, member: Endpoint) -> int:
        """How many keys `member` has."""
        body = {"key": _base64("key"), "range_end": _base64("kez"), "count_only": True}
        return int(self.call(member, "kv/range", body)["count"])

    def make_learner(self, member: Endpoint, which: Endpoint) -> None:
        """Have `member` drop the member `which`, and take it in again as one without a vote."""
        peer = which.url.replace(":2379", ":2380")
        listed = self.call(member, "cluster/member/list", {})["members"]
        (old,) = (each["ID"] for each in listed if peer in each["peerURLs"])
        self.call(member, "cluster/member/remove", {"ID": old})
        self._until_taken(member, "cluster/member/add", {"peerURLs": [peer], "isLearner": True})

    def remove(self, member: Endpoint, which: int) -> None:
        """Have `member` take the vote of the member with that number away."""
        self._until_taken(member, "cluster/member/remove", {"ID": str(which)})

    def _until_taken(self, member: Endpoint, what: str, body: dict[str, Any]) -> None:
        for _ in looks(60, 1):  # members are changed once they have seen each other for a while
            with suppress(httpx.HTTPStatusError):
                self.call(member, what, body)
                return
        pytest.fail(f"{member.node.name} refuses {what}\n{member.log()}")

    def call(self, member: Endpoint, what: str, body: dict[str, Any]) -> dict[str, Any]:
        with httpx.Client(verify=self._context, trust_env=False, timeout=20) as client:
            answer: dict[str, Any] = client.post(f"{member.url}/v3/{what}", json=body).raise_for_status().json()
            return answer

    def wait(self, member: Endpoint) -> None:
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
