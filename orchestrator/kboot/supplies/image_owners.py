"""Keeps which image was pushed to each place of a cluster's registry, whose names leave hosts out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from kboot_clusterdesc import ClusterDesc, ClusterFolder
from kboot_clusterdesc.node_images import full_name, repository_and_tag

from ..errors import KbootError
from ..host.files import write_file


@dataclass(frozen=True, slots=True)
class ImageOwners:
    """The full names under which images were pushed to their places, each for the digest that came to stand there.

    What another tool pushed, or an older kboot, has no owner, nor has what was pushed by the registry's own name.
    """

    folder: ClusterFolder
    desc: ClusterDesc

    def others(self, reference: str, digest: str | None) -> list[str]:
        """Return the images as which `digest` was pushed to the place of `reference`, if that is none of them."""
        names = self._names(reference, digest)
        return [] if self.is_own(reference) or full_name(reference) in names else names

    def beside(self, reference: str, digest: str | None) -> list[str]:
        """Return the images besides `reference` as which `digest` was pushed to its place."""
        return [name for name in self._names(reference, digest) if name != full_name(reference)]

    def note(self, reference: str, digest: str) -> None:
        """Keep that `digest` stands at the place of `reference` by that name; of one digest all names are kept."""
        if "@" in reference:
            return
        kept = dict(self._kept())
        names = [] if self.is_own(reference) else [*self._names(reference, digest), full_name(reference)]
        kept[_place(reference)] = {"digest": digest, "names": sorted(set(names))}
        path = self.folder.image_owners
        try:
            write_file(path, json.dumps(kept, indent=1, sort_keys=True).encode())
        except OSError as error:
            raise KbootError(f"{path}: cannot be written: {error.strerror}", "then push it again") from error

    def _names(self, reference: str, digest: str | None) -> list[str]:
        if "@" in reference:  # of one digest there is one image, whichever host it is of
            return []
        found = self._kept().get(_place(reference))
        if not isinstance(found, dict) or digest is None or found.get("digest") != digest:
            return []
        return [str(name) for name in found.get("names", ())]

    def _kept(self) -> Mapping[str, object]:
        try:
            kept = json.loads(self.folder.image_owners.read_bytes())
        except (OSError, ValueError):
            return {}
        return kept if isinstance(kept, dict) else {}

    def is_own(self, reference: str) -> bool:
        """Return whether a name is that of the place itself, whatever stands there."""
        port = self.desc.registry.port
        own = {f"{host}:{port}" for host in (self.desc.registry.domain, self.desc.network.bootstrapper)}
        return full_name(reference).partition("/")[0] in own


def _place(reference: str) -> str:
    return ":".join(repository_and_tag(reference))
