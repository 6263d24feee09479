"""A create or load that is killed, or that meets a full disk, leaves nothing half there; the next run completes."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kboot.bundle.load import load_bundle
from kboot.cli.main import run
from kboot.errors import KbootError
from kboot.host.progress import Progress
from kboot.supplies.store import SupplyStore
from support.bundle_site import bundle_site
from support.bundles import archive_of, file_item, manifest_of
from support.killed import kill_at, moments

_MOMENTS = 50
_CONTENTS = [bytes([number]) * 1_500_000 for number in range(8)]


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A bundle of 12 MB."""
    (tmp_path / "contents").mkdir()
    items = [file_item(content, f"cni/{number}") for number, content in enumerate(_CONTENTS)]
    path = tmp_path / "a.kboot"
    path.write_bytes(archive_of(tmp_path / "contents", *_CONTENTS, manifest=manifest_of(*items)))
    return path


def _load(bundle: Path, root: Path) -> None:
    load_bundle(bundle, root, {}, "0.1.0", Progress())


def _published(root: Path) -> set[str]:
    return {path.name for path in SupplyStore(root).path.glob("blobs/sha256/*")}


def test_a_load_that_is_killed_at_any_moment_leaves_no_bundle_half_there(tmp_path: Path, bundle: Path) -> None:
    changes = moments(lambda: _load(bundle, tmp_path / "whole"), _MOMENTS)
    wanted = _published(tmp_path / "whole")
    unfinished = 0
    for change in changes:
        root = tmp_path / str(change)
        assert kill_at(lambda root=root: _load(bundle, root), change) == 0  # type: ignore[misc]
        store = SupplyStore(root)
        if store.bundles():
            assert store.missing(next(iter(store.bundles().values()))) == []
        else:
            unfinished += 1
        _load(bundle, root)
        assert _published(root) == wanted
        assert not store.incoming.exists()
    assert unfinished > _MOMENTS / 2


def test_a_load_that_is_killed_again_and_again_comes_to_its_end(tmp_path: Path, bundle: Path) -> None:
    """What was whole when it was killed is not written again."""
    begun = moments(lambda: _load(bundle, tmp_path / "whole"), 4)[1]
    store = SupplyStore(tmp_path / "root")
    kill_at(lambda: _load(bundle, tmp_path / "root"), begun)
    there = {path.name: path.stat().st_mtime_ns for path in store.incoming.glob("*") if path.suffix != ".part"}
    assert 0 < len(there) < len(_CONTENTS)
    _load(bundle, tmp_path / "root")
    after = {path.name: path.stat().st_mtime_ns for path in store.path.glob("blobs/sha256/*")}
    assert {name: after[name] for name in there} == there


def test_what_a_power_cut_left_of_a_content_is_written_again(tmp_path: Path, bundle: Path) -> None:
    store = SupplyStore(tmp_path / "root")
    _load(bundle, tmp_path / "whole")
    store.incoming.mkdir(parents=True)
    for name in _published(tmp_path / "whole"):
        (store.incoming / name).write_bytes(bytes(1_500_000))
    _load(bundle, tmp_path / "root")
    for path in store.path.glob("blobs/sha256/*"):
        assert path.read_bytes() == (SupplyStore(tmp_path / "whole").path / "blobs/sha256" / path.name).read_bytes()


def test_a_create_that_is_killed_at_any_moment_leaves_no_bundle_half_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KBOOT_CACHE", str(tmp_path / "cache"))
    site = bundle_site(tmp_path, large_bytes=8_000_000)
    assert run(site.create(tmp_path / "whole")) == 0
    whole = (tmp_path / "whole").read_bytes()
    changes = moments(lambda: run(site.create(tmp_path / "whole")), _MOMENTS)
    output = tmp_path / "a.kboot"
    unfinished = 0
    for number, change in enumerate(changes):
        if number % 10 == 0:  # with nothing collected yet
            monkeypatch.setenv("KBOOT_CACHE", str(tmp_path / f"cache{number}"))
        output.unlink(missing_ok=True)
        kill_at(lambda: run(site.create(output)), change)
        if output.exists():
            assert output.read_bytes() == whole
        else:
            unfinished += 1
    assert unfinished > _MOMENTS / 2
    assert run(site.create(output)) == 0
    assert output.read_bytes() == whole
    assert [path.name for path in tmp_path.glob(".a.kboot*")] == []


