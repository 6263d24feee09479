"""`kboot up` on the real engine: what runs, how it is confined, what a second run touches."""

from __future__ import annotations

import json
import os
import signal
import tarfile
from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from testcontainers.core.container import DockerContainer

from kboot.host.migrations import FORMAT
from kboot.host.waiting import looks
from kboot.support.archive import secret_contents
from kboot_compose.service_names import SERVICE_NAMES
from kboot_compose.services import SERVICES, UPDATER
from support.cluster import TestCluster, cluster_up

_HEALTH = {service.name: list(service.health[1:]) for service in SERVICES}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestCluster]:
    """One cluster for the tests of this file."""
    root: Path = tmp_path_factory.mktemp("root")
    with cluster_up(root, "ct-up", "10.77.14.0/24") as made:
        yield made


def _ids(cluster: TestCluster) -> dict[str, str]:
    return {name: cluster.container(name).id for name in SERVICE_NAMES}


def _started(cluster: TestCluster) -> dict[str, tuple[str, str]]:
    states = {name: cluster.container(name) for name in SERVICE_NAMES}
    return {name: (each.id, each.attrs["State"]["StartedAt"]) for name, each in states.items()}


def test_a_second_up_changes_no_file_and_recreates_no_container(cluster: TestCluster) -> None:
    before = _started(cluster)
    outcome = cluster.up()
    assert (outcome.changes, outcome.recreated, _started(cluster)) == ([], [], before)


def test_the_folder_says_which_kboot_made_it(cluster: TestCluster) -> None:
    assert json.loads(cluster.folder.stamp.read_text()) == {"kboot": version("kboot"), "format": FORMAT}


def test_another_upstream_dns_restarts_dnsmasq_alone(cluster: TestCluster) -> None:
    before = _ids(cluster)
    cluster.upstream = "192.0.2.54"
    cluster.describe()
    outcome = cluster.up()
    assert outcome.recreated == ["dnsmasq"]
    assert {name for name, id_ in _ids(cluster).items() if before[name] != id_} == {"dnsmasq"}
    assert "server=192.0.2.54" in (cluster.folder.config / "dnsmasq.conf").read_text()


@pytest.mark.parametrize("service", SERVICE_NAMES)
def test_every_service_is_confined(cluster: TestCluster, service: str) -> None:
    attrs: dict[str, Any] = cluster.container(service).attrs
    host = attrs["HostConfig"]
    allowed = {
        "dnsmasq": {"NET_ADMIN", "NET_RAW", "NET_BIND_SERVICE", "SETUID", "SETGID", "KILL"},
        "cloudconfig": {"NET_BIND_SERVICE", "SETUID", "SETGID"},
        "time": {"NET_BIND_SERVICE", "SETUID", "SETGID", "KILL"},
    }.get(service, set())
    assert host["Privileged"] is False
    assert host["ReadonlyRootfs"] is True
    assert host["CapDrop"] == ["ALL"]
    assert {name.removeprefix("CAP_") for name in host["CapAdd"] or []} == allowed
    assert any(option.startswith("no-new-privileges") for option in host["SecurityOpt"])
    assert host["Memory"] > 0
    assert host["MemorySwap"] == host["Memory"]
    assert host["PidsLimit"] == 2048
    assert host["Ulimits"] == [{"Name": "nofile", "Soft": 16384, "Hard": 16384}]
    assert host["RestartPolicy"]["Name"] == "unless-stopped"
    assert host["LogConfig"]["Config"]["max-size"]
    assert "docker.sock" not in json.dumps(attrs["Mounts"])
    assert str(cluster.folder.pki) not in json.dumps(attrs["Mounts"])
    assert attrs["Config"]["Healthcheck"]["Test"][0] == "CMD"


@pytest.mark.parametrize("service", SERVICE_NAMES)
def test_no_service_works_as_root_longer_than_it_must(cluster: TestCluster, service: str) -> None:
    uids = {each.name: str(each.user.uid) for each in SERVICES}
    top = cluster.container(service).top(ps_args="-eo pid,uid,comm")
    working = {uid for _, uid, command in top["Processes"] if command != "docker-init"}
    assert working == {uids[service]}


@pytest.mark.parametrize("service", SERVICE_NAMES)
def test_a_health_check_fails_when_its_service_hangs(cluster: TestCluster, service: str) -> None:
    container = cluster.container(service)
    assert container.exec_run(_HEALTH[service]).exit_code == 0
    top = container.top(ps_args="-eo pid,comm")
    pids = [int(pid) for pid, command in top["Processes"] if command not in ("docker-init", "entrypoint")]
    for pid in pids:
        with suppress(ProcessLookupError):  # a check of the health that has ended meanwhile
            os.kill(pid, signal.SIGSTOP)
    try:
        if service == "updater":  # its heart beats each ten seconds, and may be a minute late
            late = ["touch", "-d", "2 minutes ago", "/run/kboot/kboot-updater.heartbeat"]
            assert container.exec_run(late, user=str(UPDATER.user.uid)).exit_code == 0
        assert container.exec_run(_HEALTH[service]).exit_code != 0
    finally:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
    for _ in looks(30, 1):
        if container.exec_run(_HEALTH[service]).exit_code == 0:
            return
    raise AssertionError(f"{service} did not come back")


