"""The paths of a cluster's files under the root. No file is opened here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .types import Mac

STATE_MARK = "new"  # a file in `state/` that marks a new cluster; its first start removes it

LABEL_CLUSTER = "kboot.cluster"
LABEL_INPUTS = "kboot.inputs"


@dataclass(frozen=True, slots=True)
class ClusterFolder:
    """The folder `<root>/<cluster>` and the paths in it."""

    root: Path
    cluster: str

    @property
    def path(self) -> Path:
        """The folder itself."""
        return self.root / self.cluster

    @property
    def stamp(self) -> Path:
        """The file that says which kboot changed the folder last, and the format of what lies in it."""
        return self.path / "kboot.json"

    @property
    def down(self) -> Path:
        """The file that is there from `kboot down` on: a boot of the bootstrapper starts nothing."""
        return self.path / "down"

    @property
    def description(self) -> Path:
        """The normalised copy of the description that is in force."""
        return self.path / "cluster.yaml"

    @property
    def compose(self) -> Path:
        """The rendered Compose project."""
        return self.path / "compose.yaml"

    @property
    def config(self) -> Path:
        """The folder of the files that kboot renders for the services."""
        return self.path / "config"

    @property
    def tls(self) -> Path:
        """The folder of server certificates and keys, one folder in it for each service."""
        return self.path / "tls"

    @property
    def pki(self) -> Path:
        """The folder of authorities and operator secrets, which no container mounts."""
        return self.path / "pki"

    @property
    def nodes(self) -> Path:
        """The folder of node configs, one folder in it for each machine, named by its MAC with dashes."""
        return self.path / "nodes"

    @property
    def images(self) -> Path:
        """The folder of OS releases: `<channel>/<version>/` and `<channel>/current`."""
        return self.path / "images"

    @property
    def assets(self) -> Path:
        """The folder of binaries that machines fetch."""
        return self.path / "assets"

    @property
    def registry(self) -> Path:
        """The folder where the registry keeps its images."""
        return self.path / "registry"

    @property
    def image_owners(self) -> Path:
        """The file that says under which full names the images in the registry were pushed."""
        return self.path / "image-owners.json"

    @property
    def staging(self) -> Path:
        """The folder of archives on their way into the registry: those in `images/` wait for `kboot images push`."""
        return self.path / "staging"

    @property
    def leases(self) -> Path:
        """The folder of dnsmasq's lease file."""
        return self.path / "leases"

    @property
    def state(self) -> Path:
        """The folder of the cloud-config server's database."""
        return self.path / "state"

    @property
    def etcd_snapshots(self) -> Path:
        """The folder of snapshots that were taken before etcd came to another version."""
        return self.path / "etcd-snapshots"

    @property
    def lab(self) -> Path:
        """The folder of the disks and consoles of the lab's machines."""
        return self.path / "lab"

    @property
    def unit(self) -> str:
        """The name of the systemd unit that brings the services up at a boot; `kboot autostart on` makes it."""
        return f"kboot-{self.cluster}.service"

    @property
    def lock(self) -> Path:
        """The lock file, held by the one kboot process that works on this cluster."""
        return self.root / f".{self.cluster}.lock"

    def node(self, mac: Mac) -> Path:
        """The folder of the files that the machine `mac` is given."""
        return self.nodes / mac.dashed


def certificate_path(name: str) -> str:
    """Return where the public certificate `name` of a machine lies in that machine's folder."""
    return f"certs/{name}.pem"
