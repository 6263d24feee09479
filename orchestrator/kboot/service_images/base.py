"""Base images: Debian with the packages that a service needs, made by mmdebstrap or on Debian's own image."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import docker
from docker.errors import APIError, DockerException, ImageNotFound

from ..errors import KbootError
from ..host.cache import cache_folder, one_at_a_time
from .names import DIGEST_LABEL, own_image

SUITE = "bookworm"
_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
UNWANTED = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*")
EPOCH_S = 946684800  # 2000-01-01: the time of every file in an image, so that it does not tell when it was built
# The same packages give the same bytes: mmdebstrap copies both files of this machine, and an engine brings its own.
_NOT_OF_THIS_HOST = "--customize-hook=rm -f $1/etc/resolv.conf $1/etc/hostname"
_OPTIONS = ("--dpkgopt=path-include=/usr/share/doc/*/copyright", _NOT_OF_THIS_HOST)  # licences go with what they are of


def base_reference(packages: tuple[str, ...], suite: str = SUITE) -> str:
    """Return the name of the base image with these packages of that release of Debian."""
    return own_image("build-base", _digest(packages, suite))


def _digest(packages: tuple[str, ...], suite: str) -> str:
    return sha256(repr((suite, packages, UNWANTED, _OPTIONS, EPOCH_S)).encode()).hexdigest()


def ensure_base(
    client: docker.DockerClient,
    packages: tuple[str, ...],
    progress: Callable[[str], None],
    suite: str = SUITE,
    *,
    anew: bool = False,
) -> str:
    """Make the base image with these packages if it is missing, and return its name; an old one is kept.

    `anew` replaces an old one, which brings the newest versions of its packages.
    """
    reference = base_reference(packages, suite)

    def make() -> None:
        progress(f"making a base image of {suite} with {', '.join(packages)}")
        if not _from_registry(client, reference, packages, suite):
            import_base(client, reference, packages, suite)

    image_once(client, reference, lambda: not anew and has_image(client, reference), make)
    return reference


def has_image(client: docker.DockerClient, reference: str) -> bool:
    """Return whether the engine has the image `reference`."""
    return labels_of(client, reference) is not None


def labels_of(client: docker.DockerClient, reference: str) -> dict[str, str] | None:
    """Return the labels of the image `reference`; None where the engine has none of that name."""
    try:
        return dict(client.images.get(reference).labels)
    except ImageNotFound:
        return None


def image_once(
    client: docker.DockerClient, reference: str, is_there: Callable[[], bool], make: Callable[[], None]
) -> None:
    """Call `make` unless the image `is_there`; another process that wants it waits, and looks again.

    An image that had the name before is removed, unless something runs or stands on it.
    """
    if is_there():
        return
    with one_at_a_time(cache_folder() / "images" / reference.replace("/", "-")):
        if is_there():
            return
        before = _id(client, reference)
        make()
        if before is not None and before != _id(client, reference):
            with suppress(APIError):
                client.images.remove(before)


def _id(client: docker.DockerClient, reference: str) -> str | None:
    try:
        return client.images.get(reference).id
    except ImageNotFound:
        return None


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
            container.commit(repository, tag, changes=_label(packages, suite))
        finally:
            container.remove(force=True)
    except APIError:
        return False
    return True


def import_base(client: docker.DockerClient, reference: str, packages: tuple[str, ...], suite: str = SUITE) -> None:
    """Give the engine Debian with these packages as the image `reference`; the same packages give the same layer."""
    with tempfile.TemporaryDirectory(prefix="kboot-base-") as folder:
        archive = Path(folder) / "root.tar"
        make_root(packages, archive, suite, _OPTIONS, {"SOURCE_DATE_EPOCH": str(EPOCH_S)})
        repository, _, tag = reference.rpartition(":")
        changes = [_label(packages, suite)]
        try:
            client.api.import_image_from_file(str(archive), repository=repository, tag=tag, changes=changes)
        except DockerException as error:
            raise KbootError(f"the engine did not take the base image: {error}", "is its disk full?") from error


def _label(packages: tuple[str, ...], suite: str) -> str:
    return f"LABEL {DIGEST_LABEL}={_digest(packages, suite)}"


def make_root(
    packages: tuple[str, ...],
    archive: Path,
    suite: str = SUITE,
    options: Sequence[str] = (),
    variables: Mapping[str, str] | None = None,
) -> None:
    """Write a small Debian with these packages to the tar `archive`; raises KbootError.

    `options` are mmdebstrap's, `variables` are of its environment.
    """
    command = ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={','.join(packages)}"]
    command += [f"--dpkgopt=path-exclude={path}" for path in UNWANTED]
    command += ["--customize-hook=rm -rf $1/var/cache/apt/* $1/var/lib/apt/lists/*", *options]
    if _KEYRING.exists():
        command += [f"--keyring={_KEYRING}"]
    # A kernel's package would make an initrd, which takes long and is used by nothing here.
    environment = {**os.environ, "INITRD": "No", **(variables or {})}
    try:
        made = subprocess.run([*command, suite, str(archive)], capture_output=True, text=True, env=environment)
    except FileNotFoundError as error:
        raise KbootError("mmdebstrap is not installed", "`apt install mmdebstrap debian-archive-keyring`") from error
    if made.returncode != 0:
        said = made.stderr.strip()[-400:]
        raise KbootError(f"mmdebstrap failed: {said}", "are Debian's packages reached from here?")
