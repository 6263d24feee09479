"""What a machine that runs needs of its config, beside what an install needs."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import HealthCheck, given, settings

from kboot.node import NodeConfig, User, ignition
from kboot.node.config import CONFIG_FILES, with_hash
from kboot.node.ignition import read_ignition
from kboot.pki import KeyPair
from kboot.render import Attachments
from kboot.render.nodes import node_config
from kboot_clusterdesc import ClusterDesc
from support.descriptions import descriptions
from support.fixed_secrets import fixed_secrets
from support.fleets import Fleet


@given(descriptions())
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_an_ignition_document_is_read_back_as_the_config_it_was_made_of(desc: ClusterDesc) -> None:
    for node in desc.nodes:
        config, _ = with_hash(node_config(desc, node, fixed_secrets(desc), Attachments()))
        whole = config.merged(NodeConfig("", users=(User("alice", ("ssh-ed25519 A",), ("docker",)), User("bob"))))
        assert read_ignition(ignition(whole)) == whole


def test_a_config_lists_every_file_that_it_puts_on_the_machine() -> None:
    desc = Fleet().desc
    config, _ = with_hash(node_config(desc, desc.nodes[0], fixed_secrets(desc), Attachments()))
    files = {file.path: file.content.decode() for file in config.files}
    listed = files.pop(CONFIG_FILES).splitlines()
    units = {f"/etc/systemd/system/{unit.name}" for unit in config.units if unit.content is not None or unit.masked}
    drop_ins = {f"/etc/systemd/system/{unit.name}.d/{each.name}" for unit in config.units for each in unit.drop_ins}
    assert listed == sorted({*files, *units, *drop_ins} - {"/etc/kboot/config-hash"})


def test_a_renewed_key_changes_the_static_pod_that_reads_it_and_no_other() -> None:
    desc = Fleet().desc
    node, secrets = desc.nodes[0], fixed_secrets(desc)

    def manifests(keys: dict[str, KeyPair]) -> dict[str, bytes]:
        given_ = replace(secrets, node_keys={**secrets.node_keys, node.mac: keys})
        files = node_config(desc, node, given_, Attachments()).files
        return {file.path: file.content for file in files if file.path.startswith("/etc/kubernetes/manifests/")}

    keys = dict(secrets.node_keys[node.mac])
    before, after = manifests(keys), manifests({**keys, "scheduler": KeyPair(b"new", b"new")})
    assert len(before) == 3
    assert {path for path in before if before[path] != after[path]} == {"/etc/kubernetes/manifests/kube-scheduler.yaml"}
