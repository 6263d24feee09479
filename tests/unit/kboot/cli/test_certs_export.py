"""`kboot certs export`, whole commands: exit code, stdout, stderr, and the files."""

from __future__ import annotations

from pathlib import Path

import pytest

from kboot.pki import key_specs

from .conftest import DESC, NODE1, Cluster


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
