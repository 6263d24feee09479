"""The lab keeps its hands off real clusters."""

from __future__ import annotations

from pathlib import Path

import pytest

from kboot.cli.main import run

_REAL = "name: kboot-rack\nservices: {dnsmasq: {network_mode: host}}\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with one real cluster."""
    (tmp_path / "rack").mkdir()
    (tmp_path / "rack" / "cluster.yaml").write_text("apiVersion: kboot/v1\n")
    (tmp_path / "rack" / "compose.yaml").write_text(_REAL)
    return tmp_path


def test_lab_down_refuses_a_real_cluster(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["lab", "down", "--root", str(root)]) == 2
    assert "is a real cluster" in capsys.readouterr().err
    assert (root / "rack" / "compose.yaml").exists()


@pytest.mark.parametrize("name", ["", "..", ".", "a/b"])
def test_lab_down_takes_no_path_for_a_name(root: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["lab", "down", "--root", str(root / "rack"), "--cluster", name]) == 2
    assert "is not the name of a cluster" in capsys.readouterr().err
    assert (root / "rack" / "compose.yaml").exists()
