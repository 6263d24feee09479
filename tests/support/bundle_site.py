"""A place where a bundle is made, with all that goes into it in files, and how it is made there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kboot.supplies.assets import CNI_NEEDED
from kboot_clusterdesc import family_of, load_text
from kboot_clusterdesc.node_images import node_images
from support.image_archives import docker_archive
from support.programs import program
from unit.clusterdesc.sample import SAMPLE

RELEASE = "4152.2.3"
_SAID = {"kubelet": "Kubernetes {}\n", "kubectl": "Client Version: {}\nKustomize Version: v5.8.1\n"}


@dataclass(frozen=True, slots=True)
class BundleSite:
    """A folder with a description and what its cluster needs."""

    folder: Path

    @property
    def description(self) -> Path:
        """The description."""
        return self.folder / "ail.yaml"

    @property
    def root(self) -> Path:
        """The root of a bootstrapper."""
        return self.folder / "root"

    @property
    def outside(self) -> Path:
        """The root of the machine on which bundles are made, whose updater has mirrored the release."""
        return self.folder / "outside"

    @property
    def release(self) -> Path:
        """The OS release; which one it is, a test may change by `come_to`."""
        return (self.outside / "ail" / "images" / "stable" / "current").resolve()

    def come_to(self, version: str) -> None:
        """Have the updater come to a release of another number."""
        channel, before = self.release.parent, self.release
        before.rename(channel / version)
        (channel / version / "version.txt").write_text(f"FLATCAR_VERSION={version}\nFLATCAR_BOARD=amd64-usr\n")
        (channel / "current").unlink()
        (channel / "current").symlink_to(version)

    def create(self, output: Path, *options: str) -> list[str]:
        """The command that makes a bundle of what is in files alone: no wheels, no service images."""
        command = ["bundle", "create", str(self.description), "-o", str(output), "--root", str(self.outside)]
        command += ["--without", "wheel", "--without", "service-image", *self.given()]
        return [*command, *options]

    def given(self) -> list[str]:
        """The options that name what is in files."""
        images = sorted(self.folder.glob("images/*.tar"))
        given = [word for path in images for word in ("--image", str(path))]
        return [*given, "--assets", str(self.folder / "assets")]

    def load(self, bundle: Path, *options: str) -> list[str]:
        """The command that loads a bundle."""
        return ["bundle", "load", str(bundle), "--root", str(self.root), *options]


def bundle_site(folder: Path, *, large_bytes: int = 1000) -> BundleSite:
    """Fill a folder with a description and what its cluster needs; the OS image has `large_bytes`."""
    site = BundleSite(folder)
    (folder / "root").mkdir()
    site.description.write_text(SAMPLE)
    desc = load_text(SAMPLE, "ail.yaml")
    assert desc.kubernetes is not None
    _write_assets(folder / "assets", desc.kubernetes.version)
    _write_os(
        site.outside / "ail" / "images" / "stable" / RELEASE, family_of(desc.os.family).release_files, large_bytes
    )
    write_images(folder / "images", list(node_images(desc).values()))
    return site


def write_images(folder: Path, references: Sequence[str]) -> None:
    """An archive of each image, as `docker save` writes it."""
    folder.mkdir(exist_ok=True)
    for number, reference in enumerate(references):
        docker_archive(folder / f"{number}.tar", reference, text=reference)


def _write_assets(folder: Path, version: str) -> None:
    (folder / "cni").mkdir(parents=True)
    for name, said in _SAID.items():
        (folder / name).write_bytes(program(said.format(version)))
    for name in CNI_NEEDED:
        (folder / "cni" / name).write_bytes(program(f"CNI {name} plugin v1.9.1\n"))


def _write_os(folder: Path, names: Sequence[str], large_bytes: int) -> None:
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).write_bytes(name.encode().ljust(large_bytes if "image.bin" in name else 100, b"."))
        (folder / f"{name}.sig").write_bytes(b"signature of " + name.encode())
    (folder / "version.txt").write_text(f"FLATCAR_VERSION={RELEASE}\nFLATCAR_BOARD=amd64-usr\n")
    (folder / ".origin").write_text("flatcar amd64-usr\n")
    (folder.parent / "current").symlink_to(RELEASE)
