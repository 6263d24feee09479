"""Pick single files out of Debian's packages, for images so small that emulated machines unpack them fast."""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from hashlib import sha256
from pathlib import Path
from posixpath import dirname, join, normpath

from kboot.host.cache import made_once
from kboot.service_images.base import SUITE, make_root

_MODE = 0o755  # picked programs are run, on this machine too
_LIBRARIES = "usr/lib/x86_64-linux-gnu"
LOADER = {"/lib64/ld-linux-x86-64.so.2": f"{_LIBRARIES}/ld-linux-x86-64.so.2"}


def libraries(*names: str) -> dict[str, str]:
    """Return shared libraries, such as `libc.so.6`, in the form that `debian_files` takes."""
    return {f"/{_LIBRARIES}/{name}": f"{_LIBRARIES}/{name}" for name in names}


def debian_files(
    packages: tuple[str, ...], wanted: Mapping[str, str], folder: Path, progress: Callable[[str], None]
) -> dict[str, Path]:
    """Return the picked files by their path in an image; `wanted` gives each path its file in the packages.

    A file in `wanted` may be a pattern, and its path is then a folder. Picked files are cached in `folder`.
    """
    number = sha256(repr((SUITE, packages, sorted(wanted.items()), _MODE)).encode()).hexdigest()[:16]

    def fetch(fresh: Path) -> None:
        progress(f"fetching {', '.join(packages)} of Debian")
        root = fresh.with_name("root.tar")
        make_root(packages, root)
        _pick(root, wanted, fresh)

    picked = made_once(folder / f"debian-{number}", fetch)
    return {f"/{path.relative_to(picked)}": path for path in sorted(picked.rglob("*")) if path.is_file()}


def _pick(root: Path, wanted: Mapping[str, str], target: Path) -> None:
    with tarfile.open(root) as tar:
        members = {member.name.removeprefix("./"): member for member in tar.getmembers()}
        for path, pattern in wanted.items():
            for name in [name for name in members if fnmatchcase(name, pattern)]:
                place = target / (path if "*" not in pattern else f"{path}/{Path(name).name}").lstrip("/")
                source = tar.extractfile(_file_behind(members, name))
                if source is None:
                    continue
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(source.read())
                place.chmod(_MODE)


def _file_behind(members: Mapping[str, tarfile.TarInfo], name: str) -> tarfile.TarInfo:
    """Return the entry that `name` leads to once its symbolic links are followed."""
    member = members[name]
    for _ in range(8):
        if not member.issym():
            break
        name = normpath(join("/", dirname(name), member.linkname)).lstrip("/")
        member = members[name]
    return member
