"""Rids a cluster's registry of the images that nobody needs, while machines pull from it."""

from __future__ import annotations

from collections.abc import Callable

from kboot_clusterdesc import ClusterFolder
from kboot_compose.services import REGISTRY

from ..errors import NotYet
from ..host.engine import Engine
from ..host.waiting import looks
from .registry_contents import Plan, plan_prune
from .registry_store import RegistryStore

_PUSHES_END = "SIGUSR1"  # services/registry/entrypoint
_TIMEOUT_S = 30


def planned_prune(folder: ClusterFolder, is_needed: Callable[[str, str], bool]) -> Plan:
    """Return what `prune` would remove now, and remove nothing."""
    return plan_prune(RegistryStore(folder.registry).contents(), is_needed)


def prune(engine: Engine, is_needed: Callable[[str, str], bool]) -> Plan:
    """Remove every image that is not needed with all that is its alone, and return what that was.

    The registry takes no push meanwhile. Raises NotYet where it goes on taking them, or does not take them again.
    """
    plan = prune_store(
        RegistryStore(engine.folder.registry), is_needed, lambda: engine.signal(REGISTRY.name, _PUSHES_END)
    )
    if not any(engine.is_well(REGISTRY.name) for _ in looks(_TIMEOUT_S)):
        raise NotYet(
            f"the registry is pruned, but takes no pushes after {_TIMEOUT_S} s",
            f"read `docker compose -p {engine.project} logs registry`, then `kboot restart registry`",
        )
    return plan


def prune_store(store: RegistryStore, is_needed: Callable[[str, str], bool], end_pushes: Callable[[], None]) -> Plan:
    """Remove from a store what is not needed; `end_pushes` tells the registry to end the process that takes pushes."""
    with store.pushes_held_off(end_pushes):
        plan = plan_prune(store.contents(), is_needed)
        store.remove(plan)
    return plan
