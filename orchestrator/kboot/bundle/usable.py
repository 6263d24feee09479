"""Whether a bundle is one that this kboot on this machine can use."""

from __future__ import annotations

import re

from ..errors import BadInput
from ..supplies.bundle_manifest import Kind, Manifest


def check_usable(manifest: Manifest, where: str, *, arch: str, kboot: str) -> None:
    """Raise BadInput for a bundle of another architecture than this machine's `arch`, or of a newer kboot."""
    images = {item.arch for item in manifest.items if item.kind is Kind.SERVICE_IMAGE}
    archs = images or set(manifest.arch)
    if archs and arch not in archs:
        raise BadInput(
            f"{where}: is for {' and '.join(sorted(archs))}, this machine is {arch}",
            f"make one for it: `kboot bundle create --arch {arch}`",
        )
    if _order(manifest.kboot) > _order(kboot):
        raise BadInput(
            f"{where}: is of kboot {manifest.kboot}, this is kboot {kboot}",
            f"run `sh {where}`: it brings the kboot that it is for",
        )


def other_kboot(manifest: Manifest, where: str, kboot: str) -> str:
    """Return what to tell of a bundle of another kboot, of which machines get all and this machine nothing."""
    if manifest.kboot == kboot:
        return ""
    return (
        f"{where}: is of kboot {manifest.kboot}, this is kboot {kboot}: what machines fetch is taken,"
        " its service images are not loaded into the engine"
    )


def _order(version: str) -> list[int]:
    """Return the numbers of a version, which sort as versions do: `0.10.2` -> [0, 10, 2]."""
    return [int(number) for number in re.findall(r"\d+", version)[:3]]
