"""One broken key of a description, and what is said of the sound ones beside it."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from kboot_clusterdesc.problem import Steps, dotted
from unit.clusterdesc.sample import KEY, LINKED, SAMPLE, accepted, refusal, refused_keys, spoilt

# Each is sound, and would not be with a default or a stand-in in the place of one of its values.
_KUBERNETES = f"""\
apiVersion: kboot/v1
cluster: {{name: ail, domain: ail.example.com}}
network:
  bootstrapper: 10.100.14.253
  subnet: 10.100.14.0/24
  dhcp: {{mode: serve, range: [10.100.14.1, 10.100.14.127], lease: 24h}}
  routers: [10.100.14.254]
  nameservers: [10.100.14.252, 10.100.14.251]
  upstream_dns: [192.0.2.53]
  ntp: [192.0.2.123]
  hosts: {{printer.ail.example.com: 10.100.14.9, door.unknown.invalid: 10.100.14.8}}
os: {{family: flatcar, version: 2000.0.0, config: cloud-config, install_disk: /dev/sda}}
kubernetes:
  version: v1.36.2
  service_cidr: 10.50.0.0/24
  pod_cidr: 10.100.128.0/17
  dns_service_ip: 10.50.0.20
  api_server: {{endpoint: "lead.ail.example.com:6443", names: [k8s.example.com], addresses: [10.100.14.200]}}
registry: {{domain: mirror, port: 5000}}
images: {{pause: "registry.example.com/pause:3.10"}}
ssh_authorized_keys: ["{KEY}"]
unknown_machines: worker
nodes:
  - {{mac: "02:00:00:00:00:01", name: lead, ip: 10.100.14.201, roles: [control-plane, etcd], labels: {{a: b}}}}
  - {{mac: "02:00:00:00:00:02", name: api, roles: [worker], taints: ["dedicated=db:NoSchedule"]}}
  - {{mac: "02:00:00:00:00:03", name: door, ip: 10.100.14.203, roles: [worker]}}
  - {{mac: "02:00:00:00:00:04", name: 02-00-00-00-00-04, roles: [worker]}}
  - {{mac: "02:ff:ff:00:00:00", roles: [worker]}}
"""
_FLEET = f"""\
apiVersion: kboot/v1
cluster: {{name: old, domain: old.example.com}}
network:
  bootstrapper: 10.10.14.253
  subnet: 10.10.14.0/24
  dhcp: {{mode: proxy}}
  routers: [10.10.14.254]
  upstream_dns: [192.0.2.53, 192.0.2.1]
os:
  family: coreos
  version: 1000.0.0
  config: cloud-config
  update: {{payload_key: k.pem, reboot_strategy: etcd-lock, window: {{start: "03:00", length: 3h}}}}
images: {{etcd: "registry.k8s.io/etcd:3.5.21-0"}}
ssh_authorized_keys: ["{KEY}"]
nodes:
  - {{mac: "02:00:00:00:00:01", ip: 10.10.14.201, roles: [etcd]}}
  - {{mac: "02:00:00:00:00:02", ip: 10.10.14.202, roles: [worker, etcd]}}
  - {{mac: "02:00:00:00:00:03", ip: 10.10.14.203, roles: [etcd]}}
"""
# The addresses of the stand-ins, put to a use that the stand-ins themselves would not allow.
_TAKEN = f"""\
apiVersion: kboot/v1
cluster: {{name: doc, domain: doc.example.com}}
network:
  bootstrapper: 192.0.9.253
  subnet: 192.0.0.0/16
  dhcp: {{range: [192.0.2.0, 192.0.2.9]}}
  routers: [192.0.9.254]
kubernetes: {{service_cidr: 10.96.0.0/12, dns_service_ip: 10.100.0.1}}
ssh_authorized_keys: ["{KEY}"]
nodes:
  - {{mac: "02:00:00:00:00:01", ip: 192.0.2.1, roles: [control-plane, etcd]}}
  - {{mac: "02:00:00:00:00:02", ip: 192.0.2.0, roles: [worker]}}
  - {{mac: "02:00:00:00:00:03", ip: 192.0.2.255, roles: [worker]}}
