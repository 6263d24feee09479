"""Every file of a cluster against the kept one. `--update-golden` rewrites them, to be read in review."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from kboot.render import RenderedFile
from kboot_clusterdesc import load
from support.rendering import LAB, rendered_files

HERE = Path(__file__).parent
CASES = sorted(path.parent.name for path in HERE.glob("*/cluster.yaml"))
KEY = b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nYSBrZXk=\n-----END PGP PUBLIC KEY BLOCK-----\n"


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


def rights(files: dict[str, RenderedFile]) -> str:
    """A line for each file: mode, owner, path."""
    return "".join(f"{file.mode:04o} {file.uid} {path}\n" for path, file in files.items())


def update(case: str, files: dict[str, RenderedFile]) -> None:
    """Replace what is kept of the case."""
    shutil.rmtree(HERE / case / "expected", ignore_errors=True)
    for path, file in files.items():
        target = HERE / case / "expected" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.content)
    (HERE / case / "rights").write_text(rights(files))


@pytest.mark.parametrize("case", CASES)
def test_every_file_of_a_cluster_is_the_kept_one(case: str, request: pytest.FixtureRequest) -> None:
    files = rendered_case(case)
    if request.config.getoption("--update-golden"):
        update(case, files)
    expected = HERE / case / "expected"
    kept = {str(p.relative_to(expected)): p.read_text() for p in sorted(expected.rglob("*")) if p.is_file()}
    assert {path: file.content.decode() for path, file in files.items()} == kept
    assert rights(files) == (HERE / case / "rights").read_text()
