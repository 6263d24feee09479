"""The name of the API server: a record of ours that answers with every control plane."""

from __future__ import annotations

from collections import Counter
from itertools import permutations
from typing import Any

import yaml

from kboot.node.names import api_record, own_records, records
from kboot.node.patience import patience_of
from kboot.render import Attachments
from kboot.render.dhcp import alias
from kboot.render.nodes import node_config
from kboot_clusterdesc import ClusterDesc, Mac, Node, load_text
from kboot_clusterdesc.joined import joined_node
from kboot_clusterdesc.model import Timing
from support.fixed_secrets import fixed_secrets
from support.fleets import Fleet
from unit.clusterdesc.sample import SAMPLE, accepted, spoilt


def holders(desc: ClusterDesc, name: str) -> list[str]:
    """The addresses that stand for a name before any lease."""
    return [str(record.ip) for record in records(desc) if name in record.names]


def test_the_default_endpoint_answers_with_every_control_plane() -> None:
    desc = Fleet(5).desc
    assert holders(desc, "api.ail.example.com") == [f"10.10.14.{number}" for number in range(201, 206)]
    assert alias(desc) is None


def tried(desc: ClusterDesc, reader: Node) -> list[str]:
    """The control planes in the order in which a node tries them."""
    return [record.names[1] for record in own_records(desc, reader) if "api.ail.example.com" in record.names]


def test_a_control_plane_tries_itself_first() -> None:
    desc = Fleet(5).desc
    for node in desc.control_planes:
        assert tried(desc, node)[0] == node.name


def test_every_control_plane_is_the_first_of_about_as_many_nodes_and_so_is_who_comes_after_one_that_is_off() -> None:
    desc = Fleet(3).desc
    readers = [joined_node(Mac(f"02:00:00:01:00:{number:02x}")) for number in range(240)]
    orders = Counter(tuple(tried(desc, reader)) for reader in readers)
    assert set(orders) == set(permutations(["cp0", "cp1", "cp2"]))
    assert min(orders.values()) >= 25, orders  # 40 each, were it no chance


def test_a_node_that_comes_changes_the_order_of_no_other() -> None:
    before, after = Fleet(3).desc, Fleet(5).desc
    for node in before.nodes:
        assert [name for name in tried(after, node) if name in ("cp0", "cp1", "cp2")] == tried(before, node)


def test_with_one_control_plane_every_node_has_the_names_in_the_order_of_macs() -> None:
    desc = Fleet(1).desc
    assert all(own_records(desc, node) == own_records(desc) for node in desc.nodes)


def test_the_reverse_answer_of_a_control_plane_stays_its_own_name() -> None:
    (record,) = [record for record in records(Fleet(1).desc) if "cp0" in record.names]
    assert record.names == ("cp0.ail.example.com", "cp0", "api.ail.example.com")


def test_a_control_plane_on_a_lease_is_found_by_another_name_of_it() -> None:
    desc = accepted(spoilt((", ip: 10.10.14.201", "")))
    assert holders(desc, "api.ail.example.com") == []
    assert alias(desc) == ("api.ail.example.com", "node1.ail.example.com")


def test_a_named_endpoint_in_our_domain_is_ours_and_one_outside_is_the_site_s() -> None:
    ours = accepted(spoilt(("v1.36.2}", "v1.36.2, api_server: {endpoint: k8s.ail.example.com}}")))
    assert api_record(ours) == "k8s.ail.example.com"
    for endpoint in ("k8s.example.org:443", "10.10.14.200"):
        desc = accepted(spoilt(("v1.36.2}", f"v1.36.2, api_server: {{endpoint: '{endpoint}'}}}}")))
        assert api_record(desc) is None


def test_a_name_at_another_port_that_the_site_s_dns_answers_is_the_site_s() -> None:
    balancer = ("v1.36.2}", "v1.36.2, api_server: {endpoint: 'lb.ail.example.com:443'}}")
    desc = accepted(spoilt(balancer, ("  routers:", "  nameservers: [10.10.14.240]\n  routers:")))
    assert api_record(desc) is None
    assert holders(desc, "lb.ail.example.com") == []


def test_a_record_that_the_description_declares_is_left_to_it() -> None:
    text = SAMPLE.replace("  routers:", "  hosts: {api.ail.example.com: 10.10.14.200}\n  routers:")
    desc = load_text(text, "rack.yaml")
    assert holders(desc, "api.ail.example.com") == ["10.10.14.200"]


