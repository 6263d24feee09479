"""Images taken out of archives, in every form that tools write them."""

from __future__ import annotations

import gzip
import json
import subprocess
from pathlib import Path

import pytest

from kboot.bundle.collect.collected import Collected
from kboot.bundle.collect.image_files import collect_archive, content_of
from kboot.bundle.collect.image_parts import blob_path, oci_parts
from kboot.bundle.collect.node_images import collect_node_images
from kboot.errors import BadInput
from kboot.supplies.bundle_manifest import Item
from support.bundles import digest_of
from support.image_archives import docker_archive, oci_archive, tar_of

_NAME = "registry.k8s.io/pause:3.10.2"


@pytest.fixture
def collected(tmp_path: Path) -> Collected:
    return Collected(tmp_path / "cache")


def _contents(collected: Collected, item: Item) -> list[bytes]:
    return [collected.path(blob).read_bytes() for blob in item.blobs]


def test_an_image_of_docker_save_gets_a_manifest_of_its_own(tmp_path: Path, collected: Collected) -> None:
    archive = docker_archive(tmp_path / "a.tar", _NAME, "other:1")
    items = collect_archive(archive, ("amd64",), collected).items
    assert [(item.name, item.arch, item.source) for item in items] == [
        (_NAME, "amd64", "given"),
        ("other:1", "amd64", "given"),
    ]
    manifest, config, layer = _contents(collected, items[0])
    found = json.loads(manifest)
    assert found["config"]["digest"] == digest_of(config)
    assert found["layers"] == [
        {"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest_of(layer), "size": len(layer)}
    ]
    assert json.loads(config)["rootfs"]["diff_ids"] == [digest_of(layer)]


def test_an_oci_archive_keeps_its_digest(tmp_path: Path, collected: Collected) -> None:
    digest = oci_archive(tmp_path / "a.tar", _NAME)
    (item,) = collect_archive(tmp_path / "a.tar", ("amd64",), collected).items
    assert (item.digest, item.arch, len(item.blobs)) == (digest, "amd64", 3)


def test_of_a_whole_list_all_is_taken_and_of_another_what_is_asked_for(tmp_path: Path, collected: Collected) -> None:
    digest = oci_archive(tmp_path / "whole.tar", _NAME, arches=("amd64", "arm64"))
    (whole,) = collect_archive(tmp_path / "whole.tar", ("amd64",), collected).items
    assert (whole.digest, whole.arch, len(whole.blobs)) == (digest, "any", 7)
    oci_archive(tmp_path / "part.tar", _NAME, arches=("amd64", "arm64"), left_out=("arm64",))
    (part,) = collect_archive(tmp_path / "part.tar", ("amd64",), collected).items
    assert (part.arch, len(part.blobs)) == ("amd64", 3)
    (both,) = collect_archive(tmp_path / "part.tar", ("amd64", "arm64"), collected).items
    assert both == part
    other = collect_archive(tmp_path / "part.tar", ("arm64",), collected).others[_NAME]
    assert other.message == f"{tmp_path}/part.tar: {_NAME}: is for amd64, the bundle is for arm64"


def test_an_image_of_which_a_part_is_not_in_the_archive_is_refused(tmp_path: Path, collected: Collected) -> None:
    oci_archive(tmp_path / "whole.tar", _NAME)
    (item,) = collect_archive(tmp_path / "whole.tar", ("amd64",), collected).items
    layer = item.blobs[-1].digest
    subprocess.run(
        ["tar", "--delete", "-f", tmp_path / "whole.tar", f"blobs/sha256/{layer.removeprefix('sha256:')}"], check=True
    )
    with pytest.raises(BadInput, match=rf"whole\.tar: the image lacks {layer}"):
        collect_archive(tmp_path / "whole.tar", ("amd64",), collected)


def test_a_compressed_archive_gives_the_same(tmp_path: Path, collected: Collected) -> None:
    archive = docker_archive(tmp_path / "a.tar", _NAME)
    (tmp_path / "a.tar.gz").write_bytes(gzip.compress(archive.read_bytes()))
    plain, packed = (collect_archive(tmp_path / name, ("amd64",), collected) for name in ("a.tar", "a.tar.gz"))
    assert plain == packed


def test_a_layer_that_is_a_link_to_one_written_before_is_that(tmp_path: Path, collected: Collected) -> None:
    """Engines before 25 write a layer once, and link to it."""
    folder = tmp_path / "image"
    config = json.dumps({"architecture": "amd64", "config": {}, "rootfs": {"diff_ids": []}}).encode()
    for name in ("1", "2"):
        (folder / name).mkdir(parents=True)
    (folder / "1" / "layer.tar").write_bytes(b"layer")
    (folder / "2" / "layer.tar").symlink_to("../1/layer.tar")
    (folder / "c.json").write_bytes(config)
    layers = ["1/layer.tar", "2/layer.tar"]
    entry = [{"Config": "c.json", "RepoTags": [_NAME], "Layers": layers}]
    (folder / "manifest.json").write_text(json.dumps(entry))
    subprocess.run(["tar", "-C", folder, "-cf", tmp_path / "a.tar", "."], check=True)
    (item,) = collect_archive(tmp_path / "a.tar", ("amd64",), collected).items
    assert _contents(collected, item)[1:] == [config, b"layer"]
    assert len(json.loads(_contents(collected, item)[0])["layers"]) == 2


def test_an_archive_is_taken_apart_once(tmp_path: Path, collected: Collected, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = docker_archive(tmp_path / "a.tar", _NAME)
    first = collect_archive(archive, ("amd64",), collected)
    blobs = {path: path.stat().st_mtime_ns for path in (tmp_path / "cache" / "blobs").iterdir()}
    assert collect_archive(archive, ("amd64",), Collected(tmp_path / "cache")) == first
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "cache" / "blobs").iterdir()} == blobs


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"manifest.json": json.dumps([{"RepoTags": [_NAME]}]).encode()}, "is no image archive: 'Config'"),
        ({"manifest.json": json.dumps([{"RepoTags": []}]).encode()}, "names no image in full"),
        (
            {"manifest.json": json.dumps([{"RepoTags": [_NAME], "Config": "c", "Layers": []}]).encode(), "c": b"[]"},
            "is no image archive",
        ),
    ],
    ids=["no config", "no name", "config of another kind"],
)
def test_what_is_no_archive_of_images_is_refused_by_its_name(
    tmp_path: Path, collected: Collected, files: dict[str, bytes], said: str
) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(tar_of(files))
    with pytest.raises(BadInput, match=f"^{path}: {said}"):
        collect_archive(path, ("amd64",), collected)


