"""`kboot certs list`, whole commands, and what `kboot up` says of the same certificates."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kboot.cli.main import run
from kboot.pki import key_specs
from kboot.pki.store.cluster_secrets import load_or_create
from kboot.pki.store.inventory import kept_certificates, warning
from kboot_clusterdesc import ClusterFolder, dump
from unit.clusterdesc.sample import accepted, spoilt

from .conftest import ANOTHER, DESC, Cluster, listed


def test_the_list_names_every_certificate_and_begins_with_the_one_that_ends_first(
    cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    found = listed(cluster, capsys)
    wanted = {("cluster", f"{name}-ca") for name in ("cluster", "etcd", "kubernetes", "front-proxy")}
    wanted |= {("cluster", name) for name in ("cloudconfig", "registry", "status-client", "etcd-status-client")}
    wanted |= {(node.name, spec.name) for node in DESC.nodes for spec in key_specs(DESC, node)}
    assert {(each["owner"], each["name"]) for each in found} == wanted
    assert len(found) == len(wanted)
    assert [each["not_after"] for each in found] == sorted(each["not_after"] for each in found)
    (server,) = (each for each in found if (each["owner"], each["name"]) == ("node1", "kubelet-server"))
    assert server == {
        "owner": "node1",
        "name": "kubelet-server",
        "subject": "system:node:node1",
        "groups": ["system:nodes"],
        "issuer": "kboot Kubernetes CA",
        "sans": ["node1", "node1.ail.example.com", "10.10.14.201"],
        "not_after": f"{cluster.born + timedelta(days=365):%Y-%m-%dT%H:%M:%SZ}",
        "days_left": 364,
        "state": "ok",
    }


def test_the_list_for_people_is_a_table(cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    assert cluster.kboot("certs", "list") == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert err == ""
    assert lines[0].split() == ["OWNER", "NAME", "SUBJECT", "GROUP", "ISSUER", "ENDS", "DAYS", "STATE", "NAMES"]
    (line,) = (line for line in lines if " kubelet-client " in line and line.startswith("node1 "))
    end = f"{cluster.born + timedelta(days=365):%Y-%m-%d}"
    words = f"node1 kubelet-client system:node:node1 system:nodes kboot Kubernetes CA {end} 364 ok -"
    assert line.split() == words.split()


@pytest.mark.parametrize(
    ("age", "state"), [(0, "ok"), (274, "ok"), (276, "ends-soon"), (364, "ends-soon"), (366, "expired")]
)
def test_what_ends_soon_or_has_ended_is_said_to_be_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], age: int, state: str
) -> None:
    folder = ClusterFolder(tmp_path, "ail")
    load_or_create(folder, DESC, datetime.now(UTC) - timedelta(days=age))
    folder.description.write_bytes(dump(DESC))
    assert run(["certs", "list", "--json", "--root", str(tmp_path)]) == 0
    states = {each["name"]: each["state"] for each in json.loads(capsys.readouterr().out)}
    assert states["kubelet-server"] == state
    assert states["kubernetes-ca"] == "ok"


def test_up_says_how_many_certificates_are_near_their_end_and_nothing_while_none_is(cluster: Cluster) -> None:
    kept = kept_certificates(cluster.folder, DESC)
    of_machines = sum(len(key_specs(DESC, node)) for node in DESC.nodes)
    for days, said in (
        (0, ""),
        (276, f"certificates: {of_machines} near the end: see `kboot certs list`"),
        (641, f"certificates: {of_machines} expired, 4 near the end: see `kboot certs list`"),
    ):
        assert warning(kept, cluster.born + timedelta(days=days)) == said


def test_keys_of_a_machine_that_is_declared_no_longer_are_listed_by_its_mac(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster = Cluster(tmp_path, accepted(spoilt(("roles: [worker]", "name: node2, roles: [worker]"))))
    assert {each["owner"] for each in listed(cluster, capsys)} == {"cluster", "node1", "node2"}
    fewer = cluster.desc.model_copy(update={"nodes": cluster.desc.nodes[:1]})
    cluster.folder.description.write_bytes(dump(fewer))
    assert {each["owner"] for each in listed(cluster, capsys)} == {"cluster", "node1", ANOTHER}
