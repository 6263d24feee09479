"""`kboot uninstall` on a machine where an engine, a root, units and a cache hold what kboot made, and other things."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest

from kboot.host.lock import locked
from kboot.host.own_command import own_command
from kboot.host.state_folder import make_data_folders, supplies_lock
from kboot.pki.store.cluster_secrets import load_or_create
from kboot.render import render
from kboot.render.autostart import autostart_unit
from kboot.render.compose import HostNetwork, LabNetwork, NetworkMode
from kboot_clusterdesc import ClusterFolder, load_text
from kboot_clusterdesc.layout import STATE_MARK
from kboot_compose.service_names import SERVICE_NAMES
from support.engine_stand_in import EngineStandIn, Thing, engine_stand_in

_DESCRIPTION = """apiVersion: kboot/v1
cluster: {name: NAME, domain: rack.example.com}
network:
  bootstrapper: 10.99.14.253
  subnet: 10.99.14.0/24
  dhcp: {mode: serve, range: [10.99.14.1, 10.99.14.127]}
nodes:
  - {mac: "00:25:90:c0:f7:80", name: node1, roles: [worker]}
"""


@dataclass(frozen=True, slots=True)
class Site:
    """A machine with kboot's things on it: each in a folder of its own, and an engine."""

    root: Path
    cache: Path
    units: Path
    home: Path
    engine: EngineStandIn

    def add_cluster(self, name: str, network: NetworkMode, *, is_new: bool) -> ClusterFolder:
        """A cluster as `kboot up` leaves it; a new one was served to no machine yet."""
        folder = ClusterFolder(self.root, name)
        make_data_folders(folder)
        desc = load_text(_DESCRIPTION.replace("NAME", name), "cluster.yaml")
        rendered = render(
            desc,
            secrets=load_or_create(folder, desc, datetime.now(UTC)),
            images={service: f"kboot/{service}:none" for service in SERVICE_NAMES},
            network=network,
            interface="eth0",
            root=self.root,
        )
        for path in ("cluster.yaml", "compose.yaml"):
            (folder.path / path).write_bytes(rendered[path].content)
        if not is_new:
            (folder.state / STATE_MARK).unlink()
        self.add_containers(name, self.root / name)
        return folder

    def add_containers(self, name: str, folder: Path) -> None:
        """What the engine has of a cluster that was started from `folder`."""
        project = {"kboot.cluster": name, "com.docker.compose.project": f"kboot-{name}"}
        service = project | {"com.docker.compose.project.working_dir": str(folder)}
        self.engine.holds["containers"] += [
            Thing(f"kboot-{name}-dnsmasq-1", service | {"com.docker.compose.service": "dnsmasq"}),
            Thing(f"kboot-{name}-task", {"kboot.cluster": name, "kboot.task": name}),
        ]
        self.engine.holds["networks"].append(Thing(f"kboot-{name}_lab", project))

    def add_unit(self, folder: ClusterFolder) -> None:
        """Autostart is on."""
        (self.units / "multi-user.target.wants").mkdir(exist_ok=True)
        (self.units / folder.unit).write_bytes(autostart_unit(folder, own_command(), {}))
        (self.units / "multi-user.target.wants" / folder.unit).symlink_to(f"/etc/systemd/system/{folder.unit}")

    def uninstall(self, *arguments: str, typed: str | None = None) -> subprocess.CompletedProcess[str]:
        """The command, with these units in place of the machine's; on a terminal where something is typed."""
        command = [sys.executable, "-m", "kboot.cli.main", "uninstall", "--root", str(self.root), *arguments]
        mount = f"mount --bind {shlex.quote(str(self.units))} /etc/systemd/system && exec "
        inside = ["unshare", "--mount", "--net", "sh", "-c", f'{mount} "$@"', "sh", *command]
        environment = os.environ | self.engine.environment | {"KBOOT_CACHE": str(self.cache), "HOME": str(self.home)}
        if typed is None:
            return subprocess.run(
                inside, capture_output=True, text=True, timeout=300, env=environment, stdin=subprocess.DEVNULL
            )
        ours, theirs = os.openpty()
        os.write(ours, f"{typed}\n".encode())
        done = subprocess.run(inside, capture_output=True, text=True, timeout=300, env=environment, stdin=theirs)
        os.close(ours)
        os.close(theirs)
        return done

    def files(self) -> list[str]:
        """What lies in its folders."""
        places = (self.root, self.cache, self.units, self.home)
        return sorted(str(path) for place in places for path in place.rglob("*") if not path.is_dir())


