"""A prune that is killed: what stands in the store afterwards is whole, and the next one completes."""

from __future__ import annotations

from pathlib import Path

from kboot.supplies.named_images import is_kept
from kboot.supplies.prune import prune_store
from kboot.supplies.registry_contents import Plan
from kboot.supplies.registry_store import RegistryStore
from support.image_archives import digest_of
from support.killed import kill_at, moments
from support.real_registry import Image, image_of

SHARED = b"in every image"
KEPT, REST = "registry.k8s.io/kept:1", 40
_KEPT = image_of(SHARED, b"kept")


class Store:
    """A registry's folder, as its own process writes it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._root = folder / "docker/registry/v2"
        folder.mkdir()
        for lock in (".pruning", ".pushing"):
            (folder / lock).touch()

    def put(self, repository: str, tag: str, image: Image) -> None:
        """An image under a tag."""
        place = self._root / "repositories" / repository
        (place / "_uploads").mkdir(parents=True, exist_ok=True)
        for blob in (image.manifest, *image.blobs):
            digest = digest_of(blob)[7:]
            self._write(self._root / "blobs/sha256" / digest[:2] / digest / "data", blob)
        for blob in image.blobs:
            self._link(place / "_layers/sha256", digest_of(blob))
        self._link(place / "_manifests/revisions/sha256", image.digest)
        self._link(place / "_manifests/tags" / tag / "index/sha256", image.digest)
        self._write(place / "_manifests/tags" / tag / "current/link", image.digest.encode())

    def halves(self) -> list[str]:
        """The images that look whole, by tag and manifest, and lack something."""
        contents = RegistryStore(self.folder).contents()
        return [
            f"{repository.name}:{tag}"
            for repository in contents.repositories
            for tag, digest in repository.tags.items()
            if digest in repository.manifests and not {digest, *contents.named.get(digest, ())} <= contents.blobs.keys()
        ]

    def _link(self, folder: Path, digest: str) -> None:
        self._write(folder / digest[7:] / "link", digest.encode())

    def _write(self, path: Path, content: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _filled(folder: Path) -> Store:
    """A store of an image that is kept, and of many that are not."""
    store = Store(folder)
    store.put("kept", "1", _KEPT)
    for number in range(REST):
        store.put(f"rest/{number % 15}", f"{number}", image_of(SHARED, b"%d" % number))
    return store


def _files(store: Store) -> int:
    return sum(path.is_file() for path in store.folder.rglob("*"))


def _prune(store: Store) -> Plan:
    return prune_store(RegistryStore(store.folder), is_kept([KEPT], ()), lambda: None)


def test_a_prune_that_is_killed_leaves_nothing_half_and_the_next_completes(tmp_path: Path) -> None:
    twin = _filled(tmp_path / "twin")
    changes = moments(lambda: _prune(twin), 10)
    begun = 0
    for change in changes:
        store = _filled(tmp_path / str(change))
        assert kill_at(lambda store=store: _prune(store), change) == 0  # type: ignore[misc]
        assert store.halves() == []
        begun += _files(twin) < _files(store)
        plan = _prune(store)
        contents = RegistryStore(store.folder).contents()
        assert [repository.name for repository in contents.repositories] == ["kept"]
        assert (set(contents.blobs), plan.kept) == (_KEPT.digests, 1)
    assert begun == len(changes)
