"""`kboot bundle prune`: rids the supplies under a root of bundles that no cluster there needs any more."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from kboot_clusterdesc import ClusterFolder

from ..errors import BadInput
from ..host import state_folder
from ..host.lock import locked
from ..host.stamp import held, refuse_newer
from ..running.chosen import description_in_force
from ..running.needed_images import wanted_images
from ..supplies.os_releases import brought_release
from ..supplies.store import SupplyStore
from ..supplies.store_prune import Need, StorePlan, need_of, plan_store_prune


def planned_store_prune(root: Path, given_up: Collection[str] = ()) -> StorePlan:
    """Return what `prune_store_of` would remove now; raise BadInput for a bundle `given_up` that cannot go."""
    store = SupplyStore(root)
    bundles = store.oldest_first()
    if unknown := sorted(set(given_up) - {name for name, _ in bundles}):
        held_here = ", ".join(name for name, _ in bundles) or "none"
        raise BadInput(f"{store.path}: holds no bundle `{unknown[0]}`", f"those that were loaded: {held_here}")
    plan = plan_store_prune(bundles, dict(_needs(root, store)), store.sizes(), given_up)
    if kept := sorted(set(given_up) & set(plan.kept)):
        raise BadInput(
            f"{kept[0]}: holds what a cluster under {root} needs, and no newer bundle brings",
            "load a newer bundle first, or take that cluster away",
        )
    return replace(plan, freed_bytes=plan.freed_bytes + store.incoming_bytes())


def prune_store_of(root: Path, given_up: Collection[str] = ()) -> StorePlan:
    """Remove what no cluster under a root needs, and return what that was; nobody loads or brings up meanwhile."""
    folders = [ClusterFolder(root, name) for name in state_folder.begun_clusters(root)]
    for folder in folders:
        refuse_newer(folder)
    with ExitStack() as stack:
        stack.enter_context(locked(root / ".supplies.lock"))
        for folder in folders:
            stack.enter_context(held(folder))
        plan = planned_store_prune(root, given_up)
        SupplyStore(root).remove(plan.bundles, plan.contents)
    return plan


def _needs(root: Path, store: SupplyStore) -> Iterator[tuple[str, Need]]:
    for name in state_folder.clusters(root):
        folder = ClusterFolder(root, name)
        refuse_newer(folder)
        desc = description_in_force(folder)
        images = {reference for _, reference in wanted_images(folder, desc)}
        yield name, need_of(desc, images, brought_release(store, desc))
