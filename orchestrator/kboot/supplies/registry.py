"""A cluster's registry as machines see it: which images stand there, and whether they are whole."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from hashlib import sha256, sha384, sha512
from types import TracebackType
from typing import Any

import httpx

from kboot_clusterdesc import ClusterDesc, ClusterFolder
from kboot_clusterdesc.node_images import repository_and_tag

from ..errors import KbootError
from .image_owners import ImageOwners
from .image_platform import listed_platform, platform_fault, platform_of
from .standing import Standing

_CONFIG_LIMIT_BYTES = 16 << 20
_PIECE_BYTES = 1 << 20
_HASHES = {"sha256": sha256, "sha384": sha384, "sha512": sha512}  # what the registry takes digests of
_INDEXES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
_MANIFESTS = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
# The registry answers 404 for an index that is not asked for by its type.
_ACCEPT = {"Accept": ", ".join(_INDEXES + _MANIFESTS), "Accept-Encoding": "identity"}


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of a look at one image. `digest` is the hash of its manifest's bytes.

    `config` is that of its configuration, which is the image's whatever its layers are packed with; an index has none.
    """

    reference: str
    standing: Standing
    digest: str | None = None
    faults: tuple[str, ...] = ()
    config: str | None = None


class RegistryUnreachable(KbootError):
    """The registry does not answer."""


