"""The registry itself with its rendered configurations on loopback, the programs that pull from it and push to it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import ssl
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import httpx

from kboot.host.waiting import looks
from kboot.pki import PUSH_USER
from kboot.pki.store.cluster_secrets import load_or_create
from kboot_clusterdesc import ClusterDesc, ClusterFolder
from kboot_clusterdesc.node_images import repository_and_tag
from kboot_compose.services import REGISTRY
from support.image_archives import INDEX, MANIFEST, digest_of
from support.namespace import etc_folder
from support.places import SERVICES
from support.registry_site import cluster_with_registry
from support.rendering import rendered_files, write_rendered

_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Image:
    """An image as it is pushed: its manifest and the blobs that the manifest names."""

    manifest: bytes
    blobs: tuple[bytes, ...]
    kind: str = MANIFEST

    @property
    def digest(self) -> str:
        """Of the manifest."""
        return digest_of(self.manifest)

    @property
    def digests(self) -> set[str]:
        """Of the manifest and the blobs."""
        return {self.digest, *map(digest_of, self.blobs)}


def image_of(*layers: bytes) -> Image:
    """An image of these layers."""
    config = json.dumps({"architecture": "amd64", "os": "linux", "of": [digest_of(layer) for layer in layers]}).encode()
    parts = [{"digest": digest_of(blob), "size": len(blob)} for blob in (config, *layers)]
    config_kind, layer_kind = (f"application/vnd.oci.image.{kind}" for kind in ("config.v1+json", "layer.v1.tar"))
    named = {"config": parts[0] | {"mediaType": config_kind}}
    kinds = [part | {"mediaType": layer_kind} for part in parts[1:]]
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST, **named, "layers": kinds}
    return Image(json.dumps(manifest).encode(), (config, *layers))


def index_of(**images: Image) -> Image:
    """An index of images by architecture; they are to be pushed before it."""
    entries = [
        {
            "mediaType": image.kind,
            "digest": image.digest,
            "size": len(image.manifest),
            "platform": {"os": "linux", "architecture": arch},
        }
        for arch, image in images.items()
    ]
    return Image(json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}).encode(), (), INDEX)


class RealRegistry:
    """Both processes as the image starts them. What pulls and pushes here is httpx, as strict as containerd."""

    def __init__(self, folder: ClusterFolder, desc: ClusterDesc, room: Path) -> None:
        self.folder = folder
        self.desc = desc
        self.log = room / "registry.log"
        self.etc = etc_folder(room / "etc")
        self._password = (folder.pki / "registry-push-password").read_text()
        self.killed = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        secrets = load_or_create(folder, desc, datetime.now(UTC))
        write_rendered(rendered_files(desc, secrets=secrets), folder.path)
        (self.etc / "docker" / "registry").mkdir(parents=True)
        shutil.copy2(folder.config / "registry.yml", self.etc / "docker/registry/config.yml")
        shutil.copy2(folder.config / "registry-push.yml", self.etc / "docker/registry/push.yml")
        for path in (self.etc / "docker/registry").iterdir():
            shutil.chown(path, REGISTRY.user.uid, REGISTRY.user.uid)
        shutil.copytree(folder.tls / "registry", self.etc / "kboot-tls")
        for path in (self.etc / "kboot-tls").iterdir():
            shutil.chown(path, REGISTRY.user.uid, REGISTRY.user.uid)
        folder.registry.mkdir()
        shutil.chown(folder.registry, REGISTRY.user.uid, REGISTRY.user.uid)
        self._trust = ssl.create_default_context(cafile=str(folder.pki / "cluster-ca.pem"))

    def start(self) -> None:
        """Start it, and wait until both processes answer."""
        user = ["setpriv", f"--reuid={REGISTRY.user.uid}", f"--regid={REGISTRY.user.uid}", "--clear-groups"]
        store = self.folder.registry
        binds = f'mount --bind "{self.etc}" /etc && mount --bind "{store}" /var/lib/registry && exec "$@"'
        (Path("/var/lib/registry")).mkdir(exist_ok=True)
        entered = ["unshare", "--mount", "sh", "-c", binds, "sh", *user, "bash", str(SERVICES / "registry/entrypoint")]
        with self.log.open("ab") as out:
            self._process = subprocess.Popen(entered, stdout=out, stderr=out)
        self.wait_ready()

    def wait_ready(self) -> None:
        """Wait until both processes answer."""
        for _ in looks(60, 0.05):
            assert self._process is not None
            assert self._process.poll() is None, self.log.read_text()[-3000:]
            try:
                with self.puller() as puller, self.pusher() as pusher:
                    if puller.get("/v2/").is_success and pusher.get("/v2/").is_success:
                        return
            except httpx.TransportError:
                continue
        raise AssertionError(self.log.read_text()[-3000:])

    def stop(self) -> None:
        """End both processes."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(10)

    def kill(self) -> None:
        """Kill both processes where they are, as a power cut would."""
        assert self._process is not None
        for pid in [*self.children(), self._process.pid]:
            os.kill(pid, signal.SIGKILL)
        self._process.wait(10)
        self.killed.set()

    @property
    def pid(self) -> int:
        """The first process, which SIGUSR1 goes to."""
        assert self._process is not None
        return self._process.pid

    def children(self) -> list[int]:
        """The processes of the two registries."""
        assert self._process is not None
        tasks = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        return [int(pid) for pid in tasks.read_text().split()]

    def end_pushes(self) -> None:
        """Tell it that its store is going to be pruned, as the engine does."""
        assert self._process is not None
        self._process.send_signal(signal.SIGUSR1)

    def puller(self) -> httpx.Client:
        """A client of the side that machines pull from."""
        base = f"https://{self.desc.network.bootstrapper}:{self.desc.registry.port}"
        accept = {"Accept": f"{MANIFEST}, {INDEX}", "Accept-Encoding": "identity"}
        return httpx.Client(base_url=base, verify=self._trust, headers=accept, timeout=60, trust_env=False)

    def pusher(self) -> httpx.Client:
        """A client of the side that takes pushes."""
        base, auth = f"https://127.0.0.1:{self.desc.registry.port + 1}", (PUSH_USER, self._password)
        return httpx.Client(base_url=base, verify=self._trust, auth=auth, timeout=60, trust_env=False)

    def push(self, reference: str, image: Image) -> int:
        """Push as clients do, only what is not there already; return how many blobs were moved."""
        repository, tag = repository_and_tag(reference)
        moved = 0
        with self.pusher() as client:
            for blob in image.blobs:
                if client.head(f"/v2/{repository}/blobs/{digest_of(blob)}").status_code != 200:
                    self._upload(client, repository, blob)
                    moved += 1
            kind = {"Content-Type": image.kind}
            client.put(f"/v2/{repository}/manifests/{tag}", content=image.manifest, headers=kind).raise_for_status()
        return moved

    def pull(self, reference: str, client: httpx.Client) -> int:
        """Pull as a node does, each digest looked at; return the bytes of it all."""
        return pull_image(client, *repository_and_tag(reference))

    def _upload(self, client: httpx.Client, repository: str, blob: bytes) -> None:
        place = client.post(f"/v2/{repository}/blobs/uploads/").raise_for_status().headers["Location"]
        kind = {"Content-Type": "application/octet-stream"}
        place = client.patch(place, content=_pieces(blob), headers=kind).raise_for_status().headers["Location"]
        client.put(f"{place}&digest={digest_of(blob)}").raise_for_status()


