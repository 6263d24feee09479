"""Measure what `kboot up` costs for many nodes before it asks the engine for anything, against copying its files.

`make bench` runs it. The floor is a copy of the folders that it wrote, in the same run. All figures are CPU time, which
other load on the machine changes less than time on the wall; `growth` is 1.0 where ten times the nodes cost ten times.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import kboot_clusterdesc
from kboot.bring_up.render_folder import write_render
from kboot.pki.store.cluster_secrets import load_or_create
from kboot.render import RenderedFile, render
from kboot.render.compose import HostNetwork
from kboot_clusterdesc import ClusterDesc, ClusterFolder
from kboot_compose.service_names import SERVICE_NAMES

HEAD = """apiVersion: kboot/v1
cluster: {name: hall, domain: hall.example.com}
network:
  bootstrapper: 10.10.0.2
  subnet: 10.10.0.0/16
  dhcp: {mode: serve, range: [10.10.0.10, 10.10.200.254], lease: 24h}
kubernetes: {version: v1.36.2, pod_cidr: 10.128.0.0/9}
nodes:
"""
_NODES_A_BLOCK = 250


def described(count: int) -> str:
    """Return a description of so many nodes, three of them control planes."""
    lines = []
    for i in range(count):
        mac = f"52:54:00:{i >> 16 & 255:02x}:{i >> 8 & 255:02x}:{i & 255:02x}"
        roles = "control-plane, etcd" if i < 3 else "worker"
        address = f"10.10.{i // _NODES_A_BLOCK + 1}.{i % _NODES_A_BLOCK + 2}"
        lines.append(f'  - {{mac: "{mac}", name: n{i}, ip: {address}, roles: [{roles}]}}\n')
    return HEAD + "".join(lines)


def cpu_s(act: Callable[[], object]) -> float:
    """Return the CPU seconds that `act` takes in this process."""
    begin = time.process_time()
    act()
    return time.process_time() - begin


def rendered(folder: ClusterFolder, desc: ClusterDesc) -> dict[str, RenderedFile]:
    """Return the render of `desc` with the secrets in `folder`, made where missing."""
    return render(
        desc,
        secrets=load_or_create(folder, desc, datetime.now(UTC)),
        images={name: f"kboot-{name}:bench" for name in SERVICE_NAMES},
        network=HostNetwork(),
        interface="eth1",
        root=folder.root,
    )


def measure(count: int) -> dict[str, float]:
    """Return step -> CPU seconds for so many nodes."""
    with tempfile.TemporaryDirectory(prefix="kboot-bench-") as scratch:
        folder, file = ClusterFolder(Path(scratch), "hall"), Path(scratch) / "hall.yaml"
        file.write_text(described(count))
        found: dict[str, float] = {}
        found["load"] = cpu_s(lambda: kboot_clusterdesc.load(file))
        desc = kboot_clusterdesc.load(file)
        found["secrets, first"] = cpu_s(lambda: load_or_create(folder, desc, datetime.now(UTC)))
        found["render"] = cpu_s(lambda: rendered(folder, desc)) - cpu_s(
            lambda: load_or_create(folder, desc, datetime.now(UTC))
        )
        files = rendered(folder, desc)
        found["write, first"] = cpu_s(lambda: write_render(folder, files))
        found["up, second"] = cpu_s(lambda: write_render(folder, rendered(folder, kboot_clusterdesc.load(file))))
        found["copy of its files"] = cpu_s(lambda: shutil.copytree(folder.path, Path(scratch) / "copy"))
        return found


def start_s(*words: str) -> float:
    """Return the wall seconds that Python takes with these words, the least of five."""
    taken = []
    for _ in range(5):
        begin = time.monotonic()
        subprocess.run([sys.executable, *words], stdout=subprocess.DEVNULL, check=True)
        taken.append(time.monotonic() - begin)
    return min(taken)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int, default=1000, help="the larger of the two clusters (1000)")
    nodes = parser.parse_args().nodes
    small, large = measure(nodes // 10), measure(nodes)
    floor = large["copy of its files"]
    print(f"{'':<18} {nodes // 10:>8} {nodes:>8}   growth   / copy")
    for step, seconds in large.items():
        growth = seconds / (10 * small[step]) if small[step] else float("nan")
        print(f"{step:<18} {small[step]:>7.2f}s {seconds:>7.2f}s {growth:>8.2f} {seconds / floor:>8.1f}")
    python, command = start_s("-c", "pass"), start_s("-m", "kboot.cli.main", "--help")
    print(f"`kboot --help` {command:.2f} s, {command / python:.1f} times what Python takes to do nothing")


if __name__ == "__main__":
    main()
