"""The part of renders: what `kboot up` costs for many nodes with Kubernetes before it asks the engine for anything."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from .figures import Figure, Part, figure_of
from .rack import Tree
from .session import Session, say

_STEPS = Path(__file__).with_name("render_steps.py")
_AGAIN = "second time, all of it"
_NODES_A_BLOCK = 250
_SERVERS = 3
_HEAD = """apiVersion: kboot/v1
cluster: {name: hall, domain: hall.example.com}
network:
  bootstrapper: 10.10.0.2
  subnet: 10.10.0.0/16
  dhcp: {mode: serve, range: [10.10.0.10, 10.10.200.254], lease: 24h}
kubernetes: {version: v1.36.2, pod_cidr: 10.128.0.0/9}
nodes:
"""


def described(count: int) -> str:
    """Return a description of so many nodes with an address each, three of them control planes and members of etcd."""
    lines = []
    for i in range(count):
        mac = f"52:54:00:{i >> 16 & 255:02x}:{i >> 8 & 255:02x}:{i & 255:02x}"
        roles = "control-plane, etcd" if i < _SERVERS else "worker"
        address = f"10.10.{i // _NODES_A_BLOCK + 1}.{i % _NODES_A_BLOCK + 2}"
        lines.append(f'  - {{mac: "{mac}", name: n{i}, ip: {address}, roles: [{roles}]}}\n')
    return _HEAD + "".join(lines)


def renders(session: Session, sizes: Sequence[int]) -> Part:
    """Measure each step with each tree, in turns."""
    figures: list[Figure] = []
    for nodes in sizes:
        file = session.folder / f"hall-{nodes}.yaml"
        file.write_text(described(nodes))
        rounds: list[dict[str, dict[str, float]]] = []
        for number in range(session.rounds):
            say(f"  {nodes} nodes, round {number + 1}")
            trees = session.trees if number % 2 == 0 else session.trees[::-1]
            found = {tree.name: _steps(tree, file, session.folder) for tree in trees}
            rounds.append({tree.name: found[tree.name] for tree in session.trees})
        figures += figures_of(nodes, rounds)
    method = (
        "CPU seconds of one process, by its own clock: other load changes them less than time on the wall. All nodes"
        " have an address and Kubernetes. The second time is what a `kboot up` without a change does: it reads the"
        " description and all keys, renders, and compares with the folder. Ratios are to the first checkout."
    )
    return Part("renders", "A description brought into a folder", method, tuple(figures))


def figures_of(nodes: int, rounds: Sequence[Mapping[str, Mapping[str, float]]]) -> list[Figure]:
    """Return a figure for each step of rounds, each of which has tree -> step -> seconds. Pure."""
    first = next(iter(rounds[0]))
    base = first if len(rounds[0]) > 1 else ""
    wanted = {1_000: "<= 1", 10_000: "<= 10"}.get(nodes, "")
    return [
        figure_of(
            f"{nodes:,} nodes: {step}",
            "s",
            [{tree: found[step] for tree, found in each.items()} for each in rounds],
            base=base,
            wanted=wanted if step == _AGAIN else "",
        )
        for step in rounds[0][first]
    ]


def _steps(tree: Tree, file: Path, folder: Path) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="hall-", dir=folder) as root:
        command = [tree.python, str(_STEPS), str(file), root]
        done = subprocess.run(command, env=tree.environment(), capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{tree.name}: {done.stderr[-1000:]}")
    found: dict[str, float] = json.loads(done.stdout)
    return found
