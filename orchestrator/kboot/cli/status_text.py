"""A cluster's status as lines for people: `kboot status`, `kboot watch`, and the lab while it waits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .options import table

if TYPE_CHECKING:
    from ..running.cloudconfig_client import JsonObject
    from ..running.status import Status

NODE_HEAD = ["NODE", "MAC", "ADDRESS", "PHASE", "SINCE", "HEARD", "CONFIG", ""]  # over the cells of `node_row`


def status_lines(status: Status) -> list[str]:
    """Return a status as the lines that `kboot status` prints."""
    from ..running.status import doubt_in_words

    services = [[each.name, each.state, each.health, each.started or "-"] for each in status.services]
    lines = [
        f"cluster {status.cluster}",
        f"autostart {'on' if status.autostart else 'off'}",
        "",
        *table(["SERVICE", "STATE", "HEALTH", "STARTED"], services),
    ]
    if status.doubt:
        lines += ["", f"state: {doubt_in_words(status.doubt)}"]
    if status.nodes:
        lines += [
            "",
            *table(
                NODE_HEAD,
                [node_row(n) for n in status.nodes],
            ),
        ]
    if health := status.health.in_words():
        lines += ["", *(f"{part}: {words}" for part, words in health.items())]
    if status.discovered:
        rows = [[each["mac"], each.get("ip") or "-", each.get("since") or "-"] for each in status.discovered]
        lines += ["", *table(["DISCOVERED", "ADDRESS", "SINCE"], rows)]
    if status.os:
        release = status.os
        error = f", {release['error']}" if release.get("error") else ""
        lines += ["", f"OS {release.get('channel')} {release.get('current') or 'none yet'}{error}"]
    return lines


def disk_lines(disks: list[JsonObject]) -> list[str]:
    """Return a line for each disk that a machine told of, the path by which a description can name it first."""
    lines = []
    for disk in disks:
        named = f"{disk['id']} ({disk['name']})" if disk["id"] else disk["name"]
        serial = f"serial {disk['serial']}" if disk["serial"] else ""
        holds = f"holds {disk['holds']}" if disk["holds"] else "empty"
        size = f"{disk['size_bytes'] / 1e9:.1f} GB"
        lines.append(", ".join(part for part in (named, size, disk["model"], serial, holds) if part))
    return lines


def update_lines(update: JsonObject) -> list[str]:
    """Return what is known of a machine's updates: its last check, then a line for each step, newest first."""
    lines = [f"asked {update['checked']}, {update['reason'] or 'was offered a release'}"] if update["checked"] else []
    for step in reversed(update["steps"]):
        versions = " to ".join(filter(None, (step["from_version"], step["to_version"])))
        error = f": {step['error']}" if step["error"] else ""
        lines.append(f"{step['at']} {step['step']} {versions}{error}")
    return lines


def node_row(node: dict[str, object]) -> list[str]:
    """Return a machine's row in the table of nodes: name, MAC, address, phase, since, last heard of, config, remark."""
    done, percent, share = node.get("bytes"), node.get("percent"), ""
    if percent is not None:
        share = f"writing {percent} %"
    elif done and node["phase"] in ("installing", "configured"):
        share = f"{int(str(done)) // 1_000_000} MB written"
    said = "; ".join(str(node[key]) for key in ("reason", "overdue") if node.get(key))
    remark = str(said or share or node.get("remark") or ("armed" if node.get("armed") else ""))
    keys = ("name", "mac", "ip", "phase", "since", "heard", "config")
    return [*(str(node.get(key) or "-") for key in keys), remark]
