"""Virtual machines that hang on the network of a bootstrapper which knows nothing of them, as servers in a rack do."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import docker

from kboot.host.engine import LABEL_CLUSTER
from kboot_clusterdesc import ClusterDesc, Node
from kboot_lab.acceleration import DEVICE, Accelerator, why_no_kvm
from kboot_lab.hardware import Hardware
from kboot_lab.machine_image import machine_image
from kboot_lab.machines import MachineSpec, machine_for
from support.bare_bootstrapper import BRIDGE
from support.namespace import Namespace, ip

if TYPE_CHECKING:
    from docker.models.containers import Container

_CABLED = 'until [ -e /sys/class/net/eth0 ]; do sleep 0.1; done; ip link set eth0 up; exec kboot-machine "$@"'
_TOLD = 4000  # characters of a console
_SSH = ("StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR", "BatchMode=yes")
_SSH_S = 180  # an emulated machine takes its time


class RackMachine:
    """One machine, in a container of this machine's engine, which gives it no network."""

    def __init__(self, node: Node, place: Path, container: Container, network: Namespace, key: Path) -> None:
        self.name, self.address = node.name, str(node.ip)
        self._place, self._container, self._network, self._key = place, container, network, key

    def power_on(self) -> None:
        """Switch it on, and plug its cable in."""
        self._container.start()
        self._container.reload()
        cable, there = f"cable-{self.name}", str(self._container.attrs["State"]["Pid"])
        far = ("type", "veth", "peer", "name", "eth0", "netns", there)
        ip("-n", self._network.name, "link", "add", cable, *far)
        ip("-n", self._network.name, "link", "set", cable, "master", BRIDGE, "up")

    def ssh(self, command: str) -> str:
        """What a command on the machine prints, asked from the rack's network; it has to succeed."""
        options = [word for option in _SSH for word in ("-o", option)]
        target = [*options, "-i", str(self._key), f"core@{self.address}", command]
        entry = ["nsenter", f"--net=/run/netns/{self._network.name}", "ssh", *target]
        done = subprocess.run(entry, capture_output=True, text=True, timeout=_SSH_S)
        assert done.returncode == 0, f"{self.name}: {command}: {done.stdout}{done.stderr}"
        return done.stdout

    def console(self) -> str:
        """The end of what it printed."""
        log = self._place / "console.log"
        said = log.read_text(errors="replace")[-_TOLD:] if log.exists() else "nothing"
        return f"{self.name}: {said}\n{self._container.logs(tail=20).decode(errors='replace')}"


@contextmanager
def rack_machines(
    desc: ClusterDesc, folder: Path, network: Namespace, key: Path, kernel: Path
) -> Iterator[Sequence[RackMachine]]:
    """The machines of a description, off; `kernel` is tried under hardware virtualisation. They are gone afterwards."""
    image = machine_image(print)
    with closing(docker.from_env()) as client:
        reason = why_no_kvm(client, desc.cluster.name, image, kernel)
        accelerator = Accelerator.KVM if reason is None else Accelerator.TCG
        containers: list[Container] = []
        try:
            machines = []
            for node in desc.nodes:
                place = folder / node.name
                place.mkdir(parents=True)
                spec = machine_for(desc, node, Hardware())
                containers.append(_container(client, spec, desc.cluster.name, image, place, accelerator))
                machines.append(RackMachine(node, place, containers[-1], network, key))
            yield machines
        finally:
            for container in containers:
                container.remove(force=True, v=True)


def _container(
    client: docker.DockerClient,
    spec: MachineSpec,
    cluster: str,
    image: str,
    place: Path,
    accelerator: Accelerator,
) -> Container:
    devices = ["/dev/net/tun", *([str(DEVICE)] if accelerator is Accelerator.KVM else [])]
    memory = {"KBOOT_VM_MEMORY_MB": str(spec.memory_mb), "KBOOT_VM_CPUS": str(spec.cpus)}
    given: dict[str, Any] = {"labels": {LABEL_CLUSTER: cluster}, "network_mode": "none", "devices": devices}
    given |= {"cap_drop": ["ALL"], "cap_add": ["NET_ADMIN"], "security_opt": ["no-new-privileges"]}
    return client.containers.create(
        image,
        entrypoint=["bash", "-c", _CABLED],
        name=f"kboot-{cluster}-machine-{spec.name}",
        hostname=spec.name,
        environment={**spec.hardware.environment(spec.mac), **memory, "KBOOT_VM_ACCEL": accelerator},
        volumes={str(place): {"bind": "/machine", "mode": "rw"}},
        **given,
    )
