"""Where each thing of a cluster lies under the root. Paths only; nothing is opened here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .types import Mac

STATE_MARK = "new"  # in `state/` until the first start of a cluster that was never in force

LABEL_CLUSTER = "kboot.cluster"
LABEL_INPUTS = "kboot.inputs"


@dataclass(frozen=True, slots=True)
class ClusterFolder:
    """The folder `<root>/<cluster>`."""

    root: Path
    cluster: str

    @property
    def path(self) -> Path:
        """The folder itself."""
        return self.root / self.cluster

    @property
    def description(self) -> Path:
        """The description that is in force, a normalised copy."""
        return self.path / "cluster.yaml"

    @property
    def compose(self) -> Path:
        """The rendered Compose project."""
        return self.path / "compose.yaml"

    @property
    def config(self) -> Path:
        """What kboot renders for the services."""
        return self.path / "config"

    @property
    def tls(self) -> Path:
        """Server certificates and keys, one folder a service."""
        return self.path / "tls"

    @property
    def pki(self) -> Path:
        """Authorities and operator secrets; mounted nowhere."""
        return self.path / "pki"

    @property
    def nodes(self) -> Path:
        """One folder a machine, named by its MAC with dashes."""
        return self.path / "nodes"

    @property
    def images(self) -> Path:
        """OS releases: `<channel>/<version>/` and `<channel>/current`."""
        return self.path / "images"

    @property
    def assets(self) -> Path:
        """Binaries that machines fetch."""
        return self.path / "assets"

    @property
    def registry(self) -> Path:
        """The registry's store."""
        return self.path / "registry"

    @property
    def staging(self) -> Path:
        """What is on its way into the registry: `images/` holds archives that wait for `kboot images push`."""
        return self.path / "staging"

    @property
    def leases(self) -> Path:
        """dnsmasq's lease file lies in here."""
        return self.path / "leases"

    @property
    def state(self) -> Path:
        """cloudconfig's database lies in here."""
        return self.path / "state"

    @property
    def lab(self) -> Path:
        """Disks and consoles of the lab's machines."""
        return self.path / "lab"

    @property
    def lock(self) -> Path:
        """Held by the one kboot that works on this cluster."""
        return self.root / f".{self.cluster}.lock"

    def node(self, mac: Mac) -> Path:
        """What one machine is given."""
        return self.nodes / mac.dashed


def certificate_path(name: str) -> str:
    """Return where the public certificate `name` of a machine lies in that machine's folder."""
    return f"certs/{name}.pem"
