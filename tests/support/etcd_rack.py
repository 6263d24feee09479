"""A cluster in force whose members of etcd are real, each on its loopback address."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from kboot.pki.key_pair import Subject
from kboot.pki.lifetimes import MACHINE_LIFE
from kboot.pki.store.issue import issue
from kboot_clusterdesc import ClusterDesc, load_text
from kboot_clusterdesc.model import API_PORT
from support.etcd import Client, Member
from support.kubernetes_api import TlsServer
from support.standing import StandingCluster


def fleet(network: str, *, members: int = 3, more: str = "", planes: int = 0) -> ClusterDesc:
    """So many members of etcd, the first `planes` of them control planes, and a worker."""
    text = "".join(
        f'  - {{mac: "02:00:00:00:00:0{i}", name: node{i}, ip: {network}.1{i}, roles: [{roles}]}}\n'
        for i, roles in enumerate(
            [*("control-plane, etcd" if i < planes else "etcd" for i in range(members)), "worker"], 1
        )
    )
    return load_text(
        "apiVersion: kboot/v1\ncluster: {name: unit, domain: unit.example.com}\n"
        f"network: {{bootstrapper: {network}.1, subnet: {network}.0/24, dhcp: {{mode: 'off'}}}}\n{more}"
        f"nodes:\n{text}",
        "unit.yaml",
    )


class Rack:
    """A standing cluster and the processes on its machines."""

    def __init__(self, folder: Path, desc: ClusterDesc) -> None:
        self.cluster = StandingCluster(folder / "root", desc)
        self.secrets = self.cluster.up()
        self.members = {node.name: Member(folder / node.name, desc, node) for node in desc.etcd_members}
        self.client = Client(folder / "client", self.secrets, desc.etcd_members[0])
        self.api: dict[str, TlsServer] = {}
        self.cluster.start()
        self._folder = folder

    def switch_on(self) -> None:
        """Every machine is installed and runs, and every member takes writes."""
        for node in self.cluster.desc.nodes:
            self.cluster.install(node.name)
        for member in self.members.values():
            member.give(self.secrets)
            member.start()
        for member in self.members.values():
            self.client.wait(member)

    def start_api(self, name: str) -> None:
        """The API server of a control plane, as far as it is asked for its health."""
        assert self.secrets.kubernetes is not None
        node = next(node for node in self.cluster.desc.nodes if node.name == name)
        subject = Subject("kube-apiserver", server=True, names=("kubernetes",))
        pair = issue(self.secrets.kubernetes.authority, subject, datetime.now(UTC), MACHINE_LIFE)
        self.api[name] = TlsServer(
            (str(node.ip), API_PORT), pair, self._folder / f"{name}-api", lambda path: (200, b"ok")
        )
        self.api[name].start()

    def reinstall(self, name: str, *more: str) -> tuple[int, bool]:
        """The exit code, and whether the machine is armed."""
        return self.cluster.kboot("node", "reinstall", name, *more), self.cluster.node(name)["armed"]

    def edit(self, desc: ClusterDesc) -> None:
        """Put this description into force."""
        self.cluster.desc = desc
        self.secrets = self.cluster.up()

    def apply(self, name: str, *more: str) -> int:
        """`kboot node apply` of a machine; its exit code."""
        return self.cluster.kboot("node", "apply", name, "--trust-first-contact", *more)

    def stop(self) -> None:
        """End all of it."""
        for member in self.members.values():
            member.stop()
        for server in self.api.values():
            server.stop()
        self.cluster.stop()


Make = Callable[[ClusterDesc], Rack]
