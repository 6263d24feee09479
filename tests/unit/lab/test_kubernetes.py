"""Which folder of Kubernetes' binaries the lab takes."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from kboot.errors import BadInput
from kboot_lab.kubernetes import BINARIES, built_folder, kubernetes_folder, version_in
from support.places import ROOT

_RECIPE = ROOT / "lab" / "kubernetes"


@pytest.fixture(autouse=True)
def unnamed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KBOOT_LAB_KUBERNETES", raising=False)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    recipe = tmp_path / "checkout" / "lab" / "kubernetes"
    (recipe / "pause").mkdir(parents=True)
    (recipe / "go.mod").write_text("module lab\n")
    (recipe / "pause" / "main.go").write_text("package main\n")
    return tmp_path / "checkout"


def fill(folder: Path, *, without: str = "") -> Path:
    folder.mkdir(parents=True)
    for name in BINARIES:
        (folder / name).touch()
    (folder / "versions").write_text("kubernetes v1.36.2\netcd v3.6.8\ncoredns v1.14.2\n")
    if without:
        (folder / without).unlink()
    return folder


def test_without_a_build_there_is_no_folder(tmp_path: Path, checkout: Path) -> None:
    assert kubernetes_folder(tmp_path / "cache", checkout) is None


def test_what_was_built_from_this_checkout_is_taken(tmp_path: Path, checkout: Path) -> None:
    built = fill(built_folder(tmp_path / "cache", checkout))
    assert kubernetes_folder(tmp_path / "cache", checkout) == built


@pytest.mark.parametrize("lacking", ["kubelet", "coredns", "versions"])
def test_a_build_that_lacks_a_file_is_not_taken(tmp_path: Path, checkout: Path, lacking: str) -> None:
    fill(built_folder(tmp_path / "cache", checkout), without=lacking)
    assert kubernetes_folder(tmp_path / "cache", checkout) is None


def test_an_edit_anywhere_in_the_recipe_asks_for_a_new_build(tmp_path: Path, checkout: Path) -> None:
    fill(built_folder(tmp_path / "cache", checkout))
    (checkout / "lab" / "kubernetes" / "pause" / "main.go").write_text("package main // changed\n")
    assert kubernetes_folder(tmp_path / "cache", checkout) is None


def test_a_renamed_file_asks_for_a_new_build(tmp_path: Path, checkout: Path) -> None:
    before = built_folder(tmp_path, checkout)
    recipe = checkout / "lab" / "kubernetes"
    (recipe / "pause").rename(recipe / "paused")
    assert built_folder(tmp_path, checkout) != before


def test_a_copy_of_the_checkout_finds_the_same_build(tmp_path: Path, checkout: Path) -> None:
    before = built_folder(tmp_path, checkout)
    moved = checkout.rename(tmp_path / "moved")
    assert built_folder(tmp_path, moved) == before


def test_a_named_folder_goes_before_what_was_built(
    tmp_path: Path, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(built_folder(tmp_path / "cache", checkout))
    named = fill(tmp_path / "named")
    monkeypatch.setenv("KBOOT_LAB_KUBERNETES", str(named))
    assert kubernetes_folder(tmp_path / "cache", checkout) == named


def test_a_named_folder_that_lacks_a_binary_is_refused_by_the_name_of_the_binary(
    tmp_path: Path, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = fill(tmp_path / "named", without="kube-scheduler")
    monkeypatch.setenv("KBOOT_LAB_KUBERNETES", str(named))
    with pytest.raises(BadInput) as refused:
        kubernetes_folder(tmp_path / "cache", checkout)
    assert refused.value.message == f"{named}: lacks kube-scheduler"


def test_a_folder_says_its_versions(tmp_path: Path) -> None:
    folder = fill(tmp_path / "built")
    assert [version_in(folder, name) for name in ("kubernetes", "etcd", "coredns")] == ["v1.36.2", "v3.6.8", "v1.14.2"]


def test_what_the_lab_asks_for_is_what_the_recipe_builds(tmp_path: Path) -> None:
    """With a Go that answers each call at once, as the recipe is run by `make kubernetes`."""
    go = tmp_path / "bin" / "go"
    go.parent.mkdir()
    go.write_text(
        "#!/bin/sh\n"
        'case "$1" in\n'
        "  env) echo go1.26.8 ;;\n"
        "  list) echo v1.36.2 ;;\n"
        '  build) while [ "$1" != -o ]; do shift; done; echo binary >"$2" ;;\n'
        "esac\n"
    )
    go.chmod(0o755)
    out = run_recipe(tmp_path, go.parent)
    assert sorted(path.name for path in out.iterdir()) == sorted([*BINARIES, "versions", "SHA256SUMS"])
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], cwd=out, check=True)


def test_a_build_that_fails_half_way_leaves_no_folder(tmp_path: Path) -> None:
    go = tmp_path / "bin" / "go"
    go.parent.mkdir()
    go.write_text('#!/bin/sh\ncase "$1" in env) echo go1.26.8 ;; list) echo v1.36.2 ;; *) exit 1 ;; esac\n')
    go.chmod(0o755)
    with pytest.raises(subprocess.CalledProcessError):
        run_recipe(tmp_path, go.parent)
    assert not (tmp_path / "out").exists()


def test_a_go_that_is_too_old_is_refused_with_the_version_to_install(tmp_path: Path) -> None:
    go = tmp_path / "bin" / "go"
    go.parent.mkdir()
    go.write_text("#!/bin/sh\necho go1.25.9\n")
    go.chmod(0o755)
    with pytest.raises(subprocess.CalledProcessError) as refused:
        run_recipe(tmp_path, go.parent)
    assert "go1.25.9 is too old: install Go 1.26 or newer" in refused.value.stderr


def run_recipe(tmp_path: Path, go: Path) -> Path:
    out = tmp_path / "out"
    environment = {**os.environ, "PATH": f"{go}:{os.environ['PATH']}"}
    command = ["bash", str(_RECIPE / "build.sh"), str(out)]
    subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return out
