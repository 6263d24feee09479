"""Which releases read the node configs of a description."""

from __future__ import annotations

import pytest

from kboot_clusterdesc.config_reader import why_unread
from unit.clusterdesc.sample import accepted, os


@pytest.mark.parametrize("version", ["2905.2.6", "3184.99.9", "2905.2.6+nightly-1", "1.0.0"])
def test_a_release_before_ignition_v3_does_not_read_it(version: str) -> None:
    flatcar = accepted(os("version: current")).os
    assert why_unread(flatcar, version) == f"Ignition v3 needs release 3185.0.0 or newer, {version} does not read it"


@pytest.mark.parametrize(
    ("fields", "version"),
    [
        ("config: ignition", "3185.0.0"),
        ("config: ignition", "4230.2.3+nightly-1"),
        ("config: ignition", "current"),
        ("config: cloud-config", "2905.2.6"),
        ("family: coreos, config: cloud-config", "1911.3.0"),
    ],
)
def test_all_others_read_theirs(fields: str, version: str) -> None:
    assert why_unread(accepted(os(fields)).os, version) is None
