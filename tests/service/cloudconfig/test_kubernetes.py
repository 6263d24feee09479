"""The server sees Kubernetes: an API server of the test on loopback answers it, or does not."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from kboot.host.waiting import looks
from kboot.pki.key_pair import Subject
from kboot.pki.lifetimes import SERVER_LIFE
from kboot.pki.store.issue import issue, new_authority
from kboot_clusterdesc import Mac
from kboot_clusterdesc.model import API_PORT
from support.kubernetes_api import (
    Answer,
    TlsServer,
    api_node,
    client_pair,
    node_list,
    node_pages,
    own_loopback,
    write_pair,
)

from .conftest import HEAD, NODE1, NODE2, Server

_DESCRIPTION = f"""{HEAD}\
kubernetes: {{version: v1.36.2}}
nodes:
  - {{mac: "52:54:00:00:00:01", name: node1, ip: 10.10.14.211, roles: [control-plane, etcd], install_disk: /dev/vda}}
  - {{mac: "52:54:00:00:00:02", name: node2, ip: 10.10.14.212, roles: [control-plane], install_disk: /dev/vda}}
"""


class Cluster:
    """Two machines that run, both control planes; an API server may be started at the address of each."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.server = server
        self.now = datetime.now(UTC)
        self.authority = new_authority("kubernetes", self.now)
        network = own_loopback()
        self.addresses = {NODE1: f"{network}.211", NODE2: f"{network}.212"}
        self.apis = {mac: self._api(mac, folder / mac.dashed) for mac in (NODE1, NODE2)}
        (server.folder.config / "clusterdesc.yaml").write_text(_DESCRIPTION.replace("10.10.14", network))
        later = int(time.time()) + 3600
        lines = [f"{later} {mac} {address} * ff:00:00:00:01\n" for mac, address in self.addresses.items()]
        (server.folder.leases / "dnsmasq.leases").write_text("".join(lines))
        for mac in (NODE1, NODE2):
            server.report(mac, "running", server.secrets.report_tokens[mac])

    def _api(self, mac: Mac, folder: Path) -> TlsServer:
        pair = issue(
            self.authority, Subject("kube-apiserver", server=True, names=("kubernetes", "node")), self.now, SERVER_LIFE
        )
        answer = node_pages([api_node("node1"), api_node("node2", ready="False")], 500)
        return TlsServer((self.addresses[mac], API_PORT), pair, folder, answer, self.authority.certificate)

    def give_certificate(self) -> None:
        """What the render puts beside the server's own certificate."""
        tls = self.server.folder.tls / "cloudconfig"
        write_pair(tls, "status-client", client_pair(self.authority, "kboot-status", self.now))
        (tls / "kubernetes-ca.pem").write_bytes(self.authority.certificate)

    def state(self) -> dict[str, Any]:
        """What the server says of Kubernetes."""
        answer: dict[str, Any] = self.server.get("/v1/nodes").json()["kubernetes"]
        return answer

    def wait(self, until: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Wait for a state of Kubernetes."""
        state: dict[str, Any] = {}
        for _ in looks(20, 0.1):
            state = self.state()
            if until(state):
                return state
        raise AssertionError(f"not so: {state}\n{self.server.log.read_text()}")

    def wait_reason(self, text: str) -> None:
        """Wait until the API server is waited for, for a reason that holds `text`."""
        state = self.wait(lambda state: text in (state["reason"] or ""))
        assert (state["state"], state["nodes"]) == ("waiting", {})

    def lines(self) -> list[dict[str, Any]]:
        """What the log tells of the API server."""
        logged = [json.loads(line) for line in self.server.log.read_text().splitlines() if line.startswith("{")]
        return [line for line in logged if line["event"].startswith("kubernetes")]


def _answers(state: dict[str, Any]) -> bool:
    return bool(state["state"] == "answers")


@pytest.fixture
def cluster(server: Server, tmp_path: Path) -> Iterator[Cluster]:
    """Without a certificate, and with no API server that runs."""
    made = Cluster(server, tmp_path / "apis")
    yield made
    for api in made.apis.values():
        api.stop()


def test_a_fleet_without_kubernetes_asks_nobody(standing: Server) -> None:
    assert standing.get("/v1/nodes").json()["kubernetes"] == {"state": "none", "reason": None, "nodes": {}}
    assert "kboot_kubernetes" not in standing.get("/metrics").text


def test_nothing_is_asked_until_there_is_a_certificate(cluster: Cluster) -> None:
    api = cluster.apis[NODE1]
    api.start()
    cluster.wait_reason("there is no certificate to ask with yet")
    assert api.asked == []
    assert "Kubernetes does not answer: there is no certificate" in cluster.server.get("/").text
    cluster.give_certificate()
    cluster.wait(_answers)


def test_a_machine_is_ready_while_its_node_is(cluster: Cluster) -> None:
    cluster.give_certificate()
    cluster.apis[NODE1].start()
    before = cluster.server.wait_phase(NODE1, "ready")
    assert cluster.server.node(NODE2)["phase"] == "running"
    state = cluster.state()
    assert state["nodes"]["node1"] == {"ready": True, "version": "v1.36.2", "cordoned": False, "reason": None}
    assert state["nodes"]["node2"]["reason"] == "KubeletNotReady: container runtime network not ready"
    metrics = cluster.server.get("/metrics").text
    for line in ("_api_up 1", '_node_ready{name="node1"} 1', '_node_ready{name="node2"} 0'):
        assert f"kboot_kubernetes{line}.0\n" in metrics

    cluster.apis[NODE1].answer = node_pages([api_node("node1", ready="Unknown"), api_node("node2")], 500)
    lost = cluster.server.wait_phase(NODE1, "running")
    assert lost["reason"] == "NodeStatusUnknown: Kubelet stopped posting node status."
    assert lost["since"] >= before["since"]
    cluster.server.wait_phase(NODE2, "ready")
    told = [(each["kind"], each["mac"], each.get("detail")) for each in cluster.server.events()]
    assert [each for each in told if each[0] in ("running", "ready")][2:] == [
        ("ready", NODE1, None),
        ("running", NODE1, lost["reason"]),
        ("ready", NODE2, None),
    ]


def test_a_reboot_leaves_a_machine_ready_until_the_api_says_otherwise(cluster: Cluster) -> None:
    cluster.give_certificate()
    cluster.apis[NODE1].start()
    cluster.server.wait_phase(NODE1, "ready")
    cluster.server.report(NODE1, "running", cluster.server.secrets.report_tokens[NODE1])
    assert cluster.server.node(NODE1)["phase"] == "ready"
    cluster.apis[NODE1].answer = node_pages([], 500)
    assert "no node of this name" in cluster.server.wait_phase(NODE1, "running")["reason"]


def test_a_large_fleet_is_read_page_by_page(cluster: Cluster) -> None:
    fleet = [api_node(f"other{number}") for number in range(1100)]
    cluster.apis[NODE1].answer = node_pages([*fleet, api_node("node1")], 500)
    cluster.give_certificate()
    cluster.apis[NODE1].start()
    state = cluster.wait(_answers)
    assert len(state["nodes"]) == 1101
    cluster.server.wait_phase(NODE1, "ready")
    assert cluster.apis[NODE1].asked[:3] == [
        f"/api/v1/nodes?limit=500{more}" for more in ("", "&continue=500", "&continue=1000")
    ]


def test_an_api_server_that_goes_is_said_once_and_takes_no_machine_back(cluster: Cluster) -> None:
    cluster.give_certificate()
    cluster.wait_reason("node1 does not answer; node2 does not answer")
    cluster.apis[NODE1].start()
    cluster.server.wait_phase(NODE1, "ready")
    cluster.apis[NODE1].stop()
    cluster.wait_reason("node1 does not answer")
    assert "kboot_kubernetes_api_up 0.0\n" in cluster.server.get("/metrics").text
    for _ in looks(1.5, 0.5):  # some more turns
        node = cluster.server.node(NODE1)
        assert (node["phase"], node["reason"][:5]) == ("ready", "ready")
    cluster.apis[NODE1].start()
    cluster.wait(_answers)
    states = [line["state"] for line in cluster.lines()]
    assert [state for state in states if state == "answers"] == ["answers", "answers"]
    assert len(states) <= 5, states


def test_a_machine_is_not_called_ready_for_long_while_nobody_vouches_for_it(cluster: Cluster) -> None:
    server = cluster.server
    server.stop()
    server.start(KBOOT_KUBERNETES_SILENT_S="2")
    cluster.give_certificate()
    cluster.apis[NODE1].start()
    ready = server.wait_phase(NODE1, "ready")
    assert (ready["reason"], ready["heard"] >= ready["since"]) == (None, True)
    cluster.apis[NODE1].stop()
    cluster.wait_reason("node1 does not answer")
    node = server.node(NODE1)
    words = "node1 does not answer; node2 does not answer"
    assert (node["phase"], node["reason"]) == ("ready", f"ready when it was last heard of: {words}")
    lost = server.wait_phase(NODE1, "running")
    assert lost["reason"] == f"no API server answers: {words}"
    assert lost["heard"] <= lost["since"]
    server.stop()
    server.start()
    assert server.node(NODE1)["heard"] == lost["heard"], "it is kept"
    cluster.apis[NODE1].start()
    assert server.wait_phase(NODE1, "ready")["heard"] > lost["heard"]


def test_another_control_plane_is_asked_and_remembered(cluster: Cluster) -> None:
    cluster.give_certificate()
    cluster.apis[NODE2].start()
    cluster.server.wait_phase(NODE1, "ready")
    cluster.apis[NODE1].start()
    asked = len(cluster.apis[NODE2].asked)
    for _ in looks(20, 0.1):
        if len(cluster.apis[NODE2].asked) > asked + 2:
            break
    assert cluster.apis[NODE1].asked == []
    cluster.apis[NODE2].stop()
    cluster.wait(lambda state: bool(cluster.apis[NODE1].asked) and _answers(state))


def test_a_control_plane_that_accepts_and_says_nothing_holds_up_no_other(cluster: Cluster) -> None:
    cluster.give_certificate()
    with socket.create_server((cluster.addresses[NODE1], API_PORT)):  # as a process that is stopped: its kernel accepts
        cluster.apis[NODE2].start()
        cluster.server.wait_phase(NODE1, "ready")
        cluster.apis[NODE2].stop()
        cluster.wait_reason("node1 does not answer; node2 does not answer")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ((200, b"{"), "answers with something else than a list of nodes"),
        ((200, b'{"kind": "Status", "items": []}'), "answers with something else than a list of nodes"),
        ((200, b" " * (65 << 20)), "answers with more than 64 MiB"),
        ((401, b"{}"), "refuses our certificate"),
        ((403, b"{}"), "does not let us read its nodes yet"),
        ((500, b"{}"), "answers 500"),
        ((200, json.dumps(node_list([], more="again")).encode()), "does not answer"),  # a list without an end
    ],
    ids=["malformed", "other-kind", "huge", "401", "403", "500", "endless"],
)
def test_an_answer_that_is_none_is_a_reason_to_wait(cluster: Cluster, answer: Answer, reason: str) -> None:
    cluster.apis[NODE1].answer = lambda path: answer
    cluster.give_certificate()
    cluster.apis[NODE1].start()
    cluster.wait_reason(f"node1 {reason}")
    assert cluster.server.get("/readyz").status_code == 200
    cluster.apis[NODE1].answer = node_pages([api_node("node1")], 500)
    cluster.server.wait_phase(NODE1, "ready")


def test_a_server_of_another_authority_is_not_believed(cluster: Cluster) -> None:
    cluster.give_certificate()
    other = new_authority("other", cluster.now)
    (cluster.server.folder.tls / "cloudconfig" / "kubernetes-ca.pem").write_bytes(other.certificate)
    cluster.apis[NODE1].start()
    cluster.wait_reason("node1 has a certificate that is not good")
    assert cluster.apis[NODE1].asked == []
    cluster.give_certificate()
    cluster.wait(_answers)


def test_a_certificate_of_another_authority_is_refused(cluster: Cluster) -> None:
    cluster.give_certificate()
    other = new_authority("other", cluster.now)
    tls = cluster.server.folder.tls / "cloudconfig"
    write_pair(tls, "status-client", client_pair(other, "kboot-status", cluster.now))
    cluster.apis[NODE1].start()
    cluster.wait_reason("node1 refuses our certificate")
    (tls / "status-client.key").write_text("no key")
    cluster.wait_reason("the certificate to ask with cannot be used")


def test_it_ends_at_once_though_an_api_server_never_answers(cluster: Cluster) -> None:
    cluster.give_certificate()
    asked: list[str] = []

    def silence(path: str) -> Answer:
        asked.append(path)
        for _ in looks(8, 0.1):
            pass
        return 200, b"{}"

    cluster.apis[NODE1].answer = silence
    cluster.apis[NODE1].start()
    for _ in looks(20, 0.05):
        if asked:
            break
    before = time.monotonic()
    assert cluster.server.stop() == 0
    assert time.monotonic() - before < 5
    cluster.server.start()
