"""Builds the service images that are missing. `python -m kboot.service_images.build` does so by hand."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path

import docker
from docker.errors import APIError, BuildError, DockerException

from kboot_compose.services import SERVICES, Service

from ..errors import KbootError
from .base import ensure_base, has_image, image_once
from .recipe import Recipe, build_context, read_recipe
from .wheels import installed_requirements

_LOADERS = "loaders"


def recipes(checkout: Path, services: Sequence[Service] = SERVICES) -> list[Recipe]:
    """Return the recipe of every service image, each after the images that it copies from."""
    shared = checkout / "clusterdesc" / "kboot_clusterdesc"
    loaders = read_recipe(_LOADERS, checkout / "services" / _LOADERS)
    found = [loaders]
    for service in services:
        folder = checkout / "services" / service.name
        given = {"LOADERS": loaders.reference, "USER": service.user.name, "UID": str(service.user.uid)}
        asked = set(re.findall(r"^ARG (\w+)$", (folder / "Dockerfile").read_text(), re.MULTILINE))
        arguments = {name: value for name, value in given.items() if name in asked}
        found.append(read_recipe(service.name, folder, shared, arguments))
    return found


def image_references(checkout: Path, services: Sequence[Service] = SERVICES) -> dict[str, str]:
    """Return service -> image reference, whether the image is built or not."""
    return {recipe.name: recipe.reference for recipe in recipes(checkout, services) if recipe.name != _LOADERS}


def ensure_images(checkout: Path, progress: Callable[[str], None]) -> dict[str, str]:
    """Build the service images that are missing, and return service -> image reference."""
    client = _client()
    missing = [recipe for recipe in recipes(checkout) if not has_image(client, recipe.reference)]
    if any(recipe.name != _LOADERS for recipe in missing):
        _ensure_bases(missing, progress)
        for recipe in missing:
            _ensure(client, recipe, progress)
    return image_references(checkout)


def ensure_image(name: str, folder: Path, progress: Callable[[str], None]) -> str:
    """Build the image of the recipe in `folder` if it is missing, and return its reference."""
    client = _client()
    recipe = read_recipe(name, folder)
    _ensure(client, recipe, progress)
    return recipe.reference


def _ensure_bases(recipes: list[Recipe], progress: Callable[[str], None]) -> None:
    """Make the base images of some recipes, two at a time: each waits for the network as long as it works."""
    with ThreadPoolExecutor(2) as pool:
        wanted = {(recipe.packages, recipe.suite) for recipe in recipes}
        list(pool.map(lambda each: ensure_base(_client(), each[0], progress, each[1]), wanted))


def _client() -> docker.DockerClient:
    try:
        return docker.from_env(timeout=600)
    except DockerException as error:
        raise KbootError("the Docker engine does not answer", "start it, or run `make setup`") from error


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
    asked = subprocess.run(["git", "-C", str(recipe.folder), "rev-parse", "HEAD"], capture_output=True, text=True)
    return {
        "org.opencontainers.image.title": f"kboot {recipe.name}",
        "org.opencontainers.image.version": version("kboot"),
        "org.opencontainers.image.revision": asked.stdout.strip() or "unknown",
        "kboot.digest": recipe.digest,
    }


if __name__ == "__main__":
    for _name, _reference in ensure_images(Path(__file__).resolve().parents[3], print).items():
        sys.stdout.write(f"{_name} {_reference}\n")
