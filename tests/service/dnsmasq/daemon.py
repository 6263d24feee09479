"""The real dnsmasq with rendered files, on a network of its own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kboot.host.waiting import looks
from kboot_clusterdesc import load_text
from support.dhcp_client import DhcpClient
from support.namespace import Namespace, cabled, etc_folder, ip
from support.places import SERVICES
from support.rendering import rendered_files, write_rendered

OWN, OTHER = "kboot-t0", "kboot-t1"  # the description's interface, and one beside it
BOOTSTRAPPER, OUTSIDE = "10.10.14.253", "10.10.14.252"
_ENTRYPOINT = str(SERVICES / "dnsmasq" / "entrypoint")
LOADER = bytes(range(256)) * 300  # stands for undionly.kpxe

SERVED = f"""\
apiVersion: kboot/v1
cluster: {{name: ail, domain: ail.example.com}}
network:
  bootstrapper: {BOOTSTRAPPER}
  subnet: 10.10.14.0/24
  dhcp: {{mode: serve, range: [10.10.14.100, 10.10.14.199], lease: 90m}}
  routers: [10.10.14.254]
  ntp: [10.10.14.250]
  upstream_dns: [{OUTSIDE}]
  hosts: {{printer.ail.example.com: 10.10.14.130}}
nodes:
  - {{mac: "52:54:00:12:34:56", name: node1, ip: 10.10.14.11, roles: [etcd]}}
  - {{mac: "52:54:00:12:34:57", name: node2, ip: 10.10.14.150, roles: [worker]}}
  - {{mac: "00:25:90:c0:f6:ee", name: node3, roles: [worker]}}
  - {{mac: "00:25:90:c0:f6:d6", roles: [worker]}}
"""


@dataclass(frozen=True, slots=True)
class Site:
    """The machines' side of a bootstrapper's network, and what its dnsmasq reads and writes."""

    server: Namespace
    machines: Namespace
    log: Path
    mounts: dict[str, Path]

    def machine(self, mac: str, interface: str = OWN) -> DhcpClient:
        """The machine of this MAC."""
        return DhcpClient(self.machines, interface, mac)

    @property
    def leases(self) -> list[str]:
        """The lines of the lease file."""
        return (self.mounts["/var/lib"] / "kboot" / "leases" / "dnsmasq.leases").read_text().splitlines()

    def unplug(self) -> None:
        """Take the description's interface away."""
        ip("-n", self.server.name, "link", "delete", OWN)

    def plug_in(self) -> None:
        """Bring the description's interface back: another device of the same name and address."""
        server, machines = self.server.name, self.machines.name
        ip("-n", server, "link", "add", OWN, "type", "veth", "peer", "name", OWN, "netns", machines)
        for name, address in ((server, BOOTSTRAPPER), (machines, OUTSIDE)):
            ip("-n", name, "addr", "add", f"{address}/24", "dev", OWN)
            ip("-n", name, "link", "set", OWN, "up")


@contextmanager
def site(tag: str, description: str, folder: Path) -> Iterator[Site]:
    """dnsmasq as the description wants it, at `OWN`, with an upstream name server at `OUTSIDE`."""
    with network(tag, description, folder) as found, started(found):
        yield found


@contextmanager
def network(tag: str, description: str, folder: Path) -> Iterator[Site]:
    """A site whose dnsmasq does not run yet."""
    with cabled({OWN: f"{BOOTSTRAPPER}/24", OTHER: "192.168.77.1/24"}, tag) as (server, machines):
        ip("-n", machines.name, "addr", "add", f"{OUTSIDE}/24", "dev", OWN)
        with _upstream(machines, folder):
            yield Site(server, machines, folder / "dnsmasq.log", _mounts(description, folder))


@contextmanager
def started(site: Site) -> Iterator[None]:
    """Its dnsmasq runs."""
    with site.server.daemon(["sh", _ENTRYPOINT], site.mounts, site.log) as process:
        for _ in looks(30, 0.05):
            assert process.poll() is None, site.log.read_text()
            if "started, version" in site.log.read_text():
                break
        yield


def _mounts(description: str, folder: Path) -> dict[str, Path]:
    """The files where compose.yaml mounts them."""
    files = rendered_files(load_text(description, "site.yaml"), interface=OWN)
    write_rendered(files, folder / "cluster")
    config = folder / "cluster" / "config"
    etc, lib = etc_folder(folder / "etc"), folder / "lib"
    shutil.copy(config / "dnsmasq.conf", etc)
    (etc / "kboot").mkdir()
    for name in ("dhcp-hosts", "hosts"):
        shutil.copy(config / name, etc / "kboot")
    (lib / "kboot" / "leases").mkdir(parents=True)
    shutil.copytree(config / "pxelinux.cfg", lib / "tftpboot" / "pxelinux.cfg")
    (lib / "tftpboot" / "undionly.kpxe").write_bytes(LOADER)
    shutil.chown(lib / "kboot" / "leases", "dnsmasq")
    run = folder / "run"
    run.mkdir()
    return {"/etc": etc, "/var/lib": lib, "/run": run}


@contextmanager
def _upstream(machines: Namespace, folder: Path) -> Iterator[None]:
    options = ["--keep-in-foreground", "--no-resolv", "--no-hosts", "--conf-file=/dev/null", "--log-facility=-"]
    options += ["--pid-file", f"--listen-address={OUTSIDE}", "--bind-interfaces"]
    options += ["--address=/outside.example/192.0.2.7"]
    (folder / "opt").mkdir()
    with machines.daemon(["dnsmasq", *options], {"/opt": folder / "opt"}, folder / "upstream.log"):
        yield
