"""The report of an installed machine: the real script in a machine's own /etc, and what it sends."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from kboot_cloudconfig.events import Report
from service.kboot.render.test_scripts import description, node_file
from support.namespace import etc_folder
from support.places import ROOT
from support.rendering import rendered_files

_FAKES = Path(__file__).parent / "fakes"
_LAB_OS = ROOT / "lab" / "kboot_lab" / "os" / "root"


class Machine:
    """The files that the script reads, and a curl that keeps what it is given."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        etc = etc_folder(folder / "etc")
        (etc / "ssh").mkdir()
        (etc / "kboot").mkdir()
        (etc / "os-release").write_text('NAME="an OS"\nVERSION_ID="3975.2.0"\n')
        (etc / "kboot" / "config-hash").write_text(f"{'0a' * 32}\n")
        (etc / "kboot" / "report-token").write_text("a-token\n")
        (etc / "kboot" / "node.env").write_bytes(node_file(description("flatcar"), "/etc/kboot/node.env"))
        (folder / "kboot-report").write_bytes(node_file(description("flatcar"), "/opt/bin/kboot-report"))
        (folder / "bin").mkdir()
        (folder / "run").mkdir()
        (folder / "bin" / "curl").symlink_to(_FAKES / "curl")

    def make_key(self, *kind: str, comment: str = "root@node1") -> str:
        """Have ssh-keygen make a host key; its public part as a report has it."""
        file = self.key_file(kind[0])
        command = ["ssh-keygen", "-q", "-N", "", "-C", comment, "-f", str(file.with_suffix("")), "-t", *kind]
        subprocess.run(command, check=True)
        return " ".join(file.read_text().split()[:2])

    def key_file(self, kind: str) -> Path:
        """Where sshd has a public host key."""
        return self.folder / "etc" / "ssh" / f"ssh_host_{kind}_key.pub"

    def report(self) -> dict[str, Any]:
        """What it reports, which the cloud-config server takes."""
        mounts = 'mount --bind "$1/etc" /etc && mount --bind "$1/run" /run'
        inner = f'{mounts} && exec env PATH="$1/bin:$PATH" SANDBOX="$1" bash "$1/kboot-report"'
        command = ["unshare", "--mount", "sh", "-c", inner, "sh", str(self.folder)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stderr) == (0, "")
        (line,) = (self.folder / "reports").read_text().splitlines()
        Report.model_validate_json(line)
        told: dict[str, Any] = json.loads(line)
        return told


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_a_machine_tells_the_host_keys_that_it_has_without_the_names_behind_them(machine: Machine) -> None:
    keys = [
        machine.make_key("ed25519", comment='root@"node1", "x": `id` $(id) \\'),
        machine.make_key("ecdsa", "-b", "521", comment=""),
        machine.make_key("rsa", "-b", "8192"),
    ]
    assert machine.report() == {
        "phase": "running",
        "version": "3975.2.0",
        "config": "0a" * 32,
        "ssh_host_keys": keys,
    }
    assert (machine.folder / "headers").read_text() == 'header = "Authorization: Bearer a-token"\n'


def test_a_clock_that_was_set_is_told_with_each_report_of_this_boot(machine: Machine) -> None:
    note = machine.folder / "run" / "kboot-clock"
    note.write_text("the clock stood at 2015-01-01T00:00:09Z and was set from the bootstrapper")
    assert machine.report()["detail"] == "the clock stood at 2015-01-01T00:00:09Z and was set from the bootstrapper"
    assert note.exists()


def test_a_machine_without_host_keys_reports_all_the_same(machine: Machine) -> None:
    assert machine.report()["ssh_host_keys"] == []


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"\n",
        b"ssh-ed25519",
        b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE",
        b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA\n",
        b'ssh-ed25519 AAAA"],"phase":["failed\n',
        b'from="\\" {other}\n',
        b"# {other}\n",
        b"ssh-rsa {blob}\n",
        b"ssh-dss AAAAB3NzaC1kc3MAAAA=\n",
        bytes(100),
    ],
)
def test_a_host_key_that_is_damaged_is_left_out(machine: Machine, damaged: bytes) -> None:
    other = machine.make_key("ecdsa")
    text = damaged.replace(b"{other}", other.encode()).replace(b"{blob}", other.split()[1].encode())
    machine.key_file("ed25519").write_bytes(text)
    assert machine.report()["ssh_host_keys"] == [other]


def test_the_report_comes_after_the_unit_that_makes_the_host_keys_which_it_starts() -> None:
    desc = description("flatcar")
    document = yaml.safe_load(rendered_files(desc)[f"nodes/{desc.nodes[0].mac.dashed}/cloud-config.yaml"].content)
    (unit,) = [each["content"] for each in document["coreos"]["units"] if each["name"] == "kboot-report.service"]
    lines = dict(line.split("=", 1) for line in unit.splitlines() if "=" in line)
    assert "sshd-keygen.service" in lines["Wants"].split()
    assert "sshd-keygen.service" in lines["After"].split()
    made = (_LAB_OS / "usr/lib/systemd/system/sshd-keygen.service").read_text()
    assert "-f /etc/ssh/ssh_host_ed25519_key\n" in made
