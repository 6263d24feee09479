"""Binaries that nodes fetch: kubelet and kubectl by version, and the CNI plugins, each folder with its SHA256SUMS."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from kboot_clusterdesc import ClusterDesc, ClusterFolder

from ..errors import BadInput, KbootError
from ..host.files import write_file
from .go_stamp import stamped_versions
from .standing import Standing

KUBERNETES_BINARIES = ("kubelet", "kubectl")
CNI_NEEDED = ("bridge", "host-local", "loopback", "portmap")  # by flannel's manifests, and by `cni.name: routes`
CNI_PLUGINS = (
    *CNI_NEEDED,
    *("bandwidth", "dhcp", "dummy", "firewall", "flannel", "host-device", "ipvlan", "macvlan"),
    *("ptp", "sbr", "static", "tap", "tuning", "vlan", "vrf"),
)
SUMS = "SHA256SUMS"

_MACHINES = {"amd64": 62, "arm64": 183}  # e_machine of ELF(5)
_ABIS = (b"\0", b"\x03")  # EI_OSABI: System V, Linux
_KINDS = (2, 3)  # e_type: a program, or one at any place
_CHUNK = 1024**2


@dataclass(frozen=True, slots=True)
class Asset:
    """A binary; `path` is relative to the assets' folder. `sha256` is what SHA256SUMS says."""

    path: str
    standing: Standing
    size_bytes: int = 0
    sha256: str = ""
    fault: str = ""


def needed_assets(desc: ClusterDesc) -> list[str]:
    """Return the paths of the binaries that nodes of a description fetch, relative to the assets' folder."""
    if desc.kubernetes is None:
        return []
    kubernetes = [f"kubernetes/{desc.kubernetes.version}/{name}" for name in KUBERNETES_BINARIES]
    return kubernetes + [f"cni/{name}" for name in CNI_NEEDED]


def asset_files(paths: Iterable[Path]) -> dict[str, Path]:
    """Return name -> file for the files named, and the known binaries in folders and their `cni/`; raise BadInput."""
    found: dict[str, Path] = {}
    for path in paths:
        if path.is_dir():
            inside = [*path.iterdir(), *(path / "cni").glob("*")]
            known = {file.name: file for file in inside if file.is_file() and _folder_of(file.name, "") is not None}
            if not known:
                raise BadInput(f"{path}: holds nothing that nodes fetch", _KNOWN)
            found |= known
        elif not path.is_file():
            raise BadInput(f"{path}: no such file", "name a binary, or a folder that holds some")
        else:
            found[path.name] = path
    return found


def add_assets(
    folder: ClusterFolder,
    files: Mapping[str, Path],
    version: str,
    *,
    arch: str = "amd64",
    hashes: Mapping[str, str] | None = None,
) -> list[Asset]:
    """Copy binaries into the assets' folder and return them; all are checked before the first takes its place.

    `version` is the Kubernetes release of kubelet and kubectl, which must have been linked with it; neither is run.
    `hashes` is name -> SHA-256, where it is known from elsewhere.
    """
    placed: dict[Path, dict[str, str]] = {}
    temporary: list[tuple[Path, Path]] = []
    try:
        for name, source in files.items():
            target = folder.assets / _known_folder(name, version) / name
            _make_folder(folder.assets, target.parent)
            scratch = target.with_name(f".{name}.new")
            temporary.append((scratch, target))
            placed.setdefault(target.parent, {})[name] = found = _copy(source, scratch)
            if found != (hashes or {}).get(name, found):
                raise BadInput(f"{source}: its bytes are {found}, not those of {name}", "bring it again")
            _check_binary(source, scratch, name, version, arch)
        for scratch, target in temporary:
            scratch.replace(target)
        for parent, sums in placed.items():
            write_file(parent / SUMS, _sums_text({**_read_sums(parent), **sums}))
    except OSError as error:
        raise KbootError(f"{error.filename or folder.assets}: {error.strerror}", "see to that path") from error
    finally:
        for scratch, _ in temporary:
            scratch.unlink(missing_ok=True)
    names = [str(target.relative_to(folder.assets)) for _, target in temporary]
    return [_looked(folder, name, is_hashed=False) for name in names]


def list_assets(folder: ClusterFolder, desc: ClusterDesc) -> list[Asset]:
    """Return the binaries that are needed or there, as SHA256SUMS lists them; no binary is read."""
    return [_looked(folder, path, is_hashed=False) for path in _all_paths(folder, desc)]


def verify_assets(folder: ClusterFolder, desc: ClusterDesc) -> list[Asset]:
    """Return the binaries that are needed or there, each hashed anew and compared with SHA256SUMS."""
    return [_looked(folder, path, is_hashed=True) for path in _all_paths(folder, desc)]


