"""The processor of this machine, in the words of Debian, Go and container images."""

from __future__ import annotations

import platform

_WORDS = {"x86_64": "amd64", "aarch64": "arm64"}  # uname's word -> ours


def machine_arch() -> str:
    """Return `amd64` or `arm64`, or uname's own word for another processor."""
    return _WORDS.get(platform.machine(), platform.machine())
