"""Which units of the lab OS wait for what: kinder than Flatcar's, but on a machine that asks for them as shipped."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from kboot_lab.os_build import RECIPE

_UNITS = RECIPE / "root" / "usr" / "lib" / "systemd" / "system"
_GENERATOR = RECIPE / "root" / "usr" / "lib" / "systemd" / "system-generators" / "kboot-lab-as-shipped"
_CLOUDINIT = "user-cloudinit-proc-cmdline.service"


def generated(place: Path, asset_tag: str) -> dict[str, str]:
    """The files that the generator writes, for a machine with this asset tag."""
    tag = place / "sys" / "class" / "dmi" / "id" / "chassis_asset_tag"
    tag.parent.mkdir(parents=True)
    tag.write_text(f"{asset_tag}\n")
    units = place / "units"
    units.mkdir()
    environment = os.environ | {"KBOOT_LAB_PLACE": str(place)}
    subprocess.run(["sh", str(_GENERATOR), str(units)], env=environment, check=True)
    made = (*units.rglob("*.conf"), *(place / "run").rglob("*.conf"))
    return {str(path.relative_to(place)): path.read_text() for path in made}


def test_no_unit_of_flatcar_waits_for_the_network_by_itself() -> None:
    assert "network-online" not in (_UNITS / _CLOUDINIT).read_text()
    assert _CLOUDINIT not in (_UNITS / "hostname-from-lease.service").read_text()


def test_a_kind_machine_waits_for_the_network_before_it_asks_and_speaks_on_the_console(tmp_path: Path) -> None:
    found = generated(tmp_path, "kboot-lab:ide")
    assert list(found) == [f"units/{_CLOUDINIT}.d/10-kind.conf"]
    (text,) = found.values()
    assert "After=network-online.target" in text


def test_a_machine_as_shipped_waits_for_nothing_and_is_silent(tmp_path: Path) -> None:
    found = generated(tmp_path, "kboot-lab:ide:as-shipped")
    assert found == {
        "units/user-cloudinit.service.d/10-as-shipped.conf": "[Unit]\nAfter=containerd.service\n",
        "run/systemd/journald.conf.d/20-as-shipped.conf": "[Journal]\nForwardToConsole=no\n",
    }
