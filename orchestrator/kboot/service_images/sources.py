"""The sources that go with kboot: `services`, `examples`, `share` and `lab/kubernetes`, of a wheel or a checkout."""

from __future__ import annotations

from pathlib import Path

from ..errors import KbootError

_PACKAGE = Path(__file__).resolve().parents[1]


def is_installed(package: Path = _PACKAGE) -> bool:
    """Return whether the package `kboot` came from a wheel, which brings the sources with it."""
    return (package / "sources").is_dir()


def sources(package: Path = _PACKAGE) -> Path:
    """Return the folder that holds the sources: of the wheel, or the checkout around the package; raise KbootError."""
    folder = package / "sources" if is_installed(package) else package.parents[1]
    if not (folder / "services").is_dir():
        raise KbootError(
            f"{package}: the sources of the services are not with it", "install kboot again, from its wheel"
        )
    return folder
