"""A simulated machine: from its switch to `running`, by the requests of firmware, iPXE, the OS and install.sh."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from .exchange import Address, Answer, Ask, exchange

SILENT_S = 20.0  # without a byte, before a request is tried again
_PAUSES_S = {"boot": 3.0, "file": 5.0, "install.sh": 10.0, "report": 5.0, "config": 6.0}
_GONE_OVER = 10  # tries of one step before the machine is given up
_KERNEL = re.compile(r"^kernel http://[^/]+(\S+) (.*)", re.MULTILINE)
_INITRD = re.compile(r"^initrd --name \S+ http://[^/]+(\S+)", re.MULTILINE)
_QUERY = re.compile(r"cloud-config-url=http://[^/]+/install\.sh(\S*)")
_TOKEN = re.compile(r"^KBOOT_TOKEN='?([A-Za-z0-9_-]+)", re.MULTILINE)


@dataclass(slots=True)
class Log:
    """What all machines of a process saw."""

    took_s: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    errors: Counter[str] = field(default_factory=Counter)
    reached: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))  # seconds since the switch
    given_up: int = 0


class GivenUp(Exception):
    """A step was tried too often."""


@dataclass(frozen=True, slots=True)
class Rack:
    """What all machines have in common."""

    server: Address
    nodes: Path  # the folder of what machines are given, for their report tokens
    sample_bytes: int  # of initrd and image; 0 for the whole files
    progress: int  # reports while the image is written
    begin: float  # the loop's time at which the rack is switched on
    log: Log


class Machine:
    """One machine; `address` is what its lease gives it."""

    def __init__(self, rack: Rack, mac: str, lease: Callable[[], Awaitable[str]]) -> None:
        self._rack, self.mac, self._lease = rack, mac, lease
        self._dashed = mac.replace(":", "-")
        self._address = ""

    async def live(self) -> None:
        """Be switched on, install, boot from the disk, and report that."""
        try:
            await self._boot_network()
            kernel, initrd, query = await self._boot_script()
            await self._ask("HEAD kernel", "file", Ask("HEAD", kernel))
            await self._ask("initrd", "file", Ask("GET", initrd, range=self._sample()))
            await self._ask("pxe.ign", "boot", Ask("GET", f"/pxe.ign{query}"))
            token, image = await self._installer(query)
            await self._install(token, image)
            self._reach("installed")
            await self._boot_network()
            await self._ask("boot script, disk", "boot", Ask("GET", f"/boot/{self._dashed}.ipxe"))
            await self._run()
            self._reach("running")
        except GivenUp:
            self._rack.log.given_up += 1

    async def _boot_network(self) -> None:
        self._address = await self._lease()
        self._reach("leased")
        await self._ask("boot.ipxe", "boot", Ask("GET", "/boot.ipxe"))

    async def _boot_script(self) -> tuple[str, str, str]:
        for _ in range(_GONE_OVER):
            ask = Ask("GET", f"/boot/{self._dashed}.ipxe", is_kept=True)
            text = (await self._ask("boot script, install", "boot", ask)).body.decode()
            kernel, initrd = _KERNEL.search(text), _INITRD.search(text)
            if kernel and initrd:
                query = _QUERY.search(kernel[2])
                return kernel[1], initrd[1], query[1] if query else ""
            await self._miss("boot script, install: no install", _PAUSES_S["boot"])
        raise GivenUp

    async def _installer(self, query: str) -> tuple[str, str]:
        for _ in range(_GONE_OVER):
            answer = await self._ask("install.sh", "install.sh", Ask("GET", f"/install.sh{query}", is_kept=True))
            text = answer.body.decode()
            if token := _TOKEN.search(text):
                return token[1], _image_path(text)
            await self._miss("install.sh: no token", _PAUSES_S["install.sh"])
        raise GivenUp

    async def _install(self, token: str, image: str) -> None:
        await self._ask("clock", "report", Ask("HEAD", "/healthz"))
        disk = {"name": "/dev/vda", "id": "/dev/disk/by-id/virtio-1", "size_bytes": 1 << 35, "holds": "empty"}
        await self._report(token, phase="installing", detail="install.sh runs")
        await self._report(token, phase="installing", disks=[disk])
        await self._report(token, phase="installing", detail="the disk is /dev/vda", install_disk="/dev/vda")
        ask = Ask("GET", f"/ignition/{self._dashed}.json", tls=True, token=token)
        await self._ask("node config", "config", ask)
        self._reach("configured")
        await self._ask("image", "file", Ask("GET", image, range=self._sample()))
        for number in range(1, self._rack.progress + 1):
            await self._report(token, phase="installing", bytes=number << 28, total=self._rack.progress << 28)
        await self._report(token, phase="installed", version="3975.2.0", detail="on /dev/vda")

    async def _run(self) -> None:
        folder = self._rack.nodes / self._dashed
        token, config = ((folder / name).read_text().strip() for name in ("report-token", "config-hash"))
        await self._report(token, phase="running", version="3975.2.0", config=config, ssh_host_keys=[])

    async def _report(self, token: str, **body: object) -> None:
        path = f"/v1/nodes/{self.mac}/events"
        ask = Ask("POST", path, tls=True, token=token, body=json.dumps(body).encode())
        await self._ask(f"report {body['phase']}", "report", ask)

    async def _ask(self, step: str, kind: str, ask: Ask) -> Answer:
        log = self._rack.log
        for _ in range(_GONE_OVER):
            begin = time.monotonic()
            try:
                answer = await exchange(self._address, self._rack.server, ask, SILENT_S)
            except OSError as error:
                fault = f"{step}: {type(error).__name__}"
            else:
                if answer.status in (200, 204, 206):
                    log.took_s[step].append(time.monotonic() - begin)
                    return answer
                fault = f"{step}: status {answer.status}"
            await self._miss(fault, _PAUSES_S[kind])
        raise GivenUp

    async def _miss(self, fault: str, pause_s: float) -> None:
        self._rack.log.errors[fault] += 1
        await asyncio.sleep(pause_s)

    def _sample(self) -> str:
        return f"bytes=0-{self._rack.sample_bytes - 1}" if self._rack.sample_bytes else ""

    def _reach(self, what: str) -> None:
        self._rack.log.reached[what].append(asyncio.get_running_loop().time() - self._rack.begin)


def _image_path(script: str) -> str:
    said = dict(re.findall(r"^(KBOOT_[A-Z_]+)='?([^'\n]*)'?$", script, re.MULTILINE))
    return f"/{said['KBOOT_CHANNEL']}/{said['KBOOT_VERSION']}/flatcar_production_image.bin.bz2"
