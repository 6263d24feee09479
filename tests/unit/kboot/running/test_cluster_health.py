"""etcd members and API servers of the test on loopback, asked as `kboot status` asks the real ones."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest

from kboot.cli.status_text import status_lines
from kboot.cli.tables import plain
from kboot.pki.key_pair import Subject
from kboot.pki.lifetimes import MACHINE_LIFE
from kboot.pki.store.issue import issue, new_authority
from kboot.running.cluster_health import Health, read_health
from kboot.running.status import Status, with_health
from kboot_clusterdesc import ClusterDesc, ClusterFolder, Mac, dump, load_text
from kboot_clusterdesc.model import API_PORT, ETCD_PORT
from support.kubernetes_api import Answer, TlsServer, client_pair, own_loopback, write_pair
from support.statuses import NOW

_FLEET = """
apiVersion: kboot/v1
cluster: {name: ail, domain: ail.example.com}
network:
  bootstrapper: 10.10.14.253
  subnet: 10.10.14.0/24
  dhcp: {mode: serve, range: [10.10.14.1, 10.10.14.127]}
nodes:
"""
_CLUSTER = (
    _FLEET.replace("nodes:", "kubernetes: {version: v1.36.2}\nnodes:")
    + """
  - {mac: "52:54:00:00:00:01", name: node1, roles: [control-plane, etcd], install_disk: /dev/vda}
  - {mac: "52:54:00:00:00:02", name: node2, roles: [etcd], install_disk: /dev/vda}
  - {mac: "52:54:00:00:00:03", name: node3, roles: [etcd], install_disk: /dev/vda}
