"""Commands on an installed machine, by the operator's own ssh.

kboot keeps no key that opens a machine: it takes one of `ssh_authorized_keys` from the agent, or the file that
`--identity` names. Nothing is sent to a machine that does not show a host key by which it is known.
"""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from typing import BinaryIO

from kboot_clusterdesc import ClusterFolder
from kboot_clusterdesc.os_family import ACCOUNT

from ..errors import BadInput, KbootError, NotYet, last_line
from .cloudconfig_client import JsonObject
from .known_hosts import KnownHosts, known_hosts

_SSH_FAILED = 255  # ssh's own fault, not the command's
_ANOTHER_KEY = "Host key verification failed"


@dataclass(frozen=True, slots=True)
class Login:
    """The operator's choices for ssh: the private key, and whether to believe a machine that told no host key."""

    identity: Path | None = None
    trusts_first_contact: bool = False


@dataclass(frozen=True, slots=True)
class Remote:
    """One machine to run commands on by ssh."""

    name: str
    address: IPv4Address
    known: KnownHosts
    identity: Path | None = None

    def run(self, command: Sequence[str], *, given: bytes | BinaryIO = b"", timeout_s: float = 600) -> bytes:
        """Run `command` as root and return its output; `given`, or what is left of that file, is its standard input.

        Raises NotYet where the machine cannot be reached or the command does not end, KbootError where another machine
        answers, or with the last line of a command that failed.
        """
        words = [*self._ssh(), f"{ACCOUNT}@{self.address}", "sudo", *map(shlex.quote, command)]
        content, file = (given, None) if isinstance(given, bytes) else (None, given)
        try:
            # In a session of its own: Ctrl-C at the terminal asks us, and does not cut off what runs over there.
            done = subprocess.run(
                words, input=content, stdin=file, capture_output=True, timeout=timeout_s, start_new_session=True
            )
        except FileNotFoundError as error:
            raise KbootError("there is no `ssh` on this machine", "install the package `openssh-client`") from error
        except subprocess.TimeoutExpired as error:
            late = f"{self.name}: `{command[0]}` did not end within {timeout_s:.0f} s"
            raise NotYet(late, "run this again") from error
        said = done.stderr.decode(errors="replace").strip()
        if done.returncode == _SSH_FAILED:
            if last_line(said).startswith(_ANOTHER_KEY):
                raise self.known.refusal(self.name, self.address)
            raise NotYet(f"{self.name} cannot be reached by ssh: {last_line(said)}", _way_in(said))
        if done.returncode != 0:
            raise KbootError(f"{self.name}: `{command[0]}` ended with {done.returncode}: {last_line(said)}")
        return done.stdout

    def show(self, command: Sequence[str]) -> int:
        """Run `command` as root with our own output as its output, until it ends; return its exit status."""
        words = [*self._ssh(), f"{ACCOUNT}@{self.address}", "sudo", *map(shlex.quote, command)]
        try:
            status = subprocess.run(words, stdin=subprocess.DEVNULL).returncode
        except FileNotFoundError as error:
            raise KbootError("there is no `ssh` on this machine", "install the package `openssh-client`") from error
        if status == _SSH_FAILED:
            raise NotYet(
                f"{self.name} cannot be reached by ssh", "what ssh said stands above; `--identity KEY` names a key"
            )
        return status

    def _ssh(self) -> list[str]:
        options = {
            "BatchMode": "yes",
            "ConnectTimeout": "20",
            "ServerAliveInterval": "15",
            "LogLevel": "ERROR",
            **self.known.options(),
        }
        words = ["ssh", *(word for key, value in options.items() for word in ("-o", f"{key}={value}"))]
        return words if self.identity is None else [*words, "-i", str(self.identity), "-o", "IdentitiesOnly=yes"]


def remote(folder: ClusterFolder, node: JsonObject, login: Login = Login()) -> Remote:
    """Return the way to a machine of `kboot status`; raise NotYet where it has no address or told no host key."""
    identity = login.identity
    if identity is not None and not identity.is_file():
        raise BadInput(f"{identity}: there is no such file", "name the private key with `--identity KEY`")
    if not node["ip"]:
        raise NotYet(f"{node['name']} has no address yet", "see `kboot status`")
    known = known_hosts(folder, node, trusts_first_contact=login.trusts_first_contact)
    return Remote(node["name"], IPv4Address(node["ip"]), known, identity)


def _way_in(said: str) -> str:
    if "Permission denied" in said:
        return "name the private key of one of `ssh_authorized_keys` with `--identity KEY`, or add it to the ssh agent"
    return "see that it runs (`kboot status`) and that this machine reaches it"