@pytest.fixture
def site() -> Iterator[Site]:
    """A machine with one cluster that never served a machine, and things that are nobody's business here."""
    with tempfile.TemporaryDirectory(prefix="kboot-t-") as top, engine_stand_in(Path(top)) as engine:
        site = Site(Path(top, "root"), Path(top, "cache"), Path(top, "units"), Path(top, "home"), engine)
        for folder in (site.root, site.cache / "python", site.cache / "compose", site.units, site.home):
            folder.mkdir(parents=True)
        (site.cache / "python" / "wheel").touch()
        plugins = site.home / ".docker" / "cli-plugins"
        plugins.mkdir(parents=True)
        (plugins / "docker-compose").symlink_to(site.cache / "compose" / "bin")
        (site.units / "other.service").write_text("[Service]\nExecStart=/bin/true\n")
        (site.units / "kboot-not-ours.service").write_text("[Service]\nExecStart=/bin/true\n")
        engine.holds["containers"].append(Thing("a-database", {"com.docker.compose.project": "database"}))
        engine.holds["images"] += [
            Thing("sha256:1", tags=["kboot-build-base:aaaaaaaaaaaa"], created=1),
            Thing("sha256:2", {"kboot.digest": "ab"}, ["kboot-dnsmasq:0.1.0"], created=2),
            Thing("sha256:3", {"kboot.digest": "cd"}, created=3),
            Thing("sha256:4", tags=["postgres:17"], created=4),
        ]
        site.add_unit(site.add_cluster("rack", HostNetwork(), is_new=True))
        (site.root / ".supplies" / "blobs").mkdir(parents=True)
        (site.root / ".rack.lock").touch()
        yield site


_NOT_OURS = ["a-database", "sha256:4"]


def test_everything_of_kboot_goes_and_nothing_else(site: Site) -> None:
    done = site.uninstall("--yes")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "nothing that kboot made is left on this machine\n"
    assert sorted(site.engine.names()) == _NOT_OURS
    assert site.files() == [str(site.units / name) for name in ("kboot-not-ours.service", "other.service")]
    assert not site.root.exists()
    assert not site.cache.exists()
    assert site.engine.removed.index("sha256:2") < site.engine.removed.index("sha256:1"), (
        "an image goes before its base"
    )
    again = site.uninstall("--yes")
    assert (again.returncode, again.stdout) == (0, done.stdout)
    assert "this goes" not in again.stderr


def test_it_lists_first_and_says_last_how_the_program_goes(site: Site) -> None:
    done = site.uninstall(typed="yes")
    assert done.returncode == 0, done.stderr
    lines = [line.strip() for line in done.stderr.partition("Type `yes`")[0].splitlines()]
    assert lines == [
        "this goes:",
        "cluster rack",
        f"{site.root}/rack: its keys, states, images, all of it",
        "containers: kboot-rack-dnsmasq-1, kboot-rack-task",
        "networks: kboot-rack_lab",
        "unit: /etc/systemd/system/kboot-rack.service",
        "images: 3, kboot-build-base:aaaaaaaaaaaa, kboot-dnsmasq:0.1.0",
        f"{site.root}/.rack.lock",
        f"{site.root}/.supplies",
        f"{site.cache}/compose",
        f"{site.cache}/python",
        f"{site.home}/.docker/cli-plugins/docker-compose",
    ]
    assert done.stderr.splitlines()[-1].startswith("next: to remove the program, ")


@pytest.mark.parametrize(("typed", "said"), [(None, "there is no terminal to ask on"), ("no", "that was no `yes`")])
def test_without_a_yes_nothing_changes(site: Site, typed: str | None, said: str) -> None:
    before, held = site.files(), site.engine.names()
    done = site.uninstall(typed=typed)
    assert done.returncode == 2
    assert said in done.stderr
    assert (site.files(), site.engine.names()) == (before, held)


def test_a_cluster_whose_machines_may_be_installed_takes_a_word_of_its_own(site: Site) -> None:
    living = site.add_cluster("living", HostNetwork(), is_new=False)  # its server does not answer, so nobody can say
    before, held = site.files(), site.engine.names()
    for arguments in ([], ["--yes"]):
        done = site.uninstall(*arguments)
        assert done.returncode == 2
        assert "living: its machines may be installed, and nobody can say" in done.stderr
        assert f"copy {living.path} to a safe place, then say `--destroy-clusters`" in done.stderr
        assert (site.files(), site.engine.names()) == (before, held)
    assert site.uninstall("--destroy-clusters").returncode == 2, "that is no `--yes`"
    assert site.uninstall("--yes", "--destroy-clusters").returncode == 0
    assert sorted(site.engine.names()) == _NOT_OURS


