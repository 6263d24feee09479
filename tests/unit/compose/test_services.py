"""Another service is one entry and a folder: the launcher knows the rest from them."""

from __future__ import annotations

import os
import re
import shutil
import socket
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from kboot.bring_up.preview import Action, actions
from kboot.bring_up.render_folder import differences, write_render
from kboot.host.engine import ServiceState
from kboot.host.state_folder import make_data_folders
from kboot.pki import KeyPair
from kboot.pki.node_keys import own_specs
from kboot.preflight.ports import taken_ports
from kboot.render import RenderedFile
from kboot.service_images.build import image_references, recipes
from kboot_clusterdesc import ClusterDesc, ClusterFolder
from kboot_compose.service_names import SERVICE_NAMES
from kboot_compose.services import LOOPBACK, SERVICES, Folder, Mount, Port, ServerNames, Service, User
from support.fixed_secrets import fixed_secrets
from support.places import ROOT
from support.rendering import rendered_files
from unit.clusterdesc.sample import SAMPLE, accepted

MIRROR = Service(
    "mirror",
    User("kboot-mirror", 64320),
    "256m",
    ("CMD", "/usr/local/bin/healthcheck"),
    (
        Mount("config", "/etc/kboot", reads=("clusterdesc.yaml", "ca.pem")),
        Mount("tls/mirror", "/etc/kboot-tls"),
        Mount("mirror", "/var/lib/mirror"),
    ),
    writes=(Folder("mirror", 0o750),),
    restarts_on=("config/ca.pem", "tls/mirror/"),
    capabilities=("NET_BIND_SERVICE",),
    ports=lambda desc: (Port("tcp", 873),),
    tls=lambda desc: ServerNames((f"mirror.{desc.cluster.domain}",), (desc.network.bootstrapper,)),
    runs=lambda desc: desc.os.channel == "stable",
)
WITH_MIRROR = (*SERVICES, MIRROR)


@pytest.fixture
def desc() -> ClusterDesc:
    """A description whose channel is stable."""
    return accepted(SAMPLE)


def _rendered(desc: ClusterDesc, pair: KeyPair | None = None) -> dict[str, RenderedFile]:
    secrets = fixed_secrets(desc)
    servers = {**secrets.servers, "mirror": pair or KeyPair(b"certificate", b"key")}
    return rendered_files(desc, secrets=replace(secrets, servers=servers), services=WITH_MIRROR)


def _project(files: dict[str, RenderedFile]) -> Any:
    return yaml.safe_load(files["compose.yaml"].content)["services"]


def test_its_container_is_rendered_where_it_runs(desc: ClusterDesc) -> None:
    shown = _project(_rendered(desc))["mirror"]
    assert (shown["mem_limit"], shown["cap_add"]) == ("256m", ["NET_BIND_SERVICE"])
    assert shown["healthcheck"]["test"] == ["CMD", "/usr/local/bin/healthcheck"]
    assert [(Path(each["source"]).name, each["target"], each["read_only"]) for each in shown["volumes"]] == [
        ("config", "/etc/kboot", True),
        ("mirror", "/etc/kboot-tls", True),
        ("mirror", "/var/lib/mirror", False),
    ]
    beta = accepted(SAMPLE.replace("channel: stable", "channel: beta"))
    assert set(_project(_rendered(beta))) == {service.name for service in SERVICES}


def test_its_certificate_is_made_and_rendered_for_it_alone(desc: ClusterDesc) -> None:
    (spec,) = (spec for spec in own_specs(desc, WITH_MIRROR) if spec.name == "mirror")
    assert (spec.subject.names, spec.subject.addresses) == (("mirror.ail.example.com",), (desc.network.bootstrapper,))
    files = _rendered(desc)
    assert {path for path in files if path.startswith("tls/mirror/")} == {
        "tls/mirror/server.pem",
        "tls/mirror/server.key",
    }
    assert (files["tls/mirror/server.key"].mode, files["tls/mirror/server.key"].uid) == (0o600, 64320)


