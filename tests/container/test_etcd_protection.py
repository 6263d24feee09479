"""containerd and etcd's container as a machine runs them: what the kernel is told of both."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from kboot.host.waiting import looks
from kboot.render import Attachments
from kboot.render.nodes import node_config
from kboot_clusterdesc.node_images import image
from support.fixed_secrets import fixed_secrets
from support.fleets import Fleet
from support.image_archives import docker_archive
from support.namespace import etc_folder
from support.programs import waiting_program

_FOLDERS = ("etc", "opt", "run", "var/lib")
_CGROUPS = Path("/sys/fs/cgroup")
_WEIGHTS = {_CGROUPS / "kboot/cpu.weight": 1000, _CGROUPS / "cpu/kboot/cpu.shares": 10240}  # of cgroups 2 and 1
# Below 0 takes CAP_SYS_RESOURCE, which a container that tests run in may lack.
_KERNEL_LETS = subprocess.run(["choom", "--adjust", "-1", "true"], capture_output=True).returncode == 0


class Machine:
    """A folder with the files of an etcd member; programs see it in place of the host's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        desc = Fleet(1).desc
        self.image = image(desc, "etcd")
        etc_folder(folder / "etc")
        for name in _FOLDERS:
            (folder / name).mkdir(parents=True, exist_ok=True)
        for name in ("hosts", "resolv.conf"):
            (folder / "etc" / name).touch()
        for file in node_config(desc, desc.etcd_members[0], fixed_secrets(desc), Attachments()).files:
            if file.path.startswith(("/etc/containerd", "/etc/etcd", "/opt/bin")):
                path = folder / file.path.lstrip("/")
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(file.content)
                path.chmod(file.mode)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command on it to its end."""
        return subprocess.run(self._entered(command), capture_output=True, text=True, timeout=60, env=self._environment)

    @contextmanager
    def runs(self, *command: str) -> Iterator[subprocess.Popen[bytes]]:
        """A command on it goes on meanwhile, its words in `log`."""
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(self._entered(command), stdout=log, stderr=log, env=self._environment)
        try:
            yield process
        finally:
            process.terminate()
            process.wait(20)

    def pid(self, file: str, process: subprocess.Popen[bytes]) -> int:
        """The number in a file, once it is there."""
        for _ in looks(60, 0.1):
            assert process.poll() is None, (self.folder / "log").read_text()
            if (self.folder / file).exists() and (text := (self.folder / file).read_text()):
                return int(text)
        raise AssertionError((self.folder / "log").read_text())

    def _entered(self, command: tuple[str, ...]) -> list[str]:
        binds = "".join(f"mount --bind {self.folder}/{name} /{name} && " for name in _FOLDERS)
        return ["unshare", "--mount", "sh", "-c", f'{binds}exec "$@"', "sh", *command]

    @property
    def _environment(self) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "CONTAINERD_SNAPSHOTTER": "native"}  # overlays do not lie on overlays


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """containerd runs there, and has an image of etcd."""
    made = Machine(tmp_path / "machine")
    archive = docker_archive(made.folder / "run/etcd.tar", made.image, files={"usr/local/bin/etcd": waiting_program()})
    with made.runs("/usr/bin/containerd", "--config", "/etc/containerd/kboot.toml") as process:
        for _ in looks(60, 0.2):
            assert process.poll() is None, (made.folder / "log").read_text()
            done = made.run("ctr", "--namespace", "kboot", "images", "import", f"/run/{archive.name}")
            if done.returncode == 0:
                break
        (made.folder / "run/containerd.pid").write_text(str(process.pid))
        assert done.returncode == 0, done.stderr
        yield made
    for left in (*_CGROUPS.glob("kboot"), *_CGROUPS.glob("*/kboot")):
        left.rmdir()


def _is_told(pid: int, adjustment: int, said: str, log: Path) -> bool:
    """Whether the kernel was told how soon to end a process; where it takes that from nobody, whether one tried."""
    found = int(Path(f"/proc/{pid}/oom_score_adj").read_text())
    return found == adjustment or (not _KERNEL_LETS and said in log.read_text())


def test_a_pod_goes_before_etcd_and_etcd_before_containerd_and_etcd_has_its_part_of_the_cpus(machine: Machine) -> None:
    log = machine.folder / "log"
    containerd = int((machine.folder / "run/containerd.pid").read_text())
    assert _is_told(containerd, -999, "failed to change OOM score to -999", log), log.read_text()
    with ExitStack() as stack:
        member = stack.enter_context(machine.runs("/opt/bin/kboot-etcd", "run"))
        stack.callback(machine.run, "ctr", "--namespace", "kboot", "tasks", "kill", "--signal", "SIGKILL", "etcd")
        etcd = machine.pid("run/kboot-etcd.pid", member)
        weights = [file for file in _WEIGHTS if file.exists()]
        assert weights
        for _ in looks(20, 0.1):
            if int(weights[0].read_text()) in (1000, 10240):
                break
        assert int(weights[0].read_text()) == _WEIGHTS[weights[0]]
        assert Path(f"/proc/{etcd}/cmdline").read_bytes() == b"/usr/local/bin/etcd\0"
        assert _is_told(etcd, -998, "etcd goes as any other where memory is short", log), log.read_text()
