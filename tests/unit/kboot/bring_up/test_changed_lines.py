"""What `kboot diff` shows in lines: nothing that others may not read, whatever is added, changed or removed."""

from __future__ import annotations

from pathlib import Path

import pytest

from kboot.bring_up.changed_lines import changed_files
from kboot.bring_up.render_folder import Change, FileChange
from kboot.render import RenderedFile
from kboot_clusterdesc import ClusterFolder
from support.places import ROOT

_RENDERS = ROOT / "tests" / "golden" / "render"
_RIGHTS = sorted(
    {
        (path, int(mode, 8))
        for rights in _RENDERS.glob("*/rights")
        for mode, _, path in (line.split() for line in rights.read_text().splitlines())
        if path.startswith("config/")
    }
)


def _shown(tmp_path: Path, path: str, change: Change, before: int | None, after: int | None) -> tuple[str, ...] | None:
    """The lines of one change of a file with these modes; None where it is secret."""
    folder = ClusterFolder(tmp_path, "ail")
    if before is not None:
        target = folder.path / path
        target.parent.mkdir(parents=True)
        target.write_text("old word\n")
        target.chmod(before)
    rendered = {} if after is None else {path: RenderedFile(b"new word\n", after)}
    (shown,) = changed_files(folder, rendered, [FileChange(path, change)])
    return None if shown.is_secret else shown.lines


@pytest.mark.parametrize(("path", "mode"), _RIGHTS)
def test_only_what_everybody_may_read_is_shown(tmp_path: Path, path: str, mode: int) -> None:
    shown = _shown(tmp_path, path, Change.CHANGED, mode, mode)
    if mode == 0o644:
        assert shown is not None
        assert shown[-2:] == ("-old word", "+new word")
    else:
        assert mode == 0o640
        assert shown is None


def test_the_files_of_a_render_that_hold_the_registrys_secret_are_secret() -> None:
    assert {path for path, mode in _RIGHTS if mode == 0o640} == {"config/registry.yml", "config/registry-push.yml"}


@pytest.mark.parametrize(("before", "after"), [(0o640, None), (0o600, None), (0o640, 0o644), (0o644, 0o640)])
def test_what_is_removed_or_gets_another_mode_is_secret_if_it_ever_was(
    tmp_path: Path, before: int, after: int | None
) -> None:
    change = Change.REMOVED if after is None else Change.CHANGED
    assert _shown(tmp_path, "config/a", change, before, after) is None


def test_a_file_that_everybody_could_read_is_shown_as_it_goes(tmp_path: Path) -> None:
    shown = _shown(tmp_path, "config/a", Change.REMOVED, 0o644, None)
    assert shown is not None
    assert shown[-1] == "-old word"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://user:word@proxy:3128/", "http://***@proxy:3128/"),
        ("http://user:wo@rd@proxy:3128", "http://***@proxy:3128"),
        ("https://TOKEN@mirror.example.com/a", "https://***@mirror.example.com/a"),
        ("https://:word@mirror.example.com", "https://***@mirror.example.com"),
        ("https://mirror.example.com/@scope/a", "https://mirror.example.com/@scope/a"),
        ("docker://store.example.com/pause@sha256:00", "docker://store.example.com/pause@sha256:00"),
        ("// whom to ask: admin@example.com", "// whom to ask: admin@example.com"),
    ],
)
def test_a_login_in_an_address_is_left_out_and_nothing_else(tmp_path: Path, url: str, shown: str) -> None:
    folder = ClusterFolder(tmp_path, "ail")
    rendered = {"cluster.yaml": RenderedFile(f'proxy: "{url}"\n'.encode())}
    (file,) = changed_files(folder, rendered, [FileChange("cluster.yaml", Change.ADDED)])
    assert file.lines[-1] == f'+proxy: "{shown}"'
