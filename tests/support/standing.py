"""A cluster in force on loopback: its folder as `kboot up` leaves it, and its cloud-config server."""

from __future__ import annotations

import os
import re
import ssl
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from kboot.cli.main import run
from kboot.host.waiting import looks
from kboot.pki import Secrets
from kboot.pki.store.cluster_secrets import load_or_create
from kboot.render import render
from kboot.render.compose import LabNetwork
from kboot.running.cloudconfig_client import CloudConfigClient
from kboot_clusterdesc import ClusterDesc, ClusterFolder, Node
from kboot_compose.service_names import SERVICE_NAMES

_RELEASE = "3975.2.0"


class StandingCluster:
    """The server is real; its machines are loopback addresses, from which a test speaks for them."""

    def __init__(self, root: Path, desc: ClusterDesc) -> None:
        self.folder = ClusterFolder(root, desc.cluster.name)
        self.desc = desc
        for path in (self.folder.leases, self.folder.assets, self.folder.state):
            path.mkdir(parents=True)
        channel = self.folder.images / desc.os.channel
        (channel / _RELEASE).mkdir(parents=True)
        for name in ("pxe.vmlinuz", "pxe_image.cpio.gz", "image.bin.bz2"):
            (channel / _RELEASE / f"flatcar_production_{name}").write_bytes(b"stands for it")
        (channel / _RELEASE / ".origin").write_text("flatcar amd64-usr\n")
        (channel / "current").symlink_to(_RELEASE)
        self._address = str(desc.network.bootstrapper)
        self._log = root / "cloudconfig.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.up()

    def up(self) -> Secrets:
        """Render into the folder, as `kboot up` does."""
        secrets = load_or_create(self.folder, self.desc, datetime.now(UTC))
        files = render(
            self.desc,
            secrets=secrets,
            images={name: f"kboot-{name}:test" for name in SERVICE_NAMES},
            network=LabNetwork(self.desc.network.bootstrapper + 1, self.desc.network.subnet),
            interface="lo",
            root=self.folder.root,
        )
        for path, file in files.items():
            place = self.folder.path / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(file.content)
        return secrets

    def start(self) -> None:
        """Start the server and wait until it answers."""
        environment = os.environ | {
            "KBOOT_BIND": self._address,
            "KBOOT_CONFIG_DIR": str(self.folder.config),
            "KBOOT_DATA_DIR": str(self.folder.path),
            "KBOOT_TLS_DIR": str(self.folder.tls / "cloudconfig"),
            "KBOOT_UID": str(os.getuid()),
        }
        with self._log.open("ab") as log:
            command = [sys.executable, "-m", "kboot_cloudconfig"]
            self._process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        for _ in looks(60, 0.1):
            try:
                if self._ask("GET", "/healthz", self._address).is_success:
                    return
            except httpx.TransportError:
                continue
        raise AssertionError(self._log.read_text())

    def stop(self) -> None:
        """End the server."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            self._process = None

    def kboot(self, *words: str) -> int:
        """Run a command on it."""
        return run([*words, "--root", str(self.folder.root)])

    def secret_words(self) -> set[str]:
        """Tokens and passwords that no command may print."""
        kept = (path.read_text().split() for path in self.folder.pki.rglob("*token*") if path.is_file())
        return {word for words in kept for word in words}

    def node(self, name: str) -> dict[str, Any]:
        """A machine as the server has it."""
        return next(node for node in CloudConfigClient(self.folder, self.desc).nodes() if node["name"] == name)

    def install(self, name: str, config: str | None = None, **told: Any) -> None:
        """Go through the install as that machine, up to `running`, with the config of that hash (default: in force).

        What is `told` besides stands in its last report.
        """
        node = next(node for node in self.desc.nodes if node.name == name)
        own, folder = str(node.ip), self.folder.node(node.mac)
        install_token = self._install_token(node)
        assert self._ask("GET", f"/ignition/{node.mac.dashed}.json", own, token=install_token).is_success
        self._report(node, "installed", install_token)
        token = (folder / "report-token").read_text().strip()
        hash_ = config or (folder / "config-hash").read_text().strip()
        self._report(node, "running", token, config=hash_, version=_RELEASE, **told)

    def fail_install(self, name: str, reason: str, log: list[str]) -> None:
        """Begin the install as that machine, and tell that it failed, with the end of its log."""
        node = next(node for node in self.desc.nodes if node.name == name)
        self._report(node, "failed", self._install_token(node), detail=reason, log=log)

    def _install_token(self, node: Node) -> str:
        own = str(node.ip)
        self._ask("GET", f"/boot/{node.mac.dashed}.ipxe", own)
        script = self._ask("GET", f"/install.sh?mac={node.mac.dashed}", own).text
        found = re.search(r"^KBOOT_TOKEN='?([\w-]+)'?$", script, re.MULTILINE)
        assert found, script[:2000]
        return found[1]

    def tell_units(self, name: str, *units: tuple[str, list[str]]) -> None:
        """Tell, as that machine, which of its units have failed, each with lines of its journal."""
        node = next(node for node in self.desc.nodes if node.name == name)
        token = (self.folder.node(node.mac) / "report-token").read_text().strip()
        self._report(node, "running", token, failed_units=[{"name": unit, "lines": lines} for unit, lines in units])

    def _report(self, node: Node, phase: str, token: str, **body: Any) -> None:
        path = f"/v1/nodes/{node.mac}/events"
        answer = self._ask("POST", path, str(node.ip), token=token, body={"phase": phase, **body})
        assert answer.status_code == 204, answer.text

    def _ask(
        self, method: str, path: str, who: str, *, token: str | None = None, body: dict[str, Any] | None = None
    ) -> httpx.Response:
        """Over TLS where a token is shown, in the clear where machines have nothing but that."""
        context = ssl.create_default_context(cafile=str(self.folder.pki / "cluster-ca.pem"))
        transport = httpx.HTTPTransport(local_address=who, verify=context)
        shown = {"authorization": f"Bearer {token}"} if token else {}
        base = f"{'https' if token else 'http'}://{self._address}"
        with httpx.Client(transport=transport, base_url=base, timeout=10, trust_env=False) as client:
            return client.request(method, path, headers=shown, json=body)
