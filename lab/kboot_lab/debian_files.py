"""Single files of Debian's packages: images of a few megabytes instead of a whole system, which emulation unpacks."""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from hashlib import sha256
from pathlib import Path
from posixpath import dirname, join, normpath

from kboot.host.cache import made_once
from kboot.service_images.base import SUITE, make_root

_MODE = 0o755  # they are run, here too
_LIBRARIES = "usr/lib/x86_64-linux-gnu"
LOADER = {"/lib64/ld-linux-x86-64.so.2": f"{_LIBRARIES}/ld-linux-x86-64.so.2"}


def libraries(*names: str) -> dict[str, str]:
    """Shared libraries in the form that `debian_files` takes, such as `libc.so.6`."""
    return {f"/{_LIBRARIES}/{name}": f"{_LIBRARIES}/{name}" for name in names}


def debian_files(
    packages: tuple[str, ...], wanted: Mapping[str, str], folder: Path, progress: Callable[[str], None]
) -> dict[str, Path]:
    """path in the image -> file, for each path of `wanted`, whose value is the file in the packages.

    A value may be a pattern, and its key then the folder. What was picked is kept in `folder`, named by what was asked.
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
    """What a link leads to in the end."""
    member = members[name]
    for _ in range(8):
        if not member.issym():
            break
        name = normpath(join("/", dirname(name), member.linkname)).lstrip("/")
        member = members[name]
    return member