def test_a_lab_goes_without_that_word(site: Site) -> None:
    network = LabNetwork(IPv4Address("10.99.14.254"), IPv4Network("10.99.14.224/28"))
    site.add_cluster("lab", network, is_new=False)
    assert site.uninstall("--yes").returncode == 0
    assert not site.root.exists()


def test_clusters_of_another_root_are_told_and_nothing_changes(site: Site) -> None:
    other = site.home / "other" / "shelf"
    shutil.copytree(site.root / "rack", other)
    site.add_containers("shelf", other)
    before, held = site.files(), site.engine.names()
    done = site.uninstall("--yes", "--destroy-clusters")
    assert done.returncode == 2
    assert f"error: clusters are kept in other folders too: {other}\n" in done.stderr
    assert f"`kboot uninstall --root {other.parent}` first" in done.stderr
    assert (site.files(), site.engine.names()) == (before, held)


def test_a_unit_of_another_root_is_enough_for_that(site: Site) -> None:
    other = ClusterFolder(site.home / "an other", "shelf")
    shutil.copytree(site.root / "rack", other.path)
    site.add_unit(other)
    done = site.uninstall("--yes")
    assert done.returncode == 2
    assert str(other.path) in done.stderr


def test_what_is_left_of_a_cluster_whose_folder_was_removed_by_hand_goes_too(site: Site) -> None:
    site.add_containers("gone", site.root / "gone")
    site.add_unit(ClusterFolder(site.root / "elsewhere", "gone"))
    done = site.uninstall("--yes")
    assert done.returncode == 0, done.stderr
    assert sorted(site.engine.names()) == _NOT_OURS
    assert list(site.units.glob("kboot-gone*")) == []


def test_a_newer_folder_is_refused_and_nothing_changes(site: Site) -> None:
    (site.root / "rack" / "kboot.json").write_text(json.dumps({"kboot": "9.1.0", "format": 7}))
    before, held = site.files(), site.engine.names()
    done = site.uninstall("--yes", "--destroy-clusters")
    assert done.returncode == 2
    assert "was changed by kboot 9.1.0" in done.stderr
    assert (site.files(), site.engine.names()) == (before, held)


def test_nothing_goes_while_a_bundle_is_loaded(site: Site) -> None:
    before, held = site.files(), site.engine.names()
    with locked(supplies_lock(site.root)):
        done = site.uninstall("--yes")
    assert done.returncode == 1
    assert f"{site.root}/.supplies.lock: held by process {os.getpid()} (" in done.stderr
    (site.root / ".supplies.lock").unlink()
    assert (site.files(), site.engine.names()) == (before, held)


def test_hidden_files_of_others_under_the_root_stay(site: Site) -> None:
    theirs = [site.root / ".parent.lock", site.root / ".other.removed", site.root / ".away.lock"]
    theirs[0].write_text("4711\n")
    theirs[1].touch()
    theirs[2].symlink_to(site.home)
    ours = [site.root / ".killed.lock", site.root / ".gone.removed"]
    ours[0].write_text("process 7 (kboot up)\n")
    (ours[1] / "pki").mkdir(parents=True)
    done = site.uninstall("--yes")
    assert done.returncode == 3
    assert f"{site.root} stays: .away.lock, .other.removed, .parent.lock is nothing that kboot made" in done.stderr
    assert sorted(site.root.iterdir()) == sorted(theirs)


def test_what_stays_is_told_and_the_next_run_completes(site: Site) -> None:
    (site.root / "notes.txt").touch()
    base = next(image for image in site.engine.holds["images"] if image.name == "sha256:1")
    base.used_by = "container a-database"
    done = site.uninstall("--yes")
    assert done.returncode == 3
    assert (
        "kboot-build-base:aaaaaaaaaaaa stays: conflict: kboot-build-base:aaaaaaaaaaaa is used by container a-database"
        in done.stderr
    )
    assert f"{site.root} stays: notes.txt is nothing that kboot made" in done.stderr
    (site.root / "notes.txt").unlink()
    base.used_by = ""
    assert site.uninstall("--yes").returncode == 0
    assert sorted(site.engine.names()) == _NOT_OURS
