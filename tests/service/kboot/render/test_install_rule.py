"""Rules that choose a disk at the machine, and what such a disk may hold."""

from __future__ import annotations

import json

import pytest

from service.kboot.render.sandbox import Sandbox, reason

SMALLEST = {"KBOOT_DISK_SMALLEST": "yes", "KBOOT_DISK_MIN_BYTES": "8000000000"}


def disk_of(machine: Sandbox, name: str, size_bytes: int, model: str = "") -> str:
    """Add a disk with a size and a model; its path."""
    (machine.folder / f"size-{name}").write_text(f"{size_bytes}\n")
    (machine.folder / f"model-{name}").write_text(f"{model}\n")
    return machine.disk(name)


def taken(machine: Sandbox) -> str:
    """The disk that the installer was given."""
    return machine.lines("installer.log")[1]


def holds(machine: Sandbox, disk: str, *labels: str) -> None:
    """Let wipefs(8) and lsblk(8) find something on every disk: on this one these labels, else `data`."""
    (machine.folder / "bin/wipefs").unlink()
    found = '[[ " $* " == *" --all "* ]] || echo "0x438 1234 ext4 data"'
    (machine.folder / "bin/wipefs").write_text(f"#!/bin/bash\n{found}\n")
    (machine.folder / "bin/wipefs").chmod(0o755)
    (machine.folder / "partlabels").write_text("".join(f"{disk} {label}\n" for label in labels or ("data",)))


def test_the_smallest_disk_that_has_room_is_taken(machine: Sandbox) -> None:
    disk_of(machine, "sda", 4_000_000_000_000)
    disk = disk_of(machine, "sdb", 240_000_000_000)
    disk_of(machine, "sdc", 256_000_000)
    assert machine.run(**SMALLEST).returncode == 0
    assert taken(machine) == disk


def test_of_two_smallest_disks_the_known_one_is_taken_else_always_the_same(machine: Sandbox) -> None:
    first, second = disk_of(machine, "sda", 240_000_000_000), disk_of(machine, "sdb", 240_000_000_000)
    machine.link_by_id(first, "ata-DISK_B")
    machine.link_by_id(second, "ata-DISK_A")
    assert machine.run(**SMALLEST).returncode == 0
    assert taken(machine) == second
    (machine.folder / "installer.log").unlink()
    (machine.folder / "run/kboot-install/installed").unlink()
    assert machine.run(**SMALLEST, KBOOT_KNOWN_DISK="/dev/disk/by-id/ata-DISK_B").returncode == 0
    assert taken(machine) == first


@pytest.mark.parametrize("model", ["Samsung SSD 870*", "*870 EVO", "Samsung SSD 870 EV?"])
def test_the_disk_of_a_model_is_taken(machine: Sandbox, model: str) -> None:
    disk_of(machine, "sda", 240_000_000_000, "VIRTUAL-MEDIA")
    disk = disk_of(machine, "sdb", 240_000_000_000, "  Samsung SSD 870 EVO   ")
    assert machine.run(KBOOT_DISK_MODEL=model).returncode == 0
    assert taken(machine) == disk


def test_several_disks_that_fit_are_told_and_none_is_guessed(machine: Sandbox) -> None:
    disks = [disk_of(machine, name, 240_000_000_000, "SSD") for name in ("sda", "sdb")]
    assert machine.run(KBOOT_DISK_MODEL="SSD").returncode == 1
    assert reason(machine) == f"several disks, name one with install_disk: {' '.join(disks)}"


def test_a_machine_without_a_disk_that_fits_says_so(machine: Sandbox) -> None:
    disk_of(machine, "sda", 100_000_000_000, "SSD")
    for rule in ({"KBOOT_DISK_MIN_BYTES": "200000000000"}, {"KBOOT_DISK_MODEL": "HDD"}):
        assert machine.run(**rule).returncode == 1
        assert reason(machine) == "no disk was found on this machine that fits install_disk"


