"""The real registry with its rendered configurations, on a network of its own."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest

from kboot.host.waiting import looks
from kboot.pki import PUSH_USER
from kboot.pki.store.cluster_secrets import load_or_create
from kboot_clusterdesc import ClusterFolder, load_text
from kboot_compose.services import REGISTRY
from support.namespace import Namespace, cabled, etc_folder, ip
from support.places import SERVICES
from support.rendering import rendered_files, write_rendered
from unit.clusterdesc.sample import SAMPLE

SERVICE = SERVICES / "registry"
PULL, PUSH = "https://10.10.14.253:5000", "https://127.0.0.1:5001"
BLOB = b"a layer"
DIGEST = f"sha256:{sha256(BLOB).hexdigest()}"
KIND = "application/vnd.oci.image.manifest.v1+json"
MANIFEST = json.dumps(
    {
        "schemaVersion": 2,
        "mediaType": KIND,
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": DIGEST, "size": len(BLOB)},
        "layers": [],
    }
)


@dataclass(frozen=True, slots=True)
class Registry:
    """Both processes of the registry, and who may ask them."""

    server: Namespace
    machines: Namespace
    folder: Path
    mounts: dict[str, Path]
    credential: str

    def ask(self, place: Namespace, url: str, *options: str) -> str:
        """curl's exit code and the HTTP status."""
        return self._curl(place, "--output", "/dev/null", "--write-out", "%{http_code}", *options, url)

    def push(self, *options: str) -> list[str]:
        """Push an image of one layer from the bootstrapper itself: what each of the two steps is answered."""
        start = self._curl(self.server, "--include", *options, "--request", "POST", f"{PUSH}/v2/demo/blobs/uploads/")
        (place,) = re.findall(r"^location: (\S+)", start, re.IGNORECASE | re.MULTILINE)
        put = ("--request", "PUT", *options)
        layer = ("--header", "Content-Type: application/octet-stream", "--data-binary", BLOB.decode())
        manifest = ("--header", f"Content-Type: {KIND}", "--data-binary", MANIFEST)
        return [
            self.ask(self.server, f"{place}&digest={DIGEST}", *put, *layer),
            self.ask(self.server, f"{PUSH}/v2/demo/manifests/1", *put, *manifest),
        ]

    def _curl(self, place: Namespace, *options: str) -> str:
        trust = ("--cacert", str(self.folder / "ail/config/ca.pem"))
        done = place.run("curl", "--silent", *trust, "--max-time", "10", *options)
        return f"{done.returncode} {done.stdout}"


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    folder = tmp_path_factory.mktemp("registry")
    desc = load_text(SAMPLE, "rack.yaml")
    cluster = ClusterFolder(folder, "ail")
    secrets = load_or_create(cluster, desc, datetime.now(UTC))
    write_rendered(rendered_files(desc, secrets=secrets), cluster.path)
    etc, lib = etc_folder(folder / "etc"), folder / "lib"
    (etc / "docker" / "registry").mkdir(parents=True)
    shutil.move(cluster.config / "registry.yml", etc / "docker/registry/config.yml")
    shutil.move(cluster.config / "registry-push.yml", etc / "docker/registry/push.yml")
    shutil.move(cluster.tls / "registry", etc / "kboot-tls")
    (lib / "registry").mkdir(parents=True)
    shutil.chown(lib / "registry", REGISTRY.user.uid, REGISTRY.user.uid)
    shutil.copy(SERVICE / "entrypoint", lib)
    shutil.copy(SERVICE / "healthcheck", lib)
    mounts = {"/etc": etc, "/var/lib": lib}
    user = ["setpriv", f"--reuid={REGISTRY.user.uid}", f"--regid={REGISTRY.user.uid}", "--clear-groups"]
    log = folder / "registry.log"
    with cabled({"kboot-t0": "10.10.14.253/24"}, "registry") as (server, machines):
        ip("-n", machines.name, "addr", "add", "10.10.14.11/24", "dev", "kboot-t0")
        with server.daemon([*user, "bash", "/var/lib/entrypoint"], mounts, log) as process:
            password = (cluster.pki / "registry-push-password").read_text()
            found = Registry(server, machines, folder, mounts, f"{PUSH_USER}:{password}")
            for _ in looks(60, 0.1):
                assert process.poll() is None, log.read_text()
                if found.ask(server, f"{PUSH}/v2/") == "0 401" and found.ask(server, f"{PULL}/v2/") == "0 200":
                    break
            yield found


def test_machines_reach_it_over_tls_with_the_authority_of_the_cluster(registry: Registry) -> None:
    assert registry.ask(registry.machines, f"{PULL}/v2/") == "0 200"
    by_name = ("--resolve", "bootstrapper:5000:10.10.14.253")
    assert registry.ask(registry.machines, "https://bootstrapper:5000/v2/", *by_name) == "0 200"


def test_without_tls_there_is_nothing_to_pull(registry: Registry) -> None:
    assert registry.ask(registry.machines, "http://10.10.14.253:5000/v2/") == "0 400"


def test_machines_can_write_nothing(registry: Registry) -> None:
    post = ("--request", "POST")
    assert registry.ask(registry.machines, f"{PULL}/v2/demo/blobs/uploads/", *post) == "0 405"
    assert registry.ask(registry.machines, f"{PULL}/v2/demo/manifests/1", "--request", "DELETE") == "0 405"
    assert registry.ask(registry.machines, "https://10.10.14.253:5001/v2/") == "7 000"


def test_a_push_needs_the_credential(registry: Registry) -> None:
    upload = f"{PUSH}/v2/demo/blobs/uploads/"
    assert registry.ask(registry.server, upload, "--request", "POST") == "0 401"
    assert registry.ask(registry.server, upload, "--request", "POST", "--user", f"{PUSH_USER}:wrong") == "0 401"


def test_what_the_bootstrapper_pushes_machines_pull(registry: Registry) -> None:
    assert registry.push("--user", registry.credential) == ["0 201", "0 201"]
    assert registry.ask(registry.machines, f"{PULL}/v2/demo/blobs/{DIGEST}") == "0 200"
    accept = ("--header", f"Accept: {KIND}")
    assert registry.ask(registry.machines, f"{PULL}/v2/demo/manifests/1", *accept) == "0 200"


def test_its_health_check_passes_and_can_fail(registry: Registry) -> None:
    bind = {"KBOOT_BIND": "10.10.14.253", "KBOOT_REGISTRY_PORT": "5000"}
    check = ("sh", "/var/lib/healthcheck")
    assert registry.server.run(*check, mounts=registry.mounts, environment=bind).returncode == 0
    other = {**bind, "KBOOT_REGISTRY_PORT": "5600"}
    assert registry.server.run(*check, mounts=registry.mounts, environment=other).returncode != 0