def test_its_folder_is_made_and_belongs_to_it(tmp_path: Path) -> None:
    make_data_folders(ClusterFolder(tmp_path, "rack"), WITH_MIRROR)
    made = (tmp_path / "rack" / "mirror").stat()
    assert stat.S_IMODE(made.st_mode) == 0o750
    assert made.st_uid == (64320 if os.geteuid() == 0 else os.geteuid())


def test_its_ports_are_looked_for_until_it_runs(desc: ClusterDesc) -> None:
    with socket.create_server((str(LOOPBACK), 0)) as other:
        port = Port("tcp", other.getsockname()[1])
        mirror = replace(MIRROR, ports=lambda desc: (), loopback_ports=lambda desc: (port,))
        assert port in [each.port for each in taken_ports(desc, [], [mirror])]
        assert taken_ports(desc, [ServiceState("mirror", "running", "healthy", None)], [mirror]) == []


def test_what_it_reads_but_once_restarts_it_and_the_rest_reloads_it(desc: ClusterDesc, tmp_path: Path) -> None:
    folder = ClusterFolder(tmp_path, desc.cluster.name)
    before = _rendered(desc)
    write_render(folder, before)
    running = {name: ServiceState(name, "running", "healthy", None) for name in _project(before)}

    def told(after: dict[str, RenderedFile]) -> Action:
        changes = differences(folder, after)
        return actions(_project(after), _project(before), running, changes, WITH_MIRROR)["mirror"]

    assert told(before) is Action.NONE
    assert told(_rendered(accepted(SAMPLE.replace("operator@", "other@")))) is Action.RELOAD
    assert told(_rendered(desc, KeyPair(b"another certificate", b"another key"))) is Action.RESTART
    del running["mirror"]
    assert told(before) is Action.CREATE


def test_its_image_is_named_by_its_folder_and_its_user(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "services", tmp_path / "services")
    (tmp_path / "clusterdesc").symlink_to(ROOT / "clusterdesc")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "services" / "mirror").mkdir()
    (tmp_path / "services" / "mirror" / "packages.txt").write_text("rsync\n")
    dockerfile = tmp_path / "services" / "mirror" / "Dockerfile"
    dockerfile.write_text("ARG BASE\nFROM ${BASE}\nARG UID\nUSER ${UID}\n")
    named = image_references(tmp_path, WITH_MIRROR)
    assert list(named) == ["dnsmasq", "cloudconfig", "registry", "updater", "time", "mirror"]
    assert re.fullmatch(r"kboot-mirror:[0-9.]+-[0-9a-f]{12}", named["mirror"])
    other = image_references(tmp_path, (*SERVICES, replace(MIRROR, user=User("kboot-mirror", 64321))))
    assert {name for name in named if named[name] != other[name]} == {"mirror"}
    dockerfile.write_text("ARG BASE\nFROM ${BASE}\n")
    assert image_references(tmp_path, WITH_MIRROR)["mirror"] not in (named["mirror"], other["mirror"])


def test_ports_follow_the_description(desc: ClusterDesc) -> None:
    ports = {str(port) for service in SERVICES for port in service.ports(desc)}
    assert ports == {"53/udp", "53/tcp", "67/udp", "69/udp", "80/tcp", "443/tcp", "5000/tcp", "123/udp"}
    assert [str(port) for service in SERVICES for port in service.loopback_ports(desc)] == ["5001/tcp"]
    silent = accepted(SAMPLE.replace("{mode: serve, range: [10.10.14.1, 10.10.14.127], lease: 24h}", "{mode: off}"))
    assert Port("udp", 67) not in [port for service in SERVICES for port in service.ports(silent)]


def test_beside_another_dhcp_server_the_port_that_firmware_asks_for_what_to_boot_is_ours_too() -> None:
    beside = SAMPLE.replace("{mode: serve, range: [10.10.14.1, 10.10.14.127], lease: 24h}", "{mode: proxy}")
    desc = accepted(beside.replace('f6:ee", roles', 'f6:ee", ip: 10.10.14.202, roles'))
    ports = {str(port) for service in SERVICES for port in service.ports(desc)}
    assert ports == {"53/udp", "53/tcp", "67/udp", "4011/udp", "69/udp", "80/tcp", "443/tcp", "5000/tcp", "123/udp"}


