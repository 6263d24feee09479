"""The contents of the files that a description names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from kboot_clusterdesc import shared_files

from ..node.config import NodeConfig


@dataclass(frozen=True, slots=True)
class Attachments:
    """Keys and CA as they are, `extras` by the name in the description, the operator's own manifests by file name."""

    release_key: bytes | None = None
    extras: Mapping[str, NodeConfig] = field(default_factory=dict)
    manifests: Mapping[str, bytes] = field(default_factory=dict)
    payload_key: bytes | None = None
    release_ca: bytes | None = None
    notify: Mapping[str, bytes] = field(default_factory=dict)  # secrets and CAs of receivers, by their files

    @property
    def updater_config(self) -> dict[str, bytes]:
        """What the updater reads of them beside the release key, by the names of its files."""
        files = {shared_files.PAYLOAD_KEY: self.payload_key, shared_files.RELEASE_AUTHORITY: self.release_ca}
        return {name: content for name, content in files.items() if content is not None}
