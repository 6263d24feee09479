"""What a boot from disk says of an install whose end was never told. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from .machine import RUNS_ARMED, Machine, booted_from_disk, disarm, finished_install, has_open_install


def told_boot(
    machine: Machine,
    config: str | None,
    version: str | None,
    now: datetime,
    ssh_host_keys: tuple[str, ...] = (),
    remark: str | None = None,
) -> Machine:
    """Return the machine's state after it told that it booted from its disk.

    Where that is a new installation the install is over, though a power cut took its own word: the machine is not
    armed any more. Where it may be the system from before, it is armed still, and its reason says so. One that was
    declared and nothing else runs what it was given before the state that is kept, an old copy: it is not armed.
    """
    is_over = has_open_install(machine) and _is_new(machine, ssh_host_keys)
    before = finished_install(machine, now) if is_over else disarm(machine) if _is_of_before(machine) else machine
    told = booted_from_disk(before, config, version, now, ssh_host_keys, remark)
    return replace(told, reason=RUNS_ARMED) if has_open_install(told) else told


def _is_of_before(machine: Machine) -> bool:
    """Return whether a machine is armed since it was declared alone, and took no config: what it runs is older."""
    is_known = machine.version or machine.ssh_host_keys or machine.may_be_installed or machine.armed_cards is not None
    return machine.armed and not is_known and not has_open_install(machine)


def _is_new(machine: Machine, ssh_host_keys: Collection[str]) -> bool:
    """Return whether a machine runs a new installation, which makes new host keys: as its first one, or by these."""
    if machine.ssh_host_keys:
        return bool(ssh_host_keys) and set(ssh_host_keys).isdisjoint(machine.ssh_host_keys)
    return machine.version is None and not machine.may_be_installed
