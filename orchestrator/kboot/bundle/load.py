"""`kboot bundle load`: a bundle is checked whole, taken into the store, and its service images into the engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from ..host.architecture import machine_arch
from ..host.lock import locked
from ..host.progress import Progress
from ..host.state_folder import supplies_lock
from ..supplies.bundle_manifest import Item, Kind, Manifest
from ..supplies.store import SupplyStore
from .archive_reader import BundleReader
from .engine_images import load_service_images
from .host_setup import set_up_host
from .parts import reading
from .receive import receive
from .signature import judge, unvouched
from .usable import check_usable, other_kboot


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a load did: bytes that came into the store, images that came into the engine, who signed."""

    manifest: Manifest
    new_bytes: int
    images: tuple[str, ...]
    signer: str | None


def load_bundle(
    path: Path, root: Path, trusted: Mapping[str, Ed25519PublicKey], kboot: str, progress: Progress
) -> Loaded:
    """Load a bundle; raise KbootError, before anything changes where the bundle is not what it should be.

    What is there already is not brought again, so a load that was killed or failed goes on when it is run again.
    """
    store = SupplyStore(root)
    where = str(path)
    with locked(supplies_lock(root)):
        with reading(path) as stream:
            progress.say(f"reading {path}")
            reader = BundleReader(stream, where, judge(trusted, where))
            manifest = reader.manifest
            check_usable(manifest, where, arch=machine_arch(), kboot=kboot)
            for remark in filter(None, (unvouched(reader, where), other_kboot(manifest, where, kboot))):
                progress.say(remark)
            try:
                lacked = receive(store, reader, where, _bar(progress, manifest))
            finally:
                progress.clear()
        set_up_host(store, manifest, progress)
        images = load_service_images(store, _service_images(manifest, kboot), progress)
    return Loaded(manifest, sum(blob.size for blob in lacked), tuple(images), reader.signer)


def _bar(progress: Progress, manifest: Manifest) -> Callable[[Item], None]:
    """Return what shows how much of a bundle was read when it comes to an item."""
    done, whole = 0, sum(item.size for item in manifest.items)

    def show(item: Item) -> None:
        nonlocal done
        progress.bar(f"reading {item.kind} {item.name}", done / 1e6, whole / 1e6)
        done += item.size

    return show


def _service_images(manifest: Manifest, kboot: str) -> list[Item]:
    """Return the service images that this kboot on this machine runs; those of another one are never asked for."""
    archs = (machine_arch(), "any")
    items = manifest.items if manifest.kboot == kboot else ()
    return [item for item in items if item.kind is Kind.SERVICE_IMAGE and item.arch in archs]
