"""Serves files of a folder, OS images, assets and the CA, with Range, HEAD and ETag, and nothing outside of it."""

from __future__ import annotations

from pathlib import Path

from fastapi import Request
from fastapi.responses import Response

from kboot_clusterdesc import family_of
from kboot_clusterdesc.shared_files import AUTHORITY
from kboot_clusterdesc.types import Guid

from .answer import fresh
from .caller import ServedFleet
from .file_response import FilePartResponse
from .problem import ProblemError
from .releases import release_in_force

_NO_PARTITION = b"00000000-0000-0000-0000-000000000000"  # as services/loaders/disk.cfg has it


async def boot_loader(request: Request, fleet: ServedFleet, name: str) -> Response:
    """Serve a loader for UEFI."""
    return _file_response(request, fleet.settings.disk_loader.parent, f"{name}.efi")


async def bios_disk_loader(request: Request, fleet: ServedFleet) -> Response:
    """Serve the GRUB that finds the disk for a BIOS; iPXE tells it which, as the root path."""
    return _file_response(request, fleet.settings.disk_loader.parent, "disk.pxe")


async def disk_loader(request: Request, fleet: ServedFleet, boot_partition: Guid | None = None) -> Response:
    """Serve the GRUB that finds the disk for UEFI, with the GUID of the partition to boot written into it.

    Nothing else reaches it there: it reads neither the command line nor the settings of the iPXE that loads it.
    """
    if boot_partition is None:
        return _file_response(request, fleet.settings.disk_loader.parent, "disk.efi")
    loader = _file_below(fleet.settings.disk_loader.parent, "disk.efi").read_bytes()
    return fresh(loader.replace(_NO_PARTITION, boot_partition.encode(), 1), "application/octet-stream")


async def file_in_force(request: Request, fleet: ServedFleet, name: str) -> Response:
    """Serve kernel or initrd of the release in force, for the static pxelinux.cfg/default, which names no release."""
    desc = fleet.desc()
    names = family_of(desc.os.family)
    if name not in (names.kernel, names.initrd):
        raise ProblemError(404, "no such file")
    release = release_in_force(fleet.settings.images, desc)
    if release is None:
        raise ProblemError(503, "no OS release is in the store yet")
    return _file_response(request, fleet.settings.images, f"{desc.os.channel}/{release}/{name}")


async def authority(request: Request, fleet: ServedFleet) -> Response:
    """Serve the certificate of the cluster's CA."""
    return _file_response(request, fleet.settings.config, AUTHORITY)


async def asset(request: Request, fleet: ServedFleet, path: str) -> Response:
    """Serve one of the files that nodes fetch."""
    return _file_response(request, fleet.settings.data / "assets", path)


async def release_file(request: Request, fleet: ServedFleet, channel: str, version: str, name: str) -> Response:
    """Serve a file of an OS release."""
    if any(part.startswith(".") for part in (channel, version, name)):  # the updater's unfinished downloads
        raise ProblemError(404, "no such file")
    return _file_response(request, fleet.settings.images, f"{channel}/{version}/{name}")


def _file_response(request: Request, root: Path, path: str) -> Response:
    """Return the file at `path` below `root`, or 304 where the caller has it already."""
    found = _file_below(root, path)
    stat = found.stat()
    etag = f'"{stat.st_mtime_ns:x}-{stat.st_size:x}"'
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers={"etag": etag})
    return FilePartResponse(found, media_type="application/octet-stream", stat_result=stat, headers={"etag": etag})


def _file_below(root: Path, path: str) -> Path:
    """Return the file at `path` below `root`; anything that leaves `root`, also by a link, is 404."""
    try:
        found = (root / path.lstrip("/")).resolve()
        if found.is_relative_to(root.resolve()) and found.is_file():
            return found
    except (OSError, ValueError):  # a name too long, a NUL, a loop of links
        pass
    raise ProblemError(404, "no such file")
