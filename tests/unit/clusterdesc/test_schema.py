"""The schema, and the text that `kboot init` begins with."""

from __future__ import annotations

import json
from collections.abc import Iterator
from ipaddress import IPv4Address
from typing import Any

import pytest

from kboot.describe.starter import example_description, starter
from kboot_clusterdesc import load_text
from kboot_clusterdesc.keys import KEYS
from kboot_clusterdesc.schema import json_schema


def properties(schema: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    for name, part in schema.get("properties", {}).items():
        yield prefix + name, part
        for inner in (part, part.get("items", {}), *part.get("anyOf", [])):
            if isinstance(inner, dict):
                yield from properties(inner, f"{prefix}{name}.")


def test_every_key_of_the_model_is_described_with_an_example() -> None:
    found = dict(properties(json_schema()))
    assert set(found) == set(KEYS)
    assert all(part["description"] for part in found.values())


def test_the_schema_is_json_and_knows_that_a_node_needs_no_name() -> None:
    schema = json.loads(json.dumps(json_schema()))
    assert schema["properties"]["nodes"]["items"]["required"] == ["mac", "roles"]
    assert schema["additionalProperties"] is False


def test_each_example_names_its_own_key() -> None:
    assert all(key.example.startswith(f"{path.rpartition('.')[2]}:") for path, key in KEYS.items())


def test_the_starter_validates_as_it_stands() -> None:
    assert load_text(example_description(), "init").nodes[0].name == "node1"


def test_the_starter_validates_with_its_commented_cluster_switched_on() -> None:
    text = example_description().replace("# kubernetes:", "kubernetes:").replace("#   ", "  ")
    assert load_text(text, "init").kubernetes is not None


@pytest.mark.parametrize("address", ["10.0.0.1", "10.0.0.2", "10.0.0.128", "10.0.0.253", "10.0.0.254"])
def test_the_starter_finds_a_range_beside_any_bootstrapper(address: str) -> None:
    desc = load_text(starter("rack", IPv4Address(address)), "init")
    assert desc.network.dhcp.range is not None
    assert desc.network.bootstrapper not in desc.network.dhcp.range
