"""Asks the cloud-config server which releases machines are being installed with: those stay."""

from __future__ import annotations

import httpx

from kboot_clusterdesc.os_release import is_version

from .log import log

_TIMEOUT_S = 10.0


def releases_in_use(server: str | None) -> frozenset[str] | None:
    """Return the releases that `server`, HOST[:PORT], says are in use; None where it does not say: then none may go.

    Without a server, as for a check by hand outside of a cluster, nothing is in use.
    """
    if server is None:
        return frozenset()
    try:
        # Never through the site's proxy: it is this machine.
        answer = httpx.get(f"http://{server}/v1/releases", timeout=_TIMEOUT_S, trust_env=False).raise_for_status()
        told = frozenset(answer.text.split())
    except httpx.HTTPError as error:
        log("releases-in-use-unknown", detail=f"no release is removed: {str(error) or type(error).__name__}")
        return None
    if all(is_version(version) for version in told):
        return told
    log("releases-in-use-unknown", detail="no release is removed: the answer names something else than releases")
    return None
