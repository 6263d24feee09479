"""The part of container images: how fast nodes pull them from the cluster's registry, beside nginx with the same bytes.

The registry is the real one with the configurations that kboot renders; nodes are curl, which takes three layers at a
time as containerd does. Both serve over TLS.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from kboot.supplies.named_images import is_kept
from kboot.supplies.prune import prune_store
from kboot.supplies.registry_store import RegistryStore
from kboot_clusterdesc.node_images import repository_and_tag
from support.image_archives import MANIFEST, digest_of
from support.real_registry import Image, RealRegistry, image_of, real_registry

from .figures import Part, figure_of
from .network import server_address
from .servers import NGINX, Nginx, missing_programs
from .session import Session, say

_REFERENCE = "registry.k8s.io/large:1"
_BLOBS = "docker/registry/v2/blobs/sha256"
_ADDRESS = "127.77.30.253"
_NODES, _SIZE_MB, _LAYERS = 8, 200, 4
_REGISTRY, _PRUNED = "registry", "registry beside pushes and prunes"


def pulls(session: Session) -> Part:
    """Measure how long one node and several at once take to pull a large image."""
    if missing_programs("docker-registry"):
        raise SystemExit("docker-registry is missing: `make setup` installs it")
    image = image_of(*(os.urandom(1 << 20) * (_SIZE_MB // _LAYERS) for _ in range(_LAYERS)))
    alone, many = list[dict[str, float]](), list[dict[str, float]]()
    with (
        tempfile.TemporaryDirectory(prefix="kboot-bench-") as name,
        real_registry(Path(name), "bench", _ADDRESS) as registry,
    ):
        registry.push(_REFERENCE, image)
        nginx = Nginx(session.network, server_address(15), Path(name) / "nginx", registry.folder.tls / "registry")
        nginx.start()
        authority = registry.folder.pki / "cluster-ca.pem"
        pulled, served = _urls(registry, image, nginx)
        try:
            for number in range(session.rounds):
                say(f"  round {number + 1}")
                one = pull_s(1, served, None), pull_s(1, pulled, authority)
                alone.append({NGINX: one[0], _REGISTRY: one[1]})
                each = {NGINX: pull_s(_NODES, served, None), _REGISTRY: pull_s(_NODES, pulled, authority)}
                each[_PRUNED] = _beside_prunes(registry, lambda: pull_s(_NODES, pulled, authority))
                many.append(each)
        finally:
            nginx.stop()
    figures = (
        figure_of("one node", "s", alone, base=NGINX),
        figure_of(f"{_NODES} nodes at once", "s", many, base=NGINX),
    )
    method = f"An image of {_SIZE_MB} MB in {_LAYERS} layers, pulled by curl over TLS on loopback; less is faster."
    return Part("pulls", "Container images", method, figures)


def pull_s(nodes: int, urls: Sequence[str], authority: Path | None) -> float:
    """Have `nodes` machines download all `urls` at once, and return the seconds until the last has them all."""
    config = "".join(f'url = "{url}"\noutput = "/dev/null"\n' for url in urls)
    trust = ["--cacert", str(authority)] if authority else ["--insecure"]
    options = ["--fail", "--parallel", "--parallel-max", "3", *trust, "--header", f"Accept: {MANIFEST}"]
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


def _urls(registry: RealRegistry, image: Image, nginx: Nginx) -> tuple[list[str], list[str]]:
    """Return the URLs of an image's parts at the registry, and at nginx, which is given the same files."""
    repository, tag = repository_and_tag(_REFERENCE)
    base = f"https://{registry.desc.network.bootstrapper}:{registry.desc.registry.port}/v2/{repository}"
    digests = [digest_of(blob) for blob in image.blobs]
    pulled = [f"{base}/manifests/{tag}", *(f"{base}/blobs/{digest}" for digest in digests)]
    served = []
    for each in (image.digest, *digests):
        nginx.link(f"/{each[7:]}", registry.folder.registry / _BLOBS / each[7:9] / each[7:] / "data")
        served.append(nginx.url(f"/{each[7:]}", tls=True))
    return pulled, served


def _beside_prunes(registry: RealRegistry, measure: Callable[[], float]) -> float:
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