def test_status_tells_what_is_down_with_exit_3_and_up_repairs_it(cluster: TestCluster) -> None:
    assert cluster.kboot("status").returncode == 0
    cluster.compose("stop", "registry")
    down = cluster.kboot("status", "--json")
    assert down.returncode == 3
    states = {each["name"]: each["state"] for each in json.loads(down.stdout)["services"]}
    assert states["registry"] == "exited"
    cluster.up()
    assert cluster.kboot("status").returncode == 0


def test_plain_docker_compose_works_on_the_project(cluster: TestCluster) -> None:
    cluster.compose("restart", "dnsmasq")
    listed = cluster.compose("ps", "--services").split()
    assert set(SERVICE_NAMES) <= set(listed)
    assert "started" in cluster.compose("logs", "dnsmasq")


def test_a_support_bundle_has_the_logs_of_all_services_and_no_secret(cluster: TestCluster, tmp_path: Path) -> None:
    path = tmp_path / "bundle.tar.gz"
    done = cluster.kboot("support-bundle", "-o", str(path))
    assert done.returncode == 0, done.stderr
    with tarfile.open(path) as archive:
        found = {entry.name.partition("/")[2]: archive.extractfile(entry) for entry in archive if entry.isfile()}
        contents = {name: stream.read() for name, stream in found.items() if stream is not None}
    assert {f"logs/{name}.log" for name in SERVICE_NAMES} <= set(contents)
    assert b"started" in contents["logs/dnsmasq.log"]
    assert json.loads(contents["versions.json"])["engine"]["Version"]
    states = json.loads(contents["cluster-status.json"])["services"]
    assert {each["state"] for each in states} == {"running"}
    secrets = {line.strip() for content in secret_contents(cluster.folder) for line in content.splitlines()}
    secrets = {line for line in secrets if len(line) >= 8 and not line.startswith(b"-----")}
    assert secrets
    assert [name for name, content in contents.items() if any(secret in content for secret in secrets)] == []


def test_the_log_of_a_service_is_what_it_said(cluster: TestCluster) -> None:
    done = cluster.kboot("logs", "time", "-n", "1")  # chronyd speaks at its start alone
    assert done.returncode == 0, done.stderr
    assert done.stdout == cluster.compose("logs", "--no-log-prefix", "--tail", "1", "time")
    assert len(done.stdout.splitlines()) == 1


_ASK = """
import sys, ssl, urllib.request
context = ssl.create_default_context(cadata=sys.argv[1])
for url in sys.argv[2:]:
    print(urllib.request.urlopen(url, timeout=5, context=context).read().decode())
"""


def test_a_machine_on_the_network_is_served_over_http_and_tls(cluster: TestCluster) -> None:
    image = cluster.container("cloudconfig").attrs["Config"]["Image"]
    client = DockerContainer(image, entrypoint=["sleep", "infinity"]).with_kwargs(network=f"kboot-{cluster.name}_lab")
    base = cluster.bootstrapper
    urls = [f"http://{base}/readyz", f"https://{base}/readyz", f"https://{base}:5000/v2/", f"http://{base}/ca.pem"]
    authority = (cluster.folder.pki / "cluster-ca.pem").read_text()
    with client as machine:
        exit_code, output = machine.get_wrapped_container().exec_run(["python3", "-c", _ASK, authority, *urls])
    assert exit_code == 0, output
    assert isinstance(output, bytes)
    assert output.decode().split() == ["ok", "ok", "{}", *authority.split()]


_ASK_TIME = """
import socket, struct, sys, time
asking = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
asking.settimeout(5)
asking.sendto(bytes([0o43]) + bytes(47), (sys.argv[1], 123))
answer, _ = asking.recvfrom(512)
print(answer[0] >> 6, answer[0] & 7, answer[1], round(struct.unpack("!I", answer[40:44])[0] - 2208988800 - time.time()))
"""


def test_a_machine_on_the_network_is_told_the_time_of_the_bootstrapper(cluster: TestCluster) -> None:
    image = cluster.container("cloudconfig").attrs["Config"]["Image"]
    client = DockerContainer(image, entrypoint=["sleep", "infinity"]).with_kwargs(network=f"kboot-{cluster.name}_lab")
    with client as machine:
        asked = machine.get_wrapped_container().exec_run(["python3", "-c", _ASK_TIME, str(cluster.bootstrapper)])
    assert isinstance(asked.output, bytes)
    leap, mode, stratum, off_s = map(int, asked.output.decode().split())
    assert (leap, mode, stratum) == (0, 4, 10)  # it knows the time, as a server (RFC 5905), by no other server
    assert abs(off_s) <= 1


