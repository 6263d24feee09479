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
_PARTITION = re.compile(
    r"/dev/(?:"
    r"(?P<plain>(?:sd|hd|vd|xvd)[a-z]+)[0-9]+"
    r"|(?P<numbered>(?:nvme[0-9]+n|mmcblk|loop|nbd|md)[0-9]+)p[0-9]+"
    r"|(?P<linked>disk/by-(?:id|path|diskseq)/.+)-part[0-9]+"
    r"|mmcblk[0-9]+(?:boot|rpmb).*"
    r")"
)
_NOT_A_DISK = re.compile(r"/dev/disk/by-(uuid|label|partuuid|partlabel)/.*")


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
        return f"`{disk[:80]}` is not below /dev/", f"write `/dev/{disk.rsplit('/', 1)[-1][:40]}`"
    match = _PARTITION.fullmatch(disk)
    if match:
        whole = match["plain"] or match["numbered"] or match["linked"]
        return (
            f"`{disk}` is a partition",
            f"name the whole disk: `/dev/{whole}`" if whole else "name the whole disk",
        )
    if _NOT_A_DISK.fullmatch(disk):
        return (
            f"`{disk}` names a partition or a file system, which is gone once the disk is written",
            "name the disk by /dev/disk/by-id/ or /dev/disk/by-path/",
        )
    if not _DEVICE.fullmatch(disk) or ".." in disk.split("/"):
        return f"`{disk[:80]}` is not a device", "write it as /dev/sda or /dev/disk/by-id/..."
    return None


def _reason_against_rule(rule: str) -> tuple[str, str] | None:
    try:
        install_disk(rule)
    except ValueError as error:
        return str(error), "write it as `smallest`, or `model:SSD 870*`, or `smallest, min_size:200G`"
    return None
