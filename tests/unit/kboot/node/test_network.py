"""The files of systemd-networkd for any links that a description may have."""

from __future__ import annotations

from ipaddress import IPv4Interface
from typing import Any

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kboot_clusterdesc import ClusterDesc, load_text
from support.fleets import Fleet
from support.networkd import files_of

_FOLDER = "/etc/systemd/network/"
_CARDS = [f"card{i}" for i in range(5)]
_MTUS = st.none() | st.sampled_from([1500, 9000])


@st.composite
def linked(draw: st.DrawFn) -> ClusterDesc:
    """A fleet whose first node has cards, bonds, VLANs and addresses in any mix."""
    cards = draw(st.lists(st.sampled_from(_CARDS), unique=True))
    free = draw(st.permutations(["boot", *cards]))
    bonds: list[dict[str, Any]] = []
    for i in range(draw(st.integers(0, 2))):
        members, free = free[:2], free[2:]
        if members:
            mode = draw(st.sampled_from(["active-backup", "802.3ad", "balance-xor", "balance-tlb"]))
            rate = {"lacp_rate": draw(st.sampled_from(["slow", "fast"]))} if mode == "802.3ad" else {}
            bonds.append({"name": f"bond{i}", "members": members, "mode": mode, **rate})
    below = [*free, *(bond["name"] for bond in bonds)]
    tags = draw(st.lists(st.tuples(st.sampled_from(below), st.integers(1, 4094)), unique=True, max_size=4))
    vlans = [{"name": f"vlan{i}", "id": tag, "link": link} for i, (link, tag) in enumerate(tags)]
    links = [*below, *(str(vlan["name"]) for vlan in vlans)]
    numbered = {name: f"10.9.{i}.7/24" for i, name in enumerate(links) if draw(st.booleans())}
    tree = yaml.safe_load(Fleet().text)
    tree["nodes"][0] |= {
        "cards": {name: f"02:00:00:00:09:{i:02x}" for i, name in enumerate(cards)},
        "addresses": numbered,
        "links": {
            "bonds": bonds,
            "vlans": vlans,
            "address_on": draw(st.none() | st.sampled_from(links)),
            "gateway": draw(
                st.none()
                | st.sampled_from(
                    ["10.10.14.254", *(f"10.9.{i}.1" for i, name in enumerate(links) if name in numbered)]
                )
            ),
            "mtu": draw(_MTUS),
        },
    }
    return load_text(yaml.safe_dump(tree), "any.yaml")


def read(text: str) -> dict[str, dict[str, list[str]]]:
    """The sections of a file: a key may stand there several times."""
    found: dict[str, dict[str, list[str]]] = {}
    for line in text.splitlines():
        if line.startswith("["):
            section = found.setdefault(line.strip("[]"), {})
        elif line and not line.startswith("#"):
            key, value = line.split("=", 1)
            section.setdefault(key, []).append(value)
    return found


@given(linked())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_every_link_is_made_once_and_taken_once(desc: ClusterDesc) -> None:
    node = desc.nodes[0]
    links = desc.links_of(node)
    files = {path.removeprefix(_FOLDER): read(text) for path, text in files_of(desc, node).items() if _FOLDER in path}
    devices = [file["NetDev"]["Name"][0] for name, file in files.items() if name.endswith(".netdev")]
    assert devices == [link.name for link in links.made]
    networks = [file for name, file in files.items() if name.endswith(".network")]
    matches = [str(file["Match"]) for file in networks]
    assert len(set(matches)) == len(matches)
    settings_ = [file.get("Network", {}) for file in networks]
    taken = [name for each in settings_ for name in each.get("Bond", [])]
    assert sorted(taken) == sorted(bond.name for bond in links.bonds for _ in bond.members)
    assert sorted(name for each in settings_ for name in each.get("VLAN", [])) == [vlan.name for vlan in links.vlans]


@given(linked())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_every_address_stands_on_its_link_and_one_default_route_is_within_reach(desc: ClusterDesc) -> None:
    node = desc.nodes[0]
    links = desc.links_of(node)
    found: dict[IPv4Interface, str] = {}
    gateways = []
    for path, text in files_of(desc, node).items():
        file = read(text)
        network, addresses = file.get("Network", {}), file.get("Address", {}).get("Address", [])
        for address in addresses:
            assert "Bond" not in network, "a member has no address"
            found[IPv4Interface(address)] = path
        for gateway in network.get("Gateway", []):
            gateways.append(gateway)
            assert any(IPv4Interface(gateway).ip in IPv4Interface(each).network for each in addresses)
    assert len(found) == len(node.addresses) + 1
    assert found[IPv4Interface(f"{node.ip}/24")] == f"{_FOLDER}10-kboot.network"
    assert gateways == ([] if links.gateway is None else [str(links.gateway)])