@pytest.mark.parametrize("form", ["docker", "one manifest", "list"])
@pytest.mark.parametrize("arch", ["arm64", "riscv64"])
def test_an_image_for_machines_that_the_bundle_is_not_for_is_refused_where_it_is_wanted(
    tmp_path: Path, collected: Collected, form: str, arch: str
) -> None:
    given = collect_archive(_archive(tmp_path / "mac.tar", form, arch), ("amd64",), collected)
    with pytest.raises(BadInput, match=f"^{tmp_path}/mac.tar: {_NAME}: is for {arch}, the bundle is for amd64"):
        collect_node_images([(_NAME, "amd64")], [given], _unasked, collected, print)


@pytest.mark.parametrize("form", ["docker", "one manifest", "list"])
def test_an_image_for_other_machines_is_left_out_where_nobody_wants_it(
    tmp_path: Path, collected: Collected, form: str
) -> None:
    other = collect_archive(_archive(tmp_path / "mac.tar", form, "arm64"), ("amd64",), collected)
    app = collect_archive(docker_archive(tmp_path / "app.tar", "shop/app:1"), ("amd64",), collected)
    wanted = [("shop/app:1", "amd64")]
    assert collect_node_images(wanted, [other, app], _unasked, collected, print) == app.items


@pytest.mark.parametrize("form", ["docker", "one manifest", "list"])
@pytest.mark.parametrize("first", ["amd64", "arm64"])
def test_of_two_archives_of_one_image_that_for_the_bundle_s_machines_is_taken(
    tmp_path: Path, collected: Collected, form: str, first: str
) -> None:
    archs = sorted(["amd64", "arm64"], reverse=first == "arm64")
    given = [collect_archive(_archive(tmp_path / f"{arch}.tar", form, arch), ("amd64",), collected) for arch in archs]
    (item,) = collect_node_images([(_NAME, "amd64")], given, _unasked, collected, print)
    assert item in given[archs.index("amd64")].items


