"""Machines with the real scripts, etcd and certificates of kboot; ssh, systemd and containerd alone are stood for."""

from __future__ import annotations

import random
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from kboot.pki import Secrets
from kboot.pki.store.cluster_secrets import load_or_create
from kboot.render import Attachments
from kboot.render.nodes import node_config
from kboot_clusterdesc import ClusterDesc, ClusterFolder, Node, dump, load_text
from support.etcd import Client, program
from support.namespace import etc_folder

FAKES = Path(__file__).parent / "fakes"
_MANIFEST = "etc/kubernetes/{}kube-apiserver.yaml"


def _description() -> ClusterDesc:
    network = f"127.{random.randrange(128, 250)}.{random.randrange(256)}"
    roles = {1: "control-plane, etcd", 2: "control-plane, etcd", 3: "etcd"}
    nodes = "".join(
        f'  - {{mac: "02:00:00:00:00:0{i}", name: node{i}, ip: {network}.1{i}, roles: [{roles[i]}]}}\n' for i in roles
    )
    return load_text(
        "apiVersion: kboot/v1\ncluster: {name: unit, domain: unit.example.com}\n"
        f"network: {{bootstrapper: {network}.1, subnet: {network}.0/24, dhcp: {{mode: 'off'}}}}\n"
        f"kubernetes: {{version: v1.36.2}}\nnodes:\n{nodes}",
        "unit.yaml",
    )


class Machine:
    """One of them: a folder with its files, at its own loopback address."""

    def __init__(self, folder: Path, desc: ClusterDesc, node: Node, secrets: Secrets) -> None:
        self.node = node
        self.url = f"https://{node.ip}:2379"
        self.folder = folder
        etc_folder(folder / "etc")
        for name in ("run", "var/lib/etcd/member-data/member"):  # as after its first start
            (folder / name).mkdir(parents=True)
        (folder / "name").write_text(node.name)
        for file in node_config(desc, node, secrets, Attachments()).files:
            if file.path.startswith(("/etc/etcd", "/etc/kubernetes", "/opt/bin")):
                path = folder / file.path.lstrip("/")
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(file.content)
                path.chmod(file.mode)

    @property
    def api_server_is_on(self) -> bool:
        """Whether the kubelet has its manifest."""
        there, aside = (self.folder / _MANIFEST.format(where) for where in ("manifests/", ""))
        assert there.exists() != aside.exists()
        return there.exists()

    @property
    def kept(self) -> list[Path]:
        """What it had before restores."""
        return sorted((self.folder / "var/lib/etcd").glob("before-restore-*"))

    def log(self) -> str:
        """The end of what its etcd said."""
        return (self.folder / "log").read_text()[-2000:]


class Site:
    """Three of them and the bootstrapper's folder of the cluster."""

    def __init__(self, root: Path) -> None:
        self.root = root / "root"
        self.desc = _description()
        folder = ClusterFolder(self.root, "unit")
        self.secrets = load_or_create(folder, self.desc, datetime.now(UTC))
        folder.description.write_bytes(dump(self.desc))
        self._site = root / "site"
        self.machines = [Machine(self._site / str(node.ip), self.desc, node, self.secrets) for node in self.desc.nodes]
        self.client = Client(root / "client", self.secrets, self.desc.nodes[0])
        self.environment = {
            "SITE": str(self._site),
            "FAKES": str(FAKES),
            "TOOLS": str(Path(program("etcd")).parent),
        }

    def start(self) -> None:
        """Start etcd everywhere and wait until every member takes writes."""
        for machine in self.machines:
            done = self.run(machine, "systemctl", "start", "etcd.service")
            assert done.returncode == 0, done.stderr
        for machine in self.machines:
            self.client.wait(machine)

    def stop(self) -> None:
        """Leave no process behind."""
        for machine in self.machines:
            (machine.folder / "off").unlink(missing_ok=True)
            self.run(machine, "systemctl", "stop", "etcd.service")

    def counts(self) -> list[int]:
        """How many keys each member has."""
        return [self.client.count(machine) for machine in self.machines]

    def commands(self) -> list[str]:
        """What was run by ssh since the last call, as `node1 COMMAND`."""
        log = self._site / "log"
        lines = log.read_text().splitlines() if log.exists() else []
        log.write_text("")
        return [line.replace("/opt/bin/", "") for line in lines]

    def run(self, machine: Machine, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command on one of them, which no log shows."""
        words = [str(FAKES / "ssh"), f"core@{machine.node.ip}", "sudo", *command]
        environment = {**self.environment, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
        done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=60)
        self.commands()
        return done
