"""Collects what a person who helps needs: each part by itself, so that one that cannot be had costs no other."""

from __future__ import annotations

import json
import platform
import shutil
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from kboot_clusterdesc import ClusterDesc, ClusterFolder
from kboot_clusterdesc.shared_files import OPERATOR_TOKEN_SHA256

from ..errors import KbootError
from ..host.engine import Engine
from ..preflight.doctor import checks
from ..running.cloudconfig_client import CloudConfigClient
from ..running.event_feed import events_so_far
from ..running.status import read_status, with_health

_LOG_LINES = 20_000
_CONSOLE_BYTES = 256 * 1024
_NOT_TAKEN = {OPERATOR_TOKEN_SHA256, "registry-push.yml"}  # of config/

Parts = Iterator[tuple[str, Callable[[], bytes]]]


def parts(folder: ClusterFolder, desc: ClusterDesc) -> Parts:
    """Yield the name of each part, and what makes it; node configs and keys are none."""
    server = CloudConfigClient(folder, desc)
    yield "versions.json", lambda: _json(_versions(folder))
    yield "doctor.txt", lambda: _doctor(folder)
    yield "disk.json", lambda: _json(_disk(folder))
    yield "cluster.yaml", folder.description.read_bytes
    yield "compose.yaml", folder.compose.read_bytes
    for path in sorted(folder.config.rglob("*")):
        if path.is_file() and path.name not in _NOT_TAKEN:
            yield f"config/{path.relative_to(folder.config)}", path.read_bytes
    yield "cluster-status.json", lambda: _json(with_health(folder, read_status(folder)).as_json())
    yield "nodes.json", lambda: _json(server.get("/v1/nodes"))
    for node in desc.nodes:
        yield f"nodes/{node.name}.json", lambda mac=node.mac: _json(server.get(f"/v1/nodes/{mac}"))  # type: ignore[misc]
    yield "events.json", lambda: _json(events_so_far(server, from_first=True))
    yield from _logs(folder)
    for path in sorted(folder.lab.glob("machines/*/console.log")):
        yield f"consoles/{path.parent.name}.log", lambda path=path: _end_of(path)  # type: ignore[misc]


def _logs(folder: ClusterFolder) -> Parts:
    try:
        containers = Engine(folder).containers()
    except Exception as error:  # whatever the engine's library raises: the other parts are wanted all the same
        said = f"{error}\n".encode()
        yield "logs/engine.txt", lambda: said
        return
    for container in containers:
        name = container.labels.get("com.docker.compose.service", container.name)
        yield f"logs/{name}.log", lambda each=container: bytes(each.logs(tail=_LOG_LINES, timestamps=True))  # type: ignore[misc]


def _versions(folder: ClusterFolder) -> dict[str, Any]:
    found: dict[str, Any] = {
        "kboot": version("kboot"),
        "python": platform.python_version(),
        "kernel": platform.release(),
        "machine": platform.machine(),
        "os": platform.freedesktop_os_release().get("PRETTY_NAME"),
    }
    try:
        found["engine"] = Engine(folder).client.version()
    except Exception as error:  # as above
        found["engine"] = str(error)
    return found


def _doctor(folder: ClusterFolder) -> bytes:
    lines = []
    for check in checks(folder.description, folder.root):
        lines.append(f"{'ok  ' if check.ok else 'FAIL'}  {check.name:<8}  {check.found}")
        lines += [f"      hint: {check.hint}"] if check.hint and not check.ok else []
    return ("\n".join(lines) + "\n").encode()


def _disk(folder: ClusterFolder) -> dict[str, Any]:
    total, used, free = shutil.disk_usage(folder.path)
    sizes = {path.name: _size(path) for path in sorted(folder.path.iterdir()) if path.is_dir()}
    return {"total_bytes": total, "used_bytes": used, "free_bytes": free, "folders_bytes": sizes}


def _size(folder: Path) -> int:
    return sum(path.lstat().st_blocks * 512 for path in folder.rglob("*") if not path.is_dir())


def _end_of(path: Path) -> bytes:
    with path.open("rb") as stream:
        stream.seek(max(path.stat().st_size - _CONSOLE_BYTES, 0))
        return stream.read()


def _json(value: object) -> bytes:
    return (json.dumps(value, indent=1, ensure_ascii=False, default=str) + "\n").encode()


def fault_of(error: Exception) -> bytes:
    """Return what stands in the archive in place of a part that could not be had."""
    said = error if isinstance(error, KbootError) else f"{type(error).__name__}: {error}"
    return f"could not be had: {said}\n".encode()
