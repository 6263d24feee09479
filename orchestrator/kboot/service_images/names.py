"""How kboot's images are called: those of services by the version of kboot, those of builds and the lab by a hash."""

from __future__ import annotations

from pathlib import Path

DIGEST_LABEL = "kboot.digest"  # on every image of kboot's: SHA-256 over all that it was made of, in hex
_SHOWN = 12  # hex digits of it in a name


def own_image(name: str, digest: str) -> str:
    """Return the name of an image that is never given away, such as `kboot-build-base:<hash>`."""
    return f"kboot-{name}:{digest[:_SHOWN]}"


def service_image(service: str, version: str, digest: str, is_edited: bool) -> str:
    """Return the name of a service's image: `kboot-<service>:<version>`, and `-<hash>` where the sources may change."""
    return f"kboot-{service}:{version}" + (f"-{digest[:_SHOWN]}" if is_edited else "")


def is_checkout(sources: Path) -> bool:
    """Return whether the sources of the services lie in a checkout of kboot, where they may be edited."""
    return (sources / "pyproject.toml").is_file()
