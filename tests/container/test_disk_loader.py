"""The loaders that send a machine to its disk, in QEMU: an older system lies on the first disk, ours on the second."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from kboot.service_images.base import ensure_base
from kboot_lab.os_build import RECIPE, Recipe
from support.netboot import console_of, copy_loaders, run_script

INSTALLED = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with both disks and the loaders as they are built."""
    folder = tmp_path_factory.mktemp("disk-loader")
    tools = Recipe(RECIPE, "", "").tools
    run_script(ensure_base(docker.from_env(), tools, print), folder, "make-disks.sh", INSTALLED)
    copy_loaders(folder)
    yield folder
    shutil.rmtree(folder)


def booted(folder: Path, firmware: str, boot_partition: str | None, site_root_path: str = "") -> str:
    """The console of a machine that boots `boot_partition`, as the cloud-config server's boot script has it.

    Without one the root path is what the site's DHCP says.
    """
    loader = (folder / "loaders" / "disk.efi").read_bytes()
    assert loader.count(b"00000000-0000-0000-0000-000000000000") == 1
    if boot_partition is not None:
        loader = loader.replace(b"00000000-0000-0000-0000-000000000000", boot_partition.encode())
    (folder / "disk.efi").write_bytes(loader)
    root_path = boot_partition or site_root_path
    (folder / "boot.ipxe").write_text(
        f"#!ipxe\n{f'set netX/root-path {root_path}' if root_path else ''}\n"
        "iseq ${platform} efi && chain --autofree tftp://10.0.2.2/disk.efi ||\n"
        "iseq ${platform} pcbios && chain --autofree tftp://10.0.2.2/disk.pxe ||\n"
    )
    return console_of(folder, "boot-disk.sh", firmware)


@pytest.mark.parametrize("firmware", ["bios", "uefi"])
def test_the_installed_disk_is_booted_though_an_older_system_is_on_the_first(served: Path, firmware: str) -> None:
    console = booted(served, firmware, INSTALLED)
    assert "BOOTED THE INSTALLED DISK" in console
    assert "BOOTED THE OLDER DISK" not in console


def test_without_the_installed_disk_no_other_is_booted_and_the_console_says_so(served: Path) -> None:
    console = booted(served, "bios", INSTALLED.replace("3f", "4f"))
    assert "Next try in a minute" in console
    assert "BOOTED" not in console


def test_a_machine_installed_by_an_earlier_kboot_boots_the_disk_with_the_kernel_of_the_os(served: Path) -> None:
    assert "BOOTED THE INSTALLED DISK" in booted(served, "uefi", None)


def test_a_root_path_of_the_site_is_no_partition(served: Path) -> None:
    console = booted(served, "bios", None, "iscsi:10.0.2.9::::iqn.2026-01.example:root")
    assert "BOOTED THE INSTALLED DISK" in console
