"""A machine for install.sh: the real script and real bash, with a /run and commands of its own."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import stat
import subprocess
from pathlib import Path

from kboot_clusterdesc import load_text
from support.rendering import rendered_files
from unit.clusterdesc.sample import SAMPLE

TOKEN = "a-token-that-no-list-of-processes-may-show"
_FAKES = Path(__file__).parent / "fakes"
# All that is on PATH: a command that is not among these cannot be run, whatever the script says.
_REAL = (
    "awk", "bash", "cat", "chmod", "cut", "flock", "grep", "head", "mkdir", "mv", "readlink", "rm", "rmdir", "sed",
    "sort", "tail", "tee", "timeout", "touch", "tr", "uniq",
)  # fmt: skip
_RECORDED = (
    "cmp", "date", "dd", "dmsetup", "hwclock", "mdadm", "mount", "reboot", "sgdisk", "sleep", "swapoff", "sync",
    "systemctl", "umount", "wipefs",
)  # fmt: skip


class Sandbox:
    """The machine. Its disks are names only, block devices that no driver answers for, unless one is real."""

    def __init__(self, folder: Path, family: str = "flatcar", release_key: bytes | None = None) -> None:
        self.folder = folder
        self.installer = f"{family}-install"
        dialect = "cloud-config" if family == "coreos" else "ignition"
        desc = load_text(SAMPLE.replace("family: flatcar", f"family: {family}, config: {dialect}"), "rack.yaml")
        files = rendered_files(desc, release_key=release_key)
        node = f"nodes/{desc.nodes[0].mac.dashed}"
        name = "ignition.json" if dialect == "ignition" else "cloud-config.yaml"
        self.values = {
            "KBOOT_MAC": str(desc.nodes[0].mac), "KBOOT_TOKEN": TOKEN, "KBOOT_ARMED": "yes",
            "KBOOT_CHANNEL": "stable", "KBOOT_VERSION": "3975.2.0", "KBOOT_BOARD": "amd64-usr",
            "KBOOT_DISK": "", "KBOOT_CONFIG": dialect, "KBOOT_CARDS": str(desc.nodes[0].mac),
        }  # fmt: skip
        self.script = files["config/install.sh"].content.decode()
        (folder / "config").write_bytes(files[f"{node}/{name}"].content)
        (folder / "run").mkdir()
        (folder / "block").mkdir()
        (folder / "net").mkdir()
        (folder / "bin").mkdir()
        for command in _REAL:
            found = shutil.which(command)
            assert found is not None, f"{command} is not installed"
            (folder / "bin" / command).symlink_to(found)
        for command in _RECORDED:
            (folder / "bin" / command).symlink_to(_FAKES / "recorded")
        (folder / "bin" / self.installer).symlink_to(_FAKES / "installer")
        for command in ("curl", "ip", "lsblk"):
            (folder / "bin" / command).symlink_to(_FAKES / command)
        for fake in _FAKES.iterdir():
            assert fake.stat().st_mode & 0o111, f"{fake.name} may not be run"
        (folder / "disks").touch()
        (folder / "active").write_text("tty0\n")
        self.cards(f"eth0 UP {desc.nodes[0].mac} 10.10.14.11/24")

    def cards(self, *lines: str) -> None:
        """Let the machine have these cards: name, state, MAC, and addresses with their prefix."""
        (self.folder / "cards").write_text("".join(f"{line}\n" for line in lines))

    def device(self, name: str, driver: str, **told: str) -> Path:
        """Let the kernel have a card of that name, with files such as `address` and `carrier`; its folder."""
        folder = self.folder / "net" / name
        (folder / "device").mkdir(parents=True)
        (folder / "device" / "driver").symlink_to(f"../../../bus/pci/drivers/{driver}")
        for file, text in told.items():
            (folder / file).write_text(f"{text}\n")
        return folder

    def disk(
        self, name: str, kind: str = "disk", *, removable: bool = False, mounted: str = "", real: str | None = None
    ) -> str:
        """Add a disk, another node of the block device `real` where there is one; its path."""
        path = self.folder / name
        device = os.stat(real).st_rdev if real else os.makedev(240, 0)
        os.mknod(path, 0o600 | stat.S_IFBLK, device)
        with (self.folder / "disks").open("a") as disks:
            disks.write(f"{path} {kind} {removable:d} 0 {mounted}\n")
        return str(path)

    def stack(self, disk: str, *devices: tuple[str, str]) -> None:
        """Let devices of an earlier system lie on a disk, each as path and type, in the order that lsblk(8) has."""
        with (self.folder / "stack").open("a") as stack:
            stack.writelines(f"{disk} {path} {kind}\n" for path, kind in devices)

    def use_real(self, *commands: str) -> None:
        """Let commands do what they do, where they are kept only."""
        for command in commands:
            found = shutil.which(command)
            assert found is not None, f"{command} is not installed"
            (self.folder / "bin" / command).unlink()
            (self.folder / "bin" / command).symlink_to(found)

    def link_by_id(self, disk: str, *names: str) -> None:
        """Let /dev/disk/by-id/ have links to a disk, in a /dev of its own."""
        links = self.own_dev() / "disk" / "by-id"
        links.mkdir(parents=True, exist_ok=True)
        for name in names:
            (links / name).symlink_to(disk)

    def own_dev(self) -> Path:
        """Let /dev have nothing but what a script needs; the folder that is it."""
        dev = self.folder / "dev"
        if not dev.exists():
            dev.mkdir()
            subprocess.run(["mknod", "-m", "666", str(dev / "null"), "c", "1", "3"], check=True)
            (dev / "fd").symlink_to("/proc/self/fd")
        return dev

    def count_writes(self, disk: str) -> None:
        """Let the kernel count what is written to that disk; without a count every disk may have been written to."""
        block = self.folder / "block" / Path(disk).name
        block.mkdir()
        (block / "stat").write_text("0 0 0 0 0 0 8\n")

    def run(self, **values: str) -> subprocess.CompletedProcess[str]:
        """Run install.sh as the cloud-config server hands it to this machine, with `values` changed."""
        return self.run_text(self.own_script(**values))

    def own_script(self, **values: str) -> str:
        """install.sh as the cloud-config server hands it to this machine, with `values` changed."""
        lines = "\n".join(f"{name}={shlex.quote(value)}" for name, value in {**self.values, **values}.items())
        return self.script.replace("# kboot:machine", lines)

    def run_text(self, script: str) -> subprocess.CompletedProcess[str]:
        """Run a script, cut off from every network."""
        (self.folder / "install.sh").write_text(script)
        mounts = (
            'mount --bind "$1/run" /run && mount --bind "$1/block" /sys/block && mount --bind "$1/net" /sys/class/net'
        )
        mounts += " && for each in console tty0; do [ ! -e /dev/$each ] || mount --bind /dev/null /dev/$each; done"
        if (self.folder / "dev").exists():
            mounts += ' && mount --bind "$1/dev" /dev'
        mounts += ' && mount --bind "$1/active" /sys/class/tty/console/active'
        inner = f'{mounts} && exec env -i PATH="$1/bin" SANDBOX="$1" /bin/bash "$1/install.sh"'
        alone = ["unshare", "--mount", "--net", "--fork", "--kill-child", "sh", "-c", inner, "sh", str(self.folder)]
        command = ["env", "--default-signal=HUP", *alone]  # which nohup has all below it ignore
        return subprocess.run(command, capture_output=True, text=True, timeout=60)

    def lines(self, name: str) -> list[str]:
        """What a fake command has kept: `reports`, `installer.log`, `curl.log`, `headers`, `done`."""
        path = self.folder / name
        return path.read_text().splitlines() if path.exists() else []


def reason(machine: Sandbox) -> str:
    """Why the machine said that it failed."""
    last = json.loads(machine.lines("reports")[-1])
    assert last["phase"] == "failed"
    return str(last["detail"])
