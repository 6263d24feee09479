"""Reads the description in force again when it changed, and keeps the last good one while a new one is bad."""

from __future__ import annotations

from pathlib import Path

from kboot_clusterdesc import InvalidDescription, load

from .log import LogLevel, log, set_lowest_level
from .node_index import NodeIndex


class DescriptionFile:
    """The file `clusterdesc.yaml`, which kboot renders for the services."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int, int] | None = None
        self._good: NodeIndex | None = None
        self.problem: str | None = "not read yet"

    def current(self) -> NodeIndex | None:
        """Return the last good description with its nodes; None while there has been none."""
        try:
            stat = self._path.stat()
            stamp = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
            if stamp != self._seen:
                self._seen = stamp
                desc = load(self._path)
                self._good = NodeIndex.of(desc)
                self.problem = None
                set_lowest_level(desc.log_level)
                log("description-read", cluster=desc.cluster.name, nodes=len(desc.nodes))
        except (InvalidDescription, OSError, UnicodeError) as error:
            problem = str(error)
            if problem != self.problem:
                log("description-refused", LogLevel.ERROR, problem=problem)
            self.problem = problem
        return self._good
