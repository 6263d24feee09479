"""How far a machine is, and how a rollout is led on, in words."""

from __future__ import annotations

from kboot_clusterdesc import Phase

from .cloudconfig_client import JsonObject

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
