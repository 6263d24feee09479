"""Carried in on one disk: a bundle alone brings empty machines to Ready where there is nothing else, and no way out.

The tests stand in the order of that day and share one bootstrapper; each needs the one before.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest

from kboot.bundle.docker_archive import stored_image
from kboot.host.waiting import looks
from kboot.supplies.bundle_manifest import Kind
from kboot.supplies.store import SupplyStore
from kboot_clusterdesc.node_images import repository_and_tag
from support.bare_bootstrapper import NAMESERVER, BareBootstrapper, bare_bootstrapper
from support.images_in_use import ImagesOnNode, Pull, images_on, pulls
from support.places import ROOT
from support.rack_machines import RackMachine, rack_machines
from support.rack_site import BOOTSTRAPPER, CLUSTER, PREFIX, ROUTER, RackSite, rack_site
from support.way_out import WayOut, is_inside, watched

_OUTSIDE = "192.0.2.80"  # RFC 5737
_COMMAND_S = 1800
_READY_S = 5400  # an emulated control plane
_IN_USE_S = 1200
_SEEN_S = 60


@dataclass(frozen=True, slots=True)
class Rack:
    """A bootstrapper with its machines, and the watch over what leaves them."""

    site: RackSite
    host: BareBootstrapper
    machines: Sequence[RackMachine]
    way: WayOut

    def nodes(self) -> list[dict[str, Any]]:
        """The nodes of `kboot status`; none while that has no answer."""
        said = self.host.run("kboot", "status", "--json").stdout
        found: list[dict[str, Any]] = json.loads(said)["nodes"] if said else []
        return found

    def consoles(self) -> str:
        """What the machines printed last."""
        return "\n".join(machine.console() for machine in self.machines)

    def wait_packet(self, target: str) -> None:
        """Wait until the watch has seen a packet for that address."""
        for _ in looks(_SEEN_S, 0.2):
            if target in {packet.target for packet in self.way.packets()}:
                return
        raise AssertionError(f"nothing to {target} was seen: {self.way.packets()}")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RackSite]:
    """The connected place where the bundle is made."""
    made = rack_site(tmp_path_factory.mktemp("site"))
    yield made
    made.carried[0].unlink()  # gigabytes


@pytest.fixture(scope="module")
def rack(site: RackSite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rack]:
    """The place that the disk is carried to."""
    folder: Path = tmp_path_factory.mktemp("rack")
    with (
        bare_bootstrapper(folder / "bootstrapper", f"{BOOTSTRAPPER}/{PREFIX}", ROUTER) as host,
        host.engine(),
        watched(host.router, host.network) as way,
        rack_machines(site.desc, folder / "machines", host.network, site.ssh_key, site.kernel) as machines,
    ):
        for path in site.carried:
            (host.media / path.name).hardlink_to(path)
        yield Rack(site, host, machines, way)


def test_there_is_nothing_to_fall_back_on_and_who_tries_is_seen(rack: Rack) -> None:
    host = rack.host
    assert host.said("docker", "images", "--all", "--quiet") == ""
    assert host.said("ls", "-A", ".") == ""
    assert host.said("ls", "-A", "/opt").split() in ([], ["containerd"])  # the engine's own, empty
    assert host.run("test", "-e", str(ROOT / "pyproject.toml")).returncode == 1
    assert host.run("kboot", "--version").returncode != 0
    assert host.run("curl", "--silent", "--max-time", "10", f"http://{_OUTSIDE}/").returncode != 0
    assert host.run("getent", "hosts", "index.example").returncode != 0
    rack.wait_packet(_OUTSIDE)
    rack.wait_packet(NAMESERVER)
    assert "index.example" in {query.name for query in rack.way.queries()}
    rack.way.forget()


def test_two_commands_bring_up_the_services(rack: Rack) -> None:
    loaded = rack.host.run("sh", "/media/rack.kboot", timeout_s=_COMMAND_S)
    assert loaded.returncode == 0, loaded.stdout + loaded.stderr
    up = rack.host.run("kboot", "up", "/media/cluster.yaml", timeout_s=_COMMAND_S)
    assert up.returncode == 0, up.stdout + up.stderr
    count = len(rack.site.images(Kind.SERVICE_IMAGE))
    assert f"service images: {count} here\n" in up.stderr
    assert "placing the release" in up.stderr
    assert f"pushing {len(rack.site.images(Kind.NODE_IMAGE))} of " in up.stderr
    again = rack.host.run("kboot", "up", "/media/cluster.yaml", timeout_s=_COMMAND_S)
    assert again.returncode == 0, again.stdout + again.stderr
    assert "is up to date" in again.stderr
    assert "pushing" not in again.stderr
    assert "placing" not in again.stderr


def test_empty_machines_install_themselves_and_the_cluster_comes_up(rack: Rack) -> None:
    for machine in rack.machines:
        machine.power_on()
    nodes: list[dict[str, Any]] = []
    for _ in looks(_READY_S, 5):
        nodes = rack.nodes()
        assert "failed" not in {node["phase"] for node in nodes}, f"{nodes}\n{rack.consoles()}"
        if nodes and {node["phase"] for node in nodes} == {rack.site.goal}:
            return
    raise AssertionError(f"not {rack.site.goal} after {_READY_S} s: {nodes}\n{rack.consoles()}")


def test_the_engine_runs_the_service_images_of_the_manifest_and_no_other(rack: Rack) -> None:
    names = set(rack.site.images(Kind.SERVICE_IMAGE))
    assert set(rack.host.said("docker", "ps", "--all", "--format", "{{.Image}}").split()) == names
    assert set(rack.host.said("docker", "images", "--format", "{{.Repository}}:{{.Tag}}").split()) == names
    store = SupplyStore(rack.host.seen("/var/lib/kboot"))
    for item in rack.site.manifest.items:
        if item.kind is Kind.SERVICE_IMAGE:
            brought = stored_image(store, item)
            (found,) = json.loads(rack.host.said("docker", "image", "inspect", item.name))
            assert found["RootFS"]["Layers"] == list(brought.unpacked), item.name
            assert found["Config"]["Labels"] == brought.labels, item.name


def test_machines_run_the_node_images_of_the_manifest_and_pulled_them_from_the_registry(rack: Rack) -> None:
    wanted = rack.site.images(Kind.NODE_IMAGE)
    found = _wait_in_use(rack, set(wanted.values()))
    for images in found.values():
        assert images.named.items() <= wanted.items()
        assert set(images.present.values()) <= set(wanted.values())
    pulled = pulls(rack.host.said("docker", "logs", f"kboot-{CLUSTER}-registry-1"))
    asked = {
        Pull(machine.address, repository_and_tag(name)[0], digest)
        for machine in rack.machines
        for name, digest in wanted.items()
        if digest in found[machine.name].running
    }
    assert asked - pulled == set()


def _wait_in_use(rack: Rack, digests: set[str]) -> dict[str, ImagesOnNode]:
    """What each machine has, once each of these images runs on one of them; pods start after the node is Ready."""
    found: dict[str, ImagesOnNode] = {}
    for _ in looks(_IN_USE_S, 10):
        found = {machine.name: images_on(machine) for machine in rack.machines}
        if digests == {digest for images in found.values() for digest in images.running}:
            return found
    raise AssertionError(f"not {digests} after {_IN_USE_S} s: {found}\n{rack.consoles()}")


def test_nothing_tried_to_leave_and_no_name_of_elsewhere_was_asked_for(rack: Rack) -> None:
    desc = rack.site.desc
    domains, networks = [desc.cluster.domain, desc.registry.domain], [desc.network.subnet]
    if desc.kubernetes:
        domains.append(desc.kubernetes.dns_domain)
        networks += [
            desc.kubernetes.pod_cidr,
            desc.kubernetes.service_cidr,
        ]  # at the router until routes stand
    targets = {IPv4Address(packet.target) for packet in rack.way.packets()}
    assert {target for target in targets if not any(target in each for each in networks)} == set(), rack.way.packets()
    assert [query for query in rack.way.queries() if not is_inside(query, domains)] == []
    machine = rack.machines[0]
    machine.ssh(f"! curl --silent --max-time 20 http://{_OUTSIDE}/")
    rack.wait_packet(_OUTSIDE)
    assert machine.address in {packet.source for packet in rack.way.packets()}
    machine.ssh("! getent hosts index.example")
    asked = {query.name: query for query in rack.way.queries()}
    assert (asked["index.example"].source, asked["index.example"].server) == (machine.address, BOOTSTRAPPER)


def test_uninstall_asks_for_more_where_machines_were_installed_and_leaves_nothing(rack: Rack) -> None:
    refused = rack.host.run("kboot", "uninstall", "--yes")
    assert refused.returncode == 2, refused.stdout + refused.stderr
    assert f"{CLUSTER}: machines were installed: node1, node2" in refused.stderr
    assert len(rack.nodes()) == len(rack.machines)
    done = rack.host.run("kboot", "uninstall", "--yes", "--destroy-clusters", timeout_s=_COMMAND_S)
    assert done.returncode == 0, done.stdout + done.stderr
    assert rack.host.left_of_kboot() == []
