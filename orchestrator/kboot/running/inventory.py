"""The machines of a cluster in the forms that Ansible, ssh and /etc/hosts read. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Any

from kboot_clusterdesc import ClusterDesc, Mac
from kboot_clusterdesc.joined import joined_node
from kboot_clusterdesc.os_family import ACCOUNT
from kboot_compose.templates import rendered

from ..node.names import records


@dataclass(frozen=True, slots=True)
class Listed:
    """A machine as the cloud-config server shows it, with the labels that its description gives it."""

    mac: Mac
    name: str
    address: IPv4Address | None
    roles: tuple[str, ...]
    phase: str
    config: str
    os_version: str | None
    ssh_host_keys: tuple[str, ...]
    labels: dict[str, str]


class Inventory:
    """The machines of one cluster, declared ones and those that joined, in the order in which the server shows them."""

    def __init__(self, desc: ClusterDesc, nodes: Sequence[dict[str, Any]]) -> None:
        """Take the description in force and the nodes of `/v1/nodes`."""
        self._desc = desc
        labels = {node.mac: dict(node.labels) for node in desc.nodes}
        self.machines = [_listed(node, labels) for node in nodes]

    def ansible(self) -> dict[str, Any]:
        """Return what an inventory script prints for `--list`: a group for each role and phase, and all host variables.

        The form: https://docs.ansible.com/ansible/latest/dev_guide/developing_inventory.html
        """
        own = _group("cluster", self._desc.cluster.name)
        groups: dict[str, list[str]] = {}
        for machine in self.machines:
            for group in (*map(_word, machine.roles), _group("phase", machine.phase)):
                groups.setdefault(group, []).append(machine.name)
        return {
            "_meta": {"hostvars": {machine.name: _variables(machine) for machine in self.machines}},
            own: {"hosts": [machine.name for machine in self.machines], "vars": self._common()},
            **{group: {"hosts": names} for group, names in sorted(groups.items())},
        }

    def ssh_config(self) -> bytes:
        """Return a host of ssh_config(5) for each machine that has an address."""
        without = [machine.name for machine in self.machines if machine.address is None]
        return self._rendered("ssh_config", without_address=without)

    def known_hosts(self) -> bytes:
        """Return the host keys that machines told, as ssh reads them (sshd(8))."""
        return self._rendered("known_hosts")

    def hosts(self) -> bytes:
        """Return the names of the cluster as hosts(5), those of machines at the addresses that they have now."""
        known = {node.mac: node for node in self._desc.nodes}
        nodes = tuple(
            known.get(machine.mac, joined_node(machine.mac)).model_copy(update={"ip": machine.address})
            for machine in self.machines
        )
        return self._rendered("hosts", records=records(self._desc.model_copy(update={"nodes": nodes})))

    def _common(self) -> dict[str, str]:
        return {
            "ansible_user": ACCOUNT,
            "kboot_cluster": self._desc.cluster.name,
            "kboot_domain": self._desc.cluster.domain,
            "kboot_bootstrapper": str(self._desc.network.bootstrapper),
        }

    def _rendered(self, form: str, **values: object) -> bytes:
        cluster = self._desc.cluster
        return rendered(
            f"inventory/{form}.j2",
            cluster=cluster.name,
            domain=cluster.domain,
            account=ACCOUNT,
            machines=[machine for machine in self.machines if machine.address is not None],
            **values,
        )


def _listed(node: dict[str, Any], labels: dict[Mac, dict[str, str]]) -> Listed:
    mac = Mac(node["mac"])
    return Listed(
        mac,
        node["name"],
        IPv4Address(node["ip"]) if node["ip"] else None,
        tuple(node["roles"]),
        node["phase"],
        node["config"],
        node.get("version"),
        tuple(node.get("ssh_host_keys") or ()),
        labels.get(mac, {}),
    )


def _variables(machine: Listed) -> dict[str, Any]:
    reached = {} if machine.address is None else {"ansible_host": str(machine.address)}
    return {
        **reached,
        "ansible_ssh_common_args": f"-o HostKeyAlias={machine.mac.dashed}",
        "kboot_mac": str(machine.mac),
        "kboot_roles": list(machine.roles),
        "kboot_labels": machine.labels,
        "kboot_phase": machine.phase,
        "kboot_config": machine.config,
        "kboot_os_version": machine.os_version,
    }


def _group(kind: str, name: str) -> str:
    return f"{kind}_{_word(name)}"


def _word(name: str) -> str:
    """Return a name as Ansible wants those of groups: as an identifier of Python."""
    return name.replace("-", "_").replace(".", "_")
