"""`kboot bundle`, from what lies in files to what lies in the store, by its commands."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from kboot.bundle import layout
from kboot.bundle.signature import private_key, sign
from kboot.cli.main import run
from kboot.errors import ExitCode
from kboot.supplies.bundle_manifest import Kind
from kboot.supplies.image_archive import read_archive
from kboot.supplies.store import SupplyStore
from service.updater.signing import SigningKey
from support.bundle_site import RELEASE, BundleSite, bundle_site
from support.image_archives import docker_archive

_PAUSE = "registry.k8s.io/pause:3.10.2"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BundleSite:
    monkeypatch.setenv("KBOOT_CACHE", str(tmp_path / "cache"))
    return bundle_site(tmp_path)


@pytest.fixture
def bundle(site: BundleSite) -> Path:
    path = site.folder / "ail.kboot"
    assert run(site.create(path)) == 0
    return path


def _tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_bundle_is_made_and_loaded(site: BundleSite, bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert run(site.load(bundle)) == 0
    said = capsys.readouterr()
    store = SupplyStore(site.root)
    name, manifest = next(iter(store.bundles().items()))
    assert re.fullmatch(rf"loaded {name}: {len(manifest.items)} items, 0\.\d MB new\n", said.out)
    reading, warning, following = said.err.splitlines()
    assert (reading, following) == (f"reading {bundle}", "next: `kboot up FILE` with the description of ail")
    assert warning.startswith(f"warning: {bundle} IS NOT SIGNED: whoever could write to it chose what runs here")
    assert f" {manifest.digest}, with what its maker tells you" in warning
    paths = [item.path for item in store.items(Kind.BINARY)]
    assert {"kubernetes/v1.36.2/kubelet", "cni/bridge"} <= set(paths)
    os_files = {item.path: item for item in store.items(Kind.OS_FILE)}
    version = os_files[f"flatcar/stable/amd64-usr/{RELEASE}/version.txt"]
    assert store.blob(version.digest).read_bytes() == (site.release / "version.txt").read_bytes()
    assert len(os_files) == 8
    assert store.blob(store.node_images()[_PAUSE]).is_file()
    assert store.items(Kind.DOCUMENT)


def test_a_second_load_brings_nothing(site: BundleSite, bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(site.load(bundle))
    before = {path: path.stat().st_mtime_ns for path in SupplyStore(site.root).path.rglob("blobs/*/*")}
    capsys.readouterr()
    assert run(site.load(bundle)) == 0
    assert capsys.readouterr().out.endswith(" items, all was here already\n")
    assert before == {path: path.stat().st_mtime_ns for path in SupplyStore(site.root).path.rglob("blobs/*/*")}


def test_a_second_load_mends_what_the_disk_has_spoilt(
    site: BundleSite, bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(site.load(bundle))
    store = SupplyStore(site.root)
    before = _tree(store.path)
    kubelet = next(item for item in store.items(Kind.BINARY) if item.name == "kubelet")
    store.blob(kubelet.digest).write_bytes(bytes(kubelet.size))
    capsys.readouterr()
    assert run(site.load(bundle)) == 0
    assert " items, 0.0 MB new\n" in capsys.readouterr().out
    assert _tree(store.path) == before


def test_the_same_is_made_of_the_same_with_a_cache_and_without(site: BundleSite, bundle: Path, tmp_path: Path) -> None:
    first = bundle.read_bytes()
    assert run(site.create(bundle)) == 0
    assert bundle.read_bytes() == first
    shutil.rmtree(tmp_path / "cache")
    assert run(site.create(tmp_path / "other")) == 0
    assert (tmp_path / "other").read_bytes() == first


def test_an_index_that_skopeo_reads_names_the_images(site: BundleSite, bundle: Path) -> None:
    run(site.load(bundle))
    index = json.loads((SupplyStore(site.root).path / "index.json").read_text())
    names = [entry["annotations"]["org.opencontainers.image.ref.name"] for entry in index["manifests"]]
    assert _PAUSE in names
    assert len(names) == len(list(site.folder.glob("images/*.tar")))


def test_inspect_says_what_is_in_it(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert run(["bundle", "inspect", str(bundle), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["created_for"], found["arch"], found["signed_by"], found["since"]) == (["ail"], ["amd64"], None, None)
    kubelet = next(entry for entry in found["entries"] if entry["name"] == "kubelet")
    assert kubelet == {
        "name": "kubelet",
        "kind": "binary",
        "version": "v1.36.2",
        "arch": "amd64",
        "bytes": kubelet["bytes"],
        "sha256": kubelet["sha256"],
        "source": "given",
        "licence": "Apache-2.0",
        "path": "kubernetes/v1.36.2/kubelet",
    }
    assert run(["bundle", "inspect", str(bundle)]) == 0
    said = capsys.readouterr()
    assert said.out.splitlines()[0].split() == ["KIND", "NAME", "VERSION", "ARCH", "BYTES"]
    assert "for ail: " in said.err


def test_verify_reads_it_to_its_end(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert run(["bundle", "verify", str(bundle)]) == 0
    assert " items are whole" in capsys.readouterr().out
    with bundle.open("r+b") as stream:
        stream.seek(-2000, os.SEEK_END)
        stream.write(b"x")
    assert run(["bundle", "verify", str(bundle)]) == 2
    assert "error: " in capsys.readouterr().err


def test_a_part_more_is_all_that_a_bundle_since_another_holds(
    site: BundleSite, bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site.come_to("4152.2.4")
    newer, delta = tmp_path / "newer", tmp_path / "delta"
    assert run(site.create(newer)) == 0
    assert run(site.create(delta, "--since", str(bundle))) == 0
    capsys.readouterr()
    run(["bundle", "inspect", str(delta), "--json"])
    found = json.loads(capsys.readouterr().out)
    assert found["bytes"] == (site.release / "version.txt").stat().st_size
    run(["bundle", "diff", str(bundle), str(newer), "--json"])
    changed = [entry for entry in json.loads(capsys.readouterr().out) if entry["new_bytes"]]
    assert [(entry["change"], entry["name"], entry["before"], entry["version"]) for entry in changed] == [
        ("changed", "version.txt", RELEASE, "4152.2.4")
    ]
    assert run(site.load(delta)) == 2
    assert "which is not here\n  hint: load the bundle first whose manifest is sha256:" in capsys.readouterr().err
    assert SupplyStore(site.root).bundles() == {}
    assert [run(site.load(path)) for path in (bundle, delta)] == [0, 0]
    by_delta = _tree(SupplyStore(site.root).path / "blobs")
    shutil.rmtree(SupplyStore(site.root).path)
    assert [run(site.load(path)) for path in (bundle, newer)] == [0, 0]
    assert _tree(SupplyStore(site.root).path / "blobs") == by_delta


def test_parts_are_loaded_by_the_first_and_a_missing_one_is_named(
    site: BundleSite, tmp_path: Path, bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (site.release / "flatcar_production_image.bin.bz2").write_bytes(os.urandom(3_000_000))
    assert run(site.create(tmp_path / "parts", "--split", "1M")) == 0
    first = tmp_path / "parts.001"
    assert capsys.readouterr().out.endswith(f"{first}\n")
    assert {path.stat().st_size for path in sorted(tmp_path.glob("parts.*"))[:-1]} == {1 << 20}
    assert run(["bundle", "verify", str(first)]) == 0
    third = tmp_path / "parts.003"
    third.rename(tmp_path / "away")
    assert run(site.load(first)) == 2
    assert f"{third} is missing" in capsys.readouterr().err
    assert not SupplyStore(site.root).path.exists()
    (tmp_path / "away").rename(third)
    assert run(site.load(first)) == 0


def test_a_signature_is_demanded_where_a_key_is_named(
    site: BundleSite, tmp_path: Path, bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("ours", "other"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / name], check=True)
    trusted = ["--trusted-key", str(tmp_path / "ours.pub")]
    assert run(site.load(bundle, *trusted)) == 2
    assert "is not signed, and a signature by" in capsys.readouterr().err
    assert run(site.create(tmp_path / "foreign", "--sign", str(tmp_path / "other"))) == 0
    assert run(site.load(tmp_path / "foreign", *trusted)) == 2
    assert "which is none of" in capsys.readouterr().err
    assert not SupplyStore(site.root).path.exists()
    assert run(site.create(tmp_path / "signed", "--sign", str(tmp_path / "ours"))) == 0
    capsys.readouterr()
    assert run(["bundle", "verify", str(tmp_path / "signed")]) == 0
    assert f"warning: {tmp_path}/signed is signed by " in capsys.readouterr().err
    assert run(["bundle", "verify", str(tmp_path / "signed"), *trusted]) == 0
    assert run(site.load(tmp_path / "signed", *trusted)) == 0
    assert "warning" not in capsys.readouterr().err
    assert run(site.load(tmp_path / "signed", *trusted)) == 0
    assert f"signed by {tmp_path / 'ours.pub'}" in capsys.readouterr().out


def test_a_signature_that_does_not_hold_is_refused_by_every_command(
    site: BundleSite, tmp_path: Path, bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "ours"], check=True)
    signed = tmp_path / "signed"
    assert run(site.create(signed, "--sign", str(tmp_path / "ours"))) == 0
    capsys.readouterr()
    assert run(["bundle", "inspect", str(signed)]) == 0
    assert "; signed by the key " in capsys.readouterr().err
    whole = signed.read_bytes()
    place = whole.index(b"\0ed25519 ") + 1
    line = whole[place : place + layout.SIGNATURE_SIZE]
    forged = sign(b"another manifest", private_key(tmp_path / "ours"))
    assert (len(forged), forged != line) == (len(line), True)
    signed.write_bytes(whole.replace(line, forged))
    for command in (
        ["bundle", "inspect", str(signed), "--json"],
        ["bundle", "verify", str(signed)],
        ["bundle", "diff", str(bundle), str(signed)],
        ["bundle", "diff", str(signed), str(bundle)],
        site.create(tmp_path / "delta", "--since", str(signed)),
        site.load(signed),
    ):
        assert run(command) == 2
        said = capsys.readouterr()
        assert f"error: {signed}: manifest.sig: does not fit manifest.json\n" in said.err
        assert said.out == ""


def test_what_is_not_given_and_cannot_be_had_is_named_and_nothing_is_written(
    site: BundleSite, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (site.folder / "assets" / "cni" / "bridge").unlink()
    assert run(site.create(tmp_path / "a")) == 2
    assert "cni/bridge for amd64: is not among what `--assets` names" in capsys.readouterr().err
    assert not list(tmp_path.glob("*a")) + list(tmp_path.glob(".a*"))


def test_an_image_for_other_machines_is_refused_only_where_it_is_needed_and_alone(
    site: BundleSite, capsys: pytest.CaptureFixture[str]
) -> None:
    archives = site.folder / "images"
    docker_archive(archives / "tools.tar", "toolbox:2", arch="arm64")
    other = docker_archive(archives / "pause-arm64.tar", _PAUSE, arch="arm64")
    assert run(site.create(site.folder / "a.kboot")) == 0
    (ours,) = [path for path in archives.glob("[0-9]*") if read_archive(path).references() == [_PAUSE]]
    ours.unlink()
    capsys.readouterr()
    assert run(site.create(site.folder / "b.kboot")) == ExitCode.BAD_INPUT
    assert f"{other}: {_PAUSE}: is for arm64, the bundle is for amd64" in capsys.readouterr().err


def test_the_update_payload_of_the_release_goes_along_and_one_that_lacks_is_named(
    site: BundleSite, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    payload = "flatcar_production_update.gz"
    assert run(site.create(tmp_path / "a")) == 0
    assert f"{payload} of release {RELEASE} is not here: machines that are installed" in capsys.readouterr().err
    for name in (payload, f"{payload}.sha256"):
        (site.release / name).write_text("for the updater to verify")
    assert run(site.create(tmp_path / "b")) == 0
    assert payload not in capsys.readouterr().err
    assert run(["bundle", "inspect", str(tmp_path / "b")]) == 0
    assert re.search(rf"^os-file +{payload} +{RELEASE} ", capsys.readouterr().out, re.MULTILINE)


def test_the_operators_release_key_is_in_the_bundle_and_shown(
    site: BundleSite, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = SigningKey("site")
    (site.folder / "site.asc").write_bytes(key.public())
    key.close()
    described = site.description.read_text().replace("version: current}", "version: current, release_key: site.asc}")
    site.description.write_text(described)
    assert run(site.create(tmp_path / "a")) == 0
    assert run(["bundle", "inspect", str(tmp_path / "a")]) == 0
    said = capsys.readouterr()
    assert re.search(rf"^os-file +release-key-{key.fingerprint}\.asc +- +any +\d+$", said.out, re.MULTILINE)
    assert "release key" not in said.err


def test_a_folder_that_is_not_there_is_named(
    site: BundleSite, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(site.create(tmp_path / "none" / "a")) == 2
    assert capsys.readouterr().err.splitlines()[-2:] == [
        f"error: {tmp_path}/none: is no folder",
        "  hint: write the bundle into one that exists: `-o BUNDLE`",
    ]
