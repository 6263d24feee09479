"""Which machines take an image of a list."""

from __future__ import annotations

import pytest

from kboot.supplies.image_platform import listed_platform, platform_fault


@pytest.mark.parametrize(
    ("entry", "platform", "fault"),
    [
        ({"os": "linux", "architecture": "amd64"}, "linux/amd64", None),
        ({"os": "linux", "architecture": "amd64", "variant": "v1"}, "linux/amd64", None),
        (
            {"os": "linux", "architecture": "amd64", "variant": "v3"},
            "linux/amd64/v3",
            "is for linux/amd64/v3, this cluster needs linux/amd64",
        ),
        (
            {"os": "linux", "architecture": "arm64", "variant": "v8"},
            "linux/arm64",
            "is for linux/arm64, this cluster needs linux/amd64",
        ),
        ({"os": "unknown", "architecture": "unknown"}, None, None),
        ({}, None, None),
    ],
)
def test_machines_take_no_newer_variant_of_their_processor_out_of_a_list(
    entry: dict[str, object], platform: str | None, fault: str | None
) -> None:
    assert listed_platform(entry) == platform
    assert platform_fault([platform] if platform else [], "amd64") == fault
