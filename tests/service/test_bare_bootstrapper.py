"""The bootstrapper that release tests carry a bundle to has nothing of this machine's, and leaves nothing on it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from kboot.host.waiting import looks
from support.bare_bootstrapper import BareBootstrapper, bare_bootstrapper
from support.places import ROOT

_NOT_CONNECTED = 7  # an exit status of curl, which is 28 where its time was up
_PROGRAM = Path("/usr/local/bin/kboot-was-here")


@pytest.fixture
def bootstrapper(tmp_path: Path) -> Iterator[BareBootstrapper]:
    """One without its engine."""
    with bare_bootstrapper(tmp_path / "machine", "10.99.61.253/24", "10.99.61.254") as made:
        yield made


def test_it_sees_no_checkout_home_engine_or_other_process(bootstrapper: BareBootstrapper) -> None:
    assert bootstrapper.said("ls", "-A", ".", "/opt", "/tmp", "/media") == ".:\n\n/media:\n\n/opt:\n\n/tmp:\n"
    assert bootstrapper.said("sh", "-c", "pwd") == f"{os.environ['HOME']}\n"
    assert bootstrapper.run("test", "-e", str(ROOT / "pyproject.toml")).returncode == 1
    assert bootstrapper.run("test", "-e", "/var/run/docker.sock").returncode == 1
    assert bootstrapper.said("sh", "-c", "ls -d /proc/[0-9]*").split()[0] == "/proc/1"
    assert bootstrapper.said("cat", "/proc/1/comm") == "cat\n"


def test_it_has_the_racks_network_alone_and_a_router(bootstrapper: BareBootstrapper) -> None:
    assert sorted(bootstrapper.said("ls", "/sys/class/net").split()) == ["lo", "rack0", "uplink"]
    route = bootstrapper.said("ip", "-4", "route", "show", "default").split()
    assert route == ["default", "via", "10.99.61.254", "dev", "rack0"]
    for address in ("10.99.61.254", "192.0.2.80"):  # nobody listens at the router; what is beyond it has no way
        asked = bootstrapper.run("curl", "--silent", "--max-time", "60", f"http://{address}/")
        assert asked.returncode == _NOT_CONNECTED, asked.stderr


def test_what_is_written_there_is_seen_by_us_and_gone_with_it(tmp_path: Path) -> None:
    scratch = tmp_path / "machine"
    with bare_bootstrapper(scratch, "10.99.61.253/24", "10.99.61.254") as made:
        made.said("sh", "-c", f"mkdir /var/lib/kboot && echo here | tee /var/lib/kboot/a {_PROGRAM} ./b /tmp/c")
        assert made.seen("/var/lib/kboot/a").read_text() == "here\n"
        assert not _PROGRAM.exists()
    assert not scratch.exists()


def test_what_stays_behind_ends_with_it(tmp_path: Path) -> None:
    with bare_bootstrapper(tmp_path / "machine", "10.99.61.253/24", "10.99.61.254") as made:
        (made.media / "followed").touch()
        made.said("sh", "-c", "setsid tail --follow /media/followed >/dev/null 2>&1 &")
        for _ in looks(60, 0.05):
            if stays := _followers():
                break
    assert len(stays) == 1
    assert not stays & _followers()


def _followers() -> set[Path]:
    """The processes of this machine that follow that file."""
    found = set()
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it ended meanwhile
            if b"--follow\0/media/followed\0" in (path / "cmdline").read_bytes():
                found.add(path)
    return found
