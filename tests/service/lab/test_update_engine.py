"""The lab's update client against a server on loopback: from the check to the wait for a reboot, and what it tells."""

from __future__ import annotations

import os
import random
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kboot.host.waiting import looks
from kboot_lab.os.update_engine.attempter import IDLE, NEED_REBOOT, Attempter, Pace
from kboot_lab.os.update_engine.failure import FROM_OWN_SERVER, Code, UpdateError
from kboot_lab.os.update_engine.system import System
from support.payloads import payload_key, payload_of, public_pem
from support.places import ROOT
from support.update_server import UpdateServer, update_server

IMAGE = random.Random(2).randbytes(1_500_000)
OLD, NEW = "3975.2.0", "3975.2.1"


class Machine(System):
    """A machine whose partition is a file, and which notes what is done to its boot loader."""

    def __init__(self, place: Path, server: str) -> None:
        super().__init__(place)
        self.partition = place / "USR-B"
        self.done: list[str] = []
        self.fails = False
        for name, text in {
            "etc/machine-id": "0123456789abcdef0123456789abcdef\n",
            "proc/sys/kernel/random/boot_id": "8e8f\n",
            "etc/flatcar/update.conf": f"SERVER={server}\nGROUP=stable\n",
            "usr/share/flatcar/release": f"FLATCAR_RELEASE_VERSION={OLD}\nFLATCAR_RELEASE_BOARD=amd64-usr\n",
        }.items():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_text(text)
        self.key.parent.mkdir(parents=True)
        self.key.write_bytes(public_pem(payload_key()))
        (place / "run").mkdir()
        self.partition.write_bytes(b"\xff" * 2_000_000)

    def set_good(self) -> None:
        self.done.append("good")

    def other_partition(self) -> Path:
        return self.partition

    def post_install(self, partition: Path) -> str:
        if self.fails:
            raise UpdateError(Code.POST_INSTALL, "no room on the ESP")
        assert partition.read_bytes()[: len(IMAGE)] == IMAGE
        self.done.append("tried next")
        return "installed"

    def reboot(self, version: str) -> None:
        """Start this version."""
        self.waits_for_reboot = False
        release = self.place / "usr/share/flatcar/release"
        release.write_text(f"FLATCAR_RELEASE_VERSION={version}\nFLATCAR_RELEASE_BOARD=amd64-usr\n")


@pytest.fixture
def server() -> Iterator[UpdateServer]:
    with update_server() as made:
        yield made


@pytest.fixture
def machine(tmp_path: Path, server: UpdateServer) -> Machine:
    return Machine(tmp_path, server.url)


def engine(machine: Machine) -> Attempter:
    """The client, started anew."""
    return Attempter(machine, print, Pace(transfer_s=0.01))


def failed(code: int) -> tuple[str, str, str]:
    """The event of a failure; codes of another server than the public one are marked so."""
    return ("3", "0", str(code | FROM_OWN_SERVER))


FIRST = ("3", "2", "")


def test_an_update_is_checked_downloaded_installed_and_told_and_tells_what_it_booted_into(
    machine: Machine, server: UpdateServer
) -> None:
    server.offer(NEW, payload_of(IMAGE))
    client = engine(machine)
    client.check(on_demand=True)
    assert server.events == [FIRST, ("13", "1", ""), ("14", "1", ""), ("3", "1", "")]
    assert machine.done == ["good", "tried next"]
    assert str(client.status).splitlines()[2:4] == [f"CURRENT_OP={NEED_REBOOT}", f"NEW_VERSION={NEW}"]

    client.demand()
    assert not client.demanded.is_set(), "an update waits: a check on demand asks nothing"
    client.check(on_demand=False)
    assert "<ping" in server.asked[-1]
    assert "<updatecheck" not in server.asked[-1]
    assert engine(machine).status.operation == NEED_REBOOT, "a new process does not know what waits"

    machine.reboot(NEW)
    client = engine(machine)
    client.check(on_demand=False)
    assert server.attribute(-1, "app/event", "previousversion") == OLD
    assert [server.attribute(-1, "app", name) for name in ("version", "alephversion")] == [NEW, OLD]
    client.check(on_demand=False)
    assert server.attribute(-1, "app/event", "previousversion") == ""
    assert client.status.operation == IDLE


def test_a_machine_that_is_back_on_its_old_system_says_so_once_and_may_be_offered_more(
    machine: Machine, server: UpdateServer
) -> None:
    server.offer(NEW, payload_of(IMAGE))
    engine(machine).check(on_demand=True)
    machine.reboot(OLD)
    client = engine(machine)
    client.check(on_demand=False)
    assert server.events[-1] == ("3", "0", "44")
    assert "<updatecheck" in server.asked[-1]
    client.check(on_demand=False)
    assert server.events[-1] == FIRST


