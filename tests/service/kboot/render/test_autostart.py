"""What systemd makes of the unit by which a cluster's services come up at a boot, and `kboot autostart` without one."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kboot.host.own_command import own_command
from kboot.host.systemd import enable_unit, enabled_unit, remove_unit, unit_names
from kboot.pki.store.cluster_secrets import load_or_create
from kboot.render import render
from kboot.render.autostart import autostart_unit
from kboot.render.compose import HostNetwork
from kboot_clusterdesc import ClusterFolder, load_text
from kboot_compose.service_names import SERVICE_NAMES

_ADDRESS = "10.99.14.253"  # on no interface here
_NO_ENGINE = {"DOCKER_HOST": "unix:///nowhere.sock"}
_DESCRIPTION = f"""apiVersion: kboot/v1
cluster: {{name: rack, domain: rack.example.com}}
network:
  bootstrapper: {_ADDRESS}
  subnet: 10.99.14.0/24
  dhcp: {{mode: serve, range: [10.99.14.1, 10.99.14.127]}}
nodes:
  - {{mac: "00:25:90:c0:f7:80", name: node1, roles: [worker]}}
"""


@pytest.mark.parametrize("root", ["/var/lib/kboot", '/srv/a "b"/50%/$HOME/back\\slash'])
@pytest.mark.parametrize("environment", [{}, {"DOCKER_HOST": "unix:///run/other docker.sock"}])
def test_systemd_has_nothing_to_say_of_the_unit(root: str, environment: dict[str, str], tmp_path: Path) -> None:
    folder = ClusterFolder(Path(root), "rack")
    unit = tmp_path / folder.unit
    unit.write_bytes(autostart_unit(folder, own_command(), environment))
    command = ["systemd-analyze", "verify", "--recursive-errors=no", "--man=no", str(unit)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_a_command_that_is_not_there_is_seen_by_systemd(tmp_path: Path) -> None:
    folder = ClusterFolder(Path("/var/lib/kboot"), "rack")
    unit = tmp_path / folder.unit
    unit.write_bytes(autostart_unit(folder, ["/gone/python", "-m", "kboot.cli.main"], {}))
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True)
    assert "/gone/python is not executable" in done.stderr


def test_systemctl_finds_it_enabled_until_it_is_removed(tmp_path: Path) -> None:
    units = tmp_path / "etc/systemd/system"
    folder = ClusterFolder(Path("/var/lib/kboot"), "rack")

    def said() -> str:
        command = ["systemctl", f"--root={tmp_path}", "is-enabled", folder.unit]
        return subprocess.run(command, capture_output=True, text=True).stdout.strip()

    content = autostart_unit(folder, own_command(), {})
    for _ in range(2):  # it may be on already
        enable_unit(folder.unit, content, units)
        assert said() == "enabled"
        assert enabled_unit(folder.unit, units) == content
    subprocess.run(["systemctl", f"--root={tmp_path}", "disable", folder.unit], check=True, capture_output=True)
    assert enabled_unit(folder.unit, units) is None
    assert unit_names("kboot-*.service", units) == [folder.unit]
    enable_unit(folder.unit, content, units)
    assert remove_unit(folder.unit, units)
    assert said() not in ("enabled", "disabled")
    assert not remove_unit(folder.unit, units)
    assert [path for path in units.rglob("*") if not path.is_dir()] == []


@pytest.fixture
def folder(tmp_path: Path) -> ClusterFolder:
    """A cluster as `kboot up` rendered it on a machine that has lost its address."""
    folder = ClusterFolder(tmp_path, "rack")
    desc = load_text(_DESCRIPTION, "rack.yaml")
    rendered = render(
        desc,
        secrets=load_or_create(folder, desc, datetime.now(UTC)),
        images={name: f"kboot/{name}:none" for name in SERVICE_NAMES},
        network=HostNetwork(),
        interface="eth0",
        root=tmp_path,
    )
    for path in ("cluster.yaml", "compose.yaml"):
        (folder.path / path).write_bytes(rendered[path].content)
    return folder


def kboot(folder: ClusterFolder, *lines: str) -> subprocess.CompletedProcess[str]:
    """Run commands one after the other where no unit is, no systemd, no card and no engine."""
    program = f"{shlex.quote(sys.executable)} -m kboot.cli.main"
    hidden = ["mount -t tmpfs tmpfs /etc/systemd/system", "[ ! -d /run/systemd ] || mount -t tmpfs tmpfs /run/systemd"]
    script = [*hidden, f'kboot() {{ {program} "$@" --root {folder.root}; }}', *lines]
    command = ["unshare", "--mount", "--net", "sh", "-c", "\n".join(script)]
    return subprocess.run(command, capture_output=True, text=True, timeout=600, env=os.environ | _NO_ENGINE)


def test_where_no_systemd_runs_the_unit_is_right_and_that_is_said(folder: ClusterFolder) -> None:
    done = kboot(folder, "kboot autostart on; echo $?", f"cat /etc/systemd/system/{folder.unit}")
    assert done.stderr == (
        "error: /etc/systemd/system/kboot-rack.service: is written and enabled, but systemd does not run here, "
        "so nothing starts it\n"
        "  hint: it counts from a boot with systemd on; else have `kboot start --cluster rack` run at a boot\n"
    )
    code, _, unit = done.stdout.partition("\n")
    assert code == "3"
    assert unit.encode() == autostart_unit(folder, own_command(), _NO_ENGINE)
    assert f'"start" "--cluster" "rack" "--root" "{folder.root}"\n' in unit


def test_doctor_tells_whether_it_is_on_and_runs_this_kboot(folder: ClusterFolder) -> None:
    done = kboot(
        folder,
        "kboot doctor | grep autostart",
        "kboot autostart on",
        "kboot doctor | grep autostart",
        f"sed -i s,^ExecStart=,ExecStart=/old/, /etc/systemd/system/{folder.unit}",
        "kboot doctor | grep -A1 autostart",
        "kboot autostart off",
        "kboot autostart off",
    )
    off, on, *lines = done.stdout.splitlines()
    assert off == "ok    autostart  off: `kboot autostart on` brings rack up after a reboot"
    assert on in (
        "FAIL  autostart  kboot-rack.service is on, but systemd does not run here",
        "ok    autostart  on: kboot-rack.service",
    )
    assert lines == [
        f"FAIL  autostart  kboot-rack.service does not run this kboot on {folder.path}",
        "      hint: write it anew: `kboot autostart on --cluster rack`",
        "autostart of rack is off",
        "autostart of rack is off already",
    ]


def test_start_waits_for_engine_and_address_no_longer_than_it_is_told_and_says_so(folder: ClusterFolder) -> None:
    done = kboot(folder, "kboot start --wait 3")
    assert done.returncode == 3
    assert done.stdout == ""
    waiting, error, hint = done.stderr.splitlines()
    lacking = f"the Docker engine does not answer and {_ADDRESS} is on no interface of this machine"
    assert waiting.split() == f"waiting {lacking}; it is looked for 3 s at most".split()
    assert error == f"error: nothing was started: after 3 s {lacking}"
    assert hint == "  hint: see to that; `kboot start --cluster rack` tries again"


def test_start_sees_the_address_when_it_comes(folder: ClusterFolder) -> None:
    said = folder.root / "said"
    done = kboot(
        folder,
        f"{shlex.quote(sys.executable)} -m kboot.cli.main start --root {folder.root} 2>{said} &",
        f"until grep 'engine does not answer and {_ADDRESS} is on no interface' {said}; do sleep 0.1; done",
        f"ip link add card type bridge && ip address add {_ADDRESS}/24 dev card",
        f"until grep 'waiting *the Docker engine does not answer; it is looked for 600 s' {said}; do sleep 0.1; done",
        "kill $!",
    )
    assert done.returncode == 0, said.read_text()


def test_a_lab_is_refused_since_its_machines_would_stay_off(folder: ClusterFolder) -> None:
    pool = "{subnet: 10.99.14.0/24, gateway: 10.99.14.254, ip_range: 10.99.14.224/28}"
    lab = f"networks:\n  lab: {{ipam: {{config: [{pool}]}}}}\n"
    folder.compose.write_text(folder.compose.read_text() + lab)
    done = kboot(folder, "kboot autostart on")
    assert done.returncode == 2
    assert "rack is a lab" in done.stderr
