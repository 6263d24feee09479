"""kboot as it is installed: by pip, pipx and uv, from the wheel alone, in a folder that never saw the checkout."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.places import ROOT
from support.wheel import built_wheel

_TOOLS = Path(sys.executable).parent
_NOWHERE = "unix:///nowhere/docker.sock"
_LISTED = "import json; from importlib.metadata import distributions as d; print(json.dumps([e.name for e in d()]))"
_SERVICE_PACKAGES = """
from kboot.service_images.sources import sources
from kboot.service_images.wheels import installed_requirements
lock = sources() / "services" / "updater" / "requirements.txt"
print(installed_requirements(lock.read_bytes(), "updater", lambda said: None))
"""
# The bootstrapper's address, in a network of its own where a bridge stands for the card.
_WITH_CARD = """
ip link add rack0 type bridge && ip address add 10.10.14.253/24 dev rack0 && ip link set rack0 up && exec "$@"
"""


@dataclass(frozen=True)
class Installed:
    """An installed kboot, and a folder to work in."""

    python: Path
    program: Path
    folder: Path
    environment: Mapping[str, str]

    def kboot(self, *arguments: str, before: tuple[str, ...] = (), **more: str) -> subprocess.CompletedProcess[str]:
        """Run the command, behind the words `before` and with `more` in its environment."""
        return subprocess.run(
            [*before, str(self.program), *arguments],
            cwd=self.folder,
            env={**self.environment, **more},
            capture_output=True,
            text=True,
            timeout=300,
        )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built_wheel(tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module", params=["pip", "pipx", "uv"])
def installed(request: pytest.FixtureRequest, wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """A fresh environment, whose user has a home with nothing in it."""
    home = tmp_path_factory.mktemp(request.param)
    work = home / "work"
    work.mkdir()
    own = {"HOME": str(home), "KBOOT_ROOT": str(home / "root"), "KBOOT_CACHE": str(home / "cache")}
    own |= {"PIPX_HOME": str(home / "pipx"), "PIPX_BIN_DIR": str(home / "bin"), "PIPX_MAN_DIR": str(home / "man")}
    own |= {"UV_TOOL_DIR": str(home / "uv"), "UV_TOOL_BIN_DIR": str(home / "bin"), "UV_PYTHON_DOWNLOADS": "never"}
    own |= {"PATH": f"{home / 'bin'}:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL"))}
    environment = inherited | own
    program, python, commands = {
        "pip": (
            home / "venv/bin/kboot",
            home / "venv/bin/python",
            [[sys.executable, "-m", "venv", str(home / "venv")], [f"{home}/venv/bin/pip", "install", "-q", str(wheel)]],
        ),
        "pipx": (
            home / "bin/kboot",
            home / "pipx/venvs/kboot/bin/python",
            [[str(_TOOLS / "pipx"), "install", "--python", sys.executable, str(wheel)]],
        ),
        "uv": (
            home / "bin/kboot",
            home / "uv/kboot/bin/python",
            [[str(_TOOLS / "uv"), "tool", "install", "--quiet", "--python", sys.executable, str(wheel)]],
        ),
    }[request.param]
    for command in commands:
        done = subprocess.run(command, cwd=work, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    return Installed(python, program, work, environment)


def test_a_description_is_begun_checked_rendered_and_compared(installed: Installed) -> None:
    assert re.fullmatch(r"kboot \d+\.\d+\.\d+\n", installed.kboot("--version").stdout)
    assert installed.kboot("init", "-o", "cluster.yaml").returncode == 0
    checked = installed.kboot("validate", "cluster.yaml")
    assert (checked.returncode, checked.stdout) == (0, "cluster.yaml: valid: cluster lab, 1 node\n")
    rendered = installed.kboot("render", "cluster.yaml", "-o", "out")
    assert rendered.returncode == 0, rendered.stderr
    assert {"compose.yaml", "config/dnsmasq.conf", "config/install.sh"} <= set(rendered.stdout.split())
    assert (installed.folder / "out" / "compose.yaml").is_file()
    compared = installed.kboot("diff", "cluster.yaml", DOCKER_HOST=_NOWHERE)
    assert compared.returncode == 0, compared.stderr
    assert "create   service dnsmasq\n" in compared.stdout


def test_up_goes_as_far_as_the_engine(installed: Installed) -> None:
    description = installed.folder / "up.yaml"
    description.write_text(installed.kboot("init").stdout)
    card = ("unshare", "--net", "sh", "-c", _WITH_CARD, "sh")
    for command in (("up", "up.yaml"), ("lab", "up")):
        done = installed.kboot(*command, before=card, DOCKER_HOST=_NOWHERE)
        assert (done.returncode, done.stderr.splitlines()[0]) == (1, "error: the Docker engine does not answer")


def test_the_packages_of_a_service_are_installed_by_a_pip_that_came_with_it(installed: Installed) -> None:
    command = [str(installed.python), "-c", _SERVICE_PACKAGES]
    done = subprocess.run(
        command, cwd=installed.folder, env=installed.environment, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
    assert (Path(done.stdout.strip()) / "apscheduler" / "__init__.py").is_file()


def test_nothing_comes_with_kboot_but_what_it_needs(installed: Installed) -> None:
    listed = subprocess.check_output(
        [installed.python, "-c", _LISTED], cwd=installed.folder, env=installed.environment, text=True
    )
    found = {_plain(name) for name in json.loads(listed)}
    needed, with_tools = _locked("requirements.txt"), _locked("requirements-dev.txt")
    assert {"kboot", "pydantic", "pip"} <= found
    assert found - needed - {"kboot", "setuptools"} == set()  # the venv of Python 3.11 begins with setuptools
    assert found & (with_tools - needed) == set()


def test_completion_and_man_page_are_installed_with_it(installed: Installed) -> None:
    prefix = installed.python.parent.parent
    printed = installed.kboot("completion", "bash").stdout
    assert (prefix / "share/bash-completion/completions/kboot").read_text() == printed
    assert (prefix / "share/man/man1/kboot.1").read_text().startswith(".TH KBOOT")


def _locked(lock: str) -> set[str]:
    return {_plain(name) for name in re.findall(r"^([\w.-]+)==", (ROOT / lock).read_text(), re.MULTILINE)}


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
