"""The clock of an installed machine: the real script, with a bootstrapper whose clock the test sets."""

from __future__ import annotations

import subprocess
import time
from datetime import UTC, datetime
from email.utils import formatdate
from pathlib import Path

import pytest

from kboot.pki.store.issue import new_authority
from service.kboot.render.test_scripts import description, node_file, run
from support.namespace import etc_folder

_FAKES = Path(__file__).parent / "fakes"
# Setting it is kept, and nothing is set; all else is date(1).
_DATE = """#!/bin/bash
case "$*" in *--set*) exec "$SANDBOX/bin/set-clock" "$@" ;; esac
exec /bin/date "$@"
"""


class Machine:
    """An installed machine whose clock is this one's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        etc = etc_folder(folder / "etc")
        (etc / "kboot").mkdir()
        (etc / "kboot" / "node.env").write_bytes(node_file(description("flatcar"), "/etc/kboot/node.env"))
        self.script = node_file(description("flatcar"), "/opt/bin/kboot-clock")
        (folder / "run").mkdir()
        self.hardware = folder / "sys" / "class" / "rtc" / "rtc0" / "since_epoch"
        self.hardware.parent.mkdir(parents=True)
        (folder / "bin").mkdir()
        (folder / "bin" / "date").write_text(_DATE)
        (folder / "bin" / "date").chmod(0o755)
        (folder / "bin" / "curl").symlink_to(_FAKES / "curl")
        for recorded in ("set-clock", "hwclock"):
            (folder / "bin" / recorded).symlink_to(_FAKES / "recorded")

    def is_off_by(self, seconds: float) -> None:
        """Set the bootstrapper's clock, so that the machine's own is so far ahead of it."""
        (self.folder / "date").write_text(formatdate(time.time() - seconds, usegmt=True))

    def trusts_the_bootstrapper(self) -> None:
        """Have the authority of a cluster that was begun just now."""
        authority = new_authority("a CA", datetime.now(UTC))
        (self.folder / "etc" / "kboot" / "ca.pem").write_bytes(authority.certificate)

    def began_at(self, seconds: int) -> None:
        """Have a hardware clock, in seconds of Unix."""
        self.hardware.write_text(f"{seconds}\n")

    def was_set_by_a_time_server(self) -> None:
        """Stand as timesyncd leaves it once a server has answered."""
        mark = self.folder / "run" / "systemd" / "timesync" / "synchronized"
        mark.parent.mkdir(parents=True)
        mark.touch()

    def boots(self) -> str:
        """Run the script as a boot does; what it says."""
        (self.folder / "kboot-clock").write_bytes(self.script)
        mounts = 'mount --bind "$1/sys" /sys && mount --bind "$1/etc" /etc && mount --bind "$1/run" /run'
        inner = f'{mounts} && exec env PATH="$1/bin:$PATH" SANDBOX="$1" bash "$1/kboot-clock"'
        command = ["unshare", "--mount", "sh", "-c", inner, "sh", str(self.folder)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    @property
    def done(self) -> list[str]:
        """What was done to its clocks."""
        log = self.folder / "done"
        return log.read_text().splitlines() if log.exists() else []


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


_YEAR_S = 365 * 86400


@pytest.mark.parametrize("ahead_s", [-11 * _YEAR_S, -700, 700, 14 * _YEAR_S])
def test_a_clock_that_is_far_off_is_set_and_the_hardware_clock_too(machine: Machine, ahead_s: float) -> None:
    machine.is_off_by(ahead_s)
    said = machine.boots()
    right = (machine.folder / "date").read_text()
    assert machine.done == [f"set-clock --utc --set {right}", "hwclock --systohc --utc"]
    own = time.strftime("%Y-%m-%dT", time.gmtime())
    assert said.startswith(f"kboot: the clock stood at {own}")
    told = (machine.folder / "run" / "kboot-clock").read_text()
    assert told.endswith("and was set from the bootstrapper")


def test_it_looks_at_the_bootstrapper_once_a_boot_and_again_only_while_that_was_away(machine: Machine) -> None:
    machine.is_off_by(_YEAR_S)
    (machine.folder / "away").touch()
    machine.boots()
    assert machine.done == []
    (machine.folder / "away").unlink()
    machine.boots()
    assert len(machine.done) == 2
    machine.boots()
    assert len(machine.done) == 2


@pytest.mark.parametrize("ahead_s", [-500, 0, 500])
def test_a_clock_that_is_right_within_ten_minutes_is_left_alone(machine: Machine, ahead_s: float) -> None:
    machine.is_off_by(ahead_s)
    assert machine.boots() == ""
    assert machine.done == []


def test_a_clock_that_a_time_server_has_set_is_left_alone(machine: Machine) -> None:
    machine.is_off_by(_YEAR_S)
    machine.was_set_by_a_time_server()
    machine.began_at(int(time.time()))
    assert machine.boots() == ""
    assert machine.done == []


def test_a_hardware_clock_that_is_far_off_is_written_and_told_where_a_time_server_was_faster(machine: Machine) -> None:
    machine.is_off_by(_YEAR_S)  # the bootstrapper is not asked
    machine.was_set_by_a_time_server()
    machine.began_at(1420070409)
    said = "the clock stood at 2015-01-01T00:00:09Z and was set from a time server"
    assert machine.boots() == f"kboot: {said}\n"
    assert machine.done == ["hwclock --systohc --utc"]
    assert (machine.folder / "run" / "kboot-clock").read_text() == said


def test_what_the_hardware_clock_stood_at_is_told_where_the_system_began_later(machine: Machine) -> None:
    """timesyncd never begins before the time of its last run, which is nearer than a clock without a battery."""
    machine.is_off_by(-86400)
    machine.began_at(1420070409)
    assert "stood at 2015-01-01T00:00:09Z and was set from the bootstrapper" in machine.boots()
    assert len(machine.done) == 2


@pytest.mark.parametrize("answer", ["not a date", "$(touch /run/owned)", ""])
def test_an_answer_that_is_no_date_sets_nothing(machine: Machine, answer: str) -> None:
    (machine.folder / "date").write_text(answer)
    machine.boots()
    assert machine.done == []
    assert list((machine.folder / "run").iterdir()) == []


@pytest.mark.parametrize("ahead_s", [-30 * _YEAR_S, 2 * 86400, 11 * _YEAR_S])
def test_a_bootstrapper_whose_own_clock_is_off_takes_no_machine_along(machine: Machine, ahead_s: float) -> None:
    machine.trusts_the_bootstrapper()
    machine.is_off_by(ahead_s)
    said = machine.boots()
    assert machine.done == []
    assert said.startswith("kboot: its clock was left as it was: that of the bootstrapper stands at ")
    assert said == f"kboot: {(machine.folder / 'run' / 'kboot-clock').read_text()}\n"
    machine.is_off_by(0)
    assert machine.boots() == "", "the bootstrapper was put right"
    assert not (machine.folder / "run" / "kboot-clock").exists()


@pytest.mark.parametrize("ahead_s", [-_YEAR_S, 3600])
def test_a_bootstrapper_whose_certificates_hold_is_followed(machine: Machine, ahead_s: float) -> None:
    machine.trusts_the_bootstrapper()
    machine.is_off_by(ahead_s)
    machine.boots()
    assert len(machine.done) == 2


def test_a_machine_boots_without_the_bootstrapper(machine: Machine) -> None:
    (machine.folder / "away").touch()
    assert machine.boots() == ""
    assert machine.done == []


def test_it_is_a_sound_script(machine: Machine) -> None:
    run("bash", "-n", text=machine.script)
    run("shellcheck", "--shell=bash", "-", text=machine.script)
