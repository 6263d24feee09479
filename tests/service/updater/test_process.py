"""The updater's own process: service, command, signals, health."""

from __future__ import annotations

import fcntl
import json
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import pytest

from service.updater.release_server import NAMES, Ill, ReleaseServer, published
from service.updater.signing import SigningKey
from service.updater.site import Site

Process = subprocess.Popen[str]
Starter = Callable[..., Process]


@pytest.fixture
def start(site: Site) -> Iterator[Starter]:
    """Start the updater; what still runs after the test is ended."""
    started: list[Process] = []

    def starter(*arguments: str) -> Process:
        started.append(site.start(*arguments))
        return started[-1]

    yield starter
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def wait_for(what: str, holds: Callable[[], bool], timeout_s: float = 60) -> None:
    """Wait until `holds`, or fail with `what`."""
    tick = threading.Event()
    for _ in range(int(timeout_s / 0.05)):
        if holds():
            return
        tick.wait(0.05)
    raise AssertionError(f"waited in vain for {what}")


def wait_for_release(site: Site, version: str) -> None:
    """Wait until the check that brings `version` is done: the link moves first, log and status.json follow."""
    wait_for(f"release {version}", lambda: site.settings.status.exists() and site.status()["current"] == version)
    assert site.current() == version


def health(site: Site) -> subprocess.CompletedProcess[str]:
    """The container's health check."""
    return subprocess.run(
        [sys.executable, "-m", "kboot_updater.health_check"],
        env=site.environ,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_service_brings_the_release_at_start_and_is_healthy(
    site: Site, server: ReleaseServer, key: SigningKey, start: Starter
) -> None:
    published(server, key, "3975.2.0")
    assert health(site).returncode == 1
    process = start()
    wait_for_release(site, "3975.2.0")
    assert health(site).returncode == 0
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0
    assert '"event": "switched"' in out
    for line in map(json.loads, out.splitlines()):
        assert list(line)[:3] == ["at", "level", "event"]
        assert len(line["at"]) == len("2026-11-29T18:00:00.123Z")
    assert '"signal": "SIGTERM"' in out
    assert err == ""


def test_the_service_follows_an_edit_of_the_description(
    site: Site, server: ReleaseServer, key: SigningKey, start: Starter
) -> None:
    server.release("3850.2.0", key)
    published(server, key, "3975.2.0")
    start()
    wait_for_release(site, "3975.2.0")
    site.settings.description.write_text("apiVersion: [")
    site.describe(version="3850.2.0")
    wait_for_release(site, "3850.2.0")


def test_the_service_waits_for_a_description_and_a_key(
    site: Site, server: ReleaseServer, key: SigningKey, start: Starter
) -> None:
    published(server, key, "3975.2.0")
    text = site.settings.description.read_text()
    site.settings.description.write_text("cluster: 7\n")
    site.give_key(b"none")
    process = start()
    wait_for("the heartbeat", lambda: health(site).returncode == 0)
    site.settings.description.write_text(text)
    wait_for("a refusal of the key", lambda: site.settings.status.exists() and "refused" in site.kinds())
    site.give_key(key.public())
    wait_for_release(site, "3975.2.0")
    assert process.poll() is None


def test_the_service_tries_again_soon_while_it_has_no_release(
    site: Site, server: ReleaseServer, key: SigningKey, start: Starter
) -> None:
    published(server, key, "3975.2.0")
    server.ills["current/version.txt"] = Ill(times=1, status=404)
    start()
    wait_for_release(site, "3975.2.0")
    assert site.kinds() == ["not-there", "mirrored", "switched", "recovered"]


def test_the_schedule_brings_a_newer_release_and_the_status_tells_when(
    site: Site, server: ReleaseServer, key: SigningKey, start: Starter
) -> None:
    """Five fields of cron have no seconds, so this waits for the next full minute."""
    site.describe(update={"schedule": "* * * * *"})
    published(server, key, "3850.2.0")
    start()
    wait_for_release(site, "3850.2.0")
    wait_for("the next look to be told", lambda: site.status()["next_check"] is not None)
    told = datetime.fromisoformat(site.status()["next_check"])
    assert told.second == 0
    assert timedelta() <= told - datetime.fromisoformat(site.status()["checked"]) <= timedelta(minutes=2)
    published(server, key, "3975.2.0")
    wait_for("the schedule to fire", lambda: site.current() == "3975.2.0", timeout_s=130)
    wait_for_release(site, "3975.2.0")
    assert datetime.fromisoformat(site.status()["checked"]) >= told


def test_the_next_look_after_a_fault_is_told_too(
    site: Site, server: ReleaseServer, key: SigningKey, start: Starter
) -> None:
    site.describe(update={"schedule": "0 0 1 1 *"})
    published(server, key, "3850.2.0")
    server.ills[f"3850.2.0/{NAMES.payload}"] = Ill(status=404)
    start()
    wait_for_release(site, "3850.2.0")
    wait_for("the next look to be told", lambda: site.status()["next_check"] is not None)
    status = site.status()
    soon = datetime.fromisoformat(status["next_check"]) - datetime.fromisoformat(status["checked"])
    assert timedelta(seconds=3) <= soon <= timedelta(seconds=60)


def test_sigterm_ends_a_download_at_once_and_the_next_start_goes_on_with_it(
    site: Site, server: ReleaseServer, key: SigningKey, start: Starter
) -> None:
    published(server, key, "3975.2.0")
    path = f"/stable/amd64-usr/3975.2.0/{NAMES.image}"
    server.ills[f"3975.2.0/{NAMES.image}"] = Ill(times=1, hold=threading.Event(), hold_after=200_000)
    process = start()
    part = site.images / ".incoming" / "stable-3975.2.0" / f"{NAMES.image}.part"
    wait_for("the first half", lambda: part.exists() and part.stat().st_size == 200_000)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30) == 0
    assert part.stat().st_size == 200_000
    assert site.current() is None
    assert start("check").wait(timeout=30) == 0
    assert site.current() == "3975.2.0"
    assert server.sent[path] == (server.folder / path.lstrip("/")).stat().st_size
    assert server.paths_asked().count(path.replace(NAMES.image, NAMES.kernel)) == 1


