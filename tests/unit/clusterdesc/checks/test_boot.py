"""How machines boot: the architecture, and loaders of single nodes."""

from __future__ import annotations

import pytest

from kboot_clusterdesc import Loader
from unit.clusterdesc.sample import accepted, os, place, refusal, spoilt

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
