"""What removes the program, by what installed it."""

from __future__ import annotations

import json
from importlib.metadata import Distribution, PathDistribution
from pathlib import Path

import pytest

from kboot.uninstall.program import removal
from support.places import ROOT


def installed(folder: Path, origin: object = None) -> Distribution:
    """A distribution as an installer leaves it."""
    info = folder / "kboot-0.1.0.dist-info"
    info.mkdir()
    if origin is not None:
        (info / "direct_url.json").write_text(json.dumps(origin))
    return PathDistribution(info)


@pytest.mark.parametrize(
    ("mark", "words"),
    [("pipx_metadata.json", "`pipx uninstall kboot`"), ("uv-receipt.toml", "`uv tool uninstall kboot`")],
)
def test_a_tool_that_keeps_programs_is_named(mark: str, words: str, tmp_path: Path) -> None:
    (tmp_path / mark).touch()
    assert removal(tmp_path, "/x/python", installed(tmp_path)) == words


def test_what_bundles_brought_up_lies_in_folders_of_its_own(tmp_path: Path) -> None:
    for name in ("0.1.0-ab", "0.2.0-cd", "of somebody"):
        (tmp_path / name).mkdir()
    for name in ("0.1.0-ab", "0.2.0-cd"):
        (tmp_path / name / "wheels.json").touch()
    said = removal(tmp_path / "0.1.0-ab", "/x/python", installed(tmp_path))
    assert said.startswith(f"`rm -r {tmp_path}/0.1.0-ab {tmp_path}/0.2.0-cd`, and the link")


def test_the_folder_of_those_goes_with_them_where_it_holds_nothing_else(tmp_path: Path) -> None:
    for name in ("0.1.0-ab", "0.2.0-cd"):
        (tmp_path / "kboot" / name).mkdir(parents=True)
        (tmp_path / "kboot" / name / "wheels.json").touch()
    said = removal(tmp_path / "kboot" / "0.1.0-ab", "/x/python", installed(tmp_path))
    assert said.startswith(f"`rm -r {tmp_path}/kboot`, and the link")


def test_a_wheel_is_removed_by_pip(tmp_path: Path) -> None:
    for number, origin in enumerate((None, {"url": "file:///media/kboot.whl", "archive_info": {}})):
        (tmp_path / str(number)).mkdir()
        said = removal(tmp_path, "/my env/bin/python", installed(tmp_path / str(number), origin))
        assert said == "`'/my env/bin/python' -m pip uninstall kboot`"


def test_a_checkout_is_named(tmp_path: Path) -> None:
    origin = {"url": "file:///home/me/kboot", "dir_info": {"editable": True}}
    assert removal(tmp_path, "/x/python", installed(tmp_path, origin)) == "remove the checkout /home/me/kboot"
    assert removal() == f"remove the checkout {ROOT}", "this one, which the tests run from"
