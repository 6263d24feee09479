"""Machines that boot from the network in QEMU, each in a container, by the scripts of `container/netboot/`."""

from __future__ import annotations

import subprocess
from pathlib import Path

from kboot.service_images.build import ensure_image
from kboot.service_images.sources import sources
from kboot_lab.machine_image import machine_image

SCRIPTS = Path(__file__).parents[1] / "container" / "netboot"


def run_script(image: str, folder: Path, script: str, *arguments: str) -> str:
    """What a script prints in a container of that image, with `folder` as /scratch."""
    mounts = [f"--volume={folder}:/scratch", f"--volume={SCRIPTS}:/netboot:ro"]
    command = ["docker", "run", "--rm", "--network=none", *mounts, "--entrypoint=bash", image, f"/netboot/{script}"]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def copy_loaders(folder: Path) -> None:
    """Copy the loaders, as they are built, into `folder`."""
    run_script(ensure_image("build-loaders", sources() / "services" / "loaders", print), folder, "copy-loaders.sh")


def console_of(folder: Path, script: str, *arguments: str) -> str:
    """The console of the machine that a script starts."""
    return run_script(machine_image(print), folder, script, *arguments)
