"""`kboot certs renew`, whole commands: exit code, stdout, stderr, and what is another one afterwards."""

from __future__ import annotations

import pytest

from .conftest import ANOTHER, NODE1, Cluster

NEXT = "next: `kboot up FILE` gives the services theirs and renders those of the nodes\n"
NEXT_NODES = (
    "then `kboot upgrade` (`kboot node apply` without Kubernetes) brings a node its new ones while it runs, "
    "`kboot node reinstall` when it is installed again; the old ones stay good to their end\n"
)


def test_a_renewed_certificate_is_another_one_of_the_same_authority(
    cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    before = cluster.secrets()
    assert cluster.kboot("certs", "renew", "apiserver") == 0
    out, err = capsys.readouterr()
    assert (out, err) == ("renewed apiserver of node1\n", NEXT + NEXT_NODES)
    after = cluster.secrets()
    assert after.kubernetes == before.kubernetes
    changed = {name for name, pair in after.node_keys[NODE1.mac].items() if pair != before.node_keys[NODE1.mac][name]}
    assert changed == {"apiserver"}
    assert not list(cluster.folder.pki.rglob("*.old"))


def test_all_leaves_are_renewed_and_no_authority(cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    before = cluster.secrets()
    assert cluster.kboot("certs", "renew", "--all") == 0
    after = cluster.secrets()
    assert len(capsys.readouterr().out.splitlines()) == 4 + sum(map(len, after.node_keys.values()))
    kept = [after.authority == before.authority, after.etcd_authority == before.etcd_authority]
    assert kept == [True, True]
    assert after.kubernetes is not None
    assert before.kubernetes is not None
    assert after.kubernetes.authority == before.kubernetes.authority
    assert after.kubernetes.service_account == before.kubernetes.service_account
    assert after.kubernetes.status_client != before.kubernetes.status_client
    old = {pair.key for keys in before.node_keys.values() for pair in keys.values()}
    assert not old & {pair.key for keys in after.node_keys.values() for pair in keys.values()}


def test_a_node_is_renewed_alone_by_its_mac_too(cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    before = cluster.secrets()
    assert cluster.kboot("certs", "renew", "--node", ANOTHER.upper()) == 0
    assert capsys.readouterr().out == f"renewed kubelet-client of {ANOTHER}\nrenewed kubelet-server of {ANOTHER}\n"
    after = cluster.secrets()
    assert after.node_keys[NODE1.mac] == before.node_keys[NODE1.mac]
    assert after.servers == before.servers


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "nothing is said to be renewed\n  hint: name it as `kboot certs list` does, or say `--all`"),
        (("x", "--all"), "`x` and `--all` are two answers to one question\n  hint: leave one of them out"),
        (
            ("kubernetes-ca",),
            "`kubernetes-ca` is an authority, not a leaf\n  hint: docs/certificates.md says what a new one takes",
        ),
        (
            ("operators/alice",),
            "`operators/alice` is an operator's\n  hint: `kboot kubeconfig` renews it when it is near its end",
        ),
        (
            ("etcd-server", "--node", ANOTHER),
            f"{ANOTHER} has no certificate `etcd-server`\n  hint: one of kubelet-client, kubelet-server",
        ),
        (
            ("--all", "--node", "node9"),
            f"`node9` is not a node of this cluster\n  hint: declared: node1, {ANOTHER}",
        ),
    ],
)
def test_what_cannot_be_renewed_is_refused(
    cluster: Cluster, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    before = cluster.secrets()
    assert cluster.kboot("certs", "renew", *arguments) == 2
    assert capsys.readouterr() == ("", f"error: {said}\n")
    assert cluster.secrets() == before
