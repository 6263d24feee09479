"""The lab's machines: one container each, in which QEMU runs a machine with a card on the lab's network."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import docker
import docker.errors

from kboot.errors import BadInput, EngineError
from kboot.host.engine import LABEL_CLUSTER
from kboot_clusterdesc import ClusterDesc, ClusterFolder, Mac, Node, Role

from .acceleration import DEVICE, Accelerator
from .hardware import Disk, Hardware

LABEL_MACHINE = "kboot.lab.machine"
LABEL_MAC = "kboot.lab.mac"
_STOP_S = 5  # a power switch does not ask the guest


@dataclass(frozen=True, slots=True)
class MachineSpec:
    """A machine to be added; it is known by the card `mac`."""

    name: str
    mac: Mac
    hardware: Hardware
    memory_mb: int = 1536
    cpus: int = 1


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine of the lab, on or off."""

    name: str
    mac: Mac
    is_on: bool
    console: Path


def machine_for(desc: ClusterDesc, node: Node, hardware: Hardware) -> MachineSpec:
    """Return the machine of a node: `hardware`, with what its roles ask for: memory, and a disk where it has none."""
    if not hardware.disks:
        hardware = replace(hardware, disks=(Disk("8G" if desc.kubernetes is None else "12G"),))
    if desc.kubernetes is None:
        return MachineSpec(node.name, node.mac, hardware)
    if Role.CONTROL_PLANE in node.roles:
        return MachineSpec(node.name, node.mac, hardware, memory_mb=3072, cpus=2)
    return MachineSpec(node.name, node.mac, hardware, memory_mb=2048)


class Machines:
    """The machines of one cluster."""

    def __init__(
        self, folder: ClusterFolder, client: docker.DockerClient, accelerator: Accelerator = Accelerator.TCG
    ) -> None:
        self._accelerator = accelerator  # of the machines that are added
        self._folder = folder
        self._client = client

    def present(self) -> list[Machine]:
        """Return every machine, sorted by name."""
        found = [
            Machine(
                name=container.labels[LABEL_MACHINE],
                mac=Mac(container.labels[LABEL_MAC]),
                is_on=container.status == "running",
                console=self._place(container.labels[LABEL_MACHINE]) / "console.log",
            )
            for container in self._containers()
        ]
        return sorted(found, key=lambda machine: machine.name)

    def named(self, name: str) -> Machine:
        """Return the machine with that name or MAC; raises BadInput."""
        present = self.present()
        for machine in present:
            if name == machine.name or name.lower().replace("-", ":") == machine.mac:
                return machine
        known = ", ".join(machine.name for machine in present) or "none"
        raise BadInput(f"`{name}` is not a machine of the lab", f"there are: {known}")

    def add(self, spec: MachineSpec, image: str, network: str, releases: Path) -> None:
        """Add a machine to the lab and switch it on; a machine whose MAC is there already is only switched on.

        A machine whose hardware says that it is off stays off. Some contents of disks come from `releases`, what the
        build of the lab OS made.
        """
        for container in self._containers():
            if container.labels[LABEL_MAC] == spec.mac:  # one machine a MAC, even where its name changed
                if container.status != "running" and not spec.hardware.is_off:
                    container.start()
                return
        place = self._place(spec.name)
        place.mkdir(parents=True, exist_ok=True)
        try:
            container = self._client.containers.create(
                image,
                name=f"kboot-{self._folder.cluster}-machine-{spec.name}",
                hostname=spec.name,
                network=network,
                labels={LABEL_CLUSTER: self._folder.cluster, LABEL_MACHINE: spec.name, LABEL_MAC: spec.mac},
                environment={
                    **spec.hardware.environment(spec.mac),
                    "KBOOT_VM_MEMORY_MB": str(spec.memory_mb),
                    "KBOOT_VM_CPUS": str(spec.cpus),
                    "KBOOT_VM_ACCEL": self._accelerator,
                },
                devices=["/dev/net/tun", *([str(DEVICE)] if self._accelerator is Accelerator.KVM else [])],
                cap_drop=["ALL"],
                cap_add=["NET_ADMIN"],
                security_opt=["no-new-privileges"],
                volumes={
                    str(place): {"bind": "/machine", "mode": "rw"},
                    str(releases): {"bind": "/lab-os", "mode": "ro"},
                },
            )
            if not spec.hardware.is_off:
                container.start()
        except docker.errors.APIError as error:
            raise EngineError(f"machine {spec.name} does not start: {error.explanation}") from error

    def switch(self, name: str, way: str) -> None:
        """Switch a machine `on`, `off`, or off and on again (`cycle`); raises BadInput and EngineError."""
        container = self._container(name)
        try:
            if way in ("off", "cycle"):
                container.stop(timeout=_STOP_S)
            if way in ("on", "cycle"):
                container.start()
        except docker.errors.APIError as error:
            raise EngineError(f"machine {name} cannot be switched {way}: {error.explanation}") from error

    def remove(self, name: str) -> Machine:
        """Remove a machine with its disks and its console; return what it was. Raises BadInput and EngineError."""
        machine, container = self.named(name), self._container(name)
        try:
            container.remove(force=True, v=True)
        except docker.errors.APIError as error:
            raise EngineError(f"machine {machine.name} cannot be removed: {error.explanation}") from error
        shutil.rmtree(self._place(machine.name), ignore_errors=True)
        return machine

    def _place(self, name: str) -> Path:
        return self._folder.lab / "machines" / name

    def _container(self, name: str) -> Any:
        wanted = self.named(name).name
        return next(each for each in self._containers() if each.labels[LABEL_MACHINE] == wanted)

    def _containers(self) -> list[Any]:
        labels = [f"{LABEL_CLUSTER}={self._folder.cluster}", LABEL_MACHINE]
        return self._client.containers.list(all=True, filters={"label": labels}, ignore_removed=True)
