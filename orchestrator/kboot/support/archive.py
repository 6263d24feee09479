"""Writes the archive of `kboot support-bundle`: every part cleaned, whole, for its owner alone."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from kboot_clusterdesc import ClusterDesc, ClusterFolder

from ..errors import BadInput
from ..host.files import replaced
from .parts import fault_of, parts
from .redaction import Redaction

_PUBLIC = (".pem", ".pub")  # certificates and public keys below pki/, tls/ and nodes/
_KNOWN_HOSTS = ("known_hosts", "ssh")  # below pki/: host keys, which are public


def write_archive(folder: ClusterFolder, desc: ClusterDesc, target: Path, now: datetime) -> list[str]:
    """Write the archive to `target`, and return the names of the parts that could not be had; raise BadInput."""
    redaction = Redaction(secret_contents(folder))
    missing = []
    top = f"kboot-{folder.cluster}-{now:%Y%m%dT%H%M%SZ}"
    try:
        with replaced(target, mode=0o600) as stream, tarfile.open(fileobj=stream, mode="w:gz") as archive:
            for name, make in parts(folder, desc):
                try:
                    content = make()
                except Exception as error:  # a part that cannot be had is told, and costs no other
                    content = fault_of(error)
                    missing.append(name)
                content = redaction.clean(content)
                entry = tarfile.TarInfo(f"{top}/{redaction.clean(name.encode()).decode()}")
                entry.size, entry.mode, entry.mtime = len(content), 0o600, int(now.timestamp())
                archive.addfile(entry, io.BytesIO(content))
    except OSError as error:
        raise BadInput(f"{target}: cannot be written: {error.strerror}", "name another file with `-o`") from error
    return missing


def secret_contents(folder: ClusterFolder) -> Iterator[bytes]:
    """Yield the content of every file of the cluster that holds a secret: all of pki/ and tls/ but what is public.

    Of nodes/ that is the report tokens, since the keys in node configs are those of pki/.
    """
    for top in (folder.pki, folder.tls):
        for path in sorted(top.rglob("*")):
            if path.is_file() and path.suffix not in _PUBLIC and path.relative_to(top).parts[0] not in _KNOWN_HOSTS:
                yield path.read_bytes()
    for path in sorted(folder.nodes.glob("*/report-token")):
        yield path.read_bytes()
    lab_key = folder.lab / "ssh_key"
    if lab_key.is_file():
        yield lab_key.read_bytes()
