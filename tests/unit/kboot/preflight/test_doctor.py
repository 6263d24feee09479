"""`kboot doctor`: what it says without a description."""

from __future__ import annotations

from pathlib import Path

import pytest

from kboot.preflight.doctor import checks
from kboot_clusterdesc import ClusterFolder, dump
from support.places import ROOT
from unit.clusterdesc.sample import SAMPLE, accepted


def test_it_says_as_the_documents_do_that_secure_boot_has_to_be_off(tmp_path: Path) -> None:
    found = {check.name: check for check in checks(None, tmp_path)}
    assert found["secure boot"].ok, "nothing to repair on this machine"
    assert "has to be off" in found["secure boot"].found
    for page in ("README.md", "docs/operate.md"):
        assert "Secure Boot" in (ROOT / page).read_text(), page


def test_without_the_command_docker_it_names_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = {check.name: check for check in checks(None, tmp_path)}["compose"]
    assert (found.ok, found.found) == (False, "the command `docker` is not installed")
    assert "`apt install docker.io`" in found.hint


def test_in_a_lab_the_address_is_looked_for_on_no_interface_of_this_machine(tmp_path: Path) -> None:
    folder = ClusterFolder(tmp_path, "ail")
    folder.description.parent.mkdir(parents=True)
    folder.description.write_bytes(dump(accepted(SAMPLE)))
    network = "{ipam: {config: [{subnet: 10.10.14.0/24, gateway: 10.10.14.254, ip_range: 10.10.14.240/28}]}}"
    folder.compose.write_text(f"services: {{}}\nnetworks: {{lab: {network}}}\n")
    found = {check.name: check for check in checks(None, tmp_path)}
    assert found["address"].ok
    assert found["address"].found == "ail is a lab: 10.10.14.253 and its ports are in a network of their own"
    assert "ports" not in found
