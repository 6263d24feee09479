"""What is no sound bundle for this machine is refused before anything changes."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path

import pytest

from kboot.bundle import layout
from kboot.bundle.load import load_bundle
from kboot.errors import BadInput
from kboot.host.progress import Progress
from kboot.supplies.bundle_manifest import Kind, Manifest
from kboot.supplies.store import SupplyStore
from support.bundles import archive_of, digest_of, file_item, image_contents, image_item, manifest_of

_IMAGE = image_contents(b"{}", b"layer" * 300)
_KUBELET = b"kubelet" * 100


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root that an older bundle was loaded into."""
    root = tmp_path / "root"
    _load(_bundle(tmp_path / "older", manifest_of(file_item(b"older")), b"older"), root)
    return root


def _bundle(path: Path, manifest: Manifest, *contents: bytes) -> Path:
    path.mkdir()
    (path / "a.kboot").write_bytes(archive_of(path, *contents, manifest=manifest))
    return path / "a.kboot"


def _load(bundle: Path, root: Path) -> None:
    load_bundle(bundle, root, {}, "0.1.0", Progress())


def _seen(root: Path) -> dict[str, tuple[int, int, bytes]]:
    """Each path below the root with what it is: its inode, its time, its bytes."""
    paths = [path for path in root.rglob("*") if not path.name.endswith(".lock")]
    looked = {path: path.stat() for path in paths}
    return {
        str(path): (
            each.st_ino,
            each.st_mtime_ns if path.is_file() else 0,
            path.read_bytes() if path.is_file() else b"",
        )
        for path, each in looked.items()
    }


def test_a_flipped_byte_at_each_of_50_places_changes_nothing(tmp_path: Path, root: Path) -> None:
    bundle = _bundle(tmp_path / "new", manifest_of(image_item(_IMAGE), file_item(_KUBELET)), *_IMAGE, _KUBELET)
    sound, before, chance = bundle.read_bytes(), _seen(root), random.Random(7)
    for place in sorted({*chance.sample(range(layout.HEAD_SIZE, len(sound)), 40), *chance.sample(range(2000), 10)}):
        changed = bytearray(sound)
        changed[place] ^= 0x20
        bundle.write_bytes(changed)
        with pytest.raises(BadInput, match=f"^{bundle}: "):
            _load(bundle, root)
        assert _seen(root) == before
    bundle.write_bytes(sound)
    _load(bundle, root)


def test_a_bundle_that_is_cut_short_changes_nothing(tmp_path: Path, root: Path) -> None:
    bundle = _bundle(tmp_path / "new", manifest_of(image_item(_IMAGE), file_item(_KUBELET)), *_IMAGE, _KUBELET)
    before, size = _seen(root), bundle.stat().st_size
    for left in (size - 1, size - 1024, size - 2000, layout.HEAD_SIZE + 1000, 100, 0):
        os.truncate(bundle, left)
        with pytest.raises(BadInput, match=f"^{bundle}: ends within "):
            _load(bundle, root)
        assert _seen(root) == before


@pytest.mark.parametrize(
    ("manifest", "said"),
    [
        (manifest_of(file_item(b"1"), arch=("arm64",)), "is for arm64, this machine is amd64\n.*create --arch amd64"),
        (
            manifest_of(image_item(_IMAGE, "kboot-time:0.1.0", Kind.SERVICE_IMAGE, "arm64")),
            "is for arm64, this machine is amd64",
        ),
        (manifest_of(file_item(b"1"), kboot="0.2.0"), r"is of kboot 0\.2\.0, this is kboot 0\.1\.0\n  hint: run `sh "),
        (
            manifest_of(file_item(b"1"), since=digest_of(b""), left_out=(digest_of(b"1"),)),
            "leaves out sha256:.* of binary kubelet, which is not here\n  hint: load the bundle first whose",
        ),
    ],
    ids=["another processor", "images of another processor", "a newer kboot", "a part of a bundle"],
)
def test_a_bundle_that_is_of_no_use_here_changes_nothing(
    tmp_path: Path, root: Path, manifest: Manifest, said: str
) -> None:
    bundle = _bundle(tmp_path / "new", manifest, b"1", *_IMAGE)
    before = _seen(root)
    with pytest.raises(BadInput, match=f"^{bundle}: {said}"):
        _load(bundle, root)
    assert _seen(root) == before


def test_an_image_that_leads_out_of_the_bundle_changes_nothing(tmp_path: Path, root: Path) -> None:
    """Its layer would be a file of this machine, where its digest is taken for the name of one."""
    shadow = {"digest": "sha256:../../../../../../../../etc/shadow", "size": 1}
    named = {"digest": digest_of(b"{}"), "size": 2}
    contents = [json.dumps({"schemaVersion": 2, "config": named, "layers": [shadow]}).encode(), b"{}"]
    item = image_item(contents, "kboot-time:0.1.0", Kind.SERVICE_IMAGE)
    bundle, before = _bundle(tmp_path / "new", manifest_of(item), *contents), _seen(root)
    with pytest.raises(BadInput, match=r"service-image kboot-time:0\.1\.0: names .*etc/shadow.* as a part"):
        _load(bundle, root)
    assert _seen(root) == before


def test_a_bundle_of_an_older_kboot_is_taken_for_the_machines_and_its_service_images_are_left_alone(
    tmp_path: Path, root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Images of nodes, binaries and OS releases are the same whoever carried them in; no engine is asked at all."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    image = image_contents(b'{"architecture": "amd64", "rootfs": {"diff_ids": ["sha256:0"]}}', b"layer")
    service = image_item(image, "kboot-time:0.0.9", Kind.SERVICE_IMAGE)
    bundle = _bundle(tmp_path / "new", manifest_of(service, file_item(b"1"), kboot="0.0.9"), *image, b"1")
    _load(bundle, root)
    assert len(SupplyStore(root).bundles()) == 2
    said = capsys.readouterr().err
    assert f"{bundle}: is of kboot 0.0.9, this is kboot 0.1.0: what machines fetch is taken" in said


def test_a_file_that_is_no_bundle_is_refused(tmp_path: Path, root: Path) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(os.urandom(100_000))
    with pytest.raises(BadInput, match="is no bundle of kboot"):
        _load(path, root)
    with pytest.raises(BadInput, match="cannot be read: Is a directory"):
        _load(tmp_path, root)
