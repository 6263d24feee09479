"""Write a container image as one file in the form of `docker save`, without an engine (OCI image config, v1.2)."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

_EPOCH = "1970-01-01T00:00:00Z"


@dataclass(frozen=True, slots=True)
class ImageRecipe:
    """The content of a container image: executables and libraries by their paths in it."""

    reference: str
    files: Mapping[str, Path]
    entrypoint: Sequence[str] = ()
    environment: Sequence[str] = field(default=("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",))

    @property
    def digest(self) -> str:
        """SHA-256 over all that the image consists of, in hex."""
        total = sha256(repr((self.reference, self.entrypoint, self.environment)).encode())
        for path in sorted(self.files):
            with self.files[path].open("rb") as stream:
                total.update(f"\0{path}\0".encode() + _digest_of(stream).encode())
        return total.hexdigest()


def write_image(recipe: ImageRecipe, archive: Path) -> None:
    """Write the image to `archive`; the same recipe gives the same bytes. A cut-off write leaves no archive."""
    layer = archive.with_name(f".{archive.name}.layer")
    temporary = archive.with_name(f".{archive.name}.new")
    try:
        with tarfile.open(layer, "w") as tar:
            _add_folders(tar, recipe.files)
            for path in sorted(recipe.files):
                _add_file(tar, path.lstrip("/"), recipe.files[path])
        digest = _file_digest(layer)
        config = json.dumps(_config(recipe, digest), sort_keys=True).encode()
        name = f"{sha256(config).hexdigest()}.json"
        manifest = [{"Config": name, "RepoTags": [recipe.reference], "Layers": [f"{digest}/layer.tar"]}]
        with tarfile.open(temporary, "w") as tar:
            _add_file(tar, f"{digest}/layer.tar", layer, 0o644)
            _add_bytes(tar, name, config)
            _add_bytes(tar, "manifest.json", json.dumps(manifest).encode())
        temporary.replace(archive)
    finally:
        layer.unlink(missing_ok=True)
        temporary.unlink(missing_ok=True)


def _config(recipe: ImageRecipe, digest: str) -> dict[str, object]:
    return {
        "architecture": "amd64",
        "os": "linux",
        "created": _EPOCH,
        "config": {"Entrypoint": list(recipe.entrypoint) or None, "Env": list(recipe.environment)},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
        "history": [{"created": _EPOCH, "created_by": "kboot lab"}],
    }


def _add_folders(tar: tarfile.TarFile, files: Mapping[str, Path]) -> None:
    """Add the folders above the files, and a /tmp that every user may write."""
    folders = {str(parent) for path in files for parent in Path(path.lstrip("/")).parents} - {"."}
    for folder in sorted(folders | {"tmp"}):
        entry = tarfile.TarInfo(folder)
        entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if folder == "tmp" else 0o755
        tar.addfile(entry)


def _add_file(tar: tarfile.TarFile, name: str, source: Path, mode: int = 0o755) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = source.stat().st_size, mode
    with source.open("rb") as stream:
        tar.addfile(entry, stream)


def _add_bytes(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), 0o644
    tar.addfile(entry, io.BytesIO(content))


def _file_digest(path: Path) -> str:
    with path.open("rb") as stream:
        return _digest_of(stream)


def _digest_of(stream: io.BufferedReader) -> str:
    total = sha256()
    while chunk := stream.read(1 << 20):
        total.update(chunk)
    return total.hexdigest()
