"""What every machine is given whatever its role: names, network, and that it stays as it is."""

from __future__ import annotations

import json
from base64 import b64decode
from ipaddress import IPv4Address
from typing import Any

import pytest
import yaml

from kboot.render import Attachments
from kboot.render.nodes import node_config
from kboot_clusterdesc import ClusterDesc, DhcpMode, Node, Role, load_text
from kboot_clusterdesc.model import Dhcp
from support.fixed_secrets import fixed_secrets
from support.fleets import FLEETS, Fleet
from support.rendering import rendered_files


def file_of(desc: ClusterDesc, node: Node, path: str) -> str:
    """A file of a node."""
    config = node_config(desc, node, fixed_secrets(desc), Attachments())
    return next(file.content.decode() for file in config.files if file.path == path)


def assigned(text: str) -> dict[str, str]:
    """The assignments of a file, comments and sections apart."""
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line and not line.startswith("#"))


@pytest.mark.parametrize("strategy", ["rollout", "reboot", '"off"'])
@pytest.mark.parametrize("fleet", FLEETS, ids=str)
def test_no_machine_asks_the_public_server_for_updates_or_reboots_by_itself(fleet: Fleet, strategy: str) -> None:
    desc = updated(fleet, f"payload_key: k.pem, reboot_strategy: {strategy}")
    for node in desc.nodes:
        text = file_of(desc, node, f"/etc/{fleet.family}/update.conf")
        assert assigned(text) == {
            "GROUP": "stable",
            "SERVER": "http://10.10.14.253/v1/update/",
            "MACHINE_ALIAS": node.name,
            "REBOOT_STRATEGY": "off",
        }
        assert not [line for line in text.splitlines() if line.startswith("#") and "=" in line], "read as a key"
        assert all(line.partition("#")[0] in ("", line) for line in text.splitlines()), "read as a part of the value"


def updated(fleet: Fleet, update: str) -> ClusterDesc:
    """The fleet with these keys of `os.update`."""
    return load_text(fleet.text.replace("os:\n", f"os:\n  update: {{{update}}}\n"), "fleet.yaml")


def masks(desc: ClusterDesc) -> tuple[set[str], set[str]]:
    """What is masked on every node, in either dialect; in the second one it is stopped, too."""
    files = rendered_files(desc)
    found = []
    for node in desc.nodes:
        document: Any = json.loads(files[f"nodes/{node.mac.dashed}/ignition.json"].content)
        in_ignition = {unit["name"] for unit in document["systemd"]["units"] if unit.get("mask")}
        document = yaml.safe_load(files[f"nodes/{node.mac.dashed}/cloud-config.yaml"].content)
        units = [unit for unit in document["coreos"]["units"] if unit.get("mask")]
        assert all(unit["command"] == "stop" for unit in units)
        found.append((in_ignition, {unit["name"] for unit in units}))
    assert all(each == found[0] for each in found)
    return found[0]


def test_what_reboots_by_itself_is_masked_and_without_updates_what_asks_for_them_too() -> None:
    on, off = (updated(Fleet(), f"enabled: {word}") for word in ("true", "false"))
    assert masks(on) == ({"locksmithd.service"},) * 2
    assert masks(off) == ({"locksmithd.service", "update-engine.service"},) * 2


def test_the_agent_that_reboots_machines_is_there_where_they_are_updated_and_wants_the_client_of_the_os() -> None:
    for word in ("true", "false"):
        desc = updated(Fleet(), f"enabled: {word}")
        config = node_config(desc, desc.nodes[0], fixed_secrets(desc), Attachments())
        agents = [unit for unit in config.units if unit.name == "kboot-update.service"]
        scripts = [file for file in config.files if file.path == "/opt/bin/kboot-update"]
        assert len(agents) == len(scripts) == (word == "true")
        assert all("update-engine.service" in assigned(unit.content or "")["Wants"].split() for unit in agents)
        assert all(file.read_by == "kboot-update.service" for file in scripts)


def test_with_a_lock_in_etcd_its_members_reboot_by_it_and_other_machines_never() -> None:
    update = 'payload_key: k.pem, reboot_strategy: etcd-lock, window: {start: "03:00", length: 3h}'
    text = Fleet(family="coreos", dialect="cloud-config").text.replace("os:\n", f"os:\n  update: {{{update}}}\n")
    desc = load_text(f'{text}images: {{etcd: "registry.k8s.io/etcd:3.5.21-0"}}\n', "fleet.yaml")
    for node in desc.nodes:
        config = node_config(desc, node, fixed_secrets(desc), Attachments())
        files = {file.path: file for file in config.files}
        conf = files["/etc/coreos/update.conf"]
        said = assigned(conf.content.decode())
        masked = {unit.name for unit in config.units if unit.masked}
        if Role.ETCD not in node.roles:
            assert (said["REBOOT_STRATEGY"], masked) == ("off", {"locksmithd.service"})
            continue
        assert (said["REBOOT_STRATEGY"], masked, conf.read_by) == ("etcd-lock", set(), "locksmithd.service")
        assert said["LOCKSMITHD_ENDPOINT"] == "https://10.10.14.201:2379"
        assert (said["LOCKSMITHD_REBOOT_WINDOW_START"], said["LOCKSMITHD_REBOOT_WINDOW_LENGTH"]) == ("03:00", "3h")
        assert {said[f"LOCKSMITHD_ETCD_{what}FILE"] for what in ("CA", "CERT", "KEY")} <= files.keys()
        assert assigned(files["/etc/etcd/etcd.env"].content.decode())["ETCD_ENABLE_V2"] == "true"


