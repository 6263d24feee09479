"""kboot from its wheel on a Debian 13 with Python alone, in a root of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from kboot.service_images.base import make_root
from support.wheel import built_wheel

_PACKAGES = ("ca-certificates", "iproute2", "python3-venv")
_OF_THIS_MACHINE = ("/etc/resolv.conf", "/etc/pip.conf")  # how it reaches a package index
_NAMED_IN = ("PIP_CERT", "PIP_FIND_LINKS", "SSL_CERT_FILE")
_COMMAND_S = 900


class Debian:
    """A root folder that commands run in."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def bring(self, path: str) -> None:
        """Copy a file or folder of this machine to the same place, where it is there."""
        source, target = Path(path), self.root / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True)
        elif source.exists():
            target.unlink(missing_ok=True)
            shutil.copyfile(source, target)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in a network of its own but for `pip`, which needs this machine's."""
        apart = () if "pip" in command[0] else ("unshare", "--net")
        return subprocess.run(
            [*apart, "chroot", str(self.root), *command], capture_output=True, text=True, timeout=_COMMAND_S
        )

    def said(self, *command: str) -> str:
        """What a command prints; it has to succeed."""
        done = self.run(*command)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def debian(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Debian]:
    """One with kboot in /srv/kboot, by its own pip."""
    folder = tmp_path_factory.mktemp("debian")
    archive = folder / "root.tar"
    make_root(_PACKAGES, archive, suite="trixie")
    (folder / "root").mkdir()
    subprocess.run(["tar", "-C", folder / "root", "--exclude=./dev/*", "-xf", archive], check=True)
    archive.unlink()
    made = Debian(folder / "root")
    for path in (*_OF_THIS_MACHINE, *filter(None, map(os.environ.get, _NAMED_IN))):
        made.bring(path)
    wheel = built_wheel(made.root / "opt")
    made.said("python3", "-m", "venv", "/srv/kboot")
    made.said("/srv/kboot/bin/pip", "install", "--quiet", f"/opt/{wheel.name}")
    yield made
    shutil.rmtree(made.root)


def test_the_wheel_begins_checks_and_renders_a_description(debian: Debian) -> None:
    assert debian.said("python3", "--version").startswith("Python 3.13.")
    kboot = "/srv/kboot/bin/kboot"
    assert debian.said(kboot, "--version").startswith("kboot ")
    debian.said(kboot, "init", "-o", "/root/cluster.yaml")
    assert "valid: cluster lab" in debian.said(kboot, "validate", "/root/cluster.yaml")
    rendered = debian.said(kboot, "render", "/root/cluster.yaml", "-o", "/root/out")
    assert {"compose.yaml", "config/dnsmasq.conf", "config/install.sh"} <= set(rendered.split())


def test_what_kboot_misses_there_is_named_with_its_package(debian: Debian) -> None:
    done = debian.run("/srv/kboot/bin/kboot", "up", "/root/cluster.yaml")
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert "error: " in done.stderr
    assert "hint: " in done.stderr
