"""Measure how fast nodes pull an image from the cluster's registry, against Python's threaded file server.

`make bench` runs it, as root, where docker-registry is installed. The registry is the real one with the configurations
that kboot renders; nodes are curl, which takes three layers at a time as containerd does, over TLS. The file server
hands out the same bytes without TLS. All is on loopback, in turns; each result is a ratio of times, since machines are
noisy.
"""

from __future__ import annotations

import argparse
import os
import platform
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from kboot.host.waiting import looks
from kboot.supplies.named_images import is_kept
from kboot.supplies.prune import prune_store
from kboot.supplies.registry_store import RegistryStore
from kboot_clusterdesc.node_images import repository_and_tag
from kboot_lab import release_server
from support.image_archives import MANIFEST, digest_of
from support.ports import free_port
from support.real_registry import Image, RealRegistry, image_of, real_registry

_REFERENCE = "registry.k8s.io/large:1"
_BLOBS = "docker/registry/v2/blobs/sha256"


def pull_s(nodes: int, urls: Sequence[str], authority: Path) -> float:
    """Have `nodes` machines download all `urls` at once, and return the seconds until the last has them all."""
    config = "".join(f'url = "{url}"\noutput = "/dev/null"\n' for url in urls)
    options = [
        "--fail",
        "--parallel",
        "--parallel-max",
        "3",
        "--cacert",
        str(authority),
        "--header",
        f"Accept: {MANIFEST}",
    ]
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as listed:
        listed.write(config)
        listed.flush()
        command = ["curl", *options, "--config", listed.name]
        begin = time.monotonic()
        codes = [each.wait() for each in [subprocess.Popen(command, stderr=subprocess.DEVNULL) for _ in range(nodes)]]
        gone = time.monotonic() - begin
    if any(codes):
        raise SystemExit(f"curl ended with {codes}")
    return gone


def beside_prunes(registry: RealRegistry, measure: Callable[[], float]) -> float:
    """Return what `measure` finds while images are pushed and pruned all the time."""
    is_over = threading.Event()

    def prune() -> None:
        number = 0
        while not is_over.is_set():
            registry.push(f"registry.k8s.io/passing:{number}", image_of(b"passing %d" % number * 100_000))
            prune_store(RegistryStore(registry.folder.registry), is_kept([_REFERENCE], ()), registry.end_pushes)
            registry.wait_ready()
            number += 1

    thread = threading.Thread(target=prune)
    thread.start()
    try:
        return measure()
    finally:
        is_over.set()
        thread.join()


def file_server(store: Path, port: int) -> subprocess.Popen[bytes]:
    """Start the file server over the blobs of a store, and return it once it listens."""
    command = [sys.executable, release_server.__file__, str(store), "--port", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in looks(60, 0.1):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            continue
        return server
    raise SystemExit(f"nobody listens on port {port}")


def compare(registry: RealRegistry, image: Image, port: int, nodes: int, rounds: int) -> None:
    """Measure in turns, and print each ratio with its lowest and highest value."""
    repository, tag = repository_and_tag(_REFERENCE)
    base = f"https://{registry.desc.network.bootstrapper}:{registry.desc.registry.port}/v2/{repository}"
    digests = [digest_of(blob) for blob in image.blobs]
    pulled = [f"{base}/manifests/{tag}", *(f"{base}/blobs/{digest}" for digest in digests)]
    served = [f"http://127.0.0.1:{port}/{each[7:9]}/{each[7:]}/data" for each in (image.digest, *digests)]
    pull = partial(pull_s, authority=registry.folder.pki / "cluster-ca.pem")
    one, many, pruned = [], [], []
    for _ in range(rounds):
        one.append(pull(1, pulled) / pull(1, served))
        alone = pull(nodes, pulled)
        many.append(alone / pull(nodes, served))
        pruned.append(beside_prunes(registry, lambda: pull(nodes, pulled)) / alone)
    for name, ratios in (
        ("one node, registry over TLS / threaded file server", one),
        (f"{nodes} nodes at once, registry over TLS / threaded file server", many),
        (f"{nodes} nodes at once, beside pushes and prunes / alone", pruned),
    ):
        low, middle, high = min(ratios), statistics.median(ratios), max(ratios)
        print(f"{name}: {middle:.2f} of the time ({low:.2f} to {high:.2f}), less is faster")


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=200, metavar="MB")
    parser.add_argument("--nodes", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    image = image_of(*(os.urandom(1 << 20) * (options.size // 4) for _ in range(4)))
    with (
        tempfile.TemporaryDirectory(prefix="kboot-bench-") as name,
        real_registry(Path(name), "bench", "127.77.30.253") as registry,
    ):
        registry.push(_REFERENCE, image)
        port = free_port()
        server = file_server(registry.folder.registry / _BLOBS, port)
        try:
            print(f"{options.size} MB in 4 layers, {options.rounds} rounds, {platform.machine()}")
            compare(registry, image, port, options.nodes, options.rounds)
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    main()
