"""Reads a large description in a process of its own: `python3 -m kboot_cloudconfig.description_reader FILE`.

Reading ten thousand nodes takes seconds, in which the server would answer nobody. What was read comes in frames on
standard output, some nodes each: a frame is taken over in a moment, and others have their turn before the next one.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import sys
from collections.abc import AsyncGenerator
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

from kboot_clusterdesc import ClusterDesc, InvalidDescription, Node, load

_NODES_A_FRAME = 100
_LENGTH_BYTES = 4
_BEFORE_THE_SERVER = "1000"  # proc(5): where memory ends, the kernel ends this process first


class UnreadDescription(Exception):
    """Why there is no description: its problems, or how the process ended."""


async def read_apart(path: Path) -> AsyncGenerator[ClusterDesc | tuple[Node, ...], None]:
    """Yield the description in a file without its nodes, then those, some at a time; raise UnreadDescription."""
    command = [sys.executable, "-m", __spec__.name, str(path)]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    told = cast(asyncio.StreamReader, process.stdout)
    try:
        with suppress(asyncio.IncompleteReadError):
            while True:
                length = int.from_bytes(await told.readexactly(_LENGTH_BYTES))
                frame: Any = pickle.loads(await told.readexactly(length))  # noqa: S301 - written below
                if isinstance(frame, str):
                    raise UnreadDescription(frame)
                yield frame
        if status := await process.wait():
            way = "`kboot restart cloudconfig` reads it again"
            raise UnreadDescription(f"{path}: the process that reads it ended with status {status}: {way}")
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()


def _frames(path: Path) -> list[str | ClusterDesc | tuple[Node, ...]]:
    try:
        desc = load(path)
    except InvalidDescription as error:
        return [str(error)]
    starts = range(0, len(desc.nodes), _NODES_A_FRAME)
    return [desc.model_copy(update={"nodes": ()}), *(desc.nodes[at : at + _NODES_A_FRAME] for at in starts)]


def _write(path: Path) -> None:
    os.nice(10)  # whoever is answered goes first
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_BEFORE_THE_SERVER)
    for frame in _frames(path):
        data = pickle.dumps(frame)
        sys.stdout.buffer.write(len(data).to_bytes(_LENGTH_BYTES) + data)


if __name__ == "__main__":
    _write(Path(sys.argv[1]))
