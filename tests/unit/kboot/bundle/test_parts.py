"""A bundle in parts reads as one file; a part that is missing or short is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from kboot.bundle.parts import PartReader, part_size, reading, writing
from kboot.errors import BadInput, KbootError


def _write(path: Path, content: bytes, part_bytes: int | None = None) -> None:
    with writing(path, part_bytes) as writer:
        for begin in range(0, len(content), 7):
            writer.write(content[begin : begin + 7])


def _read(path: Path) -> bytes:
    with reading(path) as reader:
        return _rest(reader)


def _rest(reader: PartReader) -> bytes:
    return b"".join(iter(lambda: reader.read(5), b""))


@pytest.mark.parametrize("size", [0, 1, 9, 10, 11, 29, 30, 31])
def test_parts_read_as_the_whole(tmp_path: Path, size: int) -> None:
    content = bytes(range(size))
    _write(tmp_path / "a", content)
    _write(tmp_path / "b", content, 10)
    assert _read(tmp_path / "a") == _read(tmp_path / "b.001") == content
    sizes = [path.stat().st_size for path in sorted(tmp_path.glob("b.*"))]
    assert sum(sizes) == size
    assert set(sizes[:-1]) <= {10}


def test_a_missing_part_is_named(tmp_path: Path) -> None:
    _write(tmp_path / "b", bytes(35), 10)
    for number in (4, 3, 2):
        path = tmp_path / f"b.{number:03d}"
        path.unlink()
        with reading(tmp_path / "b.001") as reader:
            assert len(_rest(reader)) == 10 * (number - 1)
            assert reader.ending() == f"{path} is missing"


def test_a_part_that_is_cut_short_is_named(tmp_path: Path) -> None:
    _write(tmp_path / "b", bytes(35), 10)
    (tmp_path / "b.002").write_bytes(bytes(9))
    with pytest.raises(
        BadInput, match=r"b\.002: has 9 bytes, the first part has 10, and b\.003 follows\n  hint: copy both"
    ):
        _read(tmp_path / "b.001")
    (tmp_path / "b.002").write_bytes(bytes(10))
    (tmp_path / "b.004").write_bytes(bytes(2))
    with reading(tmp_path / "b.001") as reader:
        assert len(_rest(reader)) == 32
        assert reader.ending() == f"{tmp_path / 'b.004'} is cut short"


def test_a_part_that_another_bundle_left_on_the_disk_is_named(tmp_path: Path) -> None:
    """It was longer, and its parts were not removed before these were copied there."""
    _write(tmp_path / "b", bytes(35), 10)
    (tmp_path / "b.005").write_bytes(bytes(10))
    with pytest.raises(
        BadInput, match=r"b\.004: has 5 bytes.*, and b\.005 follows\n.* has no b\.005 there, remove that"
    ):
        _read(tmp_path / "b.001")


def test_the_first_part_is_what_a_command_takes(tmp_path: Path) -> None:
    _write(tmp_path / "b", bytes(35), 10)
    with pytest.raises(BadInput, match=r"b: cannot be read: No such file or directory\n.*first part: .*b\.001"):
        _read(tmp_path / "b")


def test_a_disk_that_fails_is_named(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("/proc/self/mem")  # which has nothing at its beginning; proc(5)
    with (
        reading(tmp_path / "a") as reader,
        pytest.raises(
            KbootError, match=rf"^{tmp_path}/a: cannot be read: Input/output error\n  hint: see that its disk"
        ),
    ):
        reader.read(1)


def test_a_bundle_written_anew_leaves_no_part_of_the_older(tmp_path: Path) -> None:
    _write(tmp_path / "b", bytes(55), 10)
    _write(tmp_path / "b", bytes(15), 10)
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["b.001", "b.002"]


def test_a_write_that_fails_leaves_the_older_bundle(tmp_path: Path) -> None:
    _write(tmp_path / "b", b"older", 10)

    def fail() -> None:
        with writing(tmp_path / "b", 10) as writer:
            writer.write(bytes(25))
            assert len(list(tmp_path.glob(".b.*.new"))) == 3
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        fail()
    assert [path.name for path in tmp_path.iterdir()] == ["b.001"]
    assert _read(tmp_path / "b.001") == b"older"


def test_what_a_killed_run_left_is_removed(tmp_path: Path) -> None:
    others = [".b-june.new", ".b.june.001.new", ".bb.new"]
    for name in (".b.new", ".b.007.new", ".b.1000.new", *others):
        (tmp_path / name).write_bytes(bytes(9))
    _write(tmp_path / "b", b"new")
    assert sorted(path.name for path in tmp_path.iterdir()) == [*others, "b"]


@pytest.mark.parametrize(("text", "size"), [("3.9G", 4187593113), ("1M", 1 << 20), ("1500K", 1536000)])
def test_a_size_is_written_with_its_unit(text: str, size: int) -> None:
    assert part_size(text) == size


@pytest.mark.parametrize("text", ["", "3", "-1G", "3.9 G", "0.1M", "3,9G", "nanG", "1T", "999999999G"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="is no size for a part of a bundle"):
        part_size(text)
