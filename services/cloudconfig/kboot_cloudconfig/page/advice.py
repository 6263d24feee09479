"""What to type next for a machine, by how it is. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from kboot_clusterdesc import Phase

from ..api import NodeState

_BEFORE_DISK = (Phase.LEASED, Phase.BOOTING, Phase.INSTALLING, Phase.CONFIGURED)
_RUNS = (Phase.RUNNING, Phase.READY)


@dataclass(frozen=True, slots=True)
class Command:
    """A command to type on the bootstrapper, and what it is for."""

    text: str
    purpose: str


def commands_for(node: NodeState, *, in_kubernetes: bool) -> list[Command]:
    """Return the commands that help with a machine, the likeliest first."""
    name, phase = node["name"], node["phase"]
    found: list[Command] = []
    if node["joined"]:
        line = f'- {{mac: "{node["mac"]}", roles: [worker]}}'
        found.append(Command(line, "declares it: a line for `nodes` of the description"))
    if phase is Phase.FAILED and not node["armed"]:
        found.append(Command(f"kboot node reinstall {name}", "arms it: its next boot from the network installs it"))
    elif phase is Phase.FAILED or (phase in _BEFORE_DISK and (node["overdue"] or node["reason"])):
        found.append(Command(f"kboot node show {name}", "all that is known; then switch the machine off and on"))
    elif phase in _RUNS and node["config"] == "outdated":
        found.append(_roll(name, in_kubernetes=in_kubernetes))
    elif phase in _RUNS and (node["reason"] or node["overdue"] or node["failed_units"]):
        found.append(
            Command(f"ssh core@{node['ip'] or name}", "then `systemctl --failed` and `journalctl -b -p warning`")
        )
    elif phase is Phase.WAITING and not node["armed"]:
        found.append(Command(f"kboot node reinstall {name}", "arms it, where nothing on its disk is needed any more"))
    if phase in _RUNS:
        found.append(Command(f"kboot node reinstall {name}", "installs it afresh at its next boot from the network"))
    if node["armed"]:
        found.append(Command(f"kboot node disarm {name}", "lets its next boot start what is on its disk"))
    return found


def _roll(name: str, *, in_kubernetes: bool) -> Command:
    if in_kubernetes:
        return Command("kboot upgrade", "brings the config in force to all nodes, one after the other")
    return Command(f"kboot node apply {name}", "brings it the config in force while it runs")
