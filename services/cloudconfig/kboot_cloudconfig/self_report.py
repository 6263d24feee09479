"""What a machine says of itself: its disks and cards, the disk that it takes, its units that failed. Pure."""

from __future__ import annotations

from dataclasses import replace

from kboot_clusterdesc import Phase

from .card import KeptCard
from .disk import KeptDisk
from .machine import Machine, may_install
from .told_text import KeptUnit

_RUNS = (Phase.RUNNING, Phase.READY)


def saw_hardware(machine: Machine, disks: tuple[KeptDisk, ...], cards: tuple[KeptCard, ...] = ()) -> Machine:
    """Return the machine's state after it told which disks and cards it has; without any the known ones stay.

    So they do with a report that comes when the install is over.
    """
    if not may_install(machine):
        return machine
    return replace(machine, disks=disks or machine.disks, cards=cards or machine.cards)


def took_disk(machine: Machine, disk: str | None) -> Machine:
    """Return the machine's state after it told which disk it is about to write to; None tells nothing.

    Its next install may take that disk whatever is on it, so what comes when the install is over counts for nothing.
    """
    return replace(machine, install_disk=disk or machine.install_disk) if may_install(machine) else machine


def known_disk(machine: Machine) -> str | None:
    """Return the disk that this machine's install may take again whatever is on it, since an install was begun there.

    That is `any`, a disk with the partitions of the OS, where an earlier kboot made the install and told no disk.
    """
    return machine.install_disk or ("any" if machine.config or machine.version else None)


def told_units(machine: Machine, units: tuple[KeptUnit, ...]) -> Machine:
    """Return the machine's state after it told which of its units have failed, none once all is well again.

    It is no boot: nothing else changes. Of a machine that waits for its install the word counts for nothing.
    """
    return replace(machine, failed_units=units) if machine.phase in _RUNS else machine
