"""The configuration files of Kubernetes' components against schemas of their own Go types (`make schemas`)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from kboot.node import NodeConfig
from kboot.render import Attachments
from kboot.render.nodes import joined_config, node_config
from support.fixed_secrets import fixed_secrets
from support.fleets import FLEETS, Fleet

_SCHEMAS: dict[str, Any] = json.loads((Path(__file__).parent / "component_schemas.json").read_text())
_KUBERNETES = [fleet for fleet in FLEETS if fleet.kubernetes and fleet.family == "flatcar"]


def component_configs(config: NodeConfig) -> Iterator[dict[str, Any]]:
    """Every document of a kind that has a schema: files of their own, and those within a ConfigMap."""
    for file in config.files:
        if not (file.path.startswith("/etc/kubernetes/") and file.path.endswith(".yaml")):
            continue
        for document in yaml.safe_load_all(file.content):
            if document["kind"] in _SCHEMAS:
                yield document
            elif document["kind"] == "ConfigMap":
                inner = [yaml.safe_load(text) for name, text in document["data"].items() if name.endswith(".conf")]
                yield from (each for each in inner if isinstance(each, dict) and each.get("kind") in _SCHEMAS)


def faults(document: dict[str, Any]) -> list[str]:
    """What its schema has against a document."""
    found = Draft202012Validator(_SCHEMAS[document["kind"]]).iter_errors(document)
    return [f"{error.json_path}: {error.message}" for error in found]


@pytest.mark.parametrize("fleet", _KUBERNETES, ids=str)
def test_every_component_reads_each_field_of_its_config(fleet: Fleet) -> None:
    desc, secrets = fleet.desc, fixed_secrets(fleet.desc)
    kinds = set()
    for node in desc.nodes:
        for document in component_configs(node_config(desc, node, secrets, Attachments())):
            assert faults(document) == []
            kinds.add(document["kind"])
    assert kinds == set(_SCHEMAS)


def test_the_kubelet_of_a_machine_that_no_one_declared_reads_its_config() -> None:
    desc = Fleet(1).desc.model_copy(update={"unknown_machines": "worker"})
    (kubelet,) = component_configs(joined_config(desc, fixed_secrets(desc), Attachments()))
    assert kubelet["serverTLSBootstrap"] is True
    assert faults(kubelet) == []


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("readOnlyPorts", 0, "'readOnlyPorts' was unexpected"),
        ("readOnlyPort", "0", "'0' is not of type 'integer'"),
        ("shutdownGracePeriod", "45", "'45' does not match"),
        ("apiVersion", "kubelet.config.k8s.io/v1", "'kubelet.config.k8s.io/v1beta1' was expected"),
    ],
)
def test_the_schemas_find_what_the_kubelet_would_not_read(key: str, value: object, told: str) -> None:
    desc = Fleet(1).desc
    config = node_config(desc, desc.nodes[0], fixed_secrets(desc), Attachments())
    (kubelet,) = (each for each in component_configs(config) if each["kind"] == "KubeletConfiguration")
    assert any(told in fault for fault in faults(kubelet | {key: value}))
