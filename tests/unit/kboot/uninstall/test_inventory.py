"""Whether a machine was ever installed, by what the cloud-config server shows of it."""

from __future__ import annotations

from typing import Any

import pytest

from kboot.service_images.present import is_ours
from kboot.uninstall.inventory import was_installed

# As the server shows one, and so with a `config`, which is `current` for as long as it runs none.
_NEVER = {
    "armed": True,
    "phase": "waiting",
    "phases": {"waiting": "2026-01-01T00:00:00Z"},
    "config": "current",
    "ssh_host_keys": [],
}


@pytest.mark.parametrize("phase", ["waiting", "leased", "booting", "installing", "failed"])
def test_a_machine_that_was_given_no_secrets_was_not(phase: str) -> None:
    assert not was_installed(_NEVER | {"phase": phase, "phases": {"waiting": "x", phase: "x"}})


@pytest.mark.parametrize(
    "more",
    [
        {"phase": "configured"},
        {"phase": "failed", "phases": {"configured": "x"}},
        {"phase": "ready"},
        {"armed": False, "reason": "the state was lost"},
        {"version": "3975.2.0"},  # it runs, and is armed for a reinstall
        {"boot_partition": "c7f5"},
        {"install_disk": "/dev/sda"},
        {"ssh_host_keys": ["ssh-ed25519 AAAA"]},
    ],
)
def test_whatever_an_install_leaves_counts_also_after_a_new_arming(more: dict[str, Any]) -> None:
    assert was_installed(_NEVER | more)


@pytest.mark.parametrize(
    ("names", "labels", "ours"),
    [
        (["kboot-build-base:7189d7b53058"], {}, True),
        (["kboot-dnsmasq:0.1.0"], {"kboot.digest": "ab"}, True),
        (["registry.site:5000/kboot-dnsmasq:0.1.0"], {"kboot.digest": "ab"}, True),
        ([], {"kboot.digest": "ab"}, True),
        (["kboot-of-somebody:1"], {}, False),
        (["library/kboot/x:1"], {}, False),
        (["debian:bookworm-slim"], {}, False),
    ],
)
def test_images_of_kboot_are_known_by_their_label_and_bases_by_their_name(
    names: list[str], labels: dict[str, str], ours: bool
) -> None:
    assert is_ours(names, labels) is ours
