"""Parts of a bundle that come from a registry, a release server and Debian, by the programs that know those."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from kboot.bundle.collect.collected import Collected
from kboot.bundle.collect.node_images import collect_node_images
from kboot.bundle.collect.os_release import OsSources, collect_os_release
from kboot.bundle.collect.updater_program import UpdaterImage
from kboot.cli.main import run
from kboot.errors import BadInput, KbootError
from kboot_clusterdesc import ClusterDesc, load_text
from kboot_clusterdesc.shared_files import PAYLOAD_KEY
from service.updater.payload_site import flip_byte
from service.updater.payloads import payload_signer, public_pem
from service.updater.release_server import NAMES, ReleaseServer, published
from service.updater.signing import SigningKey
from support.broken_registry import BrokenRegistry, serving
from support.bundle_site import bundle_site
from support.bundles import image_contents
from support.image_archives import MANIFEST, digest_of
from support.ports import free_port
from unit.clusterdesc.sample import SAMPLE


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[BrokenRegistry, str]]:
    """A public registry with one image, `pause:1`, and where it is."""
    found, port = BrokenRegistry(), free_port("127.0.0.1")
    config = json.dumps({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}}).encode()
    manifest, *blobs = image_contents(config)
    found.blobs = {digest_of(blob): blob for blob in blobs}
    found.put_manifest("pause", "1", MANIFEST, manifest)
    pair = tmp_path / "cert.pem", tmp_path / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=registry"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-out", str(pair[0]), "-keyout", str(pair[1])]
    subprocess.run(command, check=True, capture_output=True)
    monkeypatch.setenv("SSL_CERT_FILE", str(pair[0]))
    with serving(found, *pair, ("127.0.0.1", port)):
        yield found, f"127.0.0.1:{port}"


def test_an_image_is_pulled_with_its_digest_and_once(
    registry: tuple[BrokenRegistry, str], service_images: dict[str, str], tmp_path: Path
) -> None:
    public, address = registry
    wanted = [(f"{address}/pause:1", "amd64")]
    collected = Collected(tmp_path / "cache")
    said: list[str] = []
    (item,) = collect_node_images(wanted, [], lambda: service_images["registry"], collected, said.append)
    _, manifest = public.manifests["pause", "1"]
    assert (item.digest, item.arch, item.source) == (digest_of(manifest), "amd64", f"docker://{address}/pause:1")
    assert collected.path(item.blobs[0]).read_bytes() == manifest
    public.manifests.clear()
    assert collect_node_images(wanted, [], lambda: service_images["registry"], collected, said.append) == [item]
    assert said == [f"pulling {address}/pause:1 for amd64"]


def test_an_image_that_no_registry_has_is_named(
    registry: tuple[BrokenRegistry, str], service_images: dict[str, str], tmp_path: Path
) -> None:
    wanted = [(f"{registry[1]}/none:1", "amd64")]
    with pytest.raises(KbootError, match=r"/none:1: not pulled: .*\n  hint: is that registry reached from here\?"):
        collect_node_images(wanted, [], lambda: service_images["registry"], Collected(tmp_path / "cache"), print)


@pytest.fixture
def release(tmp_path: Path) -> Iterator[tuple[ReleaseServer, SigningKey]]:
    """A release server on loopback that has 4152.2.3, and the key that signed it."""
    key, server = SigningKey("release"), ReleaseServer(tmp_path / "upstream")
    server.folder.mkdir()
    published(server, key, "4152.2.3")
    server.start()
    yield server, key
    server.stop()
    key.close()


def _described(server: ReleaseServer) -> ClusterDesc:
    return load_text(SAMPLE.replace("version: current}", f'version: current, release_url: "{server.url}"}}'), "a.yaml")


def test_the_os_release_is_fetched_by_the_updater_and_once(
    release: tuple[ReleaseServer, SigningKey], service_images: dict[str, str], tmp_path: Path
) -> None:
    server, key = release
    sources = OsSources((), tmp_path / "root", UpdaterImage(lambda: service_images["updater"]))
    collected = Collected(tmp_path / "cache")
    config = {PAYLOAD_KEY: public_pem(payload_signer())}
    items = collect_os_release(_described(server), key.public(), sources, collected, print, config)
    names = {item.path for item in items}
    assert "flatcar/stable/amd64-usr/4152.2.3/flatcar_production_image.bin.bz2" in names
    assert "flatcar/stable/amd64-usr/4152.2.3/flatcar_production_image.bin.bz2.sig" in names
    assert "flatcar/stable/amd64-usr/4152.2.3/flatcar_production_update.gz" in names
    assert "flatcar/stable/amd64-usr/4152.2.3/flatcar_production_update.gz.sha256" in names
    assert len(items) == 10
    assert {item.source for item in items} == {f"http://{server.address}/stable/amd64-usr"}
    server.forget()
    assert collect_os_release(_described(server), key.public(), sources, collected, print, config) == items
    assert [path for path in server.paths_asked() if "image" in path or "update" in path] == []


def test_a_release_that_another_key_signed_is_refused(
    release: tuple[ReleaseServer, SigningKey], service_images: dict[str, str], tmp_path: Path
) -> None:
    server, other = release[0], SigningKey("other")
    sources = OsSources((), tmp_path / "root", UpdaterImage(lambda: service_images["updater"]))
    with pytest.raises(KbootError, match=r"flatcar stable was not fetched: .*refused.*\n  hint: .*--os-from FOLDER"):
        collect_os_release(_described(server), other.public(), sources, Collected(tmp_path / "cache"), print)
    other.close()


@pytest.mark.parametrize("is_spoilt", [False, True])
def test_a_release_that_is_given_is_verified_in_the_updaters_image(
    release: tuple[ReleaseServer, SigningKey], service_images: dict[str, str], tmp_path: Path, is_spoilt: bool
) -> None:
    server, key = release
    given = server.folder / "stable" / "amd64-usr" / "4152.2.3"
    sources = OsSources((given,), tmp_path / "root", UpdaterImage(lambda: service_images["updater"]))
    server.stop()
    if is_spoilt:
        (given / NAMES.image).write_bytes(flip_byte((given / NAMES.image).read_bytes()))
        with pytest.raises(BadInput, match=rf"^{given}: {NAMES.image} is refused: its signature does not fit"):
            collect_os_release(_described(server), key.public(), sources, Collected(tmp_path / "cache"), print)
        return
    items = collect_os_release(_described(server), key.public(), sources, Collected(tmp_path / "cache"), print)
    assert len(items) == 10
    assert {item.source for item in items} == {"given"}


_BARE = """
unset PYTHONPATH
rm -rf /opt/kboot
sh /media/ail.kboot
echo code $?
dockerd --version
sh /media/ail.kboot
echo code $?
docker compose version --short
"""


def test_a_machine_without_an_engine_gets_it_and_compose_from_the_bundle(
    tmp_path: Path, service_images: dict[str, str]
) -> None:
    site = bundle_site(tmp_path)
    bundle = tmp_path / "ail.kboot"
    command = ["bundle", "create", str(site.description), "-o", str(bundle), "--root", str(site.root), "--with-engine"]
    for kind in ("node-image", "os-file", "binary", "service-image"):
        command += ["--without", kind]
    assert run(command) == 0
    command = ["docker", "run", "--rm", "--network=none", "--user=0", "--entrypoint=bash"]
    command += ["-v", f"{bundle}:/media/ail.kboot:ro", service_images["updater"], "-c", _BARE]
    done = subprocess.run(command, capture_output=True, text=True)
    said = done.stdout.splitlines()
    assert said[0] == "code 1", done.stderr
    assert "the Docker engine was installed and does not answer\n  hint: start it" in done.stderr  # no systemd is here
    assert said[1].startswith("Docker version 20.10")
    assert said[-2:] == ["code 0", "2.40.3"]
