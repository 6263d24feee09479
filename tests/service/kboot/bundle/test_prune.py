"""`kboot bundle prune`: what loaded bundles left and nobody needs goes, by its command."""

from __future__ import annotations

from pathlib import Path

import pytest

from kboot.cli.main import run
from kboot.host.lock import locked
from kboot.host.stamp import held
from kboot.supplies.bundle_manifest import Kind
from kboot.supplies.store import SupplyStore
from kboot_clusterdesc import ClusterFolder, dump, load
from support.bundle_site import BundleSite, bundle_site, write_images


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BundleSite:
    """A root into which two bundles were loaded; the second has another Kubernetes."""
    monkeypatch.setenv("KBOOT_CACHE", str(tmp_path / "cache"))
    site = bundle_site(tmp_path)
    for name in ("old", "new"):
        if name == "new":
            (site.folder / "assets" / "cni" / "bridge").write_bytes((site.folder / "assets/cni/loopback").read_bytes())
            write_images(site.folder / "images", [])
        assert run(site.create(tmp_path / name)) == 0
        assert run(site.load(tmp_path / name)) == 0
    return site


def names(site: BundleSite) -> list[str]:
    return [name for name, _ in SupplyStore(site.root).oldest_first()]


def prune(site: BundleSite, *options: str) -> int:
    return run(["bundle", "prune", "--root", str(site.root), *options])


def test_the_older_bundle_goes_with_its_contents_and_what_is_said_before_is_what_goes(
    site: BundleSite, capsys: pytest.CaptureFixture[str]
) -> None:
    store, (old, new) = SupplyStore(site.root), names(site)
    (store.incoming).mkdir()
    (store.incoming / "left").write_bytes(b"x" * 2_000_000)
    before = store.sizes()
    capsys.readouterr()
    assert prune(site, "--dry-run") == 0
    said = capsys.readouterr()
    assert said.out == f"{old}\n"
    assert said.err == "1 would be removed with 1 contents, 2.0 MB would be freed; 1 stay\n"
    assert (store.sizes(), names(site)) == (before, [old, new])
    assert prune(site) == 0
    said = capsys.readouterr()
    assert (said.out, said.err) == (f"{old}\n", "1 removed with 1 contents, 2.0 MB freed; 1 stay\n")
    assert names(site) == [new]
    assert store.missing(store.bundles()[new]) == []
    assert len(store.sizes()) == len(before) - 1
    assert not store.incoming.exists()
    assert prune(site) == 0
    assert capsys.readouterr().err == "0 removed with 0 contents, 0.0 MB freed; 1 stay\n"
    assert run(site.load(site.folder / "new")) == 0
    assert store.items(Kind.NODE_IMAGE)


def test_what_a_cluster_here_needs_cannot_be_given_up(site: BundleSite, capsys: pytest.CaptureFixture[str]) -> None:
    old, new = names(site)
    assert prune(site, "nonsense") == 2
    assert f"holds no bundle `nonsense`\n  hint: those that were loaded: {old}, {new}" in capsys.readouterr().err
    folder = ClusterFolder(site.root, "ail")
    folder.description.parent.mkdir(parents=True)
    folder.description.write_bytes(dump(load(site.description)))
    assert prune(site, old, new) == 2
    assert f"{new}: holds what a cluster under {site.root} needs" in capsys.readouterr().err
    assert names(site) == [old, new]
    folder.description.unlink()
    assert prune(site, old, new) == 0
    assert (names(site), SupplyStore(site.root).sizes()) == ([], {})


def test_nothing_goes_while_something_is_loaded_or_a_cluster_is_brought_up(
    site: BundleSite, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = ClusterFolder(site.root, "ail")
    folder.description.parent.mkdir(parents=True)
    folder.description.write_bytes(dump(load(site.description)))
    with locked(site.root / ".supplies.lock"):
        assert prune(site) == 1
    with held(folder):
        assert prune(site) == 1
        assert prune(site, "--dry-run") == 0
    assert "held by process" in capsys.readouterr().err
    assert len(names(site)) == 2
