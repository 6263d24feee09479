"""The images that nodes pull, byte for byte from their public registries, by skopeo in the registry's image."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from kboot_clusterdesc.node_images import full_name

from ...errors import BadInput, KbootError
from ...supplies.bundle_manifest import Blob, Item, Kind
from ...supplies.node_images import checked_reference
from ...supplies.skopeo import Source, list_command, names_list, released, whole
from ...supplies.task_container import bind_mount, engine_client, failure, run_task, site_authorities, site_proxies
from .collected import Collected
from .image_files import Given, content_of
from .image_parts import ImageParts, blob_path, oci_parts

_ROOM = "/var/tmp"  # noqa: S108 - in the container
_LABEL = "kboot-bundle"


def collect_node_images(
    wanted: Sequence[tuple[str, str]],
    given: Sequence[Given],
    registry_image: Callable[[], str],
    collected: Collected,
    progress: Callable[[str], None],
) -> list[Item]:
    """Return `given` as far as it is wanted, and the other images wanted (reference, architecture) from where they are
    released.

    Raises BadInput where one that is wanted was given for other machines alone: who gave it did not mean a pull.
    `registry_image` has the image there that skopeo is in, and is asked where one has to be pulled alone.
    """
    items: list[Item] = []
    others = {name: fault for each in given for name, fault in each.others.items()}
    for reference, arch in wanted:
        name = full_name(reference)
        same = [item for each in given for item in each.items if full_name(item.name) == name]
        if not same and name in others:
            raise others[name]
        known = [item for item in same if item.arch in (arch, "any")]
        items += known or _released(checked_reference(reference), arch, registry_image, collected, progress)
    return list(dict.fromkeys(items))


def _released(
    reference: str, arch: str, registry_image: Callable[[], str], collected: Collected, progress: Callable[[str], None]
) -> list[Item]:
    key = f"node image {reference} {arch}"
    known = collected.remembered(key)
    if known is not None and all(item.arch in (arch, "any") for item in known):
        return known
    image = registry_image()
    progress(f"pulling {reference} for {arch}")
    source = released(reference)
    try:
        parts = _pulled(reference, source, arch, image, collected)
    except BadInput:
        if source.takes_all or not _is_list(source, reference, image, collected):
            raise
        parts = _pulled(reference, whole(source), arch, image, collected)
    return collected.remember(key, [parts.item(Kind.NODE_IMAGE, reference, f"docker://{reference}")])


def _pulled(reference: str, source: Source, arch: str, registry_image: str, collected: Collected) -> ImageParts:
    """Return a pulled image, with all that its source takes of it; raise BadInput where it is not for `arch`."""
    with collected.scratch() as scratch:
        code, said = _run(registry_image, pull_command(source, arch), scratch)
        _refuse_failed(reference, code, said)
        files = _taken(scratch / "image", collected)
    top, content = files.pop("manifest.json"), content_of(collected)
    try:
        ours = oci_parts(top, files, content, arch)
    except BadInput as error:
        raise BadInput(f"{reference}: {error.message}", error.hint) from error
    return oci_parts(top, files, content, None) if source.takes_all else ours


def _is_list(source: Source, reference: str, registry_image: str, collected: Collected) -> bool:
    lines: list[str] = []
    with collected.scratch() as scratch:
        code, said = _run(registry_image, list_command(source), scratch, lines.append)
    _refuse_failed(reference, code, said)
    return names_list("\n".join(lines))


def pull_command(source: Source, arch: str) -> list[str]:
    """Return skopeo's command line for an image into a folder, which unlike an OCI layout keeps its digest."""
    command = ["skopeo", "--insecure-policy", "--override-os=linux", f"--override-arch={arch}", "copy"]
    command += ["--all"] if source.takes_all else []
    return [*command, "--preserve-digests", source.name, f"dir:{_ROOM}/image"]


def _run(
    registry_image: str, command: list[str], room: Path, hear: Callable[[str], None] | None = None
) -> tuple[int, str]:
    with engine_client() as client:
        return run_task(
            client,
            registry_image,
            command,
            mounts=[bind_mount(room, _ROOM, read_only=False), *site_authorities()],
            environment=site_proxies(os.environ),
            user=os.geteuid(),
            network="host",
            label=_LABEL,
            hear=hear,
        )


def _refuse_failed(reference: str, code: int, said: str) -> None:
    if code != 0:
        raise KbootError(
            f"{reference}: not pulled: {failure(said)}",
            "is that registry reached from here? Else bring the image as an archive: `--image ARCHIVE`",
        )


def _taken(folder: Path, collected: Collected) -> dict[str, Blob]:
    """Take what skopeo wrote into the cache; each content but the manifest by its path in an OCI layout."""
    files: dict[str, Blob] = {}
    for path in folder.iterdir():
        blob = collected.take(path)
        files["manifest.json" if path.name == "manifest.json" else blob_path(blob.digest)] = blob
    return files
