"""`kboot kubeconfig`, whole commands: exit code, stdout, stderr, and the certificate inside."""

from __future__ import annotations

from base64 import b64decode
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from kboot.pki.certificate import read_certificate
from kboot.pki.store.operators import ADMIN, operator, operator_kubeconfig
from support.certificates import refusal

from .conftest import DESC, Cluster, listed


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
        "  hint: name another file with `-o`; kubectl reads several, `KUBECONFIG=~/.kube/config:OTHER`\n"
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


def test_a_kubeconfig_is_merged_into_the_one_that_kubectl_reads(
    cluster: Cluster, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "config"
    config.write_text("kind: Config\ncurrent-context: work\nusers: [{name: work, user: {token: t}}]\n")
    monkeypatch.setenv("KUBECONFIG", str(config))
    next_ = "next: `kubectl --context kubernetes-admin@ail get nodes`\n"
    for said in ("is", "was already"):
        assert cluster.kboot("kubeconfig", "--merge") == 0
        assert capsys.readouterr() == ("", f"context kubernetes-admin@ail {said} in {config} - {next_}")
    found = yaml.safe_load(config.read_text())
    assert [user["name"] for user in found["users"]] == ["work", "kubernetes-admin@ail"]
    assert found["current-context"] == "work"


def test_a_merge_says_where_the_comments_are(
    cluster: Cluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "config"
    config.write_text("# mine\nkind: Config\n")
    assert cluster.kboot("kubeconfig", "--merge", "-o", str(config), "--context", "rack") == 0
    (kept,) = tmp_path.glob("config.before-kboot-*")
    assert capsys.readouterr().err == (
        f"note: the comments of {config} are not kept; as it was it is {kept}\n"
        f"context rack is in {config} - next: `kubectl --context rack get nodes`\n"
    )


def test_a_context_is_named_in_a_merge_alone(cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    assert cluster.kboot("kubeconfig", "--context", "rack") == 2
    assert "say `--merge` too" in capsys.readouterr().err
