"""The script that brings a running machine to its config, run for real below a root of the test."""

from __future__ import annotations

import os
import subprocess
import tarfile
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest

from kboot.node import DropIn, File, NodeConfig, Unit, cloud_config, document, ignition, read_document
from kboot.node.config import with_hash
from kboot.render import Attachments
from kboot.render.nodes import node_config
from kboot.upgrade.apply import archive, unpack
from kboot_clusterdesc import load_text
from support.fixed_secrets import fixed_secrets
from support.fleets import Fleet

# What systemd and the account database of the machine are to the script.
_SYSTEMCTL = """#!/bin/bash
set -eu
case $1 in
  is-enabled)
    unit=${@: -1}
    if grep -qxF "$unit" "$EDGE/masked"; then [ "$2" = --quiet ] || echo masked; exit 1; fi
    if grep -qxF "$unit" "$EDGE/enabled"; then [ "$2" = --quiet ] || echo enabled; exit 0; fi
    [ "$2" = --quiet ] || echo disabled
    exit 1 ;;
  show)
    unit=${@: -1}
    if grep -qxF "$unit" "$EDGE/masked"; then echo masked; exit; fi
    case $unit in systemd-* | containerd.service | docker.service) echo loaded; exit ;; esac # of the OS
    if [ -f "$ROOT/etc/systemd/system/$unit" ]; then echo loaded; else echo not-found; fi
    exit ;;
  mask) echo "$2" >>"$EDGE/masked" && ln -s /dev/null "$ROOT/etc/systemd/system/$2" ;;
  enable) echo "$2" >>"$EDGE/enabled" ;;
  disable) grep -vxF "$3" "$EDGE/enabled" >"$EDGE/left" || true; mv "$EDGE/left" "$EDGE/enabled" ;;
esac
echo "$*" >>"$EDGE/said"
if [ -e "$EDGE/broken" ] && grep -qxF "$*" "$EDGE/broken"; then exit 1; fi
[ "$1" = restart ] || exit 0
for unit in "${@:2}"; do
  case $unit in --*) continue ;; esac
  [ "$("$0" show "$unit")" = loaded ] || { echo "Unit $unit not found." >&2; exit 5; }
done
"""
_GETENT = """#!/bin/bash
[ "$1 $2" = "passwd core" ] && echo "core:x:$(id -u):$(id -g)::/home/core:/bin/bash"
"""
# What is safe from a power cut, and which config is said to be in force when the folder of that is written out.
_SYNC = """#!/bin/bash
for word in "$@"; do
  [ "$word" = --file-system ] || [ -e "$word" ] || exit 1
  word=${word#"$ROOT"}
  case $word in /etc) echo "$word $(cat "$ROOT/etc/kboot/config-hash" 2>/dev/null)" ;; *) echo "$word" ;; esac
done >>"$EDGE/synced"
"""
_OWN = File("/etc/own.conf", b"a\n", read_by=None)
_REPORT = "restart --no-block kboot-report.service"


class Machine:
    """A root folder, and what the script has said to systemd."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "root"
        self.edge = folder / "edge"
        self.scratch = folder / "run"
        for each in (self.root, self.edge, self.scratch):
            each.mkdir()
        tools = {"systemctl": _SYSTEMCTL, "getent": _GETENT, "sync": _SYNC, "ctr": "#!/bin/bash\n"}  # no pods
        for name, text in tools.items():
            (self.edge / name).write_text(text)
            (self.edge / name).chmod(0o755)
        for state in ("enabled", "masked"):
            (self.edge / state).touch()

    def install(self, config: NodeConfig) -> list[str]:
        """Stand as after an install, with the config where it is applied from at each boot; what was said."""
        self.write("/home/core/.ssh/authorized_keys", b"")
        self.write("/var/lib/flatcar-install/user_data", b"")
        return self.give(config)

    def give(self, config: NodeConfig, *, holds_addons: bool = False) -> list[str]:
        """Apply a config; what the script told systemd."""
        done = self.run(sent(config, holds_addons=holds_addons))
        assert done.returncode == 0, done.stderr.decode()
        return self.said()

    def run(self, given: bytes) -> subprocess.CompletedProcess[bytes]:
        """Unpack and run, as over ssh."""
        command = unpack(str(self.scratch), str(self.root))
        environment = {"PATH": f"{self.edge}:{os.environ['PATH']}", "EDGE": str(self.edge), "ROOT": str(self.root)}
        done = subprocess.run(command, input=given, capture_output=True, env=environment)
        assert list(self.scratch.iterdir()) == []
        return done

    def said(self) -> list[str]:
        """What was told to systemd since the last look, questions apart."""
        log = self.edge / "said"
        lines = log.read_text().splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return lines

    def write(self, path: str, content: bytes) -> None:
        """Put a file there."""
        target = self.root / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)

    def files(self) -> dict[str, tuple[bytes, int, int]]:
        """path -> content, mode and the file's own number, which a rename changes."""
        found = (path for path in self.root.rglob("*") if path.is_file() and not path.name.endswith(".lock"))
        return {
            f"/{path.relative_to(self.root)}": (path.read_bytes(), path.stat().st_mode & 0o777, path.stat().st_ino)
            for path in found
        }


