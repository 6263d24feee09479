"""Builds the service images that are missing. `python -m kboot.service_images.build` does so by hand."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path

import docker
from docker.errors import APIError, BuildError

import kboot_clusterdesc
from kboot_compose.services import SERVICES, Service

from ..errors import KbootError
from ..host.engine import connect
from .base import ensure_base, has_image, image_once
from .recipe import Recipe, build_context, read_recipe
from .sources import revision
from .wheels import installed_requirements

_LOADERS = "loaders"
_BUILD_S = 600  # the longest that one step of a build may be silent


def recipes(sources: Path, services: Sequence[Service] = SERVICES) -> list[Recipe]:
    """Return the recipe of every service image, each after the images that it copies from."""
    shared = Path(kboot_clusterdesc.__path__[0])
    loaders = read_recipe(_LOADERS, sources / "services" / _LOADERS)
    found = [loaders]
    for service in services:
        folder = sources / "services" / service.name
        given = {"LOADERS": loaders.reference, "USER": service.user.name, "UID": str(service.user.uid)}
        asked = set(re.findall(r"^ARG (\w+)$", (folder / "Dockerfile").read_text(), re.MULTILINE))
        arguments = {name: value for name, value in given.items() if name in asked}
        found.append(read_recipe(service.name, folder, shared, arguments))
    return found


def image_references(sources: Path, services: Sequence[Service] = SERVICES) -> dict[str, str]:
    """Return service -> image reference, whether the image is built or not."""
    return {recipe.name: recipe.reference for recipe in recipes(sources, services) if recipe.name != _LOADERS}


def ensure_images(sources: Path, progress: Callable[[str], None]) -> dict[str, str]:
    """Build the service images that are missing, and return service -> image reference."""
    client = connect(_BUILD_S)
    missing = [recipe for recipe in recipes(sources) if not has_image(client, recipe.reference)]
    if any(recipe.name != _LOADERS for recipe in missing):
        _ensure_bases(missing, progress)
        for recipe in missing:
            _ensure(client, recipe, progress)
    return image_references(sources)


def ensure_image(name: str, folder: Path, progress: Callable[[str], None]) -> str:
    """Build the image of the recipe in `folder` if it is missing, and return its reference."""
    client = connect(_BUILD_S)
    recipe = read_recipe(name, folder)
    _ensure(client, recipe, progress)
    return recipe.reference


def _ensure_bases(recipes: list[Recipe], progress: Callable[[str], None]) -> None:
    """Make the base images of some recipes, two at a time: each waits for the network as long as it works."""
    with ThreadPoolExecutor(2) as pool:
        wanted = {(recipe.packages, recipe.suite) for recipe in recipes}
        list(pool.map(lambda each: ensure_base(connect(_BUILD_S), each[0], progress, each[1]), wanted))


def _ensure(client: docker.DockerClient, recipe: Recipe, progress: Callable[[str], None]) -> None:
    image_once(client, recipe.reference, lambda: _build(client, recipe, progress))


def _build(client: docker.DockerClient, recipe: Recipe, progress: Callable[[str], None]) -> None:
    base = ensure_base(client, recipe.packages, progress, recipe.suite)
    site = installed_requirements(recipe.requirements, recipe.name, progress) if recipe.requirements else None
    progress(f"building {recipe.reference}")
    try:
        client.images.build(
            fileobj=io.BytesIO(build_context(recipe, site)),
            custom_context=True,
            tag=recipe.reference,
            buildargs={"BASE": base, **recipe.arguments},
            labels=_labels(recipe),
            network_mode="none",
            rm=True,
            forcerm=True,
        )
    except (BuildError, APIError) as error:
        hint = f"see {recipe.folder / 'Dockerfile'}"
        raise KbootError(f"building {recipe.reference} failed: {error}", hint) from error


def _labels(recipe: Recipe) -> dict[str, str]:
    return {
        "org.opencontainers.image.title": f"kboot {recipe.name}",
        "org.opencontainers.image.version": version("kboot"),
        "org.opencontainers.image.revision": revision(),
        "kboot.digest": recipe.digest,
    }


if __name__ == "__main__":
    from .sources import sources

    for _name, _reference in ensure_images(sources(), print).items():
        sys.stdout.write(f"{_name} {_reference}\n")
