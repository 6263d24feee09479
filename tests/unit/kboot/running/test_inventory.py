"""The machines of a cluster as Ansible, ssh and /etc/hosts read them."""

from __future__ import annotations

from typing import Any

from kboot.running.inventory import Inventory
from kboot_clusterdesc import ClusterDesc
from support.statuses import machine
from unit.clusterdesc.sample import SAMPLE, accepted, spoilt

_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOneKeyThatTheMachineTold"
_NODE2 = "00-25-90-c0-f6-ee"


def _nodes(**second: Any) -> list[dict[str, Any]]:
    """The two declared machines, and one that joined."""
    first = machine(1, mac="00:25:90:c0:f7:80", name="node1", ip="10.10.14.201", roles=["control-plane", "etcd"])
    joined = machine(3, mac="52:54:00:00:00:03", name="52-54-00-00-00-03", ip="10.10.14.7", joined=True)
    other = machine(2, "running", mac="00:25:90:c0:f6:ee", name=_NODE2, ip="10.10.14.9", ssh_host_keys=[_KEY])
    return [first, other | second, joined]


def _inventory(desc: ClusterDesc | None = None, **second: Any) -> Inventory:
    return Inventory(desc or accepted(SAMPLE), _nodes(**second))


def test_ansible_has_a_group_for_each_role_and_phase_and_every_machine_in_that_of_the_cluster() -> None:
    found = _inventory().ansible()
    hosts = {group: part["hosts"] for group, part in found.items() if group != "_meta"}
    assert hosts == {
        "cluster_ail": ["node1", _NODE2, "52-54-00-00-00-03"],
        "control_plane": ["node1"],
        "etcd": ["node1"],
        "phase_ready": ["node1", "52-54-00-00-00-03"],
        "phase_running": [_NODE2],
        "worker": [_NODE2, "52-54-00-00-00-03"],
    }
    assert found["cluster_ail"]["vars"]["ansible_user"] == "core"


def test_ansible_knows_where_a_machine_is_and_what_its_description_calls_it() -> None:
    desc = accepted(spoilt(('f6:ee", roles: [worker]}', 'f6:ee", roles: [worker], labels: {disk: "no"}}')))
    assert _inventory(desc).ansible()["_meta"]["hostvars"][_NODE2] == {
        "ansible_host": "10.10.14.9",
        "ansible_ssh_common_args": f"-o HostKeyAlias={_NODE2}",
        "kboot_mac": "00:25:90:c0:f6:ee",
        "kboot_roles": ["worker"],
        "kboot_labels": {"disk": "no"},
        "kboot_phase": "running",
        "kboot_config": "current",
        "kboot_os_version": "3975.2.0",
    }


def test_a_machine_without_an_address_is_known_to_ansible_and_named_in_the_ssh_config() -> None:
    inventory = _inventory(ip=None)
    assert "ansible_host" not in inventory.ansible()["_meta"]["hostvars"][_NODE2]
    text = inventory.ssh_config().decode()
    assert f"Host {_NODE2}" not in text
    assert text.endswith(f"\n# Without an address yet: {_NODE2}\n")


def test_host_keys_stand_under_every_name_by_which_ssh_may_look_for_them() -> None:
    assert _inventory().known_hosts().decode().splitlines()[1:] == [
        f"{_NODE2},{_NODE2},{_NODE2}.ail.example.com,10.10.14.9 {_KEY}"
    ]


def test_names_of_the_api_server_follow_the_address_that_a_control_plane_has_now() -> None:
    desc = accepted(spoilt((", ip: 10.10.14.201", "")))
    assert _inventory(desc).hosts().decode() == (
        "# BEGIN cluster ail, from `kboot inventory --hosts`\n"
        "10.10.14.253 bootstrapper.ail.example.com bootstrapper\n"
        "10.10.14.9 00-25-90-c0-f6-ee.ail.example.com 00-25-90-c0-f6-ee\n"
        "10.10.14.201 node1.ail.example.com node1 api.ail.example.com\n"
        "10.10.14.7 52-54-00-00-00-03.ail.example.com 52-54-00-00-00-03\n"
        "# END cluster ail\n"
    )
