"""The tokens with which an installed machine reports, and who it is that reports."""

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


def reporter_of(fleet: Fleet, mac: Mac, token: str | None) -> Mac:
    """Return the MAC of the node whose machine reports as `mac`, by which its config may know it when no node is.

    Of several that may be it the token tells which one is.
    """
    known = fleet.identity(mac)
    if token is None or fleet.has_node(known):
        return known
    were = [node.mac for node in fleet.nodes() if mac in fleet.machine(node.mac).was]
    tells = (each for each in were if any(guard.is_token(token, own) for own in report_tokens(fleet, each)))
    return next(tells, were[0] if were else known)