def sent(config: NodeConfig, *, holds_addons: bool = False) -> bytes:
    """The archive of a config as `kboot up` renders it."""
    whole, _ = with_hash(config)
    return archive(read_document(document(whole)), ignition(whole), cloud_config(whole), holds_addons)


def described(change: Callable[[str], str] = lambda text: text, number: int = 0) -> NodeConfig:
    """The config of one node of a fleet whose description was changed."""
    desc = load_text(change(Fleet().text), "fleet.yaml")
    return node_config(desc, desc.nodes[number], fixed_secrets(desc), Attachments())


def restarted(said: list[str]) -> set[str]:
    """The units that were started anew, the report apart."""
    words = {word for line in said if line.startswith("restart ") for word in line.split()[1:]}
    return words - {"--no-block", "kboot-report.service"}


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    made = Machine(tmp_path)
    made.install(described())
    made.said()
    return made


def test_everything_of_a_config_stands_with_its_mode_and_its_units_are_enabled(machine: Machine) -> None:
    config, number = with_hash(described())
    files = machine.files()
    for file in config.files:
        assert files[file.path][:2] == (file.content, file.mode), file.path
    assert {file.path for file in config.all_files} <= set(files)
    assert files["/etc/kboot/config-hash"][0] == f"{number}\n".encode()
    assert files["/var/lib/flatcar-install/user_data"][0] == cloud_config(config)
    assert files["/home/core/.ssh/authorized_keys"][0] == f"{config.ssh_authorized_keys[0]}\n".encode()
    enabled = (machine.edge / "enabled").read_text().split()
    assert sorted(enabled) == sorted(unit.name for unit in config.units if unit.enabled)


def test_a_second_run_touches_no_file_and_starts_nothing_anew(machine: Machine) -> None:
    before = machine.files()
    assert machine.give(described()) == [_REPORT]
    assert machine.files() == before


def test_what_is_said_to_be_in_force_outlasts_a_power_cut(machine: Machine) -> None:
    (machine.edge / "synced").unlink()
    before, newer = with_hash(described())[1], described(lambda text: text.replace("v1.36.2", "v1.36.3"))
    machine.give(newer)
    synced = (machine.edge / "synced").read_text().splitlines()
    first, last = synced.index(f"/etc {before}"), synced.index(f"/etc {with_hash(newer)[1]}")
    units = "/etc/systemd/system/.kubelet.service.kboot-new"
    number = synced.index("/etc/kboot/.config-hash.kboot-new")
    assert synced.index(units) < first < synced.index("/var/lib/kboot") < number < last


def test_a_new_version_fetches_its_binaries_before_anything_starts_anew(machine: Machine) -> None:
    newer = described(lambda text: text.replace("v1.36.2", "v1.36.3"))
    said = machine.give(newer)
    assert said[0] == "daemon-reload"
    assert said[1] == "restart kboot-assets.service"
    assert restarted(said) == {"kboot-assets.service", "kubelet.service", "kboot-addons.service"}
    assert said[-1] == _REPORT
    assert b"v1.36.3/kubelet " in machine.files()["/etc/systemd/system/kubelet.service"][0]
    assert machine.give(newer) == [_REPORT]


def test_etcd_is_started_anew_by_its_own_files_alone(machine: Machine) -> None:
    said = machine.give(described(lambda text: f"images: {{etcd: 'registry.k8s.io/etcd:9'}}\n{text}"))
    assert restarted(said) == {"etcd.service"}


def test_addons_that_are_held_are_written_and_not_applied(machine: Machine) -> None:
    newer = described(lambda text: f"images: {{coredns: 'registry.k8s.io/coredns/coredns:v9'}}\n{text}")
    assert restarted(machine.give(newer, holds_addons=True)) == set()
    assert b"coredns:v9" in machine.files()["/etc/kubernetes/addons/manifests/40-coredns.yaml"][0]


def test_what_left_the_config_goes_and_what_kboot_did_not_write_stays(machine: Machine) -> None:
    machine.write("/etc/kubernetes/manifests/own.yaml", b"by hand\n")
    gone = Unit("gone.service", "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n")
    drop_in = DropIn("90-own.conf", "[Service]\nNice=1\n")
    kubelet = next(unit for unit in described().units if unit.name == "kubelet.service")
    own = NodeConfig("", files=(_OWN,), units=(gone, replace(kubelet, drop_ins=(drop_in,))))
    machine.give(described().merged(own))
    said = machine.give(described())
    files = machine.files()
    assert not {"/etc/own.conf", "/etc/systemd/system/gone.service"} & set(files)
    assert "/etc/systemd/system/kubelet.service.d/90-own.conf" not in files
    assert files["/etc/kubernetes/manifests/own.yaml"][0] == b"by hand\n"
    assert "disable --now gone.service" in said
    assert restarted(said) == {"kubelet.service"}
    assert "gone.service" not in (machine.edge / "enabled").read_text().split()


