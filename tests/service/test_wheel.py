"""The wheel brings all that kboot reads at run time, and what it builds from it is what a checkout builds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from email import message_from_string
from hashlib import sha256
from pathlib import Path
from zipfile import ZipFile

import pytest

from kboot.service_images.build import recipes
from kboot.service_images.recipe import build_context
from kboot.service_images.revision import REVISION_FILE, revision
from kboot_lab.kubernetes import built_folder
from kboot_lab.os_build import RECIPE, Recipe
from support.places import ROOT
from support.wheel import built_wheel

_PACKAGES = {
    "clusterdesc/kboot_clusterdesc": "kboot_clusterdesc",
    "orchestrator/kboot": "kboot",
    "compose/kboot_compose": "kboot_compose",
    "lab/kboot_lab": "kboot_lab",
}
_SOURCES = {name: f"kboot/sources/{name}" for name in ("services", "examples", "share", "lab/kubernetes", "docs")}
_PAGES = ("README.md", "CHANGELOG.md", "LICENSE", "requirements.txt")
_INSTALLED = """
import json
from hashlib import sha256
from pathlib import Path
import kboot
from kboot.service_images.build import recipes
from kboot.service_images.recipe import build_context
from kboot.service_images.revision import revision
from kboot.service_images.sources import sources
from kboot_lab.kubernetes import built_folder
from kboot_lab.os_build import RECIPE, Recipe
print(json.dumps({
    "package": kboot.__path__[0],
    "revision": revision(sources()),
    "images": {recipe.name: recipe.digest for recipe in recipes(sources())},
    "contexts": {recipe.name: sha256(build_context(recipe, None)).hexdigest() for recipe in recipes(sources())},
    "lab os": Recipe(RECIPE, "1.2.3", "stable").digest,
    "kubernetes": str(built_folder(Path("cache"), sources())),
}))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built_wheel(tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def site(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that pip installed the wheel to, without its dependencies, under a mask that is strict."""
    folder = tmp_path_factory.mktemp("installed") / "site"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index"]
    subprocess.run([*command, "--no-deps", f"--target={folder}", str(wheel)], check=True, umask=0o077)
    return folder


def _kept(folder: str) -> set[str]:
    """The files of a folder of the repository, new ones too, those that are ignored not."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", folder]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    return {name.removeprefix(f"{folder}/") for name in listed if name and (ROOT / name).is_file()}


def test_the_wheel_holds_the_packages_and_the_sources_and_nothing_else(wheel: Path) -> None:
    wanted = {f"{place}/{file}" for folder, place in (_PACKAGES | _SOURCES).items() for file in _kept(folder)}
    wanted |= {f"kboot/sources/{name}" for name in (*_PAGES, REVISION_FILE)}
    with ZipFile(wheel) as archive:
        names = set(archive.namelist())
    about = wheel.name.split("-py3")[0]
    shared = {f"{about}.data/data/share/{file}" for file in _kept("share")}
    rest = names - wanted - shared
    assert (wanted | shared) - names == set()
    assert {name for name in rest if not name.startswith(f"{about}.dist-info/")} == set()
    assert "kboot/sources/services/dnsmasq/Dockerfile" in names


def test_the_wheel_asks_for_what_kboot_needs_and_for_no_tool_of_its_developers(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        (path,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        metadata = message_from_string(archive.read(path).decode())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = metadata.get_all("Requires-Dist", [])
    assert len(asked) == len(project["dependencies"])
    assert [each for each in asked if "extra" in each] == []
    assert metadata["Version"] == project["version"]


def test_an_installed_kboot_builds_the_same_images_lab_os_and_kubernetes(site: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(site)}
    command = [sys.executable, "-c", _INSTALLED]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["package"] == str(site / "kboot")
    assert found["revision"] == revision(ROOT)
    own = recipes(ROOT)
    assert found["images"] == {recipe.name: recipe.digest for recipe in own}
    assert found["contexts"] == {recipe.name: sha256(build_context(recipe, None)).hexdigest() for recipe in own}
    assert found["lab os"] == Recipe(RECIPE, "1.2.3", "stable").digest
    assert found["kubernetes"] == str(built_folder(Path("cache"), ROOT))


def test_pip_puts_completion_and_man_page_where_shells_and_man_look(site: Path) -> None:
    found = {str(path.relative_to(site)) for path in (site / "share").rglob("*") if path.is_file()}
    assert found == {
        "share/bash-completion/completions/kboot",
        "share/fish/vendor_completions.d/kboot.fish",
        "share/man/man1/kboot.1",
        "share/zsh/site-functions/_kboot",
    }
