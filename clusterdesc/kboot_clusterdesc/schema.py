"""The JSON schema of a description, for editors; the meaning of each key comes from `keys`."""

from __future__ import annotations

from typing import Any

from .keys import KEYS
from .model import ClusterDesc

Schema = dict[str, Any]
_OPTIONAL = {("nodes", "name")}  # the model fills it in from the MAC


def json_schema() -> Schema:
    """Return the schema, with a description and an example at each key."""
    schema = ClusterDesc.model_json_schema(by_alias=True)
    definitions = schema.pop("$defs", {})
    whole: Schema = _inlined(schema, definitions)
    _describe(whole, "")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **whole,
        "title": "kboot cluster description",
        "description": "One cluster: its network, its operating system, its machines",
    }


def _inlined(schema: Any, definitions: Schema) -> Any:
    """Return the schema with each reference replaced by its definition, which the key can then describe."""
    if isinstance(schema, list):
        return [_inlined(item, definitions) for item in schema]
    if not isinstance(schema, dict):
        return schema
    reference = schema.get("$ref")
    if reference:
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        return {
            **_inlined(definitions[reference.rpartition("/")[2]], definitions),
            **_inlined(beside, definitions),
        }
    return {key: _inlined(value, definitions) for key, value in schema.items()}


def _describe(schema: Schema, prefix: str) -> None:
    for name, part in schema.get("properties", {}).items():
        path = f"{prefix}{name}"
        part.pop("title", None)
        key = KEYS.get(path)
        if key:
            part["description"] = f"{key.meaning}. For example `{key.example}`"
        for inner in (part, part.get("items", {}), *part.get("anyOf", [])):
            if isinstance(inner, dict) and "properties" in inner:
                _describe(inner, f"{path}.")
    optional = [name for holder, name in _OPTIONAL if f"{holder}." == prefix]
    if "required" in schema:
        schema["required"] = [name for name in schema["required"] if name not in optional]
