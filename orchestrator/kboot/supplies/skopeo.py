"""skopeo in a short-lived container of the registry's image, in the network of the running registry.

The registry takes pushes on the loopback of its network alone, be that this machine's or a lab's.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from kboot_clusterdesc import ClusterDesc, ClusterFolder
from kboot_clusterdesc.node_images import repository_and_tag
from kboot_compose.services import REGISTRY

from ..errors import KbootError, NotYet
from ..host.engine import Engine, ServiceState
from ..pki import PUSH_USER
from .image_archive import Archive, ArchivedImage
from .scratch import PUSH, scratch_folder
from .store import SupplyStore, media_type
from .task_container import bind_mount, failure, run_task, site_authorities, site_proxies

_GIVEN = "/run/kboot"  # what the container is given to read
_ARCHIVE = "/run/archive.tar"
_LAYOUT = "/run/layout"
_ROOM = "/var/tmp"  # noqa: S108 - in the container; on the disk, since skopeo unpacks a whole OCI archive there


@dataclass(frozen=True, slots=True)
class Layout:
    """An OCI layout of one image: the folder of its blobs, in which those of others may be too, and its index.json."""

    blobs: Path
    index: bytes


@dataclass(frozen=True, slots=True)
class Source:
    """The source of an image: its name for skopeo, and the archive or the OCI layout which that name means, if any."""

    name: str
    archive: Path | None = None
    layout: Layout | None = None
    keeps_digest: bool = False  # byte for byte, layers as they are
    takes_all: bool = False  # every architecture of a list, which alone keeps the list's digest


def archived(archive: Archive, image: ArchivedImage, reference: str) -> Source:
    """Return an image of an archive as a source."""
    name = f"{archive.transport}:{_ARCHIVE}" + (f":{image.selector}" if image.selector else "")
    exact = archive.transport == "oci-archive" or "@" in reference
    return Source(name, archive.path, keeps_digest=exact, takes_all=image.is_whole_list)


def released(reference: str) -> Source:
    """Return an image of a public registry as a source; with all its architectures only if named by digest."""
    exact = "@" in reference
    name, _, digest = reference.partition("@")
    # skopeo takes no name with both: "Docker references with both a tag and digest are currently not supported"
    untagged = re.sub(r":[^:/]+$", "", name)
    place = f"docker://{untagged}@{digest}" if exact else f"docker://{name}"
    return Source(place, keeps_digest=exact, takes_all=exact)


def whole(source: Source) -> Source:
    """Return a list as a source with all its architectures: it stays beside what it says of them."""
    return replace(source, keeps_digest=True, takes_all=True)


def stored(store: SupplyStore, digest: str) -> Source:
    """Return an image of the supply store as a source, byte for byte; a list is one of those that are all there."""
    try:
        content = store.blob(digest).read_bytes()
        found = json.loads(content)
        is_list = isinstance(found.get("manifests"), list)
        is_whole = is_list and all(store.blob(str(each["digest"])).is_file() for each in found["manifests"])
        entry = {"mediaType": media_type(content), "digest": digest, "size": len(content)}
    except (OSError, ValueError, LookupError, AttributeError, TypeError) as error:
        raise KbootError(f"{store.blob(digest)}: is no image: {error}", "load the bundle again") from error
    # Without a name in the index, which then has one image alone, skopeo takes the media types of Docker as well.
    index = json.dumps({"schemaVersion": 2, "manifests": [entry]}).encode()
    layout = Layout(store.blobs, index)
    return Source(f"oci:{_LAYOUT}", layout=layout, keeps_digest=is_whole or not is_list, takes_all=is_whole)


def copy_command(source: Source, reference: str, desc: ClusterDesc) -> list[str]:
    """Return the command line that copies `source` into the cluster's registry, to the place of `reference`."""
    repository, tag = repository_and_tag(reference)
    separator = "@" if tag.startswith("sha256:") else ":"
    command = [*_skopeo(desc), "copy"]
    command += ["--all"] if source.takes_all else []
    command += ["--preserve-digests"] if source.keeps_digest else []
    command += [f"--dest-authfile={_GIVEN}/auth.json", f"--dest-cert-dir={_GIVEN}/certs"]
    target = f"docker://127.0.0.1:{desc.registry.port + 1}/{repository}{separator}{tag}"
    return [*command, f"--digestfile={_ROOM}/digest", source.name, target]


def inspect_command(source: Source, desc: ClusterDesc) -> list[str]:
    """Return the command line that prints the platform of what the cluster's machines would take of `source`."""
    return [*_skopeo(desc), "inspect", "--config", "--format", "{{.OS}}/{{.Architecture}}", source.name]


def list_command(source: Source) -> list[str]:
    """Return the command line that prints the manifest or the list that `source` names."""
    return ["skopeo", "inspect", "--raw", source.name]


def names_list(said: str) -> bool:
    """Return whether what `list_command` printed is a list of several architectures."""
    return re.search(r'"manifests"\s*:\s*\[', said) is not None


def _skopeo(desc: ClusterDesc) -> list[str]:
    return ["skopeo", "--insecure-policy", "--override-os=linux", f"--override-arch={desc.os.arch}"]