"""
_REQUIRED = {
    ("apiVersion",),
    ("cluster",),
    ("cluster", "name"),
    ("cluster", "domain"),
    ("network",),
    ("network", "bootstrapper"),
    ("network", "subnet"),
}

# Links of all nodes and of one alone, whose default route leaves by a card of its own.
_LINKS = LINKED.replace(
    "    addresses: {storage: 10.10.40.201/24}\n",
    "    addresses: {second: 192.0.2.20/28}\n"
    "    links: {vlans: [{name: front, id: 7, link: boot}], address_on: front, gateway: 192.0.2.17, mtu: 9000}\n",
)


def _paths(value: Any, path: Steps = ()) -> Iterator[Steps]:
    """The path of each value within `value`; a DHCP range is one value."""
    if path:
        yield path
    if path == ("network", "dhcp", "range"):
        return
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, item in inner:
        yield from _paths(item, (*path, step))


def _holder(data: Any, path: Steps) -> Any:
    for step in path[:-1]:
        data = data[step]
    return data


def _broken(text: str) -> Iterator[tuple[str, str]]:
    """Each key of the description `text`, and the description with that key broken: of another shape, or missing."""
    data = yaml.safe_load(text)
    for path in _paths(data):
        changed = copy.deepcopy(data)
        holder = _holder(changed, path)
        holder[path[-1]] = "?" if isinstance(holder[path[-1]], (dict, list)) else {"x": ["?"]}
        yield dotted(path), yaml.safe_dump(changed)
        if path in _REQUIRED or (path[0] == "nodes" and path[2:] in (("mac",), ("roles",))):
            del holder[path[-1]]
            yield dotted(path), yaml.safe_dump(changed)


_TEXTS = {
    "sample": SAMPLE,
    "kubernetes": _KUBERNETES,
    "fleet": _FLEET,
    "taken": _TAKEN,
    "linked": LINKED,
    "links of one": _LINKS,
}


@pytest.mark.parametrize("text", _TEXTS.values(), ids=_TEXTS)
def test_a_broken_key_of_a_sound_description_is_all_that_is_refused(text: str) -> None:
    accepted(text)
    for broken, spoilt_text in _broken(text):
        keys = refused_keys(spoilt_text)
        assert all(key == broken or key.startswith((f"{broken}.", f"{broken}[")) for key in keys), (broken, keys)


def test_an_item_behind_a_broken_one_is_refused_where_it_stands() -> None:
    text = spoilt(("[10.10.14.254]", "[10.10.14.999, 10.10.15.254]"))
    assert refused_keys(text) == ["network.routers[0]", "network.routers[1]"]
    assert "rack.yaml:7:27: network.routers[1]: 10.10.15.254 is outside 10.10.14.0/24" in refusal(text)


def test_a_role_behind_a_broken_one_is_not_taken_for_its_double() -> None:
    assert refused_keys(spoilt(("[worker]", "[wrker, worker]"))) == ["nodes[1].roles[0]"]


def test_what_does_not_follow_from_the_broken_key_is_refused_beside_it() -> None:
    text = _KUBERNETES.replace("pod_cidr: 10.100.128.0/17", "pod_cidr: 10.100.0.0/17")
    assert refused_keys(text.replace("10.50.0.0/24", "10.50.0.0/240")) == [
        "kubernetes.service_cidr",
        "kubernetes.pod_cidr",
    ]
    assert refused_keys(text.replace("subnet: 10.100.14.0/24", "subnet: 10.100.14.0/240")) == ["network.subnet"]


def test_a_misspelt_key_is_not_missed_beside_its_correction() -> None:
    assert refused_keys(spoilt(("range: [", "rnage: ["))) == ["network.dhcp.rnage"]
    assert refused_keys(_FLEET.replace("family: coreos", "famly: coreos")) == ["os.famly"]


def test_a_key_beside_one_that_it_resembles_hides_nothing_of_that_one() -> None:
    text = spoilt(("ip: 10.10.14.201", "ip: 10.10.99.201"), ("nodes:", "nodes_old: []\nnodes:"))
    assert refused_keys(text) == ["nodes_old", "nodes[0].ip"]


def test_kubernetes_without_a_value_is_no_cluster_to_join() -> None:
    text = spoilt(("kubernetes: {version: v1.36.2}", "kubernetes:\nunknown_machines: worker"))
    assert refused_keys(text) == ["unknown_machines"]
