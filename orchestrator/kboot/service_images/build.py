"""Builds service images, from Debian's and Python's packages and the sources of the services."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import docker
from docker.errors import APIError, BuildError, DockerException

import kboot_clusterdesc
from kboot_compose.services import SERVICES, Service

from ..errors import KbootError
from ..host.cache import cache_folder
from ..host.engine import connect
from ..host.files import write_file
from ..host.share import Ended, shown_share
from .base import ensure_base, has_image, image_once, labels_of
from .layers import image_files
from .names import DIGEST_LABEL, is_checkout, service_image
from .oci_image import OciImage, saved_image, timeless, write_archive
from .recipe import Recipe, build_context, read_recipe
from .revision import revision
from .sbom import is_evidence, sbom
from .wheels import installed_requirements

if TYPE_CHECKING:
    from docker.models.images import Image

_LOADERS = "build-loaders"
_BUILD_S = 600  # the longest that one step of a build may be silent


@dataclass(frozen=True, slots=True)
class ServiceImage:
    """The image of a service: what it is made of, and its name."""

    recipe: Recipe
    reference: str

    @property
    def service(self) -> str:
        """The name of the service."""
        return self.recipe.name

    def is_right(self, client: docker.DockerClient) -> bool:
        """Return whether the engine has the image under its name, made of what it is to be made of."""
        return (labels_of(client, self.reference) or {}).get(DIGEST_LABEL) == self.recipe.digest


def recipes(sources: Path, services: Sequence[Service] = SERVICES) -> list[Recipe]:
    """Return the recipe of every service image, each after the images that it copies from."""
    shared = Path(kboot_clusterdesc.__path__[0])
    loaders = loaders_recipe(sources)
    found = [loaders]
    for service in services:
        given = {"LOADERS": loaders.reference, "USER": service.user.name, "UID": str(service.user.uid)}
        found.append(read_recipe(service.name, sources / "services" / service.name, shared, given))
    return found


def loaders_recipe(sources: Path) -> Recipe:
    """Return the recipe of the image that service images copy the boot loaders from."""
    return read_recipe(_LOADERS, sources / "services" / "loaders")


def service_images(
    sources: Path, services: Sequence[Service] = SERVICES, *, is_edited: bool | None = None
) -> list[ServiceImage]:
    """Return every service image, whether it is there or not.

    Names of edited sources, by default those of a checkout, say what the image is made of.
    """
    edited = is_checkout(sources) if is_edited is None else is_edited
    return [
        ServiceImage(recipe, service_image(recipe.name, version("kboot"), recipe.digest, edited))
        for recipe in recipes(sources, services)
        if recipe.name != _LOADERS
    ]


def image_references(sources: Path, services: Sequence[Service] = SERVICES) -> dict[str, str]:
    """Return service -> image reference, whether the image is there or not."""
    return {image.service: image.reference for image in service_images(sources, services)}


def build_images(
    sources: Path, images: Sequence[ServiceImage], progress: Callable[[str], None], *, anew: bool = False
) -> None:
    """Build some service images, and what they are made from where that is missing; raises KbootError.

    `anew` makes everything, which brings the newest versions of Debian's packages.
    """
    wanted = [image.recipe for image in images]
    copied = [loaders_recipe(sources)] if any("LOADERS" in recipe.arguments for recipe in wanted) else []
    bases = {(recipe.packages, recipe.suite) for recipe in [*copied, *wanted]}
    labels = {
        "org.opencontainers.image.version": version("kboot"),
        "org.opencontainers.image.revision": revision(sources),
    }
    steps = len(bases) + len(copied) + len(images)
    with shown_share(progress, "service images", steps, "steps") as ended:
        _ensure_bases(bases, progress, anew, ended)
        engine = client()
        for recipe in copied:
            _ensure(engine, recipe, progress, anew)
            ended(1)
        for image in images:
            _ensure_service(engine, image, labels, progress, anew)
            ended(1)


def ensure_image(name: str, folder: Path, progress: Callable[[str], None]) -> str:
    """Build the image of the recipe in `folder` if it is missing, and return its reference."""
    recipe = read_recipe(name, folder)
    _ensure(client(), recipe, progress)
    return recipe.reference


def client() -> docker.DockerClient:
    """Return a client of the engine that waits for a build; raise EngineError."""
    return connect(_BUILD_S)


def _ensure_bases(
    bases: Iterable[tuple[tuple[str, ...], str]], progress: Callable[[str], None], anew: bool, ended: Ended
) -> None:
    """Make base images by their packages and suite, two at a time: each waits for the network as long as it works."""

    def ensure(base: tuple[tuple[str, ...], str]) -> None:
        packages, suite = base
        ensure_base(client(), packages, progress, suite, anew=anew)
        ended(1)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(ensure, bases))


def _ensure(engine: docker.DockerClient, recipe: Recipe, progress: Callable[[str], None], anew: bool = False) -> None:
    def make() -> None:
        progress(f"building {recipe.reference}")
        base = ensure_base(engine, recipe.packages, progress, recipe.suite)
        _built(engine, recipe, base, progress, {DIGEST_LABEL: recipe.digest}).tag(*recipe.reference.split(":"))

    image_once(engine, recipe.reference, lambda: not anew and has_image(engine, recipe.reference), make)


def _ensure_service(
    engine: docker.DockerClient,
    image: ServiceImage,
    labels: dict[str, str],
    progress: Callable[[str], None],
    anew: bool,
) -> None:
    """Build the image of a service, free it of what differs from build to build, and write its SBOM."""
    recipe = image.recipe
    title = {"org.opencontainers.image.title": f"kboot {recipe.name}", DIGEST_LABEL: recipe.digest}

    def make() -> None:
        progress(f"building {image.reference}")
        base = ensure_base(engine, recipe.packages, progress, recipe.suite)
        with tempfile.TemporaryDirectory(prefix="kboot-image-") as scratch:
            made = timeless_image(engine, recipe, base, {**title, **labels}, Path(scratch), progress)
            write_sbom(image, made, cache_folder() / "sbom" / sbom_name(image))
            load_image(engine, made, [image.reference], Path(scratch))

    image_once(engine, image.reference, lambda: not anew and image.is_right(engine), make)


def timeless_image(
    engine: docker.DockerClient,
    recipe: Recipe,
    base: str,
    labels: dict[str, str],
    folder: Path,
    progress: Callable[[str], None],
) -> OciImage:
    """Build the image of a recipe on `base`, and return it with its layers in `folder`; the engine keeps nothing.

    The same base, files and labels give the same digest.
    """
    below = len(engine.images.get(base).attrs["RootFS"]["Layers"])
    built = str(_built(engine, recipe, base, progress).id)
    try:
        return timeless(saved_image(engine, built, folder, timeless_from=below), labels)
    finally:
        with suppress(APIError):  # another build may stand on it
            engine.images.remove(built)


def load_image(engine: docker.DockerClient, image: OciImage, names: Sequence[str], folder: Path) -> None:
    """Give an image to the engine under some names; raises KbootError."""
    archive = folder / "image.tar"
    with archive.open("wb") as stream:
        write_archive([(image, names)], stream)
    try:
        with archive.open("rb") as stream:
            engine.images.load(stream)
    except DockerException as error:
        raise KbootError(f"the engine did not take {names[0]}: {error}", "is its disk full?") from error
    archive.unlink()


def _built(
    engine: docker.DockerClient,
    recipe: Recipe,
    base: str,
    progress: Callable[[str], None],
    labels: dict[str, str] | None = None,
) -> Image:
    site = installed_requirements(recipe.requirements, recipe.name, progress) if recipe.requirements else None
    try:
        built, _ = engine.images.build(
            fileobj=io.BytesIO(build_context(recipe, site)),
            custom_context=True,
            buildargs={"BASE": base, **recipe.arguments},
            labels=labels,
            network_mode="none",
            nocache=True,
            rm=True,
            forcerm=True,
        )
    except (BuildError, APIError) as error:
        hint = f"see {recipe.folder / 'Dockerfile'}"
        raise KbootError(f"building {recipe.name} failed: {error}", hint) from error
    return built


def sbom_name(image: ServiceImage) -> str:
    """Return the file name of an image's SBOM."""
    return f"{image.reference.replace(':', '-')}.cdx.json"


def write_sbom(image: ServiceImage, made: OciImage, path: Path) -> None:
    """Write the SBOM of an image to `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    evidence = image_files(made.layers, is_evidence)
    name, _, tag = image.reference.partition(":")
    write_file(path, sbom(name, tag, made.labels, evidence, image.recipe.files))
