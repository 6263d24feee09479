"""How a machine takes a newer OS: from the bootstrapper alone, with a reboot when that says so."""

from __future__ import annotations

from collections.abc import Mapping

from kboot_clusterdesc import ClusterDesc, Node, Role
from kboot_clusterdesc.model import RebootStrategy
from kboot_clusterdesc.types import duration_s
from kboot_compose.templates import shared

from .config import File, Unit, masked
from .roles.etcd import PKI, client_urls

_AGENT = "kboot-update"
_ENGINE, _REBOOTER = "update-engine.service", "locksmithd.service"  # of the OS


def update_files(desc: ClusterDesc, node: Node, values: Mapping[str, object]) -> tuple[File, ...]:
    """Return where a machine's update client asks, and what reboots it; `values` are those of all templates."""
    locks = _takes_lock(desc, node)
    own: dict[str, object] = {}
    if locks:
        window = desc.os.update.window
        length = _length_in_go(window.length) if window else None
        own = {"endpoints": tuple(client_urls(desc)), "pki": PKI, "window": window, "window_length": length}
    # The update client reads it at each check, the other one at its start.
    conf = File(
        f"/etc/{desc.os.family}/update.conf",
        shared("nodes/update.conf.j2", **values, locks=locks, **own),
        read_by=_REBOOTER if locks else None,
    )
    if not desc.os.update.enabled:
        return (conf,)
    script = shared(f"nodes/{_AGENT}.j2", **values)
    return conf, File(f"/opt/bin/{_AGENT}", script, 0o755, read_by=f"{_AGENT}.service")


def update_units(desc: ClusterDesc, node: Node, values: Mapping[str, object]) -> tuple[Unit, ...]:
    """Return what keeps a machine from a reboot of its own; without updates its update client never starts either."""
    if not desc.os.update.enabled:
        return masked(_ENGINE), masked(_REBOOTER)
    agent = f"{_AGENT}.service"
    rebooter = Unit(_REBOOTER) if _takes_lock(desc, node) else masked(_REBOOTER)
    return rebooter, Unit(agent, shared(f"nodes/{agent}.j2", **values).decode())


def _length_in_go(text: str) -> str:
    """Return a duration as locksmithd reads it (Go, time.ParseDuration): it knows no days, and no number alone."""
    return text if text.endswith(("s", "m", "h")) else f"{duration_s(text)}s"


def _takes_lock(desc: ClusterDesc, node: Node) -> bool:
    """Return whether a machine reboots by a lock in etcd: of all machines, members alone have a key to etcd."""
    update = desc.os.update
    return update.enabled and update.reboot_strategy is RebootStrategy.ETCD_LOCK and Role.ETCD in node.roles
