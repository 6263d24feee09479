"""What `kboot up` does before it asks the engine, in this process: step -> CPU seconds, as JSON.

    python render_steps.py DESCRIPTION FOLDER

`renders.py` runs it with the interpreter of each checkout, so it calls nothing that came later than write_render.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

import kboot_clusterdesc
from kboot.bring_up.render_folder import write_render
from kboot.bring_up.up import render_into
from kboot.render import RenderedFile
from kboot.render.compose import HostNetwork
from kboot_clusterdesc import ClusterDesc, ClusterFolder
from kboot_compose.service_names import SERVICE_NAMES


def cpu_s(act: Callable[[], object]) -> float:
    """Return the CPU seconds that `act` takes in this process."""
    begin = time.process_time()
    act()
    return time.process_time() - begin


def steps(file: Path, root: Path) -> dict[str, float]:
    """Bring the description `file` into a folder below `root` twice, and return what each step took."""
    found: dict[str, float] = {}
    described: list[ClusterDesc] = []
    rendered: list[dict[str, RenderedFile]] = []

    def load() -> None:
        described.append(kboot_clusterdesc.load(file))

    def render() -> None:
        images = {name: f"kboot-{name}:bench" for name in SERVICE_NAMES}
        rendered.append(render_into(folder, described[-1], file, images, HostNetwork(), "eth1"))

    def again() -> None:
        load()
        render()
        if changes := write_render(folder, rendered[-1]):
            raise SystemExit(f"a second time changed {len(changes)} files")

    found["read"] = cpu_s(load)
    folder = ClusterFolder(root, described[0].cluster.name)
    found["keys and render, first"] = cpu_s(render)
    found["write, first"] = cpu_s(lambda: write_render(folder, rendered[0]))
    rendered.clear()
    found["second time, all of it"] = cpu_s(again)
    found["cp of its files"] = cpu_s(lambda: shutil.copytree(folder.path, root / "copy"))
    return found


if __name__ == "__main__":
    print(json.dumps(steps(Path(sys.argv[1]), Path(sys.argv[2]))))
