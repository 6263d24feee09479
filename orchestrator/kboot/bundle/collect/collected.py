"""The cache of what bundles are made of: contents under their SHA-256, and what was fetched by the name asked for.

A `create` that was killed, and the next bundle, fetch nothing twice. `rm -r ~/.cache/kboot/bundle` forgets all.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import file_digest, sha256
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from ...host.files import write_file
from ...supplies.bundle_manifest import Blob, Item

_SCRATCH = "scratch-"
_ITEMS = TypeAdapter(list[Item])
_BLOB = TypeAdapter(Blob)


class Collected:
    """What was collected, in `folder`; contents of files elsewhere stay where they are."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._blobs = folder / "blobs"
        self._names = folder / "names"
        self._elsewhere: dict[str, Path] = {}

    def path(self, blob: Blob) -> Path:
        """Return the file with a content that was taken, or is kept elsewhere."""
        return self._elsewhere.get(blob.digest) or self._blobs / blob.digest.removeprefix("sha256:")

    def take(self, path: Path, known: Blob | None = None) -> Blob:
        """Keep a file that lies in a folder of the cache, without a copy of it, and return what it holds.

        That is `known` to whoever hashed it while it was written, and else read from it.
        """
        blob = known or _hashed(path)
        target = self._blobs / blob.digest.removeprefix("sha256:")
        target.parent.mkdir(parents=True, exist_ok=True)
        if not self._has(blob):
            target.unlink(missing_ok=True)
            target.hardlink_to(path)
        return blob

    def take_bytes(self, content: bytes) -> Blob:
        """Keep a small content in the cache, and return how it is named."""
        with self.scratch() as folder:
            (folder / "content").write_bytes(content)
            return self.take(folder / "content")

    def refer(self, path: Path) -> Blob:
        """Return what a file elsewhere holds, which is hashed once while it stays as it is, and not copied."""
        looked = path.stat()
        key = f"file {path.resolve()} {looked.st_size} {looked.st_mtime_ns} {looked.st_ino}"
        name = self._named(key)
        try:
            blob = _BLOB.validate_json(name.read_bytes())
        except (OSError, ValidationError):
            blob = _hashed(path)
            self._write(name, _BLOB.dump_json(blob))
        self._elsewhere[blob.digest] = path
        return blob

    def remembered(self, key: str) -> list[Item] | None:
        """Return what was fetched under this key, if every content of it is still here with its size."""
        try:
            items = _ITEMS.validate_json(self._named(key).read_bytes())
        except (OSError, ValidationError):
            return None
        return items if all(self._has(blob) for item in items for blob in item.contents) else None

    def remember(self, key: str, items: Sequence[Item]) -> list[Item]:
        """Keep what was fetched under a key, and return it."""
        self._write(self._named(key), _ITEMS.dump_json(list(items)))
        return list(items)

    def tidy(self) -> None:
        """Remove what a run that was killed left unfinished; call it while the lock is held."""
        for left in self.folder.glob(f"{_SCRATCH}*"):
            shutil.rmtree(left)

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """Yield an empty folder in the cache, from which `take` moves without a copy; it is removed afterwards."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.folder, prefix=_SCRATCH) as name:
            yield Path(name)

    @property
    def lock(self) -> Path:
        """The file that one who fills the cache holds."""
        return self.folder / "lock"

    def _has(self, blob: Blob) -> bool:
        try:
            return os.stat(self.path(blob)).st_size == blob.size
        except OSError:
            return False

    def _named(self, key: str) -> Path:
        return self._names / f"{sha256(key.encode()).hexdigest()}.json"

    def _write(self, path: Path, content: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_file(path, content)


def _hashed(path: Path) -> Blob:
    with path.open("rb", buffering=0) as stream:
        total = file_digest(stream, "sha256")
        return Blob(digest=f"sha256:{total.hexdigest()}", size=stream.tell())