def test_services_come_back_when_the_container_that_owns_the_network_restarts(cluster: TestCluster) -> None:
    compose = cluster.folder.compose.read_text()
    assert compose.count("network_mode: service:holder") == compose.count("restart: true}") == len(SERVICE_NAMES)
    before = (cluster.folder.state / "kboot.db").stat().st_ino
    cluster.compose("-f", str(cluster.folder.compose), "restart", "holder")
    last = ""
    for _ in looks(60, 2):
        status = cluster.kboot("status")
        last = status.stdout + status.stderr
        health = cluster.container("cloudconfig").exec_run(_HEALTH["cloudconfig"]).exit_code
        dns = cluster.container("dnsmasq").exec_run(_HEALTH["dnsmasq"]).exit_code
        pull = cluster.container("registry").exec_run(_HEALTH["registry"]).exit_code
        if status.returncode == health == dns == pull == 0:
            assert (cluster.folder.state / "kboot.db").stat().st_ino == before
            return
    raise AssertionError(last)


def test_a_lost_state_is_told_until_the_operator_ends_it(cluster: TestCluster) -> None:
    assert _node1(cluster)["armed"] is True
    assert cluster.kboot("node", "settle").stdout == "nothing is in doubt\n"
    cluster.compose("-f", str(cluster.folder.compose), "stop", "cloudconfig")
    (cluster.folder.state / "kboot.db").write_bytes(bytes(8192))
    cluster.up()
    status = cluster.kboot("status")
    assert status.returncode == 3
    said = " ".join(status.stdout.split())  # it is folded
    assert "(kboot.db was damaged: file is not a database): no machine is armed by itself, " in said
    assert "`kboot node reinstall NAME` arms one" in said
    kept = json.loads(cluster.kboot("status", "--json").stdout)["doubt"]["kept"]
    assert (cluster.folder.state / kept).read_bytes() == bytes(8192)
    assert _node1(cluster)["armed"] is False
    assert "not armed: node1" in cluster.kboot("node", "settle").stdout
    assert cluster.kboot("status").returncode == 0
    assert cluster.kboot("node", "reinstall", "node1").returncode == 0
    assert _node1(cluster)["armed"] is True


def _node1(cluster: TestCluster) -> dict[str, Any]:
    shown: dict[str, Any] = json.loads(cluster.kboot("node", "show", "node1", "--json").stdout)
    return shown


def test_the_updater_may_be_left_out(cluster: TestCluster) -> None:
    cluster.updates = False
    cluster.describe()
    cluster.up()
    running = {each.labels["com.docker.compose.service"] for each in cluster.engine.containers()}
    assert running == {"holder", *SERVICE_NAMES} - {"updater"}
    assert cluster.kboot("status").returncode == 0


def test_a_named_time_server_takes_the_place_of_ours(cluster: TestCluster) -> None:
    cluster.time_servers = "192.0.2.123"
    cluster.describe()
    cluster.up()
    assert "time" not in {each.labels["com.docker.compose.service"] for each in cluster.engine.containers()}
    assert cluster.kboot("status").returncode == 0


def test_start_brings_back_what_was_taken_down_or_hangs_without_a_description(tmp_path: Path) -> None:
    with cluster_up(tmp_path, "ct-start", "10.77.18.0/24") as cluster:
        cluster.path.unlink()
        before = {str(path): path.read_bytes() for path in cluster.folder.path.rglob("*.yaml")}
        assert cluster.kboot("start").stdout.endswith("started: nothing, all of it ran\n")
        assert cluster.kboot("down").returncode == 0
        assert cluster.folder.down.exists()
        assert not json.loads(cluster.kboot("status", "--json").stdout)["autostart"]
        assert cluster.kboot("start").returncode == 0
        assert not cluster.folder.down.exists()
        cluster.compose("stop", "registry")
        assert cluster.kboot("start").stdout.endswith("started: registry\n")
        done = cluster.kboot("status")
        assert done.returncode == 0, done.stdout + done.stderr
        assert {str(path): path.read_bytes() for path in cluster.folder.path.rglob("*.yaml")} == before


def test_down_leaves_nothing_in_the_engine(tmp_path: Path) -> None:
    with cluster_up(tmp_path, "ct-down", "10.77.15.0/24") as cluster:
        done = cluster.kboot("down", "--cluster", cluster.name)
        assert done.returncode == 0, done.stderr
        assert cluster.engine.containers() == []
        labelled = {"label": f"kboot.cluster={cluster.name}"}
        assert cluster.engine.client.networks.list(filters=labelled) == []
        assert cluster.engine.client.volumes.list(filters=labelled) == []
        assert cluster.folder.description.exists()
