"""What to type next for a machine, by how far it is."""

from __future__ import annotations

from kboot_clusterdesc import Phase
from kboot_clusterdesc.phase import STATE_LOST

from .cloudconfig_client import JsonObject
from .status import failed_units_in_words

_BEFORE = (Phase.WAITING, Phase.LEASED)
_INSTALLS = (Phase.BOOTING, Phase.INSTALLING, Phase.CONFIGURED, Phase.INSTALLED)


def state_in_words(node: JsonObject) -> str:
    """Return what a machine waits for, or that nothing is wrong with it, where it has no reason of its own."""
    if node["phase"] == Phase.READY:
        return "its node is Ready"
    if node["phase"] == Phase.RUNNING:
        return "it runs from its disk"
    if node["phase"] in _INSTALLS:
        return "its install is on the way"
    if node["phase"] == Phase.LEASED:
        return "it has an address, and waits for a boot from the network" if node["armed"] else "it is not armed"
    return "it was not heard of yet: switch it on, with the network first" if node["armed"] else "it is not armed"


def rollout_commands(rollout: JsonObject) -> list[str]:
    """Return the commands that lead a rollout on that pauses or halted: without the machines that failed, and with."""
    resume = "kboot os rollout resume"
    if rollout["state"] not in ("halted", "paused"):
        return []
    failed = [machine["name"] for machine in rollout["machines"] if machine["stage"] == "failed"]
    return [resume, f"{resume} {' '.join(failed)}"] if failed else [resume]


def next_commands(node: JsonObject) -> list[str]:
    """Return the commands that lead on, the likeliest first; none where nothing is to be done."""
    name, is_stuck = node["name"], bool(node["reason"] or node["overdue"] or failed_units_in_words(node))
    if node["phase"] == Phase.FAILED:
        return [f"kboot logs {name}", f"kboot node reinstall {name}"]
    if node["reason"] == STATE_LOST:
        return [f"kboot node reinstall {name}", "kboot node settle"]
    if node["phase"] in (Phase.RUNNING, Phase.READY):
        first = [f"kboot logs {name}"] if is_stuck else []
        return [*first, *([f"kboot node apply {name}"] if node["config"] == "outdated" else [])]
    if node["phase"] == Phase.INSTALLED and is_stuck:  # most often its firmware does not boot that disk
        return [f"kboot logs {name}", f"kboot node reinstall {name}"]
    if node["phase"] != Phase.INSTALLED and not node["armed"]:
        return [f"kboot node reinstall {name}"]
    if node["phase"] in _INSTALLS:
        return [f"kboot logs {name} --follow"]
    return ["kboot logs dnsmasq"] if is_stuck else [f"kboot events --follow --node {name}"]
