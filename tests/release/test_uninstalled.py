"""`kboot uninstall` on a bootstrapper with a real engine: all that kboot made goes, all else stays."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from kboot.cli.main import run
from kboot_compose.service_names import SERVICE_NAMES
from support.bare_bootstrapper import BareBootstrapper, bare_bootstrapper

_BOOTSTRAPPER, _ROUTER = "10.77.31.253", "10.77.31.254"
_DESCRIPTION = """apiVersion: kboot/v1
cluster: {name: brief, domain: brief.example.com}
network:
  bootstrapper: 10.77.31.253
  subnet: 10.77.31.0/24
  dhcp: {mode: serve, range: [10.77.31.100, 10.77.31.150], lease: 24h}
nodes:
  - {mac: "52:54:00:77:31:01", name: node1, roles: [worker]}
"""
_WITHOUT = ["--without", "node-image", "--without", "os-file", "--without", "binary", "--without", "document"]
_COMMAND_S = 900


@pytest.fixture(scope="module")
def bootstrapper(
    tmp_path_factory: pytest.TempPathFactory, service_images: dict[str, str]
) -> Iterator[BareBootstrapper]:
    """One whose services run, with a volume and an image of somebody else in its engine."""
    folder: Path = tmp_path_factory.mktemp("uninstalled")
    with bare_bootstrapper(folder / "bootstrapper", f"{_BOOTSTRAPPER}/24", _ROUTER) as host, host.engine():
        description = host.media / "cluster.yaml"
        description.write_text(_DESCRIPTION)
        command = ["bundle", "create", str(description), "-o", str(host.media / "rack.kboot")]
        assert run([*command, "--root", str(folder / "root"), *_WITHOUT]) == 0
        host.said("docker", "volume", "create", "of-others")
        host.said("sh", "-c", "tar -C /etc -c hostname | docker import - of-others:1")
        host.said("sh", "/media/rack.kboot", timeout_s=_COMMAND_S)
        host.said("kboot", "up", "/media/cluster.yaml", timeout_s=_COMMAND_S)
        yield host


def test_all_that_kboot_made_goes_and_what_is_of_others_stays(bootstrapper: BareBootstrapper) -> None:
    before = set(bootstrapper.left_of_kboot())
    services = {f"kboot-brief-{service}-1" for service in SERVICE_NAMES}
    images = {f"kboot-{service}:{version('kboot')}" for service in SERVICE_NAMES}
    assert services | images | {"/var/lib/kboot", "of-others", "of-others:1"} <= before
    done = bootstrapper.run("kboot", "uninstall", "--yes", timeout_s=_COMMAND_S)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout == "nothing that kboot made is left on this machine\n"
    assert sorted(bootstrapper.left_of_kboot()) == ["of-others", "of-others:1"]


def test_the_program_goes_by_the_command_that_is_named(bootstrapper: BareBootstrapper) -> None:
    again = bootstrapper.run("kboot", "uninstall", "--yes")
    assert (again.returncode, again.stdout) == (0, "nothing that kboot made is left on this machine\n")
    assert "`rm -r /opt/kboot`, and the link `/usr/local/bin/kboot` where it leads there" in again.stderr
    bootstrapper.said("rm", "-r", "/opt/kboot", "/usr/local/bin/kboot")
    assert bootstrapper.run("kboot", "--version").returncode != 0
