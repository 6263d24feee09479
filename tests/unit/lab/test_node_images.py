"""Archives of images, made without an engine, and the folder that they are made from."""

from __future__ import annotations

import json
import tarfile
from hashlib import sha256
from pathlib import Path

import pytest

from kboot.errors import BadInput
from kboot_lab.image_archive import ImageRecipe, write_image
from kboot_lab.kubernetes import BINARIES, built_folder, kubernetes_folder, version_in


@pytest.fixture
def recipe(tmp_path: Path) -> ImageRecipe:
    (tmp_path / "etcd").write_bytes(b"\x7fELF etcd")
    return ImageRecipe("registry.k8s.io/etcd:1", {"/usr/local/bin/etcd": tmp_path / "etcd"}, ("/usr/local/bin/etcd",))


def test_an_archive_is_what_docker_save_writes(recipe: ImageRecipe, tmp_path: Path) -> None:
    write_image(recipe, tmp_path / "image.tar")
    with tarfile.open(tmp_path / "image.tar") as tar:
        members = {name: tar.extractfile(name) for name in tar.getnames()}
        content = {name: stream.read() for name, stream in members.items() if stream is not None}
    (manifest,) = json.loads(content["manifest.json"])
    assert manifest["RepoTags"] == ["registry.k8s.io/etcd:1"]
    assert manifest["Config"] == f"{sha256(content[manifest['Config']]).hexdigest()}.json"
    config = json.loads(content[manifest["Config"]])
    (layer,) = manifest["Layers"]
    assert config["rootfs"]["diff_ids"] == [f"sha256:{sha256(content[layer]).hexdigest()}"]
    assert config["config"]["Entrypoint"] == ["/usr/local/bin/etcd"]


def test_the_layer_holds_the_file_runnable_and_the_folders_above_it(recipe: ImageRecipe, tmp_path: Path) -> None:
    write_image(recipe, tmp_path / "image.tar")
    with tarfile.open(tmp_path / "image.tar") as outer:
        (name,) = json.loads(_read(outer, "manifest.json"))[0]["Layers"]
        layer = outer.extractfile(name)
        assert layer is not None
        with tarfile.open(fileobj=layer) as tar:
            modes = {member.name: oct(member.mode) for member in tar.getmembers()}
            assert _read(tar, "usr/local/bin/etcd") == b"\x7fELF etcd"
    assert modes == {
        "usr": "0o755",
        "usr/local": "0o755",
        "usr/local/bin": "0o755",
        "tmp": "0o1777",
        "usr/local/bin/etcd": "0o755",
    }


def _read(tar: tarfile.TarFile, name: str) -> bytes:
    stream = tar.extractfile(name)
    assert stream is not None
    return stream.read()


def test_the_same_recipe_gives_the_same_bytes_and_another_content_another_name(
    recipe: ImageRecipe, tmp_path: Path
) -> None:
    for name in ("one.tar", "two.tar"):
        write_image(recipe, tmp_path / name)
    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["etcd", "one.tar", "two.tar"]
    before = recipe.digest
    (tmp_path / "etcd").write_bytes(b"\x7fELF etcd, changed")
    assert recipe.digest != before


def _recipe_folder(checkout: Path, text: str) -> None:
    folder = checkout / "lab" / "kubernetes"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "go.mod").write_text(text)


def _fill(folder: Path, names: tuple[str, ...]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_text("x")
    (folder / "versions").write_text("kubernetes v1.36.2\netcd v3.6.8\n")


def test_what_was_built_is_found_until_its_recipe_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KBOOT_LAB_KUBERNETES", raising=False)
    _recipe_folder(tmp_path, "one")
    assert kubernetes_folder(tmp_path / "cache", tmp_path) is None
    built = built_folder(tmp_path / "cache", tmp_path)
    _fill(built, BINARIES)
    assert kubernetes_folder(tmp_path / "cache", tmp_path) == built
    assert (version_in(built), version_in(built, "etcd")) == ("v1.36.2", "v3.6.8")
    _recipe_folder(tmp_path, "two")
    assert kubernetes_folder(tmp_path / "cache", tmp_path) is None


def test_a_named_folder_that_lacks_a_binary_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _recipe_folder(tmp_path, "one")
    _fill(tmp_path / "mine", BINARIES[1:])
    monkeypatch.setenv("KBOOT_LAB_KUBERNETES", str(tmp_path / "mine"))
    with pytest.raises(BadInput, match="lacks kubelet"):
        kubernetes_folder(tmp_path / "cache", tmp_path)