@contextmanager
def _disk(folder: Path, *options: str) -> Iterator[Path]:
    """A file system of its own: `size=…` bytes, `nr_inodes=…` files."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", ",".join(options), "kboot-test", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def test_a_load_that_has_no_room_says_how_much_it_needs_and_changes_nothing(tmp_path: Path, bundle: Path) -> None:
    with _disk(tmp_path / "disk", "size=100m") as disk:
        (disk / "filling").write_bytes(bytes(90_000_000))
        with pytest.raises(KbootError, match=r"has 15 MB free, the bundle needs 79 MB\n.*nothing was changed"):
            _load(bundle, disk / "root")
        assert not SupplyStore(disk / "root").path.exists()
        (disk / "filling").unlink()
        _load(bundle, disk / "root")


def test_what_a_killed_load_of_another_bundle_left_takes_no_room(tmp_path: Path, bundle: Path) -> None:
    with _disk(tmp_path / "disk", "size=100m") as disk:
        store = SupplyStore(disk / "root")
        store.incoming.mkdir(parents=True)
        (store.incoming / ("0" * 64)).write_bytes(bytes(45_000_000))
        (store.incoming / f"{'1' * 64}.part").write_bytes(bytes(45_000_000))
        _load(bundle, disk / "root")
        assert len(store.bundles()) == 1


def test_what_a_killed_create_left_takes_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KBOOT_CACHE", str(tmp_path / "cache"))
    site = bundle_site(tmp_path, large_bytes=8_000_000)
    with _disk(tmp_path / "disk", "size=100m") as disk:
        (disk / ".a.kboot.new").write_bytes(bytes(95_000_000))
        assert run(site.create(disk / "a.kboot")) == 0
        assert [path.name for path in disk.iterdir()] == ["a.kboot"]


def test_a_disk_that_is_full_halfway_is_named_and_the_next_run_completes(tmp_path: Path, bundle: Path) -> None:
    """It has room for the bytes, and not for so many files."""
    (tmp_path / "older").mkdir()
    content = b"older"
    older = tmp_path / "older.kboot"
    older.write_bytes(archive_of(tmp_path / "older", content, manifest=manifest_of(file_item(content))))
    with _disk(tmp_path / "disk", "size=200m", "nr_inodes=28") as disk:
        store = SupplyStore(disk / "root")
        _load(older, disk / "root")
        filling = [disk / str(number) for number in range(12)]
        for path in filling:
            path.touch()
        with pytest.raises(KbootError, match=r"No space left on device\n  hint: free some space there"):
            _load(bundle, disk / "root")
        assert len(store.bundles()) == len(_published(disk / "root")) == 1
        assert not store.incoming.exists()
        for path in filling:
            path.unlink()
        _load(bundle, disk / "root")
        assert len(store.bundles()) == 2


def test_a_create_that_has_no_room_says_so_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KBOOT_CACHE", str(tmp_path / "cache"))
    site = bundle_site(tmp_path, large_bytes=8_000_000)
    with _disk(tmp_path / "disk", "size=100m", "nr_inodes=5") as disk:
        filling = disk / "filling"
        filling.write_bytes(bytes(95_000_000))
        assert run(site.create(disk / "a.kboot")) == 1
        needed = re.search(r"needs (\d\.\d) MB\n  hint: free some space there", capsys.readouterr().err)
        filling.write_bytes(b"")
        assert run(site.create(disk / "a.kboot", "--split", "1M")) == 1  # more parts than there may be files
        assert "No space left on device\n  hint: free some space there" in capsys.readouterr().err
        assert list(disk.iterdir()) == [filling]
        assert run(site.create(disk / "a.kboot")) == 0
        assert needed
        assert float(needed[1]) == pytest.approx((disk / "a.kboot").stat().st_size / 1e6, abs=0.1)


def test_a_cache_that_is_full_is_named_and_the_next_run_completes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    site = bundle_site(tmp_path)
    with _disk(tmp_path / "disk", "size=100m", "nr_inodes=30") as disk:
        monkeypatch.setenv("KBOOT_CACHE", str(disk / "cache"))
        assert run(site.create(tmp_path / "a.kboot")) == 1
        said = capsys.readouterr().err
        assert re.search(
            rf"error: {disk}/cache/bundle\S*: No space left on device\n  hint: free some space there", said
        )
        assert not (tmp_path / "a.kboot").exists()
        subprocess.run(["mount", "-o", "remount,nr_inodes=1000", disk], check=True)
        assert run(site.create(tmp_path / "a.kboot")) == 0


def test_what_a_killed_create_was_at_is_removed_by_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KBOOT_CACHE", str(tmp_path / "cache"))
    left = tmp_path / "cache" / "bundle" / "scratch-abc"
    left.mkdir(parents=True)
    (left / "content").write_bytes(b"half")
    assert run(bundle_site(tmp_path).create(tmp_path / "a.kboot")) == 0
    assert list((tmp_path / "cache" / "bundle").glob("scratch-*")) == []


def test_a_large_content_takes_no_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """1 GB of zeros, in a file that takes no room: create and load stay below 200 MB."""
    monkeypatch.setenv("KBOOT_CACHE", str(tmp_path / "cache"))
    site = bundle_site(tmp_path)
    with (site.release / "flatcar_production_image.bin.bz2").open("wb") as stream:
        stream.truncate(1 << 30)
    bundle = tmp_path / "large.kboot"
    # not ru_maxrss, in which the process that started it counts too; proc(5)
    program = "import sys; from kboot.cli.main import run; code = run(sys.argv[1:]);"
    program += "print(open('/proc/self/status').read().split('VmHWM:')[1].split()[0]); sys.exit(code)"
    for words in (site.create(bundle), site.load(bundle)):
        done = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert int(done.stdout.splitlines()[-1]) < 200_000  # KiB
