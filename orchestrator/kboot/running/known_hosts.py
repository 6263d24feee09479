"""By which host keys ssh knows a machine: those that it told the cloud-config server, over TLS with its own token."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kboot_clusterdesc import ClusterFolder, Mac

from ..errors import KbootError, NotYet
from ..host.files import write_file
from .cloudconfig_client import JsonObject

_TELLING = "it tells them at its next boot, or by `systemctl restart kboot-report` on it"
_TRUSTING = "for a machine that an older kboot installed, `--trust-first-contact` believes whoever answers there once"


@dataclass(frozen=True, slots=True)
class KnownHosts:
    """A file for ssh, and the name under which the machine stands in it."""

    file: Path
    name: str
    is_told: bool = True  # or else whoever answers first is written down, and believed

    def options(self) -> dict[str, str]:
        """What makes ssh look at this file alone; the operator's own configuration may name other places."""
        file = str(self.file).replace("%", "%%")
        return {
            "HostKeyAlias": self.name,
            "StrictHostKeyChecking": "yes" if self.is_told else "accept-new",
            "UserKnownHostsFile": f'"{file}"',
            "GlobalKnownHostsFile": "/dev/null",
            "KnownHostsCommand": "none",
            "VerifyHostKeyDNS": "no",
            "UpdateHostKeys": "no",
            "ControlPath": "none",  # a connection that stands may have been begun on other terms
        }

    def refusal(self, machine: str, address: object) -> KbootError:
        """What to say where another key was shown."""
        if self.is_told:
            return KbootError(
                f"{machine}: somebody else answers at {address}, or the machine was installed again: "
                "it shows another ssh host key than the machine told; nothing was sent",
                f"see who has {address}; a machine with new keys tells them by `systemctl restart kboot-report` on it",
            )
        return KbootError(
            f"{machine}: somebody else answers at {address} than at the first contact; nothing was sent",
            f"see who has {address}; if the machine has new keys, drop the lines of {self.name} from {self.file}",
        )


def known_hosts(folder: ClusterFolder, node: JsonObject, *, trusts_first_contact: bool) -> KnownHosts:
    """How ssh knows a node as `kboot status` has it.

    Raises NotYet where it told no key, unless whoever answers there is to be trusted.
    """
    told = KnownHosts(folder.pki / "ssh" / Mac(node["mac"]).dashed, Mac(node["mac"]).dashed)
    keys = node.get("ssh_host_keys")
    if keys:
        _write(told.file, "".join(f"{told.name} {key}\n" for key in keys))
    if keys or (keys is None and told.file.exists()):  # None: the cloud-config server cannot be asked
        return told
    if not trusts_first_contact:
        raise _unknown(node["name"], was_asked=keys is not None)
    # one machine in one installation: a new one has new host keys, by design
    name = f"{node['mac']}-{node['phases'].get('installed', '')}".replace(":", "-")
    return KnownHosts(folder.pki / "known_hosts", name, is_told=False)


def _unknown(machine: str, *, was_asked: bool) -> NotYet:
    if was_asked:
        return NotYet(f"{machine} has not told its ssh host keys yet", f"{_TELLING}; {_TRUSTING}")
    hint = f"`kboot up` starts the cloud-config server, which knows them; {_TRUSTING}"
    return NotYet(f"the ssh host keys of {machine} are not known here", hint)


def _write(file: Path, text: str) -> None:
    try:
        file.parent.mkdir(mode=0o700, exist_ok=True)
        write_file(file, text.encode())
    except OSError as error:
        raise KbootError(
            f"{file}: cannot be written: {error.strerror}", "run this as the user who ran `kboot up`"
        ) from error
