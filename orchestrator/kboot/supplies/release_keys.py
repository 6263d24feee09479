"""The key that vouches for a family's releases, on its way from one updater to another that cannot fetch it."""

from __future__ import annotations

from pathlib import Path

from kboot_clusterdesc.openpgp import dearmored, public_keys
from kboot_compose.services import UPDATER

from ..host.files import write_file
from .bundle_manifest import Kind
from .store import SupplyStore


def key_name(fingerprint: str) -> str:
    """Return what a bundle calls the key with that primary fingerprint; an updater's store has a dot before it."""
    return f"release-key-{fingerprint}.asc"


def renewed(key: bytes | None, fingerprint: str) -> int | None:
    """Return when a key was last signed by itself, in seconds since 1970; None where it is not the one wanted."""
    if key is None:
        return None
    try:
        found = [each for each in public_keys(dearmored(key)) if each.fingerprint == fingerprint]
    except ValueError:
        return None
    return max((each.renewed for each in found), default=None)


def kept_key(images: Path, fingerprint: str) -> bytes | None:
    """Return the family's key that an updater keeps beside its releases in `images`."""
    try:
        return (images / f".{key_name(fingerprint)}").read_bytes()
    except OSError:
        return None


def place_release_key(store: SupplyStore, images: Path, fingerprint: str) -> bool:
    """Give an updater the key with that fingerprint, if bundles brought a newer one than it has; return whether so.

    The updater verifies with it, and takes it by its fingerprint alone.
    """
    brought = [item for item in store.items(Kind.OS_FILE) if item.name == key_name(fingerprint)]
    keys = {key: renewed(key, fingerprint) for key in (store.blob(item.digest).read_bytes() for item in brought)}
    fitting = {key: time for key, time in keys.items() if time is not None}
    if not fitting:
        return False
    newest = max(fitting, key=lambda key: (fitting[key], key))
    before = renewed(kept_key(images, fingerprint), fingerprint)
    if before is not None and fitting[newest] <= before:
        return False
    images.mkdir(parents=True, exist_ok=True)
    write_file(images / f".{key_name(fingerprint)}", newest, uid=UPDATER.user.uid)
    return True
