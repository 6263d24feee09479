"""Rules for install disks: a whole disk, named below /dev, or a rule that one disk fits."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..install_disk import install_disk
from ..model import ClusterDesc
from ..problem import Problem
from ..source import Tree
from .at import Steps, problem_at

_DEVICE = re.compile(r"/dev(/[A-Za-z0-9_:+@=.,-]+)+")
# What follows is matched with the name below /dev/, whole.
_PARTITION = re.compile(
    r"(?P<plain>(?:sd|hd|vd|xvd|ubd|dasd)[a-z]+)[0-9]+(?:p[0-9]+)?"
    r"|(?P<numbered>(?:nvme[0-9]+n|mmcblk|pmem|nbd|rbd|(?:cciss|ida|rd)/c[0-9]+d)[0-9]+)p[0-9]+"
    r"|(?P<linked>.+)-part[0-9]+"
    r"|(?:loop|md|md_d|bcache|drbd)[0-9]+p[0-9]+"
    r"|mapper/mpath[a-z]+[p_]?(?:part)?[0-9]+"
    r"|mmcblk[0-9]+(?:boot|rpmb).*"
)
_FILE_SYSTEM = re.compile(r"disk/by-(uuid|label|partuuid|partlabel|partsets|designator)(/.*)?")
_CONTROLLER = re.compile(r"(?P<drive>nvme[0-9]+)(p[0-9]+)?")
_ARRAY = re.compile(r"md(_d)?[0-9]+|md/.+|dm-[0-9]+|mapper/.+|(disk/by-id/(md|dm|lvm)-.+)")
_OTHER = re.compile(
    r"sr[0-9]+|scd[0-9]+|cdrom|cdrw|dvd|dvdrw|fd[0-9]+|loop[0-9]+|z?ram[0-9]+|sg[0-9]+|bsg/.+|st[0-9]+|nst[0-9]+"
    r"|null|zero|full|u?random|mem|shm|console|tty.*|root|block|disk(/by-[a-z-]+)?|(sd|hd|vd|xvd)[0-9]*"
)
_KERNEL_NAME = re.compile(r"(sd|hd|vd|xvd)[a-z]+|nvme[0-9]+n[0-9]+|mmcblk[0-9]+")
_BY_ID = "name the disk by /dev/disk/by-id/ or /dev/disk/by-path/"
_A_DISK = "name a whole disk, such as /dev/sda or /dev/disk/by-id/..., or write the rule `smallest`"


def check_disks(desc: ClusterDesc, tree: Tree) -> Iterator[Problem]:
    """Yield a problem for each install disk that the installer would refuse at the machine."""
    disks: list[tuple[Steps, str | None]] = [(("os", "install_disk"), desc.os.install_disk)]
    disks += [(("nodes", i, "install_disk"), node.install_disk) for i, node in enumerate(desc.nodes)]
    for path, disk in disks:
        reason = _reason_against(disk) if disk is not None else None
        if reason:
            yield problem_at(tree, path, *reason)


def _reason_against(disk: str) -> tuple[str, str] | None:
    if not disk.startswith("/") and re.match(r"smallest|model|min_size", disk):
        return _reason_against_rule(disk)
    if not disk.startswith("/dev/"):
        return f"`{disk[:80]}` is not below /dev/", _write(disk)
    name = disk.removeprefix("/dev/")
    if not _DEVICE.fullmatch(disk) or {".", ".."} & set(name.split("/")):
        return f"`{disk[:80]}` is not a device", _write(disk.rstrip("/"))
    if match := _PARTITION.fullmatch(name):
        whole = match["plain"] or match["numbered"] or match["linked"]
        return f"`{disk}` is a partition", f"name the whole disk: `/dev/{whole}`" if whole else "name the whole disk"
    if match := _CONTROLLER.fullmatch(name):
        return f"`{disk}` is the controller of a drive, not the drive", f"name the drive: `/dev/{match['drive']}n1`"
    if "/" not in name and not name.islower() and _disk_in(name.lower()):
        return f"`{disk}` is not a device: the kernel's names of disks have small letters", _write(name.lower())
    return _reason_against_other(disk, name)


def _reason_against_other(disk: str, name: str) -> tuple[str, str] | None:
    if _FILE_SYSTEM.fullmatch(name):
        return f"`{disk}` names a partition or a file system, which is gone once the disk is written", _BY_ID
    if _ARRAY.fullmatch(name):
        return f"`{disk}` is an array or a volume, and the OS is installed on a disk", _BY_ID
    if _OTHER.fullmatch(name):
        return f"`{disk}` is not a disk", _A_DISK
    return None


def _write(disk: str) -> str:
    """Return the hint for what is no path of a device: the disk that was probably meant."""
    meant = _disk_in(disk.rpartition("/")[2])
    return f"write `/dev/{meant}`" if meant else _A_DISK


def _disk_in(name: str) -> str:
    """Return the kernel's name of the disk that `name` is or lies on; empty where it is none."""
    match = _PARTITION.fullmatch(name)
    whole = (match["plain"] or match["numbered"] or match["linked"] or "") if match else name
    return whole if _KERNEL_NAME.fullmatch(whole) else ""


def _reason_against_rule(rule: str) -> tuple[str, str] | None:
    try:
        install_disk(rule)
    except ValueError as error:
        return str(error), "write it as `smallest`, or `model:SSD 870*`, or `smallest, min_size:200G`"
    return None
