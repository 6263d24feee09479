"""Writes for the status page what kboot alone knows: ends of certificates, and which images are still missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from pydantic import ValidationError

from kboot_clusterdesc import ClusterDesc, ClusterFolder
from kboot_clusterdesc.shared_files import SUMMARY
from kboot_clusterdesc.summary import CertificateEnd, NeededImage, ServiceImage, Summary

from ..errors import KbootError
from ..host.files import write_file
from ..pki.store.inventory import KeptCertificate, kept_certificates
from ..supplies.registry import Registry
from .needed_images import wanted_images

_TIMEOUT_S = 3


def write_summary(folder: ClusterFolder, desc: ClusterDesc, services: Mapping[str, str] | None = None) -> None:
    """Write the summary, with the image of each of the `services`; without them those that it had stay.

    What cannot be found out stays as it was known, and a summary that cannot be written too: no command fails for
    the page's sake.
    """
    before = _before(folder)
    known = before.services if before else ()
    summary = Summary(
        made=datetime.now(UTC),
        kboot=version("kboot"),
        certificates=certificate_ends(_certificates(folder, desc)),
        images=_images(folder, desc, before.images if before else ()),
        services=known if services is None else tuple(ServiceImage(name=n, image=i) for n, i in services.items()),
    )
    if before is None or summary != before.model_copy(update={"made": summary.made}):
        with suppress(OSError):
            folder.config.mkdir(parents=True, exist_ok=True)
            write_file(_path(folder), f"{summary.model_dump_json(indent=1)}\n".encode())


@contextmanager
def summary_at_end(folder: ClusterFolder, desc: ClusterDesc) -> Iterator[None]:
    """Write the summary at the end of a work that brings images, whether it brought all of them or broke off."""
    try:
        yield
    finally:
        write_summary(folder, desc)


def certificate_ends(kept: Sequence[KeptCertificate]) -> tuple[CertificateEnd, ...]:
    """Return for each name of certificates the one that ends first, those that end first in front."""
    counts = Counter(each.name for each in kept)
    first: dict[str, KeptCertificate] = {}
    for each in sorted(kept, key=lambda each: (each.certificate.end, each.owner)):
        first.setdefault(each.name, each)
    return tuple(
        CertificateEnd(name=name, owner=each.owner, ends=each.certificate.end, count=counts[name])
        for name, each in first.items()
    )


def _certificates(folder: ClusterFolder, desc: ClusterDesc) -> list[KeptCertificate]:
    with suppress(KbootError):
        return kept_certificates(folder, desc)
    return []


def _images(folder: ClusterFolder, desc: ClusterDesc, known: tuple[NeededImage, ...]) -> tuple[NeededImage, ...]:
    """Return which images are here; where the registry is away those that were `known` before."""
    with suppress(KbootError):
        references = [reference for _, reference in wanted_images(folder, desc)]
        with Registry(folder, desc, timeout_s=_TIMEOUT_S) as registry:
            return tuple(_looked_at(registry, references))
    return known


def _looked_at(registry: Registry, references: Iterable[str]) -> Iterable[NeededImage]:
    for reference in references:
        yield NeededImage(reference=reference, is_here=registry.digest(reference) is not None)


def _before(folder: ClusterFolder) -> Summary | None:
    try:
        return Summary.model_validate_json(_path(folder).read_bytes())
    except (OSError, ValidationError):
        return None


def _path(folder: ClusterFolder) -> Path:
    return folder.config / SUMMARY
