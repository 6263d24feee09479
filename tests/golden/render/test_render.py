"""Every file of a cluster against the kept one. `--update-golden` rewrites them, to be read in review.

Node configs are kept as what a machine will have: `files/` and `units/` below `shared/`, as most machines of all cases
have them, and below a machine's own folder what it has otherwise. In the documents a digest stands for each content.
"""

from __future__ import annotations

import re
import shutil
from importlib.resources import files
from pathlib import Path

import pytest
from jinja2 import FunctionLoader

from kboot.render import RenderedFile
from kboot_clusterdesc import load
from kboot_compose import templates
from support.golden import Tree, documents, machines, without_repeats
from support.places import ROOT
from support.rendering import LAB, rendered_files

HERE = Path(__file__).parent
COMPOSE = ROOT / "compose" / "kboot_compose"
SHARED = "shared"
CASES = sorted(path.parent.name for path in HERE.glob("*/cluster.yaml"))
KEY = b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nYSBrZXk=\n-----END PGP PUBLIC KEY BLOCK-----\n"
# What runs on a machine without being part of its config: `kboot node apply` sends both along.
SENT_ALONG = {"nodes/kboot-apply.j2", "nodes/kboot-unpack.j2"}


def rendered_case(case: str) -> dict[str, RenderedFile]:
    """The case `lab` as the lab renders it, all others as a bootstrapper of a real network does."""
    folder = HERE / case
    lab = case == "lab"
    return rendered_files(
        load(folder / "cluster.yaml"),
        folder=folder,
        network=LAB if lab else None,
        interface="eth0" if lab else "eth1",
        release_key=KEY if lab else None,
    )


def rights(files: dict[str, RenderedFile]) -> bytes:
    """A line for each file: mode, owner, path."""
    return "".join(f"{file.mode:04o} {file.uid} {path}\n" for path, file in files.items()).encode()


def rendered_cases() -> dict[str, bytes]:
    """path below this folder -> what is to be kept there."""
    found: dict[str, bytes] = {}
    trees: dict[str, Tree] = {}
    for case in CASES:
        files = rendered_case(case)
        found[f"{case}/rights"] = rights(files)
        found |= {f"{case}/expected/{path}": content for path, content in documents(files).items()}
        trees |= {f"{case}/expected/{folder}": tree for folder, tree in machines(files).items()}
    return {**found, **without_repeats(trees, SHARED)}


@pytest.fixture(scope="module")
def rendered() -> dict[str, bytes]:
    """All cases, rendered once."""
    return rendered_cases()


def kept_files(part: str) -> dict[str, bytes]:
    """path below this folder -> what is kept there, of a case or of what they share."""
    places = [HERE / part] if part == SHARED else [HERE / part / "expected", HERE / part / "rights"]
    paths = [path for place in places for path in (place, *place.rglob("*")) if path.is_file()]
    return {path.relative_to(HERE).as_posix(): path.read_bytes() for path in paths}


def update(part: str, found: dict[str, bytes]) -> None:
    """Replace what is kept."""
    shutil.rmtree(HERE / part if part == SHARED else HERE / part / "expected", ignore_errors=True)
    for path, content in found.items():
        (HERE / path).parent.mkdir(parents=True, exist_ok=True)
        (HERE / path).write_bytes(content)


@pytest.mark.parametrize("part", [*CASES, SHARED])
def test_every_file_of_a_cluster_is_the_kept_one(
    part: str, rendered: dict[str, bytes], request: pytest.FixtureRequest
) -> None:
    found = {path: content for path, content in rendered.items() if path.startswith(f"{part}/")}
    if request.config.getoption("--update-golden"):
        update(part, found)
    kept = kept_files(part)
    assert found.keys() == kept.keys()
    for path, content in found.items():
        assert content.decode(errors="backslashreplace") == kept[path].decode(errors="backslashreplace"), path
    assert found == kept


@pytest.fixture
def edited_templates(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each template of the node configs has one line more at its end."""

    def source(name: str) -> str:
        edit = f"# edited: {name}\n" if name.startswith("nodes/") else ""
        return files("kboot_compose").joinpath(name).read_text() + edit

    environment = templates._ENVIRONMENT.overlay(loader=FunctionLoader(source))
    monkeypatch.setattr(templates, "_ENVIRONMENT", environment)


@pytest.mark.usefixtures("edited_templates")
def test_an_edit_of_any_template_of_a_node_config_shows_as_the_changed_line() -> None:
    names = {path.relative_to(COMPOSE).as_posix() for path in (COMPOSE / "nodes").rglob("*.j2")}
    kept = {path: content for part in (*CASES, SHARED) for path, content in kept_files(part).items()}
    shown: set[str] = set()
    for path, content in rendered_cases().items():
        if re.search(r"(^|/)(files|units)/", path):
            before = kept.get(path, b"")  # one line more may make the difference the shorter form
            added = set(content.decode().splitlines()) - set(before.decode().splitlines())
            shown |= {name for line in added for name in re.findall(r"# edited: (\S+)", line)}
    assert len(names) > 50
    assert shown == names - SENT_ALONG
