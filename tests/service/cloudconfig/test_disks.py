"""The disks of a machine: which it has, which it is installed to, which it boots from."""

from __future__ import annotations

import re
from urllib.parse import quote

import pytest

from .conftest import HOME, NODE1, NODE2, RELEASE, Server

GUID = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"


def test_an_installed_machine_boots_the_disk_that_it_reported_by_either_firmware(server: Server) -> None:
    server.loader.write_bytes(b"MZ set installed=00000000-0000-0000-0000-000000000000 echo")
    server.report(NODE1, "installed", server.install_token(NODE1), boot_partition=GUID)
    assert server.node(NODE1)["boot_partition"] == GUID
    script = server.get(f"/boot/{NODE1}.ipxe", who=NODE1).text
    assert f"set netX/root-path {GUID}\n" in script
    assert "sanboot" not in script
    found = re.search(r"http://10\.10\.14\.253(/boot/disk\.efi\S+)", script)
    assert found
    assert server.get(found[1]).content == f"MZ set installed={GUID} echo".encode()


def test_a_node_shows_the_disks_that_its_machine_told_until_it_tells_others(server: Server) -> None:
    disk = {
        "name": "/dev/sda", "id": "/dev/disk/by-id/ata-DISK_A1", "model": "SSD 870", "serial": "A1",
        "size_bytes": 256060514304, "holds": "gpt ext4",
    }  # fmt: skip
    assert server.node(NODE1)["disks"] == []
    token = server.install_token(NODE1)
    assert server.report(NODE1, "installing", token, disks=[disk]).status_code == 204
    server.report(NODE1, "installing", token, bytes=1)
    server.report(NODE1, "failed", token, detail="several disks")
    server.stop()
    server.start()
    assert server.node(NODE1)["disks"] == [disk]
    server.arm(NODE1)
    assert server.node(NODE1)["disks"] == [disk]
    other = disk | {"name": "/dev/sdb", "holds": ""}
    server.report(NODE1, "installing", server.install_token(NODE1), disks=[other])
    assert server.node(NODE1)["disks"] == [other]


def test_an_install_may_take_the_disk_again_that_an_earlier_one_took_and_no_other(server: Server) -> None:
    assert "KBOOT_KNOWN_DISK=''" in server.get("/install.sh", who=NODE1).text
    disk = "/dev/disk/by-id/ata-DISK_A1"
    token = server.install_token(NODE1)
    assert server.report(NODE1, "installing", token, install_disk=disk).status_code == 204
    server.report(NODE1, "failed", token, detail="cut off")
    assert f"KBOOT_KNOWN_DISK={disk}\n" in server.get("/install.sh", who=NODE1).text
    server.report(NODE1, "installed", server.install_token(NODE1))
    server.arm(NODE1)
    assert f"KBOOT_KNOWN_DISK={disk}\n" in server.get("/install.sh", who=NODE1).text
    assert server.node(NODE1)["install_disk"] == disk


def test_a_report_that_comes_after_the_install_names_no_disk_for_the_next_one(server: Server) -> None:
    token = server.install_token(NODE1)
    server.report(NODE1, "installing", token, install_disk="/dev/disk/by-id/ata-DISK_A1")
    server.report(NODE1, "installed", token)
    disk = {"name": "/dev/sdb", "size_bytes": 1}
    late = server.report(NODE1, "installing", token, install_disk="/dev/disk/by-id/ata-DATA_B2", disks=[disk])
    assert late.status_code == 204, "it is no refusal"
    node = server.node(NODE1)
    assert (node["install_disk"], node["disks"]) == ("/dev/disk/by-id/ata-DISK_A1", [])
    assert not [event for event in server.events() if event["kind"] == "refused"]


@pytest.mark.parametrize("phase", ["installing", "installed", "failed"])
def test_an_install_is_reported_from_the_machines_own_address_alone(server: Server, phase: str) -> None:
    token = server.install_token(NODE1)
    body = {"phase": phase, "install_disk": "/dev/disk/by-id/ata-DATA_B2"}
    path = f"/v1/nodes/{NODE1}/events"
    assert server.ask("POST", path, who=NODE2, tls=True, token=token, body=body).status_code == 403
    node = server.node(NODE1)
    assert (node["phase"], node["armed"], node["install_disk"]) == ("installing", True, None)
    assert node["reason"] == f"its report was refused to {HOME[NODE2]}, which is not its own address"
    assert server.report(NODE1, "installing", token).status_code == 204
    assert server.node(NODE1)["reason"] is None


def test_a_machine_that_an_earlier_kboot_installed_may_take_its_disk_again_whichever_it_is(server: Server) -> None:
    server.report(NODE1, "installed", server.install_token(NODE1))
    server.report(NODE1, "running", server.secrets.report_tokens[NODE1], version=RELEASE)
    server.arm(NODE1)
    assert "KBOOT_KNOWN_DISK=any\n" in server.get("/install.sh", who=NODE1).text


@pytest.mark.parametrize("disks", ["x", [{"name": "/dev/sda"}], [{"name": "a", "size_bytes": -1}], [{}] * 200])
def test_what_are_no_disks_is_no_report(server: Server, disks: object) -> None:
    assert server.report(NODE1, "installing", server.install_token(NODE1), disks=disks).status_code == 400


@pytest.mark.parametrize("guid", ["", "x", GUID.upper(), f"{GUID}\n", f"{GUID}'; reboot #"])
def test_what_is_no_guid_is_neither_reported_nor_written_into_a_loader(server: Server, guid: str) -> None:
    token = server.install_token(NODE1)
    assert server.report(NODE1, "installed", token, boot_partition=guid).status_code == 400
    assert server.get(f"/boot/disk.efi?boot_partition={quote(guid)}").status_code == 400


def test_the_boot_partition_is_known_until_the_next_install_reports_its_own(server: Server) -> None:
    server.report(NODE1, "installed", server.install_token(NODE1), boot_partition=GUID)
    server.arm(NODE1)
    server.arm(NODE1, "disarm")
    assert GUID in server.get(f"/boot/{NODE1}.ipxe", who=NODE1).text
    server.arm(NODE1)
    server.report(NODE1, "installed", server.install_token(NODE1))
    assert "/boot/disk.efi ||" in server.get(f"/boot/{NODE1}.ipxe", who=NODE1).text
