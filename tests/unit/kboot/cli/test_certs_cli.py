"""`kboot certs` and `kboot kubeconfig`, whole commands: exit code, stdout, stderr, and what they leave behind."""

from __future__ import annotations

import json
from base64 import b64decode
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from kboot.cli.main import run
from kboot.pki import Secrets, key_specs
from kboot.pki.certificate import read_certificate
from kboot.pki.store.cluster_secrets import load_or_create
from kboot.pki.store.inventory import kept_certificates, warning
from kboot.pki.store.operators import ADMIN, operator, operator_kubeconfig
from kboot_clusterdesc import ClusterDesc, ClusterFolder, dump
from support.certificates import refusal
from unit.clusterdesc.sample import SAMPLE, accepted, spoilt

DESC = accepted(SAMPLE)
NODE1 = DESC.nodes[0]
ANOTHER = "00-25-90-c0-f6-ee"
NEXT = "next: `kboot up FILE` gives the services theirs and renders those of the nodes\n"
NEXT_NODES = (
    "then `kboot upgrade` (`kboot node apply` without Kubernetes) brings a node its new ones while it runs, "
    "`kboot node reinstall` when it is installed again; the old ones stay good to their end\n"
)


class Cluster:
    """A cluster on disk, as `kboot up` leaves it."""

    def __init__(self, root: Path, desc: ClusterDesc) -> None:
        self.folder = ClusterFolder(root, desc.cluster.name)
        self.desc = desc
        self.born = datetime.now(UTC)
        self.secrets()
        self.folder.description.write_bytes(dump(desc))

    def secrets(self) -> Secrets:
        """What the next `up` would render with."""
        return load_or_create(self.folder, self.desc, self.born)

    def kboot(self, *arguments: str) -> int:
        """Run a command on it."""
        return run([*arguments, "--root", str(self.folder.root)])


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    return Cluster(tmp_path / "root", DESC)


