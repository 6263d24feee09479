"""Reads from the cloud-config server's log where each second of an install went. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Stage:
    """A part of the way from power-on to `running`; it ends with what the server saw at `end`."""

    name: str
    seconds: float
    end: datetime


# What ends each stage: the path of a request that was answered, or the kind of an event; `{mac}` has dashes in paths.
_ENDS = (
    ("firmware, DHCP, loader", "/boot.ipxe"),
    ("boot script", "/boot/{mac}.ipxe"),
    ("kernel and initrd fetched", "_pxe_image.cpio.gz"),
    ("kernel and OS in memory start", "/pxe.ign"),
    ("Ignition, until install.sh is asked for", "/install.sh"),
    ("clock, disks, until the config is given", "configured"),
    ("image fetched, unpacked, written", "_image.bin.bz2"),
    ("kernel line, marks, sync", "installed"),
    ("shutdown, firmware, DHCP, loader", "/boot.ipxe"),
    ("boot script, to the disk", "/boot/{mac}.ipxe"),
    ("boot from the disk", "running"),
    ("Kubernetes", "ready"),
)


def stages(lines: Iterable[str], mac: str, power_on: datetime | None = None) -> list[Stage]:
    """Return the stages of the newest install of a machine, as far as it came.

    `lines` are those of the server's log, one JSON object each; others are passed over. Without the time of the
    power-on the first stage is left out.
    """
    seen = _newest_install(list(_of_machine(lines, mac)), mac)
    found: list[Stage] = []
    since, at = power_on, 0
    for name, end in _ENDS:
        place = next((i for i in range(at, len(seen)) if _is(seen[i], end, mac)), None)
        if place is None:
            continue
        moment = _time_of(seen[place])
        if since is not None:
            found.append(Stage(name, (moment - since).total_seconds(), moment))
        since, at = moment, place + 1
    return found


def table(found: Iterable[Stage], floor: Mapping[str, float]) -> str:
    """Return the stages as lines; `floor` has, by stage, the seconds that the same takes without kboot."""
    stages_of, rows = list(found), []
    for stage in stages_of:
        low = floor.get(stage.name)
        ratio = f"{low:8.1f} s {stage.seconds / low:6.2f}" if low else ""
        rows.append(f"{stage.name:<42}{stage.seconds:8.1f} s  {ratio}".rstrip())
    total = sum(stage.seconds for stage in stages_of)
    rows.append(f"{'in all':<42}{total:8.1f} s")
    if compared := [stage for stage in stages_of if floor.get(stage.name)]:
        whole, low = sum(stage.seconds for stage in compared), sum(floor[stage.name] for stage in compared)
        rows.append(f"{'of these, with a floor':<42}{whole:8.1f} s  {low:8.1f} s {whole / low:6.2f}")
    return "\n".join(rows)


def stage_names() -> list[str]:
    """Return the names of all stages, in their order."""
    return [name for name, _ in _ENDS]


def _of_machine(lines: Iterable[str], mac: str) -> Iterator[dict[str, Any]]:
    """Yield what the log has of a machine: its events, and requests from the addresses that these name."""
    records, addresses = [], set()
    for line in lines:
        start = line.find("{")  # Compose puts the service's name before it
        try:
            record = json.loads(line[start:]) if start >= 0 else {}
        except ValueError:
            continue
        if record.get("event") in ("request", "event") and "at" in record:
            records.append(record)
            if record.get("mac") == mac and "ip" in record:
                addresses.add(record["ip"])
    for record in records:
        if record.get("mac") == mac or (record["event"] == "request" and record.get("ip") in addresses):
            yield record


def _newest_install(seen: list[dict[str, Any]], mac: str) -> list[dict[str, Any]]:
    """Return what was seen from the boot on that led to the newest `booting`."""
    boot = max((i for i, each in enumerate(seen) if each.get("kind") == "booting"), default=None)
    if boot is None:
        return []
    first = max((i for i in range(boot) if _is(seen[i], "/boot.ipxe", mac)), default=boot)
    return seen[first:]


def _is(record: Mapping[str, Any], end: str, mac: str) -> bool:
    if record["event"] == "event":
        return bool(record.get("kind") == end)
    path, wanted = str(record.get("path")), end.format(mac=mac.replace(":", "-"))
    is_path = path == wanted if wanted.startswith("/") else path.endswith(wanted)
    return is_path and record.get("method") == "GET" and record.get("status") in (200, 206)


def _time_of(record: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(str(record["at"]).replace("Z", "+00:00"))
