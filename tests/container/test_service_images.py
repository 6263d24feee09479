"""Where service images come from: the engine, a registry, a build. Engine and registry are real, images small."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex

import docker
import pytest
from docker.errors import ImageNotFound

from kboot.errors import KbootError
from kboot.service_images.base import labels_of
from kboot.service_images.build import ServiceImage, service_images
from kboot.service_images.names import DIGEST_LABEL
from kboot.service_images.provide import ensure_images
from support.image_archives import tar_of
from support.loopback_registry import loopback_registry
from support.places import ROOT

_OTHER = "0" * 64  # what no image is made of


@dataclass
class Site:
    """Sources that nobody has images of, and a registry; what is made under these names is removed at the end."""

    sources: Path
    registry: str
    engine: docker.DockerClient
    images: list[ServiceImage]
    said: list[str] = field(default_factory=list)

    def make(self, name: str, digest: str) -> None:
        """A small image that says what it was made of."""
        repository, _, tag = name.rpartition(":")
        self.engine.api.import_image_from_data(
            tar_of({"digest": digest.encode()}), repository, tag, changes=[f"LABEL {DIGEST_LABEL}={digest}"]
        )

    def push(self, image: ServiceImage, digest: str | None = None) -> None:
        """Have an image in the registry, and not here."""
        name = f"{self.registry}/kboot/{image.reference}"
        self.make(name, digest or image.recipe.digest)
        repository, _, tag = name.rpartition(":")
        assert not [
            event for event in self.engine.api.push(repository, tag, stream=True, decode=True) if "error" in event
        ]
        self.engine.images.remove(name)

    def ensure(self, images_from: str | None = None) -> dict[str, str]:
        """As `kboot up` does it."""
        self.said.clear()
        return ensure_images(self.sources, self.said.append, images_from or f"{self.registry}/kboot")

    def digest(self, name: str) -> str | None:
        """What an image of the engine says that it was made of; None where there is none."""
        labels = labels_of(self.engine, name)
        return None if labels is None else labels.get(DIGEST_LABEL)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """It lies in a checkout whose Dockerfiles nobody else has."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copytree(ROOT / "clusterdesc", tmp_path / "clusterdesc")
    shutil.copytree(ROOT / "services", tmp_path / "services")
    for dockerfile in tmp_path.glob("services/*/Dockerfile"):
        if dockerfile.parent.name != "loaders":
            dockerfile.write_text(f"# {token_hex()}\n{dockerfile.read_text()}")
    engine = docker.from_env()
    images = service_images(tmp_path)
    with loopback_registry(tmp_path) as registry:
        try:
            yield Site(tmp_path, registry, engine, images)
        finally:
            for stray in engine.images.list(filters={"label": f"{DIGEST_LABEL}={_OTHER}"}):
                engine.images.remove(str(stray.id))
            for image in images:
                for name in (image.reference, f"{registry}/kboot/{image.reference}"):
                    with suppress(ImageNotFound):
                        engine.images.remove(name)


def test_what_is_missing_is_pulled_and_what_is_here_is_taken_as_it_is(site: Site) -> None:
    for image in site.images:
        site.push(image)
    named = site.ensure()
    assert named == {image.service: image.reference for image in site.images}
    assert site.said[-1] == f"service images: 5 pulled from {site.registry}/kboot"
    for image in site.images:
        assert site.digest(image.reference) == image.recipe.digest
        assert site.digest(f"{site.registry}/kboot/{image.reference}") is None
    assert site.ensure("127.0.0.1:1") == named
    assert site.said == ["service images: 5 here"]


def test_an_image_of_the_right_name_that_was_made_of_something_else_is_as_good_as_missing(site: Site) -> None:
    for image in site.images:
        site.make(image.reference, _OTHER if image is site.images[0] else image.recipe.digest)
    site.push(site.images[0])
    site.ensure()
    reference, digest = site.images[0].reference, site.images[0].recipe.digest
    assert site.said == [
        f"{reference}: made of other sources than this kboot's: its label kboot.digest is 000000000000, not "
        f"{digest[:12]}: taken as missing",
        f"pulling {site.registry}/kboot/{reference}",
        f"service images: 4 here, 1 pulled from {site.registry}/kboot",
    ]
    assert site.digest(reference) == digest


def test_a_pulled_image_that_was_made_of_something_else_is_refused_by_name_and_not_kept(site: Site) -> None:
    for image in site.images:
        site.push(image, _OTHER if image is site.images[1] else None)
    with pytest.raises(KbootError) as refused:
        site.ensure()
    remote = f"{site.registry}/kboot/{site.images[1].reference}"
    assert refused.value.message.startswith(
        f"{remote}: made of other sources than this kboot's: its label kboot.digest"
    )
    assert "they are built here" in refused.value.hint
    assert (site.digest(site.images[1].reference), site.digest(remote)) == (None, None)


def test_what_no_registry_has_is_built_with_its_parts_list(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    *others, time = site.images
    assert time.service == "time"
    for image in others:
        site.make(image.reference, image.recipe.digest)
    monkeypatch.setenv("KBOOT_CACHE", str(tmp_path / "cache"))
    site.ensure()
    assert site.said[:2] == [
        f"pulling {site.registry}/kboot/{time.reference}",
        f"{site.registry}/kboot/{time.reference}: is not there",
    ]
    assert site.said[-1] == "service images: 4 here, 1 built"
    labels = labels_of(site.engine, time.reference)
    assert labels is not None
    assert labels.pop("org.opencontainers.image.revision") == "unknown"
    assert labels == {
        "org.opencontainers.image.title": "kboot time",
        "org.opencontainers.image.version": "0.1.0",
        DIGEST_LABEL: time.recipe.digest,
    }
    (listed,) = (tmp_path / "cache" / "sbom").iterdir()
    assert listed.name == f"{time.reference.replace(':', '-')}.cdx.json"
    assert '"name": "chrony"' in listed.read_text()


def test_a_registry_that_does_not_answer_is_named_and_nothing_is_built(site: Site) -> None:
    with pytest.raises(KbootError) as refused:
        site.ensure("127.0.0.1:1/kboot")
    assert refused.value.message.startswith(f"127.0.0.1:1/kboot/{site.images[0].reference}: not pulled: ")
    assert refused.value.hint.startswith("see that the engine reaches 127.0.0.1:1 and trusts it, or leave ")
    assert site.said == [f"pulling 127.0.0.1:1/kboot/{site.images[0].reference}"]
