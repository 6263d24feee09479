"""The description in force: read again when it changed, the last good one kept while a new one is bad."""

from __future__ import annotations

from pathlib import Path

from kboot_clusterdesc import ClusterDesc, InvalidDescription, load

from .log import log


class DescriptionFile:
    """`clusterdesc.yaml` beside this service."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int, int] | None = None
        self._good: ClusterDesc | None = None
        self.problem: str | None = "not read yet"

    def current(self) -> ClusterDesc | None:
        """The last good description; None while there never was one."""
        try:
            stat = self._path.stat()
            stamp = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
            if stamp != self._seen:
                self._seen = stamp
                self._good = load(self._path)
                self.problem = None
                log("description-read", cluster=self._good.cluster.name, nodes=len(self._good.nodes))
        except (InvalidDescription, OSError, UnicodeError) as error:
            problem = str(error)
            if problem != self.problem:
                log("description-refused", problem=problem)
            self.problem = problem
        return self._good
