"""What to type next for a machine, by how it is. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from kboot_clusterdesc import Phase

from ..api import NodeState

_WAITS = (Phase.WAITING, Phase.LEASED)
_RUNS = (Phase.RUNNING, Phase.READY)
_ARMS = "arms it: its next boot from the network installs it"
_ARMS_UNKNOWN = "arms it, where nothing on its disk is needed any more"
_AFRESH = "installs it afresh at its next boot from the network"


@dataclass(frozen=True, slots=True)
class Command:
    """A command to type on the bootstrapper, and what it is for."""

    text: str
    purpose: str


def commands_for(node: NodeState, *, in_kubernetes: bool) -> list[Command]:
    """Return the commands that help with a machine, the likeliest first."""
    found: list[Command] = []
    if node["joined"]:
        line = f'- {{mac: "{node["mac"]}", roles: [worker]}}'
        found.append(Command(line, "declares it: a line for `nodes` of the description"))
    if node["phase"] is Phase.INSTALLED:
        found += _until_it_runs(node)
    elif node["phase"] in _RUNS:
        found += _while_it_runs(node, in_kubernetes=in_kubernetes)
    else:
        found += _until_installed(node)
    if node["armed"]:
        found.append(Command(f"kboot node disarm {node['name']}", "lets its next boot start what is on its disk"))
    return found


def _until_installed(node: NodeState) -> list[Command]:
    name, phase = node["name"], node["phase"]
    if not node["armed"]:
        return [_reinstall(name, _ARMS_UNKNOWN if phase in _WAITS else _ARMS)]
    if phase is Phase.FAILED or (phase is not Phase.WAITING and (node["overdue"] or node["reason"])):
        return [Command(f"kboot node show {name}", "all that is known; then switch the machine off and on")]
    return []


def _until_it_runs(node: NodeState) -> list[Command]:
    if not (node["overdue"] or node["reason"]):
        return []
    seen = "what it told; its console shows what its firmware boots: the network has to come first, then its disk"
    return [Command(f"kboot logs {node['name']}", seen), _reinstall(node["name"], _AFRESH)]


def _while_it_runs(node: NodeState, *, in_kubernetes: bool) -> list[Command]:
    name, found = node["name"], list[Command]()
    if node["config"] == "outdated":
        found.append(_roll(name, in_kubernetes=in_kubernetes))
    elif node["reason"] or node["overdue"] or node["failed_units"]:
        found.append(
            Command(f"ssh core@{node['ip'] or name}", "then `systemctl --failed` and `journalctl -b -p warning`")
        )
    return [*found, _reinstall(name, _AFRESH)]


def _reinstall(name: str, purpose: str) -> Command:
    return Command(f"kboot node reinstall {name}", purpose)


def _roll(name: str, *, in_kubernetes: bool) -> Command:
    if in_kubernetes:
        return Command("kboot upgrade", "brings the config in force to all nodes, one after the other")
    return Command(f"kboot node apply {name}", "brings it the config in force while it runs")
