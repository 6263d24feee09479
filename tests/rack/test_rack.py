"""Machines as unkind as those of a rack: each runs in the end, or `kboot status` says in words what is in the way."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from kboot.host.waiting import looks
from support.unkind import FOREIGN_BOOTED, UnkindLab

_OFF_S = 60  # between the host's clock and a machine's, with the time that an answer takes
_REASON_S = 900


def installed_once(lab: UnkindLab, name: str) -> dict[str, Any]:
    """Return the machine's state once it runs; it was installed one time, and nothing was refused to it."""
    node = lab.wait_node(name, "running", timeout_s=1800)
    told = [event["kind"] for event in lab.events() if event["mac"] == node["mac"]]
    assert told.count("installed") == 1
    assert "refused" not in told
    return node


def reason_of(lab: UnkindLab, name: str) -> str:
    """Return why a machine failed, once it did."""
    node: dict[str, Any] = {}
    for _ in looks(_REASON_S, 3):
        node = lab.node(name)
        if node["phase"] == "failed":
            return str(node["reason"])
    raise AssertionError(f"not failed after {_REASON_S} s: {node}\n{lab.console(name)}")


def test_another_system_on_the_first_disk_of_a_bios_machine_is_left_alone(lab: UnkindLab) -> None:
    with lab.switched_on("foreign"):
        installed_once(lab, "foreign")
        assert lab.ssh("foreign", "findmnt -no SOURCE /") == "/dev/nvme0n1p9"
        assert lab.kboot("lab", "power", "foreign", "cycle").returncode == 0
        lab.wait_node("foreign", "running", after=lab.node("foreign")["since"])
    assert FOREIGN_BOOTED not in lab.whole_console("foreign")
    assert lab.is_untouched("foreign", 0, "foreign-esp")


@pytest.mark.parametrize("name", ["older", "older-uefi"])
def test_an_older_install_on_another_disk_is_refused_in_words(lab: UnkindLab, name: str) -> None:
    with lab.switched_on(name):
        reason = reason_of(lab, name)
    assert "/dev/vdb holds an older install (" in reason
    assert lab.is_untouched(name, 0, "")
    assert lab.is_untouched(name, 1, "own-install")


@pytest.mark.parametrize("name", ["md", "lvm", "swap"])
def test_a_named_disk_is_installed_over_whatever_holds_it(lab: UnkindLab, name: str) -> None:
    with lab.switched_on(name):
        installed_once(lab, name)
        assert lab.ssh(name, "findmnt -no SOURCE /") == "/dev/vda9"
        assert lab.ssh(name, "lsblk -no TYPE | sort -u").split() == ["disk", "part"]


def test_a_disk_that_a_rule_chose_is_left_alone_while_it_holds_something(lab: UnkindLab) -> None:
    with lab.switched_on("rule"):
        reason = reason_of(lab, "rule")
        shown = json.loads(lab.kboot("node", "show", "rule", "--json").stdout)
        disks = {disk["name"]: disk for disk in shown["disks"]}
    assert "is not empty (LVM2_member" in reason
    assert disks["/dev/vdb"]["holds"].startswith("LVM2_member")
    assert lab.is_untouched("rule", 0, "")


def test_a_machine_whose_clock_is_in_the_future_is_put_right(lab: UnkindLab) -> None:
    with lab.switched_on("future"):
        installed_once(lab, "future")
        assert abs(int(lab.ssh("future", "date +%s")) - time.time()) < _OFF_S
        before = lab.node("future")["since"]
        assert lab.kboot("lab", "power", "future", "cycle").returncode == 0  # its clock is in 2040 again
        lab.wait_node("future", "running", after=before)
        assert abs(int(lab.ssh("future", "date +%s")) - time.time()) < _OFF_S


def test_a_machine_whose_port_forwards_after_a_minute_is_installed(lab: UnkindLab) -> None:
    with lab.switched_on("late"):
        installed_once(lab, "late")


def test_a_machine_is_installed_over_a_line_that_loses_frames(lab: UnkindLab) -> None:
    with lab.switched_on("lossy"):
        installed_once(lab, "lossy")


def test_two_cards_are_a_bond_with_a_vlan_on_it(lab: UnkindLab) -> None:
    with lab.switched_on("bonded", "leased"):
        for name in ("bonded", "leased"):
            installed_once(lab, name)
        for _ in range(2):
            for name in ("bonded", "leased"):
                bond = lab.ssh(name, "cat /proc/net/bonding/bond0")
                assert (bond.count("Slave Interface:"), bond.count("MII Status: up")) == (2, 3), bond
                assert "mtu 1400" in lab.ssh(name, "ip -d link show storage | tr -s ' '")
                assert "vlan protocol 802.1Q id 40" in lab.ssh(name, "ip -d link show storage")
            lab.ssh("leased", "sudo ping -c 2 -w 20 -M do -s 1372 10.77.40.11")  # 1400 with its headers
            lab.ssh("bonded", "sudo systemctl restart systemd-networkd")  # what it has stays as it is
        assert lab.ssh("bonded", "ip -4 -br address show bond0 | tr -s ' ' | cut -d ' ' -f 3") == "10.77.22.22/24"


def _alter_the_image(lab: UnkindLab) -> None:
    """Change a bit of the mirrored image, behind its signature."""
    (image,) = (lab.folder.images / "stable" / "3975.2.0").rglob("flatcar_production_image.bin.bz2")
    with image.open("r+b") as file:
        file.seek(-5, 2)
        byte = file.read(1)[0]
        file.seek(-5, 2)
        file.write(bytes([byte ^ 1]))


def test_an_image_that_is_refused_leaves_no_disk_that_boots(lab: UnkindLab) -> None:
    _alter_the_image(lab)
    with lab.switched_on("refused"):
        reason = reason_of(lab, "refused")
    assert "could not write stable 3975.2.0 to /dev/vda" in reason
    assert "signature" in reason.lower()
    with lab.disk("refused", 0).open("rb") as disk:
        start = disk.read(1 << 20)
        disk.seek(-(1 << 16), 2)
        end = disk.read()
    assert start.count(0) == len(start), "boot code or a partition table is on the disk"
    assert b"EFI PART" not in end
