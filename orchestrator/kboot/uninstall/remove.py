"""Removes what an inventory lists; a run that broke off is completed by the next one."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from ..errors import BadInput
from ..host import cache, state_folder, systemd
from ..host.engine import Engine, connect
from ..host.files import failed
from ..host.lock import locked
from ..host.stamp import held
from ..service_images.present import remove_images
from .inventory import Inventory


def refuse_harm(found: Inventory, *, destroys_clusters: bool) -> None:
    """Raise BadInput where a removal would break clusters of other roots, or take the keys of installed machines."""
    if found.elsewhere:
        raise BadInput(
            f"clusters are kept in other folders too: {', '.join(map(str, found.elsewhere))}",
            f"`kboot uninstall --root {found.elsewhere[0].parent}` first: their services run from the same images",
        )
    living = [each for each in found.clusters if each.living]
    if living and not destroys_clusters:
        raise BadInput(
            "nothing was removed: "
            + "; ".join(f"{each.folder.cluster}: {each.living}" for each in living)
            + ". Without the keys in the folder nobody can renew, upgrade or add to them again",
            f"copy {' and '.join(str(each.folder.path) for each in living)} to a safe place, "
            "then say `--destroy-clusters`; `kboot down` stops the services and keeps the folder",
        )


def remove_all(found: Inventory, say: Callable[[str], None]) -> bool:
    """Remove everything of an inventory, and return whether all of it is gone.

    The locks of all clusters and of the supplies are held first, so nothing is removed while another kboot is at work.
    """
    client = connect()
    with ExitStack() as locks:
        locks.enter_context(locked(state_folder.supplies_lock(found.root)))
        for each in found.clusters:
            locks.enter_context(held(each.folder))
        for each in found.clusters:
            systemd.remove_unit(each.folder.unit)  # first: nothing may start what is being removed
            Engine(each.folder, client).wipe()
            if each.has_folder:
                state_folder.remove(each.folder)
            say(f"cluster {each.folder.cluster} is gone")
        is_clean = remove_images(client, found.images, say)
        for path in (*found.files, *found.cached):
            _remove(path)
        for path in (*(each.folder.lock for each in found.clusters), state_folder.supplies_lock(found.root)):
            _remove(path)
    for folder in (found.root, cache.cache_folder()):
        is_clean = _remove_emptied(folder, say) and is_clean
    return is_clean


def _remove(path: Path) -> None:
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise failed(error, path) from error


def _remove_emptied(folder: Path, say: Callable[[str], None]) -> bool:
    """Remove `folder` where nothing is left in it; tell what is, which is not of kboot, and return False."""
    try:
        if left := sorted(path.name for path in folder.iterdir()):
            say(f"{folder} stays: {', '.join(left)} is nothing that kboot made")
            return False
        folder.rmdir()
    except FileNotFoundError:
        return True
    except OSError as error:
        say(f"{folder} stays: {error.strerror}")
        return False
    return True
