"""An engine of the test's own, with nothing in it: a second dockerd on a socket of its own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import docker
from docker.errors import DockerException

from kboot.host.waiting import looks

_START_S = 60


@contextmanager
def empty_engine(folder: Path) -> Iterator[str]:
    """Yield the address of an engine whose store is `folder`; it makes no network and no rule of a firewall."""
    address = f"unix://{folder}/docker.sock"
    options = [f"--data-root={folder}/data", f"--exec-root={folder}/exec", f"--pidfile={folder}/docker.pid"]
    options += ["--bridge=none", "--iptables=false", "--ip6tables=false", f"--host={address}", "--log-level=error"]
    environment = {**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(["dockerd", *options], stdout=log, stderr=log, env=environment)
        try:
            _wait(address, process, folder / "log")
            yield address
        finally:
            process.terminate()
            process.wait(_START_S)
            subprocess.run(["umount", "--recursive", "--quiet", f"{folder}/data"])  # it mounts that onto itself


def _wait(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until the engine answers: its socket is there before, and resets who comes too early."""
    for _ in looks(_START_S, 0.2):
        assert process.poll() is None, log.read_text()
        with suppress(DockerException), closing(docker.DockerClient(base_url=address)) as asked:
            if asked.ping():
                return
    raise AssertionError(f"no engine after {_START_S} s: {log.read_text()}")
