"""Which keys a machine has: those of its roles, for it alone, made once."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kboot.pki import KeyPair, Secrets, key_specs
from kboot.pki.certificate import fits, read_certificate
from kboot.pki.node_keys import Authority
from kboot.pki.store.cluster_secrets import load_or_create
from kboot_clusterdesc import ClusterDesc, ClusterFolder, Role
from support.descriptions import descriptions
from unit.clusterdesc.sample import SAMPLE, accepted, spoilt

NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)
FEW = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
ETCD = {"etcd-server", "etcd-peer", "etcd-client"}
KUBELET = {"kubelet-client", "kubelet-server"}
CONTROL_PLANE = {
    "apiserver",
    "apiserver-kubelet-client",
    "apiserver-etcd-client",
    "front-proxy-client",
    "controller-manager",
    "scheduler",
    "addons",
}


@contextmanager
def cluster_folder() -> Iterator[ClusterFolder]:
    """A folder for one example; hypothesis would share a fixture's."""
    with tempfile.TemporaryDirectory(prefix="kboot-test-") as root:
        yield ClusterFolder(Path(root), "any")


@given(descriptions())
@settings(max_examples=60, deadline=None)
def test_a_machine_has_the_keys_of_its_roles_and_no_more(desc: ClusterDesc) -> None:
    for node in desc.nodes:
        wanted = ETCD if Role.ETCD in node.roles else set()
        if desc.kubernetes is not None:
            wanted = wanted | KUBELET | (CONTROL_PLANE if Role.CONTROL_PLANE in node.roles else set())
        specs = key_specs(desc, node)
        assert sorted(spec.name for spec in specs) == sorted(wanted)
        for spec in specs:
            subject = spec.subject
            assert 1 <= len(subject.common_name) <= 64
            assert subject.server or subject.client
            assert bool(subject.names) == subject.server, "a client shows no names, a server must"
            assert len(set(subject.names)) == len(subject.names)
            assert ("system:masters" in subject.groups) == (spec.name == "addons")


@given(descriptions(), st.data())
@FEW
def test_each_machine_is_given_its_own_keys_alone_and_given_them_again(desc: ClusterDesc, data: st.DataObject) -> None:
    with cluster_folder() as folder:
        secrets = load_or_create(folder, desc, NOW)
        authorities = _authorities(secrets)
        for node in desc.nodes:
            specs = {spec.name: spec for spec in key_specs(desc, node)}
            assert secrets.node_keys[node.mac].keys() == specs.keys()
            for name, pair in secrets.node_keys[node.mac].items():
                assert fits(pair, authorities[specs[name].authority], specs[name].subject)
        keys = [pair.key for pairs in secrets.node_keys.values() for pair in pairs.values()]
        keys += [pair.key for pair in (*authorities.values(), *secrets.servers.values())]
        assert len(set(keys)) == len(keys), "a key stands in two places"
        assert (secrets.etcd_authority is not None) == bool(desc.etcd_members)
        assert (secrets.kubernetes is not None) == (desc.kubernetes is not None)

        relabelled = data.draw(st.integers(0, len(desc.nodes) - 1))
        nodes = list(desc.nodes)
        nodes[relabelled] = nodes[relabelled].model_copy(update={"labels": {"changed": "true"}, "taints": ()})
        changed = desc.model_copy(update={"nodes": tuple(reversed(nodes))})
        assert load_or_create(folder, changed, NOW + timedelta(days=300)) == secrets


def _authorities(secrets: Secrets) -> dict[Authority, KeyPair]:
    found = {Authority.CLUSTER: secrets.authority, Authority.ETCD: secrets.etcd_authority}
    if secrets.kubernetes is not None:
        found[Authority.KUBERNETES] = secrets.kubernetes.authority
        found[Authority.FRONT_PROXY] = secrets.kubernetes.front_proxy_authority
    return {authority: pair for authority, pair in found.items() if pair is not None}


@pytest.fixture
def folder(tmp_path: Path) -> ClusterFolder:
    return ClusterFolder(tmp_path, "ail")


@pytest.fixture
def made(folder: ClusterFolder) -> Secrets:
    return load_or_create(folder, accepted(SAMPLE), NOW)


def changed_keys(before: Secrets, after: Secrets) -> set[str]:
    """`<node's MAC, dashed>/<name>` of each pair that is another one now."""
    return {
        f"{mac.dashed}/{name}"
        for mac, pairs in after.node_keys.items()
        for name, pair in pairs.items()
        if before.node_keys.get(mac, {}).get(name) != pair
    }


def test_a_new_name_of_the_api_server_gives_that_certificate_anew_and_keeps_the_authority(
    folder: ClusterFolder, made: Secrets
) -> None:
    text = spoilt(("{version: v1.36.2}", "{version: v1.36.2, api_server: {names: [k8s.example.com]}}"))
    after = load_or_create(folder, accepted(text), NOW)
    assert changed_keys(made, after) == {"00-25-90-c0-f7-80/apiserver"}
    assert after.kubernetes == made.kubernetes
    assert "k8s.example.com" in read_certificate(_api_server(after)).subject.names


def test_names_written_in_another_order_change_no_certificate(folder: ClusterFolder) -> None:
    given_, turned = (
        accepted(spoilt(("{version: v1.36.2}", f"{{version: v1.36.2, api_server: {{names: [{names}]}}}}")))
        for names in ("b.example.com, a.example.com", "a.example.com, b.example.com")
    )
    assert load_or_create(folder, turned, NOW) == load_or_create(folder, given_, NOW)


def test_a_machine_that_moves_gets_the_certificates_of_its_new_address_alone_anew(
    folder: ClusterFolder, made: Secrets
) -> None:
    after = load_or_create(folder, accepted(spoilt(("10.10.14.201", "10.10.14.202"))), NOW)
    names = ("apiserver", "etcd-server", "etcd-peer", "kubelet-server")
    assert changed_keys(made, after) == {f"00-25-90-c0-f7-80/{name}" for name in names}


def test_a_machine_keeps_its_certificates_past_their_end_until_they_are_renewed(
    folder: ClusterFolder, made: Secrets
) -> None:
    after = load_or_create(folder, accepted(SAMPLE), NOW + timedelta(days=700))
    assert after.node_keys == made.node_keys
    assert after.servers["cloudconfig"] != made.servers["cloudconfig"]
    assert after.etcd_status_client != made.etcd_status_client
    same = replace(after, servers=made.servers, kubernetes=made.kubernetes, etcd_status_client=made.etcd_status_client)
    assert same == made


def test_a_node_that_comes_back_gets_the_keys_it_had(folder: ClusterFolder, made: Secrets) -> None:
    line = '  - {mac: "00:25:90:c0:f6:ee", roles: [worker]}\n'
    without = load_or_create(folder, accepted(spoilt((line, ""))), NOW)
    assert len(without.node_keys) == 1
    assert load_or_create(folder, accepted(SAMPLE), NOW) == made


def _api_server(secrets: Secrets) -> bytes:
    (pair,) = (pairs["apiserver"] for pairs in secrets.node_keys.values() if "apiserver" in pairs)
    return pair.certificate
