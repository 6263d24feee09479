"""Kernel arguments and consoles of a description, as each machine is told them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import HEAD, NODE1, NODE2, Server

_DESCRIPTION = (
    HEAD
    + """\
os:
  {channel: stable, version: current, config: CONFIG, update: {enabled: true},
   kernel_args: [iommu=pt, nomodeset], console: [tty0, "ttyS1,57600n8"]}
nodes:
  - {mac: "52:54:00:00:00:01", name: node1, roles: [worker]}
  - {mac: "52:54:00:00:00:02", roles: [worker], kernel_args: [], console: []}
"""
)


@pytest.fixture
def described(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path, "ignition", _DESCRIPTION)
    made.lease(NODE1, NODE2)
    made.start()
    made.wait_phase(NODE1, "leased")
    yield made
    made.stop()


def test_they_are_in_the_boot_script_and_install_sh_of_each_machine(described: Server) -> None:
    said = "console=tty0 console=ttyS1,57600n8 iommu=pt nomodeset"
    script = described.get(f"/boot/{NODE1.dashed}.ipxe", who=NODE1).text
    (line,) = (line for line in script.splitlines() if line.startswith("kernel "))
    assert line.endswith(f" {said} || goto again")
    assert f" {said}\n" in described.get("/pxelinux.cfg/default", who=NODE1).text
    installer = described.get("/install.sh", who=NODE1).text
    assert "KBOOT_KERNEL_ARGS='iommu=pt nomodeset'" in installer
    assert "KBOOT_CONSOLES='console=tty0 console=ttyS1,57600n8'" in installer


def test_a_node_that_says_none_has_none(described: Server) -> None:
    script = described.get(f"/boot/{NODE2.dashed}.ipxe", who=NODE2).text
    assert "kernel http" in script
    assert "console=" not in script
    assert "iommu" not in script
    installer = described.get("/install.sh", who=NODE2).text
    assert "\nKBOOT_KERNEL_ARGS=''\n" in installer
    assert "\nKBOOT_CONSOLES=''\n" in installer
