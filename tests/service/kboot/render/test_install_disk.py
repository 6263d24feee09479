"""The disk that install.sh takes, and what it leaves on it and on others."""

from __future__ import annotations

import json
import os
import select

import pytest

from kboot_cloudconfig.disk import Disk
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


def test_a_machine_that_stops_has_told_which_disks_it_has(machine: Sandbox) -> None:
    first, second = machine.disk("sda"), machine.disk("nvme0n1")
    machine.disk("sr0", "rom")
    machine.link_by_id(first, "ata-DISK_A1", "wwn-0x5000", "lvm-pv-uuid-x")
    machine.link_by_id(second, "nvme-eui.0025", "wwn-0x5001")
    (machine.folder / "model").write_text('  Samsung "SSD" \\ 870\n')
    (machine.folder / "partlabels").write_text(f"{first} EFI-SYSTEM\n{first} data\n")
    assert machine.run().returncode == 1
    told = [json.loads(report) for report in machine.lines("reports")]
    disks = next(report["disks"] for report in told if "disks" in report)
    assert [Disk(**disk) for disk in disks] == [
        Disk(
            name=first, id="/dev/disk/by-id/ata-DISK_A1", model="Samsung SSD 870", serial="S3R1AL sda",
            size_bytes=256060514304, holds="gpt ext4 EFI-SYSTEM data",
        ),
        Disk(
            name=second, id="/dev/disk/by-id/nvme-eui.0025", model="Samsung SSD 870", serial="S3R1AL nvme0n1",
            size_bytes=256060514304,
        ),
    ]  # fmt: skip
    assert told[-1]["phase"] == "failed"


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
    assert not [line for line in machine.lines("done") if "wipefs --all" in line]


def test_what_a_refusing_installer_leaves_behind_is_ended_and_holds_up_nothing(machine: Sandbox) -> None:
    # Flatcar's reports by a named pipe that the image is written, and nobody reads it once the signature was refused.
    machine.disk("sda")
    os.mkfifo(machine.folder / "waits")
    (machine.folder / "failures").write_text("5")
    (machine.folder / "says").write_text("gpg: BAD signature\n")
    assert machine.run().returncode == 1
    assert "gpg: BAD signature" in reason(machine)
    with open(os.open(machine.folder / "waits", os.O_RDONLY | os.O_NONBLOCK)) as pipe:
        assert select.select([pipe], [], [], 1)[0] == []


def test_a_disk_whose_writes_nobody_counts_is_left_unbootable_too(machine: Sandbox) -> None:
    disk = machine.disk("sda")
    (machine.folder / "failures").write_text("1")
    assert machine.run().returncode == 0
    assert machine.lines("done").count(f"wipefs --all --force --quiet {disk}") == 1


def test_the_last_words_of_the_installer_are_the_reason(machine: Sandbox) -> None:
    disk = machine.disk("sda")
    (machine.folder / "failures").write_text("5")
    (machine.folder / "says").write_text(
        "Downloading\n"
        "gpg: BAD signature from Flatcar Buildbot\n"
        "Failed to reread partitions on /dev/sda\n"
        "Error: return code 1 from gpg --verify\n"
        "/dev/sda: 8 bytes were erased at offset 0x00000200 (gpt): 45 46 49 20 50 41 52 54\n"
        "/dev/sda: calling ioctl to re-read partition table: Success\n\n"
    )
    assert machine.run().returncode == 1
    assert reason(machine) == (
        f"flatcar-install could not write stable 3975.2.0 to {disk}: gpg: BAD signature from Flatcar Buildbot "
        "Failed to reread partitions on /dev/sda "
    )


