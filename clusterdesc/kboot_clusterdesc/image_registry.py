"""A registry by its name, and the folder of it that images lie in: `ghcr.io/example/kboot`, `10.10.14.9:5000`."""

from __future__ import annotations

import re

from pydantic import AfterValidator
from typing_extensions import Annotated  # noqa: UP035 - pydantic reads this one on every Python

_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?")
_FOLDER = re.compile(r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*")


def image_registry(text: str) -> str:
    """Return `text` if it is `HOST[:PORT][/PATH]` with a host that an engine takes for one; ValueError otherwise."""
    host, *folders = text.split("/")
    if "://" in text:
        raise ValueError(f"`{text}` is an address; an image registry is a host, and maybe a path: ghcr.io/example")
    if not _HOST.fullmatch(host) or not all(_FOLDER.fullmatch(folder) for folder in folders):
        raise ValueError(
            f"`{text}` is no image registry: HOST[:PORT][/PATH], in small letters, no tag: ghcr.io/example"
        )
    if not re.search(r"[.:]", host) and host != "localhost":
        raise ValueError(f"`{host}` has neither a dot nor a port, so an engine takes it for a folder of Docker Hub")
    return text


ImageRegistry = Annotated[str, AfterValidator(image_registry)]