def test_an_edit_during_a_download_ends_it(site: Site, server: ReleaseServer, key: SigningKey, start: Starter) -> None:
    server.release("3850.2.0", key)
    published(server, key, "3975.2.0")
    slow = threading.Event()
    server.ills[f"3975.2.0/{NAMES.image}"] = Ill(hold=slow, hold_after=1000)
    start()
    wait_for("the download", lambda: any(path.endswith(f"3975.2.0/{NAMES.image}") for path in server.paths_asked()))
    site.describe(version="3850.2.0")
    wait_for("the edit to be seen", lambda: not slow.wait(4))
    slow.set()
    wait_for_release(site, "3850.2.0")


def test_the_command_says_what_it_did(site: Site, server: ReleaseServer, key: SigningKey, start: Starter) -> None:
    published(server, key, "3975.2.0")
    process = start("check")
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert out.splitlines() == [
        "mirrored: release 3975.2.0 of stable is here and verified",
        "switched: release 3975.2.0 of stable is in force",
        "payload: the update payload of release 3975.2.0 of stable is here and verified: "
        "installed machines may come to it",
        "stable: release 3975.2.0 is in force",
    ]


def test_the_command_fails_when_the_check_does(site: Site, start: Starter) -> None:
    process = start("check")
    _, err = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "the check failed: http://127.0.0.1" in err
    assert "404" in err


def test_the_command_tells_what_is_wrong_with_the_description(site: Site, start: Starter) -> None:
    site.settings.description.unlink()
    process = start("check")
    _, err = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "clusterdesc.yaml" in err


def test_a_command_that_does_not_exist_is_told(start: Starter) -> None:
    process = start("frobnicate")
    _, err = process.communicate(timeout=30)
    assert process.returncode == 2
    assert "usage:" in err


def test_a_check_waits_for_the_one_that_runs(
    site: Site, server: ReleaseServer, key: SigningKey, start: Starter
) -> None:
    published(server, key, "3975.2.0")
    with site.settings.lock.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        process = start("check")
        assert process.stderr is not None
        assert '"event": "waiting"' in process.stderr.readline()
        assert server.asked == []
    assert process.wait(timeout=30) == 0
    assert site.current() == "3975.2.0"


def test_a_disk_that_fills_up_leaves_what_was_served_and_no_half_file(
    site: Site, server: ReleaseServer, key: SigningKey
) -> None:
    """The limit of a file's size stands for the disk: write() stops short and fails in the same way."""
    published(server, key, "3850.2.0")
    assert site.check().fault is None
    published(server, key, "3975.2.0")
    limited = (
        "import resource, runpy, sys; "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY)); "
        "sys.argv = ['kboot_updater', 'check']; runpy.run_module('kboot_updater', run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-c", limited], env=site.environ, capture_output=True, text=True, check=False
    )
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY
    assert done.returncode == 1
    assert "no room" in done.stderr
    assert site.current() == "3850.2.0"
    assert site.is_whole("3850.2.0")
    assert site.incoming() == []
    assert site.kinds()[-1] == "disk-full"
    assert "os.update.keep" in site.status()["error"]
    assert site.check().fault is None
    assert site.current() == "3975.2.0"
