"""Brings service images from the store into the engine of this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import docker
import requests.exceptions
from docker.errors import DockerException, ImageNotFound

from ..errors import EngineError
from ..supplies.bundle_manifest import Item
from ..supplies.store import SupplyStore
from ..supplies.task_container import engine_client
from .docker_archive import StoredImage, docker_archive, stored_image


def load_service_images(store: SupplyStore, items: list[Item], progress: Callable[[str], None]) -> list[str]:
    """Load the images that the engine lacks, and return their references; raise EngineError."""
    if not items:
        return []
    images = [stored_image(store, item) for item in items]
    try:
        with engine_client() as client:
            lacking = [image for image in images if not _has(client, image)]
            if lacking:
                progress(f"loading {len(lacking)} service images into the engine")
                _load(client, docker_archive(store, lacking))
            refused = [image.reference for image in lacking if not _has(client, image)]
    except (DockerException, requests.exceptions.RequestException) as error:
        raise EngineError(f"the engine did not take the service images: {error}", _AGAIN) from error
    if refused:
        raise EngineError(f"the engine took {refused[0]}, and does not have it as it should be", _AGAIN)
    return [image.reference for image in lacking]


_AGAIN = "see that the Docker engine runs and has room, then run this again: what was loaded before is kept"


def _load(client: docker.DockerClient, archive: Iterator[bytes]) -> None:
    for event in client.api.load_image(archive):  # type: ignore[no-untyped-call]
        if "error" in event:
            raise EngineError(f"the engine did not take the service images: {str(event['error']).strip()}", _AGAIN)


def _has(client: docker.DockerClient, image: StoredImage) -> bool:
    """Return whether the engine has this very image: the same layers and labels.

    Its id is the config's digest in one kind of engine, and in another that of a manifest which the engine made.
    """
    try:
        found = client.images.get(image.reference)
    except ImageNotFound:
        return False
    return tuple(found.attrs["RootFS"].get("Layers", ())) == image.unpacked and found.labels == image.labels
