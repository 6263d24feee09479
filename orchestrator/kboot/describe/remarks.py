"""Remarks on a sound description: what nothing acts on yet, what is risky, and what was probably forgotten."""

from __future__ import annotations

from collections.abc import Iterator

from kboot_clusterdesc import ClusterDesc, DhcpMode


def remarks(desc: ClusterDesc) -> Iterator[str]:
    """Yield each remark on `desc` as a sentence for people; no remark is a fault."""
    if desc.lets_machines_join:
        yield (
            "unknown_machines: with `worker`, every machine that boots from this network is installed, "
            "whatever is on its disk, and joins the cluster"
        )
    if not desc.ssh_authorized_keys:
        yield "ssh_authorized_keys: is empty: there will be no way to log in to an installed machine"
    if desc.network.dhcp.mode is DhcpMode.OFF:
        for node in desc.nodes:
            if node.ip is None:
                yield f"{node.name}: has no `ip`: with `mode: off` kboot cannot know it, and will not install it"
    for key in sorted({"reboot_strategy", "window"} & desc.os.update.model_fields_set):
        yield f"os.update.{key}: nothing acts on it yet: no machine updates itself or reboots by itself"
    if not desc.nodes:
        yield "nodes: is empty: no machine will be installed"
