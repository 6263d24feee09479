"""The images of kboot that the engine holds, of this version and of every other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import docker
import docker.errors

from ..errors import EngineError
from .names import DIGEST_LABEL

_BASES = "kboot-build-base:"  # they are imported, and have no label


@dataclass(frozen=True, slots=True)
class PresentImage:
    """An image by its id and the names that it has."""

    id: str
    names: tuple[str, ...]

    def __str__(self) -> str:
        return " ".join(self.names) or self.id.removeprefix("sha256:")[:12]


def is_ours(names: Sequence[str], labels: Mapping[str, str]) -> bool:
    """Return whether an image of these names and labels was made by kboot."""
    return DIGEST_LABEL in labels or any(name.startswith(_BASES) for name in names)


def present_images(client: docker.DockerClient) -> list[PresentImage]:
    """Return the images of kboot, each before those that it was built on."""
    try:
        found = [image for image in client.images.list() if is_ours(image.tags, image.labels)]
    except docker.errors.APIError as error:
        raise EngineError(f"the engine does not tell its images: {error.explanation}") from error
    newest_first = sorted(found, key=lambda image: str(image.attrs.get("Created", "")), reverse=True)
    return [PresentImage(str(image.id), tuple(image.tags)) for image in newest_first]


def remove_images(client: docker.DockerClient, images: Sequence[PresentImage], say: Callable[[str], None]) -> bool:
    """Remove images by all their names, and return whether all went; what something foreign uses is told and left."""
    went = True
    for image in images:
        for name in image.names or (image.id,):
            try:
                client.images.remove(name)
            except docker.errors.ImageNotFound:
                continue
            except docker.errors.APIError as error:
                say(f"{image} stays: {error.explanation}")
                went = False
    return went
