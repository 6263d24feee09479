"""Images: what of a build is left in a config, and the archive that every tool reads."""

from __future__ import annotations

import io
import json
import tarfile
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from kboot.service_images.oci_image import OciImage, timeless, write_archive
from kboot.supplies.image_archive import read_archive
from support.layers import layer_of

_BUILT: dict[str, Any] = {
    "architecture": "amd64",
    "os": "linux",
    "created": "2026-11-29T07:00:00.123Z",
    "container": "0123456789ab",
    "docker_version": "20.10.24",
    "config": {
        "Hostname": "0123456789ab",
        "Image": "sha256:abc",
        "User": "64312:64312",
        "Env": ["PATH=/usr/bin"],
        "Entrypoint": ["/usr/local/bin/entrypoint"],
        "Labels": {"stray": "label"},
    },
    "history": [{"created": "2026-11-29T07:00:00.123Z", "created_by": "COPY", "comment": "Imported from -"}],
    "rootfs": {"type": "layers", "diff_ids": ["sha256:before"]},
}


def _image(folder: Path, text: bytes = b"hello") -> OciImage:
    return timeless(OciImage(json.dumps(_BUILT).encode(), (layer_of(folder, {"motd": text}),)), {"kboot.digest": "d"})


def test_a_config_keeps_how_an_image_is_run_and_not_when_and_where_it_was_built(tmp_path: Path) -> None:
    image = _image(tmp_path)
    assert json.loads(image.config) == {
        "architecture": "amd64",
        "os": "linux",
        "created": "2000-01-01T00:00:00Z",
        "config": {
            "User": "64312:64312",
            "Env": ["PATH=/usr/bin"],
            "Entrypoint": ["/usr/local/bin/entrypoint"],
            "Labels": {"kboot.digest": "d"},
        },
        "history": [{"created": "2000-01-01T00:00:00Z", "created_by": "COPY"}],
        "rootfs": {"type": "layers", "diff_ids": [image.layers[0].digest]},
    }
    assert image.labels == {"kboot.digest": "d"}


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Two images that share a layer, one of them under two names."""
    one, other = _image(tmp_path), _image(tmp_path, b"other")
    other = timeless(OciImage(other.config, (*one.layers, *other.layers)), {})
    path = tmp_path / "images.tar"
    with path.open("wb") as stream:
        write_archive([(one, ["kboot-a:1", "kboot-a:1-abc"]), (other, ["kboot-b:1"])], stream)
    with path.with_name("again.tar").open("wb") as stream:
        write_archive([(one, ["kboot-a:1", "kboot-a:1-abc"]), (other, ["kboot-b:1"])], stream)
    return path


def test_an_archive_is_the_same_bytes_each_time_and_holds_a_shared_layer_once(archive: Path) -> None:
    assert archive.read_bytes() == archive.with_name("again.tar").read_bytes()
    with tarfile.open(archive) as tar:
        names = tar.getnames()
    assert len(names) == len(set(names)) == 2 + 2 * 2 + 3


def test_an_archive_is_read_as_an_oci_layout_and_in_the_form_of_docker_save(archive: Path) -> None:
    found = read_archive(archive)
    assert found.transport == "docker-archive"  # one image has two names, which no selector of skopeo parts
    assert sorted(found.references()) == ["kboot-a:1", "kboot-a:1-abc", "kboot-b:1"]
    with tarfile.open(archive) as tar:

        def content(name: str) -> bytes:
            return tar.extractfile(name).read()  # type: ignore[union-attr]

        for entry in json.loads(content("index.json"))["manifests"]:
            manifest = content(f"blobs/{entry['digest'].replace(':', '/')}")
            assert entry["digest"] == f"sha256:{sha256(manifest).hexdigest()}"
            assert entry["annotations"]["io.containerd.image.name"].startswith("docker.io/library/kboot-")
            for blob in (json.loads(manifest)["config"], *json.loads(manifest)["layers"]):
                held = content(f"blobs/{blob['digest'].replace(':', '/')}")
                assert (blob["digest"], blob["size"]) == (f"sha256:{sha256(held).hexdigest()}", len(held))
        for entry in json.loads(content("manifest.json")):
            config = json.loads(content(entry["Config"]))
            held_layers = [f"sha256:{sha256(content(layer)).hexdigest()}" for layer in entry["Layers"]]
            assert config["rootfs"]["diff_ids"] == held_layers
        assert json.load(io.BytesIO(content("oci-layout"))) == {"imageLayoutVersion": "1.0.0"}
