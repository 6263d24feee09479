"""Has the service images in the engine: those that it has, then from a registry, then built here.

`python -m kboot.service_images.provide` builds by hand what is missing.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import docker
from docker.errors import APIError, DockerException, NotFound

from ..errors import KbootError
from .base import labels_of
from .build import ServiceImage, build_images, client, service_images
from .names import DIGEST_LABEL
from .sources import sources


def ensure_images(sources: Path, progress: Callable[[str], None], images_from: str | None = None) -> dict[str, str]:
    """Have every service image in the engine, and return service -> image reference; raises KbootError.

    What it lacks is pulled from the registry `images_from`, `HOST[:PORT][/PATH]`, and what is not there is built.
    """
    engine = client()
    images = service_images(sources)
    lacking = [image for image in images if not _is_here(engine, image, progress)]
    pulled = [image for image in lacking if images_from and _pull(engine, image, images_from, progress)]
    built = [image for image in lacking if image not in pulled]
    if built:
        build_images(sources, built, progress)
    counts = {"here": len(images) - len(lacking), f"pulled from {images_from}": len(pulled), "built": len(built)}
    progress(f"service images: {', '.join(f'{count} {way}' for way, count in counts.items() if count)}")
    return {image.service: image.reference for image in images}


def _is_here(engine: docker.DockerClient, image: ServiceImage, progress: Callable[[str], None]) -> bool:
    labels = labels_of(engine, image.reference)
    if labels is None or image.is_right(engine):
        return labels is not None
    progress(f"{image.reference}: {_other(labels, image)}: taken as missing")
    return False


def _pull(engine: docker.DockerClient, image: ServiceImage, place: str, progress: Callable[[str], None]) -> bool:
    """Pull an image from `place`, and return whether it is there; raise KbootError where it is not the right one."""
    name, _, tag = image.reference.partition(":")
    remote = f"{place}/{name}"
    progress(f"pulling {remote}:{tag}")
    try:
        for event in engine.api.pull(remote, tag=tag, stream=True, decode=True):
            if "error" in event:
                raise KbootError(f"{remote}:{tag}: not pulled: {event['error']}", _hint(place))
        labels = labels_of(engine, f"{remote}:{tag}") or {}
        if labels.get(DIGEST_LABEL) == image.recipe.digest:
            engine.images.get(f"{remote}:{tag}").tag(name, tag)
        engine.images.remove(f"{remote}:{tag}")
    except NotFound:
        progress(f"{remote}:{tag}: is not there")
        return False
    except (APIError, DockerException) as error:
        raise KbootError(f"{remote}:{tag}: not pulled: {error}", _hint(place)) from error
    if labels.get(DIGEST_LABEL) != image.recipe.digest:
        raise KbootError(f"{remote}:{tag}: {_other(labels, image)}", f"push there the images of this kboot, or {_OR}")
    return True


def _other(labels: dict[str, str], image: ServiceImage) -> str:
    found = labels.get(DIGEST_LABEL, "")[:12] or "missing"
    return (
        f"made of other sources than this kboot's: its label {DIGEST_LABEL} is {found}, not {image.recipe.digest[:12]}"
    )


_OR = "leave `--images-from` and `service_images_from` out, and they are built here"


def _hint(place: str) -> str:
    return f"see that the engine reaches {place.partition('/')[0]} and trusts it, or {_OR}"


if __name__ == "__main__":
    for _name, _reference in ensure_images(sources(), print).items():
        sys.stdout.write(f"{_name} {_reference}\n")
