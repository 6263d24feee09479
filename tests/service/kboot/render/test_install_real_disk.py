"""What install.sh does to real disks, loop devices, with the real dd(1), cmp(1) and wipefs(8)."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path
from zlib import crc32

import pytest

from service.kboot.render.sandbox import Sandbox, reason

SECTORS = 16384
ESP = bytes.fromhex("28732ac11ff8d211ba4b00a0c93ec93b")


def table_head(at: int, other: int, entries_at: int, entries: bytes) -> bytes:
    """The head of a GUID partition table (UEFI 2.10, 5.3.2) at one sector, whose copy is at another."""
    values = (at, other, 34, SECTORS - 34, b"kboot-test-disk.", entries_at, 128, 128, crc32(entries))
    head = b"EFI PART" + struct.pack("<III4xQQQQ16sQIII", 0x10000, 92, 0, *values)
    return (head[:16] + struct.pack("<I", crc32(head)) + head[20:]).ljust(512, b"\0")


def bootable_disk() -> bytes:
    """A disk of 8 MiB with boot code, both copies of a partition table with an ESP, and what stands for a kernel."""
    entry = ESP + b"kboot-test-esp.." + struct.pack("<QQQ", 2048, 8191, 0) + "EFI-SYSTEM".encode("utf-16-le")
    entries = entry.ljust(128 * 128, b"\0")
    protective = bytes([0, 0, 2, 0, 0xEE, 0xFF, 0xFF, 0xFF]) + struct.pack("<II", 1, SECTORS - 1)
    boot_code = b"\xeb\x3c".ljust(446, b"\x90") + protective.ljust(64, b"\0") + b"\x55\xaa"
    start = boot_code + table_head(1, SECTORS - 1, 2, entries) + entries
    end = entries + table_head(SECTORS - 1, 1, SECTORS - 33, entries)
    return start + (b"kernel  " * SECTORS * 64)[: SECTORS * 512 - len(start) - len(end)] + end


def signatures(disk: str) -> list[str]:
    """What wipefs(8) finds, in its words, in the order of the places on the disk."""
    found = subprocess.check_output(["wipefs", "--noheadings", "--output", "OFFSET,TYPE", disk], text=True)
    return [line.split()[1] for line in sorted(found.splitlines(), key=lambda line: int(line.split()[0], 16))]


def refuse(machine: Sandbox, disk: str, words: str = "") -> None:
    """Let the installer write an image to that disk of this machine, and refuse it at each try."""
    machine.use_real("wipefs", "dd")
    (machine.folder / "image").write_bytes(bootable_disk())
    (machine.folder / "failures").write_text("5")
    (machine.folder / "says").write_text(words)
    assert machine.run(KBOOT_DISK=disk).returncode == 1


def test_a_disk_whose_image_was_refused_holds_nothing_that_boots(machine: Sandbox, loop_disks: tuple[str, str]) -> None:
    disk = machine.disk("sda", real=loop_disks[0])
    Path(loop_disks[0]).write_bytes(bootable_disk())
    assert signatures(loop_disks[0]) == ["PMBR", "gpt", "gpt"]
    refuse(machine, disk, "gpg: BAD signature from the release key\n")
    assert signatures(loop_disks[0]) == []
    left = Path(loop_disks[0]).read_bytes()
    assert left[: 1 << 20] == bytes(1 << 20)
    assert b"kernel" in left, "the installer has written nothing"
    assert b"EFI PART" not in left
    assert "gpg: BAD signature from the release key" in reason(machine)


@pytest.mark.parametrize("signal", ["HUP", "INT", "TERM"])
def test_an_install_that_is_ended_while_it_writes_leaves_nothing_that_boots(
    machine: Sandbox, loop_disks: tuple[str, str], signal: str
) -> None:
    disk = machine.disk("sda", real=loop_disks[0])
    machine.use_real("wipefs", "dd")
    (machine.folder / "image").write_bytes(bootable_disk())
    (machine.folder / "signal").write_text(signal)
    assert machine.run(KBOOT_DISK=disk).returncode == 1
    assert reason(machine) == f"install.sh was ended by SIG{signal}"
    (installer,) = machine.lines("installer.pid")
    assert not Path("/proc", installer).exists(), "it writes on"
    assert signatures(loop_disks[0]) == []
    assert Path(loop_disks[0]).read_bytes()[: 1 << 20] == bytes(1 << 20)


def test_an_installer_that_is_not_known_yet_is_ended_too(machine: Sandbox, loop_disks: tuple[str, str]) -> None:
    disk = machine.disk("sda", real=loop_disks[0])
    machine.use_real("wipefs", "dd")
    (machine.folder / "image").write_bytes(bootable_disk())
    (machine.folder / "signal").write_text("TERM")
    script = machine.own_script(KBOOT_DISK=disk)
    until_the_signal = "  while :; do :; done\n"
    late = script.replace("  installer_pid=$!\n", f"{until_the_signal}  installer_pid=$!\n")
    assert late != script
    assert machine.run_text(late).returncode == 1
    (installer,) = machine.lines("installer.pid")
    assert not Path("/proc", installer).exists(), "it writes on"
    assert signatures(loop_disks[0]) == []


def test_an_installer_that_cannot_be_ended_is_waited_for_a_minute_and_then_told(
    machine: Sandbox, loop_disks: tuple[str, str]
) -> None:
    disk = machine.disk("sda", real=loop_disks[0])
    machine.use_real("wipefs", "dd")
    (machine.folder / "image").write_bytes(bootable_disk())
    (machine.folder / "signal").write_text("TERM")
    script = machine.own_script(KBOOT_DISK=disk)
    # As of a process that waits for its disk: it is still there, whatever it was sent.
    stays = 'kill() { builtin kill "$@"; [ "$1" = -KILL ]; }\n'
    assert machine.run_text(script.replace("installer_pid=''\n", f"{stays}installer_pid=''\n", 1)).returncode == 1
    assert machine.lines("done").count("sleep 1") == 60
    assert reason(machine) == "install.sh was ended by SIGTERM"


def test_no_other_disk_is_touched_when_an_image_is_refused(machine: Sandbox, loop_disks: tuple[str, str]) -> None:
    disk, other = machine.disk("sda", real=loop_disks[0]), machine.disk("sdb", real=loop_disks[1])
    (machine.folder / "partlabels").write_text(f"{other} EFI-SYSTEM\n")
    Path(loop_disks[1]).write_bytes(bootable_disk())
    refuse(machine, disk)
    assert Path(loop_disks[1]).read_bytes() == bootable_disk()


@pytest.mark.parametrize("place", [0, (1 << 20) - 1, 1 << 20])
def test_a_disk_whose_first_mebibyte_holds_data_of_no_known_kind_is_not_empty(
    machine: Sandbox, loop_disks: tuple[str, str], place: int
) -> None:
    machine.use_real("wipefs", "cmp")
    disk = machine.disk("sda", real=loop_disks[0])
    with Path(loop_disks[0]).open("r+b") as file:
        file.seek(place)
        file.write(b"x")
    is_taken = machine.run().returncode == 0
    assert is_taken is (place >= 1 << 20)
    if not is_taken:
        assert reason(machine).startswith(f"{disk} is not empty (data of no known kind): name it with install_disk")
