"""What a machine that runs needs of its config, beside what an install needs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings

from kboot.node import NodeConfig, User, cloud_config, document, ignition, read_document
from kboot.node.config import CONFIG_FILES, with_hash
from kboot.pki import KeyPair
from kboot.render import Attachments
from kboot.render.nodes import joined_config, node_config
from kboot_clusterdesc import ClusterDesc, load
from support.descriptions import descriptions
from support.dialects import Given, GivenUnit, given_by_cloud_config, given_by_document, given_by_ignition
from support.fixed_secrets import fixed_secrets
from support.fleets import FLEETS, Fleet
from support.places import GOLDEN_RENDERS
from support.rendering import attachments_of


def given_by(config: NodeConfig) -> Given:
    """What a machine with this config was given."""
    accounts = (User("core", config.ssh_authorized_keys), *config.users)
    return Given(
        config.hostname,
        {user.name: list(user.ssh_authorized_keys) for user in accounts},
        {user.name: list(user.groups) for user in config.users},
        {file.path: (file.mode, file.content) for file in config.files},
        {
            unit.name: GivenUnit(
                unit.enabled, unit.masked, unit.content, {each.name: each.content for each in unit.drop_ins}
            )
            for unit in config.units
        },
    )


@given(descriptions())
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_both_dialects_and_what_kboot_keeps_give_a_machine_the_same(desc: ClusterDesc) -> None:
    for node in desc.nodes:
        config, _ = with_hash(node_config(desc, node, fixed_secrets(desc), Attachments()))
        whole = config.merged(NodeConfig("", users=(User("alice", ("ssh-ed25519 A",), ("docker",)), User("bob"))))
        assert read_document(document(whole)) == whole
        assert given_by_document(document(whole)) == given_by(whole)
        assert given_by_ignition(ignition(whole)) == given_by(whole)
        assert given_by_cloud_config(cloud_config(whole)) == given_by(whole)


def configs_of(desc: ClusterDesc, attachments: Attachments) -> Iterator[NodeConfig]:
    """The config of each machine, declared or not."""
    secrets = fixed_secrets(desc)
    for node in desc.nodes:
        yield with_hash(node_config(desc, node, secrets, attachments))[0]
    if desc.lets_machines_join:
        yield with_hash(joined_config(desc, secrets, attachments))[0]


def assert_readers_run(config: NodeConfig) -> None:
    """Whoever reads a file at its start is a unit that the config enables, or one of systemd's own."""
    running = {unit.name for unit in config.units if unit.enabled}
    named = {file.path: file.read_by for file in config.files if file.read_by is not None}
    assert named
    for path, unit in named.items():
        assert unit in running or unit.startswith("systemd-"), path


@pytest.mark.parametrize("case", sorted(path.parent.name for path in GOLDEN_RENDERS.glob("*/cluster.yaml")))
def test_whoever_reads_a_file_of_a_golden_case_runs_there(case: str) -> None:
    desc = load(GOLDEN_RENDERS / case / "cluster.yaml")
    for config in configs_of(desc, attachments_of(desc, GOLDEN_RENDERS / case)):
        assert_readers_run(config)


@pytest.mark.parametrize("fleet", FLEETS, ids=str)
def test_whoever_reads_a_file_of_a_fleet_runs_there(fleet: Fleet) -> None:
    for config in configs_of(fleet.desc, Attachments(manifests={"own.yaml": b""})):
        assert_readers_run(config)


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
