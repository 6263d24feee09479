"""Statuses of racks of any size, made up: with machines in every phase, and what may be wrong with them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from kboot.host.engine import ServiceState
from kboot.running.cluster_health import Health, PartHealth
from kboot.running.status import Status
from kboot_compose.service_names import SERVICE_NAMES

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
NO_DISK = "no disk fits `smallest`: /dev/sda holds a partition table of gpt, with ext4 in its first partition"
LATE = "configured for more than 60 minutes: its disk is not written: look at its console and at the network"


def stamp(seconds_ago: float, now: datetime = NOW) -> str:
    """A time as the server writes it."""
    return f"{now - timedelta(seconds=seconds_ago):%Y-%m-%dT%H:%M:%SZ}"


def machine(number: int, phase: str = "ready", **other: Any) -> dict[str, Any]:
    """A machine as `/v1/nodes` shows it."""
    address = f"10.10.{14 + number // 250}.{number % 250 + 1}"
    known: dict[str, Any] = {
        "mac": f"52:54:00:00:{number // 256:02x}:{number % 256:02x}", "name": f"node{number}", "ip": address,
        "roles": ["worker"], "phase": phase, "since": stamp(300 + number), "heard": stamp(12), "phases": {},
        "armed": False, "joined": False, "config": "current", "reason": None, "remark": None, "overdue": None,
        "bytes": None, "total": None, "percent": None, "ssh_host_keys": [], "failed_units": [], "version": "3975.2.0",
    }  # fmt: skip
    return known | other


def rack(count: int) -> Status:
    """A rack of so many machines: the first failed, the second is overdue, the third writes its disk."""
    nodes = [machine(number) for number in range(1, count + 1)]
    nodes[0] = machine(1, "failed", reason=NO_DISK)
    nodes[1] = machine(2, "configured", overdue=LATE, armed=True)
    nodes[2] = machine(3, "configured", percent=43, armed=True)
    if count > 10:
        nodes[3] = machine(4, "running", config="outdated")
        nodes[4:8] = [machine(number, "waiting", armed=True, ip=None, heard=None) for number in range(5, 9)]
        nodes[8] = machine(9, "booting", armed=True)
    services = [ServiceState(name, "running", "healthy", stamp(7200)) for name in SERVICE_NAMES]
    health = Health((PartHealth("node1", False, "does not answer"),), (PartHealth("node1", False, "does not answer"),))
    release = {"channel": "stable", "current": "3975.2.0", "error": None}
    found = [{"mac": "52:54:00:aa:00:01", "ip": "10.10.14.99", "since": stamp(60)}]
    return Status("ail", services, nodes, found, release, health=health)
