"""Outputs that are kept are those of a fresh rendering."""

from __future__ import annotations

import pytest
from jinja2 import DictLoader, Environment, UndefinedError

from kboot_compose.templates import names_in, rendered, shared

ENV = {"cluster": "ail", "domain": "ail.example.com", "bootstrapper": "10.10.14.253", "mac": "02:00:00:00:00:01"}


def test_a_kept_output_is_that_of_its_own_values() -> None:
    for name in ("node1", "node2", "node1"):
        values = {**ENV, "name": name, "roles": "worker"}
        assert shared("nodes/node.env.j2", **values) == rendered("nodes/node.env.j2", **values)
    assert b"node2" not in shared("nodes/node.env.j2", **ENV, name="node1", roles="worker")


def test_values_that_a_template_does_not_name_make_no_other_output() -> None:
    values = {**ENV, "name": "node1", "roles": "worker"}
    assert shared("nodes/node.env.j2", **values, other=1) is shared("nodes/node.env.j2", **values, other=2)


def test_a_value_that_an_included_template_names_tells_outputs_apart() -> None:
    sources = {"whole": "{{ mine }} {% include 'part' %}", "part": "{% for each in range(2) %}{{ theirs }}{% endfor %}"}
    environment = Environment(loader=DictLoader(sources))  # noqa: S701 - no HTML
    assert {"mine", "theirs", "range"} <= names_in(environment, "whole")
    assert "each" not in names_in(environment, "whole")


def test_equal_values_of_two_types_have_an_output_each() -> None:
    values: dict[str, object] = {**ENV, "roles": "worker"}
    assert b"True" in shared("nodes/node.env.j2", **values, name=True)
    assert b"True" not in shared("nodes/node.env.j2", **values, name=1)


def test_a_missing_value_is_an_error_each_time() -> None:
    for _ in range(2):
        with pytest.raises(UndefinedError):
            shared("nodes/node.env.j2", **ENV)
