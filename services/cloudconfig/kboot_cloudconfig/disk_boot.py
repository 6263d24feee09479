"""What a boot from disk says of an install whose end was never told. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from kboot_clusterdesc.phase import INSTALLED_SINCE

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
    armed any more. Where it may be the system from before, it is armed still, and its reason says so. A state that
    knows of no install that made what runs is an old copy, and arms nobody.
    """
    has_new = _has_other_keys(machine, ssh_host_keys)
    is_over = has_open_install(machine) and (has_new or _is_first(machine))
    is_since = machine.armed and has_new and not is_over
    if is_over:
        machine = finished_install(machine, now)
    elif is_since:
        machine = replace(disarm(machine), boot_partition=None)  # it is that of the installation before
    elif runs_what_was_before(machine):
        machine = disarm(machine)
    told = booted_from_disk(machine, config, version, now, ssh_host_keys, remark)
    reason = INSTALLED_SINCE if is_since else RUNS_ARMED if has_open_install(told) else None
    return replace(told, reason=reason)


def was_taken_back(before: Machine, after: Machine) -> bool:
    """Return whether a boot from disk disarmed a machine that was in no install: its arming is of an old copy."""
    return before.armed and not after.armed and not has_open_install(before)


def runs_what_was_before(machine: Machine) -> bool:
    """Return whether a machine is armed since it was declared alone, and took no config: what it runs is older."""
    is_known = machine.version or machine.ssh_host_keys or machine.may_be_installed or machine.armed_cards is not None
    return machine.armed and not is_known and not has_open_install(machine)


def _has_other_keys(machine: Machine, ssh_host_keys: Collection[str]) -> bool:
    """Return whether a machine told none of the host keys that are known of it: a new installation makes new ones."""
    return bool(machine.ssh_host_keys and ssh_host_keys) and set(ssh_host_keys).isdisjoint(machine.ssh_host_keys)


def _is_first(machine: Machine) -> bool:
    """Return whether what a machine runs can only be its first installation."""
    return not machine.ssh_host_keys and machine.version is None and not machine.may_be_installed
