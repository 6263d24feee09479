"""A fleet in the middle of its life, as large as one likes: machines in every phase, in racks of forty."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

from kboot_cloudconfig import machine as life
from kboot_cloudconfig.card import KeptCard
from kboot_cloudconfig.event import Event
from kboot_cloudconfig.machine import Machine
from kboot_cloudconfig.self_report import saw_hardware, told_units
from kboot_cloudconfig.store import Store
from kboot_cloudconfig.told_text import KeptUnit
from kboot_clusterdesc import Mac, Phase

IN_A_RACK = 40
REASON = "/dev/sda has 8 GB, os.install_disk wants 100 GB"
LOG = ("kboot: installing stable 3975.2.0", "curl: (18) transfer closed", f"kboot: failed: {REASON}")
UNIT: KeptUnit = {
    "name": "etcd.service",
    "lines": ["starting", "wal: no space left on device", "Failed with result 'exit-code'."],
}
CONFIG, _OLDER = "a" * 64, "b" * 64


def mac_of(number: int) -> Mac:
    """The MAC of a machine by its number."""
    return Mac(f"52:54:00:{number >> 16 & 255:02x}:{number >> 8 & 255:02x}:{number & 255:02x}")


def description_of(count: int) -> str:
    """A description of so many machines: node1 and on, in racks r1 and on."""
    nodes = "".join(
        f'  - {{mac: "{mac_of(number)}", name: node{number}, roles: [worker], '
        f"rack: r{(number - 1) // IN_A_RACK + 1}, unit: {(number - 1) % IN_A_RACK + 1}}}\n"
        for number in range(1, count + 1)
    )
    return (
        "apiVersion: kboot/v1\n"
        "cluster: {name: unit, domain: unit.example.com}\n"
        "network:\n"
        "  bootstrapper: 10.10.0.1\n"
        "  subnet: 10.10.0.0/16\n"
        "  dhcp: {mode: serve, range: [10.10.1.1, 10.10.250.250]}\n"
        "os: {channel: stable, version: current, config: CONFIG, update: {enabled: true}}\n"
        f"nodes:\n{nodes}"
    )


def seed(path: Path, count: int, now: datetime) -> None:
    """Write the state of so many machines: most run, some install, a few failed, the last wait."""
    path.parent.mkdir(parents=True, exist_ok=True)
    store = Store(path, now, is_marked=False)
    machines = list(_machines(count, now))
    events = [event for machine in machines[:200] for event in _events(machine)]
    for begin in range(0, count, 500):
        store.save_all(machines[begin : begin + 500], ())
    store.save_all((), sorted(events, key=lambda event: event.at))
    store.close()


def _machines(count: int, now: datetime) -> Iterator[Machine]:
    for number in range(1, count + 1):
        yield _machine(number, now)


def _machine(number: int, now: datetime) -> Machine:
    begin = now - timedelta(minutes=20)
    machine = life.got_lease(life.declared(mac_of(number), begin), begin + timedelta(seconds=8))
    if number % 50 == 49:
        return life.declared(mac_of(number), begin)
    machine = life.fetched_boot_script(machine, "3975.2.0", "0" * 64, begin + timedelta(seconds=20))
    machine = life.fetched_installer(machine, "1" * 64, begin + timedelta(seconds=95))
    disk = {"name": "/dev/sda", "id": "/dev/disk/by-id/ata-SSD", "model": "SSD 870", "serial": "S1", "holds": ""}
    card: KeptCard = {"name": "eno1", "mac": str(mac_of(number)), "link": "up", "speed_mbit": 10_000, "driver": "ixgbe"}
    machine = saw_hardware(machine, ({**disk, "size_bytes": 256_060_514_304},), (card,))
    if number % 50 == 7:
        return life.failed(machine, REASON, begin + timedelta(seconds=110), LOG)
    machine = life.fetched_config(machine, IPv4Address("10.10.1.1"), begin + timedelta(seconds=101))
    if number % 25 == 3:
        since = now - timedelta(seconds=150)
        machine = replace(machine, since=since, phases={**machine.phases, Phase.CONFIGURED: since})
        return life.wrote_to_disk(machine, 430_000_000 + number * 1_000_000, 5_000_000_000, now)
    machine = life.finished_install(machine, begin + timedelta(seconds=340))
    config = _OLDER if number % 40 == 12 else CONFIG
    machine = life.booted_from_disk(machine, config, "3975.2.0", begin + timedelta(seconds=420))
    return told_units(machine, (UNIT,)) if number % 50 == 11 else machine


def _events(machine: Machine) -> Iterator[Event]:
    for phase, at in machine.phases.items():
        detail = (("detail", machine.reason),) if phase is Phase.FAILED and machine.reason else ()
        yield Event(at, phase, machine.mac, None, detail)