def test_a_unit_that_is_switched_off_is_disabled(machine: Machine) -> None:
    timer = next(unit for unit in described().units if unit.name == "etcd-snapshot.timer")
    said = machine.give(described().merged(NodeConfig("", units=(replace(timer, enabled=False),))))
    assert "disable --now etcd-snapshot.timer" in said
    assert restarted(said) == set()


def test_a_run_that_stopped_half_way_is_taken_to_its_end_by_the_next(machine: Machine) -> None:
    newer = described(lambda text: text.replace("v1.36.2", "v1.36.3"))
    before = machine.files()["/etc/kboot/config-hash"]
    (machine.edge / "broken").write_text("restart kboot-assets.service\n")
    failed = machine.run(sent(newer))
    assert failed.returncode == 1
    assert failed.stderr.decode().splitlines()[-1].startswith("kboot-apply: the new binaries cannot be fetched: ")
    assert restarted(machine.said()) == {"kboot-assets.service"}
    assert machine.files()["/etc/kboot/config-hash"] == before
    (machine.edge / "broken").unlink()
    assert restarted(machine.give(newer)) == {"kboot-assets.service", "kubelet.service", "kboot-addons.service"}
    assert machine.give(newer) == [_REPORT]


def test_what_was_to_be_started_anew_by_a_config_that_was_taken_back_is_left_alone(machine: Machine) -> None:
    newer = described(lambda text: text.replace("v1.36.2", "v1.36.3"))
    unit = "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n"
    own = NodeConfig("", units=(Unit("foo.service", unit), Unit("bar.service", unit)))
    (machine.edge / "broken").write_text("restart kboot-assets.service\n")
    assert machine.run(sent(newer.merged(own))).returncode == 1
    (machine.edge / "broken").unlink()
    with (machine.edge / "masked").open("a") as masked:
        masked.write("bar.service\n")  # by the operator
    machine.said()
    said = machine.give(described())
    assert restarted(said) == {"kboot-assets.service", "kubelet.service", "kboot-addons.service"}
    assert machine.files()["/etc/kboot/config-hash"][0] == f"{with_hash(described())[1]}\n".encode()
    assert machine.give(described()) == [_REPORT]


@pytest.mark.parametrize("share", [0, 0.01, 0.5, 0.95, 0.99, 0.999])
def test_an_archive_that_was_cut_off_changes_nothing(machine: Machine, share: float) -> None:
    whole = sent(described(lambda text: text.replace("v1.36.2", "v1.36.3"))).rstrip(b"\0")
    before = machine.files()
    assert machine.run(whole[: int(len(whole) * share)]).returncode != 0
    assert (machine.files(), machine.said()) == (before, [])


def test_a_byte_that_changed_on_the_way_changes_nothing(machine: Machine) -> None:
    given = sent(described(lambda text: text.replace("v1.36.2", "v1.36.3")))
    before = machine.files()
    done = machine.run(given.replace(b"v1.36.3/kubelet ", b"v1.36.4/kubelet "))
    assert (done.returncode, done.stderr.decode().splitlines()[-1]) == (
        1,
        "kboot-apply: the config did not arrive whole; nothing was changed",
    )
    assert (machine.files(), machine.said()) == (before, [])


def test_an_account_that_is_not_there_is_left_to_a_reinstall(machine: Machine) -> None:
    before = machine.files()
    done = machine.run(sent(described()).replace(b"keys/core", b"keys/corf"))
    assert done.returncode != 0
    assert (machine.files(), machine.said()) == (before, [])


def test_the_same_config_gives_the_same_archive_and_nothing_in_it_tells_who_made_it_when() -> None:
    given = sent(described())
    assert given == sent(described())
    with tarfile.open(fileobj=BytesIO(given)) as tar:
        entries = tar.getmembers()
    assert {(each.mtime, each.uid, each.gid, each.uname, each.gname) for each in entries} == {(0, 0, 0, "", "")}
    assert all(each.isfile() and not each.name.startswith(("/", ".")) for each in entries)


def test_the_script_is_sound() -> None:
    with tarfile.open(fileobj=BytesIO(sent(described()))) as tar:
        member = tar.extractfile("kboot-apply")
        assert member is not None
        script = member.read()
    checked = subprocess.run(["shellcheck", "--shell=bash", "-"], input=script, capture_output=True)
    assert (checked.returncode, checked.stdout.decode()) == (0, "")
