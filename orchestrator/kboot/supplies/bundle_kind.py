"""The kinds of items in a bundle, apart from the manifest, for the command line asks for no more."""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    """The kind of an item, in the order in which items stand in a manifest and in the archive."""

    WHEEL = "wheel"
    ENGINE_PACKAGE = "engine-package"
    SERVICE_IMAGE = "service-image"
    NODE_IMAGE = "node-image"
    OS_FILE = "os-file"
    UPDATE_PAYLOAD = "update-payload"
    BINARY = "binary"
    DOCUMENT = "document"

    @property
    def is_image(self) -> bool:
        """Whether an item of this kind is a container image, made of several blobs."""
        return self in (Kind.SERVICE_IMAGE, Kind.NODE_IMAGE)
