"""The part of the command line: how long `kboot` takes to start, to check and to render a description."""

from __future__ import annotations

import math
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from .figures import Part, figure_of
from .network import server_address
from .rack import Tree, description, render
from .session import Session, say


def command_line(session: Session, sizes: Sequence[int]) -> Part:
    """Measure `kboot --help` beside an empty Python, and validate and render of descriptions of these sizes."""
    starts: list[dict[str, float]] = []
    for _ in range(session.rounds):
        each = {"python -c pass": _seconds([session.trees[0].python, "-c", "pass"], session.trees[0])}
        starts.append(each | {tree.name: _seconds(tree.kboot("--help"), tree) for tree in session.trees})
    figures = [figure_of("kboot --help", "s", starts, base="python -c pass", wanted="<= 0.2 s")]
    for machines in sizes:
        file = session.folder / f"rack-{machines}.yaml"
        file.write_text(description(server_address(0), machines))
        checks = [
            {tree.name: _seconds(tree.kboot("validate", str(file)), tree) for tree in session.trees}
            for _ in range(session.rounds)
        ]
        figures.append(figure_of(f"{machines:,} machines: kboot validate", "s", checks))
        took = {}
        for tree in session.trees:
            say(f"  {tree.name} renders {machines} machines")
            took[tree.name] = _render_s(tree, machines, session.folder / f"rendered-{machines}-{tree.name}")
        wanted = {1_000: "<= 1", 10_000: "<= 10"}.get(machines, "")
        figures.append(figure_of(f"{machines:,} machines: kboot render, first", "s", [took], wanted=wanted))
    method = "Wall time of the whole command, files in the cache. `render` is measured once for each size."
    return Part("cli", "The command line", method, tuple(figures))


def _render_s(tree: Tree, machines: int, folder: Path) -> float:
    """Return the seconds of a first render; NaN where the tree refuses so many machines."""
    try:
        return render(tree, server_address(0), machines, folder)
    except SystemExit as refusal:
        say(f"  {refusal}")
        return math.nan


def _seconds(command: Sequence[str], tree: Tree) -> float:
    begin = time.monotonic()
    done = subprocess.run(command, env=tree.environment(), capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: {done.stderr[-1000:]}")
    return time.monotonic() - begin
