"""Has the updater's program verify a release that lies in no store yet, so that none is in force unverified."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from kboot_clusterdesc import ClusterDesc

from ..errors import BadInput
from ..host.engine import Engine
from .os_releases import Vouch
from .task_container import bind_mount
from .updater_task import run_updater

PLACE = "/var/lib/kboot/brought"  # of the release, in the container


def updater_vouches(engine: Engine, desc: ClusterDesc, image: str, progress: Callable[[str], None]) -> Vouch:
    """Return what has a release verified by the updater's `image`, with the release key of the cluster."""

    def vouch(version: str, folder: Path) -> None:
        progress(f"verifying the release {version}")
        beside = [bind_mount(folder, PLACE)]
        answer = run_updater(engine, desc, image, ["vouch", version, PLACE], progress, beside)
        if answer.code != 0:
            said = answer.lines[-1] if answer.lines else "the updater ended without a word"
            raise BadInput(f"release {version} is not put in force: {said}", _HINT)

    return vouch


_HINT = "bring it again from where it is released; `os.release_key` names another key"
