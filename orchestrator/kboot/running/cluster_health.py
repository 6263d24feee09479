"""Asks each etcd member and each API server how it is, all at once."""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from kboot_clusterdesc import ClusterDesc, ClusterFolder, Mac, Node, Phase
from kboot_clusterdesc.model import API_PORT, ETCD_PORT, ETCD_QUOTA_BYTES

from ..pki.node_keys import Authority
from .etcd_client import Database, client_context, database_of
from .tls_client import Fault, get

_TIMEOUT_S = 2
API_NAME = "kubernetes"  # stands in every API server's certificate
_MOST_AT_ONCE = 16
_FULL = "`sudo systemctl start etcd-defrag` there (docs/etcd.md: A full database)"
_FULL_SHARE = 0.8  # of its quota, from which on a database is said to fill
_UNKNOWN = "unknown"  # the phase of machines while the cloud-config server does not answer


@dataclass(frozen=True, slots=True)
class PartHealth:
    """The health of one etcd member or control plane; `is_well` is None where it could not be asked."""

    name: str
    is_well: bool | None
    reason: str | None = None  # why it is not well, or not known to be
    remark: str | None = None  # what it will lack, while it is well


@dataclass(frozen=True, slots=True)
class Health:
    """The health of etcd and of the control plane at one moment, each in the order of MACs."""

    etcd: tuple[PartHealth, ...] = ()
    control_plane: tuple[PartHealth, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the keys `etcd` and `control_plane` of `kboot status --json`."""
        return {
            "etcd": [{"name": p.name, "healthy": p.is_well, "reason": p.reason, "remark": p.remark} for p in self.etcd],
            "control_plane": [{"name": p.name, "ready": p.is_well, "reason": p.reason} for p in self.control_plane],
        }

    def among(self, phases: Mapping[str, str]) -> Health:
        """Return it as it is of machines in these phases, by name: what does not run yet cannot answer."""
        return Health(*(tuple(_among(part, phases) for part in parts) for parts in (self.etcd, self.control_plane)))

    def in_words(self) -> dict[str, str]:
        """Return part -> how it is, for people; a part that the cluster does not have is left out."""
        words = {}
        if self.etcd:
            words["etcd"] = _words(self.etcd, "members healthy")
        if self.control_plane:
            words["control plane"] = _words(self.control_plane, "ready")
        return words


def _among(part: PartHealth, phases: Mapping[str, str]) -> PartHealth:
    phase = phases.get(part.name, _UNKNOWN)
    if part.is_well or phase in (Phase.RUNNING, Phase.READY, _UNKNOWN):
        return part
    return replace(part, reason=f"its machine is {phase}")


def read_health(desc: ClusterDesc, folder: ClusterFolder, addresses: Mapping[Mac, IPv4Address]) -> Health:
    """Return the health of etcd and the control plane; what does not answer at its address is not well."""
    if not desc.etcd_members and desc.kubernetes is None:
        return Health()
    with ThreadPoolExecutor(_MOST_AT_ONCE) as pool:
        etcd, apis = _members(pool, desc, folder, addresses), _planes(pool, desc, folder, addresses)
        return Health(tuple(etcd), tuple(apis))


def read_etcd_health(
    desc: ClusterDesc, folder: ClusterFolder, addresses: Mapping[Mac, IPv4Address]
) -> tuple[PartHealth, ...]:
    """Return the health of the etcd members, in the order of `etcd_members`; the control plane is not asked."""
    with ThreadPoolExecutor(_MOST_AT_ONCE) as pool:
        return tuple(_members(pool, desc, folder, addresses))


def read_api_health(
    desc: ClusterDesc, folder: ClusterFolder, addresses: Mapping[Mac, IPv4Address]
) -> tuple[PartHealth, ...]:
    """Return the health of the control planes, in the order of MACs; etcd is not asked."""
    with ThreadPoolExecutor(_MOST_AT_ONCE) as pool:
        return tuple(_planes(pool, desc, folder, addresses))


def _members(
    pool: ThreadPoolExecutor, desc: ClusterDesc, folder: ClusterFolder, addresses: Mapping[Mac, IPv4Address]
) -> Iterator[PartHealth]:
    context = _context_of(lambda: client_context(desc, folder.pki))
    return _asked(pool, desc.etcd_members, addresses, context, _etcd)


def _planes(
    pool: ThreadPoolExecutor, desc: ClusterDesc, folder: ClusterFolder, addresses: Mapping[Mac, IPv4Address]
) -> Iterator[PartHealth]:
    planes = desc.control_planes if desc.kubernetes is not None else ()
    return _asked(pool, planes, addresses, _context_of(lambda: _api_context(folder.pki)), _api_server)


def _context_of(make: Callable[[], ssl.SSLContext]) -> ssl.SSLContext | str:
    """Return the TLS context of `make`, or the reason why there is none."""
    try:
        return make()
    except FileNotFoundError:
        return "unknown: there is no certificate to ask with yet"
    except OSError as error:  # ssl.SSLError is an OSError too
        return f"unknown: the certificate to ask with cannot be used: {error.strerror}"


def _api_context(pki: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(pki / f"{Authority.KUBERNETES}.pem"))


def _asked(
    pool: ThreadPoolExecutor,
    nodes: tuple[Node, ...],
    addresses: Mapping[Mac, IPv4Address],
    context: ssl.SSLContext | str,
    ask: Callable[[Node, IPv4Address, ssl.SSLContext], PartHealth],
) -> Iterator[PartHealth]:
    """Yield the health of each node, in order; all are asked before the first answer is waited for."""

    def one(node: Node) -> PartHealth:
        address = addresses.get(node.mac)
        if address is None:
            return PartHealth(node.name, False, "no address yet")
        if isinstance(context, str):
            return PartHealth(node.name, None, context)
        try:
            return ask(node, address, context)
        except Fault as fault:
            return PartHealth(node.name, False, str(fault))

    return pool.map(one, nodes)


def _etcd(node: Node, address: IPv4Address, context: ssl.SSLContext) -> PartHealth:
    """Return the health of the etcd member; it needs a quorum to call itself healthy. Older ones tell no reason."""
    answer = get(f"https://{address}:{ETCD_PORT}/health", node.name, context, _TIMEOUT_S)
    try:
        said = answer.json()
    except ValueError:
        said = None
    if not isinstance(said, dict) or "health" not in said:
        return PartHealth(node.name, False, f"answers {answer.status_code}, which is no word of etcd's")
    database = None
    with suppress(Fault):
        database = database_of(node.name, address, context, _TIMEOUT_S)
    alarms = ", ".join(f"ALARM {alarm}" for alarm in database.alarms) if database else ""
    if said["health"] == "true" and not alarms:
        return PartHealth(node.name, True, remark=_filling(database) if database else None)
    reason = f"is not healthy: {said.get('reason') or alarms or 'no reason given'}"
    return PartHealth(node.name, False, f"{reason}: {_FULL}" if "NOSPACE" in reason else reason)


def _filling(database: Database) -> str | None:
    """Return that a database comes near its quota, at which etcd takes no more writes."""
    quota_bytes = database.quota_bytes or ETCD_QUOTA_BYTES
    if database.size_bytes < quota_bytes * _FULL_SHARE:
        return None
    return f"its database has {database.size_bytes // 10**6} of {quota_bytes // 10**6} MB: {_FULL}"


def _api_server(node: Node, address: IPv4Address, context: ssl.SSLContext) -> PartHealth:
    """Return the health of the API server."""
    reason = _api_trouble(address, context)
    return PartHealth(node.name, reason is None, reason)


def _api_trouble(address: IPv4Address, context: ssl.SSLContext) -> str | None:
    """Return why the API server is not ready, None where it is; `/livez` tells a slow start from one that hangs."""
    ready = get(f"https://{address}:{API_PORT}/readyz", API_NAME, context, _TIMEOUT_S)
    if ready.is_success:
        return None
    if ready.status_code in (401, 403):
        return f"answers {ready.status_code} to who asks for its health"
    live = get(f"https://{address}:{API_PORT}/livez", API_NAME, context, _TIMEOUT_S)
    word = "is not ready" if live.is_success else "is not live"
    failed = re.findall(r"^\[-\]([\w./-]+)", (ready if live.is_success else live).text, re.MULTILINE)
    return f"{word}: {', '.join(failed) or f'answers {ready.status_code}'}"


def _words(parts: tuple[PartHealth, ...], word: str) -> str:
    well = sum(part.is_well is True for part in parts)
    others = "; ".join(f"{part.name}: {part.reason or part.remark}" for part in parts if part.reason or part.remark)
    return f"{well} of {len(parts)} {word}" + (f" ({others})" if others else "")
