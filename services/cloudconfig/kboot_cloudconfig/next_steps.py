"""What to do next about a machine, by how it is. Pure."""

from __future__ import annotations

import re

from kboot_clusterdesc import Phase
from kboot_clusterdesc.phase import INSTALLED_SINCE, MAY_BE_INSTALLED

from .api import NextStep, NodeState

_WAITS = (Phase.WAITING, Phase.LEASED)
_RUNS = (Phase.RUNNING, Phase.READY)
_ARMS = "arms it: its next boot from the network installs it"
_ARMS_UNKNOWN = "arms it, where nothing on its disk is needed any more"
_AFRESH = "writes its disk anew at its next boot from the network"

TRIES_AGAIN = "it tries again, its last try failed: "  # how the reason of a machine begins whose last install failed

# What install.sh and the OS's installer say of the two causes that a repeated install meets again.
_OF_DISKS = re.compile(r"install_disk|wipe: true|holds an older install|no disk was found")
_OF_IMAGE = re.compile(r"signature|CRC|checksum", re.IGNORECASE)


def next_steps(node: NodeState, *, in_kubernetes: bool, is_silent: bool) -> list[NextStep]:
    """Return what leads on with a machine, the likeliest first; nothing where all is well with it.

    `is_silent`: it runs and was not there when it was looked for.
    """
    found: list[NextStep] = []
    if node["joined"]:
        line = f'- {{mac: "{node["mac"]}", roles: [worker]}}'
        found.append(_step(line, "declares it: a line for `nodes` of the description"))
    if is_silent:
        found += _until_it_answers(node)
    elif node["phase"] in _RUNS:
        found += _while_it_runs(node, in_kubernetes=in_kubernetes)
    elif node["phase"] is Phase.INSTALLED:
        found += _until_it_runs(node)
    else:
        found += _until_installed(node)
    if node["armed"] and node["version"] and _has_its_disk(node):
        found.append(_step(f"kboot node disarm {node['name']}", "lets its next boot start what is on its disk"))
    return found


def _has_its_disk(node: NodeState) -> bool:
    """Return whether what a machine ran before is on its disk: an install that took its config may have erased it."""
    return node["phase"] in _RUNS or Phase.CONFIGURED not in node["phases"]


def _until_installed(node: NodeState) -> list[NextStep]:
    name, phase = node["name"], node["phase"]
    if not node["armed"]:
        steps = [_step(f"kboot node reinstall {name}", _ARMS_UNKNOWN if phase in _WAITS else _ARMS)]
        if node["reason"] in MAY_BE_INSTALLED:
            steps.append(_step("kboot node settle", "ends the doubt: all machines stay as they are"))
        return steps
    if phase is Phase.FAILED:
        return [
            *_of_cause(node),
            _step(None, "as long as it is on it tries again by itself, two minutes after each failure"),
        ]
    if (node["reason"] or "").startswith(TRIES_AGAIN):
        return [_step(None, "it tries again now: where that fails in the same way"), *_of_cause(node)]
    if phase not in _WAITS:
        return [_step(f"kboot logs {name} --follow", "what it tells; its console says what it waits for")]
    if node["reason"] or node["overdue"]:
        return [_step("kboot logs dnsmasq", "whether it asks for an address, and what it is answered")]
    return [_step(f"kboot events --follow --node {name}", "each step of it as it comes, once it is switched on")]


def _of_cause(node: NodeState) -> list[NextStep]:
    told = _step(f"kboot logs {node['name']}", "what its install told")
    reason = node["reason"] or ""
    if _OF_DISKS.search(reason):
        keys = "`install_disk` or `wipe`" if "wipe: true" in reason else "`install_disk`"
        return [
            _step(None, f"set {keys} of {node['name']} in the description by the disks that it has, which stand below"),
            _step("kboot up FILE", "of that description: the next try goes by it, without a power cycle"),
        ]
    if _OF_IMAGE.search(reason):
        looks = "says whether the image here is damaged, which all machines are given; `kboot os sync` brings it anew"
        return [_step("kboot os verify", looks), told]
    return [told]


def _until_it_runs(node: NodeState) -> list[NextStep]:
    name = node["name"]
    if not (node["overdue"] or node["reason"]):
        return [_step(f"kboot logs {name} --follow", "what it tells as it boots from its disk")]
    seen = "what it told; its console shows what its firmware boots: the network has to come first, then its disk"
    return [_step(f"kboot logs {name}", seen), _step(f"kboot node reinstall {name}", _AFRESH)]


def _until_it_answers(node: NodeState) -> list[NextStep]:
    boots = _ARMS.partition(": ")[2] if node["armed"] else "it boots from its disk, since it is not armed"
    return [_step(None, f"look at its power, its cable and its console; switched on, {boots}")]


def _while_it_runs(node: NodeState, *, in_kubernetes: bool) -> list[NextStep]:
    name, login, found = node["name"], f"ssh core@{node['ip'] or node['name']}", list[NextStep]()
    for unit in node["failed_units"][:1]:
        found.append(_step(f"{login} systemctl status {unit['name']}", "how it is now; its last lines stand below"))
        again = "once its cause is gone; a new install would not mend it"
        found.append(_step(f"{login} sudo systemctl restart {unit['name']}", again))
    if node["reason"] == INSTALLED_SINCE:
        found.append(_step(f"kboot node disarm {name}", "keeps what it runs, and ends this word"))
        found.append(_step(f"kboot node reinstall {name}", _AFRESH))
    if node["config"] == "outdated":
        found.append(_roll(name, in_kubernetes=in_kubernetes))
    if (node["reason"] or node["overdue"]) and not found:
        found += [
            _step(f"kboot logs {name}", "what it told"),
            _step(f"{login} journalctl --boot --priority=warning", "what it says itself"),
        ]
    return found


def _roll(name: str, *, in_kubernetes: bool) -> NextStep:
    if in_kubernetes:
        return _step("kboot upgrade", "brings the config in force to all nodes, one after the other")
    return _step(f"kboot node apply {name}", "brings it the config in force while it runs")


def _step(command: str | None, why: str) -> NextStep:
    return {"command": command, "why": why}
