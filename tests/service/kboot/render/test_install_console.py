"""What install.sh shows to whoever stands at the machine."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from service.kboot.render.sandbox import Sandbox


def consoles(machine: Sandbox, active: str, *names: str) -> list[Path]:
    """Let the machine have terminals that keep what is written; `active` is the kernel's list of consoles."""
    (machine.folder / "active").write_text(f"{active}\n")
    files = [machine.own_dev() / name for name in names]
    for file in files:
        file.touch()
    return files


def test_each_step_and_each_refusal_is_shown_on_screen_and_serial_console(machine: Sandbox) -> None:
    screen, serial = consoles(machine, "ttyS1", "tty0", "ttyS1")
    machine.disk("sda")
    machine.disk("sdb")
    done = machine.run()
    assert screen.read_text() == serial.read_text()
    shown = serial.read_text()
    assert shown == done.stdout
    assert "kboot: installing stable 3975.2.0 on 00:25:90:c0:f7:80\n" in shown
    assert "kboot: failed: several disks, name one with install_disk" in shown


def test_a_machine_that_is_not_armed_is_told_so_where_it_stands(machine: Sandbox) -> None:
    (serial,) = consoles(machine, "ttyS0", "ttyS0")
    assert machine.run(KBOOT_ARMED="no", KBOOT_TOKEN="").returncode == 1
    assert "this machine is not to be installed now" in serial.read_text()


@pytest.mark.parametrize("active", ["tty0 ttyS1", "ttyS1 tty0"])
def test_each_console_shows_each_line_once_whichever_is_the_last(machine: Sandbox, active: str) -> None:
    screen, serial, console = consoles(machine, active, "tty0", "ttyS1", "console")
    machine.run(KBOOT_ARMED="no", KBOOT_TOKEN="")
    assert screen.read_text().count("nothing was touched") == 1
    assert screen.read_text() == serial.read_text()
    assert console.read_text() == "", "it is one of the others"


def test_where_the_kernel_lists_no_console_it_speaks_on_the_system_s(machine: Sandbox) -> None:
    (console,) = consoles(machine, "", "console")
    (machine.folder / "active").write_text("")
    machine.run(KBOOT_ARMED="no", KBOOT_TOKEN="")
    assert "nothing was touched" in console.read_text()


@pytest.mark.parametrize("missing", ["none is there", "one is stopped"])
def test_a_console_that_takes_nothing_stops_no_install(machine: Sandbox, missing: str) -> None:
    consoles(machine, "tty0 ttyS1")
    if missing == "one is stopped":
        os.mkfifo(machine.own_dev() / "ttyS1")  # which nobody reads
    machine.disk("sda")
    before = time.monotonic()
    done = machine.run()
    assert done.returncode == 0, done.stderr
    assert machine.lines("done")[-1] == "systemctl reboot --no-wall"
    assert done.stderr == ""
    assert time.monotonic() - before < 40
