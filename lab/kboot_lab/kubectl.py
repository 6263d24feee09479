"""Run kubectl against the lab's own Kubernetes, from this machine and as the administrator."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from ipaddress import IPv4Address

from kboot.errors import NotYet
from kboot.host.cache import cache_folder
from kboot.host.waiting import looks
from kboot.running.chosen import description_in_force
from kboot.running.cluster_health import read_api_health
from kboot.running.kubectl import access, server_url
from kboot.service_images.sources import sources
from kboot_clusterdesc import ClusterDesc, ClusterFolder, Mac

from .kubernetes import kubernetes_folder

_ANSWERS_WITHIN_S = 30  # an API server that was just started may be asked again


def run_kubectl(folder: ClusterFolder, addresses: Mapping[str, str], arguments: Sequence[str]) -> int:
    """Run kubectl with these arguments and return its exit status; `addresses` are those of machines, by MAC.

    Raises NotYet where the lab has no Kubernetes, none of its control planes an address, or of several none is ready.
    """
    desc, binaries = description_in_force(folder), kubernetes_folder(cache_folder(), sources())
    if desc.kubernetes is None or binaries is None:
        hint = "`make kubernetes` in a checkout, then `kboot lab up`"
        raise NotYet(f"the lab of {folder.cluster} has no Kubernetes", hint)
    with access(folder, desc, datetime.now(UTC), server_url(_server(folder, desc, addresses))) as (_, options):
        sys.stdout.flush()
        return subprocess.run([binaries / "kubectl", *options, *arguments]).returncode


def _server(folder: ClusterFolder, desc: ClusterDesc, addresses: Mapping[str, str]) -> str:
    """Return the address of a control plane: of several, of one whose API server is ready; raises NotYet."""
    known = {node.name: addresses[node.mac] for node in desc.control_planes if node.mac in addresses}
    if not known:
        raise NotYet("no control plane has an address yet", "see `kboot watch`")
    if len(known) == 1:
        return next(iter(known.values()))
    at = {Mac(mac): IPv4Address(address) for mac, address in addresses.items()}
    for _ in looks(_ANSWERS_WITHIN_S, 2):
        if well := [part.name for part in read_api_health(desc, folder, at) if part.is_well]:
            return known[well[0]]
    raise NotYet("no API server is ready", "`kboot status` says what each of them lacks")