def test_a_transfer_that_breaks_goes_on_where_it_broke(machine: Machine, server: UpdateServer) -> None:
    server.offer(NEW, payload_of(IMAGE))
    server.breaks_after = [400_000, 300_000]
    client = engine(machine)
    client.check(on_demand=True)
    assert [asked for _, asked in server.got] == [None, "bytes=400000-", "bytes=700000-"]
    assert client.status.operation == NEED_REBOOT


def test_a_payload_that_is_not_there_ends_the_attempt_at_once(machine: Machine, server: UpdateServer) -> None:
    server.offer(NEW, payload_of(IMAGE))
    server.files.clear()
    client = engine(machine)
    client.check(on_demand=True)
    assert (len(server.got), server.events[-1]) == (1, failed(Code.TRANSFER))
    assert client.status.operation == IDLE


@pytest.mark.parametrize(
    ("changes", "code"), [({"size": "1500000"}, Code.PAYLOAD_SIZE), ({"sha256": "AAAA"}, Code.PAYLOAD_HASH)]
)
def test_a_payload_that_is_not_the_offered_one_is_not_installed(
    machine: Machine, server: UpdateServer, changes: dict[str, str], code: int
) -> None:
    server.offer(NEW, payload_of(IMAGE), **changes)
    engine(machine).check(on_demand=True)
    assert server.events[-2:] == [("13", "1", ""), failed(code)]
    assert machine.done == ["good"]


def test_a_payload_of_another_key_and_a_system_that_does_not_install_itself_are_told(
    machine: Machine, server: UpdateServer
) -> None:
    server.offer(NEW, payload_of(IMAGE, payload_key(1)))
    engine(machine).check(on_demand=True)
    assert server.events[-1] == failed(Code.SIGNATURE)
    machine.fails = True
    server.offer(NEW, payload_of(IMAGE))
    engine(machine).check(on_demand=True)
    assert server.events[-1] == failed(Code.POST_INSTALL)
    assert not machine.waits_for_reboot


def test_a_server_that_is_busy_is_asked_more_seldom_and_one_that_answers_as_before(
    machine: Machine, server: UpdateServer
) -> None:
    client = engine(machine)
    server.answers = [(503, b""), (500, b""), (404, b"")]
    intervals = []
    for _ in range(4):
        client.check(on_demand=False)
        intervals.append(client.interval_s)
    assert intervals == [240, 480, 120, 120]
    codes = [event for event in server.events if event[1] == "0"]
    assert codes == [failed(2503), failed(2500), failed(2404)]


def test_a_payload_is_deferred_after_each_whole_download_where_the_server_does_not_say_otherwise(
    machine: Machine, server: UpdateServer
) -> None:
    for _ in range(2):
        server.offer(NEW, payload_of(IMAGE, payload_key(1)), DisablePayloadBackoff="false")
    engine(machine).check(on_demand=True)
    engine(machine).check(on_demand=True)
    assert len(server.got) == 1
    assert server.events[-1] == ("3", "9", str(Code.BACKOFF | FROM_OWN_SERVER))


def test_a_server_that_is_no_url_and_one_that_is_away_are_failures_like_others(machine: Machine) -> None:
    for name in ("disabled.invalid", "http://127.0.0.1:9/v1/update/"):
        (machine.place / "etc/flatcar/update.conf").write_text(f"SERVER={name}\n")
        client = engine(machine)
        client.check(on_demand=False)
        assert client.status.operation == IDLE


def test_the_process_answers_its_client_and_checks_when_it_is_asked_to(machine: Machine, server: UpdateServer) -> None:
    environment = os.environ | {"PYTHONPATH": str(ROOT / "lab/kboot_lab/os"), "KBOOT_LAB_PLACE": str(machine.place)}
    process = subprocess.Popen([sys.executable, "-m", "update_engine"], env=environment)
    try:
        path = machine.place / "run/update_engine.socket"
        for _ in looks(20, 0.1):
            if path.exists():
                break

        def ask(question: str) -> str:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(20)
                connection.connect(str(path))
                connection.sendall(f"{question}\n".encode())
                return connection.makefile().read()

        assert f"CURRENT_OP={IDLE}\n" in ask("status")
        assert "CURRENT_OP=UPDATE_STATUS_CHECKING_FOR_UPDATE\n" in ask("attempt_update")
        for _ in looks(20, 0.1):
            if f"CURRENT_OP={IDLE}\n" in ask("status"):
                break
        assert server.attribute(0, ".", "installsource") == "ondemandupdate"
        assert "LAST_CHECKED_TIME=0" not in ask("status")
    finally:
        process.terminate()
        process.wait(20)
