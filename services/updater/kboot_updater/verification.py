"""Looks at every file of the store again, as it lies on the disk now."""

from __future__ import annotations

from collections.abc import Callable

from kboot_clusterdesc.os_release import version_order

from .fault import NotTheFile, SignatureRefused, UpdaterFault
from .mirror import Mirror


def verify_store(mirror: Mirror, say: Callable[[str], None]) -> bool:
    """Verify all releases of the channel and their payloads, say of each how it is, and return whether all are well.

    What is damaged is served no more, and the next check brings it anew. Raises an UpdaterFault without a key.
    """
    is_well = True
    for version in sorted(mirror.store.versions(), key=version_order):
        if not mirror.store.has(version):
            say(f"{version}: not verified yet, or not whole")
            continue
        fault = _fault_of(lambda version=version: mirror.verify(version))  # type: ignore[misc]
        if fault is not None:
            mirror.withdraw(version, fault, is_payload=False)
            say(f"{version}: damaged: {fault}")
            is_well = False
            continue
        is_well = _verify_payloads(mirror, version, say) and is_well
    return is_well


def _verify_payloads(mirror: Mirror, version: str, say: Callable[[str], None]) -> bool:
    try:
        has_payloads = mirror.verify_payloads(version)
    except (SignatureRefused, NotTheFile) as fault:
        mirror.withdraw(version, fault, is_payload=True)
        say(f"{version}: whole, its update payload damaged: {fault}")
        return False
    say(f"{version}: whole{', with its update payload' if has_payloads else ''}")
    return True


def _fault_of(verify: Callable[[], None]) -> UpdaterFault | None:
    try:
        verify()
    except (SignatureRefused, NotTheFile) as fault:
        return fault
    return None
