"""A cluster on loopback whose machines are in many states, with its real cloud-config server and an engine stand-in."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from kboot_cloudconfig.event import Event
from kboot_cloudconfig.machine import Machine
from kboot_cloudconfig.rollout import Course, Rollout, Stage, State
from kboot_cloudconfig.store import Store
from kboot_clusterdesc import EventKind, Mac, Phase, load_text
from kboot_clusterdesc.layout import LABEL_CLUSTER
from kboot_compose.service_names import SERVICE_NAMES
from kboot_lab.machines import LABEL_MAC, LABEL_MACHINE
from support.engine_stand_in import EngineStandIn, Thing, engine_stand_in
from support.standing import StandingCluster
from support.statuses import NO_DISK

_COMPOSE = "com.docker.compose"
STRANGER = Mac("52:54:00:00:00:99")
_NODES = ("rack1-control-plane", "node2", "node3", "node4", "node5")
_LIFE = (Phase.WAITING, Phase.LEASED, Phase.BOOTING, Phase.INSTALLING, Phase.CONFIGURED, Phase.INSTALLED, Phase.RUNNING)


def mac_of(number: int) -> Mac:
    """The MAC of a seeded machine."""
    return Mac(f"52:54:00:00:00:{number:02x}")


def _machine(number: int, phase: Phase, now: datetime, minutes: float, **other: object) -> Machine:
    """A machine that came into its phase so many minutes ago, each phase before it two minutes earlier."""
    # Half a unit more, so that the age is the same a while later.
    since = now - timedelta(minutes=minutes, seconds=20)
    last = Phase.CONFIGURED if phase is Phase.FAILED else phase
    before = _LIFE[: _LIFE.index(last) + (phase is Phase.FAILED)]
    phases = {each: since - timedelta(minutes=2 * (len(before) - i)) for i, each in enumerate(before)}
    made = Machine(mac=mac_of(number), since=since, phase=phase, phases={**phases, phase: since})
    return replace(made, **other)  # type: ignore[arg-type] # of the fields' own types


def seed(cluster: StandingCluster, now: datetime) -> None:
    """Keep the state of each machine, some events, and a machine that nobody declared."""
    store = Store(cluster.folder.state / "kboot.db", now, is_marked=False)
    machines = [
        _machine(1, Phase.RUNNING, now, 180, armed=False, version="3975.2.0", config="0" * 64),
        _machine(2, Phase.FAILED, now, 5, reason=NO_DISK),
        _machine(3, Phase.CONFIGURED, now, 70, bytes_done=129_000_000, bytes_total=300_000_000),
        _machine(4, Phase.BOOTING, now, 3),
        _machine(5, Phase.WAITING, now, 30),
    ]
    kept = [
        Event(machine.phases[phase], phase, machine.mac, f"10.0.0.{machine.mac[-1]}", ())
        for machine in machines
        for phase in machine.phases
    ]
    told = [
        Event(now - timedelta(minutes=50, seconds=20), EventKind.REFUSED, mac_of(3), "10.0.0.77",
              (("reason", "wrong-address"), ("path", "/ignition/52-54-00-00-00-03.json"))),
        Event(now - timedelta(minutes=40, seconds=20), EventKind.RELEASE, None, None,
              (("what", "switched"), ("detail", "stable 3975.2.0 is in force"))),
    ]  # fmt: skip
    store.save_all(machines, sorted([*kept, *told], key=lambda event: event.at))
    store.rollouts.keep(_halted_rollout(now))
    store.close()
    line = f"{int(now.timestamp()) + 7200} {STRANGER} {cluster.desc.network.bootstrapper + 98} * *\n"
    (cluster.folder.leases / "dnsmasq.leases").write_text(line)


def _halted_rollout(now: datetime) -> Rollout:
    """A rollout that came to one machine, and halted at the next."""
    since = now - timedelta(minutes=25, seconds=20)
    why = "came back with 3941.1.0 after 2 boots: its new system did not start"
    return Rollout(
        since=since,
        state=State.HALTED,
        release="3975.2.0",
        reason=f"node3 {why}",
        courses={
            mac_of(1): Course(Stage.DONE, now - timedelta(minutes=40, seconds=20)),
            mac_of(3): Course(Stage.FAILED, since, why),
        },
        refused={mac_of(3): "3975.2.0"},
    )


def _older_release(cluster: StandingCluster, now: datetime) -> None:
    """A release in the store beside the one in force, which nobody verified and which is not whole."""
    release = cluster.folder.images / cluster.desc.os.channel / "3941.1.0"
    release.mkdir()
    (release / "flatcar_production_image.bin.bz2").write_bytes(bytes(3_000_000))
    at = (now - timedelta(days=40, minutes=1)).timestamp()
    for path in (release, release.parent / "3975.2.0"):
        os.utime(path, (at, at))


def _described(network: str) -> str:
    text = (
        "apiVersion: kboot/v1\ncluster: {name: ail, domain: ail.example.com}\n"
        f"network: {{bootstrapper: {network}.1, subnet: {network}.0/24, dhcp: {{mode: 'off'}}}}\n"
        "kubernetes: {version: v1.36.2}\nnodes:\n"
    )
    for number, name in enumerate(_NODES, 1):
        role = "control-plane, etcd" if number == 1 else "worker"
        text += f'  - {{mac: "{mac_of(number)}", name: {name}, ip: {network}.{10 + number}, roles: [{role}]}}\n'
    return text


@contextmanager
def seeded_cluster(root: Path, network: str) -> Iterator[StandingCluster]:
    """The cluster, with its server, and its network below 127."""
    cluster = StandingCluster(root, load_text(_described(network), "ail.yaml"))
    now = datetime.now(UTC)
    seed(cluster, now)
    _older_release(cluster, now)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


def _container(service: str) -> Thing:
    """The container of a service, with the labels by which Compose knows its own."""
    labels = {"project": "kboot-ail", "service": service, "container-number": "1"}
    labels |= {"config-hash": "0" * 64, "oneoff": "False"}
    return Thing(f"kboot-ail-{service}-1", {f"{_COMPOSE}.{name}": value for name, value in labels.items()})


def _lab_machine(name: str, mac: Mac, state: str = "running") -> Thing:
    labels = {LABEL_CLUSTER: "ail", LABEL_MACHINE: name, LABEL_MAC: str(mac)}
    return Thing(f"kboot-ail-machine-{name}", labels, state=state)


@contextmanager
def engine_of(top: Path) -> Iterator[EngineStandIn]:
    """An engine with all services but one, and two machines of a lab; $DOCKER_HOST names it."""
    before = os.environ.get("DOCKER_HOST")
    with engine_stand_in(top) as engine:
        engine.holds["containers"] = [_container(name) for name in SERVICE_NAMES if name != "time"] + [
            _lab_machine("node1", mac_of(1)),
            _lab_machine(STRANGER.dashed, STRANGER, "exited"),
        ]
        os.environ |= engine.environment
        try:
            yield engine
        finally:
            os.environ.pop("DOCKER_HOST")
            os.environ |= {"DOCKER_HOST": before} if before else {}
