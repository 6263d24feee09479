"""Whether a release is one for the machines of a description: it reads their node configs, and its kernel is theirs."""

from __future__ import annotations

from pathlib import Path

from kboot_clusterdesc import FamilyNames
from kboot_clusterdesc.config_reader import why_unread
from kboot_clusterdesc.model import Os

from .fault import SignatureRefused, UpdaterFault
from .kernel import HEAD_BYTES, arch_of_kernel


def reason_against(os: Os, version: str) -> str | None:
    """Return why machines of the description can do nothing with a release; None where it reads their node configs."""
    why = why_unread(os, version)
    return f"release {version} is not taken: {why}; `config: cloud-config` is the way out" if why else None


def refuse_unread(os: Os, version: str) -> None:
    """Raise UpdaterFault for a release that does not read the node configs."""
    if reason := reason_against(os, version):
        raise UpdaterFault(reason)


def refuse_kernel(os: Os, names: FamilyNames, version: str, folder: Path) -> None:
    """Raise SignatureRefused for a release for other machines: its files are called and signed as those of ours."""
    with (folder / names.kernel).open("rb") as stream:
        arch = arch_of_kernel(stream.read(HEAD_BYTES))
    if arch not in (None, os.arch):
        raise SignatureRefused(
            f"release {version} is refused: its {names.kernel} is for {arch}, and this cluster needs "
            f"{os.arch}: take the release of {os.board}"
        )
