"""What the real Ignition makes of the node configs."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from kboot.render import RenderedFile
from kboot_cloudconfig.joining import personal
from kboot_clusterdesc import ClusterDesc, Mac, joined, load
from support.places import GOLDEN_RENDERS
from support.rendering import rendered_files

CASES = GOLDEN_RENDERS
IGNITION = "/usr/lib/dracut/modules.d/30ignition/ignition"
STAGES = ("fetch-offline", "kargs", "disks", "mount", "files", "umount")


def case(name: str) -> tuple[ClusterDesc, dict[str, RenderedFile]]:
    """The description of a golden case and its render."""
    desc = load(CASES / name / "cluster.yaml")
    return desc, rendered_files(desc, folder=CASES / name)


@pytest.mark.parametrize("name", ["lab", "rack", "proxy", "coreos", "joined"])
def test_ignition_validate_has_nothing_to_say_of_any_node(name: str) -> None:
    desc, files = case(name)
    for node in desc.nodes:
        config = files[f"nodes/{node.mac.dashed}/ignition.json"].content
        done = subprocess.run(["ignition-validate", "-"], input=config, capture_output=True)
        assert (done.returncode, done.stdout + done.stderr) == (0, b"")


@pytest.fixture
def root() -> Iterator[Path]:
    """As little of a system as Ignition needs to make users in: the account files, and no SELinux.

    It lies where any user may enter, since Ignition writes a user's keys as that user."""
    with tempfile.TemporaryDirectory(prefix="kboot-t-") as scratch:
        Path(scratch).chmod(0o755)
        yield bare_system(Path(scratch) / "root")


def bare_system(root: Path) -> Path:
    """The account files of a system, and its word that it has no SELinux."""
    etc = root / "etc"
    (etc / "selinux").mkdir(parents=True)
    (etc / "selinux" / "config").write_text("SELINUXTYPE=none\n")
    (etc / "passwd").write_text("root:x:0:0:root:/root:/bin/bash\n")
    (etc / "group").write_text("root:x:0:\ndocker:x:999:\n")
    (etc / "shadow").write_text("root:*:19000:0:99999:7:::\n")
    (etc / "gshadow").write_text("")
    (root / "home").mkdir()
    return root


def apply(config: bytes, root: Path) -> None:
    """Run every stage of Ignition on `root`, as a machine does at its first boot."""
    scratch = root.parent
    (scratch / "config.ign").write_bytes(config)
    (scratch / "bin").mkdir()
    (scratch / "bin" / "setfiles").symlink_to("/bin/true")
    environment = {
        **os.environ,
        "PATH": f"{scratch / 'bin'}:{os.environ['PATH']}:/usr/sbin:/sbin",
        "IGNITION_CONFIG_FILE": str(scratch / "config.ign"),
    }
    options = [f"--root={root}", "--platform=file", "--log-to-stdout", f"--config-cache={scratch / 'cache.json'}"]
    options += [f"--neednet={scratch / 'neednet'}", f"--state-file={scratch / 'state'}"]
    for stage in STAGES:
        command = [IGNITION, f"--stage={stage}", *options]
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        assert done.returncode == 0, done.stdout[-2000:]


def test_ignition_applies_a_node_config_to_an_empty_system(root: Path) -> None:
    desc, files = case("coreos")
    node = desc.nodes[1]
    apply(files[f"nodes/{node.mac.dashed}/ignition.json"].content, root)
    modes = {
        "etc/hostname": 0o644,
        "etc/kboot/ca.pem": 0o644,
        "etc/kboot/report-token": 0o600,
        "etc/motd": 0o600,  # the node's own fragment over the cluster's
        "opt/bin/kboot-report": 0o755,
        "opt/bin/tidy": 0o755,
        "etc/systemd/network/10-kboot.network": 0o644,
    }
    assert {path: (root / path).stat().st_mode & 0o7777 for path in modes} == modes
    assert (root / "etc/hostname").read_text() == f"{node.name}\n"
    assert (root / "etc/motd").read_text() == "a worker\n"
    assert (root / "etc/kboot/report-token").read_bytes() == files[f"nodes/{node.mac.dashed}/report-token"].content
    assert (root / "etc/kboot/config-hash").read_bytes() == files[f"nodes/{node.mac.dashed}/config-hash"].content
    assert "Environment=A=$b" in (root / "etc/systemd/system/docker.service.d/10-log.conf").read_text()
    preset = (root / "etc/systemd/system-preset/20-ignition.preset").read_text().splitlines()
    assert {"enable kboot-report.service", "enable kboot-timezone.service", "enable docker.service"} <= set(preset)
    assert desc.ssh_authorized_keys[0] in (root / "home/core/.ssh/authorized_keys.d/ignition").read_text()
    assert {line.split(":")[0] for line in (root / "etc/passwd").read_text().splitlines()} == {"root", "core", "ops"}


@pytest.mark.parametrize("name", ["lab", "rack", "proxy", "coreos", "joined"])
def test_ignition_applies_the_config_of_every_node(name: str) -> None:
    desc, files = case(name)
    for node in desc.nodes:
        with tempfile.TemporaryDirectory(prefix="kboot-t-") as scratch:
            Path(scratch).chmod(0o755)
            root = bare_system(Path(scratch) / "root")
            apply(files[f"nodes/{node.mac.dashed}/ignition.json"].content, root)
            assert (root / "etc/hostname").read_text() == f"{node.name}\n"


@pytest.mark.parametrize("mac", ["52:54:00:00:00:99", "00:00:00:00:00:01", "fe:ff:ff:ff:ff:ff"])
def test_ignition_makes_of_the_config_that_all_share_that_of_one_machine(root: Path, mac: str) -> None:
    _, files = case("joined")
    node = joined.joined_node(Mac(mac))
    shared = files[f"nodes/{joined.FOLDER}/ignition.json"].content
    config = personal(shared, node, report_token="a-Report_token", join_token="abcdef.0123456789abcdef")
    done = subprocess.run(["ignition-validate", "-"], input=config, capture_output=True)
    assert (done.returncode, done.stdout + done.stderr) == (0, b"")
    apply(config, root)
    assert (root / "etc/hostname").read_text() == f"{node.name}\n"
    assert f"KBOOT_MAC={mac}\n" in (root / "etc/kboot/node.env").read_text()
    token = root / "etc/kubernetes/kubelet/join-token"
    assert (token.read_text(), token.stat().st_mode & 0o7777) == ("abcdef.0123456789abcdef", 0o600)
    assert f"--hostname-override={node.name}\n" in (root / "etc/systemd/system/kubelet.service").read_text()
