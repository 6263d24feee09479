"""A real cloud-config server on loopback, with rendered files; its machines are loopback addresses too."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import httpx
import pytest

from kboot.bring_up.render_folder import Change, differences
from kboot.host.state_folder import make_data_folders
from kboot.host.waiting import looks
from kboot.pki.key_pair import Subject
from kboot.pki.lifetimes import SERVER_LIFE
from kboot.pki.store.cluster_secrets import load_or_create
from kboot.pki.store.issue import issue
from kboot.render import render
from kboot.render.compose import LabNetwork
from kboot_clusterdesc import ClusterDesc, ClusterFolder, Mac, load_text
from kboot_compose.service_names import SERVICE_NAMES
from support.ports import free_port

NODE1 = Mac("52:54:00:00:00:01")
NODE2 = Mac("52:54:00:00:00:02")
STRANGER = Mac("52:54:00:00:00:99")
HOME = {NODE1: "127.0.0.11", NODE2: "127.0.0.12", STRANGER: "127.0.0.99"}
OPERATOR = "127.0.0.1"
RELEASE = "3975.2.0"

HEAD = """
apiVersion: kboot/v1
cluster: {name: unit, domain: unit.example.com}
network:
  bootstrapper: 10.10.14.253
  subnet: 10.10.14.0/24
  dhcp: {mode: serve, range: [10.10.14.1, 10.10.14.127]}
"""
_DESCRIPTION = (
    HEAD
    + """\
os: {channel: stable, version: current, config: CONFIG, update: {enabled: true}}
nodes:
  - {mac: "52:54:00:00:00:01", name: node1, roles: [worker], install_disk: /dev/vda}
  - {mac: "52:54:00:00:00:02", roles: [worker], labels: {country: NO, node-role.kubernetes.io/ingress: ""}}
