"""Whether the lab's machines run on hardware virtualisation or are emulated: a guest that boots is the only proof."""

from __future__ import annotations

import os
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

import docker
from docker.errors import DockerException

from kboot.errors import BadInput
from kboot.host.engine import LABEL_CLUSTER
from kboot.host.files import write_file
from kboot_clusterdesc import ClusterFolder

VARIABLE = "KBOOT_LAB_ACCEL"
DEVICE = Path("/dev/kvm")
_PATIENCE_S = 10  # a kernel without a disk takes a second under KVM


class Accelerator(StrEnum):
    """QEMU's word for what runs a machine's processors."""

    KVM = "kvm"
    TCG = "tcg"


def chosen_accelerator(
    folder: ClusterFolder, progress: Callable[[str], None], why_not: Callable[[], str | None]
) -> Accelerator:
    """Return what the machines of this lab run on, and say which when it is found out; raises BadInput.

    $KBOOT_LAB_ACCEL decides; else what this lab found out before; else `why_not`, which tries it.
    """
    kept = _place(folder)
    if (named := _named()) is not None:
        write_file(kept, named.encode())
    elif not kept.exists():
        reason = why_not()
        progress("machines use KVM" if reason is None else f"machines are emulated: {reason}")
        write_file(kept, (Accelerator.KVM if reason is None else Accelerator.TCG).encode())
    return Accelerator(kept.read_text())


def accelerator_in_force(folder: ClusterFolder) -> Accelerator:
    """Return what a machine that is added to a lab that stands runs on; raises BadInput."""
    if (named := _named()) is not None:
        return named
    kept = _place(folder)
    return Accelerator(kept.read_text()) if kept.exists() else Accelerator.TCG


def why_no_kvm(client: docker.DockerClient, cluster: str, image: str, kernel: Path) -> str | None:
    """Return why `kernel` does not boot under KVM in a container of `image`; None if it does."""
    if not DEVICE.exists():
        return f"there is no {DEVICE}"
    try:
        container = client.containers.run(
            image,
            [Accelerator.KVM, f"/kernel/{kernel.name}", str(_PATIENCE_S)],
            entrypoint=["kboot-probe"],
            detach=True,
            network_mode="none",
            labels={LABEL_CLUSTER: cluster},
            devices=[str(DEVICE)],
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
            volumes={str(kernel.parent.resolve()): {"bind": "/kernel", "mode": "ro"}},
        )
        try:
            status = container.wait(timeout=3 * _PATIENCE_S)["StatusCode"]
            said = container.logs().decode(errors="replace").strip()
        finally:
            container.remove(force=True)
    except (DockerException, OSError) as error:  # requests' errors are OSErrors
        return f"a guest under KVM could not be tried: {error}"
    return said or "a guest does not run" if status else None


def _place(folder: ClusterFolder) -> Path:
    return folder.lab / "accelerator"


def _named() -> Accelerator | None:
    text = os.environ.get(VARIABLE)
    if not text:
        return None
    try:
        return Accelerator(text)
    except ValueError as error:
        raise BadInput(f"{VARIABLE}: `{text}` is neither kvm nor tcg", "leave it unset: the lab tries KVM") from error
