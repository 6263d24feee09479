"""Reads the node config in force of a machine: what `kboot up` rendered last, and an install would give it now."""

from __future__ import annotations

from kboot_clusterdesc import ClusterFolder, Mac
from kboot_clusterdesc.shared_files import NODE_CONFIG

from ..errors import KbootError
from ..node import NodeConfig
from ..node.document import read_document


class RenderedByOlder(KbootError):
    """An older kboot rendered the machine's config, in its dialects alone: this one cannot look into it."""


def config_in_force(folder: ClusterFolder, mac: Mac) -> NodeConfig | None:
    """Return the config that was rendered for the machine, None where none was; raise RenderedByOlder, KbootError."""
    place = folder.node(mac)
    try:
        return read_document((place / NODE_CONFIG).read_bytes())
    except FileNotFoundError as error:
        if not place.is_dir():
            return None
        message = f"{error.filename}: is not there: an older kboot rendered this cluster"
        raise RenderedByOlder(message, "run `kboot up` first") from error
    except OSError as error:
        raise KbootError(f"{error.filename}: cannot be read: {error.strerror}", "run `kboot up` first") from error
