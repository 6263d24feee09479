"""The updater's program where a bundle is made: it fetches an OS release, or vouches for one that is given."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from kboot_clusterdesc import ClusterDesc

from ...supplies.task_container import bind_mount, engine_client, run_task, site_authorities, site_proxies
from ...supplies.vouching import PLACE


@dataclass(frozen=True, slots=True)
class UpdaterFolders:
    """What it reads (description, keys), its store, and a release that lies beside that, as far as there is one."""

    config: Path
    images: Path
    brought: Path | None = None


class UpdaterProgram(Protocol):
    """Runs a command of the updater."""

    def __call__(self, desc: ClusterDesc, command: Sequence[str], folders: UpdaterFolders) -> tuple[int, str]:
        """Return the exit code and the end of what it said; a release that was brought is the command's last word."""
        ...


@dataclass(frozen=True, slots=True)
class UpdaterImage:
    """The program in its image, in a container that is removed again; needs the engine.

    `image` has the image there, and is asked where it is needed alone.
    """

    image: Callable[[], str]

    def __call__(self, desc: ClusterDesc, command: Sequence[str], folders: UpdaterFolders) -> tuple[int, str]:
        """Run a command of the updater, on this machine's network."""
        mounts = [bind_mount(folders.config, "/etc/kboot")]
        mounts += [bind_mount(folders.images, "/var/lib/kboot/images", read_only=False)]
        words = list(command)
        if folders.brought is not None:
            # Each file by itself: one may be a link to where the container has nothing.
            files = sorted(file for file in folders.brought.iterdir() if file.is_file())
            mounts += [bind_mount(file.resolve(), f"{PLACE}/{file.name}") for file in files]
            words.append(PLACE)
        proxy = desc.network.proxy.environment if desc.network.proxy else {}
        image = self.image()
        with engine_client() as client:
            return run_task(
                client,
                image,
                ["python3", "-m", "kboot_updater", *words],
                mounts=[*mounts, *site_authorities()],
                environment=site_proxies(os.environ) | proxy,
                user=os.geteuid(),
                network="host",
                label="kboot-bundle",
                rights=["DAC_READ_SEARCH"] if folders.brought else [],  # another user's files
            )