@pytest.mark.parametrize(
    ("length", "in_go"), [("3h", "3h"), ("90m", "90m"), ("1d", "86400s"), ("7200", "7200s"), ("90s", "90s")]
)
def test_the_window_is_as_long_for_a_program_that_knows_no_days(length: str, in_go: str) -> None:
    update = f'payload_key: k.pem, reboot_strategy: etcd-lock, window: {{start: "3:00", length: {length}}}'
    text = Fleet(family="coreos", dialect="cloud-config").text.replace("os:\n", f"os:\n  update: {{{update}}}\n")
    desc = load_text(f'{text}images: {{etcd: "registry.k8s.io/etcd:3.5.21-0"}}\n', "fleet.yaml")
    member = desc.etcd_members[0]
    files = {file.path: file for file in node_config(desc, member, fixed_secrets(desc), Attachments()).files}
    said = assigned(files["/etc/coreos/update.conf"].content.decode())
    assert (said["LOCKSMITHD_REBOOT_WINDOW_START"], said["LOCKSMITHD_REBOOT_WINDOW_LENGTH"]) == ("03:00", in_go)


def test_networkd_reads_at_the_first_boot_what_a_cloud_config_writes_while_it_runs() -> None:
    files = rendered_files(Fleet().desc)
    documents = [file.content for path, file in files.items() if path.endswith("/cloud-config.yaml")]
    assert documents
    for content in documents:
        units = yaml.safe_load(content)["coreos"]["units"]
        assert {"name": "systemd-networkd.service", "command": "restart"} in units[:2], "before what needs the network"
        # coreos-cloudinit gives up at a command that systemd refuses, as for a masked unit
        assert units[-1] == {"name": "systemd-timesyncd.service", "command": "try-restart"}


_CARD = {"Type": "ether", "Kind": "!*"}
_NETWORK = "/etc/systemd/network/10-kboot.network"


def test_a_node_without_an_address_asks_by_dhcp_on_the_described_card_alone() -> None:
    desc = Fleet().desc
    for node in desc.nodes:
        if node.ip is None:
            assert assigned(file_of(desc, node, _NETWORK)) == {
                "MACAddress": str(node.mac),
                **_CARD,
                "DHCP": "ipv4",
                "KeepConfiguration": "yes",
                "ClientIdentifier": "mac",
                "UseHostname": "false",
            }


def test_a_node_with_an_address_asks_nobody_for_what_dhcp_would_tell() -> None:
    text = Fleet().text.replace(
        "network:\n", "network:\n  routers: [10.10.14.254, 10.10.14.252]\n  ntp: [10.10.14.250]\n"
    )
    desc = load_text(text, "fleet.yaml")
    assert assigned(file_of(desc, desc.nodes[0], _NETWORK)) == {
        "MACAddress": str(desc.nodes[0].mac),
        **_CARD,
        "Address": "10.10.14.201/24",
        "Broadcast": "10.10.14.255",
        "Gateway": "10.10.14.254",
        "DNS": "10.10.14.253",
        "NTP": "10.10.14.250",
    }


@pytest.mark.parametrize("mode", ["proxy", "off"])
def test_where_the_site_hands_out_addresses_its_routers_are_asked_for(mode: str) -> None:
    desc = Fleet().desc
    there = desc.model_copy(update={"network": desc.network.model_copy(update={"dhcp": Dhcp(mode=DhcpMode(mode))})})
    assert assigned(file_of(there, there.nodes[0], _NETWORK))["DHCP"] == "ipv4"


def test_each_machine_knows_the_api_and_the_fixed_nodes_without_the_bootstrapper() -> None:
    desc = Fleet(3).desc
    for node in desc.nodes:
        names = hosts(file_of(desc, node, "/etc/hosts"))
        assert names["localhost"] == [IPv4Address("127.0.0.1")]
        assert names["bootstrapper"] == names["bootstrapper.ail.example.com"] == [IPv4Address("10.10.14.253")]
        servers = {each.ip for each in desc.control_planes}
        assert set(names["api.ail.example.com"]) == servers
        for fixed in desc.control_planes:
            assert names[fixed.name] == names[f"{fixed.name}.ail.example.com"] == [fixed.ip]
        assert "w2" not in names, "it has no address of its own"


