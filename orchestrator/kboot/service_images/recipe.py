"""The recipe of an image: all that goes into it, and the name that follows from that."""

from __future__ import annotations

import io
import re
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from .base import EPOCH_S, SUITE, base_reference
from .names import own_image

_SKIPPED = {"__pycache__", ".mypy_cache", ".ruff_cache"}


@dataclass(frozen=True, slots=True)
class Recipe:
    """A folder with a Dockerfile. `packages` are Debian's, maybe none; `requirements` is pip's hash lock, or None.

    `suite` is the release of Debian that they are of: what `suite.txt` says, where the folder has one.
    """

    name: str
    folder: Path
    packages: tuple[str, ...]
    requirements: bytes | None
    files: Mapping[str, Path]  # path in the build context -> file
    arguments: Mapping[str, str]  # build arguments beside BASE: another image, the user
    suite: str = SUITE

    @property
    def digest(self) -> str:
        """SHA-256 over everything that goes into the image, in hex; the first 12 name it."""
        base = base_reference(self.packages, self.suite)
        total = sha256(repr((self.name, base, sorted(self.arguments.items()))).encode())
        total.update(self.requirements or b"")
        for path in sorted(self.files):
            total.update(f"\0{path}\0".encode() + self.files[path].read_bytes())
        return total.hexdigest()

    @property
    def reference(self) -> str:
        """The name of the image where it stays on this machine: `kboot-<name>:<hash>`."""
        return own_image(self.name, self.digest)


def read_recipe(name: str, folder: Path, shared: Path | None = None, given: Mapping[str, str] | None = None) -> Recipe:
    """Return the recipe in `folder`. A Python service's package, and `shared` beside it, go below `site/`.

    Of the build arguments that are `given`, and the time of files, it has those that its Dockerfile asks for.
    """
    packages = tuple(sorted((folder / "packages.txt").read_text().split()))
    lock, suite = folder / "requirements.txt", folder / "suite.txt"
    files = {path.name: path for path in folder.iterdir() if path.is_file() and path != lock}
    for package in sorted(folder.glob("kboot_*")):
        files |= {f"site/{path}": file for path, file in _package_files(package)}
    if lock.exists() and shared is not None:
        files |= {f"site/{path}": file for path, file in _package_files(shared)}
    requirements = lock.read_bytes() if lock.exists() else None
    asked = set(re.findall(r"^ARG (\w+)$", (folder / "Dockerfile").read_text(), re.MULTILINE))
    known = {"SOURCE_DATE_EPOCH": str(EPOCH_S), **(given or {})}
    arguments = {argument: value for argument, value in known.items() if argument in asked}
    of = suite.read_text().strip() if suite.exists() else SUITE
    return Recipe(name, folder, packages, requirements, files, arguments, of)


def _package_files(package: Path) -> Iterator[tuple[str, Path]]:
    for file in sorted(package.rglob("*")):
        if file.is_file() and not _SKIPPED & set(file.relative_to(package).parts) and file.suffix != ".pyc":
            yield str(file.relative_to(package.parent)), file


def build_context(recipe: Recipe, site: Path | None) -> bytes:
    """Return the build context as a tar, byte for byte fixed by its files. `site` holds the installed requirements."""
    files = dict(recipe.files)
    if site is not None:
        files |= {f"site/{file.relative_to(site)}": file for file in site.rglob("*") if file.is_file()}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path in sorted(files):
            content = files[path].read_bytes()
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode, entry.mtime = len(content), 0o644, EPOCH_S
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()
