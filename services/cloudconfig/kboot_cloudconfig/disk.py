"""A disk as its machine reports it from memory, and what install.sh is told of the disk to choose. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from kboot_clusterdesc import ClusterDesc, Node
from kboot_clusterdesc.install_disk import InstallDisk, install_disk

from .body import Body, Size

DISKS_AT_MOST = 128

KeptDisk = Mapping[str, str | int]  # a Disk as JSON: it is kept and shown as it was told, and never read here


class Disk(Body):
    """What a machine says of one of its disks; text that it does not know is empty."""

    name: str = Field(max_length=120)  # the kernel's, which may be another disk's at the next boot
    id: str = Field(default="", max_length=200)  # its path below /dev/disk/by-id/, the same at every boot
    model: str = Field(default="", max_length=120)
    serial: str = Field(default="", max_length=120)
    size_bytes: Size
    holds: str = Field(default="", max_length=200)  # file systems, arrays, labels; empty for an empty disk

    def kept(self) -> KeptDisk:
        """Return the form in which a machine's state has it."""
        return self.model_dump()


def disk_values(desc: ClusterDesc, node: Node, known: str | None) -> dict[str, str]:
    """Return the lines of install.sh that say which disk it takes, and whether over what is on it.

    `known` is the disk that this machine was installed to before, which it may take again; `any` where none was told.
    """
    text = node.install_disk or desc.os.install_disk
    wanted = install_disk(text) if text else InstallDisk()
    return {
        "KBOOT_DISK": wanted.path or "",
        "KBOOT_DISK_MODEL": wanted.model or "",
        "KBOOT_DISK_MIN_BYTES": str(wanted.min_bytes or 0),
        "KBOOT_DISK_SMALLEST": "yes" if wanted.is_smallest else "no",
        "KBOOT_WIPE": "yes" if (desc.os.wipe if node.wipe is None else node.wipe) else "no",
        "KBOOT_KNOWN_DISK": known or "",
    }
