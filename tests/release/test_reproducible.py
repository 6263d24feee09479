"""The same sources and packages give the same image, byte for byte, whenever it is built."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from secrets import token_hex

import docker
import pytest

from kboot.service_images.base import ensure_base, import_base
from kboot.service_images.build import ensure_image, recipes, timeless_image
from kboot.service_images.layers import Layer, image_files
from kboot.service_images.recipe import Recipe
from kboot.service_images.sbom import is_evidence, sbom
from support.places import ROOT

_RECIPES = {recipe.name: recipe for recipe in recipes(ROOT)}
_FROM_NOTHING = ("dnsmasq", "registry", "time")  # all but those with Python


@pytest.fixture
def engine() -> Iterator[docker.DockerClient]:
    """What is made under `kboot-twice` is removed at the end."""
    client = docker.from_env(timeout=600)
    yield client
    for image in client.images.list("kboot-twice"):
        client.images.remove(image.tags[0])


def _tree(layers: tuple[Layer, ...]) -> dict[tuple[int, str], tuple[object, ...]]:
    """(number of the layer, path) -> kind, mode, owners, time, what a link points to, hash of the content."""
    found: dict[tuple[int, str], tuple[object, ...]] = {}
    for number, layer in enumerate(layers):
        with tarfile.open(layer.file) as tar:
            for entry in tar:
                content = tar.extractfile(entry) if entry.isreg() else None
                digest = sha256(content.read()).hexdigest() if content else ""
                owners = (entry.uid, entry.gid, entry.uname, entry.gname)
                found[number, entry.name] = (entry.type, entry.mode, owners, entry.mtime, entry.linkname, digest)
    return found


def _components(recipe: Recipe, layers: tuple[Layer, ...]) -> dict[str, object]:
    """What the SBOM of an image of these layers has, by its references."""
    found = json.loads(sbom(recipe.name, "0", {}, image_files(layers, is_evidence), recipe.files))
    return {part["bom-ref"]: part for part in found["components"]}


def _is_the_same(engine: docker.DockerClient, recipe: Recipe, bases: list[str], folder: Path) -> None:
    built = []
    for number, base in enumerate(bases):
        (folder / str(number)).mkdir()
        built.append(timeless_image(engine, recipe, base, {"a": "label"}, folder / str(number), print))
    one_sbom, other_sbom = (_components(recipe, image.layers) for image in built)
    assert one_sbom == other_sbom  # first, since it tells which package came in another version
    one, other = (_tree(image.layers) for image in built)
    assert {path: (one.get(path), other.get(path)) for path in one | other if one.get(path) != other.get(path)} == {}
    assert built[0].config == built[1].config
    assert built[0].digest == built[1].digest


@pytest.mark.parametrize("name", _FROM_NOTHING)
def test_an_image_from_nothing_is_the_same_twice(name: str, engine: docker.DockerClient, tmp_path: Path) -> None:
    """As two releases on one day are made, bases too."""
    ensure_image("build-loaders", ROOT / "services" / "loaders", print)
    recipe, bases = _RECIPES[name], [f"kboot-twice:{token_hex(6)}" for _ in range(2)]
    for base in bases:
        import_base(engine, base, recipe.packages, recipe.suite)
    _is_the_same(engine, recipe, bases, tmp_path)


@pytest.mark.parametrize("name", [name for name in _RECIPES if name not in _FROM_NOTHING])
def test_an_image_is_the_same_twice_on_one_base(
    name: str, engine: docker.DockerClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ensure_image("build-loaders", ROOT / "services" / "loaders", print)
    recipe = _RECIPES[name]
    base = ensure_base(engine, recipe.packages, print, recipe.suite)
    monkeypatch.setenv("KBOOT_CACHE", str(tmp_path / "cache"))  # Python's packages are fetched again too
    _is_the_same(engine, recipe, [base, base], tmp_path)
