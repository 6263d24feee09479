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


@pytest.mark.parametrize(("words", "what"), [([], "no cluster"), (["--cluster", "rack"], "no cluster `rack`")])
def test_where_there_is_no_cluster_a_lab_command_says_what_makes_a_lab(
    tmp_path: Path, words: list[str], what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["lab", "ps", *words, "--root", str(tmp_path)]) == 2
    hint = "`kboot lab up` makes a lab; another root is named with `--root`"
    assert capsys.readouterr().err == f"error: {tmp_path}: holds {what}\n  hint: {hint}\n"


def test_where_there_are_several_clusters_a_lab_command_asks_which(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / "other").mkdir()
    (root / "other" / "cluster.yaml").write_text("apiVersion: kboot/v1\n")
    assert run(["lab", "ps", "--root", str(root)]) == 2
    hint = "say which: `--cluster other`, `--cluster rack`"
    assert capsys.readouterr().err == f"error: {root}: holds several clusters\n  hint: {hint}\n"
