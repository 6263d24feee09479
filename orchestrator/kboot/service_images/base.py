"""Base images: Debian with the packages that a service needs, made by mmdebstrap or on Debian's own image."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import docker
from docker.errors import APIError, DockerException, ImageNotFound

from ..errors import KbootError
from ..host.cache import cache_folder, one_at_a_time

SUITE = "bookworm"
_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
UNWANTED = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*")


def base_reference(packages: tuple[str, ...], suite: str = SUITE) -> str:
    """Return the name of the base image with these packages of that release of Debian."""
    return f"kboot/base:{sha256(repr((suite, packages, UNWANTED)).encode()).hexdigest()[:12]}"


def ensure_base(
    client: docker.DockerClient, packages: tuple[str, ...], progress: Callable[[str], None], suite: str = SUITE
) -> str:
    """Make the base image with these packages if it is missing, and return its name; an old one is kept."""
    reference = base_reference(packages, suite)

    def make() -> None:
        progress(f"making a base image of {suite} with {', '.join(packages)}")
        if not _from_registry(client, reference, packages, suite):
            _from_packages(client, reference, packages, suite)

    image_once(client, reference, make)
    return reference


def has_image(client: docker.DockerClient, reference: str) -> bool:
    """Return whether the engine has the image `reference`."""
    try:
        client.images.get(reference)
    except ImageNotFound:
        return False
    return True


def image_once(client: docker.DockerClient, reference: str, make: Callable[[], None]) -> None:
    """Call `make` where the engine lacks the image; another process that wants it waits and finds it made."""
    if not has_image(client, reference):
        with one_at_a_time(cache_folder() / "images" / reference.replace("/", "-")):
            if not has_image(client, reference):
                make()


def _from_registry(client: docker.DockerClient, reference: str, packages: tuple[str, ...], suite: str) -> bool:
    """Make the base image on Debian's own if KBOOT_BASE=registry asks for that; return whether it was made.

    A container then fetches each package, which fails on a bootstrapper behind a closed network.
    """
    if os.environ.get("KBOOT_BASE") != "registry":
        return False
    try:
        client.images.pull("debian", tag=f"{suite}-slim")
        command = f"apt-get update -qq && apt-get install -y -qq --no-install-recommends {' '.join(packages)}"
        container = client.containers.run(
            f"debian:{suite}-slim", ["sh", "-c", f"{command} && rm -rf /var/lib/apt/lists/*"], detach=True
        )
        try:
            if container.wait()["StatusCode"] != 0:
                raise KbootError("apt-get failed in the base image", container.logs(tail=5).decode(errors="replace"))
            repository, _, tag = reference.rpartition(":")
            container.commit(repository, tag)
        finally:
            container.remove(force=True)
    except APIError:
        return False
    return True


def _from_packages(client: docker.DockerClient, reference: str, packages: tuple[str, ...], suite: str) -> None:
    with tempfile.TemporaryDirectory(prefix="kboot-base-") as folder:
        archive = Path(folder) / "root.tar"
        make_root(packages, archive, suite)
        repository, _, tag = reference.rpartition(":")
        try:
            client.api.import_image_from_file(str(archive), repository=repository, tag=tag)
        except DockerException as error:
            raise KbootError(f"the engine did not take the base image: {error}", "is its disk full?") from error


def make_root(packages: tuple[str, ...], archive: Path, suite: str = SUITE) -> None:
    """Write a small Debian with these packages to the tar `archive`; raises KbootError."""
    command = ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={','.join(packages)}"]
    command += [f"--dpkgopt=path-exclude={path}" for path in UNWANTED]
    command += ["--customize-hook=rm -rf $1/var/cache/apt/* $1/var/lib/apt/lists/*"]
    if _KEYRING.exists():
        command += [f"--keyring={_KEYRING}"]
    # A kernel's package would make an initrd, which takes long and is used by nothing here.
    environment = {**os.environ, "INITRD": "No"}
    try:
        made = subprocess.run([*command, suite, str(archive)], capture_output=True, text=True, env=environment)
    except FileNotFoundError as error:
        raise KbootError("mmdebstrap is not installed", "`apt install mmdebstrap debian-archive-keyring`") from error
    if made.returncode != 0:
        said = made.stderr.strip()[-400:]
        raise KbootError(f"mmdebstrap failed: {said}", "are Debian's packages reached from here?")
