"""A boot of the bootstrapper on which its address comes later than its services."""

from __future__ import annotations

import sys

from kboot.host.waiting import looks
from support.namespace import cabled, ip

from .conftest import Server

_ADDRESS = "10.99.15.253"


def test_the_server_answers_at_an_address_that_comes_after_it(server: Server) -> None:
    server.stop()
    with cabled({"kboot-t0": "192.0.2.1/24"}, "late") as (bootstrapper, _):
        environment = server.environment() | {"KBOOT_BIND": _ADDRESS}
        command = ["env", *(f"{name}={value}" for name, value in environment.items() if name.startswith("KBOOT_"))]
        log = server.folder.root / "late.log"
        with bootstrapper.daemon([*command, sys.executable, "-m", "kboot_cloudconfig"], {}, log) as process:
            for _ in looks(60, 0.2):
                if '"serving"' in log.read_text():
                    break
            ask = ["curl", "--silent", "--max-time", "5", f"http://{_ADDRESS}:{server.ports[0]}/readyz"]
            assert bootstrapper.run(*ask).returncode != 0
            ip("-n", bootstrapper.name, "addr", "add", f"{_ADDRESS}/24", "dev", "kboot-t0")
            answer = bootstrapper.run(*ask)
            assert (answer.returncode, answer.stdout) == (0, "ok\n"), log.read_text()
            assert process.poll() is None
