"""Disks that a machine is installed to: whole ones alone."""

from __future__ import annotations

import pytest

from kboot_clusterdesc.install_disk import InstallDisk, install_disk
from unit.clusterdesc.sample import (
    accepted,
    place,
    refusal,
    spoilt,
)


@pytest.mark.parametrize(
    ("disk", "reason"),
    [
        ("/dev/sda1", "a partition"),
        ("/dev/nvme0n1p1", "a partition"),
        ("/dev/mmcblk0p2", "a partition"),
        ("/dev/disk/by-id/ata-DISK_1-part1", "a partition"),
        ("/dev/disk/by-uuid/0b3f", "a partition"),
        ("/dev/xvda1", "a partition"),
        ("/dev/sda1p1", "a partition"),
        ("/dev/sda-part1", "a partition"),
        ("/dev/pmem0p1", "a partition"),
        ("/dev/cciss/c0d0p1", "a partition"),
        ("/dev/md127p1", "a partition"),
        ("/dev/mapper/mpatha-part1", "a partition"),
        ("/dev/mapper/mpathap1", "a partition"),
        ("/dev/disk/by-dname/sda-part1", "a partition"),
        ("/dev/mmcblk0boot0", "a partition"),
        ("/dev/nvme0", "the controller of a drive"),
        ("/dev/nvme0p1", "the controller of a drive"),
        ("/dev/md0", "an array or a volume"),
        ("/dev/dm-0", "an array or a volume"),
        ("/dev/mapper/vg-root", "an array or a volume"),
        ("/dev/disk/by-id/md-uuid-1", "an array or a volume"),
        ("/dev/sr0", "not a disk"),
        ("/dev/null", "not a disk"),
        ("/dev/loop0", "not a disk"),
        ("/dev/sd", "not a disk"),
        ("/dev/disk/by-id", "not a disk"),
        ("/dev/SDA1", "small letters"),
        ("/dev/./sda1", "not a device"),
        ("/dev/sda1/", "not a device"),
        ("sda", "not below /dev/"),
        ("/mnt/sda", "not below /dev/"),
        ("/dev/../etc/passwd", "not a device"),
        ("/dev/sda; reboot", "not a device"),
        ("/dev/", "not a device"),
        ("smallest, smallest", "twice"),
        ("smallest, biggest", "none of smallest, model:<name>, min_size:<size>"),
        ("model:", "none of smallest"),
        ("model:$(reboot)", "none of smallest"),
        ("min_size:200", "not a size"),
        ("min_size:0G", "not a size"),
    ],
)
@pytest.mark.parametrize("holder", ["os", "node"])
def test_what_is_no_whole_disk_is_refused_where_it_stands(disk: str, reason: str, holder: str) -> None:
    changed = ("name: node1", f'name: node1, install_disk: "{disk}"')
    if holder == "os":
        changed = ("family: flatcar", f'family: flatcar, install_disk: "{disk}"')
    text = spoilt(changed)
    said = refusal(text)
    key = "os" if holder == "os" else "nodes[0]"
    assert said.startswith(f"{place(text, chr(34) + disk)}: {key}.install_disk: `")
    assert reason in said


@pytest.mark.parametrize(
    ("disk", "hint"),
    [
        ("/dev/nvme0n1p1", "name the whole disk: `/dev/nvme0n1`"),
        ("/dev/sda-part1", "name the whole disk: `/dev/sda`"),
        ("/dev/nvme0p1", "name the drive: `/dev/nvme0n1`"),
        ("sda1", "write `/dev/sda`"),
        ("//dev/nvme0n1p1", "write `/dev/nvme0n1`"),
        ("/dev/vda1/", "write `/dev/vda`"),
        ("/dev/SDA1", "write `/dev/sda`"),
        ("UUID=0b3f", "name a whole disk, such as /dev/sda or /dev/disk/by-id/..., or write the rule `smallest`"),
        ("first", "name a whole disk, such as /dev/sda or /dev/disk/by-id/..., or write the rule `smallest`"),
    ],
)
def test_the_hint_names_the_disk_that_was_meant(disk: str, hint: str) -> None:
    said = refusal(spoilt(("name: node1", f'name: node1, install_disk: "{disk}"')))
    assert said.endswith(f"\n  hint: {hint}")


@pytest.mark.parametrize(
    "disk",
    [
        "/dev/sda",
        "/dev/sdaa",
        "/dev/hda",
        "/dev/xvda",
        "/dev/pmem0",
        "/dev/cciss/c0d0",
        "/dev/disk/by-id/wwn-0x5000c500a1b2c3d4",
        "/dev/disk/by-id/ata-DISK_with-parts-1",
        "/dev/disk/by-diskseq/1",
        "/dev/vda",
        "/dev/nvme0n1",
        "/dev/nvme10n1",
        "/dev/mmcblk0",
        "/dev/disk/by-id/nvme-DISK_1",
        "/dev/disk/by-path/pci-0000:00:1f.2-ata-1",
    ],
)
def test_whole_disks_pass(disk: str) -> None:
    assert accepted(spoilt(("name: node1", f"name: node1, install_disk: {disk}"))).nodes[0].install_disk == disk


@pytest.mark.parametrize(
    ("rule", "model", "min_bytes", "is_smallest"),
    [
        ("smallest", None, 8 * 10**9, True),
        ("smallest, min_size:200G", None, 200 * 10**9, True),
        ("model:Samsung SSD 870*", "Samsung SSD 870*", None, False),
        ("min_size: 2T, model: INTEL?", "INTEL?", 2 * 10**12, False),
    ],
)
def test_a_rule_says_what_a_disk_has_to_be(
    rule: str, model: str | None, min_bytes: int | None, is_smallest: bool
) -> None:
    text = spoilt(("name: node1", f'name: node1, install_disk: "{rule}"'))
    assert install_disk(accepted(text).nodes[0].install_disk or "") == InstallDisk(None, model, min_bytes, is_smallest)
