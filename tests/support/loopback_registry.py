"""A registry on loopback without TLS or a login, which engines take images from and to without being told."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from kboot.host.waiting import looks
from support.ports import free_port

_CONFIG = """\
version: 0.1
log: {{level: warn}}
storage: {{filesystem: {{rootdirectory: {store}}}}}
http: {{addr: "127.0.0.1:{port}"}}
"""


@contextmanager
def loopback_registry(folder: Path) -> Iterator[str]:
    """The name of docker-registry's, `127.0.0.1:<port>`; what is pushed lies in `folder`."""
    port = free_port()
    config = folder / "registry.yml"
    config.write_text(_CONFIG.format(store=folder / "store", port=port))
    with subprocess.Popen(["docker-registry", "serve", str(config)], stderr=subprocess.DEVNULL) as registry:
        try:
            for _ in looks(20, 0.1):
                try:
                    httpx.get(f"http://127.0.0.1:{port}/v2/", trust_env=False).raise_for_status()
                    break
                except httpx.TransportError:
                    assert registry.poll() is None, "docker-registry ended"
            yield f"127.0.0.1:{port}"
        finally:
            registry.terminate()
