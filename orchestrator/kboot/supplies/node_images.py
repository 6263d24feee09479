"""The node images in a cluster's registry: pushed and pulled there, listed, verified."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from kboot_clusterdesc import ClusterDesc, ClusterFolder
from kboot_clusterdesc.node_images import is_reference, node_images

from ..errors import BadInput, KbootError
from ..host.engine import Engine
from .image_archive import read_archive
from .registry import Finding, Registry
from .skopeo import Skopeo, Source, archived, released
from .standing import Standing


class NodeImages:
    """The node images of one cluster."""

    def __init__(self, engine: Engine, folder: ClusterFolder, desc: ClusterDesc) -> None:
        self._folder = folder
        self._desc = desc
        self._skopeo = Skopeo(engine, folder, desc)

    def push_archive(
        self, archive: Path, reference: str, progress: Callable[[str], None], *, as_it_is: bool = False
    ) -> Finding:
        """Push the image of `archive` (docker or OCI) that is called `reference`, or its only one, under that name.

        `as_it_is` leaves uncompressed layers so: unpacking costs a slow machine more than the longer transfer.

        Raises KbootError, also when the registry took the image and does not have it afterwards.
        """
        checked_reference(reference)
        found = read_archive(archive)
        source = archived(found, found.image(reference), reference)
        if as_it_is:
            source = replace(source, keeps_digest=True)
        progress(f"pushing {reference} from {archive.name}")
        return self._copied(source, reference)

    def pull(self, reference: str, progress: Callable[[str], None]) -> Finding:
        """Copy an image from its public registry, for the architecture of the description."""
        checked_reference(reference)
        progress(f"pulling {reference}")
        return self._copied(released(reference), reference)

    def digests(self, references: Iterable[str] | None = None) -> dict[str, str | None]:
        """Return reference -> digest, None where the registry has none; by default for all of the description."""
        wanted = node_images(self._desc).values() if references is None else references
        with Registry(self._folder, self._desc) as registry:
            return {reference: registry.digest(checked_reference(reference)) for reference in wanted}

    def verify(self, reference: str) -> Finding:
        """Look whether an image is in the registry, and whole."""
        with Registry(self._folder, self._desc) as registry:
            return registry.look(checked_reference(reference))

    def _copied(self, source: Source, reference: str) -> Finding:
        pushed = self._skopeo.copy(source, reference)
        finding = self.verify(reference)
        faults = list(finding.faults)
        if not faults and finding.digest != pushed:
            faults = [f"{finding.digest} stands there, {pushed} was pushed"]
        if faults or finding.standing is not Standing.OK:
            raise KbootError(
                f"{reference}: pushed, but not there afterwards: {'; '.join(faults)}",
                f"`kboot images prune --cluster {self._folder.cluster}` removes what is damaged; then push it again",
            )
        return finding


def checked_reference(reference: str) -> str:
    """Return `reference` itself; raise BadInput when it is no name of an image."""
    if not is_reference(reference):
        raise BadInput(f"`{reference}` is no name of an image", "write HOST/NAME:TAG or HOST/NAME@sha256:DIGEST")
    return reference
