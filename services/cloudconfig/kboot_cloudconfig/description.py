"""Reads the description in force again when it changed, and keeps the last good one while a new one is bad."""

from __future__ import annotations

import asyncio
import gc
import os
from contextlib import aclosing
from pathlib import Path

from kboot_clusterdesc import ClusterDesc, InvalidDescription, Node, load

from .description_reader import UnreadDescription, read_apart
from .log import LogLevel, log, set_lowest_level
from .node_index import NodeIndex

AT_ONCE_BYTES = 32 * 1024  # some two hundred nodes, which are read in a few hundredths of a second
_Stamp = tuple[int, int, int]


class DescriptionFile:
    """The file `clusterdesc.yaml`, which kboot renders for the services."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: _Stamp | None = None
        self._good: NodeIndex | None = None
        self.problem: str | None = "not read yet"

    def current(self) -> NodeIndex | None:
        """Return the last good description with its nodes; None while there has been none.

        Where the file has changed it is read at once, unless it is large: that is for `follow`.
        """
        try:
            stamp = self._stamp()
            if stamp != self._seen and (self._good is None or stamp[1] <= AT_ONCE_BYTES):
                self._seen = stamp
                self._take(NodeIndex.of(load(self._path)))
        except (InvalidDescription, OSError, UnicodeError) as error:
            self._refuse(str(error))
        return self._good

    async def follow(self) -> None:
        """Take a large file over where it has changed; whoever asks meanwhile is answered by what was in force."""
        try:
            stamp = self._stamp()
        except OSError:  # which `current` tells
            return
        if stamp == self._seen or self._good is None or stamp[1] <= AT_ONCE_BYTES:
            return
        self._seen = stamp
        try:
            index = await self._read_apart(self._good)
        except UnreadDescription as error:
            self._refuse(str(error))
        except OSError as error:  # no process now, for want of memory: the next look tries again
            self._seen = None
            self._refuse(f"{self._path}: no process to read it: {error}")
        else:
            if self._seen is stamp:  # else there is a newer one by now
                self._take(index)
                gc.freeze()  # it lasts: no collection has to walk through it

    async def _read_apart(self, before: NodeIndex) -> NodeIndex:
        """Return the description in the file; a node that did not change is the very one that it was `before`."""
        nodes: list[Node] = []
        whole: ClusterDesc | None = None
        async with aclosing(read_apart(self._path)) as parts:
            async for part in parts:
                if isinstance(part, ClusterDesc):
                    whole = part
                else:
                    nodes += (old if (old := before.by_mac.get(node.mac)) == node and old else node for node in part)
                await asyncio.sleep(0)
        if whole is None:
            raise UnreadDescription(f"{self._path}: the process that reads it told nothing")
        return NodeIndex.of(whole.model_copy(update={"nodes": tuple(nodes)}))

    def _take(self, index: NodeIndex) -> None:
        self._good, self.problem = index, None
        set_lowest_level(index.desc.log_level)
        log("description-read", cluster=index.desc.cluster.name, nodes=len(index.desc.nodes))

    def _refuse(self, problem: str) -> None:
        if problem != self.problem:
            log("description-refused", LogLevel.ERROR, problem=problem)
        self.problem = problem

    def _stamp(self) -> _Stamp:
        stat = os.stat(self._path)
        return stat.st_mtime_ns, stat.st_size, stat.st_ino
