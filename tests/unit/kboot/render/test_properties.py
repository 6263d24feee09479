"""What holds for the render of any description."""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network
from typing import Any

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kboot.render.compose import HostNetwork, LabNetwork, NetworkMode
from kboot_clusterdesc import ClusterDesc
from support.descriptions import descriptions
from support.fixed_secrets import MARK, fixed_secrets
from support.rendering import rendered_files

HOLDERS = {
    "operator": (),  # its hash alone
    "push": ("tls/registry/htpasswd",),
    "registry-http": ("config/registry.yml", "config/registry-push.yml"),
    "key-cluster-ca": (),
    "key-cloudconfig": ("tls/cloudconfig/server.key",),
    "key-registry": ("tls/registry/server.key",),
}
QUICK = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])

networks: st.SearchStrategy[NetworkMode] = st.sampled_from(
    [HostNetwork(), LabNetwork(IPv4Address("10.10.14.254"), IPv4Network("10.10.14.240/29"))]
)


def readable(content: bytes) -> bytes:
    """The content and, behind it, all that it holds as base64, twice deep as a PEM in a node config is."""
    found, layer = [content], content
    for _ in range(2):
        layer = b"\n".join(_decoded(layer))
        found.append(layer)
    return b"\n".join(found)


def _decoded(content: bytes) -> Iterator[bytes]:
    for text in re.findall(rb"[A-Za-z0-9+/]{16,}={0,2}", content):
        try:
            yield b64decode(text)
        except Error:
            continue


@given(descriptions(), networks)
@QUICK
def test_rendering_twice_gives_the_same_bytes(desc: ClusterDesc, network: NetworkMode) -> None:
    assert rendered_files(desc, network=network) == rendered_files(desc, network=network)


@given(descriptions(), st.randoms(use_true_random=False))
@QUICK
def test_nodes_moved_within_the_file_change_the_copies_of_the_description_alone(desc: ClusterDesc, random: Any) -> None:
    nodes = list(desc.nodes)
    random.shuffle(nodes)
    moved = desc.model_copy(update={"nodes": tuple(nodes)})
    copies = {"cluster.yaml", "config/clusterdesc.yaml"}
    before, after = rendered_files(desc), rendered_files(moved)
    assert {path: before[path] for path in before.keys() - copies} == {
        path: after[path] for path in after.keys() - copies
    }


@given(descriptions(), networks)
@QUICK
def test_macs_and_labels_are_texts_for_a_yaml_1_1_reader(desc: ClusterDesc, network: NetworkMode) -> None:
    files = rendered_files(desc, network=network)
    read = {p: yaml.safe_load(f.content) for p, f in files.items() if p.endswith((".yaml", ".yml"))}
    for path in ("cluster.yaml", "config/clusterdesc.yaml"):
        assert [node["mac"] for node in read[path]["nodes"]] == [str(node.mac) for node in desc.nodes]
        assert [node["labels"] for node in read[path]["nodes"]] == [node.labels for node in desc.nodes]
    for node in desc.nodes:
        given_ = read[f"nodes/{node.mac.dashed}/cloud-config.yaml"]
        assert given_["hostname"] == node.name
        assert tuple(given_.get("ssh_authorized_keys", ())) == desc.ssh_authorized_keys
    for service in read["compose.yaml"]["services"].values():
        texts = [service["image"], *service["labels"].values(), *service.get("environment", {}).values()]
        assert all(isinstance(text, str) for text in texts)


@given(descriptions(), networks)
@QUICK
def test_no_token_and_no_private_key_stands_where_it_is_not_needed(desc: ClusterDesc, network: NetworkMode) -> None:
    files = rendered_files(desc, network=network)
    holders = {f"{MARK}-{name}": set(paths) for name, paths in HOLDERS.items()}
    for mac, token in fixed_secrets(desc).report_tokens.items():
        names = ("ignition.json", "cloud-config.yaml", "node-config.json", "report-token")
        holders[token] = {f"nodes/{mac.dashed}/{name}" for name in names}
    if desc.kubernetes is not None:
        holders[f"{MARK}-key-status-client"] = {"tls/cloudconfig/status-client.key"}
    if desc.etcd_members:
        holders[f"{MARK}-key-etcd-status-client"] = {"tls/cloudconfig/etcd-status-client.key"}
    texts = {path: readable(file.content) for path, file in files.items()}
    for secret, paths in holders.items():
        assert {path for path, text in texts.items() if secret.encode() in text} == paths
    exposed = {path for path, text in texts.items() if MARK.encode() in text and files[path].mode & 0o007}
    assert exposed == set()


@given(descriptions())
@QUICK
def test_each_node_has_one_reservation_keyed_on_its_mac_alone(desc: ClusterDesc) -> None:
    lines = rendered_files(desc)["config/dhcp-hosts"].content.decode().splitlines()
    assert [line.split(",")[:2] for line in lines] == [[mac, "id:*"] for mac in sorted(str(n.mac) for n in desc.nodes)]
    names = {node.mac: node.name for node in desc.nodes}
    assert all(line.split(",")[-2] == names[line.split(",")[0]] for line in lines)  # type: ignore[index]


@given(descriptions().filter(lambda desc: desc.kubernetes is not None), st.data())
@QUICK
def test_a_changed_label_changes_its_node_alone(desc: ClusterDesc, data: st.DataObject) -> None:
    chosen = data.draw(st.sampled_from(desc.nodes))
    labelled = tuple(
        node.model_copy(update={"labels": {**node.labels, "changed": "yes"}}) if node is chosen else node
        for node in desc.nodes
    )
    before, after = rendered_files(desc), rendered_files(desc.model_copy(update={"nodes": labelled}))
    changed = {path for path in after if before.get(path) != after[path]}
    own = f"nodes/{chosen.mac.dashed}/"
    assert {path for path in changed if path.startswith("nodes/")} == {
        f"{own}{name}" for name in ("ignition.json", "cloud-config.yaml", "node-config.json", "config-hash")
    }
    assert {path for path in changed if not path.startswith("nodes/")} == {"cluster.yaml", "config/clusterdesc.yaml"}


@given(descriptions(), st.integers(1, 60))
@QUICK
def test_a_moved_range_changes_no_node_so_each_keeps_its_name_labels_and_keys(desc: ClusterDesc, by: int) -> None:
    dhcp = desc.network.dhcp
    if dhcp.range is None:
        return
    pool = replace(dhcp.range, first=dhcp.range.first + by, last=dhcp.range.last + by)
    moved = dhcp.model_copy(update={"range": pool})
    network = desc.network.model_copy(update={"dhcp": moved})
    before, after = rendered_files(desc), rendered_files(desc.model_copy(update={"network": network}))
    changed = {path for path in after if before.get(path) != after[path]}
    reserved = "config/dhcp-hosts"  # addresses of others that lie in the range
    assert changed - {reserved} == {"cluster.yaml", "compose.yaml", "config/clusterdesc.yaml", "config/dnsmasq.conf"}
