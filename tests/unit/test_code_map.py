"""docs/code.md and CONTRIBUTING.md against the folders, the layers and the Makefile that they speak of."""

from __future__ import annotations

import re
import subprocess
import tomllib
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from support.places import ROOT

_MAP = ROOT / "docs" / "code.md"
_GUIDE = ROOT / "CONTRIBUTING.md"
_PACKAGE = re.compile(r"kboot(_[a-z]+)?")
_PATH = re.compile(r"[\w.*-]+(/[\w.*-]+)*/?")
_SUFFIXES = (".py", ".j2", ".md", ".sh", ".yaml")


@cache
def _files() -> list[Path]:
    """The files of the repository, new ones too, those that are ignored not."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    return [Path(name) for name in names if (ROOT / name).exists()]


def _tree() -> dict[Path, bool]:
    """Each path that the tree of docs/code.md names -> whether lines stand below it."""
    return {path: any(path in other.parents for other in _named()) for path in _named()}


@cache
def _named() -> list[Path]:
    """The paths that the tree of docs/code.md names, in its order."""
    found: list[Path] = []
    above: list[tuple[int, Path]] = []
    for line in _MAP.read_text().split("```")[1].strip().splitlines():
        indent = len(line) - len(line.lstrip())
        while above and above[-1][0] >= indent:
            above.pop()
        parent = above[-1][1] if above else Path()
        names, _, meaning = line.strip().partition("  ")
        assert meaning, f"nothing is said of {names}"
        found += [parent / name for name in names.split()]
        above.append((indent, parent / names.split()[-1]))
    return found


def _folders(files: list[Path]) -> set[Path]:
    return {parent for file in files for parent in file.parents if parent != Path()}


def _is_in_a_package(path: Path) -> bool:
    return any(_PACKAGE.fullmatch(part) for part in path.parent.parts)


def _is_covered(path: Path, tree: dict[Path, bool]) -> bool:
    """Whether the path is named, has something below it that is, or lies in a folder that is described as a whole."""
    if path in tree or any(path in named.parents for named in tree):
        return True
    return any(parent in tree and not tree[parent] for parent in path.parents)


def test_every_path_of_the_tree_exists() -> None:
    assert [str(path) for path in _tree() if not (ROOT / path).exists()] == []


def test_nothing_stands_in_the_tree_twice() -> None:
    """A merge that keeps both sides of a line leaves an older form of it beside the newer one."""
    assert [str(path) for path, count in Counter(_named()).items() if count > 1] == []


def test_every_folder_is_in_the_tree() -> None:
    tree = _tree()
    top = {path for path in _folders(_files()) if len(path.parts) == 1}
    below = {path for path in _folders(_files()) if path.parent in tree and path.name != "__pycache__"}
    assert sorted(str(path) for path in top | below if not _is_covered(path, tree)) == []


def test_every_room_of_the_launcher_has_its_line() -> None:
    launcher = Path("orchestrator/kboot")
    rooms = {path for path in _folders(_files()) if path.parent == launcher}
    assert sorted(str(path) for path in rooms - set(_tree())) == []


def test_every_module_of_a_package_is_in_the_tree() -> None:
    tree = _tree()
    modules = [path for path in _files() if _is_in_a_package(path) and path.name != "__init__.py"]
    modules = [path for path in modules if path.parts[0] != "tests"]
    assert [str(path) for path in modules if not _is_covered(path, tree)] == []


def test_the_table_of_rooms_has_the_layers_of_the_import_rules() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract.get("containers") == ["kboot"])
    expected = {(number, room) for number, layer in enumerate(layers, 1) for room in layer.split(" | ")}
    rows = re.findall(r"^\| (\d+) \| `(\w+)` \|", _MAP.read_text(), re.MULTILINE)
    assert {(int(number), room) for number, room in rows} == {pair for pair in expected if pair[1] != "errors"}


def _words(page: Path) -> Iterator[str]:
    """Each word in code spans and blocks of a page, but for the map's tree."""
    text = page.read_text()
    if page == _MAP:
        text = "".join(text.split("```")[2:])
    for code in re.findall(r"```\w*\n(.*?)```|`([^`]+)`", text, re.DOTALL):
        yield from "".join(code).split()


def _matches(word: str, here: Path) -> Path | None:
    """The place in the repository that a word names: from its package, the root, or beside what was named before."""
    pattern = re.sub(r"<[a-z]+>", "*", word).rstrip("/")
    starts = [ROOT, here]
    if _PACKAGE.fullmatch(pattern.split("/")[0]):
        starts = [package.parent for package in _packages() if package.name == pattern.split("/")[0]]
    return next((found for start in starts for found in sorted(start.glob(pattern))), None)


@cache
def _packages() -> set[Path]:
    return {ROOT / path for path in _folders(_files()) if _PACKAGE.fullmatch(path.name) and path.parts[0] != "tests"}


@pytest.mark.parametrize("page", [_MAP, _GUIDE], ids=lambda page: page.name)
def test_every_path_that_the_page_names_exists(page: Path) -> None:
    here, missing, seen = ROOT, [], 0
    for word in _words(page):
        is_placed = not word.startswith(("/", "<", ".venv", "..")) and "://" not in word
        if is_placed and _PATH.fullmatch(re.sub(r"<[a-z]+>", "x", word)) and ("/" in word or word.endswith(_SUFFIXES)):
            seen += 1
            found = _matches(word, here)
            if found is None:
                missing.append(word)
            else:
                here = found if found.is_dir() else found.parent
    assert missing == []
    assert seen > 10


def test_every_target_that_contributing_names_is_one_of_the_makefile() -> None:
    targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"\bmake ([a-z][a-z-]*)", " ".join(re.findall(r"`[^`]+`", _GUIDE.read_text()))))
    assert {"setup", "test", "lint"} <= named <= targets
