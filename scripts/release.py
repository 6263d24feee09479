"""`make cut` and `make release`: the changelog taken to a version, then all that is given away of it, in dist/.

A release is a clean commit with the tag v<version>, whose changelog has that version on top and nothing unreleased.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from datetime import UTC, datetime
from hashlib import file_digest
from importlib.metadata import version as version_of
from pathlib import Path

from docker.errors import DockerException

import changelog
from kboot.errors import BadInput, KbootError
from kboot.host.files import replaced, write_file
from kboot.service_images.base import EPOCH_S
from kboot.service_images.build import ServiceImage, build_images, client, sbom_name, service_images, write_sbom
from kboot.service_images.oci_image import saved_image, write_archive
from kboot_clusterdesc.image_registry import image_registry

_SUMS = "SHA256SUMS"


def main() -> int:
    """Run what the command line says; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--repository", type=Path, default=Path(__file__).parents[1], help=argparse.SUPPRESS)
    commands = parser.add_subparsers(required=True)
    cut = commands.add_parser("cut", help="take Unreleased of CHANGELOG.md to the version in pyproject.toml")
    cut.set_defaults(run=cut_changelog)
    cut.add_argument("--date", default=f"{datetime.now(UTC):%Y-%m-%d}", help="default: today")
    make = commands.add_parser("make", help="make the wheel, the service images and their SBOMs")
    make.set_defaults(run=make_release)
    make.add_argument("--tar", type=Path, metavar="FILE", help="write the images to an archive for `docker load`")
    make.add_argument("--push", type=image_registry, metavar="HOST[/PATH]", help="push the images to a registry")
    for command in (cut, make):
        command.add_argument("--dry-run", action="store_true", help="look at everything, say what would be done")
    arguments = parser.parse_args()
    try:
        arguments.run(arguments)
    except KbootError as error:
        print(f"error: {error}", file=sys.stderr)
        return int(error.exit_code)
    return 0


def cut_changelog(arguments: argparse.Namespace) -> None:
    """Write the changelog with the version on top; refuse a tree with edits, and a version that was released."""
    repository: Path = arguments.repository
    version = declared_version(repository)
    refuse_edits(repository)
    if _git(repository, "tag", "--list", f"v{version}"):
        raise BadInput(f"the tag v{version} exists", "write the next version into pyproject.toml, and commit that")
    file = repository / "CHANGELOG.md"
    text = changelog.cut(file.read_text(), version, arguments.date)
    print(f"CHANGELOG.md: Unreleased becomes {version} of {arguments.date}")
    if not arguments.dry_run:
        write_file(file, text.encode())
        print(f"next: git commit -am 'release: {version}' && git tag v{version} && make release")


def make_release(arguments: argparse.Namespace) -> None:
    """Fill dist/ with the wheel, SBOMs, notes and checksums; write and push images where that is asked for."""
    repository: Path = arguments.repository
    version = checked_version(repository)
    images = service_images(repository, is_edited=False)
    also = service_images(repository, is_edited=True)  # what a checkout of this commit calls them
    names = {image.service: [image.reference, other.reference] for image, other in zip(images, also, strict=True)}
    print(f"kboot {version}: the wheel, {', '.join(image.reference for image in images)}")
    if arguments.dry_run:
        print("dist/ would be filled" + "".join(f", {way} too" for way in (arguments.tar, arguments.push) if way))
        return
    dist = repository / "dist"
    dist.mkdir(exist_ok=True)
    made = [make_wheel(repository, dist, version)]
    build_images(repository, images, print, anew=True)
    with tempfile.TemporaryDirectory(prefix="kboot-release-") as scratch:
        saved = [saved_image(client(), image.reference, Path(scratch)) for image in images]
        for image, content in zip(images, saved, strict=True):
            made.append(dist / sbom_name(image))
            write_sbom(image, content, made[-1])
        if arguments.tar:
            with replaced(arguments.tar) as stream:
                write_archive(
                    [(content, names[image.service]) for image, content in zip(images, saved, strict=True)], stream
                )
            made.append(arguments.tar)
    notes = dist / f"kboot-{version}.md"
    write_file(notes, (changelog.section((repository / "CHANGELOG.md").read_text(), version) + "\n").encode())
    write_sums(dist, [*made, notes])
    if arguments.push:
        for image in images:
            push(image, names[image.service], arguments.push)