def with_workers(fleet: Fleet, count: int) -> ClusterDesc:
    """The fleet with so many more workers, each with an `ip`, and two members of etcd before them."""
    tree = yaml.safe_load(fleet.text)
    tree["network"]["subnet"] = "10.10.0.0/16"
    tree["kubernetes"]["pod_cidr"] = "10.128.0.0/14"
    for number in range(count + 2):
        mac = f"02:00:00:01:{number >> 8:02x}:{number & 255:02x}"
        ip = f"10.10.{20 + (number >> 7)}.{number & 127}"
        roles = ["worker" if number > 1 else "etcd"]
        tree["nodes"].append({"mac": mac, "name": f"more{number}", "ip": ip, "roles": roles})
    return load_text(yaml.safe_dump(tree), "fleet.yaml")


@pytest.mark.parametrize("count", [9, 300])
def test_in_a_large_rack_a_worker_knows_itself_and_the_servers_and_a_control_plane_every_node(count: int) -> None:
    desc = with_workers(Fleet(2), count)
    workers, servers = {f"more{number}" for number in range(2, count + 2)}, {"cp0", "cp1", "more0", "more1"}
    for node in (*desc.control_planes, *desc.etcd_members, *desc.nodes[-2:]):
        known = set(hosts(file_of(desc, node, "/etc/hosts"))) & (workers | servers)
        is_all = count == 9 or Role.CONTROL_PLANE in node.roles
        assert known == servers | (workers if is_all else {node.name} & workers), node.name


def test_another_worker_of_a_large_rack_changes_control_planes_alone() -> None:
    """API servers call kubelets by name. Did all machines know it, all would be outdated by it."""
    before, after = (rendered_files(with_workers(Fleet(2), count)) for count in (300, 301))
    changed = {path.split("/")[1] for path in before if path.startswith("nodes/") and before[path] != after[path]}
    assert changed == {node.mac.dashed for node in Fleet(2).desc.control_planes}


def test_an_api_that_stands_at_an_extra_record_is_known_too() -> None:
    text = Fleet().text.replace("network:\n", "network:\n  hosts: {k8s.ail.example.com: 10.10.14.250}\n")
    desc = load_text(
        text.replace("kubernetes:\n", "kubernetes:\n  api_server: {endpoint: k8s.ail.example.com:6443}\n"), "fleet.yaml"
    )
    names = hosts(file_of(desc, desc.nodes[0], "/etc/hosts"))
    assert names["k8s.ail.example.com"] == [IPv4Address("10.10.14.250")]
    answered = rendered_files(desc)["config/hosts"].content.decode()
    assert answered.count("k8s.ail.example.com") == 1


@pytest.mark.parametrize(
    ("named", "wanted"),
    [
        ("", {"FallbackNTP": "10.10.14.253"}),
        ("  ntp: [10.10.14.253, 192.0.2.9]\n", {"NTP": "10.10.14.253 192.0.2.9"}),
    ],
)
def test_a_machine_goes_by_the_named_servers_or_in_the_end_by_the_bootstrapper(
    named: str, wanted: dict[str, str]
) -> None:
    desc = load_text(Fleet().text.replace("network:\n", f"network:\n{named}"), "fleet.yaml")
    for node in desc.nodes:
        assert assigned(file_of(desc, node, "/etc/systemd/timesyncd.conf.d/10-kboot.conf")) == wanted


def test_the_clock_comes_before_whatever_checks_a_certificate() -> None:
    desc = Fleet().desc
    config = node_config(desc, desc.nodes[0], fixed_secrets(desc), Attachments())
    clock = next(unit.content for unit in config.units if unit.name == "kboot-clock.service")
    assert clock is not None
    before = set(assigned(clock)["Before"].split())
    assert before >= {"kboot-report.service", "kboot-assets.service", "etcd.service", "kubelet.service"}


def test_an_edit_of_other_dns_records_changes_no_machine() -> None:
    text = Fleet().text
    more = load_text(text.replace("network:\n", "network:\n  hosts: {nas.ail.example.com: 10.10.14.9}\n"), "fleet.yaml")
    before = rendered_files(load_text(text, "fleet.yaml"))
    after = rendered_files(more)
    changed = [path for path, file in after.items() if before[path].content != file.content]
    assert "config/hosts" in changed
    assert not [path for path in changed if path.startswith("nodes/")]


def test_a_machine_that_joins_knows_the_api_too() -> None:
    text = Fleet().text.replace("nodes:\n", "unknown_machines: worker\nnodes:\n")
    files = rendered_files(load_text(text, "fleet.yaml"))
    document = json.loads(files["nodes/worker/ignition.json"].content)
    (entry,) = [each for each in document["storage"]["files"] if each["path"] == "/etc/hosts"]
    content = b64decode(entry["contents"]["source"].removeprefix("data:;base64,")).decode()
    assert hosts(content)["api.ail.example.com"] == [IPv4Address("10.10.14.201")]


def hosts(text: str) -> dict[str, list[IPv4Address]]:
    """name -> its IPv4 addresses."""
    found: dict[str, list[IPv4Address]] = {}
    for line in text.splitlines():
        address, *names = line.split()
        if address == "#" or ":" in address:
            continue
        for name in names:
            found.setdefault(name, []).append(IPv4Address(address))
    return found
