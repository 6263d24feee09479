"""Run commands inside the lab's network: beside the services, or on a machine by ssh with the lab's own key."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kboot.errors import NotYet
from kboot.host.engine import LABEL_CLUSTER, Engine
from kboot.host.files import write_file
from kboot_clusterdesc import ClusterFolder
from kboot_clusterdesc.os_family import ACCOUNT

_OPTIONS = (
    # Any host key is accepted, so that ssh works in each phase, also before a machine reported its key. The network
    # does not leave this machine, nothing secret passes over it, and the lab's key opens machines of the lab alone.
    "-o", "StrictHostKeyChecking=no",
    "-o", "UserKnownHostsFile=/dev/null",
    "-o", "LogLevel=ERROR",
    "-o", "BatchMode=yes",
    "-o", "ConnectTimeout=10",
)  # fmt: skip


def ensure_key(folder: ClusterFolder) -> str:
    """Return the lab's public ssh key; make the pair if it is missing."""
    private = _key(folder)
    public = private.with_suffix(".pub")
    if not (private.exists() and public.exists()):
        key = Ed25519PrivateKey.generate()
        private.parent.mkdir(parents=True, exist_ok=True)
        openssh = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
        )
        line = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
        write_file(private, openssh, mode=0o600)
        write_file(public, line + b" lab\n")
    return public.read_text().strip()


def holder(engine: Engine) -> str:
    """Return the container whose network the services share; raises NotYet while the lab is not up."""
    for service in engine.services():
        if service.name == "holder" and service.state == "running" and service.container:
            return service.container
    raise NotYet(f"the lab of {engine.folder.cluster} is not up", "`kboot lab up`")


def run_inside(engine: Engine, image: str, command: Sequence[str]) -> int:
    """Run `command` in the network of the services and return its exit status; a single word is a line of shell."""
    return _run(engine, image, ["sh", "-c", command[0]] if len(command) == 1 else command, [])


def run_on(engine: Engine, image: str, address: str, command: Sequence[str]) -> int:
    """Run `command`, or a shell if it is empty, on the machine at `address` and return its exit status."""
    mount = ["--mount", f"type=bind,source={_key(engine.folder)},target=/run/lab-key,readonly"]
    ssh = ["ssh", "-i", "/run/lab-key", *_OPTIONS, *(["-t"] if not command and sys.stdin.isatty() else [])]
    return _run(engine, image, [*ssh, f"{ACCOUNT}@{address}", *command], mount)


def _run(engine: Engine, image: str, command: Sequence[str], mounts: list[str]) -> int:
    terminal = ["-t"] if sys.stdin.isatty() and sys.stdout.isatty() else []
    finished = subprocess.run(
        [
            *("docker", "run", "--rm", "-i", *terminal, "--init"),
            *(
                "--network",
                f"container:{holder(engine)}",
                "--label",
                f"{LABEL_CLUSTER}={engine.folder.cluster}",
            ),
            *mounts,
            *("--entrypoint", "", image, *command),
        ],
        check=False,
    )
    return finished.returncode


def _key(folder: ClusterFolder) -> Path:
    return folder.lab / "ssh_key"
