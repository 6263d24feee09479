"""The real dnsmasq with rendered files, on a network of its own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kboot.waiting import looks
from kboot_clusterdesc import load_text
from support.dhcp_client import DhcpClient
from support.namespace import Namespace, cabled, etc_folder, ip
from support.rendering import rendered_files, write_rendered

OWN, OTHER = "kboot-t0", "kboot-t1"  # the description's interface, and one beside it
BOOTSTRAPPER, OUTSIDE = "10.10.14.253", "10.10.14.252"
LOADER = bytes(range(256)) * 300  # stands for undionly.kpxe


@dataclass(frozen=True, slots=True)
class Site:
    """A running dnsmasq and the machines' side of its network."""

    server: Namespace
    machines: Namespace
    log: Path

    def machine(self, mac: str, interface: str = OWN) -> DhcpClient:
        """The machine of this MAC."""
        return DhcpClient(self.machines, interface, mac)


@contextmanager
def site(tag: str, description: str, folder: Path) -> Iterator[Site]:
    """dnsmasq as the description wants it, at `OWN`, with an upstream name server at `OUTSIDE`."""
    log = folder / "dnsmasq.log"
    with cabled({OWN: f"{BOOTSTRAPPER}/24", OTHER: "192.168.77.1/24"}, tag) as (server, machines):
        ip("-n", machines.name, "addr", "add", f"{OUTSIDE}/24", "dev", OWN)
        mounts = _mounts(description, folder)
        command = ["dnsmasq", "--conf-file=/etc/dnsmasq.conf"]
        with _upstream(machines, folder), server.daemon(command, mounts, log) as process:
            for _ in looks(10, 0.05):
                assert process.poll() is None, log.read_text()
                if "started, version" in log.read_text():
                    break
            yield Site(server, machines, log)


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
    return {"/etc": etc, "/var/lib": lib}


@contextmanager
def _upstream(machines: Namespace, folder: Path) -> Iterator[None]:
    options = ["--keep-in-foreground", "--no-resolv", "--no-hosts", "--conf-file=/dev/null", "--log-facility=-"]
    options += ["--pid-file", f"--listen-address={OUTSIDE}", "--bind-interfaces"]
    options += ["--address=/outside.example/192.0.2.7"]
    (folder / "opt").mkdir()
    with machines.daemon(["dnsmasq", *options], {"/opt": folder / "opt"}, folder / "upstream.log"):
        yield
