"""`kboot diff` and `kboot up --dry-run`, as they are typed, and the question before machines are dropped."""

from __future__ import annotations

from pathlib import Path

import pytest

from kboot_clusterdesc import ClusterDesc, dump
from support.seeded import mac_of
from support.standing import StandingCluster


def _file(cluster: StandingCluster, desc: ClusterDesc) -> Path:
    """Another description of the cluster, beside it."""
    path = cluster.folder.root / "edited.yaml"
    path.write_bytes(dump(desc))
    return path


def _renamed(cluster: StandingCluster) -> Path:
    named = cluster.desc.cluster.model_copy(update={"domain": "other.example.com"})
    return _file(cluster, cluster.desc.model_copy(update={"cluster": named}))


def test_lines_that_change_are_shown_and_secrets_are_not(
    cluster: StandingCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    path = _renamed(cluster)
    assert cluster.kboot("diff", str(path), "--exit-code") == 3
    out = capsys.readouterr().out
    assert "\n  -" in out
    assert "other.example.com" in out
    secret = [line for line in out.splitlines() if line.endswith(" (secret: not shown)")]
    assert any(f"nodes/{mac_of(1).dashed}/" in line for line in secret)
    assert "PRIVATE KEY" not in out
    assert cluster.secret_words().isdisjoint(out.split())
    assert "outdated machine node2: it runs on with its config until `kboot upgrade` or" in out
    assert cluster.kboot("up", str(path), "--dry-run") == 0
    again = capsys.readouterr().out
    # A key that is missing is made anew at each look, and with it the digest of what a service reads.
    assert [line for line in again.splitlines() if "kboot.inputs" not in line] == [
        line for line in out.splitlines() if "kboot.inputs" not in line
    ]
    assert "other.example.com" not in cluster.folder.description.read_text()


def test_files_alone_are_named_where_that_is_wanted(
    cluster: StandingCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    path = _renamed(cluster)
    assert cluster.kboot("diff", str(path), "--names") == 0
    out = capsys.readouterr().out
    assert "changed  config/clusterdesc.yaml\n" in out
    assert "\n  " not in out


def test_installed_machines_are_dropped_after_a_question_alone(
    cluster: StandingCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    text = cluster.folder.description.read_text()
    left = tuple(node for node in cluster.desc.nodes if node.name != "node3")
    path = _file(cluster, cluster.desc.model_copy(update={"nodes": left}))
    assert cluster.kboot("diff", str(path), "--names") == 0
    assert "dropped  machine node3: nobody can manage it any more" in capsys.readouterr().out
    assert cluster.kboot("up", str(path)) == 2
    assert capsys.readouterr().err == (
        "these machines are declared no longer, and nobody can manage them any more: node3\n"
        "error: there is no terminal to ask on, and nothing was changed\n  hint: say `--yes` to go on unasked\n"
    )
    assert cluster.folder.description.read_text() == text