class Skopeo:
    """Copies images into one cluster's registry."""

    def __init__(self, engine: Engine, folder: ClusterFolder, desc: ClusterDesc) -> None:
        self._engine = engine
        self._folder = folder
        self._desc = desc

    def copy(self, source: Source, reference: str) -> str:
        """Copy an image to the place of `reference` in the registry, and return the digest of what was pushed."""
        with self._scratch(_user(source), source.layout) as scratch:
            code, said = self._run(copy_command(source, reference, self._desc), source, scratch)
            if code != 0:
                hint = f"read `docker compose -p {self._engine.project} logs registry`"
                raise KbootError(f"{reference}: not pushed: {failure(said)}", _hint(source, said) or hint)
            return (scratch / "room" / "digest").read_text().strip()

    def platforms(self, source: Source, reference: str) -> list[str]:
        """Return the platform of what `copy` would take, such as `linux/amd64`; none where the image does not say.

        Raises KbootError where it cannot be had, as a list cannot without our architecture.
        """
        platform = self._told(inspect_command(source, self._desc), source, reference).strip().rpartition("\n")[2]
        return [platform] if platform != "/" else []

    def is_list(self, source: Source, reference: str) -> bool:
        """Return whether `source` names a list, which says itself what its images are for."""
        lines: list[str] = []
        self._told(list_command(source), source, reference, lines.append)
        return names_list("\n".join(lines))

    def _told(
        self, command: list[str], source: Source, reference: str, hear: Callable[[str], None] | None = None
    ) -> str:
        with self._scratch(_user(source), source.layout) as scratch:
            code, said = self._run(command, source, scratch, hear)
            if code != 0:
                raise KbootError(f"{reference}: not pulled: {failure(said)}", _hint(source, said))
            return said

    def _run(
        self, command: list[str], source: Source, scratch: Path, hear: Callable[[str], None] | None = None
    ) -> tuple[int, str]:
        mounts = [bind_mount(scratch / "given", _GIVEN), bind_mount(scratch / "room", _ROOM, read_only=False)]
        environment: dict[str, str] = {}
        if source.archive is not None:
            mounts.append(bind_mount(source.archive.resolve(), _ARCHIVE))
        elif source.layout is not None:
            mounts.append(bind_mount(scratch / "layout", _LAYOUT))
            mounts.append(bind_mount(source.layout.blobs, f"{_LAYOUT}/blobs"))
        else:
            mounts += site_authorities()
            proxy = self._desc.network.proxy
            environment |= site_proxies(proxy.environment if proxy else os.environ)
        registry = self._registry()
        return run_task(
            self._engine.client,
            registry.image or "",
            command,
            mounts=mounts,
            environment=environment,
            user=_user(source),
            network=f"container:{registry.container}",
            label=self._folder.cluster,
            hear=hear,
        )

    def _registry(self) -> ServiceState:
        for service in self._engine.services():
            if service.name == REGISTRY.name and service.state == "running":
                return service
        raise NotYet(f"the registry of {self._folder.cluster} does not run", "`kboot up FILE` starts it")

    @contextmanager
    def _scratch(self, user: int, layout: Layout | None) -> Iterator[Path]:
        """Yield a folder with `given`, the credential and CA that the container reads, and `room` for it to write.

        In `layout` is what an OCI layout has beside its blobs.
        """
        try:
            password = (self._folder.pki / "registry-push-password").read_text().strip()
            with scratch_folder(self._folder, PUSH) as scratch:
                given, room, image = (scratch / part for part in ("given", "room", "layout"))
                (given / "certs").mkdir(parents=True)
                room.mkdir()
                (image / "blobs").mkdir(parents=True)
                if layout is not None:
                    (image / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
                    (image / "index.json").write_bytes(layout.index)
                shutil.copyfile(self._folder.pki / "cluster-ca.pem", given / "certs" / "ca.crt")
                authfile = given / "auth.json"
                authfile.touch(mode=0o600)
                authfile.write_text(auth_file(self._desc, password))
                if os.geteuid() == 0:
                    for path in (given, given / "certs", authfile, room, image):
                        os.chown(path, user, user)
                yield scratch
        except OSError as error:
            raise KbootError(
                f"{error.filename or self._folder.staging}: {error.strerror}", "run this as the user who ran `kboot up`"
            ) from error


def auth_file(desc: ClusterDesc, password: str) -> str:
    """Return the content of skopeo's authfile: the credential for pushes to the registry."""
    login = b64encode(f"{PUSH_USER}:{password}".encode()).decode()
    return json.dumps({"auths": {f"127.0.0.1:{desc.registry.port + 1}": {"auth": login}}})


def _user(source: Source) -> int:
    """Return the uid for the container: the owner of what it reads, since root without capabilities may not."""
    if source.archive is not None:
        return source.archive.stat().st_uid
    if source.layout is not None:
        return source.layout.blobs.stat().st_uid
    return REGISTRY.user.uid if os.geteuid() == 0 else os.geteuid()


def _hint(source: Source, said: str) -> str:
    if "no space left" in said:
        return "free some space under the root, then run this again"
    if "no image found in" in said:
        return "name an image that is for `os.arch`"
    if source.archive is None and re.search(r"lookup|dial tcp|i/o timeout|pinging container registry", said):
        return "is that registry reached from here? Without internet: `kboot images load ARCHIVE`"
    return ""
