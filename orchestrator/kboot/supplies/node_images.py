"""The node images in a cluster's registry: pushed and pulled there, listed, verified."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from kboot_clusterdesc import ClusterDesc, ClusterFolder
from kboot_clusterdesc.node_images import full_name, in_place_of, is_reference, node_images, repository_and_tag

from ..errors import BadInput, KbootError
from ..host.engine import Engine
from .image_archive import Archive, ArchivedImage, read_archive
from .image_owners import ImageOwners
from .image_platform import platform_fault, platform_hint
from .registry import Finding, Registry, RegistryUnreachable
from .registry_store import RegistryStore
from .skopeo import Skopeo, Source, archived, released, stored, whole
from .standing import Standing
from .store import SupplyStore


class NodeImages:
    """The node images of one cluster; `wanted` are those that it needs, by default those of the description alone."""

    def __init__(
        self,
        engine: Engine,
        folder: ClusterFolder,
        desc: ClusterDesc,
        *,
        wanted: Collection[str] | None = None,
        skopeo: Skopeo | None = None,
    ) -> None:
        self._folder = folder
        self._desc = desc
        self._owners = ImageOwners(folder, desc)
        self._wanted = {full_name(name) for name in (node_images(desc).values() if wanted is None else wanted)}
        self._skopeo = skopeo or Skopeo(engine, folder, desc)

    def push_archive(
        self,
        archive: Path,
        reference: str,
        progress: Callable[[str], None],
        *,
        count: str = "",
        as_it_is: bool = False,
    ) -> Finding:
        """Push the image of `archive` (docker or OCI) that is called `reference`, or its only one, under that name.

        What stands there whole already is left alone. `count`, such as `3 of 17`, is said before the name. `as_it_is`
        leaves uncompressed layers so: unpacking costs a slow machine more than the longer transfer.

        Raises KbootError, also when the registry took the image and does not have it afterwards.
        """
        checked_reference(reference)
        found = read_archive(archive)
        image = usable_image(found, reference, self._desc)
        source = archived(found, image, reference)
        if as_it_is:
            source = replace(source, keeps_digest=True)
        numbered = f"{count}: {reference}" if count else reference
        if (standing := self._standing(image, reference)) is not None:
            progress(f"already there {numbered}")
            self._owners.note(reference, str(standing.digest))
            return standing
        self._make_way(reference, progress)
        progress(f"pushing {numbered} from {archive.name}")
        return self._copied(source, reference)

    def push_stored(
        self, store: SupplyStore, digest: str, reference: str, progress: Callable[[str], None], *, count: str = ""
    ) -> Finding:
        """Push an image that a bundle brought, by its digest, under the name `reference`."""
        source = stored(store, digest)
        self._make_way(reference, progress, digest)
        progress(f"pushing {count}: {reference} from {store.path.name}" if count else f"pushing {reference}")
        return self._copied(source, reference)

    def pull(self, reference: str, progress: Callable[[str], None]) -> Finding:
        """Copy an image from its public registry, for the architecture of the description."""
        checked_reference(reference)
        self._make_way(reference, progress)
        progress(f"pulling {reference}")
        source = released(reference)
        if fault := platform_fault(self._skopeo.platforms(source, reference), self._desc.os.arch):
            if not self._skopeo.is_list(source, reference):
                raise BadInput(f"{reference}: {fault}", "name an image that is for `os.arch`")
            source = whole(source)
        return self._copied(source, reference)

    def digests(self, references: Iterable[str]) -> dict[str, str | None]:
        """Return reference -> digest, None where the registry has none."""
        with Registry(self._folder, self._desc) as registry:
            return {reference: registry.digest(checked_reference(reference)) for reference in references}

    def verify(self, references: Iterable[str], ended: Callable[[int], None]) -> list[Finding]:
        """Return for each image whether it is in the registry, and whole to the last byte; `ended` is told of each."""
        found = []
        with Registry(self._folder, self._desc, reads_blobs=True) as registry:
            for reference in references:
                found.append(registry.look(checked_reference(reference)))
                ended(1)
        return found

    def _standing(self, image: ArchivedImage, reference: str) -> Finding | None:
        """Return how the image of an archive stands in the registry; None unless it does, and is whole."""
        with suppress(RegistryUnreachable):
            with Registry(self._folder, self._desc) as registry:
                found = registry.look(reference, is_owned=False)
            is_same = found.digest == image.digest if image.digest else image.config and found.config == image.config
            return found if is_same and found.standing is Standing.OK else None
        return None

    def _make_way(self, reference: str, progress: Callable[[str], None], digest: str | None = None) -> None:
        """Raise BadInput where another host's image, of another digest than the one to be pushed, has the place.

        It gives way where the cluster needs this image, and not that one any more.
        """
        standing = None
        with suppress(KbootError), Registry(self._folder, self._desc) as registry:  # a push may mend it, or says it
            standing = registry.digest_at(reference)
        others = self._owners.beside(reference, standing)
        if not others or standing == digest or self._owners.is_own(reference):
            return
        if full_name(reference) not in self._wanted or not self._wanted.isdisjoint(others):
            raise BadInput(
                f"{reference}: {', '.join(others)} stands there already, which is one name with it in this registry",
                "push one of them under a tag of its own; `kboot images prune` removes what nothing names",
            )
        progress(f"{reference} takes the place of {', '.join(others)}, which nothing needs any more")

    def _copied(self, source: Source, reference: str) -> Finding:
        pushed = self._skopeo.copy(source, reference)
        with Registry(self._folder, self._desc) as registry:
            finding = registry.look(reference, is_judged=False, is_owned=False)  # its source was judged
        faults = list(finding.faults)
        if not faults and finding.digest != pushed:
            faults = [f"{finding.digest} stands there, {pushed} was pushed"]
        if faults or finding.standing is not Standing.OK:
            raise KbootError(
                f"{reference}: pushed, but not there afterwards: {'; '.join(faults)}",
                f"`kboot images prune --cluster {self._folder.cluster}` removes what is damaged; then push it again",
            )
        self._owners.note(reference, pushed)
        return finding


def usable_image(archive: Archive, reference: str, desc: ClusterDesc) -> ArchivedImage:
    """Return the image of an archive that is pushed as `reference`; raise BadInput when no machine could run it."""
    image = archive.image(reference)
    if fault := platform_fault(image.platforms, desc.os.arch):
        raise BadInput(f"{archive.path}: {reference}: {fault}", platform_hint(desc.os.arch))
    return image


def refuse_unusable(archives: Mapping[Path, Archive], pushes: Sequence[tuple[Path, str]], desc: ClusterDesc) -> None:
    """Raise BadInput where no machine could run what is to be pushed, or where two images want one place."""
    images: dict[str, ArchivedImage] = {}
    for path, name in pushes:
        image = usable_image(archives[path], name, desc)
        other = in_place_of(name, images)
        if other is not None and not _is_same(image, images[other]):
            raise BadInput(
                f"{path}: {name}: is one name with {other} in this registry, which leaves hosts out",
                "push one of them under a tag of its own: `kboot images push ARCHIVE REFERENCE`",
            )
        images[name] = image


def _is_same(one: ArchivedImage, other: ArchivedImage) -> bool:
    known = [(one.digest, other.digest), (one.config, other.config)]
    return any(a is not None and a == b for a, b in known)


def other_images(folder: ClusterFolder, desc: ClusterDesc, wanted: Iterable[str]) -> dict[str, str]:
    """Return reference -> digest of the images in the registry that have a tag and are none of `wanted`."""
    known = {repository_and_tag(reference) for reference in wanted}
    host = f"{desc.registry.domain}:{desc.registry.port}"
    return {
        f"{host}/{repository.name}:{tag}": digest
        for repository in RegistryStore(folder.registry).contents().repositories
        for tag, digest in repository.tags.items()
        if (repository.name, tag) not in known
    }


def checked_reference(reference: str) -> str:
    """Return `reference` itself; raise BadInput when it is no name of an image."""
    if not is_reference(reference):
        raise BadInput(f"`{reference}` is no name of an image", "write HOST/NAME:TAG or HOST/NAME@sha256:DIGEST")
    return reference
