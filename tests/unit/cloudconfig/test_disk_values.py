"""What install.sh is told of the disk to choose."""

from __future__ import annotations

import pytest

from kboot_cloudconfig.disk import disk_values
from unit.clusterdesc.sample import accepted, spoilt

NOTHING = {
    "KBOOT_DISK": "", "KBOOT_DISK_MODEL": "", "KBOOT_DISK_MIN_BYTES": "0", "KBOOT_DISK_SMALLEST": "no",
    "KBOOT_WIPE": "no", "KBOOT_KNOWN_DISK": "",
}  # fmt: skip


@pytest.mark.parametrize(
    ("keys_of_os", "keys_of_node", "said"),
    [
        ("", "", {}),
        (", install_disk: /dev/sda", "", {"KBOOT_DISK": "/dev/sda"}),
        (", install_disk: /dev/sda", ", install_disk: /dev/sdb", {"KBOOT_DISK": "/dev/sdb"}),
        (
            ", install_disk: /dev/sda",
            ", install_disk: smallest",
            {"KBOOT_DISK_SMALLEST": "yes", "KBOOT_DISK_MIN_BYTES": "8000000000"},
        ),
        (", install_disk: model:SSD 870*", "", {"KBOOT_DISK_MODEL": "SSD 870*"}),
        (', install_disk: "min_size:2T"', "", {"KBOOT_DISK_MIN_BYTES": "2000000000000"}),
        (", wipe: true", "", {"KBOOT_WIPE": "yes"}),
        (", wipe: true", ", wipe: false", {}),
        ("", ", wipe: true", {"KBOOT_WIPE": "yes"}),
    ],
)
def test_a_node_says_it_before_the_os_does(keys_of_os: str, keys_of_node: str, said: dict[str, str]) -> None:
    text = spoilt(("family: flatcar", f"family: flatcar{keys_of_os}"), ("name: node1", f"name: node1{keys_of_node}"))
    desc = accepted(text)
    node = next(node for node in desc.nodes if node.name == "node1")
    assert disk_values(desc, node, None) == NOTHING | said


def test_the_known_disk_is_passed_on() -> None:
    desc = accepted(spoilt())
    assert disk_values(desc, desc.nodes[0], "any")["KBOOT_KNOWN_DISK"] == "any"