@pytest.mark.parametrize("rule", [{}, SMALLEST, {"KBOOT_DISK_MODEL": "*"}])
def test_a_disk_that_nobody_named_is_not_installed_over_while_it_holds_something(
    machine: Sandbox, rule: dict[str, str]
) -> None:
    disk = machine.disk("sda")
    holds(machine, disk)
    assert machine.run(**rule).returncode == 1
    assert reason(machine) == f"{disk} is not empty (gpt ext4 data): name it with install_disk or write wipe: true"
    assert machine.lines("installer.log") == []


@pytest.mark.parametrize(("known", "status"), [("ata-DISK_A", 0), ("ata-DISK_B", 1)])
def test_a_disk_where_this_machine_was_installed_before_is_taken_again(
    machine: Sandbox, known: str, status: int
) -> None:
    disk = machine.disk("sda")
    machine.link_by_id(disk, "ata-DISK_A")
    holds(machine, disk)
    assert machine.run(KBOOT_KNOWN_DISK=f"/dev/disk/by-id/{known}").returncode == status


def test_a_disk_without_an_id_is_taken_again_while_the_os_is_there(machine: Sandbox) -> None:
    disk = machine.disk("vda")
    holds(machine, disk, "USR-A", "ROOT")
    assert machine.run(KBOOT_KNOWN_DISK=str(machine.folder / "vdb")).returncode == 1
    assert machine.run(KBOOT_KNOWN_DISK=disk).returncode == 0


def test_a_disk_that_has_got_the_name_of_the_one_that_was_installed_is_not_installed_over(machine: Sandbox) -> None:
    data = disk_of(machine, "vda", 240_000_000_000)  # vdb, until this boot
    installed = disk_of(machine, "vdb", 240_000_000_000)
    holds(machine, data)
    with (machine.folder / "partlabels").open("a") as partitions:
        partitions.write(f"{installed} USR-A\n{installed} ROOT\n")
    assert machine.run(**SMALLEST, KBOOT_KNOWN_DISK=data).returncode == 1
    assert reason(machine).startswith(f"{data} is not empty (gpt ext4 data): name it with install_disk")
    assert machine.lines("installer.log") == []


@pytest.mark.parametrize("labels", [(), ("USR-A",), ("ROOT", "MY-USR-A"), ("EFI-SYSTEM", "USR-A", "OEM", "ROOT")])
def test_where_nobody_told_the_disk_of_an_install_it_is_taken_again_if_the_os_is_there(
    machine: Sandbox, labels: tuple[str, ...]
) -> None:
    holds(machine, machine.disk("sda"), *labels)
    assert machine.run(KBOOT_KNOWN_DISK="any").returncode == (0 if len(labels) == 4 else 1)


def test_of_two_smallest_disks_the_one_with_the_os_is_known_where_nobody_told_it(machine: Sandbox) -> None:
    machine.link_by_id(disk_of(machine, "sda", 240_000_000_000), "ata-DISK_A")
    installed = disk_of(machine, "sdb", 240_000_000_000)
    machine.link_by_id(installed, "ata-DISK_B")
    holds(machine, installed, "USR-A", "ROOT")
    assert machine.run(**SMALLEST, KBOOT_KNOWN_DISK="any").returncode == 0
    assert taken(machine) == installed


def test_a_disk_that_is_named_or_may_be_wiped_is_installed_over_whatever_it_holds(machine: Sandbox) -> None:
    disk = machine.disk("sda")
    holds(machine, disk)
    for values in ({"KBOOT_DISK": disk}, {"KBOOT_WIPE": "yes"}):
        assert machine.run(**values).returncode == 0
        assert taken(machine) == disk
        (machine.folder / "run/kboot-install/installed").unlink()


def test_the_disk_is_told_before_it_is_written_to(machine: Sandbox) -> None:
    disk = machine.disk("sda")
    machine.link_by_id(disk, "ata-DISK_A1")
    (machine.folder / "failures").write_text("5")
    assert machine.run().returncode == 1
    told = [json.loads(report).get("install_disk") for report in machine.lines("reports")]
    assert [disk for disk in told if disk] == ["/dev/disk/by-id/ata-DISK_A1"]