def test_a_fleet_without_kubernetes_has_no_such_name() -> None:
    assert api_record(Fleet(1, kubernetes=False).desc) is None


def api_server(desc: ClusterDesc) -> dict[str, Any]:
    """The container of the first control plane's API server."""
    config = node_config(desc, desc.control_planes[0], fixed_secrets(desc), Attachments())
    path = "/etc/kubernetes/manifests/kube-apiserver.yaml"
    (manifest,) = [yaml.safe_load(file.content) for file in config.files if file.path == path]
    (container,) = manifest["spec"]["containers"]
    found: dict[str, Any] = container
    return found


def test_an_api_server_is_told_its_address_and_on_a_lease_by_the_kubelet_which_knows_it() -> None:
    fixed = api_server(accepted(SAMPLE))
    assert "--advertise-address=10.10.14.201" in fixed["command"]
    assert "env" not in fixed
    leased = api_server(accepted(spoilt((", ip: 10.10.14.201", ""))))
    assert "--advertise-address=$(HOST_IP)" in leased["command"]
    assert leased["env"] == [{"name": "HOST_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.hostIP"}}}]


def etcd_servers(desc: ClusterDesc) -> list[str]:
    (flag,) = [each for each in api_server(desc)["command"] if each.startswith("--etcd-servers=")]
    return str(flag).removeprefix("--etcd-servers=").split(",")


def test_an_api_server_asks_every_member_of_etcd_and_where_machines_are_slow_its_own() -> None:
    desc = Fleet(3).desc
    assert len(etcd_servers(desc)) == 3
    slow = desc.model_copy(update={"timing": Timing.SLOW})
    assert etcd_servers(slow) == ["https://10.10.14.201:2379"]


_ALL = {"RESOLV_MULTI": "on"}  # addresses of a name in /etc/hosts, not only the first
_LEFT_AFTER = {"HTTP2_READ_IDLE_TIMEOUT_SECONDS": "10", "HTTP2_PING_TIMEOUT_SECONDS": "10"}


def unit_environment(desc: ClusterDesc, node: Node, name: str = "kubelet.service") -> dict[str, str]:
    """The variables of a unit of a node."""
    config = node_config(desc, node, fixed_secrets(desc), Attachments())
    (unit,) = [each.content for each in config.units if each.name == name]
    lines = [line.removeprefix("Environment=") for line in (unit or "").splitlines() if line.startswith("Environment=")]
    return dict(line.split("=", 1) for line in lines)


def daemon_environments(desc: ClusterDesc) -> dict[str, dict[str, str]]:
    """The variables of HTTP/2 in the containers of daemon sets that ask the endpoint, by the container's name."""
    config = node_config(desc, desc.control_planes[0], fixed_secrets(desc), Attachments())
    found: dict[str, dict[str, str]] = {}
    for file in config.files:
        if file.path.endswith(("20-kube-proxy.yaml", "30-flannel.yaml")):
            for document in yaml.safe_load_all(file.content):
                if document["kind"] == "DaemonSet":
                    (container,) = document["spec"]["template"]["spec"]["containers"]
                    told = {each["name"]: each.get("value") for each in container["env"]}
                    found[container["name"]] = {name: value for name, value in told.items() if "HTTP2" in name}
    return found


def test_a_client_leaves_a_silent_control_plane_before_its_node_counts_as_lost() -> None:
    desc = Fleet(3).desc
    for node in desc.nodes:
        assert unit_environment(desc, node) == ({} if node in desc.control_planes else _ALL | _LEFT_AFTER)
    assert daemon_environments(desc) == {"kube-proxy": _LEFT_AFTER, "kube-flannel": _LEFT_AFTER}
    for timing in Timing:
        patience = patience_of(desc.model_copy(update={"timing": timing}))
        renewed_before_s, dial_s = patience.node_lease_s / 4, 10
        assert renewed_before_s + patience.api_idle_s + patience.api_ping_s + dial_s < patience.node_grace_s


def test_beside_one_control_plane_there_is_none_to_go_to() -> None:
    desc = Fleet(1).desc
    assert all(unit_environment(desc, node) == {} for node in desc.nodes)
    assert daemon_environments(desc) == {"kube-proxy": {}, "kube-flannel": {}}


def test_the_keeper_of_routes_goes_on_with_another_control_plane_too() -> None:
    desc = Fleet(3, cni="routes").desc
    for node in desc.nodes:
        told = unit_environment(desc, node, "kboot-routes.service")
        assert told == ({} if node in desc.control_planes else _ALL | _LEFT_AFTER)
