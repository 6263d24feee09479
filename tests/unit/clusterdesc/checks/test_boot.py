"""How machines boot: the architecture, and loaders of single nodes."""

from __future__ import annotations

import pytest

from kboot_clusterdesc import Loader
from unit.clusterdesc.sample import SAMPLE, accepted, os, place, refusal, spoilt

WORKER = '"00:25:90:c0:f6:ee", roles: [worker]'


def test_an_architecture_that_no_loader_is_built_for_is_refused() -> None:
    text = os("arch: arm64")
    assert refusal(text) == (
        f"{place(text, 'arm64')}: os.arch: kboot has no boot loader for arm64, so no machine would start\n"
        "  hint: write `arch: amd64`, or leave it out, and machines of another architecture too"
    )


@pytest.mark.parametrize("loader", list(Loader))
def test_a_node_may_have_any_loader_that_is_handed_out(loader: Loader) -> None:
    desc = accepted(spoilt((WORKER, f"{WORKER}, loader: {loader}")))
    assert [node.loader for node in desc.nodes] == [None, loader]


def test_a_loader_that_is_not_handed_out_is_refused_with_those_that_are() -> None:
    problem = refusal(spoilt((WORKER, f"{WORKER}, loader: grub.efi")))
    assert "nodes[1].loader" in problem
    assert "snponly.efi" in problem


def test_a_loader_where_the_site_answers_dhcp_is_refused() -> None:
    off = ("mode: serve, range: [10.10.14.1, 10.10.14.127], lease: 24h", 'mode: "off"')
    text = spoilt(off, (WORKER, f"{WORKER}, ip: 10.10.14.202, loader: ipxe.efi"))
    assert refusal(text) == (
        f"{place(text, 'ipxe.efi')}: nodes[1].loader: "
        "with `mode: off` the site's own DHCP server says what a machine loads, kboot does not\n"
        "  hint: take it out, and have that server send this machine to tftp://10.10.14.253/ipxe.efi"
    )


def test_a_node_has_its_own_kernel_line_in_place_of_the_usual_one() -> None:
    usual = ("family: flatcar", 'kernel_args: [iommu=pt], console: [tty0, "ttyS1,57600n8"], family: flatcar')
    desc = accepted(spoilt(usual, (WORKER, f"{WORKER}, kernel_args: [], console: [ttyS0]")))
    first, worker = desc.nodes
    assert desc.os.boot_arguments_of(first) == "console=tty0 console=ttyS1,57600n8 iommu=pt"
    assert desc.os.boot_arguments_of(worker) == "console=ttyS0"
    plain = accepted(SAMPLE)
    assert plain.os.boot_arguments_of(plain.nodes[0]) == "console=tty0 console=ttyS0,115200n8"


@pytest.mark.parametrize(
    "argument", ["a b", "a\\tb", "x=$y", 'dyndbg=\\"x\\"', "a#b", "${net0/mac}", "a|b", "a\\nb", "-x", ""]
)
def test_what_a_boot_loader_would_read_as_its_own_is_refused(argument: str) -> None:
    assert "nodes[1].kernel_args[0]" in refusal(spoilt((WORKER, f'{WORKER}, kernel_args: ["{argument}"]')))


@pytest.mark.parametrize(
    ("argument", "way"),
    [
        ("console=ttyS1,115200n8", "hint: write it as `console: [ttyS1,115200n8]`"),
        ("initrd=mine", "`initrd` is written by kboot or the OS's own boot loader\n  hint: leave it out"),
        ("root=/dev/sda9", "hint: leave it out: the OS finds its disk by itself"),
        ("flatcar.autologin", "hint: leave it out"),
    ],
)
def test_an_argument_that_kboot_or_the_os_writes_is_refused_with_a_way_out(argument: str, way: str) -> None:
    text = spoilt((WORKER, f'{WORKER}, kernel_args: [quiet, "{argument}"]'))
    assert "nodes[1].kernel_args[1]: " in refusal(text)
    assert way in refusal(text)


def test_more_than_a_kernel_reads_is_refused() -> None:
    line = ", ".join(f"argument{i}={'x' * 100}" for i in range(12))
    assert "more than 1200 letters" in refusal(spoilt((WORKER, f"{WORKER}, kernel_args: [{line}]")))
