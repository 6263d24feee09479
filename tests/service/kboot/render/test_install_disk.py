"""The disk that install.sh takes, and what it leaves on it and on others."""

from __future__ import annotations

import json

import pytest

from service.kboot.render.sandbox import Sandbox, reason


def test_the_only_disk_that_is_fixed_and_free_is_taken(machine: Sandbox) -> None:
    machine.disk("sr0", "rom")
    machine.disk("sdb", removable=True)
    machine.disk("sdc", mounted="/data")
    disk = machine.disk("vda")
    assert machine.run().returncode == 0
    assert machine.lines("installer.log")[1] == disk


def test_among_several_disks_none_is_guessed(machine: Sandbox) -> None:
    disks = [machine.disk("sda"), machine.disk("sdb")]
    assert machine.run().returncode == 1
    assert reason(machine).startswith("several disks, name one with install_disk: ")
    assert all(disk in reason(machine) for disk in disks)
    assert machine.lines("installer.log") == []


def test_a_machine_without_a_disk_says_so(machine: Sandbox) -> None:
    assert machine.run().returncode == 1
    assert reason(machine) == "no disk was found on this machine"


def test_the_described_disk_is_taken_by_its_real_path(machine: Sandbox) -> None:
    # The installer's mount of the OEM partition fails on a link such as /dev/disk/by-path (Flatcar#1506).
    machine.disk("sda")
    disk = machine.disk("nvme0n1")
    (machine.folder / "by-id").symlink_to(disk)
    assert machine.run(KBOOT_DISK=str(machine.folder / "by-id")).returncode == 0
    assert machine.lines("installer.log")[1] == disk


def test_a_partition_is_refused_on_the_machine_too(machine: Sandbox) -> None:
    partition = machine.disk("sda1", "part")
    assert machine.run(KBOOT_DISK=partition).returncode == 1
    assert reason(machine) == f"install_disk {partition} is not a whole disk"
    assert machine.lines("installer.log") == []


@pytest.mark.parametrize("disk", ["/dev/no-such-disk", "/dev/null", "$(touch /run/owned)", "sda; touch /run/owned"])
def test_a_described_disk_that_is_not_there_is_refused_by_its_name(machine: Sandbox, disk: str) -> None:
    assert machine.run(KBOOT_DISK=disk).returncode == 1
    assert reason(machine).endswith("does not exist on this machine")
    assert machine.lines("installer.log") == []
    assert not (machine.folder / "run/owned").exists()


def test_the_installer_has_a_home_to_wipe_what_it_refuses(machine: Sandbox) -> None:
    machine.disk("sda")
    assert machine.run().returncode == 0
    assert machine.lines("homes") == ["/root"]


def test_what_the_installer_wrote_and_refused_is_left_unbootable_after_each_try(machine: Sandbox) -> None:
    disk = machine.disk("sda")
    machine.count_writes(disk)
    (machine.folder / "failures").write_text("5")
    (machine.folder / "writes").touch()
    assert machine.run().returncode == 1
    assert machine.lines("done").count(f"wipefs --all --force --quiet {disk}") == 5


def test_a_disk_that_the_installer_did_not_come_to_write_keeps_what_it_has(machine: Sandbox) -> None:
    machine.count_writes(machine.disk("sda"))
    (machine.folder / "failures").write_text("5")
    assert machine.run().returncode == 1
    assert not [line for line in machine.lines("done") if "wipefs" in line]


def test_a_disk_whose_writes_nobody_counts_is_left_unbootable_too(machine: Sandbox) -> None:
    disk = machine.disk("sda")
    (machine.folder / "failures").write_text("1")
    assert machine.run().returncode == 0
    assert machine.lines("done").count(f"wipefs --all --force --quiet {disk}") == 1


def test_the_boot_partition_gets_a_guid_that_no_other_disk_has_and_it_is_reported(machine: Sandbox) -> None:
    disk = machine.disk("sda")
    guids = set()
    for _ in range(2):
        assert machine.run().returncode == 0
        guid = json.loads(machine.lines("reports")[-1])["boot_partition"]
        ends = [f"sgdisk --partition-guid=1:{guid} {disk}", "sync ", "systemctl reboot --no-wall"]
        assert machine.lines("done")[-3:] == ends
        guids.add(guid)
        (machine.folder / "run/kboot-install/started").rmdir()
    assert len(guids) == 2


def test_a_machine_whose_boot_partition_takes_no_guid_is_installed_and_reports_none(machine: Sandbox) -> None:
    machine.disk("sda")
    (machine.folder / "bin/sgdisk").unlink()
    assert machine.run().returncode == 0
    assert "boot_partition" not in json.loads(machine.lines("reports")[-1])