"""
)


class Server:
    """The server as a process of its own, with its folders."""

    def __init__(self, root: Path, config: str, description: str = _DESCRIPTION) -> None:
        self.folder = ClusterFolder(root, "unit")
        make_data_folders(self.folder)
        self.describe(description.replace("CONFIG", config))
        now = datetime.now(UTC)
        server = Subject("cloudconfig", server=True, names=("localhost",), addresses=(IPv4Address("127.0.0.1"),))
        pair = issue(self.secrets.authority, server, now, SERVER_LIFE)
        tls = self.folder.tls / "cloudconfig"
        (tls / "server.pem").write_bytes(pair.certificate)
        (tls / "server.key").write_bytes(pair.key)
        self.loader = root / "loaders" / "disk.efi"
        self.loader.parent.mkdir()
        self.loader.write_bytes(b"MZ disk")
        port = free_port()
        self.ports = (port, port + 1)
        self.state_is_marked = True  # as in the container
        self.log = root / "log"
        self.context = ssl.create_default_context(cadata=self.secrets.authority.certificate.decode())
        self.add_release(RELEASE)
        self._process: subprocess.Popen[bytes] | None = None

    def describe(self, text: str) -> None:
        """Put a description into force, as `kboot up` does; the server's own certificate stays."""
        self.desc: ClusterDesc = load_text(text, "unit.yaml")
        self.secrets = load_or_create(self.folder, self.desc, datetime.now(UTC))
        files = render(
            self.desc,
            secrets=self.secrets,
            images={name: f"kboot-{name}:test" for name in SERVICE_NAMES},
            network=LabNetwork(IPv4Address("10.10.14.254"), self.desc.network.subnet),
            interface="eth0",
            root=self.folder.root,
        )
        own = {f"tls/cloudconfig/server.{ending}" for ending in ("pem", "key")}
        for change in differences(self.folder, files):
            if change.change is Change.REMOVED:
                (self.folder.path / change.path).unlink()
        for path, file in files.items():
            place = self.folder.path / path
            if not (path in own and place.exists()):
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(file.content)

    def add_release(self, version: str, *, current: bool = True) -> None:
        """Put a release of three small files into the store."""
        channel = self.folder.images / "stable"
        (channel / version).mkdir(parents=True, exist_ok=True)
        for name in ("pxe.vmlinuz", "pxe_image.cpio.gz", "image.bin.bz2"):
            (channel / version / f"flatcar_production_{name}").write_bytes(f"{version} {name} ".encode() * 1000)
        (channel / version / ".origin").write_text("flatcar amd64-usr\n")
        if current:
            (channel / "new").symlink_to(version)
            (channel / "new").rename(channel / "current")

    def lease(self, *macs: Mac, ended: tuple[Mac, ...] = ()) -> None:
        """Write the lease file as dnsmasq does, a line for each machine."""
        now = int(time.time())
        times = {**dict.fromkeys(macs, now + 3600), **dict.fromkeys(ended, now - 1)}
        lines = [f"{expires} {mac} {HOME[mac]} * ff:00:00:00:01\n" for mac, expires in times.items()]
        (self.folder.leases / "dnsmasq.leases").write_text("".join(lines))

    def environment(self) -> dict[str, str]:
        """What tells the server where it is."""
        return os.environ | {
            "KBOOT_CONFIG_DIR": str(self.folder.config),
            "KBOOT_DATA_DIR": str(self.folder.path),
            "KBOOT_TLS_DIR": str(self.folder.tls / "cloudconfig"),
            "KBOOT_HTTP_PORT": str(self.ports[0]),
            "KBOOT_HTTPS_PORT": str(self.ports[1]),
            "KBOOT_DISK_LOADER": str(self.loader),
            "KBOOT_UID": str(os.getuid()),
            "KBOOT_RUN_DIR": str(self.folder.root),
            "KBOOT_KUBERNETES_EVERY_S": "0.2",
            "KBOOT_PRESENCE_EVERY_S": "3600",  # who is on loopback always answers
            "KBOOT_STATE_IS_MARKED": str(int(self.state_is_marked)),
        }

    def start(self, descriptors: int | None = None, **environment: str) -> None:
        """Start it, with at most so many descriptors, and wait until it is ready."""
        limit = ["prlimit", f"--nofile={descriptors}:{descriptors}"] if descriptors else []
        with self.log.open("ab") as log:
            command = [*limit, sys.executable, "-m", "kboot_cloudconfig"]
            self._process = subprocess.Popen(command, env=self.environment() | environment, stdout=log, stderr=log)
        for _ in looks(60, 0.1):
            try:
                if self.get("/readyz").status_code == 200:
                    return
            except httpx.TransportError:
                continue
        raise AssertionError(self.log.read_text())

    def peak_bytes(self) -> int:
        """The most memory that the process had which answers."""
        found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{self.server_pid()}/status").read_text())
        assert found
        return int(found[1]) * 1024

    def server_pid(self) -> int:
        """The process that answers, which is the youngest child of the one that was started."""
        assert self._process is not None
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text()
        return int(children.split()[-1])

    def hand_over(self) -> str:
        """Have the next server take over, and wait until that is told; what is told."""
        assert self._process is not None
        told = self.folder.root / "generation"
        before = after = told.read_text()
        self._process.send_signal(signal.SIGHUP)
        for _ in looks(60, 0.1):
            if (after := told.read_text()) != before:
                break
        return after.strip()

    def stop(self, *, kill: bool = False) -> int:
        """End it, by SIGTERM or as a power cut would; its exit status."""
        assert self._process is not None
        if kill:
            self._process.kill()
        else:
            self._process.terminate()
        return self._process.wait(10)

    def ask(
        self,
        method: str,
        path: str,
        *,
        who: str | Mac = OPERATOR,
        tls: bool = False,
        token: str | None = None,
        headers: dict[str, str] | None = None,
        body: Any = None,
    ) -> httpx.Response:
        """One request, from the address of a machine or of the operator."""
        address = HOME[who] if isinstance(who, Mac) else who
        base = f"https://127.0.0.1:{self.ports[1]}" if tls else f"http://127.0.0.1:{self.ports[0]}"
        shown = dict(headers or {}) | ({"authorization": f"Bearer {token}"} if token else {})
        content = body if isinstance(body, bytes) else None
        transport = httpx.HTTPTransport(local_address=address, verify=self.context)
        with httpx.Client(transport=transport, base_url=base, timeout=10, trust_env=False) as client:
            if content is None and body is not None:
                return client.request(method, path, headers=shown, json=body)
            return client.request(method, path, headers=shown, content=content)

    def get(self, path: str, **options: Any) -> httpx.Response:
        """GET."""
        return self.ask("GET", path, **options)

    def node(self, mac: Mac) -> dict[str, Any]:
        """The node as the API shows it."""
        answer: dict[str, Any] = self.get(f"/v1/nodes/{mac}").json()
        return answer

    def wait_phase(self, mac: Mac, phase: str) -> dict[str, Any]:
        """Wait until the node is in that phase."""
        node: dict[str, Any] = {}
        for _ in looks(30, 0.1):
            node = self.node(mac)
            if node["phase"] == phase:
                return node
        raise AssertionError(f"not {phase}: {node}")

    def install_token(self, mac: Mac, who: Mac | None = None) -> str:
        """The token in the install.sh that `who` is given for `mac`."""
        script = self.get(f"/install.sh?mac={mac.dashed}", who=who or mac).text
        found = re.search(r"^KBOOT_TOKEN=(.*)$", script, re.MULTILINE)
        assert found
        return found[1].strip("'")

    def rewrite(self, mac: Mac, edit: Callable[[dict[str, Any]], None]) -> None:
        """Change what the database keeps of a machine, while the server is down."""
        self.stop()
        with closing(sqlite3.connect(self.folder.state / "kboot.db")) as db, db:
            (text,) = db.execute("SELECT state FROM machines WHERE mac = ?", (mac,)).fetchone()
            state = json.loads(text)
            edit(state)
            db.execute("UPDATE machines SET state = ? WHERE mac = ?", (json.dumps(state), mac))
        self.start()

    def report(self, mac: Mac, phase: str, token: str, **body: Any) -> httpx.Response:
        """A report of the machine itself."""
        path = f"/v1/nodes/{mac}/events"
        return self.ask("POST", path, who=mac, tls=True, token=token, body={"phase": phase, **body})

    def arm(self, mac: Mac, way: str = "arm", token: str | None = None) -> httpx.Response:
        """What the operator's command asks for."""
        path = f"/v1/nodes/{mac}/{way}"
        return self.ask("POST", path, tls=True, token=token or self.secrets.operator_token)

    def events(self, after: int = 0) -> list[dict[str, Any]]:
        """All events after a number."""
        found: list[dict[str, Any]] = []
        url = f"http://127.0.0.1:{self.ports[0]}/v1/events?after={after}"
        with (
            suppress(httpx.ReadTimeout),
            httpx.Client(trust_env=False) as client,
            client.stream("GET", url, timeout=1) as answer,
        ):
            found.extend(json.loads(line[6:]) for line in answer.iter_lines() if line.startswith("data: "))
        return found

    def install(self, mac: Mac) -> None:
        """A whole install, as the machine sees it."""
        self.get(f"/boot/{mac.dashed}.ipxe", who=mac)
        token = self.install_token(mac)
        assert self.get(f"/ignition/{mac.dashed}.json", who=mac, tls=True, token=token).status_code == 200
        assert self.report(mac, "installed", token).status_code == 204


def _started(root: Path, config: str) -> Server:
    made = Server(root, config)
    made.lease(NODE1, NODE2)
    made.start()
    made.wait_phase(NODE1, "leased")
    return made


@pytest.fixture
def server(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Server]:
    """A started server of its own; both declared machines have their lease."""
    made = _started(tmp_path, getattr(request, "param", "ignition"))
    yield made
    made.stop()


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server for tests that move no machine."""
    made = _started(tmp_path_factory.mktemp("standing"), "ignition")
    yield made
    made.stop()