"""
)
_HEALTHY = (200, b'{"health":"true","reason":""}')
_FAILED = b"""[+]ping ok
[-]etcd failed: reason withheld
[-]poststarthook/rbac/bootstrap-roles failed: reason withheld
readyz check failed
"""


class Rack:
    """Three machines on loopback whose servers a test starts one by one."""

    def __init__(self, root: Path) -> None:
        self.desc: ClusterDesc = load_text(_CLUSTER, "ail.yaml")
        self.folder = ClusterFolder(root, "ail")
        self.now = datetime.now(UTC)
        self.etcd_authority = new_authority("etcd", self.now)
        self.authority = new_authority("kubernetes", self.now)
        network = own_loopback()
        self.addresses = {node.mac: IPv4Address(f"{network}.{at}") for at, node in enumerate(self.desc.nodes, 1)}
        self.started: list[TlsServer] = []
        pki = self.folder.pki
        pki.mkdir(parents=True)
        (pki / "etcd-ca.pem").write_bytes(self.etcd_authority.certificate)
        (pki / "kubernetes-ca.pem").write_bytes(self.authority.certificate)
        pair = client_pair(self.etcd_authority, "kboot-etcd-node2", self.now)
        self.client = pki / "nodes" / "52-54-00-00-00-02"
        write_pair(self.client, "etcd-client", pair)

    def mac(self, name: str) -> Mac:
        """Of the node that is called so."""
        return next(node.mac for node in self.desc.nodes if node.name == name)

    def start_etcd(
        self, name: str, answer: Answer = _HEALTHY, called: str = "", status: dict[str, Any] | None = None
    ) -> None:
        """A member that wants a client certificate; its own knows it by name alone, or as `called`."""
        subject = Subject(name, server=True, names=(called or name, "localhost"))
        pair = issue(self.etcd_authority, subject, self.now, MACHINE_LIFE)
        address = (str(self.addresses[self.mac(name)]), ETCD_PORT)

        def say(path: str) -> Answer:
            return answer if path == "/health" else (200, json.dumps(status or {}).encode())

        self._start(TlsServer(address, pair, self.client / name, say, self.etcd_authority.certificate))

    def start_api(self, answer: Callable[[str], Answer]) -> None:
        """The API server of node1, which anybody may ask for its health."""
        subject = Subject("kube-apiserver", server=True, names=("kubernetes",))
        pair = issue(self.authority, subject, self.now, MACHINE_LIFE)
        address = (str(self.addresses[self.mac("node1")]), API_PORT)
        self._start(TlsServer(address, pair, self.client / "api", answer))

    def _start(self, server: TlsServer) -> None:
        server.start()
        self.started.append(server)

    def health(self) -> Health:
        """As `kboot status` reads it."""
        return read_health(self.desc, self.folder, self.addresses)


@pytest.fixture
def rack(tmp_path: Path) -> Iterator[Rack]:
    made = Rack(tmp_path)
    yield made
    for server in made.started:
        server.stop()


def part(name: str, key: str, well: bool | None, reason: str | None) -> dict[str, Any]:
    more = {"remark": None} if key == "healthy" else {}
    return {"name": name, key: well, "reason": reason, **more}


def shown(health: Health) -> list[str]:
    """The lines that it adds to a status."""
    said = [plain(line) for line in status_lines(Status("ail", [], [], [], {}, health=health), NOW)]
    return [line for line in said if line.startswith(("etcd: ", "control plane: "))]


def test_a_whole_cluster_is_two_lines(rack: Rack) -> None:
    for name in ("node1", "node2", "node3"):
        rack.start_etcd(name)
    rack.start_api(lambda path: (200, b"ok"))
    health = rack.health()
    assert shown(health) == ["etcd: 3 of 3 members healthy", "control plane: 1 of 1 ready"]
    assert health.as_json() == {
        "etcd": [part(name, "healthy", True, None) for name in ("node1", "node2", "node3")],
        "control_plane": [part("node1", "ready", True, None)],
    }
    assert sorted(path for server in rack.started for path in server.asked) == [
        *["/health"] * 3,
        "/readyz",
        *["/v3/maintenance/status"] * 3,
    ]


def test_what_is_not_well_is_named_with_its_reason(rack: Rack) -> None:
    rack.start_etcd("node1")
    rack.start_etcd("node2", (503, b'{"health":"false","reason":"RAFT NO LEADER"}'))
    rack.start_api(lambda path: (500, _FAILED) if path == "/readyz" else (200, b"ok"))
    assert shown(rack.health()) == [
        "etcd: 1 of 3 members healthy (node2: is not healthy: RAFT NO LEADER; node3: does not answer)",
        "control plane: 0 of 1 ready (node1: is not ready: etcd, poststarthook/rbac/bootstrap-roles)",
    ]


_WAY = "`sudo systemctl start etcd-defrag` there (docs/etcd.md: A full database)"


def test_a_database_that_fills_is_said_before_it_is_full_and_the_alarm_by_its_name(rack: Rack) -> None:
    alarm = {"dbSize": "17000000", "errors": ["memberID:8630161756594109333 alarm:NOSPACE "]}
    rack.start_etcd("node1", status={"dbSize": "13000000", "dbSizeQuota": "16000000"})
    rack.start_etcd("node2", (503, b'{"health":"false","reason":"ALARM NOSPACE"}'), status=alarm)
    rack.start_etcd("node3", status=alarm)  # old ones call themselves healthy
    assert shown(rack.health())[0] == (
        f"etcd: 1 of 3 members healthy (node1: its database has 13 of 16 MB: {_WAY}; "
        f"node2: is not healthy: ALARM NOSPACE: {_WAY}; node3: is not healthy: ALARM NOSPACE: {_WAY})"
    )


def test_a_database_is_held_against_the_quota_that_members_are_given(rack: Rack) -> None:
    rack.start_etcd("node1", status={"dbSize": str(3 << 30)})
    rack.start_etcd("node2", status={"dbSize": str(15 << 28)})
    assert [each.remark for each in rack.health().etcd[:2]] == [None, f"its database has 4026 of 4294 MB: {_WAY}"]


def test_an_api_server_that_does_not_live_is_told_from_one_that_is_not_ready(rack: Rack) -> None:
    rack.start_api(lambda path: (500, b"[-]ping failed\n"))
    assert rack.health().control_plane[0].reason == "is not live: ping"


def test_a_status_asks_at_the_addresses_that_the_machines_have_now(rack: Rack) -> None:
    rack.start_etcd("node1")
    rack.folder.description.write_bytes(dump(rack.desc))
    nodes = [
        {"mac": str(node.mac), "name": node.name, "ip": str(rack.addresses[node.mac]), "phase": "running"}
        for node in rack.desc.nodes
    ]
    nodes[2]["ip"] = None  # type: ignore[assignment] # as JSON has it
    status = with_health(rack.folder, Status("ail", [], nodes, [], {}))
    assert [each["reason"] for each in status.as_json()["etcd"]] == [None, "does not answer", "no address yet"]
    nodes[1]["phase"] = nodes[2]["phase"] = "configured"
    status = with_health(rack.folder, Status("ail", [], nodes, [], {}))
    is_written = "its machine is configured"
    assert [each["reason"] for each in status.as_json()["etcd"]] == [None, is_written, is_written]


def test_a_machine_that_was_given_no_address_is_not_asked(rack: Rack) -> None:
    rack.addresses = {}
    assert {each.reason for each in (*rack.health().etcd, *rack.health().control_plane)} == {"no address yet"}


def test_without_a_client_certificate_nothing_is_known_of_etcd(rack: Rack) -> None:
    rack.start_etcd("node1")
    (rack.client / "etcd-client.pem").unlink()
    unknown = part("node1", "healthy", None, "unknown: there is no certificate to ask with yet")
    assert rack.health().as_json()["etcd"][0] == unknown
    (rack.folder.pki / "kubernetes-ca.pem").write_text("none")
    assert "cannot be used" in (rack.health().control_plane[0].reason or "")


def test_a_member_refuses_a_certificate_of_another_authority(rack: Rack) -> None:
    rack.start_etcd("node1")
    other = new_authority("other", rack.now)
    write_pair(rack.client, "etcd-client", client_pair(other, "kboot-etcd-node2", rack.now))
    assert rack.health().etcd[0].reason == "refuses our certificate"


def test_a_server_that_is_another_is_not_believed(rack: Rack) -> None:
    rack.start_etcd("node1", called="node9")
    reason = rack.health().etcd[0].reason or ""
    assert reason.startswith("has a certificate that is not good: Hostname mismatch")
    (rack.folder.pki / "etcd-ca.pem").write_bytes(rack.authority.certificate)
    rack.start_etcd("node2")
    assert (rack.health().etcd[1].reason or "").startswith("has a certificate that is not good")


@pytest.mark.parametrize("body", [b"", b"[]", b"<html>", b"{}"])
def test_an_answer_that_is_not_etcds_is_not_healthy(rack: Rack, body: bytes) -> None:
    rack.start_etcd("node1", (200, body))
    assert rack.health().etcd[0].reason == "answers 200, which is no word of etcd's"


def test_a_fleet_without_etcd_and_kubernetes_has_nothing_to_show(tmp_path: Path) -> None:
    desc = load_text(f'{_FLEET}  - {{mac: "52:54:00:00:00:01", roles: [worker]}}\n', "ail.yaml")
    health = read_health(desc, ClusterFolder(tmp_path, "ail"), {})
    assert shown(health) == []
    assert health.as_json() == {"etcd": [], "control_plane": []}
