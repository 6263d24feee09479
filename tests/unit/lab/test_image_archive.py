"""An image archive is what `docker load` and skopeo take, and its bytes follow from what goes in."""

from __future__ import annotations

import io
import json
import tarfile
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from kboot_lab.image_archive import ImageRecipe, write_image


@pytest.fixture
def recipe(tmp_path: Path) -> ImageRecipe:
    program = tmp_path / "program"
    program.write_bytes(b"\x7fELF program")
    library = tmp_path / "library"
    library.write_bytes(b"\x7fELF library")
    files = {"/usr/local/bin/program": program, "/usr/lib/library.so": library}
    return ImageRecipe("kboot.test/program:1", files, ("/usr/local/bin/program",))


def read(archive: Path) -> dict[str, bytes]:
    with tarfile.open(archive) as tar:
        return {name: file.read() for name in tar.getnames() if (file := tar.extractfile(name))}


def written(recipe: ImageRecipe, tmp_path: Path, name: str = "image.tar") -> dict[str, bytes]:
    write_image(recipe, tmp_path / name)
    return read(tmp_path / name)


def layer_of(members: dict[str, bytes]) -> bytes:
    manifest: list[dict[str, Any]] = json.loads(members["manifest.json"])
    return members[manifest[0]["Layers"][0]]


def test_the_manifest_names_the_reference_and_members_that_are_there(recipe: ImageRecipe, tmp_path: Path) -> None:
    members = written(recipe, tmp_path)
    manifest: list[dict[str, Any]] = json.loads(members["manifest.json"])
    assert [image["RepoTags"] for image in manifest] == [["kboot.test/program:1"]]
    assert {manifest[0]["Config"], *manifest[0]["Layers"], "manifest.json"} == set(members)


def test_the_config_is_named_by_its_digest_and_holds_the_layers(recipe: ImageRecipe, tmp_path: Path) -> None:
    members = written(recipe, tmp_path)
    name: str = json.loads(members["manifest.json"])[0]["Config"]
    config = json.loads(members[name])
    assert name == f"{sha256(members[name]).hexdigest()}.json"
    assert config["rootfs"]["diff_ids"] == [f"sha256:{sha256(layer_of(members)).hexdigest()}"]
    assert config["config"]["Entrypoint"] == ["/usr/local/bin/program"]


def test_the_layer_has_every_file_executable_at_its_path_and_owned_by_root(recipe: ImageRecipe, tmp_path: Path) -> None:
    with tarfile.open(fileobj=io.BytesIO(layer_of(written(recipe, tmp_path)))) as layer:
        files = {member.name: member for member in layer.getmembers() if member.isfile()}
        program = layer.extractfile("usr/local/bin/program")
        assert program is not None
        assert program.read() == b"\x7fELF program"
    assert set(files) == {"usr/local/bin/program", "usr/lib/library.so"}
    assert {(member.mode, member.uid, member.gid) for member in files.values()} == {(0o755, 0, 0)}


def test_each_folder_stands_before_what_lies_in_it(recipe: ImageRecipe, tmp_path: Path) -> None:
    with tarfile.open(fileobj=io.BytesIO(layer_of(written(recipe, tmp_path)))) as layer:
        seen = {"."}
        for member in layer.getmembers():
            assert str(Path(member.name).parent) in seen
            seen.add(member.name)


def test_the_same_files_at_another_time_and_place_give_the_same_bytes(recipe: ImageRecipe, tmp_path: Path) -> None:
    copies = {path: tmp_path / f"copy{number}" for number, path in enumerate(recipe.files)}
    for path, copy in copies.items():
        copy.write_bytes(recipe.files[path].read_bytes())
        copy.chmod(0o600)
    again = ImageRecipe(recipe.reference, dict(reversed(copies.items())), recipe.entrypoint)
    write_image(recipe, tmp_path / "first.tar")
    write_image(again, tmp_path / "second.tar")
    assert again.digest == recipe.digest
    assert (tmp_path / "first.tar").read_bytes() == (tmp_path / "second.tar").read_bytes()


@pytest.mark.parametrize("changed", ["reference", "path", "content", "entrypoint"])
def test_the_digest_follows_all_that_goes_in(recipe: ImageRecipe, tmp_path: Path, changed: str) -> None:
    other = tmp_path / "other"
    other.write_bytes(b"another program")
    program = recipe.files["/usr/local/bin/program"]
    variants = {
        "reference": ImageRecipe("kboot.test/program:2", recipe.files, recipe.entrypoint),
        "path": ImageRecipe(recipe.reference, {"/usr/bin/program": program}, recipe.entrypoint),
        "content": ImageRecipe(recipe.reference, {**recipe.files, "/usr/local/bin/program": other}, recipe.entrypoint),
        "entrypoint": ImageRecipe(recipe.reference, recipe.files),
    }
    assert variants[changed].digest != recipe.digest


def test_a_write_that_is_cut_off_leaves_nothing(recipe: ImageRecipe, tmp_path: Path) -> None:
    folder = tmp_path / "archives"
    folder.mkdir()
    lost = ImageRecipe(recipe.reference, {**recipe.files, "/zzz": tmp_path / "missing"})
    with pytest.raises(FileNotFoundError):
        write_image(lost, folder / "image.tar")
    assert list(folder.iterdir()) == []
