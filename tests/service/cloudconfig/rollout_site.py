"""Five machines that play a rollout against the real server over HTTP, and an API server that keeps its state."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from kboot.host.waiting import looks
from kboot.pki.key_pair import Subject
from kboot.pki.lifetimes import SERVER_LIFE
from kboot.pki.store.issue import issue, new_authority
from kboot_clusterdesc import Mac
from kboot_clusterdesc.model import API_PORT, ETCD_PORT
from service.cloudconfig.conftest import HEAD, Server
from support.kubernetes_api import Answer, TlsServer, client_pair, own_loopback, write_pair
from support.kubernetes_cluster import StandInCluster
from support.omaha import CHECK, event, offered_release, plant_payload, request

OLD, NEW, NEWER = "3975.2.0", "4230.2.3", "4300.0.0"
QUICK = {"KBOOT_ROLLOUT_EVERY_S": "0.1", "KBOOT_KUBERNETES_EVERY_S": "0.5"}
ROLES = {
    "cp1": "[control-plane, etcd]",
    "cp2": "[control-plane, etcd]",
    "cp3": "[etcd]",
    "w1": "[worker]",
    "w2": "[worker]",
}


@dataclass
class PlayedNode:
    """A machine, its update client and its agent, as the server meets them over HTTP."""

    site: Site
    name: str
    mac: Mac
    address: str
    version: str = OLD
    fetched: str | None = None
    boot: str = field(default_factory=lambda: str(uuid4()))
    falls_back: bool = False
    falls_short: bool = False  # its client does not take the payload
    machine_id: str = ""
    track: str = "stable"  # the channel that its update.conf names
    off_for: int = 0  # asks after a reboot that it is off for
    was_offered: int = 0
    had_installed: bool = False  # since its last check: it is on the disk still, or was forgotten

    def report(self) -> None:
        """Tell that it booted from its disk."""
        body = {"phase": "running", "version": self.version}
        path = f"/v1/nodes/{self.mac}/events"
        answer = self.site.server.ask("POST", path, who=self.address, tls=True, token=self._token, body=body)
        assert answer.status_code == 204, answer.text

    def ask(self) -> str:
        """Have the agent tell how it is, and do what it is told; what that was."""
        if self.off_for:
            self.off_for -= 1
            if not self.off_for:
                self._come_back()
            return "off"
        state = "needs-reboot" if self.fetched else "idle"
        body = {"state": state, "version": self.version, "boot": self.boot}
        path = f"/v1/nodes/{self.mac}/update"
        answer = self.site.server.ask("POST", path, who=self.address, tls=True, token=self._token, body=body)
        assert answer.status_code == 200, answer.text
        action: str = answer.json()["action"]
        if action in ("check", "reset"):
            self.fetched = None
            self.check()
        if action == "reboot":
            self.site.rebooted.append(self.name)
            self.site.cluster.ready(self.name, "Unknown")
            self.off_for = 2
        return action

    def check(self) -> bool:
        """Have the update client look for a release, and fetch it; whether it was offered one.

        The check tells what ran before an update was installed here, as update_engine does.
        """
        back = event(3, 0, error=44 | 1 << 28) if self.had_installed else ""
        self.had_installed = False
        body = request(CHECK + back, self.version, track=self.track, machine=self.machine_id)
        answer = self.site.server.ask("POST", "/v1/update/", who=self.address, body=body)
        if self.falls_short and offered_release(answer):
            failed = request(event(3, 0, error=18 | 1 << 28), self.version)
            self.site.server.ask("POST", "/v1/update/", who=self.address, body=failed)
        elif release := offered_release(answer):
            self.fetched, self.was_offered = release, self.was_offered + 1
            self.site.server.ask("POST", "/v1/update/", who=self.address, body=request(event(3, 1), self.version))
            self.had_installed = True
            return True
        return False

    def _come_back(self) -> None:
        self.boot = str(uuid4())
        self.version = self.version if self.falls_back else self.fetched or self.version
        self.fetched, self.had_installed = None, self.falls_back
        self.site.cluster.ready(self.name, "True", self.boot)
        self.report()

    @property
    def _token(self) -> str:
        path = self.site.server.folder.nodes / self.mac.dashed / "report-token"
        return path.read_text().strip()


class Site:
    """Five machines that run the old release, the new one in the store, and Kubernetes with etcd."""

    def __init__(self, root: Path) -> None:
        self.network = own_loopback()
        self.description = rack_description(self.network)
        self.server = Server(root / "server", "ignition", self.description)
        self.cluster = StandInCluster()
        self.rebooted: list[str] = []
        self.etcd_health = "true"
        self.learners: set[str] = set()
        self.former: dict[str, int] = {}  # voters that are declared as members no longer, with their numbers
        self.most_down = 0
        now = datetime.now(UTC)
        kubernetes, etcd = new_authority("kubernetes", now), new_authority("etcd", now)
        tls = self.server.folder.tls / "cloudconfig"
        write_pair(tls, "status-client", client_pair(kubernetes, "kboot-status", now))
        write_pair(tls, "etcd-status-client", client_pair(etcd, "kboot-status", now))
        (tls / "kubernetes-ca.pem").write_bytes(kubernetes.certificate)
        (tls / "etcd-ca.pem").write_bytes(etcd.certificate)
        self.machines = {
            name: PlayedNode(self, name, Mac(f"52:54:00:00:01:0{i}"), f"{self.network}.21{i}")
            for i, name in enumerate(ROLES)
        }
        self._servers = []
        for machine in self.machines.values():
            roles = ROLES[machine.name]
            if "control-plane" in roles:
                subject = Subject("kube-apiserver", server=True, names=("kubernetes",))
                pair = issue(kubernetes, subject, now, SERVER_LIFE)
                where = (machine.address, API_PORT), pair, root / f"api-{machine.name}"
                self._servers.append(
                    TlsServer(*where, lambda path: (404, b""), kubernetes.certificate, self.cluster.answer)
                )
            if "etcd" in roles:
                pair = issue(etcd, Subject(machine.name, server=True, names=(machine.name,)), now, SERVER_LIFE)
                where = (machine.address, ETCD_PORT), pair, root / f"etcd-{machine.name}"
                self._servers.append(TlsServer(*where, self._etcd, etcd.certificate))

    def _etcd(self, path: str) -> Answer:
        if path == "/health":
            return 200, json.dumps({"health": self.etcd_health, "reason": "NO LEADER"}).encode()
        members = [{"name": n, "isLearner": n in self.learners} for n, r in ROLES.items() if "etcd" in r]
        former = [{"name": name, "ID": str(number)} for name, number in self.former.items()]
        return 200, json.dumps({"members": [*members, *former]}).encode()

    def begin(self) -> None:
        """Start all, install the machines, and put the new release in force."""
        for each in self._servers:
            each.start()
        later = int(time.time()) + 3600
        lines = [f"{later} {m.mac} {m.address} * ff:00:00:00:01\n" for m in self.machines.values()]
        (self.server.folder.leases / "dnsmasq.leases").write_text("".join(lines))
        self.start()
        for machine in self.machines.values():
            self.cluster.add_node(machine.name, machine.boot)
            self.server.arm(machine.mac, "disarm")
            machine.report()
        for machine in self.machines.values():
            self.server.wait_phase(machine.mac, "ready")

    def start(self) -> None:
        """Start the server, which looks often."""
        self.server.start(None, **QUICK)

    def mirror(self, release: str = NEW) -> None:
        """What the updater does: a newer release with its payload, in force."""
        self.server.add_release(release)
        plant_payload(self.server.folder.images / "stable" / release, b"payload" * 1000)

    def end(self) -> None:
        """Stop all."""
        self.server.stop()
        for each in self._servers:
            each.stop()

    def rollout(self) -> dict[str, Any]:
        """The rollout as the server shows it."""
        shown: dict[str, Any] = self.server.get("/v1/rollout").json()
        return shown

    def stages(self) -> dict[str, str]:
        """How far each machine is."""
        return {machine["name"]: machine["stage"] for machine in self.rollout()["machines"]}

    def say(self, what: str, **body: Any) -> httpx.Response:
        """The operator's word."""
        token = self.server.secrets.operator_token
        return self.server.ask("POST", f"/v1/rollout/{what}", tls=True, token=token, body=body)

    def turn(self) -> None:
        """Have each machine's agent ask once."""
        for machine in self.machines.values():
            machine.ask()
        down = [machine for machine in self.machines.values() if machine.off_for]
        self.most_down = max(self.most_down, len(down))

    def run(self, until: Callable[[dict[str, Any]], bool], timeout_s: float = 400) -> dict[str, Any]:
        """Let the machines ask until the rollout is so."""
        shown: dict[str, Any] = {}
        for _ in looks(timeout_s, 0.1):
            self.turn()
            shown = self.rollout()
            if until(shown):
                return shown
        raise AssertionError(f"not so: {json.dumps(shown, indent=1)}\n{self.server.log.read_text()[-3000:]}")

    def tell_failure(self, address: str, machine_id: str, code: int) -> None:
        """Have somebody at an address tell that an update failed."""
        body = request(event(3, 0, error=code), OLD, machine=machine_id)
        assert self.server.ask("POST", "/v1/update/", who=address, body=body).status_code == 200

    def versions(self) -> dict[str, str]:
        """What each machine runs."""
        return {machine.name: machine.version for machine in self.machines.values()}


def rack_description(network: str, more: str = "") -> str:
    """The description of the machines; `more` goes on with the keys of `os.update`."""
    nodes = "".join(
        f'  - {{mac: "52:54:00:00:01:0{i}", name: {name}, ip: {network}.21{i}, roles: {roles}}}\n'
        for i, (name, roles) in enumerate(ROLES.items())
    )
    os = f"os: {{install_disk: /dev/vda, config: ignition, update: {{enabled: true{more}}}}}\n"
    return f"{HEAD.replace('10.10.14', network)}{os}kubernetes: {{version: v1.36.2}}\nnodes:\n{nodes}"
