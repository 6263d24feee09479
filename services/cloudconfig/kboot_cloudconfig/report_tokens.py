"""The tokens with which an installed machine reports."""

from __future__ import annotations

from contextlib import suppress

from kboot_clusterdesc import Mac
from kboot_clusterdesc.shared_files import REPORT_TOKEN

from . import guard
from .fleet import Fleet


def report_tokens(fleet: Fleet, mac: Mac) -> list[str]:
    """Return the SHA-256 of each token with which the installed machine may report.

    A machine that joined and was declared later keeps its first token until it is installed again, by whichever of
    its cards it joined.
    """
    tokens = [fleet.store.joined.report_sha256(card) for card in fleet.node(mac).macs]
    with suppress(OSError):
        kept = fleet.files.text(f"{fleet.nodes_folder}/{mac.dashed}/{REPORT_TOKEN}").strip()
        tokens.append(guard.sha256_of(kept))
    return [token for token in tokens if token is not None]
