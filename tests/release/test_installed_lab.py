"""`kboot lab up` of a kboot that pip installed from its wheel, in a folder that never saw the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import docker
import pytest

from kboot.host.engine import LABEL_CLUSTER
from support.places import ROOT
from support.wheel import built_wheel

CLUSTER = "installed"
_UP_S = 5400
_EXAMPLE = "from kboot.service_images.sources import sources; print(sources() / 'examples' / 'lab.yaml')"


@dataclass(frozen=True, slots=True)
class InstalledLab:
    """An installed kboot with a home, a root and a cache of its own, in which there is nothing."""

    home: Path

    @property
    def work(self) -> Path:
        """The folder that commands are run in."""
        return self.home / "work"

    def run(self, *command: str, timeout_s: float = 600) -> subprocess.CompletedProcess[str]:
        """One command of the environment that kboot is installed in, whatever its exit status."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "KBOOT"))}
        own = {"HOME": str(self.home), "KBOOT_ROOT": str(self.home / "root"), "KBOOT_CACHE": str(self.home / "cache")}
        # Compose may stand in the home alone, as `make setup` puts it there.
        own |= {"DOCKER_CONFIG": os.environ.get("DOCKER_CONFIG", str(Path.home() / ".docker"))}
        full = [str(self.home / "venv" / "bin" / command[0]), *command[1:]]
        return subprocess.run(
            full, cwd=self.work, env=inherited | own, capture_output=True, text=True, timeout=timeout_s
        )

    def said(self, *command: str, timeout_s: float = 600) -> str:
        """What a command prints; it has to succeed."""
        done = self.run(*command, timeout_s=timeout_s)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InstalledLab]:
    """The installed kboot; its lab is down in the end."""
    made = InstalledLab(tmp_path_factory.mktemp("home"))
    made.work.mkdir()
    subprocess.run([sys.executable, "-m", "venv", str(made.home / "venv")], check=True)
    made.said("pip", "install", "--quiet", str(built_wheel(tmp_path_factory.mktemp("dist"))))
    yield made
    made.run("kboot", "lab", "down", "--cluster", CLUSTER)
    assert _left() == []


def test_a_lab_comes_up_and_goes_down_without_the_checkout(lab: InstalledLab) -> None:
    example = Path(lab.said("python", "-c", _EXAMPLE).strip())
    assert example.is_relative_to(lab.home)
    assert not example.is_relative_to(ROOT)
    text = example.read_text().replace("demo", CLUSTER).replace("10.10.14.", "10.77.29.")
    (lab.work / "lab.yaml").write_text(text)
    up = lab.said("kboot", "lab", "up", "lab.yaml", "--nodes", "1", timeout_s=_UP_S)
    assert f"cluster {CLUSTER}: " in up
    assert lab.said("kboot", "lab", "ssh", "node1", "--", "hostname") == "node1\n"
    status = lab.run("kboot", "status").stdout
    assert [line.split()[3] for line in status.splitlines() if line.startswith("node1")] == ["running"]
    assert lab.said("kboot", "lab", "down") == f"the lab of {CLUSTER} is down, nothing of it is left\n"
    assert _left() == []
    assert [path.name for path in (lab.home / "root").iterdir()] == []
    assert [path.name for path in lab.work.iterdir()] == ["lab.yaml"]


def _left() -> list[str]:
    """What the engine has of the lab."""
    filters: dict[str, str | list[str] | bool] = {"label": f"{LABEL_CLUSTER}={CLUSTER}"}
    with closing(docker.from_env()) as client:
        containers = client.containers.list(all=True, filters=filters)
        networks, volumes = client.networks.list(filters=filters), client.volumes.list(filters=filters)
        return [str(each) for each in (*containers, *networks, *volumes)]
