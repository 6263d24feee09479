"""The host keys by which ssh knows a machine: it told them to the cloud-config server, over TLS with its token."""

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
    """A known_hosts file for ssh, and the name under which the machine stands in it."""

    file: Path
    name: str
    is_told: bool = True  # else ssh writes down and believes who answers first

    def options(self) -> dict[str, str]:
        """Return the ssh options that make it read this file alone, whatever the operator's own configuration names."""
        file = str(self.file).replace("%", "%%")
        return {
            "HostKeyAlias": self.name,
            "StrictHostKeyChecking": "yes" if self.is_told else "accept-new",
            "UserKnownHostsFile": f'"{file}"',
            "GlobalKnownHostsFile": "/dev/null",
            "KnownHostsCommand": "none",
            "VerifyHostKeyDNS": "no",
            "UpdateHostKeys": "no",
            "ControlPath": "none",  # a shared connection may have been opened with other options
        }

    def refusal(self, machine: str, address: object) -> KbootError:
        """Return the error for a machine that showed another host key."""
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
    """Write the host keys that a machine told to a file for ssh, and return that; `node` is as `kboot status` has it.

    Raises NotYet where the machine told no key, unless whoever answers at its address is to be trusted.
    """
    told = KnownHosts(folder.pki / "ssh" / Mac(node["mac"]).dashed, Mac(node["mac"]).dashed)
    keys = node.get("ssh_host_keys")
    if keys:
        _write(told.file, "".join(f"{told.name} {key}\n" for key in keys))
    if keys or (keys is None and told.file.exists()):  # None: the cloud-config server cannot be asked
        return told
    if not trusts_first_contact:
        raise _unknown(node["name"], was_asked=keys is not None)
    # a name for each install of a machine: every install makes new host keys, by design
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
