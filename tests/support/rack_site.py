"""A connected place where the bundle of a rack is made: virtual machines, the lab OS, Kubernetes where it was built."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from kboot.bundle.beginning import beginning
from kboot.cli.main import run
from kboot.host.cache import cache_folder
from kboot.service_images.sources import sources
from kboot.supplies.assets import CNI_NEEDED
from kboot.supplies.bundle_manifest import Kind, Manifest
from kboot_clusterdesc import ClusterDesc, Phase, dump, load_text
from kboot_clusterdesc.node_images import node_images
from kboot_lab.debian_files import debian_files
from kboot_lab.description import with_kubernetes
from kboot_lab.kubernetes import kubernetes_folder, version_in
from kboot_lab.node_image_build import build_node_images
from kboot_lab.os_build import build_lab_os
from kboot_lab.up import LAB_RELEASE

CLUSTER, BOOTSTRAPPER, ROUTER, PREFIX = "carried", "10.77.28.253", "10.77.28.254", 24
# The updater looks at its start, and once a day: not while this test runs, or it would ask for what is newer.
_DESCRIPTION = """apiVersion: kboot/v1
cluster: {{name: carried, domain: carried.example.com}}
network:
  bootstrapper: 10.77.28.253
  subnet: 10.77.28.0/24
  dhcp: {{mode: serve, range: [10.77.28.100, 10.77.28.150], lease: 24h}}
  routers: [10.77.28.254]
os:
  family: flatcar
  channel: stable
  version: current
  config: ignition
  release_key: release-key.asc
  update: {{schedule: "0 3 29 2 *"}}
kubernetes: {{version: {version}, cni: {{name: routes}}}}
timing: slow
ssh_authorized_keys: ["{key}"]
nodes:
  - {{mac: "52:54:00:77:28:01", name: node1, ip: 10.77.28.11, roles: [control-plane, etcd], loader: ipxe.pxe}}
  - {{mac: "52:54:00:77:28:02", name: node2, ip: 10.77.28.12, roles: [worker], loader: ipxe.pxe}}
"""


@dataclass(frozen=True, slots=True)
class RackSite:
    """What was made in a connected place: the three files that are carried, and what the test needs to look."""

    folder: Path
    desc: ClusterDesc
    manifest: Manifest
    releases: Path  # of the lab OS

    @property
    def carried(self) -> list[Path]:
        """The bundle, the description, the key of the OS releases that the description names."""
        return [self.folder / name for name in ("rack.kboot", "cluster.yaml", "release-key.asc")]

    @property
    def ssh_key(self) -> Path:
        """The key of the administrator."""
        return self.folder / "ssh_key"

    @property
    def goal(self) -> Phase:
        """The phase that machines come to in the end."""
        return Phase.READY if self.desc.kubernetes else Phase.RUNNING

    @property
    def kernel(self) -> Path:
        """The kernel of the OS."""
        return self.releases / "stable" / "amd64-usr" / LAB_RELEASE / "flatcar_production_pxe.vmlinuz"

    def images(self, kind: Kind) -> dict[str, str]:
        """Return name -> digest of the images of a kind in the bundle."""
        return {item.name: item.digest for item in self.manifest.items if item.kind is kind}


def rack_site(folder: Path) -> RackSite:
    """Make the description and its bundle."""
    binaries = kubernetes_folder(cache_folder(), sources())
    releases = build_lab_os(cache_folder(), LAB_RELEASE, "stable", print)
    shutil.copy(releases / "release-key.asc", folder)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / "ssh_key"], check=True)
    version = version_in(binaries) if binaries else None
    key = (folder / "ssh_key.pub").read_text().strip()
    text = _DESCRIPTION.format(version=version or "v1.36.2", key=key)
    desc = with_kubernetes(load_text(text, "cluster.yaml"), version).desc
    (folder / "cluster.yaml").write_bytes(dump(desc))
    bundle = folder / "rack.kboot"
    command = ["bundle", "create", str(folder / "cluster.yaml"), "-o", str(bundle), "--root", str(folder / "root")]
    command += ["--os-from", str(releases / "stable" / "amd64-usr" / LAB_RELEASE), *_supplies(folder, desc, binaries)]
    assert run(command) == 0
    return RackSite(folder, desc, beginning(bundle).manifest, releases)


def _supplies(folder: Path, desc: ClusterDesc, binaries: Path | None) -> list[str]:
    """The options of `kboot bundle create` that name what a site with internet would fetch."""
    archives = build_node_images(desc, binaries, print)
    options = [word for name in node_images(desc).values() for word in ("--image", str(archives[name]))]
    if binaries is None:
        return options
    wanted = {f"/{name}": f"usr/lib/cni/{name}" for name in CNI_NEEDED}
    plugins = debian_files(("containernetworking-plugins",), wanted, cache_folder() / "node-images", print)
    given = folder / "binaries"
    given.mkdir()
    for file in (binaries / "kubelet", binaries / "kubectl", *plugins.values()):
        shutil.copy(file, given)
    return [*options, "--assets", str(given)]
