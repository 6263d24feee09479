"""What the container engine holds of clusters, found by the labels that everything of kboot bears."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import docker
import docker.errors

from kboot_clusterdesc.layout import LABEL_CLUSTER

from ..errors import EngineError
from .engine import LABEL_TASK

_STARTED_FROM = "com.docker.compose.project.working_dir"


@dataclass(slots=True)
class EngineContents:
    """The names of what the engine has of one cluster, and the folders that its project was started from."""

    containers: list[str] = field(default_factory=list)
    networks: list[str] = field(default_factory=list)
    volumes: list[str] = field(default_factory=list)
    folders: set[Path] = field(default_factory=set)

    def by_kind(self) -> Iterator[tuple[str, list[str]]]:
        """Yield each kind of which there is something, and the names."""
        for kind in ("containers", "networks", "volumes"):
            if names := getattr(self, kind):
                yield kind, sorted(names)


def contents_of_clusters(client: docker.DockerClient) -> dict[str, EngineContents]:
    """Return cluster -> what the engine has of it; raise EngineError."""
    found: defaultdict[str, EngineContents] = defaultdict(EngineContents)
    try:
        for label in (LABEL_CLUSTER, LABEL_TASK):
            for container in client.containers.list(all=True, filters={"label": label}, ignore_removed=True):
                of = found[container.labels[label]]
                if container.name not in of.containers:
                    of.containers.append(str(container.name))
                if (folder := container.labels.get(_STARTED_FROM)) is not None:
                    of.folders.add(Path(folder))
        for network in client.networks.list(filters={"label": LABEL_CLUSTER}):
            found[network.attrs["Labels"][LABEL_CLUSTER]].networks.append(str(network.name))
        for volume in client.volumes.list(filters={"label": LABEL_CLUSTER}):
            found[volume.attrs["Labels"][LABEL_CLUSTER]].volumes.append(str(volume.name))
    except docker.errors.APIError as error:
        raise EngineError(f"the engine does not tell what it holds: {error.explanation}") from error
    return dict(found)