class Registry(AbstractContextManager["Registry"]):
    """A client of the side of the registry that machines pull from: TLS with the cluster's CA, anonymous.

    With `reads_blobs` each look reads every blob through, once for all images that have it.
    """

    def __init__(
        self, folder: ClusterFolder, desc: ClusterDesc, *, timeout_s: float = 10, reads_blobs: bool = False
    ) -> None:
        self._cluster = folder.cluster
        self._reads_blobs = reads_blobs
        self._whole: set[str] = set()  # digests of blobs whose bytes have them
        self._owners = ImageOwners(folder, desc)
        self._arch = desc.os.arch
        self._base = f"https://{desc.network.bootstrapper}:{desc.registry.port}"
        authority = folder.pki / "cluster-ca.pem"
        try:
            context = ssl.create_default_context(cafile=str(authority))
        except OSError as error:
            raise RegistryUnreachable(
                f"{authority}: cannot be read: {error.strerror}", "run `kboot up` first, and this as the same user"
            ) from error
        # trust_env off: a proxy of the site must not stand between us and our own machine
        self._client = httpx.Client(
            base_url=f"{self._base}/v2/", verify=context, timeout=timeout_s, headers=_ACCEPT, trust_env=False
        )

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def digest(self, reference: str) -> str | None:
        """Return the digest that the registry names for an image, None where it has none; nothing else is checked.

        What was pushed as an image of another host is none of this name.
        """
        found = self.digest_at(reference)
        return None if self._owners.others(reference, found) else found

    def digest_at(self, reference: str) -> str | None:
        """Return the digest of what stands at the place of an image, whatever it was pushed as."""
        repository, tag = repository_and_tag(reference)
        answer = self._ask("HEAD", f"{repository}/manifests/{tag}")
        if answer.status_code == httpx.codes.NOT_FOUND:
            return None
        if answer.status_code != httpx.codes.OK:
            raise KbootError(f"{reference}: the registry at {self._base} answers {answer.status_code}", self._hint)
        return str(answer.headers.get("Docker-Content-Digest", "unknown"))

    def look(self, reference: str, *, is_judged: bool = True, is_owned: bool = True) -> Finding:
        """Look at an image as a pull would: manifest, digest, the size of each blob, and the platform.

        With `is_owned` it must not have been pushed as an image of another host. Without `is_judged` the configuration
        of a single image is not asked for its platform: a list that is not here may have said it, and lists are
        believed before configurations.
        """
        repository, tag = repository_and_tag(reference)
        answer = self._ask("GET", f"{repository}/manifests/{tag}")
        if answer.status_code == httpx.codes.NOT_FOUND:
            return Finding(reference, Standing.MISSING, faults=("no manifest",))
        faults = list(self._manifest_faults(repository, tag, answer, is_judged=is_judged))
        if not faults and tag != _digest(answer.content):
            faults += self._digest_faults(repository, _digest(answer.content))
        digest = _digest(answer.content) if answer.is_success else None
        if is_owned and (others := self._owners.others(reference, digest)):
            faults.append(f"is {', '.join(others)}, which is one name with it in this registry")
        config = _object(answer.content).get("config") if answer.is_success else None
        named = str(config.get("digest")) if isinstance(config, dict) else None
        return Finding(reference, Standing.WRONG if faults else Standing.OK, digest, tuple(faults), named)

    def _manifest_faults(
        self, repository: str, asked: str, answer: httpx.Response, *, is_judged: bool
    ) -> Iterator[str]:
        """Yield the faults of a manifest and what it leads to; with `is_judged` its configuration has to be for us."""
        if answer.status_code != httpx.codes.OK:
            yield f"manifest {asked}: the registry answers {answer.status_code}"
            return
        digest = _digest(answer.content)
        named = answer.headers.get("Docker-Content-Digest", digest)
        wanted = asked if asked.startswith("sha256:") else named
        if digest != wanted:
            yield f"manifest {asked}: its bytes are {digest}, not {wanted}"
            return
        manifest = _object(answer.content)
        if isinstance(manifest.get("manifests"), list):
            yield from self._index_faults(repository, asked, manifest["manifests"])
        elif _is_object(manifest.get("config")) and _are_objects(manifest.get("layers")):
            parts = [("config", manifest["config"]), *(("layer", each) for each in manifest["layers"])]
            faults = [fault for kind, blob in parts for fault in self._blob_faults(repository, kind, blob)]
            yield from faults
            if is_judged and not faults:
                yield from self._platform_faults(repository, manifest["config"])
        else:
            yield f"manifest {asked}: neither an index nor an image"

    def _digest_faults(self, repository: str, digest: str) -> Iterator[str]:
        """Yield a fault where a manifest is had by its tag alone: containerd then asks for it by its digest."""
        answer = self._ask("HEAD", f"{repository}/manifests/{digest}")
        if answer.status_code != httpx.codes.OK:
            yield f"manifest {digest}: the registry answers {answer.status_code}"

    def _index_faults(self, repository: str, asked: str, entries: list[Any]) -> Iterator[str]:
        """Yield the faults of an index. A registry may hold some of its architectures; ours has to be among them.

        What the index says of its images is believed, as containerd does: well-known ones have another architecture in
        their configurations.
        """
        is_here = False
        for entry in filter(_is_object, entries):
            digest = str(entry.get("digest"))
            answer = self._ask("GET", f"{repository}/manifests/{digest}")
            if answer.status_code == httpx.codes.NOT_FOUND:
                continue
            platform = entry["platform"] if _is_object(entry.get("platform")) else {}
            is_here |= platform.get("os") == "linux" and listed_platform(platform) == f"linux/{self._arch}"
            yield from self._manifest_faults(repository, digest, answer, is_judged=False)
        if not is_here:
            yield f"manifest {asked}: holds no image for linux/{self._arch}"

    def _blob_faults(self, repository: str, kind: str, blob: Mapping[str, Any]) -> Iterator[str]:
        digest, size = str(blob.get("digest")), blob.get("size")
        answer = self._ask("HEAD", f"{repository}/blobs/{digest}")
        if answer.status_code != httpx.codes.OK:
            yield f"{kind} {digest}: the registry answers {answer.status_code}"
        elif answer.headers.get("Content-Length") != str(size):
            found = answer.headers.get("Content-Length", "unknown")
            yield f"{kind} {digest}: {found} bytes, not {size}"
        elif self._reads_blobs and digest not in self._whole:
            yield from self._content_faults(repository, kind, digest)

    def _content_faults(self, repository: str, kind: str, digest: str) -> Iterator[str]:
        """Yield a fault where the bytes of a blob have another digest; a piece of them at a time lies in memory."""
        name = digest.partition(":")[0]
        found = _HASHES.get(name, sha256)()
        try:
            with self._client.stream("GET", f"{repository}/blobs/{digest}") as answer:
                for piece in answer.iter_raw(_PIECE_BYTES):
                    found.update(piece)
        except (httpx.ReadError, httpx.RemoteProtocolError) as error:
            yield f"{kind} {digest}: its bytes break off: {error}"
            return
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error
        if f"{name}:{found.hexdigest()}" == digest:
            self._whole.add(digest)
        else:
            yield f"{kind} {digest}: its bytes are {name}:{found.hexdigest()}"

    def _platform_faults(self, repository: str, config: Mapping[str, Any]) -> Iterator[str]:
        if int(config.get("size", 0)) <= _CONFIG_LIMIT_BYTES:
            answer = self._ask("GET", f"{repository}/blobs/{config['digest']}")
            platform = platform_of(_object(answer.content))
            if platform and (fault := platform_fault([platform], self._arch)):
                yield fault

    def _ask(self, method: str, path: str) -> httpx.Response:
        try:
            return self._client.request(method, path)
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error

    def _unreachable(self, error: httpx.HTTPError) -> RegistryUnreachable:
        return RegistryUnreachable(f"the registry at {self._base} does not answer: {error}", self._hint)

    @property
    def _hint(self) -> str:
        return f"read `docker compose -p kboot-{self._cluster} logs registry`, then `kboot restart registry`"


def _digest(content: bytes) -> str:
    return f"sha256:{sha256(content).hexdigest()}"


def _is_object(found: object) -> bool:
    return isinstance(found, dict)


def _are_objects(found: object) -> bool:
    return isinstance(found, list) and all(map(_is_object, found))


def _object(content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
