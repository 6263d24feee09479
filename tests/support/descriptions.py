"""Hypothesis builds small descriptions that are all valid, with the values that a reader could misread."""

from __future__ import annotations

from typing import Any

import yaml
from hypothesis import strategies as st

from kboot_clusterdesc import ClusterDesc, load_text

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE9ubHlBbkV4YW1wbGUuUHV0WW91cktleUluSXRzUGxh"
_DIGITS = st.lists(st.integers(0, 59), min_size=5, max_size=5).map(
    lambda parts: ":".join(["02", *(f"{part:02d}" for part in parts)])
)
_HEX = st.integers(1, 2**40 - 1).map(lambda n: "02:" + n.to_bytes(5, "big").hex(":"))
_VALUES = st.sampled_from(["", "NO", "on", "y", "0x10", "1.30", "012", "2024-01-01", "null", "1e3", "12_000", "true"])
_COMMENTS = st.sampled_from(["", " ops@example.com", " ops$HOME@example.com", ' it\'s "quoted" # $(true) `true`'])
_ADDRESSES = st.lists(st.sampled_from(["10.10.14.251", "10.10.14.252"]), unique=True)
_API_SERVERS: list[dict[str, Any]] = [
    {},
    {"endpoint": "k8s.example.com", "names": ["api", "kubernetes"], "addresses": ["192.0.2.7", "127.0.0.1"]},
    {"endpoint": "10.10.14.240:8443"},
]


@st.composite
def _node_roles(draw: st.DrawFn, count: int) -> list[list[str]]:
    """The roles of each node: at least one control plane, and one, three or five members of etcd among them."""
    members = draw(st.sampled_from([n for n in (1, 3, 5) if n <= count]))
    planes = draw(st.integers(1, count))
    first = draw(st.integers(0, count - 1))  # members and control planes overlap in every way
    chosen = {
        "control-plane": {*range(planes)},
        "etcd": {(first + i) % count for i in range(members)},
        "worker": draw(st.sets(st.integers(0, count - 1))),
    }
    roles = [[role for role, nodes in chosen.items() if number in nodes] for number in range(count)]
    return [each or ["worker"] for each in roles]


@st.composite
def _node(draw: st.DrawFn, number: int, mac: str, roles: list[str], *, addressed: bool) -> dict[str, Any]:
    node: dict[str, Any] = {"mac": mac, "roles": roles}
    if addressed or draw(st.booleans()):
        node["ip"] = f"10.10.14.{140 + number}"
    if draw(st.booleans()):
        node["name"] = f"{draw(st.sampled_from(['n', 'on-', 'e3x']))}{number}"
    node["labels"] = draw(st.dictionaries(st.sampled_from(["country", "rack", "no", "y"]), _VALUES, max_size=3))
    return node


def _is_shared(roles: list[list[str]], number: int) -> bool:
    """Whether the node is one of several control planes, each of which needs an address."""
    return "control-plane" in roles[number] and sum("control-plane" in each for each in roles) > 1


@st.composite
def descriptions(draw: st.DrawFn) -> ClusterDesc:
    """A valid description of one to six nodes."""
    macs = draw(st.lists(st.one_of(_DIGITS, _HEX), min_size=1, max_size=6, unique=True))
    roles = draw(_node_roles(len(macs)))
    dhcp: dict[str, Any] = {"mode": draw(st.sampled_from(["serve", "proxy", "off"]))}
    if dhcp["mode"] == "serve":
        dhcp |= {"range": ["10.10.14.1", "10.10.14.127"], "lease": draw(st.sampled_from(["24h", "90m", "infinite"]))}
    tree: dict[str, Any] = {
        "apiVersion": "kboot/v1",
        "cluster": {"name": draw(st.sampled_from(["a", "null", "on", "012", "1e3"])), "domain": "a.example.com"},
        "network": {
            "bootstrapper": "10.10.14.253",
            "subnet": "10.10.14.0/24",
            "dhcp": dhcp,
            "routers": draw(st.sampled_from([[], ["10.10.14.254"]])),
            "ntp": draw(_ADDRESSES),
            "upstream_dns": draw(_ADDRESSES),
            "hosts": draw(st.dictionaries(st.sampled_from(["no", "p.example.com"]), st.just("10.10.14.130"))),
        },
        "os": {
            "family": draw(st.sampled_from(["flatcar", "coreos"])),
            "version": draw(st.sampled_from(["current", "3975.2.0"])),
            "config": "cloud-config",
            "release_url": draw(st.sampled_from(["http://10.10.14.9/x", "http://m:pa$word@10.10.14.9/'x'"])),
            "timezone": draw(st.sampled_from(["UTC", "Etc/GMT+3"])),
            "update": {"enabled": draw(st.booleans())},
        },
        "registry": {"port": draw(st.integers(1024, 65000))},
        "ssh_authorized_keys": draw(st.lists(_COMMENTS.map(KEY.__add__), max_size=2, unique=True)),
        "nodes": [
            draw(_node(number, mac, roles[number], addressed=dhcp["mode"] != "serve" or _is_shared(roles, number)))
            for number, mac in enumerate(macs)
        ],
    }
    if tree["os"]["family"] == "flatcar":
        tree["os"]["config"] = draw(st.sampled_from(["ignition", "cloud-config"]))
    if draw(st.booleans()):
        tree["kubernetes"] = {"version": "v1.36.2", "api_server": draw(st.sampled_from(_API_SERVERS))}
    text = yaml.dump(tree, default_style='"').replace("!!bool ", "").replace("!!int ", "")
    return load_text(text, "any.yaml")
