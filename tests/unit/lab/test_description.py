"""The description as a lab can have it."""

from __future__ import annotations

from pathlib import Path

import pytest

from kboot.errors import BadInput
from kboot_clusterdesc import ClusterDesc
from kboot_clusterdesc.loader import Loader
from kboot_lab.addresses import lab_addresses
from kboot_lab.description import DEBIAN_ETCD, lab_description, with_attachments_of, with_kubernetes
from unit.clusterdesc.sample import SAMPLE, accepted, spoilt, with_block


def in_a_lab(desc: ClusterDesc) -> ClusterDesc:
    """The description with what a lab has."""
    addresses = lab_addresses(desc)
    return lab_description(desc, addresses, release_key="/key", payload_key="/pem", ssh_key="ssh-ed25519 AAAA")


def test_without_binaries_the_machines_run_etcd_alone_and_the_lab_says_so() -> None:
    possible = with_kubernetes(accepted(SAMPLE), None)
    assert possible.desc.kubernetes is None
    assert possible.desc.images == {"etcd": DEBIAN_ETCD}
    assert any("make kubernetes" in note for note in possible.notes)


def test_an_image_of_etcd_that_was_named_stays() -> None:
    named = accepted(with_block("images", "images: {etcd: mine/etcd:1}\n"))
    assert with_kubernetes(named, None).desc.images == {"etcd": "mine/etcd:1"}


def test_flannel_gives_way_to_routes_with_a_word() -> None:
    possible = with_kubernetes(accepted(SAMPLE), "v1.36.2")
    assert possible.desc.kubernetes is not None
    assert possible.desc.kubernetes.cni.name == "routes"
    assert any("flannel" in note for note in possible.notes)


def test_binaries_of_another_version_are_refused() -> None:
    with pytest.raises(BadInput, match=r"v1\.36\.2, and the binaries here are v1\.35\.0"):
        with_kubernetes(accepted(SAMPLE), "v1.35.0")


def test_a_fleet_without_kubernetes_stays_one() -> None:
    fleet: ClusterDesc = accepted(spoilt(("kubernetes: {version: v1.36.2}\n", "")))
    assert with_kubernetes(fleet, "v1.36.2").desc == fleet


def test_files_beside_the_description_are_found_from_anywhere(tmp_path: Path) -> None:
    text = spoilt(("version: current", "version: current, extra: e.yaml"), ("v1.36.2}", "v1.36.2, manifests: [m/]}"))
    desc = with_attachments_of(accepted(text), tmp_path)
    assert desc.os.extra == str(tmp_path / "e.yaml")
    assert desc.kubernetes is not None
    assert desc.kubernetes.manifests == (str(tmp_path / "m"),)


def test_bios_machines_load_an_ipxe_that_drives_their_cards_unless_they_name_a_loader() -> None:
    made = in_a_lab(accepted(spoilt((", ip: 10.10.14.201", ", ip: 10.10.14.201, loader: pxelinux.0"))))
    assert [node.loader for node in made.nodes][:2] == [Loader.PXELINUX, Loader.IPXE_BIOS]


def test_releases_and_their_payloads_come_from_the_lab_whatever_was_named() -> None:
    update = "update: {payload_url: 'http://mirror.example.com/{board}', keep: 3}"
    named = accepted(spoilt(("version: current", f"version: current, {update}")))
    os = in_a_lab(named).os
    assert (os.release_key, os.update.payload_key, os.update.payload_url, os.update.keep) == ("/key", "/pem", None, 3)
    assert os.release_url == f"http://{lab_addresses(named).release_server}/{{channel}}/{{board}}"
