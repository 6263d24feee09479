"""Which machines a container image is for, as its configuration says: `linux/amd64`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping


def platform_of(config: Mapping[str, object]) -> str | None:
    """Return the platform that an image's configuration or an entry of a list names; None where it names none."""
    system, arch = config.get("os") or "linux", config.get("architecture")
    return None if not arch or "unknown" in (system, arch) else f"{system}/{arch}"


def listed_platform(platform: Mapping[str, object]) -> str | None:
    """Return the platform of an entry of a list; machines take none of a newer variant of amd64: `linux/amd64/v3`."""
    found, variant = platform_of(platform), platform.get("variant")
    return f"{found}/{variant}" if found == "linux/amd64" and variant not in (None, "", "v1") else found


def platform_fault(platforms: Iterable[str], arch: str) -> str | None:
    """Return why an image for `platforms` does not run on machines of `arch`; None where it does, or none is known."""
    found, needed = sorted(set(platforms)), f"linux/{arch}"
    return f"is for {', '.join(found)}, this cluster needs {needed}" if found and needed not in found else None


def platform_hint(arch: str) -> str:
    """Return how an image is had for machines of `arch`."""
    return f"fetch it for that: `docker pull --platform linux/{arch}`, or `skopeo --override-arch {arch} copy`"
