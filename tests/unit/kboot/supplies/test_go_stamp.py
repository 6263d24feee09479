"""Versions that Go's linker wrote into programs of Kubernetes, among all else that reads like one."""

from __future__ import annotations

from pathlib import Path

import pytest

from kboot.supplies.go_stamp import stamped_versions

_MODULES = b"mod\tk8s.io/kubernetes\tv1.36.2\th1:qs=\ndep\tgoogle.golang.org/protobuf\tv1.36.2\t\n"
_PATHS = b"k8s.io/kubernetes@v1.36.2/cmd/kubectl/kubectl.go\0"
_PACKAGE = b"..entropy/v1.36.2\0"  # the last part of a package's path, at a multiple of four
_LITERALS = b"v1.36.2v1.36.3v1.36.40"


def _written(tmp_path: Path, *parts: bytes) -> Path:
    """A program of these parts, each at a multiple of 16."""
    whole = b"\x7fELF" + bytes(12)
    for part in parts:
        whole += bytes(-len(whole) % 16) + part
    (tmp_path / "program").write_bytes(whole)
    return tmp_path / "program"


@pytest.mark.parametrize("stamp", ["v1.36.2", "v1.36.2+site.1"])
def test_the_stamp_is_found_among_modules_paths_and_literals(tmp_path: Path, stamp: str) -> None:
    program = _written(tmp_path, _MODULES, _PATHS, _PACKAGE, _LITERALS, stamp.encode() + b"\0", b"go1.26.8\0")
    assert stamped_versions(program, "v1.36.2") == [stamp]


def test_another_stamp_is_what_the_program_is(tmp_path: Path) -> None:
    program = _written(tmp_path, _MODULES, _PATHS, _PACKAGE, _LITERALS, b"v1.32.4-dispatcher\0")
    assert stamped_versions(program, "v1.36.2") == ["v1.32.4-dispatcher"]
    assert stamped_versions(program, "v1.36.1") == ["v1.32.4-dispatcher"]


@pytest.mark.parametrize("parts", [(), (_MODULES, _PATHS, _PACKAGE, _LITERALS), (b"...v1.36.2\0",), (b"v1.36.21\0",)])
def test_without_a_stamp_a_program_is_of_no_such_version(tmp_path: Path, parts: tuple[bytes, ...]) -> None:
    found = stamped_versions(_written(tmp_path, *parts), "v1.36.2")
    assert "v1.36.2" not in found
    (tmp_path / "empty").touch()
    assert stamped_versions(tmp_path / "empty", "v1.36.2") == []
