"""The service images, out of the engine that has or builds them."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping

import docker
import requests.exceptions
from docker.errors import DockerException

from ...errors import EngineError
from ...supplies.bundle_manifest import Item, Kind
from ...supplies.task_container import engine_client
from .collected import Collected
from .image_files import saved_image, taken_apart


def collect_service_images(
    references: Mapping[str, str], version: str, collected: Collected, progress: Callable[[str], None]
) -> list[Item]:
    """Return the images of `references`, service -> name in the engine, under the names that an installed kboot knows.

    Raises EngineError.
    """
    try:
        with engine_client() as client:
            return [
                item
                for service, reference in sorted(references.items())
                for item in _collected(client, service, reference, version, collected, progress)
            ]
    except (DockerException, requests.exceptions.RequestException) as error:
        raise EngineError(f"the engine did not give a service image: {error}", "see that it runs") from error


def _collected(
    client: docker.DockerClient,
    service: str,
    reference: str,
    version: str,
    collected: Collected,
    progress: Callable[[str], None],
) -> list[Item]:
    key = f"service image {client.images.get(reference).id} {service} {version}"
    known = collected.remembered(key)
    if known is not None:
        return known
    progress(f"saving {reference}")
    stream = io.BufferedReader(_Chunks(client.api.get_image(reference)))
    files = taken_apart(stream, collected)
    while stream.read(1 << 20):  # past the end of the archive: the connection stays open until all of it is read
        pass
    parts = saved_image(files, collected)
    return collected.remember(key, [parts.item(Kind.SERVICE_IMAGE, f"kboot-{service}:{version}", "kboot", version)])


class _Chunks(io.RawIOBase):
    """Chunks of bytes as a file that is read in order."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = chunk
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count
