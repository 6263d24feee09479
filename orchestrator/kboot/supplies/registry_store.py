"""The store of a cluster's registry on the disk: read, and rid of what may go.

The registry tells its tags alone; what stands there by digest only the disk knows. Its layout is the same in releases 2
and 3 of the registry: https://github.com/distribution/distribution, registry/storage/paths.go.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path

from ..errors import KbootError, NotYet
from ..host.files import failed
from ..host.waiting import looks
from .registry_contents import Contents, Named, Plan, Removal, Repository, named_in

_TIMEOUT_S = 30


class RegistryStore:
    """The folder in which both processes of the registry keep what they have."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._blobs = folder / "docker/registry/v2/blobs/sha256"
        self._repositories = folder / "docker/registry/v2/repositories"

    def contents(self) -> Contents:
        """Return what lies there. It is exact while nobody pushes."""
        try:
            blobs = {f"sha256:{path.parent.name}": _bytes(path) for path in self._blobs.glob("*/*/data")}
            repositories = tuple(self._repository(path) for path in self._found(self._repositories))
            digests = {digest for each in repositories for digest in each.manifests}
            named = {digest: found for digest in digests if (found := self._named(digest)) is not None}
            uploads = [path for each in repositories for path in self._parts(each.name, "_uploads").rglob("*")]
            left = sum(_bytes(path) for path in uploads if path.is_file())
        except OSError as error:
            raise failed(error, self._folder) from error
        return Contents(repositories, blobs, named, left)

    def remove(self, plan: Plan) -> None:
        """Remove what a plan says, and what broken pushes left; call it while `pushes_held_off`.

        Names go before what they lead to: a prune that is killed leaves nothing that looks whole and is not.
        """
        try:
            for removal in plan.removals:
                self._remove(removal)
            for path in list(self._found(self._repositories)):
                _remove_all(path / "_uploads")
                for layer in _inside(path / "_layers/sha256"):
                    if (digest := f"sha256:{layer.name}") in plan.blobs or _linked(layer / "link") != digest:
                        _remove_all(layer)
            for name in plan.emptied:
                self._remove_repository(name)
            for digest in plan.blobs:
                _remove_all(self._blob(digest).parent)
        except OSError as error:
            raise failed(error, self._folder) from error

    @contextmanager
    def pushes_held_off(self, end_pushes: Callable[[], None]) -> Iterator[None]:
        """Hold pushes off: end the process that takes them by `end_pushes`, and keep it from starting until the end.

        Pulls go on. The kernel lets pushes in again should this process be killed. Raises NotYet, KbootError.
        """
        with self._lock(".pruning") as pruning, self._lock(".pushing") as pushing:
            if not _is_taken(pruning):
                raise KbootError(f"{self._folder}: is pruned by another process", "wait until that is done")
            end_pushes()
            if not any(_is_taken(pushing) for _ in looks(_TIMEOUT_S, 0.05)):
                raise NotYet(f"the registry still took pushes after {_TIMEOUT_S} s", "`kboot restart registry`")
            yield

    @contextmanager
    def _lock(self, name: str) -> Iterator[int]:
        path = self._folder / name
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError as error:
            raise NotYet(
                f"{path}: is not there: no registry that can be pruned ever ran here", "`kboot up FILE` starts one"
            ) from error
        except OSError as error:
            raise failed(error, path) from error
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def _found(self, folder: Path) -> Iterator[Path]:
        """Yield the folder of each repository; one may lie in that of another."""
        inside = [path for path in _inside(folder) if path.is_dir()]
        if any(path.name.startswith("_") for path in inside):
            yield folder
        for path in inside:
            if not path.name.startswith("_"):
                yield from self._found(path)

    def _repository(self, path: Path) -> Repository:
        manifests = path / "_manifests"
        tags = {tag.name: _linked(tag / "current/link") for tag in _inside(manifests / "tags")}
        links = {f"sha256:{each.name}": _linked(each / "link") for each in _inside(manifests / "revisions/sha256")}
        unlinked = frozenset(digest for digest, linked in links.items() if linked != digest)
        return Repository(str(path.relative_to(self._repositories)), tags, frozenset(links), unlinked)

    def _named(self, digest: str) -> Named | None:
        """Return the digests that a manifest names; None where it is not there, or not whole."""
        try:
            content = self._blob(digest).read_bytes()
            return named_in(json.loads(content)) if _hex(digest) == sha256(content).hexdigest() else None
        except (FileNotFoundError, ValueError, RecursionError):
            return None

    def _remove(self, removal: Removal) -> None:
        manifests = self._parts(removal.repository, "_manifests")
        for tag in removal.tags:
            _remove_all(manifests / "tags" / tag)
        if removal.digest:
            for kept in _inside(manifests / "tags"):
                _remove_all(kept / "index/sha256" / _hex(removal.digest))
            _remove_all(manifests / "revisions/sha256" / _hex(removal.digest))

    def _remove_repository(self, name: str) -> None:
        for part in ("_manifests", "_layers", "_uploads"):
            _remove_all(self._parts(name, part))
        place = self._repositories / name
        with suppress(OSError):  # another repository lies in it
            while place != self._repositories:
                place.rmdir()
                place = place.parent

    def _blob(self, digest: str) -> Path:
        return self._blobs / _hex(digest)[:2] / _hex(digest) / "data"

    def _parts(self, repository: str, part: str) -> Path:
        return self._repositories / repository / part


def _hex(digest: str) -> str:
    return digest.removeprefix("sha256:")


def _inside(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _bytes(path: Path) -> int:
    """Return a file's size; 0 for one that went meanwhile."""
    with suppress(FileNotFoundError):
        return path.stat().st_size
    return 0


def _linked(link: Path) -> str:
    """Return the digest that a link of the store holds; "" where it is cut short or missing."""
    with suppress(OSError, UnicodeDecodeError):
        return link.read_text().strip()
    return ""


def _remove_all(path: Path) -> None:
    with suppress(FileNotFoundError):
        shutil.rmtree(path)


def _is_taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
