"""What each iPXE gets first: in QEMU, whose cards have an iPXE of 2019 in their ROM, ours takes over before HTTP."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.netboot import console_of, copy_loaders


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the loaders as they are built."""
    folder = tmp_path_factory.mktemp("start-script")
    copy_loaders(folder)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.parametrize(
    ("firmware", "script"),
    [("bios", "start.ipxe"), ("uefi", "start.ipxe"), ("bios", "start-ipxe.pxe.ipxe"), ("uefi", "start-ipxe.efi.ipxe")],
)
def test_a_card_with_an_ipxe_of_its_own_comes_to_the_boot_script_by_ours(
    served: Path, firmware: str, script: str
) -> None:
    console = console_of(served, "start-ipxe.sh", firmware, script)
    version = next(line for line in (served / "loaders/start.ipxe").read_text().splitlines() if "${version}" in line)
    assert f"BOOT SCRIPT BY {version.split()[2]} END" in console, console


PROXIED = """#!ipxe
set net0.dhcp/next-server 10.0.2.99
set proxydhcp/next-server 10.0.2.2
echo THE SITE SAYS ${next-server} END
chain tftp://10.0.2.2/start.ipxe
"""


@pytest.mark.parametrize("firmware", ["bios", "uefi"])
def test_the_boot_script_is_asked_of_who_said_what_to_boot_though_the_sites_server_names_another(
    served: Path, firmware: str
) -> None:
    (served / "loaders/proxied.ipxe").write_text(PROXIED)
    console = console_of(served, "start-ipxe.sh", firmware, "proxied.ipxe")
    assert "THE SITE SAYS 10.0.2.99 END" in console, console
    assert "BOOT SCRIPT BY" in console, console
