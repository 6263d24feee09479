"""Debian's packages of the Docker engine, with all that a small Debian lacks for them."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

from ...errors import BadInput, KbootError, last_line
from ...host.architecture import machine_arch
from ...supplies.bundle_manifest import Item, Kind
from .collected import Collected

# docker-cli is a package of its own since Debian 13. apt checks the archive's signatures, and what it puts down here.
_DOWNLOAD = """
cli=$(chroot "$1" apt-cache search --names-only '^docker-cli$' | cut -d' ' -f1)
chroot "$1" apt-get install --quiet --yes --download-only --no-install-recommends docker.io $cli
"""
_DEB = re.compile(r"([a-z0-9][a-z0-9.+-]+)_([A-Za-z0-9.+~%:-]+)_([a-z0-9]+)\.deb")


def collect_engine_packages(suite: str, collected: Collected, progress: Callable[[str], None]) -> list[Item]:
    """Return the packages of the engine for a release of Debian, such as `bookworm`, and this machine's processor."""
    if not re.fullmatch(r"[a-z]{3,20}", suite):
        raise BadInput(f"`{suite}` is no release of Debian", "write it as in `--with-engine bookworm`")
    key = f"engine packages {suite} {machine_arch()}"
    known = collected.remembered(key)
    if known is not None:
        return known
    progress(f"fetching the packages of the Docker engine for Debian {suite}")
    with collected.scratch() as scratch:
        _download(suite, scratch)
        found = [_item(path, suite, collected) for path in sorted(scratch.glob("*.deb"))]
    if not found:
        raise KbootError(f"Debian {suite}: apt brought no package of the engine", "see `mmdebstrap` on this machine")
    return collected.remember(key, found)


def _download(suite: str, folder: Path) -> None:
    """Have apt in a new root of that release say what the engine needs beyond it, and fetch that into `folder`."""
    command = ["mmdebstrap", "--quiet", "--variant=minbase", f"--customize-hook={_DOWNLOAD}"]
    command += [f"--customize-hook=cp -t {folder} $1/var/cache/apt/archives/*.deb", suite, "/dev/null"]
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise KbootError("mmdebstrap is not installed", "install it: `apt-get install mmdebstrap`") from error
    if done.returncode != 0:
        raise KbootError(
            f"the packages of Debian {suite} were not fetched: {last_line(done.stderr)}",
            "is it a release of Debian, and are its packages reached from here?",
        )


def _item(path: Path, suite: str, collected: Collected) -> Item:
    name, version, arch = _parts(path)
    blob = collected.take(path)
    return Item.model_validate(
        {
            "kind": Kind.ENGINE_PACKAGE,
            "name": name,
            "version": version,
            "arch": "any" if arch == "all" else arch,
            "digest": blob.digest,
            "size": blob.size,
            "source": f"Debian {suite}",
            "licence": f"/usr/share/doc/{name}/copyright",
            "path": f"{suite}/{path.name}",
        }
    )


def _parts(path: Path) -> tuple[str, str, str]:
    found = _DEB.fullmatch(path.name)
    if found is None:
        raise KbootError(f"{path.name}: is no name of a package", "report it")
    return found[1], found[2].replace("%3a", ":"), found[3]
