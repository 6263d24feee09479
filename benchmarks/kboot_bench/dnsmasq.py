"""dnsmasq of the distribution with the configuration that a tree rendered, at the cable of the rack."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .network import Network
from .processes import cpu_s
from .servers import Product

_LOADERS = ("undionly.kpxe", "snponly.efi", "start.ipxe")
_DHCP_PORT = ":0043"
_LOADER_BYTES = 73 * 1024


class Dnsmasq:
    """The DHCP and TFTP server beside a product's folder; paths of its container become those of the folder."""

    def __init__(self, network: Network, product: Product) -> None:
        self._network, self._folder = network, product.folder
        self._process: subprocess.Popen[bytes] | None = None

    @contextmanager
    def running(self, is_wanted: bool = True) -> Iterator[Dnsmasq]:
        """Run it, if it is wanted at all."""
        if not is_wanted:
            yield self
            return
        log = self._folder.with_suffix(".dnsmasq.log")
        with log.open("wb") as out:
            command = self._network.in_servers(_program(), f"--conf-file={self._configuration()}")
            self._process = subprocess.Popen(command, stdout=out, stderr=out)
        try:
            yield self
        finally:
            self._process.terminate()
            self._process.wait()
        if self._process.returncode not in (0, -15):
            raise SystemExit(f"dnsmasq: {log.read_text()[-1000:]}")

    def cpu_s(self) -> float:
        """Return the CPU seconds that it took so far."""
        return cpu_s([self._process.pid]) if self._process is not None else 0

    def dropped(self) -> int:
        """Return how many packets its DHCP socket had no room for."""
        if self._process is None:
            return 0
        sockets = [line.split() for line in Path(f"/proc/{self._process.pid}/net/udp").read_text().splitlines()[1:]]
        return sum(int(each[-1]) for each in sockets if each[1].endswith(_DHCP_PORT))

    def _configuration(self) -> Path:
        loaders = self._folder / "tftp"
        loaders.mkdir(exist_ok=True)
        for name in _LOADERS:
            (loaders / name).write_bytes(bytes(_LOADER_BYTES))
        text = (self._folder / "config" / "dnsmasq.conf").read_text()
        for inside, outside in (
            ("/etc/kboot/", f"{self._folder}/config/"),
            ("/var/lib/kboot/leases/", f"{self._folder}/leases/"),
            ("/var/lib/tftpboot", str(loaders)),
            ("user=dnsmasq", "user=root"),
        ):
            text = text.replace(inside, outside)
        file = self._folder.with_suffix(".dnsmasq.conf")
        file.write_text(text)
        return file


def _program() -> str:
    found = shutil.which("dnsmasq", path="/usr/sbin:/usr/bin:/usr/local/sbin")
    if found is None:
        raise SystemExit("dnsmasq is missing: apt-get install dnsmasq-base")
    return found