def is_whole(folder: ClusterFolder, path: str) -> bool:
    """Return whether a binary is there with the hash that SHA256SUMS says."""
    return _looked(folder, path, is_hashed=True).standing is Standing.OK


_KNOWN = f"nodes fetch {', '.join(KUBERNETES_BINARIES)} and the CNI plugins {', '.join(CNI_PLUGINS)}"


def _folder_of(name: str, version: str) -> str | None:
    if name in KUBERNETES_BINARIES:
        return f"kubernetes/{version}"
    return "cni" if name in CNI_PLUGINS else None


def _known_folder(name: str, version: str) -> str:
    folder = _folder_of(name, version)
    if folder is None:
        raise BadInput(f"`{name}` is no binary that nodes fetch", _KNOWN)
    if folder != "cni" and not re.fullmatch(r"v\d+\.\d+\.\d+", version):
        raise BadInput(f"`{version}` is no release of Kubernetes", "write it as in `--version v1.36.2`")
    return folder


def _make_folder(top: Path, wanted: Path) -> None:
    """Make the folders from `top` to `wanted`, which a service of another user reads whatever our umask is."""
    wanted.mkdir(parents=True, exist_ok=True)
    for path in (wanted, *wanted.parents):
        if path.is_relative_to(top):
            path.chmod(0o755)


def _copy(source: Path, target: Path) -> str:
    """Copy `source` to `target`, synced to the disk, and return its SHA-256."""
    total = sha256()
    with source.open("rb") as read, target.open("wb") as written:
        while chunk := read.read(_CHUNK):
            total.update(chunk)
            written.write(chunk)
        os.fchmod(written.fileno(), 0o755)
        written.flush()
        os.fsync(written.fileno())
    return total.hexdigest()


def _check_binary(source: Path, copy: Path, name: str, version: str, arch: str) -> None:
    with copy.open("rb") as stream:
        head = stream.read(20)
    if not _is_program(head, arch):
        raise BadInput(f"{source}: is no program for linux/{arch}", f"bring the one of os.arch `{arch}`")
    if name not in KUBERNETES_BINARIES:
        return
    linked = stamped_versions(copy, version)
    if version not in [each.partition("+")[0] for each in linked]:
        said = linked[0] if linked else "of no version"
        raise BadInput(f"{source}: is {said}, not {version}", f"bring {name} {version}, or name its version")


def _is_program(head: bytes, arch: str) -> bool:
    """Return whether a file begins as a program for Linux on 64 bits of `arch` does, which is none of FreeBSD's."""
    is_elf = head[:6] == b"\x7fELF\x02\x01" and head[7:8] in _ABIS
    kind, machine = (int.from_bytes(head[at : at + 2], "little") for at in (16, 18))
    return is_elf and kind in _KINDS and machine == _MACHINES[arch]


def _read_sums(parent: Path) -> dict[str, str]:
    """Return name -> SHA-256 for the files that SHA256SUMS of a folder lists and that are there."""
    with suppress(FileNotFoundError):
        pairs = (line.split("  ", 1) for line in (parent / SUMS).read_text().splitlines() if "  " in line)
        return {name: digest for digest, name in pairs if (parent / name).is_file()}
    return {}


def _sums_text(sums: Mapping[str, str]) -> bytes:
    """Return the content of SHA256SUMS, as sha256sum(1) writes and checks it."""
    return "".join(f"{sums[name]}  {name}\n" for name in sorted(sums)).encode()


def _all_paths(folder: ClusterFolder, desc: ClusterDesc) -> list[str]:
    """Return the paths of the needed binaries, then of all others that are there."""
    present = [*folder.assets.glob("kubernetes/*/*"), *folder.assets.glob("cni/*")]
    names = [str(path.relative_to(folder.assets)) for path in sorted(present)]
    others = [name for name in names if Path(name).name != SUMS and not Path(name).name.startswith(".")]
    needed = needed_assets(desc)
    return needed + [name for name in others if name not in needed]


def _looked(folder: ClusterFolder, path: str, *, is_hashed: bool) -> Asset:
    file = folder.assets / path
    if not file.is_file():
        return Asset(path, Standing.MISSING)
    size = file.stat().st_size
    wanted = _read_sums(file.parent).get(file.name)
    if wanted is None:
        return Asset(path, Standing.WRONG, size, fault=f"is not in {SUMS}")
    if is_hashed and (found := _digest(file)) != wanted:
        return Asset(path, Standing.WRONG, size, wanted, f"its bytes are {found}")
    return Asset(path, Standing.OK, size, wanted)


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        total = sha256()
        while chunk := stream.read(_CHUNK):
            total.update(chunk)
    return total.hexdigest()
