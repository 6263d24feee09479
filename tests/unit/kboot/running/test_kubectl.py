"""Which kubectl is run, and how it finds its way; what it says to a real API server is not looked at here."""

from __future__ import annotations

from datetime import UTC, datetime
from ipaddress import IPv4Address
from pathlib import Path

import pytest
import yaml

from kboot.errors import BadInput, ExitCode, KbootError, NotYet
from kboot.host.state_folder import make_data_folders
from kboot.pki.store.cluster_secrets import load_or_create
from kboot.running.kubectl import ApiServer, Kubectl, access, kubectl_program
from kboot.supplies.assets import add_assets
from kboot_clusterdesc import ClusterDesc, ClusterFolder, load_text
from support.fleets import Fleet
from support.programs import arm_program, program

_VERSION = "v1.36.2"


@pytest.fixture
def cluster(tmp_path: Path) -> tuple[ClusterFolder, ClusterDesc]:
    desc = Fleet().desc
    folder = ClusterFolder(tmp_path / "root", desc.cluster.name)
    make_data_folders(folder)
    return folder, desc


def brought(folder: ClusterFolder, tmp_path: Path, content: bytes, arch: str = "amd64") -> None:
    (tmp_path / "kubectl").write_bytes(content)
    add_assets(folder, {"kubectl": tmp_path / "kubectl"}, _VERSION, arch=arch)


def kubectl(path: Path, home: Path) -> Kubectl:
    return Kubectl(path, home, (), lambda: [ApiServer("c1", IPv4Address("10.0.0.1"))])


def test_it_is_the_one_that_nodes_fetch(cluster: tuple[ClusterFolder, ClusterDesc], tmp_path: Path) -> None:
    folder, desc = cluster
    said = f"Client Version: {_VERSION}\n"
    brought(folder, tmp_path, program(said))
    path = kubectl_program(folder, desc)
    assert path == folder.assets / "kubernetes" / _VERSION / "kubectl"
    assert kubectl(path, tmp_path).run("version") == said


def test_a_missing_or_changed_one_is_not_run(cluster: tuple[ClusterFolder, ClusterDesc], tmp_path: Path) -> None:
    folder, desc = cluster
    with pytest.raises(NotYet, match="is not here, or not what SHA256SUMS says"):
        kubectl_program(folder, desc)
    brought(folder, tmp_path, program(f"Client Version: {_VERSION}\n"))
    (folder.assets / "kubernetes" / _VERSION / "kubectl").write_bytes(program("Client Version: v6.6.6\n"))
    with pytest.raises(NotYet, match="is not here, or not what SHA256SUMS says"):
        kubectl_program(folder, desc)


def test_one_of_another_architecture_is_told_apart(cluster: tuple[ClusterFolder, ClusterDesc], tmp_path: Path) -> None:
    folder, desc = cluster
    brought(folder, tmp_path, arm_program(_VERSION), "arm64")
    tool = kubectl(kubectl_program(folder, desc), tmp_path)
    for act in (lambda: tool.run("version"), lambda: tool.follow("version", say=print)):
        with pytest.raises(NotYet, match="cannot be run on this machine: Exec format error") as stopped:
            act()
        assert stopped.value.exit_code is ExitCode.NOT_YET


def test_a_cluster_without_kubernetes_has_none(tmp_path: Path) -> None:
    desc = load_text(Fleet(kubernetes=False).text, "fleet.yaml")
    with pytest.raises(BadInput, match="cluster ail runs no Kubernetes"):
        kubectl_program(ClusterFolder(tmp_path, "ail"), desc)


def test_the_kubeconfig_is_for_us_alone_and_goes_again(cluster: tuple[ClusterFolder, ClusterDesc]) -> None:
    folder, desc = cluster
    load_or_create(folder, desc, datetime.now(UTC))
    with access(folder, desc, datetime.now(UTC)) as (home, options):
        file = home / "kubeconfig"
        assert options == (f"--kubeconfig={file}", "--tls-server-name=kubernetes")
        assert (home.stat().st_mode & 0o777, file.stat().st_mode & 0o777) == (0o700, 0o600)
        assert yaml.safe_load(file.read_text())["users"][0]["name"] == "kubernetes-admin"
    assert not home.exists()


def test_what_kubectl_says_of_a_failure_is_passed_on(tmp_path: Path) -> None:
    script = tmp_path / "kubectl"
    script.write_text('#!/bin/sh\necho warning >&2\necho "error: no such node" >&2\nexit 1\n')
    script.chmod(0o755)
    with pytest.raises(KbootError, match=r"^kubectl get node n1: error: no such node$"):
        kubectl(script, tmp_path).json("get", "node", "n1")


def test_no_proxy_and_no_other_kubeconfig_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://192.0.2.1:3128")
    monkeypatch.setenv("KUBECONFIG", "/root/other")
    script = tmp_path / "kubectl"
    script.write_text("#!/bin/sh\nexec env\n")
    script.chmod(0o755)
    lines = kubectl(script, tmp_path).run("version").splitlines()
    assert {line.partition("=")[0] for line in lines} - {"PWD", "_", "SHLVL"} == {"HOME", "PATH", "LC_ALL"}
    assert f"HOME={tmp_path}" in lines