def listed(cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """What `kboot certs list --json` prints."""
    assert cluster.kboot("certs", "list", "--json") == 0
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return found


def test_the_list_names_every_certificate_and_begins_with_the_one_that_ends_first(
    cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    found = listed(cluster, capsys)
    wanted = {("cluster", f"{name}-ca") for name in ("cluster", "etcd", "kubernetes", "front-proxy")}
    wanted |= {("cluster", name) for name in ("cloudconfig", "registry", "status-client")}
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
        (641, f"certificates: {of_machines} expired, 3 near the end: see `kboot certs list`"),
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
    assert len(capsys.readouterr().out.splitlines()) == 3 + sum(map(len, after.node_keys.values()))
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


def test_authorities_are_exported_without_any_key(
    cluster: Cluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "out"
    assert cluster.kboot("certs", "export", str(target)) == 0
    names = [f"{name}-ca.pem" for name in ("cluster", "etcd", "front-proxy", "kubernetes")]
    assert capsys.readouterr() == ("".join(f"{target / name}\n" for name in names), "")
    assert sorted(path.name for path in target.iterdir()) == names
    assert all(b"PRIVATE" not in path.read_bytes() for path in target.iterdir())


def test_the_pairs_of_a_node_are_exported_for_their_owner_alone(cluster: Cluster, tmp_path: Path) -> None:
    target = tmp_path / "out"
    assert cluster.kboot("certs", "export", str(target), "--node", "node1") == 0
    assert target.stat().st_mode & 0o777 == 0o700
    for name, pair in cluster.secrets().node_keys[NODE1.mac].items():
        assert (target / f"{name}.pem").read_bytes() == pair.certificate
        assert (target / f"{name}.key").read_bytes() == pair.key
        assert (target / f"{name}.key").stat().st_mode & 0o777 == 0o600
    assert len(list(target.iterdir())) == 4 + 2 * len(key_specs(DESC, NODE1))


def test_a_folder_that_holds_something_is_not_exported_to(
    cluster: Cluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").touch()
    for target, said in ((tmp_path / "out", "is not empty"), (tmp_path / "out" / "mine", "Not a directory")):
        assert cluster.kboot("certs", "export", str(target)) == 2
        assert capsys.readouterr() == ("", f"error: {target}: {said}\n  hint: name a new or empty folder\n")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine"]


def test_the_administrators_kubeconfig_is_good_for_the_api_server_and_stays_the_same(
    cluster: Cluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cluster.kboot("kubeconfig") == 0
    out, err = capsys.readouterr()
    assert err == ""
    config = yaml.safe_load(out)
    assert config["current-context"] == "kubernetes-admin@ail"
    assert config["clusters"][0]["cluster"]["server"] == "https://api.ail.example.com:6443"
    authority, certificate = tmp_path / "ca.pem", tmp_path / "admin.pem"
    authority.write_bytes(b64decode(config["clusters"][0]["cluster"]["certificate-authority-data"]))
    certificate.write_bytes(b64decode(config["users"][0]["user"]["client-certificate-data"]))
    assert authority.read_bytes() == (cluster.folder.pki / "kubernetes-ca.pem").read_bytes()
    assert read_certificate(certificate.read_bytes()).subject == ADMIN
    assert refusal(certificate, authority, "sslclient", cluster.born + timedelta(days=364)) == ""
    assert cluster.kboot("kubeconfig", "--admin") == 0
    assert capsys.readouterr().out == out
    assert ("cluster", "operators/kubernetes-admin") in {(e["owner"], e["name"]) for e in listed(cluster, capsys)}


def test_a_users_kubeconfig_carries_the_name_and_all_groups(
    cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("--name", "alice@example.com", "--group", "dev", "--group", "on call")
    assert cluster.kboot("kubeconfig", *arguments, "--server", "https://10.10.14.201:6443") == 0
    config = yaml.safe_load(capsys.readouterr().out)
    assert config["clusters"][0]["cluster"]["server"] == "https://10.10.14.201:6443"
    subject = read_certificate(b64decode(config["users"][0]["user"]["client-certificate-data"])).subject
    assert (subject.common_name, subject.groups) == ("alice@example.com", ("dev", "on call"))
    assert (subject.server, subject.client) == (False, True)


def test_an_operators_certificate_is_made_anew_with_other_groups_or_a_month_before_its_end(cluster: Cluster) -> None:
    def made(days: int, *groups: str) -> bytes:
        now = cluster.born + timedelta(days=days)
        return operator_kubeconfig(cluster.folder, DESC, operator("alice", groups), now)

    first = made(0, "dev")
    assert made(334, "dev") == first
    assert made(336, "dev") != first
    assert made(336, "ops") != made(336, "dev")


def test_a_kubeconfig_in_a_file_is_its_owners_alone_and_replaces_nothing_but_itself(
    cluster: Cluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "admin.conf"
    for _ in range(2):
        assert cluster.kboot("kubeconfig", "-o", str(path)) == 0
        said = f"wrote {path} - next: `kubectl --kubeconfig {path} get nodes`\n"
        assert capsys.readouterr() == ("", said)
    assert path.stat().st_mode & 0o777 == 0o600
    path.write_text("apiVersion: v1\nkind: Config\n")
    assert cluster.kboot("kubeconfig", "-o", str(path)) == 2
    assert capsys.readouterr().err == (
        f"error: {path}: exists, and is not what `kboot kubeconfig` wrote for ail\n"
        "  hint: name another file with `-o`; kubectl reads several, `KUBECONFIG=~/.kube/config:FILE`\n"
    )
    assert path.read_text() == "apiVersion: v1\nkind: Config\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--group", "dev"), "`--group` needs a user"),
        (("--name", "system:admin"), "names and groups with `system:` in front are those of Kubernetes' own parts"),
        (("--name", "alice", "--group", "system:masters"), "names and groups with `system:` in front"),
        (("--name", "kubernetes-admin"), "`kubernetes-admin` is the administrator's name"),
        (("--name", "../cluster-ca"), "`../cluster-ca` is not a name"),
        (("--name", "n" * 65), f"`{'n' * 65}` is not a name"),
        (("--name", "alice", "--group", ""), "`` is not a group"),
        (("--server", "http://10.10.14.201"), "`http://10.10.14.201` is not the URL of an API server"),
        (("-o", "/proc/none/admin.conf"), "/proc/none/admin.conf: cannot be written: No such file or directory"),
    ],
)
def test_a_kubeconfig_that_could_do_no_good_is_refused(
    cluster: Cluster, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    assert cluster.kboot("kubeconfig", *arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"error: {said}")
    assert "\n  hint: " in err


def test_a_cluster_without_kubernetes_has_no_kubeconfig_and_certificates_all_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    desc = DESC.model_copy(update={"kubernetes": None})
    cluster = Cluster(tmp_path, desc)
    assert cluster.kboot("kubeconfig") == 2
    assert capsys.readouterr().err == (
        "error: cluster ail runs no Kubernetes\n  hint: its description has no `kubernetes`\n"
    )
    owners = {(each["owner"], each["name"]) for each in listed(cluster, capsys)}
    assert ("node1", "etcd-peer") in owners
    assert not {name for _, name in owners} & {"kubernetes-ca", "apiserver", "kubelet-client"}
