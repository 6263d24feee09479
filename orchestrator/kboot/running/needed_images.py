"""The images that the machines of a cluster may pull, by the description and by what they are given."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from kboot_clusterdesc import ClusterDesc, ClusterFolder, Phase, joined
from kboot_clusterdesc.node_images import node_images
from kboot_clusterdesc.shared_files import NODE_CONFIG

from ..errors import KbootError, NotYet
from ..node import NodeConfig
from ..node.document import read_document
from ..node.roles.addons import HOME
from ..supplies.named_images import documents_of, images_named_in, pod_images
from .cloudconfig_client import JsonObject
from .config_in_force import RenderedByOlder, config_in_force

_RUNS = (Phase.RUNNING, Phase.READY)
_YAML = (".yaml", ".yml", ".json")


def wanted_images(folder: ClusterFolder, desc: ClusterDesc) -> list[tuple[str, str]]:
    """Return the images that the nodes pull, each with its key of the description.

    Those of the operator's own manifests have the key `manifests`; they are unknown before `kboot up` was here.
    """
    wanted = list(node_images(desc).items())
    own: dict[str, None] = {}
    for node in desc.control_planes:
        with suppress(RenderedByOlder):
            config = config_in_force(folder, node.mac)
            for file in config.files if config else ():
                if file.path.startswith(f"{HOME}/own/"):
                    own |= dict.fromkeys(pod_images(file.content))
    known = {reference for _, reference in wanted}
    return wanted + [("manifests", reference) for reference in own if reference not in known]


def needed_images(folder: ClusterFolder, desc: ClusterDesc) -> set[str]:
    """Return every image of the description, and whatever a machine is given that can be the name of one.

    That is what stands in the node configs in force: manifests of the operator, units and scripts of fragments.
    """
    needed = set(node_images(desc).values())
    seen: set[bytes] = set()
    for config in _configs(folder, desc):
        for file in config.all_files:
            if file.content not in seen:
                seen.add(file.content)
                for text in _texts(file.path, file.content):
                    needed |= images_named_in(text)
    return needed


def refuse_outdated(nodes: list[JsonObject]) -> None:
    """Raise NotYet where a machine runs an older config, whose images it may have to pull again, or did not tell."""
    runs = [node for node in nodes if node.get("phase") in _RUNS]
    if silent := [str(node["name"]) for node in runs if not node.get("config_told", True)]:
        raise NotYet(
            f"which configs, and so which images, are on {', '.join(silent)} was not told",
            "`kboot node apply NAME` brings them the one in force, and they tell it; `--force` prunes all the same",
        )
    if outdated := [str(node["name"]) for node in nodes if node["config"] == "outdated"]:
        raise NotYet(
            f"older configs, which may name other images, are on {', '.join(outdated)}",
            "bring them the one in force: `kboot upgrade`, or `kboot node apply NAME`; `--force` prunes all the same",
        )


def _configs(folder: ClusterFolder, desc: ClusterDesc) -> Iterator[NodeConfig]:
    for node in desc.nodes:
        config = config_in_force(folder, node.mac)
        if config is None:
            raise KbootError(f"{folder.node(node.mac)}: is not there", "run `kboot up` first")
        yield config
    if desc.lets_machines_join:
        place = folder.nodes / joined.FOLDER / NODE_CONFIG
        try:
            yield read_document(place.read_bytes())
        except OSError as error:
            raise KbootError(f"{place}: cannot be read: {error.strerror}", "run `kboot up` first") from error


def _texts(path: str, content: bytes) -> Iterator[str]:
    """Yield the text of a file, and of YAML each scalar too, since a name may be written there with escapes."""
    text = content.decode(errors="replace")
    yield text
    if path.endswith(_YAML):
        try:
            for document in documents_of(content):
                yield from _scalars(document)
        except RecursionError:  # an alias of what it stands in
            return


def _scalars(part: object) -> Iterator[str]:
    if isinstance(part, str):
        yield part
    elif isinstance(part, dict):
        for key, value in part.items():
            yield from _scalars(key)
            yield from _scalars(value)
    elif isinstance(part, list):
        for each in part:
            yield from _scalars(each)
