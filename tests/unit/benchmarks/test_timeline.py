"""Where the seconds of an install went, out of the server's log."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from kboot_bench.timeline import stages, table

MAC, OTHER = "52:54:00:00:00:01", "52:54:00:00:00:02"
POWER_ON = datetime(2026, 11, 29, 9, 0, 0, tzinfo=UTC)


def _request(second: int, path: str, ip: str = "10.0.0.1", method: str = "GET", status: int = 200) -> str:
    at = f"2026-11-29T09:{second // 60:02}:{second % 60:02}.000Z"
    return json.dumps({"at": at, "event": "request", "ip": ip, "status": status, "method": method, "path": path})


def _event(second: int, kind: str, mac: str = MAC, ip: str = "10.0.0.1") -> str:
    at = f"2026-11-29T09:{second // 60:02}:{second % 60:02}.000Z"
    return json.dumps({"at": at, "event": "event", "kind": kind, "mac": mac, "ip": ip})


LOG = [
    _request(10, "/boot.ipxe"),
    _event(11, "booting"),
    _request(11, "/boot/52-54-00-00-00-01.ipxe"),
    _request(12, "/boot.ipxe", ip="10.0.0.2"),
    _event(12, "booting", mac=OTHER, ip="10.0.0.2"),
    _request(20, "/stable/1.0/flatcar_production_pxe.vmlinuz"),
    "a line of something else",
    _request(31, "/stable/1.0/flatcar_production_pxe_image.cpio.gz"),
    _request(45, "/pxe.ign"),
    f"cloudconfig-1  | {_request(50, '/install.sh')}",
    _event(51, "installing"),
    _event(53, "configured"),
    _request(54, "/stable/1.0/flatcar_production_image.bin.bz2", method="HEAD"),
    _request(90, "/stable/1.0/flatcar_production_image.bin.bz2"),
    _event(92, "installed"),
    _request(104, "/boot.ipxe"),
    _request(105, "/boot/52-54-00-00-00-01.ipxe"),
    _event(125, "running"),
]


def test_each_second_from_power_on_to_running_is_in_one_stage() -> None:
    found = stages(LOG, MAC, POWER_ON)
    assert [stage.seconds for stage in found] == [10, 1, 20, 14, 5, 3, 37, 2, 12, 1, 20]
    assert sum(stage.seconds for stage in found) == 125
    assert found[-1].name == "boot from the disk"


def test_an_unknown_power_on_leaves_the_first_stage_out() -> None:
    assert stages(LOG, MAC)[0].name == "boot script"


def test_the_newest_install_is_the_one_that_is_shown() -> None:
    again = [line.replace("T09:", "T10:") for line in LOG]
    assert [stage.end.hour for stage in stages([*LOG, *again], MAC)] == [10] * 10


def test_a_machine_that_is_on_its_way_has_the_stages_so_far() -> None:
    assert [stage.name for stage in stages(LOG[:8], MAC)] == ["boot script", "kernel and initrd fetched"]


def test_a_machine_that_was_not_installed_has_none() -> None:
    assert stages(LOG, "52:54:00:00:00:99") == []


def test_a_floor_stands_beside_its_stage_and_in_the_ratio_of_all() -> None:
    said = table(stages(LOG, MAC), {"boot from the disk": 16.0, "image fetched, unpacked, written": 32.0})
    lines = said.splitlines()
    assert "boot from the disk                            20.0 s      16.0 s   1.25" in lines
    assert lines[-1].split() == ["of", "these,", "with", "a", "floor", "57.0", "s", "48.0", "s", "1.19"]
