"""`kboot support-bundle` of a cluster that stands, and every secret of it looked for in what it wrote."""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest

from kboot.support.archive import secret_contents
from kboot_clusterdesc import load_text
from support.kubernetes_api import own_loopback
from support.standing import StandingCluster


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandingCluster]:
    """With Kubernetes, machines that may join, and no engine."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no-engine")
    network = own_loopback()
    text = (
        "apiVersion: kboot/v1\ncluster: {name: unit, domain: unit.example.com}\n"
        f"network: {{bootstrapper: {network}.1, subnet: {network}.0/24, dhcp: {{mode: 'off'}},\n"
        "  proxy: {http: 'http://proxy.example.com:3128'}}\n"
        "kubernetes: {version: v1.36.2}\nnodes:\n"
        f'  - {{mac: "02:00:00:00:00:01", name: node1, ip: {network}.11, roles: [worker]}}\n'
        f'  - {{mac: "02:00:00:00:00:02", name: node2, ip: {network}.12, roles: [control-plane, etcd]}}\n'
    )
    made = StandingCluster(tmp_path / "root", load_text(text, "unit.yaml"))
    made.start()
    made.install("node1")
    yield made
    made.stop()


def _written(cluster: StandingCluster, path: Path) -> subprocess.CompletedProcess[str]:
    """The command as a process of its own: Docker's client leaves a socket open where there is no engine."""
    words = ["support-bundle", "-o", str(path), "--root", str(cluster.folder.root)]
    return subprocess.run([sys.executable, "-m", "kboot.cli.main", *words], capture_output=True, text=True, check=True)


def _archive(path: Path) -> dict[str, bytes]:
    assert path.stat().st_mode & 0o777 == 0o600
    with tarfile.open(path) as archive:
        found = {}
        for entry in archive:
            stream = archive.extractfile(entry)
            assert stream is not None
            found[entry.name.partition("/")[2]] = stream.read()
    return found


def _secrets(cluster: StandingCluster) -> set[bytes]:
    """Each line of each secret of the cluster, but the ones around a key."""
    lines = {line.strip() for content in secret_contents(cluster.folder) for line in content.splitlines()}
    return {line for line in lines if not line.startswith(b"-----") and len(line) >= 8}


def test_it_has_what_who_helps_needs(cluster: StandingCluster, tmp_path: Path) -> None:
    done = _written(cluster, tmp_path / "unit.tar.gz")
    found = _archive(tmp_path / "unit.tar.gz")
    assert {"versions.json", "doctor.txt", "disk.json", "cluster.yaml", "config/dnsmasq.conf"} <= set(found)
    assert "kboot" in json.loads(found["versions.json"])
    assert [node["phase"] for node in json.loads(found["nodes.json"])["nodes"]] == ["running", "waiting"]
    assert "installed" in {event["kind"] for event in json.loads(found["events.json"])}
    assert json.loads(found["nodes/node1.json"])["name"] == "node1"
    assert found["config/dnsmasq.conf"] == (cluster.folder.config / "dnsmasq.conf").read_bytes()
    assert done.stdout == f"{tmp_path / 'unit.tar.gz'}\n"
    assert "keys, tokens and passwords are left out" in done.stderr


def test_no_secret_is_in_it_also_not_where_it_was_logged(cluster: StandingCluster, tmp_path: Path) -> None:
    secrets = _secrets(cluster)
    for name in (
        "operator-token",
        "registry-push-password",
        "registry-http-secret",
        "encryption-key",
        "cluster-ca.key",
    ):
        content = (cluster.folder.pki / name).read_bytes()
        assert secrets & {line.strip() for line in content.splitlines()}, name
    assert any((cluster.folder.pki / "report-tokens").iterdir())
    console = cluster.folder.lab / "machines" / "node1" / "console.log"
    console.parent.mkdir(parents=True)
    planted = [b"said %s and %s" % (secret, b64encode(secret)) for secret in sorted(secrets)]
    console.write_bytes(b"\n".join([*planted, b"last line\n"]))
    (cluster.folder.config / "registry.yml").write_bytes(
        b"secret: " + (cluster.folder.pki / "registry-http-secret").read_bytes()
    )
    said = [secret.decode() for secret in sorted(secrets) if len(secret) <= 100]
    cluster.tell_units("node1", ("etcd.service", [*(f"said {each} again" for each in said[:5]), "last line"]))
    _written(cluster, tmp_path / "unit.tar.gz")
    found = _archive(tmp_path / "unit.tar.gz")
    (unit,) = json.loads(found["nodes/node1.json"])["failed_units"]
    assert unit == {"name": "etcd.service", "lines": [*["said <secret> again"] * 5, "last line"]}
    assert found["consoles/node1.log"].endswith(b"last line\n")
    assert found["consoles/node1.log"].count(b"<secret>") >= len(secrets)
    for name, content in found.items():
        for secret in secrets:
            assert secret not in content, name
            assert b64encode(secret).rstrip(b"=") not in content, name
        assert b"PRIVATE KEY" not in content, name


def test_what_cannot_be_had_is_told_and_costs_nothing_else(cluster: StandingCluster, tmp_path: Path) -> None:
    cluster.stop()
    done = _written(cluster, tmp_path / "unit.tar.gz")
    found = _archive(tmp_path / "unit.tar.gz")
    assert b"does not answer" in found["nodes.json"]
    assert found["cluster.yaml"] == cluster.folder.description.read_bytes()
    assert "could not be had, the archive says why: " in done.stderr
