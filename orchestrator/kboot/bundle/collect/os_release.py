"""The OS release with its signatures: of a cluster under the root, of a folder, or fetched by the updater's image."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kboot_clusterdesc import ClusterDesc, ClusterFolder, dump, family_of
from kboot_clusterdesc.shared_files import CURRENT, DESCRIPTION, ORIGIN, RELEASE_KEY, origin_of
from kboot_clusterdesc.update_payload import payload_names

from ...errors import BadInput, KbootError, last_line
from ...supplies.bundle_manifest import Item, Kind
from ...supplies.task_container import bind_mount, engine_client, run_task, site_authorities, site_proxies
from .collected import Collected
from .source_url import without_login

_CURRENT = "current"


@dataclass(frozen=True, slots=True)
class OsSources:
    """Folders that hold a release, before those of a cluster below `root`, before the updater in its image."""

    given: Sequence[Path]
    root: Path
    updater_image: str


def collect_os_release(
    desc: ClusterDesc,
    release_key: bytes | None,
    sources: OsSources,
    collected: Collected,
    progress: Callable[[str], None],
    config: Mapping[str, bytes] | None = None,
) -> list[Item]:
    """Return the files of the release that a description asks for, each with its signature; raise KbootError.

    `config` has what the updater reads beside description and release key, by file name. Update payloads go along, as
    far as the release has them.
    """
    given = sources.given
    for folder in given:
        if _is_whole(folder, desc):
            return _items(folder, _number(folder, desc), desc, "given", collected, progress)
    if given:
        names = ", ".join(family_of(desc.os.family).release_files)
        raise BadInput(
            f"{given[0]}: holds no whole release of {desc.os.family}", f"it has to hold {names}, and each .sig"
        )
    mirrored = _mirrored(ClusterFolder(sources.root, desc.cluster.name).images, desc)
    if mirrored is None:
        own = {} if release_key is None else {RELEASE_KEY: release_key}
        mirrored = _fetched(desc, {**own, **(config or {})}, sources.updater_image, collected, progress)
    return _items(mirrored, mirrored.name, desc, _source(desc), collected, progress)


def _mirrored(images: Path, desc: ClusterDesc) -> Path | None:
    """Return the folder of the wanted release among `images` of an updater, if it is whole and of this board."""
    channel = images / desc.os.channel
    try:
        version = os.readlink(channel / CURRENT).rstrip("/").rpartition("/")[2] if desc.os.version == _CURRENT else ""
        folder = channel / (version or desc.os.version)
        origin = (folder / ORIGIN).read_text().strip()
    except OSError:
        return None
    return folder if origin == origin_of(desc.os) and _is_whole(folder, desc) else None


def _fetched(
    desc: ClusterDesc, given: Mapping[str, bytes], image: str, collected: Collected, progress: Callable[[str], None]
) -> Path:
    """Have the updater check the channel once, into a folder of the cache, which keeps what it downloaded."""
    images = collected.folder / "os" / origin_of(desc.os).replace(" ", "-")
    known = _mirrored(images, desc)
    if known and desc.os.version != _CURRENT and len(_payloads(known, desc)) == 2 * len(payload_names(desc.os)):
        return known
    progress(f"fetching the release of {desc.os.family} {desc.os.channel} for {desc.os.board}")
    with collected.scratch() as config:
        (config / DESCRIPTION).write_bytes(dump(desc))
        for name, content in given.items():
            (config / name).write_bytes(content)
        _check(desc, image, config, images)
    found = _mirrored(images, desc)
    if found is None:
        raise KbootError(f"the updater fetched no release of {desc.os.channel}", "give one: `--os-from FOLDER`")
    return found


def _check(desc: ClusterDesc, image: str, config: Path, images: Path) -> None:
    """Run one check of the updater's image, which verifies every signature; raise KbootError."""
    images.mkdir(parents=True, exist_ok=True)
    mounts = [bind_mount(config, "/etc/kboot"), bind_mount(images, "/var/lib/kboot/images", read_only=False)]
    proxy = desc.network.proxy.environment if desc.network.proxy else {}
    with engine_client() as client:
        code, said = run_task(
            client,
            image,
            ["python3", "-m", "kboot_updater", "check"],
            mounts=[*mounts, *site_authorities()],
            environment=site_proxies(os.environ) | proxy,
            user=os.geteuid(),
            network="host",
            label="kboot-bundle",
        )
    if code != 0:
        raise KbootError(
            f"the release of {desc.os.family} {desc.os.channel} was not fetched: {last_line(said)}",
            "is the release server reached from here? Else give a folder that holds it: `--os-from FOLDER`",
        )


def _items(
    folder: Path, version: str, desc: ClusterDesc, source: str, collected: Collected, progress: Callable[[str], None]
) -> list[Item]:
    items: list[Item] = []
    payloads = _payloads(folder, desc)
    for lacking in (name for name in payload_names(desc.os) if name not in payloads):
        progress(f"{lacking} of release {version} is not here: machines that are installed cannot come to it by this")
    for name in [*_names(desc), *payloads]:
        blob = collected.refer(folder / name)
        items.append(
            Item(
                kind=Kind.OS_FILE,
                name=name,
                version=version,
                arch="arm64" if desc.os.arch == "arm64" else "amd64",
                digest=blob.digest,
                size=blob.size,
                source=source,
                path=f"{desc.os.family}/{desc.os.channel}/{desc.os.board}/{version}/{name}",
            )
        )
    return items


def _names(desc: ClusterDesc) -> list[str]:
    return [name for file in family_of(desc.os.family).release_files for name in (file, f"{file}.sig")]


def _payloads(folder: Path, desc: ClusterDesc) -> list[str]:
    """Return the files of update payloads that a release has, each with its hash."""
    pairs = [(name, f"{name}.sha256") for name in payload_names(desc.os)]
    return [name for pair in pairs if all((folder / each).is_file() for each in pair) for name in pair]


def _is_whole(folder: Path, desc: ClusterDesc) -> bool:
    return all((folder / name).is_file() for name in _names(desc))


def _number(folder: Path, desc: ClusterDesc) -> str:
    """Return the release's number, as its version.txt says it; raise BadInput where that is not the one wanted."""
    key = f"{family_of(desc.os.family).version_key}="
    lines = (folder / "version.txt").read_text(errors="replace").splitlines()
    found = next((line.removeprefix(key).strip("'\" ") for line in lines if line.startswith(key)), "")
    if not found or desc.os.version not in (_CURRENT, found):
        raise BadInput(
            f"{folder}: holds release {found or 'without a number'}, not {desc.os.version}", "name another folder"
        )
    return found


def _source(desc: ClusterDesc) -> str:
    url = desc.os.release_url or family_of(desc.os.family).release_url
    return without_login(url).replace("{channel}", desc.os.channel).replace("{board}", desc.os.board)
