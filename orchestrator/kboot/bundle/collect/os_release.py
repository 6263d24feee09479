"""The OS release with its signatures: of a cluster under the root, of a folder, or fetched; verified by the updater."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kboot_clusterdesc import ClusterDesc, ClusterFolder, dump, family_of
from kboot_clusterdesc.os_release import release_number
from kboot_clusterdesc.shared_files import CURRENT, DESCRIPTION, ORIGIN, RELEASE_KEY, origin_of
from kboot_clusterdesc.update_payload import payload_names

from ...errors import BadInput, KbootError, last_line
from ...host.files import write_file
from ...supplies.bundle_manifest import Item, Kind
from ...supplies.release_import import refuse_unread
from ...supplies.release_keys import key_name
from .collected import Collected
from .release_key import key_folders, newest_key
from .source_url import without_login
from .updater_program import UpdaterFolders, UpdaterProgram

_CURRENT = "current"


@dataclass(frozen=True, slots=True)
class OsSources:
    """Folders that hold a release, before those of a cluster below `root`, before what the updater fetches."""

    given: Sequence[Path]
    root: Path
    updater: UpdaterProgram


def collect_os_release(
    desc: ClusterDesc,
    release_key: bytes | None,
    sources: OsSources,
    collected: Collected,
    progress: Callable[[str], None],
    config: Mapping[str, bytes] | None = None,
) -> list[Item]:
    """Return the files of the release that a description asks for, each with its signature, verified; raise KbootError.

    `config` has what the updater reads beside description and release key, by file name. Update payloads go along, as
    far as the release has them.
    """
    own = {} if release_key is None else {RELEASE_KEY: release_key}
    read, given = {**own, **(config or {})}, sources.given
    for folder in given:
        if _is_whole(folder, desc):
            version = _number(folder, desc)
            refuse_unread(desc, version)
            progress(f"verifying the release {version} in {folder}")
            _vouch(desc, folder, version, read, sources, collected)
            return _items(folder, version, desc, "given", collected, progress)
    if given:
        names = ", ".join(family_of(desc.os.family).release_files)
        raise BadInput(
            f"{given[0]}: holds no whole release of {desc.os.family}", f"it has to hold {names}, and each .sig"
        )
    mirrored = _mirrored(ClusterFolder(sources.root, desc.cluster.name).images, desc)
    if mirrored is None:
        mirrored = _fetched(desc, read, sources.updater, collected, progress)
    refuse_unread(desc, mirrored.name)
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
    desc: ClusterDesc,
    given: Mapping[str, bytes],
    updater: UpdaterProgram,
    collected: Collected,
    progress: Callable[[str], None],
) -> Path:
    """Have the updater check the channel once, into a folder of the cache, which keeps what it downloaded."""
    images = _store(desc, collected)
    known = _mirrored(images, desc)
    if known and desc.os.version != _CURRENT and len(_payloads(known, desc)) == 2 * len(payload_names(desc.os)):
        return known
    progress(f"fetching the release of {desc.os.family} {desc.os.channel} for {desc.os.board}")
    with collected.scratch() as config:
        _write_config(config, desc, given)
        _check(desc, updater, UpdaterFolders(config, images))
    found = _mirrored(images, desc)
    if found is None:
        raise KbootError(f"the updater fetched no release of {desc.os.channel}", "give one: `--os-from FOLDER`")
    return found


def _check(desc: ClusterDesc, updater: UpdaterProgram, folders: UpdaterFolders) -> None:
    """Have the updater check its channel once, which verifies every signature; raise KbootError."""
    code, said = updater(desc, ["check"], folders)
    if code != 0:
        raise KbootError(
            f"the release of {desc.os.family} {desc.os.channel} was not fetched: {last_line(said)}",
            "is the release server reached from here? Else give a folder that holds it: `--os-from FOLDER`",
        )


def _vouch(
    desc: ClusterDesc, release: Path, version: str, given: Mapping[str, bytes], sources: OsSources, collected: Collected
) -> None:
    """Have the updater verify a release that is given; raise BadInput, which names the file that is not as signed.

    The family's key is taken from where one is known, or fetched.
    """
    images = _store(desc, collected)
    fingerprint = family_of(desc.os.family).key_fingerprint
    known = newest_key(key_folders(sources.given, sources.root, collected.folder), fingerprint)
    if known is not None:
        write_file(images / f".{key_name(fingerprint)}", known)
    with collected.scratch() as config:
        _write_config(config, desc, given)
        code, said = sources.updater(desc, ["vouch", version], UpdaterFolders(config, images, release))
    if code != 0:
        raise BadInput(
            f"{release}: {last_line(said)}",
            "get the files again from where they are released; their key is that of `os.release_key`, "
            f"or {key_name(fingerprint)} beside them",
        )


def _store(desc: ClusterDesc, collected: Collected) -> Path:
    """Return the updater's store in the cache, which keeps what it downloaded."""
    images = collected.folder / "os" / origin_of(desc.os).replace(" ", "-")
    images.mkdir(parents=True, exist_ok=True)
    return images


def _write_config(folder: Path, desc: ClusterDesc, given: Mapping[str, bytes]) -> None:
    (folder / DESCRIPTION).write_bytes(dump(desc))
    for name, content in given.items():
        (folder / name).write_bytes(content)


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
    if not _is_number(found) or desc.os.version not in (_CURRENT, found):
        raise BadInput(
            f"{folder}: holds release {found or 'without a number'}, not {desc.os.version}", "name another folder"
        )
    return found


def _is_number(text: str) -> bool:
    try:
        return len(release_number(text)) == 3 and "/" not in text
    except ValueError:
        return False


def _source(desc: ClusterDesc) -> str:
    url = desc.os.release_url or family_of(desc.os.family).release_url
    return without_login(url).replace("{channel}", desc.os.channel).replace("{board}", desc.os.board)