def test_a_port_that_an_edit_asks_of_a_service_that_runs_is_looked_at(desc: ClusterDesc) -> None:
    with socket.create_server(("0.0.0.0", 0)) as other:  # noqa: S104 - the very case
        port = Port("tcp", other.getsockname()[1])

        def ports_of(asked: ClusterDesc) -> tuple[Port, ...]:
            return (port,) if asked.registry.port == port.number else ()

        mirror = replace(MIRROR, ports=ports_of)
        runs = [ServiceState("mirror", "running", "healthy", None)]
        after = desc.model_copy(update={"registry": desc.registry.model_copy(update={"port": port.number})})
        assert [each.port for each in taken_ports(after, runs, [mirror], before=desc)] == [port]
        assert taken_ports(after, runs, [mirror], before=after) == []
        assert taken_ports(after, runs, [mirror]) == []


def test_time_is_served_unless_the_description_names_servers(desc: ClusterDesc) -> None:
    files = rendered_files(desc)
    assert "time" in _project(files)
    assert b"bindaddress 10.10.14.253\nallow 10.10.14.0/24\nlocal stratum 10\n" in files["config/chrony.conf"].content
    assert b"option:ntp-server,10.10.14.253\n" in files["config/dnsmasq.conf"].content
    named = rendered_files(accepted(SAMPLE.replace("  routers:", "  ntp: [10.10.14.253, 192.0.2.9]\n  routers:")))
    assert "time" not in _project(named)
    assert "config/chrony.conf" not in named
    assert b"option:ntp-server,10.10.14.253,192.0.2.9\n" in named["config/dnsmasq.conf"].content


def test_every_image_is_told_the_user_of_its_service() -> None:
    found = {recipe.name: recipe for recipe in recipes(ROOT)}
    for service in SERVICES:
        assert found[service.name].arguments["UID"] == str(service.user.uid)
        assert found[service.name].arguments["USER"] == service.user.name
        assert str(service.user.uid) not in (found[service.name].folder / "Dockerfile").read_text()


def test_users_keep_their_numbers_since_the_folders_of_clusters_belong_to_them() -> None:
    numbers = {service.name: service.user.uid for service in SERVICES}
    kept = {"dnsmasq": 64313, "cloudconfig": 64310, "registry": 64312, "updater": 64310}
    assert {name: numbers[name] for name in kept} == kept


def test_what_is_written_is_mounted_and_what_restarts_is_read() -> None:
    for service in SERVICES:
        mounted = {mount.path for mount in service.mounts}
        assert {folder.path for folder in service.writes} <= mounted
        for path in (*service.restarts_on, *service.hands_over_on):
            assert any(mount.is_read(path.rstrip("/")) for mount in service.mounts), (service.name, path)


def test_no_two_services_write_one_folder() -> None:
    written = [folder.path for service in SERVICES for folder in service.writes]
    assert len(written) == len(set(written))


def test_what_services_take_over_while_they_run(desc: ClusterDesc) -> None:
    files = rendered_files(desc, release_key=b"a key")
    for path in files:
        names = {each.name for each in SERVICES if each.reloads(path)}
        once = ("tls/cloudconfig/server.pem", "tls/cloudconfig/server.key")
        by_folder = path.startswith(("config/", "nodes/", "tls/cloudconfig/")) and path not in once
        assert ("cloudconfig" in names) is by_folder, path
        assert ("updater" in names) is (path in ("config/clusterdesc.yaml", "config/release-key.asc")), path
        assert not {"dnsmasq", "registry", "time"} & names, path


def test_the_names_of_the_services_are_told_in_their_order() -> None:
    assert tuple(service.name for service in SERVICES) == SERVICE_NAMES
