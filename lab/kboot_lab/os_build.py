"""The lab OS: a small Debian that boots, installs and is laid out as Flatcar is, built once for each set of inputs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Protocol

import docker
from docker.errors import APIError, DockerException

from kboot.errors import KbootError
from kboot.host.cache import made_once, one_at_a_time
from kboot.service_images.base import SUITE, UNWANTED, ensure_base, make_root

RECIPE = Path(__file__).parent / "os"
_SAID_AT_FAILURE = 8  # lines


class Builder(Protocol):
    """The slow steps that turn a recipe into a release, each called only where its result is missing."""

    def make_rootfs(self, packages: tuple[str, ...], archive: Path) -> None:
        """Write Debian with these packages to the tar `archive`."""

    def make_release(self, recipe: Recipe, rootfs: Path, keys: Path, out: Path) -> None:
        """Fill `out` with a release of `recipe`, signed with the key in `keys`."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """The inputs of one release of the lab OS."""

    folder: Path
    version: str
    channel: str

    @property
    def packages(self) -> tuple[str, ...]:
        """Debian's packages in the OS."""
        return _words(self.folder / "packages.txt")

    @property
    def tools(self) -> tuple[str, ...]:
        """Debian's packages that the build of the OS runs."""
        return _words(self.folder / "tools.txt")

    @property
    def digest(self) -> str:
        """SHA-256 over the recipe's files with their modes, the version and the channel, in hex."""
        total = sha256(repr((SUITE, self.version, self.channel)).encode())
        for file in self._files():
            mode = 0o755 if file.stat().st_mode & 0o100 else 0o644  # of a file's mode a wheel keeps no more
            total.update(f"\0{file.relative_to(self.folder)}\0{mode:o}\0".encode() + file.read_bytes())
        return total.hexdigest()

    @property
    def rootfs_digest(self) -> str:
        """SHA-256 over the inputs of Debian's root file system, in hex; releases of one OS share it."""
        return sha256(repr((SUITE, self.packages, UNWANTED)).encode()).hexdigest()

    def _files(self) -> Iterator[Path]:
        yield from sorted(path for path in self.folder.rglob("*") if path.is_file() and path.suffix != ".pyc")


def build_lab_os(cache_folder: Path, version: str, channel: str, progress: Callable[[str], None]) -> Path:
    """Return the folder that a release server serves at `/`, with a signed release; build it if it is missing.

    It holds `release-key.asc` and `<channel>/amd64-usr/<version>/`, to which `current` points.
    """
    return ensure_release(
        cache_folder / "lab-os", Recipe(RECIPE, version, channel), ContainerBuilder(progress), progress
    )


def ensure_release(cache: Path, recipe: Recipe, builder: Builder, progress: Callable[[str], None]) -> Path:
    """Return the release of `recipe` in `cache`, built if it is missing; a build that is cut off leaves none."""

    def fetch(archive: Path) -> None:
        progress(f"  fetching {len(recipe.packages)} packages of Debian and what they need")
        builder.make_rootfs(recipe.packages, archive)

    def build(out: Path) -> None:
        progress(f"building the lab OS {recipe.channel} {recipe.version}")
        keys = cache / "keys"
        keys.mkdir(exist_ok=True, mode=0o700)
        rootfs = made_once(cache / f"debian-{recipe.rootfs_digest[:16]}.tar", fetch)
        out.mkdir()
        with one_at_a_time(keys):  # the first release makes the key that signs them all
            builder.make_release(recipe, rootfs, keys, out)

    return made_once(cache / recipe.digest[:16], build)


class ContainerBuilder:
    """Builds Debian with mmdebstrap on this machine, and a release in a container that has no network."""

    def __init__(self, progress: Callable[[str], None]) -> None:
        self._progress = progress

    def make_rootfs(self, packages: tuple[str, ...], archive: Path) -> None:
        """Write Debian with these packages to the tar `archive`; raises KbootError."""
        make_root(packages, archive)

    def make_release(self, recipe: Recipe, rootfs: Path, keys: Path, out: Path) -> None:
        """Run build.sh; raises KbootError with the last lines of its output."""
        try:
            client = docker.from_env(timeout=600)
            image = ensure_base(client, recipe.tools, self._progress)
            container = client.containers.run(
                image,
                ["bash", "/recipe/build.sh", recipe.version, recipe.channel],
                detach=True,
                network_mode="none",
                environment={"KBOOT_OWNER": f"{os.getuid()}:{os.getgid()}"},
                volumes={
                    str(recipe.folder.resolve()): {"bind": "/recipe", "mode": "ro"},
                    str(rootfs.resolve()): {"bind": "/rootfs.tar", "mode": "ro"},
                    str(keys.resolve()): {"bind": "/keys", "mode": "rw"},
                    str(out.resolve()): {"bind": "/out", "mode": "rw"},
                },
            )
            try:
                said = self._follow(container.logs(stream=True))
                status = container.wait()["StatusCode"]
            finally:
                container.remove(force=True)
        except (APIError, DockerException) as error:
            raise KbootError(f"the lab OS cannot be built: {error}", "does the Docker engine run?") from error
        if status != 0:
            raise KbootError(f"build.sh of the lab OS failed: {' / '.join(said)}", f"see {recipe.folder / 'build.sh'}")

    def _follow(self, chunks: Iterator[bytes]) -> list[str]:
        said: list[str] = []
        rest = b""
        for chunk in chunks:
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                said = [*said, line.decode(errors="replace")][-_SAID_AT_FAILURE:]
                self._progress(f"  {said[-1]}")
        return said


def _words(file: Path) -> tuple[str, ...]:
    return tuple(sorted(file.read_text().split()))