def test_what_an_archive_has_for_other_machines_is_known_again_when_the_cache_has_it(
    tmp_path: Path, collected: Collected
) -> None:
    archive = docker_archive(tmp_path / "mac.tar", _NAME, arch="arm64")
    first, again = (collect_archive(archive, ("amd64",), collected) for _ in range(2))
    assert [(given.items, given.others[_NAME].message) for given in (first, again)] == [
        ([], f"{archive}: {_NAME}: is for arm64, the bundle is for amd64")
    ] * 2
    assert [item.arch for item in collect_archive(archive, ("amd64", "arm64"), collected).items] == ["arm64"]


def _archive(path: Path, form: str, arch: str) -> Path:
    if form == "docker":
        return docker_archive(path, _NAME, arch=arch)
    oci_archive(path, _NAME, arches=(arch,), is_list=form == "list")
    return path


def _unasked() -> str:
    raise AssertionError("pulled")


def test_a_list_is_believed_before_what_the_configurations_of_its_images_say(
    tmp_path: Path, collected: Collected
) -> None:
    oci_archive(tmp_path / "whole.tar", _NAME, arches=("arm64",), is_list=True, configured="amd64")
    assert [item.arch for item in collect_archive(tmp_path / "whole.tar", ("arm64",), collected).items] == ["arm64"]
    other = collect_archive(tmp_path / "whole.tar", ("amd64",), collected).others[_NAME]
    assert "is for arm64, the bundle is for amd64" in other.message
    part = tmp_path / "part.tar"
    oci_archive(part, _NAME, arches=("amd64", "arm64"), left_out=("amd64",), configured="amd64")
    assert [item.arch for item in collect_archive(part, ("arm64",), collected).items] == ["arm64"]


def test_a_list_counts_for_the_machines_that_it_has_images_for_and_no_others(
    tmp_path: Path, collected: Collected
) -> None:
    for name, arches in {"arm64": ("arm64",), "amd64": ("amd64", "s390x"), "any": ("amd64", "arm64", "s390x")}.items():
        oci_archive(tmp_path / f"{name}.tar", _NAME, arches=arches, is_list=True)
        given = collect_archive(tmp_path / f"{name}.tar", ("amd64", "arm64"), collected)
        assert [item.arch for item in given.items] == [name]
        if name != "any":
            other = "amd64" if name == "arm64" else "arm64"
            with pytest.raises(AssertionError, match="pulled"):  # of that nothing was given
                collect_node_images([(_NAME, other)], [given], _unasked, collected, print)


def test_what_a_registry_gave_for_a_name_has_to_be_for_the_machines_it_was_asked_for(collected: Collected) -> None:
    config = collected.take_bytes(b'{"architecture": "arm64", "os": "linux"}')
    named = {"digest": config.digest, "size": config.size}
    top = collected.take_bytes(json.dumps({"config": named, "layers": []}).encode())
    files = {blob_path(config.digest): config}
    assert oci_parts(top, files, content_of(collected), "arm64").arch == "arm64"
    with pytest.raises(BadInput, match="is for arm64, not for amd64"):
        oci_parts(top, files, content_of(collected), "amd64")


def test_an_archive_is_taken_for_an_image_however_that_is_spelt(tmp_path: Path, collected: Collected) -> None:
    given = collect_archive(docker_archive(tmp_path / "a.tar", "docker.io/library/nginx:1.27"), ("amd64",), collected)
    assert collect_node_images([("nginx:1.27", "amd64")], [given], _unasked, collected, print) == given.items
