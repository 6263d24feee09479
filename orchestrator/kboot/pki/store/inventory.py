"""Lists the certificates that a cluster keeps: whose each is, and when it ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

from kboot_clusterdesc import ClusterDesc, ClusterFolder

from ...errors import KbootError
from ..certificate import Certificate, read_certificate

OWN = "cluster"  # the owner of a certificate that is no machine's
_NOTICE = timedelta(days=90)
_AUTHORITY_NOTICE = timedelta(days=365)  # a new authority is a project, see docs/certificates.md


class State(StrEnum):
    """How near a certificate is to its end."""

    OK = "ok"
    ENDS_SOON = "ends-soon"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class KeptCertificate:
    """A certificate in `pki/`, and the machine or cluster that it belongs to."""

    owner: str
    name: str
    certificate: Certificate

    def days_left(self, now: datetime) -> int:
        """Return the whole days to the certificate's end; below zero once it has ended."""
        return (self.certificate.end - now) // timedelta(days=1)

    def state(self, now: datetime) -> State:
        """Return how near the certificate is to its end at `now`."""
        left = self.certificate.end - now
        if left <= timedelta():
            return State.EXPIRED
        notice = _AUTHORITY_NOTICE if self.certificate.is_authority else _NOTICE
        return State.ENDS_SOON if left <= notice else State.OK


def kept_certificates(folder: ClusterFolder, desc: ClusterDesc) -> list[KeptCertificate]:
    """Return every certificate of the cluster, in the order of their ends.

    A machine that is no longer declared is named by its MAC: its keys are kept, since it may come back.
    """
    names = {node.mac.dashed: node.name for node in desc.nodes}
    found = [KeptCertificate(OWN, path.stem, _read(path)) for path in _paths(folder.pki)]
    found += [KeptCertificate(OWN, f"operators/{path.stem}", _read(path)) for path in _paths(folder.pki / "operators")]
    for home in _folders(folder.pki / "nodes"):
        owner = names.get(home.name, home.name)
        found += [KeptCertificate(owner, path.stem, _read(path)) for path in _paths(home)]
    return sorted(found, key=lambda kept: (kept.certificate.end, kept.owner, kept.name))


def behind(kept: Sequence[KeptCertificate], owner: str) -> list[KeptCertificate]:
    """Return the certificates of the node `owner`, and those of the authorities that issued them."""
    own = [each for each in kept if each.owner == owner]
    issuers = {each.certificate.issuer for each in own}
    return own + [
        each for each in kept if each.certificate.is_authority and each.certificate.subject.common_name in issuers
    ]


def warning(kept: Sequence[KeptCertificate], now: datetime) -> str:
    """Return what `kboot up` says about certificates near their end; empty where there are none."""
    states = [each.state(now) for each in kept]
    expired, soon = states.count(State.EXPIRED), states.count(State.ENDS_SOON)
    counts = [f"{number} {what}" for number, what in ((expired, "expired"), (soon, "near the end")) if number]
    return f"certificates: {', '.join(counts)}: see `kboot certs list`" if counts else ""


def _paths(folder: Path) -> list[Path]:
    return [path for path in _entries(folder) if path.suffix == ".pem"]


def _folders(folder: Path) -> list[Path]:
    return [path for path in _entries(folder) if path.is_dir()]


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise _unreadable(folder, error.strerror) from error


def _read(path: Path) -> Certificate:
    try:
        return read_certificate(path.read_bytes())
    except OSError as error:
        raise _unreadable(path, error.strerror) from error
    except ValueError as error:
        raise KbootError(
            f"{path}: is not a certificate", "`kboot up FILE` makes a leaf anew; bring an authority back from a backup"
        ) from error


def _unreadable(path: Path, reason: str | None) -> KbootError:
    return KbootError(f"{path}: cannot be read: {reason}", "run kboot as root")