def checked_version(repository: Path) -> str:
    """Return the version, if pyproject.toml, the changelog, the tag of this commit and the kboot that runs agree."""
    version = declared_version(repository)
    refuse_edits(repository)
    text = (repository / "CHANGELOG.md").read_text()
    if changelog.versions(text)[:1] != [version] or changelog.section(text, "Unreleased"):
        raise BadInput(f"CHANGELOG.md is not cut for {version}", "run `make cut`, then commit and tag as it says")
    if f"v{version}" not in _git(repository, "tag", "--points-at", "HEAD").split():
        raise BadInput(f"this commit has no tag v{version}", f"`git tag v{version}`, or go to the commit that has it")
    if version_of("kboot") != version:
        raise BadInput(f"kboot {version_of('kboot')} is installed here, not {version}", "run `make setup`")
    return version


def declared_version(repository: Path) -> str:
    """Return the version that pyproject.toml has; raise BadInput where it is none of three numbers."""
    version = str(tomllib.loads((repository / "pyproject.toml").read_text())["project"]["version"])
    if not re.fullmatch(r"\d+\.\d+\.\d+(rc\d+)?", version):
        raise BadInput(f"pyproject.toml: {version} is no version to release", "write three numbers: 1.2.3")
    return version


def refuse_edits(repository: Path) -> None:
    """Raise BadInput where the tree differs from its commit."""
    if edits := _git(repository, "status", "--porcelain"):
        raise BadInput(f"the tree is not clean: {edits.splitlines()[0].strip()}", "commit what is to be released")


def make_wheel(repository: Path, dist: Path, version: str) -> Path:
    """Build the wheel into `dist`, the same bytes for the same commit, and return it."""
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--no-build-isolation", "--wheel-dir", str(dist), str(repository)]
    done = subprocess.run(command, env={**os.environ, "SOURCE_DATE_EPOCH": str(EPOCH_S)})
    wheel = dist / f"kboot-{version}-py3-none-any.whl"
    if done.returncode != 0 or not wheel.is_file():
        raise KbootError("the wheel was not built", "see what pip said above")
    return wheel


def write_sums(dist: Path, files: list[Path]) -> None:
    """Write the SHA-256 of each file to SHA256SUMS in `dist`, in the form of sha256sum(1), the nearest path of each."""
    lines = []
    for file in files:
        with file.open("rb") as stream:
            digest = file_digest(stream, "sha256").hexdigest()
        path = os.path.relpath(file.resolve(), dist.resolve())
        lines.append(f"{digest}  {path}\n")
        print(f"{digest}  {file}")
    write_file(dist / _SUMS, "".join(lines).encode())


def push(image: ServiceImage, names: list[str], place: str) -> None:
    """Push an image to the registry `place`, under each of its names; raise KbootError."""
    engine = client()
    hint = f"`docker login {place.partition('/')[0]}`, and see that the engine trusts it"
    for name in names:
        repository, _, tag = name.partition(":")
        try:
            engine.images.get(image.reference).tag(f"{place}/{repository}", tag)
            try:
                for event in engine.api.push(f"{place}/{repository}", tag=tag, stream=True, decode=True):
                    if "error" in event:
                        raise KbootError(f"{place}/{name}: not pushed: {event['error']}", hint)
            finally:
                engine.images.remove(f"{place}/{name}")
        except DockerException as error:
            raise KbootError(f"{place}/{name}: not pushed: {error}", hint) from error
        print(f"pushed {place}/{name}")


def _git(repository: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", str(repository), *words], capture_output=True, text=True)
    if done.returncode != 0:
        raise BadInput(f"git {words[0]} failed: {done.stderr.strip()}", "a release is made from a clone")
    return done.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
