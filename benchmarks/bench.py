"""Measures kboot beside nginx, wrk's and dnsmasq's word, in parts; writes docs/performance.md. `make bench` runs it.

    python benchmarks/bench.py                                        # all parts of `make bench`, this checkout
    python benchmarks/bench.py images storm --machines 1000 4000      # some parts, larger racks
    python benchmarks/bench.py small --tree before=../old --tree after=. --output /tmp/compared

It needs root, for network namespaces, and nginx, wrk and dnsmasq-base of the distribution, which kboot itself does not.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from kboot_bench import bundles, command_line, images, leases, looks, renders, small, storm, updates
from kboot_bench.figures import Part, as_json, part_from
from kboot_bench.network import MOST_MACHINES, rack_network
from kboot_bench.rack import Tree, tree_of
from kboot_bench.report import Run, page, part_pictures, table
from kboot_bench.servers import missing_programs
from kboot_bench.session import Session, say

_DOCS = Path(__file__).resolve().parents[1] / "docs"
_PACKAGES = {"nginx": "nginx", "wrk": "wrk", "dnsmasq": "dnsmasq-base", "ip": "iproute2"}


def parts_of(options: argparse.Namespace) -> dict[str, Callable[[Session], Part]]:
    """Return every part by its name, in the order of the page."""
    machines = options.machines
    return {
        "images": images.images,
        "memory": images.memory,
        "small": lambda session: small.small(session, machines[0]),
        "flow": lambda session: images.flow(session, machines[0]),
        "storm": lambda session: storm.storm(
            session, machines, has_dhcp=options.dhcp, sample_bytes=options.sample_kib << 10, limit_s=options.limit_s
        ),
        "leases": lambda session: leases.leases(session, machines[0]),
        "tokens": lambda session: leases.tokens(session, machines[0]),
        "looks": lambda session: looks.looks(session, machines),
        "updates": lambda session: updates.updates(session, machines[0]),
        "cli": lambda session: command_line.command_line(session, machines),
        "renders": lambda session: renders.renders(session, machines),
        "mirrors": _mirrors,
        "pulls": _pulls,
        "bundles": bundles.bundles,
    }


def _pulls(session: Session) -> Part:
    from kboot_bench import pulls  # its registry is that of the tests, which PYTHONPATH=tests finds

    return pulls.pulls(session)


def _mirrors(session: Session) -> Part:
    from kboot_bench import mirrors  # as above: who signs and publishes its release

    return mirrors.mirrors(session)


def run_of(trees: list[Tree], rounds: int) -> Run:
    """Return where and when this is."""
    memory_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    machine = f"{os.cpu_count()} processors, {memory_gb:.0f} GB, Linux {platform.release()}, {platform.machine()}"
    versions = {tree.name: tree.version() for tree in trees} | {"Python": platform.python_version()}
    for name, command in (("nginx", ["nginx", "-v"]), ("dnsmasq", ["dnsmasq", "--version"])):
        said = subprocess.run(command, capture_output=True, text=True)
        versions[name] = (said.stdout + said.stderr).split("\n")[0].replace("/", " ").split()[2]
    return Run(machine, f"{datetime.now(UTC):%d %B %Y}", versions, rounds)


def keep(output: Path, run: Run, parts: list[Part], order: list[str]) -> None:
    """Write the figures below `output`, beside those of parts that were not measured, and the page of all."""
    folder = output / "performance"
    folder.mkdir(parents=True, exist_ok=True)
    kept_file = folder / "figures.json"
    kept = json.loads(kept_file.read_text()) if kept_file.exists() else {}
    for part in parts:
        kept[part.name] = {"part": as_json(part), "run": asdict(run)}
        for name, picture in part_pictures(part).items():
            (folder / name).write_text(picture)
    kept_file.write_text(json.dumps({name: kept[name] for name in order if name in kept}, indent=1) + "\n")
    all_parts = [(part_from(kept[name]["part"]), Run(**kept[name]["run"])) for name in order if name in kept]
    (output / "performance.md").write_text(page(all_parts, "performance"))


def main() -> None:
    """Measure the parts that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help="such as images, small, storm (all)")
    parser.add_argument("--tree", type=tree_of, action="append", metavar="NAME=PATH", help="a checkout (kboot=.)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=2, help="of a window")
    parser.add_argument(
        "--machines", type=int, nargs="+", default=[1000, 4000], help="sizes of racks; the first serves all"
    )
    parser.add_argument("--image-mb", type=int, default=500)
    parser.add_argument("--dhcp", action="store_true", help="in the storm: leases from dnsmasq, and TFTP")
    parser.add_argument(
        "--sample-kib", type=int, default=64, help="in the storm: of initrd and image, 0 for whole ones"
    )
    parser.add_argument("--limit-s", type=float, default=300, help="of a storm")
    parser.add_argument("--output", type=Path, default=_DOCS, metavar="DIR", help="where performance.md goes (docs)")
    parser.add_argument("--folder", type=Path, metavar="DIR", help="for the bytes that are served")
    options = parser.parse_args()
    known = parts_of(options)
    names = options.parts or list(known)
    if unknown := set(names) - set(known):
        parser.error(f"no part {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    if max(options.machines) > MOST_MACHINES:
        parser.error(f"at most {MOST_MACHINES} machines")
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    if missing := missing_programs(*_PACKAGES):
        raise SystemExit(f"missing: run as root: apt-get install {' '.join(_PACKAGES[name] for name in missing)}")
    if os.geteuid() != 0:
        raise SystemExit("network namespaces are root's: run as root")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that nothing is left behind
    trees = options.tree or [Tree("kboot")]
    run, done = run_of(trees, options.rounds), list[Part]()
    with tempfile.TemporaryDirectory(prefix="kboot-bench-", dir=options.folder) as name, rack_network() as network:
        session = Session(network, Path(name), trees, options.rounds, options.seconds, options.image_mb)
        for each in names:
            say(each)
            done.append(known[each](session))
            keep(options.output, run, done, list(known))
            print(f"{done[-1].title}\n{table(done[-1].figures)}", flush=True)
    print(f"{options.output / 'performance.md'} is written", file=sys.stderr)


if __name__ == "__main__":
    main()
