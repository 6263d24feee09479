"""The lab OS: a small Debian that boots, installs and is laid out as Flatcar is, built once for each set of inputs."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Protocol

import docker
from docker.errors import APIError, DockerException

from kboot.errors import KbootError
from kboot.host.cache import made_once, one_at_a_time
from kboot.service_images.base import SUITE, UNWANTED, ensure_base, make_root

from .update_payload import PAYLOAD, PUBLIC_KEY, ensure_payload_key, write_payload

RECIPE = Path(__file__).parent / "os"
_SAID_AT_FAILURE = 8  # lines


class Builder(Protocol):
    """The slow steps that turn a recipe into a release, each called only where its result is missing."""

    def make_rootfs(self, packages: tuple[str, ...], archive: Path) -> None:
        """Write Debian with these packages to the tar `archive`."""

    def make_system(self, recipe: Recipe, rootfs: Path, keys: Path, out: Path) -> None:
        """Fill `out` with what every release of one OS shares; it knows the public halves of `keys`."""

    def make_release(self, recipe: Recipe, system: Path, keys: Path, out: Path) -> None:
        """Fill `out` with a release of `recipe`, signed with `keys`."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """The inputs of one release of the lab OS."""

    folder: Path
    version: str
    channel: str
    broken: str = ""  # how its installed system does not come up, see build.sh

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
        """SHA-256 over all inputs of the release, in hex."""
        return sha256(repr((self.system_digest, self.version, self.channel, self.broken)).encode()).hexdigest()

    @property
    def system_digest(self) -> str:
        """SHA-256 over the recipe's files with their modes, in hex; releases of one OS share it."""
        total = sha256(SUITE.encode())
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


def build_lab_os(
    cache_folder: Path, version: str, channel: str, progress: Callable[[str], None], broken: str = ""
) -> Path:
    """Return the folder that a release server serves at `/`, with a signed release; build it if it is missing.

    It holds `release-key.asc`, `update-payload-key.pub.pem` and `<channel>/amd64-usr/<version>/`, to which `current`
    points.
    """
    recipe = Recipe(RECIPE, version, channel, broken)
    return ensure_release(cache_folder / "lab-os", recipe, ContainerBuilder(progress), progress)


def ensure_release(cache: Path, recipe: Recipe, builder: Builder, progress: Callable[[str], None]) -> Path:
    """Return the release of `recipe` in `cache`, built if it is missing; a build that is cut off leaves none.

    What takes minutes is built once for all releases of one OS.
    """
    keys = cache / "keys"

    def fetch(archive: Path) -> None:
        progress(f"  fetching {len(recipe.packages)} packages of Debian and what they need")
        builder.make_rootfs(recipe.packages, archive)

    def build_system(out: Path) -> None:
        rootfs = made_once(cache / f"debian-{recipe.rootfs_digest[:16]}.tar", fetch)
        out.mkdir()
        with one_at_a_time(keys):  # the first system makes the keys that sign all releases
            keys.mkdir(exist_ok=True, mode=0o700)
            ensure_payload_key(keys)
            builder.make_system(recipe, rootfs, keys, out)

    def build(out: Path) -> None:
        progress(f"building the lab OS {recipe.channel} {recipe.version}")
        system = made_once(cache / f"system-{recipe.system_digest[:16]}", build_system)
        out.mkdir()
        with one_at_a_time(keys):
            builder.make_release(recipe, system, keys, out)
        finish_release(recipe, keys, out)

    return made_once(cache / recipe.digest[:16], build)


def finish_release(recipe: Recipe, keys: Path, out: Path) -> None:
    """Put the update payload of a release beside its other files, made of the /usr that the build left."""
    usr = out / "usr.squashfs"
    write_payload(usr, out / recipe.channel / "amd64-usr" / recipe.version / PAYLOAD, ensure_payload_key(keys))
    usr.unlink()
    shutil.copy(keys / PUBLIC_KEY, out)


class ContainerBuilder:
    """Builds Debian with mmdebstrap on this machine, and a release in a container that has no network."""

    def __init__(self, progress: Callable[[str], None]) -> None:
        self._progress = progress

    def make_rootfs(self, packages: tuple[str, ...], archive: Path) -> None:
        """Write Debian with these packages to the tar `archive`; raises KbootError."""
        make_root(packages, archive)

    def make_system(self, recipe: Recipe, rootfs: Path, keys: Path, out: Path) -> None:
        """Run the first step of build.sh; raises KbootError with the last lines of its output."""
        self._build(recipe, ["system"], {rootfs: "/rootfs.tar"}, keys, out)

    def make_release(self, recipe: Recipe, system: Path, keys: Path, out: Path) -> None:
        """Run the second step of build.sh; raises KbootError with the last lines of its output."""
        self._build(recipe, ["release", recipe.version, recipe.channel, recipe.broken], {system: "/system"}, keys, out)

    def _build(self, recipe: Recipe, step: list[str], given: Mapping[Path, str], keys: Path, out: Path) -> None:
        read = {recipe.folder: "/recipe", **given}
        written = {keys: "/keys", out: "/out"}
        try:
            client = docker.from_env(timeout=600)
            image = ensure_base(client, recipe.tools, self._progress)
            container = client.containers.run(
                image,
                ["bash", "/recipe/build.sh", *step],
                detach=True,
                network_mode="none",
                environment={"KBOOT_OWNER": f"{os.getuid()}:{os.getgid()}"},
                volumes={
                    str(path.resolve()): {"bind": place, "mode": mode}
                    for mode, places in (("ro", read), ("rw", written))
                    for path, place in places.items()
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
