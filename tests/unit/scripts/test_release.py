"""`make cut` and `make release` in a repository of the test: what is refused, what is written."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.places import ROOT

_CHANGELOG = """# Changelog

## [Unreleased]

### Added
- A thing.

## [0.0.9] - 2026-01-02

### Added
- The first.
"""
_CUT = _CHANGELOG.replace("## [Unreleased]", "## [Unreleased]\n\n## [0.1.0] - 2026-11-29")
_GIT = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com", "-C"]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A clean clone whose version is that of the kboot that runs, and was not released."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for folder in ("services", "clusterdesc"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "CHANGELOG.md").write_text(_CHANGELOG)
    (tmp_path / ".gitignore").write_text("dist/\n")
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    commit(tmp_path)
    return tmp_path


def commit(repository: Path, tag: str = "") -> None:
    """All files, and a tag on the commit."""
    subprocess.run([*_GIT, str(repository), "add", "."], check=True)
    subprocess.run([*_GIT, str(repository), "commit", "--quiet", "--allow-empty", "--message=a"], check=True)
    if tag:
        subprocess.run([*_GIT, str(repository), "tag", tag], check=True)


def release(repository: Path, *words: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of the script."""
    command = [sys.executable, str(ROOT / "scripts" / "release.py"), "--repository", str(repository), *words]
    done = subprocess.run(command, capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def test_a_cut_takes_unreleased_to_the_version_and_a_dry_run_changes_nothing(repository: Path) -> None:
    said = "CHANGELOG.md: Unreleased becomes 0.1.0 of 2026-11-29\n"
    assert release(repository, "cut", "--date=2026-11-29", "--dry-run") == (0, said, "")
    assert (repository / "CHANGELOG.md").read_text() == _CHANGELOG
    code, out, _ = release(repository, "cut", "--date=2026-11-29")
    assert (code, out.startswith(said)) == (0, True)
    assert (repository / "CHANGELOG.md").read_text() == _CUT
    assert "git commit -am 'release: 0.1.0' && git tag v0.1.0 && make release" in out


def test_a_tree_with_edits_is_not_released(repository: Path) -> None:
    (repository / "stray").write_text("")
    for command in ("cut", "make"):
        code, _, err = release(repository, command, "--dry-run")
        assert (code, err.partition("\n")[0]) == (2, "error: the tree is not clean: ?? stray")


def test_nothing_is_cut_twice_or_from_nothing(repository: Path) -> None:
    (repository / "CHANGELOG.md").write_text(_CUT)
    commit(repository)
    assert "CHANGELOG.md has 0.1.0 already" in release(repository, "cut")[2]
    (repository / "CHANGELOG.md").write_text(_CHANGELOG.replace("### Added\n- A thing.\n\n", ""))
    commit(repository, "v0.1.0")
    assert "the tag v0.1.0 exists" in release(repository, "cut")[2]
    subprocess.run([*_GIT, str(repository), "tag", "--delete", "v0.1.0"], check=True, capture_output=True)
    assert "nothing is under Unreleased" in release(repository, "cut")[2]


def test_a_release_wants_version_changelog_and_tag_to_agree(repository: Path) -> None:
    assert "CHANGELOG.md is not cut for 0.1.0" in release(repository, "make", "--dry-run")[2]
    (repository / "CHANGELOG.md").write_text(_CUT)
    commit(repository)
    assert "this commit has no tag v0.1.0" in release(repository, "make", "--dry-run")[2]
    commit(repository, "v0.1.0")
    code, out, err = release(repository, "make", "--dry-run", "--tar=images.tar")
    assert (code, err) == (0, "")
    assert out.startswith("kboot 0.1.0: the wheel, kboot-dnsmasq:0.1.0, kboot-cloudconfig:0.1.0, ")
    assert out.endswith("dist/ would be filled, images.tar too\n")
    assert not (repository / "dist").exists()
    text = (repository / "pyproject.toml").read_text()
    (repository / "pyproject.toml").write_text(text.replace('version = "0.1.0"', 'version = "0.2.0"', 1))
    (repository / "CHANGELOG.md").write_text(_CUT.replace("0.1.0", "0.2.0"))
    commit(repository, "v0.2.0")
    assert "kboot 0.1.0 is installed here, not 0.2.0" in release(repository, "make", "--dry-run")[2]


def test_the_command_makes_no_release_of_a_version_without_three_numbers(repository: Path) -> None:
    text = (repository / "pyproject.toml").read_text()
    (repository / "pyproject.toml").write_text(text.replace('version = "0.1.0"', 'version = "0.1.dev0"', 1))
    commit(repository)
    assert "0.1.dev0 is no version to release" in release(repository, "cut")[2]
