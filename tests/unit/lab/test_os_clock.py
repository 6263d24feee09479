"""The clock that the lab OS begins with: Flatcar's floor, not that of Debian's systemd."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from kboot_lab.os_build import RECIPE

_CLOCK = RECIPE / "root" / "usr" / "lib" / "kboot-lab" / "clock"
_2013, _2015, _2026, _2040 = 1372636800, 1420070400, 1790000000, 2208988800
_BUILT = 1777319379  # when Debian's systemd was


class Machine:
    """A place with a hardware clock, and a date(1) that tells and sets a file."""

    def __init__(self, place: Path, hardware_clock: int, system_clock: int) -> None:
        self.place, self._date = place, place / "date"
        for folder in ("sys/class/rtc/rtc0", "run", "var/lib/systemd/timesync", "bin"):
            (place / folder).mkdir(parents=True)
        (place / "sys/class/rtc/rtc0/since_epoch").write_text(f"{hardware_clock}\n")
        self._date.write_text(f"{system_clock}\n")
        fake = place / "bin" / "date"
        told = f'echo "${{1#--set=@}}" >{self._date}'
        fake.write_text(f"#!/bin/sh\ncase $1 in --set=@*) {told} ;; *) cat {self._date} ;; esac\n")
        fake.chmod(0o755)

    def set_clock(self, seconds: int) -> None:
        """Set the system clock, as an operator or an installer would."""
        self._date.write_text(f"{seconds}\n")

    @property
    def seen(self) -> Path:
        """The file whose time is the last that timesyncd saw."""
        return self.place / "var/lib/systemd/timesync/clock"

    def boot(self) -> int:
        """The system clock after a boot."""
        for left in (self.place / "run").iterdir():
            left.unlink()
        return self.start_timesyncd()

    def start_timesyncd(self) -> int:
        """The system clock after timesyncd started, which makes a missing file with the day it was built."""
        for step in ("keep", "set"):
            if step == "set" and not self.seen.exists():
                self.seen.touch()
                os.utime(self.seen, (_BUILT, _BUILT))
            environment = os.environ | {"KBOOT_LAB_PLACE": str(self.place)}
            environment["PATH"] = f"{self.place}/bin:{environment['PATH']}"
            subprocess.run(["sh", str(_CLOCK), step], env=environment, check=True)
        return int(self._date.read_text())


@pytest.mark.parametrize(
    ("hardware_clock", "expected"),
    [(_2015, _2015), (0, _2013), (_2040, _2013), (_2026, _2026)],
    ids=["in-2015", "before-the-floor", "so-late-that-it-is-broken", "right"],
)
def test_a_system_that_never_saw_the_time_begins_with_its_hardware_clock(
    tmp_path: Path, hardware_clock: int, expected: int
) -> None:
    assert Machine(tmp_path, hardware_clock, max(_BUILT, hardware_clock)).boot() == expected


def test_the_day_on_which_systemd_was_built_is_no_floor_at_the_next_boot(tmp_path: Path) -> None:
    machine = Machine(tmp_path, _2015, _BUILT)
    assert machine.boot() == _2015
    assert machine.boot() == _2015
    assert machine.seen.stat().st_mtime == _2013


def test_a_system_that_saw_the_time_once_begins_no_earlier(tmp_path: Path) -> None:
    machine = Machine(tmp_path, _2015, _BUILT)
    machine.seen.touch()
    os.utime(machine.seen, (_2026, _2026))
    assert machine.boot() == _2026
    assert machine.seen.stat().st_mtime == _2026


def test_a_clock_that_is_right_is_not_set_to_whole_seconds(tmp_path: Path) -> None:
    assert Machine(tmp_path, _2026, _2026 + 1).boot() == _2026 + 1


def test_timesyncd_that_starts_again_leaves_the_clock_alone(tmp_path: Path) -> None:
    machine = Machine(tmp_path, _2015, _BUILT)
    machine.boot()
    machine.set_clock(_2026)
    assert machine.start_timesyncd() == _2026
