"""kubectl against the lab's own Kubernetes, from this machine and as the administrator."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from kboot.cache import cache_folder
from kboot.errors import NotYet
from kboot.pki.operators import ADMIN, operator_kubeconfig
from kboot.status import description_in_force
from kboot.up import checkout
from kboot_clusterdesc import ClusterFolder
from kboot_clusterdesc.model import API_PORT

from .kubernetes import kubernetes_folder


def run_kubectl(folder: ClusterFolder, addresses: Mapping[str, str], arguments: Sequence[str]) -> int:
    """Run kubectl with these arguments; its exit status. `addresses` are those of machines, by MAC.

    Raises NotYet where the lab has no Kubernetes or none of its control planes an address.
    """
    desc, binaries = description_in_force(folder), kubernetes_folder(cache_folder(), checkout())
    if desc.kubernetes is None or binaries is None:
        raise NotYet(f"the lab of {folder.cluster} has no Kubernetes", "`make kubernetes`, then `kboot lab up`")
    servers = [addresses[node.mac] for node in desc.control_planes if node.mac in addresses]
    if not servers:
        raise NotYet("no control plane has an address yet", "see `kboot watch`")
    config = operator_kubeconfig(folder, desc, ADMIN, datetime.now(UTC), f"https://{servers[0]}:{API_PORT}")
    with tempfile.NamedTemporaryFile(suffix=".conf") as file:
        file.write(config)
        file.flush()
        # An address that DHCP chose stands in no certificate, this name in each.
        options = ["--kubeconfig", file.name, "--tls-server-name", "kubernetes"]
        sys.stdout.flush()
        return subprocess.run([binaries / "kubectl", *options, *arguments]).returncode