def test_what_an_earlier_system_holds_on_the_chosen_disk_is_taken_down_from_the_top(machine: Sandbox) -> None:
    other, disk = machine.disk("sda"), machine.disk("sdb")
    machine.stack(other, ("/dev/sda1", "part"), ("/dev/md9", "raid1"))
    partition = machine.disk("sdb1", "part")
    array = machine.disk("md0", "raid1")
    machine.stack(disk, (partition, "part"), (array, "raid1"), ("/dev/mapper/vg-data", "lvm"))
    assert machine.run(KBOOT_DISK=disk).returncode == 0
    done = [line for line in machine.lines("done") if line.split()[0] in ("mdadm", "dmsetup", "swapoff", "wipefs")]
    members = "linux_raid_member,LVM2_member,ddf_raid_member,isw_raid_member"
    assert done == [
        "swapoff /dev/mapper/vg-data", "dmsetup remove --retry /dev/mapper/vg-data",
        f"swapoff {array}", f"mdadm --readonly {array}", f"mdadm --stop {array}",
        f"swapoff {partition}", f"swapoff {disk}",
        f"wipefs --all --force --quiet --types {members} {partition}",
        f"wipefs --all --force --quiet --types {members} {disk}",
    ]  # fmt: skip
    assert machine.lines("installer.log")[1] == disk


def test_a_disk_that_is_still_held_is_not_written_to(machine: Sandbox) -> None:
    disk, array = machine.disk("sda"), machine.disk("md0", "raid5")
    machine.stack(disk, ("/dev/sda1", "part"), (array, "raid5"))
    (machine.folder / "bin/mdadm").unlink()
    assert machine.run(KBOOT_DISK=disk).returncode == 1
    assert reason(machine) == f"{disk} is held by what could not be stopped: {disk} /dev/sda1 {array}"
    assert machine.lines("installer.log") == []
    assert not [line for line in machine.lines("done") if line.startswith("wipefs --all")]


def test_a_path_of_several_to_one_disk_is_refused(machine: Sandbox) -> None:
    disk = machine.disk("sda")
    machine.stack(disk, ("/dev/mapper/mpatha", "mpath"))
    assert machine.run(KBOOT_DISK=disk).returncode == 1
    assert reason(machine) == f"{disk} is one of several paths to a disk (multipath): name another with install_disk"
    assert machine.lines("installer.log") == []
    assert not [line for line in machine.lines("done") if "dmsetup" in line]


@pytest.mark.parametrize("label", ["USR-A", "OEM", "ROOT"])
def test_an_older_install_on_another_disk_is_refused_before_anything_is_written(machine: Sandbox, label: str) -> None:
    other, disk = machine.disk("sda"), machine.disk("sdb")
    (machine.folder / "partlabels").write_text(f"{other} EFI-SYSTEM\n{other} {label}\n{disk} USR-A\n")
    assert machine.run(KBOOT_DISK=disk).returncode == 1
    assert reason(machine).startswith(f"{other} holds an older install ({label}), which the OS would mix with this one")
    assert machine.lines("installer.log") == []
    assert not [line for line in machine.lines("done") if "wipefs" in line]


@pytest.mark.parametrize("label", ["EFI-SYSTEM", "root", "MY-ROOT", "ROOTS"])
def test_other_labels_on_another_disk_are_nobodys_business(machine: Sandbox, label: str) -> None:
    other, disk = machine.disk("sda"), machine.disk("sdb")
    (machine.folder / "partlabels").write_text(f"{other} {label}\n")
    assert machine.run(KBOOT_DISK=disk).returncode == 0


@pytest.mark.parametrize("place", ["/oem", "/usr/share/oem"])
def test_a_disk_is_not_in_use_because_the_os_in_memory_mounted_its_oem_partition(machine: Sandbox, place: str) -> None:
    machine.disk("sda", mounted=place)
    assert machine.run().returncode == 0


def test_the_boot_partition_gets_a_guid_that_no_other_disk_has_and_it_is_reported(machine: Sandbox) -> None:
    disk = machine.disk("sda")
    guids = set()
    for _ in range(2):
        assert machine.run().returncode == 0
        guid = json.loads(machine.lines("reports")[-1])["boot_partition"]
        ends = [f"sgdisk --partition-guid=1:{guid} {disk}", "sync ", "systemctl reboot --no-wall"]
        assert machine.lines("done")[-3:] == ends
        guids.add(guid)
        (machine.folder / "run/kboot-install/installed").unlink()
    assert len(guids) == 2


def test_a_machine_whose_boot_partition_takes_no_guid_is_installed_and_reports_none(machine: Sandbox) -> None:
    machine.disk("sda")
    (machine.folder / "bin/sgdisk").unlink()
    assert machine.run().returncode == 0
    assert "boot_partition" not in json.loads(machine.lines("reports")[-1])