@contextmanager
def real_registry(root: Path, name: str, address: str) -> Iterator[RealRegistry]:
    """The registry of a new cluster at a loopback address; ended at the end."""
    folder, desc = cluster_with_registry(root, name, address)
    registry = RealRegistry(folder, desc, root)
    try:
        registry.start()
        yield registry
    finally:
        registry.stop()


def pull_image(client: httpx.Client, repository: str, tag: str) -> int:
    """Pull as a node does, each digest looked at; return the bytes of it all."""
    content = client.get(f"/v2/{repository}/manifests/{tag}").raise_for_status().content
    manifest = json.loads(content)
    if "manifests" in manifest:
        return len(content) + sum(pull_image(client, repository, str(each["digest"])) for each in manifest["manifests"])
    sizes = [_download(client, repository, str(blob["digest"])) for blob in _parts(manifest)]
    return len(content) + sum(sizes)


def _parts(manifest: dict[str, object]) -> Sequence[dict[str, object]]:
    config, layers = manifest["config"], manifest["layers"]
    assert isinstance(config, dict)
    assert isinstance(layers, list)
    return [config, *layers]


def _download(client: httpx.Client, repository: str, digest: str) -> int:
    found, size = sha256(), 0
    with client.stream("GET", f"/v2/{repository}/blobs/{digest}") as answer:
        answer.raise_for_status()
        for piece in answer.iter_raw(_PIECE):
            found.update(piece)
            size += len(piece)
    if f"sha256:{found.hexdigest()}" != digest:
        raise AssertionError(f"{repository}: {digest} came as {found.hexdigest()} in {size} bytes")
    return size


def _pieces(blob: bytes) -> Iterator[bytes]:
    for start in range(0, len(blob), _PIECE):
        yield blob[start : start + _PIECE]
